"""From a file to :class:`~bpbench.data.frames.Frames`: our own, n2p2's ``input.data``, or what ASE reads with energies.

Every way in which a file cannot be used is refused here, in one sentence that names the file and the frame (frames
count from 0), so that nothing behind this door needs to look again.
"""

from __future__ import annotations

import hashlib
import stat
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, get_args

import numpy as np

from bpbench.counting import grouped
from bpbench.data import archive, ase_files, blocks, n2p2_files
from bpbench.data.frames import Frames
from bpbench.elements import SYMBOLS
from bpbench.errors import DataError, nearest
from bpbench.formats.n2p2 import Units
from bpbench.jobs import FrameSource

if TYPE_CHECKING:
    import numpy.typing as npt

    from bpbench.data.blocks import Length

#: The embedded aluminium sample, made by :func:`bpbench.data.aluminium.make`.
SAMPLE: Final = Path(__file__).with_name("aluminium_sample.npz")
#: How the embedded sample is called wherever it is shown.
SAMPLE_LABEL: Final = "EMT aluminium (embedded sample)"
#: The embedded samples by name, and how each is called.
SAMPLES: Final = {"spaced": SAMPLE, "dense": Path(__file__).with_name("aluminium_dense.npz")}
LABELS: Final = {"spaced": SAMPLE_LABEL, "dense": "EMT aluminium (embedded dense sample)"}


def sample_source() -> FrameSource:
    """Return the source of the embedded aluminium sample (EMT, not density-functional theory)."""
    return open_source(SAMPLE)


def sample_atoms(*groups: str) -> list[Any]:
    """Return the embedded aluminium sample as ASE's ``Atoms``, with energies and forces; to try things on.

    Parameters
    ----------
    *groups : str
        State points, such as ``300 K solid``; all without any. Each frame names its own in ``info["group"]``, and in
        ``info["block"]`` the stretch of the trajectory that it comes from.
    """
    return ase_files.to_atoms(read(replace(sample_source(), groups=groups or None)))


def open_source(
    path: Path | str,
    *,
    group: str | None = None,
    groups: tuple[str, ...] | None = None,
    block: str | None = None,
    block_length: Length = 5,
    guard: Length = 0,
    temperature: str | None = None,
    units: Units = "angstrom-ev",
) -> FrameSource:
    """Take the digest of a file and say how its labels are read; the frames themselves are not read yet.

    Parameters
    ----------
    path : Path or str
        The file.
    group : str, optional
        ``info`` key of the group; without it the key ``group`` if every frame has it, else one group, ``all``.
    groups : tuple of str, optional
        The groups to keep.
    block : str, optional
        ``info`` key of the block; without it consecutive frames of each group are cut into blocks.
    block_length, guard : int or 'auto'
        Frames in a cut block, and at each border between two blocks; see :func:`bpbench.data.blocks.lay`.
    temperature : str, optional
        ``info`` key of the temperature in K.
    units : str
        Units of an ``input.data`` of n2p2 or RuNNer, which does not say them: ``angstrom-ev`` or ``bohr-hartree``.

    Returns
    -------
    FrameSource

    Raises
    ------
    DataError
        When there is no such file, the blocks cannot be cut as asked or there are no such units.
    """
    blocks.check(path, block, block_length, guard)
    if units not in get_args(Units):
        raise DataError(f"{path}: there are no units called '{units}'{nearest(units, get_args(Units))}")
    return FrameSource(
        path=str(path),
        sha256=sha256_of(Path(path)),
        group=group,
        groups=groups,
        block=block,
        block_length=block_length,
        guard=guard,
        temperature=temperature,
        units=units,
    )


def read(source: FrameSource, *, energies: bool = True) -> Frames:
    """Read the frames of a source.

    The energy is what ASE calls ``energy`` (for VASP: extrapolated to zero electronic temperature). Forces are used
    only if every frame has them. Energies are total energies in eV, lengths in Å. A file whose first word is ``begin``
    is taken for an ``input.data`` of n2p2 or RuNNer, in the units of the source.

    Parameters
    ----------
    source : FrameSource
        The file and how its labels are read.
    energies : bool
        Whether every frame must carry its energy; without, those that do not have NaN, which is enough to describe
        them and not to learn from them.

    Returns
    -------
    Frames
        ``forces`` is ``None`` unless every frame carries them, ``temperature`` unless the source names its key.

    Raises
    ------
    DataError
        When the file is missing, changed since its digest was taken, cannot be read or is empty; when a frame has no
        energy, a number that is not finite, no atoms, or a periodic cell without volume; when a named ``info`` key or
        group is missing.
    """
    path = Path(source.path)
    if sha256_of(path) != source.sha256:
        raise DataError(f"{path}: the file has changed since it was opened; start again with the file as it is now.")
    if n2p2_files.recognised(path):
        frames = n2p2_files.read(path, source)
    elif source.units != "angstrom-ev":
        raise DataError(
            f"{path}: units are said of an input.data of n2p2 only, and this file is none (its first word is not "
            "'begin'); leave the key 'units' out."
        )
    elif path.suffix == ".npz":
        frames = _read_archive(path, source)
    else:
        frames = ase_files.read(path, source, energies=energies)
    _refuse_unusable(path, frames, energies=energies)
    frames = frames if source.groups is None else _keep(path, frames, source.groups)
    return _blocked(path, frames, source)


def _blocked(path: Path, frames: Frames, source: FrameSource) -> Frames:
    """Cut the frames into blocks where they declare none, or where they are to be cut by τ, and set guards apart."""
    cut = not frames.blocks_declared or source.block_length == "auto"
    laid = blocks.lay(
        frames.energy / frames.atoms,
        frames.group,
        None if cut else frames.block,
        length=source.block_length,
        guard=source.guard,
        path=path,
    )
    return replace(frames, **laid, blocks_declared=not cut)


def method(source: FrameSource) -> str | None:
    """Return how the energies were computed, such as ``EMT``, where the file says so: our own kind of file can."""
    path = Path(source.path)
    return archive.method(path) if path.suffix == ".npz" else None


def remarks(frames: Frames, source: FrameSource) -> tuple[str, ...]:
    """Return whole sentences on where the labels of these frames come from, for the report.

    Parameters
    ----------
    frames : Frames
        What :func:`read` gave.
    source : FrameSource
        For this source.
    """
    path, names = Path(source.path), list(dict.fromkeys(frames.group.tolist()))
    own = path.suffix == ".npz"
    said = []
    if not own and n2p2_files.recognised(path):
        units = "Å and eV" if source.units == "angstrom-ev" else "Bohr and Hartree"
        said.append(f"The file is an input.data of n2p2, which names no units; it was read as {units}.")
    if source.sha256 in {sha256_of(path) for path in SAMPLES.values()}:
        said.append(
            "The data are an embedded aluminium sample: energies and forces of effective-medium theory (EMT), not of "
            "density-functional theory."
        )
    if own:
        whose = "Groups and blocks are those" if frames.blocks_declared else "Groups are those"
        said.append(f"{whose} of the file ({counted(len(names), 'group')}).")
    elif names == [ase_files.ONE_GROUP] and source.group is None:
        said.append(f"The frames name no group, so all {len(frames)} form one, '{ase_files.ONE_GROUP}'.")
    else:
        key = source.group or "group"
        said.append(f"Groups are read from the info key '{key}' of each frame ({counted(len(names), 'group')}).")
    if source.groups is not None:
        said.append(f"Only these groups of the file are used: {', '.join(source.groups)}.")
    names_of_blocks, sizes = np.unique(frames.block[frames.used], return_counts=True)
    span = f"{sizes.min()}" if sizes.min() == sizes.max() else f"{sizes.min()} to {sizes.max()}"
    if not frames.blocks_declared:
        why = "Consecutive" if source.block_length == "auto" else "The frames name no blocks, so consecutive"
        said.append(
            f"{why} frames of each group were cut into "
            f"{counted(len(names_of_blocks), 'block')} of {span} frames (asked for: {source.block_length})"
            + ("." if source.guard else "; frames on either side of a cut may still be near copies.")
        )
    elif not own:
        said.append(
            f"Blocks are read from the info key '{source.block}' of each frame "
            f"({counted(len(names_of_blocks), 'block')} of {span} frames)."
        )
    else:
        said.append(f"The file declares {counted(len(names_of_blocks), 'block')} of {span} frames.")
    said += blocks.remarks(frames, source.block_length, source.guard)
    mixed = sum(len(set(frames.group[frames.block == name].tolist())) > 1 for name in names_of_blocks)
    if mixed:
        said.append(f"Frames of more than one group share a block in {counted(mixed, 'block')}, which no split cuts.")
    if frames.forces is None:
        said.append("Not every frame carries forces, so none are used.")
    return tuple(said)


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, such as ``1 block`` or ``5 blocks``."""
    return f"{number} {noun}" if number == 1 else f"{grouped(number)} {noun}s"


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes; a file that is not there is refused."""
    if path.is_dir():
        raise DataError(f"{path}: expected a file of frames, found a folder.")
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            # A pipe would be waited for without end, and is not there a second time.
            raise DataError(f"{path}: expected a file of frames or a table, found a pipe or a device.")
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except FileNotFoundError as error:
        beside = [item.name for item in path.parent.iterdir()] if path.parent.is_dir() else []
        hint = nearest(path.name, beside)
        raise DataError(f"{path}: there is no such file{hint if 'did you mean' in hint else '.'}") from error
    except OSError as error:
        raise DataError(f"{path}: the file cannot be read ({error.strerror}).") from error


# ------------------------------------------------------------------------------------------------- our own file


def _read_archive(path: Path, source: FrameSource) -> Frames:
    for field, own in (("group", "group"), ("block", "block"), ("temperature", "temperature")):
        named = getattr(source, field)
        if named not in {None, own}:
            raise DataError(f"{path}: an .npz file holds its {field} under '{own}', it has no key '{named}'.")
    frames = archive.load(path)
    if not len(frames):
        raise DataError(f"{path}: the file holds no frames.")
    if source.temperature is not None and frames.temperature is None:
        raise DataError(f"{path}: the file holds no temperatures; leave the key 'temperature' out.")
    return frames


# ------------------------------------------------------------------------------------------- for both kinds of file


def _refuse_unusable(path: Path, frames: Frames, *, energies: bool) -> None:
    frame_of_atom = np.repeat(frames.id, frames.atoms)
    checks: list[tuple[str, npt.NDArray[np.generic] | None, npt.NDArray[np.int64]]] = [
        ("energy", frames.energy if energies else None, frames.id),
        ("cell", frames.cells, frames.id),
        ("position", frames.positions, frame_of_atom),
        ("force", frames.forces, frame_of_atom),
    ]
    for name, values, owner in checks:
        if values is None:
            continue
        finite = np.isfinite(values).reshape(len(values), -1).all(axis=1)
        if not finite.all():
            number = owner[np.argmin(finite)]
            bad = np.unique(owner[~finite])
            more = f" (and in {len(bad) - 1} more)" if len(bad) > 1 else ""
            raise DataError(f"{path}, frame {number}: expected finite numbers, found a NaN or infinite {name}{more}.")
    strange = (frames.species < 1) | (frames.species > len(SYMBOLS))
    if strange.any():
        number = frame_of_atom[np.argmax(strange)]
        raise DataError(f"{path}, frame {number}: an atom has no element.")
    for cell, pbc, number in zip(frames.cells, frames.pbc, frames.id, strict=True):
        periodic = cell[pbc]
        # √det(V Vᵀ): length, area or volume spanned by the periodic vectors.
        if len(periodic) and np.linalg.det(periodic @ periodic.T) < 1e-12:
            raise DataError(f"{path}, frame {number}: the periodic cell has zero volume; are its cell vectors given?")


def _keep(path: Path, frames: Frames, groups: tuple[str, ...]) -> Frames:
    present = set(frames.group.tolist())
    for name in groups:
        if name not in present:
            raise DataError(f"{path}: the group '{name}' is empty{nearest(name, present)}")
    chosen = np.flatnonzero(np.isin(frames.group, groups))
    if not len(chosen):
        raise DataError(f"{path}: no groups were asked for{nearest('', present)}")
    return frames.take(chosen)
