"""A planted truth: energies that depend on a known few of the functions, made from real surroundings and noise."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import stats

from bpbench import exploration, study
from bpbench.data import aluminium, archive, readers
from bpbench.descriptors.symmetry import describe_frames
from bpbench.exploration import Explored
from bpbench.features import G2, G5, Feature
from bpbench.jobs import Job, Train
from bpbench.protocol import loads
from bpbench.runner import work
from bpbench.runner.store import Outcome, Store
from bpbench.selection.trace import Chosen

Floats = npt.NDArray[np.float64]

#: Ten shells of neighbours, and what tells configurations apart beside them: what is left of 31 functions when the one
#: that the others explain best is left out, again and again. Most functions of a grid are near copies of each other,
#: and of two near copies no strategy could say which one was planted.
SHELLS: Final = tuple(G2(4.0, round(2.2 + 0.45 * place, 2), 6.8) for place in range(10))
_ANGULAR: Final = (
    (0.05, 4.0, -1), (0.05, 4.0, 1), (0.05, 16.0, -1), (0.05, 16.0, 1), (0.2, 1.0, 1), (0.2, 4.0, -1), (0.2, 4.0, 1),
    (0.2, 16.0, -1), (0.2, 16.0, 1),
)  # fmt: skip
POOL: Final[tuple[Feature, ...]] = (*SHELLS, G2(0.3, 0.0, 6.8), *(G5(*item, 6.8) for item in _ANGULAR))
#: State points, configurations from each of their frames, and atoms in a configuration.
STATES: Final = ("300 K solid", "800 K solid", "1000 K liquid", "1500 K liquid")
CONFIGURATIONS, ATOMS = 3, 8
#: What each planted function moves the energy by, and the noise, meV/atom.
SIGNAL, NOISE = 20.0, 0.5


@dataclass(frozen=True, slots=True)
class Planted:
    """A data set with its truth.

    Attributes
    ----------
    data : str
        What a protocol says under ``data``.
    folder : Path
        Where the file lies.
    pool : tuple of Feature
        D functions.
    truth : tuple of int
        Those that the energy depends on.
    columns : bool
        Whether they are columns of a table.
    """

    data: str
    folder: Path
    pool: tuple[Feature, ...]
    truth: Chosen
    columns: bool

    def found(self, chosen: Chosen) -> tuple[float, float]:
        """Return precision and recall of a choice."""
        hits = len(set(chosen) & set(self.truth))
        return hits / len(chosen), hits / len(self.truth)

    def by_chance(self, size: int) -> tuple[float, float]:
        """Return mean and 95th percentile of the precision of random subsets of a size: the hypergeometric law's."""
        many, planted = len(self.pool), len(self.truth)
        return planted / many, float(stats.hypergeom.ppf(0.95, many, planted, size)) / size

    @property
    def set(self) -> str:
        """The whole pool, as a protocol writes a set."""
        if self.columns:
            return "{columns: all}"
        return f"{{functions: [{', '.join(map(_written, self.pool))}]}}"


def _written(item: Feature) -> str:
    own = f"r_s: {item.r_s!r}" if isinstance(item, G2) else f"zeta: {item.zeta!r}, lam: {item.lam}"
    return f"{{kind: {item.kind}, eta: {item.eta!r}, r_c: {item.r_c!r}, {own}}}"


def surroundings(pool: Sequence[Feature] = POOL) -> Floats:
    """Return the functions of atoms of the embedded sample, shape (D, A): a few of every frame, in configurations."""
    frames = readers.read(replace(readers.sample_source(), groups=STATES))
    values = describe_frames(pool, frames, 0, len(frames))
    rng, taken = np.random.default_rng(1), CONFIGURATIONS * ATOMS
    rows = [first + rng.choice(256, taken, replace=False) for first in frames.offsets[:-1]]
    return np.ascontiguousarray(values[:, np.concatenate(rows)], dtype=np.float64)


def _energies(
    values: Floats, atoms: int, truth: Sequence[int], *, curved: bool, seed: int, noise: float = NOISE
) -> Floats:
    """Return energies, eV, of configurations of so many atoms: a sum over atoms and planted functions, and noise."""
    rng = np.random.default_rng(seed)
    chosen = values[list(truth)]
    chosen = (chosen - chosen.mean(axis=1, keepdims=True)) / chosen.std(axis=1, keepdims=True)
    terms = np.tanh(chosen) if curved else chosen
    means = terms.reshape(len(terms), -1, atoms).mean(axis=2)
    signs = rng.choice([-1.0, 1.0], size=len(terms))
    per_atom = SIGNAL * signs @ (means / means.std(axis=1, keepdims=True)) + noise * rng.normal(size=means.shape[1])
    energies: Floats = 1e-3 * atoms * per_atom
    return energies


def table(
    folder: Path,
    values: Floats,
    truth: Sequence[int],
    *,
    curved: bool,
    seed: int,
    noise: float = NOISE,
    pool: Sequence[Feature] = POOL,
) -> Planted:
    """Write a table of real surroundings with planted energies.

    Parameters
    ----------
    folder : Path
        Where it goes.
    values : ndarray, shape (D, A)
        From :func:`surroundings`.
    truth : sequence of int
        Functions that the energy depends on.
    curved : bool
        Whether an atom's energy bends with its functions, which no linear model can follow.
    seed : int
        Of signs and noise.
    noise : float
        Of the energies, meV/atom.
    pool : sequence of Feature
        D functions.
    """
    energy = _energies(values, ATOMS, truth, curved=curved, seed=seed, noise=noise)
    names, name = np.array([item.name for item in pool]), f"table-{seed}.npz"
    offsets = np.arange(0, values.shape[1] + 1, ATOMS)
    np.savez(folder / name, values=values.T, names=names, offsets=offsets, energy=energy)
    # the configurations of one frame are one block
    data = f"{{kind: table, path: {name}, block_length: {CONFIGURATIONS}}}"
    return Planted(data, folder, tuple(pool), tuple(sorted(truth)), columns=True)


def crystals(folder: Path, truth: Sequence[int], *, seed: int, count: int = 200) -> Planted:
    """Write small crystals, each strained and shaken on its own, whose energies are a sum over some of the shells.

    Parameters
    ----------
    folder, truth, seed
        As of :func:`table`.
    count : int
        Configurations.
    """
    frames = aluminium.crystals(np.random.default_rng(seed), count)
    values = describe_frames(SHELLS, frames, 0, count)
    energy = _energies(values, int(frames.atoms[0]), truth, curved=False, seed=seed)
    archive.save(folder / f"crystals-{seed}.npz", replace(frames, energy=energy))
    return Planted(f"{{kind: file, path: crystals-{seed}.npz}}", folder, SHELLS, tuple(sorted(truth)), columns=False)


def explored(
    planted: Planted,
    model: str,
    strategies: dict[str, str],
    explore: str = "{repeats: 5}",
    sets: Mapping[str, Chosen] | None = None,
    seed: int = 1,
) -> Explored:
    """Let strategies search on planted data.

    Parameters
    ----------
    planted : Planted
        The data.
    model, explore : str
        What the protocol says of them.
    strategies : dict of str to str
        What it says of each strategy, beside its set and model.
    sets : mapping of str to tuple of int, optional
        More sets than the whole pool, which is ``all``; of columns alone.
    seed : int
        Of everything that is drawn.
    """
    own = {name: "model: m" if "kind: smallest" in spec else "set: all, model: m" for name, spec in strategies.items()}
    lines = "\n".join(f"  {name}: {{{spec}, {own[name]}}}" for name, spec in strategies.items())
    more = "".join(
        f"\n  {name}: {{columns: {json.dumps([planted.pool[place].name for place in chosen])}}}"
        for name, chosen in (sets or {}).items()
    )
    text = f"""
question: Which functions does the energy depend on?
data: {planted.data}
sets:
  all: {planted.set}{more}
models: {{m: {model}}}
variants:
  - {{name: base, set: all, model: m}}
strategies:
{lines}
explore: {explore}
split: {{design: fixed}}
repeats: 5
seed: {seed}
analysis: {{baseline: base, margin: 5%}}
"""
    return in_memory(text, planted.folder)


def in_memory(text: str, folder: Path) -> Explored:
    """Let the strategies of a protocol search; results are held in memory, and nothing is confirmed."""
    prepared = study.prepare(loads(text, file=str(folder / "study.yaml")), Store(folder / "unused"))
    held: dict[Job, Outcome] = {}

    def load(job: Job) -> Outcome:
        if job not in held:
            made = work.perform(job, load)
            held[job] = Outcome(made.values, {**made.arrays, **dict(made.more)})
        return held[job]

    return exploration.explore(prepared.explored.laid, lambda jobs: {job: load(job) for job in jobs})


def trainings(found: Explored, name: str) -> int:
    """Return how many trainings a strategy asked for."""
    return sum(isinstance(job, Train) for job in found.asked[name, 0])
