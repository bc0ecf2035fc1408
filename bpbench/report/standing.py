"""What stands beside the verdicts: posteriors of the comparisons, and the ranks of all variants."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bpbench.report import standing_draw
from bpbench.report.canvas import styles
from bpbench.report.document import Block, Cell, Column, Figure, Items, Section, Table, Text, cite, ref
from bpbench.report.kinds import is_time, quick
from bpbench.report.labels import source_note
from bpbench.report.language import numeral, tell
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
from bpbench.report.retold import retold
from bpbench.report.tables import align, number, words
from bpbench.report.vocabulary import (
    TESTS,
    by_student,
    metric_label,
    on_part,
    several_baselines,
    unit_count,
    unit_word,
    units_word,
    unpaired,
    verdict_word,
)
from bpbench.statistics.ranking import OMNIBUS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# -------------------------------------------------------------------------------------------------------- posteriors


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
        Column("candidate", tell("candidate"), align="left"),
        *((Column("baseline", tell("baseline"), align="left"),) if several else ()),
        Column("p_better", f"P({better})"),
        *((Column("p_equal", tell("P(practically equal)")),) if margin else ()),
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
    fields = {
        "against": tell("in pairs") if several else tell("with {baseline}", baseline=say(entries[0][0]["baseline"])),
        "axis": axis(findings),
        "part": on_part(findings),
        "better": better,
        "worse": worse,
    }
    if margin:
        first = tell(
            "What the posterior says of the same comparisons {against}, by {axis}{part}: the probability that the "
            "candidate is {better}, practically equal (within the margin) or {worse}, given these data.",
            **fields,
        )
    else:
        first = tell(
            "What the posterior says of the same comparisons {against}, by {axis}{part}: the probability that the "
            "candidate is {better} or {worse}, given these data.",
            **fields,
        )
    last = tell("Each pair is taken alone, not adjusted for the family; verdicts come from the adjusted tests.")
    caption = " ".join([first, *_priors(analysis, known), *_drawn(known), *_taken(analysis, known), last])
    return [Table("posteriors", caption, columns, align(rows, columns), source_note(findings))]


def _priors(analysis: Mapping[str, Any], known: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return of what each posterior is, and under which prior."""
    said = [_prior(model, analysis) for model in dict.fromkeys(bayes["model"] for bayes in known)]
    if unpaired(analysis):
        said.append(tell("It is of the paired differences, while the test takes the two sides as independent samples."))
    return said


def _prior(model: str, analysis: Mapping[str, Any]) -> str:
    if model == "signed-rank":
        return tell(
            "“Better” here means that, among the means of two differences each, better ones are the most frequent kind"
            "{cited}; the prior is a Dirichlet process with weight 0.5 on a difference of zero.",
            cited=cite("benavoli2017"),
        )
    if model == "sign":
        return tell(
            "“Better” here means that better differences are the most frequent kind{cited}; the prior counts one "
            "difference of zero.",
            cited=cite("benavoli2017"),
        )
    if by_student(analysis) and not unpaired(analysis):
        return tell(
            "Of the mean difference, under a flat prior on it and on the logarithm of the spread{cited}: these are "
            "one-sided p-values of t tests read as probabilities, and no further evidence.",
            cited=cite("corani2015", "benavoli2017"),
        )
    return tell(
        "Of the mean difference, under a flat prior on it and on the logarithm of the spread{cited}: these are "
        "one-sided p-values of the paired t test read as probabilities, and no further evidence; the p beside them is "
        "that of the {test}, which is another.",
        cited=cite("corani2015", "benavoli2017"),
        test=TESTS[analysis["test"]],
    )


def _drawn(known: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return from how many random draws the probabilities are, nothing where they are exact."""
    drawn = [bayes for bayes in known if bayes["draws"] is not None]
    if not drawn:
        return []
    worst = max(bayes["error"] for bayes in drawn)
    least = whole(min(bayes["draws"] for bayes in drawn))
    if not worst:
        return [tell("From {draws} random draws.", draws=least)]
    return [
        tell(
            "From {draws} random draws, with a standard error of at most {error}.",
            draws=least,
            error=significant(worst, 1),
        )
    ]


def _taken(analysis: Mapping[str, Any], known: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return what a relative margin is a share of, where that is not the unknown mean itself."""
    if not isinstance(analysis["margin"], str) or all(bayes["model"] == "correlated-t" for bayes in known):
        return []
    return [tell("A share of the baseline's mean is taken of the observed one.")]


def _chance(bayes: Mapping[str, Any] | None, key: str) -> Cell:
    """Return a probability; it is shown as 0 or 1 only where it is, and no number of draws can show that."""
    if bayes is None or bayes[key] is None:
        return Cell(NOTHING, None)
    value, certain = bayes[key], bayes["draws"] is None
    if value < 0.001 and not (certain and value == 0):
        return Cell(numeral("< 0.001"), value)
    return Cell(numeral("> 0.999") if value > 0.999 and not (certain and value == 1) else fixed(value, 3), value)


# ------------------------------------------------------------------------------------------------------------- ranks


def ranks(findings: Mapping[str, Any]) -> list[Section]:
    """Return the section on the ranks of all variants, or why there are none; nothing for fewer than three."""
    analysis = findings["analysis"]
    if len(findings["variants"]) < 3 or "ranking" not in analysis:
        return []
    found = analysis["ranking"]
    if found is None:
        return [Section("ranks", tell("Ranks of all variants"), (Text(_unranked(findings), "note"),))]
    blocks: list[Block] = [
        Text(_omnibus(findings, found)),
        Text(_variance(found)),
        _diagram(findings, found),
        _table(findings, found),
    ]
    if notes := _notes(findings, found):
        blocks.append(Items(tuple(notes)))
    return [Section("ranks", tell("Ranks of all variants"), tuple(blocks))]


def _unranked(findings: Mapping[str, Any]) -> str:
    """Return why there are no ranks."""
    why = findings["analysis"]["unranked"]
    if quick(findings):
        return f"{tell('The variants are not ranked.')} {retold(why)}"
    refused = OMNIBUS["friedman"].refused.get(findings["split"]["design"])
    if refused is not None:
        why = f"{refused.partition(';')[0]}."  # its first clause is the reason, the second advice to who declares
    return tell("The variants are not ranked: {why}", why=retold(why))


def _omnibus(findings: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    metric, friedman = findings["metric"], found["friedman"]
    iman = friedman["iman_davenport"]
    sentences = [
        tell(
            "Every {unit} ranks the variants among themselves by {metric}{part}, the best first. Friedman's test"
            "{cited}, corrected for ties, gives χ² = {chi2} with {degrees} of freedom (p {p}){iman}.",
            unit=unit_word(metric, findings["analysis"]),
            metric=metric_label(metric),
            part=on_part(findings),
            cited=cite("friedman1937"),
            chi2=significant(friedman["chi2"] or None),
            degrees=count(friedman["df"], "degree"),
            p=p_equals(friedman["p"]),
            iman=""
            if iman is None
            else tell(
                ", Iman and Davenport's F{cited} = {f} with {df1} and {df2} (p {p})",
                cited=cite("iman1980"),
                f=significant(iman["f"] or None),
                df1=whole(iman["df1"]),
                df2=whole(iman["df2"]),
                p=p_equals(iman["p"]),
            ),
        )
    ]
    if friedman["p_permutation"] is not None:
        fields = {
            "units": units_word(metric, findings["analysis"]),
            "p": p_equals(friedman["p_permutation"]),
            "smallest": significant(friedman["p_smallest"], 2),
        }
        if friedman["arrangements"]:
            text = tell(
                "χ² and F are meant for many {units}; by {arrangements} random arrangements of the ranks p {p}, which "
                "could not have been below {smallest}.",
                arrangements=whole(friedman["arrangements"]),
                **fields,
            )
        else:
            text = tell(
                "χ² and F are meant for many {units}; by all arrangements of the ranks p {p}, which could not have "
                "been below {smallest}.",
                **fields,
            )
        sentences.append(text)
    dunn = (
        ""
        if found["baseline"] is None
        else tell(
            ", and from that of {baseline} alone (Bonferroni and Dunn{cited}) from {difference} on",
            baseline=say(found["baseline"]),
            cited=cite("dunn1961"),
            difference=fixed(found["bonferroni_dunn"]["difference"], 2),
        )
    )
    sentences += [
        tell(
            "At α = {alpha} any two mean ranks differ (Nemenyi{cited}) from {difference} on{dunn}.",
            alpha=exact(found["alpha"]),
            cited=cite("nemenyi1963"),
            difference=fixed(found["nemenyi"]["difference"], 2),
            dunn=dunn,
        ),
        tell(
            "No verdict rests on these tests, and none waits for them: a mean rank changes with the company it is "
            "ranked in, and says how often a variant is {better} than others, not by how much.",
            better=verdict_word("better", metric),
        ),
        tell("{figure} draws the mean ranks.", figure=ref("figure", "ranks")),
    ]
    return " ".join(sentences)


def _variance(found: Mapping[str, Any]) -> str:
    anova = found["anova"]
    if anova is None:
        return tell("There is no analysis of variance of the scores: {why}", why=retold(found["no_anova"]))
    sphericity = (
        ""
        if anova["mauchly"] is None
        else tell(
            "; Mauchly's test{cited} of equal spreads of all differences: W = {w}, p {p}, which is told and decides "
            "nothing",
            cited=cite("mauchly1940"),
            w=significant(anova["mauchly"]),
            p=p_equals(anova["p_mauchly"]),
        )
    )
    return tell(
        "A repeated-measures analysis of variance of the scores themselves gives F = {f} with {df1} and {df2} degrees "
        "of freedom (p {p}). With these multiplied by Greenhouse and Geisser's ε{greenhouse} = {epsilon}, p "
        "{p_epsilon}; by Huynh and Feldt's ε{huynh} = {other}, p {p_other}{sphericity}. Partial η² = {partial}, "
        "generalised η² = {generalised}.",
        f=significant(anova["f"] or None),
        df1=whole(anova["df1"]),
        df2=whole(anova["df2"]),
        p=p_equals(anova["p"]),
        greenhouse=cite("greenhouse1959"),
        epsilon=fixed(anova["greenhouse_geisser"], 3),
        p_epsilon=p_equals(anova["p_greenhouse_geisser"]),
        huynh=cite("huynh1976"),
        other=fixed(anova["huynh_feldt"], 3),
        p_other=p_equals(anova["p_huynh_feldt"]),
        sphericity=sphericity,
        partial=fixed(anova["partial_eta2"], 3),
        generalised=fixed(anova["generalised_eta2"], 3),
    )


def _groups(found: Mapping[str, Any]) -> list[tuple[str, Sequence[Sequence[str]]]]:
    """Return the groups that are not told apart, by the way of telling; those by pairs may be too many to be kept."""
    wilcoxon = found["wilcoxon"]["cliques"]
    return [("nemenyi", found["nemenyi"]["cliques"]), *(() if wilcoxon is None else (("wilcoxon", wilcoxon),))]


def _diagram(findings: Mapping[str, Any], found: Mapping[str, Any]) -> Figure:
    """Return the critical-difference diagram, with the bars of every way of telling that is not too much for it."""
    named = {"nemenyi": tell("Nemenyi"), "wilcoxon": tell("Wilcoxon, Holm")}
    groups = [
        standing_draw.Groups(named[key], tuple(map(tuple, cliques)), joined=key == "nemenyi")
        for key, cliques in _groups(found)
        if len(cliques) <= standing_draw.MOST_BARS
    ]
    difference = found["nemenyi"]["difference"]
    places = [(entry["name"], entry["mean_rank"]) for entry in found["variants"]]
    looks = styles([variant["name"] for variant in findings["variants"]])
    columns, rows = _lettered(found)
    told = tell(
        "Critical-difference diagram{cited}: the mean ranks by {axis}{part} on a line, the best at its left. The bar "
        "above the line is Nemenyi's critical difference, {difference}.",
        cited=cite("demsar2006"),
        axis=axis(findings),
        part=on_part(findings),
        difference=fixed(difference, 2),
    )
    return Figure(
        "ranks",
        " ".join([told, *_bars(found, [group.joined for group in groups])]),
        standing_draw.diagram(places, looks, difference=difference, groups=groups),
        tell(
            "Line of mean ranks of {variants}, from {first} ({low}) to {last} ({high}); bars join those that are not "
            "told apart.",
            variants=count(len(places), "variant"),
            first=say(places[0][0]),
            low=fixed(places[0][1], 2),
            last=say(places[-1][0]),
            high=fixed(places[-1][1], 2),
        ),
        source_note(findings),
        Table(
            "ranks",
            tell(
                "Mean ranks and groups; Nemenyi's critical difference is {difference}.",
                difference=fixed(difference, 2),
            ),
            columns,
            rows,
        ),
    )


def _bars(found: Mapping[str, Any], drawn: Sequence[bool]) -> list[str]:
    """Return what the bars of a diagram join; ``drawn`` says of each kind that there is whether it is Nemenyi's."""
    nemenyi, wilcoxon = found["nemenyi"]["cliques"], found["wilcoxon"]["cliques"]
    said = []
    if True in drawn and nemenyi:
        said.append(tell("Thick bars join variants whose mean ranks differ by less than it."))
    if False in drawn and wilcoxon:
        said.append(
            tell(
                "Thin bars join those, at their dots, that Wilcoxon's test on each pair does not tell apart: other "
                "variants that such a bar passes are none of them."
            )
        )
    if len(drawn) < 1 + (wilcoxon is not None):
        said.append(
            tell("Where there are too many groups for bars, they stand in {table}.", table=ref("table", "ranks"))
        )
    return said


def _lettered(found: Mapping[str, Any]) -> tuple[tuple[Column, ...], tuple[tuple[Cell, ...], ...]]:
    """Return the columns and rows of mean ranks and letters of groups."""
    labels = {"nemenyi": tell("groups, Nemenyi"), "wilcoxon": tell("groups, Wilcoxon and Holm")}
    letters = {key: _letters(cliques) for key, cliques in _groups(found)}
    columns = (
        Column("variant", tell("variant"), align="left"),
        Column("mean_rank", tell("mean rank")),
        *(Column(key, labels[key], align="left") for key in letters),
    )
    rows = [
        (
            words(short(entry["name"])),
            number(entry["mean_rank"], 2),
            *(words(own.get(entry["name"])) for own in letters.values()),
        )
        for entry in found["variants"]
    ]
    return columns, align(rows, columns)


def _table(findings: Mapping[str, Any], found: Mapping[str, Any]) -> Table:
    columns, rows = _lettered(found)
    fields = {
        "axis": axis(findings),
        "part": on_part(findings),
        "units": unit_count(found["n"], findings["metric"], findings["analysis"]),
    }
    if found["wilcoxon"]["cliques"] is None:
        caption = tell(
            "Mean ranks by {axis}{part} over {units}. Variants that share a letter are not told apart by Nemenyi's "
            "critical difference of mean ranks.",
            **fields,
        )
    else:
        caption = tell(
            "Mean ranks by {axis}{part} over {units}. Variants that share a letter are not told apart: by Nemenyi's "
            "critical difference of mean ranks, or by Wilcoxon's signed-rank test on each pair{cited}, adjusted by "
            "Holm over all {pairs} pairs.",
            cited=cite("benavoli2016"),
            pairs=whole(found["wilcoxon"]["pairs"]),
            **fields,
        )
    if found["baseline"] is not None:
        columns = (*columns, Column("from_baseline", tell("differs from the baseline"), align="left"))
        differs = [Cell(tell("yes"), "yes") if entry["from_baseline"] else words(None) for entry in found["variants"]]
        rows = tuple((*row, cell) for row, cell in zip(rows, differs, strict=True))
        last = tell(
            "The last column is Bonferroni's and Dunn's comparison with {baseline}, the baseline.",
            baseline=say(found["baseline"]),
        )
        caption = f"{caption} {last}"
    return Table("ranks", caption, columns, rows, source_note(findings))


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
    notes = [
        tell("{variant} is left out: {why}.", variant=say(entry["variant"]), why=retold(entry["why"]))
        for entry in found["left_out"]
    ]
    if wilcoxon["p_smallest"] > found["alpha"]:
        notes.append(
            tell(
                "{units} are too few for Wilcoxon's test and Holm's correction to tell any of the {pairs} pairs "
                "apart: the smallest adjusted p that a pair could reach is {p}.",
                units=unit_count(found["n"], findings["metric"], findings["analysis"]),
                pairs=whole(wilcoxon["pairs"]),
                p=significant(wilcoxon["p_smallest"], 2),
            )
        )
    if wilcoxon["cliques"] is None:
        notes.append(tell("By Wilcoxon's test and Holm's correction there are more groups than can be read."))
    if any(entry["status"] == "diverged" for entry in findings["failures"]):
        notes.append(tell("A diverged round ranks last.") if is_time(metric) else tell("A diverged repeat ranks last."))
    return notes
