"""Finding the stored training of a contestant: which repeat, and every way in which there is none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_study import write

from bpbench import stored
from bpbench.errors import RequestError
from bpbench.jobs import N2p2
from bpbench.prepared import Prepared, prepare
from bpbench.protocol import load, loads, locate
from bpbench.runner.store import Store
from bpbench.study import Study, conduct

SPLIT = "split: {design: crossed, splits: 4}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("stored")
    write(made, repeats=1, split=SPLIT, trees=1)
    return made


@pytest.fixture(scope="module")
def study(folder: Path) -> Study:
    store = Store(folder / "store")
    return conduct(prepare(load(folder / "small.yaml"), store), store)


def find(study: Study, folder: Path, variant: str, repeat: int | str = stored.BEST) -> stored.Stored:
    return stored.find(study.prepared, Store(folder / "store"), variant, repeat)


def test_the_best_repeat_is_chosen_by_its_own_validation_part(study: Study, folder: Path) -> None:
    """The repeat with the least validation RMSE is found, which here is not the one with the least test RMSE."""
    scores = [study.results["ridge", repeat].values["scores"] for repeat in range(4)]  # type: ignore[union-attr]
    by = {part: int(np.argmin([score[part]["rmse"] for score in scores])) for part in ("validation", "test")}
    assert by["validation"] != by["test"]
    assert find(study, folder, "ridge").repeat == by["validation"]


def test_a_higher_score_is_better_where_the_metric_says_so(
    study: Study, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scores = [study.results["ridge", repeat].values["scores"]["validation"] for repeat in range(4)]  # type: ignore[union-attr]
    turned = replace(stored.metrics.metric("rmse"), lower_is_better=False)
    monkeypatch.setattr(stored.metrics, "metric", lambda _: turned)
    assert find(study, folder, "ridge").repeat == int(np.argmax([score["rmse"] for score in scores]))


def test_the_potential_is_that_of_the_training(study: Study, folder: Path) -> None:
    """Energies of the potential of a numbered repeat are those that its training stored."""
    found = stored.training(folder / "small.yaml", "ridge", 2, store=folder / "store")
    assert (found.repeat, found.job) == (2, study.prepared.trainings["ridge", 2])
    assert found.potential.elements == ("Al",)
    frames = found.frames
    rows = frames.rows(3)
    answer = found.potential.answer(frames.positions[rows], frames.cells[3], frames.pbc[3], frames.species[rows])
    assert answer.energy == pytest.approx(found.outcome.arrays["energy"][3], rel=1e-12)


def test_no_repeat_is_best_without_a_score(study: Study, folder: Path) -> None:
    analysis = replace(study.prepared.protocol.analysis, metric="force_rmse")
    prepared = replace(study.prepared, protocol=replace(study.prepared.protocol, analysis=analysis))
    store = Store(folder / "store")
    with pytest.raises(
        RequestError,
        match=r"^The trainings of 'ridge' have no force RMSE on validation, .*; name a repeat by its number\.$",
    ):
        stored.find(prepared, store, "ridge")
    assert stored.find(prepared, store, "ridge", 1).repeat == 1


@pytest.mark.parametrize(
    ("variant", "repeat", "told"),
    [
        ("ridg", 0, r"^The protocol small has no trained variant 'ridg'; did you mean 'ridge'\?$"),
        ("ridge", 4, r"^A repeat is best-on-validation or a number from 0 to 3, found '4'; the report numbers them\.$"),
        ("ridge", "best", r"^A repeat is best-on-validation or a number from 0 to 3, found 'best'; the report"),
        ("ridge", 1.7, r"^A repeat is best-on-validation or a number from 0 to 3, found '1\.7'; the report"),
        ("wild", 0, r"^Repeat 0 of 'wild' diverged; choose another repeat\.$"),
        ("wild", stored.BEST, r"^No repeat of 'wild' ended with finite numbers; choose another variant\.$"),
    ],
)
def test_what_is_not_there_is_told(study: Study, folder: Path, variant: str, repeat: Any, told: str) -> None:
    with pytest.raises(RequestError, match=told):
        find(study, folder, variant, repeat)


@pytest.mark.parametrize(
    ("repeat", "told"), [(stored.BEST, "No repeat of 'ridge' is"), (1, "Repeat 1 of 'ridge' is not")]
)
def test_what_was_not_run_is_told(folder: Path, tmp_path: Path, repeat: int | str, told: str) -> None:
    with pytest.raises(RequestError, match=rf"^{told} stored in {tmp_path}/empty; run the protocol first\.$"):
        stored.training(folder / "small.yaml", "ridge", repeat, store=tmp_path / "empty")


def test_trees_are_no_potential(study: Study, folder: Path) -> None:
    found = find(study, folder, "rich")
    with pytest.raises(
        RequestError, match=r"^A potential is made of an hdnn or linear model, that of 'rich' is random-forest; choose"
    ):
        _ = found.potential


def test_a_potential_of_n2p2_is_read_from_its_files(study: Study, folder: Path) -> None:
    """Nothing of it was trained: what is stored are its scores, and the sentence says how to have it."""
    found = find(study, folder, "ridge")
    theirs = replace(found, job=replace(found.job, model=N2p2("n2p2", "pot", "bohr-hartree")))
    message = (
        r"^'ridge' is a potential of n2p2's own, of which nothing is stored but scores; read it from its files: "
        r"N2p2Potential\(read_folder\('pot', units='bohr-hartree'\)\)\.$"
    )
    with pytest.raises(RequestError, match=message):
        _ = theirs.potential


def columns(folder: Path) -> tuple[Prepared, Store]:
    """Return a study of a table, run."""
    rng = np.random.default_rng(5)
    values, offsets = rng.normal(size=(80, 2)), np.arange(21) * 4
    energy = values.sum(axis=1).reshape(20, 4).sum(axis=1)
    np.savez(folder / "data.npz", values=values, names=np.array(["a", "b"]), offsets=offsets, energy=energy)
    text = """\
question: Which columns?
data: {kind: table, path: data.npz, block_length: 1}
sets: {all: {columns: all}, few: {columns: [a]}}
models: {linear: {kind: linear}}
variants: [{name: all, set: all, model: linear}, {name: few, set: few, model: linear}]
repeats: 1
split: {design: crossed, splits: 4}
analysis: {baseline: all}
"""
    store = Store(folder / "store")
    return conduct(prepare(loads(text, file=str(folder / "p.yaml"), name="p"), store), store).prepared, store


def test_tables_have_no_positions(tmp_path: Path) -> None:
    prepared, store = columns(tmp_path)
    with pytest.raises(RequestError, match=r"^'few' was trained on a table, which has no positions: no potential can"):
        stored.find(prepared, store, "few")


def test_columns_cannot_be_computed_for_other_frames(study: Study, folder: Path) -> None:
    from bpbench.features import Column

    found = find(study, folder, "ridge")
    foreign = replace(found, job=replace(found.job, functions=(*found.job.functions[:-1], Column("c"))))
    with pytest.raises(RequestError, match=r"^A potential is made of symmetry functions, 'ridge' was trained on"):
        _ = foreign.potential


def test_a_shipped_protocol_goes_by_its_name(tmp_path: Path) -> None:
    assert locate("57vars").name == "57vars.yaml"
    with pytest.raises(RequestError, match=r"\(shipped ones go by their name\), 57var is no file; did you mean '57"):
        locate("57var")
    with pytest.raises(RequestError, match=rf"\(shipped ones go by their name\), {tmp_path} is a folder"):
        locate(tmp_path)
