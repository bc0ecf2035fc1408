"""The judged comparisons: forest plot, table of verdicts, table of effect sizes."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from bpbench.report import draw, pairs, unjudged
from bpbench.report.chosen import untested
from bpbench.report.document import Block, Cell, Column, Figure, Table, Text
from bpbench.report.kinds import quick
from bpbench.report.labels import source_note
from bpbench.report.language import marked, tell, tell_as
from bpbench.report.magnitudes import estimates
from bpbench.report.numerals import count, decimals, exact, half_width, p_text, percent, say, short, significant, span
from bpbench.report.results import axis, level_text
from bpbench.report.standing import posteriors
from bpbench.report.tables import align, counted, in_english, number, words
from bpbench.report.tallies import lower_is_better
from bpbench.report.vocabulary import (
    CORRECTIONS,
    all_pairs,
    by_ranks,
    equivalence_scale,
    intervals_text,
    margin_text,
    metric_label,
    on_part,
    repeats_word,
    several_baselines,
    target_key,
    unit,
    unpaired,
    verdict_than,
    verdict_word,
    with_unit,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bpbench.report.canvas import Style


def comparisons(findings: Mapping[str, Any], looks: Mapping[str, Style]) -> list[Block]:
    """Return the forest plot and the tables of verdicts, of effect sizes and of posterior probabilities."""
    entries = findings["analysis"]["comparisons"]
    if not entries:
        return [Text(tell("The protocol declares no comparison."), "note")]
    if quick(findings):
        return unjudged.comparisons(findings)
    if all(entry["difference"] is None for entry in entries):
        return [_verdicts(findings)]
    return [
        *_matrix(findings),
        *pairs.matrix(findings),
        _forest(findings, looks),
        _verdicts(findings),
        _effects(findings),
        *estimates(findings),
        *posteriors(findings),
    ]


def further(findings: Mapping[str, Any], looks: Mapping[str, Style], key: str) -> list[Block]:
    """Return forest plot, verdicts and effect sizes by a further metric.

    Parameters
    ----------
    findings : dict
        A view of :func:`bpbench.report.joint.views`.
    looks : dict of str to Style
        By variant.
    key : str
        Of the metric; it ends the names of figure and tables.
    """
    blocks: list[Block]
    if quick(findings):
        blocks = [block for block in unjudged.comparisons(findings) if isinstance(block, Table)]
    elif all(entry["difference"] is None for entry in findings["analysis"]["comparisons"]):
        blocks = [_verdicts(findings)]
    else:
        blocks = [_forest(findings, looks, f"forest_{key}"), _verdicts(findings), _effects(findings)]
    return [replace(block, key=f"{block.key}_{key}") if isinstance(block, Table) else block for block in blocks]


def _told(entry: Mapping[str, Any], verdict: str, metric: Mapping[str, Any]) -> str:
    """Return a verdict as a table has it: of what is equivalent also whether the difference is resolved."""
    if verdict == "equivalent" and entry["significant"]:
        return tell("equivalent, resolved")
    return verdict_word(verdict, metric)


#: Columns of a table of rows against columns: with fewer a list reads as well, and more do not fit.
_FEWEST: Final = 3
_MOST: Final = 8


def _matrix(findings: Mapping[str, Any]) -> list[Block]:
    """Return the verdicts of all pairs, row against column, nothing where not all pairs of a few are compared."""
    metric, analysis = findings["metric"], findings["analysis"]
    entries = {(entry["candidate"], entry["baseline"]): entry for entry in analysis["comparisons"]}
    down, across = (list(dict.fromkeys(pair[side] for pair in entries)) for side in (0, 1))
    if not all_pairs(analysis) or not _FEWEST <= len(across) <= _MOST:
        return []
    columns = (
        Column("candidate", "", align="left"),
        *(
            Column(f"against_{place}", tell("against {name}", name=short(name)), align="left")
            for place, name in enumerate(across, 1)
        ),
    )
    rows = []
    for name in down:
        cells = []
        for other in across:
            entry = entries.get((name, other))
            if entry is None:
                cells.append(Cell("", None))
                continue
            verdict = entry["verdict"] if entry["p"] is not None else "no test"
            cells.append(in_english(partial(_told, entry, verdict, metric), mark=verdict.replace(" ", "-")))
        rows.append((words(short(name)), *cells))
    return [
        Table(
            "verdicts",
            tell(
                "The verdicts at a glance: what each row is, against each column, by {axis}{part}. Each pair is judged "
                "once, the later contestant against the earlier.",
                axis=axis(findings),
                part=on_part(findings),
            ),
            columns,
            tuple(rows),
            source_note(findings),
            "wide",
        )
    ]


def _against(findings: Mapping[str, Any]) -> str:
    if several_baselines(findings["analysis"]):
        return tell("baseline")
    return say(findings["analysis"]["comparisons"][0]["baseline"])


def _forest(findings: Mapping[str, Any], looks: Mapping[str, Style], key: str = "forest") -> Figure:
    metric, analysis = findings["metric"], findings["analysis"]
    base, several = _against(findings), several_baselines(analysis)
    entries = [entry for entry in analysis["comparisons"] if entry["candidate"] in looks]  # else nothing was found
    rows = [_difference(findings, entry, several=several) for entry in entries]
    margin = analysis.get("margin_width", analysis["margin"])
    beyond = tell("difference") if several else tell("difference from {base}", base=base)
    counted_rows = count(len(rows), "difference")
    return Figure(
        key,
        " ".join(_forest_caption(findings, base, margin)),
        draw.forest(
            rows,
            looks,
            axis=axis(findings, f"{beyond}, "),
            margin=margin,
            sides=_sides(metric, None if several else base),
            key=key,
        ),
        tell("Forest plot of {differences} of pairs.", differences=counted_rows)
        if several
        else tell("Forest plot of {differences} from {base}.", differences=counted_rows, base=base),
        source_note(findings),
        replace(_forest_data(findings, entries, rows), key=key),
    )


def _difference(findings: Mapping[str, Any], entry: Mapping[str, Any], *, several: bool) -> draw.Difference:
    """Return a row of the forest plot."""
    low, high = entry["low"], entry["high"]
    places = decimals(half_width(low, high))
    numbers = number(entry["difference"], places).text
    if low is not None:
        numbers += f" ({span(low, high, places)})"
    return draw.Difference(
        entry["candidate"],
        entry["difference"],
        low,
        high,
        _verdict(findings, entry),
        numbers,
        entry["baseline"] if several else None,
    )


def _verdict(findings: Mapping[str, Any], entry: Mapping[str, Any]) -> str:
    """Return the verdict of a comparison, or why it was not tested."""
    if entry["p"] is None:
        return untested(findings, entry["candidate"])
    return verdict_word(entry["verdict"], findings["metric"])


def _sides(metric: Mapping[str, Any], base: str | None) -> tuple[str, str]:
    """Return what lies to the left and to the right of zero, where all are compared with one or in pairs."""
    below, above = ("better", "worse")[:: 1 if lower_is_better(metric) else -1]
    if base is not None:
        return f"← {verdict_than(below, metric, base)}", f"{verdict_than(above, metric, base)} →"
    return (
        f"← {tell('first is {verdict}', verdict=verdict_word(below, metric))}",
        f"{tell('first is {verdict}', verdict=verdict_word(above, metric))} →",
    )


#: What the intervals by ranks are of, as captions say it.
_CENTRES: Final = {
    "centre": marked("The mark is the difference of the means, the interval that of the centre of the differences."),
    "shift": marked("The mark is the difference of the means, the interval that of the shift between the two samples."),
}


def _forest_caption(findings: Mapping[str, Any], base: str, margin: float | None) -> list[str]:
    """Return the sentences below the forest plot."""
    metric, analysis = findings["metric"], findings["analysis"]
    found = [
        tell(
            "Differences of {metric} (candidate minus {base}) with {intervals}, not adjusted for the family; verdicts "
            "come from the adjusted tests.",
            metric=metric_label(metric),
            base=base,
            intervals=intervals_text(analysis, level_text(findings)),
        )
    ]
    if by_ranks(analysis):
        found.append(tell(_CENTRES[target_key(analysis)]))
    if margin is not None:
        found.append(tell("The grey band is the margin, ±{margin}.", margin=_band(analysis, metric, margin)))
    elif analysis["margin"] is not None:
        found.append(
            tell(
                "The margin, ±{margin}, is not drawn, as it is of another width in each row.",
                margin=margin_text(analysis, metric),
            )
        )
    found.append(tell("Where the axis spans orders of magnitude it is linear around zero and logarithmic beyond."))
    return found


def _forest_data(
    findings: Mapping[str, Any], entries: Sequence[Mapping[str, Any]], rows: Sequence[draw.Difference]
) -> Table:
    """Return the numbers of the forest plot: the same rows."""
    shown = unit(findings["metric"])
    columns = (
        Column("candidate", tell("candidate"), align="left"),
        Column("baseline", tell("baseline"), align="left"),
        Column("difference", tell("difference"), shown),
        Column("low", tell("{level} from", level=level_text(findings)), shown),
        Column("high", tell_as("column", "to"), shown),
        Column("verdict", tell("verdict"), align="left"),
    )
    cells = [
        (
            words(short(row.name)),
            words(short(entry["baseline"])),
            *(number(value, decimals(half_width(row.low, row.high))) for value in (row.value, row.low, row.high)),
            in_english(partial(_verdict, findings, entry)),
        )
        for entry, row in zip(entries, rows, strict=True)
    ]
    caption = tell("Differences as drawn: candidate minus baseline, with the ends of their intervals.")
    return Table("forest", caption, columns, align(cells, columns), unit=shown)


def _band(analysis: Mapping[str, Any], metric: Mapping[str, Any], width: float) -> str:
    """Return the margin in words, and what one of another measure comes to where it is drawn."""
    if analysis["margin"] == width:
        return margin_text(analysis, metric)
    said = margin_text(analysis, metric, analysis["comparisons"][0]["baseline"])
    return tell("{margin}, which is {size} in these data", margin=said, size=with_unit(significant(width), metric))


def _sizes(entry: Mapping[str, Any]) -> Cell:
    """Return on how many repeats a comparison rests: on each side, where the two have different numbers."""
    n, other = entry["n"], entry["n_baseline"]
    return counted(n) if n == other else Cell(f"{n}/{other}", n)


def _verdicts(findings: Mapping[str, Any]) -> Table:
    metric, analysis = findings["metric"], findings["analysis"]
    entries = analysis["comparisons"]
    shown = unit(metric)
    floor = any(entry["p_smallest"] for entry in entries)
    correction = CORRECTIONS.get(analysis["correction"], analysis["correction"])
    several, sized = several_baselines(analysis), _any(entries, "d_z")
    columns = (
        Column("candidate", tell("candidate"), align="left"),
        *((Column("baseline", tell("baseline"), align="left"),) if several else ()),
        Column("n", "n"),
        Column("difference", tell("difference"), shown),
        Column("low", tell("{level} from", level=level_text(findings)), shown),
        Column("high", tell_as("column", "to"), shown),
        *((Column("d_z", tell("d_z of paired differences") if unpaired(analysis) else "d_z"),) if sized else ()),
        Column("p", "p"),
        *((Column("p_smallest", tell("smallest possible p")),) if floor else ()),
        Column("p_adjusted", tell("p, {correction}", correction=correction)),
        Column("p_equivalence_adjusted", tell("p of equivalence")),
        Column("verdict", tell("verdict"), align="left"),
    )
    rows = []
    for entry in entries:
        places = decimals(half_width(entry["low"], entry["high"]))
        judged = entry["p"] is not None
        verdict = entry["verdict"] if judged else "no test"
        said = partial(_told, entry, verdict, metric) if judged else partial(untested, findings, entry["candidate"])
        rows.append(
            (
                words(short(entry["candidate"])),
                *((words(short(entry["baseline"])),) if several else ()),
                _sizes(entry),
                *(number(entry[key], places) for key in ("difference", "low", "high")),
                *((number(entry["d_z"], 2),) if sized else ()),
                Cell(p_text(entry["p"]), entry["p"]),
                *((Cell(significant(entry["p_smallest"] or None, 2), entry["p_smallest"]),) if floor else ()),
                Cell(p_text(entry["p_adjusted"]), entry["p_adjusted"]),
                Cell(p_text(entry["p_equivalence_adjusted"]), entry["p_equivalence_adjusted"]),
                in_english(said, mark=verdict.replace(" ", "-")),
            )
        )
    return Table(
        "comparisons",
        _verdicts_caption(findings, sized=sized),
        columns,
        align(rows, columns),
        source_note(findings),
        "wide",
        shown,
    )


def _verdicts_caption(findings: Mapping[str, Any], *, sized: bool) -> str:
    """Return what the columns of verdicts are, with a message for what the interval is of."""
    analysis, several = findings["analysis"], several_baselines(findings["analysis"])
    by = {"axis": axis(findings), "part": on_part(findings)}
    effect = ""
    if sized:
        effect = (
            tell("effect size d_z of the paired differences, which the test does not use")
            if unpaired(analysis)
            else tell("effect size d_z")
        )
        effect += ", "
    whose = tell(_INTERVALS[target_key(analysis)])
    return tell(
        "{comparisons}: difference (candidate minus baseline), {interval} (not adjusted), {effect}p of the test, p "
        "adjusted over the family, adjusted p of equivalence, verdict.",
        comparisons=tell("Comparisons in pairs by {axis}{part}", **by)
        if several
        else tell("Comparisons with {baseline} by {axis}{part}", baseline=_against(findings), **by),
        interval=whose,
        effect=effect,
    )


#: The interval of a comparison in the words of a caption.
_INTERVALS: Final = {
    "difference": marked("its interval"),
    "centre": marked("the Hodges-Lehmann interval of the centre of the differences"),
    "shift": marked("the Hodges-Lehmann interval of the shift between the two samples"),
}
_ENDS: Final = ("low", "high")


def _any(entries: Sequence[Mapping[str, Any]], key: str) -> bool:
    return any(entry[key] is not None for entry in entries)


def _statistic(value: float | None, *, ranks: bool) -> Cell:
    """Return a test statistic; sums of ranks are whole, or halves where ranks are tied."""
    return number(value, 2 if not ranks or value is None else 0 if float(value).is_integer() else 1)


def _effects(findings: Mapping[str, Any]) -> Table:
    metric, analysis = findings["metric"], findings["analysis"]
    stated, free, sized, bounded = (
        _any(analysis["comparisons"], key) for key in ("detectable", "df", "hedges_g", "equivalence_low")
    )
    several = several_baselines(analysis)
    shown = unit(metric)
    name, measure, scale = equivalence_scale(analysis, metric)
    columns = (
        Column("candidate", tell("candidate"), align="left"),
        *((Column("baseline", tell("baseline"), align="left"),) if several else ()),
        Column("candidate_mean", tell("mean of candidate"), shown),
        Column("baseline_mean", tell("mean of baseline"), shown),
        *(
            (
                Column("equivalence_low", _bound_label(name, percent(1 - 2 * analysis["alpha"])), measure),
                Column("equivalence_high", tell_as("column", "to"), measure),
            )
            if bounded
            else ()
        ),
        *(
            (Column("hedges_g", tell("Hedges' g of paired differences") if unpaired(analysis) else tell("Hedges' g")),)
            if sized
            else ()
        ),
        Column("statistic", tell("statistic")),
        *((Column("df", tell("degrees of freedom")),) if free else ()),
        *((Column("detectable", tell("detectable"), shown),) if stated else ()),
    )
    rows = []
    for entry in analysis["comparisons"]:
        places = decimals(half_width(entry["low"], entry["high"]))
        ends = [None if entry[f"equivalence_{end}"] is None else scale * entry[f"equivalence_{end}"] for end in _ENDS]
        rows.append(
            (
                words(short(entry["candidate"])),
                *((words(short(entry["baseline"])),) if several else ()),
                *(number(entry[f"{side}_mean"], places) for side in ("candidate", "baseline")),
                *(
                    (number(end, decimals(half_width(*ends)) if name != "difference" else places) for end in ends)
                    if bounded
                    else ()
                ),
                *((number(entry["hedges_g"], 2),) if sized else ()),
                _statistic(entry["statistic"], ranks=by_ranks(analysis)),
                *((Cell(exact(entry["df"], 3), entry["df"]),) if free else ()),
                *((number(entry["detectable"], decimals(entry["detectable"])),) if stated else ()),
            )
        )
    return Table(
        "effects",
        _effects_caption(findings, bounded=bounded, sized=sized, stated=stated),
        columns,
        align(rows, columns),
        source_note(findings),
        "wide",
        shown,
    )


def _bound_label(kind: str, level: str) -> str:
    """Return the head of the lower end of the interval that belongs to the equivalence test, by what it is of."""
    if kind == "ratio":
        return tell("ratio of the means less one, {level} from", level=level)
    return tell("d_z, {level} from", level=level) if kind == "d_z" else tell("{level} from", level=level)


def _effects_caption(findings: Mapping[str, Any], *, bounded: bool, sized: bool, stated: bool) -> str:
    """Return what the columns of effect sizes are."""
    metric, analysis = findings["metric"], findings["analysis"]
    repeats, apart = repeats_word(metric), unpaired(analysis)
    parts = [
        tell("means over the {repeats}", repeats=repeats)
        if apart
        else tell("means over the paired {repeats}", repeats=repeats)
    ]
    if bounded:
        parts.append(
            tell("the {level} interval that belongs to the equivalence test", level=percent(1 - 2 * analysis["alpha"]))
        )
    if sized:
        parts.append(
            tell("effect size of the paired differences, which the test does not use") if apart else tell("effect size")
        )
    parts.append(tell("test statistic"))
    told = ", ".join(parts)
    if stated:
        told = tell(
            "{columns}, and the smallest difference that these {repeats} could have detected with a power of {power}",
            columns=told,
            repeats=repeats,
            power=percent(analysis["power"]),
        )
    return tell("The same comparisons in more detail, by {axis}: {columns}.", axis=axis(findings), columns=told)
