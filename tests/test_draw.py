"""Figures: the same bytes from the same numbers, text as outlines, hostile names harmless."""

from __future__ import annotations

import gc
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping
from itertools import pairwise

import pytest
from matplotlib.figure import Figure

from bpbench.features import preset
from bpbench.report import canvas, draw, parity_draw, schematics
from bpbench.report.canvas import COLOURS, Style, label, styles

NAMES = ["A", "$x^2$ <script> --> 漢", "😀 " + "z" * 300]
LOOKS = styles(NAMES)
BAND = {"median": [9.0, 1.0, 0.5], "low": [8.0, 0.9, 0.4], "high": [10.0, 2.0, 0.7]}
CURVE = {"epoch": [1, 2, 3], "train": BAND, "validation": BAND}

FIGURES: dict[str, Callable[[Mapping[str, Style]], str]] = {
    "repeats": lambda looks: draw.repeats(
        [draw.Repeats(name, (1.0, 1.1, 0.9), 1.0, 0.8, 1.2) for name in NAMES], looks, axis="RMSE", constant=200.0
    ),
    "learning_curves": lambda looks: draw.curves([(name, CURVE) for name in NAMES], looks, axis="RMSE"),
    "parity": lambda looks: parity_draw.parity(
        [parity_draw.Parity(name, [-3.0, -2.9], [-3.01, -2.9], ["10 K", "<b>"]) for name in NAMES], looks
    ),
    "errors_by_state": lambda looks: draw.states(
        ["10 K", "<b>"],
        [("RMSE", {name: [1.0, None] for name in NAMES}), ("max", {name: [30.0, 2.0] for name in NAMES})],
        looks,
    ),
    "forest": lambda looks: draw.forest(
        [draw.Difference(name, 0.1, -0.1, 0.3, "undecided", "0.1") for name in NAMES], looks, axis="difference",
        margin=0.2, sides=("better", "worse"),
    ),
    "networks": lambda _: schematics.networks(["57-10-10-1", "3-1"]),
    "feature_sets": lambda _: schematics.seen([("A", preset("thesis-57-A")), ("12", preset("thesis-12"))]),
}  # fmt: skip


@pytest.mark.parametrize("key", FIGURES)
def test_figures_are_reproducible_and_self_contained(key: str) -> None:
    """Two drawings are the same bytes: one svg element, no text or style elements, every identifier its own."""
    svg = FIGURES[key](LOOKS)
    assert svg == FIGURES[key](LOOKS)
    root = ET.fromstring(svg)  # noqa: S314 - our own output
    tags = {element.tag.split("}")[1] for element in root.iter()}
    assert tags <= {"svg", "g", "path", "use", "defs", "clipPath", "rect", "line", "title"}
    identifiers = {element.get("id") for element in root.iter()} - {None}
    assert all(str(name).startswith(f"{key}-") for name in identifiers)
    used = set(re.findall(r'href="#([^"]+)"', svg)) | set(re.findall(r"url\(#([^)]+)\)", svg))
    assert used <= identifiers
    assert "<script" not in svg
    assert "<b>" not in svg


def test_no_comment_carries_a_name() -> None:
    """Matplotlib repeats each text in a comment; a hostile name must not reach the page that way."""
    assert "<!--" not in FIGURES["repeats"](LOOKS)


def test_variants_keep_distinct_looks() -> None:
    """88 variants differ in colour or marker, and the looks depend on the protocol's order alone."""
    names = [str(place) for place in range(88)]
    looks = styles(names)
    assert len(set(looks.values())) == 88
    assert styles(names[:3]) == {name: looks[name] for name in names[:3]}
    assert looks["0"].colour in COLOURS


def test_labels_show_only_what_the_font_has() -> None:
    """A letter it lacks becomes a box in the name, not a warning; Greek and super- and subscripts stay."""
    assert label("漢 η ζ λ Å ⁻² ≤") == "□ η ζ λ Å ⁻² ≤"


def test_every_point_is_drawn() -> None:
    """Repeats appear as one marker each."""
    rows = [draw.Repeats("A", tuple(0.1 * value for value in range(10, 17)), None, None, None)]
    svg = draw.repeats(rows, LOOKS, axis="RMSE", constant=None)
    assert len(re.findall(rf"<use [^>]*fill: {COLOURS[0]}", svg)) == 7


@pytest.mark.parametrize("constant", [None, 0.0, 1.0, 500.0])
def test_degenerate_scores_are_drawn(constant: float | None) -> None:
    """Equal, zero and negative-reaching values do not break an axis."""
    rows = [draw.Repeats("A", (0.0, 0.0), 0.0, 0.0, 0.0), draw.Repeats("B", (), None, None, None)]
    assert draw.repeats(rows, styles(["A", "B"]), axis="RMSE", constant=constant).startswith("<svg")


def test_differences_over_orders_are_drawn() -> None:
    """A forest plot with a margin of 0.2, a difference of 900 and an empty row still draws."""
    rows = [
        draw.Difference("A", 900.0, 899.0, 901.0, "worse", ""),
        draw.Difference("B", 0.0, None, None, "no test", ""),
        draw.Difference("C", None, None, None, "no test", ""),
    ]
    for margin in (0.2, None):
        svg = draw.forest(rows, styles(["A", "B", "C"]), axis="difference", margin=margin, sides=("better", "worse"))
        assert svg.startswith("<svg")


@pytest.mark.parametrize(
    ("rows", "margin", "scale", "marks"),
    [
        ([(-0.00451596, -0.02, 0.011), (0.019, 0.004, 0.033)], None, "linear", {0.0, 0.02}),
        ([(-0.00451596, -0.02, 0.011), (12.3, 10, 14.9), (-3000, -3300, -2800)], None, "symlog", {0.0, 0.1, -1000.0}),
        ([(0.3, 0.1, 0.5), (9e5, 8e5, 1e6)], 0.0647, "symlog", {0.0, 0.1, 1e6}),
        ([(1e-9, -0.05, 0.05), (1.0, 0.9, 1.1)], None, "linear", {0.0, 1.0}),
        ([(0.054, 0.045, 0.063), (2.95, 2.88, 3.02)], 0.1, "symlog", {0.0, 0.1, 1.0}),
        ([(12345.6, 12000.1, 12700.3)], None, "linear", {0.0}),
    ],
)
def test_the_axis_of_differences_has_plain_marks_apart(
    monkeypatch: pytest.MonkeyPatch,
    rows: list[tuple[float, float, float]],
    margin: float | None,
    scale: str,
    marks: set[float],
) -> None:
    """Marks are 1, 2, 5 times a power of ten or even steps, their labels do not touch, and decades alone are bent."""
    seen: list[tuple[str, list[float], list[tuple[float, float]]]] = []
    real = canvas.svg

    def spy(figure: Figure, key: str) -> str:
        figure.draw_without_rendering()
        axis = figure.axes[0].xaxis
        left, right = figure.axes[0].get_xlim()
        ticks = [tick for tick in axis.get_major_ticks() if left <= tick.get_loc() <= right]
        boxes = [tick.label1.get_window_extent() for tick in ticks]
        seen.append((axis.get_scale(), [tick.get_loc() for tick in ticks], sorted((b.x0, b.x1) for b in boxes)))
        return real(figure, key)

    monkeypatch.setattr(canvas, "svg", spy)
    names = [str(place) for place in range(len(rows))]
    drawn = [
        draw.Difference(name, *numbers, "undecided", "0.1 (0 to 1)") for name, numbers in zip(names, rows, strict=True)
    ]
    draw.forest(drawn, styles(names), axis="difference", margin=margin, sides=("better", "worse"))
    ((found, places, boxes),) = seen
    assert found == scale
    assert all(any(place == pytest.approx(mark) for place in places) for mark in marks)
    if scale == "symlog":
        assert all(f"{abs(place):.6e}"[:8] in {"1.000000", "2.000000", "5.000000", "0.000000"} for place in places)
    assert all(one[1] < other[0] for one, other in pairwise(boxes))


def test_parity_tells_states_apart_and_keeps_the_colour_of_the_variant() -> None:
    """Each state has its colour and marker, its name when pointed at, and a place in the legend; one state has none."""
    panel = parity_draw.Parity("A", [-3.0, -2.9, -2.5], [-3.01, -2.9, -2.4], ["10 K", "10 K", "<liquid>"])
    svg = parity_draw.parity([panel], styles(["A"]))
    assert COLOURS[0] in svg
    assert svg.count("<title>A, 10 K: 2 configurations, error at most 10.0 meV/atom</title>") == 2
    assert svg.count("<title>A, &lt;liquid&gt;: 1 configuration, error at most 100 meV/atom</title>") == 2
    marks = parity_draw._by_state([panel])
    assert len(set(marks.values())) == len({mark.marker for mark in marks.values()}) == 2
    alone = parity_draw.Parity("A", [-3.0], [-3.01], ["10 K"])
    assert len(re.findall(rf"<use [^>]*fill: {COLOURS[0]}", parity_draw.parity([alone], styles(["A"])))) == 2


def test_the_legend_of_very_many_states_names_some_of_them() -> None:
    """Up to twelve are named; of more eight, first and last among them."""
    some = [f"state {number}" for number in range(12)]
    many = [f"state {number}" for number in range(30)]
    marks = [parity_draw._by_state([parity_draw.Parity("A", [], [], names)]) for names in (some, many)]
    assert list(parity_draw._named(marks[0])) == some
    named = list(parity_draw._named(marks[1]))
    assert (len(named), named[0], named[-1]) == (8, "state 0", "state 29")


def test_bands_of_learning_curves_are_drawn_and_told() -> None:
    """Both curves of a variant have a band from the least to the largest repeat, and say so."""
    svg = draw.curves([("A", CURVE)], styles(["A"]), axis="RMSE")
    for part in ("training", "validation"):
        assert f"<title>A, {part}: least to largest of the repeats</title>" in svg
        assert f"<title>A, {part}: median of the repeats</title>" in svg


def test_every_point_says_what_it_is() -> None:
    """Repeats, states and differences name the variant and the number, one title each."""
    rows = [draw.Repeats("A", (1.0, 1.25), 1.126, 1.0, 1.25)]
    svg = draw.repeats(rows, LOOKS, axis="RMSE", constant=None)
    assert [svg.count(f"<title>A: {value}</title>") for value in ("1.00", "1.25")] == [1, 1]
    assert svg.count("<title>A, mean: 1.13 (1.00 to 1.25)</title>") == 2
    svg = draw.states(["10 K", "300 K"], [("RMSE", {"A": [1.0, None]})], LOOKS)
    assert re.findall("<title>(.*?)</title>", svg) == ["A, 10 K: 1.00"]
    difference = draw.Difference("A", 0.1, -0.1, 0.3, "undecided", "0.1 (−0.1 to 0.3)", "B")
    svg = draw.forest([difference], LOOKS, axis="difference", margin=None, sides=("", ""))
    assert svg.count("<title>A − B: 0.1 (−0.1 to 0.3); undecided</title>") == 2


def test_marks_that_look_alike_say_so_once() -> None:
    """Many marks of one look take it from their group, which is half of a drawing; nothing else is lost."""
    values = tuple(1 + place / 100 for place in range(30))
    svg = draw.repeats([draw.Repeats("A", values, None, None, None)], LOOKS, axis="RMSE", constant=None)
    (group,) = re.findall(rf'<g[^>]*style="fill: {COLOURS[0]}[^"]*">\n(.*?)</g>', svg, re.DOTALL)
    assert group.count("<use ") == group.count("<title>") == 30
    assert "style=" not in group


@pytest.mark.parametrize("labels", [["one"], ["one", "two", "three"]])
def test_marks_and_labels_that_do_not_match_are_refused(labels: list[str]) -> None:
    """Two points and one or three labels: the sentence counts both."""
    with canvas.page("few", 2.0) as figure:
        (line,) = figure.add_subplot().plot([1, 2], [1, 2], "o")
        canvas.told(line, labels)
        with pytest.raises(ValueError, match=rf"has 2 marks and {len(labels)} labels\."):
            canvas.svg(figure, "few")


def test_garbage_is_collected_again_after_a_drawing() -> None:
    """While a figure grows the collector rests, and one that was off before stays off."""
    with canvas.page("few", 2.0):
        assert not gc.isenabled()
    assert gc.isenabled()
    gc.disable()
    try:
        with canvas.page("few", 2.0):
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
