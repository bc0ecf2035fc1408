"""What stands beside the verdicts: posteriors of the comparisons, and the ranks of all variants."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bpbench.report.document import Block, Cell, Column, Items, Section, Table, Text
from bpbench.report.numerals import (
    NOTHING,
    count,
    exact,
    fixed,
    p_equals,
    say,
    short,
    significant,
    whole,
)
from bpbench.report.results import axis
from bpbench.report.tables import align, number, words
from bpbench.report.vocabulary import (
    TESTS,
    by_student,
    on_part,
    quick,
    repeat_word,
    several_baselines,
    source_note,
    unpaired,
    verdict_word,
)
from bpbench.statistics.ranking import OMNIBUS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# -------------------------------------------------------------------------------------------------------- posteriors

_MODELS: Final = {
    "correlated-t": "Of the mean difference, under a flat prior on it and on the logarithm of the spread: these are "
    "one-sided p-values of {which} read as probabilities, and no further evidence{beside}.",
    "signed-rank": "“Better” here means that, among the means of two differences each, better ones are the most "
    "frequent kind; the prior is a Dirichlet process with weight 0.5 on a difference of zero.",
    "sign": "“Better” here means that better differences are the most frequent kind; the prior counts one difference "
    "of zero.",
}


def posteriors(findings: Mapping[str, Any]) -> list[Block]:
    """Return the table of probabilities that a candidate is better, practically equal or worse, if there are any."""
    analysis, metric = findings["analysis"], findings["metric"]
    entries = [(entry, entry.get("bayes")) for entry in analysis["comparisons"]]
    known = [bayes for _, bayes in entries if bayes is not None]
    if not known:
        return []
    several = several_baselines(analysis)
    margin = any(bayes["equal"] is not None for bayes in known)
    better, worse = (verdict_word(word, metric) for word in ("better", "worse"))
    columns = (
        Column("candidate", "candidate", align="left"),
        *((Column("baseline", "baseline", align="left"),) if several else ()),
        Column("p_better", f"P({better})"),
        *((Column("p_equal", "P(practically equal)"),) if margin else ()),
        Column("p_worse", f"P({worse})"),
    )
    keys = ("better", "equal", "worse") if margin else ("better", "worse")
    rows = [
        (
            words(short(entry["candidate"])),
            *((words(short(entry["baseline"])),) if several else ()),
            *(_chance(bayes, key) for key in keys),
        )
        for entry, bayes in entries
    ]
    taken = (
        " A share of the baseline's mean is taken of the observed one."
        if isinstance(analysis["margin"], str) and any(bayes["model"] != "correlated-t" for bayes in known)
        else ""
    )
    own = by_student(analysis) and not unpaired(analysis)
    which = "t tests" if own else "the paired t test"
    beside = f"; the p beside them is that of the {TESTS[analysis['test']]}, which is another" * (not own)
    models = [
        _MODELS[model].format(which=which, beside=beside) for model in dict.fromkeys(bayes["model"] for bayes in known)
    ]
    if unpaired(analysis):
        models.append("It is of the paired differences, while the test takes the two sides as independent samples.")
    against = "in pairs" if several else f"with {say(entries[0][0]['baseline'])}"
    within = ", practically equal (within the margin)" if margin else ""
    return [
        Table(
            "posteriors",
            f"What the posterior says of the same comparisons {against}, by {axis(findings)}{on_part(findings)}: "
            f"the probability that the candidate is {better}{within} or {worse}, given these data. "
            f"{' '.join(models)}{_drawn(known)}{taken} "
            "Each pair is taken alone, not adjusted for the family; verdicts come from the adjusted tests.",
            columns,
            align(rows, columns),
            source_note(findings),
        )
    ]


def _drawn(known: Sequence[Mapping[str, Any]]) -> str:
    drawn = [bayes for bayes in known if bayes["draws"] is not None]
    if not drawn:
        return ""
    worst = max(drawn, key=lambda bayes: bayes["error"])
    error = significant(worst["error"] or None, 1)
    least = whole(min(bayes["draws"] for bayes in drawn))
    return f" From {least} random draws" + (f", with a standard error of at most {error}." if worst["error"] else ".")


def _chance(bayes: Mapping[str, Any] | None, key: str) -> Cell:
    """Return a probability; it is shown as 0 or 1 only where it is, and no number of draws can show that."""
    if bayes is None or bayes[key] is None:
        return Cell(NOTHING, None)
    value, certain = bayes[key], bayes["draws"] is None
    if value < 0.001 and not (certain and value == 0):
        return Cell("< 0.001", value)
    return Cell("> 0.999" if value > 0.999 and not (certain and value == 1) else fixed(value, 3), value)


# ------------------------------------------------------------------------------------------------------------- ranks


def ranks(findings: Mapping[str, Any]) -> list[Section]:
    """Return the section on the ranks of all variants, or why there are none; nothing for fewer than three."""
    analysis = findings["analysis"]
    if len(findings["variants"]) < 3 or "ranking" not in analysis:
        return []
    title = "Ranks of all variants"
    found = analysis["ranking"]
    if quick(findings):
        return [Section("ranks", title, (Text(f"The variants are not ranked. {analysis['unranked']}", "note"),))]
    if found is None:
        refused = OMNIBUS["friedman"].refused.get(findings["split"]["design"])
        # its first clause is the reason, the second advice to who declares
        why = analysis["unranked"] if refused is None else f"{refused.partition(';')[0]}."
        return [Section("ranks", title, (Text(f"The variants are not ranked: {why}", "note"),))]
    blocks: list[Block] = [Text(_omnibus(findings, found)), Text(_variance(found)), _table(findings, found)]
    notes = _notes(findings, found)
    return [Section("ranks", title, (*blocks, Items(tuple(notes))) if notes else tuple(blocks))]


def _omnibus(findings: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    metric, friedman = findings["metric"], found["friedman"]
    better = verdict_word("better", metric)
    text = (
        f"Every {_unit(findings)} ranks the variants among themselves by {metric['label']}{on_part(findings)}, the "
        f"best first. Friedman's test, corrected for ties, gives χ² = {significant(friedman['chi2'] or None)} with "
        f"{count(friedman['df'], 'degree')} of freedom (p {p_equals(friedman['p'])})"
    )
    if (f := friedman["iman_davenport"]) is not None:
        text += (
            f", Iman and Davenport's F = {significant(f['f'] or None)} with {f['df1']} and {f['df2']} (p "
            f"{p_equals(f['p'])})"
        )
    if (p := friedman["p_permutation"]) is not None:
        how = f"{whole(friedman['arrangements'])} random" if friedman["arrangements"] else "all"
        text += (
            f". χ² and F are meant for many {_unit(findings)}s; by {how} arrangements of the ranks p "
            f"{p_equals(p)}, which could not have been below {significant(friedman['p_smallest'], 2)}"
        )
    dunn = (
        f", and from that of {say(found['baseline'])} alone (Bonferroni and Dunn) from "
        f"{fixed(found['bonferroni_dunn']['difference'], 2)} on"
        if found["baseline"] is not None
        else ""
    )
    return (
        f"{text}. At α = {exact(found['alpha'])} any two mean ranks differ (Nemenyi) from "
        f"{fixed(found['nemenyi']['difference'], 2)} on{dunn}. No verdict rests on these tests, and none waits for "
        f"them: a mean rank changes with the company it is ranked in, and says how often a variant is {better} than "
        "others, not by how much."
    )


def _variance(found: Mapping[str, Any]) -> str:
    anova = found["anova"]
    if anova is None:
        return f"There is no analysis of variance of the scores: {found['no_anova']}"
    sphericity = (
        ""
        if anova["mauchly"] is None
        else f"; Mauchly's test of equal spreads of all differences: W = {significant(anova['mauchly'])}, p "
        f"{p_equals(anova['p_mauchly'])}, which is told and decides nothing"
    )
    return (
        "A repeated-measures analysis of variance of the scores themselves gives F = "
        f"{significant(anova['f'] or None)} with {anova['df1']} and {anova['df2']} degrees of freedom (p "
        f"{p_equals(anova['p'])}). With these multiplied by Greenhouse and Geisser's ε = "
        f"{fixed(anova['greenhouse_geisser'], 3)}, p "
        f"{p_equals(anova['p_greenhouse_geisser'])}; by Huynh and Feldt's ε = {fixed(anova['huynh_feldt'], 3)}, p "
        f"{p_equals(anova['p_huynh_feldt'])}{sphericity}. Partial η² = {fixed(anova['partial_eta2'], 3)}, generalised "
        f"η² = {fixed(anova['generalised_eta2'], 3)}."
    )


def _table(findings: Mapping[str, Any], found: Mapping[str, Any]) -> Table:
    nemenyi, wilcoxon = _letters(found["nemenyi"]["cliques"]), found["wilcoxon"]["cliques"]
    pairwise = None if wilcoxon is None else _letters(wilcoxon)
    based = found["baseline"] is not None
    columns = (
        Column("variant", "variant", align="left"),
        Column("mean_rank", "mean rank"),
        Column("nemenyi", "groups, Nemenyi", align="left"),
        *(() if pairwise is None else (Column("wilcoxon", "groups, Wilcoxon and Holm", align="left"),)),
        *((Column("from_baseline", "differs from the baseline", align="left"),) if based else ()),
    )
    rows = [
        (
            words(short(entry["name"])),
            number(entry["mean_rank"], 2),
            words(nemenyi.get(entry["name"])),
            *(() if pairwise is None else (words(pairwise.get(entry["name"])),)),
            *((words("yes" if entry["from_baseline"] else None),) if based else ()),
        )
        for entry in found["variants"]
    ]
    return Table(
        "ranks",
        f"Mean ranks by {axis(findings)}{on_part(findings)} over {count(found['n'], _unit(findings))}. Variants that "
        "share a letter are not told apart"
        + (
            ": by Nemenyi's critical difference of mean ranks, or by Wilcoxon's signed-rank test on each pair, "
            f"adjusted by Holm over all {found['wilcoxon']['pairs']} pairs"
            if pairwise is not None
            else " by Nemenyi's critical difference of mean ranks"
        )
        + (
            f". The last column is Bonferroni's and Dunn's comparison with {say(found['baseline'])}, the baseline."
            if based
            else "."
        ),
        columns,
        align(rows, columns),
        source_note(findings),
    )


def _unit(findings: Mapping[str, Any]) -> str:
    return "split" if findings["split"]["design"] == "crossed" else repeat_word(findings["metric"])


def _letters(cliques: Sequence[Sequence[str]]) -> dict[str, str]:
    """Return for each variant the letters of the groups it is in; beyond the alphabet these are numbers."""
    marks: dict[str, list[str]] = {}
    for place, clique in enumerate(cliques):
        mark = chr(ord("a") + place) if len(cliques) <= 26 else str(place + 1)
        for name in clique:
            marks.setdefault(name, []).append(mark)
    return {name: " ".join(own) for name, own in marks.items()}


def _notes(findings: Mapping[str, Any], found: Mapping[str, Any]) -> list[str]:
    wilcoxon, metric = found["wilcoxon"], findings["metric"]
    notes = [f"{say(entry['variant'])} is left out: {entry['why']}." for entry in found["left_out"]]
    if wilcoxon["p_smallest"] > found["alpha"]:
        notes.append(
            f"{count(found['n'], _unit(findings))} are too few for Wilcoxon's test and Holm's correction to tell any "
            f"of the {wilcoxon['pairs']} pairs apart: the smallest adjusted p that a pair could reach is "
            f"{significant(wilcoxon['p_smallest'], 2)}."
        )
    if wilcoxon["cliques"] is None:
        notes.append("By Wilcoxon's test and Holm's correction there are more groups than can be read.")
    if any(entry["status"] == "diverged" for entry in findings["failures"]):
        notes.append(f"A diverged {repeat_word(metric)} ranks last.")
    return notes
