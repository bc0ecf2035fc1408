"""Chemical symbols and atomic numbers: the field sorts elements by the latter, files name them by the former."""

from __future__ import annotations

from typing import Final

_TABLE: Final = (
    "H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br Kr Rb Sr Y Zr "
    "Nb Mo Tc Ru Rh Pd Ag Cd In Sn Sb Te I Xe Cs Ba La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er Tm Yb Lu Hf Ta W Re Os Ir "
    "Pt Au Hg Tl Pb Bi Po At Rn Fr Ra Ac Th Pa U Np Pu Am Cm Bk Cf Es Fm Md No Lr Rf Db Sg Bh Hs Mt Ds Rg Cn Nh "
    "Fl Mc Lv Ts Og"
)
#: Chemical symbols by atomic number, from 1; IUPAC 2016.
SYMBOLS: Final = tuple(_TABLE.split())
#: Atomic number of each chemical symbol.
NUMBERS: Final = {symbol: number for number, symbol in enumerate(SYMBOLS, start=1)}


def symbol(number: int) -> str:
    """Return the chemical symbol of an atomic number; ``X`` for 0, as in ASE, and ``element n`` beyond the table."""
    if number == 0:
        return "X"
    return SYMBOLS[number - 1] if 1 <= number <= len(SYMBOLS) else f"element {number}"
