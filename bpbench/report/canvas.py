"""The sheet all figures are drawn on: one look, the same bytes from the same numbers, text as outlines.

Matplotlib is imported when the first sheet is laid out. Text becomes outlines, so that a figure looks the same in a
browser, in the PDF and in a word processor, whatever fonts are there.
"""

from __future__ import annotations

import io
import math
import re
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary
from xml.sax.saxutils import escape

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
    return "".join(letter if ord(letter) in _glyphs() else "□" for letter in short(name, limit))


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
    with mpl.rc_context(look):
        figure = Figure(figsize=(WIDTH, height), layout="constrained")
        FigureCanvasSVG(figure)
        yield figure


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
    _lay_out(figure)
    stream = io.StringIO()
    figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    drawn = stream.getvalue()
    for number, labels in enumerate(_TOLD.pop(figure, ())):
        drawn = _titled(drawn, f"{_GROUP}{number}", labels)
    return _tidy(drawn, key)


def _lay_out(figure: Any) -> None:
    """Let the layout engine place the axes once, and be done: to save a figure, Matplotlib would draw it twice."""
    figure.set_dpi(72)  # points, as an SVG file has them
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)
        figure.set_layout_engine(None)


#: What the points of a figure say when one is pointed at, by figure; emptied when it is drawn.
_TOLD: Final[WeakKeyDictionary[Any, list[tuple[str, ...]]]] = WeakKeyDictionary()
_GROUP: Final = "told-"


def told(artist: Any, labels: Sequence[str]) -> None:
    """Let the marks of an artist, or the one curve it draws, say something when they are pointed at.

    Parameters
    ----------
    artist : Artist
        Of a figure of :func:`page`: what ``scatter`` or ``plot`` returned, or a patch.
    labels : sequence of str
        One for each mark in the order of its points, or a single one for a curve or patch.
    """
    known = _TOLD.setdefault(artist.get_figure(root=True), [])
    artist.set_gid(f"{_GROUP}{len(known)}")
    known.append(tuple(labels))


def _titled(svg: str, group: str, labels: Sequence[str]) -> str:
    """Return a drawing in which each mark of a group has its label as its title, which browsers and readers show."""
    start = svg.index(f'<g id="{group}">')
    end = _end_of_group(svg, start)
    body = svg[start:end]
    marks = list(_MARK.finditer(body)) or list(_CURVE.finditer(_DEFS.sub(lambda found: " " * len(found.group()), body)))
    if len(marks) != len(labels):
        raise ValueError(f"Group {group} of a figure has {len(marks)} marks and {len(labels)} labels.")
    done, last = [], 0
    for mark, said in zip(marks, labels, strict=True):
        done += [body[last : mark.end() - 2], f"><title>{escape(said)}</title></{mark[1]}>"]
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
    stream = io.BytesIO()
    nothing = {"pdf": ("CreationDate", "Creator", "Producer"), "png": ("Software",)}[kind]
    figure.savefig(stream, format=kind, dpi=200, facecolor="white", metadata=dict.fromkeys(nothing))
    return stream.getvalue()


_STYLE_ELEMENT: Final = re.compile(r"<defs>\s*<style[^>]*>.*?</style>\s*</defs>\s*", re.DOTALL)
_METADATA: Final = re.compile(r"<metadata>.*?</metadata>\s*|<!--.*?-->\s*", re.DOTALL)
_PATH_DATA: Final = re.compile(r'(?<= d=")[^"]*')
_LONG_NUMBER: Final = re.compile(r"(\d+\.\d\d)\d+")
_HASHED: Final = re.compile(r'(?<=id=")[a-zA-Z]+[0-9a-f]{10}(?=")')


def _tidy(svg: str, key: str) -> str:
    """Return one ``<svg>`` element that can stand in a page beside others.

    Style rules would leak into the page and identifiers of two figures would meet, so the first become attributes and
    the second get the figure's key in front, and a number in place of a hash. Comments, in which Matplotlib repeats
    each text, are left out. Path coordinates keep a hundredth of a point.
    """
    svg = svg[svg.index("<svg") :].strip()
    svg = _METADATA.sub("", _STYLE_ELEMENT.sub("", svg))
    # Matplotlib hashes coordinates to their last bit, which its layout does not always find the same, but their order.
    for number, hashed in enumerate(dict.fromkeys(_HASHED.findall(svg))):
        svg = svg.replace(hashed, f"n{number}")
    svg = re.sub(r'(?<= id=")', f"{key}-", svg)
    svg = re.sub(r'(?<=href="#)', f"{key}-", svg)
    svg = re.sub(r"(?<=url\(#)", f"{key}-", svg)
    svg = _PATH_DATA.sub(lambda found: _LONG_NUMBER.sub(r"\1", found.group()), svg)
    return svg.replace("<svg ", '<svg style="stroke-linejoin: round; stroke-linecap: butt" ', 1)


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
