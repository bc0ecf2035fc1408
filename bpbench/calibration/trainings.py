"""The A/A test on real trainings: whole studies, from split to verdict, whose contestants are equally good.

Each data set is drawn afresh: small aluminium crystals (EMT) described by set D, and for every contestant columns of
pure noise of its own. All contestants are the ridge regression on D and their noise. Given the crystals, the noise
of the contestants is independent and of one law, the splits know nothing of it, and the fit is one function of
energies, descriptors, noise and split. Exchanging two contestants therefore leaves the joint law of all scores as it
is: their expected losses are equal exactly, and the difference of any two is symmetric about zero over data sets.

On one data set, though, one noise happens to fit better than the other, on every split of it. Repeats share that luck,
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
from bpbench.statistics.compare import Rules, judge

if TYPE_CHECKING:
    from bpbench.protocol import Protocol

SET: Final = "thesis-57-D"
#: Crystals in a data set, and columns of pure noise that a contestant has beside the set.
CRYSTALS: Final = 40
NOISE: Final = 10
CONTESTANTS: Final = ("a", "b", "c")
#: Repeats of each contestant, or splits of a crossed design.
REPEATS: Final = 10

#: What is counted of each data set, in this order.
COUNTED: Final = ("family", "comparison", "plain", "crossed")


def _protocol(file: Path, names: tuple[str, ...], *, crossed: bool, seed: int) -> Protocol:
    """Return the study of the contestants on a table."""
    split = f"crossed, splits: {REPEATS}" if crossed else "resampled"
    sets = "\n".join(
        f"  {name}: {{columns: {[*names, *(f'noise {name}{number}' for number in range(NOISE))]}}}"
        for name in CONTESTANTS
    )
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


def _write(file: Path, rng: np.random.Generator) -> tuple[str, ...]:
    """Draw a data set, write it as a table, and return the names of the descriptors of its set."""
    functions, frames = preset(SET), aluminium.crystals(rng, CRYSTALS)
    described = describe_frames(functions.functions, frames, 0, len(frames))
    noise = rng.normal(size=(len(CONTESTANTS) * NOISE, described.shape[1]))
    names = [*functions.names, *(f"noise {name}{number}" for name in CONTESTANTS for number in range(NOISE))]
    np.savez(
        file,
        values=np.concatenate([described, noise]).T,
        names=np.array(names),
        offsets=frames.offsets,
        energy=frames.energy,
    )
    return functions.names


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
        As in :data:`COUNTED`: resampled studies with any verdict of a difference; their first comparisons with p at
        most α, uncorrected; the same repeats judged by a plain t, with any difference; crossed studies with any.
    """
    plain, counts = Rules("paired-t", "fixed"), np.zeros(len(COUNTED), dtype=np.int64)
    for _ in range(runs):
        with TemporaryDirectory(prefix="bpbench-") as folder:
            file, store = Path(folder) / "table.npz", Store(Path(folder) / "store")
            names, seed = _write(file, rng), int(rng.integers(2**31))
            prepared = study.prepare(_protocol(file, names, crossed=False, seed=seed), store)
            resampled = study.conduct(prepared, store)
            crossed = study.conduct(
                study.prepare(_protocol(file, names, crossed=True, seed=seed), store), store
            ).comparisons
            told = judge(mistaken(study.pairs(prepared, resampled.results)), plain)
        first = resampled.comparisons[0].p
        assert first is not None  # no training of a ridge is missing
        counts += [
            any(found.verdict in {"better", "worse"} for found in resampled.comparisons),
            first <= plain.alpha,
            any(found.significant for found in told),
            any(found.significant for found in crossed),
        ]
    return tuple(counts.tolist())
