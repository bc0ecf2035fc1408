"""Files in any form ASE reads, turned into :class:`~bpbench.data.frames.Frames`."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from bpbench.data.frames import Floats, Frames
from bpbench.errors import DataError, nearest
from bpbench.formats.n2p2_text import OPENERS

if TYPE_CHECKING:
    import numpy.typing as npt

    from bpbench.jobs import FrameSource

#: The group of frames that name none.
ONE_GROUP: Final = "all"
#: What can be read, in a clause.
_KINDS: Final = (
    "expected extended XYZ, an OUTCAR or whatever else ASE reads, an input.data of n2p2 or RuNNer (its first word is "
    "'begin'), or bpbench's own .npz"
)


def read(path: Path, source: FrameSource, *, energies: bool = True) -> Frames:
    """Read the frames of a file, all of them, with their labels; see :func:`bpbench.data.readers.read`.

    Without declared blocks each group is one, to be cut.
    """
    try:
        images = _images(path)
    except Exception as error:
        text = re.sub(r"\s+", " ", str(error)).strip().rstrip(".") or "it ends too early or is empty"
        raise DataError(
            f"{path}: ASE cannot read this file ({type(error).__name__}: {text}); is it whole and of a kind ASE knows?"
        ) from error
    if not images:
        raise DataError(f"{path}: the file holds no frames; {_KINDS}.")
    for number, atoms in enumerate(images):
        if not len(atoms):
            raise DataError(f"{path}, frame {number}: the frame holds no atoms.")
    group = _groups(path, images, source.group)
    block = None if source.block is None else _labels(path, images, source.block, "block")
    results = [{} if atoms.calc is None else atoms.calc.results for atoms in images]
    has_forces = all(found.get("forces") is not None for found in results)
    sizes = [len(atoms) for atoms in images]
    return Frames(
        positions=np.concatenate([atoms.positions for atoms in images]).astype(np.float64),
        cells=np.array([atoms.cell.array for atoms in images], dtype=np.float64),
        pbc=np.array([atoms.pbc for atoms in images], dtype=np.bool_),
        species=np.concatenate([atoms.numbers for atoms in images]).astype(np.int64),
        offsets=np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
        energy=np.array(
            [_energy(path, number, atoms, results[number], energies) for number, atoms in enumerate(images)]
        ),
        # Not atoms.get_forces(): that would hide the forces on atoms some program held fixed.
        forces=np.concatenate([found["forces"] for found in results]).astype(np.float64) if has_forces else None,
        id=np.arange(len(images), dtype=np.int64),
        group=group,
        block=group if block is None else block,
        temperature=None if source.temperature is None else _temperatures(path, images, source.temperature),
        blocks_declared=block is not None,
    )


def _images(path: Path) -> list[Any]:
    import ase.io

    if path.suffix not in OPENERS:
        return list(ase.io.read(path.absolute(), ":", do_not_split_by_at_sign=True))
    # ASE jumps back and forth in the files it reads, which a compressed stream serves by starting all over again.
    with TemporaryDirectory() as folder, OPENERS[path.suffix](path, "rb") as packed:
        unpacked = Path(folder) / path.stem
        with unpacked.open("wb") as stream:
            shutil.copyfileobj(packed, stream)
        return list(ase.io.read(unpacked, ":", do_not_split_by_at_sign=True))


def _energy(path: Path, number: int, atoms: Any, results: dict[str, Any], needed: bool) -> float:
    energy = results.get("energy")
    if energy is None and not needed:
        return float("nan")
    if energy is None:
        alike = [key for key in (*atoms.info, *results) if "energy" in key.lower()]
        found = f"it has {', '.join(alike)}, which ASE does not take for it" if alike else "it has nothing like it"
        raise DataError(
            f"{path}, frame {number}: the frame carries no energy (expected under 'energy', in eV; {found})."
        )
    return float(energy)


def _groups(path: Path, images: list[Any], key: str | None) -> npt.NDArray[np.str_]:
    if key is None:
        if not all("group" in atoms.info for atoms in images):
            return np.full(len(images), ONE_GROUP)
        key = "group"
    return _labels(path, images, key, "group")


def _values(path: Path, images: list[Any], key: str, role: str) -> list[Any]:
    for number, atoms in enumerate(images):
        if key not in atoms.info:
            hint = nearest(key, map(str, atoms.info)) or "; the frame has no info keys at all."
            raise DataError(f"{path}, frame {number}: there is no info key '{key}' for the {role}{hint}")
    return [atoms.info[key] for atoms in images]


def _labels(path: Path, images: list[Any], key: str, role: str) -> npt.NDArray[np.str_]:
    labels = []
    for number, value in enumerate(_values(path, images, key, role)):
        label = f"{value:g}" if isinstance(value, float) else str(value)
        if np.ndim(value) or not label.strip():
            raise DataError(
                f"{path}, frame {number}: the info key '{key}' for the {role} must be one word or number, "
                f"found '{value}'."
            )
        labels.append(label)
    return np.array(labels)


def _temperatures(path: Path, images: list[Any], key: str) -> Floats:
    values = _values(path, images, key, "temperature")
    for number, value in enumerate(values):
        try:
            kelvin = float(value) if np.ndim(value) == 0 else np.nan
        except (TypeError, ValueError):
            kelvin = np.nan
        if not (np.isfinite(kelvin) and kelvin >= 0):
            raise DataError(
                f"{path}, frame {number}: the info key '{key}' must be a temperature in K, found '{value}'."
            )
    return np.array(values, dtype=np.float64)
