"""Files in any form ASE reads, and its ``Atoms``, turned into :class:`~bpbench.data.frames.Frames`."""

from __future__ import annotations

import io
import re
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from bpbench.data.frames import Floats, Frames
from bpbench.errors import DataError, nearest
from bpbench.formats.packed import OPENERS

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from bpbench.jobs import FrameSource

#: The group of frames that name none.
ONE_GROUP: Final = "all"
#: What can be read, in a clause.
_KINDS: Final = (
    "expected extended XYZ, an OUTCAR or whatever else ASE reads, an input.data of n2p2 or RuNNer (its first word is "
    "'begin'), or bpbench's own .npz"
)
#: Kinds of files, by ASE's names, that are read. Their readers look at this one file, as text, as XML or (``traj``) as
#: numbers with JSON: none unpickles, runs or imports what a file names, follows it to other files, or asks a server or
#: a database. What is not here can be made into an extended XYZ by ``ase convert``.
KINDS: Final = frozenset(
    {
        *("extxyz", "xyz", "traj", "cif", "cfg", "xsf", "proteindatabank", "mol", "sdf", "gen", "eon"),
        *("vasp", "vasp-out", "vasp-xdatcar", "vasp-xml", "espresso-out", "castep-castep", "castep-geom", "castep-md"),
        *("aims", "aims-output", "abinit-out", "gpaw-out", "gaussian-out", "nwchem-out", "orca-output", "qbox"),
        *("lammps-data", "lammps-dump-text", "dlp4", "dlp-history", "crystal", "gromacs", "gromos", "gpumd", "rmc6f"),
        *("turbomole", "turbomole-gradient", "siesta-xv", "struct_out", "dacapo-text", "acemolecule-out", "v-sim"),
    }
)
#: Letters of the line of keys of an extended XYZ, and columns of its atoms: more are nobody's, and would be made room
#: for before they are looked for.
_LINE: Final = 1 << 20
_COLUMNS: Final = 4096
#: How often a reader may ask for a line behind the end.
_ASKED: Final = 8


def read(path: Path, source: FrameSource, *, energies: bool = True) -> Frames:
    """Read the frames of a file, all of them, with their labels; see :func:`bpbench.data.readers.read`.

    Without declared blocks each group is one, to be cut.
    """
    try:
        images = _images(path)
    except DataError:
        raise
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
    energy = [_energy(path, number, atoms, energies) for number, atoms in enumerate(images)]
    return _gathered(
        images,
        energy=energy,
        group=group,
        block=block,
        temperature=None if source.temperature is None else _temperatures(path, images, source.temperature),
        where=f"{path}, ",
    )


def of_atoms(images: Sequence[Any]) -> Frames:
    """Return frames of ASE's ``Atoms``, each a group and block of its own.

    Parameters
    ----------
    images : sequence of ase.Atoms
        F of them. Energies (eV) and forces (eV/Å) are those that their calculators hold; nothing is calculated.

    Returns
    -------
    Frames
        Energies that are not there are NaN; forces are ``None`` unless every frame has them.

    Raises
    ------
    DataError
        Without frames, for a frame without atoms, and for what is no ``Atoms``.
    """
    if not len(images):
        raise DataError("There are no frames in the list; expected one ase.Atoms or more.")
    for number, atoms in enumerate(images):
        if not is_atoms(atoms):
            raise DataError(
                f"Frame {number} of the list is {type(atoms).__name__}, expected ase.Atoms, as ase.io.read(file, ':') "
                "returns them."
            )
        if not len(atoms):
            raise DataError(f"Frame {number} of the list holds no atoms; leave it out.")
    energy = [float(_results(atoms).get("energy", np.nan)) for atoms in images]
    labels = np.arange(len(images)).astype(np.str_)
    return _gathered(images, energy=energy, group=labels, block=labels, temperature=None)


def to_atoms(frames: Frames) -> list[Any]:
    """Return frames as ASE's ``Atoms``, which hold energy and forces as :func:`ase.io.read` would give them.

    ``info`` holds ``group`` and ``block``.
    """
    from ase import Atoms
    from ase.calculators.singlepoint import SinglePointCalculator

    made = []
    for number in range(len(frames)):
        rows = frames.rows(number)
        atoms = Atoms(
            numbers=frames.species[rows],
            positions=frames.positions[rows],
            cell=frames.cells[number],
            pbc=frames.pbc[number],
            info={"group": str(frames.group[number]), "block": str(frames.block[number])},
        )
        forces = {} if frames.forces is None else {"forces": frames.forces[rows]}
        atoms.calc = SinglePointCalculator(atoms, energy=float(frames.energy[number]), **forces)
        made.append(atoms)
    return made


def is_atoms(given: object) -> bool:
    """Return whether something is one of ASE's ``Atoms``."""
    from ase import Atoms

    return isinstance(given, Atoms)


def _gathered(
    images: Sequence[Any],
    *,
    energy: list[float],
    group: npt.NDArray[np.str_],
    block: npt.NDArray[np.str_] | None,
    temperature: Floats | None,
    where: str = "",
) -> Frames:
    """Return images as frames; without declared blocks each group is one. Errors begin with ``where``."""
    found = [_results(atoms).get("forces") for atoms in images]
    forces = [np.asarray(part) for part in found if part is not None]
    for number, (atoms, part) in enumerate(zip(images, found, strict=True)):
        if part is not None and (np.shape(part) != (len(atoms), 3) or np.asarray(part).dtype.kind not in "iuf"):
            raise DataError(
                f"{where}frame {number}: expected three numbers as the force on each of {len(atoms)} atoms, found an "
                f"array of shape {np.shape(part)} and type {np.asarray(part).dtype}."
            )
    sizes = [len(atoms) for atoms in images]
    return Frames(
        positions=np.concatenate([atoms.positions for atoms in images]).astype(np.float64),
        cells=np.array([atoms.cell.array for atoms in images], dtype=np.float64),
        pbc=np.array([atoms.pbc for atoms in images], dtype=np.bool_),
        species=np.concatenate([atoms.numbers for atoms in images]).astype(np.int64),
        offsets=np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
        energy=np.array(energy),
        # Not atoms.get_forces(): that would hide the forces on atoms some program held fixed.
        forces=np.concatenate(forces).astype(np.float64) if len(forces) == len(images) else None,
        id=np.arange(len(images), dtype=np.int64),
        group=group,
        block=group if block is None else block,
        temperature=temperature,
        blocks_declared=block is not None,
    )


def _results(atoms: Any) -> dict[str, Any]:
    """Return what the calculator of a frame holds; nothing is calculated."""
    return {} if atoms.calc is None else dict(atoms.calc.results)


def _images(path: Path) -> list[Any]:
    if path.suffix not in OPENERS:
        return _read(path.absolute(), path)
    # ASE jumps back and forth in the files it reads, which a compressed stream serves by starting all over again.
    with TemporaryDirectory() as folder, OPENERS[path.suffix](path, "rb") as packed:
        unpacked = Path(folder) / path.stem
        with unpacked.open("wb") as stream:
            shutil.copyfileobj(packed, stream)
        return _read(unpacked, path)


def _read(file: Path, path: Path) -> list[Any]:
    """Return the images of a file if it is of a kind that is read; ``path`` is how it is called."""
    import ase.io
    from ase.io.formats import filetype

    kind = filetype(str(file))
    if kind not in KINDS:
        raise DataError(
            f"{path}: the file cannot be read as '{kind}', which ASE takes it for: readers of this kind are not used, "
            "as one may run code or open other files; if you trust it, make an extended XYZ by ase convert FILE "
            "frames.extxyz."
        )
    if kind != "extxyz":
        return list(ase.io.read(str(file), ":", format=kind, do_not_split_by_at_sign=True))
    with _Ending(file.open("rb"), encoding="utf-8") as stream:
        return list(ase.io.read(stream, ":", format=kind, properties_parser=_keys))


class _Ending(io.TextIOWrapper):
    """A file that ends: ASE would go on to ask for the lines of a frame of 10¹⁸ atoms."""

    _asked = 0

    def readline(self, size: int = -1, /) -> str:  # type: ignore[override]  # as in typeshed
        line = super().readline(size)
        self._asked += not line
        if self._asked > _ASKED:
            raise EOFError("it ends before its last frame does")
        return line


def _keys(line: str) -> dict[str, Any]:
    """Return keys and values of the second line of a frame, as ASE reads them, if it asks for nothing unheard of."""
    from ase.io.extxyz import key_val_str_to_dict

    if len(line) > _LINE:
        raise ValueError(f"the line of keys has {len(line)} letters, expected at most {_LINE}")
    found: dict[str, Any] = key_val_str_to_dict(line)
    widths = str(found.get("Properties", "")).split(":")[2::3]
    if any(len(width) > 4 for width in widths) or sum(int(width) for width in widths) > _COLUMNS:
        raise ValueError(f"Properties names more than {_COLUMNS} columns")
    return found


def _energy(path: Path, number: int, atoms: Any, needed: bool) -> float:
    results = _results(atoms)
    energy = results.get("energy")
    if energy is None and not needed:
        return float("nan")
    if energy is None:
        alike = [key for key in (*atoms.info, *results) if "energy" in key.lower()]
        found = f"it has {', '.join(alike)}, which ASE does not take for it" if alike else "it has nothing like it"
        raise DataError(
            f"{path}, frame {number}: the frame carries no energy (expected under 'energy', in eV; {found})."
        )
    try:
        return float(energy)
    except (TypeError, ValueError):
        raise DataError(
            f"{path}, frame {number}: expected one number as the energy (eV), found {energy!r:.60}."
        ) from None


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
