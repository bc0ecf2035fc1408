"""The sheet all figures are drawn on: one look, the same bytes from the same numbers, text as outlines.

Matplotlib is imported when the first sheet is laid out. Text becomes outlines, so that a figure looks the same in a
browser, in the PDF and in a word processor, whatever fonts are there.
"""

from __future__ import annotations

import gc
import io
import math
import re
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary
from xml.sax.saxutils import escape

from bpbench.report.document import shown
from bpbench.report.language import numeral, point
from bpbench.report.numerals import exact, short

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

#: Colour of text and axes; a page may replace it by its own text colour.
INK: Final = "#1c2024"
#: Colour of grids and of what stands in the background.
FAINT: Final = "#8b9097"
#: After Okabe and Ito: told apart by the colour-blind, and neither too light for paper nor too dark for a dark screen.
COLOURS: Final = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c6bb1", "#7f7f7f")
#: Eleven, so that colour and marker together repeat only after 88 variants.
MARKERS: Final = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "p", "h")
#: Width of a figure in inches: the text width of an A4 page.
WIDTH: Final = 6.7

_RC: Final[dict[str, Any]] = {
    "svg.fonttype": "path",
    "font.family": "DejaVu Sans",
    "font.size": 7.5,
    "axes.titlesize": 7.5,
    "axes.labelsize": 7.5,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "text.parse_math": False,  # a dollar sign in a name is a dollar sign
    "text.color": INK,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.minor.width": 0.4,
    "ytick.minor.width": 0.4,
    "axes.axisbelow": True,
    "grid.color": FAINT,
    "grid.linewidth": 0.4,
    "grid.alpha": 0.35,
    "lines.linewidth": 1.1,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "savefig.facecolor": "none",
}


@dataclass(frozen=True, slots=True)
class Style:
    """Colour and marker of a variant, the same in every figure of a report."""

    colour: str
    marker: str


def styles(names: Sequence[str]) -> dict[str, Style]:
    """Return the style of each variant, by its place in the protocol."""
    return {
        name: Style(COLOURS[place % len(COLOURS)], MARKERS[place % len(MARKERS)]) for place, name in enumerate(names)
    }


@lru_cache(maxsize=1)
def _glyphs() -> frozenset[int]:
    from matplotlib import font_manager, ft2font

    return frozenset(ft2font.FT2Font(font_manager.findfont("DejaVu Sans")).get_charmap())


def label(name: str, limit: int = 24) -> str:
    """Return a name as a figure can show it: on one line, cut, with ``□`` for what the font lacks."""
    return drawable(short(name, limit))


def drawable(text: str) -> str:
    """Return text with ``□`` for each letter that the font lacks."""
    return "".join(letter if letter == "\n" or ord(letter) in _glyphs() else "□" for letter in text)


@contextmanager
def page(key: str, height: float) -> Iterator[Any]:
    """Lay out an empty figure in the common look; within the block it is drawn by :func:`svg` or :func:`printed`.

    Parameters
    ----------
    key : str
        Name of the figure: salt of the hashes inside it.
    height : float
        Height in inches; the width is always :data:`WIDTH`.

    Yields
    ------
    Figure
        Without axes.
    """
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    look: Any = {**_RC, "svg.hashsalt": key}
    with mpl.rc_context(look), uncollected():
        figure = Figure(figsize=(WIDTH, height), layout="constrained")
        FigureCanvasSVG(figure)
        yield figure


@contextmanager
def uncollected() -> Iterator[None]:
    """Keep Python from looking for garbage while figures and pages grow: a seventh of the time, for nothing."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            # All that has grown is taken for old at once: it is looked through when a whole search is due, not now.
            gc.freeze()
            gc.enable()
            gc.unfreeze()


@contextmanager
def sheet(
    key: str, height: float, *, rows: int = 1, columns: int = 1, **options: Any
) -> Iterator[tuple[Any, Any, list[str]]]:
    """Lay out a figure and, when the caller is done, draw it.

    Parameters
    ----------
    key : str
        Name of the figure: prefix of all identifiers inside it and salt of their hashes.
    height : float
        Height in inches; the width is always :data:`WIDTH`.
    rows, columns : int
        Panels.
    **options
        For ``Figure.subplots``.

    Yields
    ------
    tuple of (Figure, ndarray of Axes with shape (rows, columns), list of str)
        After the ``with`` block the list holds the finished ``<svg>`` element.
    """
    with page(key, height) as figure:
        drawn: list[str] = []
        yield figure, figure.subplots(rows, columns, squeeze=False, **options), drawn
        drawn.append(svg(figure, key))


def svg(figure: Any, key: str) -> str:
    """Return a figure of :func:`page` as one ``<svg>`` element; ``key`` comes before all its identifiers."""
    _write_decimals(figure)
    _lower_subscripts(figure)
    _lay_out(figure)
    stream = io.StringIO()
    figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    drawn = stream.getvalue()
    for number, labels in enumerate(_TOLD.pop(figure, ())):
        drawn = _titled(drawn, f"{_GROUP}{number}", labels)
    return _tidy(drawn, key)


def _write_decimals(figure: Any) -> None:
    """Let the numbers that Matplotlib itself puts on axes have the decimal sign of the language."""
    if point() == ".":
        return
    from matplotlib.ticker import ScalarFormatter

    class Told(ScalarFormatter):
        def __call__(self, x: float, pos: int | None = None) -> str:
            return numeral(super().__call__(x, pos))

    for axis in (axis for axes in figure.axes for axis in (axes.xaxis, axes.yaxis)):
        if type(axis.get_major_formatter()) is ScalarFormatter:
            axis.set_major_formatter(Told())


def _lower_subscripts(figure: Any) -> None:
    """Let symbols such as ``R_s`` be drawn as the text writes them: a slanted letter and a low one."""
    from matplotlib.text import Text

    for axis in (axis for axes in figure.axes for axis in (axes.xaxis, axes.yaxis)):
        # Marks that were given names would write these anew when they are drawn.
        drawn = axis.get_majorticklabels()
        names = [each.get_text() for each in drawn]
        if any(map(_SYMBOL.search, names)):
            axis.set_ticklabels([_lowered(name) for name in names], parse_math=True)
    for drawn in figure.findobj(Text):
        if not drawn.get_parse_math() and not _glyphs().issuperset(map(ord, drawn.get_text())):
            drawn.set_text(drawable(drawn.get_text()))  # a name within the words of an axis
        if not drawn.get_parse_math() and _SYMBOL.search(drawn.get_text()):
            drawn.set_text(_lowered(drawn.get_text()))
            drawn.set_parse_math(True)


def _lowered(text: str) -> str:
    """Return text for Matplotlib's mathematics, in which a dollar sign is one and symbols have subscripts."""
    return _SYMBOL.sub(r"$\1_{\\mathrm{\2}}$", text.replace("$", r"\$"))


def _lay_out(figure: Any) -> None:
    """Let the layout engine place the axes once, and be done: to save a figure, Matplotlib would draw it twice."""
    figure.set_dpi(72)  # points, as an SVG file has them
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)
        figure.set_layout_engine(None)


#: What the points of a figure say when one is pointed at, by figure; emptied when it is drawn.
_TOLD: Final[WeakKeyDictionary[Any, list[tuple[str, ...] | str]]] = WeakKeyDictionary()
_GROUP: Final = "told-"


def told(artist: Any, labels: Sequence[str] | str) -> None:
    """Let the marks of an artist, or the one curve it draws, say something when they are pointed at.

    Parameters
    ----------
    artist : Artist
        Of a figure of :func:`page`: what ``scatter`` or ``plot`` returned, or a patch.
    labels : sequence of str, or str
        One for each mark in the order of its points, or a single one for a curve or patch. A text by itself is said by
        all marks together, however many.
    """
    if not labels:  # of nothing nothing is drawn
        return
    known = _TOLD.setdefault(artist.get_figure(root=True), [])
    artist.set_gid(f"{_GROUP}{len(known)}")
    known.append(labels if isinstance(labels, str) else tuple(labels))


def _titled(svg: str, group: str, labels: Sequence[str] | str) -> str:
    """Return a drawing in which each mark of a group has its label as its title, which browsers and readers show."""
    if not labels:  # what has no points leaves no group
        return svg
    head = f'<g id="{group}">'
    start = svg.index(head)
    if isinstance(labels, str):
        return f"{svg[:start]}{head}<title>{escape(shown(labels))}</title>{svg[start + len(head) :]}"
    end = _end_of_group(svg, start)
    body = svg[start:end]
    marks = list(_MARK.finditer(body)) or list(_CURVE.finditer(_DEFS.sub(lambda found: " " * len(found.group()), body)))
    if len(marks) != len(labels):
        raise ValueError(f"Group {group} of a figure has {len(marks)} marks and {len(labels)} labels.")
    done, last = [], 0
    for mark, said in zip(marks, labels, strict=True):
        done += [body[last : mark.end() - 2], f"><title>{escape(shown(said))}</title></{mark[1]}>"]
        last = mark.end()
    return f"{svg[:start]}{''.join(done)}{body[last:]}{svg[end:]}"


def _end_of_group(svg: str, start: int) -> int:
    depth = 0
    for found in _TAG.finditer(svg, start):
        depth += 1 if found[0] == "<g" else -1
        if depth == 0:
            return found.end()
    raise ValueError("A group of a figure does not end.")


_MARK: Final = re.compile(r"<(use)\b[^>]*/>")
_CURVE: Final = re.compile(r"<(path)\b[^>]*/>")
_DEFS: Final = re.compile(r"<defs>.*?</defs>", re.DOTALL)
_TAG: Final = re.compile(r"<g(?=[ >])|</g>")


def printed(figure: Any, kind: str) -> bytes:
    """Return a figure of :func:`page` as a file of that kind, ``pdf`` or ``png``, on white paper and without a date."""
    _lower_subscripts(figure)
    stream = io.BytesIO()
    nothing = {"pdf": ("CreationDate", "Creator", "Producer"), "png": ("Software",)}[kind]
    figure.savefig(stream, format=kind, dpi=200, facecolor="white", metadata=dict.fromkeys(nothing))
    return stream.getvalue()


#: A symbol with its subscript, as messages write it.
_SYMBOL: Final = re.compile(r"\b([Rdf])_([scz])(?![^\W²])")
_STYLE_ELEMENT: Final = re.compile(r"<defs>\s*<style[^>]*>.*?</style>\s*</defs>\s*", re.DOTALL)
_METADATA: Final = re.compile(r"<metadata>.*?</metadata>\s*|<!--.*?-->\s*", re.DOTALL)
_PATH_DATA: Final = re.compile(r'(?<= d=")[^"]*')
_LONG_NUMBER: Final = re.compile(r"(\d+\.\d\d)\d+")
_HASHED: Final = re.compile(r'(?<=id=")[a-zA-Z]+[0-9a-f]{10}(?=")')
_GLYPH: Final = re.compile(r'(?<=id=")DejaVuSans[^"]*(?=")')
#: Where a mark or a letter stands: lengths in points, or in units of the font, which are smaller.
_PLACED: Final = re.compile(r'(?<= [xy]=")[^"]*|(?<=translate\()[^)]*')
_GAPS: Final = re.compile(r"\s*([A-Za-z])\s*")
#: A group that nothing points at, and which says nothing when pointed at.
_NAMED_GROUP: Final = re.compile(r'<g id="(?!told-)[^"]*"')
_INDENT: Final = re.compile(r"\n\s+")
#: Paths that are neither filled nor drawn, and letters that are moved to the right alone.
_UNSEEN: Final = re.compile(r'<path d="[^"]*" style="fill: none"/>\n')
_SHIFTED: Final = re.compile(r'transform="translate\(([^ )]*) 0\)"(?=/>)')
_MARKS: Final = re.compile(r"(?<=<g)( [^>]*)?>\n((?:<use [^>]*(?:/>|><title>[^<]*</title></use>)\n){8,})</g>")
_LOOK: Final = re.compile(r' style="([^"]*)"')


def _tidy(svg: str, key: str) -> str:
    """Return one ``<svg>`` element that can stand in a page beside others, half as long as Matplotlib's.

    Style rules would leak into the page and identifiers of two figures would meet, so the first become attributes and
    the second get the figure's key in front, and a number in place of a hash. Comments, in which Matplotlib repeats
    each text, are left out, as are names of groups. Path coordinates keep a hundredth of a point.
    """
    svg = svg[svg.index("<svg") :].strip()
    svg = _METADATA.sub("", _STYLE_ELEMENT.sub("", svg))
    svg = _NAMED_GROUP.sub("<g", svg)
    # Matplotlib hashes coordinates to their last bit, which its layout does not always find the same, but their order.
    names = [dict.fromkeys(pattern.findall(svg)) for pattern in (_HASHED, _GLYPH)]
    short = {
        name: f"{letter}{number}"
        for letter, found in zip("ng", names, strict=True)
        for number, name in enumerate(found)
    }
    svg = _REFERRED.sub(lambda found: f"{found[1]}{key}-{short.get(found[2], found[2])}", svg)
    svg = _PATH_DATA.sub(lambda found: _GAPS.sub(r"\1", _LONG_NUMBER.sub(r"\1", found.group().strip())), svg)
    svg = _PLACED.sub(lambda found: _LONG_NUMBER.sub(r"\1", found.group()), svg)
    svg = _SHIFTED.sub(r'x="\1"', _UNSEEN.sub("", _INDENT.sub("\n", svg)))
    svg = _MARKS.sub(_looking_alike, _unwrapped(svg))
    return svg.replace("<svg ", '<svg style="stroke-linejoin: round; stroke-linecap: butt" ', 1)


#: An identifier, where it is given and where it is referred to.
_REFERRED: Final = re.compile(r'( id="|href="#|url\(#)([^")]*)')


def _unwrapped(svg: str) -> str:
    """Return a drawing without the groups that say nothing of what is in them."""
    done, kept = [], []
    for part in re.split(r"(<g(?= |>)[^>]*>|</g>)\n?", svg):
        if part.startswith(("<g>", "<g ")):
            kept.append(part != "<g>")
            done.append(f"{part}\n" if kept[-1] else "")
        elif part == "</g>":
            done.append("</g>\n" if kept.pop() else "")
        else:
            done.append(part)
    return "".join(done)


def _looking_alike(found: re.Match[str]) -> str:
    """Return a group of many marks that say once how they look, where they look alike."""
    looks = set(_LOOK.findall(found[2]))
    if len(looks) != 1 or " style=" in (found[1] or ""):
        return found[0]
    return f'{found[1] or ""} style="{looks.pop()}">\n{_LOOK.sub("", found[2])}</g>'


def spread(values: Sequence[float]) -> float:
    """Return the ratio of the largest to the smallest value, 0 if a logarithm cannot be taken."""
    return max(values) / min(values) if values and min(values) > 0 else 0.0


def log_axis(axis: Any, low: float, high: float) -> None:
    """Put plain numbers on a logarithmic axis, as many as its range leaves room for."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, NullLocator

    decades = math.log10(high / low)
    subs = (1.0, 2.0, 5.0) if decades < 3 else (1.0,)
    axis.set_major_locator(LogLocator(base=10, subs=subs, numticks=12))
    axis.set_major_formatter(FuncFormatter(lambda value, _: exact(value)))
    axis.set_minor_formatter(NullFormatter())
    if len(subs) > 1:  # there are enough marks already, and every further one costs drawing time
        axis.set_minor_locator(NullLocator())
