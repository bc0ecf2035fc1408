"""A drawing of ours as operators of a PDF page: what a general reader of SVG does in seconds, in a tenth of one.

It knows what the sheet of :mod:`bpbench.report.canvas` writes - groups, paths, uses of paths, clips - and says so when
a drawing holds anything else; whoever prints then leaves that drawing to a general reader.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from collections.abc import Mapping

_SVG: Final = "{http://www.w3.org/2000/svg}"
_LINK: Final = "{http://www.w3.org/1999/xlink}href"
_PIECE: Final = re.compile(r"([A-Za-z])([^A-Za-z]*)")
_CALL: Final = re.compile(r"(\w+)\(([^)]*)\)\s*")
_COLOUR: Final = re.compile(r"#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})")
_CAPS: Final = {"butt": 0, "round": 1, "square": 2}
_JOINS: Final = {"miter": 0, "round": 1, "bevel": 2}
#: What SVG takes where nothing is said.
_INITIAL: Final = {
    "fill": "#000000",
    "stroke": "none",
    "stroke-width": "1",
    "fill-opacity": "1",
    "stroke-opacity": "1",
    "stroke-linecap": "butt",
    "stroke-linejoin": "miter",
    "stroke-miterlimit": "4",
    "stroke-dasharray": "none",
    "stroke-dashoffset": "0",
    "fill-rule": "nonzero",
}
#: What an element does not hand down; the second is for the page around a formula.
_ALONE: Final = {"opacity", "vertical-align"}
_SILENT: Final = {"title", "desc", "metadata", "defs"}
#: Operators of the pieces of a path that mean the same in both languages, with how many numbers they take.
_SAME: Final = {"M": ("m", 2), "L": ("l", 2), "C": ("c", 6), "Z": ("h", 0), "z": ("h", 0)}


class UnknownDrawingError(ValueError):
    """A drawing holds something that the sheet does not write."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """A drawing as operators.

    Attributes
    ----------
    box : tuple of float
        Left, top, width and height of what is shown.
    size : tuple of (float, str)
        Width and height with their unit, ``pt`` or ``em``.
    operators : bytes
        In the drawing's own coordinates, downward. A graphics state ``/f0.35`` stands for that opacity of fillings,
        ``/s0.35`` for that of lines.
    opacities : frozenset of str
        The opacities used, as they are written there.
    """

    box: tuple[float, float, float, float]
    size: tuple[tuple[float, str], tuple[float, str]]
    operators: bytes
    opacities: frozenset[str]


def drawn(svg: str) -> Drawn:
    """Return a drawing as operators.

    Parameters
    ----------
    svg : str
        One ``<svg>`` element, of :mod:`bpbench.report.canvas`.

    Raises
    ------
    UnknownDrawingError
        For an element, attribute or value that the sheet does not write.
    """
    root = ET.fromstring(svg)  # noqa: S314 - drawn by us; Python's parser opens no file
    try:
        left, top, width, height = (float(number) for number in root.attrib["viewBox"].split())
        pen = _Pen({f"#{each.attrib['id']}": each for each in root.iter() if "id" in each.attrib})
        pen.draw_all(root, {**_INITIAL, **_declared(root.get("style", ""))})
        size = _length(root.attrib["width"]), _length(root.attrib["height"])
    except (KeyError, ValueError) as error:
        raise UnknownDrawingError(f"The drawing holds something unknown: {error}.") from error
    return Drawn((left, top, width, height), size, "\n".join(pen.out).encode("ascii"), frozenset(pen.opacities))


def _length(text: str) -> tuple[float, str]:
    if text[-2:] not in {"pt", "em"}:
        raise ValueError(f"a length {text}")
    return float(text[:-2]), text[-2:]


class _Pen:
    """What draws: the elements by their links, what was written, the opacities it needed."""

    def __init__(self, elements: Mapping[str, ET.Element]) -> None:
        self._elements = elements
        self.out: list[str] = []
        self.opacities: set[str] = set()

    def draw_all(self, parent: ET.Element, style: Mapping[str, str]) -> None:
        for child in parent:
            self.draw(child, style)

    def draw(self, element: ET.Element, style: Mapping[str, str]) -> None:
        kind = element.tag.removeprefix(_SVG)
        if kind in _SILENT or kind == "clipPath":
            return
        if kind not in {"g", "path", "use"}:
            raise ValueError(f"an element {kind}")
        own = _declared(element.get("style", ""))
        if kind == "g" and "opacity" in own:
            raise ValueError("a group with an opacity")
        inherited = {**{key: style[key] for key in style if key not in _ALONE}, **own} if own else style
        around = self._around(element)
        if around:
            self.out += ["q", *around]
        if kind == "g":
            self.draw_all(element, inherited)
        elif kind == "path":
            self._paint(element.get("d", ""), inherited)
        else:
            self._use(self._elements[element.attrib[_LINK]], inherited)
        if around:
            self.out.append("Q")

    def _use(self, meant: ET.Element, style: Mapping[str, str]) -> None:
        own = _declared(meant.get("style", ""))
        around = _moved(meant.get("transform", ""))
        if around:
            self.out += ["q", *around]
        self._paint(meant.get("d", ""), {**style, **own} if own else style)
        if around:
            self.out.append("Q")

    def _around(self, element: ET.Element) -> list[str]:
        """Return what is to hold for an element alone: where it is, and where it shows."""
        found = element.attrib
        around = list(_moved(found["transform"])) if "transform" in found else []
        if "x" in found or "y" in found:
            around.append(f"1 0 0 1 {_number(found.get('x', '0'))} {_number(found.get('y', '0'))} cm")
        if "clip-path" in found:
            around += self._clip(self._elements[found["clip-path"].removeprefix("url(").removesuffix(")")])
        return around

    @staticmethod
    def _clip(clip: ET.Element) -> list[str]:
        (shape,) = clip
        if shape.tag == f"{_SVG}rect":
            sides = (_number(shape.attrib[name]) for name in ("x", "y", "width", "height"))
            return [" ".join(sides) + " re W n"]
        return [f"{_path(shape.attrib['d'])} W n"]

    def _paint(self, path: str, style: Mapping[str, str]) -> None:
        fills, strokes = style["fill"] != "none", style["stroke"] != "none" and float(style["stroke-width"]) > 0
        if not (fills or strokes) or not path.strip():
            return
        even = "*" if style["fill-rule"] == "evenodd" else ""
        how = {(True, False): f"f{even}", (False, True): "S", (True, True): f"B{even}"}[fills, strokes]
        inks = [*self._filling(style)] if fills else []
        inks += [*self._line(style)] if strokes else []
        self.out.append(f"q {' '.join(inks)} {_path(path)} {how} Q")

    def _filling(self, style: Mapping[str, str]) -> list[str]:
        return [f"{_colour(style['fill'])} rg", *self._opacity("f", style["fill-opacity"], style.get("opacity", "1"))]

    def _line(self, style: Mapping[str, str]) -> list[str]:
        inks = [f"{_colour(style['stroke'])} RG", f"{_number(style['stroke-width'])} w"]
        inks += self._opacity("s", style["stroke-opacity"], style.get("opacity", "1"))
        if cap := _CAPS[style["stroke-linecap"]]:
            inks.append(f"{cap} J")
        if join := _JOINS[style["stroke-linejoin"]]:
            inks.append(f"{join} j")
        else:
            inks.append(f"{_number(style['stroke-miterlimit'])} M")
        if style["stroke-dasharray"] != "none":
            dashes = " ".join(_number(length) for length in style["stroke-dasharray"].split(","))
            inks.append(f"[{dashes}] {_number(style['stroke-dashoffset'])} d")
        return inks

    def _opacity(self, what: str, of_it: str, of_all: str) -> list[str]:
        opacity = float(of_it) * float(of_all)
        if opacity >= 1:
            return []
        written = f"{opacity:.4g}"
        self.opacities.add(written)
        return [f"/{what}{written} gs"]


# ----------------------------------------------------------------------------------------------------- values


@lru_cache(maxsize=4096)
def _declared(style: str) -> dict[str, str]:
    """Return the declarations of a style attribute; one that is not known changes the picture unseen."""
    found = {}
    for declaration in style.split(";"):
        name, _, value = declaration.partition(":")
        if name.strip():
            found[name.strip()] = value.strip()
    if strange := found.keys() - _INITIAL.keys() - _ALONE:
        raise ValueError(f"a declaration of {min(strange)}")
    return found


@lru_cache(maxsize=64)
def _colour(text: str) -> str:
    found = _COLOUR.fullmatch(text)
    if found is None:
        raise ValueError(f"a colour {text}")
    return " ".join(_short(int(part, 16) / 255, 4) for part in found.groups())


def _moved(transform: str) -> tuple[str, ...]:
    """Return a list of movements as matrices in the same order."""
    return tuple(f"{_matrix(name, numbers.replace(',', ' ').split())} cm" for name, numbers in _CALL.findall(transform))


def _matrix(name: str, numbers: list[str]) -> str:
    from math import cos, radians, sin

    values = [float(number) for number in numbers]
    if name == "translate" and len(values) == 2:
        matrix: Any = (1, 0, 0, 1, *values)
    elif name == "scale" and len(values) in {1, 2}:
        matrix = (values[0], 0, 0, values[-1], 0, 0)
    elif name == "rotate" and len(values) == 1:
        turn = radians(values[0])
        matrix = (cos(turn), sin(turn), -sin(turn), cos(turn), 0, 0)
    elif name == "matrix" and len(values) == 6:
        matrix = values
    else:
        raise ValueError(f"a movement {name}({' '.join(numbers)})")
    return " ".join(_short(value, 6) for value in matrix)


def _number(text: str) -> str:
    return _short(float(text), 4)


def _short(value: float, places: int) -> str:
    text = f"{value:.{places}f}".rstrip("0").rstrip(".") if value % 1 else f"{value:.0f}"
    return "0" if text in {"-0", ""} else text


@lru_cache(maxsize=4096)
def _path(data: str) -> str:
    """Return path data as operators; a curve with one control point becomes one with two."""
    out: list[str] = []
    x = y = 0.0
    for letter, text in _PIECE.findall(data):
        numbers = text.split()
        if letter in _SAME:
            operator, count = _SAME[letter]
            if len(numbers) != count:
                raise ValueError(f"a piece {letter} of a path with {len(numbers)} numbers")
            out += [*numbers, operator]
            if count:
                x, y = float(numbers[-2]), float(numbers[-1])
        elif letter == "Q" and len(numbers) == 4:
            turn_x, turn_y, end_x, end_y = (float(number) for number in numbers)
            curve = (x + 2 * turn_x, y + 2 * turn_y, end_x + 2 * turn_x, end_y + 2 * turn_y)
            out += [*(_short(number / 3, 2) for number in curve), *numbers[2:], "c"]
            x, y = end_x, end_y
        else:
            raise ValueError(f"a piece {letter} of a path")
    return " ".join(out)
