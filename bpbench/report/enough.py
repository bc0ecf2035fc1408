"""How many repeats would be enough for what is undecided: from the margin and the spread, not from the difference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bpbench.report.language import tell
from bpbench.report.numerals import exact, percent, significant
from bpbench.report.vocabulary import margin_text, unit_count, units_word, with_unit
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
    never = [needed for _, needed in told if needed["repeats"] is None]
    if never:
        worst = max(never, key=lambda needed: needed["floor"])
        return _never(worst, _undecided(len(never), len(told)), metric, analysis)
    n, worst = max(told, key=lambda pair: pair[1]["repeats"])
    fields = {"margin": margin_text(analysis, metric), "how": _how(worst, analysis)}
    if worst["repeats"] <= n:
        return tell(
            "These {repeats} are enough to find a difference as large as the margin of ±{margin}, and to show that "
            "there is none, {how}; a true difference between the two needs more.",
            repeats=unit_count(n, metric, analysis),
            **fields,
        )
    repeats = unit_count(worst["repeats"], metric, analysis)
    if analysis["test"] not in {"paired-t", "nadeau-bengio"}:
        repeats = tell("about {number}", number=repeats)
    return tell(
        "Enough would be {repeats}{whom}, to find a difference as large as the margin of ±{margin} or to show that "
        "there is none, {how}.",
        repeats=repeats,
        whom=_for_all(len(told)),
        **fields,
    )


def _undecided(some: int, total: int) -> str:
    """Return which comparisons no number of repeats would decide, with a space before; nothing where there is one."""
    if total == 1:
        return ""
    if some < total:
        return " " + tell("{some} of the {total} undecided comparisons", some=some, total=total)
    return " " + tell("the {total} undecided comparisons", total=total)


def _for_all(total: int) -> str:
    """Return for which comparisons a number of repeats is enough, with a comma before; nothing where there is one."""
    if total == 1:
        return ""
    if total == 2:
        return ", " + tell("for both undecided comparisons")
    return ", " + tell("for all {total} undecided comparisons", total=total)


def _how(needed: Mapping[str, Any], analysis: Mapping[str, Any]) -> str:
    """Return with which power, and by which spread."""
    power = percent(analysis["power"])
    if needed["spread"] is None:
        return tell("each with a power of {power}", power=power)
    return tell(
        "each with a power of {power}, by an upper limit of the spread ({confidence} confidence)",
        power=power,
        confidence=percent(CONFIDENCE),
    )


def _never(needed: Mapping[str, Any], whom: str, metric: Mapping[str, Any], analysis: Mapping[str, Any]) -> str:
    """Return that no number of repeats would be enough, and why."""
    fields = {
        "repeats": units_word(metric, analysis),
        "whom": whom,
        "margin": margin_text(analysis, metric),
    }
    if needed["floor"] == 0:
        return tell(
            "No number of {repeats} that could be run would decide{whom} at the margin of ±{margin}: beside their "
            "spread the margin is so small that more than {most} would be needed.",
            most=exact(MOST, 1),
            **fields,
        )
    floor = significant(needed["floor"])
    return tell(
        "No number of {repeats} would decide{whom} at the margin of ±{margin}: as splits of the same data overlap, "
        "less than {floor} cannot be resolved; more independent blocks would lower that.",
        floor=f"{floor} d_z" if needed["spread"] is None else with_unit(floor, metric),
        **fields,
    )
