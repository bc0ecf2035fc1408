"""Protocol files: what they may say, and the sentence for what they may not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bpbench import shipped
from bpbench.errors import ProtocolError
from bpbench.formats.yaml import parse
from bpbench.jobs import Adam, Hdnn
from bpbench.protocol import load, loads, schema

GOOD = """\
question: q
data: {kind: aluminium}
sets:
  A: thesis-57-A
  22: thesis-22
  e: {steps: [8, 4, 4], starts: [1, 202, 1]}
  f: {functions: [{kind: G2, eta: 1, r_s: 0, r_c: 6}]}
models:
  n: {kind: hdnn, hidden: [10], optimizer: {kind: adam, learning_rate: 1e-3}}
variants:
  - {name: A, set: A, model: n}
  - {name: 22, set: 22, model: n}
repeats: 10
analysis: {baseline: A}
"""


def test_a_good_protocol() -> None:
    """Numbers may serve as names, 1e-3 is a number, and the family defaults to all others against the baseline."""
    protocol = loads(GOOD)
    assert protocol.models["n"] == Hdnn("hdnn", hidden=(10,), optimizer=Adam(learning_rate=0.001))
    assert protocol.family == (("22", "A"),)
    assert protocol.feature_set("e") == protocol.feature_set("A")
    assert protocol.feature_set("f").names == ("G2(eta=1,rs=0,rc=6)",)


def test_a_family_may_be_all_pairs() -> None:
    """With ``pairs: all`` each of the baseline and the candidates meets each other, the later minus the earlier."""
    more = GOOD.replace(
        "  - {name: 22", "  - {name: e, set: e, model: n}\n  - {name: f, set: f, model: n}\n  - {name: 22"
    )
    every = loads(more.replace("baseline: A", "baseline: e, pairs: all"))
    assert every.family == (("e", "A"), ("f", "A"), ("22", "A"), ("f", "e"), ("22", "e"), ("22", "f"))
    some = loads(more.replace("baseline: A", "baseline: 22, pairs: all, candidates: [f, A]"))
    assert some.family == (("f", "A"), ("22", "A"), ("22", "f"))
    assert loads(more.replace("baseline: A", "baseline: e")).family == (("A", "e"), ("f", "e"), ("22", "e"))


@pytest.mark.parametrize("path", sorted(shipped("protocols").glob("*.yaml")), ids=lambda path: path.stem)
def test_shipped_protocols_are_valid(path: Path) -> None:
    """Every protocol that we ship loads, under its own name."""
    assert load(path).name == path.stem


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("hidden", "hiden", "line 9, models.n.hiden: unknown key 'hiden'; did you mean 'hidden'?"),
        ("question: q\n", "", "line 1, question: the key 'question' is missing."),
        (", model: n}\nrepeats", "}\nrepeats", "line 12, variants.1.model: the key 'model' is missing."),
        ("repeats: 10", "repeats: 0", "line 13, repeats: expected to be greater than or equal to 1, found 0."),
        ("repeats: 10", 'repeats: "10"', 'line 13, repeats: expected a whole number, found "10".'),
        ("hdnn", "hdn", "'kind' to be one of 'hdnn', 'linear', 'random-forest', 'lightgbm', 'n2p2', 'command', found"),
        ("kind: hdnn, ", "", "models.n: expected 'kind' to be one of"),
        ("kind: adam", "kind: adm", "'kind' to be one of 'adam', 'keras-adam', 'kalman', 'marquardt', found 'adm'."),
        ("adam, learning_rate: 1e-3", "kalman, blok: 8", "optimizer.blok: unknown key 'blok'; did you mean 'block'?"),
        (
            "adam, learning_rate: 1e-3",
            "kalman, prior: -1",
            "optimizer.prior: expected to be greater than or equal to 0, found -1.",
        ),
        ("adam, learning_rate: 1e-3", "kalman, prior: [1, x]", 'optimizer.prior.1: expected a number, found "x".'),
        ("adam, learning_rate: 1e-3", "kalman, prior: []", "optimizer.prior: expected at least 1, found 0."),
        ("learning_rate: 1e-3", "learning_rate: 0", "learning_rate: expected to be greater than 0, found 0."),
        ("set: 22", "set: 23", "line 12, variants.1.set: there is no set '23'; possible are 22, A, e, f"),
        ("model: n}\n  -", "model: m}\n  -", "line 11, variants.0.model: there is no model 'm'; possible are n"),
        ("eta: 1", "eta: -1", "sets.f.functions.0: G2: the width eta must be 0 or more (1/Å²), found -1.0."),
        (
            "baseline: A",
            "baseline: A, metric: rsme",
            "analysis.metric: There is no metric 'rsme'; did you mean 'rmse'?",
        ),
        ("baseline: A", "baseline: A, pairs: every", "analysis.pairs: expected to be 'baseline' or 'all', found"),
        ("baseline: A", "baseline: A, test: signflip", "analysis.test: expected to be 'paired-t', 'nadeau-bengio', "),
        ("baseline: A", "baseline: B", "line 14, analysis.baseline: there is no variant 'B'; possible are 22, A"),
        ("baseline: A", "baseline: A, candidates: [B]", "analysis.candidates.0: a candidate is a variant other than"),
        ("name: 22", "name: A", "line 12, variants.1.name: two variants are called 'A'; give each its own name."),
        ("thesis-57-A", "thesis-57-E", "line 4, sets.A: There is no feature set called 'thesis-57-E'; did you mean"),
        ("kind: aluminium", "kind: file", "line 2, data.path: the key 'path' is missing."),
        (
            "{kind: G2, eta: 1, r_s: 0, r_c: 6}",
            "{kind: G5, eta: 1, zeta: 1, lam: 1, r_c: 6, of: [Cu]}",
            "sets.f.functions.0.of: expected 2 elements, found 1.",
        ),
        (
            "{kind: G2, eta: 1, r_s: 0, r_c: 6}",
            "{kind: G5, eta: 1, zeta: 1, lam: 1, r_c: 6, of: [Cu, Cu, S]}",
            "sets.f.functions.0.of: expected 2 elements, found 3.",
        ),
        (
            "A: thesis-57-A",
            "A: {preset: thesis-23}",
            "sets.A.elements: There is no feature set called 'thesis-23'; did",
        ),
        (
            "A: thesis-57-A",
            "A: {preset: thesis-22}",
            "the key 'elements' is missing; a preset that tells no elements apart needs no mapping: A: thesis-22.",
        ),
        ("repeats: 10", "repeats: 10\nrepeats: 9", "line 14: the key 'repeats' stands twice; keep one of them."),
        ("repeats: 10", "repeats: .nan", "line 13: '.nan' (tag:yaml.org,2002:float) is neither text, a finite number"),
        ("repeats: 10", "repeats: !!python/name:os.system ''", "is neither text, a finite number"),
        ("repeats: 10", "repeats: 10\nname: x", "line 14, name: unknown key 'name'; remove it."),
        ("- {name: A, set: A, model: n}", "- A", 'line 11, variants.0: expected a mapping, found "A".'),
        ("repeats: 10", "repeats: 10\npool: thesis-57-A", "every function of a set must be in the pool 'thesis-57-A'"),
        (
            "repeats: 10",
            "repeats: 3\nsplit: {design: crossed}",
            "split.design: a crossed design names its number of splits, and splits is missing; write splits: 6, or",
        ),
        (
            "repeats: 10",
            "repeats: 3\nsplit: {splits: 3}",
            "only a crossed design names its number of splits, found design 'fixed' with splits: 3; leave splits out",
        ),
        ("repeats: 10", "repeats: 3\nsplit: {reserve: 0.5, validation: 0.5}", "must leave frames to train on"),
        ("functions: [{kind: G2, eta: 1, r_s: 0, r_c: 6}]", "functions: []", "expected at least 1, found 0."),
        ("question: q", "question: [q", "this is not YAML"),
        ("kind: aluminium", "kind: aluminium, block_length: 5", "data.block_length: expected to be 'auto', found 5."),
        ("kind: aluminium", "kind: aluminium, sample: dens", "expected to be 'spaced' or 'dense', found \"dens\"."),
        ("kind: aluminium", "kind: file, path: x, block_length: 0", "greater than or equal to 1, found 0."),
        ("kind: aluminium", "kind: file, path: x, block_length: atuo", "expected to be 'auto', found \"atuo\"."),
        ("kind: aluminium", "kind: file, path: x, guard: -1", "data.guard: expected to be greater than or equal to 0"),
        ("kind: aluminium", "kind: table, path: x, guard: 1.5", "data.guard: expected a whole number, found 1.5."),
        ("repeats: 10", "repeats: 3\nsplit: {fresh: []}", "split.fresh: expected at least 1, found 0."),
    ],
)
def test_mistakes_get_a_sentence_with_file_line_and_path(old: str, new: str, sentence: str) -> None:
    """Each mistake is refused in one sentence that names the file, the line, the path and what was expected."""
    with pytest.raises(ProtocolError) as caught:
        loads(GOOD.replace(old, new), file="p.yaml")
    assert str(caught.value).startswith("p.yaml")
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_protocol_without_contestants_is_refused() -> None:
    """Neither written out nor by sweeps: the key is missing."""
    text = GOOD[: GOOD.index("variants")] + GOOD[GOOD.index("repeats") :]
    with pytest.raises(ProtocolError, match="line 1, variants: the key 'variants' is missing"):
        loads(text)


def test_every_mistake_of_a_file_is_told_at_once() -> None:
    """Two mistakes give two sentences, one a line."""
    with pytest.raises(ProtocolError) as caught:
        loads(GOOD.replace("hidden", "hiden").replace("repeats: 10", "repeats: -1"))
    assert len(str(caught.value).splitlines()) == 2


def test_a_yaml_bomb_is_refused() -> None:
    """Aliases that unfold into billions of values are refused at once."""
    text = "a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1]\n" + "".join(
        f"{chr(98 + i)}: &{chr(98 + i)} [{', '.join(['*' + chr(97 + i)] * 9)}]\n" for i in range(9)
    )
    with pytest.raises(ProtocolError, match="unfolds into more than 20000 values"):
        loads(text)


@pytest.mark.parametrize("text", ["&a [*a]", "[" * 5000, "", "- 1\n"])
def test_texts_that_are_no_protocol(text: str) -> None:
    """An alias to itself, endless brackets, an empty file and a bare list are refused with a sentence."""
    with pytest.raises(ProtocolError, match=r"unfolds|not YAML|is empty|is a mapping"):
        loads(text)


def test_yaml_is_version_1_2() -> None:
    """``no`` is a word, ``1e-3`` a number, ``0o17`` octal and lines count from 1."""
    data, lines = parse("a: no\nb: 1e-3\nc: 0o17\nd: [~, true]\n", "x")
    assert data == {"a": "no", "b": 0.001, "c": 15, "d": [None, True]}
    assert lines["d", 1] == 4


def test_a_missing_file_offers_the_nearest(tmp_path: Path) -> None:
    """A misspelt file name is refused with the nearest file of its folder."""
    (tmp_path / "57vars.yaml").write_text(GOOD)
    with pytest.raises(ProtocolError, match=r"no protocol file .*; did you mean '57vars.yaml'\?"):
        load(tmp_path / "57var.yaml")


def test_the_schema_knows_the_vocabulary() -> None:
    """The JSON schema lists every key a file may hold and forbids others."""
    made = schema()
    assert {"question", "data", "sets", "repeats", "analysis"} <= set(made["required"])
    assert made["allOf"] == [
        {"anyOf": [{"required": ["models"]}, {"required": ["measure"]}]},
        {"anyOf": [{"required": ["variants"]}, {"required": ["sweeps"]}]},
    ]
    assert made["additionalProperties"] is False
    assert not re.search(r"origin|Origin", str(sorted(made["properties"])))
