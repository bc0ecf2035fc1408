"""Tables with one row per atom: what comes out, chunk by chunk, and the sentence for everything that cannot be used."""

from __future__ import annotations

import builtins
import gzip
import itertools
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bpbench.data import pieces, tables
from bpbench.data.frames import Configurations
from bpbench.errors import DataError
from bpbench.jobs import ReadTable
from bpbench.runner.execute import execute
from bpbench.runner.store import Store

CSV = """\
conf,g1,g2,E,state
7,0.5,1,-2.5,NA
7,0.25,2,-2.5,NA
3,0.125,3,-1.5,b
"""
ROLES = {"configuration": "conf", "energy": "E", "group": "state"}


def csv(folder: Path, text: str = CSV) -> Path:
    path = folder / "t.csv"
    path.write_text(text, encoding="utf-8")
    return path


def everything(path: Path, chunk_atoms: int = tables.CHUNK_ATOMS, **roles: Any) -> dict[str, np.ndarray]:
    source = tables.open_table(path, **roles)
    names, arrays = tables.stream(source, chunk_atoms=chunk_atoms)
    made = dict(arrays)
    held = tables.contents(source)
    assert held.names == names
    assert held.arrays.keys() == {name for name in made if not name.startswith("values-")}
    return made


def test_a_small_csv(tmp_path: Path) -> None:
    """Rows become configurations in their order; NA is a group, and consecutive blocks are cut."""
    found = everything(csv(tmp_path), **ROLES)
    np.testing.assert_array_equal(found["values-00000"], [[0.5, 0.25, 0.125], [1, 2, 3]])
    assert found["values-00000"].flags.c_contiguous
    held = Configurations.from_arrays(found)
    np.testing.assert_array_equal(held.offsets, [0, 2, 3])
    np.testing.assert_array_equal(held.energy, [-2.5, -1.5])
    assert held.group.tolist() == ["NA", "b"]
    assert held.block.tolist() == ["NA/001", "b/001"]
    assert held.forces is None
    assert held.temperature is None
    assert not held.blocks_declared


def test_numbers_of_a_csv_are_read_to_the_last_bit(tmp_path: Path) -> None:
    """A hundred thousand doubles over thirty decades come back bit for bit."""
    rng = np.random.default_rng(3)
    numbers = rng.standard_normal(100_000) * 10.0 ** rng.integers(-25, 5, 100_000)
    csv(tmp_path, "g,conf,E\n" + "".join(f"{number!r},1,0\n" for number in numbers.tolist()))
    found = everything(tmp_path / "t.csv", chunk_atoms=10**6, configuration="conf", energy="E")
    np.testing.assert_array_equal(found["values-00000"][0], numbers)


@pytest.mark.parametrize("kind", ["csv", "parquet", "columns", "wide", "fortran", "packed"])
@pytest.mark.parametrize(("cells", "chunk"), [(7, 5), (40, 12), (10_000, 12), (10_000, 1), (10_000, 1000), (3, 40)])
def test_chunks_hold_whole_configurations_whatever_stretches_are_read(
    kind: str, cells: int, chunk: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cut configurations are joined again: the same labels and values, and every border is one of a configuration."""
    monkeypatch.setattr(pieces, "CELLS", cells)
    rng = np.random.default_rng(cells + chunk)
    sizes = rng.integers(1, 9, 20)
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    owner, values, energy = np.repeat(np.arange(20), sizes), rng.random((offsets[-1], 3)), rng.random(20)
    group = np.array([f"s{number % 3}" for number in range(20)])
    table = pd.DataFrame({"conf": owner, "a": values[:, 0], "b": values[:, 1], "c": values[:, 2]})
    table["energy"], table["group"] = energy[owner], group[owner]
    path = tmp_path / ("t.csv" if kind == "csv" else "t.parquet" if kind == "parquet" else "t.npz")
    roles: dict[str, Any] = {"configuration": "conf", "energy": "energy", "group": "group"}
    if kind == "csv":
        table.to_csv(path, index=False)
    elif kind == "parquet":
        table.to_parquet(path, row_group_size=11)
    elif kind == "columns":
        np.savez(path, offsets=offsets, **{str(k): np.array(v.tolist()) for k, v in table.items()})
    else:
        save = np.savez_compressed if kind == "packed" else np.savez
        made = np.asfortranarray(values) if kind != "wide" else values
        save(path, values=made, names=np.array(["a", "b", "c"]), offsets=offsets, energy=energy, group=group)
        roles = {"energy": "energy"}
    found = everything(path, chunk, **roles)
    chunks = [found[name] for name in sorted(found) if name.startswith("values-")]
    np.testing.assert_array_equal(np.concatenate(chunks, axis=1), values.T)
    borders = np.cumsum([0, *(part.shape[1] for part in chunks)])
    assert set(borders.tolist()) <= set(offsets.tolist())
    for first, last in itertools.pairwise(borders):
        assert last - first <= chunk or (last in offsets and not ((first < offsets) & (offsets < last)).any())
        longer = offsets[offsets > last]
        assert not len(longer) or longer[0] - first > chunk
    held = Configurations.from_arrays(found)
    np.testing.assert_array_equal(held.offsets, offsets)
    np.testing.assert_array_equal(held.energy, energy)
    assert held.group.tolist() == group.tolist()


@pytest.mark.parametrize("name", ["t.csv", "t.npz"])
def test_values_alone_need_no_configurations(name: str, tmp_path: Path) -> None:
    """A table for frames read elsewhere may hold nothing but its columns; its rows are counted."""
    values = np.arange(10.0).reshape(5, 2)
    if name == "t.csv":
        pd.DataFrame(values, columns=["a", "b"]).to_csv(tmp_path / name, index=False)
    else:
        np.savez(tmp_path / name, a=values[:, 0], b=values[:, 1])
    found = everything(tmp_path / name, 2)
    np.testing.assert_array_equal(np.hstack([found[f"values-0000{k}"] for k in range(3)]), values.T)
    assert found["rows"] == 5
    assert "offsets" not in found


def test_float32_is_stored_as_such(tmp_path: Path) -> None:
    """The precision of the protocol is that of the chunks, labels stay float64."""
    _, arrays = tables.stream(tables.open_table(csv(tmp_path), **ROLES), "float32")
    found = dict(arrays)
    assert found["values-00000"].dtype == np.float32
    assert found["energy"].dtype == np.float64


# ------------------------------------------------------------------------------------------------ what is refused


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("7,0.25,2,-2.5,NA", "7,0.25,,-2.5,NA", "row 2: expected a finite number in the column 'g2', found it empty"),
        ("7,0.25,2,-2.5,NA", "7,nan,2,-2.5,NA", "row 2: expected a finite number in the column 'g1', found it empty"),
        ("7,0.25,2,-2.5,NA", "7,inf,2,-2.5,NA", "row 2: expected a finite number in the column 'g1'"),
        ("7,0.25,2,-2.5,NA", "7,0.25", "row 2: "),
        ("7,0.25,2,-2.5,NA", "7,0.25,2,,NA", "row 2: expected a finite number in 'E', found it empty or infinite."),
        ("7,0.25,2,-2.5,NA", "7,0.25,2,-2.5,", "row 2: the label 'state' is missing."),
        ("7,0.25,2,-2.5,NA", "7,0.25,2,-2.5,NA,9", "t.csv, row 2: expected 5 cells as in the header, found 6."),
        ("7,0.5,1,-2.5,NA", "7,0.5,1,-2.5,NA,9", "t.csv, row 1: expected 5 cells as in the header, found 6."),
        ("7,0.25,2,-2.5,NA", "7,x,2,-2.5,NA", "expected numbers in the column 'g1', found 'x' in row 2; list the desc"),
        (
            "7,0.25,2,-2.5,NA",
            "7,0.25,2,-2.6,NA",
            "row 2: 'E' must be the same on all rows of configuration 7, found -2.5 and now -2.6.",
        ),
        (
            "7,0.25,2,-2.5,NA",
            "7,0.25,2,-2.5,b",
            "row 2: 'state' must be the same on all rows of configuration 7, found NA and now b.",
        ),
        (
            "3,0.125,3,-1.5,b",
            "3,0.125,3,-1.5,b\n7,0,0,-2.5,NA",
            "row 4: configuration 7 goes on here, after rows of another; the rows of one configuration must stand",
        ),
        ("conf,g1", "g2,g1", "expected a name of its own for each column, found 'g2' twice."),
        ("conf,", "conv,", "there is no column 'conf' for 'configuration'; did you mean 'conv'?"),
        (",E,", ",energy,", "there is no column 'E' for 'energy'; possible are conf, energy, g1, g2, state"),
        (CSV[CSV.index("7,") :], "", "the table holds no rows."),
        (CSV, "", "t.csv: the file is empty."),
        (
            CSV,
            CSV.replace(",", ";"),
            "expected columns separated by commas, numbers with a decimal point, and the head",
        ),
        (CSV, CSV.replace(",", "\t"), "in the first line without any comment, found 'conf\\tg1\\tg2\\tE\\tstate'."),
        (CSV, f"# made on Monday\n{CSV}", "in the first line without any comment, found '# made on Monday'."),
        (CSV, f"# {CSV}", "in the first line without any comment, found '# conf'."),
    ],
)
def test_a_table_that_cannot_be_used_is_refused_in_a_sentence(
    old: str, new: str, sentence: str, tmp_path: Path
) -> None:
    """Each fault is named with the file and its place: when the table is looked at, and when it is read whole."""
    path = csv(tmp_path, CSV.replace(old, new))
    source = tables.open_table(path, **ROLES)
    for look in (tables.contents, lambda s: list(tables.stream(s)[1])):
        with pytest.raises(DataError) as caught:
            look(source)
        assert str(caught.value).startswith(str(path))
        assert sentence in str(caught.value)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("roles", "sentence"),
    [
        ({"energy": "E", "group": "state"}, "name the column that tells configurations apart under 'configuration'"),
        (ROLES | {"columns": ("g1", "g11")}, "there is no column 'g11'; did you mean 'g1'?"),
        (ROLES | {"columns": ("g1", "E")}, "the column 'E' is named as 'energy' and cannot be a descriptor too."),
        (
            {"configuration": "conf", "energy": "E"},
            (
                "the column 'state' is a label by its name and would become a descriptor; name it under 'forces', "
                "'group' or what else it is, drop it, or list the descriptors under 'columns'."
            ),
        ),
        (
            {},
            (
                "the columns 'conf', 'E', 'state' are labels by their names and would become descriptors; name each "
                "under 'configuration', drop them, or list the descriptors under 'columns'."
            ),
        ),
        (ROLES | {"atoms": "g2"}, "'g2' must be the same on all rows of configuration 7, found 1.0 and now 2.0."),
        (
            ROLES | {"forces": ("g1", "g2", "gz")},
            "there is no column 'gz' for 'forces'; possible are E, conf, g1, g2, state",
        ),
        (ROLES | {"temperature": "g1", "block": "g2"}, "the table has no column of descriptors, only conf, E, state,"),
    ],
)
def test_roles_that_do_not_fit_are_refused(roles: dict[str, Any], sentence: str, tmp_path: Path) -> None:
    """A column that is not there, serves twice or holds no numbers is named, with the nearest right one."""
    with pytest.raises(DataError, match=r"t\.csv") as caught:
        tables.contents(tables.open_table(csv(tmp_path), **roles))
    assert sentence in str(caught.value)


@pytest.mark.parametrize("kind", ["csv", "parquet", "npz"])
def test_labels_that_nobody_named_are_no_descriptors(kind: str, tmp_path: Path) -> None:
    """The row numbers of pandas, forces, temperatures and their like are refused by name unless columns are listed."""
    table = pd.read_csv(csv(tmp_path), keep_default_na=False)
    path = tmp_path / f"t.{kind}"
    if kind == "csv":
        table.to_csv(path)
        strange = "''"
    elif kind == "parquet":
        table.index = pd.Index([2, 3, 5])
        table.to_parquet(path)
        strange = "'__index_level_0__'"
    else:
        np.savez(path, Frame=np.arange(3), **{str(k): np.array(v.tolist()) for k, v in table.items()})
        strange = "'Frame'"
    with pytest.raises(DataError) as caught:
        tables.contents(tables.open_table(path, **ROLES))
    assert f"the column {strange} is a label by its name" in str(caught.value)
    assert tables.contents(tables.open_table(path, **ROLES, columns=("g1", "g2"))).names == ("g1", "g2")
    text = CSV.replace("g1,g2", "Unnamed: 0,fX").replace("conf", "conf ")
    with pytest.raises(DataError) as caught:
        tables.contents(tables.open_table(csv(tmp_path, text), **ROLES))
    assert "the columns 'Unnamed: 0', 'fX' are labels by their names" in str(caught.value)


def test_the_rows_of_a_configuration_may_repeat_its_energy_with_another_rounding(tmp_path: Path) -> None:
    """A relative difference of 1e-11 is passed over and the first counts; one of 1e-8 is another energy."""
    for apart, fine in ((1e-11, True), (1e-8, False)):
        path = csv(tmp_path, CSV.replace("7,0.25,2,-2.5", f"7,0.25,2,{-2.5 * (1 + apart)!r}"))
        if fine:
            np.testing.assert_array_equal(everything(path, **ROLES)["energy"], [-2.5, -1.5])
        else:
            with pytest.raises(DataError, match="'E' must be the same on all rows of configuration 7"):
                tables.contents(tables.open_table(path, **ROLES))


def test_remarks_tell_the_descriptors(tmp_path: Path) -> None:
    """How many there are and the first of them, so that a stray column is seen in the report."""
    source = tables.open_table(csv(tmp_path), **ROLES)
    held = tables.contents(source)
    assert "The table has 2 descriptors: g1, g2." in tables.remarks(held.configurations, source, held.names)
    many = tables.remarks(held.configurations, source, [f"G{n}" for n in range(1, 8)])
    assert "The table has 7 descriptors: G1, G2, G3, G4, G5, …" in many


def test_counts_that_differ_are_refused(tmp_path: Path) -> None:
    """Declared rows per configuration are compared with those found: by a column, and by offsets of an npz."""
    path = csv(tmp_path, CSV.replace("g2", "n").replace(",1,-2.5", ",2,-2.5").replace(",3,-1.5", ",2,-1.5"))
    sentence = (
        "t.csv: the table's rows per configuration differ from its counts: configuration 1 (from 0) has 1 rows, its "
        "column 'n' declares 2."
    )
    with pytest.raises(DataError) as caught:
        tables.contents(tables.open_table(path, **ROLES, atoms="n"))
    assert sentence in str(caught.value)
    columns = {"conf": np.array([1, 1, 2]), "g": np.ones(3), "e": np.zeros(3)}
    roles = {"configuration": "conf", "energy": "e"}
    for offsets, sentence in (
        ([0, 1, 3], "configuration 0 (from 0) has 2 rows, its array 'offsets' declares 1."),
        ([0, 1, 2, 3], "the table has 2 configurations, its array 'offsets' declares 3."),
        ([0, 2, 2, 3], "the array 'offsets' must rise from 0 to the number of rows."),
    ):
        np.savez(tmp_path / "t.npz", offsets=np.array(offsets), **columns)
        with pytest.raises(DataError) as caught:
            tables.contents(tables.open_table(tmp_path / "t.npz", **roles))
        assert sentence in str(caught.value)
    np.savez(tmp_path / "t.npz", values=np.ones((3, 1)), names=np.array(["g"]), offsets=np.array([0, 2]))
    with pytest.raises(DataError, match="has 3 rows, its array 'offsets' declares 2 in 1 configurations"):
        tables.contents(tables.open_table(tmp_path / "t.npz"))


@pytest.mark.parametrize(
    ("arrays", "sentence"),
    [
        ({"a": np.ones(3), "b": np.ones(4)}, "found 'a' with shape (3,) and 'b' with shape (4,)."),
        ({"values": np.ones((2, 3)), "names": np.array(["a", "b"])}, "found shape (2, 3) and 2 names."),
        ({"values": np.ones((2, 2)), "names": np.array(["a", "a"])}, "a name of its own for each column, found 'a' tw"),
        ({"a": np.array(["x", "y"])}, "expected numbers in the column 'a', found the type <U1; list the descriptors"),
        ({"values": np.array([["x"]]), "names": np.array(["a"])}, "expected numbers in 'values', found the type <U1."),
        ({"a": np.array([1.0, np.nan])}, "row 2: expected a finite number in the column 'a'"),
        ({"a": np.array([1, None])}, "the array 'a' holds Python objects; save numbers and text as such."),
    ],
)
def test_an_npz_of_another_shape_is_refused(arrays: dict[str, np.ndarray], sentence: str, tmp_path: Path) -> None:
    """What is no table is said with the array and its shape."""
    np.savez(tmp_path / "t.npz", **arrays)  # type: ignore[arg-type]
    with pytest.raises(DataError) as caught:
        tables.contents(tables.open_table(tmp_path / "t.npz"))
    assert sentence in str(caught.value)


def test_files_that_are_no_table(tmp_path: Path) -> None:
    """Another ending, a broken archive and a cut file are refused; so is one that changed, or is not there."""
    (tmp_path / "t.txt").write_text("x", encoding="utf-8")
    with pytest.raises(DataError, match=r"expected a table whose name ends in \.csv, \.csv\.gz, .* or \.npz\."):
        tables.contents(tables.open_table(tmp_path / "t.txt"))
    for name in ("t.npz", "t.parquet", "t.csv.gz"):
        (tmp_path / name).write_bytes(b"no such thing")
        with pytest.raises(DataError, match="the table cannot be read"):
            tables.contents(tables.open_table(tmp_path / name))
    whole = gzip.compress(("g\n" + "0.25\n" * 100_000).encode())
    (tmp_path / "cut.csv.gz").write_bytes(whole[:-20])
    with pytest.raises(DataError, match=r"cut\.csv\.gz: the table cannot be read \("):
        tables.contents(tables.open_table(tmp_path / "cut.csv.gz"))
    with pytest.raises(DataError, match=r"there is no such file; did you mean 't\.csv\.gz'\?"):
        tables.open_table(tmp_path / "tt.csv.gz")
    source = tables.open_table(csv(tmp_path), **ROLES)
    csv(tmp_path, CSV + "4,1,1,-1,b\n")
    with pytest.raises(DataError, match="the file has changed since it was opened"):
        tables.contents(source)


def test_parquet_says_which_column_is_not_numeric_or_empty(tmp_path: Path) -> None:
    """Types stand in the file itself; a null is a gap."""
    table = pd.read_csv(csv(tmp_path), keep_default_na=False)
    table.rename(columns={"state": "phase"}).to_parquet(tmp_path / "t.parquet")
    with pytest.raises(DataError, match="expected numbers in the column 'phase', found the type"):
        tables.contents(tables.open_table(tmp_path / "t.parquet", configuration="conf", energy="E"))
    table["g2"] = pd.array([1, None, 3], dtype="Int64")
    table.to_parquet(tmp_path / "t.parquet")
    with pytest.raises(DataError, match="row 2: expected a finite number in the column 'g2'"):
        tables.contents(tables.open_table(tmp_path / "t.parquet", **ROLES))
    table["state"] = pd.Categorical(["a", None, "b"])
    table.to_parquet(tmp_path / "t.parquet")
    with pytest.raises(DataError, match="row 2: the label 'state' is missing"):
        tables.contents(tables.open_table(tmp_path / "t.parquet", **ROLES, columns=("g1",)))


def test_parquet_without_pyarrow_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What to install, or what to give instead."""
    (tmp_path / "t.parquet").write_bytes(b"")
    ordinary = builtins.__import__

    def without(name: str, *arguments: Any, **named: Any) -> Any:
        if name.startswith("pyarrow"):
            raise ImportError(name)
        return ordinary(name, *arguments, **named)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(DataError, match=r"needs pyarrow, .*run `pip install 'bpbench\[tables\]'` or give the table"):
        tables.contents(tables.open_table(tmp_path / "t.parquet"))


# --------------------------------------------------------------------------------------------------- in the store


def test_a_table_that_breaks_half_way_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is found only while chunks are written is the failure of the job, and nothing is kept of it."""
    monkeypatch.setattr(pieces, "CELLS", 40)
    rows = [f"{row // 4},0.5,-1" for row in range(400)]
    rows[300] = "75,,-1"
    source = tables.open_table(csv(tmp_path, "\n".join(["conf,g,E", *rows])), configuration="conf", energy="E")
    tables.contents(source)  # its first rows are sound
    job, store = ReadTable(source), Store(tmp_path / "store")
    went = execute([job], store)
    assert "row 301: expected a finite number in the column 'g'" in went.failures[job].message
    assert not store.has(job)
    assert list((store.root / "tmp").iterdir()) == []


def test_a_stored_table_is_what_was_read(tmp_path: Path) -> None:
    """Loading gives the same contents as looking at the file."""
    source = tables.open_table(csv(tmp_path), **ROLES)
    job, store = ReadTable(source), Store(tmp_path / "store")
    assert execute([job], store).failures == {}
    loaded = store.load(job)
    found = loaded.values  # noqa: PD011 - not of pandas
    held, seen = tables.stored(found["names"], loaded.arrays), tables.contents(source)
    assert (held.names, held.rows) == (seen.names, seen.rows)
    for name, array in seen.arrays.items():
        np.testing.assert_array_equal(held.arrays[name], array)
    assert store.provenance(job)["wall_s"] > 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert held.configurations.group.tolist() == ["NA", "b"]
