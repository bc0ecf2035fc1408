"""Tables of words for the terminal and for a pull-request comment: columns that stand below each other, Markdown."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

#: What Markdown would take for markup in a name: emphasis, code, links, elements, a quotation, the edge of a cell.
_MARKUP: Final = re.compile(r"[\\`*\[\]|~]|<(?=[\w/!?])|^>|(?<!\w)_|_(?!\w)")
#: What ends a line; not the narrow spaces within numbers.
_BREAKS: Final = re.compile(r"[\r\n\t\v\f\x1c-\x1e\x85\u2028\u2029]+")


def aligned(head: Sequence[str], rows: Sequence[Sequence[str]], *, right: Collection[int] = ()) -> list[str]:
    """Return a table as lines whose columns stand below each other, two spaces apart.

    Parameters
    ----------
    head : sequence of str
        Heads of the columns.
    rows : sequence of sequence of str
        One text per column.
    right : collection of int
        Columns (from 0) of numbers, which stand to the right.
    """
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    return [
        "  ".join(
            text.rjust(width) if place in right else text.ljust(width)
            for place, (text, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in (head, *rows)
    ]


def piped(head: Sequence[str], rows: Sequence[Sequence[str]], *, right: Collection[int] = ()) -> str:
    """Return a table in Markdown; parameters as those of :func:`aligned`."""
    rule = ["---:" if place in right else "---" for place in range(len(head))]
    shown = [[escaped(text) for text in row] for row in (head, *rows)]
    return "\n".join(f"| {' | '.join(row)} |" for row in (shown[0], rule, *shown[1:]))


def escaped(text: str) -> str:
    """Return plain words so that Markdown shows them letter by letter, on one line."""
    return _MARKUP.sub(lambda found: f"\\{found.group()}", _BREAKS.sub(" ", text))


def folded(summary: str, blocks: Sequence[str]) -> str:
    """Return Markdown blocks that a reader has to unfold.

    Parameters
    ----------
    summary : str
        Fixed words that stay visible.
    blocks : sequence of str
        Markdown.
    """
    return "\n\n".join((f"<details>\n<summary>{summary}</summary>", *blocks, "</details>"))


def fenced(command: str) -> str:
    """Return a command as Markdown shows it letter by letter, whatever backquotes it holds."""
    longest = max((len(run) for run in re.findall(r"`+", command)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}\n{command}\n{fence}"
