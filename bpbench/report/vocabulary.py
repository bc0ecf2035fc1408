"""The words of tables and sentences in one place: names of tests, units, labels, counts of listed things."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from bpbench.counting import listed
from bpbench.metrics import METRICS
from bpbench.report.numerals import count, exact, percent, say, short
from bpbench.statistics.designs import TESTS as KNOWN
from bpbench.statistics.margins import Margin
from bpbench.units import DISPLAY

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SCOPE: Final = {
    "fixed": "given this split",
    "resampled": "given these data",
    "crossed": "given these data and this reserve",
}
CORRECTIONS: Final = {
    "holm": "Holm",
    "bonferroni": "Bonferroni",
    "hochberg": "Hochberg",
    "hommel": "Hommel",
    "sidak": "Šidák",
    "holm-sidak": "Holm-Šidák",
    "bh": "Benjamini-Hochberg",
    "by": "Benjamini-Yekutieli",
    "tsbh": "two-stage Benjamini-Hochberg",
    "max-t": "max-T",
}
#: Tests of means by the t distribution, which alone know an interval of a ratio.
_STUDENT: Final = ("paired-t", "nadeau-bengio", "welch")
TESTS: Final = {
    "paired-t": "paired t test",
    "nadeau-bengio": "Nadeau-Bengio corrected resampled t test",
    "welch": "Welch t test",
    "wilcoxon": "Wilcoxon signed-rank test",
    "sign-flip": "sign-flip permutation test",
    "permutation": "label permutation test",
    "mann-whitney": "Mann-Whitney test",
}
#: What the intervals of the tests by ranks hold, which is no mean difference.
_BY_RANKS: Final = {"wilcoxon": "centre of the differences", "mann-whitney": "shift between the two samples"}


_OF_TIME: Final = {"better": "faster", "worse": "slower"}
_OF_ESTIMATES: Final = {"better": "lower", "worse": "higher"}


def is_time(metric: Mapping[str, Any]) -> bool:
    """Return whether a metric is a measured time."""
    known = METRICS.get(metric["key"])
    return known is not None and known.timed


@dataclass(frozen=True, slots=True)
class Kind:
    """The words that differ from one kind of study to another.

    Attributes
    ----------
    job : str
        What is repeated.
    scope : dict of str to str
        The condition under which claims hold, by design.
    parted : bool
        Whether scores are those of a part of the data, the test set.
    undecided : str
        What an undecided comparison never means.
    lost : str
        What failed or missing repeats do to a verdict.
    """

    job: str
    scope: Mapping[str, str]
    parted: bool
    undecided: str
    lost: str


_AS_GOOD: Final = "Undecided never means that two variants are as good as each other."
TRAINED: Final = Kind(
    "training",
    SCOPE,
    parted=True,
    undecided=_AS_GOOD,
    lost="A variant of which a repeat diverged cannot be called better or equivalent, and with a repeat missing there "
    "is no verdict.",
)
TIMED: Final = Kind(
    "measurement",
    dict.fromkeys(SCOPE, "on this kind of machine"),
    parted=False,
    undecided="Undecided never means that two sets take equally long.",
    lost="With a round missing there is no verdict.",
)
SCORED: Final = Kind(
    "score",
    {
        "fixed": "given what all repeats share",
        "resampled": "given these data",
        "crossed": "given these data and their test set",
    },
    parted=False,
    undecided=_AS_GOOD,
    lost="A variant of which a repeat has no finite score cannot be called better or equivalent; where a repeat has no "
    "row at all, the comparison rests on those that both sides have.",
)


def study_kind(findings: Mapping[str, Any]) -> Kind:
    """Return what kind of study it is: models that were trained, descriptors that were timed, or scores of others."""
    if findings["data"]["kind"] == "scores":
        return SCORED
    return TIMED if findings.get("measure") else TRAINED


#: Stands all over what a quick run says.
WATERMARK: Final = "QUICK RUN · NO VERDICT"


def quick(findings: Mapping[str, Any]) -> bool:
    """Return whether these are the findings of a quick run, which judges nothing."""
    return bool(findings["protocol"].get("quick"))


def timed(findings: Mapping[str, Any]) -> bool:
    """Return whether the study timed descriptors and trained nothing."""
    return study_kind(findings) is TIMED


def scored(findings: Mapping[str, Any]) -> bool:
    """Return whether the scores are those of other programs."""
    return study_kind(findings) is SCORED


def mixed(findings: Mapping[str, Any]) -> bool:
    """Return whether contestants are split in different ways, and so have different test sets."""
    return len(findings["split"].get("ways") or ()) > 1


def verdict_word(verdict: str, metric: Mapping[str, Any]) -> str:
    """Return a verdict as it is written.

    Of times, *better* is *faster* and *worse* is *slower*; of estimates on different test sets, where no model is
    better for a smaller number, *lower* and *higher*.
    """
    if is_time(metric):
        return _OF_TIME.get(verdict, verdict)
    return _OF_ESTIMATES.get(verdict, verdict) if metric.get("estimates") else verdict


def repeat_word(metric: Mapping[str, Any]) -> str:
    """Return what a repeat is called."""
    return "round" if is_time(metric) else "repeat"


def unit_word(metric: Mapping[str, Any], analysis: Mapping[str, Any]) -> str:
    """Return what the statistics count: splits in a crossed design, else repeats."""
    return "split" if analysis.get("design") == "crossed" else repeat_word(metric)


def job_word(findings: Mapping[str, Any]) -> str:
    """Return what is repeated."""
    return study_kind(findings).job


def scope(findings: Mapping[str, Any]) -> str:
    """Return the condition under which claims hold."""
    if by_role(findings):
        return "given these data, this reserve, these initial weights and these batch orders"
    return study_kind(findings).scope[findings["split"]["design"]]


def by_role(findings: Mapping[str, Any]) -> bool:
    """Return whether every split was trained from the same initial weights and in the same batch orders."""
    return bool(findings["split"].get("roles"))


def on_part(findings: Mapping[str, Any]) -> str:
    """Return `` on the test set``, or nothing where there is no such set; each may have its own."""
    if mixed(findings):
        return f" on each one's own {findings['analysis']['part']} set"
    return f" on the {findings['analysis']['part']} set" if study_kind(findings).parted else ""


def initial_note(variants: Sequence[Mapping[str, Any]]) -> str:
    """Return what a checkpoint of 0 is, or nothing where there is none."""
    if all(result["checkpoint"] != 0 for variant in variants for result in variant["results"]):
        return ""
    return " Checkpoint 0 is the initial state, which no epoch bettered."


def metric_label(metric: Mapping[str, Any]) -> str:
    """Return what a metric is called."""
    label: str = metric["label"]
    return label


def unit(metric: Mapping[str, Any]) -> str:
    """Return the unit of a metric as it is written."""
    key: str = metric["unit"]
    return DISPLAY.get(key, key)


def with_unit(text: str, metric: Mapping[str, Any]) -> str:
    """Return a number's text with the metric's unit behind it."""
    return f"{text} {unit(metric)}".rstrip()


def margin_text(analysis: Mapping[str, Any], metric: Mapping[str, Any], baseline: str | None = None) -> str:
    """Return the declared margin in words, of whichever kind it is.

    Parameters
    ----------
    analysis, metric : dict
        Of findings; the margin is not ``None``.
    baseline : str, optional
        The variant of whose mean a relative margin is a share, where there is one to be named.
    """
    margin = Margin.parse(analysis["margin"])
    if margin.kind == "relative":
        whose = "the second of each pair" if several_baselines(analysis) else "the baseline"
        return f"{percent(margin.value)} of the mean of {say(baseline) if baseline else whose}"
    if margin.kind == "d_z":
        return f"{exact(margin.value)} standard deviations of the paired differences (d_z)"
    return with_unit(exact(margin.value), metric)


def equivalence_scale(analysis: Mapping[str, Any], metric: Mapping[str, Any]) -> tuple[str, str, float]:
    """Return what the interval of the equivalence test is of, its unit, and the factor to that unit.

    It is of the difference (an empty name), of the ratio of the two means less one, or of d_z, as the margin is.
    """
    kind = "absolute" if analysis["margin"] is None else Margin.parse(analysis["margin"]).kind
    return {
        "absolute": ("", unit(metric), 1.0),
        "relative": ("ratio of the means less one", "%", 100.0),
        "d_z": ("d_z", "", 1.0),
    }[kind]


def tally(findings: Mapping[str, Any]) -> dict[str, int]:
    """Return the only numbers a report makes itself: counts of things that the findings list.

    Parameters
    ----------
    findings : dict
        Findings of schema 1.

    Returns
    -------
    dict of str to int
        ``variants``, ``comparisons`` (size of the declared family), ``states``, ``sets``; ``trainings`` asked for and
        ``done``; those that run in epochs or rounds (``limited``) and those of them ``not_converged``, both in all
        and by kind of model (``limited_hdnn``, …); the ``networks`` that have a mean, each once, those of them that
        have a linear potential on the same inputs (``network_variants``), and those ``beaten`` by it;
        ``failed``, ``diverged`` and ``missing`` trainings.
    """
    variants, kinds = findings["variants"], model_kinds(findings)
    status = [result["status"] for variant in variants for result in variant["results"]]
    # Of very many scores not all are listed; one without a number says no more than that.
    told = (
        {**findings["jobs"], "failed": 0}
        if scored(findings)
        else {"total": len(status), **{word: status.count(word) for word in ("done", "failed", "diverged", "missing")}}
    )
    limited: dict[str, list[bool]] = {}
    for variant in variants:
        if variant["model"] is not None:
            limited.setdefault(kinds[variant["model"]], []).extend(ends(variant))
    rivals = beside_linear(findings)
    return {
        "variants": len(variants),
        "comparisons": len(findings["analysis"]["family"]),
        "states": len(findings["data"]["groups"]),
        "sets": len(findings["sets"]),
        "trainings": told["total"],
        "done": told["done"],
        "limited": sum(len(found) for found in limited.values()),
        "not_converged": sum(found.count(False) for found in limited.values()),
        **{f"limited_{kind}": len(found) for kind, found in limited.items()},
        **{f"not_converged_{kind}": found.count(False) for kind, found in limited.items()},
        "networks": len(networks(findings)),
        "network_variants": len(rivals),
        "beaten": sum(rival.beaten for rival in rivals),
        **{word: told[word] for word in ("failed", "diverged", "missing")},
    }


def ends(variant: Mapping[str, Any]) -> list[bool]:
    """Return, for each training that runs in epochs or rounds, whether it had converged; empty for other models."""
    return [result["converged"] for result in variant["results"] if result["converged"] is not None]


def judged_mean(variant: Mapping[str, Any], findings: Mapping[str, Any]) -> float | None:
    """Return a variant's mean of the judged metric over its repeats, ``None`` if none succeeded."""
    scores = (variant["summary"] or {}).get(findings["analysis"]["part"]) or {}
    mean: float | None = (scores.get(findings["metric"]["key"]) or {}).get("mean")
    return mean


def drawn(findings: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the variants that figures of single variants show: of those that sweeps made, only the baseline.

    The others have the sheets of their sweeps.
    """
    made = {point["variant"] for sweep in findings["sweeps"] for point in sweep["points"]}
    made.discard(findings["analysis"]["baseline"])
    return [variant for variant in findings["variants"] if variant["name"] not in made]


def undrawn_note(findings: Mapping[str, Any]) -> str:
    """Return that the contestants of sweeps are left out of a figure, or nothing where none are."""
    if len(drawn(findings)) == len(findings["variants"]):
        return ""
    return " Of the contestants of sweeps only the baseline is shown; their sheets show the others."


def model_kinds(findings: Mapping[str, Any]) -> dict[str, str]:
    """Return the kind of each model by its name."""
    return {model["name"]: model["kind"] for model in findings["models"]}


def lower_is_better(metric: Mapping[str, Any]) -> bool:
    """Return the direction of a metric; that of a score of others stands beside it."""
    known = METRICS.get(metric["key"])
    said: bool = metric.get("lower_is_better", known is None or known.lower_is_better)
    return said


@dataclass(frozen=True, slots=True)
class Rivals:
    """A network and the linear potential on the same inputs: names, means, and whether the network is beaten."""

    network: str
    linear: str
    network_mean: float
    linear_mean: float
    beaten: bool


def networks(findings: Mapping[str, Any]) -> list[tuple[Mapping[str, Any], float]]:
    """Return the networks that have a mean, and that; of those that are the same contestant the first alone."""
    kinds = model_kinds(findings)
    return [
        (variant, mean)
        for variant in findings["variants"]
        if kinds.get(variant["model"]) == "hdnn"
        and variant["twin"] is None
        and (mean := judged_mean(variant, findings)) is not None
    ]


def beside_linear(findings: Mapping[str, Any]) -> list[Rivals]:
    """Return the networks that have a linear potential on the same inputs, the best first."""
    lower = lower_is_better(findings["metric"])
    found = [
        Rivals(variant["name"], rival["variant"], mean, rival["mean"], (rival["mean"] < mean) is lower)
        for variant, mean in networks(findings)
        if (rival := variant["linear"]) is not None
    ]
    return sorted(found, key=lambda rivals: rivals.network_mean if lower else -rivals.network_mean)


def set_label(chosen: Mapping[str, Any]) -> str:
    """Return a feature set's name, with the word *reconstruction* behind it where that is due."""
    return say(chosen["name"]) + (" (reconstruction)" if chosen["reconstructed"] else "")


#: So many names or patterns of a cut are written out.
_TOLD: Final = 3


def cut_label(chosen: Mapping[str, Any]) -> str | None:
    """Return what a feature set is cut from and what is left of it, ``None`` for one that is no cut."""
    cut = chosen.get("cut")
    if not cut:
        return None
    said = [] if cut["kinds"] is None else [listed(cut["kinds"])]
    if cut["r_s"] is not None:
        span = cut["r_s"] if isinstance(cut["r_s"], list | tuple) else (cut["r_s"],)
        said.append(f"R_s {'=' if len(span) == 1 else 'from'} {' to '.join(map(exact, span))} Å")
    for key, word, many in (("names", "only", "chosen by"), ("without", "without", "without")):
        names = cut[key] or ()
        # Those of a search are many; all functions of a set are drawn and written as CSV besides.
        told = (
            f"{word} {listed([say(name) for name in names])}" if len(names) <= _TOLD else f"{many} {len(names)} names"
        )
        said += [told] if names else []
    return f"{say(cut['of'])}: {', '.join(said)}"


def data_label(findings: Mapping[str, Any], limit: int | None = None) -> str:
    """Return the data's label, cut to ``limit`` letters, with *EMT* behind it where EMT made it and it does not say so.

    The word is added after the cut: where numbers stand, it must be read that no quantum mechanics stands behind them.
    """
    data = findings["data"]
    label: str = data["label"] if limit is None else short(data["label"], limit)
    return f"{label} (EMT)" if data["method"] == "EMT" and not re.search(r"\bEMT\b", label) else label


def mean_level(findings: Mapping[str, Any]) -> str:
    """Return the level of the intervals of the variants' means, as a percentage."""
    return percent(findings["mean_level"])


def interval_name(analysis: Mapping[str, Any]) -> str:
    """Return what the interval of a comparison is called: a rank test's is no interval of the mean difference."""
    return "Hodges-Lehmann interval" if by_ranks(analysis) else "interval"


def by_ranks(analysis: Mapping[str, Any]) -> bool:
    """Return whether the test is by ranks."""
    return analysis["test"] in _BY_RANKS


def unpaired(analysis: Mapping[str, Any]) -> bool:
    """Return whether the test takes the two sides as independent samples."""
    return not KNOWN[analysis["test"]].paired


def by_student(analysis: Mapping[str, Any]) -> bool:
    """Return whether the test is one of the t distribution."""
    return analysis["test"] in _STUDENT


def adjusted_p(analysis: Mapping[str, Any], *, of_equivalence: bool = False) -> str:
    """Return what an adjusted p is called, and that of a family of one; that of equivalence has Holm's for max-T."""
    if len(analysis["family"]) == 1:
        return "p"
    key = analysis["correction"]
    return f"{CORRECTIONS['holm' if of_equivalence and key == 'max-t' else key]}-adjusted p"


def compared_with(analysis: Mapping[str, Any]) -> str:
    """Return with what variants are compared: the baseline, or in all pairs."""
    if all_pairs(analysis):
        return f"all {len(analysis['family'])} pairs are compared, in each the later variant with the earlier"
    if several_baselines(analysis):
        beside: dict[str, list[str]] = {}
        for candidate, baseline in analysis["family"]:
            beside.setdefault(baseline, []).append(say(candidate))
        parts = [f"{listed(names)} with {say(baseline)}" for baseline, names in beside.items()]
        return f"compared are {'; '.join(parts)}"
    return f"baseline is {say(analysis['baseline'])}"


def target(analysis: Mapping[str, Any]) -> str:
    """Return what the interval of a comparison holds."""
    return _BY_RANKS.get(analysis["test"], "difference")


def all_pairs(analysis: Mapping[str, Any]) -> bool:
    """Return whether every variant is compared with every other one, which is more than several baselines."""
    names = {name for pair in analysis["family"] for name in pair}
    return several_baselines(analysis) and 2 * len(analysis["family"]) == len(names) * (len(names) - 1)


def several_baselines(analysis: Mapping[str, Any]) -> bool:
    """Return whether the comparisons have more than one baseline, as all pairs have."""
    return len({baseline for _, baseline in analysis["family"]}) > 1


def distinct_note(findings: Mapping[str, Any]) -> str:
    """Return why there are fewer different trainings than results, or nothing where each result has its own."""
    jobs = findings["jobs"]
    why = []
    if jobs["repeated"]:
        why.append(
            "a model that does not draw initial weights or a batch order is trained once in place of all of them"
            if by_role(findings)
            else "a model that is deterministic on a split is trained once on it and counts for every repeat of it"
        )
    if jobs["shared"]:
        why.append("contestants that are the same share their trainings")
    if not why:
        return ""
    text = (
        f"{', and '.join(why)}, so there are {count(jobs['distinct'], 'different training')} for "
        f"{count(jobs['total'], 'result')}."
    )
    return text[0].upper() + text[1:]


def twins_note(findings: Mapping[str, Any]) -> str:
    """Return which variants are the same contestant as another one, or nothing where all are different."""
    same = {variant["name"]: variant["twin"] for variant in findings["variants"] if variant["twin"] is not None}
    if not same:
        return ""
    said = [f"{say(name)} is the same contestant as {say(other)}" for name, other in same.items()]
    judged = {name for pair in findings["analysis"]["family"] for name in pair}
    return f"{listed(said)}." + (
        ""
        if judged & same.keys()
        else f" {'It' if len(same) == 1 else 'They'} would ask the same question twice, and "
        f"{'is' if len(same) == 1 else 'are'} in no comparison."
    )


def source_note(findings: Mapping[str, Any], *, data: bool = True, sets: bool = True) -> str:
    """Return the small print of a caption: which data, and which sets are reconstructions."""
    parts = [f"Data: {data_label(findings)}."] if data else []
    remade = [say(chosen["name"]) for chosen in findings["sets"] if chosen["reconstructed"]]
    many = len(remade) > 1
    if sets and many and len(remade) == len(findings["sets"]):
        parts.append("All feature sets here are reconstructions.")
    elif sets and remade:
        parts.append(
            f"Feature {'sets' if many else 'set'} {listed(remade)}: {'reconstructions' if many else 'reconstruction'}."
        )
    return " ".join(parts)
