"""Rows of points: what each says when it is pointed at, and the numbers behind the drawing."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

import pytest
from findings_factory import compared, environment

from bpbench.report import dots
from bpbench.report.compose import compose
from bpbench.report.document import Figure

METRIC = {"metric": {"key": "loss", "label": "loss", "unit": "eV"}, "mean_level": 0.95}


def figure(data: dict[str, Any]) -> Figure:
    """Return the figure of every repeat."""
    (found,) = (block for block in compose(data, environment()).figures if block.key == "repeats")
    return found


def test_points_and_numbers_behind_them_are_the_same() -> None:
    """Every score of others has its name and value in the drawing and its row in the table behind it."""
    data = compared()
    drawn = figure(data)
    assert drawn.data is not None
    assert [column.key for column in drawn.data.columns] == ["variant", "repeat", "score"]
    part, key = data["analysis"]["part"], data["metric"]["key"]
    scores = [
        (variant["name"], result["repeat"], result["scores"][part][key])
        for variant in data["variants"]
        for result in variant["results"]
        if result["scores"]
    ]
    assert [tuple(cell.value for cell in row) for row in drawn.data.rows] == scores
    said = re.findall("<title>(.*?)</title>", drawn.svg)
    assert len([text for text in said if ", repeat " in text]) == len(scores) == 22
    assert f"{scores[0][0]}, repeat {scores[0][1]}: {scores[0][2]:.3f} eV" in said
    assert any(re.fullmatch(r"wide, mean: \d\.\d+ eV", text) for text in said)
    assert any(re.fullmatch(r"wide, 95 % interval of the mean: \d\.\d+ to \d\.\d+ eV", text) for text in said)


@pytest.mark.parametrize(
    ("size", "rows", "caption"),
    [
        (400, 400, "Every point that is drawn."),
        (1200, 500, "500 of the 1200 points that are drawn, evenly picked."),
    ],
)
def test_of_very_many_points_some_are_listed(size: int, rows: int, caption: str) -> None:
    """They are picked evenly, the first among them, and the caption says so."""
    points = [(str(number), float(number)) for number in range(size)]
    table = dots.behind([({"name": "A"}, points)], METRIC, label="repeat")
    assert (len(table.rows), table.caption) == (rows, caption)
    values = [value for row in table.rows if isinstance(value := row[2].value, float)]
    assert values[0] == 0.0
    assert {second - first for first, second in pairwise(values)} <= {1.0, 2.0, 3.0}


def test_a_variant_without_scores_says_nothing() -> None:
    """A row with no point has no label either."""
    row = dots.row({"name": "A"}, [], {}, METRIC, str)
    assert (row.values, row.said, row.mean) == ((), (), None)
