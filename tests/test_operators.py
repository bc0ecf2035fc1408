"""Drawings as operators of a PDF: the picture that a general reader of SVG makes, and what is left to that reader."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from findings_factory import composed

from bpbench.report.operators import UnknownDrawingError, drawn
from bpbench.report.pdf import _Picture, pdf_available

HEAD = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="100pt" height="50pt" '
INK = 'style="fill: #000000"'


def svg(body: str, box: str = "0 0 100 50") -> str:
    return f'{HEAD}viewBox="{box}">{body}</svg>'


def operators(body: str) -> list[str]:
    return drawn(svg(body)).operators.decode().split("\n")


def test_a_path_is_filled_and_stroked() -> None:
    """Colours, width, ends and dashes come before the path, and all within a state of its own."""
    style = "fill: #ff0000; stroke: #0000ff; stroke-width: 0.50; stroke-linecap: square; stroke-dasharray: 2,1.5"
    (found,) = operators(f'<path d="M 1 2 L 3 4 z" style="{style}"/>')
    assert found == "q 1 0 0 rg 0 0 1 RG 0.5 w 2 J 4 M [2 1.5] 0 d 1 2 m 3 4 l h B Q"


def test_what_paints_nothing_is_left_out() -> None:
    """A path without ink, and titles and definitions, bring no operator."""
    assert operators('<path d="M 0 0 L 1 1" style="fill: none"/><title>said</title><defs><path d="M 0 0"/></defs>') == [
        ""
    ]


def test_a_quadratic_curve_becomes_a_cubic_one() -> None:
    """Its control points lie two thirds of the way to the one it had."""
    (found,) = operators(f'<path d="M 0 0 Q 3 6 6 0" {INK}/>')
    assert found == "q 0 0 0 rg 0 0 m 2 4 4 4 6 0 c f Q"


def test_groups_hand_down_style_and_place() -> None:
    """A use takes the path, the style of the group around it, and both their places; its own path's style wins."""
    body = (
        '<defs><path id="p" d="M 0 0 L 1 0" transform="scale(0.5)"/></defs>'
        '<g style="fill: #00ff00" transform="translate(10 20) rotate(90)"><use xlink:href="#p" x="3" y="4"/></g>'
    )
    assert operators(body) == [
        "q", "1 0 0 1 10 20 cm", "0 1 -1 0 0 0 cm",
        "q", "1 0 0 1 3 4 cm",
        "q", "0.5 0 0 0.5 0 0 cm", "q 0 1 0 rg 0 0 m 1 0 l f Q", "Q",
        "Q", "Q",
    ]  # fmt: skip


def test_a_clip_comes_before_what_it_clips() -> None:
    """The rectangle of a clip holds for its element alone."""
    clip = '<defs><clipPath id="c"><rect x="1" y="2" width="30" height="40"/></clipPath></defs>'
    found = operators(f'{clip}<g clip-path="url(#c)"><path d="M 0 0 L 1 1" {INK}/></g>')
    assert found == ["q", "1 2 30 40 re W n", "q 0 0 0 rg 0 0 m 1 1 l f Q", "Q"]


def test_opacities_multiply_and_are_named() -> None:
    """The opacity of all and of the filling are one; whoever draws learns which states there have to be."""
    found = drawn(svg('<path d="M 0 0 L 1 1" style="fill-opacity: 0.5; opacity: 0.5"/>'))
    assert b"/f0.25 gs" in found.operators
    assert found.opacities == {"0.25"}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ('<circle cx="1" cy="1" r="1"/>', "an element circle"),
        ('<path d="M 0 0 A 1 1 0 0 0 2 2"/>', "a piece A of a path"),
        ('<path d="M 0 0 L 1"/>', "a piece L of a path with 1 numbers"),
        ('<path d="M 0 0" style="filter: x"/>', "a declaration of filter"),
        ('<path d="M 0 0" style="fill: red"/>', "a colour red"),
        ('<g style="opacity: 0.5"/>', "a group with an opacity"),
        ('<g transform="skewX(3)"/>', r"a movement skewX\(3\)"),
        ('<use xlink:href="#nowhere"/>', "'#nowhere'"),
    ],
)
def test_what_the_sheet_does_not_write_is_refused(body: str, words: str) -> None:
    """An unknown element, piece, declaration, colour or movement is named, so that another reader takes the drawing."""
    with pytest.raises(UnknownDrawingError, match=f"The drawing holds something unknown: {words}"):
        drawn(svg(body))


# ---------------------------------------------------------------------------------------- beside a general reader


def painted(reader: Any) -> list[tuple[Any, ...]]:
    """Return each painted path of a file: how, in which colours, how wide, and its points on the page."""
    from pypdf.generic import ContentStream

    found: list[tuple[Any, ...]] = []

    def walk(stream: Any, resources: Any, outer: np.ndarray) -> None:
        state: dict[str, Any] = {"m": outer, "rg": (0, 0, 0), "RG": (0, 0, 0), "w": 1.0}
        saved: list[dict[str, Any]] = []
        points: list[tuple[str, tuple[float, ...]]] = []
        for operands, operator in ContentStream(stream, reader).operations:
            name = operator.decode()
            if name in {"m", "l", "c", "h", "re"}:
                if name == "m" and points and points[-1][0] == "m":
                    points.pop()
                points.append((name, at(state["m"], operands)))
            elif name in {"f", "f*", "S", "B", "B*"}:
                # A space paints nothing; a general reader says so at length.
                if len(points) > 1:
                    found.append((name, colours(name, state), points))
                points = []
            elif name == "n":
                points = []
            else:
                state = moved(name, operands, state, saved)
                if name == "Do" and (form := resources["/XObject"][operands[0]].get_object())["/Subtype"] == "/Form":
                    walk(form, form["/Resources"].get_object(), state["m"])

    for page in reader.pages:
        walk(page.get_contents(), page["/Resources"].get_object(), np.eye(3))
    return found


def moved(name: str, operands: Any, state: dict[str, Any], saved: list[dict[str, Any]]) -> dict[str, Any]:
    if name == "q":
        saved.append(state)
    elif name == "Q":
        return saved.pop()
    elif name == "cm":
        a, b, c, d, e, f = (float(value) for value in operands)
        return {**state, "m": np.array([[a, b, 0], [c, d, 0], [e, f, 1]]) @ state["m"]}
    elif name in {"rg", "RG", "w"}:
        return {**state, name: tuple(round(float(value), 2) for value in operands)}
    return state


def colours(name: str, state: dict[str, Any]) -> tuple[Any, ...]:
    filled, stroked = (state["rg"] if name[0] in "fB" else None), (state["RG"] if name[0] in "SB" else None)
    width = round(float(state["w"][0] * abs(np.linalg.det(state["m"][:2, :2])) ** 0.5), 2) if stroked else None
    return filled, stroked, width


def at(matrix: np.ndarray, operands: Any) -> tuple[float, ...]:
    values = [float(value) for value in operands]
    return tuple(
        part for x, y in zip(values[::2], values[1::2], strict=True) for part in (np.array([x, y, 1]) @ matrix)[:2]
    )


def printed(drawing: str, *, ours: bool) -> Any:
    import base64

    import weasyprint
    from pypdf import PdfReader

    address = f"data:image/svg+xml;base64,{base64.b64encode(drawing.encode()).decode()}"
    page = f'<style>@page {{ size: A4; margin: 0 }} img {{ width: 170mm }}</style><img src="{address}">'
    cache = {address: _Picture(drawn(drawing))} if ours else {}
    return PdfReader(io.BytesIO(weasyprint.HTML(string=page).write_pdf(cache=cache)))


def drawings() -> Iterator[tuple[str, str]]:
    """Iterate over the figures of a report; of the sheets, which are drawn alike, the one with least on it."""
    kinds: dict[str, str] = {}
    for figure in composed().figures:
        kind = figure.key.rstrip("_0123456789")
        kinds[kind] = min(kinds.get(kind, figure.svg), figure.svg, key=len)
    # Hatched areas are patterns, which WeasyPrint draws by itself.
    yield from ((kind, drawing) for kind, drawing in kinds.items() if "<pattern" not in drawing)


@pytest.mark.skipif(not pdf_available()[0], reason=pdf_available()[1])
def test_figures_keep_their_picture() -> None:
    """Each figure of a report is the very paths, colours and widths that WeasyPrint itself makes of its drawing."""
    checked = 0
    kinds = dict(drawings())
    assert {"feature_sets", "sheet", "parity", "forest"} <= kinds.keys()
    for key, drawing in kinds.items():
        mine, theirs = (painted(printed(drawing, ours=ours)) for ours in (True, False))
        assert [path[:2] for path in mine] == [path[:2] for path in theirs], key
        for (_, _, here), (_, _, there) in zip(mine, theirs, strict=True):
            assert [name for name, _ in here] == [name for name, _ in there], key
            gaps = [
                abs(a - b)
                for (_, a_s), (_, b_s) in zip(here, there, strict=True)
                for a, b in zip(a_s, b_s, strict=True)
            ]
            assert max(gaps, default=0) < 0.03, key
        checked += len(mine)
    assert checked > 500
