"""The quick block of a protocol: how it is merged, what it may not say, and that its run judges nothing."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import numpy as np
import pandas as pd
import pytest
from prompt import within

from bpbench import shipped
from bpbench.errors import ProtocolError
from bpbench.findings import findings
from bpbench.identity import IF_SET, digest, plain
from bpbench.protocol import Protocol, load, loads, quick_version, schema
from bpbench.protocol.quick import merged
from bpbench.report.answer import answer
from bpbench.report.compose import compose, csv_tables
from bpbench.report.document import Table
from bpbench.report.html import render_html
from bpbench.report.kinds import WATERMARK
from bpbench.report.pdf import pdf_available, render_pdf
from bpbench.runner.store import Store
from bpbench.study import Prepared, Study, check_design, conduct, prepare

FULL = """\
question: q
data: {kind: table, path: data.csv, configuration: conf, energy: E, block_length: 1}
sets:
  all: {columns: all}
  two: {columns: [a, b]}
  one: {columns: [a]}
models:
  linear: {kind: linear}
  forest: {kind: random-forest, trees: 20}
variants:
  - {name: all, set: all, model: linear}
  - {name: two, set: two, model: linear}
  - {name: one, set: one, model: linear}
  - {name: forest, set: all, model: forest}
split: {design: crossed, splits: 8}
repeats: 1
analysis: {baseline: all, margin: 1.0}
"""
QUICK = """\
quick:
  models:
    forest: {trees: 5}
  split: {splits: 3}
"""


def written(text: str) -> str:
    """Return what a protocol is refused with."""
    with pytest.raises(ProtocolError) as found:
        loads(text, file="p.yaml")
    return str(found.value)


# ------------------------------------------------------------------------------------------------------- the merge


def test_mappings_are_merged_and_everything_else_is_replaced() -> None:
    """Keys of both stay, lists and scalars are taken whole, null is a value, and a mapping may replace a scalar."""
    under = {"a": {"x": 1, "y": [1, 2, 3]}, "b": 2, "c": 3, "d": {"e": 4}, "f": {"g": 5}}
    over = {"a": {"y": [9], "z": {"w": 0}}, "b": None, "c": {"n": 1}, "d": 7, "f": {}}
    found, places = merged(under, over)
    assert found == {"a": {"x": 1, "y": [9], "z": {"w": 0}}, "b": None, "c": {"n": 1}, "d": 7, "f": {"g": 5}}
    assert places == {("a", "y"), ("a", "z"), ("b",), ("c",), ("d",)}
    assert under["a"] == {"x": 1, "y": [1, 2, 3]}
    assert over["a"] == {"y": [9], "z": {"w": 0}}


def test_the_block_changes_the_quick_version_alone() -> None:
    """The block is ignored without --quick; with it what it names is otherwise, and all else is as it was."""
    full, quick = loads(FULL + QUICK), loads(FULL + QUICK, quick=True)
    assert (full.quick, quick.quick) == (False, True)
    assert (full.split.splits, quick.split.splits) == (8, 3)
    assert (full.models["forest"].trees, quick.models["forest"].trees) == (20, 5)  # type: ignore[union-attr]
    assert quick.split.design == "crossed"
    assert quick.variants == full.variants
    assert quick_version(full) == quick
    assert quick_version(quick) is None
    assert quick_version(loads(FULL)) is None


def test_a_null_is_a_value() -> None:
    """What a protocol sets, its quick version can leave to the default that null stands for."""
    text = FULL + "quick: {analysis: {margin: null}}\n"
    assert loads(text).analysis.margin == 1.0
    assert loads(text, quick=True).analysis.margin is None


def test_a_full_study_keeps_its_digest() -> None:
    """Neither the block nor the field changes what a study is called; the quick version is called otherwise."""
    assert digest(loads(FULL)) == digest(loads(FULL + QUICK))
    assert "quick" not in plain(loads(FULL))
    same = loads(FULL + "quick: {repeats: 1}\n", quick=True)
    assert plain(same)["quick"] is True
    assert digest(same) != digest(loads(FULL))
    assert Protocol.__dataclass_fields__["quick"].metadata == IF_SET


# --------------------------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("block", "sentence"),
    [
        ("quick:\n", ("p.yaml, line 18, quick: expected the keys that a quick run has otherwise, such as quick: "
         "{repeats: 2}, found nothing; name some, or leave out 'quick'.")),
        ("quick: {}\n", ("line 18, quick: expected the keys that a quick run has otherwise, such as quick: {repeats: "
         "2}, found nothing; name some, or leave out 'quick'.")),
        ("quick: 3\n", "found '3'; name some, or leave out 'quick'."),
        ("quick: [repeats]\n", "found a list; name some, or leave out 'quick'."),
        ("quick:\n  repeats: 0\n", ("The quick version is refused: p.yaml, line 19, quick.repeats: expected to be "
         "greater than or equal to 1, found 0.")),
        ("quick:\n  repeats: 2\n  models:\n    forest:\n      tres: 3\n", ("The quick version is refused: p.yaml, "
         "line 22, quick.models.forest.tres: unknown key 'tres'; did you mean 'trees'?")),
        ("quick:\n  seed: 2\n  analysis:\n    baseline: al\n", ("The quick version is refused: p.yaml, line 21, "
         "quick.analysis.baseline: there is no variant 'al'; did you mean 'all'?")),
        ("quick:\n  variants:\n  - {name: two, set: two, model: linear}\n  - {name: one, set: one, model: linear}\n",
         ("The quick version is refused: p.yaml, line 17, analysis.baseline (with the quick block of line 18): there "
         "is no variant 'all'; possible are one, two.")),
        ("quick:\n  variants:\n  - {name: all, set: all, model: linear}\n  - {name: one, set: on, model: linear}\n",
         "The quick version is refused: p.yaml, line 21, quick.variants.1.set: there is no set 'on'"),
        ("quick:\n  seed: 2\n  quick: {seed: 3}\n", "line 20, quick.quick: unknown key 'quick'; remove it."),
        ("quick:\n  name: x\n", ("The quick version is refused: p.yaml, line 19, quick.name: unknown key 'name'; "
         "remove it.")),
        ("quick: {repeats: null}\n", "line 18, quick.repeats: expected"),
        ("quick: {split: {design: fixed}}\n", ("line 15, split.splits (with the quick block of line 18): only a "
         "crossed design names its number of splits")),
        ("quick:\n  models:\n    forst: {trees: 3}\n", ("line 20, quick.models.forst: there is no model 'forst' to "
         "change; did you mean 'forest'?")),
        ("quik: {repeats: 1}\n", "line 18, quik: unknown key 'quik'; did you mean 'quick'?"),
    ],
)  # fmt: skip
def test_what_a_quick_block_may_not_say(block: str, sentence: str) -> None:
    """Each mistake is one sentence with the line in the block, though no quick version was asked for."""
    assert sentence in written(FULL + block)
    assert "\n" not in written(FULL + block)


def test_mistakes_of_the_whole_file_are_not_said_twice() -> None:
    """What is wrong without the block is said without it."""
    assert written(FULL.replace("repeats: 1", "repeats: 0") + QUICK) == (
        "p.yaml, line 16, repeats: expected to be greater than or equal to 1, found 0."
    )


def test_the_design_of_the_quick_version_is_checked_as_well() -> None:
    """A test that the quick design does not allow is refused with the full study, and with its own."""
    text = FULL + "quick:\n  analysis: {test: nadeau-bengio}\n"
    with pytest.raises(ProtocolError, match=r"^The quick version is refused: p, line 19, quick\.analysis\.test: "):
        check_design(loads(text, file="p"))
    with pytest.raises(ProtocolError, match=r"^p, line 19, quick\.analysis\.test: "):
        check_design(loads(text, file="p", quick=True))


def test_a_quick_version_may_have_too_few_repeats_to_reject() -> None:
    """Nothing is rejected in it; the same number of splits is refused in the full study."""
    text = FULL.replace("margin: 1.0", "margin: 1.0, test: wilcoxon").replace("splits: 8", "splits: 12") + QUICK
    check_design(loads(text))
    check_design(loads(text, quick=True))
    with pytest.raises(
        ProtocolError, match=r"line 17, analysis\.test: With 3 repeats the Wilcoxon signed-rank test could never"
    ):
        check_design(loads(text.replace("splits: 12", "splits: 3")))


def test_a_block_beside_measure_is_checked_by_its_own_line() -> None:
    """Keys that have no meaning where descriptors are timed are found in the block."""
    text = (
        "question: q\ndata: {kind: aluminium}\nsets: {a: thesis-22, b: thesis-12}\nmeasure: {kind: descriptor-time}\n"
        "variants: [{name: a, set: a}, {name: b, set: b}]\nrepeats: 3\n"
        "analysis: {baseline: a, metric: descriptor_time}\n"
    )
    assert loads(text + "quick: {repeats: 2}\n", quick=True).repeats == 2
    assert (
        "The quick version is refused: p.yaml, line 9, quick.pool: with 'measure' each set is described by itself; "
        "leave out 'pool'." in written(text + "quick:\n  pool: thesis-329\n")
    )


def test_a_key_of_the_block_alone_is_seen() -> None:
    """What the block names counts as named, in its own line: here how to explore, where nothing explores."""
    assert written(FULL + "quick:\n  explore: {repeats: 2}\n") == (
        "The quick version is refused: p.yaml, line 19, quick.explore: it says how strategies explore, and the "
        "protocol has none; name them under 'strategies', or leave 'explore' out."
    )


def test_quick_without_a_block_is_refused(tmp_path: Path) -> None:
    """One sentence says what to write."""
    (tmp_path / "p.yaml").write_text(FULL)
    with pytest.raises(
        ProtocolError,
        match=r"p\.yaml: this protocol has no quick version; give it the key 'quick' with what a quick run has "
        r"otherwise, such as quick: \{repeats: 2\}, or leave out --quick\.$",
    ):
        load(tmp_path / "p.yaml", quick=True)


def test_the_schema_knows_the_block() -> None:
    """Editors are told of an object with at least one key, and of no boolean."""
    told = schema()["properties"]["quick"]
    assert (told["type"], told["minProperties"]) == ("object", 1)


SHIPPED = [path for path in sorted(shipped("protocols").glob("*.yaml")) if "\nquick:" in path.read_text("utf-8")]


def test_protocols_with_quick_blocks_are_shipped() -> None:
    """The studies of the sets and of the networks have one."""
    assert {"57vars", "architectures"} <= {path.stem for path in SHIPPED}


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_protocols_are_valid_both_ways(path: Path) -> None:
    """Both versions can be run, and the quick one trains less often."""
    full, quick = load(path), load(path, quick=True)
    check_design(full)
    check_design(quick)
    assert quick.repeat_count * len(quick.variants) < full.repeat_count * len(full.variants)


# ---------------------------------------------------------------------------------------------------------- the run


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a protocol and a table in which a set of one column is plainly worse."""
    made = tmp_path_factory.mktemp("quick")
    rng = np.random.default_rng(0)
    values = rng.normal(size=(60, 2, 3))
    energy = values.sum(axis=1) @ [0.02, 0.01, 0.0] + rng.normal(0, 0.01, 60)
    table = pd.DataFrame(values.reshape(-1, 3), columns=["a", "b", "c"])
    table.insert(0, "conf", np.repeat(np.arange(60), 2))
    table.insert(1, "E", np.repeat(energy, 2))
    table.to_csv(made / "data.csv", index=False)
    (made / "p.yaml").write_text(FULL + QUICK)
    return made


def study(folder: Path, *, quick: bool) -> Study:
    """Return the study of the folder's protocol."""
    store = Store(folder / "store")
    return conduct(laid_out(folder, quick=quick), store)


def laid_out(folder: Path, *, quick: bool) -> Prepared:
    """Return the folder's protocol with its jobs."""
    return prepare(load(folder / "p.yaml", quick=quick), Store(folder / "store"))


@pytest.fixture(scope="module")
def found(folder: Path) -> dict[str, Any]:
    """Return the findings of a quick run."""
    made: dict[str, Any] = json.loads(json.dumps(findings(study(folder, quick=True))))
    return made


def test_a_quick_run_declares_nothing(folder: Path, found: dict[str, Any]) -> None:
    """The full study after it judges, and says how many repeats had been seen: those of trainings that both have."""
    assert found["analysis"]["chosen_after"] is None
    assert not (folder / "store" / "declared").exists()
    full = study(folder, quick=False)
    assert len(list((folder / "store" / "declared").rglob("*"))) == 2 + 2 * 3  # the analysis, the rule of each pair
    assert full.chosen_after == 3
    assert full.comparisons[1].verdict == "worse"
    assert full.comparisons[1].p is not None
    assert findings(full)["protocol"]["quick"] is False
    assert findings(full)["protocol"]["command"] == "bpbench run p.yaml"
    assert findings(full)["analysis"]["ranking"] is not None


def walk(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield every key of nested JSON with its value."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield key, item
            yield from walk(item)
    elif isinstance(value, list):
        for item in value:
            yield from walk(item)


_EMPTY = {
    *("p", "p_smallest", "p_adjusted", "p_equivalence", "p_equivalence_adjusted", "equivalence_low"),
    *("equivalence_high", "d_z", "hedges_g", "statistic", "df", "margin_width", "detectable", "needed", "bayes"),
    *("estimates", "ranking", "detectable_dz", "chosen_after"),
}
_RANKING = {"friedman", "nemenyi", "wilcoxon", "bonferroni_dunn", "cliques", "from_baseline", "anova", "mean_rank"}


def test_no_verdict_stands_in_the_findings(found: dict[str, Any]) -> None:
    """No key at any depth holds a p-value, an effect size, a rank or a verdict; means and differences are there."""
    analysis = found["analysis"]
    for key, value in walk({**found, "analysis": {**analysis, "margin_width": None}, "metric": None}):
        assert key not in _EMPTY or value is None, key
        assert key not in _RANKING, key
        assert key != "verdict" or value == "undecided"
        assert key != "significant" or value is False
    assert len(analysis["comparisons"]) == 3
    for entry in analysis["comparisons"]:
        assert (entry["low"], entry["high"]) == (None, None)
        assert entry["n"] == 3
        assert entry["difference"] == pytest.approx(entry["candidate_mean"] - entry["baseline_mean"])
        assert entry["remarks"] == [analysis["unranked"]]
    assert analysis["unranked"] == (
        "A quick run proves the path from protocol to report and decides nothing; run it without --quick for a verdict."
    )


def test_no_source_of_noise_is_told(folder: Path) -> None:
    """Components of variance are an answer as well, and two draws are too few for one."""
    text = FULL.replace("repeats: 1", "repeats: {weights: 3}") + "quick: {split: {splits: 2}, repeats: {weights: 2}}\n"
    store = Store(folder / "store")
    for quick, known in ((False, True), (True, False)):
        made = findings(conduct(prepare(loads(text, file=str(folder / "r.yaml"), quick=quick), store), store))
        assert [variant["noise"] is not None for variant in made["variants"]] == [known] * 4
        assert ("noise" in {section.key for section in compose(made, {}).sections}) is known
        assert ("where the noise comes from" in render_html(compose(made, {}))) is known


def test_searches_of_a_quick_run_are_told_without_their_judgements(folder: Path) -> None:
    """Strategies run to their ends in a quick run; no p, interval or test between sizes is told of them."""
    text = FULL + (
        "strategies:\n  fewer: {kind: backward, set: all, model: linear, order: listed, margin: 0.3}\n"
        "  drawn: {kind: random-subsets, set: all, model: linear, sizes: [1, 2], draws: 3}\n"
        "explore: {repeats: 4}\nquick: {explore: {repeats: 2}, split: {splits: 3}}\n"
    )
    store = Store(folder / "store")
    judged = ("low", "high", "non_inferior", "p_non_inferior")
    for quick in (False, True):
        made = findings(conduct(prepare(loads(text, file=str(folder / "s.yaml"), quick=quick), store), store))
        fewer, drawn = made["exploration"]["strategies"]
        compared = [one["compared"] for step in fewer["steps"] for one in step["tried"] if one["compared"]]
        assert compared
        assert all(isinstance(one["difference"], float) for one in compared)
        assert any(one[key] is not None for one in compared for key in judged) is not quick
        assert (drawn["sizes"] is None) is quick
        assert fewer["choice"]["confirmed"] is not None
        assert (made["analysis"]["ranking"] is None) is quick
        assert {entry["p"] for entry in made["analysis"]["comparisons"]} == {None} or not quick


def test_no_front_of_a_quick_run(tmp_path: Path) -> None:
    """To be on the front of error and cost is a verdict on all that are not."""
    text = (
        "question: q\ndata: {kind: aluminium, groups: [300 K solid]}\nmodels: {linear: {kind: linear}}\n"
        "sets: {a: {functions: [{kind: G2, eta: 1, r_s: 0, r_c: 6}]}, b: {functions: [{kind: G2, eta: 2, r_s: 0, "
        "r_c: 6}, {kind: G2, eta: 3, r_s: 0, r_c: 6}]}}\nvariants: [{name: a, set: a, model: linear}, {name: b, set: b"
        ", model: linear}]\nrepeats: 3\nanalysis: {baseline: a}\nquick: {repeats: 2}\n"
    )
    store = Store(tmp_path / "store")
    for quick in (False, True):
        made = findings(conduct(prepare(loads(text, quick=quick), store), store))["costs"]
        assert any(entry["on_front"] for entry in made) is not quick
        assert [entry["mean"] > 0 for entry in made] == [True, True]


def test_times_of_a_quick_run_have_no_interval_beside_one(tmp_path: Path) -> None:
    """An interval of the multiple of the baseline's time says whether a set is slower; a quick run says only means."""
    text = (
        "question: q\ndata: {kind: aluminium, groups: [300 K solid]}\nmeasure: {kind: descriptor-time, frames: 1}\n"
        "sets: {a: {functions: [{kind: G2, eta: 1, r_s: 0, r_c: 6}]}, b: {functions: [{kind: G2, eta: 2, r_s: 0, "
        "r_c: 6}, {kind: G2, eta: 3, r_s: 0, r_c: 6}]}}\nvariants: [{name: a, set: a}, {name: b, set: b}]\n"
        "repeats: 9\nanalysis: {baseline: a, metric: descriptor_time}\nquick: {repeats: 3}\n"
    )
    store = Store(tmp_path / "store")
    made = findings(conduct(prepare(loads(text, quick=True), store), store))
    costs = [variant["cost"] for variant in made["variants"]]
    assert costs[1]["ratio"] > 0
    assert {cost[end] for cost in costs for end in ("ratio_low", "ratio_high")} == {None}
    assert answer(made)[1].startswith("Means over 3 rounds by descriptor time (µs/atom): ")
    document = compose(made, {})
    assert [row[-1].text for table in document.tables if table.key == "comparisons" for row in table.rows] == [
        "none (quick run)"
    ]
    assert document.watermark == WATERMARK


def test_findings_say_that_the_run_was_quick(found: dict[str, Any]) -> None:
    """They do so by a key and by the command."""
    assert found["protocol"]["quick"] is True
    assert found["protocol"]["command"] == "bpbench run p.yaml --quick"


def test_the_folder_is_another_one(folder: Path) -> None:
    """The report of a quick run lies beside that of the full study and never over it."""
    assert laid_out(folder, quick=True).folder != laid_out(folder, quick=False).folder


# ------------------------------------------------------------------------------------------------------- the report

_JUDGED = re.compile(
    r"\b(is|are|significantly|practically) (better|worse|equivalent|equal|lower|higher)\b|undecided|\bp [=<]|\bbeats\b"
    r"|would decide|Friedman|Nemenyi|not told apart|confidence interval of the diff",
    re.IGNORECASE,
)


class Words(HTMLParser):
    """The text of a page outside of drawings and of the protocol's text."""

    def __init__(self) -> None:
        super().__init__()
        self.skipped = 0
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002 - the parser's signature
        self.skipped += tag in {"style", "pre"}

    def handle_endtag(self, tag: str) -> None:
        self.skipped -= tag in {"style", "pre"}

    def handle_data(self, data: str) -> None:
        if not self.skipped:
            self.text.append(data)


def test_the_answer_begins_with_having_none(found: dict[str, Any]) -> None:
    """The first sentence says so; after it come means, in the order of the protocol, and no comparison."""
    first, means, *more = answer(found)
    assert first == (
        "QUICK RUN · NO VERDICT: this run proves the path from protocol to report and decides nothing; run it without "
        "--quick for a verdict."
    )
    names = re.findall(r"[\d.]+ for (\w+)", means)
    assert means.startswith("Means over 3 repeats by RMSE (meV/atom) on the test set: ")
    assert names == ["all", "two", "one", "forest"]
    value = found["variants"][0]["summary"]["test"]["rmse"]["mean"]
    assert f"{value:.3g} for all" in means
    assert more == []


def test_failures_of_a_quick_run_are_told(found: dict[str, Any]) -> None:
    """A path that does not work is what a quick run is for."""
    broken = json.loads(json.dumps(found))
    broken["variants"][3]["results"][0] |= {"status": "failed", "message": "no", "scores": None}
    assert answer(broken)[-1] == "Of 12 trainings, 11 succeeded (1 failed)."
    for variant in broken["variants"]:
        variant["summary"] = {"test": {"rmse": None}}
        for result in variant["results"]:
            result |= {"status": "failed", "message": "no", "scores": None}
    assert [WATERMARK in answer(broken)[0], answer(broken)[1:]] == [
        True,
        ["Of 12 trainings, 0 succeeded (12 failed)."],
    ]


def test_many_means_are_left_to_the_table(found: dict[str, Any]) -> None:
    """Nobody reads nine numbers in a sentence."""
    many = {**found, "variants": found["variants"] * 3}
    assert answer(many)[1] == "The tables have the means of the 12 variants."


def test_no_verdict_stands_in_the_report(found: dict[str, Any]) -> None:
    """The page names none; its table of comparisons has no column for one but the one that says so."""
    document = compose(found, {})
    page = Words()
    page.feed(render_html(document))
    text = " ".join(" ".join(page.text).split())
    assert not _JUDGED.search(text), _JUDGED.search(text)
    tables = {table.key: table for table in csv_tables(found, document)}
    assert isinstance(tables["comparisons"], Table)
    keys = [column.key for column in tables["comparisons"].columns]
    assert keys == ["candidate", "n", "candidate_mean", "baseline_mean", "difference", "verdict"]
    assert {row[-1].text for row in tables["comparisons"].rows} == {"none (quick run)"}
    assert not {"effects", "posteriors", "estimates", "ranks"} & set(tables)
    assert "forest" not in {figure.key for figure in document.figures}


def test_the_pattern_of_verdicts_finds_those_of_a_full_study(folder: Path) -> None:
    """The test above can fail: the same study in full is full of verdicts."""
    page = Words()
    document = compose(json.loads(json.dumps(findings(study(folder, quick=False)))), {})
    page.feed(render_html(document))
    assert len(_JUDGED.findall(" ".join(" ".join(page.text).split()))) > 10
    assert document.watermark == ""
    assert "watermark" not in render_html(document).partition("</style>")[2]


def test_pairs_name_their_baseline(found: dict[str, Any]) -> None:
    """With all pairs each comparison has a baseline of its own, and the table a column for it."""
    pairs = json.loads(json.dumps(found))
    pairs["analysis"]["comparisons"][2]["baseline"] = "two"
    pairs["analysis"]["family"][2][1] = "two"
    (table,) = (table for table in compose(pairs, {}).tables if table.key == "comparisons")
    assert [row[1].text for row in table.rows] == ["all", "all", "two"]


def test_the_page_is_marked_all_over(found: dict[str, Any]) -> None:
    """Title, facts and a tile over the whole page say it; nothing under the tile is out of reach."""
    document = compose(found, {})
    page = render_html(document)
    assert document.title.endswith("(quick run, no verdict)")
    assert document.facts[0][1].startswith(WATERMARK)
    assert document.sections[0].key == "answer"
    mark = re.search(r'<div class="watermark"[^>]*image/svg\+xml,([^&]*)&', page)
    assert mark is not None
    assert WATERMARK in unquote(mark[1])
    rule = re.search(r"^\.watermark \{([^}]*)\}", page, re.MULTILINE)
    assert rule is not None
    for setting in ("position: absolute", "inset: 0", "pointer-events: none"):
        assert setting in rule[1]


@pytest.mark.skipif(not pdf_available()[0], reason=pdf_available()[1])
def test_every_printed_page_is_marked(found: dict[str, Any]) -> None:
    """Each page of the PDF has the words across it three times, and in its head but for the first."""
    pypdf = pytest.importorskip("pypdf")
    made = render_pdf(render_html(compose(found, {}), embed=True), identifier="0" * 32)
    pages = [page.extract_text() for page in pypdf.PdfReader(io.BytesIO(made)).pages]
    assert len(pages) > 3
    counts = [text.count(WATERMARK) for text in pages]
    assert min(counts) >= 3
    assert min(counts[1:]) >= 4


# ------------------------------------------------------------------------------------------------- the command line


def test_the_command_line(folder: Path) -> None:
    """Run, plan and validate say that the run is quick; the run ends with a report of its own."""
    code, out, err = within(folder, "validate", "p.yaml", "--quick")
    assert (code, err) == (0, "")
    assert out == ("p.yaml has a valid quick version, which gives no verdict: 4 variants, 3 repeats, 3 comparisons.\n")
    code, out, _ = within(folder, "plan", "p.yaml", "--quick")
    assert code == 0
    assert out.startswith(f"{WATERMARK}: this is the plan of a quick run.\n")
    assert "effect" not in out
    assert "Test:" not in out
    code, out, _ = within(folder, "plan", "p.yaml", "--quick", "--json")
    assert json.loads(out)["quick"] is True
    code, out, err = within(folder, "run", "p.yaml", "--quick", "--jobs", "1")
    assert code == 0, err
    assert out.startswith(f"{WATERMARK}: ")
    (report,) = (folder / "reports").glob("*/findings.json")
    assert json.loads(report.read_text())["protocol"]["quick"] is True
    code, out, _ = within(folder, "run", "p.yaml", "--jobs", "1")
    assert code == 0
    assert WATERMARK not in out
    assert len(list((folder / "reports").glob("*/findings.json"))) == 2


def test_the_command_line_without_a_block(folder: Path) -> None:
    """A protocol without a quick version is a wrong request."""
    (folder / "full.yaml").write_text(FULL)
    code, _, err = within(folder, "run", "full.yaml", "--quick")
    assert code == 2
    assert err.startswith("bpbench: full.yaml: this protocol has no quick version; ")
