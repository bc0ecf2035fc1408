"""bpbench: repeated, paired and judged comparisons of Behler-Parrinello symmetry functions."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from bpbench.ase_calculator import Calculator, ExtrapolationWarning, calculator
    from bpbench.data.readers import sample_atoms
    from bpbench.regressor import HDNNRegressor, LinearRegressor

__all__ = [
    "SCHEMA",
    "Calculator",
    "ExtrapolationWarning",
    "HDNNRegressor",
    "LinearRegressor",
    "__version__",
    "calculator",
    "sample_atoms",
    "shipped",
]

__version__ = "0.1.0"
#: Of ``findings.json``; here, since to read one asks for nothing else of what makes them.
SCHEMA = 1


def shipped(folder: str) -> Path:
    """Return the folder ``templates`` or ``protocols``, or the file ``CITATION.cff``, that came with this installation.

    A wheel carries them inside the package, a checkout at its top level.
    """
    inside = Path(__file__).parent / "_shipped" / folder
    return inside if inside.exists() else Path(__file__).parent.parent / folder


#: What a notebook asks for, and the module that it comes from once it does: their libraries take a second to import.
_FROM: Final = {
    "Calculator": "bpbench.ase_calculator",
    "ExtrapolationWarning": "bpbench.ase_calculator",
    "HDNNRegressor": "bpbench.regressor",
    "LinearRegressor": "bpbench.regressor",
    "calculator": "bpbench.ase_calculator",
    "sample_atoms": "bpbench.data.readers",
}


def __getattr__(name: str) -> Any:
    """Import a door to other tools when it is asked for."""
    if name not in _FROM:
        raise AttributeError(f"module 'bpbench' has no attribute '{name}'")
    return getattr(import_module(_FROM[name]), name)


def __dir__() -> list[str]:
    """Return what there is, for whoever completes names."""
    return [*globals(), *_FROM]
