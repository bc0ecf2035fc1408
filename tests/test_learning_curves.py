"""Learning curves of n2p2 and Keras: their formats, which epoch counts, and how paths name runs."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from bpbench.data.score_files import Pattern, curve_files, read_curves
from bpbench.errors import BpbenchError
from bpbench.formats.learning_curves import read_keras, read_n2p2, validated

#: Columns as n2p2 2.x writes them for a training on energies and forces.
NAMES = (
    "epoch", "RMSEpa_Etrain_pu", "RMSEpa_Etest_pu", "RMSE_Etrain_pu", "RMSE_Etest_pu", "RMSE_Ftrain_pu",
    "RMSE_Ftest_pu",
)  # fmt: skip
WORDS = {
    "epoch": "Current epoch.",
    "RMSEpa_Etest_pu": "RMSE of test energies per atom (physical units)",
}


def n2p2(errors: list[float], names: tuple[str, ...] = NAMES, test: str = "") -> str:
    """Return a file in n2p2's form: a framed title, a table of columns in words, two header lines, then rows."""
    rule = "#" * 80
    told = [f"# {place:<4d} {name:<16s} {WORDS.get(name, 'Something.')}" for place, name in enumerate(names, 1)]
    numbers = "#" + "".join(f"{place:>16d} " for place in range(1, len(names) + 1))
    heads = "#" + " ".join(f"{name:>16s}" for name in names)
    rows = [
        f"{epoch:10d} "
        + " ".join(
            f"{test:>16s}" if test and "test" in name else f"{error * (1 + place):16.8E}"
            for place, name in enumerate(names[1:])
        )
        for epoch, error in enumerate(errors)
    ]
    title = "# Learning curves for energies and forces."
    return (
        "\n".join(
            [rule, title, rule, "# Col  Name             Description", rule, *told, rule, numbers, heads, rule, *rows]
        )
        + "\n"
    )


def test_n2p2_columns_are_read_by_name() -> None:
    """Names come from the last header line, words from the table above it, epoch 0 is the first row."""
    curve = read_n2p2(n2p2([0.3, 0.2, 0.25]), "x")
    assert tuple(curve.columns) == NAMES
    assert curve.epochs.tolist() == [0, 1, 2]
    assert curve.columns["RMSEpa_Etest_pu"] == pytest.approx([0.6, 0.4, 0.5])
    assert curve.told["RMSEpa_Etest_pu"] == "RMSE of test energies per atom (physical units)"


def test_first_version_of_n2p2_names_its_columns_otherwise() -> None:
    """Version 1 writes ``rmse_Etrain_phys``; nothing of a version is assumed."""
    curve = read_n2p2(n2p2([0.3, 0.2], ("epoch", "rmse_Etrain_phys", "rmse_Etest_phys")), "x")
    assert curve.score("rmse_Etest_phys") == (pytest.approx(0.4), 1.0)


def test_which_epoch_counts() -> None:
    """The last one, or the best one by another column; a run without epochs has no score."""
    curve = read_n2p2(n2p2([0.3, 0.2, 0.25]), "x")
    assert curve.score("RMSEpa_Etrain_pu") == (pytest.approx(0.25), 2.0)
    assert curve.score("RMSEpa_Etrain_pu", by="RMSEpa_Etest_pu") == (pytest.approx(0.2), 1.0)
    assert curve.score("RMSEpa_Etrain_pu", by="RMSEpa_Etest_pu", lower_is_better=False)[1] == 0.0
    assert np.isnan(read_n2p2(n2p2([]), "x").score("RMSEpa_Etest_pu")[0])


def test_infinite_and_missing_errors_are_kept_as_they_are() -> None:
    """A training that left the finite numbers shows it; the signs and bits that C writes with a NaN do not matter."""
    text = n2p2([0.3]) + f"{1:10d} -nan nan(0x7) {'-NAN':>16s} inf 1.0 1.0\n"
    last = [column[1] for column in read_n2p2(text, "x").columns.values()]
    assert np.isnan(last[1:4]).all()
    assert np.isinf(last[4])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 2 3\n", r"x, line 1: expected a comment line that names the columns, '# epoch …', above"),
        ("# nothing\n", r"x: expected a learning-curve.out of n2p2, found no line '# epoch …'"),
        ("# epoch a b\n1 2\n", r"x, line 2: expected 3 numbers as the header names, found 2\."),
        ("# epoch a b\n1 2 z\n", r"x, line 2: expected a number for 'b', found 'z'\."),
    ],
)
def test_what_is_no_curve_of_n2p2_is_refused_by_line(text: str, expected: str) -> None:
    """Half a line of a run that was killed, or another file, is named by its line."""
    with pytest.raises(BpbenchError, match=expected):
        read_n2p2(text, "x")


def test_keras_histories_in_their_three_forms() -> None:
    """``history.history``, the same under ``history``, and a list of runs; epochs count from 1."""
    plain = {"loss": [3, 2.0, 1.0], "val_loss": [3.0, 1.5, None]}
    for document, count in (
        (plain, 1),
        ({"history": plain, "params": {"epochs": 3}}, 1),
        ([plain, {"history": plain}], 2),
    ):
        runs = read_keras(json.dumps(document), "x")
        assert len(runs) == count
        assert runs[-1].score("loss") == (1.0, 3.0)
        assert runs[-1].score("loss", by="val_loss") == (2.0, 2.0)
        assert np.isnan(runs[-1].score("val_loss")[0])


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ("{", r"x: expected JSON \("),
        ("[]", r"x: expected the history of a training, found an empty list\."),
        ('{"loss": 1}', r"x: expected the history of a Keras training, a list of numbers for each metric"),
        ('[{"loss": [1]}, 3]', r"x, run 2: expected the history of a Keras training"),
        ('{"loss": [1, "a"]}', r"x: expected a number for 'loss', epoch 2, found 'a'\."),
        ('{"loss": [1, 2], "val_loss": [1]}', r"as many values of each metric .*, found 'loss' 2, 'val_loss' 1\."),
    ],
)
def test_what_is_no_history_of_keras_is_refused(document: str, expected: str) -> None:
    """Other JSON is told apart from a history."""
    with pytest.raises(BpbenchError, match=expected):
        read_keras(document, "x")


def test_the_column_to_choose_an_epoch_by() -> None:
    """Of n2p2 it is the test twin, of Keras the validation twin."""
    assert validated("RMSEpa_Etrain_pu") == validated("RMSEpa_Etest_pu") == "RMSEpa_Etest_pu"
    assert validated("loss") == validated("val_loss") == "val_loss"


# ----------------------------------------------------------------------------------------------------- paths


def runs(folder: Path, repeats: int = 3) -> list[Path]:
    """Write curves of two variants as ``variant/repeat/learning-curve.out``."""
    made = []
    for place, variant in enumerate(("wide", "narrow")):
        for repeat in range(1, repeats + 1):
            path = folder / variant / str(repeat) / "learning-curve.out"
            path.parent.mkdir(parents=True)
            path.write_text(n2p2([1.0, 0.1 + 0.01 * repeat * (1 + place), 0.2 + 0.01 * repeat]), encoding="utf-8")
            made.append(path)
    return made


def test_folders_name_variant_and_repeat(tmp_path: Path) -> None:
    """Files of one name: the folder is the repeat, the one around it the variant; how they were read is said."""
    held = read_curves(runs(tmp_path), score="RMSEpa_Etest_pu")
    assert (held.variants, held.units, held.pattern) == (
        ("wide", "narrow"),
        ("1", "2", "3"),
        "{variant}/{repeat}/learning-curve.out",
    )
    assert held.score == pytest.approx([0.42, 0.44, 0.46] * 2)
    assert held.described == "RMSE of test energies per atom (physical units)"
    assert held.remarks == (
        (
            "6 runs were read, their paths as '{variant}/{repeat}/learning-curve.out': 2 variants (wide, narrow); 3 "
            "repeats "
            "(1, 2, 3)."
        ),
        "The score is that of the last epoch of each run (2).",
    )


def test_choosing_the_epoch_by_the_score_itself_is_called_optimistic(tmp_path: Path) -> None:
    """The least test error over epochs flatters; by another column it is no such choice."""
    files = runs(tmp_path)
    held = read_curves(files, score="RMSEpa_Etest_pu", best=True)
    assert held.score == pytest.approx([0.22, 0.24, 0.26, 0.24, 0.28, 0.32])
    assert "the very error that is then the score, which flatters every variant" in held.remarks[-1]
    assert "flatters" not in str(read_curves(files, score="RMSEpa_Etrain_pu", best=True).remarks)


def test_a_folder_is_searched_and_runs_are_in_their_order(tmp_path: Path) -> None:
    """Run 2 comes before run 10, and settings beside the curves are none."""
    files = runs(tmp_path, 11)
    (tmp_path / "wide" / "settings.json").write_text("{}", encoding="utf-8")
    assert curve_files([tmp_path / "wide"]) == files[:11]


def test_files_of_several_names_are_the_repeats(tmp_path: Path) -> None:
    """``variant/1.json`` and ``variant/2.json``: the name is the repeat."""
    for variant in "AB":
        (tmp_path / variant).mkdir()
        for repeat in (1, 2):
            (tmp_path / variant / f"{repeat}.json").write_text('{"val_loss": [2, 1]}', encoding="utf-8")
    held = read_curves(curve_files([tmp_path]), score="val_loss")
    assert (held.variants, held.units, held.pattern) == (("A", "B"), ("1", "2"), "{variant}/{repeat}.json")


def test_a_file_of_several_runs_is_a_variant(tmp_path: Path) -> None:
    """Runs in a list are numbered, and the file's name is the variant."""
    for variant in "AB":
        (tmp_path / f"{variant}.json").write_text('[{"val_loss": [2, 1]}, {"val_loss": [3]}]', encoding="utf-8")
    held = read_curves(curve_files([tmp_path]), score="val_loss")
    assert (held.variants, held.units, held.score.tolist()) == (("A", "B"), ("1", "2"), [1, 3, 1, 3])
    with pytest.raises(BpbenchError, match=r"names a repeat, but a file holds several runs and numbers them itself"):
        read_curves(curve_files([tmp_path]), score="val_loss", pattern="{variant}/{repeat}.json")


def test_a_pattern_reads_splits_and_parts_of_names(tmp_path: Path) -> None:
    """--path says where the names stand; * is anything."""
    made, end = Pattern("{variant}/split-{split}/seed_{repeat}_*/learning-curve.out").read(
        tmp_path / "A" / "split-3" / "seed_7_old" / "learning-curve.out"
    )
    assert made == {"variant": "A", "split": "3", "repeat": "7"}
    assert end == "A/split-3/seed_7_old/learning-curve.out"


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("{model}/{repeat}/*", r"--path: there is no part '\{model\}'; possible are repeat, split, variant"),
        ("{repeat}/*", r"--path: expected '\{variant\}' in the pattern, found"),
        ("{variant}/{variant}/*", r"--path: '\{variant\}' stands twice"),
        ("{variant}/seed-{repeat}/*", r"the path does not end like '\{variant\}/seed-\{repeat\}/\*'; say with --path"),
    ],
)
def test_patterns_that_do_not_fit_are_refused(tmp_path: Path, pattern: str, expected: str) -> None:
    """A wrong pattern says what it lacks, or which path it does not fit."""
    with pytest.raises(BpbenchError, match=expected):
        read_curves(runs(tmp_path), score="RMSEpa_Etest_pu", pattern=pattern)


def test_curves_that_do_not_serve_are_refused(tmp_path: Path) -> None:
    """An unknown column, a file of another kind, an empty folder, and a run without a test set are told."""
    files = runs(tmp_path)
    with pytest.raises(BpbenchError, match=r"there is no column 'RMSEpa_Etes_pu'; did you mean 'RMSEpa_Etest_pu'\?"):
        read_curves(files, score="RMSEpa_Etes_pu")
    files[0].write_text(n2p2([0.3, 0.2], test="-NAN"), encoding="utf-8")
    with pytest.raises(BpbenchError, match=r"no number in the column 'RMSEpa_Etest_pu' at any epoch; n2p2 writes NaN"):
        read_curves(files, score="RMSEpa_Etest_pu")
    (tmp_path / "empty").mkdir()
    with pytest.raises(BpbenchError, match=r"empty: the folder holds no learning-curve.out and no Keras history"):
        curve_files([tmp_path / "empty"])
    (tmp_path / "notes.txt").write_text("x", encoding="utf-8")
    with pytest.raises(BpbenchError, match=r"notes.txt: expected a table \(.csv, .*or a folder of these"):
        curve_files([tmp_path / "notes.txt"])
    with pytest.raises(BpbenchError, match=r"scores.csv: there is no such file or folder\."):
        curve_files([tmp_path / "scores.csv"])
    (tmp_path / "scores.csv").write_text("x", encoding="utf-8")
    with pytest.raises(BpbenchError, match=r"scores.csv: a table of scores is compared by itself; join several tables"):
        curve_files([tmp_path / "scores.csv", files[1]])


def test_a_run_that_ended_before_its_first_epoch_has_no_score(tmp_path: Path) -> None:
    """A header without rows is a run that broke down, not one that is absent."""
    files = runs(tmp_path)
    files[4].write_text(n2p2([]), encoding="utf-8")
    assert np.isnan(read_curves(files, score="RMSEpa_Etest_pu").score).tolist() == [False] * 4 + [True, False]
