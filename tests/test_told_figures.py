"""Figures beside the verdicts: ranks, judged pairs, best of n, shares of noise; what stands where, and what is said."""

from __future__ import annotations

import re
from itertools import combinations, pairwise
from typing import Any

import numpy as np
import pytest
from findings_factory import _compare, environment, findings, in_pairs, ranked, small

from bpbench import magnitudes as counted
from bpbench.report import (
    canvas,
    magnitudes,
    magnitudes_draw,
    noise,
    noise_draw,
    pairs,
    pairs_draw,
    standing,
    standing_draw,
)
from bpbench.report.compose import compose
from bpbench.report.document import Figure, Table, Text

LONG = [f"a long name of variant number {number} with its layers" for number in range(40)]


def titles(svg: str) -> list[str]:
    return re.findall(r"<title>(.*?)</title>", svg)


def figure(blocks: Any) -> Figure:
    (found,) = (block for block in blocks if isinstance(block, Figure))
    return found


def data(found: Figure) -> list[list[Any]]:
    assert found.data is not None
    return [[cell.value for cell in row] for row in found.data.rows]


def all_pairs(made: dict[str, Any], *baselines: str) -> dict[str, Any]:
    """Return findings in which each variant is compared with every earlier one, or with those of some names."""
    tests = {v["name"]: [r["scores"]["test"]["rmse"] for r in v["results"]] for v in made["variants"]}
    family = [[b, a] for a, b in combinations(tests, 2) if not baselines or a in baselines]
    made["analysis"].update(
        family=family,
        comparisons=[{**_compare(b, tests[b], tests[a], len(family), 0.2), "baseline": a} for b, a in family],
    )
    return made


# ------------------------------------------------------------------------------------------------------------- ranks


def _ranks() -> tuple[dict[str, Any], Figure]:
    made = findings()
    (section,) = standing.ranks(made)
    return made["analysis"]["ranking"], figure(section.blocks)


def test_ranks_stand_on_the_line_where_they_are() -> None:
    """A mean rank is as far along the line as it lies between 1 and k; the best half is named on the left."""
    ranking = findings()["analysis"]["ranking"]
    ranks = [(entry["name"], entry["mean_rank"]) for entry in ranking["variants"]]
    laid = standing_draw.lay_out(ranks, [])
    first, last, k = laid.across(1), laid.across(len(ranks)), len(ranks)
    assert first == pytest.approx(laid.side)
    assert last == pytest.approx(canvas.WIDTH - laid.side)
    for place, (name, rank) in zip(laid.places, ranks, strict=True):
        assert (place.name, place.rank) == (name, rank)
        assert (place.x - first) / (last - first) == pytest.approx((rank - 1) / (k - 1))
    assert [place.left for place in laid.places] == [True] * 4 + [False] * 3
    # Lines that lead to names cross none: the deeper a name, the nearer its rank to the middle.
    assert [place.depth for place in laid.places[:4]] == sorted(place.depth for place in laid.places[:4])
    assert [place.depth for place in laid.places[4:]] == sorted((p.depth for p in laid.places[4:]), reverse=True)


def test_bars_join_the_groups_of_the_findings() -> None:
    """Each group has a bar from its first to its last member; those on one level do not meet."""
    ranking, drawn = _ranks()
    ranks = [(entry["name"], entry["mean_rank"]) for entry in ranking["variants"]]
    cliques = tuple(map(tuple, ranking["nemenyi"]["cliques"]))
    assert len(cliques) > 2
    laid = standing_draw.lay_out(ranks, [standing_draw.Groups("Nemenyi", cliques, joined=True)])
    at = dict(ranks)
    assert sorted(bar.members for bar in laid.bars[0]) == sorted(cliques)
    for bar in laid.bars[0]:
        assert bar.at == tuple(laid.across(rank) for rank in sorted(at[name] for name in bar.members))
        assert bar.depth < min(place.depth for place in laid.places)
    for depth in {bar.depth for bar in laid.bars[0]}:
        level = sorted((bar.at[0], bar.at[-1]) for bar in laid.bars[0] if bar.depth == depth)
        assert all(one[1] < other[0] for one, other in pairwise(level))
    said = titles(drawn.svg)
    for how, key in (("Nemenyi", "nemenyi"), ("Wilcoxon, Holm", "wilcoxon")):
        found = [text for text in said if text.startswith(f"{how}: ")]
        assert len(found) == len(ranking[key]["cliques"])
    assert "critical difference 2.85" in said
    assert ranking["nemenyi"]["difference"] == pytest.approx(2.848, abs=0.001)


def test_the_diagram_and_its_numbers_are_those_of_the_findings() -> None:
    """Every mark says its mean rank, the data hold it unrounded, and caption and text point at each other."""
    ranking, drawn = _ranks()
    said = titles(drawn.svg)
    for entry in ranking["variants"]:
        assert said.count(f"{entry['name']}: mean rank {entry['mean_rank']:.2f}") == 2  # on the line and by the name
    assert [row[:2] for row in data(drawn)] == [[e["name"], e["mean_rank"]] for e in ranking["variants"]]
    assert "Nemenyi's critical difference, 2.85." in drawn.caption
    assert "Thin bars join those" in drawn.caption
    assert drawn.alt.startswith("Line of mean ranks of 7 variants, from A (1.00) to forest (7.00)")
    (section,) = standing.ranks(findings())
    assert "figure:ranks" in next(block.text for block in section.blocks if isinstance(block, Text))


def test_too_many_groups_are_left_to_the_table() -> None:
    """Beyond a dozen bars of a kind there are none of it, and the caption says where the groups stand."""
    made = findings()
    ranking = made["analysis"]["ranking"]
    ranking["nemenyi"]["cliques"] = [["A", "B"]] * (standing_draw.MOST_BARS + 1)
    drawn = figure(standing.ranks(made)[0].blocks)
    assert not any(text.startswith("Nemenyi: ") for text in titles(drawn.svg))
    assert "Thick bars" not in drawn.caption
    assert "Where there are too many groups for bars" in drawn.caption
    assert any(text.startswith("Wilcoxon, Holm: ") for text in titles(drawn.svg))


@pytest.mark.parametrize("k", [2, 40])
def test_few_and_many_variants_of_long_names(k: int) -> None:
    """Two stand beside each other, forty below each other; all within the page, and the same bytes twice."""
    names = LONG[:k]
    ranks = [(name, 1 + (k - 1) * (number + 0.5) / k) for number, name in enumerate(names)]
    groups = [standing_draw.Groups("Nemenyi", (tuple(names[:2]), *((tuple(names[1:9]),) * (k > 2))), joined=True)]
    laid = standing_draw.lay_out(ranks, groups)
    assert sum(place.left for place in laid.places) == k // 2
    assert all(0 < place.depth < laid.depth for place in laid.places)
    for side in (True, False):
        depths = sorted(place.depth for place in laid.places if place.left is side)
        assert all(other - one > 0.16 for one, other in pairwise(depths))
    draw = lambda: standing_draw.diagram(ranks, canvas.styles(names), difference=1.5, groups=groups)  # noqa: E731
    svg = draw()
    assert svg == draw()
    assert len(titles(svg)) == 2 * k + len(groups[0].cliques) + 1


def test_a_critical_difference_that_no_ranks_reach_leaves_the_line() -> None:
    """With few repeats it is larger than the line is long; an arrow, and no second end, shows that."""
    names = LONG[:3]
    ranks = [(name, float(rank)) for rank, name in enumerate(names, 1)]
    drawn = [
        standing_draw.diagram(ranks, canvas.styles(names), difference=difference, groups=[]).count("<use ")
        for difference in (1.0, 2.5)
    ]
    assert drawn[1] == drawn[0] + 1


# ------------------------------------------------------------------------------------------------------------- pairs


def test_all_pairs_have_a_cell_each() -> None:
    """Row against column: difference, adjusted p and verdict of each pair are those of the findings."""
    made = all_pairs(findings())
    found = figure(pairs.matrix(made))
    entries = made["analysis"]["comparisons"]
    assert [row[:2] for row in data(found)] == made["analysis"]["family"]
    assert [row[2:] for row in data(found)] == [[e["difference"], e["p_adjusted"], e["verdict"]] for e in entries]
    said = titles(found.svg)
    assert len(said) == len(entries) == 28
    tiny = next(entry for entry in entries if entry["p_adjusted"] < 0.001)
    (text,) = (t for t in said if t.startswith(f"{tiny['candidate']} − {tiny['baseline']}: "))
    assert text.endswith(f"meV/atom, adjusted p &lt; 0.001, {tiny['verdict']}")
    assert not any("0.000" in text for text in said)
    assert "the difference of RMSE (meV/atom), row minus column, and below it the Holm-adjusted p" in found.caption
    assert "a half of the cells stays empty" in found.caption


def test_several_baselines_leave_cells_empty_and_say_so() -> None:
    """Pairs that are not compared have no cell, and a pair without a test has a dash in place of a verdict."""
    made = all_pairs(findings(), "A", "D")
    made["analysis"]["comparisons"][0].update(p=None, p_adjusted=None)
    found = figure(pairs.matrix(made))
    assert len(titles(found.svg)) == len(made["analysis"]["comparisons"]) == 11
    assert "Empty cells are pairs that the protocol does not compare." in found.caption
    assert "A dash is a pair without a test." in found.caption
    assert data(found)[0][3:] == [None, "no test"]
    assert titles(found.svg)[0].endswith("meV/atom, no test")


def test_one_baseline_has_no_matrix() -> None:
    """It would be the forest plot again; neither has a study without any difference one."""
    assert pairs.matrix(findings()) == []
    made = in_pairs()
    for entry in made["analysis"]["comparisons"]:
        entry["difference"] = None
    assert pairs.matrix(made) == []


def test_the_matrix_stands_among_the_comparisons() -> None:
    """Before the differences, in the same section, and the same to the byte when composed again."""
    document, again = (compose(in_pairs(), environment()) for _ in range(2))
    keys = [found.key for found in document.figures]
    assert keys[keys.index("pairs") + 1] == "forest"
    assert document == again


@pytest.mark.parametrize("size", [2, 12, 32])
def test_matrices_of_any_size(size: int) -> None:
    """Two have their numbers, a dozen only signs, and for very many there is a sentence in place of a figure."""
    made = small()
    plain = made["variants"][0]
    rng = np.random.default_rng(1)
    made["variants"] = []
    for name in LONG[: size + 1]:
        results = [{**result, "scores": {"test": {"rmse": float(rng.normal(1, 0.1))}}} for result in plain["results"]]
        made["variants"].append({**plain, "name": name, "results": results})
    blocks = pairs.matrix(all_pairs(made))
    if size > 30:
        (note,) = blocks
        assert isinstance(note, Text)
        assert note.text.startswith("528 pairs are too many for a figure")
        return
    found = figure(blocks)
    assert ("Numbers: the difference" in found.caption) is (size == 2)
    assert ("for which there is no room" in found.caption) is (size == 12)
    assert len(titles(found.svg)) == size * (size + 1) // 2


def test_signs_tell_verdicts_apart_without_colour() -> None:
    """Every verdict has its own sign, which our font has."""
    assert set(pairs_draw.SIGNS) == {"better", "equivalent", "worse", "undecided"}
    assert len(set(pairs_draw.SIGNS.values())) == 4
    assert all(canvas.label(sign) == sign for sign in pairs_draw.SIGNS.values())


# --------------------------------------------------------------------------------------------------------- best of n


def test_curves_of_the_best_of_n_are_those_of_the_findings() -> None:
    """Both estimators of every variant that has them, at every n up to its own repeats and none beyond."""
    made = findings()
    made["variants"][0]["best_of"] = counted.curve(np.array([1.0, 2.0, 3.0]), lower_is_better=True)
    found = figure(magnitudes.best_of(made))
    expected = [
        [variant["name"], *point]
        for variant in made["variants"]
        if (entry := variant["best_of"])
        for point in zip(
            entry["n"], entry["without_replacement"], entry["with_replacement"], entry["spread"], strict=True
        )
    ]
    assert data(found) == expected
    assert [row[1] for row in data(found) if row[0] == "A"] == [1, 2, 3]
    assert len(titles(found.svg)) == len(expected)
    assert "A, best of 3: 1.0" in " ".join(titles(found.svg))
    assert found.caption.startswith("The least RMSE to be expected of n repeats on the test set, over n.")


@pytest.mark.parametrize(("count", "scale", "panels"), [(1, 1.0, 1), (3, 1.0, 1), (3, 10.0, 3), (40, 1.3, 1)])
def test_curves_of_one_scale_share_a_panel(count: int, scale: float, panels: int) -> None:
    """A few on scales that are far apart have a panel each, many share one; the same bytes twice."""
    values = (3.0, 2.0, 1.5)
    curves = [
        magnitudes_draw.Best(name, (1, 2, 40), *(tuple(scale**number * v for v in values) for _ in range(3)), 2)
        for number, name in enumerate(LONG[:count])
    ]
    assert magnitudes_draw.apart(curves) is (panels > 1)
    draw = lambda: magnitudes_draw.best_of(curves, canvas.styles(LONG), axis="RMSE")  # noqa: E731
    svg = draw()
    assert svg == draw()
    assert titles(svg)[:3] == [
        f"{LONG[0]}, best of {n}: {value:.2f}" for n, value in zip((1, 2, 40), values, strict=True)
    ]


def test_the_best_is_the_largest_where_large_is_good() -> None:
    """The caption names the direction."""
    made = small()
    made["metric"] |= {"key": "own", "label": "R²", "lower_is_better": False}
    for variant in made["variants"]:
        for part in (variant["summary"] or {}).values():
            part["own"] = part["rmse"]
    assert figure(magnitudes.best_of(made)).caption.startswith("The largest R² to be expected")


def test_very_many_points_are_listed_in_part() -> None:
    """More than 500 points are not all listed, and the caption of the numbers says so."""
    made = small()
    rng = np.random.default_rng(1)
    made["variants"] = [
        {**made["variants"][0], "name": name, "best_of": counted.curve(rng.gamma(9, 1, 60), lower_is_better=True)}
        for name in LONG
    ]
    found = figure(magnitudes.best_of(made))
    assert found.data is not None
    assert found.data.caption.endswith("only some n of each curve are listed.")
    assert [row[1] for row in data(found)[:7]] == [1, 2, 3, 5, 10, 20, 60]


# ------------------------------------------------------------------------------------------------------------- noise


def _part(sources: list[str], share: float) -> dict[str, Any]:
    return {"sources": sources, "df": 2, "sd": share, "sd_low": 0.0, "sd_high": 1.0,
            "share": share, "share_low": 0.0, "share_high": 1.0}  # fmt: skip


def _noisy(*names: str) -> dict[str, Any]:
    """Return findings of repeats by role: of each contestant most comes from the split, some of weights and order."""
    made = small()
    made["split"]["roles"] = {"weights": 2, "order": 2, "rerun": 2}
    parts = [_part(["split"], 0.6), _part(["weights"], 0.3), _part(["weights", "order"], 0.1), _part([], 0.0)]
    told = {"level": 0.95, "not_drawn": [], "single": [], "refused": None, "components": parts, "n": 24, "mean": 2.0,
            "sd": 0.1, "levels": {"split": 3, "weights": 2, "order": 2}, "reruns": 2, "same_bits": True}  # fmt: skip
    plain = made["variants"][0]
    made["variants"] = [{**plain, "name": name, "noise": told} for name in names]
    return made


def test_bars_of_noise_are_cut_by_the_shares() -> None:
    """Each part of a bar says its source and share, those of no width are left out, and the data have all."""
    made = _noisy("A", "D")
    made["variants"][1]["noise"] = {**made["variants"][1]["noise"], "sd": 0.0}
    found = figure(noise.sections(made)[0].blocks)
    assert titles(found.svg) == [
        "A, split: 60 % (0 % to 100 %)",
        "A, initial weights: 30 % (0 % to 100 %)",
        "A, initial weights × batch order: 10 % (0 % to 100 %)",
    ]
    assert data(found) == [
        ["A", "split", 0.6], ["A", "initial weights", 0.3], ["A", "initial weights × batch order", 0.1],
        ["A", "machine", 0.0],
    ]  # fmt: skip
    assert found.caption.endswith("Without a bar, as there is nothing to divide: D.")
    tables = [block for block in noise.sections(made)[0].blocks if isinstance(block, Table)]
    assert [table.key for table in tables] == ["noise"]


def test_a_study_in_which_nothing_varies_has_no_bars() -> None:
    """Where every score is the same there is nothing to cut."""
    made = _noisy("A")
    made["variants"][0]["noise"]["sd"] = 0.0
    assert not any(isinstance(block, Figure) for block in noise.sections(made)[0].blocks)


@pytest.mark.parametrize("size", [2, 40])
def test_bars_of_few_and_of_many(size: int) -> None:
    """The same bytes twice, and a hatch for each source but the first, which is plain."""
    rows = [
        noise_draw.Row(name, tuple(noise_draw.Part(place, 0.125, f"{place}") for place in range(8)))
        for name in LONG[:size]
    ]
    sources = [f"source {place}" for place in range(8)]
    svg = noise_draw.bars(rows, canvas.styles(LONG), sources)
    assert svg == noise_draw.bars(rows, canvas.styles(LONG), sources)
    assert len(titles(svg)) == 8 * size
    assert len(re.findall(r"<pattern ", svg)) == 7


def test_posteriors_cite_what_they_are_by() -> None:
    """The table of posteriors names its source by model."""
    for made, work in ((small(), "corani2015"), (ranked(), "benavoli2017")):
        (table,) = (block for block in standing.posteriors(made) if isinstance(block, Table))
        assert work in table.caption
