"""The judged comparisons: forest plot, table of verdicts, table of effect sizes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bpbench.report import draw, pairs, unjudged
from bpbench.report.chosen import untested
from bpbench.report.document import Block, Cell, Column, Figure, Table, Text
from bpbench.report.magnitudes import estimates
from bpbench.report.numerals import (
    count,
    decimals,
    exact,
    half_width,
    p_text,
    percent,
    say,
    short,
    significant,
    span,
)
from bpbench.report.results import axis, level_text
from bpbench.report.standing import posteriors
from bpbench.report.tables import align, counted, number, words
from bpbench.report.vocabulary import (
    CORRECTIONS,
    all_pairs,
    by_ranks,
    equivalence_scale,
    interval_name,
    lower_is_better,
    margin_text,
    on_part,
    quick,
    repeat_word,
    several_baselines,
    source_note,
    target,
    unit,
    unpaired,
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
        return [Text("The protocol declares no comparison.", "note")]
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


def _told(entry: Mapping[str, Any], verdict: str, metric: Mapping[str, Any]) -> str:
    """Return a verdict as a table has it: of what is equivalent also whether the difference is resolved."""
    word = verdict_word(verdict, metric)
    return f"{word}, resolved" if verdict == "equivalent" and entry["significant"] else word


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
        *(Column(f"against_{place}", f"against {short(name)}", align="left") for place, name in enumerate(across, 1)),
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
            cells.append(words(_told(entry, verdict, metric), mark=verdict.replace(" ", "-")))
        rows.append((words(short(name)), *cells))
    return [
        Table(
            "verdicts",
            f"The verdicts at a glance: what each row is, against each column, by {axis(findings)}"
            f"{on_part(findings)}. Each pair is judged once, the later contestant against the earlier.",
            columns,
            tuple(rows),
            source_note(findings),
            "wide",
        )
    ]


def _against(findings: Mapping[str, Any]) -> str:
    if several_baselines(findings["analysis"]):
        return "baseline"
    return say(findings["analysis"]["comparisons"][0]["baseline"])


def _forest(findings: Mapping[str, Any], looks: Mapping[str, Style]) -> Figure:
    metric, analysis = findings["metric"], findings["analysis"]
    base, several = _against(findings), several_baselines(analysis)
    rows = []
    for entry in analysis["comparisons"]:
        if entry["candidate"] not in looks:  # a strategy that found nothing
            continue
        places = decimals(half_width(entry["low"], entry["high"]))
        numbers = number(entry["difference"], places).text
        if entry["low"] is not None:
            numbers += f" ({span(entry['low'], entry['high'], places)})"
        judged = entry["p"] is not None
        verdict = verdict_word(entry["verdict"], metric) if judged else untested(findings, entry["candidate"])
        numbers_of = (entry["difference"], entry["low"], entry["high"])
        rows.append(
            draw.Difference(entry["candidate"], *numbers_of, verdict, numbers, entry["baseline"] if several else None)
        )
    below, above = (verdict_word(word, metric) for word in ("better", "worse")[:: 1 if lower_is_better(metric) else -1])
    first, than = ("first is ", "") if several else ("", f" than {base}")
    margin = analysis.get("margin_width", analysis["margin"])
    ranks = by_ranks(analysis)
    centre = f" The mark is the difference of the means, the interval that of the {target(analysis)}." if ranks else ""
    band = ""
    if margin is not None:
        band = f" The grey band is the margin, ±{_band(analysis, metric, margin)}."
    elif analysis["margin"] is not None:
        band = f" The margin, ±{margin_text(analysis, metric)}, is not drawn, as it is of another width in each row."
    return Figure(
        "forest",
        f"Differences of {metric['label']} (candidate minus {base}) with {level_text(findings)} "
        f"{interval_name(analysis)}s, not adjusted for the family; verdicts come from the adjusted tests."
        f"{centre}{band} Where the axis spans orders of magnitude it is linear around zero and logarithmic beyond.",
        draw.forest(
            rows,
            looks,
            axis=axis(findings, "difference, " if several else f"difference from {base}, "),
            margin=margin,
            sides=(f"← {first}{below}{than}", f"{first}{above}{than} →"),
        ),
        f"Forest plot of {count(len(rows), 'difference')}{' of pairs' if several else f' from {base}'}.",
        source_note(findings),
    )


def _band(analysis: Mapping[str, Any], metric: Mapping[str, Any], width: float) -> str:
    """Return the margin in words, and what one of another measure comes to where it is drawn."""
    if analysis["margin"] == width:
        return margin_text(analysis, metric)
    said = margin_text(analysis, metric, analysis["comparisons"][0]["baseline"])
    return f"{said}, which is {with_unit(significant(width), metric)} in these data"


def _whose(analysis: Mapping[str, Any]) -> str:
    """Return the interval of a comparison in the words of a caption."""
    return f"the Hodges-Lehmann interval of the {target(analysis)}" if by_ranks(analysis) else "its interval"


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
    effect = f"effect size d_z{_OF_PAIRS if unpaired(analysis) else ''}, " if sized else ""
    columns = (
        Column("candidate", "candidate", align="left"),
        *((Column("baseline", "baseline", align="left"),) if several else ()),
        Column("n", "n"),
        Column("difference", "difference", shown),
        Column("low", f"{level_text(findings)} from", shown),
        Column("high", "to", shown),
        *((Column("d_z", "d_z of paired differences" if unpaired(analysis) else "d_z"),) if sized else ()),
        Column("p", "p"),
        *((Column("p_smallest", "smallest possible p"),) if floor else ()),
        Column("p_adjusted", f"p, {correction}"),
        Column("p_equivalence_adjusted", "p of equivalence"),
        Column("verdict", "verdict", align="left"),
    )
    rows = []
    for entry in entries:
        places = decimals(half_width(entry["low"], entry["high"]))
        judged = entry["p"] is not None
        verdict = entry["verdict"] if judged else "no test"
        said = _told(entry, verdict, metric) if judged else untested(findings, entry["candidate"])
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
                words(said, mark=verdict.replace(" ", "-")),
            )
        )
    return Table(
        "comparisons",
        f"Comparisons {'in pairs' if several else f'with {_against(findings)}'} by {axis(findings)}"
        f"{on_part(findings)}: difference "
        f"(candidate minus baseline), {_whose(analysis)} (not adjusted), {effect}p of the test, p adjusted "
        "over the family, adjusted p of equivalence, verdict.",
        columns,
        align(rows, columns),
        source_note(findings),
        "wide",
        shown,
    )


_ENDS: Final = ("low", "high")
#: Said of effect sizes that stand beside a test which is not of what they measure.
_OF_PAIRS: Final = " of the paired differences, which the test does not use"


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
    paired = " of paired differences" if unpaired(analysis) else ""
    several = several_baselines(analysis)
    shown = unit(metric)
    name, measure, scale = equivalence_scale(analysis, metric)
    what = f"{name}, " if name else ""
    columns = (
        Column("candidate", "candidate", align="left"),
        *((Column("baseline", "baseline", align="left"),) if several else ()),
        Column("candidate_mean", "mean of candidate", shown),
        Column("baseline_mean", "mean of baseline", shown),
        *(
            (
                Column("equivalence_low", f"{what}{percent(1 - 2 * analysis['alpha'])} from", measure),
                Column("equivalence_high", "to", measure),
            )
            if bounded
            else ()
        ),
        *((Column("hedges_g", f"Hedges' g{paired}"),) if sized else ()),
        Column("statistic", "statistic"),
        *((Column("df", "degrees of freedom"),) if free else ()),
        *((Column("detectable", "detectable", shown),) if stated else ()),
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
                *((number(end, decimals(half_width(*ends)) if name else places) for end in ends) if bounded else ()),
                *((number(entry["hedges_g"], 2),) if sized else ()),
                _statistic(entry["statistic"], ranks=by_ranks(analysis)),
                *((Cell(exact(entry["df"], 3), entry["df"]),) if free else ()),
                *((number(entry["detectable"], decimals(entry["detectable"])),) if stated else ()),
            )
        )
    return Table(
        "effects",
        f"The same comparisons in more detail, by {axis(findings)}: means over the {'' if paired else 'paired '}"
        f"{repeat_word(metric)}s, "
        + (
            f"the {percent(1 - 2 * analysis['alpha'])} interval that belongs to the equivalence test, "
            if bounded
            else ""
        )
        + (f"effect size{_OF_PAIRS if paired else ''}, " if sized else "")
        + "test statistic"
        + (
            f", and the smallest difference that these {repeat_word(metric)}s could have detected with a power of "
            f"{percent(analysis['power'])}."
            if stated
            else "."
        ),
        columns,
        align(rows, columns),
        source_note(findings),
        "wide",
        shown,
    )
