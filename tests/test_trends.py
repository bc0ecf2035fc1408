"""The page of trends: no script, whole drawings, every variant and change told, small and large histories."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import pytest
from told_factory import HOSTILE, history, renamed

from bpbench.report.canvas import INK
from bpbench.report.document import Figure, Table, Text
from bpbench.report.trends import document, page
from bpbench.report.trends_draw import Mark, Panel, _levels, _share, spaced, trends

VOID = {"meta", "br", "img", "link", "hr"}


class Balanced(HTMLParser):
    """Keep which elements are open, refuse one that closes another, and collect the text."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element, and that none reaches out of the page or carries code."""
        self.tags.add(tag)
        for name, value in attrs:
            assert not name.startswith("on")
            assert not (name in {"src", "href", "xlink:href"} and (value or "#")[0] != "#"), value
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Close the innermost element."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Collect what a reader sees, and the style."""
        self.text += data


def read(html: str) -> Balanced:
    parser = Balanced()
    parser.feed(html)
    parser.close()
    assert parser.open == []
    return parser


def empty(told: dict[str, Any]) -> dict[str, Any]:
    """Return a history in which every training of every run failed."""
    for series in told["series"]:
        series["points"] = [{"run": point["run"], "values": []} for point in series["points"]]
        series.update(changes=[], looked=False, why_not="no run has a value")
    return told


CASES = {
    "none": history(0),
    "one": history(1),
    "two": history(2),
    "many": history(24),
    "sixty, one later": history(60, ("A", "D", "late"), later="late"),
    "all failed": empty(history(5)),
}


@pytest.mark.parametrize("case", CASES)
def test_a_page_is_whole_and_needs_no_script(case: str) -> None:
    """HTML and drawings parse, nothing is run or fetched, no None or nan is printed, every variant is named."""
    html = page(CASES[case])
    parsed = read(html)
    assert not parsed.tags & {"script", "iframe", "object", "link"}
    assert not re.search(r"\bNone\b|\bnan\b|= 0\.000\b", parsed.text)
    for svg in re.findall(r"<svg.*?</svg>", html, re.DOTALL):
        ET.fromstring(svg)  # noqa: S314 - our own output
    for series in CASES[case]["series"]:
        assert series["variant"] in parsed.text


def test_the_same_history_gives_the_same_bytes() -> None:
    """Drawings and words depend on what is told alone."""
    assert page(history(24)) == page(history(24))


def test_changes_are_told_latest_first_with_what_was_new() -> None:
    """The answer counts changes by side and tells each with means, share, p, and what is new in its run."""
    first, *told = [block for block in document(history(24)).sections[0].blocks if isinstance(block, Text)]
    assert first.text == "4 changes found in 8 series of 24 runs: 2 for the worse and 2 for the better."
    assert told[0].text == (
        "From run 19 on the RMSE of D is better: 1.240 after 1.314 meV/atom (−5.7 %, p = 0.004). Nothing that is "
        "recorded is new in that run."
    )
    assert told[2].text == (
        "From run 13 on the RMSE of D is worse: 1.314 after 1.240 meV/atom (+6.0 %, p = 0.001). New in that run: "
        "sources."
    )


@pytest.mark.parametrize(
    ("case", "text"),
    [
        ("none", "No run of smoke is recorded, so there is nothing to show."),
        ("one", "Nothing in 1 run was looked at for changes; why stands at the end."),
        ("all failed", "Nothing in 5 runs was looked at for changes; why stands at the end."),
    ],
)
def test_histories_without_changes_say_why(case: str, text: str) -> None:
    """An empty, a short and a failed history get a sentence and no claim that nothing changed."""
    block = document(CASES[case]).sections[0].blocks[0]
    assert isinstance(block, Text)
    assert block.text == text


def test_the_table_has_every_change_by_run() -> None:
    """Columns: run, variant, measure, before, after, change, p, direction, what is new."""
    table = next(block for block in document(history(24)).tables if block.key == "changes")
    assert [cell.text for cell in table.rows[0]] == [
        "13", "D", "RMSE (meV/atom)", "1.240", "1.314", "+6.0 %", "0.001", "worse", "sources",
    ]  # fmt: skip
    assert [row[0].value for row in table.rows] == [13, 13, 19, 19]


def test_captions_explain_what_is_drawn_and_no_more() -> None:
    """Each variant has a figure; marks and breaks are explained where they are, and told to those who cannot see."""
    one, other, _ = document(history(24)).figures
    assert isinstance(one, Figure)
    assert one.caption == (
        "A from run to run. Rings: repeats; dots and line: geometric mean of a run; grey: runs of a baseline (3 to 6); "
        "dotted upright: another kind of host, over which time and memory are not compared."
    )
    assert "solid upright: a change for the worse; dashed upright: a change for the better" in other.caption
    assert other.alt == (
        "Plot of RMSE, 95th percentile of |error|, CPU time and peak memory of D over 24 runs: RMSE worse from run 13 "
        "on (+6.0 %); RMSE better from run 19 on (−5.7 %); 95th percentile of |error| worse from run 13 on (+6.0 %); "
        "95th percentile of |error| better from run 19 on (−5.7 %)."
    )


def test_what_was_not_looked_at_is_listed_with_the_reason() -> None:
    """Series with the same reason share one line."""
    html = page(CASES["two"])
    assert (
        "RMSE of A, 95th percentile of |error| of A, CPU time of A, peak memory of A and 4 others: 2 of at least"
        in html
    )


def test_the_runs_are_listed_with_what_is_new() -> None:
    """The table of runs has one row each, with the host and what is new."""
    table = next(block for block in document(history(24)).blocks() if isinstance(block, Table) and block.key == "runs")
    assert len(table.rows) == 24
    assert [cell.text.strip() for cell in table.rows[9]][-2:] == [
        "aarch64, 64 cores",
        "host: x86_64, 8 cores → aarch64, 64 cores; numpy 2.2.0 → 2.3.1",
    ]


@pytest.mark.parametrize("name", HOSTILE)
def test_names_stay_words(name: str) -> None:
    """A name with markup is shown, never obeyed."""
    parsed = read(page(renamed(history(3), {"D": name, "smoke": name, "main": name})))
    assert "script" not in parsed.tags


def _drawn(panel: Panel) -> str:
    return trends("trend-1", [panel], [str(place) for place, _ in panel.points], ())


def _ink(svg: str) -> list[str]:
    """Return the strokes of upright lines in the ink, one entry each."""
    return [
        style
        for style in re.findall(r'style="([^"]*)"', svg)
        if f"stroke: {INK}" in style and "stroke-width: 0.9" in style
    ]


def test_better_and_worse_differ_in_their_line_without_colour() -> None:
    """A change for the worse is a solid line, one for the better a dashed one."""
    points = tuple((number, (1.0, 1.1)) for number in range(8))
    kinds = [_ink(_drawn(Panel("x", points, (), (Mark(4, 5, worse, "5 %"),)))) for worse in (True, False)]
    assert [len(kind) for kind in kinds] == [1, 1]
    assert ["dasharray" in kind[0] for kind in kinds] == [False, True]


def test_the_line_of_means_is_broken_where_the_host_changes() -> None:
    """With a break there are two lines of means in place of one."""
    points = tuple((number, (float(number), number + 0.1)) for number in range(8))
    whole, broken = (_drawn(Panel("x", points, breaks)) for breaks in ((), ((4, 5),)))
    lines = [re.findall(r'd="M[^"]*"[^>]*stroke: #0072b2; stroke-width: 1\.1', svg) for svg in (whole, broken)]
    assert [len(found) for found in lines] == [1, 2]


def test_words_of_change_points_never_meet() -> None:
    """Of any two marks, words at one height are apart, and no line passes through words below its own."""
    marks = [Mark(place - 1, place, bool(place % 2), "+5.0 %") for place in (2, 3, 9, 11, 12, 30, 31, 40, 59)]
    levels, width = _levels(marks, 60.0), 60.0
    assert levels[0] == 0
    assert max(levels) > 0
    for number, (mark, level) in enumerate(zip(marks, levels, strict=True)):
        for other, above in zip(marks[:number], levels[:number], strict=True):
            if mark.place <= other.place + _share(other) * width:
                assert level > above


@pytest.mark.parametrize("runs", [1, 2, 9, 10, 17, 18, 60, 1000])
def test_numbered_runs_lie_apart(runs: int) -> None:
    """First and last are numbered, at most nine are, and none lies nearer to the next than the first two."""
    chosen = spaced(runs)
    assert (chosen[0], chosen[-1]) == (0, runs - 1)
    assert len(chosen) <= 9
    gaps = [other - one for one, other in pairwise(chosen)]
    assert all(gap >= gaps[0] > 0 for gap in gaps)


def test_runs_stand_in_the_order_in_which_they_were_made() -> None:
    """Numbers that do not follow time, as after two histories were brought together, change the words alone."""
    told = history(6)
    order = {1: 4, 2: 1, 3: 5, 4: 2, 5: 6, 6: 3}
    mixed = history(6)
    for run in mixed["runs"]:
        run["number"] = order[run["number"]]
    for series in mixed["series"]:
        series["hosts"] = {str(order[int(number)]): host for number, host in series["hosts"].items()}
        for point in series["points"]:
            point["run"] = order[point["run"]]
    for base in mixed["baselines"]:
        base["runs"] = [order[number] for number in base["runs"]]
    shapes = [
        re.findall(r'd="([^"]*)"[^>]*stroke: #0072b2; stroke-width: 1\.1', figure.svg)
        for found in (told, mixed)
        for figure in document(found).figures[:1]
    ]
    assert shapes[0] == shapes[1] != []
