"""How strategies chose sets: an overview with what the reserve left of each gain, and the steps of every strategy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bpbench.report import search_steps
from bpbench.report.chosen import compact, direction, outcome, searches
from bpbench.report.document import Block, Column, Items, Section, Table, Text
from bpbench.report.numerals import NOTHING, common_decimals, count, exact, percent, say, short, signed, significant
from bpbench.report.search_kinds import does, kind
from bpbench.report.tables import align, counted, number, words
from bpbench.report.vocabulary import quick, source_note, unit, with_unit

if TYPE_CHECKING:
    from collections.abc import Mapping


def sections(findings: Mapping[str, Any]) -> list[Section]:
    """Return the section on how sets were chosen and one for each strategy, none for a study without strategies."""
    told = searches(findings)
    if not told:
        return []
    found = [Section("searches", "How the sets were chosen", tuple(_overview(findings)))]
    for place, strategy in enumerate(told, 1):
        blocks = [_opening(findings, strategy), *search_steps.blocks(findings, strategy, f"strategy_{place}")]
        title = f"Strategy {say(strategy['name'])}: {kind(strategy)}"
        found.append(Section(f"strategy-{place}", title, tuple(blocks)))
    return found


def _overview(findings: Mapping[str, Any]) -> list[Block]:
    told = searches(findings)
    return [Text(_how(findings)), _strategies(findings), *_gains(findings), *_raced(findings, told)]


def _how(findings: Mapping[str, Any]) -> str:
    explore, metric = findings["exploration"], findings["metric"]
    resampled = explore["design"] == "resampled"
    division = (
        "each repeat divides the remaining frames anew"
        if resampled
        else "all repeats share one division of the remaining frames, and their seeds differ"
    )
    error = (
        " As divisions of the same frames overlap, the standard error of these differences is Nadeau and Bengio's."
        if resampled
        else ""
    )
    return (
        "A strategy explores candidates and chooses one of them. It never sees the reserve on which its choice is "
        f"judged: the frames of the reserve are held out of exploring altogether. Each candidate is trained "
        f"{explore['repeats']} times; {division}: {percent(explore['test'])} of all frames score the candidates, "
        f"{percent(explore['validation'])} stop their trainings, the others train. Differences of two candidates are "
        f"taken repeat by repeat, in {metric['label']}.{error} Such intervals guide a search and decide nothing: they "
        "are not corrected for the number of candidates, and the least of many scores flatters. Every choice is "
        "therefore trained again with other seeds and judged on the reserve, as one comparison that was declared "
        "before exploring began; that a strategy found nothing is a finding too. "
        f"In all, exploring took {count(explore['trainings'], 'different training')}."
    )


def _opening(findings: Mapping[str, Any], strategy: Mapping[str, Any]) -> Text:
    text = f"Strategy {say(strategy['name'])} {does(strategy)}"
    if strategy["set"] is not None:
        text += f"; set {say(strategy['set'])}, {count(len(strategy['pool']), 'function')}"
    text += f", model {say(strategy['model'])}."
    if strategy["margin"] is not None and strategy["kind"] in {"backward", "forward", "smallest"}:
        text += f" Its margin is {_margin(findings, strategy)}."
    return Text(f"{text} {outcome(strategy, judged=not quick(findings)) or _result(findings, strategy)}".rstrip())


def _margin(findings: Mapping[str, Any], strategy: Mapping[str, Any]) -> str:
    margin = strategy["margin"]
    return str(margin) if isinstance(margin, str) else with_unit(exact(margin), findings["metric"])


def _result(findings: Mapping[str, Any], strategy: Mapping[str, Any]) -> str:
    choice, metric = strategy["choice"], findings["metric"]
    what = f"It chose {choice['size']} of {count(len(strategy['pool']), 'function')}"
    if choice["explored"] is None:
        return f"{what}, of which not every training succeeded."
    return f"{what}, with a mean of {with_unit(significant(choice['explored']), metric)} while exploring."


# --------------------------------------------------------------------------------------------------- overview


def _strategies(findings: Mapping[str, Any]) -> Table:
    told = searches(findings)
    raced = any(strategy["stopped"] for strategy in told)
    columns = (
        Column("strategy", "strategy", align="left"),
        Column("does", "what it does", align="left"),
        Column("from", "from"),
        Column("chosen", "chosen"),
        Column("candidates", "candidates"),
        Column("asked", "trainings"),
        *((Column("stopped", "candidates stopped"), Column("spared", "trainings spared")) if raced else ()),
    )
    rows = tuple(
        (
            words(short(strategy["name"])),
            words(does(strategy)),
            counted(len(strategy["pool"])),
            counted(None if strategy["choice"] is None else strategy["choice"]["size"]),
            counted(strategy["candidates"]),
            counted(strategy["asked"]),
            *((counted(strategy["stopped"]), counted(strategy["spared"])) if raced else ()),
        )
        for strategy in told
    )
    races = (
        " Spared: the further trainings that candidates would have had which a race stopped; without races there would "
        "have been as many more."
        if raced
        else ""
    )
    outer = " Numbers are those of the first search, which gives the choice." if _searched_again(told) else ""
    return Table(
        "strategies",
        f"The strategies: what they do, how many inputs they chose from and chose, and what it took.{races}{outer}",
        columns,
        rows,
        source_note(findings),
        "wide",
    )


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
    heads = {"least": "least single training", "explored": "mean while exploring", "confirmed": "mean on the reserve"}
    if beside:
        keys.append("explored_difference")
        heads["explored_difference"] = "chosen − whole, exploring"
    if confirmed:
        keys.append("confirmed_difference")
        heads["confirmed_difference"] = "chosen − whole, reserve"
    places = {key: common_decimals([_of(strategy, key) for strategy in found]) for key in keys}
    digits = max((place for place in places.values() if place is not None), default=None)
    digits = None if digits is None else min(digits, 4)
    columns = (
        Column("strategy", "strategy", align="left"),
        Column("size", "chosen"),
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
    caption = (
        f"What exploring promised, and what the reserve left of it, in {findings['metric']['label']}. The least single "
        "training is what a study reports that picks its best run: the least of many flatters. Scores while exploring "
        "and scores on the reserve are of different frames, and their trainings had different numbers of frames, so "
        "that they must not be subtracted from each other"
    )
    caption += (
        f"; compare the two differences from the whole set instead ({direction(findings)}): a gain that shrinks from "
        "the one to the other may have been luck."
        if beside and confirmed
        else "."
    )
    if beside and any(_of(s, "explored_difference") is None or _of(s, "confirmed_difference") is None for s in found):
        caption += f" {NOTHING}: the whole set was not trained there."
    table = Table("gains", caption, columns, align(rows, columns), source_note(findings), "wide", shown)
    return [table, *_shrunk(findings, found, digits)]


def _of(strategy: Mapping[str, Any], key: str) -> float | None:
    value: float | None = strategy["choice"][key]
    return value


def _shrunk(findings: Mapping[str, Any], found: list[Mapping[str, Any]], digits: int | None) -> list[Block]:
    """Return in words how many gains of exploring are there again on the reserve."""
    sign = -1 if direction(findings).startswith("negative") else 1
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
    parts = []
    for strategy in gained[:6]:
        before, after = (_of(strategy, f"{when}_difference") for when in ("explored", "confirmed"))
        parts.append(
            f"{say(strategy['name'])} {signed(before, digits)} while exploring, {signed(after, digits)} on the reserve"
        )
    return [
        Text(
            f"Of the choices that were better than the whole set while exploring ({unit(findings['metric'])}): "
            f"{'; '.join(parts)}."
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
        Column("strategy", "strategy", align="left"),
        Column("step", "step"),
        *(Column(f"left_{number}", f"repeat {number}") for number in range(1, repeats + 1)),
    )
    rows = tuple(
        (words(short(strategy["name"])), counted(place), *(counted(left) for left in step["left"]))
        for strategy, place, step in races
    )
    # One of each race: within a race the reasons are alike but for their numbers.
    reasons = [
        f"{say(strategy['name'])}, {compact(one['label'], strategy['pool'])}: {one['stopped']}"
        for strategy, _, step in races
        for one in [one for one in step["tried"] if one["stopped"] is not None][:1]
    ]
    more = f" The first {_RACES} of {len(rows)}." if len(rows) > _RACES else ""
    below = (
        ""
        if quick(findings)
        else " Below, why the first of each race was; the table explored.csv holds the reasons of all."
    )
    table = Table(
        "races",
        f"Races: how many candidates had each repeat. Who is stopped gets no further one.{more}{below}",
        columns,
        rows[:_RACES],
        source_note(findings),
    )
    return [table] if quick(findings) else [table, Items(tuple(reasons[:_REASONS]))]
