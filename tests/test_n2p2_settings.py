"""input.nn and scaling.data: order, units, round trips and every refusal."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpbench.errors import FeatureError, RequestError
from bpbench.features import CUTOFFS, G2, G4, G5, WITHOUT_ALPHA, FeatureSet
from bpbench.formats.n2p2 import (
    ACTIVATIONS,
    CUTOFF_TYPES,
    SCALINGS,
    Normalisation,
    ScalingData,
    Settings,
    Statistics,
    order,
    read_scaling,
    read_settings,
    write_scaling,
    write_settings,
)
from bpbench.units import ANGSTROM_PER_BOHR, EV_PER_HARTREE

GOOD = """\
number_of_elements 2
elements S Cu            # in any order
atom_energy Cu -1.5
cutoff_type 6 0.25
scale_symmetry_functions
center_symmetry_functions ! like this
scale_min_short -1.0
scale_max_short 1.0
global_hidden_layers_short 2
global_nodes_short 15 10
global_activation_short t p l
fitting_unit eV
symfunction_short S 2 Cu 0.5 0.0 6.0
symfunction_short S 2 S  0.5 0.0 6.0
symfunction_short Cu 9 S Cu 0.01 1 2.0 6.0
symfunction Cu 3 S Cu 0.01 1.0 2 6.0 0.5
symfunction_short Cu 9 Cu S 0.01 -1 2.0 6.0
symfunction_short Cu 2 S 0.5 1.0 6.0
"""


def _read(text: str = GOOD, **options: Any) -> Settings:
    return read_settings(text, units=options.get("units", "angstrom-ev"))


def test_everything_an_input_says_is_read() -> None:
    """Elements by atomic number, functions in n2p2's order with that of their lines, scaling, energies, network."""
    found = _read()
    cutoff = {"cutoff": "poly2", "alpha": 0.25}
    assert found == Settings(
        elements=("S", "Cu"),
        functions={
            "S": FeatureSet((G2(0.5, 0, 6, "S", **cutoff), G2(0.5, 0, 6, "Cu", **cutoff))),
            "Cu": FeatureSet(
                (
                    G2(0.5, 1, 6, "S", **cutoff),
                    G4(0.01, 2, 1, 6, ("S", "Cu"), 0.5, **cutoff),
                    G5(0.01, 2, -1, 6, ("S", "Cu"), **cutoff),
                    G5(0.01, 2, 1, 6, ("S", "Cu"), **cutoff),
                )
            ),
        },
        scaling="scale-center",
        scale_min=-1.0,
        scale_max=1.0,
        atom_energy={"Cu": -1.5},
        hidden=(15, 10),
        activations=("t", "p", "l"),
        file_order={"S": (1, 0), "Cu": (3, 1, 2, 0)},
    )


def test_functions_are_sorted_by_each_key_in_turn() -> None:
    """Type, cutoff function, α, R_c, η, R_s, ζ, λ, then the neighbours by atomic number (not by letter)."""
    ordered = [
        G2(1.0, 1.0, 5.0, "S"),
        G2(0.1, 5.5, 6.0, "Zn"),
        G2(0.2, 0.0, 6.0, "Zn"),
        G2(0.2, 0.5, 6.0, "S"),
        G2(0.2, 0.5, 6.0, "Cu"),
        G2(0.0, 0.0, 4.0, "S", alpha=0.1),
        G2(0.0, 0.0, 3.0, "S", "poly1"),
        G4(0.1, 8.0, 1, 6.0, ("Zn", "Zn")),
        G4(0.1, 1.0, 1, 6.0, ("Zn", "Zn"), 0.5),
        G4(0.1, 2.0, -1, 6.0, ("Zn", "Zn"), 0.5),
        G4(0.1, 2.0, 1, 6.0, ("S", "Zn"), 0.5),
        G4(0.1, 2.0, 1, 6.0, ("Cu", "Cu"), 0.5),
        G5(0.0, 1.0, -1, 2.0, ("S", "S")),
    ]
    assert order(ordered) == tuple(range(13))
    assert order(ordered[::-1]) == tuple(range(12, -1, -1))


@pytest.mark.parametrize(("name", "kind"), CUTOFF_TYPES.items())
def test_cutoff_types(name: str, kind: int) -> None:
    """Every cutoff function has its number; tanh³ knows no inner cutoff, as n2p2 says in a warning."""
    assert set(CUTOFF_TYPES) == set(CUTOFFS)
    (function,) = _read(f"elements Al\ncutoff_type {kind} 0.5\nsymfunction_short Al 2 Al 1 0 6\n").functions["Al"]
    assert function == G2(1, 0, 6, "Al", name, 0.0 if name in WITHOUT_ALPHA else 0.5)


def test_the_inner_cutoff_may_be_left_out() -> None:
    """One number is the type alone."""
    assert _read(GOOD.replace("6 0.25", "6")).functions["S"].functions[0].alpha == 0


@pytest.mark.parametrize(
    ("lines", "scaling"),
    [
        ("", "none"),
        ("scale_symmetry_functions", "scale"),
        ("center_symmetry_functions", "center"),
        ("center_symmetry_functions\nscale_symmetry_functions", "scale-center"),
        ("scale_symmetry_functions_sigma", "sigma"),
        ("scale_symmetry_functions_sigma\ncenter_symmetry_functions", "center"),
        ("scale_symmetry_functions_sigma\nscale_symmetry_functions", "scale"),
    ],
)
def test_scalings(lines: str, scaling: str) -> None:
    """The five scalings; sigma counts only where neither of the others is asked for, as in n2p2."""
    found = _read(f"elements Al\ncutoff_type 1\nsymfunction_short Al 2 Al 1 0 6\n{lines}\n")
    assert (found.scaling, found.scale_min, found.scale_max) == (scaling, 0.0, 1.0)
    assert scaling in SCALINGS


def test_lengths_in_bohr_become_angstrom() -> None:
    """η in 1/Bohr², R_s and R_c in Bohr, energies in Hartree; ζ, λ and the inner cutoff have no unit."""
    text = GOOD + "mean_energy -2.0\nconv_energy 4.0\nconv_length 3.0\n"
    found = _read(text, units="bohr-hartree")
    g4 = found.functions["Cu"].functions[1]
    assert g4.eta == pytest.approx(0.01 / ANGSTROM_PER_BOHR**2, rel=1e-15)
    assert g4.r_s == pytest.approx(0.5 * ANGSTROM_PER_BOHR, rel=1e-15)
    assert g4.r_c == pytest.approx(6.0 * ANGSTROM_PER_BOHR, rel=1e-15)
    assert (g4.zeta, g4.lam, g4.alpha) == (2.0, 1, 0.25)
    assert found.atom_energy == {"Cu": pytest.approx(-1.5 * EV_PER_HARTREE, rel=1e-15)}
    assert found.normalisation is not None
    assert found.normalisation.mean_energy == pytest.approx(-2.0 * EV_PER_HARTREE, rel=1e-15)
    assert found.normalisation.conv_energy == pytest.approx(4.0 / EV_PER_HARTREE, rel=1e-15)
    assert found.normalisation.conv_length == pytest.approx(3.0 / ANGSTROM_PER_BOHR, rel=1e-15)


def test_normalisation_changes_no_function() -> None:
    """n2p2 multiplies positions and parameters alike by conv_length, so that the file's lengths are its data's."""
    plain, normalised = _read(), _read(GOOD + "mean_energy -2.0\nconv_energy 4.0\nconv_length 3.0\n")
    assert normalised.functions == plain.functions
    assert normalised.normalisation == Normalisation(-2.0, 4.0, 3.0)


def test_global_and_element_functions_stand_for_all_neighbours() -> None:
    """RuNNer's two short forms make a function for each neighbour, or pair of neighbours."""
    text = "elements S Cu\ncutoff_type 1\nglobal_symfunction_short 2 0 0 6\nelement_symfunction_short Cu 3 0 1 2 6\n"
    found = _read(text).functions
    radial = (G2(0, 0, 6, "S"), G2(0, 0, 6, "Cu"))
    assert found["S"].functions == radial
    pairs = [("S", "S"), ("S", "Cu"), ("Cu", "Cu")]
    assert found["Cu"].functions == (*radial, *(G4(0, 2, 1, 6, pair) for pair in pairs))


# ---------------------------------------------------------------------------------------------------- round trips

_LENGTHS = st.floats(1e-6, 30.0)
_ELEMENTS = ("S", "Cu")


@st.composite
def _settings(draw: st.DrawFn) -> Settings:
    kind = draw(st.sampled_from(sorted(CUTOFFS)))
    cutoff = {"cutoff": kind, "alpha": 0.0 if kind in WITHOUT_ALPHA else draw(st.sampled_from([0.0, 0.1, 0.3]))}
    element, wide, share = st.sampled_from(_ELEMENTS), st.floats(0.0, 50.0), st.floats(0.0, 1.0)
    radial = st.builds(lambda eta, s, c, of: G2(eta, s * c, c, of, **cutoff), wide, share, _LENGTHS, element)
    angular = st.builds(
        lambda kind, eta, zeta, lam, c, of, s: kind(eta, zeta, lam, c, of, s * c, **cutoff),
        st.sampled_from([G4, G5]),
        wide,
        st.floats(1.0, 64.0),
        st.sampled_from([-1, 1]),
        _LENGTHS,
        st.tuples(element, element),
        share,
    )
    functions, lines = {}, {}
    for name in _ELEMENTS:
        listed = draw(st.lists(radial | angular, min_size=1, max_size=5, unique_by=lambda function: function.name))
        functions[name] = FeatureSet(tuple(listed[place] for place in order(listed)))
        lines[name] = tuple(draw(st.permutations(range(len(listed)))))
    hidden = tuple(draw(st.lists(st.integers(1, 40), max_size=3)))
    count = len(hidden) + 1
    letters = st.lists(st.sampled_from(sorted(ACTIVATIONS)), min_size=count, max_size=count).map(tuple)
    low = draw(st.floats(-5, 5))
    return Settings(
        elements=_ELEMENTS,
        functions=functions,
        scaling=draw(st.sampled_from(sorted(SCALINGS))),
        scale_min=low,
        scale_max=low + draw(st.floats(0.1, 3)),
        atom_energy=draw(st.dictionaries(element, st.floats(-1e5, 1e5))),
        normalisation=draw(st.none() | st.builds(Normalisation, st.floats(-1e4, 1e4), _LENGTHS, _LENGTHS)),
        hidden=hidden,
        activations=draw(letters) if hidden else draw(letters | st.just(())),
        normalize_nodes=draw(st.booleans()),
        file_order=lines,
    )


@given(settings=_settings(), units=st.sampled_from(["angstrom-ev", "bohr-hartree"]))
def test_what_is_written_is_read_back_to_the_last_bit(settings: Settings, units: Any) -> None:
    """Settings are equal after writing and reading in either unit, the order of the lines included."""
    assert read_settings(write_settings(settings, units=units), units=units) == settings


def test_written_lengths_are_short_again() -> None:
    """12 Bohr, read into Å, is written as 12 Bohr."""
    text = "elements Cu\ncutoff_type 1\nsymfunction_short Cu 2 Cu 0.006 0.0 12\n"
    assert write_settings(_read(text, units="bohr-hartree"), units="bohr-hartree").endswith(
        "symfunction_short Cu 2 Cu 0.006 0.0 12\n"
    )


def test_mixed_cutoff_functions_cannot_be_written() -> None:
    """A file has one cutoff type and one inner cutoff."""
    functions = FeatureSet((G2(0, 0, 6, "Al"), G2(0, 0, 6, "Al", alpha=0.5), G2(0, 0, 6, "Al", "poly2")))
    with pytest.raises(
        FeatureError,
        match=r"one cutoff function for all .* found cos with alpha=0, cos with alpha=0\.5, poly2 with alpha=0\.$",
    ):
        write_settings(Settings(("Al",), {"Al": functions}), units="angstrom-ev")


# ------------------------------------------------------------------------------------------------------ refusals


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("elements S Cu ", "#", r"^input\.nn: there is no line 'elements'; expected one such as 'elements Cu S'\.$"),
        ("elements S Cu ", "elements S cu", r"line 2: there is no element 'cu'; did you mean 'Cu'\?$"),
        ("elements S Cu ", "elements S Qx", r"line 2: there is no element 'Qx'\.$"),
        ("elements S Cu ", "elements S S #", r"line 2: expected elements, each named once, found S S\.$"),
        ("elements S Cu ", "elements #", r"line 2: expected elements, each named once, found none\.$"),
        ("elements 2", "elements 3", r"line 2: expected 3 elements as said in line 1, found 2\.$"),
        ("elements 2", "elements two", r"line 1: expected a whole number, found 'two'\.$"),
        (
            "cutoff_type 6 0.25",
            "",
            r"^input\.nn: there is no line 'cutoff_type'; expected one such as 'cutoff_type 1'\.$",
        ),
        (
            "cutoff_type 6",
            "cutoff_type 0",
            r"line 4: cutoff type 0 is not offered; possible are 1, 2, 3, 4, 5, 6, 7, 8\.$",
        ),
        ("6 0.25", "6 1.0", r"line 4: the inner cutoff must lie in 0 ≤ alpha < 1, found 1\.0\.$"),
        ("6 0.25", "6 0.2 1", r"line 4: 'cutoff_type' takes 1 or 2 values \(type, and the inner .*\), found 3\.$"),
        ("fitting_unit eV", "cutoff_alpha 0.5", r"line 12: 'cutoff_alpha' is not read; expected the inner cutoff as"),
        ("fitting_unit eV", "cutoff_type 1", r"line 12: 'cutoff_type' stands in line 4 already; expected it once\.$"),
        (
            "fitting_unit eV",
            "nnp_gen 4G-HDNNP",
            r"line 12: expected a short-range potential \(2G-HDNNP\), found nnp_gen 4G",
        ),
        (
            "fitting_unit eV",
            "element_nodes_short S 3 3",
            "line 12: 'element_nodes_short' is not read; expected one network",
        ),
        (
            "fitting_unit eV",
            "atom_energy Ni 1",
            r"line 12: expected one of the file's elements \(S, Cu\), found 'Ni'\.$",
        ),
        ("fitting_unit eV", "atom_energy Cu 1", r"line 12: the energy of Cu is given already; expected it once\.$"),
        (
            "fitting_unit eV",
            "atom_energy S",
            r"line 12: 'atom_energy' takes 2 values \(element and energy\), found 1\.$",
        ),
        (
            "fitting_unit eV",
            "conv_length 2",
            r"line 12: mean_energy, conv_energy and conv_length .*; found only conv_length",
        ),
        (
            "fitting_unit eV",
            "mean_energy 0\nconv_energy 1\nconv_length 0",
            r"line 14: 'conv_length' must be positive, found 0\.$",
        ),
        (
            "max_short 1.0",
            "max_short -2",
            r"line 8: scale_min_short must be less than scale_max_short, found -1 and -2\.$",
        ),
        ("max_short 1.0", "max_short", r"line 8: 'scale_max_short' takes 1 value \(one number\), found 0\.$"),
        ("short -1.0", "short nan", r"line 7: expected a number, found 'nan'\.$"),
        ("layers_short 2", "layers_short 1", r"line 10: expected the nodes of 1 hidden layers \(line 9\), found 2\.$"),
        ("global_nodes_short 15 10", "", r"line 9: expected the nodes of 2 hidden layers \(line 9\), found 0\.$"),
        ("short 15 10", "short 15 0", r"line 11: A hidden layer has 1 node or more, found 15, 0\.$"),
        (
            "t p l",
            "t q l",
            r"line 11: There is no activation function 'q'; possible are l, t, s, p, r, g, c, S, e, h\.$",
        ),
        ("t p l", "t l", r"line 11: 2 hidden layers and the output take 3 activation functions, found 2\.$"),
        (
            "global_activation_short t p l",
            "",
            r"^input\.nn: a network takes global_hidden_layers_short and .* one of them",
        ),
        (
            "S 2 S  0.5 0.0 6.0",
            "S 12 0.5 0.0 6.0",
            r"line 14: symmetry functions of type 12 are not offered; .* 2, 3 and 9",
        ),
        ("S 2 S  0.5 0.0 6.0", "S", r"line 14: symmetry functions of type 0 are not offered"),
        ("S 2 S  0.5 0.0 6.0", "S two", r"line 14: expected a whole number, found 'two'\.$"),
        ("S 2 S  0.5 0.0 6.0", "", r"line 14: expected one of the file's elements \(S, Cu\), found nothing\.$"),
        (
            "S 2 S  0.5 0.0 6.0",
            "S 2 S 0.5 0.0",
            r"line 14: 'symfunction_short' takes 6 values \(type 2: elements, eta rs rc\), found 5\.$",
        ),
        (
            "0.01 1.0 2 6.0 0.5",
            "0.01 1.0 2 6.0 0.5 1",
            r"line 16: 'symfunction' takes 8 or 9 values \(type 3: elements, eta lambda zeta rc \[rs\]\), found 10\.$",
        ),
        ("S 2 S  0.5 0.0 6.0", "S 2 Zn 0.5 0.0 6.0", r"line 14: expected one of the file's elements .*found 'Zn'\.$"),
        ("S 2 S  0.5 0.0 6.0", "S 2 S 0.5 0.0 6.0D0", r"line 14: expected a number, found '6\.0D0'\.$"),
        (
            "S 2 S  0.5 0.0 6.0",
            "S 2 S 0.5 0.0 -6.0",
            r"line 14: G2: the cutoff r_c must be positive \(Å\), found -6\.0\.$",
        ),
        ("0.01 1.0 2 6.0 0.5", "0.01 0.5 2 6.0", r"line 16: G4: lam must be -1 or 1, found 0\.5\.$"),
        ("S 2 S  0.5 0.0 6.0", "S 2 Cu .5 0 6", r"line 14: line 13 holds the same function of S already\.$"),
        (
            "symfunction_short S 2",
            "symfunction_short Cu 2",
            r"^input\.nn: there is no symmetry function of S; expected",
        ),
        (
            "symfunction_short S 2 S ",
            "global_symfunction_short 2",
            r"line 14: line 13 holds the same function of S already",
        ),
        (
            "symfunction_short S 2 S ",
            "my_symfunction_short 2",
            r"line 14: 'my_symfunction_short' is not read; possible are",
        ),
    ],
)
def test_inputs_that_are_refused(old: str, new: str, sentence: str) -> None:
    """One sentence with file and line for each way in which an input.nn cannot be used."""
    assert old in GOOD
    with pytest.raises(FeatureError, match=sentence) as caught:
        _read(GOOD.replace(old, new))
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("input.nn")


def test_refusals_name_the_file(tmp_path: Path) -> None:
    """A file is called by its path; one that is missing or broken is refused too."""
    path = tmp_path / "other.nn"
    path.write_text(GOOD.replace("cutoff_type 6", "cutoff_type 0"), encoding="utf-8")
    with pytest.raises(FeatureError, match=r"other\.nn, line 4: cutoff type 0"):
        read_settings(path, units="angstrom-ev")
    with pytest.raises(FeatureError, match=r"none\.nn: there is no such file or folder\.$"):
        read_settings(tmp_path / "none.nn", units="angstrom-ev")
    packed = tmp_path / "input.nn.xz"
    packed.write_bytes(b"not packed")
    with pytest.raises(FeatureError, match=r"input\.nn\.xz: the file cannot be read \(Input format not supported"):
        read_settings(packed, units="angstrom-ev")


def test_units_must_be_known() -> None:
    """Nothing is guessed."""
    with pytest.raises(RequestError, match=r"no units called 'bohr'; possible are angstrom-ev, bohr-hartree"):
        _read(units="bohr")
    with pytest.raises(RequestError, match=r"no units called 'bohr-hartre'; did you mean 'bohr-hartree'\?"):
        _read(units="bohr-hartre")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"elements": ("Cu", "S")}, r"Elements must be named once, by atomic number; found Cu, S\."),
        ({"elements": ()}, r"Elements must be named once, by atomic number; found none\."),
        ({"elements": ("S",)}, r"Functions must be given for the elements S, found S, Cu\."),
        ({"atom_energy": {"Ni": 0.0}}, r"Atom energies belong to the elements S, Cu, found Ni\."),
        ({"scaling": "sigmas"}, r"There is no scaling called 'sigmas'; did you mean 'sigma'\?"),
        ({"scale_max": -1.0}, r"scale_min must be less than scale_max, found -1\.0 and -1\.0\."),
        ({"hidden": ()}, r"0 hidden layers and the output take 1 activation functions, found 3\."),
        ({"file_order": {"S": (0, 2)}}, r"S: file_order must name each of its 2 lines once, found \[0, 2\]\."),
    ],
)
def test_settings_that_cannot_be(change: dict[str, Any], sentence: str) -> None:
    """Values that no file could say are refused where they are made."""
    with pytest.raises(FeatureError, match=sentence):
        replace(_read(), **change)


def test_functions_of_settings_name_neighbours_and_stand_in_order() -> None:
    """Neighbours are named, are among the elements, and the order is n2p2's."""
    for functions, sentence in (
        ((G2(0, 0, 6),), r"Al, G2\(eta=0,rs=0,rc=6\): a function in an input\.nn names its neighbours; use FeatureSet"),
        ((G2(0, 0, 6, "Ni"),), r"Al, G2.*: its neighbours must be among Al\."),
        ((G2(1, 0, 6, "Al"), G2(0, 0, 6, "Al")), r"Al: the functions do not stand in n2p2's order; sort them by order"),
    ):
        with pytest.raises(FeatureError, match=sentence):
            Settings(("Al",), {"Al": FeatureSet(functions)})


# ------------------------------------------------------------------------------------------------- scaling.data

SCALING = """\
# min max mean sigma
1 1 0.0 2.0 1.0 0.5
1 2 0.5 0.5 0.5 0.0
2 1 -1.0 2.0 1.0 0.5
2 2 0.0 2.0 1.0 0.5
2 3 0.0 2.0 1.0 0.5
2 4 0.0 2.0 1.0 0.25
"""


def test_a_scaling_is_read_by_element() -> None:
    """One line for each function; a range of zero is read as it is."""
    found = read_scaling(SCALING, _read(), units="angstrom-ev")
    assert found == ScalingData(
        {
            "S": Statistics((0.0, 0.5), (2.0, 0.5), (1.0, 0.5), (0.5, 0.0)),
            "Cu": Statistics((-1.0, 0.0, 0.0, 0.0), (2.0,) * 4, (1.0,) * 4, (0.5, 0.5, 0.5, 0.25)),
        }
    )


def test_sigma_may_be_missing_and_energies_may_follow() -> None:
    """RuNNer writes no sigma and ends with the range of the energies per atom."""
    text = "1 1 0 2 1\n1 2 0 2 1\n2 1 0 2 1\n2 2 0 2 1\n2 3 0 2 1\n2 4 0 2 1\n -0.5 -0.25\n"
    found = read_scaling(text, _read(), units="bohr-hartree")
    assert found.elements["S"] == Statistics((0.0, 0.0), (2.0, 2.0), (1.0, 1.0))
    assert found.energy_range == pytest.approx((-0.5 * EV_PER_HARTREE, -0.25 * EV_PER_HARTREE), rel=1e-15)


@given(
    rows=st.lists(st.tuples(*[st.floats(-1e6, 1e6)] * 4), min_size=6, max_size=6),
    sigma=st.booleans(),
    energies=st.none() | st.tuples(st.floats(-1e4, 0), st.floats(0, 1e4)),
    units=st.sampled_from(["angstrom-ev", "bohr-hartree"]),
)
def test_a_written_scaling_is_read_back_to_the_last_bit(rows: Any, sigma: bool, energies: Any, units: Any) -> None:
    """All digits are written, with sigma and energies or without."""
    ranges = [(min(a, b), max(a, b), c, abs(d))[: 4 if sigma else 3] for a, b, c, d in rows]
    columns = {"S": zip(*ranges[:2], strict=True), "Cu": zip(*ranges[2:], strict=True)}
    scaling = ScalingData({element: Statistics(*column) for element, column in columns.items()}, energies)
    assert read_scaling(write_scaling(scaling, units=units), _read(), units=units) == scaling


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (
            "1 2 0.5",
            "1 3 0.5",
            r"line 3: expected element 1, function 2, found '1 3'; lines must be complete and in order\.$",
        ),
        ("2 1 -1.0", "1 1 -1.0", r"line 4: expected element 2, function 1, found '1 1'; lines must be complete"),
        ("1 1 0.0 2.0 1.0 0.5\n", "", r"line 2: expected element 1, function 1, found '1 2'; lines must be complete"),
        ("1 1 0.0", "x 1 0.0", r"line 2: expected element 1, function 1, found 'x 1'; lines must be complete"),
        (
            "2 4 0.0 2.0 1.0 0.25\n",
            "",
            r"^scaling\.data: expected 6 functions, found 5; the line of element 2, function 4 is",
        ),
        (
            "1.0 0.25\n",
            "1.0 0.25\n2 5 0 2 1 1\n",
            r"line 8: expected the end after 6 functions, found '2 5 0 2 1 1'\.$",
        ),
        ("1.0 0.25\n", "1.0 0.25\n0 1\n0 1\n", r"line 9: expected the end after 6 functions, found '0 1'\.$"),
        ("1.0 0.25\n", "1.0 0.25\n0 one\n", r"line 8: expected a number, found 'one'\.$"),
        ("0.5 0.5 0.5 0.0", "0.5 0.5 0.5", r"line 3: expected element, .*sigma \(6 values\), found 5\.$"),
        ("0.0 2.0 1.0 0.5\n1 2", "0.0 2.0\n1 2", r"line 2: expected element, .*sigma \(5 or 6 values\), found 4\.$"),
        ("-1.0 2.0", "-1.0 inf", r"line 4: expected a number, found 'inf'\.$"),
        ("-1.0 2.0", "3.0 2.0", r"line 4: the minimum 3\.0 is above the maximum 2\.0\.$"),
        ("1.0 0.25", "1.0 -0.25", r"line 7: sigma must be 0 or more, found -0\.25\.$"),
    ],
)
def test_scalings_that_are_refused(old: str, new: str, sentence: str) -> None:
    """Missing, doubled, misplaced and unreadable lines, each with its line."""
    assert old in SCALING
    with pytest.raises(FeatureError, match=sentence) as caught:
        read_scaling(SCALING.replace(old, new, 1), _read(), units="angstrom-ev")
    assert str(caught.value).startswith("scaling.data")
