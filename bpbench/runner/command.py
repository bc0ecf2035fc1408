"""Somebody else's trainer as a contestant: a program that is run once for each repeat, judged by what it predicts.

In a folder of its own, which is gone afterwards, a program finds the files that the protocol names and the structures
of the split; its words are run without a shell, and what it predicts for all structures is read back. The energies and
forces of test configurations are written nowhere. Whoever names a program could name any: nothing is run unless that
was allowed (:func:`bpbench.runner.execute.execute`).
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

import numpy as np

from bpbench.data import handed
from bpbench.errors import BpbenchError, CommandError, DataError
from bpbench.features import Column, Feature, FeatureSet
from bpbench.formats.n2p2 import Settings, order, write_settings
from bpbench.identity import digest_of_files
from bpbench.jobs import PLACEHOLDERS, as_typed
from bpbench.models import threads
from bpbench.models.contract import Fit
from bpbench.runner import guard

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bpbench.data.frames import Frames
    from bpbench.jobs import Command
    from bpbench.models.contract import Problem

#: Lines, and characters of each, that are kept of what a program says.
LINES, WIDTH = 20, 300
#: Lines of these that a message quotes.
QUOTED: Final = 3
#: What ends the names of the files of structures.
_ENDS: Final = {"extxyz": ".extxyz", "input.data": ".data"}
_FIELD: Final = re.compile(r"\{(" + "|".join(PLACEHOLDERS) + r")\}")
#: What a program says to a terminal beside words.
_COLOURS: Final = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
#: Set in a worker of a batch system that holds several cores, which are for programs alone.
THREADS: Final = "BPBENCH_PROGRAM_THREADS"


def fit(
    model: Command,
    frames: Frames,
    problem: Problem,
    functions: Sequence[Feature | Column],
    *,
    seed: int,
) -> Fit:
    """Run a program on a split and return what it predicts.

    Parameters
    ----------
    model : Command
        The program.
    frames : Frames
        The data.
    problem : Problem
        The same with their split.
    functions : sequence of Feature or Column
        The set, for programs that work with symmetry functions.
    seed : int
        What the program may draw from.

    Raises
    ------
    CommandError
        When its files have changed, when it cannot be started, ends with another exit code than 0 or not within its
        limit, and when its predictions are missing or cannot be read. Predictions that are no finite numbers are read.
    """
    paths = [Path(name) for name in (*model.files, *model.templates)]
    if not all(path.is_file() for path in paths) or model.sha256 not in {"", digest_of_files(paths)}:
        raise CommandError("The program's files have changed since the protocol was read; start again.")
    # What the program left running in a group of its own may still be writing when the folder is taken away.
    with TemporaryDirectory(prefix="bpbench-command-", ignore_cleanup_errors=True) as name:
        folder, log = Path(name).resolve() / "folder", Path(name) / "said"
        folder.mkdir()
        words = _lay_out(model, frames, problem, functions, folder, seed)
        try:
            _run(model, words, folder, log)
            energy, forces = handed.read(folder / model.gives, frames, units=model.units, forces=model.forces)
            return Fit(energy, forces=forces, said="\n".join(_last(log, folder, LINES)))
        except DataError as error:
            raise CommandError(_unusable(error) + _said(_last(log, folder, QUOTED))) from error


def _lay_out(
    model: Command,
    frames: Frames,
    problem: Problem,
    functions: Sequence[Feature | Column],
    folder: Path,
    seed: int,
) -> list[list[str]]:
    """Write everything that the program reads, and return the words of its steps."""
    end = _ENDS[model.reads]
    every = np.arange(len(frames), dtype=np.int64)
    parts = {"train": problem.train, "validation": problem.validation, "structures": every}
    try:
        for name, chosen in parts.items():
            labelled = name != "structures"
            handed.write(
                folder / f"{name}{end}", frames, chosen, kind=model.reads, units=model.units, labelled=labelled
            )
    except DataError as error:
        raise CommandError(str(error)) from error
    asked = tuple(function for function in functions if not isinstance(function, Column))
    filled = {
        "seed": str(seed),
        **{name: str(folder / f"{name}{end}") for name in parts},
        "out": str(folder / model.gives),
        "folder": str(folder),
        "elements": " ".join(frames.elements),
        "cutoff": repr(max((function.r_c for function in asked), default=0.0)),
    }
    for path in map(Path, model.files):
        shutil.copy(path, folder / path.name)
    for path in map(Path, model.templates):
        text = path.read_text(encoding="utf-8")
        if "{functions}" in text:
            filled["functions"] = _lines(asked, tuple(frames.elements), model, problem)
        (folder / path.name).write_text(fill(text, filled), encoding="utf-8")
        shutil.copymode(path, folder / path.name)
    return [[fill(word, filled) for word in step] for step in model.run]


def fill(text: str, filled: Mapping[str, str]) -> str:
    """Return a text with its placeholders filled in; all other braces stay as they are."""
    return _FIELD.sub(lambda found: filled.get(found[1], found[0]), text)


def _lines(functions: tuple[Feature, ...], elements: tuple[str, ...], model: Command, problem: Problem) -> str:
    """Return the set as lines of an ``input.nn``, for each element of the centre those functions that it sees."""
    seen = dict(problem.centres)
    made = {}
    try:
        for element in elements:
            mine = [functions[place] for place in seen[element]] if seen else functions
            resolved = FeatureSet(tuple(mine)).resolved(elements).functions
            made[element] = FeatureSet(tuple(resolved[place] for place in order(resolved)))
        text = write_settings(Settings(elements, made), units=model.units)
    except BpbenchError as error:
        raise CommandError(f"The set cannot be written for the program: {error}") from error
    keys = ("number_of_elements", "elements", "cutoff_type", "symfunction_short")
    return "\n".join(line for line in text.splitlines() if line.split()[0] in keys)


# ------------------------------------------------------------------------------------------------ running a program


def _run(model: Command, steps: list[list[str]], folder: Path, log: Path) -> None:
    until = time.monotonic() + model.limit
    for number, words in enumerate(steps):
        which = _which(number, model)
        if not _there(words[0], folder):
            raise CommandError(_unknown(which))
        try:
            code = _step(words, folder, log, until - time.monotonic())
        except subprocess.TimeoutExpired:
            raise CommandError(_stopped(model.limit, which) + _said(_last(log, folder, QUOTED))) from None
        if code:
            raise CommandError(_ended(code, which) + _said(_last(log, folder, QUOTED)))


def _which(number: int, model: Command) -> str:
    return f"step {number + 1} of {len(model.run)}, '{as_typed(model.run[number])}'"


def _unknown(which: str) -> str:
    return f"The program cannot be started in {which}: there is no such program, or it may not be executed."


def _stopped(limit: float, which: str) -> str:
    return f"The program was stopped at its limit of {limit:g} s in {which}."


def _ended(code: int, which: str) -> str:
    names = {known.value: known.name for known in signal.Signals}  # of those for real time the ends alone
    how = f"ended with the exit code {code}" if code > 0 else f"was ended by {names.get(-code, f'signal {-code}')}"
    return f"The program {how} in {which}."


def _unusable(why: object) -> str:
    return f"The program's predictions cannot be used: {why}."


def _there(word: str, folder: Path) -> bool:
    """Return whether a word is a program: of the path, or where it has a stroke a file, from the folder on."""
    return shutil.which(folder / word if os.sep in word else word) is not None


def _step(words: list[str], folder: Path, log: Path, seconds: float) -> int:
    """Run one step and return its exit code; whatever becomes of it or of us, nothing that it started goes on."""
    # One thread where nothing else is said, as many programs run at once as there are processes.
    environment = {**dict.fromkeys(threads.VARIABLES, "1"), **os.environ}
    if (held := os.environ.get(THREADS)) is not None:
        environment |= dict.fromkeys(threads.VARIABLES, held)
    with log.open("ab") as said:
        process = subprocess.Popen(  # noqa: S603 - what is run was allowed, and no shell reads it
            [sys.executable, "-I", guard.__file__, *words],
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,  # open as long as this process lives
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # a group of its own, so that what it starts ends with it
        )
    try:
        return process.wait(max(seconds, 0.0))
    finally:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert process.stdin is not None
        process.stdin.close()


def _last(log: Path, folder: Path, count: int) -> list[str]:
    """Return the last lines that a program said, without colours and the name of its folder, another each time."""
    try:
        with log.open("rb") as said:
            said.seek(max(0, log.stat().st_size - 4 * LINES * WIDTH))
            text = said.read().decode("utf-8", errors="replace")
    except OSError:
        return []
    text = _COLOURS.sub("", text.replace(str(folder), "{folder}"))
    lines = ["".join(filter(str.isprintable, " ".join(line.split()))) for line in text.splitlines()]
    return [line[:WIDTH] for line in lines if line][-count:]


def _said(lines: list[str]) -> str:
    return f" The last it said: {' / '.join(lines)}" if lines else " It said nothing."
