"""The lines of ``bpbench track gate`` and ``compare``: what became worse between runs. Plain JSON in, text out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bpbench.counting import listed
from bpbench.report.comment import aligned, escaped, fenced, folded, piped
from bpbench.report.kept import NAME, digest, headed, moment, ranges
from bpbench.report.numerals import (
    NOTHING,
    count,
    decimals,
    exact,
    fixed,
    p_equals,
    p_text,
    percent,
    say,
    short,
    signed,
    significant,
    whole,
)
from bpbench.report.vocabulary import CORRECTIONS, margin_text, unit
from bpbench.report.words import sentence

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

#: Comparisons that are named beside the answer.
_NAMED: Final = 5
#: What ``changed`` says of the sources, beside which their digests stand.
_SOURCES: Final = "sources"
#: Kinds that are worse only where they are so by more than their margin.
_MARGINAL: Final = ("time", "memory")
_HEAD: Final = ("variant", "measure", "baseline", "newest", "change", "interval", "adjusted p", "detectable", "verdict")
_RIGHT: Final = range(2, 8)
_RUN_HEAD: Final = ("", "run", "draw", "made", "sources", "host")


def gate(told: Mapping[str, Any]) -> list[str]:
    """Return the lines of ``bpbench track gate``: the answer, the worst, what changed, what could have been found.

    Parameters
    ----------
    told : dict
        Newest run, baseline and their judged comparisons.
    """
    return [answer(told), *(f"  {text}" for text in worst(told)), *beside(told)]


def compare(told: Mapping[str, Any]) -> list[str]:
    """Return the lines of ``bpbench track compare``: those of :func:`gate`, and every comparison.

    Parameters
    ----------
    told : dict
        As :func:`gate` takes it.
    """
    return (
        [*gate(told), "", _caption(told), *aligned(_HEAD, _rows(told), right=_RIGHT)]
        if told["comparisons"]
        else gate(told)
    )


def markdown(told: Mapping[str, Any], *, command: str) -> str:
    """Return the gate's answer as a comment of a pull request.

    Parameters
    ----------
    told : dict
        As :func:`gate` takes it.
    command : str
        The command line that repeats it.
    """
    found = _worse(told)
    blocks = [f"### bpbench track: {told['answer']}", escaped(sentence(answer(told)))]
    if found:
        blocks.append(piped(_HEAD, _rows(told, found[:_NAMED]), right=_RIGHT))
    blocks.append("\n".join(f"- {escaped(text)}" for text in _more(found) + beside(told)))
    if told["comparisons"]:
        title = f"All {count(len(told['comparisons']), 'comparison')}"
        blocks.append(folded(title, [escaped(_caption(told)), piped(_HEAD, _rows(told), right=_RIGHT)]))
    blocks += [
        folded("Runs", [piped(_RUN_HEAD, [_run_row("newest", told["newest"]), *_baseline_rows(told)])]),
        f"Repeat it with\n\n{fenced(command)}",
    ]
    return "\n\n".join(blocks) + "\n"


def answer(told: Mapping[str, Any]) -> str:
    """Return whether anything became worse, in one sentence.

    Parameters
    ----------
    told : dict
        As :func:`gate` takes it.
    """
    newest, size, found = told["newest"], told["family"], _worse(told)
    sides = f"run {newest['number']} of {say(told['study'])} against {_baseline(told)}"
    how = f"{_adjusted(told)}, α = {exact(told['alpha'])}"
    if not told["comparisons"]:
        return f"{told['answer']}: nothing of {sides} could be compared."
    if not found:
        return f"{told['answer']}: {sides}, none of {count(size, 'comparison')} is worse ({how})."
    verb = "is" if len(found) == 1 else "are"
    return f"{told['answer']}: {sides}, {whole(len(found))} of {count(size, 'comparison')} {verb} worse ({how})."


def worst(told: Mapping[str, Any]) -> list[str]:
    """Return one sentence for each of the clearest comparisons that are worse, and how many more there are.

    Parameters
    ----------
    told : dict
        As :func:`gate` takes it.
    """
    found = _worse(told)
    return [_worse_sentence(one, told) for one in found[:_NAMED]] + _more(found)


def beside(told: Mapping[str, Any]) -> list[str]:
    """Return what must stand beside the answer: what changed, what was not compared, what could have been found.

    Parameters
    ----------
    told : dict
        As :func:`gate` takes it.
    """
    return [
        *_others(told),
        _changed(told),
        *map(sentence, told["not_compared"]),
        *_remarks(told),
        *_detectable(told),
        _margins(told),
        sentence(told["given"].split(". ")[-1]),
    ]


def _margins(told: Mapping[str, Any]) -> str:
    """Return what does not matter of each measure."""
    texts = [f"{one['label']} {NOTHING if one['margin'] is None else _with_unit(one)}" for one in told["margins"]]
    return f"Margins: {', '.join(texts)}."


def _with_unit(one: Mapping[str, Any]) -> str:
    """Return a margin with the unit it is in, which of a share is none."""
    margin = one["margin"]
    return str(margin) if isinstance(margin, str) else f"{exact(margin)} {one['unit']}"


def _others(told: Mapping[str, Any]) -> list[str]:
    """Return what is said of the comparisons that are not worse: that nothing was found is never "the same"."""
    verdicts = [_verdict(one) for one in told["comparisons"]]
    words = {
        "better": "better",
        "equivalent": "equivalent within the margin",
        "not worse": "shown not to have grown by more than the margin",
        "undecided": "undecided",
    }
    parts = [f"{whole(number)} {word}" for verdict, word in words.items() if (number := verdicts.count(verdict))]
    if not parts:
        return []
    whom = "The others" if "worse" in verdicts else "Of these"
    small = ": there may be a change too small to be found" if "undecided" in verdicts else ""
    return [f"{whom}: {listed(parts)}{small}."]


def _worse(told: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the comparisons that are worse, the clearest first: by adjusted p, then by the size of the change."""
    found = [one for one in told["comparisons"] if one["verdict"] == "worse"]
    return sorted(found, key=lambda one: (one["p_adjusted"] or 0.0, -abs(one["change"] or 0.0)))


def _more(found: Sequence[Mapping[str, Any]]) -> list[str]:
    gone = len(found) - _NAMED
    return [f"… and {whole(gone)} more (`track compare` gives all)."] if gone > 0 else []


def _worse_sentence(one: Mapping[str, Any], told: Mapping[str, Any]) -> str:
    p = f"{_adjusted_p(told)} {p_equals(one['p_adjusted'])}"
    n = f"n = {whole(one['n'])} and {whole(one['n_baseline'])}"
    if one["kind"] == "failures":
        return f"{_subject(one)}: {_share(one['mean'])} after {_share(one['baseline_mean'])} ({n}, {p})."
    new, old = _pair(one)
    change = NOTHING if one["change"] is None else change_text(one["change"], _places(one))
    parts = [n, p]
    if None not in {one["low"], one["high"]}:
        parts.insert(0, f"{percent(1 - told['alpha'])} interval {_interval(one)}")
    text = f"{_subject(one)}: {change}, {new} after {old} {unit(one)}".rstrip()
    if one["kind"] in _MARGINAL:
        text += f", beyond the margin of {margin_text({'margin': one['margin'], 'family': []}, one)}"
    return f"{text} ({', '.join(parts)})."


def _subject(one: Mapping[str, Any]) -> str:
    """Return what was compared: ``RMSE of D``."""
    if one["kind"] == "failures":
        return "Failed trainings of all variants together"
    return f"{one['label']} of {say(one['variant'])}"


def _pair(one: Mapping[str, Any]) -> tuple[str, str]:
    """Return the new and the old mean, with digits enough to see their difference."""
    new, old = one["mean"], one["baseline_mean"]
    places = decimals(float(f"{abs(new - old):.3g}")) if None not in {new, old} else None
    # a change far below the mean's own digits still has to be seen, one far above needs no more than three
    least = max((decimals(abs(value), digits=3) or 0 for value in (new, old) if value), default=0)
    shown = None if places is None else min(max(places, least), least + 3)
    return fixed(new, shown), fixed(old, shown)


def _places(one: Mapping[str, Any]) -> int:
    """Return decimals of a change in per cent, by its interval where it has one."""
    if one["low"] is None or one["high"] is None:
        return 1
    return min(3, max(1, decimals(50 * (one["high"] - one["low"]), digits=1) or 1))


def change_text(share: float, places: int = 1) -> str:
    """Return a relative change as ``+5.2 %``; what is more than tenfold as ``× 37``."""
    if share > 9:
        return f"× {significant(1 + share)}"
    return f"{signed(100 * share, places)} %"


def _interval(one: Mapping[str, Any]) -> str:
    if one["low"] is None or one["high"] is None:
        return NOTHING
    return f"{change_text(one['low'], _places(one))} to {change_text(one['high'], _places(one))}"


def _share(share: float | None) -> str:
    return NOTHING if share is None else f"{100 * share:.3g} %"


def _changed(told: Mapping[str, Any]) -> str:
    """Return what else is different between the two sides, since one of these may be why."""
    if not told["changed"]:
        return "Protocol, data, sources, versions and host are the same on both sides."
    old = list(dict.fromkeys(digest(one["sources"]) for one in told["baseline"]["runs"]))
    sources = f"{_SOURCES} ({', '.join(old)} → {digest(told['newest']['sources'])})"
    return (
        f"Different on the two sides: {'; '.join(sources if word == _SOURCES else word for word in told['changed'])}."
    )


def _remarks(told: Mapping[str, Any]) -> list[str]:
    """Return the remarks of the comparisons, each once with those it concerns."""
    subjects: dict[str, list[str]] = {}
    for one in told["comparisons"]:
        for remark in one["remarks"]:
            subjects.setdefault(str(remark), []).append(_subject(one))
    return [sentence(f"{few(whom)}: {sentence(remark)}") for remark, whom in subjects.items()]


def few(names: Sequence[str]) -> str:
    """Return names in a row, the first ones if there are many."""
    if len(names) <= _NAMED:
        return listed(names)
    return f"{', '.join(names[: _NAMED - 1])} and {whole(len(names) - _NAMED + 1)} others"


def _detectable(told: Mapping[str, Any]) -> list[str]:
    """Return the smallest change of each loss that would have been found, from the best to the worst variant."""
    losses: dict[str, list[tuple[float, str]]] = {}
    unknown = []
    for one in told["comparisons"]:
        if one["kind"] == "loss" and one["detectable"] is not None:
            losses.setdefault(one["label"], []).append((one["detectable"], say(one["variant"])))
        elif one["kind"] == "loss":
            unknown.append(_subject(one))
    found = []
    if losses:
        parts = [f"{label} by {_range(sizes)}" for label, sizes in losses.items()]
        found.append(
            f"What could have been found, with a power of {percent(told['power'])}: {'; '.join(parts)}, or more."
        )
    if unknown:
        found.append(f"No such size can be told of {few(unknown)}.")
    return found


def _range(sizes: Sequence[tuple[float, str]]) -> str:
    """Return the smallest and the largest of some sizes with the variants they belong to."""
    (low, first), (high, last) = min(sizes), max(sizes)
    if _detect(low) == _detect(high):
        return f"{_detect(low)} ({few([name for _, name in sizes])})"
    return f"{_detect(low)} ({first}) to {_detect(high)} ({last})"


def _detect(share: float) -> str:
    return f"{significant(100 * share, 2)} %"


def _rows(told: Mapping[str, Any], chosen: Iterable[Mapping[str, Any]] | None = None) -> list[tuple[str, ...]]:
    return [_row(one) for one in (told["comparisons"] if chosen is None else chosen)]


def _row(one: Mapping[str, Any]) -> tuple[str, ...]:
    failures = one["kind"] == "failures"
    new, old = (_share(one["mean"]), _share(one["baseline_mean"])) if failures else _pair(one)
    return (
        "all" if failures else short(one["variant"], NAME),
        "failed trainings" if failures else headed(one["label"], one),
        old,
        new,
        NOTHING if failures or one["change"] is None else change_text(one["change"], _places(one)),
        NOTHING if failures else _interval(one),
        p_text(one["p_adjusted"]),
        NOTHING if one["detectable"] is None else _detect(one["detectable"]),
        _verdict(one),
    )


def _verdict(one: Mapping[str, Any]) -> str:
    """Return the verdict in words; of a time or memory it is only asked whether it grew by more than its margin."""
    if one["kind"] == "failures" and not one["mean"] and not one["baseline_mean"]:
        return NOTHING
    return "not worse" if one["kind"] in {"time", "memory"} and one["verdict"] == "equivalent" else str(one["verdict"])


def _caption(told: Mapping[str, Any]) -> str:
    return (
        f"Change: of the geometric mean, with its {percent(1 - told['alpha'])} interval, not adjusted for the family "
        f"of {whole(told['family'])}; detectable: found with a power of {percent(told['power'])}."
    )


def _adjusted(told: Mapping[str, Any]) -> str:
    return f"correction: {CORRECTIONS.get(told['correction'], told['correction'])}"


def _adjusted_p(told: Mapping[str, Any]) -> str:
    """Return what an adjusted p is called, and that of a family of one."""
    return "p" if told["family"] == 1 else f"{CORRECTIONS.get(told['correction'], told['correction'])}-adjusted p"


def _baseline(told: Mapping[str, Any]) -> str:
    """Return which run or runs are the baseline, by its name where it has one."""
    base = told["baseline"]
    numbers = [one["number"] for one in base["runs"]]
    which = f"{'run' if len(numbers) == 1 else 'runs'} {ranges(numbers)}"
    return which if base["name"] is None else f"the baseline {say(base['name'])} ({which})"


def _baseline_rows(told: Mapping[str, Any]) -> list[tuple[str, ...]]:
    return [_run_row("baseline", one) for one in told["baseline"]["runs"]]


def _run_row(role: str, one: Mapping[str, Any]) -> tuple[str, ...]:
    return (role, str(one["number"]), str(one["draw"]), moment(one["made"]), digest(one["sources"]), short(one["host"]))
