"""Reading and writing ``scaling.data``: range, mean and spread of each function over the training atoms.

A line holds the numbers of element and function (from 1, elements by atomic number, functions in the order of the
network's inputs), then min, max, mean and, in n2p2's files, sigma. RuNNer adds a last line with the least and the
greatest energy per atom.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

from bpbench.elements import NUMBERS
from bpbench.errors import FeatureError
from bpbench.formats.n2p2_text import Units, factor, number, numbered, whole, written

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bpbench.formats.n2p2_settings import Settings


@dataclass(frozen=True, slots=True)
class Statistics:
    """Statistics of the D functions of one element, in the order of the network's inputs.

    Attributes
    ----------
    minimum, maximum, mean : tuple of float
        D values each; minimum and maximum may be equal.
    sigma : tuple of float or None
        Standard deviations with n - 1; ``None`` where the file has none.
    """

    minimum: tuple[float, ...]
    maximum: tuple[float, ...]
    mean: tuple[float, ...]
    sigma: tuple[float, ...] | None = None


@dataclass(frozen=True, slots=True)
class ScalingData:
    """What a ``scaling.data`` says.

    Attributes
    ----------
    elements : mapping of str to Statistics
        By chemical symbol.
    energy_range : tuple of float or None
        Least and greatest energy per atom (eV), where the file has RuNNer's last line.
    """

    elements: Mapping[str, Statistics]
    energy_range: tuple[float, float] | None = None


def read_scaling(source: Path | str, settings: Settings, *, units: Units) -> ScalingData:
    """Read a ``scaling.data`` that belongs to these settings.

    Parameters
    ----------
    source : Path or str
        The file; a ``str`` is the text itself.
    settings : Settings
        Say which elements and how many functions of each there must be.
    units : str
        ``angstrom-ev`` or ``bohr-hartree``, of RuNNer's energies; values of functions have no unit.

    Raises
    ------
    FeatureError
        With file and line: when a line is missing, too many or out of order, when a number cannot be read, when a
        minimum is above its maximum or sigma below 0, or when only some lines have a sigma.
    """
    file = "scaling.data" if isinstance(source, str) else str(source)
    expected = [(i, k) for i, e in enumerate(settings.elements, 1) for k in range(1, len(settings.functions[e]) + 1)]
    rows: list[list[float]] = []
    energies: tuple[float, float] | None = None
    by = factor(units, energy=1)
    for line, text in list(numbered(source, FeatureError)):
        words = text.split("#")[0].split()
        where = f"{file}, line {line}"
        if not words:
            continue
        if energies is not None or (len(rows) == len(expected) and len(words) != 2):
            raise FeatureError(f"{where}: expected the end after {len(expected)} functions, found '{' '.join(words)}'.")
        if len(rows) == len(expected):
            low, high = (_number(where, word, by) for word in words)
            energies = (low, high)
        else:
            rows.append(_row(where, words, expected[len(rows)], len(rows[0]) if rows else None))
    if len(rows) < len(expected):
        index, function = expected[len(rows)]
        raise FeatureError(
            f"{file}: expected {len(expected)} functions, found {len(rows)}; the line of element {index}, function "
            f"{function} is missing."
        )
    elements: dict[str, Statistics] = {}
    for element in settings.elements:
        mine, rows = rows[: len(settings.functions[element])], rows[len(settings.functions[element]) :]
        elements[element] = Statistics(*map(tuple, zip(*mine, strict=True)))
    return ScalingData(elements, energies)


def _number(where: str, word: str, by: object = None) -> float:
    value = number(word) if by is None else number(word, by)  # type: ignore[arg-type]
    if value is None:
        raise FeatureError(f"{where}: expected a number, found '{word}'.")
    return value


def _row(where: str, words: list[str], expected: tuple[int, int], width: int | None) -> list[float]:
    found = tuple(whole(word) for word in words[:2])
    if found != expected:
        raise FeatureError(
            f"{where}: expected element {expected[0]}, function {expected[1]}, found '{' '.join(words[:2])}'; lines "
            "must be complete and in order."
        )
    wanted = (5, 6) if width is None else (width + 2,)
    if len(words) not in wanted:
        raise FeatureError(
            f"{where}: expected element, function, min, max, mean and sigma ({' or '.join(map(str, wanted))} values), "
            f"found {len(words)}."
        )
    values = [_number(where, word) for word in words[2:]]
    if values[0] > values[1]:
        raise FeatureError(f"{where}: the minimum {words[2]} is above the maximum {words[3]}.")
    if len(values) > 3 and values[3] < 0:
        raise FeatureError(f"{where}: sigma must be 0 or more, found {words[5]}.")
    return values


def write_scaling(scaling: ScalingData, *, units: Units) -> str:
    """Return the text of a ``scaling.data`` that n2p2 reads and :func:`read_scaling` reads back as equal.

    Parameters
    ----------
    scaling : ScalingData
        What it is to say.
    units : str
        ``angstrom-ev`` or ``bohr-hartree``, of RuNNer's energies.
    """
    lines = []
    for index, element in enumerate(sorted(scaling.elements, key=NUMBERS.__getitem__), start=1):
        given = scaling.elements[element]
        columns = [column for item in fields(given) if (column := getattr(given, item.name)) is not None]
        lines += [
            f"{index:10d} {k:10d} " + " ".join(f"{value:24.16E}" for value in row)
            for k, row in enumerate(zip(*columns, strict=True), start=1)
        ]
    if scaling.energy_range is not None:
        by = factor(units, energy=1)
        lines.append(" ".join(written(value, by) for value in scaling.energy_range))
    return "\n".join(lines) + "\n"
