"""The neighbour list against counting through images, and the frames it refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from descriptor_twin import ZOO, images

from bpbench.descriptors.neighbours import neighbours
from bpbench.errors import DataError

if TYPE_CHECKING:
    import numpy.typing as npt


@pytest.mark.parametrize("name", ZOO)
@pytest.mark.parametrize("r_c", [3.1, 4.5, 6.8])
def test_the_list_is_the_counted_one(name: str, r_c: float) -> None:
    """Centres, neighbours and vectors are those found by counting, in cells far smaller than the cutoff too."""
    near = neighbours(*ZOO[name], r_c)
    vectors = near.vector.T
    ours = sorted((int(i), int(j), *v.round(8)) for i, j, v in zip(near.centre, near.index, vectors, strict=True))
    theirs = sorted((i, j, *v.round(8)) for i, j, v in images(ZOO[name], r_c))
    np.testing.assert_allclose(ours, theirs, atol=2e-8)
    np.testing.assert_allclose(near.distance, np.linalg.norm(near.vector, axis=0), rtol=1e-14)


def test_order_is_by_centre_then_neighbour() -> None:
    """Rows are sorted by centre and then by neighbour, and every centre owns its slice."""
    near = neighbours(*ZOO["triclinic"], 6.8)
    assert near.border[0, 0] == 0
    assert near.border[-1, 1] == len(near.index)
    np.testing.assert_array_equal(near.border[1:, 0], near.border[:-1, 1])
    for begin, end in near.border:
        assert (np.diff(near.index[begin:end]) >= 0).all()


def test_order_is_that_of_a_plain_sort() -> None:
    """Entries come by centre, kind, neighbour and cell of the image, as a sort of those whole numbers puts them."""
    positions, cell, pbc = ZOO["triclinic"]
    kind = np.array([1, 0, 2, 1])
    near = neighbours(positions, cell, pbc, 6.8, kind)
    shift = np.rint((near.vector.T - positions[near.index] + positions[near.centre]) @ np.linalg.inv(cell)).astype(int)
    keys = (*shift.T[::-1], near.index, kind[near.index], near.centre)
    np.testing.assert_array_equal(np.lexsort(keys), np.arange(len(near.index)))
    for i, borders in enumerate(near.border):
        for k in range(3):
            inside = slice(borders[k], borders[k + 1])
            assert (kind[near.index[inside]] == k).all()
            assert (near.centre[inside] == i).all()


def test_a_smaller_cutoff_is_a_part_of_a_larger() -> None:
    """Cutting a list down gives the same rows as asking for the smaller cutoff."""
    cut = neighbours(*ZOO["slab"], 6.8).within(3.1)
    asked = neighbours(*ZOO["slab"], 3.1)
    np.testing.assert_array_equal(cut.border, asked.border)
    np.testing.assert_array_equal(cut.index, asked.index)
    np.testing.assert_array_equal(cut.vector, asked.vector)


def test_a_lone_atom_has_no_neighbours() -> None:
    """One atom without periodicity has an empty list."""
    near = neighbours([[0.0, 0.0, 0.0]], np.zeros((3, 3)), [False] * 3, 6.8)
    assert near.border.tolist() == [[0, 0]]
    assert near.vector.shape == (3, 0)


def test_atoms_thousands_of_cells_away_keep_their_neighbours() -> None:
    """Unwrapped positions far outside the cell, and clusters drawn out far, are served up to the stated limit."""
    far = np.array([[0.0, 0.0, 0.0], [60_001.0, 1.0, 1.0]])
    near = neighbours(far, 4 * np.eye(3), [True] * 3, 6.8)
    home = neighbours([[0.0, 0.0, 0.0], [1.0, 1.0, 1.0]], 4 * np.eye(3), [True] * 3, 6.8)
    np.testing.assert_allclose(np.sort(near.distance), np.sort(home.distance), atol=1e-10)
    drawn_out = neighbours([*far.tolist(), [60_001.0, 2.0, 1.0]], np.zeros((3, 3)), [False] * 3, 6.8)
    assert np.diff(drawn_out.border[:, 0]).tolist() == [0, 1]
    assert len(drawn_out.index) == 2


PERIODIC, OPEN = [True] * 3, [False] * 3
TWO = [[0.0, 0.0, 0.0], [1.0, 1.0, 1.0]]


@pytest.mark.parametrize(
    ("positions", "cell", "pbc", "sentence"),
    [
        (
            [*TWO, [1.0, 1.0, 1.0]],
            4 * np.eye(3),
            PERIODIC,
            r"Atoms must lie apart, found atoms 1 and 2 \(or their images\) 0 Å from each other; drop one of them",
        ),
        ([*TWO, [5.0, 1.0, 1.0]], 4 * np.eye(3), PERIODIC, r"found atoms 1 and 2 \(or their images\)"),
        (
            [*TWO, [1.0, np.nan, 1.0]],
            4 * np.eye(3),
            PERIODIC,
            r"Positions must be finite, found \[1\.0, nan, 1\.0\] for atom 2; mend or drop this frame\.",
        ),
        (
            TWO,
            np.diag([1e6, 4, 4]),
            PERIODIC,
            r"Cell vectors must be shorter than 10000 cutoffs, found .* check the unit",
        ),
        (
            TWO,
            np.zeros((3, 3)),
            PERIODIC,
            r"The periodic cell vectors must span a volume, found .* Å; give the frame its",
        ),
        (TWO, [[4, 0, 0], [0, 4, 0], [4, 4, 0]], PERIODIC, r"must span a volume"),
        (TWO, [[4, 0, 0], [8, 0, 0], [0, 0, 4]], [True, True, False], r"set pbc to false where it is not periodic"),
        (TWO, np.full((3, 3), np.inf), PERIODIC, r"The cell must be finite where it is periodic"),
        (TWO, 0.05 * np.eye(3), PERIODIC, r"A cutoff of 6\.8 Å would hold about .* lengths must be in Å"),
        (TWO, np.diag([0.01, 0.01, 0.0]), [True, True, False], r"lengths must be in Å: check the unit of the cell"),
        (np.zeros((0, 3)), np.eye(3), OPEN, r"shape \(atoms, 3\) with at least one atom, found \(0, 3\)\."),
        (np.zeros((2, 2)), np.eye(3), OPEN, r"shape \(atoms, 3\) with at least one atom, found \(2, 2\)\."),
        (TWO, np.eye(2), PERIODIC, r"A cell must be 3 by 3 and its pbc 3 flags, found shapes \(2, 2\) and \(3,\)\."),
        (TWO, np.eye(3), True, r"found shapes \(3, 3\) and \(\)\."),
    ],
)
def test_frames_that_have_no_neighbours_list_are_refused(
    positions: npt.ArrayLike, cell: npt.ArrayLike, pbc: npt.ArrayLike, sentence: str
) -> None:
    """Each frame without a sensible neighbour list is refused by a sentence that says where and what to do."""
    with pytest.raises(DataError, match=sentence):
        neighbours(positions, cell, pbc, 6.8)
