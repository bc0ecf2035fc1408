"""The words of tables and sentences in one place: names of tests, units, labels, counts of listed things."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from bpbench.metrics import METRICS
from bpbench.report.language import listed, marked, tell, tell_as, tell_n
from bpbench.report.numerals import count, exact, noun, percent, say, short
from bpbench.statistics.designs import TESTS as KNOWN
from bpbench.statistics.margins import Margin
from bpbench.units import DISPLAY

if TYPE_CHECKING:
    from collections.abc import Sequence


class Told(Mapping[str, str]):
    """A table of messages by key that gives each in the language that is spoken.

    Parameters
    ----------
    messages : dict of str to str
        English, each :func:`~bpbench.report.language.marked`.
    """

    __slots__ = ("messages",)

    def __init__(self, messages: Mapping[str, str]) -> None:
        self.messages = dict(messages)

    def __getitem__(self, key: str) -> str:
        """Return the message of a key as it is told."""
        return tell(self.messages[key])

    def __iter__(self) -> Iterator[str]:
        """Iterate over keys."""
        return iter(self.messages)

    def __len__(self) -> int:
        """Return how many messages there are."""
        return len(self.messages)


#: Conditions under which claims hold, by design.
SCOPE: Final = Told(
    {
        "fixed": marked("given this split"),
        "resampled": marked("given these data"),
        "crossed": marked("given these data and this reserve"),
    }
)
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
    "descriptor_time": marked("descriptor time"),
}
#: Units that languages write differently, of :data:`bpbench.units.DISPLAY`.
_UNITS: Final = (marked("meV/atom"), marked("eV/atom"), marked("eV²/configuration"), marked("µs/atom"))


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
        What is repeated; told by :func:`job_word` and :func:`jobs`.
    scope : Told
        The condition under which claims hold, by design.
    parted : bool
        Whether scores are those of a part of the data, the test set.
    undecided : str
        What an undecided comparison never means; a message that is yet to be told.
    lost : str
        What failed or missing repeats do to a verdict; the same.
    """

    job: str
    scope: Told
    parted: bool
    undecided: str
    lost: str


_AS_GOOD: Final = marked("Undecided never means that two variants are as good as each other.")
TRAINED: Final = Kind(
    noun("training"),
    SCOPE,
    parted=True,
    undecided=_AS_GOOD,
    lost=marked(
        "A variant of which a repeat diverged cannot be called better or equivalent, and with a repeat missing there "
        "is no verdict."
    ),
)
TIMED: Final = Kind(
    noun("measurement"),
    Told(dict.fromkeys(SCOPE, marked("on this kind of machine"))),
    parted=False,
    undecided=marked("Undecided never means that two sets take equally long."),
    lost=marked("With a round missing there is no verdict."),
)
SCORED: Final = Kind(
    noun("score"),
    Told(
        {
            "fixed": marked("given what all repeats share"),
            "resampled": marked("given these data"),
            "crossed": marked("given these data and their test set"),
        }
    ),
    parted=False,
    undecided=_AS_GOOD,
    lost=marked(
        "A variant of which a repeat has no finite score cannot be called better or equivalent; where a repeat has no "
        "row at all, the comparison rests on those that both sides have."
    ),
)


def study_kind(findings: Mapping[str, Any]) -> Kind:
    """Return what kind of study it is: models that were trained, descriptors that were timed, or scores of others."""
    if findings["data"]["kind"] == "scores":
        return SCORED
    return TIMED if findings.get("measure") else TRAINED


#: Stands all over what a quick run says; a message that is yet to be told.
WATERMARK: Final = marked("QUICK RUN · NO VERDICT")


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


def scope(findings: Mapping[str, Any]) -> str:
    """Return the condition under which claims hold."""
    if by_role(findings):
        return tell("given these data, this reserve, these initial weights and these batch orders")
    return study_kind(findings).scope[findings["split"]["design"]]


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


def by_role(findings: Mapping[str, Any]) -> bool:
    """Return whether every split was trained from the same initial weights and in the same batch orders."""
    return bool(findings["split"].get("roles"))


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
    return " " + tell("Of the contestants of sweeps only the baseline is shown; their sheets show the others.")


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
    name = say(chosen["name"])
    return tell("{name} (reconstruction)", name=name) if chosen["reconstructed"] else name


#: So many names or patterns of a cut are written out.
_TOLD: Final = 3


def cut_label(chosen: Mapping[str, Any]) -> str | None:
    """Return what a feature set is cut from and what is left of it, ``None`` for one that is no cut."""
    cut = chosen.get("cut")
    if not cut:
        return None
    said = [] if cut["kinds"] is None else [listed(cut["kinds"])]
    if cut["r_s"] is not None:
        low, *high = cut["r_s"] if isinstance(cut["r_s"], list | tuple) else (cut["r_s"],)
        ends = {"low": exact(low), "high": exact(high[0])} if high else {}
        said.append(tell("R_s from {low} to {high} Å", **ends) if high else f"R_s = {exact(low)} Å")
    for key, few, many in (
        ("names", marked("only {names}"), marked("chosen by {n} names")),
        ("without", marked("without {names}"), marked("without {n} names")),
    ):
        names = cut[key] or ()
        # Those of a search are many; all functions of a set are drawn and written as CSV besides.
        if len(names) > _TOLD:
            said.append(tell(many, n=len(names)))
        elif names:
            said.append(tell(few, names=listed([say(name) for name in names])))
    return tell("{set}: {cut}", set=say(cut["of"]), cut=", ".join(said))


#: The data that come with the program, which have a name in every language.
_OWN_DATA: Final = (marked("EMT aluminium (embedded sample)"), marked("EMT aluminium (embedded dense sample)"))


def data_label(findings: Mapping[str, Any], limit: int | None = None) -> str:
    """Return the data's label, cut to ``limit`` letters, with *EMT* behind it where EMT made it and it does not say so.

    The word is added after the cut: where numbers stand, it must be read that no quantum mechanics stands behind them.
    """
    data = findings["data"]
    known: str = data["label"]
    whole = tell(known) if known in _OWN_DATA else known
    label = whole if limit is None else short(whole, limit)
    return f"{label} (EMT)" if data["method"] == "EMT" and not re.search(r"\bEMT\b", label) else label


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


def distinct_note(findings: Mapping[str, Any]) -> str:
    """Return why there are fewer different trainings than results, or nothing where each result has its own."""
    jobs = findings["jobs"]
    why = []
    if jobs["repeated"]:
        why.append(
            tell("a model that does not draw initial weights or a batch order is trained once in place of all of them")
            if by_role(findings)
            else tell(
                "a model that is deterministic on a split is trained once on it and counts for every repeat of it"
            )
        )
    if jobs["shared"]:
        why.append(tell("contestants that are the same share their trainings"))
    if not why:
        return ""
    text = tell(
        "{why}, so there are {distinct} for {results}.",
        why=tell("{one}, and {other}", one=why[0], other=why[1]) if len(why) > 1 else why[0],
        distinct=count(jobs["distinct"], "different training"),
        results=count(jobs["total"], "result"),
    )
    return text[0].upper() + text[1:]


def twins_note(findings: Mapping[str, Any]) -> str:
    """Return which variants are the same contestant as another one, or nothing where all are different."""
    same = {variant["name"]: variant["twin"] for variant in findings["variants"] if variant["twin"] is not None}
    if not same:
        return ""
    told = [
        tell("{name} is the same contestant as {other}", name=say(name), other=say(other))
        for name, other in same.items()
    ]
    judged = {name for pair in findings["analysis"]["family"] for name in pair}
    if judged & same.keys():
        return f"{listed(told)}."
    spared = tell_n(
        "It would ask the same question twice, and is in no comparison.",
        "They would ask the same question twice, and are in no comparison.",
        len(same),
    )
    return f"{listed(told)}. {spared}"


def source_note(findings: Mapping[str, Any], *, data: bool = True, sets: bool = True) -> str:
    """Return the small print of a caption: which data, and which sets are reconstructions."""
    parts = [tell("Data: {label}.", label=data_label(findings))] if data else []
    return " ".join([*parts, *((remade_note(findings),) if sets else ())]).rstrip()


def remade_note(findings: Mapping[str, Any]) -> str:
    """Return which feature sets are reconstructions, or nothing where none is."""
    remade = [say(chosen["name"]) for chosen in findings["sets"] if chosen["reconstructed"]]
    if len(remade) > 1 and len(remade) == len(findings["sets"]):
        return tell("All feature sets here are reconstructions.")
    if not remade:
        return ""
    return tell_n(
        "Feature set {names}: reconstruction.",
        "Feature sets {names}: reconstructions.",
        len(remade),
        names=listed(remade),
    )
