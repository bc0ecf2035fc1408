"""What a plan says could be shown: by the upper limit of stored spreads, at the margin, under overlapping splits."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from bpbench import cli, planning, reserve
from bpbench.errors import DataError
from bpbench.findings import findings
from bpbench.planning import plan
from bpbench.protocol import load
from bpbench.report import judged, methods, plans
from bpbench.report.answer import answer
from bpbench.runner.store import Store
from bpbench.statistics.repeats import Noise, repeats_for_difference, repeats_for_equivalence
from bpbench.statistics.samples import average_within_splits
from bpbench.study import Prepared, conduct, pairs, prepare

TEXT = """\
question: q
data: {kind: table, path: t.csv, configuration: conf, energy: E, block: block}
sets: {all: {columns: all}, some: {columns: [a, b]}, few: {columns: [a]}}
models: {linear: {kind: linear}}
variants:
  - {name: all, set: all, model: linear}
  - {name: some, set: some, model: linear}
  - {name: few, set: few, model: linear}
split: {design: resampled, reserve: 0.2, validation: 0.2}
repeats: 5
analysis: {baseline: all, test: nadeau-bengio, margin: MARGIN}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a table: 60 configurations of one atom in blocks of different sizes."""
    path, rng, n = tmp_path_factory.mktemp("plan"), np.random.default_rng(1), 60
    values = rng.normal(0, 1, (n, 3))
    energy = values @ [0.02, 0.005, 0.001] + rng.normal(0, 0.004, n)
    # twelve blocks of four, and twelve of one: near copies do not count one by one
    block = np.concatenate([np.repeat(np.arange(12), 4), np.arange(12, 24)])
    table = pd.DataFrame({"conf": np.arange(n), "E": energy, "block": block, **dict(zip("abc", values.T, strict=True))})
    table.to_csv(path / "t.csv", index=False)
    return path


def _prepared(folder: Path, margin: str, **changes: str) -> tuple[Prepared, Store]:
    text = TEXT.replace("MARGIN", margin)
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    file = folder / "p.yaml"
    file.write_text(text, encoding="utf-8")
    store = Store(folder / "store")
    return prepare(load(file), store), store


def test_the_ratio_is_one_of_blocks(folder: Path) -> None:
    """N_test/n_train of the Nadeau-Bengio test counts blocks, whatever the numbers of their frames."""
    prepared, _ = _prepared(folder, "0.5")
    blocks = np.mean([part.test_blocks / part.train_blocks for part in prepared.parts["block"]])
    frames = np.mean([len(part.test) / len(part.train) for part in prepared.parts["block"]])
    assert prepared.rules.test_to_train == pytest.approx(blocks)
    assert blocks != pytest.approx(frames, rel=0.01)


def test_a_plan_before_and_after_the_first_repeats(folder: Path) -> None:
    """Before: what the declared repeats decide, in spreads. After: by the 80 % limit of the noisiest pair."""
    prepared, store = _prepared(folder, "0.5")
    before = plan(prepared, store, 1)
    ratio, alpha = prepared.rules.test_to_train, 0.05 / 2
    assert (before["pilots"], before["needed"]) == ([], [])
    noise = Noise(1.0, ratio or 0.0)
    declared, fewer = (repeats_for_difference(before["decided_dz"] * f, noise, alpha=alpha) for f in (1.000001, 0.99))
    other = repeats_for_equivalence(before["decided_dz"] * 1.000001, noise, alpha=alpha)
    assert max(declared or 0, other or 0) == 5
    assert fewer is None or fewer >= 5
    assert repeats_for_equivalence(before["floor_dz"] * 0.9999, noise, alpha=alpha) is None
    assert "stored repeats would tell it" in "\n".join(plans.plan(before | {"report": "r"}))

    study = conduct(prepared, store)
    after = plan(prepared, store, 1)
    spreads = {tuple(pilot["pair"]): pilot for pilot in after["pilots"]}
    for comparison in study.comparisons:
        pilot = spreads[comparison.candidate, comparison.baseline]
        assert comparison.difference is not None
        assert comparison.d_z is not None
        assert pilot["spread"] == pytest.approx(abs(comparison.difference / comparison.d_z))
        assert pilot["limit"] == pytest.approx(pilot["spread"] * math.sqrt(4 / stats.chi2.ppf(0.2, 4)))
        assert pilot["pairs"] == 5
    assert after["pilots"][0]["limit"] == max(pilot["limit"] for pilot in after["pilots"])
    for each in after["needed"]:
        noise = Noise(spreads[tuple(each["pair"])]["limit"], ratio or 0.0)
        assert each["difference"] == repeats_for_difference(0.5, noise, alpha=alpha)
    assert after["detectable"] == pytest.approx(after["detectable_dz"] * after["pilots"][0]["limit"])
    assert "the noisiest pair" in "\n".join(plans.plan(after | {"report": "r"}))


def test_the_pilot_of_an_unpaired_test_is_the_spread_that_it_sees(folder: Path) -> None:
    """Under Welch's test the spread and its limit are both of √(s_c² + s_b²), and not of the paired differences."""
    changes = {"design: resampled": "design: crossed, splits: 5", "nadeau-bengio": "welch"}
    prepared, store = _prepared(folder, "0.5", **changes)
    study = conduct(prepared, store)
    pilots = plan(prepared, store, 1)["pilots"]
    assert pilots
    for pilot in pilots:
        (pair,) = [each for each in pairs(prepared, study.results) if [each.candidate, each.baseline] == pilot["pair"]]
        assert pair.candidate_sample is not None
        assert pair.baseline_sample is not None
        sides = [average_within_splits(side) for side in (pair.candidate_sample, pair.baseline_sample)]
        v_c, v_b = (np.var(side.values, ddof=1) for side in sides)
        df = (v_c + v_b) ** 2 / (v_c**2 / (pilot["pairs"] - 1) + v_b**2 / (pilot["pairs"] - 1))
        assert pilot["spread"] == pytest.approx(math.sqrt(v_c + v_b))
        assert pilot["limit"] == pytest.approx(pilot["spread"] * math.sqrt(df / stats.chi2.ppf(0.2, df)))


def test_a_plan_of_very_many_results_reads_some_of_them(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond so many results some repeats of each contestant tell the noise, those of which most is stored first.

    Their energies are read of still fewer, and of more pairs than are told the hardest are.
    """
    prepared, store = _prepared(
        folder, "0.5", **{"design: resampled": "design: crossed, splits: 5", "nadeau-bengio": "paired-t"}
    )
    results = dict(conduct(prepared, store).results)
    every = plan(prepared, store, 1)
    monkeypatch.setattr(planning, "_READ", 6)
    monkeypatch.setattr(planning, "_LEAST", 3)
    monkeypatch.setattr(planning, "_ENERGIES", 8)
    monkeypatch.setattr(planning, "_PAIRS", 1)
    store.folder(prepared.trainings["few", 0]).rename(folder / "gone")
    some = plan(prepared, store, 1)
    (folder / "gone").rename(store.folder(prepared.trainings["few", 0]))
    assert {pilot["pairs"] for pilot in every["pilots"]} == {5}
    assert {pilot["pairs"] for pilot in some["pilots"]} == {3}
    numbers = sorted(
        {number for name, number in prepared.trainings if prepared.repeats[number].split_number in {1, 2, 3}}
    )
    fewer = replace(prepared, repeats=tuple(prepared.repeats[number] for number in numbers))
    first = planning._pilots(fewer, results)[0]
    assert some["pilots"][0]["spread"] == first.spread
    energies = {key: result for key, result in results.items() if key[1] in numbers[:2]}
    assert some["reserve"] == reserve.told(fewer, energies) != every["reserve"]
    assert [each["pair"] for each in some["needed"]] == [list(first.pair)]
    assert len(every["needed"]) == 2


def test_a_plan_of_models_that_draw_nothing_on_one_split(folder: Path) -> None:
    """Before and after the results it says that no repeat gives a p; copies of one result are no pilot, and one result.

    The analysis declared afterwards has seen one result of each, however many repeats count it.
    """
    changes = {"design: resampled": "design: fixed", "nadeau-bengio": "paired-t"}
    prepared, store = _prepared(folder, "0.5", **changes)
    for _ in range(2):
        planned = plan(prepared, store, 1)
        assert planned["deterministic"] == [["some", "all"], ["few", "all"]]
        assert (planned["pilots"], planned["needed"]) == ([], [])
        assert "All 2 comparisons are deterministic given this split" in "\n".join(
            plans.plan(planned | {"report": "r"})
        )
        study = conduct(prepared, store)
    assert all("Deterministic given this split" in comparison.remarks[0] for comparison in study.comparisons)
    later, _ = _prepared(folder, "0.7", **changes)
    assert conduct(later, store).chosen_after == 1
    redrawn, _ = _prepared(folder, "0.5")
    assert plan(redrawn, store, 1)["deterministic"] == []


def test_validate_tells_pairs_that_are_deterministic(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Such a protocol is valid and told, in words and in JSON; one that redraws its splits has nothing to be told."""
    _prepared(folder, "0.5", **{"design: resampled": "design: fixed", "nadeau-bengio": "paired-t"})
    assert cli.main(["validate", str(folder / "p.yaml")]) == 0
    assert "All 2 comparisons are deterministic given this split (“some” against “all”" in capsys.readouterr().out
    assert cli.main(["validate", str(folder / "p.yaml"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["deterministic"] == [["some", "all"], ["few", "all"]]
    _prepared(folder, "0.5")
    assert cli.main(["validate", str(folder / "p.yaml")]) == 0
    assert capsys.readouterr().out.count("\n") == 1


def test_validate_checks_several_protocols(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """All are checked, every mistake is told at its line, and one that is wrong makes the exit code 2."""
    _prepared(folder, "0.5")
    good, bad = folder / "p.yaml", folder / "bad.yaml"
    bad.write_text(good.read_text().replace("question:", "qestion:"), encoding="utf-8")
    assert cli.main(["validate", "smoke", str(good)]) == 0
    out, err = capsys.readouterr()
    assert (out.count(" is a valid protocol: "), err) == (2, "")
    asked = ["validate", str(bad), str(good), "smok"]
    assert cli.main(asked) == 2
    out, err = capsys.readouterr()
    assert out == f"{good} is a valid protocol: 3 variants, 5 repeats, 2 comparisons.\n"
    assert err.startswith(f"bpbench: {bad}, line 1, question: the key 'question' is missing.\n")
    assert "bpbench: Expected a protocol (shipped ones go by their name), smok is no file; did you mean 'smoke'?" in err
    assert cli.main([*asked, "--json"]) == 2
    out, err = capsys.readouterr()
    told = json.loads(out)
    assert (told["valid"], [entry["valid"] for entry in told["protocols"]]) == (False, [False, True, False])
    assert [entry["protocol"] for entry in told["protocols"]] == [str(bad), "p", "smok"]
    assert told["protocols"][2]["error"].startswith("Expected a protocol")
    assert told["protocols"][0]["error"] in err
    assert cli.main(["validate", "smoke", str(good), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["valid"] is True


def test_validate_of_one_protocol_tells_as_it_did(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One document for one protocol; a mistake in it is the error of the command. Hidden files are not offered."""
    (folder / ".hidden.yaml").write_text("repos: []")
    assert cli.main(["validate", str(folder / "nowhere.yaml"), "--json"]) == 2
    out, err = capsys.readouterr()
    told = json.loads(out)
    assert list(told) == ["error"]
    assert told["error"].startswith(f"There is no protocol file {folder / 'nowhere.yaml'}")
    assert "hidden" not in told["error"]
    assert err == f"bpbench: {told['error']}\n"
    assert cli.main(["validate", "smoke", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["protocol"] == "smoke"


def test_fresh_groups_are_refused_at_their_line(folder: Path) -> None:
    """The refusal points to split.fresh, not to the data."""
    with pytest.raises(DataError, match=r"p.yaml, line \d+, split.fresh: There is no group 'cold' to keep fresh"):
        _prepared(folder, "0.5", **{"validation: 0.2}": "validation: 0.2, fresh: [cold]}"})


def _told(folder: Path, margin: str) -> dict[str, Any]:
    prepared, store = _prepared(folder, margin)
    return findings(conduct(prepared, store))


@pytest.mark.parametrize(
    ("margin", "stored", "band", "method"),
    [
        ("0.5", 0.5, "±0.5 meV/atom.", "against the margin of ±0.5 meV/atom; they are adjusted"),
        (
            "5%",
            "5 %",
            "±5 % of the mean of all, which is",
            "±5 % of the mean of the baseline; they are adjusted over the fam",
        ),
        ("0.5 d_z", "0.5 d_z", None, "are of the noncentral t distribution"),
    ],
)
def test_findings_and_report_of_each_margin(
    folder: Path, margin: str, stored: float | str, band: str | None, method: str
) -> None:
    """Findings hold a margin as it is written, a number where it was one; the report says what it comes to."""
    found = _told(folder, margin)
    assert found["analysis"]["margin"] == stored
    width = found["analysis"]["margin_width"]
    mean = found["analysis"]["comparisons"][0]["baseline_mean"]
    assert width == (pytest.approx(0.05 * mean) if margin == "5%" else 0.5 if margin == "0.5" else None)
    assert method in methods.statistics(found)[2]
    assert answer(found)
    from bpbench.report.canvas import styles

    blocks = judged.comparisons(found, styles(["all", "some", "few"]))
    forest, effects = blocks[0].caption, blocks[2]  # type: ignore[union-attr]
    assert (f"The grey band is the margin, {band}" in forest) if band else ("grey band" not in forest)
    headers = {column.key: (column.label, column.unit) for column in effects.columns}  # type: ignore[union-attr]
    assert (
        headers["equivalence_low"]
        == {
            "0.5": ("90 % from", "meV/atom"),
            "5%": ("ratio of the means less one, 90 % from", "%"),
            "0.5 d_z": ("d_z, 90 % from", ""),
        }[margin]
    )
