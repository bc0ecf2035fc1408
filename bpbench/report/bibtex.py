"""The works that a report cites as a BibTeX file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from bpbench.report.latex_text import accented, escaped

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bpbench.report.document import Work

#: Fields that BibTeX's styles hand to a command for addresses, which shows them letter by letter.
_ADDRESSES: Final = frozenset({"doi", "url"})
#: What would end a field or a line there.
_UNSAFE: Final = re.compile(r"[\s{}\\%]")
#: So long that no title is broken where a line of a bibliography would not be.
_TITLE: Final = 60


def bibtex(works: Iterable[Work]) -> str:
    """Return works as the text of a ``.bib`` file.

    Parameters
    ----------
    works : iterable of Work
        In the order of their numbers.
    """
    return "\n".join(["% The works that the report cites, for BibTeX.", *map(_entry, works)]) + "\n"


def _entry(work: Work) -> str:
    fields = {
        "author": " and ".join(_words(author) for author in work.authors),
        # In braces of its own: styles would write a name in a title small.
        "title": f"{{{_words(work.title)}}}",
        "year": _words(work.year),
        **{name: _field(name, value) for name, value in work.where},
    }
    lines = [f"  {name} = {{{value}}}," for name, value in fields.items() if value]
    return "\n".join(["", f"@{work.kind}{{{work.key},", *lines, "}"])


def _field(name: str, value: str) -> str:
    if name in _ADDRESSES:
        return _UNSAFE.sub(lambda found: f"%{ord(found.group()):02X}" if found.group() != "%" else "%", value)
    # BibTeX's own sign for a range of pages.
    return _words(value.replace("-", "–") if name == "pages" else value)


def _words(text: str) -> str:
    """Return words in ASCII: BibTeX takes the first byte of a name for its first letter."""
    return "".join(each if each.isascii() else accented(each) or each for each in escaped(text, long=_TITLE))
