"""Units: eV and Å inside; the table of how each quantity is shown; factors to the other units of the field.

CODATA 2018 values as in ``scipy.constants``: 1 Hartree = 27.211386245988 eV, 1 Bohr = 0.529177210903 Å.
"""

from __future__ import annotations

from typing import Final

MEV_PER_EV: Final = 1000.0
EV_PER_HARTREE: Final = 27.211386245988
ANGSTROM_PER_BOHR: Final = 0.529177210903

#: Key of a unit → how it is written.
DISPLAY: Final = {
    "meV/atom": "meV/atom",
    "eV2/configuration": "eV²/configuration",
    "eV/A": "eV/Å",
    "meV/A": "meV/Å",
    "eV2/A2": "(eV/Å)²",
    "A": "Å",
    "1/A2": "Å⁻²",
    "K": "K",
    "us/atom": "µs/atom",
    "1": "",
}
