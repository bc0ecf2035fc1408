"""A document as one HTML page that needs no network: for screens and phones, and as what the PDF is printed from."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Final

from bpbench import __version__
from bpbench.report.language import tell
from bpbench.report.numbered import Citation, Numbers, Pointer, Words
from bpbench.report.templating import environment, filled, folders, read

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bpbench.report.document import Document

_TEMPLATE: Final = "report.html.j2"
#: For screens, and for paper.
_STYLES: Final = ("report.css", "print.css")
_SYMBOL: Final = re.compile(r"\b([Rd])_([scz])\b")
_TITLE: Final = re.compile(r"<title>.*?</title>", re.DOTALL)
#: Letters from which a word may be broken anywhere, since no column is that wide.
_LONG_WORD: Final = 28


def pointer_words() -> dict[str, str]:
    """Return what a numbered block is called where running text points at it."""
    return {
        "table": tell("Table"),
        "figure": tell("Figure"),
        "equation": tell("Equation"),
        "section": tell("Section"),
    }


def fixed_words() -> dict[str, str]:
    """Return the words that templates bring themselves."""
    return {"table": tell("Table"), "figure": tell("Figure"), "contents": tell("Contents")}


def render_html(document: Document, places: Sequence[Path] | None = None, *, embed: bool = False) -> str:
    """Return a document as one self-contained HTML page.

    Parameters
    ----------
    document : Document
        What to show; composed in the language that is spoken now.
    places : sequence of Path or None
        Folders of templates, from :func:`bpbench.report.templating.folders`, which gives them for ``None`` too.
    embed : bool
        Whether drawings stand in the page as images of their own. A printer needs no page-coloured ink, and WeasyPrint
        would match every line of an inline drawing against the style sheet.

    Raises
    ------
    ReportError
        For a mistake in the template; names it and the line.
    """
    from markupsafe import Markup

    from bpbench.report.canvas import INK

    places = folders() if places is None else places
    numbers = Numbers(document)
    fill = environment(places, autoescape=True)
    fill.filters["kind"] = lambda block: type(block).__name__

    def drawing(svg: str) -> Markup:
        if embed:
            code = base64.b64encode(_TITLE.sub("", svg).encode("utf-8")).decode("ascii")
            return Markup(f'<img alt="" src="data:image/svg+xml;base64,{code}">')  # noqa: S704 - base64
        # The drawing's ink becomes the page's, which is light at night.
        return Markup(svg.replace(INK, "currentColor"))  # noqa: S704 - drawn by us, its text is outlines

    fill.filters["drawing"] = drawing
    fill.filters["typeset"] = lambda text: Markup(_running(text, numbers))  # noqa: S704 - escaped first
    fill.filters["lengthy"] = lambda text: any(len(word) > _LONG_WORD for word in text.split())
    fill.filters["number"] = numbers.of
    return filled(
        _TEMPLATE,
        places,
        fill,
        document=document,
        style=Markup("\n".join(read(name, places) for name in _STYLES)),  # noqa: S704 - ours, or the user's own
        watermark=_tile(document.watermark),
        words=fixed_words(),
        version=__version__,
    )


def _running(text: str, numbers: Numbers) -> str:
    """Return running text escaped and set, its pointers as links."""
    from markupsafe import escape

    names = pointer_words()
    done = []
    for part in numbers.parts(text):
        match part:
            case Words(words):
                done.append(_typeset(str(escape(words))))
            case Pointer(kind, key, number):
                anchor = key if kind == "section" else f"{kind}-{key}"
                done.append(f'<a href="#{anchor}">{names[kind]}\u00a0{number}</a>')
            case Citation(works):
                links = ", ".join(f'<a href="#work-{key}">{number}</a>' for key, number in works)
                done.append(f'<span class="cited">[{links}]</span>')
    return "".join(done)


def _tile(words: str) -> str:
    """Return one tile of a watermark for screens, in a colour that can be seen on light and on dark pages."""
    from markupsafe import escape

    return (
        '<svg xmlns="http://www.w3.org/2000/svg" width="420" height="300"><text x="210" y="150" '
        'transform="rotate(-28 210 150)" text-anchor="middle" font-family="sans-serif" font-size="26" '
        f'font-weight="bold" fill="#d2691e" fill-opacity="0.2">{escape(words)}</text></svg>'
    )


def _typeset(text: str) -> str:
    """Return escaped text with the symbols' subscripts set low and numbers tied to what they belong to."""
    text = _SYMBOL.sub(r"<i>\1</i><sub>\2</sub>", text)
    return text.replace(" %", "\u00a0%").replace(" = ", "\u00a0=\u00a0").replace(" × 10", "\u00a0×\u00a010")
