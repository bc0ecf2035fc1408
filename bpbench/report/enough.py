"""How many repeats would be enough for what is undecided: from the margin and the spread, not from the difference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bpbench.report.numerals import count, exact, percent, significant
from bpbench.report.vocabulary import margin_text, unit_word, with_unit
from bpbench.statistics.repeats import CONFIDENCE, MOST

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def enough(comparisons: Sequence[Mapping[str, Any]], metric: Mapping[str, Any], analysis: Mapping[str, Any]) -> str:
    """Return one sentence on how many repeats would decide, nothing where no comparison tells.

    Parameters
    ----------
    comparisons : sequence of dict
        Of ``findings["analysis"]["comparisons"]``: one that is spelled out, or all; those with ``needed`` count.
    metric, analysis : dict
        Of findings.
    """
    told = [(entry["n"], entry["needed"]) for entry in comparisons if entry.get("needed") is not None]
    if not told:
        return ""
    repeat = unit_word(metric, analysis)
    margin = f"the margin of ±{margin_text(analysis, metric)}"
    never = [needed for _, needed in told if needed["repeats"] is None]
    if never:
        some = f"{len(never)} of the" if len(never) < len(told) else "the"
        whom = "" if len(told) == 1 else f" {some} {len(told)} undecided comparisons"
        worst = max(never, key=lambda needed: needed["floor"])
        if worst["floor"] == 0:
            return (
                f"No number of {repeat}s that could be run would decide{whom} at {margin}: beside their spread the "
                f"margin is so small that more than {exact(MOST, 1)} would be needed."
            )
        floor = significant(worst["floor"])
        floor = f"{floor} d_z" if worst["spread"] is None else with_unit(floor, metric)
        return (
            f"No number of {repeat}s would decide{whom} at {margin}: as splits of the same data overlap, less than "
            f"{floor} cannot be resolved; more independent blocks would lower that."
        )
    n, worst = max(told, key=lambda pair: pair[1]["repeats"])
    about = "" if analysis["test"] in {"paired-t", "nadeau-bengio"} else "about "
    power = f"each with a power of {percent(analysis['power'])}"
    by = "" if worst["spread"] is None else f", by an upper limit of the spread ({percent(CONFIDENCE)} confidence)"
    if worst["repeats"] <= n:
        return (
            f"These {count(n, repeat)} are enough to find a difference as large as {margin}, and to show that there is "
            f"none, {power}{by}; a true difference between the two needs more."
        )
    every = "both" if len(told) == 2 else f"all {len(told)}"
    whom = "" if len(told) == 1 else f", for {every} undecided comparisons"
    return (
        f"Enough would be {about}{count(worst['repeats'], repeat)}{whom}, to find a difference as large as {margin} or "
        f"to show that there is none, {power}{by}."
    )
