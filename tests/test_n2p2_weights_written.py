"""Weights files are written as n2p2 writes them."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from bpbench.formats.n2p2_weights import NAME, write_weights


@pytest.mark.parametrize(("number", "inputs"), [(16, 72), (29, 66)])
def test_a_file_of_n2p2s_is_written_to_the_letter(reference_data: Path, number: int, inputs: int) -> None:
    """Every line of a published file comes back as it stands: value, kind, number, layers and nodes."""
    folder = reference_data / "reference" / "n2p2" / "predict" / "Cu2S_PBE"
    lines = [line for line in (folder / NAME.format(number)).read_text().splitlines() if not line.startswith("#")]
    values, layers = iter([float(line.split()[0]) for line in lines]), []
    for before, after in pairwise((inputs, 25, 25, 1)):
        weights = np.array([next(values) for _ in range(before * after)]).reshape(before, after)
        layers.append((weights, np.array([next(values) for _ in range(after)])))
    written = [line for line in write_weights(layers).splitlines() if not line.startswith("#")]
    assert written == lines


def test_every_digit_of_a_weight_is_kept() -> None:
    """Two weights and a bias of 17 significant digits, by input, then by node."""
    weights, bias = np.array([[0.1 + 0.2], [-1e-300]]), np.array([np.nextafter(1.0, 2.0)])
    rows = [line.split() for line in write_weights([(weights, bias)]).splitlines()[1:]]
    assert [float(row[0]) for row in rows] == [*weights[:, 0], *bias]
    assert [row[1:] for row in rows] == [
        ["a", "1", "0", "1", "1", "1"],
        ["a", "2", "0", "2", "1", "1"],
        ["b", "3", "1", "1"],
    ]
