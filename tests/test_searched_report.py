"""The report of strategies: every sentence, table and figure on synthetic findings of each kind and outcome."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from findings_factory import deep_copy, environment, searched, small
from test_compose import strangers, visible

from bpbench.report import (
    canvas,
    chosen,
    search_data,
    search_draw,
    search_kinds,
    search_maps,
    search_results,
    search_rows,
    search_tables,
    searches,
)
from bpbench.report.answer import answer
from bpbench.report.compose import compose, csv_tables
from bpbench.report.document import Document, Figure, Items, Section, Table, Text
from bpbench.report.html import render_html
from bpbench.report.language import spoken
from bpbench.report.numbered import cited
from bpbench.report.references import bibliography
from bpbench.report.vocabulary import compared_with

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def data() -> dict[str, Any]:
    return searched()


@pytest.fixture(scope="module")
def document(data: dict[str, Any]) -> Document:
    return compose(data, environment())


def parts(data: dict[str, Any], measured: dict[str, Any] | None = None) -> Document:
    """Return a document of the sections on strategies alone."""
    made = (*searches.sections(data), *search_results.front(data, measured or {}), *search_results.survival(data))
    works = bibliography(Document("", "", "", (), tuple(made)).running_text())
    return Document("", "", "", (), (*made, Section("references", "", (works,))))


def page_of(document: Document) -> str:
    """Return a document as a page, without its list of works."""
    return re.sub(r'<section id="references".*?</section>', "", render_html(document), flags=re.DOTALL)


def section(document: Document, key: str) -> Section:
    return next(found for found in document.sections if found.key == key)


def table(document: Document, key: str) -> Table:
    return next(found for found in document.tables if found.key == key)


def figure(document: Document, key: str) -> Figure:
    return next(found for found in document.figures if found.key == key)


def column(found: Table, key: str) -> list[str]:
    place = [head.key for head in found.columns].index(key)
    return [re.sub(r"[\u2007\u2008]", "", row[place].text) for row in found.rows]


def strategy(data: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in data["exploration"]["strategies"] if one["name"] == name)
    return found


# -------------------------------------------------------------------------------------------------- the answer


def test_the_answer_says_what_was_chosen_and_what_the_reserve_says_of_it(data: dict[str, Any]) -> None:
    """Sizes, then who chose nothing, each in its own words, then the verdicts, then what the smaller sets save."""
    told = answer(data)
    assert told[0] == (
        "Of 10 strategies 6 chose sets of functions: one 55 of 57, back 40 of 57, forth 2 of 57, weighed 50 of 57, "
        "rand 9 of 57 and groups 9 of 57."
    )
    assert told[1:6] == [
        "Strategy shift chose the whole set itself: nothing was left out, and there is nothing to compare.",
        (
            "Strategy small found no smaller set that was shown to be as good as the best one it explored, back (40 "
            "functions), which stays."
        ),
        "Strategy lost found nothing. Every smaller set diverged: nothing was chosen.",
        "Strategy torn could not go on: 3 of 9 trainings failed: no disk.",
        "Strategy groups chose the same set as rand, which is compared for both.",
    ]
    assert told[6] == (
        "Judged on the test set, which no strategy had seen, with other seeds (3 repeats), by RMSE (in brackets: "
        "differences in meV/atom, negative is better), given this split: one (−0.31) is better than D; back (+0.02) is "
        "equivalent to D within ±0.2 meV/atom; forth (+0.31) is worse than D; weighed (+0.11) and rand "
        "(+0.11) are undecided against D."
    )
    assert told[7] == (
        "How far a search keeps the same when it is made again on other divisions (Nogueira: 1 always the same, 0 as "
        "at random): one 0.66 (3 searches)."
    )
    assert told[8] == (
        "What these sets need per atom: one needs 55 in place of 57 functions, 98 % of the operations; back needs 40 "
        "in place of 57 functions, 83 % of the operations."
    )


def test_no_strategy_is_without_a_verdict_or_an_unfilled_slot(data: dict[str, Any]) -> None:
    """The words for a slot that nothing fills do not stand in the answer."""
    told = " ".join(answer(data))
    assert "slot" not in told
    assert "without a verdict" not in told


def test_declared_contestants_are_told_beside_strategies(data: dict[str, Any]) -> None:
    """Who was declared has a sentence of its own, and a study without strategies has the one it had."""
    declared = answer(data)[9]
    assert declared.startswith("Given this split, by RMSE on the test set, against D over 3 repeats: ")
    assert "linear" in declared
    assert "back" not in declared
    assert chosen.answers(small()) == []


def test_a_saving_that_rounding_hides_is_none() -> None:
    """A set of fewer functions may need as many operations, which is said."""
    data = searched()
    strategy(data, "back")["choice"]["against"]["operations"] = 0.9971
    assert "back needs 40 in place of 57 functions and practically all of the operations." in answer(data)[8]
    strategy(data, "back")["choice"]["against"]["operations"] = None
    assert answer(data)[8].endswith("back needs 40 in place of 57 functions.")


def test_what_is_not_as_good_saves_nothing() -> None:
    """Sets that are worse or undecided are smaller too, and no saving is told of them."""
    data = searched()
    for entry in data["analysis"]["comparisons"]:
        if entry["candidate"] in {"one", "back"}:
            entry["verdict"] = "undecided"
    assert not any("sets need" in text for text in answer(data))


def test_another_model_is_another_difference() -> None:
    """A choice that is trained with another model than what it is compared with says so."""
    data = searched()
    assert not any("models differ" in text for text in answer(data))
    strategy(data, "back")["model"] = "forest"
    assert (
        "The models differ as well as the sets for back (forest, and network for D): a difference there may be that of "
        "the models."
    ) in answer(data)


def test_limits_say_that_another_choice_may_hold_too(document: Document) -> None:
    """And of which strategies nobody asked how steady they are."""
    (items,) = section(document, "limits").blocks
    assert isinstance(items, Items)
    (text,) = [item for item in items.items if item.startswith("A confirmed choice")]
    assert text.endswith("was not looked at for back, forth, weighed, rand, groups, shift and small.")
    assert chosen.limits(small()) == []
    data = searched()
    assert len(chosen.limits(data)) == 1
    data["exploration"]["searched_before"] = 2
    assert chosen.limits(data)[1].startswith(
        "Before this one, 2 other searches had been confirmed on this very reserve"
    )


def test_nobody_chose_anything_else() -> None:
    """Where every strategy ends at what it is compared with, that is the answer."""
    data = searched()
    data["exploration"]["strategies"] = [strategy(data, name) for name in ("shift", "small")]
    assert answer(data)[0] == "None of 2 strategies chose a set other than it is compared with."


def test_a_search_that_is_under_way_is_no_finding() -> None:
    """A strategy that has not ended did not find nothing."""
    data = searched()
    torn = strategy(data, "torn")
    torn.update(broken=None, ended=False)
    assert chosen.outcome(torn) == "Strategy torn has not ended."
    cheapest = strategy(data, "small")
    cheapest["settings"]["by"] = "operations"
    assert "Strategy small found no cheaper set" in str(chosen.outcome(cheapest))
    same = strategy(data, "back")
    same["choice"]["against"]["same"] = True
    assert chosen.outcome(same) == "Strategy back chose the very set with which it is compared, back (40 functions)."


def test_the_best_may_be_the_smallest_itself() -> None:
    """Where nothing smaller was explored, none was refused."""
    one = strategy(searched(), "small")
    one["steps"][0]["tried"] = one["steps"][0]["tried"][:1]
    assert chosen.outcome(one) == (
        "Strategy small found that the best set it explored, back (40 functions), is the smallest as well."
    )
    one["settings"]["by"] = "operations"
    assert "is the cheapest as well" in str(chosen.outcome(one))


def test_pairs_that_are_not_all_pairs_are_named(data: dict[str, Any]) -> None:
    """The winner among sets is compared with the best of them, the others with the baseline."""
    text = compared_with(data["analysis"])
    assert text.startswith("compared are A, linear, one, back")
    assert text.endswith("torn with D; small with “small: the best”")
    assert compared_with(small()["analysis"]) == "baseline is D"


# ---------------------------------------------------------------------------------------------------- numbers


def allowed_beside(data: dict[str, Any]) -> dict[str, Any]:
    """Return findings with the places, counts and shares that a report reads off lists, as numbers to be allowed."""
    more = deep_copy(data)
    told = more["exploration"]["strategies"]
    shares = [one["choice"]["against"]["operations"] for one in told if one["choice"] is not None]
    more["counted"] = [
        len(told), *range(1, 58), *(100 * share for share in shares), 100 * more["exploration"]["test"],
        len(more["costs"]),
    ]  # fmt: skip
    return more


def test_comparisons_of_nothing_say_so(document: Document) -> None:
    """In the table of verdicts a slot that nothing fills says why, and the forest plot leaves out who is not there."""
    found = table(document, "comparisons")
    said = dict(zip(column(found, "candidate"), column(found, "verdict"), strict=True))
    assert said["one"] == "better"
    assert said["groups"] == "as rand"
    assert said["shift"] == said["small"] == "same set"
    assert said["lost"] == said["torn"] == "nothing chosen"
    assert figure(document, "forest").alt == "Forest plot of 10 differences of pairs."


def test_every_number_stands_in_the_findings(data: dict[str, Any]) -> None:
    """As in every report: no number is made, not even in the tables behind figures."""
    assert strangers(page_of(parts(data)), allowed_beside(data)) == []


def test_a_foreign_number_would_be_noticed(data: dict[str, Any]) -> None:
    """The check above is not blind to the sections on strategies."""
    page = page_of(parts(data))
    assert "431 different trainings" in page
    assert strangers(page.replace("431 different trainings", "77.77 different trainings"), allowed_beside(data)) == [
        "77.77"
    ]


def test_keys_are_fixed_words_and_rows_whole(data: dict[str, Any], document: Document) -> None:
    """Names of files are ours, each once, and no row lacks a cell."""
    tables = csv_tables(data, document)
    assert len({found.key for found in tables}) == len(tables)
    assert len({found.key for found in document.figures}) == len(document.figures)
    for found in tables:
        assert re.fullmatch(r"[a-z0-9_]+", found.key)
        assert all(len(row) == len(found.columns) for row in found.rows)


# ------------------------------------------------------------------------------------------------- the sections


def test_sections_of_strategies_stand_behind_the_best_of_n(document: Document) -> None:
    """What is confirmed and its cost come first; then how sets were chosen, each strategy, and what survived."""
    keys = [found.key for found in document.sections]
    first = keys.index("searches")
    assert keys[first - 1] == "best"
    assert keys[first + 1 : first + 11] == [f"strategy-{place}" for place in range(1, 11)]
    assert keys[first + 11] == "survival"
    ordered = ["methods", "repeats", "comparisons", "ranks", "front", "best", "searches", "survival"]
    assert [key for key in keys if key in ordered] == ordered
    assert section(document, "strategy-2").title == "Strategy back: backward elimination"
    assert not {"searches", "front", "survival"} & {found.key for found in compose(small(), environment()).sections}


def test_how_exploring_works_is_said_once(document: Document) -> None:
    """The reserve is out of it, the interval is corrected for overlap, and nothing found is a finding."""
    (text,) = [block.text for block in section(document, "searches").blocks[:1] if isinstance(block, Text)]
    assert "held out of exploring altogether" in text
    assert "Each candidate is trained 3 times; each repeat divides the remaining frames anew" in text
    assert "Nadeau and Bengio's" in text
    assert "that a strategy found nothing is a finding too" in text
    data = searched()
    data["exploration"]["design"] = "fixed"
    fixed = section(parts(data), "searches").blocks[0]
    assert isinstance(fixed, Text)
    assert "all repeats share one division of the remaining frames" in fixed.text
    assert "Nadeau" not in fixed.text


def test_the_table_of_strategies_says_what_each_does(data: dict[str, Any], document: Document) -> None:
    """Settings in plain words, sizes, trainings, and what the race spared."""
    found = table(document, "strategies")
    said = dict(zip(column(found, "strategy"), column(found, "does"), strict=True))
    assert said["one"] == (
        "leaves out each function alone, then together the 1 and 2 whose absence helps most; a race stops hopeless "
        "candidates by Friedman's test from repeat 2 on"
    )
    assert said["lost"] == "leaves out each function alone, then the one whose absence helps most"
    assert said["back"] == (
        "leaves out functions one after another, as listed, as long as the smaller set is not worse than the whole by "
        "the margin or more"
    )
    assert said["forth"].startswith("adds the function that helps most, up to 2, until")
    assert said["rand"] == "draws 3 random subsets of each of the sizes 4 and 9"
    assert said["shift"] == "tries the radial functions with an R_s of 0 and 0.5 to 2 Å, with the angular ones"
    assert said["groups"] == "tries evenly spaced groups of the steps 1/5/2 with the starts 1/202/281"
    assert said["weighed"] == (
        "weighs each function by the sum of its absolute first-layer weights, and leaves out together the 7 lowest"
    )
    assert said["small"].endswith("among D and back")
    assert column(found, "chosen") == ["55", "40", "2", "50", "9", "9", "57", "40", "–", "–"]
    assert column(found, "spared")[:2] == ["1", "0"]
    assert column(found, "asked")[1] == str(strategy(data, "back")["asked"])


def test_what_exploring_promised_stands_beside_what_is_left(document: Document) -> None:
    """Differences are compared, not scores of different frames, and a gain that is gone is told."""
    found = table(document, "gains")
    back = column(found, "strategy").index("back")
    assert column(found, "explored_difference")[back] == "0.000"
    assert column(found, "confirmed_difference")[back] == "0.013"
    assert "must not be subtracted from each other" in found.caption
    assert "–: the whole set was not trained there" not in found.caption
    lines = [block.text for block in section(document, "searches").blocks if isinstance(block, Text)]
    assert any("forth −0.038 while exploring, +0.013 on the reserve" in line for line in lines)
    assert not any("shift" in line for line in lines[1:])


def test_gains_without_the_whole_set_are_not_given() -> None:
    """Without the whole set on either side there is nothing to subtract."""
    data = searched()
    for one in data["exploration"]["strategies"]:
        if one["choice"] is not None:
            one["choice"].update(whole=None, confirmed_difference=None)
    found = table(parts(data), "gains")
    assert [head.key for head in found.columns][-1] == "explored_difference"
    assert "was luck" not in found.caption
    strategy(data, "one")["choice"]["explored_difference"] = None
    assert "–: the whole set was not trained there." in table(parts(data), "gains").caption


def test_races_say_who_was_left_and_why(document: Document) -> None:
    """Candidates by repeat, and the reason in the text."""
    found = table(document, "races")
    assert [cell.text for cell in found.rows[0]] == ["one", "1", "57", "57", "56"]
    page = visible(render_html(document))
    assert re.search(r"one, without G5\(η 0\.2, ζ \d+, λ -?1\): After 2 repeats its rank sum of 91", page)


# ---------------------------------------------------------------------------------------------- each strategy


def test_every_kind_has_its_figure(document: Document) -> None:
    """One for each way to choose; strategies without a score have none."""
    keys = {found.key for found in document.figures if found.key.startswith("strategy_")}
    assert keys == {
        "strategy_1_alone", "strategy_2_path", "strategy_3_growth", "strategy_4_importance", "strategy_5_sizes",
        "strategy_6_candidates", "strategy_7_candidates", "strategy_8_candidates",
    }  # fmt: skip
    assert [type(block) for block in section(document, "strategy-10").blocks] == [Text]


def test_left_out_alone_shows_both_ends(data: dict[str, Any], document: Document) -> None:
    """The figure has all functions, the table the first and the last ten; who was stopped is marked."""
    found = table(document, "strategy_1_ranking")
    assert column(found, "place") == [*map(str, range(1, 11)), *map(str, range(48, 58))]
    assert column(found, "n")[-1] == "2"
    assert "Hollow: stopped by the race" in figure(document, "strategy_1_alone").caption
    together = table(document, "strategy_1_together")
    assert column(together, "taken") == ["–", "chosen"] or column(together, "taken") == ["", "chosen"]
    assert column(together, "functions") == ["57", "55"]
    first = strategy(data, "one")["steps"][0]["tried"][1]
    assert found.rows[0][1].value == first["label"]
    assert found.rows[0][4].value == first["compared"]["difference"]


def test_backward_tells_every_attempt(document: Document) -> None:
    """What went, what was taken back, and that differences are those to the whole."""
    found = table(document, "strategy_2_attempts")
    assert column(found, "taken") == ["left out", "left out", "taken back"]
    assert column(found, "functions") == ["56", "55", "54"]
    assert "not to the set before" in found.caption


def test_an_interval_that_crosses_the_margin_is_explained(document: Document) -> None:
    """The test has one side, the interval two."""
    assert "has one side and α = 0.05, so that an interval may cross" in figure(document, "strategy_2_path").caption


def test_forward_tells_what_was_added(document: Document) -> None:
    """One row for each size, and how it ended."""
    assert column(table(document, "strategy_3_added"), "functions") == ["1", "2"]
    last = section(document, "strategy-3").blocks[-1]
    assert isinstance(last, Text)
    assert last.text.endswith("was added: 2 now, not yet shown as good as the whole.")


def test_sizes_are_compared_with_the_draw_as_unit(data: dict[str, Any], document: Document) -> None:
    """The study's t test between numbers of variables."""
    found = table(document, "strategy_5_tests")
    assert column(found, "candidate") == ["4"]
    assert column(found, "baseline") == ["9"]
    assert column(found, "n") == ["3 and 3"]
    entry = strategy(data, "rand")["sizes"]["comparisons"][0]
    assert found.rows[0][-2].value == entry["p_adjusted"]
    assert column(found, "verdict") == [entry["verdict"]]
    assert "the draw as the unit" in found.caption
    assert column(table(document, "strategy_5_scores"), "draws") == ["3", "3"]


def hurried() -> dict[str, Any]:
    """Return findings of a quick run, as it blanks what judges."""
    data = searched()
    data["protocol"]["quick"] = True
    strategy(data, "rand")["sizes"] = None
    for one in data["exploration"]["strategies"]:
        for tried in [tried for step in one["steps"] for tried in step["tried"] if tried["compared"] is not None]:
            tried["compared"] |= dict.fromkeys(("low", "high", "non_inferior", "p_non_inferior"))
    for entry in data["costs"]:
        entry["on_front"] = False
    return data


@pytest.fixture(scope="module")
def quick_document() -> Document:
    return parts(hurried())


def test_a_quick_run_has_neither_intervals_nor_tests(quick_document: Document) -> None:
    """Differences stay, what judges them is left out, and no gain is called luck in the text."""
    keys = {found.key for found in quick_document.tables}
    assert not {"strategy_5_tests", "strategy_5_scores"} & keys
    heads = [head.key for head in table(quick_document, "strategy_2_attempts").columns]
    assert heads == ["attempt", "candidate", "functions", "difference", "taken"]
    assert "interval" not in figure(quick_document, "strategy_1_alone").caption
    assert "interval" not in figure(quick_document, "strategy_2_path").caption
    assert "margin a little" not in figure(quick_document, "strategy_2_path").caption
    assert "band" not in figure(quick_document, "strategy_5_sizes").caption
    assert not any("better than the whole set while" in b.text for b in quick_document.blocks() if isinstance(b, Text))


def test_a_quick_run_knows_no_front(quick_document: Document) -> None:
    """Costs and means are shown, and neither figure nor table speaks of a front that was not looked for."""
    assert "lue" not in figure(quick_document, "front").caption
    assert "does not say which of them no other set surpasses" in figure(quick_document, "front").caption
    assert "behind it" not in figure(quick_document, "front").svg
    assert "front" not in [head.key for head in table(quick_document, "costs").columns]


def test_a_quick_run_says_what_it_leaves_out(quick_document: Document) -> None:
    """Why a small difference may be refused, that sizes are not tested; no reason of a race, which holds a p."""
    caption = table(quick_document, "strategy_2_attempts").caption
    assert "with 3 repeats it may refuse a small difference that scatters and pass a larger one" in caption
    assert "A quick run makes no tests between sizes." in figure(quick_document, "strategy_5_sizes").caption
    assert not any(isinstance(block, Items) for block in section(quick_document, "searches").blocks)
    assert "reasons" not in table(quick_document, "races").caption
    lead = section(quick_document, "strategy-8").blocks[0]
    assert isinstance(lead, Text)
    assert lead.text.endswith("Strategy small chose the very set with which it is compared, back (40 functions).")
    assert "The last step" not in " ".join(b.text for b in quick_document.blocks() if isinstance(b, Text))
    reasons = {row[-4].value for row in search_tables.tried(hurried()).rows}
    assert reasons == {None, "stopped by the race"}


def test_contestants_that_are_one_have_one_mean() -> None:
    """The answer of a quick run gives the mean of what is the same once."""
    data = hurried()
    data["variants"] = [v for v in data["variants"] if v["name"] in {"D", "back", "small", "small: the best"}]
    (means,) = [text for text in answer(data) if text.startswith("Means over")]
    assert means.count(" for ") == 2
    assert "for back (the same as small and “small: the best”)." in means


def test_differences_have_decimals_of_their_own(quick_document: Document) -> None:
    """Without intervals a table shows differences that are far smaller than the means."""
    data = hurried()
    step = strategy(data, "back")["steps"][0]
    for place, one in enumerate(step["tried"]):
        one["mean"] = 0.22
        one["compared"] = {"difference": 0.0013 * (place + 1)}
    columns, rows = search_rows.candidates(data, strategy(data, "back"), step, differences=True)
    place = [head.key for head in columns].index("difference")
    assert [row[place].text for row in rows] == ["0.0013", "0.0026"]
    assert "over fewer repeats (n)" in table(quick_document, "strategy_1_ranking").caption
    assert "fewer repeats" not in table(quick_document, "strategy_1_together").caption


def test_sizes_under_a_race_are_of_the_repeats_that_all_draws_had() -> None:
    """Dots, band and tests are of the first repeats, and the caption says so; without a race it says nothing."""
    data = searched()
    rand = strategy(data, "rand")
    rand["steps"][0]["tried"][0]["stopped"] = "After 2 repeats its rank sum is too high."
    rand["sizes"]["repeats"] = 2
    document = parts(data)
    assert {"strategy_5_tests", "strategy_5_scores"} <= {found.key for found in document.tables}
    assert "are of the first 2 repeats, which all had." in figure(document, "strategy_5_sizes").caption
    assert "which all had" not in figure(parts(searched()), "strategy_5_sizes").caption


def test_a_selection_that_might_not_grow_further_says_so() -> None:
    """Forward selection that ends at its most is no set that was shown to be enough."""
    data = searched()
    assert not any("the most it was allowed" in text for text in answer(data))
    last = strategy(data, "forth")["steps"][-1]
    (taken,) = [one for one in last["tried"] if one["label"] == last["taken"]]
    taken["compared"]["non_inferior"] = False
    assert (
        "Strategy forth ended at 2 functions, the most it was allowed: while exploring they were not shown to be as "
        "good as the whole set."
    ) in answer(data)


# ------------------------------------------------------------------------------------------------------ its words


def test_whose_splits_weigh_is_said() -> None:
    """Where another model weighs the functions, sentence and caption name it."""
    data = searched()
    weighed = strategy(data, "weighed")
    assert "(model" not in search_kinds.does(weighed)
    weighed["settings"].update(by="gain", of="boosting")
    assert search_kinds.does(weighed) == (
        "weighs each function by the gain of the trees' splits on it (model boosting), and leaves out together the 7 "
        "lowest"
    )
    data["exploration"]["strategies"] = [weighed]
    assert (
        "averaged over 3 repeats (model boosting); the largest" in figure(parts(data), "strategy_1_importance").caption
    )


def test_the_cheapest_set_has_its_own_heading() -> None:
    """By operations it is not the smallest that is looked for."""
    small_one = strategy(searched(), "small")
    assert search_kinds.kind(small_one) == "the smallest set that is as good"
    small_one["settings"]["by"] = "operations"
    assert search_kinds.kind(small_one) == "the cheapest set that is as good"


def test_of_many_savings_the_largest_are_told() -> None:
    """The fewest operations and the fewest functions; the others stand in a table."""
    data = searched()
    for entry in data["analysis"]["comparisons"]:
        if entry["candidate"] in {"one", "back", "forth", "weighed"}:
            entry["verdict"] = "equivalent"
    strategy(data, "back")["choice"]["against"]["operations"] = 0.3
    assert answer(data)[8] == (
        "What the cheapest of these sets need per atom: back needs 40 in place of 57 functions, 30 % of the "
        "operations; forth needs 2 in place of 57 functions, 45 % of the operations; the other 2 are in the table "
        "of error against cost."
    )
    strategy(data, "forth")["choice"]["against"]["operations"] = 0.2
    assert "forth needs 2 in place of 57 functions, 20 % of the operations; the other 3 are" in answer(data)[8]
    for name in ("one", "back", "forth", "weighed"):
        strategy(data, name)["choice"]["against"]["operations"] = None
    assert "atom: forth needs 2 in place of 57 functions; the other 3 are" in answer(data)[8]


# --------------------------------------------------------------------------------------- stability and survival


def test_stability_is_that_of_repeated_searches(document: Document) -> None:
    """One row for each strategy that searched again."""
    found = table(document, "stability")
    assert "For one and the same choice Kuncheva and Nogueira are 1, and Lustgarten is less" in found.caption
    assert [cell.text.strip("\u2007\u2008") for cell in found.rows[0]] == [
        "one", "3", "55, 55, 56", "0.97", "–", "0.64", "0.66", "0.21", "1.10",
    ]  # fmt: skip
    data = searched()
    strategy(data, "one").update(stability=None, outer=1)
    lone = section(parts(data), "survival").blocks[0]
    assert isinstance(lone, Text)
    assert lone.text.startswith("Each strategy searched once")


def test_survivors_of_all_strategies_are_named(data: dict[str, Any], document: Document) -> None:
    """Two functions are kept by forth, and one search in three of 'one' kept the first of them: none is kept by all."""
    texts = [block.text for block in section(document, "survival").blocks if isinstance(block, Text)]
    assert texts == []
    changed = deep_copy(data)
    strategy(changed, "one")["kept"][1] = 1.0
    (text,) = [b.text for b in section(parts(changed), "survival").blocks if isinstance(b, Text)]
    assert text == (
        f"Kept by every strategy in every search that had it to choose from: "
        f"{chosen.compact(data['sets'][3]['functions'][1]['name'], strategy(data, 'one')['pool'])}."
    )


def test_csv_tables_hold_everything(data: dict[str, Any], document: Document) -> None:
    """Every candidate, every chosen function, the share of every function in every strategy."""
    tables = {found.key: found for found in csv_tables(data, document)}
    told = data["exploration"]["strategies"]
    assert len(tables["explored"].rows) == sum(len(step["tried"]) for one in told for step in one["steps"])
    stopped = [row for row in tables["explored"].rows if row[12].value]
    assert [row[12].value for row in stopped] == ["After 2 repeats its rank sum of 91 is 83 above the best one's."]
    assert stopped[0][-1].value is None
    sizes = [one["choice"]["size"] for one in told if one["choice"] is not None]
    assert len(tables["chosen_functions"].rows) == sum(sizes)
    survival = tables["survival"]
    assert len(survival.rows) == 57 * len(sizes)
    assert [cell.value for cell in survival.rows[0]] == ["one", 1, told[0]["pool"][0], 1 / 3]


# --------------------------------------------------------------------------------------------------------- cost


def test_the_front_and_measured_times(data: dict[str, Any], document: Document) -> None:
    """From the cheapest on, with the ratio to the baseline, and times where they were measured."""
    found = table(document, "costs")
    assert column(found, "variant") == ["back", "forth", "one", "D"]
    assert column(found, "operations") == ["40\u202f000", "41\u202f000", "55\u202f000", "57\u202f000"]
    assert column(found, "front") == ["front", "–", "front", "front"]
    assert [head.label for head in found.columns][4] == "relative to D"
    assert "time" not in [head.key for head in found.columns]
    measured = {"descriptor_time": {"back": {"us_per_atom": 12.34, "n": 5}}}
    timed = table(parts(data, measured), "costs")
    assert column(timed, "time") == ["12.3", "–", "–", "–"]
    assert "decide nothing" in timed.caption


def test_one_set_has_no_front() -> None:
    """With a single set that has both error and cost there is nothing to weigh."""
    data = searched()
    data["costs"] = data["costs"][:1]
    assert "front" not in [found.key for found in parts(data).sections]


# ------------------------------------------------------------------------------------------------------ drawing


def test_functions_are_written_in_symbols() -> None:
    """What all of a pool share is left out, long numbers are cut, other words stay."""
    pool = ["G2(eta=0.5,rs=0,rc=6.8)", "G2(eta=0.5,rs=1.23456789,rc=6.8)", "G5(eta=0.01,zeta=16,lambda=-1,rc=6.8)"]
    assert chosen.compact(f"without {pool[1]}", pool) == "without G2(η 0.5, R_s 1.235)"
    assert chosen.compact(pool[2], pool) == "G5(η 0.01, ζ 16, λ −1)"
    assert chosen.compact(pool[2]) == "G5(η 0.01, ζ 16, λ −1, R_c 6.8)"
    assert chosen.compact(pool[0], pool[:1]) == "G2(η 0.5)"
    assert chosen.compact("f1 (a column)", ["f1"]) == "f1 (a column)"


@pytest.mark.parametrize(
    ("wanted", "gap"),
    [([0.5, 0.5, 0.5], 0.1), ([0.98, 0.99, 1.0], 0.2), ([0.0, 0.01], 0.3), ([0.1, 0.9], 0.05), ([0.5] * 40, 0.1)],
)
def test_names_beside_a_plot_keep_apart(wanted: list[float], gap: float) -> None:
    """They keep their order and their distance, within the column, and stay where there is room."""
    found = search_maps.apart(wanted, gap)
    least = min(gap, 1 / len(wanted))
    assert all(b - a >= least - 1e-12 for a, b in pairwise(found))
    assert min(found) >= -1e-12
    assert max(found) <= 1 + 1e-12
    if all(b - a >= gap for a, b in pairwise(wanted)):
        assert found == wanted


def test_a_long_ranking_shows_its_ends() -> None:
    """All rows of 57 are drawn; of 329 the two ends, with a gap between them."""
    assert search_draw.kept_rows(57) == list(range(57))
    rows = search_draw.kept_rows(329)
    assert len(rows) <= search_draw.ROWS
    assert rows.count(None) == 1
    assert rows[0] == 0
    assert rows[-1] == 328


def test_a_large_pool_is_drawn_as_a_strip() -> None:
    """329 functions have no names in the figure, which stays low; 57 have a row each."""
    names = [f"f{place}" for place in range(329)]
    shares: list[list[float | None]] = [[place % 2, None] for place in range(329)]
    strip = search_maps.survival(names, ["a", "b"], shares, key="survival", strip=True)
    rows = search_maps.survival(names[:57], ["a", "b"], shares[:57], key="survival", strip=False)
    heights = [float(re.search(r'height="([\d.]+)pt"', drawn)[1]) for drawn in (strip, rows)]  # type: ignore[index]
    assert heights[0] < 150 < heights[1] < 72 * 9.5


def test_figures_are_the_same_from_the_same_numbers(data: dict[str, Any], document: Document) -> None:
    """No figure depends on anything but its numbers."""
    again = parts(data).figures
    drawn = {found.key: found.svg for found in document.figures}
    assert len(again) > 8
    for found in again:
        assert drawn[found.key] == found.svg


# ------------------------------------------------------------------------------------------ numbers behind figures


def test_every_figure_has_its_numbers(document: Document) -> None:
    """Behind each figure of strategies, of cost and of survival stands a table of the figure's own name."""
    found = [one for one in document.figures if one.key.startswith(("strategy_", "front", "survival"))]
    assert len(found) == 10
    for one in found:
        assert one.data is not None
        assert one.data.key == one.key
        assert one.data.rows
        assert one.data.caption


def drawn(document: Document, key: str) -> Table:
    found = figure(document, key).data
    assert found is not None
    return found


def test_numbers_behind_figures_are_those_of_the_findings(data: dict[str, Any], document: Document) -> None:
    """Unrounded, in the order of the drawing, with names as findings have them."""
    alone = drawn(document, "strategy_1_alone").rows
    first, last = (strategy(data, "one")["steps"][0]["tried"][place] for place in (1, -1))
    assert [cell.value for cell in alone[0][1:3]] == [first["label"], first["compared"]["difference"]]
    assert [alone[place][-1].value for place in (0, 2, -1)] == ["chosen", "other", "stopped"]
    assert alone[-1][1].value == last["label"]
    path = drawn(document, "strategy_2_path").rows
    assert [(row[-2].value, row[-1].value) for row in path] == [(56, "left out"), (55, "left out"), (55, "taken back")]
    grown = drawn(document, "strategy_3_growth").rows
    assert [row[2].value for row in grown[:3]] == ["taken", "taken", "line"]
    assert {row[2].value for row in grown[3:]} == {"other"}
    taken = strategy(data, "forth")["steps"][0]
    scores = next(one["scores"] for one in taken["tried"] if one["label"] == taken["taken"])
    assert [cell.value for cell in grown[0][4:]] == scores
    draws = drawn(document, "strategy_5_sizes").rows
    assert [row[2].value for row in draws] == strategy(data, "rand")["sizes"]["scores"]
    ranges = drawn(document, "strategy_7_candidates").rows
    assert [cell.value for cell in ranges[0][2:5]] == strategy(data, "shift")["steps"][0]["tried"][0]["scores"]
    front = drawn(document, "front").rows
    assert [(row[0].value, row[1].value, row[3].value) for row in front] == [
        ("back", 40000.0, "front"), ("forth", 41000.0, None), ("one", 55000.0, "front"), ("D", 57000.0, "front"),
    ]  # fmt: skip
    kept = drawn(document, "survival")
    assert [head.key for head in kept.columns][2:4] == ["strategy_1", "strategy_2"]
    assert {row[2].value for row in kept.rows} == {1 / 3, 0.0, 1.0}


def test_marks_say_what_they_are(document: Document) -> None:
    """Name, value and interval of a function; candidate and repeat; function, strategy and share."""
    said = {one.key: re.findall(r"<title>([^<]*)</title>", one.svg) for one in document.figures}
    assert len([text for text in said["strategy_1_alone"] if text.startswith("G")]) == 57
    assert re.fullmatch(r"G2\(η 0\.03, R_s 0\): \S+ meV/atom \(\S+ to \S+\)", said["strategy_1_alone"][0])
    assert re.search(r", repeat 2: [\d.]+ meV/atom", " ".join(said["strategy_3_growth"]))
    assert {"the whole set", "margin"} <= set(said["strategy_3_growth"])
    assert {"middle half", "least to largest", "mean over draws"} <= set(said["strategy_5_sizes"])
    assert "9 functions, draw 1" in " ".join(said["strategy_5_sizes"])
    assert "back: 1.27 meV/atom" in said["front"]
    assert "the front" in said["front"]
    assert len(said["survival"]) == 57 * 8
    assert said["survival"][0].endswith(", one: kept in 33.3 % of the searches")


def test_fields_of_a_strip_say_whose_they_are() -> None:
    """Where functions lie from left to right, rows and columns are changed and words go with them."""
    said = [[f"{row} {column}" for column in "ab"] for row in range(70)]
    shares: list[list[float | None]] = [[1.0, None]] * 70
    strip = search_maps.survival([str(n) for n in range(70)], ["a", "b"], shares, key="survival", strip=True, said=said)
    found = re.findall(r"<title>([^<]*)</title>", strip)
    assert found == [f"{row} {column}" for column in "ab" for row in range(70)]
    many: list[list[float | None]] = [[1.0]] * 2001
    names = [str(n) for n in range(2001)]
    assert "<title>" not in search_maps.survival(
        names, ["a"], many, key="survival", strip=True, said=[[name] for name in names]
    )


def test_a_table_behind_a_figure_is_cut_where_it_is_too_long() -> None:
    """And says so."""
    draws = [search_draw.Draw(4, 1.0 + n) for n in range(search_data.LIMIT + 1)]
    found = search_data.of_draws("x", "Every draw.", draws, places=1, shown="meV/atom")
    assert len(found.rows) == search_data.LIMIT
    assert found.caption == "Every draw. The first 500 of 501 rows."
    assert search_data.of_draws("x", "Every draw.", draws[:3], places=1, shown="").caption == "Every draw."


def test_works_are_cited_where_a_way_to_choose_is_described() -> None:
    """By kind, by what functions are ordered by, and by the race."""
    one, weighed = strategy(searched(), "one"), strategy(searched(), "weighed")
    assert cited([search_kinds.sources(one)]) == ["kohavi1997", "maron1994", "friedman1937"]
    one["settings"]["race"]["rule"] = "halving"
    assert cited([search_kinds.sources(one)]) == ["kohavi1997", "maron1994"]
    assert cited([search_kinds.sources(weighed)]) == ["guyon2002"]
    weighed["settings"]["by"] = "permutation"
    assert cited([search_kinds.sources(weighed)]) == ["breiman2001", "altmann2010"]
    assert search_kinds.sources(strategy(searched(), "shift")) == ""


# ---------------------------------------------------------------------------------------------- another language

_FRENCH = """msgid ""
msgstr "Plural-Forms: nplurals=2; plural=(n > 1);\\n"

msgid "without {name} and {n} more"
msgstr "sans {name} et {n} de plus"

msgid "{n} functions, draw {draw}"
msgstr "{n} fonctions, tirage {draw}"

msgid "G2 of R_s {low} to {high} and angular"
msgstr "G2 de R_s {low} à {high} et angulaires"

msgid "leaves out each function alone, then {which} whose absence helps most"
msgstr "retire chaque fonction seule, puis {which} dont l'absence aide le plus"

msgid "the one"
msgstr "celle"

msgctxt "attempt"
msgid "left out"
msgstr "retrait maintenu"

msgid "The gain of the trees' splits on an input"
msgstr "le gain des divisions des arbres"

msgid "{measure}, averaged over {repeats} repeats{model}"
msgstr "{measure}, en moyenne sur {repeats} répétitions{model}"
"""


@pytest.fixture
def french(tmp_path: Path) -> Iterator[None]:
    (tmp_path / "fr.po").write_text(_FRENCH, encoding="utf-8")
    with spoken("fr", [tmp_path]):
        yield


@pytest.mark.parametrize(
    ("label", "english", "told"),
    [
        ("without f1 and 3 more", "without f1 and 3 more", "sans f1 et 3 de plus"),
        ("22 functions, draw 1", "22 functions, draw 1", "22 fonctions, tirage 1"),
        ("G2 of R_s 0.5 to 2 and angular", "G2 of R_s 0.5 to 2 and angular", "G2 de R_s 0,5 à 2 et angulaires"),
        ("a name of a user", "a name of a user", "a name of a user"),
    ],
)
def test_candidates_are_called_in_the_language(
    label: str, english: str, told: str, request: pytest.FixtureRequest
) -> None:
    """What strategies call them is told; a number has the decimal point of the language."""
    rand = strategy(searched(), "rand")
    assert search_rows.titled(rand, label) == english
    request.getfixturevalue("french")
    assert search_rows.titled(rand, label) == told


@pytest.mark.usefixtures("french")
def test_names_of_a_user_are_not_translated() -> None:
    """Sets among which the smallest is looked for are a user's, even one that reads like a label of ours."""
    assert search_rows.titled(strategy(searched(), "small"), "22 functions, draw 1") == "22 functions, draw 1"


@pytest.mark.usefixtures("french")
def test_files_stay_english() -> None:
    """What is shown is told; the values that go to CSV files are the same in every language."""
    cell = search_kinds.does_cell(strategy(searched(), "lost"))
    assert cell.text == "retire chaque fonction seule, puis celle dont l'absence aide le plus"
    assert cell.value == "leaves out each function alone, then the one whose absence helps most"
    taken = search_data.taken_cell(goes=True)
    assert (taken.text, taken.value) == ("retrait maintenu", "left out")


@pytest.mark.usefixtures("french")
def test_what_importances_are_is_told() -> None:
    """A sentence of a trace that is known is told by its message, another is left as it is."""
    weighed = strategy(searched(), "weighed")
    said = "The gain of the trees' splits on an input, averaged over 2 repeats, from the least on."
    assert (
        search_kinds.measured(weighed, {"said": said})
        == "le gain des divisions des arbres, en moyenne sur 2 répétitions"
    )
    assert search_kinds.measured(weighed, {"said": "Something else."}) == "Something else"


@pytest.mark.usefixtures("french")
def test_axes_have_the_decimal_point_of_the_language() -> None:
    """Of linear axes too, whose numbers Matplotlib writes."""
    with canvas.page("x", 2.0) as figure:
        axes = figure.subplots()
        axes.plot([0.0, 0.25, 0.5], [0.0, 0.1, 0.2])
        canvas.svg(figure, "x")
        found = {text.get_text() for text in axes.get_xticklabels()}
    assert "0,1" in found
    assert not any("." in text for text in found)
