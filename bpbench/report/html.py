"""A document as one HTML page that needs no network: for screens and phones, and as what the PDF is printed from."""

from __future__ import annotations

import base64
import hashlib
import math
import re
import textwrap
from typing import TYPE_CHECKING, Any, Final

from bpbench import __version__
from bpbench.report.document import shown
from bpbench.report.formulas import TEXT_SIZE, formula_svg
from bpbench.report.language import listed, tell, tell_as
from bpbench.report.numbered import Citation, Numbers, Pointer, Words
from bpbench.report.templating import environment, filled, folders, read

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from markupsafe import Markup

    from bpbench.report.document import Cell, Column, Document, Work

_TEMPLATE: Final = "report.html.j2"
#: For screens, and for paper.
_STYLES: Final = ("report.css", "print.css")
_SCRIPT: Final = "report.js"
_SYMBOL: Final = re.compile(r"\b([Rdf])_([scz])(?![^\W²])")
#: Where a line must not end: before a unit behind its number, and around the sign before a bound.
_UNIT: Final = re.compile(r"(?<=\d) (?=(?:m?eV|Å|K)\b)")
_BOUND: Final = re.compile(r"(?: |^)(&[lg]t;) (?=\d)")
_TITLE: Final = re.compile(r"<title>.*?</title>", re.DOTALL)
#: The width, height and drop of a formula.
_MEASURES: Final = re.compile(r"-?[0-9.]+em\b")
#: What of TeX's mathematics is not for reading aloud.
_MARKUP: Final = re.compile(r"[\\{}$^_]+")
#: Letters from which a word may be broken anywhere, since no column is that wide.
_LONG_WORD: Final = 28
#: Letters from which the text of a cell may be broken between words.
_LONG_TEXT: Final = 26
#: Padding of aligned numbers.
_PADDING: Final = "\u2007\u2008"
#: What stands for a caption in a list: its first sentence up to a colon or semicolon, and of that so many letters.
_SENTENCE: Final = re.compile(r".+?(?=\. [^\W\d_a-z]|[:;] |$)")
_LISTED: Final = 95
#: Authors of a work that are all named; of more, one fewer is.
_AUTHORS: Final = 7


def pointer_words() -> dict[str, str]:
    """Return what a numbered block is called where running text points at it."""
    return {
        "table": tell_as("within a sentence", "Table"),
        "figure": tell_as("within a sentence", "Figure"),
        "equation": tell_as("within a sentence", "Equation"),
        "section": tell_as("within a sentence", "Section"),
    }


def fixed_words() -> dict[str, str]:
    """Return the words that templates bring themselves."""
    return {
        "table": tell("Table"),
        "figure": tell("Figure"),
        "equation": tell("Equation"),
        "contents": tell("Contents"),
        "figures": tell("Figures"),
        "tables": tell("Tables"),
        "attached": tell("Attached to this file: the protocol, the findings, the numbers of every table and figure."),
        "keywords": tell("symmetry functions, neural-network potential, benchmark"),
        "skip": tell("Skip to the report"),
        "dark": tell("Dark page"),
        "behind": tell("Values"),
        "unrounded": tell("Unrounded:"),
        "arrows": tell("The arrow keys lead from value to value."),
    }


def render_html(
    document: Document, places: Sequence[Path] | None = None, *, embed: bool = False, scripted: bool = True
) -> str:
    """Return a document as one self-contained HTML page.

    Parameters
    ----------
    document : Document
        What to show; composed in the language that is spoken now.
    places : sequence of Path or None
        Folders of templates, from :func:`bpbench.report.templating.folders`, which gives them for ``None`` too.
    embed : bool
        Whether the page is for a printer: drawings stand in it as images of their own, and there is nothing to be
        pointed at or pressed. A printer needs no page-coloured ink, and WeasyPrint would match every line of an inline
        drawing against the style sheet.
    scripted : bool
        Whether the page brings our script.

    Raises
    ------
    ReportError
        For a mistake in the template; names it and the line.
    """
    from markupsafe import Markup

    places = folders() if places is None else places
    numbers = Numbers(document)
    fill = environment(places, autoescape=True, finalize=_shown)
    fill.filters |= {
        "kind": lambda block: type(block).__name__,
        "number": numbers.of,
        "typeset": lambda text: Markup(_running(text, numbers)),  # noqa: S704 - escaped first
        "cell": lambda cell, column, first: _cell(cell, column, numbers, first=first, sorts=not embed),
        "drawing": _image if embed else _inline,
        "formula": lambda formula, alt="": _formula(formula, alt, embed=embed),
        "entry": _entry,
        "first_sentence": lambda text: first_sentence(text, numbers),
    }
    style, script = "\n".join(read(name, places) for name in _STYLES), read(_SCRIPT, places)
    digest = base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")
    return filled(
        _TEMPLATE,
        places,
        fill,
        document=document,
        style=Markup(style),  # noqa: S704 - ours, or the user's own
        script=Markup(script),  # noqa: S704 - likewise
        script_source=Markup(f"'sha256-{digest}'" if scripted else "'none'"),  # noqa: S704 - a digest
        watermark=_tile(_shown(document.watermark)),
        words=fixed_words(),
        version=__version__,
        paper=embed,
        scripted=scripted and not embed,
    )


def _shown(value: Any) -> Any:
    """Return what goes into the page without what a page cannot hold and without what turns round the text after it."""
    from markupsafe import Markup

    if isinstance(value, Markup):
        return value
    return shown(value) if isinstance(value, str) else value


# ---------------------------------------------------------------------------------------------------- drawings


def _image(svg: str, alt: str, style: str = "") -> Markup:
    """Return a drawing as an image of its own."""
    from markupsafe import Markup

    code = base64.b64encode(_TITLE.sub("", svg).encode("utf-8")).decode("ascii")
    image = Markup('<img alt="{}"{} src="data:image/svg+xml;base64,{}">')
    return image.format(_shown(alt), Markup(' style="{}"').format(style) if style else "", code)


def _inline(svg: str, alt: str) -> Markup:
    """Return a drawing as part of the page: its ink becomes the page's, which is light at night.

    A reader hears what it shows as a whole; what its marks say is for those who point at them.
    """
    from markupsafe import Markup

    from bpbench.report.canvas import INK

    name = Markup('<svg role="img" aria-label="{}" ').format(_shown(alt))
    # Drawn by us: its text is outlines, and what its marks say was escaped.
    return Markup(_shown(svg.replace(INK, "currentColor")).replace("<svg ", name, 1))  # noqa: S704


def _formula(formula: str, alt: str, *, embed: bool) -> Markup:
    """Return a formula, drawn; without words of its own for readers, as it is written in TeX."""
    # Fractions are hard to read at the size of text.
    svg = formula_svg(formula, size=TEXT_SIZE * 1.2 if alt else TEXT_SIZE)
    alt = alt or " ".join(_MARKUP.sub(" ", formula).split())
    if not embed:
        return _inline(svg, alt)
    # An image does not see the size of the text around it, so that its measures go where the page sees them.
    width, height, drop = _MEASURES.findall(svg)[:3]
    return _image(svg, alt, f"width: {width}; height: {height}; vertical-align: {drop}")


# ------------------------------------------------------------------------------------------------------ tables


def _cell(cell: Cell, column: Column, numbers: Numbers, *, first: bool, sorts: bool) -> Markup:
    """Return a cell of a table; words in the first column head their row.

    What is sorted by stands beside what is shown where the two differ: the unrounded number, or nothing.
    """
    from markupsafe import Markup, escape

    left = column.align == "left"
    names = " ".join(name for name in ("left" if left else "", _breaks(cell.text, left), cell.mark) if name)
    heads = first and left and cell.text.strip()
    made = [
        "th scope=row" if heads else "td",
        f'class="{escape(names)}"' if names else "",
        _sorted_by(cell) if sorts else "",
    ]
    opening = " ".join(part for part in made if part)
    text = _running(cell.text, numbers)
    return Markup(f"<{opening}>{text}</{'th' if heads else 'td'}>")  # noqa: S704 - escaped


def _breaks(text: str, left: bool) -> str:
    """Return the class of a cell by where its text may be broken."""
    if any(len(word) > _LONG_WORD for word in text.split()):
        return "long"
    return "wrap" if left and len(text) > _LONG_TEXT else ""


def _sorted_by(cell: Cell) -> str:
    value = cell.value
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return 'data-value=""'
    if isinstance(value, str):
        return ""
    text = repr(float(value)).removesuffix(".0").replace("inf", "Infinity")
    return "" if text == cell.text.strip(_PADDING) else f"data-value={text}"


# ------------------------------------------------------------------------------------------------------- works


def _entry(work: Work) -> Markup:
    """Return the entry of a work in a list of works: authors, title, where and when, and a link by its DOI."""
    from markupsafe import Markup

    where = {name: value.replace("--", "–") for name, value in work.where}
    names = [_author(name) for name in work.authors]
    who = f"{', '.join(names[: _AUTHORS - 1])} et al." if len(names) > _AUTHORS else listed(names)
    place = _place(where)
    entry = Markup('{}: <cite lang="en">{}</cite>{} ').format(
        _shown(who), _shown(work.title), "" if work.title.endswith(("?", "!")) else "."
    )
    entry += Markup("{} ({}).").format(place, work.year) if place else Markup("{}.").format(work.year)
    if doi := where.get("doi"):
        return entry + Markup(' <a href="https://doi.org/{0}">https://doi.org/{0}</a>').format(doi)
    if (address := where.get("url", "")).startswith("https://"):
        return entry + Markup(' <a href="{0}">{0}</a>').format(address)
    return entry


def _author(name: str) -> str:
    """Return ``Family, Given`` with initials before: ``J.-P. Family``."""
    family, _, given = name.partition(", ")
    initials = ["-".join(f"{part[0]}." for part in word.split("-") if part) for word in given.split()]
    return "\u00a0".join([*initials, family])


def _place(where: Mapping[str, str]) -> Markup:
    """Return the journal, book or school of a work, with volume and pages; empty if there is none."""
    from markupsafe import Markup, escape

    parts: list[str | Markup] = []
    if journal := where.get("journal"):
        volume = Markup(" <b>{}</b>").format(where["volume"]) if "volume" in where else ""
        issue = f"({where['number']})" if "number" in where else ""
        parts.append(Markup("<i>{}</i>{}{}").format(journal, volume, issue))
    if book := where.get("booktitle"):
        parts.append(Markup("<i>{}</i>").format(book))
        parts += [where[name] for name in ("series", "volume") if name in where]
    parts += [
        where[name] for name in ("pages", "edition", "publisher", "school", "address", "howpublished") if name in where
    ]
    return Markup(", ").join(escape(part) for part in parts)


# --------------------------------------------------------------------------------------------------------- text


def _running(text: str, numbers: Numbers) -> str:
    """Return running text escaped and set, its pointers as links."""
    from markupsafe import escape

    done = []
    for part in numbers.parts(text):
        match part:
            case Words(words):
                done.append(_typeset(str(escape(_shown(words)))))
            case Pointer(kind, key, number):
                anchor = key if kind == "section" else f"{kind}-{key}"
                done.append(f'<a href="#{anchor}">{pointer_words()[kind]}\u00a0{number}</a>')
            case Citation(works):
                links = ", ".join(f'<a href="#work-{key}">{number}</a>' for key, number in works)
                # A hard space before an element lets WeasyPrint end a line far too early; within it, it does not.
                tied = "\u00a0" if done and done[-1].endswith("\u00a0") else ""
                done[-1:] = [done[-1].removesuffix(tied)] if tied else done[-1:]
                done.append(f'<span class="cited">{tied}[{links}]</span>')
    return "".join(done)


def first_sentence(text: str, numbers: Numbers) -> str:
    """Return what stands for a caption in a list: its first sentence as plain words, without the full stop."""
    told = []
    for part in numbers.parts(text):
        match part:
            case Words(words):
                told.append(words)
            case Pointer(kind, _, number):
                told.append(f"{pointer_words()[kind]}\u00a0{number}")
            case Citation():
                continue
    first = _SENTENCE.match(" ".join("".join(told).split()))
    words = first[0].rstrip(" .\u00a0") if first else ""
    return textwrap.shorten(words, _LISTED, placeholder="…")


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
    text = _BOUND.sub(lambda found: found[0].replace(" ", "\u00a0"), _UNIT.sub("\u00a0", text))
    return text.replace(" %", "\u00a0%").replace(" = ", "\u00a0=\u00a0").replace(" × 10", "\u00a0×\u00a010")
