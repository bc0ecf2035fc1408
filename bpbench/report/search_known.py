"""Strategies whose candidates are known from the start: random subsets, ranges and groups, and the smallest set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bpbench.report import draw, search_draw, search_maps, search_rows
from bpbench.report.canvas import COLOURS, Style
from bpbench.report.chosen import direction
from bpbench.report.document import Block, Cell, Column, Figure, Table
from bpbench.report.numerals import (
    count,
    half_width,
    middle,
    percent,
    say,
)
from bpbench.report.results import axis
from bpbench.report.search_maps import Point
from bpbench.report.tables import align, counted, number, words
from bpbench.report.vocabulary import CORRECTIONS, lower_is_better, quick, source_note, unit, verdict_word

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Letters of a candidate's label in a figure.
_LABEL: Final = 46


def subsets(findings: Mapping[str, Any], strategy: Mapping[str, Any], key: str) -> list[Block]:
    """Return scores of random subsets against their size, and the tests between sizes; nothing without a score.

    Parameters
    ----------
    findings : dict
        Findings of schema 1.
    strategy : dict
        One of ``findings["exploration"]["strategies"]``.
    key : str
        Prefix of the names of its figures and tables.
    """
    step = strategy["steps"][0]
    stopped = any(one["stopped"] for one in step["tried"])
    sizes = strategy["sizes"]
    scores = [one["mean"] for one in step["tried"]] if sizes is None else sizes["scores"]
    told = [
        (len(one["chosen"]), score, one["label"] == step["taken"])
        for one, score in zip(step["tried"], scores, strict=True)
        if score is not None
    ]
    draws = [(size, score) for size, score, _ in told]
    if not draws:
        return []
    chosen = next(((size, score) for size, score, taken in told if taken), None)
    race = (
        f" Draws that the race stopped lack the later repeats: dots, band and tests are of the first "
        f"{count(sizes['repeats'], 'repeat')}, which all had."
        if stopped and sizes is not None
        else ""
    )
    band = (
        "; the light band runs from the least to the largest draw, the darker one holds the middle half"
        if sizes is not None
        else ""
    )
    untested = " A quick run makes no tests between sizes." if quick(findings) else ""
    figure = Figure(
        f"{key}_sizes",
        f"Strategy {say(strategy['name'])}: {findings['metric']['label']} while exploring against the number of "
        f"functions, which are drawn at random. Every draw is a dot, the mean of its repeats{band}.{race}{untested}",
        search_draw.by_size(
            [] if sizes is None else sizes["sizes"], draws, chosen, key=f"{key}_sizes", score=axis(findings)
        ),
        f"Scores of {count(len(draws), 'random subset')} by their size.",
        source_note(findings),
    )
    if sizes is None:
        return [figure]
    return [figure, _sizes(findings, strategy, f"{key}_scores"), *_pairs(findings, strategy, f"{key}_tests")]


def _sizes(findings: Mapping[str, Any], strategy: Mapping[str, Any], key: str) -> Table:
    shown = unit(findings["metric"])
    heads = {"mean": "mean", "sd": "spread (sd)", "minimum": "least", "lower_quartile": "lower quartile",
             "median": "median", "upper_quartile": "upper quartile", "maximum": "largest"}  # fmt: skip
    columns = (
        Column("size", "functions"),
        Column("draws", "draws"),
        *(Column(name, head, shown) for name, head in heads.items()),
    )
    places = middle([entry["sd"] for entry in strategy["sizes"]["sizes"]])
    rows = [
        (
            counted(entry["size"]),
            counted(entry["draws"]),
            *(number(entry[name], places) for name in heads),
        )
        for entry in strategy["sizes"]["sizes"]
    ]
    return Table(
        key,
        f"Strategy {say(strategy['name'])}: scores of the draws of each size while exploring.",
        columns,
        align(rows, columns),
        source_note(findings),
        "wide",
        shown,
    )


def _pairs(findings: Mapping[str, Any], strategy: Mapping[str, Any], key: str) -> list[Block]:
    """Return the tests between neighbouring sizes, nothing where there is one size."""
    found = strategy["sizes"]
    if not found["comparisons"]:
        return []
    metric, shown = findings["metric"], unit(findings["metric"])
    correction = CORRECTIONS.get(found["correction"], found["correction"])
    columns = (
        Column("candidate", "functions"),
        Column("baseline", "against"),
        Column("n", "draws", align="left"),
        Column("difference", "difference", shown),
        Column("low", f"{percent(1 - found['alpha'])} from", shown),
        Column("high", "to", shown),
        Column("p", "p"),
        Column("p_adjusted", f"p, {correction}"),
        Column("verdict", "the smaller is", align="left"),
    )
    rows = []
    places = middle([half_width(entry["low"], entry["high"]) for entry in found["comparisons"]])
    for entry in found["comparisons"]:
        verdict = entry["verdict"] if entry["p"] is not None else "no test"
        n, other = entry["n"], entry["n_baseline"]
        rows.append(
            (
                Cell(entry["candidate"], entry["candidate"]),
                Cell(entry["baseline"], entry["baseline"]),
                words(f"{n} and {other}"),
                *(number(entry[end], places) for end in ("difference", "low", "high")),
                search_rows.p_cell(entry["p"]),
                search_rows.p_cell(entry["p_adjusted"]),
                words(verdict_word(verdict, metric), mark=verdict.replace(" ", "-")),
            )
        )
    return [
        Table(
            key,
            f"Strategy {say(strategy['name'])}: does the number of functions matter? Each size against the next larger "
            "one, by the Welch t test with the draw as the unit (the mean of its repeats), p adjusted over all rows. "
            "All draws share the frames on which they are scored: this holds given these data, while exploring.",
            columns,
            align(rows, columns),
            source_note(findings),
            "wide",
            shown,
        )
    ]


def known(findings: Mapping[str, Any], strategy: Mapping[str, Any], key: str) -> list[Block]:
    """Return every repeat of every candidate, and their table.

    Parameters
    ----------
    findings : dict
        Findings of schema 1.
    strategy : dict
        One of ``findings["exploration"]["strategies"]``.
    key : str
        Prefix of the names of its figures and tables.
    """
    step = strategy["steps"][0]
    rows, looks = [], {}
    for one in step["tried"]:
        name = search_rows.called(strategy, one["label"])
        values = tuple(score for score in one["scores"] if score is not None)
        rows.append(draw.Repeats(name, values, one["mean"], None, None))
        taken = one["label"] == step["taken"]
        looks[name] = Style(COLOURS[0] if taken else COLOURS[1] if one["stopped"] else COLOURS[7], "o")
    stopped = any(one["stopped"] for one in step["tried"])
    red = "; orange: stopped by the race" if stopped else ""
    figure = Figure(
        f"{key}_candidates",
        f"Strategy {say(strategy['name'])}: every candidate while exploring, each repeat as a point, the stroke below "
        f"the points the mean. Blue: the one that was chosen{red}.",
        draw.repeats(rows, looks, axis=axis(findings), constant=None, key=f"{key}_candidates", limit=_LABEL),
        f"Dot plot of the scores of {count(len(rows), 'candidate')}.",
        source_note(findings),
    )
    columns, cells = search_rows.candidates(findings, strategy, step, differences=step["reference"] is not None)
    beside = f"; differences are those from the chosen one ({direction(findings)})" if step["reference"] else ""
    table = Table(
        f"{key}_tried",
        f"Strategy {say(strategy['name'])}: the candidates{beside}.{search_rows.fewer(step['tried'])}",
        columns,
        cells,
        source_note(findings),
        "wide",
        unit(findings["metric"]),
    )
    return [figure, table]


def smallest(findings: Mapping[str, Any], strategy: Mapping[str, Any], key: str) -> list[Block]:
    """Return the candidates against what they cost, with the margin from the best on, and their table.

    Parameters
    ----------
    findings : dict
        Findings of schema 1.
    strategy : dict
        One of ``findings["exploration"]["strategies"]``.
    key : str
        Prefix of the names of its figures and tables.
    """
    step = strategy["steps"][0]
    found = [one for one in step["tried"] if one["mean"] is not None]
    by_cost = strategy["settings"]["by"] == "operations"
    best = next((one for one in found if one["label"] == step["reference"]), None)
    width = strategy["margin_width"]
    band = None
    if best is not None and width is not None:
        end = best["mean"] + (width if lower_is_better(findings["metric"]) else -width)
        band = (min(best["mean"], end), max(best["mean"], end))
    points = [
        Point(one["label"], one["cost"] if by_cost else len(one["chosen"]), one["mean"], one["label"] == step["taken"])
        for one in found
    ]
    figure = Figure(
        f"{key}_candidates",
        f"Strategy {say(strategy['name'])}: {findings['metric']['label']} of every candidate while exploring against "
        f"{'its operations per atom' if by_cost else 'its number of functions'}; blue: chosen. Grey: the margin from "
        "the best on. A set is as good as the best where that is shown by a test, not where its mean lies in the band.",
        search_maps.scatter(
            points,
            key=f"{key}_candidates",
            across="operations per atom" if by_cost else "number of functions",
            up=axis(findings),
            band=band,
        ),
        f"Scores of {count(len(points), 'candidate')} against what they cost.",
        source_note(findings),
    )
    columns, cells = search_rows.candidates(findings, strategy, step, differences=True)
    return [
        figure,
        Table(
            f"{key}_tried",
            f"Strategy {say(strategy['name'])}: the candidates; differences are those from the best one "
            f"({direction(findings)}).",
            columns,
            cells,
            source_note(findings),
            "wide",
            unit(findings["metric"]),
        ),
    ]
