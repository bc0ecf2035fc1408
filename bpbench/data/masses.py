"""Atomic masses, for programs that move atoms."""

from __future__ import annotations


def masses(elements: tuple[str, ...]) -> tuple[float, ...]:
    """Return the standard atomic masses of elements, in u, as ASE has them (IUPAC 2016).

    Parameters
    ----------
    elements : tuple of str
        Chemical symbols.
    """
    from ase.data import atomic_masses, atomic_numbers

    return tuple(float(atomic_masses[atomic_numbers[element]]) for element in elements)
