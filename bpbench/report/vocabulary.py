"""The words of tables and sentences in one place: names of tests, verdicts, parts, units and margins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from bpbench.report.kinds import is_time, mixed, study_kind
from bpbench.report.language import Told, listed, marked, tell, tell_as, tell_n
from bpbench.report.numerals import count, exact, noun, percent, say
from bpbench.statistics.designs import TESTS as KNOWN
from bpbench.statistics.margins import Margin
from bpbench.units import DISPLAY

if TYPE_CHECKING:
    from collections.abc import Sequence


CORRECTIONS: Final = Told(
    {
        "holm": "Holm",
        "bonferroni": "Bonferroni",
        "hochberg": "Hochberg",
        "hommel": "Hommel",
        "sidak": "Šidák",
        "holm-sidak": "Holm-Šidák",
        "bh": "Benjamini-Hochberg",
        "by": "Benjamini-Yekutieli",
        "tsbh": marked("two-stage Benjamini-Hochberg"),
        "max-t": marked("max-T"),
    }
)


#: Tests of means by the t distribution, which alone know an interval of a ratio.
_STUDENT: Final = ("paired-t", "nadeau-bengio", "welch")


#: Names of tests; in every language "the" of each is the same word, masculine where that matters.
TESTS: Final = Told(
    {
        "paired-t": marked("paired t test"),
        "nadeau-bengio": marked("Nadeau-Bengio corrected resampled t test"),
        "welch": marked("Welch t test"),
        "wilcoxon": marked("Wilcoxon signed-rank test"),
        "sign-flip": marked("sign-flip permutation test"),
        "permutation": marked("label permutation test"),
        "mann-whitney": marked("Mann-Whitney test"),
    }
)


#: What the intervals of the tests by ranks hold, which is no mean difference.
_BY_RANKS: Final = {"wilcoxon": "centre", "mann-whitney": "shift"}


#: Verdicts as they are written; of times and of estimates two have other words.
_VERDICTS: Final = {
    "better": marked("better"),
    "worse": marked("worse"),
    "equivalent": marked("equivalent"),
    "undecided": marked("undecided"),
    "no test": marked("no test"),
    "no verdict": marked("no verdict"),
    "without a verdict": marked("without a verdict"),
}


_OF_TIME: Final = {"better": marked("faster"), "worse": marked("slower")}


_OF_ESTIMATES: Final = {"better": marked("lower"), "worse": marked("higher")}


#: Labels of metrics by key, as :data:`bpbench.metrics.METRICS` has them; scores of others bring their own.
_METRICS: Final = {
    "rmse": marked("RMSE"),
    "mae": marked("MAE"),
    "p95": marked("95th percentile of |error|"),
    "max": marked("largest |error|"),
    "mse": marked("MSE"),
    "half_mse": marked("cost Γ"),
    "force_rmse": marked("force RMSE"),
    "force_mae": marked("mean |force error|"),
    "force_p95": marked("95th percentile of |force error|"),
    "force_max": marked("largest |force error|"),
    "mse_x": marked("MSE of F_x"),
    "mse_y": marked("MSE of F_y"),
    "mse_z": marked("MSE of F_z"),
    "descriptor_time": marked("descriptor time"),
}


#: Units that languages write differently, of :data:`bpbench.units.DISPLAY`.
_UNITS: Final = (
    marked("meV/atom"),
    marked("eV/atom"),
    marked("eV²/configuration"),
    marked("µs/atom"),
    marked("Å³/atom"),
)


def verdict_message(verdict: str, metric: Mapping[str, Any]) -> str:
    """Return a verdict as it is written in English: what files hold, and the message that is told.

    Of times, *better* is *faster* and *worse* is *slower*; of estimates on different test sets, where no model is
    better for a smaller number, *lower* and *higher*.
    """
    if is_time(metric):
        return _OF_TIME.get(verdict, verdict)
    return _OF_ESTIMATES.get(verdict, verdict) if metric.get("estimates") else verdict


def verdict_word(verdict: str, metric: Mapping[str, Any]) -> str:
    """Return a verdict as it is written, as a word that stands alone: :func:`verdict_message`, told."""
    return tell(verdict_message(verdict, metric))


def verdict_than(verdict: str, metric: Mapping[str, Any], base: str) -> str:
    """Return ``better than A`` or what else a judged difference is, to stand behind a name or a list and its verb.

    Parameters
    ----------
    verdict : {'better', 'worse'}
        Of findings.
    metric : dict
        Of findings.
    base : str
        What it is better than, as it is said.
    """
    return tell(_THAN[verdict_message(verdict, metric)], base=base)


def verdict_clause(verdict: str, metric: Mapping[str, Any], one: str, base: str) -> str:
    """Return ``A is better than B``, the beginning of a sentence or a clause.

    Parameters
    ----------
    verdict : {'better', 'worse'}
        Of findings.
    metric : dict
        Of findings.
    one, base : str
        The two, as they are said.
    """
    return tell(_CLAUSES[verdict_message(verdict, metric)], one=one, base=base)


_THAN: Final = {
    "better": marked("better than {base}"),
    "worse": marked("worse than {base}"),
    "faster": marked("faster than {base}"),
    "slower": marked("slower than {base}"),
    "lower": marked("lower than {base}"),
    "higher": marked("higher than {base}"),
}


_CLAUSES: Final = {
    "better": marked("{one} is better than {base}"),
    "worse": marked("{one} is worse than {base}"),
    "faster": marked("{one} is faster than {base}"),
    "slower": marked("{one} is slower than {base}"),
    "lower": marked("{one} is lower than {base}"),
    "higher": marked("{one} is higher than {base}"),
}


# What is repeated and counted. A bare word is told and suits places where neither gender nor number show, such as
# "each {repeat}"; elsewhere take the plural, a counted form, or ask for the key and have a message for each.


def repeat_key(metric: Mapping[str, Any]) -> str:
    """Return ``round`` for times, else ``repeat``: what code decides by."""
    return "round" if is_time(metric) else "repeat"


def unit_key(metric: Mapping[str, Any], analysis: Mapping[str, Any]) -> str:
    """Return what the statistics count, ``split`` in a crossed design, else as :func:`repeat_key`."""
    return "split" if analysis.get("design") == "crossed" else repeat_key(metric)


_ONE: Final = Told(
    {
        "repeat": marked("repeat"),
        "round": marked("round"),
        "split": marked("split"),
        "training": marked("training"),
        "measurement": marked("measurement"),
        "score": marked("score"),
    }
)


_MANY: Final = Told(
    {
        "repeat": marked("repeats"),
        "round": marked("rounds"),
        "split": marked("splits"),
        "training": marked("trainings"),
        "measurement": marked("measurements"),
        "score": marked("scores"),
    }
)


_COUNTED: Final = {"repeat": noun("repeat"), "round": noun("round"), "split": noun("split")}


_PAIRED: Final = {
    "repeat": noun("paired repeat"),
    "round": noun("paired round"),
    "split": noun("paired split"),
}


def repeat_word(metric: Mapping[str, Any]) -> str:
    """Return what a repeat is called; see :func:`repeats_word` and :func:`repeat_count`."""
    return _ONE[repeat_key(metric)]


def repeats_word(metric: Mapping[str, Any]) -> str:
    """Return what repeats are called."""
    return _MANY[repeat_key(metric)]


def repeat_count(number: int, metric: Mapping[str, Any]) -> str:
    """Return ``3 repeats`` or ``3 rounds``."""
    return count(number, _COUNTED[repeat_key(metric)])


def paired_repeats(number: int, metric: Mapping[str, Any]) -> str:
    """Return ``3 paired repeats`` or ``3 paired rounds``."""
    return count(number, _PAIRED[repeat_key(metric)])


def unit_word(metric: Mapping[str, Any], analysis: Mapping[str, Any]) -> str:
    """Return what the statistics count: splits in a crossed design, else repeats."""
    return _ONE[unit_key(metric, analysis)]


def units_word(metric: Mapping[str, Any], analysis: Mapping[str, Any]) -> str:
    """Return the plural of :func:`unit_word`."""
    return _MANY[unit_key(metric, analysis)]


def unit_count(number: int, metric: Mapping[str, Any], analysis: Mapping[str, Any]) -> str:
    """Return ``3 repeats``, ``3 rounds`` or ``3 splits``."""
    return count(number, _COUNTED[unit_key(metric, analysis)])


def paired_units(number: int, metric: Mapping[str, Any], analysis: Mapping[str, Any]) -> str:
    """Return ``3 paired repeats``, ``3 paired rounds`` or ``3 paired splits``."""
    return count(number, _PAIRED[unit_key(metric, analysis)])


def job_word(findings: Mapping[str, Any]) -> str:
    """Return what is repeated: a training, a measurement or a score; see :func:`jobs_word` and :func:`job_count`."""
    return _ONE[study_kind(findings).job]


def jobs_word(findings: Mapping[str, Any]) -> str:
    """Return the plural of :func:`job_word`."""
    return _MANY[study_kind(findings).job]


def job_count(number: int, findings: Mapping[str, Any]) -> str:
    """Return ``3 trainings``, ``3 measurements`` or ``3 scores``."""
    return count(number, study_kind(findings).job)


def part_word(part: str) -> str:
    """Return the name of a part of the data, as in ``the {part} set``."""
    return tell(_PARTS.get(part, part))


_PARTS: Final = {"train": marked("train"), "validation": marked("validation"), "test": marked("test")}


def part_label(part: str) -> str:
    """Return the name of a part of the data as it heads a column, where no word stands behind it."""
    return {
        "train": tell_as("column", "train"),
        "validation": tell_as("column", "validation"),
        "test": tell_as("column", "test"),
    }.get(part, part)


#: Ways of splitting, as they head tables.
_WAYS: Final = {"block": marked("block"), "frame": marked("frame"), "state": marked("state")}


def way_message(way: str) -> str:
    """Return a way of splitting as a message that is yet to be told."""
    return _WAYS.get(way, way)


def on_part(findings: Mapping[str, Any]) -> str:
    """Return `` on the test set``, or nothing where there is no such set; each may have its own."""
    part = part_word(findings["analysis"]["part"])
    if mixed(findings):
        return " " + tell("on each one's own {part} set", part=part)
    return " " + tell("on the {part} set", part=part) if study_kind(findings).parted else ""


def initial_note(variants: Sequence[Mapping[str, Any]]) -> str:
    """Return what a checkpoint of 0 is, or nothing where there is none."""
    if all(result["checkpoint"] != 0 for variant in variants for result in variant["results"]):
        return ""
    return " " + tell("Checkpoint 0 is the initial state, which no epoch bettered.")


def metric_label(metric: Mapping[str, Any]) -> str:
    """Return what a metric is called."""
    label: str = metric["label"]
    message = _METRICS.get(metric["key"])
    # A table of others may call its own scores as we do ours, and means what its label says.
    return label if message != label else tell(message)


def unit(metric: Mapping[str, Any]) -> str:
    """Return the unit of a metric as it is written."""
    key: str = metric["unit"]
    return unit_label(key)


def unit_label(key: str) -> str:
    """Return a unit as it is written, from its key; one that is not ours is left as it is."""
    written = DISPLAY.get(key, key)
    return tell(written) if written in _UNITS else written


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
        share = percent(margin.value)
        if baseline:
            return tell("{share} of the mean of {baseline}", share=share, baseline=say(baseline))
        if several_baselines(analysis):
            return tell("{share} of the mean of the second of each pair", share=share)
        return tell("{share} of the mean of the baseline", share=share)
    if margin.kind == "d_z":
        return tell("{size} standard deviations of the paired differences (d_z)", size=exact(margin.value))
    return with_unit(exact(margin.value), metric)


def equivalence_scale(analysis: Mapping[str, Any], metric: Mapping[str, Any]) -> tuple[str, str, float]:
    """Return what the interval of the equivalence test is of, its unit, and the factor to that unit.

    It is of the ``difference``, of the ``ratio`` of the two means less one, or of ``d_z``, as the margin is.
    """
    kind = "absolute" if analysis["margin"] is None else Margin.parse(analysis["margin"]).kind
    return {
        "absolute": ("difference", unit(metric), 1.0),
        "relative": ("ratio", "%", 100.0),
        "d_z": ("d_z", "", 1.0),
    }[kind]


def mean_level(findings: Mapping[str, Any]) -> str:
    """Return the level of the intervals of the variants' means, as a percentage."""
    return percent(findings["mean_level"])


def interval_name(analysis: Mapping[str, Any]) -> str:
    """Return what the interval of a comparison is called: a rank test's is no interval of the mean difference."""
    return tell("Hodges-Lehmann interval") if by_ranks(analysis) else tell("interval")


def interval_text(analysis: Mapping[str, Any], level: str) -> str:
    """Return ``95 % interval``, or that of Hodges and Lehmann; its ends may follow.

    Parameters
    ----------
    analysis : dict
        Of findings.
    level : str
        As a percentage.
    """
    if by_ranks(analysis):
        return tell("{level} Hodges-Lehmann interval", level=level)
    return tell("{level} interval", level=level)


def intervals_text(analysis: Mapping[str, Any], level: str) -> str:
    """Return the plural of :func:`interval_text`."""
    if by_ranks(analysis):
        return tell("{level} Hodges-Lehmann intervals", level=level)
    return tell("{level} intervals", level=level)


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
    method = CORRECTIONS["holm" if of_equivalence and key == "max-t" else key]
    return tell("{method}-adjusted p", method=method)


def clauses(parts: Sequence[str]) -> str:
    """Return clauses behind each other, parted by semicolons as the language sets them."""
    text, *more = parts
    for part in more:
        text = tell("{one}; {other}", one=text, other=part)
    return text


def compared_with(analysis: Mapping[str, Any]) -> str:
    """Return with what variants are compared: the baseline, or in all pairs."""
    if all_pairs(analysis):
        return tell_n(
            "the one pair is compared, the later variant with the earlier",
            "all {n} pairs are compared, in each the later variant with the earlier",
            len(analysis["family"]),
        )
    if several_baselines(analysis):
        beside: dict[str, list[str]] = {}
        for candidate, baseline in analysis["family"]:
            beside.setdefault(baseline, []).append(say(candidate))
        parts = [
            tell("{some} with {baseline}", some=listed(names), baseline=say(baseline))
            for baseline, names in beside.items()
        ]
        return tell("compared are {pairs}", pairs=clauses(parts))
    return tell("baseline is {name}", name=say(analysis["baseline"]))


def target_key(analysis: Mapping[str, Any]) -> str:
    """Return what the interval of a comparison holds: a ``difference``, the ``centre`` of some, or a ``shift``."""
    return _BY_RANKS.get(analysis["test"], "difference")


def all_pairs(analysis: Mapping[str, Any]) -> bool:
    """Return whether every variant is compared with every other one, which is more than several baselines."""
    names = {name for pair in analysis["family"] for name in pair}
    return several_baselines(analysis) and 2 * len(analysis["family"]) == len(names) * (len(names) - 1)


def several_baselines(analysis: Mapping[str, Any]) -> bool:
    """Return whether the comparisons have more than one baseline, as all pairs have."""
    return len({baseline for _, baseline in analysis["family"]}) > 1
