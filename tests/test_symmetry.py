"""Symmetry functions against their slow twin and against DScribe; chunks, refusals and the operation count."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import time
import warnings
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from descriptor_twin import ALLOYED, MIXTURE, WAYS, ZOO, Animal, going_by, scale, twin

from bpbench.data.frames import Frames
from bpbench.descriptors import symmetry
from bpbench.descriptors.operations import operations
from bpbench.descriptors.plan import legendre_series, plan
from bpbench.descriptors.symmetry import describe, describe_frames
from bpbench.errors import DataError, FeatureError
from bpbench.features import G2, G4, G5, FeatureSet, preset

if TYPE_CHECKING:
    from collections.abc import Sequence

    from descriptor_twin import Floats

    from bpbench.features import Feature


@pytest.mark.parametrize("name", ZOO)
def test_every_kind_of_function_equals_its_slow_twin(name: str) -> None:
    """Kinds, widths, powers and cutoffs in one request agree with plain loops on every frame, in both ways of G5."""
    slow = twin(MIXTURE, ZOO[name])
    size = scale(slow)
    for way in WAYS:
        with going_by(way):
            ours = describe(MIXTURE, *ZOO[name])
        np.testing.assert_allclose(ours / size, slow / size, rtol=2e-12, atol=1e-14, err_msg=way)


def test_a_pair_of_neighbours_counts_once() -> None:
    """Three atoms in an equilateral triangle give the number worked out by hand from one pair, not two."""
    side, r_c, eta = 2.0, 6.0, 0.1
    triangle = np.array([[0, 0, 0], [side, 0, 0], [side / 2, side * math.sqrt(3) / 2, 0]])
    f_c = 0.5 * (math.cos(math.pi / 3) + 1)
    values = describe(
        [G2(eta, 0.0, r_c), G5(eta, 2.0, 1, r_c), G4(eta, 2.0, 1, r_c)], triangle, np.zeros((3, 3)), [False] * 3
    )
    by_hand = [
        2 * math.exp(-eta * 4) * f_c,
        0.5 * 1.5**2 * math.exp(-eta * 8) * f_c**2,
        0.5 * 1.5**2 * math.exp(-eta * 12) * f_c**3,
    ]
    np.testing.assert_allclose(values, np.repeat(np.array(by_hand)[:, None], 3, axis=1), rtol=1e-14)


def test_small_angles_keep_their_digits() -> None:
    """Three neighbours within 0.1 rad at λ = -1, ζ = 16 are right to eight digits of a value near 1e-24."""
    angles, r, r_c, zeta = (0.0, 0.06, 0.1), 2.5, 6.8, 16
    where = np.array([[0, 0, 0], *[[r * math.cos(a), r * math.sin(a), 0] for a in angles]])
    value = describe([G5(0.0, zeta, -1, r_c)], where, np.zeros((3, 3)), [False] * 3)[0, 0]
    pairs = [(0.0, 0.06), (0.0, 0.1), (0.06, 0.1)]
    # (1 - cos a)/2 = sin²(a/2), which has no cancellation.
    exact = 2 * sum(Fraction(math.sin((b - a) / 2)) ** (2 * zeta) for a, b in pairs)
    f_c = 0.5 * (math.cos(math.pi * r / r_c) + 1)
    assert value == pytest.approx(float(exact) * f_c**2, rel=1e-8, abs=0)


def _dscribe(functions: Sequence[Feature], animal: Animal) -> Floats:
    """Evaluate the functions by DScribe, one cutoff at a time; its G4 has R_jk, its G5 has not, both as [η, ζ, λ]."""
    from ase import Atoms

    with warnings.catch_warnings():
        # Its docstrings hold backslashes of which Python complains when it compiles them for the first time.
        warnings.filterwarnings("ignore", ".*invalid escape sequence")
        from dscribe.descriptors import ACSF

    # DScribe wants atoms inside the cell and a thick cell where it is not periodic.
    cell = np.where(animal.pbc[:, None], animal.cell, 40.0 * np.eye(3))
    atoms = Atoms(f"Al{len(animal.positions)}", positions=animal.positions + 5.0, cell=cell, pbc=animal.pbc)
    atoms.wrap()
    values = np.empty((len(functions), len(atoms)))
    for r_c in {function.r_c for function in functions}:
        rows: dict[type, list[int]] = {kind: [] for kind in (G2, G4, G5)}
        for row, function in enumerate(functions):
            if function.r_c == r_c:
                rows[type(function)].append(row)
        table = ACSF(
            species=["Al"],
            r_cut=r_c,
            g2_params=[[functions[row].eta, functions[row].r_s] for row in rows[G2]] or None,
            g4_params=[[functions[row].eta, functions[row].zeta, functions[row].lam] for row in rows[G4]] or None,
            g5_params=[[functions[row].eta, functions[row].zeta, functions[row].lam] for row in rows[G5]] or None,
            periodic=bool(animal.pbc.any()),
        ).create(atoms)
        # DScribe puts its G1, the sum of the cutoff functions alone, into the first column.
        values[rows[G2] + rows[G4] + rows[G5]] = table.T[1:]
    return values


# DScribe refuses η = 0, and takes broken powers of numbers just below 0 where neighbours stand in one line, which gives
# NaN; those functions are left to the twin.
STRANGER = tuple(
    g
    for g in MIXTURE
    if g.eta > 0 and g.cutoff == "cos" and (isinstance(g, G2) or (g.zeta == int(g.zeta) and g.r_s == 0))
)


@pytest.mark.parametrize("name", ZOO)
def test_dscribe_gives_the_same_on_the_zoo(name: str) -> None:
    """All kinds agree with DScribe to 1e-13 of each function's scale on small, skewed and open frames."""
    ours, theirs = describe(STRANGER, *ZOO[name]), _dscribe(STRANGER, ZOO[name])
    size = scale(theirs)
    np.testing.assert_allclose(ours / size, theirs / size, rtol=0, atol=1e-13)


def test_dscribe_gives_the_same_329_on_rattled_aluminium() -> None:
    """The whole pool on 32 rattled fcc atoms agrees with DScribe to 1e-13 of each function's scale."""
    from ase.build import bulk

    atoms = bulk("Al", "fcc", a=4.05, cubic=True) * (2, 2, 2)
    rattled = atoms.positions + np.random.default_rng(8).normal(0, 0.1, (32, 3))
    frame = Animal(rattled, np.array(atoms.cell), np.array(atoms.pbc))
    functions = preset("thesis-329").functions
    ours, theirs = describe(functions, *frame), _dscribe(functions, frame)
    size = scale(theirs)
    np.testing.assert_allclose(ours / size, theirs / size, rtol=0, atol=1e-13)


def _frames(names: Sequence[str]) -> Frames:
    """Put frames of the zoo into one ``Frames``."""
    chosen = [ZOO[name] for name in names]
    sizes = [len(animal.positions) for animal in chosen]
    count = len(chosen)
    label = np.array(["zoo"] * count)
    return Frames(
        positions=np.concatenate([animal.positions for animal in chosen]),
        cells=np.array([animal.cell for animal in chosen]),
        pbc=np.array([animal.pbc for animal in chosen]),
        species=np.full(sum(sizes), 13),
        offsets=np.concatenate([[0], np.cumsum(sizes)]),
        energy=np.zeros(count),
        forces=None,
        id=np.arange(count) + 100,
        group=label,
        block=label,
        temperature=None,
        blocks_declared=True,
    )


def test_chunks_of_frames_are_the_frames_bit_by_bit() -> None:
    """Ragged frames described in one go, in chunks and one by one are the same to the last bit."""
    names = list(ZOO)
    frames = _frames(names)
    whole = describe_frames(MIXTURE, frames, 0, len(names))
    parts = [describe_frames(MIXTURE, frames, first, first + 3) for first in range(0, len(names), 3)]
    alone = [describe(MIXTURE, *ZOO[name]) for name in names]
    assert whole.shape == (len(MIXTURE), len(frames.positions))
    np.testing.assert_array_equal(whole, np.concatenate(parts, axis=1))
    np.testing.assert_array_equal(whole, np.concatenate(alone, axis=1))


def test_a_function_does_not_depend_on_those_asked_for_beside_it() -> None:
    """Values of one kind and cutoff agree to rounding whatever set they are evaluated in."""
    whole = describe(MIXTURE, *ZOO["triclinic"])
    for row, function in enumerate(MIXTURE):
        np.testing.assert_allclose(describe([function], *ZOO["triclinic"])[0], whole[row], rtol=1e-13)


def test_a_second_process_compiles_nothing(tmp_path: Path) -> None:
    """What one process compiled the next finds in the cache and adds nothing to it, and the numbers are the same."""
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]);"
        "from descriptor_twin import MIXTURE, ZOO;"
        "from bpbench.descriptors.symmetry import describe;"
        "print(describe(MIXTURE, *ZOO['outside-the-cell']).tobytes().hex())"
    )
    command = [sys.executable, "-c", program, str(Path(__file__).parent)]
    printed, cached = [], []
    for _ in range(2):
        printed.append(
            subprocess.run(
                command, env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}, capture_output=True, check=True
            ).stdout
        )
        cached.append({path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()})
    assert len(cached[0]) > 10
    assert cached[0] == cached[1]
    assert len(printed[0]) > 100
    assert printed[0] == printed[1]


def test_a_lone_atom_has_zeros() -> None:
    """An atom without neighbours has the value 0 for every function."""
    values = describe(MIXTURE, [[1.0, 2.0, 3.0]], np.zeros((3, 3)), [False] * 3)
    np.testing.assert_array_equal(values, np.zeros((len(MIXTURE), 1)))


@pytest.mark.parametrize("name", ZOO)
def test_elements_are_told_apart_as_in_the_slow_twin(name: str) -> None:
    """Functions of an element or of a pair of elements agree with plain loops over an alloy on every frame."""
    animal = ZOO[name]
    slow = twin(ALLOYED, animal, alloy=True)
    size = scale(slow)
    for way in WAYS:
        with going_by(way):
            ours = describe(ALLOYED, *animal, animal.species)
        np.testing.assert_allclose(ours / size, slow / size, rtol=2e-12, atol=1e-14, err_msg=way)


def test_elements_add_up_to_the_whole() -> None:
    """Summed over elements and pairs of elements, functions of an alloy are those of the same frame of one element."""
    animal = ZOO["triclinic"]
    functions = [function for function in MIXTURE if function.r_c == 4.5]
    whole = describe(functions, *animal)
    resolved = FeatureSet(tuple(functions)).resolved(["S", "Cu", "Zn"])
    parts = describe(resolved.functions, *animal, animal.species)
    summed = np.zeros_like(whole)
    row = 0
    for number, function in enumerate(functions):
        for _ in range(3 if isinstance(function, G2) else 6):
            summed[number] += parts[row]
            row += 1
    np.testing.assert_allclose(summed, whole, rtol=1e-12)


def test_an_element_that_is_absent_gives_zero() -> None:
    """A function of an element that the frame has not is 0 everywhere, and the others are as without it."""
    values = describe([G2(0.1, 0, 4.5, of="Al"), G2(0.1, 0, 4.5, of="Cu")], *ZOO["cluster"], np.full(8, 13))
    assert (values[0] > 0).all()
    np.testing.assert_array_equal(values[1], 0.0)
    np.testing.assert_array_equal(values[0], describe([G2(0.1, 0, 4.5)], *ZOO["cluster"])[0])


@pytest.mark.parametrize(
    ("functions", "species", "sentence"),
    [
        (
            [G2(0.1, 0, 4.5)],
            [13, 29] * 4,
            r"need frames of one element, found Al, Cu and G2\(eta=0\.1,rs=0,rc=4\.5\); give each function its el",
        ),
        (
            [G2(0.1, 0, 4.5, of="Cu"), G5(0.1, 1, 1, 4.5, of=("Cu", "Cu"))],
            [16, 29] * 4,
            r"Every element of the frames must be named by a symmetry function, found S in the frames .* Cu; add func",
        ),
        ([G2(0.1, 0, 4.5, of="Cu")], None, r"Functions that name elements \(Cu\) need the atomic number of every atom"),
        ([G2(0.1, 0, 4.5)], [13], r"Species must hold one atomic number for each of 8 atoms, found shape \(1,\)\."),
    ],
)
def test_confused_elements_are_refused(functions: list[Feature], species: list[int] | None, sentence: str) -> None:
    """Elements that functions do not tell apart, do not name or cannot know are refused."""
    with pytest.raises(DataError, match=sentence):
        describe(functions, *ZOO["cluster"], species)


def test_a_mixed_frame_is_named() -> None:
    """In a chunk the frame of several elements is named."""
    frames = _frames(["triclinic", "cluster"])
    frames.species[5] = 29
    with pytest.raises(DataError, match=r"Frame 101: Symmetry functions that do not tell elements apart"):
        describe_frames(MIXTURE, frames, 0, 2)


def test_the_frame_that_cannot_be_described_is_named() -> None:
    """A fault inside a chunk is told with the number of its frame."""
    frames = _frames(["triclinic", "cluster"])
    frames.positions[5] = frames.positions[4]
    with pytest.raises(DataError, match=r"Frame 101: Atoms must lie apart, found atoms 0 and 1 "):
        describe_frames(MIXTURE, frames, 0, 2)


@pytest.mark.parametrize(("first", "last"), [(0, 0), (-1, 1), (1, 3), (2, 1)])
def test_a_range_without_frames_is_refused(first: int, last: int) -> None:
    """A chunk must hold at least one frame and only frames that exist."""
    with pytest.raises(DataError, match=f"Frames to describe must lie in 0 to 2, found {first} to {last}\\."):
        describe_frames(MIXTURE, _frames(["triclinic", "cluster"]), first, last)


def test_a_function_that_sees_nothing_is_zero() -> None:
    """Where an exponential has left the numbers the value is 0, alone and in a ladder, not something near 1e-308."""
    dimer, alone = [[0.0, 0, 0], [3.0, 0, 0]], G2(100.0, 0.0, 6.8)
    ladder = [G2(50.0 * n, 0.0, 6.8) for n in range(1, 5)]
    for functions in ([alone], ladder):
        values = describe(functions, dimer, np.zeros((3, 3)), [False] * 3)
        assert values[functions.index(alone), 0] == 0.0


@pytest.mark.parametrize("threads", [1, 2])
def test_one_bad_frame_stops_the_others(threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a frame that cannot be described hardly another is begun, however many wait."""
    frames = _frames(["cluster"] * 60)
    frames.positions[9] = frames.positions[8]
    begun = []
    plain = symmetry.describe
    monkeypatch.setattr(
        symmetry, "describe", lambda *args, **kw: (begun.append(1), time.sleep(0.01), plain(*args, **kw))[2]
    )
    with pytest.raises(DataError, match="Frame 101: Atoms must lie apart"):
        describe_frames(MIXTURE, frames, 0, 60, threads=threads)
    time.sleep(0.1)
    assert len(begun) < 12


def test_no_functions_are_refused() -> None:
    """A request without any function is refused."""
    with pytest.raises(FeatureError, match="There must be at least one symmetry function to evaluate, found none"):
        describe([], *ZOO["cluster"])


def test_what_functions_share_is_planned_once() -> None:
    """The 60 angular functions need two signs, six widths, and four squarings for each sign, and no broken power."""
    (shell,) = plan(preset("thesis-329").functions)
    ((kind, radial),) = shell.radial
    assert (kind, len(radial.rows)) == (0, 269)
    # R_s = 0: η = 0.0013 alone and a ladder of 200; then 68 shifts.
    assert sorted(np.diff(radial.first)) == [1] * 69 + [200]
    assert shell.moments is not None
    assert (len(shell.moments.rows), len(shell.moments.eta), shell.moments.series.shape[1]) == (60, 6, 17)
    (team,) = shell.instead
    assert (len(team.eta), len(team.signs), len(team.products)) == (6, 2, 8)
    assert not team.exponents.any()
    assert not shell.triplets


@pytest.mark.parametrize("zeta", [1, 2, 5, 16, 32])
@pytest.mark.parametrize("lam", [-1, 1])
def test_the_series_is_the_angular_part(zeta: int, lam: int) -> None:
    """The closed form of the Legendre coefficients gives 2^(1-ζ)(1+λx)^ζ back, by NumPy's own evaluation."""
    x = np.linspace(-1, 1, 41)
    given = np.polynomial.legendre.legval(x, legendre_series(zeta, lam))
    np.testing.assert_allclose(given, 2.0 ** (1 - zeta) * (1 + lam * x) ** zeta, rtol=0, atol=1e-14)


def test_operation_count_grows_as_it_must() -> None:
    """More functions, more neighbours, broken powers and R_jk cost more; G2 and G5 grow linearly, G4 with N²."""
    twelve, whole = preset("thesis-12").functions, preset("thesis-329").functions
    costs = [
        operations(preset(name).functions, 78.0) for name in ("thesis-12", "thesis-22", "thesis-57-D", "thesis-329")
    ]
    assert costs == sorted(costs)
    assert operations(twelve, 156.0) == pytest.approx(2 * operations(twelve, 78.0))
    assert 1.9 < operations(whole[269:], 156.0) / operations(whole[269:], 78.0) < 2.01
    assert 3.8 < operations([G4(0.1, 2.0, 1, 5.0)], 156.0) / operations([G4(0.1, 2.0, 1, 5.0)], 78.0) < 4.1
    resolved = preset("thesis-22").resolved(["Cu", "S"]).functions
    assert operations(preset("thesis-22").functions, 78.0) < operations(resolved, 78.0)
    assert operations([G5(0.1, 2.5, 1, 5.0)], 50.0) > operations([G5(0.1, 2.0, 1, 5.0)], 50.0)
    assert operations([G4(0.1, 2.0, 1, 5.0)], 50.0) > operations([G5(0.1, 2.0, 1, 5.0)], 50.0)
    assert operations([G2(0.1, 0, 5.0), G2(0.1, 0, 4.0)], 50.0) < operations([G2(0.1, 0, 5.0), G2(0.2, 0, 5.0)], 50.0)
    assert operations(twelve, 0.0) == 0.0
