"""Symmetry functions as values: what they refuse, what they are called, and the sets of the aluminium study."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from bpbench.errors import FeatureError
from bpbench.features import G2, G4, G5, PRESETS, FeatureSet, angular_pool, evenly_spaced, preset, radial_pool
from bpbench.identity import digest

if TYPE_CHECKING:
    from collections.abc import Callable

    from bpbench.features import Feature

GROUPS = [f"thesis-57-{letter}" for letter in "ABCD"]


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: G2(-0.1, 0.0, 6.8), r"G2: the width eta must be 0 or more \(1/Å²\), found -0\.1\."),
        (lambda: G2(math.nan, 0.0, 6.8), r"G2: eta must be a finite number, found nan\."),
        (lambda: G2(0.1, -1.0, 6.8), r"G2: the centre r_s must be 0 or more \(Å\), found -1\.0\."),
        (lambda: G2(0.1, math.inf, 6.8), r"G2: the centre r_s must be 0 or more \(Å\), found inf\."),
        (lambda: G2(0.1, 0.0, 0.0), r"G2: the cutoff r_c must be positive \(Å\), found 0\.0\."),
        (lambda: G5(0.1, 1.0, 1, math.inf), r"G5: r_c must be a finite number, found inf\."),
        (lambda: G4(0.1, 0.5, 1, 6.8), r"G4: zeta must be 1 or more, found 0\.5\."),
        (lambda: G5(0.1, math.nan, 1, 6.8), r"G5: zeta must be 1 or more, found nan\."),
        (lambda: G5(0.1, 1.0, 0, 6.8), r"G5: lam must be -1 or 1, found 0\."),
        (
            lambda: G2(0.1, 0.0, 5.0, cutoff="kos"),
            r"G2: there is no cutoff function called 'kos'; did you mean 'cos'\?",
        ),
        (lambda: G2(0.1, 0.0, 5.0, alpha=1.0), r"G2: the inner cutoff alpha must lie in 0 ≤ alpha < 1, found 1\.0\."),
        (
            lambda: G5(0.1, 1, 1, 5.0, cutoff="tanh3", alpha=0.1),
            r"G5: the cutoff function 'tanh3' knows no inner cutoff; alpha must be 0, found 0\.1\.",
        ),
        (lambda: G2(0.1, 0.0, 5.0, of="Xy"), r"G2: there is no element 'Xy'; expected a chemical symbol such as Al\."),
        (lambda: G4(0.1, 1, 1, 5.0, of=("Cu", "cu")), r"G4: there is no element 'cu'; did you mean 'Cu'\?"),
        (lambda: G4(0.1, 1, 1, 5.0, of="Cu"), r"G4: of must name the elements of two neighbours, found 'Cu'\."),
        (lambda: G5(0.1, 1, 1, 5.0, of=("Cu",)), r"of must name the elements of two neighbours, found \('Cu',\)\."),
        (lambda: G4(0.1, 1, 1, 5.0, r_s=-1.0), r"G4: the centre r_s must be 0 or more \(Å\), found -1\.0\."),
        (lambda: preset("thesis-22").resolved([]), r"A set is resolved by elements, each named once; found none\."),
        (lambda: preset("thesis-22").resolved(["Cu", "Cu"]), r"each named once; found Cu, Cu\."),
        (lambda: G2(1.0, 60.0, 6.8), r"the centre r_s must not lie beyond the cutoff r_c, .* r_s 60\.0 and r_c 6\.8"),
        (lambda: FeatureSet(()), r"must hold at least one symmetry function, found none\."),
        (lambda: FeatureSet((G2(1, 0, 5), G2(1.0, 0, 5))), r"found twice: G2\(eta=1,rs=0,rc=5\)\."),
        (lambda: preset("thesis-57-E"), r"no feature set called 'thesis-57-E'; did you mean 'thesis-57-[A-D]'\?"),
        (lambda: evenly_spaced((8, 0, 4), (1, 202, 1)), r"Steps and starts of a group count from 1, found steps"),
        (lambda: evenly_spaced((8, 4, 4), (0, 202, 1)), r"and starts \(0, 202, 1\)\."),
        (lambda: evenly_spaced((1, 1, 1), (1, 200, 1)), r"found twice: "),
    ],
)
def test_what_cannot_exist_is_refused(make: Callable[[], object], sentence: str) -> None:
    """Each impossible function or set is refused by a sentence that says what was expected and found."""
    with pytest.raises(FeatureError, match=sentence):
        make()


def test_equal_functions_have_one_plain_form() -> None:
    """Equal functions have equal digests, however their numbers were written, so equal jobs have one address."""
    assert digest(G2(0, np.float64(0), 5)) == digest(G2(-0.0, 0.0, 5.0))
    assert digest(G5(1, 2, np.int64(1), 6)) == digest(G5(1.0, 2.0, 1, 6.0))
    assert digest(G4(1, 2, 1.0, 6)) == digest(G4(1.0, 2.0, 1, 6.0))


def test_a_set_is_resolved_by_elements() -> None:
    """A G2 becomes one for each element, an angular function one for each unordered pair, named ones stay."""
    functions = FeatureSet((G2(0.1, 0, 5), G5(0.1, 2, -1, 5), G4(0.1, 2, 1, 5, of=("S", "Cu"))))
    assert functions.elements == ("S", "Cu")
    assert functions.resolved(["Cu", "S"]).names == (
        "G2(eta=0.1,rs=0,rc=5,of=S)",
        "G2(eta=0.1,rs=0,rc=5,of=Cu)",
        "G5(eta=0.1,zeta=2,lambda=-1,rc=5,of=S-S)",
        "G5(eta=0.1,zeta=2,lambda=-1,rc=5,of=S-Cu)",
        "G5(eta=0.1,zeta=2,lambda=-1,rc=5,of=Cu-Cu)",
        "G4(eta=0.1,zeta=2,lambda=+1,rc=5,of=S-Cu)",
    )
    assert G5(0.1, 2, 1, 5, of=("Cu", "S")) == G5(0.1, 2, 1, 5, of=("S", "Cu"))


def test_seldom_given_parameters_stand_in_the_name() -> None:
    """Cutoff function, inner cutoff, elements and shift tell functions apart, so they tell their names apart."""
    assert G2(1, 0, 6, of="Cu", cutoff="poly2", alpha=0.25).name == "G2(eta=1,rs=0,rc=6,fc=poly2,alpha=0.25,of=Cu)"
    assert G5(1, 2, 1, 6, r_s=0.5, cutoff="tanh3").name == "G5(eta=1,zeta=2,lambda=+1,rs=0.5,rc=6,fc=tanh3)"


def test_names_are_readable_and_tell_every_two_functions_apart() -> None:
    """Names are short where six digits say the value and exact where they do not: no two functions share one."""
    assert G2(1.85, 2.5, 6.8).name == "G2(eta=1.85,rs=2.5,rc=6.8)"
    assert G4(0.01, 4, -1, 6.8).name == "G4(eta=0.01,zeta=4,lambda=-1,rc=6.8)"
    assert G5(0.01, 4, 1, 6.8).name == "G5(eta=0.01,zeta=4,lambda=+1,rc=6.8)"
    near = [G2(0.12345671, 0, 6.8), G2(0.12345672, 0, 6.8), G2(1e-8, 0, 6.8)]
    assert [function.name for function in near] == [
        "G2(eta=0.12345671,rs=0,rc=6.8)",
        "G2(eta=0.12345672,rs=0,rc=6.8)",
        "G2(eta=1e-08,rs=0,rc=6.8)",
    ]


def test_radial_pool_is_the_published_one() -> None:
    """Radial functions 1 to 201 and 202 to 269 follow the two published grids, the first width replaced."""
    radial = radial_pool()
    assert len(radial) == 269
    assert radial[0] == G2(0.0013, 0.0, 6.8)
    assert radial[1] == G2(0.01, 0.0, 6.8)
    assert radial[200] == G2(2.0, 0.0, 6.8)
    assert radial[201] == G2(1.85, 0.05, 6.8)
    assert radial[268] == G2(1.85, 6.8, 6.8)
    np.testing.assert_allclose([g.eta for g in radial[1:201]], np.linspace(0, 2, 201)[1:], atol=1e-12)
    np.testing.assert_allclose([g.r_s for g in radial[201:]], np.linspace(0.05, 6.8, 68), atol=1e-12)
    assert {g.r_s for g in radial[:201]} == {0.0}
    assert {g.eta for g in radial[201:]} == {1.85}


def test_angular_pool_runs_zeta_fastest_and_lambda_slowest() -> None:
    """The reconstructed angular grid has 2 x 6 x 5 functions, ζ fastest and λ slowest."""
    angular = angular_pool()
    assert len(angular) == 60
    assert [g.zeta for g in angular[:6]] == [1, 2, 4, 8, 16, 1]
    assert [g.lam for g in angular] == [-1] * 30 + [1] * 30
    assert len({g.eta for g in angular[:30]}) == 6
    assert [g.eta for g in angular[:30]] == sorted(g.eta for g in angular[:30])
    assert angular[:30] == tuple(G5(g.eta, g.zeta, -1, g.r_c) for g in angular[30:])


@pytest.mark.parametrize(
    ("name", "count", "first", "last"),
    [
        ("thesis-329", 329, G2(0.0013, 0, 6.8), G5(0.2, 16, 1, 6.8)),
        ("thesis-57-A", 57, G2(0.0013, 0, 6.8), G5(0.2, 2, 1, 6.8)),
        ("thesis-57-B", 57, G2(0.01, 0, 6.8), G5(0.2, 4, 1, 6.8)),
        ("thesis-57-C", 57, G2(0.02, 0, 6.8), G5(0.2, 8, 1, 6.8)),
        ("thesis-57-D", 57, G2(0.03, 0, 6.8), G5(0.2, 16, 1, 6.8)),
        ("thesis-22", 22, G2(0.0013, 0, 6.8), G5(0.01, 16, 1, 6.8)),
        ("thesis-12", 12, G2(0.0013, 0, 6.8), G2(2.0, 0, 6.8)),
    ],
)
def test_presets_are_pinned(name: str, count: int, first: Feature, last: Feature) -> None:
    """Every preset keeps its count, its ends, and the label that part of it is a reconstruction."""
    chosen = preset(name)
    assert name in PRESETS
    assert len(chosen) == count == len(set(chosen.names))
    assert (chosen.functions[0], chosen.functions[-1]) == (first, last)
    assert chosen.reconstructed


def test_the_whole_pool_is_radial_then_angular() -> None:
    """Number n of the pool is radial n up to 269 and angular n - 269 above."""
    assert preset("thesis-329").functions == (*radial_pool(), *angular_pool())


@pytest.mark.parametrize("name", GROUPS)
def test_each_group_of_57_meets_every_part_of_the_pool(name: str) -> None:
    """A group holds 25 + 17 radial and 15 angular functions, and of these all widths, both λ and all ζ."""
    chosen = preset(name).functions
    assert [type(g) for g in chosen] == [G2] * 42 + [G5] * 15
    assert [g.r_s > 0 for g in chosen[:42]] == [False] * 25 + [True] * 17
    angular = chosen[42:]
    assert len({g.eta for g in angular}) == 6
    assert {g.lam for g in angular} == {-1, 1}
    assert {g.zeta for g in angular} == {1, 2, 4, 8, 16}


def test_groups_of_57_share_nothing() -> None:
    """A, B, C and D are disjoint, and together hold all shifted radial and all angular functions."""
    names = [name for group in GROUPS for name in preset(group).names]
    assert len(set(names)) == 4 * 57
    pool = preset("thesis-329").names
    assert set(pool[201:]) <= set(names) <= set(pool)


def test_twenty_two_is_twelve_and_ten_angular() -> None:
    """The 22-variable set starts with the 12 radial functions and adds one width's ten angular ones."""
    chosen = preset("thesis-22").functions
    assert chosen[:12] == preset("thesis-12").functions
    assert {(g.lam, g.zeta) for g in chosen[12:]} == {(lam, z) for lam in (-1, 1) for z in (1, 2, 4, 8, 16)}
    assert {g.eta for g in chosen[12:]} == {0.01}


def test_a_group_without_angular_functions_is_no_reconstruction() -> None:
    """Only the angular values were never published, so a purely radial group is not labelled."""
    assert not evenly_spaced((8, 4, 4), (1, 202, 61)).reconstructed
