r"""A fitted potential as a calculator of ASE: energies, forces and stresses for whatever ASE does with them.

.. math::
    σ_{αβ} = \frac{1}{V} \frac{∂E}{∂ε_{αβ}}

in ASE's order xx, yy, zz, yz, xz, xy and with its sign: what is stretched pulls, σ > 0 (eV/Å³).
"""

from __future__ import annotations

import warnings
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from ase.calculators.calculator import Calculator as _AseCalculator
from ase.calculators.calculator import PropertyNotImplementedError, all_changes
from ase.stress import full_3x3_to_voigt_6_stress

from bpbench import stored

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bpbench.data.frames import Floats, Ints
    from bpbench.potential import Answer, Potential


class ExtrapolationWarning(UserWarning):
    """A frame has surroundings that the training did not know: a fitted potential says anything there."""


@dataclass(slots=True)
class Extrapolation:
    """How often a calculator was asked outside the ranges of its training.

    Attributes
    ----------
    frames : int
        Frames that were calculated.
    beyond : int
        Those of them in which some descriptor lay outside its range over the training atoms.
    functions : Counter
        In how many frames each of the functions did, by its name.
    """

    frames: int = 0
    beyond: int = 0
    functions: Counter[str] = field(default_factory=Counter)


class Calculator(_AseCalculator):  # type: ignore[misc]
    """Energy (eV), forces (eV/Å) and stress (eV/Å³) by a fitted potential.

    The first frame that leaves the ranges of the training is told by an :class:`ExtrapolationWarning`; it and all
    further ones are counted in :attr:`extrapolation`.

    Parameters
    ----------
    potential : Potential
        From :attr:`bpbench.stored.Stored.potential`, or the ``potential_`` of a fitted regressor.

    Attributes
    ----------
    potential : Potential
        What answers.
    extrapolation : Extrapolation
        The counts since the calculator was made.
    """

    implemented_properties: ClassVar[list[str]] = ["energy", "free_energy", "forces", "stress"]
    name = "bpbench"

    def __init__(self, potential: Potential) -> None:
        super().__init__()
        self.potential = potential
        self.extrapolation = Extrapolation()

    def calculate(
        self,
        atoms: Any = None,
        properties: Sequence[str] = ("energy",),
        system_changes: Sequence[str] = tuple(all_changes),
    ) -> None:
        """Calculate everything there is for a frame; ASE calls this when something changed.

        Parameters
        ----------
        atoms : ase.Atoms
            The frame.
        properties : sequence of str
            What is asked for; the rest comes with it.
        system_changes : sequence of str
            What changed since the last call.

        Raises
        ------
        DataError
            For a frame that cannot be described, or that holds an element the potential was not trained on.
        PropertyNotImplementedError
            When a stress is asked for and the cell has no volume.
        """
        super().calculate(atoms, list(properties), list(system_changes))
        frame = self.atoms
        answer = self.potential.answer(frame.positions, frame.cell.array, frame.pbc, frame.numbers)
        self.results = {"energy": answer.energy, "free_energy": answer.energy, "forces": answer.forces}
        if frame.cell.rank == 3:
            self.results["stress"] = full_3x3_to_voigt_6_stress(answer.strain / frame.get_volume())
        elif "stress" in properties:
            raise PropertyNotImplementedError(
                "A stress is energy by volume, and this frame's cell has none; give it three cell vectors."
            )
        self._count(answer, frame.numbers)

    def _count(self, answer: Answer, species: Ints) -> None:
        counts = self.extrapolation
        counts.frames += 1
        if not answer.beyond.any():
            return
        counts.beyond += 1
        names = [function.name for function in self.potential.functions]
        counts.functions.update(names[row] for row in np.flatnonzero(answer.beyond.any(axis=1)))
        if counts.beyond == 1:
            least, most = self.potential.ranges(species)
            warnings.warn(_told(answer, names, least, most), ExtrapolationWarning, stacklevel=2)


def _told(answer: Answer, names: Sequence[str], least: Floats, most: Floats) -> str:
    outside = np.maximum(least - answer.values, answer.values - most)
    # A function that was constant is compared as it is; one that an element's network does not see is never beyond.
    width = np.where((most > least) & np.isfinite(most), most - least, 1.0)
    excess = np.where(answer.beyond, outside, -np.inf) / width
    row, atom = divmod(int(np.argmax(excess)), excess.shape[1])
    atoms = int(answer.beyond.any(axis=0).sum())
    return (
        f"The potential extrapolates: at {atoms} of {answer.beyond.shape[1]} atoms of this frame symmetry functions "
        f"lie outside their ranges over the training atoms; the farthest is {names[row]} = "
        f"{answer.values[row, atom]:.6g} at atom {atom}, where the training saw {least[row, atom]:.6g} to "
        f"{most[row, atom]:.6g}. Further frames of this calculator are counted in its `extrapolation` and not told."
    )


def calculator(
    protocol: str | Path, variant: str, repeat: int | str = stored.BEST, *, store: str | Path | None = None
) -> Calculator:
    """Return a calculator made from a stored training of a study.

    Parameters
    ----------
    protocol : path-like
        A protocol's file, or the name of a shipped one.
    variant : str
        Name of the contestant.
    repeat : int or 'best-on-validation'
        Number of the repeat, from 0, or the one with the best score on its own validation part.
    store : path-like, optional
        Where results lie; by default ``BPBENCH_STORE``, or ``.bpbench/store`` below the working folder.

    Raises
    ------
    RequestError
        When that training is not stored, or is not of a potential; see :func:`bpbench.stored.find`.
    """
    return Calculator(stored.training(protocol, variant, repeat, store=store).potential)
