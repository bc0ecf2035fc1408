"""Curves of one neighbour and of one pair: n2p2's numbers, and the functions of dimers and trimers."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import numpy as np
import pytest

from bpbench.descriptors.curves import angular_curve, cutoff_curve, pair_curve, radial_curve
from bpbench.descriptors.symmetry import describe
from bpbench.features import CUTOFFS, G2, G4, G5, WITHOUT_ALPHA

#: n2p2's numbers of the types; 0 is not offered.
TYPES = {name: number for number, name in enumerate(CUTOFFS, 1)}
R_C = 3.0


def _f(name: str, r: object) -> np.ndarray:
    return cutoff_curve(name, 0.0 if name in WITHOUT_ALPHA else 0.2, R_C, r)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", CUTOFFS)
def test_cutoff_functions_give_the_numbers_of_n2p2(reference_data: Path, name: str) -> None:
    """At 2.4 Å, inside the inner cutoff and outside R_c, each form gives what n2p2's own tests expect of it."""
    told = json.loads((reference_data / "reference/n2p2/expected_unit_values.json").read_text())["cutoff"]
    assert (told["r_c"], told["alpha"], told["r"]) == (R_C, 0.2, 2.4)
    entry = next(entry for entry in told["values"] if entry["cutoff_type"] == TYPES[name])
    exceptions = dict(re.findall(r"(TANHU?) f=(\S+)", told["inner"]["note"]))
    inner = float(exceptions.get(entry["name"], 1.0))
    assert len(exceptions) == 2
    found = _f(name, [told["r"], told["inner"]["r"], told["outside"]["r"]])
    np.testing.assert_allclose(found, [entry["f"], inner, 0.0], rtol=0, atol=told["tolerance_abs"])


@pytest.mark.parametrize("name", CUTOFFS)
def test_cutoff_functions_fall_from_one_to_zero(name: str) -> None:
    """Each form never rises, ends at exactly 0 and is steady at R_c and at the inner cutoff."""
    r = np.linspace(0, R_C, 3001)
    f = _f(name, r)
    assert np.all(np.diff(f) <= 1e-15)
    assert f[-1] == 0
    assert np.abs(np.diff(f)).max() < 0.002  # no jump: the steepest form falls by 1.1 per Å
    assert f[0] == pytest.approx(math.tanh(1) ** 3 if name == "tanh3" else 1.0, abs=1e-15)


def _pair(r: float) -> np.ndarray:
    return np.array([[0.0, 0.0, 0.0], [r, 0.0, 0.0]])


@pytest.mark.parametrize("name", CUTOFFS)
def test_a_dimer_describes_the_radial_curve(name: str) -> None:
    """G2 of an atom with one neighbour at r is the curve at r, for every cutoff function."""
    alpha = 0.0 if name in WITHOUT_ALPHA else 0.3
    functions = [G2(eta, r_s, 6.0, cutoff=name, alpha=alpha) for eta in (0.0, 0.05, 4.0) for r_s in (0.0, 2.5)]
    distances = np.array([0.8, 2.5, 4.0, 5.9])
    found = [describe(functions, _pair(r), np.zeros((3, 3)), [False] * 3)[:, 0] for r in distances]
    expected = [radial_curve(function, distances) for function in functions]
    np.testing.assert_allclose(np.transpose(found), expected, rtol=1e-12, atol=1e-300)


@pytest.mark.parametrize("theta", [25.0, 60.0, 90.0, 135.0, 180.0])
def test_a_trimer_describes_the_angular_and_the_pair_curve(theta: float) -> None:
    """G5 of an atom with two neighbours at r and the angle θ between them is the angular part times the pair's."""
    functions = [
        G5(eta, zeta, lam, 6.0, r_s=r_s) for eta in (0.0, 0.2) for zeta in (1, 3.5, 16) for lam in (-1, 1)
        for r_s in (0.0, 1.5)
    ]  # fmt: skip
    angle, r = math.radians(theta), 2.2
    trimer = np.array([[0.0, 0.0, 0.0], [r, 0.0, 0.0], [r * math.cos(angle), r * math.sin(angle), 0.0]])
    found = describe(functions, trimer, np.zeros((3, 3)), [False] * 3)[:, 0]
    expected = [float(angular_curve(f.zeta, f.lam, theta) * pair_curve(f, r)) for f in functions]
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-15)


def test_a_g4_has_one_factor_more() -> None:
    """G4 of a right angle is the two curves times exp(-ηR_jk²) f_c(R_jk)."""
    function, r = G4(0.1, 4, -1, 6.0), 2.0
    trimer = np.array([[0.0, 0.0, 0.0], [r, 0.0, 0.0], [0.0, r, 0.0]])
    found = describe([function], trimer, np.zeros((3, 3)), [False] * 3)[0, 0]
    across = math.exp(-0.1 * 8) * 0.5 * (math.cos(math.pi * math.sqrt(8) / 6) + 1)
    assert found == pytest.approx(float(angular_curve(4, -1, 90.0) * pair_curve(function, r)) * across, rel=1e-12)


def test_angular_curves_as_the_papers_write_them() -> None:
    """2^(1-ζ)(1+λcosθ)^ζ by hand: 2 where it peaks, 0 opposite, and 3/4 squared times 2 at 60 degrees."""
    np.testing.assert_allclose(angular_curve(4, 1, [0.0, 90.0, 180.0]), [2, 0.125, 0], atol=1e-15)
    np.testing.assert_allclose(angular_curve(4, -1, [0.0, 90.0, 180.0]), [0, 0.125, 2], atol=1e-15)
    assert float(angular_curve(2, 1, 60.0)) == pytest.approx(1.125)
    assert np.isfinite(angular_curve(5000.0, 1, np.linspace(0, 180, 181))).all()
