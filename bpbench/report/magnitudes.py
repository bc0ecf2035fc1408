"""Effect sizes in other currencies, and what the best of several repeats would show: tables, a figure, their words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bpbench.report import magnitudes_draw
from bpbench.report.canvas import styles
from bpbench.report.document import Cell, Column, Figure, Table, Text, cite, ref
from bpbench.report.kinds import is_time
from bpbench.report.labels import source_note
from bpbench.report.language import listed, marked, tell, tell_as
from bpbench.report.numerals import count, decimals, half_width, percent, say, short, whole
from bpbench.report.results import axis, summary_of
from bpbench.report.retold import retold
from bpbench.report.tables import align, counted, number, words
from bpbench.report.tallies import drawn, lower_is_better, undrawn_note
from bpbench.report.vocabulary import (
    metric_label,
    on_part,
    repeat_word,
    repeats_word,
    several_baselines,
    unit,
    verdict_word,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bpbench.report.document import Block

#: Estimates that the table shows, each with the methods of which one has its interval.
_SHOWN: Final = (
    ("ratio", marked("ratio of means"), ("fieller",)),
    ("cliffs_delta", marked("Cliff's δ"), ("consistent",)),
    ("rank_biserial", marked("rank-biserial"), ()),
    ("improvement", "", ("binomial", "brunner-munzel")),
    ("difference", "", ("bca",)),
)
#: Candidates of a remark that are named one by one.
_NAMED: Final = 8
#: Sizes of which the best is told.
_SIZES: Final = (1, 2, 3, 5, 10, 20, 50, 100, 200, 500, 1000)
#: Rows of numbers behind a figure beyond which only those sizes are listed.
_LISTED: Final = 500


def estimates(findings: Mapping[str, Any]) -> list[Block]:
    """Return the table of estimates beside the difference, nothing where no comparison has any."""
    entries = [entry for entry in findings["analysis"]["comparisons"] if entry["estimates"]]
    if not entries:
        return []
    shown = unit(findings["metric"])
    several = several_baselines(findings["analysis"])
    columns, kept = _columns(findings, entries)
    rows = tuple(
        (
            words(short(entry["candidate"])),
            *((words(short(entry["baseline"])),) if several else ()),
            *_cells(entry["estimates"]["values"], kept),
        )
        for entry in entries
    )
    first = tell(
        "The same comparisons in other currencies, by {axis}{part}.", axis=axis(findings), part=on_part(findings)
    )
    table = Table(
        "estimates",
        f"{first} {_reading(findings)}",
        columns,
        align(rows, columns),
        source_note(findings),
        "wide",
        shown,
    )
    return [table, *(Text(text, "note") for text in _remarks(findings, entries))]


def _columns(
    findings: Mapping[str, Any], entries: Sequence[Mapping[str, Any]]
) -> tuple[tuple[Column, ...], list[tuple[str, tuple[str, ...], bool, bool]]]:
    """Return the columns, and of each estimate its methods and whether it has values and intervals to show."""
    better, shown = verdict_word("better", findings["metric"]), unit(findings["metric"])
    level = percent(entries[0]["estimates"]["level"])
    columns = [Column("candidate", tell("candidate"), align="left")]
    kept: list[tuple[str, tuple[str, ...], bool, bool]] = []
    if several_baselines(findings["analysis"]):
        columns.append(Column("baseline", tell("baseline"), align="left"))
    for name, label, methods in _SHOWN:
        given = [entry["estimates"]["values"][name] for entry in entries if name in entry["estimates"]["values"]]
        difference = name == "difference"
        valued = not difference and any(item["value"] is not None for item in given)
        spanned = any(_interval(item, methods)[0] is not None for item in given)
        kept.append((name, methods, valued, spanned))
        head = tell(label) if label else better
        if valued:
            columns.append(Column(name, head))
        if spanned:
            if difference:
                low, place = tell("difference, BCa {level} from", level=level), shown
            else:
                low, place = tell("{estimate}, {level} from", estimate=short(head), level=level), ""
            columns += [Column(f"{name}_low", low, place), Column(f"{name}_high", tell_as("column", "to"), place)]
    return tuple(columns), kept


def _interval(estimate: Mapping[str, Any] | None, methods: tuple[str, ...]) -> tuple[float | None, float | None]:
    """Return the ends of the first of these methods that the estimate has."""
    for method in methods:
        found = (estimate or {}).get("intervals", {}).get(method)
        if found:
            return found["low"], found["high"]
    return None, None


def _cells(values: Mapping[str, Any], kept: Sequence[tuple[str, tuple[str, ...], bool, bool]]) -> list[Cell]:
    cells = []
    for name, methods, valued, spanned in kept:
        low, high = _interval(values.get(name), methods)
        places = 2 if name != "ratio" and valued else decimals(half_width(low, high))
        if valued:
            value = (values.get(name) or {}).get("value")
            cells.append(number(value, 3 if places is None else places))
        if spanned:
            cells += [number(low, places), number(high, places)]
    return cells


def _reading(findings: Mapping[str, Any]) -> str:
    """Return how the estimates are to be read."""
    metric = findings["metric"]
    better = verdict_word("better", metric)
    single, many = tell("a round") if is_time(metric) else tell("a repeat"), repeats_word(metric)
    paired = all(entry["estimates"]["paired"] for entry in findings["analysis"]["comparisons"] if entry["estimates"])
    fields = {"head": f"{better[:1].upper()}{better[1:]}", "better": better}
    return " ".join(
        [
            tell(
                "Ratio: mean of the candidate over that of the baseline, with Fieller's interval{cited}.",
                cited=cite("fieller1954"),
            ),
            tell(
                "Cliff's δ{cited}: how much more often {a_repeat} of the candidate lies above one of the baseline than "
                "below, from all pairs of {repeats}{biserial}.",
                cited=cite("cliff1993"),
                a_repeat=single,
                repeats=many,
                biserial=tell(
                    ", and the rank-biserial correlation of the paired differences: 1 or −1 if all lie on one side"
                )
                if paired
                else "",
            ),
            tell(
                "{head}: share of the {repeats} in which the candidate is {better}, ties counting half, as an estimate "
                "of that probability.",
                repeats=many,
                **fields,
            )
            if paired
            else tell(
                "{head}: share of all pairs of a candidate's and a baseline's {repeat} in which the candidate is "
                "{better}, ties counting half, as an estimate of that probability.",
                repeat=repeat_word(metric),
                **fields,
            ),
            tell(
                "BCa: a bootstrap interval{cited} of the difference, which does not take its noise as normal.",
                cited=cite("efron1987"),
            ),
            tell("Each interval is for itself alone, and no verdict rests on any of them."),
        ]
    )


def _remarks(findings: Mapping[str, Any], entries: list[Mapping[str, Any]]) -> list[str]:
    """Return what must be said of the intervals, each sentence once, with the candidates where not said of all."""
    said: dict[str, list[str]] = {}
    for entry in entries:
        found = entry["estimates"]
        texts = [found["remark"]] if found["remark"] else []
        for name, _, methods in _SHOWN:
            item = found["values"].get(name)
            if item is not None:
                texts += [item["remark"], *(item["intervals"].get(method, {}).get("remark") for method in methods)]
        for text in dict.fromkeys(filter(None, texts)):
            said.setdefault(text, []).append(say(entry["candidate"]))
    alone = len(findings["analysis"]["comparisons"]) == 1
    return [
        retold(text)
        if alone or len(names) == len(entries)
        else tell("{remark} (Of {comparisons}.)", remark=retold(text), comparisons=_whose(names, findings["analysis"]))
        for text, names in said.items()
    ]


def _whose(names: list[str], analysis: Mapping[str, Any]) -> str:
    """Return of which comparisons something is said: by their candidates, if those tell them apart and are few."""
    if several_baselines(analysis) or len(names) > _NAMED:
        total = len(analysis["comparisons"])
        return tell("{some} of {total} comparisons", some=whole(len(names)), total=whole(total))
    return listed(names)


# ------------------------------------------------------------------------------------------------------- best of n


def best_of(findings: Mapping[str, Any]) -> list[Block]:
    """Return what the best of n trainings would be expected to show, nothing where it says nothing."""
    found = [variant for variant in findings["variants"] if variant["best_of"] and variant["best_of"]["repeats"] > 1]
    if not found:
        return []
    return [_best(findings, found), *_curve(findings, found)]


def _best(findings: Mapping[str, Any], found: Sequence[Mapping[str, Any]]) -> Table:
    metric = findings["metric"]
    shown = unit(metric)
    most = max(variant["best_of"]["repeats"] for variant in found)
    told = {n for variant in found for n in variant["best_of"]["n"]}
    sizes = [n for n in _SIZES if n < most and n in told]
    columns = (
        Column("variant", tell("variant"), align="left"),
        Column("estimator", tell("draws"), align="left"),
        Column("repeats", "N"),
        *(Column(f"best_of_{n}", tell("best of {n}", n=whole(n)), shown) for n in sizes),
        Column("best_of_all", tell("best of {n}", n="N"), shown),
    )
    labels = {
        "without_replacement": Cell(tell("without replacement"), "without replacement"),
        "with_replacement": Cell(tell("with replacement"), "with replacement"),
    }
    rows = []
    for variant in found:
        entry, places = variant["best_of"], _places(findings, variant)
        for key, label in labels.items():
            expected = dict(zip(entry["n"], entry[key], strict=True))
            rows.append(
                (
                    words(short(variant["name"])),
                    label,
                    counted(entry["repeats"]),
                    *(number(expected.get(n), places) for n in (*sizes, entry["repeats"])),
                )
            )
    return Table(
        "best_of",
        tell(
            "No score of a model: {metric} that the best of n repeats would be expected to show{part}, if only the "
            "best were kept{cited}. It improves with n while the model stays the same; the mean is the best of 1. "
            "Without replacement it is the mean over all choices of n of the N repeats that finished, which is "
            "unbiased; with replacement it is that of n draws from them, which varies less{compared}. Neither tells of "
            "more than N.",
            metric=metric_label(metric),
            part=on_part(findings),
            cited=cite("dodge2019"),
            compared=cite("dodge2021"),
        ),
        columns,
        align(rows, columns),
        source_note(findings),
        "wide",
        shown,
    )


def _places(findings: Mapping[str, Any], variant: Mapping[str, Any]) -> int | None:
    summary = summary_of(variant, findings["analysis"]["part"], findings["metric"]["key"])
    return decimals(half_width(summary.get("low"), summary.get("high")) or summary.get("sd"))


def _curve(findings: Mapping[str, Any], found: Sequence[Mapping[str, Any]]) -> list[Block]:
    """Return the figure of the best over n, of the variants that figures of single variants show."""
    shown = {variant["name"] for variant in drawn(findings)}
    curves = [
        magnitudes_draw.Best(
            variant["name"],
            tuple(variant["best_of"]["n"]),
            tuple(variant["best_of"]["without_replacement"]),
            tuple(variant["best_of"]["with_replacement"]),
            tuple(variant["best_of"]["spread"]),
            _places(findings, variant),
        )
        for variant in found
        if variant["name"] in shown
    ]
    if not curves:
        return []
    looks = styles([variant["name"] for variant in findings["variants"]])
    lower = lower_is_better(findings["metric"])
    what = (
        tell("The least {metric} to be expected of n repeats{part}, over n.", **_what(findings))
        if lower
        else tell("The largest {metric} to be expected of n repeats{part}, over n.", **_what(findings))
    )
    caption = [
        what,
        tell(
            "Solid, with marks: without replacement; dashed: with replacement. No curve goes beyond the repeats that "
            "its variant has, and each begins at their mean."
        ),
    ]
    alone = magnitudes_draw.apart(curves)
    if alone:
        caption.append(tell("Each panel has its own scale."))
    if alone or len(curves) <= magnitudes_draw.BANDS:
        caption.append(
            tell("The bands are one standard deviation of a single best of n, drawn with replacement, to each side.")
        )
    caption.append(tell("{table} has the numbers.", table=ref("table", "best_of")))
    return [
        Figure(
            "best_of",
            " ".join(caption) + undrawn_note(findings),
            magnitudes_draw.best_of(curves, looks, axis=axis(findings)),
            tell("Curves of the best of n repeats over n for {variants}.", variants=count(len(curves), "variant")),
            source_note(findings),
            _data(findings, curves),
        )
    ]


def _what(findings: Mapping[str, Any]) -> dict[str, str]:
    return {"metric": metric_label(findings["metric"]), "part": on_part(findings)}


def _data(findings: Mapping[str, Any], curves: Sequence[magnitudes_draw.Best]) -> Table:
    """Return the points of the curves; of very many those of few sizes."""
    shown = unit(findings["metric"])
    all_of_them = sum(len(curve.n) for curve in curves) <= _LISTED
    columns = (
        Column("variant", tell("variant"), align="left"),
        Column("n", "n"),
        Column("without_replacement", tell("without replacement"), shown),
        Column("with_replacement", tell("with replacement"), shown),
        Column("spread", tell("standard deviation of one"), shown),
    )
    rows = [
        (
            words(short(curve.name)),
            counted(n),
            *(number(value, curve.places) for value in point),
        )
        for curve in curves
        for n, *point in zip(curve.n, curve.without, curve.drawn, curve.spread, strict=True)
        if all_of_them or n in _SIZES or n == curve.n[-1]
    ]
    caption = tell("The expected best of n repeats.")
    if not all_of_them:
        caption = tell("The expected best of n repeats; only some n of each curve are listed.")
    return Table("best_of", caption, columns, align(rows, columns), unit=shown)
