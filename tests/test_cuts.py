"""Sets that are cut from other sets: what is left, what is refused, and that studies and reports know them."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from findings_factory import small

from bpbench import cli, findings
from bpbench.declared import Cut
from bpbench.errors import DataError, FeatureError, ProtocolError
from bpbench.features import G2, G5, preset
from bpbench.inputs import lay_out
from bpbench.protocol import Protocol, loads
from bpbench.protocol.reading import schema
from bpbench.report import tables
from bpbench.report.labels import cut_label
from bpbench.runner.store import Store
from bpbench.study import prepare

HEAD = """\
question: q
data: {kind: aluminium, groups: [300 K solid, 1700 K liquid]}
sets:
  all: thesis-329
"""
TAIL = """\
models:
  n: {kind: linear}
variants:
  - {name: A, set: all, model: n}
  - {name: B, set: c, model: n}
repeats: 3
analysis: {baseline: A}
"""


def protocol(*sets: str) -> Protocol:
    """Return a protocol with these sets beside ``all``; one of them is called ``c``."""
    return loads(HEAD + "".join(f"  {line}\n" for line in sets) + TAIL)


# ------------------------------------------------------------------------------------------------------- what is left


@pytest.mark.parametrize(
    ("cut", "radial", "angular"),
    [
        ("r_s: 0", 201, 60),
        ("r_s: [0.05, 6.8]", 68, 60),
        ("r_s: 0, kinds: [G2]", 201, 0),
        ("r_s: [0.05, 6.8], kinds: [G2]", 68, 0),
        ("kinds: [G5]", 0, 60),
        ("kinds: [G2, G5], r_s: [1.0, 2.0]", 10, 60),  # 0.05 Å + 6.75/67 k, for k = 10 … 19
        ("names: ['G5*lambda=-1*']", 0, 30),
        ("names: ['G2*rs=0,*'], without: ['G2(eta=1,rs=0,rc=6.8)', 'G2(eta=2,*']", 199, 0),
        ("without: ['G2*']", 0, 60),
        ("names: ['G2(eta=0.5,rs=0,rc=6.8)', '*lambda=+1,rc=6.8)']", 1, 30),
    ],
)
def test_what_is_left_of_the_pool_of_the_study(cut: str, radial: int, angular: int) -> None:
    """Of 201 + 68 radial and 60 angular functions, so many are left, in the order of the pool."""
    chosen = protocol(f"c: {{cut: all, {cut}}}").feature_set("c")
    kinds = [type(function) for function in chosen]
    assert (kinds.count(G2), kinds.count(G5)) == (radial, angular)
    places = [preset("thesis-329").names.index(name) for name in chosen.names]
    assert places == sorted(places)


@pytest.mark.parametrize("group", "ABCD")
def test_the_groups_of_57_fall_apart_into_their_published_parts(group: str) -> None:
    """Each group of 57 has 25 functions at R_s = 0, 17 at others, and 15 angular ones."""
    made = protocol(
        f"g: thesis-57-{group}",
        "c: {cut: g, r_s: 0, kinds: [G2]}",
        "d: {cut: g, kinds: [G2], r_s: [0.05, 6.8]}",
        "e: {cut: g, r_s: 0}",
        "f: {cut: g, without: ['G2*']}",
    )
    assert [len(made.feature_set(name)) for name in "cdef"] == [25, 17, 40, 15]
    assert {*made.feature_set("c"), *made.feature_set("d"), *made.feature_set("f")} == {*made.feature_set("g")}


def test_a_border_written_in_decimals_holds_a_function_on_it() -> None:
    """Every centre of the grid is found by its value with ten decimals, alone and as either end of a range."""
    for function in preset("thesis-329").functions[201:269]:
        assert isinstance(function, G2)
        shift = f"{function.r_s:.10f}"
        for cut in (shift, f"[{shift}, {shift}]"):
            chosen = protocol(f"c: {{cut: all, kinds: [G2], r_s: {cut}}}").feature_set("c")
            assert chosen.functions == (function,)


def test_a_cut_may_be_cut_and_may_stand_before_its_set() -> None:
    """A cut of a cut keeps what both keep, wherever the sets stand in the file."""
    made = protocol("c: {cut: b, r_s: [2, 3]}", "b: {cut: all, kinds: [G2]}")
    expected = [name for f, name in zip(preset("thesis-329"), preset("thesis-329").names, strict=True)
                if isinstance(f, G2) and 2 <= f.r_s <= 3]  # fmt: skip
    assert list(made.feature_set("c").names) == expected


def test_a_name_with_brackets_means_itself() -> None:
    """What is called exactly like a pattern is meant by it, although brackets are a pattern's as well."""
    text = HEAD.replace("all: thesis-329", "all: {functions: [{kind: G2, eta: 1, r_s: 0, r_c: 6}]}")
    made = loads(text + "  c: {cut: all, names: ['G2(eta=[1],rs=0,rc=6)']}\n" + TAIL)
    assert made.feature_set("c").names == ("G2(eta=1,rs=0,rc=6)",)


@pytest.mark.parametrize(
    ("start", "cut", "reconstructed"),
    [
        ("thesis-329", "kinds: [G2]", False),
        ("thesis-329", "kinds: [G5]", True),
        ("thesis-329", "r_s: 0", True),
        ("thesis-57-A", "without: ['G5*']", False),
        ("{steps: [8, 4, 4], starts: [1, 202, 1]}", "kinds: [G2]", False),
        ("{preset: thesis-329, elements: [Al, Cu]}", "kinds: [G2]", False),
        ("thesis-22", "kinds: [G2]", True),  # which 12 radial functions it has was never published
        ("thesis-12", "names: ['*eta=2,*']", True),
        ("{preset: thesis-22, elements: [Al, Cu]}", "kinds: [G2]", True),
    ],
)
def test_a_cut_is_a_reconstruction_while_values_of_ours_are_in_it(start: str, cut: str, reconstructed: bool) -> None:
    """Published radial functions alone are no reconstruction; those of the sets of 12 and 22 are never published."""
    assert protocol(f"s: {start}", f"c: {{cut: s, {cut}}}").feature_set("c").reconstructed is reconstructed
    assert protocol(f"s: {start}", f"m: {{cut: s, {cut}}}", "c: {cut: m, names: ['*']}").feature_set(
        "c"
    ).reconstructed is (reconstructed)


# --------------------------------------------------------------------------------------------------- what is refused

REFUSED = {
    "c: {cut: al, r_s: 0}": r"line 5, sets\.c\.cut: there is no set 'al'; did you mean 'all'\?",
    "c: {cut: c, r_s: 0}": r"line 5, sets\.c\.cut: sets are cut from each other in a circle, 'c' from 'c'; cut one",
    "c: {cut: all}": r"line 5, sets\.c: a cut says what is left of 'all' by 'kinds', 'r_s', 'names' or 'without', f",
    "c: {kinds: [G2]}": r"line 5, sets\.c\.cut: the key 'cut' is missing\.",
    "c: {cut: all, kind: [G2]}": r"line 5, sets\.c\.kind: unknown key 'kind'; did you mean 'kinds'\?",
    "c: {cut: all, kinds: [G6]}": r"sets\.c\.kinds\.0: expected to be 'G2', 'G4' or 'G5', found \"G6\"\.",
    "c: {cut: all, kinds: []}": r"sets\.c\.kinds: expected at least 1, found 0\.",
    "c: {cut: all, r_s: zero}": r"line 5, sets\.c\.r_s: expected a number, found \"zero\"\.",
    "c: {cut: all, r_s: -1}": r"line 5, sets\.c\.r_s: expected to be greater than or equal to 0, found -1\.",
    "c: {cut: all, r_s: [1]}": r"line 5, sets\.c\.r_s: expected 2 entries, found 1\.",
    "c: {cut: all, r_s: [2, 1]}": r"c: r_s goes from the smaller to the larger \(Å\), found \[2, 1\]; write \[1, 2\]",
    "c: {cut: all, names: ['G2(eta=1,rs=0,rc=6.9)']}": (
        r"line 5, sets\.c: names: nothing in 'all' is called 'G2\(eta=1,rs=0,rc=6\.9\)', and no name there fits it as "
        r"a pattern; the nearest name is 'G2\(eta=1,rs=0,rc=6\.8\)'\."
    ),
    "c: {cut: all, without: [G4*]}": r"line 5, sets\.c: without: nothing in 'all' is called 'G4\*', and no name",
    "c: {cut: all, r_s: 6.9, kinds: [G2]}": (
        r"line 5, sets\.c: an empty set: expected at least 1 input of 'all' of the kind G2, with R_s = 6\.9 Å, found "
        r"none among its functions \(269 G2 with R_s from 0 to 6\.8 Å, 60 G5\); keep more of it, or cut another set\."
    ),
    "c: {cut: all, r_s: [90, 95]}": (
        r"line 5, sets\.c: r_s: no radial function of 'all' has its centre in \[90, 95\]; theirs run from 0 to 6\.8 "
        r"Å\. To keep angular functions alone, write kinds: \[G4, G5\] without 'r_s'\."
    ),
    "c: {cut: all, kinds: [G2], r_s: [6.81, 9]}": r"of the kind G2, with R_s from 6\.81 to 9 Å, found none among its",
    "c: {cut: all, names: ['G2*'], without: ['*']}": r"of 'all' called G2\*, not called \*, found none among its",
}


@pytest.mark.parametrize("line", REFUSED)
def test_a_wrong_cut_is_one_sentence(line: str) -> None:
    """File, line, path, and what to write instead."""
    with pytest.raises(ProtocolError, match=REFUSED[line]) as caught:
        protocol(line)
    assert "\n" not in str(caught.value)


def test_cuts_in_a_circle_are_refused() -> None:
    """The circle is named from where it is met."""
    with pytest.raises(ProtocolError, match=r"line 5, sets\.b\.cut: .*a circle, 'b' from 'c' from 'd' from 'b'; cut"):
        protocol("b: {cut: c, r_s: 0}", "c: {cut: d, r_s: 0}", "d: {cut: b, r_s: 0}")


def test_what_is_wrong_with_a_set_is_said_of_it_and_not_of_its_cut() -> None:
    """A cut that stands before a set that does not exist as a preset, or has nothing left, does not get the blame."""
    with pytest.raises(ProtocolError, match=r"line 6, sets\.s: There is no feature set called 'thesis-23'"):
        protocol("c: {cut: s, r_s: 0}", "s: thesis-23")
    with pytest.raises(ProtocolError, match=r"line 6, sets\.s: an empty set"):
        protocol("c: {cut: s, r_s: 0}", "s: {cut: all, kinds: [G2], r_s: 9}")
    with pytest.raises(ProtocolError, match=r"line 6, sets\.s\.cut: there is no set 'al'; did you mean 'all'\?"):
        protocol("c: {cut: s, r_s: 0}", "s: {cut: al, r_s: 0}")


def test_a_cut_outside_the_pool_is_refused() -> None:
    """A cut obeys ``pool`` like every other set."""
    with pytest.raises(ProtocolError, match=r"every function of a set must be in the pool 'thesis-12'; G2"):
        loads(HEAD + "  c: {cut: all, kinds: [G2]}\n" + TAIL + "pool: thesis-12\n")


# -------------------------------------------------------------------------------------------------- cuts of columns


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Return a table of 12 configurations of two rows with the columns a, b, c and d[1]."""
    drawn = np.random.default_rng(1).normal(size=(24, 4))
    frame = pd.DataFrame(drawn, columns=["a", "b", "c", "d[1]"])
    frame.insert(0, "conf", np.repeat(np.arange(12), 2))
    frame["E"] = np.repeat(np.arange(12.0), 2)
    frame.to_csv(tmp_path / "t.csv", index=False)
    return tmp_path / "t.csv"


def on_table(table: Path, *sets: str) -> Protocol:
    head = (
        f"question: q\ndata: {{kind: table, path: {table}, configuration: conf, energy: E, block_length: 1}}\nsets:\n"
    )
    return loads(head + "".join(f"  {line}\n" for line in sets) + TAIL)


def test_a_set_of_columns_is_cut_by_names(table: Path, tmp_path: Path) -> None:
    """Columns are kept and left out by name or pattern; the data's table serves them all."""
    made = on_table(table, "c: {cut: b, names: ['[ab]', 'd[1]']}", "b: {cut: all, without: [a]}", "all: {columns: all}")
    inputs = lay_out(made, Store(tmp_path))
    assert {name: chosen.names for name, chosen in inputs.sets.items()} == {
        "c": ("b", "d[1]"),
        "b": ("b", "c", "d[1]"),
        "all": ("a", "b", "c", "d[1]"),
    }
    assert inputs.pool_of("c") == (inputs.make,)
    with pytest.raises(FeatureError, match="names columns of a table, not symmetry functions"):
        made.feature_set("c")


def test_a_cut_of_a_table_beside_the_data_reads_that_table(table: Path, tmp_path: Path) -> None:
    """A cut of a set with a table of its own takes its values from there, by the one job that reads it."""
    made = on_table(
        table, f"o: {{table: {table}, columns: [a, c]}}", "c: {cut: o, without: [a]}", "all: {columns: all}"
    )
    inputs = lay_out(made, Store(tmp_path))
    assert inputs.sets["c"].names == ("c",)
    assert inputs.pool_of("c") == inputs.pool_of("o") != (inputs.make,)
    assert len(inputs.jobs) == 2


@pytest.mark.parametrize(
    ("cut", "said"),
    [
        ("kinds: [G2]", r"line 5, sets\.c\.kinds: what functions lie behind the columns of 'all' is not known here; a"),
        ("r_s: 0", r"line 5, sets\.c\.r_s: what functions lie behind .* is cut by 'names' and 'without' alone\."),
    ],
)
def test_columns_have_no_kind(table: Path, cut: str, said: str) -> None:
    """Kinds and centres are those of functions; of columns they are refused when the protocol is read."""
    with pytest.raises(ProtocolError, match=said):
        on_table(table, "all: {columns: all}", f"c: {{cut: all, {cut}}}")


def test_columns_that_match_nothing_are_refused(table: Path, tmp_path: Path) -> None:
    """The nearest column is offered, and a set without any column refused."""
    made = on_table(table, "all: {columns: all}", "c: {cut: all, names: ['d1']}")
    with pytest.raises(
        DataError, match=r"line 5, sets\.c: names: nothing in 'all' is called 'd1', .* name is 'd\[1\]'"
    ):
        lay_out(made, Store(tmp_path))
    made = on_table(table, "all: {columns: all}", "c: {cut: all, without: ['*']}")
    with pytest.raises(DataError, match=r"an empty set: .* not called \*, found none among its columns \(4\); keep"):
        lay_out(made, Store(tmp_path))


# -------------------------------------------------------------------------------------------- where cuts are used


def test_the_pool_of_a_study_holds_what_its_cuts_keep(tmp_path: Path) -> None:
    """Cuts choose from one pool, and the set they are cut from is part of it once."""
    inputs = lay_out(protocol("c: {cut: all, r_s: 0}"), Store(tmp_path))
    assert inputs.pool == preset("thesis-329")
    assert len(inputs.sets["c"]) == 261
    assert list(inputs.sets) == ["all", "c"]


def test_an_axis_of_a_sweep_may_name_cuts() -> None:
    """``set: [c, d]`` makes one contestant of each."""
    sets = "  c: {cut: all, r_s: 0}\n  d: {cut: all, r_s: [0.05, 6.8]}\n"
    made = loads(HEAD + sets + TAIL + "sweeps: {s: {model: n, axes: {set: [c, d]}}}\n")
    assert [len(made.feature_set(point.variant.set)) for point in made.points["s"]] == [261, 128]


def test_the_descriptors_of_a_cut_are_described(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """``bpbench describe --features PROTOCOL --set NAME`` knows cuts, and writes just what they keep."""
    monkeypatch.chdir(tmp_path)
    sets = "  c: {cut: all, r_s: [5, 5.2], without: ['G5*']}\n"
    (tmp_path / "p.yaml").write_text(HEAD + sets + TAIL)
    assert cli.main(["describe", "aluminium", "--features", "p.yaml", "--set", "c", "--out", "x.npz"]) == 0
    capsys.readouterr()
    with np.load("x.npz") as held:
        assert [re.match(r"G2\(eta=1.85,rs=5", name) is not None for name in held["names"]] == [True, True]


def test_the_schema_knows_cuts() -> None:
    """The JSON schema offers a cut among the sets, with its keys and no others, of which ``cut`` must be there."""
    made = schema()
    cut = made["$defs"]["Cut"]
    assert set(cut["properties"]) == {"cut", "kinds", "r_s", "names", "without"}
    assert (cut["required"], cut["additionalProperties"]) == (["cut"], False)
    assert {"$ref": "#/$defs/Cut"} in made["properties"]["sets"]["additionalProperties"]["oneOf"]


def test_findings_and_report_say_what_a_cut_is_cut_from(tmp_path: Path) -> None:
    """The table of sets has a column of what was cut and how; without any cut it has none."""
    prepared = prepare(
        protocol("c: {cut: all, kinds: [G2, G5], r_s: [0.05, 2.0]}", "z: {cut: all, r_s: 0}"), Store(tmp_path)
    )
    entries = {name: findings._set(prepared, name) for name in ("all", "c", "z")}
    assert entries["all"]["cut"] is None
    assert entries["c"]["cut"] == {
        "of": "all", "kinds": ("G2", "G5"), "r_s": (0.05, 2.0), "names": None, "without": None,
    }  # fmt: skip
    assert cut_label(entries["all"]) is None
    assert cut_label(entries["c"]) == "all: G2 and G5, R_s from 0.05 to 2 Å"
    assert cut_label(entries["z"]) == "all: R_s = 0 Å"
    data = small()
    assert "cut from" not in [column.label for column in tables.sets(data).columns]
    data["sets"] = list(entries.values())
    made = tables.sets(data)
    at = [column.label for column in made.columns].index("cut from")
    assert [row[at].text for row in made.rows] == ["–", "all: G2 and G5, R_s from 0.05 to 2 Å", "all: R_s = 0 Å"]


def test_a_cut_by_names_is_labelled_by_them() -> None:
    """Names are quoted as the report quotes names; more than three are counted."""
    cut = {"of": "57", "kinds": None, "r_s": None, "names": ["G5*"], "without": ["a", "b"]}
    assert cut_label({"cut": cut}) == "“57”: only “G5*”, without a and b"
    many = {"of": "A", "kinds": None, "r_s": None, "names": list("abcd"), "without": list("efghi")}
    assert cut_label({"cut": many}) == "A: chosen by 4 names, without 5 names"


def test_a_cut_needs_no_protocol() -> None:
    """The value itself refuses what no set can be cut by, as YAML does."""
    with pytest.raises(FeatureError, match="a cut says what is left of 'A'"):
        Cut("A")
