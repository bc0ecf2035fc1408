"""Weights files of n2p2 and RuNNer are read in both forms, and refused where they are another network's."""

from __future__ import annotations

import numpy as np
import pytest

from bpbench.errors import FeatureError
from bpbench.formats.n2p2_weights import read_weights, write_weights

NODES = (3, 2, 1)
LINES = write_weights(
    [
        (np.arange(6.0).reshape(3, 2) / 7, np.array([-0.5, 0.25])),
        (np.array([[1e-300], [-3.0]]), np.array([1 / 3])),
    ]
).splitlines()


def test_what_is_written_is_read() -> None:
    """Every bit comes back, from lines with columns and from values alone, with comments and blank lines between."""
    first, last = read_weights("\n".join([LINES[0], "", *LINES[1:], "# the end"]), NODES)
    np.testing.assert_array_equal(first[0], np.arange(6.0).reshape(3, 2) / 7)
    np.testing.assert_array_equal(first[1], [-0.5, 0.25])
    np.testing.assert_array_equal(last[0], [[1e-300], [-3.0]])
    np.testing.assert_array_equal(last[1], [1 / 3])
    alone = read_weights("\n".join(line.split()[0] for line in LINES[1:]), NODES)
    for ours, theirs in zip(alone, (first, last), strict=True):
        np.testing.assert_array_equal(ours[0], theirs[0])
        np.testing.assert_array_equal(ours[1], theirs[1])


def _changed(line: int, old: str, new: str) -> str:
    lines = list(LINES)
    assert old in lines[line]
    lines[line] = lines[line].replace(old, new)
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "\n".join(LINES[:-1]),
            r"^weights: a network 3-2-1 has 11 weights and biases, found 10; is the file whole, and does it belong",
        ),
        ("", r"has 11 weights and biases, found 0; is the file whole"),
        (
            "\n".join([*LINES, "0.5"]),
            r"^weights, line 13: expected the end after the 11 values of a network 3-2-1, found '0\.5'; is it the fil",
        ),
        (_changed(2, "E-01", "E-0x"), r"^weights, line 3: expected a number, found '1\.4285714285714285E-0x'\.$"),
        (_changed(1, "0.0000000000000000E+00", "nan"), r"^weights, line 2: expected a number, found 'nan'\.$"),
        (
            "\n".join([*LINES[:3], LINES[4], LINES[3], *LINES[5:]]),
            r"^weights, line 4: expected the columns 'a 3 0 2 1 1' behind .*, found 'a 4 0 2 1 2'; lines must be comp",
        ),
        (_changed(7, " b ", " a "), r"^weights, line 8: expected the columns 'b 7 1 1' behind .*, found 'a 7 1 1';"),
        (
            "\n".join([*LINES[:5], LINES[5].split()[0], *LINES[6:]]),
            r"^weights, line 6: expected the columns 'a 5 0 3 1 1' behind the value, .*, found nothing;",
        ),
        (
            "\n".join([LINES[1].split()[0], *LINES[2:]]),
            r"^weights, line 2: expected the columns 'a 2 0 1 1 2' behind the value, as on the lines before or none",
        ),
    ],
)
def test_files_of_another_network_are_refused(text: str, message: str) -> None:
    """Truncated, too long, out of order, no number: the line is named and what should stand there."""
    with pytest.raises(FeatureError, match=message):
        read_weights(text, NODES)
