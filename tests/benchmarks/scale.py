"""How long it takes to lay out and to plan a study of 100,000 trainings, and how much memory that takes at most.

Run as ``python tests/benchmarks/scale.py [--jobs 100000] [SHAPE ...]``. Each shape is a generated protocol in a folder
of its own:

=============  =========================================================================================
``sweep``      1000 contestants (a sweep over sets and rates) x 100 repeats on one split
``repeats``    8 contestants x 12,500 repeats on one split
``chunks``     100 contestants x 1000 repeats on 6400 frames of 256 atoms, whose pool lies in 100 chunks
``resampled``  100 contestants x 1000 repeats, each with a split of its own
``search``     drop-one of the pool of 329 on 30 outer splits, 10 repeats each; every answer is made up
=============  =========================================================================================

Sets have 57 functions elsewhere. Times are seconds of a processor, which other work on the machine changes little, and
for the whole of ``bpbench plan``, a process of its own, those of the clock besides. Each shape is measured in a store
without results and in one that holds them all (made up: values, provenance and energies; ``--part`` for a share of
them). ``largest`` is the process's largest resident set. A first process, which compiles, is not counted.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

SETS = ("A", "B", "C", "D")
SHAPES = {
    "sweep": (1000, "fixed", "paired-t"),
    "repeats": (8, "fixed", "paired-t"),
    "chunks": (100, "fixed", "paired-t"),
    "resampled": (100, "resampled", "nadeau-bengio"),
}
TEXT = """\
question: How long does it take to plan?
data: {data}
pool: thesis-329
sets: {{A: thesis-57-A, B: thesis-57-B, C: thesis-57-C, D: thesis-57-D}}
models:
  network: {{kind: hdnn, hidden: [10, 10], epochs: 20}}
variants:
  - {{name: D, set: D, model: network}}
sweeps:
  rates: {{model: network, axes: {{set: [A, B, C, D], learning_rate: {rates}}}}}
split: {{design: {design}, reserve: 0.2, validation: 0.2}}
repeats: {repeats}
analysis: {{baseline: D, test: {test}, margin: 0.1}}
"""
SEARCHES = """\
question: How long does it take to search?
data: {kind: aluminium}
sets: {all: thesis-329, D: thesis-57-D, 12: thesis-12}
models:
  network: {kind: hdnn, hidden: [10, 10], epochs: 20}
variants:
  - {name: D, set: D, model: network}
  - {name: 12, set: 12, model: network}
strategies:
  one-less: {kind: drop-one, remove: [10, 20], set: all, model: network, outer: SPLITS}
explore: {repeats: 10}
split: {design: fixed, reserve: 0.2, validation: 0.2}
repeats: 10
analysis: {baseline: D, test: paired-t, margin: 0.1}
"""
CONSOLE = "import sys; from bpbench.cli import console; sys.exit(console())"


def peak() -> float:
    """Return the largest resident set of this process, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def write(shape: str, jobs: int, folder: Path) -> Path:
    """Write the protocol of a shape, and its data."""
    file = folder / f"{shape}.yaml"
    if shape == "search":
        file.write_text(SEARCHES.replace("SPLITS", str(max(2, jobs // 3300))), encoding="utf-8")
        return file
    contestants, design, test = SHAPES[shape]
    data = "{kind: aluminium}"
    if shape == "chunks":
        many(folder / "many.npz")
        data = "{kind: file, path: many.npz}"
    # the baseline, a contestant beside those of the sweep, is the twin of one of them and brings no training of its own
    rates = [round(1e-4 * (10 + number), 7) for number in range(contestants // len(SETS))]
    repeats = max(2, jobs // (len(rates) * len(SETS)))
    text = TEXT.format(data=data, rates=rates, design=design, repeats=repeats, test=test)
    file.write_text(text, encoding="utf-8")
    return file


def many(path: Path, frames: int = 6400, atoms: int = 256) -> None:
    """Write frames of random atoms, enough for a pool of 100 chunks."""
    rng = np.random.default_rng(1)
    np.savez(
        path,
        positions=rng.integers(0, 1_600_000, (frames * atoms, 3), dtype=np.int32),
        cells=np.tile(np.eye(3) * 16.0, (frames, 1, 1)),
        pbc=np.ones((frames, 3), bool),
        species=np.full(frames * atoms, 13),
        offsets=np.arange(frames + 1) * atoms,
        energy=rng.normal(-900, 1, frames),
        id=np.arange(frames),
        group=np.array(["all"] * frames),
        block=np.array([f"b{number // 10:04d}" for number in range(frames)]),
        blocks_declared=np.array(True),
    )


# ------------------------------------------------------------------------------------------------ in one process


def stages(file: Path, root: Path) -> dict[str, float]:
    """Time every stage of a plan, one after another."""
    took: dict[str, float] = {}

    def timed(name: str, function: Callable[[], Any]) -> Any:
        start = time.process_time()
        found = function()
        took[name] = time.process_time() - start
        return found

    def imports() -> None:
        from bpbench import planning, study  # noqa: F401
        from bpbench.protocol import load  # noqa: F401

    timed("import", imports)
    from bpbench import planning, study
    from bpbench.identity import address
    from bpbench.protocol import load
    from bpbench.report import plans
    from bpbench.runner.engine import Engine
    from bpbench.runner.graph import missing
    from bpbench.runner.store import Store

    store = Store(root)
    protocol = timed("load the protocol", lambda: load(file))
    prepared = timed("prepare", lambda: study.prepare(protocol, store))
    jobs = timed("jobs", lambda: prepared.jobs)
    took["number of jobs"] = len(jobs)
    timed("addresses", lambda: [address(job) for job in jobs])
    timed("list the store", lambda: store.present(jobs) if hasattr(store, "present") else [*map(store.has, jobs)])
    todo = timed("missing", lambda: missing(jobs, store))
    took["number missing"] = len(todo)
    planned = timed("plan", lambda: planning.plan(prepared, store, Engine(2)))
    timed("lines", lambda: plans.plan({**planned, "report": ""}))
    timed("folder", lambda: prepared.folder)
    took["largest, MB"] = peak()
    return took


def fill(file: Path, root: Path, part: float) -> int:
    """Make up results of a share of the trainings of a study, and of everything before them."""
    from bpbench import study
    from bpbench.jobs import Train
    from bpbench.protocol import load
    from bpbench.runner import work
    from bpbench.runner.store import Outcome, Store

    store, rng = Store(root), np.random.default_rng(1)
    prepared = study.prepare(load(file), store)
    jobs = prepared.jobs
    for job in jobs[: round(part * len(jobs))]:
        if work.needs(job) and not store.has(job):
            energy = {"energy": rng.normal(-900, 1, len(prepared.frames))} if isinstance(job, Train) else {}
            store.save(job, Outcome(made_up(rng), energy), lambda: {"wall_s": 1.5})
    return len(jobs)


def made_up(rng: np.random.Generator, mean: float = 2.0) -> dict[str, Any]:
    """Return what a training said, as far as a plan or a search looks at it."""
    scores = {key: float(rng.normal(mean, 0.1)) for key in ("rmse", "mae", "mse", "half_mse", "r2", "max")}
    return {"status": "done", "scores": dict.fromkeys(("train", "validation", "test"), scores), "remarks": []}


def searching(file: Path, root: Path) -> dict[str, float]:
    """Time searches whose every question is answered at once by a made-up score."""
    from bpbench import exploration, study
    from bpbench.identity import address
    from bpbench.protocol import load
    from bpbench.runner.graph import missing
    from bpbench.runner.store import Outcome, Store

    store, rng = Store(root), np.random.default_rng(1)
    prepared = study.prepare(load(file), store)
    took = {"missing": 0.0, "addresses": 0.0, "answers": 0.0}
    asked = 0

    def answer(jobs: list[Any]) -> dict[Any, Any]:
        nonlocal asked
        start = time.process_time()
        missing(jobs, store)
        took["missing"] += time.process_time() - start
        start = time.process_time()
        for job in jobs:
            address(job)
        took["addresses"] += time.process_time() - start
        start = time.process_time()
        asked += len(jobs)
        found = {
            job: Outcome(made_up(rng, 2 + len(job.functions) / 10)) for job in jobs
        }  # fewer are better, to the end
        took["answers"] += time.process_time() - start
        return found

    start = time.process_time()
    explored = exploration.explore(prepared.explored.laid, answer)
    took["searches themselves"] = time.process_time() - start - sum(took.values())
    start = time.process_time()
    study.laid_out(prepared.declared, prepared.inputs, explored)
    took["lay out what was found"] = time.process_time() - start
    return {"number of trainings": asked, **took, "largest, MB": peak()}


# ---------------------------------------------------------------------------------------------- processes


def child(*words: str) -> Any:
    """Run this file as a process of its own and return what it printed."""
    ran = subprocess.run([sys.executable, __file__, *words], check=True, stdout=subprocess.PIPE)
    return json.loads(ran.stdout)


def whole(file: Path, root: Path) -> dict[str, float]:
    """Time ``bpbench plan`` as a process of its own."""
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-c", CONSOLE, "plan", str(file), "--store", str(root)],
        stdout=subprocess.DEVNULL,
    )
    _, status, used = os.wait4(process.pid, 0)
    assert status == 0
    return {
        "bpbench plan, whole": used.ru_utime + used.ru_stime,
        "the same by the clock": time.perf_counter() - start,
        "its largest, MB": used.ru_maxrss / 1024,
    }


def show(title: str, found: dict[str, float]) -> None:
    """Print a table of seconds."""
    print(f"\n{title}")
    for name, value in found.items():
        print(f"  {name:<26}{value:>12,.0f}" if value >= 100 or "number" in name else f"  {name:<26}{value:>12.2f}")
    sys.stdout.flush()


def main() -> None:
    """Measure the shapes that are asked for."""
    parser = argparse.ArgumentParser()
    parser.add_argument("shapes", nargs="*", help="by default all")
    parser.add_argument("--jobs", type=int, default=100_000)
    parser.add_argument("--part", type=float, default=1.0, help="share of the results in the filled store")
    parser.add_argument("--only-fresh", action="store_true", help="no store with results")
    parser.add_argument("--child", choices=["stages", "fill", "searching"])
    options = parser.parse_args()
    if options.child:
        file, root = map(Path, options.shapes)
        if options.child == "fill":
            print(json.dumps(fill(file, root, options.part)))
        else:
            print(json.dumps({"stages": stages, "searching": searching}[options.child](file, root)))
        return
    for shape in options.shapes or (*SHAPES, "search"):
        with TemporaryDirectory() as folder:
            file, root = write(shape, options.jobs, Path(folder)), Path(folder) / "store"
            if shape == "search":
                show("search", child("--child", "searching", str(file), str(root)))
                continue
            whole(file, root)  # compiles
            show(
                f"{shape}, no result stored", {**child("--child", "stages", str(file), str(root)), **whole(file, root)}
            )
            if options.only_fresh:
                continue
            child("--child", "fill", "--part", str(options.part), str(file), str(root))
            show(f"{shape}, results stored", {**child("--child", "stages", str(file), str(root)), **whole(file, root)})


if __name__ == "__main__":
    main()
