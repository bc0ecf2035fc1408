"""One training of a study as a folder of files for n2p2 and LAMMPS.

Everything is worked out before the first file is written, and files are written beside their place and renamed into it.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from bpbench.data import splits
from bpbench.data.masses import masses
from bpbench.errors import RequestError
from bpbench.exchange import lammps
from bpbench.exchange.readme import About, readme
from bpbench.exchange.translation import require, translate
from bpbench.formats import n2p2
from bpbench.jobs import Train
from bpbench.stored import BEST, Stored, find

if TYPE_CHECKING:
    from bpbench.prepared import Prepared
    from bpbench.runner.store import Store

#: How ``input.nn`` begins in a folder that was written here.
MARK: Final = "# Written by bpbench export"


def export(prepared: Prepared, store: Store, variant: str, folder: Path, *, repeat: int | str = BEST) -> dict[str, Any]:
    """Write a stored training for n2p2 and LAMMPS and return what there is to tell of it.

    Parameters
    ----------
    prepared : Prepared
        The study.
    store : Store
        Where its results are.
    variant : str
        Name of the contestant.
    folder : Path
        Where to: a new folder, an empty one, or one that was written here before.
    repeat : int or 'best-on-validation'
        Number of the repeat, from 0.

    Returns
    -------
    dict
        Plain JSON: ``folder``, ``files``, ``variant``, ``repeat``, ``scores``, ``functions`` (their number by element),
        ``dropped``, ``cutoff`` (Å) and ``energy`` (eV) of the frame that goes with it.

    Raises
    ------
    RequestError
        When there is no such training, for what n2p2's files cannot say, or when the folder holds something else or
        cannot be written.
    """
    _require_ours(folder)
    _require_sayable(prepared, variant)
    about = _about(prepared, store, find(prepared, store, variant, repeat), str(repeat))
    texts = _texts(about)
    _write(folder, texts)
    return {
        "folder": str(folder),
        "format": "n2p2",
        "files": sorted(texts),
        "variant": variant,
        "repeat": about.stored.repeat,
        "asked": about.asked,
        "repeats": len(about.scores),
        "scores": about.stored.outcome.values["scores"],
        "functions": {element: len(functions) for element, functions in about.said.settings.functions.items()},
        "dropped": {element: list(names) for element, names in about.said.dropped.items()},
        "cutoff": about.reach,
        "frame": about.frame,
        "energy": about.answer.energy,
    }


def _require_sayable(prepared: Prepared, variant: str) -> None:
    """Refuse a model that cannot be exported before anyone is told to run it first."""
    jobs = (job for (name, _), job in prepared.trainings.items() if name == variant)
    job = next(jobs, None)
    if isinstance(job, Train):
        require(job.model, variant)


def _about(prepared: Prepared, store: Store, stored: Stored, asked: str) -> About:
    potential, frames = stored.potential, stored.frames
    said = translate(potential, stored.variant)
    parts = splits.draw(frames, stored.job.split)
    frame = int(parts.test[0])
    train = parts.train
    if stored.job.observations is not None:
        split = stored.job.split
        train = splits.fewer(frames, train, stored.job.observations, split.split_seed, split.by)
    reach = max(function.r_c for functions in said.settings.functions.values() for function in functions)
    structure = lammps.structure(frames, frame, reach)
    jobs = {number: job for (name, number), job in prepared.trainings.items() if name == stored.variant}
    outcomes = {number: store.load(job) for number, job in jobs.items() if store.has(job)}
    return About(
        protocol=prepared.protocol.name,
        digest=prepared.digest,
        asked=asked,
        metric=prepared.protocol.analysis.metric,
        stored=stored,
        said=said,
        scores=[(n, found.values["scores"]) for n, found in outcomes.items() if found.values["status"] == "done"],
        planned=len(jobs),
        groups=tuple(dict.fromkeys(frames.group[train].tolist())),
        structure=structure,
        frame=frame,
        answer=potential.answer(structure.positions, structure.cell, structure.pbc, structure.species),
    )


def _texts(about: About) -> dict[str, str]:
    """Return every file by name."""
    stored, structure, elements = about.stored, about.structure, about.said.settings.elements
    # A name may have several lines, of which all but the first would be no comment: LAMMPS runs what it reads.
    names = [" ".join(name.split()) for name in (stored.variant, about.protocol)]
    what = f"{names[0]}, repeat {stored.repeat} of {names[1]}; Å and eV; see README.md"
    return {
        **about.said.files(f"{MARK.removeprefix('# ')}: {what}"),
        "input.data": _input_data(about),
        "structure.data": lammps.data(structure, elements, masses(elements), f"frame {about.frame} of the data, Å"),
        "in.lammps": lammps.script(structure, elements, about.reach, what),
        "README.md": readme(about),
    }


def _input_data(about: About) -> str:
    """Return the frame with the energy and forces of the data, of which forces may be missing."""
    frames, structure = about.stored.frames, about.structure
    forces = None if frames.forces is None else frames.forces[frames.rows(about.frame)]
    return n2p2.structure_text(
        n2p2.Structure(
            positions=structure.positions,
            species=structure.species,
            energy=float(frames.energy[about.frame]),
            forces=np.zeros_like(structure.positions) if forces is None else forces,
            # n2p2 knows periods in all directions or in none; what stands for the others is long enough.
            cell=structure.cell if any(structure.pbc) else None,
            charges=np.zeros(len(structure.species)),
            comment=f"frame {about.frame} of the data, its energy" + ("" if forces is None else " and forces"),
        ),
        units="angstrom-ev",
    )


def _require_ours(folder: Path) -> None:
    """Refuse a place that holds something else."""
    if folder.is_dir():
        held = sorted(path.name for path in folder.iterdir())
        file = folder / "input.nn"
        if held and not (file.is_file() and file.read_text(encoding="utf-8", errors="replace").startswith(MARK)):
            some = ", ".join(held[:3]) + (", …" if len(held) > 3 else "")
            raise RequestError(
                f"{folder} holds files that bpbench export did not write ({some}); name a new or an empty folder."
            )
    elif folder.exists():
        raise RequestError(f"{folder} is a file; name a folder to write into.")


def _write(folder: Path, texts: dict[str, str]) -> None:
    """Write all files beside the folder, then rename them into their place: it is never half written."""
    made: Path | None = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
        made.chmod(0o755)
        for name, text in texts.items():
            (made / name).write_text(text, encoding="utf-8")
        if not folder.exists() or not any(folder.iterdir()):
            made.replace(folder)
            return
        for old in folder.glob("weights.*.data"):
            if old.name not in texts:
                old.unlink()  # of an element that the potential written before knew
        for name in texts:
            (made / name).replace(folder / name)
    except OSError as error:
        raise RequestError(f"{folder} cannot be written ({error.strerror}); name a folder you may write.") from None
    finally:
        if made is not None:
            shutil.rmtree(made, ignore_errors=True)
