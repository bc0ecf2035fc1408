"""A study of an alloy from end to end, and the forces of its potentials."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import alloy
import numpy as np
import pytest

from bpbench import models
from bpbench.cli import main
from bpbench.data import readers
from bpbench.descriptors.symmetry import describe_frames
from bpbench.errors import DataError, ProtocolError
from bpbench.features import G2, G5, FeatureSet, preset
from bpbench.inputs import lay_out
from bpbench.jobs import Adam, Hdnn, Kalman, LightGbm, Linear, RandomForest
from bpbench.models import importance
from bpbench.models.contract import Problem
from bpbench.potential import Potential
from bpbench.prepared import prepare
from bpbench.protocol import load
from bpbench.runner.store import Store

if TYPE_CHECKING:
    from bpbench.data.frames import Frames

TEXT = """
question: Which set describes the alloy?
data: {kind: file, path: alloy.extxyz}
sets:
  twelve: thesis-12
  own:
    by_element:
      Al:
        functions:
          - {kind: G2, eta: 0.1, r_s: 0, r_c: 5.0}
          - {kind: G2, eta: 1, r_s: 2.6, r_c: 5.0, of: Cu}
      Cu:
        functions:
          - {kind: G2, eta: 0.1, r_s: 0, r_c: 5.0}
          - {kind: G5, eta: 0.05, zeta: 1, lam: 1, r_c: 5.0}
  wide: {cut: twelve, names: ["G2(eta=0.0013,*", "G2(eta=0.12,*", "G2(eta=2,*"]}
models:
  ridge: {kind: linear}
  network: {kind: hdnn, hidden: [4], epochs: 60, batch: 4, optimizer: {kind: adam, learning_rate: 1e-2}}
  filter: {kind: hdnn, hidden: [4], epochs: 8, skip: true, optimizer: {kind: kalman, block: 4}}
  forest: {kind: random-forest, trees: 60}
variants:
  - {name: ridge, set: twelve, model: ridge}
  - {name: network, set: twelve, model: network}
  - {name: filter, set: twelve, model: filter}
  - {name: forest, set: twelve, model: forest}
  - {name: own, set: own, model: network}
  - {name: wide, set: wide, model: ridge}
repeats: 3
report: {formats: [html]}
analysis: {baseline: ridge}
"""


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return alloy.write(tmp_path_factory.mktemp("alloy") / "alloy.extxyz")


@pytest.fixture(scope="module")
def frames(file: Path) -> Frames:
    return readers.read(readers.open_source(file))


def _problem(frames: Frames, chosen: FeatureSet) -> Problem:
    order = np.random.default_rng(5).permutation(len(frames))[:40]
    return Problem(
        names=chosen.names,
        values=describe_frames(chosen.functions, frames, 0, len(frames)),
        offsets=frames.offsets,
        energy=frames.energy,
        train=np.sort(order[:24]),
        validation=np.sort(order[24:32]),
        test=np.sort(order[32:]),
        elements=tuple(frames.elements),
        kind=np.where(frames.species == 13, 0, 1),
        centres=chosen.centres,
    )


BY_ELEMENT = FeatureSet.by_element(
    {
        "Cu": FeatureSet((G2(0.1, 0.0, 5.0), G5(0.05, 1.0, 1, 5.0, of=("Al", "Cu")))),
        "Al": FeatureSet((G2(1.0, 2.6, 5.0, of="Cu"), G2(0.1, 0.0, 5.0), G2(0.5, 0.0, 5.0, of="Al"))),
    }
).resolved(("Al", "Cu"))
SETS = {"for all": preset("thesis-12").resolved(("Al", "Cu")), "by element": BY_ELEMENT}


@pytest.fixture(scope="module", params=SETS)
def chosen(request: pytest.FixtureRequest) -> FeatureSet:
    return SETS[request.param]


@pytest.fixture(scope="module")
def problem(frames: Frames, chosen: FeatureSet) -> Problem:
    return _problem(frames, chosen)


def test_a_set_by_element_is_resolved_by_the_neighbours() -> None:
    """Each function stands once, those without elements for each neighbour, and each centre sees its own."""
    (al, of_al), (cu, of_cu) = BY_ELEMENT.centres
    assert (al, cu, len(BY_ELEMENT)) == ("Al", "Cu", 5)
    names = BY_ELEMENT.names
    assert [names[place] for place in of_al] == [
        G2(1.0, 2.6, 5.0, of="Cu").name,
        G2(0.1, 0.0, 5.0, of="Al").name,
        G2(0.1, 0.0, 5.0, of="Cu").name,
        G2(0.5, 0.0, 5.0, of="Al").name,
    ]
    assert [names[place] for place in of_cu] == [
        G2(0.1, 0.0, 5.0, of="Al").name,
        G2(0.1, 0.0, 5.0, of="Cu").name,
        G5(0.05, 1.0, 1, 5.0, of=("Al", "Cu")).name,
    ]


@pytest.mark.parametrize(
    "model",
    [
        Linear("linear"),
        Hdnn("hdnn", (5, 4), epochs=15, batch=4, optimizer=Adam(learning_rate=1e-2)),
        Hdnn("hdnn", (4,), "softplus", epochs=2, scaling="min-max", optimizer=Kalman("kalman"), skip=True, ensemble=2),
    ],
    ids=["linear", "adam", "skip"],
)
def test_forces_are_the_slope_of_the_energy(
    model: Hdnn | Linear, problem: Problem, frames: Frames, chosen: FeatureSet
) -> None:
    """Energies are the fit's, forces their central differences, and no training atom lies beyond its ranges."""
    made = models.fit(model, problem, weights_seed=3, order_seed=4)
    potential = Potential(model, chosen.functions, made.parameters, ("Al", "Cu"), chosen.centres)
    number = int(problem.train[3])
    rows = frames.rows(number)
    given = frames.cells[number], frames.pbc[number], frames.species[rows]
    positions, step = frames.positions[rows], 1e-4
    answer = potential.answer(positions, *given)
    assert answer.energy == pytest.approx(made.energy[number], rel=1e-12)
    assert not answer.beyond.any()
    for atom, axis in ((0, 0), (11, 1), (30, 2)):
        moved = np.repeat(positions[None], 2, axis=0)
        moved[:, atom, axis] += [step, -step]
        plus, minus = (potential.answer(each, *given).energy for each in moved)
        assert answer.forces[atom, axis] == pytest.approx(-(plus - minus) / (2 * step), abs=2e-6)
    assert np.abs(answer.forces).max() > 0.05
    np.testing.assert_allclose(answer.forces.sum(axis=0), 0, atol=1e-10)


def test_ranges_are_those_of_each_element(problem: Problem, frames: Frames, chosen: FeatureSet) -> None:
    """What lies beyond the training atoms of an atom's own element is said, of functions that describe it alone."""
    made = models.fit(Linear("linear"), problem, weights_seed=3, order_seed=4)
    potential = Potential(Linear("linear"), chosen.functions, made.parameters, ("Al", "Cu"), chosen.centres)
    assert problem.kind is not None
    train = np.concatenate([np.arange(problem.offsets[c], problem.offsets[c + 1]) for c in problem.train])
    found = 0
    for number in problem.test:
        rows = frames.rows(number)
        given = frames.cells[number], frames.pbc[number], frames.species[rows]
        expected, rounded = np.zeros((2, len(chosen), rows.stop - rows.start), dtype=bool)
        for place, element in enumerate(("Al", "Cu")):
            own = problem.values[:, train[problem.kind[train] == place]]
            values = problem.values[:, rows]
            low, high = own.min(axis=1, keepdims=True), own.max(axis=1, keepdims=True)
            beyond, near = (
                (values < low) | (values > high),
                np.minimum(abs(values - low), abs(values - high)) < 1e-5 * abs(high),
            )
            seen = np.isin(np.arange(len(chosen)), dict(chosen.centres).get(element, range(len(chosen))))
            here = seen[:, None] & (problem.kind[rows] == place)
            expected |= beyond & here
            rounded |= near & here
        beyond = potential.answer(frames.positions[rows], *given).beyond
        np.testing.assert_array_equal(beyond[~rounded], expected[~rounded])
        found += int(expected.sum())
    assert found > 0


@pytest.mark.parametrize("model", [Linear("linear"), RandomForest("random-forest", trees=20), LightGbm("lightgbm", 40)])
def test_shuffled_inputs_are_those_of_models_asked_anew(
    model: Linear | RandomForest | LightGbm, problem: Problem
) -> None:
    """The rise of the error is that of a model asked with a whole table of shuffled values, element by element."""
    made = models.fit(model, problem, weights_seed=3, order_seed=4)
    mean, _ = importance.permutation(model, problem, made.parameters, shuffles=1, seed=9, weights_seed=3)
    assert problem.kind is not None
    rises = []
    part = problem.validation
    atoms = np.concatenate([np.arange(problem.offsets[c], problem.offsets[c + 1]) for c in part])
    for row, name in enumerate(problem.names):
        random = np.random.default_rng(importance.identity.seed(9, "input", name))
        values = problem.values.copy()
        for place in (0, 1):
            own = atoms[problem.kind[atoms] == place]
            values[row, own] = random.permutation(values[row, own])
        errors = []
        for table in (values, problem.values):
            energy = _asked(model, made, problem, table)
            errors.append(np.sqrt(np.mean(((energy - problem.energy) / problem.atoms)[part] ** 2)) * 1e3)
        rises.append(errors[0] - errors[1])
    np.testing.assert_allclose(mean, rises, rtol=1e-7, atol=1e-7)


def _asked(model: Any, made: models.Fit, problem: Problem, values: Any) -> Any:
    if isinstance(model, Linear):
        how: Any = {"kind": problem.kind, "elements": problem.elements, "centres": problem.centres}
        return models.evaluate(model, made.parameters, values, problem.offsets, **how)
    from bpbench.models import trees

    grown = trees.grow(model, problem, seed=3)
    return problem.atoms * grown.per_atom(grown.pooling.columns(values, problem.offsets, problem.kind))


def test_a_study_of_an_alloy(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """From the file to the report: models beat what knows the composition alone, and each element is told."""
    (tmp_path / "alloy.extxyz").write_bytes(file.read_bytes())
    (tmp_path / "alloy.yaml").write_text(TEXT, encoding="utf-8")
    places = ["--store", str(tmp_path / "store"), "--reports", str(tmp_path / "reports"), "--jobs", "1"]
    assert main(["run", str(tmp_path / "alloy.yaml"), *places]) == 0, capsys.readouterr().err
    (folder,) = (tmp_path / "reports").iterdir()
    found = json.loads((folder / "findings.json").read_text())
    assert found["data"]["elements"] == ["Al", "Cu"]
    told = {variant["name"]: variant for variant in found["variants"]}
    constant = found["constant"]["test"]["rmse"]
    for name, variant in told.items():
        assert variant["n"] == 3, variant["results"]
        # Trees learn next to nothing from 50 configurations; test_elements.py has them on more.
        limit = 1.05 if name == "forest" else 0.8
        assert variant["summary"]["test"]["rmse"]["mean"] < limit * constant, name
    assert told["network"]["inputs"] == 24
    assert told["network"]["shapes"] == {"Al": "24-4-1", "Cu": "24-4-1"}
    assert told["network"]["parameters"] == 2 * (24 * 4 + 4 + 4 + 1)
    assert (told["own"]["inputs"], told["own"]["inputs_of"]) == (6, {"Al": 3, "Cu": 5})
    assert told["own"]["shapes"] == {"Al": "3-4-1", "Cu": "5-4-1"}
    assert told["own"]["parameters"] == (3 * 4 + 4 + 4 + 1) + (5 * 4 + 4 + 4 + 1)
    assert told["wide"]["inputs"] == 6
    page = (folder / "report.html").read_text()
    for text in (
        "3-4-1 of Al and 5-4-1 of Cu",
        "24-4-1 of Al and Cu",
        "3 of Al and 5 of Cu",
        "composition alone: it gives every atom its element",
        "holds for each element: it has its own network",
    ):
        assert text in page, text


def _laid_out(file: Path, tmp_path: Path, old: str, new: str) -> Any:
    assert old in TEXT
    (tmp_path / "alloy.extxyz").write_bytes(file.read_bytes())
    (tmp_path / "alloy.yaml").write_text(TEXT.replace(old, new), encoding="utf-8")
    protocol = load(tmp_path / "alloy.yaml")
    return protocol, lay_out(protocol, Store(tmp_path / "store"))


def test_an_element_without_functions_is_refused(file: Path, tmp_path: Path) -> None:
    """A set without functions for an element of the frames is refused by name and place."""
    with pytest.raises(
        DataError,
        match=r"sets\.own: the set describes Al, Au, and the frames hold Cu as well; add functions for every element, "
        r"or keep the frames of those it describes\.",
    ):
        _laid_out(file, tmp_path, "      Cu:\n        functions", "      Au:\n        functions")


def test_keras_is_refused_before_anything_starts(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It trains one element, and says so with the place of the optimizer, be it installed or not."""
    protocol, _ = _laid_out(file, tmp_path, "{kind: adam, learning_rate: 1e-2}", "{kind: keras-adam}")
    monkeypatch.setattr("bpbench.prepared.find_spec", lambda _: object())
    with pytest.raises(
        ProtocolError,
        match=r"models\.network\.optimizer: keras-adam trains one element, and the data hold Al, Cu; name the "
        r"optimizer adam or kalman\.",
    ):
        prepare(protocol, Store(tmp_path / "store"))


def test_an_element_that_does_not_exist_is_refused(file: Path, tmp_path: Path) -> None:
    """Of by_element, with the nearest symbol there is."""
    with pytest.raises(ProtocolError, match=r"sets\.own.*: by_element: there is no element 'Cuu'; did you mean 'Cu'\?"):
        _laid_out(file, tmp_path, "      Cu:\n        functions", "      Cuu:\n        functions")


def test_an_element_that_the_frames_have_not_is_left_out(file: Path, tmp_path: Path) -> None:
    """Its functions are described for nobody, and are not among those of the set."""
    more = "      Au: {functions: [{kind: G2, eta: 0.7, r_s: 0, r_c: 5.0}]}\n      Cu:\n        functions"
    _, inputs = _laid_out(file, tmp_path, "      Cu:\n        functions", more)
    assert [element for element, _ in inputs.sets["own"].centres] == ["Al", "Cu"]
    assert len(inputs.sets["own"]) == 6


def test_of_one_element_a_set_by_element_is_a_set_like_any_other(file: Path, tmp_path: Path) -> None:
    """In frames of aluminium alone nothing is resolved, and Al's functions are the set."""
    sample = "data: {kind: aluminium, groups: [300 K solid]}"
    _, inputs = _laid_out(file, tmp_path, "data: {kind: file, path: alloy.extxyz}", sample)
    assert inputs.sets["own"] == FeatureSet((G2(0.1, 0.0, 5.0), G2(1.0, 2.6, 5.0, of="Cu")))
    assert inputs.sets["twelve"] == preset("thesis-12")


def test_a_cut_of_a_set_by_element_is_one(file: Path, tmp_path: Path) -> None:
    """What is left serves the elements it served; an element without a function left is refused."""
    cut = "wide: {cut: own, kinds: [G2]}"
    _, inputs = _laid_out(file, tmp_path, TEXT[TEXT.index("wide:") : TEXT.index("\nmodels")], cut)
    assert [len(seen) for _, seen in inputs.sets["wide"].centres] == [3, 2]
    with pytest.raises(
        ProtocolError,
        match=r"sets\.wide: no function that is left describes the central element Al; keep at least one for each",
    ):
        _laid_out(file, tmp_path, TEXT[TEXT.index("wide:") : TEXT.index("\nmodels")], cut.replace("G2", "G5"))


def test_a_strategy_among_functions_of_each_element_is_refused(file: Path, tmp_path: Path) -> None:
    """It chooses from functions that describe every atom."""
    from bpbench import exploration

    asked = "strategies:\n  few: {kind: drop-one, set: own, model: ridge}\nrepeats: 3"
    protocol, inputs = _laid_out(file, tmp_path, "repeats: 3", asked)
    with pytest.raises(
        ProtocolError,
        match=r"strategies\.few: A strategy chooses among functions that describe every atom, and 'own' has some of "
        r"its own for each element; name a set without by_element, such as a preset\.",
    ):
        exploration.lay_out(protocol, inputs)


def test_the_example_of_the_readme_is_a_protocol(file: Path, tmp_path: Path) -> None:
    """What README shows of several elements is read and laid out for the alloy."""
    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    (text,) = [block for block in readme.split("```yaml\n")[1:] if "by_element:\n" in block.split("```")[0]]
    (tmp_path / "alloy.yaml").write_text(text.split("```")[0], encoding="utf-8")
    (tmp_path / "alloy.extxyz").write_bytes(file.read_bytes())
    inputs = lay_out(load(tmp_path / "alloy.yaml"), Store(tmp_path / "store"))
    own = inputs.sets["own"]
    assert isinstance(own, FeatureSet)
    assert [(element, len(seen)) for element, seen in own.centres] == [("Al", 24), ("Cu", 3)]
    assert len(inputs.sets["22"]) == 54
