"""Sweeps: ordinary contestants with predictable names, and mistakes refused where they stand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bpbench.errors import ProtocolError
from bpbench.jobs import Adam, Hdnn, Kalman, Linear, Train
from bpbench.protocol import Protocol, loads, schema
from bpbench.runner.store import Store
from bpbench.study import prepare

HEAD = """\
question: q
data: {kind: aluminium, groups: [300 K solid, 1000 K liquid]}
sets: {22: thesis-22, 12: thesis-12}
models:
  n: {kind: hdnn, hidden: [10, 10], optimizer: {kind: adam, learning_rate: 1e-3}}
  k: {kind: hdnn, optimizer: {kind: kalman, prior: [100, 1, 1]}}
  r: {kind: linear}
repeats: 5
"""


def swept(sweep: str, *, baseline: str, more: str = "") -> Protocol:
    return loads(f"{HEAD}{more}sweeps:\n  s: {sweep}\nanalysis: {{baseline: '{baseline}'}}\n", file="p.yaml")


def names(protocol: Protocol) -> list[str]:
    return [variant.name for variant in protocol.variants]


def model(protocol: Protocol, name: str) -> Any:
    (variant,) = (variant for variant in protocol.variants if variant.name == name)
    return protocol.models[str(variant.model)]


def test_axes_are_combined_into_ordinary_contestants() -> None:
    """Each combination has a readable name, a model of its own, and may be the baseline."""
    protocol = swept(
        "{model: n, set: 22, axes: {hidden: [[5], [10, 10]], learning_rate: [1e-3, 3e-3]}}",
        baseline="hidden 5, learning_rate 0.001",
    )
    assert names(protocol) == [
        "hidden 5, learning_rate 0.001",
        "hidden 5, learning_rate 0.003",
        "hidden 10-10, learning_rate 0.001",
        "hidden 10-10, learning_rate 0.003",
    ]
    assert model(protocol, "hidden 5, learning_rate 0.003") == Hdnn(
        "hdnn", hidden=(5,), optimizer=Adam(learning_rate=3e-3)
    )
    assert len(protocol.family) == 3
    assert {variant.set for variant in protocol.variants} == {"22"}


def test_points_are_a_list_and_change_only_what_they_say() -> None:
    """What an entry of a list leaves out stays as the model has it; an optimizer may be exchanged whole."""
    protocol = swept(
        "{model: n, set: 22, points: [{epochs: 5, optimizer: {kind: kalman, block: 8}}, {skip: true, patience: null}]}",
        baseline="skip yes, patience none",
    )
    first, second = names(protocol)
    assert first == "epochs 5, optimizer kalman (block 8)"
    assert model(protocol, first) == Hdnn("hdnn", epochs=5, optimizer=Kalman("kalman", block=8))
    assert model(protocol, second) == Hdnn("hdnn", skip=True, optimizer=Adam(learning_rate=1e-3))


def test_sets_models_and_numbers_of_observations_are_axes() -> None:
    """They change the contestant and not the model; ``null`` means all observations, and names may be numbers."""
    protocol = swept(
        "{axes: {model: [n, r], set: [22, 12], observations: [20, null]}}", baseline="model r, set 12, observations all"
    )
    assert len(names(protocol)) == 8
    assert set(protocol.models) == {"n", "k", "r"}
    by_name = {variant.name: variant for variant in protocol.variants}
    assert by_name["model r, set 12, observations 20"].observations == 20
    assert by_name["model r, set 12, observations all"].observations is None
    assert model(protocol, "model r, set 22, observations 20") == Linear("linear")


def test_contestants_of_sweeps_stand_beside_those_written_out() -> None:
    """One written out and one of a sweep are two."""
    protocol = swept(
        "{model: n, set: 22, axes: {activation: [relu]}}", baseline="ridge",
        more="variants: [{name: ridge, set: 22, model: r}]\n",
    )  # fmt: skip
    assert names(protocol) == ["ridge", "activation relu"]


def test_lists_in_names_have_one_form_each() -> None:
    """Layers of nodes are joined by dashes; other lists by strokes, of whole numbers or not."""
    values = "{hidden: [[10, 10], [5]], prior: [[1, 0, 2], [1, 0.1, 2]]}"
    with pytest.raises(ProtocolError, match="'prior' needs 2 numbers"):
        swept(f"{{model: k, set: 22, axes: {values}}}", baseline="x")
    assert names(
        swept(f"{{model: k, set: 22, axes: {values.replace(', [5]', '')}}}", baseline="hidden 10-10, prior 1/0/2")
    ) == ["hidden 10-10, prior 1/0/2", "hidden 10-10, prior 1/0.1/2"]
    inner = "{model: n, set: 22, points: [{optimizer: {kind: kalman, trust: [1, 10]}}, {epochs: 3}]}"
    assert names(swept(inner, baseline="epochs 3"))[0] == "optimizer kalman (trust 1/10)"


TWICE = """{model: n, set: 22, axes: {hidden: [[10, 10], [5]]}}
  t: {model: n, set: 22, axes: {learning_rate: [1e-3, 1e-2]}}"""


def twice(analysis: str) -> Protocol:
    return loads(f"{HEAD}sweeps:\n  s: {TWICE}\nanalysis: {{{analysis}}}\n", file="p.yaml")


@pytest.mark.parametrize("baseline", ["hidden 10-10", "learning_rate 0.001"])
def test_twins_are_known_by_value_and_compared_once(baseline: str) -> None:
    """The default point of two sweeps is one contestant, whichever of its names is the baseline's."""
    protocol = twice(f"baseline: '{baseline}'")
    assert protocol.twins == {"learning_rate 0.001": "hidden 10-10"}
    assert protocol.family == (("hidden 5", baseline), ("learning_rate 0.01", baseline))
    assert twice("baseline: hidden 5").family == (("hidden 10-10", "hidden 5"), ("learning_rate 0.01", "hidden 5"))


@pytest.mark.parametrize(
    ("analysis", "sentence"),
    [
        (
            "baseline: hidden 10-10, candidates: [hidden 5, learning_rate 0.001]",
            "analysis.candidates.1: 'learning_rate 0.001' is the same contestant as the baseline 'hidden 10-10'; leave",
        ),
        (
            "baseline: learning_rate 0.001, candidates: [hidden 10-10]",
            "analysis.candidates.0: 'hidden 10-10' is the same contestant as the baseline 'learning_rate 0.001'",
        ),
        (
            "baseline: hidden 5, candidates: [hidden 10-10, learning_rate 0.001]",
            "p.yaml, line 12, analysis.candidates.1: 'learning_rate 0.001' is the same contestant as 'hidden 10-10'",
        ),
    ],
)
def test_twins_are_no_candidates(analysis: str, sentence: str) -> None:
    """A candidate that is another contestant under a second name is refused where it stands."""
    with pytest.raises(ProtocolError) as caught:
        twice(analysis)
    assert sentence in str(caught.value)


def test_a_study_of_one_contestant_is_refused() -> None:
    """Two names of the same model, be it written twice, leave nothing to compare."""
    more = "variants: [{name: ridge, set: 12, model: r}]\n"
    with pytest.raises(ProtocolError, match="needs at least 2 different contestants; all of these are the same as"):
        swept("{set: 12, axes: {model: [r]}}", baseline="ridge", more=more)


def test_fewer_observations_are_part_of_the_job(tmp_path: Path) -> None:
    """A number or a share becomes the job's number; all of them, however they are said, are one training."""
    protocol = swept(
        "{model: r, set: 12, points: [{observations: 20}, {train_share: 0.5}, {observations: null}, "
        "{observations: 50}]}",
        baseline="observations all",
    )
    prepared = prepare(protocol, Store(tmp_path))
    assert len(prepared.parts["block"][0].train) == 50
    found = {name: prepared.trainings[name, 0] for name in names(protocol)}
    counts = [job.observations for job in found.values() if isinstance(job, Train)]
    assert counts == [20, 25, None, None]
    assert found["observations all"] == found["observations 50"]


@pytest.mark.parametrize(
    ("point", "sentence"),
    [
        (
            "{observations: 51}",
            "'observations 51' would learn from 51 configurations, and a split of these data trains",
        ),
        (
            "{train_share: 0.01}",
            "'train_share 0.01' would learn from 0 configurations, and a split of these data trains",
        ),
    ],
)
def test_more_observations_than_there_are_is_refused(point: str, sentence: str, tmp_path: Path) -> None:
    """Before anything runs, with the line of the sweep."""
    protocol = swept(f"{{model: r, set: 12, points: [{{observations: 20}}, {point}]}}", baseline="observations 20")
    key = point[1:].partition(":")[0]
    with pytest.raises(ProtocolError) as caught:
        prepare(protocol, Store(tmp_path))
    assert str(caught.value).startswith(f"p.yaml, line 10, sweeps.s.points.1.{key}: {sentence}")
    assert str(caught.value).endswith("on 50; expected 2 to 50.")


def test_a_written_contestant_that_asks_for_too_much_is_refused_with_its_own_line(tmp_path: Path) -> None:
    """The same for contestants that are written out."""
    text = HEAD + "variants: [{name: a, set: 22, model: r}, {name: b, set: 22, model: r, observations: 900}]\n"
    with pytest.raises(ProtocolError, match=r"p.yaml, line 9, variants.1.observations: 'b' would learn from 900"):
        prepare(loads(text + "analysis: {baseline: a}\n", file="p.yaml"), Store(tmp_path))


def test_the_smaller_training_set_of_a_pair_decides_its_ratio(tmp_path: Path) -> None:
    """Under Nadeau-Bengio a pair of 20 and 50 configurations has n_test/20; the design is stated for that pair."""
    text = (
        HEAD
        + """\
split: {design: resampled}
sweeps:
  s: {model: r, set: 12, axes: {observations: [20, 40, null]}}
analysis: {baseline: observations all, test: nadeau-bengio}
"""
    )
    prepared = prepare(loads(text), Store(tmp_path))
    from bpbench.study import pairs

    tests = [len(part.test) for part in prepared.parts["block"]]
    mean = sum(tests) / len(tests)
    assert [pair.test_to_train for pair in pairs(prepared, {})] == [
        pytest.approx(mean / 20),
        pytest.approx(mean / 40),
    ]
    assert prepared.rules.test_to_train == pytest.approx(mean / 20)


@pytest.mark.parametrize(
    ("sweep", "sentence"),
    [
        ("{model: n, set: 22, axes: {hiden: [[5], [6]]}}",
         "sweeps.s.axes.hiden.0: the model 'n' has no setting 'hiden'; did you mean 'hidden'?"),
        ("{model: n, set: 22, axes: {block: [8, 16]}}", "the model 'n' has no setting 'block'; possible are"),
        ("{set: 22, axes: {model: [n, r], epochs: [8, 16]}}", "sweeps.s.axes.epochs.0: the model 'r' has no setting"),
        ("{model: n, set: 22, axes: {hidden: [[5], [0]]}}",
         "sweeps.s.axes.hidden.1.0: expected to be greater than or equal to 1, found 0."),
        ("{model: n, set: 22, axes: {hidden: [[5], 10]}}", "sweeps.s.axes.hidden.1: expected a list, found 10."),
        ("{model: n, set: 22, axes: {learning_rate: [1e-3, -1]}}",
         "sweeps.s.axes.learning_rate.1: expected to be greater than 0, found -1."),
        ("{model: n, set: 22, axes: {activation: [tanh, rely]}}", "sweeps.s.axes.activation.1: expected to be 'tanh'"),
        ("{model: n, set: 22, axes: {optimizer: [{kind: kalman}, {kind: kalmen}]}}",
         ("sweeps.s.axes.optimizer.1.kind: expected 'kind' to be one of 'adam', 'keras-adam', 'kalman', 'marquardt', "
         "found 'kalmen'.")),
        ("{model: k, set: 22, axes: {prior: [[1, 1, 1], [1, -1, 1]]}}",
         "sweeps.s.axes.prior.1.1: expected to be greater than or equal to 0, found -1."),
        ("{model: k, set: 22, axes: {prior: [1, -1]}}",
         "sweeps.s.axes.prior.1: expected to be greater than or equal to 0, found -1."),
        ("{model: n, set: 22, axes: {hidden: []}}", "sweeps.s.axes.hidden: expected at least 1, found 0."),
        ("{model: n, set: 22, axes: {}}", "sweeps.s.axes: expected at least 1, found 0."),
        ("{model: n, set: 22, points: []}", "sweeps.s.points: expected at least 1, found 0."),
        ("{model: n, set: 22, axes: {epochs: [8, 9, 8]}}",
         "sweeps.s.axes.epochs.2: the value 8 stands twice; keep one of them."),
        ("{model: n, set: 22, points: [{epochs: 8}, {epochs: 9}, {epochs: 8}]}",
         ("sweeps.s.points.2: two contestants are called 'epochs 8'; an axis of one value tells them apart, such as "
         "set: [22].")),
        ("{model: n, axes: {set: [22, 23]}}", "sweeps.s.axes.set.1: there is no set '23'; possible are 12, 22"),
        ("{set: 22, axes: {model: [n, m]}}", "sweeps.s.axes.model.1: there is no model 'm'; possible are k, n, r"),
        ("{model: m, set: 22, axes: {epochs: [8, 9]}}", "sweeps.s.model: there is no model 'm'; possible are k, n, r"),
        ("{model: n, axes: {epochs: [8, 9]}}", "sweeps.s: the key 'set' is missing; name one, or make it an axis."),
        ("{model: n, set: 22, axes: {set: [12, 22]}}", "sweeps.s.set: the set is both given and an axis; keep one"),
        ("{model: n, set: 22}", ("sweeps.s: a sweep has either 'axes', all of whose values are combined, or a list of "
         "'points'; found neither.")),
        ("{model: n, set: 22, axes: {epochs: [8, 9]}, points: [{epochs: 8}]}", "'points'; found both."),
        ("{model: n, set: 22, axis: {epochs: [8, 9]}}", "sweeps.s.axis: unknown key 'axis'; did you mean 'axes'?"),
        ("{model: n, set: 22, axes: {observations: [1, 9]}}",
         "sweeps.s.axes.observations.0: expected to be greater than or equal to 2, found 1."),
        ("{model: n, set: 22, axes: {observations: [8, 9], train_share: [0.5]}}",
         "sweeps.s.axes.observations.0: a contestant learns from a share of the training configurations or from a"),
        ("{model: k, set: 22, axes: {hidden: [[10, 10], [10]]}}",
         ("sweeps.s.axes.hidden.1: 'prior' needs 2 numbers, one for each hidden layer and one for the output, or one "
         "number for all; found 3.")),
        ("{model: n, set: 22, axes: {decay: [0, [0, 1]]}}", "sweeps.s.axes.decay.1: 'decay' needs 3 numbers"),
        ("{model: n, set: 22, axes: {skip: [true], optimizer: [{kind: adam}, {kind: keras-adam}]}}",
         "sweeps.s.axes.skip.0: Keras's own fit trains plain layers only; leave out 'skip', or name the optimizer"),
        ("{model: k, set: 22, axes: {batch: [8, 9]}}",
         ("axes.batch.0: 'batch' is Adam's, and kalman has none: the filter's blocks are set by 'block' of the "
          "optimizer; leave it out.")),
        ("{model: n, set: 22, axes: {epochs: [4]}}",
         ("p.yaml, line 1, variants: a comparison needs at least 2 contestants, written out, by sweeps or by "
          "strategies; found 1.")),
        (f"{{model: n, set: 22, axes: {{epochs: {list(range(1, 41))}, batch: {list(range(1, 41))}}}}}",
         "sweeps.s.axes: these axes make 1600 contestants, expected at most 1000; leave out values, or name the"),
    ],
)  # fmt: skip
def test_mistakes_are_refused_where_they_stand(sweep: str, sentence: str) -> None:
    """One sentence with file, line and path of the value in the sweep."""
    with pytest.raises(ProtocolError) as caught:
        swept(sweep, baseline="none")
    first = str(caught.value).splitlines()[0]
    assert first.startswith("p.yaml, line ")
    assert sentence in first


def test_several_mistakes_are_told_at_once() -> None:
    """Each wrong value has its line, once."""
    with pytest.raises(ProtocolError) as caught:
        swept("{model: n, set: 22, axes: {epochs: [0, 5], learning_rate: [0, 1]}}", baseline="none")
    assert [line.split(":")[0] for line in str(caught.value).splitlines()] == [
        "p.yaml, line 10, sweeps.s.axes.epochs.0",
        "p.yaml, line 10, sweeps.s.axes.learning_rate.0",
    ]


def test_a_name_taken_by_a_written_contestant_or_model_is_refused() -> None:
    """Names that sweeps make must be free."""
    sweep = "{model: n, set: 22, axes: {epochs: [8, 9]}}"
    with pytest.raises(ProtocolError, match=r"sweeps.s: two contestants are called 'epochs 8'; an axis of one value"):
        swept(sweep, baseline="epochs 8", more="variants: [{name: epochs 8, set: 22, model: r}]\n")
    text = HEAD.replace("  r: {", "  'n, epochs 8': {kind: linear}\n  r: {")
    with pytest.raises(ProtocolError, match=r"models.n, epochs 8: a sweep derives a model of this name; give this one"):
        loads(f"{text}sweeps: {{s: {sweep}}}\nanalysis: {{baseline: epochs 8}}\n")


@pytest.mark.parametrize(
    ("model", "sentence"),
    [
        ("{kind: hdnn, optimizer: {kind: kalman, prior: [1, 1]}}",
         ("models.n.optimizer.prior: 'prior' needs 3 numbers, one for each hidden layer and one for the output, or one "
         "number for all; found 2.")),
        ("{kind: hdnn, hidden: [4], optimizer: {kind: marquardt, decay: [1, 1, 1]}}", "'decay' needs 2 numbers"),
        ("{kind: hdnn, skip: true, optimizer: {kind: keras-adam}}",
         "models.n.skip: Keras's own fit trains plain layers only; leave out 'skip', or name the optimizer adam."),
        ("{kind: hdnn, batch: 8, optimizer: {kind: kalman}}",
         ("models.n.batch: 'batch' is Adam's, and kalman has none: the filter's blocks are set by 'block' of the "
          "optimizer; leave it out.")),
        ("{kind: hdnn, batch: 8, optimizer: {kind: marquardt}}", "marquardt has none: it takes all; leave it out."),
        ("{kind: hdnn, optimizer: {kind: kalman, trust: [1e4, 0.01]}}",
         "optimizer.trust: 'trust' rises from its first value to its last, found [10000, 0.01]; exchange them."),
        ("{kind: hdnn, optimizer: {kind: kalman, noise: [1e-7, 0.1]}}",
         "optimizer.noise: 'noise' falls from its first value to its last, found [1e-07, 0.1]; exchange them."),
    ],
)  # fmt: skip
def test_models_whose_settings_do_not_fit_together_are_refused(model: str, sentence: str) -> None:
    """Written-out models are held to the same rules as those of sweeps."""
    text = HEAD.replace("{kind: hdnn, hidden: [10, 10], optimizer: {kind: adam, learning_rate: 1e-3}}", model)
    with pytest.raises(ProtocolError) as caught:
        loads(text + "variants: [{name: a, set: 22, model: n}, {name: b, set: 22, model: r}]\nanalysis: {baseline: a}")
    assert sentence in str(caught.value)


def test_keras_without_tensorflow_starts_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What only an extra brings is asked for before anything runs, with the protocol's line."""
    text = HEAD.replace("{kind: adam, learning_rate: 1e-3}", "{kind: keras-adam}")
    text += "variants: [{name: a, set: 22, model: n}, {name: b, set: 22, model: r}]\nanalysis: {baseline: a}"
    assert prepare(loads(text), Store(tmp_path)).trainings
    monkeypatch.setattr("bpbench.prepared.find_spec", lambda _: None)
    with pytest.raises(
        ProtocolError, match=r"line \d+, models.n.optimizer: keras-adam is Keras's own and needs Tensor"
    ):
        prepare(loads(text), Store(tmp_path))


def test_where_nothing_is_trained_there_is_nothing_to_sweep() -> None:
    """A measurement has neither sweeps nor fewer observations."""
    head = "question: q\ndata: {kind: aluminium}\nsets: {22: thesis-22, 12: thesis-12}\nrepeats: 9\n"
    head += "measure: {kind: descriptor-time}\nanalysis: {baseline: a, metric: descriptor_time}\n"
    with pytest.raises(ProtocolError, match="line 7, sweeps: with 'measure' nothing is trained; leave out 'sweeps'"):
        loads(head + "sweeps: {s: {model: n, axes: {set: [22, 12]}}}\n")
    with pytest.raises(ProtocolError, match=r"variants.1.observations: with 'measure' nothing is trained; a variant"):
        loads(head + "variants: [{name: a, set: 22}, {name: b, set: 12, observations: 9}]\n")


def test_a_share_and_a_number_at_once_are_refused() -> None:
    """A written-out contestant has one of them."""
    text = "variants: [{name: a, set: 22, model: r}, {name: b, set: 22, model: r, train_share: 0.5, observations: 9}]\n"
    with pytest.raises(ProtocolError, match=r"line 9, variants.1.observations: a contestant learns from a share of"):
        loads(HEAD + text + "analysis: {baseline: a}\n")


def test_the_schema_knows_every_axis_and_its_values() -> None:
    """An editor is told the axes of all models and optimizers, and what their values may be."""
    sweep = schema()["$defs"]["Sweep"]["properties"]
    axes = sweep["axes"]["properties"]
    assert {"hidden", "activation", "block", "damping", "trees", "set", "model", "observations"} <= set(axes)
    assert "kind" not in axes
    assert "name" not in axes
    assert axes["activation"]["items"]["enum"][0] == "tanh"
    assert axes["epochs"] == {
        "type": "array", "minItems": 1, "uniqueItems": True, "items": {"minimum": 1, "type": "integer"},
    }  # fmt: skip
    assert sweep["points"]["items"]["properties"]["epochs"] == {"minimum": 1, "type": "integer"}
    assert sweep["axes"]["additionalProperties"] is False
