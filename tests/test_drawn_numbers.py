"""The numbers behind figures are those of the findings, unrounded, and no more than a page can hold."""

from __future__ import annotations

from typing import Any

import pytest
from findings_factory import deep_copy, environment, findings, small

from bpbench.report import learned, listings, results
from bpbench.report.canvas import styles
from bpbench.report.compose import compose
from bpbench.report.document import Figure, Table


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    return small()


@pytest.fixture(scope="module")
def figures(found: dict[str, Any]) -> dict[str, Figure]:
    return {figure.key: figure for figure in compose(found, environment()).figures}


def behind(figure: Figure) -> list[tuple[Any, ...]]:
    """Return the values of the table behind a figure, which has the figure's key."""
    assert figure.data is not None
    assert figure.data.key == figure.key
    return [tuple(cell.value for cell in row) for row in figure.data.rows]


def test_every_figure_has_its_numbers(figures: dict[str, Figure]) -> None:
    """No figure comes without the table of what it draws, and none is empty."""
    assert [key for key, figure in figures.items() if figure.data is None or not figure.data.rows] == []


def test_repeats_are_the_scores(found: dict[str, Any], figures: dict[str, Figure]) -> None:
    """One row for each repeat that succeeded, with its number."""
    assert behind(figures["repeats"]) == [
        (variant["name"], result["repeat"], result["scores"]["test"]["rmse"])
        for variant in found["variants"]
        for result in variant["results"]
        if result["status"] == "done"
    ]


def test_curves_have_every_epoch_with_its_band(found: dict[str, Any], figures: dict[str, Figure]) -> None:
    """Median, least and largest of both parts, and how many repeats were still running."""
    curves = [(variant["name"], variant["curve"]) for variant in found["variants"] if variant["curve"]]
    assert behind(figures["learning_curves"]) == [
        (
            name,
            epoch,
            curve["running"][place],
            *(curve[part][key][place] for part in ("train", "validation") for key in ("median", "low", "high")),
        )
        for name, curve in curves
        for place, epoch in enumerate(curve["epoch"])
    ]


def test_parity_tells_state_and_error(found: dict[str, Any], figures: dict[str, Figure]) -> None:
    """Each configuration with its state, both energies and the error in meV per atom."""
    rows = behind(figures["parity"])
    assert len(rows) == sum(len(variant["parity"]["group"]) for variant in found["variants"])
    for name, state, reference, predicted, error in rows:
        points = next(variant["parity"] for variant in found["variants"] if variant["name"] == name)
        place = points["reference_ev_per_atom"].index(reference)
        assert (points["group"][place], points["predicted_ev_per_atom"][place]) == (state, predicted)
        assert error == pytest.approx(1000 * (predicted - reference))


def test_states_have_three_errors(found: dict[str, Any], figures: dict[str, Figure]) -> None:
    """RMSE, 95th percentile and largest error of each state and variant."""
    rows = {row[:2]: row[2:] for row in behind(figures["errors_by_state"])}
    assert rows == {
        (group["name"], variant["name"]): (group["rmse"], group["p95"], group["max"])
        for variant in found["variants"]
        for group in variant["groups"]
    }


def test_functions_are_listed_with_their_parameters(found: dict[str, Any], figures: dict[str, Figure]) -> None:
    """The figure of all sets names the set, the sheet of one need not; columns that no function has are left out."""
    first = found["sets"][0]
    assert figures["sheet_1"].data is not None
    keys = [column.key for column in figures["sheet_1"].data.columns]
    assert keys[:2] == ["function", "kind"]
    assert "set" not in keys
    assert [row[0] for row in behind(figures["sheet_1"])] == [function["name"] for function in first["functions"]]
    assert [row[0] for row in behind(figures["feature_sets"])][: first["size"]] == [first["name"]] * first["size"]
    radial = [function for function in first["functions"] if function["kind"] == "G2"]
    only = listings.functions("sheet_1", [{"name": "A", "functions": radial}])
    assert {"zeta", "lambda"} & {column.key for column in only.columns} == set()


def test_networks_are_counted_by_layer() -> None:
    """Weights are those between two layers, biases one for each node of the later."""
    table = listings.layers("networks", ["57-10-10-1"])
    assert [tuple(cell.value for cell in row) for row in table.rows] == [
        ("57-10-10-1", 0, 57, None, None),
        ("57-10-10-1", 1, 10, 570, 10),
        ("57-10-10-1", 2, 10, 100, 10),
        ("57-10-10-1", 3, 1, 10, 1),
    ]


def test_very_many_numbers_are_cut_and_the_caption_says_so() -> None:
    """At most 500 rows: the first scores and functions, evenly picked epochs and energies, first and last included."""
    many = deep_copy(findings())
    variant = many["variants"][0]
    variant["results"] = [{**variant["results"][0], "repeat": number} for number in range(600)]
    scores = results._drawn_repeats({**many, "variants": [variant]})
    assert (len(scores.rows), "The first 500 of 600 scores" in scores.caption) == (500, True)
    assert learned._picked(1000, 3) == [0, 500, 999]
    long = {key: list(range(1000)) for key in ("median", "low", "high")}
    curve = {"epoch": list(range(1, 1001)), "running": [3] * 1000, "train": long, "validation": long}
    curves = learned._drawn_curves([("A", curve)])
    epochs = [row[1].value for row in curves.rows]
    assert (len(epochs), epochs[0], epochs[-1]) == (500, 1, 1000)
    assert "Of each variant 500 epochs are picked evenly" in curves.caption
    functions = [{"name": f"f{number}", "kind": "G2", "eta": 1.0} for number in range(501)]
    listed: Table = listings.functions("feature_sets", [{"name": "A", "functions": functions}])
    assert (len(listed.rows), "The first 500 of 501 functions" in listed.caption) == (500, True)


def test_a_single_state_needs_no_legend_of_states(found: dict[str, Any]) -> None:
    """The caption speaks of colours of states where there are several."""
    looks = styles([variant["name"] for variant in found["variants"]])
    (several,) = [block for block in learned.parity(found, looks) if isinstance(block, Figure)]
    assert "Colour and marker tell the state" in several.caption
    one = deep_copy(found)
    for variant in one["variants"]:
        variant["parity"]["group"] = ["only"] * len(variant["parity"]["group"])
    (alone,) = [block for block in learned.parity(one, looks) if isinstance(block, Figure)]
    assert "Colour and marker" not in alone.caption
