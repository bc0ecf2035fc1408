"""What came of each sweep, as plain JSON: its axes, and every contestant's place on them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np

from bpbench.declared import Sweep
from bpbench.shares import configurations
from bpbench.study import Prepared
from bpbench.sweeps import Point, spoken

#: Axes that say from how many training configurations a contestant learns.
_SIZES: Final = {"observations", "train_share"}
_LABELS: Final = {
    "hidden": "hidden layers",
    "set": "feature set",
    "observations": "training configurations",
    "train_share": "training configurations",
}


def sweeps(prepared: Prepared) -> list[dict[str, Any]]:
    """Return the axes and contestants of every sweep.

    Each axis has a ``key``, a ``label``, its ``values`` as text in the order of the protocol, and their ``positions``
    as numbers, ``None`` where they are categories; on an axis of observations these are the numbers that were learned
    from. Each point has the name of its ``variant`` and its place ``at`` in the values of each axis. A list of points
    that is no product has one axis: itself.

    Parameters
    ----------
    prepared : Prepared
        With the sweeps of its protocol.
    """
    protocol = prepared.protocol
    made = []
    for name, sweep in protocol.sweeps.items():
        points = protocol.points[name]
        axes = list(_axes(prepared, sweep, points))
        made.append(
            {
                "name": name,
                "axes": axes,
                "points": [
                    {"variant": point.variant.name, "at": list(_at(sweep, point, number))}
                    for number, point in enumerate(points)
                ],
            }
        )
    return made


def derived(prepared: Prepared) -> dict[str, tuple[str, str]]:
    """Return, for each model that a sweep derived, the model it was derived from and what was changed, in words."""
    points = [point for found in prepared.protocol.points.values() for point in found]
    return {
        str(point.variant.model): (point.base, str(point.variant.model).removeprefix(f"{point.base}, "))
        for point in points
        if point.variant.model != point.base
    }


def _axes(prepared: Prepared, sweep: Sweep, points: Sequence[Point]) -> Iterator[dict[str, Any]]:
    if sweep.axes is None:
        yield _axis("points", [point.variant.name for point in points], None) | {"label": "contestant"}
        return
    for place, (key, values) in enumerate(sweep.axes.items()):
        positions: list[float] | None = None
        if key in _SIZES:
            at = {_at_axis(sweep, point)[place]: point.variant.name for point in points}
            positions = [float(np.mean(configurations(prepared, at[number]))) for number in range(len(values))]
        elif all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
            positions = [float(value) for value in values]
        texts = ["all" if key in _SIZES and value is None else spoken(value, key) for value in values]
        yield _axis(key, texts, positions)


def _axis(key: str, values: Sequence[str], positions: Sequence[float] | None) -> dict[str, Any]:
    label = _LABELS.get(key, key.replace("_", " "))
    return {"key": key, "label": label, "values": list(values), "positions": positions}


def _at_axis(sweep: Sweep, point: Point) -> list[int]:
    axes: Mapping[str, tuple[Any, ...]] = sweep.axes or {}
    return [values.index(point.values[key]) for key, values in axes.items()]


def _at(sweep: Sweep, point: Point, number: int) -> list[int]:
    return [number] if sweep.axes is None else _at_axis(sweep, point)
