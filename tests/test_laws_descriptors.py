"""Laws that symmetry functions obey on every frame: they are the symmetries in the name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from descriptor_twin import ALLOYED, MIXTURE, WAYS, ZOO, going_by, scale
from hypothesis import given, settings
from hypothesis import strategies as st

from bpbench.descriptors import plan as plans
from bpbench.descriptors.symmetry import describe
from bpbench.features import G2, G4, G5

if TYPE_CHECKING:
    from collections.abc import Iterator

    from descriptor_twin import Floats

SEEDS = st.integers(0, 2**32 - 1)
# A few transforms are drawn for every law and animal; the first of them compiles the kernels, so there is no deadline.
DRAWN = settings(max_examples=5, deadline=None, derandomize=True)


@pytest.fixture(autouse=True, scope="module", params=WAYS)
def way(request: pytest.FixtureRequest) -> Iterator[None]:
    """Every law holds for both ways in which G5 is evaluated."""
    with going_by(request.param):
        yield


def _same(changed: Floats, original: Floats) -> None:
    size = scale(original)
    np.testing.assert_allclose(changed / size, original / size, rtol=0, atol=1e-12)


def _orthogonal(rng: np.random.Generator) -> Floats:
    """Draw a rotation or a rotation with a reflection."""
    q, r = np.linalg.qr(rng.normal(size=(3, 3)))
    return q * np.sign(np.diag(r))


@pytest.mark.parametrize("name", ZOO)
@DRAWN
@given(seed=SEEDS)
def test_rotation_and_reflection_change_nothing(name: str, seed: int) -> None:
    """Turning or mirroring atoms and cell together leaves every value as it was."""
    positions, cell, pbc = ZOO[name]
    turn = _orthogonal(np.random.default_rng(seed))
    _same(describe(MIXTURE, positions @ turn.T, cell @ turn.T, pbc), describe(MIXTURE, *ZOO[name]))


@pytest.mark.parametrize("name", ZOO)
@DRAWN
@given(seed=SEEDS)
def test_translation_changes_nothing(name: str, seed: int) -> None:
    """Moving all atoms alike, out of the cell too, leaves every value as it was."""
    positions, cell, pbc = ZOO[name]
    move = np.random.default_rng(seed).normal(0, 8.0, 3)
    _same(describe(MIXTURE, positions + move, cell, pbc), describe(MIXTURE, *ZOO[name]))


@pytest.mark.parametrize("name", ZOO)
@DRAWN
@given(seed=SEEDS)
def test_permutation_permutes(name: str, seed: int) -> None:
    """Writing the atoms in another order gives the same columns in that order."""
    positions, cell, pbc = ZOO[name]
    order = np.random.default_rng(seed).permutation(len(positions))
    _same(describe(MIXTURE, positions[order], cell, pbc), describe(MIXTURE, *ZOO[name])[:, order])


@pytest.mark.parametrize("name", ZOO)
@DRAWN
@given(seed=SEEDS)
def test_alloys_turn_and_permute_alike(name: str, seed: int) -> None:
    """Turning an alloy and writing its atoms, with their elements, in another order only permutes its columns."""
    animal, rng = ZOO[name], np.random.default_rng(seed)
    turn, order = _orthogonal(rng), rng.permutation(len(animal.positions))
    moved = describe(
        ALLOYED, (animal.positions @ turn.T)[order], animal.cell @ turn.T, animal.pbc, animal.species[order]
    )
    _same(moved, describe(ALLOYED, *animal, animal.species)[:, order])


@pytest.mark.parametrize("name", ZOO)
@DRAWN
@given(seed=SEEDS)
def test_whole_cell_vectors_change_nothing(name: str, seed: int) -> None:
    """Moving single atoms by whole periodic cell vectors leaves every value as it was."""
    positions, cell, pbc = ZOO[name]
    counts = np.random.default_rng(seed).integers(-4, 5, (len(positions), 3)) * pbc
    _same(describe(MIXTURE, positions + counts @ cell, cell, pbc), describe(MIXTURE, *ZOO[name]))


PERIODIC_AXES = [(name, axis) for name, animal in ZOO.items() for axis in range(3) if animal.pbc[axis]]


@pytest.mark.parametrize(("name", "axis"), [(name, axis) for name, axis in PERIODIC_AXES if ZOO[name].pbc.sum() > 1])
@pytest.mark.parametrize("times", [-2, 1])
def test_another_cell_of_the_same_lattice_changes_nothing(name: str, axis: int, times: int) -> None:
    """Adding another periodic cell vector to one of them describes the same crystal."""
    positions, cell, pbc = ZOO[name]
    other = next(place for place in range(3) if place != axis and pbc[place])
    sheared = cell.copy()
    sheared[axis] += times * cell[other]
    _same(describe(MIXTURE, positions, sheared, pbc), describe(MIXTURE, *ZOO[name]))


@pytest.mark.parametrize(("name", "axis"), PERIODIC_AXES)
def test_doubling_the_cell_doubles_the_columns(name: str, axis: int) -> None:
    """A frame repeated along a periodic vector has the same values twice."""
    positions, cell, pbc = ZOO[name]
    doubled = cell.copy()
    doubled[axis] *= 2
    once = describe(MIXTURE, *ZOO[name])
    twice = describe(MIXTURE, np.concatenate([positions, positions + cell[axis]]), doubled, pbc)
    _same(twice, np.concatenate([once, once], axis=1))


@pytest.mark.parametrize("name", ZOO)
def test_input_is_not_touched(name: str) -> None:
    """Positions, cell and pbc are as before, and may be read-only."""
    given_arrays = [np.array(part) for part in ZOO[name]]
    for part in given_arrays:
        part.setflags(write=False)
    describe(MIXTURE, *given_arrays)
    for part, original in zip(given_arrays, ZOO[name], strict=True):
        np.testing.assert_array_equal(part, original)


FLAT_ENDED = [
    G2(0.1, 0.5, 4.0),
    G5(0.05, 2.0, 1, 4.0),
    G5(0.05, 4.0, -1, 4.0),
    G4(0.05, 2.0, 1, 4.0),
    G4(0.0, 1.5, -1, 4.0),
]


@pytest.mark.parametrize("step", [1e-2, 1e-3, 1e-4])
def test_an_atom_leaves_smoothly_at_the_cutoff(step: float) -> None:
    """What an atom adds falls with the square of its distance to R_c or faster, and is 0 beyond: no kink, no jump."""
    r_c = 4.0
    others = np.array([[0.0, 0, 0], [1.9, 0.4, -0.3], [-0.6, 2.1, 0.5]])

    def values(r: float) -> Floats:
        direction = np.array([0.6, 0.64, 0.48])
        return describe(FLAT_ENDED, np.vstack([others, r * direction]), np.zeros((3, 3)), [False] * 3)[:, 0]

    without = describe(FLAT_ENDED, others, np.zeros((3, 3)), [False] * 3)[:, 0]
    inside, outside = values(r_c - step) - without, values(r_c + step) - without
    # Each term holds f_c <= (π step / 2 R_c)², times at most 4 (two partners, angular part at most 2).
    assert np.abs(inside).max() < 4 * (np.pi * step / (2 * r_c)) ** 2
    assert np.abs(inside[0]) > 0
    np.testing.assert_array_equal(outside, 0.0)


def test_nothing_jumps_where_the_way_changes() -> None:
    """An atom that enters, and takes its centre from triplets to moments and back, moves G5 smoothly to rounding."""
    rng = np.random.default_rng(12)
    around = rng.normal(size=(45, 3))
    around *= (rng.uniform(2.0, 3.9, 45) / np.linalg.norm(around, axis=1))[:, None]
    functions = [G5(0.02, 8.0, lam, 4.0) for lam in (1, -1)]
    plans.plan.cache_clear()
    with pytest.MonkeyPatch.context() as patched:
        # 45 neighbours have 990 pairs, 46 have 1035.
        patched.setattr(plans, "_few", lambda *_: 1000)
        steps = np.linspace(3.999, 4.001, 9)
        values = np.array(
            [
                describe(functions, np.vstack([np.zeros(3), around, [0, 0, r]]), np.zeros((3, 3)), [False] * 3)[:, 0]
                for r in steps
            ]
        )
    plans.plan.cache_clear()
    # f_c is at most 2·10⁻⁷ there, and each of 45 pairs adds at most 2 f_c.
    assert np.abs(np.diff(values, axis=0)).max() < 2e-5
    np.testing.assert_allclose(values[steps >= 4.0], np.tile(values[-1], (5, 1)), rtol=1e-13)
