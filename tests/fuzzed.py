"""Every reader of files that somebody may have sent, as a function of bytes that lets only our own errors pass.

:data:`READERS` holds them by name, each with seeds (valid files, made when they are asked for) and a way to change one
that keeps most of its form. ``test_fuzz.py`` draws some from them at each run of the tests; ``fuzz/run.py`` lets
atheris look for bytes that reach new code.
"""

from __future__ import annotations

import io
import json
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from bpbench import shipped
from bpbench.data import foreign, readers, score_files, tables
from bpbench.data.columns import open_columns
from bpbench.data.json_lines import JsonLines
from bpbench.errors import BpbenchError
from bpbench.formats.n2p2 import read_settings, read_values
from bpbench.formats.n2p2_folder import read_folder
from bpbench.formats.yaml import parse
from bpbench.history.file import History
from bpbench.history.lines import export, read_in
from bpbench.history.records import Run
from bpbench.protocol import functions_in, loads, track_in
from bpbench.report import compose, html
from bpbench.report.render import rerender
from bpbench.runner.cluster_file import read as read_cluster
from bpbench.study import check_design

assert compose.compose, html.render_html  # imported by `rerender` when it is asked, too late to be watched
Harness = Callable[[bytes], None]
Mutator = Callable[[Random, bytes], bytes]
#: How many readings came to an end, and how many were refused.
TALLY: Counter[str] = Counter()
#: What stands between the files of a folder that are fuzzed as one text.
APART = b"\n%%%%\n"
#: Words that readers have stumbled over, here or elsewhere.
WORDS = (
    *(
        "",
        "nan",
        "inf",
        "-inf",
        "-1",
        "0",
        "1e400",
        "-1e-400",
        "9" * 19,
        "9" * 5000,
        "1_0",
        "0x10",
        "0o7",
        "１",
        "1e99999",
    ),
    *(
        "T",
        "null",
        "true",
        "~",
        "[]",
        "{}",
        "[[",
        "{{",
        '"',
        "'",
        "\\",
        ":",
        "=",
        ",",
        "#",
        "\n",
        "\r",
        "\t",
        "\0",
        "\x1b[2J",
    ),
    *(
        "&a [*a]",
        "*a",
        "!!python/object/apply:os.system [id]",
        "<<: *a",
        "_JSON [1, [2]]",
        "../../etc/passwd",
        "é",
        "\u202e",
    ),
    *(
        "Properties=species:S:1:pos:R:99999999",
        "-5",
        "1e18",
        "2",
        "Cu",
        "H",
        "end",
        "begin",
        "%",
        "{0}",
        "$x$",
        "inf inf inf",
    ),
)
#: The same for places in JSON and YAML.
VALUES: tuple[Any, ...] = (
    *(
        None,
        True,
        0,
        -1,
        1,
        2,
        10**15,
        10**400,
        -(10**15),
        0.5,
        1e308,
        -1e-300,
        "",
        "A",
        "\0",
        "../../x",
        "é\u202e",
        "9" * 400,
    ),
    *(
        [],
        [None],
        [1, "a"],
        [[]],
        [[1, 2], [3]],
        {},
        {"": None},
        {"kind": "A"},
        {"kind": []},
        "<script>",
        "$\\input{x}$",
    ),
)


@dataclass(frozen=True)
class Reader:
    """One way for a file to come in."""

    read: Harness
    seeds: Callable[[], list[bytes]]
    change: Mutator


# --------------------------------------------------------------------------------------------------------- changing


def words_changed(random: Random, seed: bytes) -> bytes:
    """Return text in which some words, lines or letters are others, missing, twice or elsewhere."""
    text = seed.decode("utf-8", errors="replace")
    for _ in range(random.choice((1, 1, 2, 5))):
        text = _once(random, text)
    return text.encode("utf-8", errors="replace")


def _once(random: Random, text: str) -> str:
    unit = random.choice(("word", "line", "letter"))
    parts = list(text) if unit == "letter" else text.split(" ") if unit == "word" else text.splitlines(keepends=True)
    if not parts:
        return random.choice(WORDS)
    at, other = random.randrange(len(parts)), random.randrange(len(parts))
    match random.randrange(5):
        case 0:
            parts[at] = random.choice(WORDS)
        case 1:
            del parts[at:other]
        case 2:
            parts.insert(at, parts[other])
        case 3:
            parts[at], parts[other] = parts[other], parts[at]
        case _:
            parts.insert(at, random.choice(WORDS))
    return ("" if unit != "word" else " ").join(parts)


def plainly_changed(value: Any, random: Random) -> Any:
    """Return plain data in which one place holds something else, or nothing."""
    value = json.loads(json.dumps(value))
    for _ in range(random.choice((1, 1, 2, 4))):
        _change_within(value, random)
    return value


def _change_within(here: Any, random: Random) -> None:
    while isinstance(here, dict | list) and here:
        keys = list(here) if isinstance(here, dict) else range(len(here))
        key = random.choice(keys)
        inside = here[key]
        if isinstance(inside, dict | list) and inside and random.random() < 0.85:
            here = inside
            continue
        if random.random() < 0.2:
            del here[key]
        elif random.random() < 0.2 and isinstance(here, list):
            here.append(inside)
        else:
            here[key] = random.choice(VALUES)
        return


def json_changed(random: Random, seed: bytes) -> bytes:
    """Return JSON (each line of several by itself) with other values, or sometimes other words."""
    with suppress(ValueError, RecursionError):
        if random.random() < 0.8:
            return json.dumps(plainly_changed(json.loads(seed), random)).encode()
    return words_changed(random, seed)


def yaml_changed(random: Random, seed: bytes) -> bytes:
    """Return YAML with other values: JSON, which is YAML too; or sometimes other words."""
    with suppress(ValueError, BpbenchError):
        if random.random() < 0.7:
            data, _ = parse(seed.decode("utf-8"), "seed")
            return json.dumps(plainly_changed(data, random)).encode()
    return words_changed(random, seed)


def _arrays() -> list[Any]:
    return [
        *(
            np.zeros(0),
            np.zeros((0, 3)),
            np.float64(1),
            np.zeros((2, 2, 2)),
            np.full(3, np.nan),
            np.arange(5),
            -np.arange(3),
        ),
        *(
            np.array(["a", "b"]),
            np.array([b"a"]),
            np.array([1 + 1j]),
            np.array([True]),
            np.array([None, {}], dtype=object),
        ),
        *(np.zeros(2, dtype=">f4"), np.zeros(2, dtype="M8[s]"), np.zeros(2, dtype=[("a", "f8")]), np.array("x" * 50)),
        *(np.full((4, 3), 1e308), np.array([2**62, -(2**62)]), np.zeros((3, 3), order="F"), np.zeros(2, dtype="V4")),
    ]


def npz_changed(random: Random, seed: bytes) -> bytes:
    """Return an npz in which an array is another, missing, longer or of another kind; or sometimes other bytes."""
    with suppress(Exception):
        if random.random() < 0.8:
            with np.load(io.BytesIO(seed), allow_pickle=False) as archive:
                held = dict(archive)
            name = random.choice([*held, "offsets", "names", "values", "method"])
            what = random.randrange(4)
            if what == 0 and name in held:
                del held[name]
            elif what == 1 and name in held and held[name].size:
                held[name] = (
                    np.repeat(held[name], random.choice((0, 2)), axis=0) if held[name].ndim else held[name][None]
                )
            elif what == 2 and name in held:
                flat = held[name].ravel().copy()
                flat[random.randrange(len(flat))] = random.choice((0, 1, 7))
                held[name] = flat.reshape(held[name].shape)
            else:
                held[name] = random.choice(_arrays())
            return _npz(held, packed=random.random() < 0.5)
    return bytes_changed(random, seed)


def bytes_changed(random: Random, seed: bytes) -> bytes:
    """Return bytes some of which are others, or missing."""
    made = bytearray(seed)
    for _ in range(random.choice((1, 3, 10))):
        if made:
            made[random.randrange(len(made))] = random.choice((0, 1, 127, 128, 255, random.randrange(256)))
    return bytes(made[: random.randrange(len(made))] if made and random.random() < 0.2 else made)


def _npz(arrays: dict[str, Any], *, packed: bool = False) -> bytes:
    stream = io.BytesIO()
    (np.savez_compressed if packed else np.savez)(stream, **arrays)
    return stream.getvalue()


# ---------------------------------------------------------------------------------------------------------- reading


@contextmanager
def refused() -> Iterator[None]:
    """Let our own errors pass, whose text can be told; what libraries warn of is not looked at."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
            TALLY["read"] += 1
        except BpbenchError as error:
            TALLY["refused"] += 1
            assert str(error).strip()  # noqa: PT017 - which error it is does not matter


@cache
def _folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="bpbench-fuzz-"))


def _file(name: str, content: bytes) -> Path:
    path = _folder() / name
    path.write_bytes(content)
    return path


def _text(content: bytes) -> str:
    return content.decode("utf-8", errors="replace")


def protocol(content: bytes) -> None:
    """Read bytes as a protocol, as `bpbench validate` does."""
    with refused():
        check_design(loads(_text(content)))


def functions(content: bytes) -> None:
    """Read bytes as functions for `describe`, and as what a recorded study says of tracking."""
    for read in (functions_in, track_in):
        with refused():
            read(_text(content), "f")


def cluster(content: bytes) -> None:
    """Read bytes as a cluster file."""
    with refused():
        read_cluster(_file("cluster.yaml", content))


def n2p2_settings(content: bytes) -> None:
    """Read bytes as an ``input.nn``."""
    for units in ("angstrom-ev", "bohr-hartree"):
        with refused():
            read_settings(_text(content), units=units)  # type: ignore[arg-type]


def n2p2_folder(content: bytes) -> None:
    """Read bytes as a trained potential: settings, scaling and weights, one after another."""
    parts = [*content.split(APART), b"", b"", b""]
    for name, part in zip(("input.nn", "scaling.data", "weights.013.data", "weights.029.data"), parts, strict=False):
        _file(name, part)
    with refused():
        read_folder(_folder(), units="bohr-hartree")


def n2p2_structures(content: bytes) -> None:
    """Read bytes as an ``input.data``."""
    with refused():
        readers.read(readers.open_source(_file("input.data", b"begin\n" + content), units="bohr-hartree"))


def n2p2_values(content: bytes) -> None:
    """Read bytes as a ``function.data``."""
    with refused():
        for structure in read_values(_file("function.data", content), units="angstrom-ev"):
            structure.of("Al")


def extxyz(content: bytes) -> None:
    """Read bytes as an extended XYZ, with the labels that it may name."""
    path = _file("frames.extxyz", content)
    for options in ({}, {"group": "g", "block": "b", "temperature": "t"}):
        with refused():
            source = readers.open_source(path, **options)  # type: ignore[arg-type]
            readers.remarks(readers.read(source), source)
    with refused():
        readers.read(readers.open_source(path), energies=False)


def frames_npz(content: bytes) -> None:
    """Read bytes as our own file of frames."""
    with refused():
        source = readers.open_source(_file("frames.npz", content), temperature="temperature")
        readers.remarks(readers.read(source), source)
        readers.method(source)


def _table(path: Path) -> None:
    named = {"configuration": "c", "energy": "e", "group": "g", "block": "b", "forces": ("fx", "fy", "fz")}
    for columns in (named | {"columns": ("G1", "G2")}, named, {}):
        with refused():
            source = tables.open_table(path, **columns)
            tables.contents(source)
            for _ in tables.stream(source)[1]:
                pass
    with refused():
        for _ in foreign.open_table(path).pieces():
            pass
    with refused():
        opened = open_columns(path, whole=True)
        for _ in opened.pieces(opened.names, (), ()):
            pass
    _scores(path)


def _scores(path: Path) -> None:
    with refused():
        roles = score_files.Roles(variant="v", score="s", unit="u", split=None)
        score_files.read_table(path, roles)


def table_csv(content: bytes) -> None:
    """Read bytes as a table of descriptors, and as one of scores."""
    _table(_file("table.csv", content))


def table_npz(content: bytes) -> None:
    """Read bytes as a table in npz."""
    _table(_file("table.npz", content))


def table_lines(content: bytes) -> None:
    """Read bytes as a table of JSON lines."""
    path = _file("table.jsonl", content)
    _scores(path)
    with refused():
        JsonLines(path)


def curves(content: bytes) -> None:
    """Read bytes as a learning curve of n2p2, and as a history of Keras."""
    for name, score in (("learning-curve.out", "RMSEpa_Etest_pu"), ("history.json", "loss")):
        path = _file(name, content)
        for best in (False, True):
            with refused():
                score_files.read_curves([path], score=score, best=best)


def history_lines(content: bytes) -> None:
    """Read bytes as the lines of an exported history."""
    with refused(), History(_fresh("history.sqlite")) as history:
        read_in(history, _file("lines.jsonl", content))


def _fresh(name: str) -> Path:
    for path in _folder().glob(f"{name}*"):
        path.unlink()
    return _folder() / name


def findings(content: bytes) -> None:
    """Read bytes as findings, and render them as a page."""
    folder = _folder() / "report"
    folder.mkdir(exist_ok=True)
    (folder / "stamp.json").unlink(missing_ok=True)
    (folder / "findings.json").write_bytes(content)
    with refused():
        rerender(folder, formats=("html",))


# ------------------------------------------------------------------------------------------------------------ seeds


def _protocols() -> list[bytes]:
    smallest = b"""
question: q
data: {kind: file, path: a.extxyz, group: g, block_length: auto, guard: 2}
sets: {a: thesis-12, b: {functions: [{kind: G2, eta: 0.1, r_s: 0.0, r_c: 6}]}, c: {cut: a, kinds: [G2]}}
models: {n: {kind: hdnn, hidden: [2]}, f: {kind: random-forest, trees: 5}}
variants: [{name: A, set: a, model: n}, {name: B, set: b, model: n, observations: 20}, {name: C, set: c, model: f}]
repeats: 3
analysis: {metric: rmse, baseline: A, margin: 0.1}
quick: {repeats: 2}
"""
    every = sorted((path.read_bytes() for path in shipped("protocols").glob("*.yaml")), key=len)
    return [smallest, *every[:4]]


_CLUSTER = b"""
kind: slurm
cores: 2
processes: 1
memory: 4 GB
walltime: 04:00:00
workers: {minimum: 1, maximum: 4}
hints: {train hdnn: {threads: 2, memory: 1 GB}}
job_extra_directives: [--qos=night]
"""


_SETTINGS = b"""number_of_elements 1
elements Al
cutoff_type 1
scale_symmetry_functions
global_hidden_layers_short 1
global_nodes_short 2
global_activation_short t l
symfunction_short Al 2 Al 0.01 0.0 12.0
symfunction_short Al 3 Al Al 0.01 1 2 12.0
symfunction_short Al 9 Al Al 0.01 -1 2 12.0 0.5
atom_energy Al -1.5
mean_energy -1.0
conv_energy 2.0
conv_length 1.5
"""
_SCALING = b"1 1 0.0 1.0 0.5 0.1\n1 2 0.0 1.0 0.5 0.1\n1 3 0.0 1.0 0.5 0.1\n"
_STRUCTURE = b"""comment a
lattice 9.0 0.0 0.0
lattice 0.0 9.0 0.0
lattice 0.0 0.0 9.0
atom 0.0 0.0 0.0 Al 0.0 0.0 0.1 0.0 0.0
atom 2.0 0.0 0.0 Al 0.0 0.0 -0.1 0.0 0.0
energy -3.5
charge 0.0
end
"""
_EXTXYZ = b"""2
Lattice="9 0 0 0 9 0 0 0 9" Properties=species:S:1:pos:R:3:forces:R:3 energy=-3.5 pbc="T T T" g=a b=1 t=3 x="_JSON [1]"
Al 0.0 0.0 0.0 0.1 0.0 0.0
Cu 2.0 0.0 0.0 -0.1 0.0 0.0
1
Properties=species:S:1:pos:R:3:tags:I:1:forces:R:3:move_mask:L:1 energy=-1.5 stress="0 0 0 0 0 0 0 0 0" g=b b=2 t=10.5
Al 0 0 0 1 0.0 0.0 0.0 T
"""


def _frames() -> list[bytes]:
    arrays = {
        "positions": np.arange(12.0).reshape(4, 3),
        "cells": np.tile(9 * np.eye(3), (2, 1, 1)),
        "pbc": np.ones((2, 3), dtype=bool),
        "species": np.full(4, 13),
        "offsets": np.array([0, 2, 4]),
        "energy": np.array([-1.0, -2.0]),
        "forces": np.zeros((4, 3), dtype=np.float32),
        "id": np.arange(2),
        "group": np.array(["a", "b"]),
        "block": np.array(["a", "b"]),
        "temperature": np.array([1.0, 2.0]),
        "blocks_declared": np.array(True),
        "guard": np.zeros(2, dtype=bool),
        "method": np.array("EMT"),
    }
    return [_npz(arrays), _npz(arrays, packed=True)]


def _tables() -> list[bytes]:
    columns = {
        "c": np.array([0, 0, 1, 1]),
        "e": np.array([-1.0, -1.0, -2.0, -2.0]),
        "g": np.array(["x", "x", "y", "y"]),
        "b": np.array(["1", "1", "2", "2"]),
        **{name: np.arange(4.0) for name in ("fx", "fy", "fz", "G1", "G2", "s")},
        "v": np.array(["A", "B", "A", "B"]),
        "u": np.array([1, 1, 2, 2]),
    }
    wide = {"values": np.arange(8.0).reshape(4, 2), "names": np.array(["G1", "G2"]), "offsets": np.array([0, 2, 4])}
    return [_npz(columns), _npz(wide | {"energy": np.zeros(2)}, packed=True), _npz({"x": np.zeros((3, 2))})]


_CSV = b"""c,e,g,b,fx,fy,fz,G1,G2,s,v,u
0,-1.0,x,1,0,0,0,0.5,0.25,1.0,A,1
0,-1.0,x,1,0,0,0,0.5,0.25,,B,1
1,-2,y,2,0,0,0,1,2,3,A,2
"""
_LINES = b'{"v": "A", "u": 1, "s": 0.5}\n{"v": "B", "u": 1, "s": null}\n{"v": "A", "u": 2, "s": 1}\n'
_CURVE = b"# epoch RMSEpa_Etrain_pu RMSEpa_Etest_pu\n0 1.0 2.0\n1 0.5 NaN\n"


def _histories() -> list[bytes]:
    run = Run(
        study="s", number=1, draw=1, made="2026-01-01T00:00:00Z", protocol="p", data="d", sources="x", host="h",
        made_by={}, metrics=[], rules={}, variants={"A": {"results": [], "cpu_s": [], "peak_mb": [], "operations": 1}},
    )  # fmt: skip
    with History(_fresh("seed.sqlite")) as history:
        history.add(run)
        history.name_baseline("s", "good", [1])
        history.decide("line", "q", "e", lambda *_: {"answer": 1})
        export(history, _folder() / "seed.jsonl")
    return [(_folder() / "seed.jsonl").read_bytes()]


def _findings() -> list[bytes]:
    import findings_factory

    return [json.dumps(made()).encode() for made in (findings_factory.small, findings_factory.compared)]


READERS = {
    "protocol": Reader(protocol, _protocols, yaml_changed),
    "functions": Reader(
        functions,
        lambda: [b"functions: [{kind: G5, eta: 0.1, zeta: 2, lam: -1, r_c: 6, of: [Cu, S]}]\ntrack: {margin: 5 %}\n"],
        yaml_changed,
    ),
    "cluster": Reader(cluster, lambda: [_CLUSTER], yaml_changed),
    "n2p2_settings": Reader(n2p2_settings, lambda: [_SETTINGS], words_changed),
    "n2p2_folder": Reader(n2p2_folder, lambda: [APART.join((_SETTINGS, _SCALING, b"0.5\n" * 11))], words_changed),
    "n2p2_structures": Reader(
        n2p2_structures, lambda: [_STRUCTURE, _STRUCTURE + b"begin\n" + _STRUCTURE], words_changed
    ),
    "n2p2_values": Reader(n2p2_values, lambda: [b"1\n13 0.5 0.25\n0.0 -1.0 -1.0 0.0\n" * 2], words_changed),
    "extxyz": Reader(extxyz, lambda: [_EXTXYZ], words_changed),
    "frames_npz": Reader(frames_npz, _frames, npz_changed),
    "table_csv": Reader(table_csv, lambda: [_CSV], words_changed),
    "table_npz": Reader(table_npz, _tables, npz_changed),
    "table_lines": Reader(table_lines, lambda: [_LINES], words_changed),
    "curves": Reader(curves, lambda: [_CURVE, b'{"loss": [1.0, 0.5], "val_loss": [2, null]}'], json_changed),
    "history_lines": Reader(history_lines, _histories, json_changed),
    "findings": Reader(findings, _findings, json_changed),
}
