"""How strategies chose sets: an overview with what the reserve left of each gain, and the steps of every strategy."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, Any, Final

from bpbench.report import search_steps
from bpbench.report.chosen import direction, outcome, searches
from bpbench.report.document import Block, Column, Items, Section, Table, Text, cite
from bpbench.report.kinds import quick
from bpbench.report.labels import source_note
from bpbench.report.language import marked, numeral, tell, tell_as
from bpbench.report.numerals import NOTHING, common_decimals, count, exact, percent, say, short, signed, significant
from bpbench.report.retold import retold
from bpbench.report.search_kinds import does, does_cell, kind, sources
from bpbench.report.search_rows import titled
from bpbench.report.tables import align, counted, number, words
from bpbench.report.tallies import lower_is_better
from bpbench.report.vocabulary import metric_label, unit, with_unit

if TYPE_CHECKING:
    from collections.abc import Mapping


def sections(findings: Mapping[str, Any]) -> list[Section]:
    """Return the section on how sets were chosen and one for each strategy, none for a study without strategies."""
    told = searches(findings)
    if not told:
        return []
    found = [Section("searches", tell("How the sets were chosen"), tuple(_overview(findings)))]
    for place, strategy in enumerate(told, 1):
        blocks = [_opening(findings, strategy), *search_steps.blocks(findings, strategy, f"strategy_{place}")]
        title = tell("Strategy {name}: {kind}", name=say(strategy["name"]), kind=kind(strategy))
        found.append(Section(f"strategy-{place}", title, tuple(blocks)))
    return found


def _overview(findings: Mapping[str, Any]) -> list[Block]:
    told = searches(findings)
    return [Text(_how(findings)), _strategies(findings), *_gains(findings), *_raced(findings, told)]


#: How repeats of exploring divide the frames, and the error of their differences.
_TRAINED: Final = {
    "resampled": marked(
        "Each candidate is trained {repeats} times; each repeat divides the remaining frames anew: {test} of all "
        "frames score the candidates, {validation} stop their trainings, the others train."
    ),
    "fixed": marked(
        "Each candidate is trained {repeats} times; all repeats share one division of the remaining frames, and their "
        "seeds differ: {test} of all frames score the candidates, {validation} stop their trainings, the others train."
    ),
}


def _how(findings: Mapping[str, Any]) -> str:
    explore = findings["exploration"]
    design = "resampled" if explore["design"] == "resampled" else "fixed"
    sentences = [
        tell(
            "A strategy explores candidates and chooses one of them{wrappers}. It never sees the reserve on which its "
            "choice is judged: the frames of the reserve are held out of exploring altogether.",
            wrappers=cite("kohavi1997"),
        ),
        tell(
            _TRAINED[design],
            repeats=explore["repeats"],
            test=percent(explore["test"]),
            validation=percent(explore["validation"]),
        ),
        tell(
            "Differences of two candidates are taken repeat by repeat, in {metric}.",
            metric=metric_label(findings["metric"]),
        ),
    ]
    if design == "resampled":
        sentences.append(
            tell(
                "As divisions of the same frames overlap, the standard error of these differences is Nadeau and "
                "Bengio's{source}.",
                source=cite("nadeau2003"),
            )
        )
    sentences += [
        tell(
            "Such intervals guide a search and decide nothing: they are not corrected for the number of candidates, "
            "and the least of many scores flatters. Every choice is therefore trained again with other seeds and "
            "judged on the reserve, as one comparison that was declared before exploring began; that a strategy found "
            "nothing is a finding too."
        ),
        tell(
            "In all, exploring took {trainings}.",
            trainings=count(explore["trainings"], "different training"),
        ),
    ]
    return " ".join(sentences)


def _opening(findings: Mapping[str, Any], strategy: Mapping[str, Any]) -> Text:
    told = {"name": say(strategy["name"]), "does": does(strategy) + sources(strategy), "model": say(strategy["model"])}
    if strategy["set"] is None:
        text = tell("Strategy {name} {does}, model {model}.", **told)
    else:
        text = tell(
            "Strategy {name} {does}; set {set}, {functions}, model {model}.",
            set=say(strategy["set"]),
            functions=count(len(strategy["pool"]), "function"),
            **told,
        )
    if strategy["margin"] is not None and strategy["kind"] in {"backward", "forward", "smallest"}:
        text += " " + tell("Its margin is {margin}.", margin=_margin(findings, strategy))
    return Text(f"{text} {outcome(strategy, judged=not quick(findings)) or _result(findings, strategy)}".rstrip())


def _margin(findings: Mapping[str, Any], strategy: Mapping[str, Any]) -> str:
    margin = strategy["margin"]
    return numeral(margin) if isinstance(margin, str) else with_unit(exact(margin), findings["metric"])


def _result(findings: Mapping[str, Any], strategy: Mapping[str, Any]) -> str:
    choice, metric = strategy["choice"], findings["metric"]
    pool = count(len(strategy["pool"]), "function")
    if choice["explored"] is None:
        return tell(
            "It chose {size} of {functions}, of which not every training succeeded.",
            size=choice["size"],
            functions=pool,
        )
    return tell(
        "It chose {size} of {functions}, with a mean of {mean} while exploring.",
        size=choice["size"],
        functions=pool,
        mean=with_unit(significant(choice["explored"]), metric),
    )


# --------------------------------------------------------------------------------------------------- overview


def _strategies(findings: Mapping[str, Any]) -> Table:
    told = searches(findings)
    raced = any(strategy["stopped"] for strategy in told)
    columns = (
        Column("strategy", tell("strategy"), align="left"),
        Column("does", tell("what it does"), align="left"),
        Column("from", tell_as("strategy", "from")),
        Column("chosen", tell_as("column", "chosen")),
        Column("candidates", tell("candidates")),
        Column("asked", tell("trainings")),
        *((Column("stopped", tell("candidates stopped")), Column("spared", tell("trainings spared"))) if raced else ()),
    )
    rows = tuple(
        (
            words(short(strategy["name"])),
            does_cell(strategy),
            counted(len(strategy["pool"])),
            counted(None if strategy["choice"] is None else strategy["choice"]["size"]),
            counted(strategy["candidates"]),
            counted(strategy["asked"]),
            *((counted(strategy["stopped"]), counted(strategy["spared"])) if raced else ()),
        )
        for strategy in told
    )
    caption = [tell("The strategies: what they do, how many inputs they chose from and chose, and what it took.")]
    if raced:
        caption.append(
            tell(
                "Spared: the further trainings that candidates would have had which a race stopped; without races "
                "there would have been as many more."
            )
        )
    if _searched_again(told):
        caption.append(tell("Numbers are those of the first search, which gives the choice."))
    return Table("strategies", " ".join(caption), columns, rows, source_note(findings), "wide")


def _searched_again(told: list[Mapping[str, Any]]) -> bool:
    return any(strategy["outer"] > 1 for strategy in told)


def _gains(findings: Mapping[str, Any]) -> list[Block]:
    """Return the table of what exploring promised and the reserve left, nothing where nothing was chosen."""
    found = [strategy for strategy in searches(findings) if strategy["choice"] is not None]
    if not found:
        return []
    shown = unit(findings["metric"])
    beside = any(strategy["choice"]["explored_difference"] is not None for strategy in found)
    confirmed = any(strategy["choice"]["confirmed_difference"] is not None for strategy in found)
    keys = ["least", "explored", "confirmed"]
    heads = {
        "least": tell("least single training"),
        "explored": tell("mean while exploring"),
        "confirmed": tell("mean on the reserve"),
    }
    if beside:
        keys.append("explored_difference")
        heads["explored_difference"] = tell("chosen − whole, exploring")
    if confirmed:
        keys.append("confirmed_difference")
        heads["confirmed_difference"] = tell("chosen − whole, reserve")
    places = {key: common_decimals([_of(strategy, key) for strategy in found]) for key in keys}
    digits = max((place for place in places.values() if place is not None), default=None)
    digits = None if digits is None else min(digits, 4)
    columns = (
        Column("strategy", tell("strategy"), align="left"),
        Column("size", tell_as("column", "chosen")),
        *(Column(key, heads[key], shown) for key in keys),
    )
    rows = [
        (
            words(short(strategy["name"])),
            counted(strategy["choice"]["size"]),
            *(number(_of(strategy, key), digits) for key in keys),
        )
        for strategy in found
    ]
    caption = [
        tell(
            "What exploring promised, and what the reserve left of it, in {metric}. The least single training is what "
            "a study reports that picks its best run: the least of many flatters.",
            metric=metric_label(findings["metric"]),
        ),
        _compared(findings) if beside and confirmed else tell(_APART),
    ]
    if beside and any(_of(s, "explored_difference") is None or _of(s, "confirmed_difference") is None for s in found):
        caption.append(tell("{mark}: the whole set was not trained there.", mark=NOTHING))
    table = Table("gains", " ".join(caption), columns, align(rows, columns), source_note(findings), "wide", shown)
    return [table, *_shrunk(findings, found, digits)]


_APART: Final = marked(
    "Scores while exploring and scores on the reserve are of different frames, and their trainings had different "
    "numbers of frames, so that they must not be subtracted from each other."
)


def _compared(findings: Mapping[str, Any]) -> str:
    """Return how scores of exploring and of the reserve are to be compared."""
    return tell(
        "Scores while exploring and scores on the reserve are of different frames, and their trainings had different "
        "numbers of frames, so that they must not be subtracted from each other; compare the two differences from the "
        "whole set instead ({direction}): a gain that shrinks from the one to the other may have been luck.",
        direction=direction(findings),
    )


def _of(strategy: Mapping[str, Any], key: str) -> float | None:
    value: float | None = strategy["choice"][key]
    return value


def _shrunk(findings: Mapping[str, Any], found: list[Mapping[str, Any]], digits: int | None) -> list[Block]:
    """Return in words how many gains of exploring are there again on the reserve."""
    sign = -1 if lower_is_better(findings["metric"]) else 1
    both = [
        strategy
        for strategy in found
        if _of(strategy, "explored_difference") is not None
        and _of(strategy, "confirmed_difference") is not None
        and outcome(strategy) is None
    ]
    gained = [strategy for strategy in both if sign * strategy["choice"]["explored_difference"] > 0]
    if not gained or quick(findings):
        return []
    parts = [
        tell(
            "{name} {before} while exploring, {after} on the reserve",
            name=say(strategy["name"]),
            before=signed(_of(strategy, "explored_difference"), digits),
            after=signed(_of(strategy, "confirmed_difference"), digits),
        )
        for strategy in gained[:6]
    ]
    return [
        Text(
            tell(
                "Of the choices that were better than the whole set while exploring ({unit}): {gains}.",
                unit=unit(findings["metric"]),
                gains=reduce(lambda first, second: tell("{first}; {second}", first=first, second=second), parts),
            )
        )
    ]


# ------------------------------------------------------------------------------------------------------ races

#: Races that the table shows, and reasons below it; the CSV file holds all.
_RACES: Final = 30
_REASONS: Final = 3


def _raced(findings: Mapping[str, Any], told: list[Mapping[str, Any]]) -> list[Block]:
    """Return how many candidates of each race were left after each repeat, and the first reasons."""
    races = [
        (strategy, place, step)
        for strategy in told
        for place, step in enumerate(strategy["steps"], 1)
        if step["left"] is not None
    ]
    if not races:
        return []
    repeats = findings["exploration"]["repeats"]
    columns = (
        Column("strategy", tell("strategy"), align="left"),
        Column("step", tell("step")),
        *(Column(f"left_{number}", tell("repeat {number}", number=number)) for number in range(1, repeats + 1)),
    )
    rows = tuple(
        (words(short(strategy["name"])), counted(place), *(counted(left) for left in step["left"]))
        for strategy, place, step in races
    )
    # One of each race: within a race the reasons are alike but for their numbers.
    reasons = [
        tell(
            "{strategy}, {candidate}: {why}",
            strategy=say(strategy["name"]),
            candidate=titled(strategy, one["label"]),
            why=retold(one["stopped"]),
        )
        for strategy, _, step in races
        for one in [one for one in step["tried"] if one["stopped"] is not None][:1]
    ]
    caption = [
        tell(
            "Races{source}: how many candidates had each repeat. Who is stopped gets no further one.",
            source=cite("maron1994"),
        )
    ]
    if len(rows) > _RACES:
        caption.append(tell("The first {limit} of {total}.", limit=_RACES, total=len(rows)))
    if not quick(findings):
        caption.append(tell("Below, why the first of each race was; the table explored.csv holds the reasons of all."))
    table = Table("races", " ".join(caption), columns, rows[:_RACES], source_note(findings))
    return [table] if quick(findings) else [table, Items(tuple(reasons[:_REASONS]))]
