"""The document: no number that is not in the findings, the order of its parts, labels where they are due."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from itertools import accumulate, pairwise
from typing import Any

import pytest
from findings_factory import (
    compared,
    deep_copy,
    environment,
    findings,
    in_pairs,
    ranked,
    resampled,
    searched,
    small,
    swept,
    without_results,
)

from bpbench.report import judged, learners, methods, tables
from bpbench.report.answer import answer
from bpbench.report.canvas import styles
from bpbench.report.compose import compose, csv_tables
from bpbench.report.document import CLOSE, OPEN, Cell, Column, Document, Figure, Items, Table, Text
from bpbench.report.html import render_html
from bpbench.report.language import spoken
from bpbench.report.numerals import percent
from bpbench.report.tallies import tally
from bpbench.report.templating import folders
from bpbench.report.vocabulary import CORRECTIONS, TESTS
from bpbench.report.words import comparison_sentence

#: Numbers of method text that no findings hold: the bounds in "p < 0.001" and "> 0.999", the normal errors within two
#: deviations (%), the weight of a prior, the angle (°) at which half of the angular functions are largest.
METHOD = {0.001, 0.999, 95.4, 0.5, 180.0}


class Words(HTMLParser):
    """Text of a page without drawings, styles, the environment, works, and the numbers of what is numbered.

    Parameters
    ----------
    folded : bool
        Whether only the values behind figures are read, or all but these.
    """

    def __init__(self, *, folded: bool = False) -> None:
        super().__init__()
        self.found: list[str] = []
        self.folded = folded
        self.open: list[str] = []
        self.hidden: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        quiet = tag in {"svg", "style", "script", "title"} or (
            tag == "section" and given.get("id") in {"environment", "references"}
        )
        quiet |= tag == "span" and given.get("class") in {"cited", "number"}
        if tag == "details":
            self.open.append(tag)
        if tag in {"svg", "style", "script", "title", "section", "span"}:
            self.hidden.append("quiet" if quiet else "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "details":
            self.open.pop()
        if tag in {"svg", "style", "script", "title", "section", "span"}:
            self.hidden.pop()

    def handle_data(self, data: str) -> None:
        numbered = re.fullmatch(r"\s*(Table|Figure|Equation|Section)\s\d+\.?", data)
        if "quiet" not in self.hidden and not numbered and bool(self.open) == self.folded:
            self.found.append(data)


def visible(page: str, *, folded: bool = False) -> str:
    parser = Words(folded=folded)
    parser.feed(page)
    text = " ".join(parser.found)
    return re.sub(r"[\u2007\u2008]", "", text).replace("\u00a0", " ").replace("\u202f", "").replace("−", "-")


def leaves(value: Any, *, skip: tuple[str, ...] = ()) -> Iterator[Any]:
    if isinstance(value, dict):
        for key, item in value.items():
            if key not in skip:
                yield from leaves(item, skip=skip)
    elif isinstance(value, list):
        for item in value:
            yield from leaves(item, skip=skip)
    else:
        yield value


#: Points of curves, parity plots and single repeats are drawn, never printed; leaving them out keeps the test sharp.
DRAWN = ("curve", "parity", "results")


def allowed(data: dict[str, Any], *, skip: tuple[str, ...] = DRAWN) -> tuple[set[float], list[str]]:
    """Return the numbers a report may show, and the strings whose digits it may repeat."""
    found = list(leaves(data, skip=skip))
    numbers = {float(item) for item in found if isinstance(item, int | float) and not isinstance(item, bool)}
    analysis, split = data["analysis"], data["split"]
    shares = [analysis["power"], 1 - 2 * analysis["alpha"]]
    shares += [split[key] for key in ("reserve", "validation") if key in split]
    shares.append(data["mean_level"])
    shares += [entry["level"] for entry in analysis["comparisons"]]
    shares += [round(variant["share"], 3) for variant in data["variants"] if variant["share"] is not None]
    ensembles = [variant["ensemble"] for variant in data["variants"] if variant["ensemble"]]
    shares += [round(entry[key], 3) for entry in ensembles for key in ("within", "nominal")]
    numbers |= {float(percent(share).removesuffix(" %")) for share in shares}
    numbers |= {float(count) for count in tally(data).values()}
    kinds = [[function["kind"] for function in entry["functions"]] for entry in data["sets"]]
    numbers |= {float(row.count(kind)) for row in kinds for kind in row}
    parities = [variant["parity"] for variant in data["variants"] if variant["parity"]]
    numbers |= {float(size) for points in parities for size in (points["total"], len(points["group"]))}
    if not skip:
        numbers |= _drawn_besides(data)
    strings = sorted(
        {item for item in found if isinstance(item, str) and re.search(r"\d", item)}, key=len, reverse=True
    )
    return numbers | METHOD, strings


def _drawn_besides(data: dict[str, Any]) -> set[float]:
    """Return what figures draw that the findings say in other numbers: errors, sizes of layers, places of stretches."""
    numbers: set[float] = set()
    for points in (variant["parity"] for variant in data["variants"] if variant["parity"]):
        both = zip(points["predicted_ev_per_atom"], points["reference_ev_per_atom"], strict=True)
        numbers |= {1000 * (predicted - reference) for predicted, reference in both}
    for shape in (variant["shape"] for variant in data["variants"] if variant["shape"]):
        sizes = [int(size) for size in shape.split("-")]
        numbers |= {float(one * other) for one, other in pairwise(sizes)} | {float(size) for size in sizes}
    for entry in data["split"].get("timeline") or []:
        numbers |= {float(1 + place) for place in accumulate((many for _, many in entry["runs"]), initial=0)}
    return numbers


SUPERSCRIPTS = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")
NUMBER = re.compile(r"(?<![\w.])-?(\d+(?:\.\d+)?)(?: × 10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)|([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+))?")


def strangers(page: str, data: dict[str, Any], *, folded: bool = False) -> list[str]:
    """Return the numbers on a page that, rounded as they are shown, are none of the findings'."""
    numbers, strings = allowed(data, skip=() if folded else DRAWN)
    text = visible(page, folded=folded).replace("SHA-256", " ")
    for string in strings:
        plain = string.replace("\u00a0", " ").replace("−", "-")
        if plain in text:
            text = re.sub(rf"(?<![\w.]){re.escape(plain)}(?![\d.]*\d)", " ", text)
        for line in plain.splitlines():
            if len(line) > 8:
                text = text.replace(line, " ")
    found = []
    printed: dict[int, set[str]] = {}  # by decimal places
    for match in NUMBER.finditer(text):
        mantissa, power, bare = match.groups()
        if power or bare:
            exponent = int((power or bare).translate(SUPERSCRIPTS))
            value = float(mantissa) * 10.0**exponent if power else float(mantissa) ** exponent
            if any(
                abs(abs(number) - value) <= 0.5 * 10 ** (exponent - len(mantissa.partition(".")[2]))
                for number in numbers
            ):
                continue
        else:
            places = len(mantissa.partition(".")[2])
            if places not in printed:
                printed[places] = {f"{abs(number):.{places}f}" for number in numbers}
            if mantissa in printed[places]:
                continue
        found.append(match.group())
    return found


def test_the_values_behind_figures_are_those_of_the_findings(data: dict[str, Any], page: str) -> None:
    """Each number of a folded table is one of the findings, an error of a parity plot, or a size that is drawn."""
    assert len(re.findall(r"\d+", visible(page, folded=True))) > 1000
    assert strangers(page, data, folded=True) == []
    assert strangers(page.replace("</summary>", "</summary>17.17", 1), data, folded=True) == ["17.17"]


@pytest.fixture(scope="module")
def data() -> dict[str, Any]:
    return findings()


@pytest.fixture(scope="module")
def document(data: dict[str, Any]) -> Document:
    return compose(data, environment())


@pytest.fixture(scope="module")
def page(document: Document) -> str:
    return render_html(document)


def test_no_number_appears_that_is_not_in_the_findings(data: dict[str, Any], page: str) -> None:
    """Each number in prose, captions and tables is a rounded number of the findings or a count of listed things."""
    assert strangers(page, data) == []


def test_a_foreign_number_would_be_noticed(data: dict[str, Any], page: str) -> None:
    """The check above fails when one digit of the answer is changed."""
    assert "0.30\u00a0meV/atom" in page
    assert strangers(page.replace("0.30\u00a0meV/atom", "77.77 meV/atom", 1), data) == ["77.77"]


def test_no_number_is_made_when_nothing_succeeded() -> None:
    """The same holds for a report without results."""
    data = without_results()
    assert strangers(render_html(compose(data, environment())), data) == []


def test_scores_of_others_have_no_number_of_ours() -> None:
    """The same holds for a report on a table of scores, in its own order of parts."""
    data = compared()
    document = compose(data, environment())
    assert strangers(render_html(document), data) == []
    assert [section.key for section in document.sections] == [
        "answer", "question", "data", "methods", "repeats", "comparisons", "ranks", "failures", "limits",
        "environment", "reproduce", "references",
    ]  # fmt: skip


def test_csv_values_are_the_findings_own(data: dict[str, Any], document: Document) -> None:
    """Every unrounded number in a table is, to the last bit, one of the findings or a count of listed things."""
    numbers, _ = allowed(data, skip=("curve", "parity"))
    rows = [
        value for table in csv_tables(data, document) for row in table.rows for value in (cell.value for cell in row)
    ]
    values = [float(value) for value in rows if value is not None and not isinstance(value, str)]
    # Inputs are numbered from 1 within their set.
    places = set(map(float, range(1, 58)))
    assert len(values) > 1000
    assert set(values) <= numbers | places


def test_the_order_of_the_parts(document: Document) -> None:
    """The answer comes first and the reproduction last, before the appendix of reconstructed values."""
    assert [section.key for section in document.sections] == [
        "answer", "question", "data", "split", "sets", "networks", "methods", "repeats", "curves", "parity", "states",
        "comparisons", "ranks", "best", "failures", "limits", "environment", "protocol", "reproduce", "appendix",
        "references",
    ]  # fmt: skip


def test_tables_are_whole(data: dict[str, Any], document: Document) -> None:
    """Every row has a cell per column, keys are fixed words, and CSV heads are unique."""
    tables = csv_tables(data, document)
    assert len({table.key for table in tables}) == len(tables)
    for table in tables:
        assert re.fullmatch(r"[a-z0-9_]+", table.key)
        assert all(len(row) == len(table.columns) for row in table.rows)
        assert len({column.key for column in table.columns}) == len(table.columns)


def test_results_carry_the_data_label_and_the_word_reconstruction(document: Document) -> None:
    """EMT and reconstruction stand in the caption of every result."""
    keys = {"repeats", "scores", "metrics", "forest", "comparisons", "effects", "learning_curves", "parity",
            "errors_by_state", "errors_rmse", "errors_p95", "errors_max"}  # fmt: skip
    captions = {block.key: block.source for block in document.blocks() if isinstance(block, Table | Figure)}
    assert keys <= set(captions)
    for key in keys:
        assert "EMT aluminium" in captions[key]
        assert "reconstructions" in captions[key]


def test_a_set_is_named_with_its_label(document: Document) -> None:
    """In tables that name sets, each reconstructed one says so."""
    for key in ("feature_sets", "variants", "reconstructions"):
        table = next(table for table in document.tables if table.key == key)
        place = next(number for number, column in enumerate(table.columns) if column.key == "set")
        assert all("(reconstruction)" in row[place].text for row in table.rows)


def test_the_appendix_prints_every_reconstructed_value(data: dict[str, Any], document: Document) -> None:
    """Each width, centre and resolution of set D stands in the appendix."""
    table = document.tables[-1]
    assert table.key == "reconstructions"
    text = " ".join(row[3].text for row in table.rows if row[0].value == "D")
    for function in data["sets"][3]["functions"]:
        for key in ("eta", "r_s", "zeta"):
            if key in function and not (key == "r_s" and function["r_s"] == 0) and function[key] != 1.85:
                assert f"{function[key]:.6g}" in text


def test_sets_that_were_published_need_no_appendix() -> None:
    """Without a reconstruction the word appears nowhere."""
    data = deep_copy(small())
    for entry in (*data["sets"], data["pool"]):
        entry["reconstructed"] = False
    assert "econstruct" not in visible(render_html(compose(data, environment())))


def test_limits_follow_the_findings() -> None:
    """EMT, unfinished training and undecided comparisons each bring their sentence, and only then."""

    def limits(data: dict[str, Any]) -> str:
        return " ".join(methods.limits(data, tally(data)))

    data = deep_copy(findings(repeats=4, names=("A", "D"), states=2))
    assert "come from EMT" in limits(data)
    assert "had not converged" in limits(data)
    data["data"].update(label="EMTB3 copper", method=None)
    for result in (result for variant in data["variants"] for result in variant["results"]):
        result["converged"] = True
    assert "come from EMT" not in limits(data)
    assert "had not converged" not in limits(data)


def test_no_result_still_gives_a_report() -> None:
    """With zero successful jobs the report says so, lists the failures and draws no result."""
    document = compose(without_results(), environment())
    texts = [block.text for block in document.blocks() if isinstance(block, Text)]
    assert any(text.startswith("There is no answer: none of the 6 trainings succeeded") for text in texts)
    assert "There are no results: no training succeeded." in texts
    sheets = {f"sheet_{number}" for number in range(1, 1 + len(without_results()["sets"]))}
    assert {figure.key for figure in document.figures} == {"feature_sets", "networks", "timeline", *sheets}
    failures = next(table for table in document.tables if table.key == "failures")
    assert len(failures.rows) == 6
    assert failures.rows[0][3].text == "The training left the finite numbers at epoch 3."


def test_a_missing_variant_does_not_break_the_others() -> None:
    """One variant without any success stands beside others that have results."""
    data, empty = deep_copy(small()), without_results()
    data["variants"][0] = empty["variants"][0]
    data["analysis"]["comparisons"][0] = empty["analysis"]["comparisons"][0]
    data["failures"] = [entry for entry in empty["failures"] if entry["variant"] == "A"]
    page = html.unescape(render_html(compose(data, environment())))
    assert "without a verdict" in page
    assert "The training left the finite numbers at epoch 3." in page


def test_smallest_possible_p_is_shown_where_there_is_one(data: dict[str, Any]) -> None:
    """A rank test's floor gets a column; a t test has none."""
    for chosen, expected in ((ranked(), True), (data, False)):
        blocks = judged.comparisons(chosen, styles([variant["name"] for variant in chosen["variants"]]))
        table = next(block for block in blocks if isinstance(block, Table) and block.key == "comparisons")
        assert ("p_smallest" in {column.key for column in table.columns}) is expected


def prose_of(data: dict[str, Any]) -> str:
    """Return the paragraphs on statistics without their citations and pointers."""
    return re.sub(f"\u00a0?{OPEN}[^{CLOSE}]*{CLOSE}", "", " ".join(methods.statistics(data)))


@pytest.mark.parametrize("design", ["fixed", "resampled", "crossed"])
@pytest.mark.parametrize("test", list(TESTS))
def test_methods_name_test_and_correction(design: str, test: str) -> None:
    """The prose names the declared test, its assumption and the correction."""
    data = deep_copy(small())
    data["split"]["design"], data["analysis"]["test"] = design, test
    redrawn = test in {"sign-flip", "permutation"}
    if redrawn:
        data["analysis"]["redrawings"] = {"count": 100_000, "all": False}
    text = prose_of(data)
    assert f"made by the {TESTS[test]} (two-sided)" in text
    # every test says what it takes for granted
    assert " It takes " in text or "the repeats are not independent" in text
    assert ("100\u202f000 in all, by the protocol's seed" in text) is redrawn
    assert "{" not in text
    assert "method of Holm, at α = 0.05" in text


@pytest.mark.parametrize("correction", list(CORRECTIONS))
def test_methods_say_what_a_correction_bounds(correction: str) -> None:
    """Every correction is named; those of false discoveries say that they bound no chance of any."""
    data = deep_copy(small())
    data["analysis"]["correction"] = correction
    text = prose_of(data)
    assert CORRECTIONS[correction] in text
    assert ("not the chance of any" in text) is (correction in {"bh", "by", "tsbh"})
    assert ("by Holm's method, since max-T has no form for them" in text) is (correction == "max-t")


def test_verdicts_of_all_pairs_stand_row_against_column() -> None:
    """Four contestants have six pairs: each verdict stands once, the later against the earlier."""
    data = deep_copy(in_pairs())
    names = [variant["name"] for variant in data["variants"]]
    data["variants"].append({**data["variants"][-1], "name": "last"})
    like = data["analysis"]["comparisons"][0]
    for name, verdict in zip(names, ("better", "worse", "equivalent"), strict=True):
        data["analysis"]["family"].append(["last", name])
        data["analysis"]["comparisons"].append({**like, "candidate": "last", "baseline": name, "verdict": verdict})
    looks = styles([variant["name"] for variant in data["variants"]])
    (found,) = [b for b in judged.comparisons(data, looks) if isinstance(b, Table) and b.key == "verdicts"]
    assert [head.label for head in found.columns] == ["", *(f"against {name}" for name in names)]
    assert [cell.text for cell in found.rows[-1]] == ["last", "better", "worse", "equivalent"]
    assert [cell.text for cell in found.rows[0]][2:] == ["", ""]


def test_rows_of_a_table_have_a_cell_for_each_column() -> None:
    """A row that is too long or too short is refused where it is made, not where it is drawn."""
    columns = (Column("a", "a"), Column("b", "b"))
    cell = Cell("1", 1)
    assert Table("t", "", columns, ((cell, cell),)).rows
    for row in ((cell,), (cell, cell, cell)):
        with pytest.raises(ValueError, match=r"^Table t, row 2: expected a cell for each of 2 columns, found [13]\.$"):
            Table("t", "", columns, ((cell, cell), row))


def test_pairs_name_both_variants() -> None:
    """Where every pair is compared, headline, forest plot and both tables say which two, and methods how."""
    data = in_pairs()
    text = answer(data)[0]
    assert "in 3 pairs over 3 repeats: " in text
    assert "linear against A" in text
    assert "linear against D" in text
    looks = styles([variant["name"] for variant in data["variants"]])
    forest, *others = (block for block in judged.comparisons(data, looks) if getattr(block, "key", "") != "pairs")
    assert isinstance(forest, Figure)
    assert "(candidate minus baseline)" in forest.caption
    assert forest.alt == "Forest plot of 3 differences of pairs."
    assert all(isinstance(block, Table | Text) for block in others)
    tables = [block for block in others if isinstance(block, Table)]
    assert [table.key for table in tables][:2] == ["comparisons", "effects"]
    for table in tables:
        assert [column.key for column in table.columns][:2] == ["candidate", "baseline"]
    prose = prose_of(data)
    assert "adjusted together by step-down max-T, at α = 0.05. It turns the signs of all differences of a" in prose
    assert "at least as extreme: all 8 of them." in prose


def test_samples_of_two_sizes_are_told() -> None:
    """Where the sides are not paired, table and sentence give both sizes."""
    data = deep_copy(small())
    data["analysis"]["test"] = "welch"
    data["analysis"]["comparisons"][0]["n_baseline"] = 7
    looks = styles([variant["name"] for variant in data["variants"]])
    table = judged.comparisons(data, looks)[1]
    assert isinstance(table, Table)
    assert table.rows[0][1].text.strip() == "3/7"
    sentence = comparison_sentence(data["analysis"]["comparisons"][0], data["metric"], data["analysis"])
    assert "n = 3 and 7" in sentence


def test_a_late_choice_is_stamped() -> None:
    """An analysis declared after results says so where the decisions are listed."""
    data = deep_copy(small())
    assert methods.decided(data).startswith("Decided in the protocol, before any paired repeat had been seen")
    data["analysis"]["chosen_after"] = 3
    assert "The analysis was declared after 3 paired repeats had been seen" in methods.decided(data)


@pytest.mark.parametrize(
    "made", [resampled(), ranked(), ranked(1), in_pairs()], ids=["resampled", "ranked", "one", "pairs"]
)
def test_no_number_is_made_in_other_designs(made: dict[str, Any]) -> None:
    """The numbers of a report without intervals of means, or by ranks, are the findings' as well."""
    for variant in made["variants"]:
        variant["parity"]["total"] = 3 * len(variant["parity"]["group"])
    assert strangers(render_html(compose(made, environment())), made) == []


def caption(data: dict[str, Any], key: str) -> str:
    found = compose(data, environment())
    return next(block.caption for block in found.blocks() if isinstance(block, Table | Figure) and block.key == key)


def test_intervals_of_means_have_their_own_level() -> None:
    """With α = 0.01 the comparisons have 99 % intervals and the means keep the level that the findings name."""
    data = deep_copy(small())
    data["analysis"]["alpha"] = 0.01
    for entry in data["analysis"]["comparisons"]:
        entry["level"] = 0.99
    heads = {table.key: [column.label for column in table.columns] for table in compose(data, environment()).tables}
    assert "95 % from" in heads["scores"]
    assert "99 % from" in heads["comparisons"]
    assert "the 95 % interval of the mean" in caption(data, "repeats")


def test_dependent_repeats_get_no_interval_of_the_mean() -> None:
    """In resampled and crossed designs no bar is described, no empty column shown, and the reason is given."""
    data = resampled()
    table = next(table for table in compose(data, environment()).tables if table.key == "scores")
    assert not {"low", "high"} & {column.key for column in table.columns}
    assert "The stroke below the points is the mean. It has no interval: the splits of the repeats overlap" in caption(
        data, "repeats"
    )
    data["split"]["design"] = "crossed"
    assert "no interval: the splits divide the same data, so they are not independent" in caption(data, "repeats")
    data["split"]["splits"] = 2
    assert "no interval: the seeds within a split share its frames" in caption(data, "repeats")
    assert "The bar below the points" in caption(small(), "repeats")


def test_boosting_that_ran_out_of_rounds_is_counted(data: dict[str, Any], document: Document) -> None:
    """The table of scores counts LightGBM's unfinished trainings, and shows a dash where nothing can be unfinished."""
    table = next(table for table in document.tables if table.key == "scores")
    shown = {row[0].value: row[-1].value for row in table.rows}
    assert (shown["A"], shown["lightgbm"], shown["forest"], shown["linear"]) == (2, 2, None, None)
    assert "12 of 60 trainings that run in epochs or rounds had not converged" in " ".join(
        methods.limits(data, tally(data))
    )


def test_a_detectable_effect_that_is_not_known_is_not_stated() -> None:
    """By ranks the prose says that no detectable effect is stated, and its column is left out; a t test has both."""
    words = "the smallest detectable effect depends on the shape of the noise and is not stated"
    for chosen, known in ((small(), True), (ranked(), False)):
        assert (words in " ".join(methods.statistics(chosen))) is not known
        table = next(table for table in compose(chosen, environment()).tables if table.key == "effects")
        assert ("detectable" in {column.key for column in table.columns}) is known
        assert ("could have detected" in table.caption) is known


def test_the_detectable_effect_is_that_of_the_hardest_pair() -> None:
    """It is said where a resampled design has pairs of unequal numbers of configurations, and nowhere else."""
    words = (
        "the smallest effect this design can detect for the hardest pair, that of the fewest training configurations,"
    )
    for test, unequal in (("nadeau-bengio", True), ("nadeau-bengio", False), ("paired-t", True)):
        data = small()
        data["analysis"].update(test=test, unequal=unequal)
        assert (words in " ".join(methods.statistics(data))) is (test == "nadeau-bengio" and unequal)


def test_variants_of_a_repeat_share_split_and_seeds() -> None:
    """The order of batches is common to no two trainers, so it is not claimed."""
    text = methods.statistics(small())[0]
    assert "All variants of one repeat share the split and the seeds" in text
    assert "batch order, so" not in text


def remarks(data: dict[str, Any]) -> list[str]:
    return [
        str(item)
        for section in compose(data, environment()).sections
        if section.key == "remarks"
        for block in section.blocks
        if isinstance(block, Items)
        for item in block.items
    ]


def test_equal_remarks_are_one_item() -> None:
    """A remark that several variants have is said once; one on weights and data has each variant's numbers."""
    data = findings(repeats=2, names=("A", "B", "C", "D", "22"), states=1)
    few = "More weights than data: {} weights learn from 280 energies; patience may keep them from it."
    for variant, weights in zip(data["variants"], (701, 701, 801, 701, 351), strict=True):
        for result in variant["results"]:
            result["remarks"] = ["dropped one input", few.format(weights)]
    data["variants"][0]["results"][1]["remarks"].append("only here.")
    assert remarks(data) == [
        "A, B, C, D and “22”: Dropped one input.",
        (
            "A (701 weights, 280 energies), B (701 weights, 280 energies), C (801 weights, 280 energies), D (701 "
            "weights, 280 energies) and “22” (351 weights, 280 energies): More weights than data; patience may keep "
            "them from it."
        ),
        "A (in 1 of 2 trainings): Only here.",
    ]
    data["variants"] += [data["variants"][1] | {"name": f"more{number}"} for number in range(3)]
    first, second, _ = remarks(data)
    assert first == "all 8 variants, among them A, B and C: Dropped one input."
    assert second.startswith("all 8 variants, among them A (701 weights, 280 energies), B (701 weights")
    data["variants"].append(data["variants"][1] | {"name": "none", "results": []})
    assert remarks(data)[0].startswith("8 of 9 variants, among them A, B and C: ")
    data["variants"][1] = deep_copy(data["variants"][1])
    data["variants"][1]["results"][0]["remarks"] = []
    first, second, _ = remarks(data)
    assert first.startswith("8 of 9 variants (in 15 of 16 trainings), among them A, B (in 1 of 2 trainings) and C: ")
    assert "among them A (701 weights, 280 energies), B (701 weights, 280 energies; in 1 of 2 trainings)" in second


def test_crossed_designs_count_splits() -> None:
    """Where seeds are averaged within splits, the prose counts splits and not repeats."""
    data = deep_copy(small())
    data["split"].update(design="crossed", repeats=30)
    text = " ".join(methods.statistics(data))
    assert "The unit of all statistics is the split" in text
    assert "With 3 splits and a power of 80 %" in text


def test_the_interval_of_a_rank_test_is_named_in_captions() -> None:
    """Forest plot and table of comparisons say whose interval they show."""
    data = ranked()
    assert "Hodges-Lehmann intervals" in caption(data, "forest")
    assert "the Hodges-Lehmann interval of the centre of the differences" in caption(data, "comparisons")
    assert "Hodges" not in caption(small(), "forest") + caption(small(), "comparisons")


def test_trainings_that_count_more_than_once_are_told() -> None:
    """Different trainings and results are told apart only where they differ in number."""
    once = "there are 7 different trainings for 9 results"
    assert once in visible(render_html(compose(small(), environment())))
    assert "different training" not in visible(render_html(compose(resampled(), environment())))
    copies = "n and spread are those of all results, copies of one training among them. A model that is"
    assert copies in caption(small(), "scores")
    assert "copies" not in caption(resampled(), "scores")


def test_a_thinned_parity_plot_says_so() -> None:
    """Fewer points than test configurations are stated, by variant where these differ."""
    data = small()
    assert "energy: every test configuration of one repeat" in caption(data, "parity")
    for variant in data["variants"]:
        variant["parity"]["total"] = 1234
    assert "energy: 16 of 1234 test configurations, evenly picked, of one repeat" in caption(data, "parity")
    data["variants"][0]["parity"]["total"] = 999
    assert "(16 of 999 for A; 16 of 1234 for D and linear)" in caption(data, "parity")


def test_optimisers_and_the_skip_are_told_as_they_are(data: dict[str, Any]) -> None:
    """Kalman filter with and without noise, Levenberg-Marquardt and the direct weights each have their sentence."""
    network = data["models"][0]["values"]
    kalman = {"kind": "kalman", "block": 32, "prior": 1.0, "skip_prior": 1e-4, "trust": [0.01, 1e4], "growth": 10.0}
    network |= {"skip": True, "optimizer": kalman | {"noise": [0.01, 1e-6], "fall": 0.37}}
    told = learners.models(data)[0]
    assert "a prior variance of 1 (0.0001 for the direct weights)" in told
    assert "process noise falls from 0.01 by a factor of 0.37 an epoch" in told
    assert "the network learns what is not linear" in told
    network |= {"skip": False, "optimizer": kalman | {"noise": [0.0, 0.0], "fall": 0.37}}
    told = learners.models(data)[0]
    assert "and there is no process noise." in told
    assert "direct" not in told
    network |= {"optimizer": {"kind": "marquardt", "damping": 1e-3}}
    assert " on all training configurations at once; the damping starts at" in learners.models(data)[0]


def test_models_are_told_as_they_are(data: dict[str, Any]) -> None:
    """The prose on each model names its target, its shares and what validation is used for."""
    hdnn, forest, boosted, linear = learners.models(data)
    assert "one reference energy per atom, fitted by least squares" in hdnn
    assert "two thirds" in hdnn
    assert "the validation set is not used" in forest
    assert (
        "leaves of at least 5 training configurations, grown on a share of 0.8 of the configurations and 0.8" in boosted
    )
    assert "energy per atom on the mean of the standardised descriptors" in linear
    assert all("less one reference energy per atom" in text for text in (hdnn, forest, boosted, linear))


def headers(data: dict[str, Any]) -> dict[str, str]:
    """Return the columns of the tables of comparisons and effects."""
    tables = compose(data, environment()).tables
    return {
        column.key: column.label
        for table in tables
        if table.key in {"comparisons", "effects"}
        for column in table.columns
    }


@pytest.mark.parametrize("test", ["welch", "permutation", "mann-whitney"])
def test_unpaired_tests_are_not_called_paired(test: str) -> None:
    """Methods, effect sizes and posterior tell what is of pairs where the test is not."""
    data = deep_copy(small())
    data["analysis"].update(test=test, redrawings={"count": 20, "all": True} if test == "permutation" else None)
    text = " ".join(methods.statistics(data))
    assert "compared in pairs" not in text
    assert "ignores that the repeats are paired" in text
    assert headers(data)["d_z"] == "d_z of paired differences"
    assert headers(data)["hedges_g"] == "Hedges' g of paired differences"
    assert "the paired differences, which the test does not use" in caption(data, "comparisons")
    assert "over the repeats" in caption(data, "effects")
    told = caption(data, "posteriors")
    assert "of the paired t test read as probabilities, and no further evidence" in told
    assert f"; the p beside them is that of the {TESTS[test]}" in told
    assert "It is of the paired differences" in told
    assert "of t tests read as probabilities" in caption(small(), "posteriors")
    assert headers(small())["d_z"] == "d_z"


def test_unpaired_tests_of_scores_of_others() -> None:
    """A table with paired rows and an unpaired test is not said to be compared in pairs."""
    data = compared()
    assert "compared in pairs" in methods.statistics(data)[0]
    data["analysis"]["test"] = "welch"
    assert "compared in pairs" not in methods.statistics(data)[0]
    data["data"]["roles"]["split"] = "fold"
    assert "All variants have the same splits." in methods.statistics(data)[0]


def test_a_relative_margin_has_its_interval_with_t_tests_alone() -> None:
    """Where a test gives no interval of the ratio, none is announced, and there are no columns without entries."""
    data = deep_copy(small())
    data["analysis"].update(margin="5 %", margin_width=None)
    assert "The interval that belongs to them is Fieller's." in prose_of(data)
    assert "of the mean of the baseline, is not drawn, as it is of another width in each row" in caption(data, "forest")
    assert "equivalence_low" in headers(data)
    data["analysis"].update(test="wilcoxon")
    for entry in data["analysis"]["comparisons"]:
        entry.update(equivalence_low=None, equivalence_high=None, df=None)
    assert "Fieller" not in prose_of(data)
    assert "No interval of the ratio is given for this test." in prose_of(data)
    assert not {"equivalence_low", "equivalence_high", "df"} & headers(data).keys()
    assert "interval that belongs" not in caption(data, "effects")


def test_all_pairs_are_told_as_such() -> None:
    """Question, methods, margin and posterior speak of pairs and of no single baseline."""
    data = in_pairs()
    data["analysis"].update(margin="5 %", margin_width=None)
    page = visible(render_html(compose(data, environment())))
    assert "; all 3 pairs are compared, in each the later variant with the earlier." in page
    assert "baseline is" not in page
    assert "Decided in the protocol, before any paired repeat had been seen: all pairs, metric RMSE" in page
    assert "All 3 pairs are compared" in methods.statistics(data)[1]
    assert "±5 % of the mean of the second of each pair" in methods.statistics(data)[2]
    assert "one of the true mean of the second of the pair" in methods.statistics(data)[2]
    assert "the same comparisons in pairs, by" in caption(data, "posteriors")


def test_a_family_of_one_is_not_adjusted_for_equivalence() -> None:
    """One comparison needs no adjustment, also of its p of equivalence."""
    assert "; they need no adjustment either." in prose_of(ranked(1))
    assert "adjusted" not in prose_of(ranked(1))
    assert "; they are adjusted over the family separately." in prose_of(ranked(2))


def test_methods_say_that_an_adaptive_p_can_be_smaller() -> None:
    """The two-stage method may adjust a p downwards; the others cannot."""
    data = deep_copy(small())
    for correction, words in (("tsbh", True), ("bh", False)):
        data["analysis"]["correction"] = correction
        assert ("so that an adjusted p can be smaller than p." in methods.statistics(data)[1]) is words


def test_sections_and_columns_without_content_are_left_out() -> None:
    """A study of linear potentials has no section on networks or learning; sums of ranks are whole or halves."""
    data = deep_copy(ranked())
    for variant in data["variants"]:
        variant.update(model="linear", shape=None, curve=None, parameters=None)
    keys = {section.key for section in compose(data, environment()).sections}
    assert not {"networks", "curves"} & keys
    for entry, value in zip(data["analysis"]["comparisons"], (44.0, 10.5), strict=True):
        entry["statistic"] = value
    effects = next(table for table in compose(data, environment()).tables if table.key == "effects")
    place = [column.key for column in effects.columns].index("statistic")
    assert [row[place].text.strip("\u2007\u2008") for row in effects.rows] == ["44", "10.5"]
    assert "df" not in {column.key for column in effects.columns}


@pytest.mark.parametrize("make", [findings, in_pairs, ranked, searched, swept])
def test_files_hold_the_same_in_every_language(make: Callable[[], dict[str, Any]]) -> None:
    """Keys, marks and values of tables are those of English; what is shown is not."""
    data = json.loads(json.dumps(make()))

    def tabled() -> list[Table]:
        rows = (tables.states, tables.split, tables.sets, tables.variants, tables.models, tables.repeats)
        made = [table(data) for table in (*rows, tables.functions, judged._verdicts, judged._effects)]
        blocks = judged.comparisons(data, styles([variant["name"] for variant in data["variants"]]))
        figures = [block.data for block in blocks if isinstance(block, Figure)]
        return [table for table in (*made, tables.reconstructions(data), *figures) if table is not None]

    def kept(table: Table) -> object:
        return (
            table.key,
            [column.key for column in table.columns],
            [[(c.value, c.mark) for c in row] for row in table.rows],
        )

    english = tabled()
    with spoken("fr", folders()):
        french = tabled()
    assert list(map(kept, french)) == list(map(kept, english))
    shown = [[cell.text for table in made for row in table.rows for cell in row] for made in (english, french)]
    assert shown[0] != shown[1]
    assert not [text for text in shown[1] if re.fullmatch(r"[\d\u2007\u2008]+\.\d+[\u2007\u2008]*", text)]
