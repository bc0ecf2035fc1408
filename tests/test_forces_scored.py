"""Forces scored beside energies: by whom they are had, what is refused, and what a report says of them."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import findings_factory as factory
import numpy as np
import pytest

from bpbench import courses, force_errors, metrics
from bpbench.cli import main
from bpbench.data import readers, splits
from bpbench.errors import ProtocolError
from bpbench.features import G2, G5
from bpbench.identity import plain
from bpbench.jobs import (
    Command,
    Describe,
    ForceTerm,
    Hdnn,
    Job,
    Kalman,
    Linear,
    MakeFrames,
    ModelSpec,
    N2p2,
    RandomForest,
    Split,
    Train,
)
from bpbench.models.contract import from_arrays
from bpbench.potential import Potential
from bpbench.protocol import loads
from bpbench.report import forces, forces_told, joint, learned, learners
from bpbench.report.canvas import styles
from bpbench.report.compose import compose
from bpbench.report.document import Figure
from bpbench.report.language import spoken
from bpbench.report.templating import folders
from bpbench.runner import work
from bpbench.runner.store import Outcome

if TYPE_CHECKING:
    from pathlib import Path

    from bpbench.report.document import Document, Section

FUNCTIONS = (G2(0.1, 0.0, 4.0), G2(1.0, 2.8, 4.0), G5(0.01, 2.0, 1, 4.0))
MAKE = MakeFrames(replace(readers.sample_source(), groups=("300 K solid",)))
CHUNK = Describe(MAKE, FUNCTIONS, 0, 40)
SPLIT = Split(0.2, 0.2, 1, 1)
RIDGE = Linear("linear")
NET = Hdnn("hdnn", (3,), epochs=2, optimizer=Kalman("kalman"), ensemble=2)

TEXT = """
question: Are both as good?
data: {{kind: aluminium, groups: [300 K solid]}}
sets:
  few:
    functions:
      - {{kind: G2, eta: 0.1, r_s: 0, r_c: 4.0}}
      - {{kind: G2, eta: 1, r_s: 2.8, r_c: 4.0}}
models:
  ridge: {{kind: linear}}
  net: {{kind: hdnn, hidden: [2], epochs: 3, optimizer: {{kind: kalman}}}}
  skip: {{kind: hdnn, hidden: [2], epochs: 3, skip: true, optimizer: {{kind: kalman}}}}
  forest: {{kind: random-forest, trees: 3}}
variants:
  - {{name: net, set: few, model: net}}
  - {{name: skip, set: few, model: skip}}
  - {{name: last, set: few, model: {last}}}
repeats: 3
report: {{formats: [html]}}
analysis: {{baseline: net, metric: {metric}, margin: 5 %, co_primary: [{further}]}}
{more}
"""


def text(
    *, last: str = "ridge", metric: str = "rmse", further: str = "{metric: force_rmse, margin: 10 %}", more: str = ""
) -> str:
    """Return a protocol that is judged by energies and forces."""
    return TEXT.format(last=last, metric=metric, further=further, more=more)


# ------------------------------------------------------------------------------------------------------ trainings


@pytest.fixture(scope="module")
def stored() -> dict[Job, Outcome]:
    """Return frames and descriptors."""
    frames = work.perform(MAKE, lambda _: pytest.fail("frames need nothing"))
    return {MAKE: frames, CHUNK: work.perform(CHUNK, {MAKE: frames}.__getitem__)}


@pytest.mark.parametrize("model", [RIDGE, NET], ids=["linear", "ensemble"])
def test_forces_of_a_training_are_those_of_its_potential(model: ModelSpec, stored: dict[Job, Outcome]) -> None:
    """Each test frame asked by itself, and scores by hand; energies are what they are without."""
    plain_job = Train(MAKE, (CHUNK,), FUNCTIONS, model, SPLIT, 1, 2)
    job = replace(plain_job, score_forces=True)
    made, without = (work.perform(each, stored.__getitem__) for each in (job, plain_job))
    frames = readers.read(MAKE.source)
    assert isinstance(model, Hdnn | Linear)
    potential = Potential(model, FUNCTIONS, from_arrays(made.arrays), ("Al",))
    parts = splits.draw(frames, SPLIT)
    asked = {
        name: [
            potential.answer(frames.positions[rows], frames.cells[f], frames.pbc[f], frames.species[rows]).forces
            for f in getattr(parts, name)
            for rows in [frames.rows(int(f))]
        ]
        for name in ("validation", "test")
    }
    np.testing.assert_allclose(made.arrays[work.TEST_FORCES], np.concatenate(asked["test"]), atol=1e-12)
    assert frames.forces is not None
    for name, predicted in asked.items():
        reference = np.concatenate([frames.forces[frames.rows(int(f))] for f in getattr(parts, name)])
        error = np.concatenate(predicted) - reference
        scores = made.values["scores"][name]
        assert scores["force_rmse"] == pytest.approx(1000 * np.sqrt(np.mean(error**2)), rel=1e-10)
        assert scores["mse_z"] == pytest.approx(np.mean(error[:, 2] ** 2), rel=1e-10)
        if name == "test":
            zero = made.values["constant"]
            assert zero["force_rmse"] == pytest.approx(1000 * np.sqrt(np.mean(reference**2)), rel=1e-12)
            assert zero["force_max"] == pytest.approx(1000 * max(np.linalg.norm(reference, axis=1)), rel=1e-12)
    assert "force_rmse" not in made.values["scores"]["train"]
    for key in metrics.OF_ENERGIES:
        assert made.values["scores"]["test"][key] == without.values["scores"]["test"][key]
    assert work.TEST_FORCES not in without.arrays


def test_a_force_that_is_no_number_is_a_training_that_diverged(
    stored: dict[Job, Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As for energies."""
    monkeypatch.setattr(work, "gradient", lambda *_, **__: np.full((3, 256), np.nan))
    job = Train(MAKE, (CHUNK,), FUNCTIONS, RIDGE, SPLIT, 1, 2, score_forces=True)
    made = work.perform(job, stored.__getitem__)
    assert made.values == {"status": "diverged", "message": "A predicted force is not a finite number."}


# ------------------------------------------------------------------------------------------------------- protocols


def test_forces_are_scored_where_something_asks_for_them() -> None:
    """By itself, by a metric, by a model that learns them; else the protocol is what it was."""
    silent = loads(text(further=""))
    assert not silent.scores_forces
    said = json.dumps(plain(silent))
    assert '"forces"' not in said
    assert "co_primary" not in said
    for asking in (
        text(further="", more="forces: true"),
        text(),
        text(metric="force_mae", further=""),
        text(further="").replace("ridge: {kind: linear}", "ridge: {kind: linear, forces: {weight: 2}}"),
    ):
        assert loads(asking).scores_forces
    assert loads(text()).metrics == ("rmse", "force_rmse")


TABLE = "data: {kind: table, path: rows.csv, configuration: c, energy: e}\nsets: {few: {columns: all}}"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            text(last="forest"),
            (
                r"line \d+, analysis\.co_primary\.0\.metric: 'force_rmse' judges forces, and 'last' has none: the "
                r"energy of a random forest is made of steps, without a slope; leave it out, or score forces without "
                r"judging by them \('forces: true'\)\.$"
            ),
        ),
        (
            text(further="{metric: force_rsme}"),
            r"co_primary\.0\.metric: There is no metric 'force_rsme'; did you mean 'force_rmse'\?$",
        ),
        (
            text(further="{metric: descriptor_time}"),
            r"co_primary\.0\.metric: expected a score of predictions, found the measured time 'descriptor_time'",
        ),
        (
            text(further="{metric: rmse}"),
            r"co_primary\.0\.metric: 'rmse' is judged already; name each metric once, that of 'metric' not again\.$",
        ),
        (
            re.sub(r"data: .*\nsets:(.|\n)*models:", TABLE + "\nmodels:", text(further="", more="forces: true")),
            (
                r"line \d+, forces: forces are slopes of the energy along the positions of atoms, which a table does "
                r"not hold; give the frames themselves, or leave the forces out\.$"
            ),
        ),
        (
            re.sub(r"model: (net|skip|ridge)\}", "model: forest}", text(further="", more="forces: true")).replace(
                "few, model: forest}", "few, model: forest, observations: 9}", 1
            ),
            (
                r"forces: no contestant can have forces; expected a network or a linear potential on a set of symmetry "
                r"functions, or leave the forces out\.$"
            ),
        ),
    ],
    ids=["trees", "misspelt", "time", "twice", "table", "nobody"],
)
def test_what_cannot_be_is_refused(given: str, said: str) -> None:
    """In one sentence with file, line and path."""
    with pytest.raises(ProtocolError, match=said):
        loads(given)


def test_data_without_forces_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The dense sample holds energies alone."""
    path = tmp_path / "p.yaml"
    path.write_text(text().replace("{kind: aluminium, groups: [300 K solid]}", "{kind: aluminium, sample: dense}"))
    assert main(["plan", str(path)]) == 2
    assert re.search(
        r"p\.yaml, line \d+, data: .*: predicted forces are to be scored, and not every frame carries forces; give "
        r"frames with forces, or leave out what asks for them\.",
        capsys.readouterr().err,
    )


# ---------------------------------------------------------------------------------------------------------- report


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return the findings of a study that is judged by energies and forces."""
    folder = tmp_path_factory.mktemp("study")
    (folder / "p.yaml").write_text(text())
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert main(["run", "p.yaml"]) == 0
    (path,) = folder.glob("reports/p-*/findings.json")
    made: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return made


def told(findings: dict[str, Any], language: str = "en") -> Document:
    """Return the document of findings."""
    with spoken(language, folders()):
        return compose(findings, factory.environment())


def part(document: Document, key: str) -> Section:
    """Return a section of a document."""
    (found,) = (section for section in document.sections if section.key == key)
    return found


def test_errors_of_forces_agree_with_each_other(found: dict[str, Any]) -> None:
    """Components, states and bins are parts of one whole."""
    held = found["forces"]
    assert [entry["name"] for entry in held["variants"]] == ["net", "skip", "last"]
    for entry, variant in zip(held["variants"], found["variants"], strict=True):
        summary, components = variant["summary"]["test"], entry["components"]
        assert components["all"] == pytest.approx(summary["force_rmse"]["mean"])
        assert components["all"] == pytest.approx(entry["states"][0]["rmse"])
        assert entry["zero"]["all"] == pytest.approx(found["constant"]["test"]["force_rmse"])
        atoms = np.array([each["atoms"] for each in entry["sizes"]])
        assert atoms.sum() == entry["states"][0]["atoms"]
        assert np.ptp(atoms) <= 1
        power = [(each["relative"] * each["zero"]) ** 2 for each in entry["sizes"]]
        if entry["name"] == "last":  # deterministic: means over the repeats are each of them
            assert np.sqrt(np.average(power, weights=atoms)) == pytest.approx(components["all"])
            assert entry["of_zero"] == pytest.approx((components["all"] / entry["zero"]["all"]) ** 2)
        edges = held["edges_ev_per_a"]
        assert edges == sorted(edges)
        assert {axis: entry["parity"]["axis"].count(axis) for axis in "xyz"} == dict.fromkeys("xyz", 200)


def test_a_report_tells_forces_and_claims_by_all(found: dict[str, Any]) -> None:
    """In English: its section, the joint table, and a forest plot for each metric."""
    document = told(found)
    keys = {block.key for block in (*document.tables, *document.figures)}
    assert {"force_scores", "force_states", "force_sizes", "force_parity"} <= keys
    assert {"joint", "forest", "forest_force_rmse", "comparisons_force_rmse", "effects_force_rmse"} <= keys
    (scores,) = (table for table in document.tables if table.key == "force_scores")
    assert scores.rows[-1][0].text == "predicting zero"
    assert scores.rows[0][2].value == found["forces"]["variants"][0]["components"]["x"]
    lead = " ".join(block.text for block in part(document, "answer").blocks if hasattr(block, "text"))
    assert "by force RMSE on the test set" in lead
    assert "By RMSE and force RMSE together: " in lead
    running = " ".join(document.running_text())
    assert "by the adjoint of the descriptors" in running
    assert "intersection-union test" in running
    assert {"berger1982", "iche9", "fda2022"} <= {work.key for work in part(document, "references").blocks[0].works}  # type: ignore[union-attr]


def test_a_report_tells_forces_in_french(found: dict[str, Any]) -> None:
    """Word for word the same parts."""
    document = told(found, "fr")
    assert part(document, "forces").title == "Forces"
    assert "RMSE des forces" in " ".join(document.running_text())
    assert [table.key for table in document.tables] == [table.key for table in told(found).tables]


def test_findings_of_before_have_no_forces() -> None:
    """Old findings render as they did."""
    old = factory.small()
    assert not forces.section(old, {})
    assert not forces_told.methods(old)
    assert not forces.answers(old)
    assert not joint.views(old)
    assert not joint.answers(old)
    assert "nothing is said about forces" in forces_told.limit(old)


@pytest.mark.parametrize(
    ("claims", "said"),
    [
        (["better"], "By RMSE and force RMSE together: C1 is better by all."),
        (
            ["divided", "worse", "mixed"],
            (
                "By RMSE and force RMSE together: C3 has a verdict by each, but not the same one; C1 is divided, "
                "better by one and worse by another; C2 is worse by all."
            ),
        ),
        (
            ["equivalent"] * 7,
            "By RMSE and force RMSE together: 7 of 7, among them C1, C2 and C3, are equivalent by all.",
        ),
    ],
)
def test_claims_in_words(found: dict[str, Any], claims: list[str], said: str) -> None:
    """Each word of a claim by all."""
    entries = [
        {"candidate": f"C{place}", "baseline": "net", "verdict": claim} for place, claim in enumerate(claims, start=1)
    ]
    analysis = {**found["analysis"], "joint": entries}
    assert joint.answers({**found, "analysis": analysis}) == [said]


def test_slopes_that_say_nothing() -> None:
    """Forces no better than zero, from energies; nothing of better ones."""
    poor = {"name": "net", "way": "slope", "of_zero": 1.2}
    good = {"name": "ridge", "way": "slope", "of_zero": 0.94}
    assert not forces.no_slope({"variants": [good]})
    assert forces.no_slope({"variants": [good, poor]}).startswith(
        "The forces of net are no better, within five per cent, than predicting zero everywhere: the squared error is "
        "120 % of that."
    )


def test_forces_that_no_energy_explains() -> None:
    """Who learned forces, or whose program says them, is told without the reason that holds of energies alone."""
    learned_them = {"name": "net", "way": "slope", "learned": True, "of_zero": 1.2}
    program = {"name": "theirs", "way": "program", "learned": False, "of_zero": 1.0}
    held = {"variants": [learned_them, program]}
    assert not forces.no_slope(held)
    (said,) = forces.answers({"forces": held})
    assert said == (
        "The forces of net and theirs are no better, within five per cent, than predicting zero everywhere: the "
        "squared errors are 120 % and 100 % of that."
    )


@pytest.mark.parametrize(
    ("model", "way"),
    [
        (RIDGE, "slope"),
        (N2p2("n2p2", "folder", "angstrom-ev"), "slope"),
        (Command("command", run=(("train",),), forces=True), "program"),
        (RandomForest("random-forest", target="forces"), "components"),
    ],
)
def test_where_forces_come_from(model: ModelSpec, way: str) -> None:
    assert force_errors._way(model) == way


@pytest.mark.parametrize(
    "model", [Command("command", run=(("train",),), forces=True), N2p2("n2p2", "f", "angstrom-ev")]
)
def test_who_answers_with_forces_needs_no_geometry(model: ModelSpec) -> None:
    """No neighbour list and no Jacobian is made for forces that come from elsewhere."""
    job = Train(MAKE, (CHUNK,), FUNCTIONS, model, SPLIT, 0, 0, score_forces=True)
    nothing: Any = None
    assert work._structures(job, nothing) is None


@pytest.mark.parametrize(
    ("term", "said", "not_said"),
    [
        (None, "It has no seed, so on one split it always gives the same numbers.", "Its seed"),
        ({"weight": 1.0, "fraction": 1.0}, "It has no seed, so on one split", "Its seed"),
        ({"weight": 1.0, "fraction": 0.5}, "Its seed draws the configurations whose forces are learned.", "no seed"),
    ],
)
def test_the_seed_of_a_ridge(term: dict[str, float] | None, said: str, not_said: str) -> None:
    text = learners._linear("ridge", {"strengths": [1e-3], "forces": term})
    assert said in text
    assert not_said not in text


def test_what_is_said_of_learning_forces() -> None:
    """Whose components are drawn anew, and by what validation decides."""
    told_of = [
        " ".join(
            forces_told.methods(
                {
                    "forces": {"variants": []},
                    "models": [{"name": "m", "kind": kind, "values": {"forces": plain(ForceTerm(2.0, share))}}],
                }
            )
        )
        for kind, share in (("hdnn", 0.1), ("linear", 0.1), ("hdnn", 1.0))
    ]
    assert ["drawn anew for every epoch" in text for text in told_of] == [True, False, False]
    assert all(
        "the root of this sum over the validation set, with the forces of at most 16" in text for text in told_of
    )


def test_learning_curves_of_forces() -> None:
    """Median and ends over the repeats, drawn where forces are learned, and nothing where they are not."""
    arrays = [
        {
            "curve-epoch": np.array([1.0, 2.0]),
            **{f"curve-{key}": np.array([9.0, 5.0]) for key in ("train", "validation")},
            "curve-train_forces": np.array([100.0, 80.0]) + shift,
            "curve-validation_forces": np.array([120.0, 90.0]) + shift,
        }
        for shift in (0.0, 4.0)
    ]
    curve = courses.curve([Outcome({}, each) for each in arrays])
    assert curve is not None
    assert curve["forces"]["validation"] == {"median": [122.0, 92.0], "low": [120.0, 90.0], "high": [124.0, 94.0]}
    without = courses.curve([Outcome({}, {key: each[key] for key in list(each)[:3]}) for each in arrays])
    assert without is not None
    assert "forces" not in without
    made = factory.small()
    looks = styles([variant["name"] for variant in made["variants"]])
    assert not learned.force_curves(made, looks)
    name = next(variant["name"] for variant in made["variants"] if variant["curve"])
    made["variants"] = [
        {**variant, "curve": curve} if variant["name"] == name else variant for variant in made["variants"]
    ]
    (figure,) = learned.force_curves(made, looks)
    assert isinstance(figure, Figure)
    assert figure.data is not None
    assert figure.data.columns[-1].unit == "meV/Å"
    assert figure.data.rows[-1][-3].value == 92.0
