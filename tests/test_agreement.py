"""Columns made elsewhere against ours: every relation that a table may have, and how little proves none."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from bpbench.agreement.columns import ColumnAgreement, agree, pairing, unnamed
from bpbench.agreement.printing import resolution
from bpbench.data import readers
from bpbench.descriptors.symmetry import describe_frames
from bpbench.errors import DataError
from bpbench.features import G2, G4, G5, preset

if TYPE_CHECKING:
    from bpbench.features import Feature

FUNCTIONS = preset("thesis-22").functions
NAMES = tuple(function.name for function in FUNCTIONS)
PLAIN = [f"column {number}" for number in range(len(NAMES))]


@pytest.fixture(scope="module")
def ours() -> Any:
    """Values of 22 functions for the 512 atoms of one solid and one liquid frame."""
    frames = readers.read(readers.sample_source()).take(np.array([60, 300]))
    return describe_frames(FUNCTIONS, frames, 0, 2).T


def told(theirs: Any, ours: Any, names: Any = PLAIN) -> tuple[ColumnAgreement, ...]:
    """Compare a whole table of the 22 functions."""
    return agree(theirs, names, ours, NAMES, functions=FUNCTIONS)


def kinds(found: tuple[ColumnAgreement, ...]) -> set[str]:
    return {item.kind for item in found}


def printed(values: Any, form: str) -> Any:
    """Return what is left of numbers after they were written into a text."""
    return np.array([[float(format(value, form)) for value in row] for row in values])


@pytest.mark.parametrize("form", ["s", "f4", ".6f", ".10f", ".5e", ".3e"])
def test_equal_values_match_however_they_were_stored(ours: Any, form: str) -> None:
    """Double and single precision, six and ten decimals, six and four digits: every column matches by position."""
    theirs = ours.copy() if form == "s" else ours.astype(np.float32) if form == "f4" else printed(ours, form)
    found = told(theirs, ours)
    assert kinds(found) == {"match"}
    assert [item.function for item in found] == list(NAMES)


def test_a_printed_table_must_agree_to_its_last_digit(ours: Any) -> None:
    """One unit of the sixth decimal is no match, in one atom of 512; nor is 1e-7 of the spread in full precision."""
    theirs = printed(ours, ".6f")
    theirs[7, 3] = round(theirs[7, 3] + np.sign(theirs[7, 3] - ours[7, 3]) * 1e-6, 6)
    assert [n for n, item in enumerate(told(theirs, ours)) if item.kind != "match"] == [3]
    exact = ours.copy()
    exact[7, 3] += 1e-7 * np.ptp(ours[:, 3])
    found = told(exact, ours)[3]
    assert (found.kind, found.factor, found.offset) == ("near", 1.0, 0.0)
    assert found.deviation == pytest.approx(1e-7, rel=1e-3)


def test_a_factor_of_two_is_told_with_its_likely_reason(ours: Any) -> None:
    """Twice our values: each pair, or each neighbour, counted twice."""
    for theirs in (2 * ours, printed(2 * ours, ".6e"), (2 * ours).astype(np.float32)):
        found = told(theirs, ours)
        assert kinds(found) == {"factor"}
        assert all(item.factor == pytest.approx(2, rel=1e-6) for item in found)
        assert all("every neighbour is counted twice" in item.reasons for item in found[:12])
        assert all("every pair of neighbours is counted twice" in item.reasons for item in found[12:])


def test_other_factors_are_told_with_theirs(ours: Any) -> None:
    """The prefactor left out, or with the other power; a sign; a half of f_c left out; another factor has no reason."""
    zeta = np.array([getattr(function, "zeta", 1.0) for function in FUNCTIONS])
    found = told(ours * 2 ** (zeta - 1), ours)
    four = [n for n, z in enumerate(zeta) if z == 4]
    assert all(found[n].reasons == ("the prefactor 2^(1-ζ) is missing (ζ = 4)",) for n in four)
    found = told(ours * 2**zeta, ours)
    assert all(
        found[n].reasons == ("the prefactor 2^(1-ζ) is missing and every pair counted twice (ζ = 4)",) for n in four
    )
    assert all(item.reasons == ("the prefactor is 2^-ζ, not 2^(1-ζ)",) for item in told(ours / 2, ours)[12:])
    assert all("the sign is turned" in item.reasons for item in told(-ours, ours))
    assert all("the ½ of the cutoff function is missing" in item.reasons for item in told(4 * ours, ours)[12:])
    odd = told(1.2345 * ours, ours)
    assert [item.reasons for item in odd] == [()] * 22
    assert odd[5].factor == pytest.approx(1.2345)


def test_the_two_tanh_cutoffs_are_told_apart() -> None:
    """Our values with tanh³ are those with the normalised one times tanh³(1) for each factor f_c."""
    frames = readers.read(readers.sample_source()).take(np.array([300]))
    basis: list[Feature] = [G2(0.1, 0, 6), G5(0.01, 2, 1, 6), G4(0.01, 2, 1, 6)]
    one = [replace(function, cutoff="tanh3-one") for function in basis]
    other = [replace(function, cutoff="tanh3") for function in basis]
    values = [describe_frames(set_, frames, 0, 1).T for set_ in (one, other)]
    found = agree(values[1], ["a", "b", "c"], values[0], ["x", "y", "z"], functions=one)
    assert [item.reasons for item in found] == [("the other tanh³ cutoff is used",)] * 3
    assert [item.factor for item in found] == pytest.approx([math.tanh(1) ** (3 * power) for power in (1, 2, 3)])


@pytest.mark.parametrize(
    ("scaled", "reason"),
    [
        (lambda x: (x - x.min(0)) / np.ptp(x, axis=0), "scaled to 0 … 1 by the least and largest value"),
        (lambda x: 2 * (x - x.min(0)) / np.ptp(x, axis=0) - 1, "scaled to -1 … 1 by the least and largest value"),
        (lambda x: (x - x.mean(0)) / x.std(0), "standardised with mean and standard deviation"),
        (lambda x: (x - x.mean(0)) / x.std(0, ddof=1), "standardised with mean and standard deviation"),
        (lambda x: (x - x.mean(0)) / np.ptp(x, axis=0), "centred and divided by the range"),
        (lambda x: x - x.mean(0), "the mean of these atoms is subtracted"),
        (lambda x: x + 1.5, "a constant is added"),
        (lambda x: 3 * x + 1.5, "scaled with constants that are not those of these atoms"),
    ],
)
def test_scaled_columns_are_told_with_their_scaling(ours: Any, scaled: Any, reason: str) -> None:
    """Min-max, standardised, centred and shifted columns; in single precision and to six decimals as well."""
    for theirs in (scaled(ours), scaled(ours).astype(np.float32), printed(scaled(ours), ".6f")):
        found = told(theirs, ours)
        assert kinds(found) == {"affine"}
        assert {item.reasons[0].startswith(reason) for item in found} == {True}
    x, item = ours[:, 4], told(scaled(ours), ours)[4]
    assert item.factor is not None
    assert item.offset is not None
    np.testing.assert_allclose(item.factor * x + item.offset, scaled(ours)[:, 4], atol=1e-9)


def test_moved_columns_are_found(ours: Any) -> None:
    """Reversed columns without names are moved, scaled or not; with names they are matched by name."""
    found = told(ours[:, ::-1], ours)
    assert kinds(found) == {"moved"}
    assert [item.function for item in found] == list(NAMES[::-1])
    assert [item.expected for item in found] == list(NAMES)
    both = told(((ours - ours.mean(0)) / ours.std(0))[:, ::-1], ours)
    assert kinds(both) == {"moved"}
    assert [item.function for item in both] == list(NAMES[::-1])
    assert kinds(told(ours[:, ::-1], ours, NAMES[::-1])) == {"match"}
    wrong = told(ours, ours, (NAMES[1], NAMES[0], *NAMES[2:]))
    assert [item.kind for item in wrong[:3]] == ["moved", "moved", "match"]
    assert (wrong[0].function, wrong[0].expected) == (NAMES[0], NAMES[1])


def test_columns_without_a_partner_are_looked_for(ours: Any) -> None:
    """Fewer columns without names: each finds its function, one of another kind finds only the closest."""
    table = np.column_stack([ours[:, 20], 2 * ours[:, 3], np.log(ours[:, 5])])
    found = agree(table, ["a", "b", "c"], ours, NAMES, functions=FUNCTIONS)
    assert [item.kind for item in found] == ["match", "factor", "other"]
    assert [item.function for item in found] == [NAMES[20], NAMES[3], None]
    assert found[2].closest in NAMES
    assert found[2].correlation is not None
    assert found[2].correlation > 0.9
    assert unnamed(found, NAMES) == tuple(name for n, name in enumerate(NAMES) if n not in {3, 20})


def test_another_width_is_something_else(ours: Any) -> None:
    """One column with another η: it alone differs, with its deviation and a high but imperfect correlation."""
    frames = readers.read(readers.sample_source()).take(np.array([60, 300]))
    other = describe_frames([replace(FUNCTIONS[6], eta=FUNCTIONS[6].eta * 1.1)], frames, 0, 2)[0]
    theirs = ours.copy()
    theirs[:, 6] = other
    found = told(theirs, ours)
    assert [item.kind for item in found].count("match") == 21
    assert found[6].kind == "other"
    assert found[6].deviation == pytest.approx(np.abs(other - ours[:, 6]).max() / np.ptp(ours[:, 6]))
    assert found[6].correlation == pytest.approx(np.corrcoef(other, ours[:, 6])[0, 1])


def test_another_bohr_is_nearly_the_same(ours: Any) -> None:
    """Lengths converted with a Bohr of six digits leave values that nearly match and are not called equal."""
    frames = readers.read(readers.sample_source()).take(np.array([60, 300]))
    by = 0.529177 / 0.529177210903
    stretched = replace(frames, positions=frames.positions * by, cells=frames.cells * by)
    found = told(describe_frames(FUNCTIONS, stretched, 0, 2).T, ours)
    assert kinds(found) == {"near"}
    assert all(item.deviation is not None and 1e-8 < item.deviation < 1e-4 for item in found)
    assert {(item.factor, item.offset) for item in found} == {(1.0, 0.0)}


def test_few_atoms_prove_little(ours: Any) -> None:
    """Two atoms: equal columns match and a factor is a factor, but a factor with an offset would fit anything."""
    assert kinds(told(ours[:2], ours[:2])) == {"match"}
    assert kinds(told(2 * ours[:2], ours[:2])) == {"factor"}
    found = told(3 * ours[:2] + 1, ours[:2])
    assert kinds(found) == {"undetermined"}
    assert found[0].reasons == ("only two different values among these atoms: any factor or offset would fit",)
    one = told(2 * ours[:1], ours[:1])
    assert kinds(one) == {"undetermined"}
    assert one[0].reasons == ("only one value among these atoms: any factor or offset would fit",)


def test_few_atoms_do_not_tell_which_function_a_column_is(ours: Any) -> None:
    """Columns without a partner: with two atoms an equal one is found, anything else cannot be told."""
    table = np.column_stack([ours[:2, 20], 3 * ours[:2, 20] + 1])
    found = agree(table, ["a", "b"], ours[:2], NAMES)
    assert [item.kind for item in found] == ["match", "undetermined"]
    assert (found[0].function, found[1].function) == (NAMES[20], None)
    assert found[1].reasons == ("too few different values among these atoms to look for its function",)


def test_a_perfect_crystal_has_constant_columns() -> None:
    """Where every atom is alike up to rounding, equal columns match and twice the value proves no factor."""
    rng = np.random.default_rng(1)
    ours = np.array([1.5, 0.2, 0.0]) * (1 + 1e-15 * rng.standard_normal((50, 3)))
    assert kinds(agree(ours[::-1].copy(), "abc", ours, "xyz")) == {"match"}
    found = agree(2 * ours, "abc", ours, "xyz")
    assert [item.kind for item in found] == ["undetermined", "undetermined", "match"]
    varied = agree(ours + rng.random((50, 3)), "abc", ours, "xyz")
    assert kinds(varied) == {"other"}
    assert {item.correlation for item in varied} == {None}


def test_a_constant_or_broken_column_is_said_to_be_one(ours: Any) -> None:
    """A column of zeros, and one with NaN in two rows, are something else with a reason."""
    theirs = ours.copy()
    theirs[:, 2] = 0
    theirs[[3, 5], 9] = np.nan
    found = told(theirs, ours)
    assert (found[2].kind, found[2].reasons) == ("other", ("the column is constant",))
    assert (found[9].kind, found[9].reasons) == ("other", ("2 of 512 values are not finite",))
    assert [item.kind for item in found].count("match") == 20


def test_values_below_the_printed_digits_say_nothing(ours: Any) -> None:
    """A function of 1e-9 that was printed with six decimals is neither right nor wrong."""
    tiny = np.column_stack([ours[:, 0], ours[:, 1] * 1e-9])
    found = agree(printed(tiny, ".6f"), ["a", "b"], tiny, ["x", "y"])
    assert [item.kind for item in found] == ["match", "undetermined"]
    assert found[1].reasons == ("every value lies below the digits that were printed",)
    # With ten decimals there is one digit to compare, with none beside it to tell that it is the last.
    assert [item.kind for item in agree(printed(tiny, ".10f"), ["a", "b"], tiny, ["x", "y"])] == ["match", "match"]


def test_the_resolution_of_a_column() -> None:
    """Half of the last printed digit; half a unit in the last place of float32; nothing for full double precision."""
    rng = np.random.default_rng(2)
    values = rng.random(300) * 20
    np.testing.assert_allclose(resolution(np.round(values, 4)), 0.5e-4)
    np.testing.assert_array_equal(resolution(values), 0.0)
    np.testing.assert_allclose(resolution(values.astype(np.float32)), np.abs(values.astype(np.float32)) * 2.0**-24)
    six = np.array([float(f"{value:.5e}") for value in values])
    power = 10.0 ** (np.floor(np.log10(six)) - 5)
    assert (resolution(six) >= 0.499 * power).all()
    assert (resolution(six) <= np.maximum(0.501 * power, 0.5 * 10.0**-6.0 * 1000)).all()
    assert (resolution(values * 1e300) <= np.spacing(values * 1e300)).all()  # nor beyond the range of float32
    # A few round numbers are no proof of printing.
    np.testing.assert_array_equal(resolution(np.array([0.5, 2.0, 1.5, 0.0])), np.array([0.5, 2.0, 1.5, 0.0]) * 2.0**-24)


def test_tables_that_do_not_fit_are_refused(ours: Any) -> None:
    """Another number of rows, of names, or no atoms at all."""
    with pytest.raises(DataError, match=r"row by row, at least one: found 511 rows in the table and 512 atoms"):
        told(ours[1:], ours)
    with pytest.raises(DataError, match=r"The table: expected one column for each of 21 names, found \(512, 22\)"):
        told(ours, ours, PLAIN[1:])
    with pytest.raises(DataError, match="at least one: found 0 rows"):
        told(ours[:0], ours[:0])


@pytest.mark.parametrize("form", ["f8", "f4", ".6f", ".4e", ".5e"])
def test_our_values_and_theirs_may_both_be_kept_in_single_precision(ours: Any, form: str) -> None:
    """What was printed, then stored in single precision, matches ours in single precision; 3e-7 does not."""
    theirs = printed(ours, form) if form.startswith(".") else ours.astype(form)
    single = ours.astype(np.float32)
    assert kinds(told(theirs.astype(np.float32), single)) == {"match"}
    neighbour = np.nextafter(single, np.float32(np.inf))
    assert kinds(told(neighbour, single)) == {"match"}
    assert "match" not in kinds(told(neighbour, ours - 1e-7 * np.abs(ours)))
    off = (ours[:, 12:] * (1 + 3e-7 * np.arange(-1, 1)[np.arange(len(ours)) % 2])[:, None]).astype(np.float32)
    assert "match" not in {item.kind for item in agree(off, PLAIN[12:], single[:, 12:], NAMES[12:])}


def test_columns_pair_by_a_shared_name_by_position_or_by_likeness() -> None:
    """One name in common is enough; without one, equal numbers of columns stand in order."""
    assert pairing(["a", NAMES[0]], NAMES) == "name"
    assert pairing(PLAIN, NAMES) == "position"
    assert pairing(PLAIN[1:], NAMES) == "likeness"
