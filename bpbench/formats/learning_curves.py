"""Learning curves that other programs write: n2p2's ``learning-curve.out`` and Keras's training history as JSON.

n2p2's file is columns of numbers under a header of comment lines; the last comment line that begins with ``epoch``
names the columns, and the table above it says in words what each is. Which columns there are depends on the version
(energies per atom are ``rmse_Etrain_phys`` in the first, ``RMSEpa_Etrain_pu`` since), on forces and on charges.
``_pu`` are physical units, those of the user's own ``input.data``; ``_iu`` are internal ones, after normalisation.
Without a test set its columns hold NaN. Epoch 0 is the state before training.

Keras's ``history.history`` is a mapping of a list per metric, one value per epoch; validation metrics begin with
``val_``. It is read as it is, under the key ``history``, or as a list of such runs.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from bpbench.errors import DataError, nearest

if TYPE_CHECKING:
    from collections.abc import Mapping

Floats = npt.NDArray[np.float64]

#: A line of n2p2's table of columns: number, name, words.
_TOLD: Final = re.compile(r"#\s*\d+\s+(\S+)\s+(\S.*?)\s*")
#: What may stand in place of a number; some C libraries write the sign of a NaN and its bits.
_NAN: Final = re.compile(r"[+-]?nan(\(.*\))?", re.IGNORECASE)


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """How one training went.

    Attributes
    ----------
    columns : dict of str to ndarray, shape (epochs,)
        What was recorded after each epoch, by name; NaN and infinities as they stand in the file.
    epochs : ndarray, shape (epochs,)
        Numbers of the epochs.
    told : dict of str to str
        What the file says of its columns in words; empty where it says nothing.
    """

    columns: Mapping[str, Floats]
    epochs: Floats
    told: Mapping[str, str]

    def score(self, name: str, *, by: str | None = None, lower_is_better: bool = True) -> tuple[float, float | None]:
        """Return the value of a column at one epoch, and the number of that epoch.

        Parameters
        ----------
        name : str
            The column.
        by : str or None
            The column whose best epoch counts; ``None``: the last epoch counts.
        lower_is_better : bool
            Which value of ``by`` is the best.

        Returns
        -------
        value : float
            NaN where no epoch was finished, or none has a finite value to choose by.
        epoch : float or None
            Where it was read.
        """
        place = len(self.epochs) - 1
        if by is not None:
            guide = self.columns[by]
            usable = np.flatnonzero(np.isfinite(guide))
            sign = 1 if lower_is_better else -1
            place = int(usable[np.argmin(sign * guide[usable])]) if usable.size else -1
        if place < 0:
            return float("nan"), None
        return float(self.columns[name][place]), float(self.epochs[place])

    def require(self, name: str, path: str) -> None:
        """Refuse a column that the file does not have.

        Raises
        ------
        DataError
            The nearest is offered.
        """
        if name not in self.columns:
            raise DataError(f"{path}: there is no column '{name}'{nearest(name, self.columns)}")


def validated(name: str) -> str:
    """Return the column of the data that were not trained on that belongs to a column of n2p2 or Keras.

    Of n2p2 it is that of the test set, since there is no third part; of a Keras metric its ``val_`` twin.
    """
    if "train" in name:
        return name.replace("train", "test")
    return name if "test" in name or name.startswith("val_") else f"val_{name}"


def read_n2p2(text: str, path: str) -> Curve:
    """Read a ``learning-curve.out``.

    Parameters
    ----------
    text : str
        What the file holds.
    path : str
        How it is called in errors.

    Raises
    ------
    DataError
        When no comment line names the columns, or a row does not hold one number for each of them.
    """
    names: tuple[str, ...] = ()
    told: dict[str, str] = {}
    rows: list[list[float]] = []
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split()
        if not words:
            continue
        if words[0].startswith("#"):
            heads = line.lstrip("# ").split()
            if heads[:1] == ["epoch"]:
                if rows and tuple(heads) != names:
                    raise DataError(
                        f"{path}, line {number}: the columns are named anew below the first numbers, and otherwise; "
                        "expected the curve of one training."
                    )
                names = tuple(heads)
            elif found := _TOLD.fullmatch(line):
                told[found[1]] = found[2].rstrip(".")
            continue
        if not names:
            raise DataError(
                f"{path}, line {number}: expected a comment line that names the columns, '# epoch …', above the first "
                "numbers; is this a learning-curve.out of n2p2?"
            )
        rows.append(_row(words, names, f"{path}, line {number}"))
    if not names:
        raise DataError(f"{path}: expected a learning-curve.out of n2p2, found no line '# epoch …' that names columns.")
    table = np.array(rows).reshape(-1, len(names))
    columns = dict(zip(names, table.T.copy(), strict=True))
    strange = ~(np.abs(columns["epoch"]) < 2**53)
    if strange.any():
        raise DataError(f"{path}: expected the number of an epoch, found {columns['epoch'][strange][0]:g}.")
    return Curve(columns, columns["epoch"], {name: text for name, text in told.items() if name in columns})


def _row(words: list[str], names: tuple[str, ...], where: str) -> list[float]:
    if len(words) != len(names):
        raise DataError(f"{where}: expected {len(names)} numbers as the header names, found {len(words)}.")
    made = []
    for word, name in zip(words, names, strict=True):
        try:
            made.append(float("nan") if _NAN.fullmatch(word) else float(word))
        except ValueError:
            raise DataError(f"{where}: expected a number for '{name}', found '{word}'.") from None
    return made


def read_keras(text: str, path: str) -> list[Curve]:
    """Read the history of one Keras training, or of several in a list.

    Parameters
    ----------
    text : str
        JSON: a mapping of metrics to lists, the same under the key ``history``, or a list of either.
    path : str
        How the file is called in errors.

    Returns
    -------
    list of Curve
        Epochs count from 1.

    Raises
    ------
    DataError
        When it is no JSON, no history, or the lists of one run differ in length.
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: expected JSON ({error}).") from None
    runs = document if isinstance(document, list) else [document]
    if not runs:
        raise DataError(f"{path}: expected the history of a training, found an empty list.")
    single = not isinstance(document, list)
    return [_history(run, path if single else f"{path}, run {place}") for place, run in enumerate(runs, 1)]


def real(value: float) -> float:
    """Return a number of JSON as float64, in which a whole number that is too large is infinite."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _history(run: Any, where: str) -> Curve:
    held = run["history"] if isinstance(run, dict) and isinstance(run.get("history"), dict) else run
    if not isinstance(held, dict) or not any(isinstance(values, list) for values in held.values()):
        raise DataError(
            f"{where}: expected the history of a Keras training, a list of numbers for each metric "
            '({"loss": […], "val_loss": […]}, perhaps under "history").'
        )
    columns: dict[str, Floats] = {}
    for name, values in held.items():
        if not isinstance(values, list):
            continue  # parameters of the fit may stand beside the metrics
        for place, value in enumerate(values):
            if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
                raise DataError(f"{where}: expected a number for '{name}', epoch {place + 1}, found {value!r}.")
        columns[str(name)] = np.array([math.nan if value is None else real(value) for value in values])
    sizes = {name: len(values) for name, values in columns.items()}
    if len(set(sizes.values())) > 1:
        said = ", ".join(f"'{name}' {size}" for name, size in sizes.items())
        raise DataError(f"{where}: expected as many values of each metric as there were epochs, found {said}.")
    return Curve(columns, np.arange(1.0, 1.0 + max(sizes.values(), default=0)), {})
