"""The A/A test on real trainings: whole studies, from split to verdict, whose contestants are equally good.

Each data set is drawn afresh: small aluminium crystals (EMT) described by set D, and for every contestant columns of
pure noise of its own. All contestants are the ridge regression on D and their noise. Given the crystals, the noise
of the contestants is independent and of one law, the splits know nothing of it, and the fit is one function of
energies, descriptors, noise and split. Exchanging two contestants therefore leaves the joint law of all scores as it
is: their expected losses are equal exactly, and the difference of any two is symmetric about zero over data sets.

On one data set, though, one noise happens to fit better than another, on most splits of it. Repeats share that luck,
whatever is redrawn of the split, which is why the data sets must be independent: no re-splitting of one could show it.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

import numpy as np

from bpbench import study
from bpbench.calibration.nulls import mistaken
from bpbench.data import aluminium
from bpbench.descriptors.symmetry import describe_frames
from bpbench.features import preset
from bpbench.protocol import loads
from bpbench.runner.store import Store
from bpbench.statistics.compare import Comparison, Rules, judge

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bpbench.calibration.nulls import Array
    from bpbench.data.frames import Frames
    from bpbench.protocol import Protocol

SET: Final = "thesis-57-D"
#: Crystals in a data set, and columns of pure noise that a contestant has beside the set.
CRYSTALS: Final = 24
NOISE: Final = 10
CONTESTANTS: Final = ("a", "b")
#: Repeats of each contestant, or splits of a crossed design.
REPEATS: Final = 20

#: What is counted of each data set, in this order.
COUNTED: Final = ("verdict", "plain", "crossed")


def protocol(file: Path, *, design: str, seed: int) -> Protocol:
    """Return the study of the contestants on a table.

    Parameters
    ----------
    file : Path
        From :func:`write`.
    design : {'resampled', 'crossed'}
        How the splits are redrawn.
    seed : int
        Root seed of the study.
    """
    crossed = design == "crossed"
    split = f"crossed, splits: {REPEATS}" if crossed else design
    described = preset(SET).names
    sets = "\n".join(f"  {name}: {{columns: {[*described, *_noises(name)]}}}" for name in CONTESTANTS)
    variants = "\n".join(f"  - {{name: {name}, set: {name}, model: ridge}}" for name in CONTESTANTS)
    text = f"""
question: Do contestants that are equally good look different?
data: {{kind: table, path: {file.name}, block_length: 1}}
sets:
{sets}
models:
  ridge: {{kind: linear}}
variants:
{variants}
split: {{design: {split}, reserve: 0.2, validation: 0.2}}
repeats: {1 if crossed else REPEATS}
seed: {seed}
analysis: {{baseline: {CONTESTANTS[0]}, test: {"paired-t" if crossed else "nadeau-bengio"}}}
"""
    return loads(text, file=str(file.with_suffix(".yaml")))


def data_set(rng: np.random.Generator) -> tuple[Frames, Array]:
    """Draw the crystals of a data set, and the noise of its contestants.

    Parameters
    ----------
    rng : Generator
        Source of chance.

    Returns
    -------
    Frames
        The crystals.
    ndarray, shape (contestants, columns, crystals)
        The noise of each, one number for all atoms of a crystal.
    """
    return aluminium.crystals(rng, CRYSTALS), rng.normal(size=(len(CONTESTANTS), NOISE, CRYSTALS))


def write(file: Path, frames: Frames, noise: Array) -> None:
    """Write a data set as a table of descriptors and noise.

    Parameters
    ----------
    file : Path
        The ``.npz`` to write.
    frames, noise
        From :func:`data_set`.
    """
    functions = preset(SET)
    described = describe_frames(functions.functions, frames, 0, len(frames))
    columns = np.repeat(noise.reshape(-1, len(frames)), frames.atoms, axis=1)
    names = [*functions.names, *(name for contestant in CONTESTANTS for name in _noises(contestant))]
    np.savez(
        file,
        values=np.concatenate([described, columns]).T,
        names=np.array(names),
        offsets=frames.offsets,
        energy=frames.energy,
    )


def _noises(contestant: str) -> list[str]:
    return [f"noise {contestant}{number}" for number in range(NOISE)]


def alarms(rng: np.random.Generator, runs: int) -> tuple[int, ...]:
    """Conduct studies of equally good contestants, and count those that see a difference.

    Parameters
    ----------
    rng : Generator
        Source of chance.
    runs : int
        Independent data sets.

    Returns
    -------
    tuple of int
        As in :data:`COUNTED`: resampled studies with a verdict of better or worse; the same repeats judged by a plain
        t, if it sees a difference; crossed studies with a verdict.
    """
    plain, counts = Rules("paired-t", "fixed"), np.zeros(len(COUNTED), dtype=np.int64)
    for _ in range(runs):
        with TemporaryDirectory(prefix="bpbench-") as folder:
            file, store = Path(folder) / "table.npz", Store(Path(folder) / "store")
            write(file, *data_set(rng))
            seed = int(rng.integers(2**31))
            prepared, crossed = (
                study.prepare(protocol(file, design=design, seed=seed), store) for design in ("resampled", "crossed")
            )
            resampled = study.conduct(prepared, store)
            told = judge(mistaken(study.pairs(prepared, resampled.results)), plain)
            given_reserve = study.conduct(crossed, store).comparisons
        counts += [_decided(resampled.comparisons), _decided(told), _decided(given_reserve)]
    return tuple(counts.tolist())


def _decided(comparisons: Sequence[Comparison]) -> bool:
    return any(found.verdict in {"better", "worse"} for found in comparisons)
