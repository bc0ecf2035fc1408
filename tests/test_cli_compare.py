"""``bpbench compare`` as a user meets it: what it prints, writes and refuses, and that it judges as ``run`` does."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any

import pytest
from findings_factory import compared, environment
from test_learning_curves import runs

from bpbench.cli import DONE, WRONG, main
from bpbench.identity import seed
from bpbench.report.answer import answer
from bpbench.report.compose import compose, csv_tables
from bpbench.report.document import Facts, Items, Table, Text, Verbatim

ROWS = [
    ("A", 1, 1.10, 0.2), ("A", 2, 1.25, 0.3), ("A", 3, 1.18, 0.1), ("A", 4, 1.31, 0.4), ("A", 5, 1.22, 0.2),
    ("B", 1, 0.98, 0.2), ("B", 2, 1.11, 0.3), ("B", 3, 1.09, 0.1), ("B", 4, 1.17, 0.4), ("B", 5, 1.10, 0.2),
]  # fmt: skip
PROTOCOL = """question: q
data: {kind: aluminium, groups: [300 K solid, 1000 K liquid]}
sets: {12: thesis-12}
models:
  forest: {kind: random-forest, trees: 3}
  deep: {kind: random-forest, trees: 6}
  linear: {kind: linear}
variants:
  - {name: forest, set: 12, model: forest}
  - {name: deep, set: 12, model: deep}
  - {name: linear, set: 12, model: linear}
repeats: 4
split: {design: DESIGN}
analysis: {baseline: forest, test: TEST, margin: 2}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Be in a folder that holds ``scores.csv``."""
    monkeypatch.chdir(tmp_path)
    lines = ["model,seed,loss,time", *(",".join(map(str, row)) for row in ROWS)]
    (tmp_path / "scores.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return tmp_path


ASKED = ("compare", "scores.csv", "--variant", "model", "--score", "loss", "--no-pdf")
PAIRED = (*ASKED, "--unit", "seed")


def test_the_terminal_says_verdict_stamp_and_place(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The answer, that the rules came with the results, and where the report is; again, nothing is rendered anew."""
    assert main([*PAIRED, "--metric-unit", "eV", "--metric-name", "test loss"]) == DONE
    out = capsys.readouterr().out
    assert out.startswith("Given what all repeats share, by test loss: B is better than A by 0.122 eV (95 % interval ")
    assert "The rules were given with the results at hand: chosen after seeing 5 paired repeats.\n" in out
    place = re.search(r"Report: (reports/scores-[0-9a-f]{10})/report\.html\n", out)
    assert place is not None
    made = folder / place[1]
    assert {path.name for path in (made / "tables").iterdir()} >= {
        "variants.csv", "scores.csv", "comparisons.csv", "effects.csv", "repeats.csv",
    }  # fmt: skip
    assert str(folder) not in (made / "findings.json").read_text(encoding="utf-8")
    assert main(["report", place[1]]) == DONE
    assert capsys.readouterr().out == f"Report: {place[1]}/report.html (unchanged)\n"


@pytest.mark.usefixtures("folder")
def test_the_report_renders_again_to_the_byte(capsys: pytest.CaptureFixture[str]) -> None:
    """``bpbench report`` makes the same page from the findings alone."""
    assert main([*PAIRED, "--json"]) == DONE
    page = Path(json.loads(capsys.readouterr().out)["report"])
    before = page.read_bytes()
    page.unlink()
    assert main(["report", str(page.parent)]) == DONE
    assert page.read_bytes() == before


@pytest.mark.usefixtures("folder")
def test_json_holds_the_findings_and_the_default_baseline(capsys: pytest.CaptureFixture[str]) -> None:
    """One document on stdout; the baseline is the first of the table, chosen without looking at scores."""
    assert main([*PAIRED, "--json"]) == DONE
    found = json.loads(capsys.readouterr().out)["findings"]
    assert found["analysis"]["baseline"] == "A"
    assert found["analysis"]["chosen_after"] == 5
    assert found["protocol"]["command"] == "bpbench compare scores.csv --variant model --score loss --unit seed"
    assert found["analysis"]["comparisons"][0]["verdict"] == "better"


@pytest.mark.parametrize("margin", ["0.05", "5%", "0.5 d_z"])
def test_margins_of_every_kind_reach_the_report(folder: Path, capsys: pytest.CaptureFixture[str], margin: str) -> None:
    """Absolute, a share of the baseline's mean, or in d_z, over several comparisons."""
    rows = [
        (name, seed, loss + shift, time)
        for name, shift in (("C", 0.01), ("D", 0.4))
        for _, seed, loss, time in ROWS[:5]
    ]
    with (folder / "scores.csv").open("a", encoding="utf-8") as stream:
        stream.writelines(f"{','.join(map(str, row))}\n" for row in rows)
    assert main([*PAIRED, "--baseline", "B", "--margin", margin]) == DONE
    assert "against B over 5 repeats" in capsys.readouterr().out
    (page,) = (folder / "reports").glob("scores-*/report.html")
    assert "the margin of ±" in page.read_text(encoding="utf-8")


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            ("--split", "seed"),
            "The design is crossed (assumed, since no --design was named) and the test the paired t test.",
        ),
        (
            (),
            "The design is fixed (assumed, since no --design was named) and the test the Welch t test. Repeats are",
        ),
        (("--unit", "seed", "--design", "fixed"), "The design is fixed (as told) and the test the paired t test."),
    ],
)
def test_the_terminal_says_which_design_and_test_were_taken(
    capsys: pytest.CaptureFixture[str], options: tuple[str, ...], said: str
) -> None:
    """On a line of its own, with what the design takes for granted."""
    assert main([*ASKED, *options]) == DONE
    assert f"\n{said}" in capsys.readouterr().out


@pytest.mark.parametrize("role", ["--unit", "--split"])
def test_folds_are_warned_of_on_the_terminal(folder: Path, capsys: pytest.CaptureFixture[str], role: str) -> None:
    """A plain test on them is known to err too often."""
    file = folder / "scores.csv"
    file.write_text(file.read_text(encoding="utf-8").replace("seed", "fold"), encoding="utf-8")
    assert main([*ASKED, role, "fold"]) == DONE
    out = capsys.readouterr().out
    assert re.search(r"\n- The column 'fold' sounds as if .* a plain test on them errs far more often than α", out)


@pytest.mark.usefixtures("folder")
def test_higher_may_be_better(capsys: pytest.CaptureFixture[str]) -> None:
    """The direction turns the verdict and the words."""
    assert main([*PAIRED, "--higher-is-better"]) == DONE
    assert "B is worse than A by 0.122" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--margin", "wide"), r"A margin is a number .*\(0\.3 d_z\), found 'wide'\."),
        (("--margin", "-5%"), r"A margin is a positive share of the baseline's mean, found -5 %\."),
        (("--margin", "-.5"), r"A margin is a positive number in the metric's unit, found -0\.5\."),
        (("--test-to-train", "-1"), r"--test-to-train: expected a positive number, .*, found -1\."),
        (("--where", "model"), r"--where: expected COLUMN=VALUE, found 'model'\."),
        (("--test-fraction", "1.5"), r"--test-fraction: expected a share between 0 and 1, found 1\.5\."),
        (("--test-fraction", "0.1", "--test-to-train", "0.2"), r"say the same thing; give one of them\."),
        (("--epoch", "best-validation"), r"--epoch is for learning curves, and scores.csv is a table; leave it out\."),
        (("--path", "{variant}/*"), r"--path is for learning curves, and scores.csv is a table; leave it out\."),
        (("--baseline", "C"), r"scores.csv, 'model': there is no variant 'C' for --baseline"),
        (("--alpha", "2"), r"alpha must lie between 0 and 0\.5, found 2\.0\."),
    ],
)
def test_wrong_requests_are_refused_before_anything_is_written(
    folder: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...], expected: str
) -> None:
    """Exit code 2, one sentence, and no folder of reports."""
    assert main([*PAIRED, *options]) == WRONG
    assert re.search(expected, capsys.readouterr().err)
    assert not (folder / "reports").exists()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("nowhere.csv",), r"nowhere.csv"),
        (("nowhere",), r"nowhere: there is no such file or folder\."),
        (("scores.csv", "scores.csv"), r"a table of scores is compared by itself; join several tables into one\."),
        (("wide", "narrow", "--where", "a=b"), r"--where chooses rows of a table, and learning curves have none"),
        (("wide", "narrow", "--unit", "seed"), r"--unit seed: paths of learning curves name it 'repeat'; write --unit"),
        (
            ("wide", "narrow", "--split", "split"),
            r"'\{variant\}/\{repeat\}/learning-curve.out', which names no \{split\}",
        ),
    ],
)
def test_files_that_do_not_serve_are_refused(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], expected: str
) -> None:
    """A missing file, several tables, and options of the other kind of input."""
    runs(folder)
    assert main(["compare", *arguments, "--score", "RMSEpa_Etest_pu", "--no-pdf"]) == WRONG
    assert re.search(expected, capsys.readouterr().err)


def test_learning_curves_of_n2p2_are_compared(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Folders of runs become pairs by the name of the run; how paths were read is printed, and that best flatters."""
    runs(folder)
    asked = ("compare", "wide", "narrow", "--score", "RMSEpa_Etest_pu", "--unit", "repeat", "--no-pdf")
    assert main([*asked, "--epoch", "best-validation"]) == DONE
    out = capsys.readouterr().out
    assert "narrow is undecided" not in out
    assert (
        "- 6 runs were read, their paths as '{variant}/{repeat}/learning-curve.out': 2 variants (wide, narrow)" in out
    )
    assert "which flatters every variant" in out
    (found,) = (folder / "reports").glob("learning-curves-*/findings.json")
    data = json.loads(found.read_text(encoding="utf-8"))
    assert data["protocol"]["command"].startswith("bpbench compare */*/learning-curve.out --score RMSEpa_Etest_pu")
    assert data["data"]["roles"]["described"] == "RMSE of test energies per atom (physical units)"


# ------------------------------------------------------------------------------------------------- what it says


def said(data: dict[str, Any]) -> str:
    """Return all words of a report."""
    found = []
    for block in compose(data, environment()).blocks():
        if isinstance(block, Text | Verbatim):
            found.append(block.text)
        elif isinstance(block, Items):
            found += block.items
        elif isinstance(block, Facts):
            found += [value for _, value in block.pairs]
        elif isinstance(block, Table):
            found.append(block.caption)
    return "\n".join(found)


def test_the_answer_tells_what_is_broken_and_what_is_absent() -> None:
    """Runs that broke down, absent repeats and the stamp follow the verdicts."""
    lines = answer(compared())
    assert lines[-3:] == [
        (
            "1 row without a finite score counts as a run that broke down, which bars the variant from better and "
            "equivalent, as failures are not missing at random."
        ),
        "1 repeat that other variants have is absent and left out pair by pair.",
        "The rules were given with the results at hand: chosen after seeing 7 paired repeats.",
    ]


def test_the_report_never_pretends_a_declaration() -> None:
    """Nothing is called a protocol's, nothing decided before, and the stamp stands in the question."""
    text = said(compared())
    assert "chosen after seeing 7 paired repeats" in text
    assert "Decided in the protocol" not in text
    assert "The protocol states" not in text
    assert "training" not in text.replace("training data", "").replace("before the runs", "")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"unit": None}, "Which rows of two variants belong together was not told, so that variants are compared as"),
        ({"split": "fold"}, "The unit of all statistics is the split, a value of fold."),
        ({}, "The rows of two variants with the same value are taken as a pair that shares whatever a repeat redraws"),
    ],
)
def test_methods_say_what_a_repeat_is(changes: dict[str, Any], expected: str) -> None:
    """By the columns that were named."""
    data = compared()
    data["data"]["roles"].update(changes)
    assert expected in said(data)


def test_every_repeat_is_exported() -> None:
    """The file of repeats can be compared again: empty where a run broke down."""
    data = compared()
    (table,) = [table for table in csv_tables(data, compose(data, environment())) if table.key == "repeats"]
    assert [column.key for column in table.columns] == ["variant", "repeat", "score"]
    assert len(table.rows) == 23
    assert [row[2].value for row in table.rows].count(None) == 1


# ------------------------------------------------------------------------------------------------- the law


@pytest.mark.parametrize(
    ("design", "test", "options"),
    [
        ("fixed", "paired-t", ("--unit", "repeat")),
        pytest.param("fixed", "welch", ("--unit", "repeat"), marks=pytest.mark.slow),
        pytest.param(
            "crossed, splits: 3", "paired-t", ("--unit", "repeat", "--split", "split"), marks=pytest.mark.slow
        ),
        ("resampled", "nadeau-bengio", ("--unit", "repeat", "--design", "resampled")),
    ],
)
def test_a_study_read_back_from_its_own_table_gives_the_same_verdicts(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    design: str,
    test: str,
    options: tuple[str, ...],
) -> None:
    """``tables/repeats.csv`` of a run, compared, gives every number of the run's comparisons to the last bit."""
    monkeypatch.chdir(tmp_path)
    text = PROTOCOL.replace("DESIGN", design).replace("TEST", test) + "report: {formats: [html]}\n"
    (tmp_path / "law.yaml").write_text(text, encoding="utf-8")
    assert main(["run", "law.yaml", "--jobs", "1", "--json"]) == DONE
    run = json.loads(capsys.readouterr().out)
    table = Path(run["report"]).parent / "tables" / "repeats.csv"
    with table.open(encoding="utf-8") as stream:
        assert len(list(csv.DictReader(stream))) >= 12
    if test == "nadeau-bengio":
        options += ("--test-to-train", repr(run["findings"]["analysis"]["test_to_train"]))
    # Resampled intervals are drawn from the seed of the rules.
    options += ("--seed", str(seed(run["findings"]["protocol"]["seed"], "analysis")))
    asked = ("compare", str(table), "--score", "test_rmse", "--margin", "2", "--test", test, "--baseline", "forest")
    assert main([*asked, *options, "--no-pdf", "--json"]) == DONE
    again = json.loads(capsys.readouterr().out)["findings"]["analysis"]
    for one, other in zip(run["findings"]["analysis"]["comparisons"], again["comparisons"], strict=True):
        assert {key: other[key] for key in one} == one
    assert again["detectable_dz"] == run["findings"]["analysis"]["detectable_dz"]
