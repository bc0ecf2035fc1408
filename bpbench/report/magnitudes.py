"""Effect sizes in other currencies, and what the best of several repeats would show: tables and their words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bpbench.counting import listed
from bpbench.report.document import Column, Table, Text
from bpbench.report.numerals import decimals, half_width, percent, say, short
from bpbench.report.results import axis, summary_of
from bpbench.report.tables import align, counted, number, words
from bpbench.report.vocabulary import on_part, repeat_word, several_baselines, source_note, unit, verdict_word

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bpbench.report.document import Block, Cell

#: Estimates that the table shows, each with the methods of which one has its interval.
_SHOWN: Final = (
    ("ratio", "ratio of means", ("fieller",)),
    ("cliffs_delta", "Cliff's δ", ("consistent",)),
    ("rank_biserial", "rank-biserial", ()),
    ("improvement", "{better}", ("binomial", "brunner-munzel")),
    ("difference", "", ("bca",)),
)
#: Candidates of a remark that are named one by one.
_NAMED: Final = 8
#: Sizes of which the best is told.
_SIZES: Final = (1, 2, 3, 5, 10, 20, 50, 100, 200, 500, 1000)


def estimates(findings: Mapping[str, Any]) -> list[Block]:
    """Return the table of estimates beside the difference, nothing where no comparison has any."""
    entries = [entry for entry in findings["analysis"]["comparisons"] if entry["estimates"]]
    if not entries:
        return []
    metric = findings["metric"]
    shown = unit(metric)
    better = verdict_word("better", metric)
    level = percent(entries[0]["estimates"]["level"])
    several = several_baselines(findings["analysis"])
    columns, kept = [Column("candidate", "candidate", align="left")], []
    if several:
        columns.append(Column("baseline", "baseline", align="left"))
    for name, label, methods in _SHOWN:
        given = [entry["estimates"]["values"][name] for entry in entries if name in entry["estimates"]["values"]]
        valued = bool(label) and any(item["value"] is not None for item in given)
        spanned = any(_interval(item, methods)[0] is not None for item in given)
        kept.append((name, methods, valued, spanned))
        of = f"{short(label.format(better=better))}, " if label else "difference, BCa "
        if valued:
            columns.append(Column(name, label.format(better=better)))
        if spanned:
            place = "" if label else shown
            columns += [Column(f"{name}_low", f"{of}{level} from", place), Column(f"{name}_high", "to", place)]
    rows = tuple(
        (
            words(short(entry["candidate"])),
            *((words(short(entry["baseline"])),) if several else ()),
            *_cells(entry["estimates"]["values"], kept),
        )
        for entry in entries
    )
    table = Table(
        "estimates",
        f"The same comparisons in other currencies, by {axis(findings)}{on_part(findings)}. {_reading(findings)}",
        tuple(columns),
        align(rows, columns),
        source_note(findings),
        "wide",
        shown,
    )
    return [table, *(Text(text, "note") for text in _remarks(findings, entries))]


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
    repeat, better = repeat_word(metric), verdict_word("better", metric)
    pairs = [entry["estimates"]["paired"] for entry in findings["analysis"]["comparisons"] if entry["estimates"]]
    share = f"of the {repeat}s" if all(pairs) else f"of all pairs of a candidate's and a baseline's {repeat}"
    return (
        "Ratio: mean of the candidate over that of the baseline, with Fieller's interval. Cliff's δ: how much more "
        f"often a {repeat} of the candidate lies above one of the baseline than below, from all pairs of {repeat}s"
        + (
            ", and the rank-biserial correlation of the paired differences: 1 or −1 if all lie on one side"
            if all(pairs)
            else ""
        )
        + f". {better.capitalize()}: share {share} in which the candidate is {better}, ties counting half, as an "
        "estimate of that probability. BCa: a bootstrap interval of the difference, which does not take its noise as "
        "normal. Each interval is for itself alone, and no verdict rests on any of them."
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
        text if alone or len(names) == len(entries) else f"{text} (Of {_whose(names, findings['analysis'])}.)"
        for text, names in said.items()
    ]


def _whose(names: list[str], analysis: Mapping[str, Any]) -> str:
    """Return of which comparisons something is said: by their candidates, if those tell them apart and are few."""
    if several_baselines(analysis) or len(names) > _NAMED:
        return f"{len(names)} of {len(analysis['comparisons'])} comparisons"
    return listed(names)


def best_of(findings: Mapping[str, Any]) -> list[Block]:
    """Return the table of what the best of n trainings would be expected to show, nothing where it says nothing."""
    found = [variant for variant in findings["variants"] if variant["best_of"] and variant["best_of"]["repeats"] > 1]
    if not found:
        return []
    metric = findings["metric"]
    shown = unit(metric)
    most = max(variant["best_of"]["repeats"] for variant in found)
    told = {n for variant in found for n in variant["best_of"]["n"]}
    sizes = [n for n in _SIZES if n < most and n in told]
    columns = (
        Column("variant", "variant", align="left"),
        Column("estimator", "draws", align="left"),
        Column("repeats", "N"),
        *(Column(f"best_of_{n}", f"best of {n}", shown) for n in sizes),
        Column("best_of_all", "best of N", shown),
    )
    rows = []
    for variant in found:
        entry = variant["best_of"]
        summary = summary_of(variant, findings["analysis"]["part"], metric["key"])
        places = decimals(half_width(summary.get("low"), summary.get("high")) or summary.get("sd"))
        for key, label in (("without_replacement", "without replacement"), ("with_replacement", "with replacement")):
            expected = dict(zip(entry["n"], entry[key], strict=True))
            rows.append(
                (
                    words(short(variant["name"])),
                    words(label),
                    counted(entry["repeats"]),
                    *(number(expected.get(n), places) for n in (*sizes, entry["repeats"])),
                )
            )
    return [
        Table(
            "best_of",
            f"No score of a model: {metric['label']} that the best of n repeats would be expected to show"
            f"{on_part(findings)}, if only the best were kept. It improves with n while the model stays the same; the "
            "mean is the best of 1. Without replacement it is the mean over all choices of n of the N repeats that "
            "finished, which is unbiased; with replacement it is that of n draws from them, which varies less. Neither "
            "tells of more than N.",
            columns,
            align(rows, columns),
            source_note(findings),
            "wide",
            shown,
        )
    ]
