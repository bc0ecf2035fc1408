"""The text formats of n2p2 and RuNNer, read to plain values in Å and eV and written from them.

==================  ===============================================  ==================================================
file                what it holds                                    here
==================  ===============================================  ==================================================
``input.nn``        functions, scaling, network                      :func:`read_settings`, :func:`write_settings`
``scaling.data``    range, mean, sigma of each function              :func:`read_scaling`, :func:`write_scaling`
``input.data``      structures, energies, forces                     :func:`read_structures`, :func:`write_structures`
``function.data``   values of the functions of each atom             :func:`read_values`
``weights.*.data``  weights and biases of the network of an element  :func:`write_weights`
==================  ===============================================  ==================================================

No file says its units: every reader and writer is told them.
"""

from __future__ import annotations

from bpbench.formats.n2p2_input import read_settings
from bpbench.formats.n2p2_output import write_settings
from bpbench.formats.n2p2_scaling import ScalingData, Statistics, read_scaling, write_scaling
from bpbench.formats.n2p2_settings import ACTIVATIONS, CUTOFF_TYPES, SCALINGS, Normalisation, Settings, order
from bpbench.formats.n2p2_structures import Structure, read_structures, structure_text, write_structures
from bpbench.formats.n2p2_text import Units
from bpbench.formats.n2p2_values import StructureValues, read_values
from bpbench.formats.n2p2_weights import write_weights

__all__ = [
    "ACTIVATIONS",
    "CUTOFF_TYPES",
    "SCALINGS",
    "Normalisation",
    "ScalingData",
    "Settings",
    "Statistics",
    "Structure",
    "StructureValues",
    "Units",
    "order",
    "read_scaling",
    "read_settings",
    "read_structures",
    "read_values",
    "structure_text",
    "write_scaling",
    "write_settings",
    "write_structures",
    "write_weights",
]
