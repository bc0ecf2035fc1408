"""How comparisons are judged, in sentences: test, correction, equivalence, verdict, power and stopping rule."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bpbench.report.document import cite, ref
from bpbench.report.kinds import scored, study_kind
from bpbench.report.language import marked, tell
from bpbench.report.numerals import count, exact, percent, significant, whole
from bpbench.report.vocabulary import (
    CORRECTIONS,
    TESTS,
    by_student,
    compared_with,
    margin_text,
    metric_label,
    on_part,
    paired_repeats,
    repeat_count,
    several_baselines,
    verdict_word,
)
from bpbench.statistics.margins import Margin

if TYPE_CHECKING:
    from collections.abc import Mapping

#: What a test assumes and does.
_WHY: Final = {
    "paired-t": marked("It takes the paired differences as independent and nearly normal."),
    "nadeau-bengio": marked(
        "Resampled training sets overlap, so the repeats are not independent; this test widens the "
        "standard error by the ratio of test to training blocks (frames of one block are near copies; the larger ratio "
        "of the two, where those of a pair differ), and no test without such a correction is allowed here."
    ),
    "welch": marked(
        "It takes the two samples as independent and nearly normal, with any two variances, and ignores that the "
        "repeats are paired."
    ),
    "wilcoxon": marked(
        "It takes the paired differences as independent and symmetric about one centre, which it tests. The "
        "intervals are Hodges and Lehmann's{intervals}, which belong to this test: they hold that centre, and are read "
        "from the Walsh averages (the means of any two differences, or of one with itself). The difference printed is "
        "the mean of the differences."
    ),
    "sign-flip": marked(
        "It takes the paired differences as independent and symmetric, and their signs as coins: its p is the "
        "share of sign vectors, the seen one among them{shares}, whose mean is at least as extreme: {redrawn}. The "
        "intervals hold every difference that the same sign vectors would not reject; the statistic shown is t."
    ),
    "permutation": marked(
        "It takes the two samples as independent and, but for a shift, exchangeable, so of equal variance, "
        "and ignores that the repeats are paired: its p is the share of labellings, the seen one among them{shares}, "
        "whose difference of means is at least as extreme: {redrawn}. The intervals hold every shift that the same "
        "labellings would not reject; the statistic shown is t."
    ),
    "mann-whitney": marked(
        "It takes the two samples as independent and of one shape but for a shift, which it tests, and "
        "ignores that the repeats are paired. The intervals are Hodges and Lehmann's{intervals}, which belong to this "
        "test: they hold that shift, and are read from all differences of a value of the one and a value of the other. "
        "The difference printed is that of the means."
    ),
}
#: The same of tests of two samples where nothing tells which of their values belong together.
_WHY_UNPAIRED: Final = {
    "welch": marked("It takes the two samples as independent and nearly normal, with any two variances."),
    "permutation": marked(
        "It takes the two samples as independent and, but for a shift, exchangeable, so of equal variance: its p is "
        "the share of labellings, the seen one among them{shares}, whose difference of means is at least as extreme: "
        "{redrawn}. The intervals hold every shift that the same labellings would not reject; the statistic shown is t."
    ),
    "mann-whitney": marked(
        "It takes the two samples as independent and of one shape but for a shift, which it tests. The intervals are "
        "Hodges and Lehmann's{intervals}, which belong to this test: they hold that shift, and are read from all "
        "differences of a value of the one and a value of the other. The difference printed is that of the means."
    ),
}
#: Where a test was described first.
_TEST_WORKS: Final = {
    "paired-t": ("student1908",),
    "nadeau-bengio": ("nadeau2003", "bouckaert2004"),
    "welch": ("welch1947",),
    "wilcoxon": ("wilcoxon1945",),
    "sign-flip": ("fisher1935",),
    "permutation": ("fisher1935",),
    "mann-whitney": ("mann1947",),
}

_BY_METHOD: Final = marked(
    "The p-values of the {comparisons} are adjusted together by the method of {correction}{cited}, at α = {alpha}."
)
#: By which correction p-values are adjusted, where that is not the method of one name.
_BY: Final = {
    "tsbh": marked(
        "The p-values of the {comparisons} are adjusted together by the {correction} method{cited}, at α = {alpha}."
    ),
    "max-t": marked(
        "The p-values of the {comparisons} are adjusted together by step-down {correction}{cited}, at α = {alpha}."
    ),
}
_SHARE_OF_FALSE: Final = marked(
    "It bounds the expected share of false findings among the findings and not the chance of any."
)
#: What must be known of a correction.
_HOW: Final = {
    "max-t": marked(
        "It turns the signs of all differences of a repeat together, so that comparisons that share a variant "
        "keep their dependence, and asks that these differences are jointly symmetric."
    ),
    "bh": _SHARE_OF_FALSE,
    "by": _SHARE_OF_FALSE,
    "tsbh": marked(
        "It first estimates how many comparisons differ, and bounds the expected share of false findings among "
        "the findings and not the chance of any. The more of them appear to differ, the higher "
        "is the threshold that each must pass, beyond α itself where most do, so that an adjusted p can be smaller "
        "than p."
    ),
}
_CORRECTION_WORKS: Final = {
    "holm": ("holm1979",),
    "bonferroni": ("dunn1961",),
    "hochberg": ("hochberg1988",),
    "hommel": ("hommel1988",),
    "sidak": ("sidak1967",),
    "holm-sidak": ("holm1979", "sidak1967"),
    "bh": ("benjamini1995",),
    "by": ("benjamini2001",),
    "tsbh": ("benjamini2006",),
    "max-t": ("westfall1993",),
}

_BY_SHAPE: Final = marked(
    "For this test the smallest detectable effect depends on the shape of the noise and is not stated."
)
#: Why the smallest detectable effect is not stated.
_NO_DZ: Final = {
    **dict.fromkeys(("wilcoxon", "sign-flip", "permutation", "mann-whitney"), _BY_SHAPE),
    "welch": marked(
        "For this test the smallest detectable effect depends on the spreads of both samples and is not stated as one "
        "d_z; the detail of the comparisons gives it for the spreads seen."
    ),
}


def crossed(findings: Mapping[str, Any]) -> bool:
    """Return whether the statistics count splits, the repeats of each averaged before anything is tested."""
    return bool(findings["split"]["design"] == "crossed")


def test(findings: Mapping[str, Any]) -> str:
    """Return which test is made, what it takes for granted, and by which correction its p-values are adjusted."""
    analysis = findings["analysis"]
    key = analysis["test"]
    made = tell(
        "Each comparison is made by the {test} (two-sided){cited} on {metric}{where}.",
        test=TESTS.get(key, key),
        cited=cite(*_TEST_WORKS[key]) if key in _TEST_WORKS else "",
        metric=metric_label(findings["metric"]),
        where=on_part(findings),
    )
    return " ".join(filter(None, (made, _why(findings), _pairs(analysis), *_adjusted(analysis))))


def _why(findings: Mapping[str, Any]) -> str:
    """Return what the test assumes and does, and how many redrawings it visits."""
    analysis = findings["analysis"]
    key, redrawn, of_others = analysis["test"], analysis["redrawings"], scored(findings)
    found = _WHY.get(key)
    if of_others and not analysis["paired"]:
        found = _WHY_UNPAIRED.get(key, found)
    if found is None:
        return ""
    how = ""
    if redrawn is not None:
        # what was seen is one of them, the others are drawn
        words = marked("{many} in all, by the protocol's seed")
        if redrawn["all"]:
            words = marked("all {many} of them")
        elif of_others:
            words = marked("{many} in all, by the command's seed")
        how = tell(words, many=whole(redrawn["count"]))
    return tell(found, intervals=cite("hodges1963"), shares=cite("phipson2010"), redrawn=how)


def _pairs(analysis: Mapping[str, Any]) -> str:
    """Return that all pairs are compared, where they are."""
    if not several_baselines(analysis):
        return ""
    text = compared_with(analysis)
    return f"{text[0].upper()}{text[1:]}."


def _adjusted(analysis: Mapping[str, Any]) -> tuple[str, ...]:
    """Return by which correction, at which level, and what must be known of it."""
    alpha, family, key = exact(analysis["alpha"]), len(analysis["family"]), analysis["correction"]
    if family <= 1:
        return (tell("There is one comparison, so its p-value needs no adjustment; α = {alpha}.", alpha=alpha),)
    by = tell(
        _BY.get(key, _BY_METHOD),
        comparisons=count(family, "comparison"),
        correction=CORRECTIONS.get(key, key),
        cited=cite(*_CORRECTION_WORKS[key]) if key in _CORRECTION_WORKS else "",
        alpha=alpha,
    )
    return (by, tell(_HOW[key])) if key in _HOW else (by,)


def judgement(findings: Mapping[str, Any]) -> str:
    """Return how equivalence is judged, how the verdict follows, and which effect would be found."""
    kind = study_kind(findings)
    return " ".join(
        (*_equivalence(findings), _verdict(findings), tell(kind.undecided), tell(kind.lost), _power(findings))
    )


def _equivalence(findings: Mapping[str, Any]) -> tuple[str, ...]:
    analysis = findings["analysis"]
    if analysis["margin"] is None:
        if scored(findings):
            return (tell("No margin was given, so nothing can be called equivalent."),)
        return (tell("The protocol states no margin, so nothing can be called equivalent."),)
    message = marked(
        "Equivalence is judged by two one-sided tests{cited} against the margin of ±{margin}; they are adjusted over "
        "the family separately."
    )
    if len(analysis["family"]) <= 1:
        message = marked(
            "Equivalence is judged by two one-sided tests{cited} against the margin of ±{margin}; they need no "
            "adjustment either."
        )
    elif analysis["correction"] == "max-t":
        message = marked(
            "Equivalence is judged by two one-sided tests{cited} against the margin of ±{margin}; they are adjusted "
            "over the family separately, by Holm's method, since max-T has no form for them."
        )
    margin = margin_text(analysis, findings["metric"])
    return (tell(message, cited=cite("schuirmann1987", "lakens2017"), margin=margin), *_measured(analysis))


def _measured(analysis: Mapping[str, Any]) -> tuple[str, ...]:
    """Return how a margin is tested that is no number in the metric's unit, and which interval belongs to it."""
    kind = Margin.parse(analysis["margin"]).kind
    if kind == "absolute":
        return ()
    if kind == "d_z":
        return (
            tell(
                "The margin is in units of the true spread of the differences, and the two tests are of the noncentral "
                "t distribution, so that the noise of the observed spread is counted."
            ),
        )
    shares = marked(
        "The share f is one of the true mean of the baseline: the two tests are of the contrasts c − (1 + f) b and "
        "c − (1 − f) b of the scores c of the candidate and b of the baseline, so that the noise of the observed "
        "mean is counted."
    )
    if several_baselines(analysis):
        shares = marked(
            "The share f is one of the true mean of the second of the pair: the two tests are of the contrasts "
            "c − (1 + f) b and c − (1 − f) b of the scores c of the candidate and b of the second of the pair, so that "
            "the noise of the observed mean is counted."
        )
    if by_student(analysis):
        return (
            tell(shares),
            tell("The interval that belongs to them is Fieller's{cited}.", cited=cite("fieller1954")),
        )
    return tell(shares), tell("No interval of the ratio is given for this test.")


def _verdict(findings: Mapping[str, Any]) -> str:
    """Return the rule of the verdict; without a margin there is nothing to be equivalent by."""
    analysis = findings["analysis"]
    one, margin = len(analysis["family"]) <= 1, analysis["margin"] is not None
    message = {
        (False, True): marked(
            "A comparison is called equivalent if the adjusted two one-sided tests reject (and “resolved, below the "
            "margin” if the difference is also significant), else {better} or {worse} if the adjusted test rejects, "
            "else undecided."
        ),
        (True, True): marked(
            "The comparison is called equivalent if both one-sided tests reject (and “resolved, below the margin” if "
            "the difference is also significant), else {better} or {worse} if the two-sided test rejects, else "
            "undecided."
        ),
        (False, False): marked(
            "A comparison is called {better} or {worse} if the adjusted test rejects, else undecided."
        ),
        (True, False): marked("The comparison is called {better} or {worse} if the test rejects, else undecided."),
    }[one, margin]
    better, worse = (verdict_word(word, findings["metric"]) for word in ("better", "worse"))
    return tell(message, better=better, worse=worse)


def _power(findings: Mapping[str, Any]) -> str:
    """Return the smallest effect that the design can detect, or why that is not stated."""
    analysis = findings["analysis"]
    key, dz = analysis["test"], analysis["detectable_dz"]
    if dz is None:
        return tell(_NO_DZ.get(key, marked("The smallest detectable effect is not stated.")))
    message = marked(
        "With {units} and a power of {power}, the smallest effect this design can detect is d_z = {effect} (the mean "
        "of the differences divided by their spread)."
    )
    if analysis["unequal"] and key == "nadeau-bengio":
        message = marked(
            "With {units} and a power of {power}, the smallest effect this design can detect for the hardest pair, "
            "that of the fewest training configurations, is d_z = {effect} (the mean of the differences divided by "
            "their spread)."
        )
    many = analysis["units"]
    units = count(many, "split") if crossed(findings) else repeat_count(many, findings["metric"])
    return tell(message, units=units, power=percent(analysis["power"]), effect=significant(dz))


def stopping(findings: Mapping[str, Any]) -> str:
    """Return by which rule repeats ended, and where it is told what else was decided, and when."""
    elsewhere = tell("What else was decided, and when, is told in {section}.", section=ref("section", "question"))
    if scored(findings):
        return " ".join(
            (
                tell(
                    "A table of scores does not tell by which rule the number of its repeats was chosen; every test "
                    "here takes that number as fixed in advance."
                ),
                elsewhere,
            )
        )
    split, metric = findings["split"], findings["metric"]
    series = repeat_count(split["repeats"], metric)
    if crossed(findings):
        series = tell("{repeats} on {splits}", repeats=series, splits=count(split["splits"], "split"))
    rule = tell(
        "The stopping rule is a fixed number: the protocol asks for {series} of each variant, a comparison is judged "
        "only when that series is complete, and no result seen on the way ends or prolongs it.",
        series=series,
    )
    seen = findings["analysis"]["chosen_after"]
    if not seen:
        return f"{rule} {elsewhere}"
    late = tell(
        "As the analysis was declared after {seen} had been seen, that number may have been chosen in view of them.",
        seen=paired_repeats(seen, metric),
    )
    return f"{rule} {late} {elsewhere}"
