"""The sentences of an audit: what the quantities of :mod:`bpbench.data.inspect` say to somebody about to train."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from bpbench.data.readers import counted
from bpbench.units import ANGSTROM_PER_BOHR, EV_PER_HARTREE

if TYPE_CHECKING:
    from bpbench.data.frames import Floats, Frames

#: Net force per frame (eV/Å) above which the forces do not balance; converged calculations stay far below.
NET_FORCE: Final = 0.05
#: Nearest-neighbour distance in units of two covalent radii: outside this range lengths are unlikely to be in Å.
BOND_RANGE: Final = (0.6, 1.6)
#: In the same units, a pair closer than this overlaps.
OVERLAP: Final = 0.5
#: Their atoms do not bond, so that a covalent radius says nothing.
NOBLE_GASES: Final = (2, 10, 18, 36, 54, 86)
#: Correlation from which the slope of energy change against work means anything, and slopes that need no remark: the
#: nearest wrong unit gives 1.89 or 0.53.
SLOPE_CORRELATION: Final = 0.9
SLOPE_RANGE: Final = (0.7, 1.4)
#: How closely a slope must meet that of a wrong unit to be put down to it.
UNIT_MATCH: Final = 0.15
#: kcal/mol in eV, by the calorie of 4.184 J and CODATA 2018.
EV_PER_KCAL_MOL: Final = 0.0433641153
#: Ratio of mean square displacements over one and two frames below which neighbouring frames are called near copies.
NEAR_COPIES: Final = 0.35
#: Listed at most, so that a sentence stays one.
LISTED: Final = 10


def _list(numbers: list[int]) -> str:
    more = f" and {len(numbers) - LISTED} more" if len(numbers) > LISTED else ""
    word = "frame" if len(numbers) == 1 else "frames"
    return f"{word} {', '.join(map(str, numbers[:LISTED]))}{more}"


def findings(report: dict[str, Any], frames: Frames, outlier_z: float) -> list[str]:
    """Return sentences about what looks wrong in an audited report.

    Parameters
    ----------
    report : dict
        The quantities of :func:`bpbench.data.inspect.inspect`.
    frames : Frames
        What they were taken from.
    outlier_z : float
        The robust z-score from which frames were listed as outliers.
    """
    said = [*_lengths(report, frames), *_energies(report, frames)]
    net = report["net_force"]
    if net is not None and net["largest"] > NET_FORCE:
        said.append(
            f"The forces of a frame should sum to zero, but those of frame {net['frame']} sum to {net['largest']:.3g} "
            "eV/Å: check for an outer field, atoms held fixed, or forces cut off when written."
        )
    if frames.forces is not None and not frames.forces.any():
        said.append("Every force is exactly zero: check whether the forces were written at all.")
    for twin in report["duplicates"][:LISTED]:
        one, other = twin["frames"]
        differ = twin["energy_difference"]
        verdict = (
            "with equal energies: one of them can go"
            if differ < 1e-6  # eV/atom, about what files are written to
            else f"but energies {1000 * differ:.3g} meV/atom apart: the settings of the calculation may differ"
        )
        apart = "" if len(set(twin["blocks"])) == 1 else " They stand in different blocks, so a split may part them."
        said.append(f"Frames {one} and {other} hold the same geometry, {verdict}.{apart}")
    if len(report["duplicates"]) > LISTED:
        said.append(f"{len(report['duplicates']) - LISTED} further pairs of frames hold the same geometry.")
    kinds = {(item["quantity"], item["group"]) for item in report["outliers"]}
    for quantity, group in sorted(kinds):
        numbers = [i["frame"] for i in report["outliers"] if (i["quantity"], i["group"]) == (quantity, group)]
        what = "an energy per atom" if quantity == "energy" else "a largest force"
        said.append(
            f"In the group '{group}' {_list(numbers)} {'has' if len(numbers) == 1 else 'have'} {what} more than "
            f"{outlier_z:g} robust standard deviations from the group's median: worth a look before training."
        )
    return said


def _lengths(report: dict[str, Any], frames: Frames) -> list[str]:
    from ase.data import covalent_radii

    said = []
    radii, named = covalent_radii[frames.species], ", ".join(report["elements"])
    # Of an alloy a mean bond is expected, and only what is too short for its smallest atoms counts as overlap.
    bond, shortest = 2 * float(radii.mean()), 2 * float(radii.min())
    middle, closest = report["nearest_neighbour"], report["closest_pair"]
    bonded = not set(np.unique(frames.species).tolist()) & set(NOBLE_GASES)  # whose atoms do not bond
    if middle is not None and bonded and middle > BOND_RANGE[1] * bond:
        said.append(
            f"Nearest neighbours stand {middle:.2f} Å apart (median), expected about {bond:.2f} Å for "
            f"{named}: check whether lengths are in Bohr, which would make it "
            f"{middle * ANGSTROM_PER_BOHR:.2f} Å."
        )
    elif middle is not None and bonded and middle < BOND_RANGE[0] * bond:
        said.append(
            f"Nearest neighbours stand {middle:.2f} Å apart (median), expected about {bond:.2f} Å for "
            f"{named}: check whether lengths are in nm or in units of the cell."
        )
    elif closest is not None and closest["distance"] < OVERLAP * shortest:
        said.append(
            f"In frame {closest['frame']} two atoms are only {closest['distance']:.3g} Å apart, expected about "
            f"{shortest:.2f} Å for {named}: check whether they overlap."
        )
    return said


def _energies(report: dict[str, Any], frames: Frames) -> list[str]:
    size, energy = frames.atoms, np.abs(frames.energy)
    if size.max() >= 2 * size.min() and energy.min() > 0 and energy.max() < 1.5 * energy.min():
        return [
            (
                f"The energies of frames with {size.min()} to {size.max()} atoms are nearly equal: check whether they "
                "are per atom; total energies are expected."
            )
        ]
    fitted = report["energy_force_slope"]
    if (
        fitted is None
        or abs(fitted["correlation"]) < SLOPE_CORRELATION
        or SLOPE_RANGE[0] < fitted["slope"] < SLOPE_RANGE[1]
    ):
        return []
    matches = [
        words for words, slope in _unit_slopes(fitted["atoms"]).items() if abs(fitted["slope"] / slope - 1) < UNIT_MATCH
    ]
    hint = f"check whether {' or '.join(matches)}" if matches else "check the units of both, and what ASE took for them"
    return [
        (
            "Over pairs of consecutive frames the energy changes by "
            f"{fitted['slope']:.3g} times the work of the forces, expected 1: {hint}."
        )
    ]


def _unit_slopes(atoms: float) -> dict[str, float]:
    """Return the slope of energy change against work that a wrong unit (lengths being in Å) would give."""
    return {
        "energies are in Hartree": 1 / EV_PER_HARTREE,
        "energies are in Rydberg": 2 / EV_PER_HARTREE,
        "energies are in kcal/mol": 1 / EV_PER_KCAL_MOL,
        "energies are in kJ/mol": 4.184 / EV_PER_KCAL_MOL,
        "energies are per atom": 1 / atoms,
        "forces are in Hartree/Bohr": EV_PER_HARTREE / ANGSTROM_PER_BOHR,
        "forces are in Rydberg/Bohr": EV_PER_HARTREE / 2 / ANGSTROM_PER_BOHR,
        "forces are per Bohr": 1 / ANGSTROM_PER_BOHR,
        "lengths are in Bohr": ANGSTROM_PER_BOHR,
        "forces are gradients, of opposite sign": -1.0,
    }


def notes(report: dict[str, Any], frames: Frames, narrow: Floats, r_c: float) -> list[str]:
    """Return sentences about what is worth knowing and no fault.

    Parameters
    ----------
    report : dict
        The quantities of :func:`bpbench.data.inspect.inspect`.
    frames : Frames
        What they were taken from.
    narrow : ndarray, shape (F,)
        Least width of each cell, Å.
    r_c : float
        Cutoff with which it is compared, Å.
    """
    said = []
    small = int((narrow < 2 * r_c).sum())
    if small:
        which = f"all {small} frames" if small == len(frames) > 1 else counted(small, "frame")
        said.append(
            f"In {which} the cell is narrower than twice the cutoff of {r_c:g} Å (narrowest "
            f"{narrow.min():.2f} Å): atoms meet periodic images of their neighbours there, which is as it should be."
        )
    if frames.forces is None:
        said.append(
            "Not every frame carries forces, so neither they nor the units of energies against them are checked."
        )
    for group in report["groups"]:
        ratio = group["displacement_ratio"]
        if ratio is not None and ratio < NEAR_COPIES:
            said.append(
                f"In the group '{group['name']}' atoms fly nearly straight from frame to frame, so consecutive frames "
                "are near copies: blocks should be many frames long, or frames saved more rarely."
            )
    if not frames.blocks_declared:
        said.append(
            f"The frames name no blocks; consecutive frames were cut into {counted(report['blocks'], 'block')} for "
            "splitting."
        )
    return said
