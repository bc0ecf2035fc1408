"""What verbs of the command line open before they work, and how they speak.

Protocols, stores and folders of options; the display of a run; one JSON document or lines on stdout, everything else on
stderr. What is printed is text and no orders to the terminal, whatever names a file holds.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from bpbench.errors import DamagedError, RequestError
from bpbench.report.document import shown

if TYPE_CHECKING:
    from bpbench.prepared import Prepared
    from bpbench.protocol import Protocol
    from bpbench.runner.progress import Progress
    from bpbench.runner.store import Store

Made = TypeVar("Made")

DONE, OUTSIDE, WRONG, INCOMPLETE, OURS, INTERRUPTED = 0, 1, 2, 3, 70, 130


def count(text: str) -> int:
    """Read a whole number of 1 or more."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number of 1 or more, found '{text}'")
    return int(text)


def cores() -> int:
    """Return how many processes of this machine work at once unless that is said."""
    from bpbench.runner import machine

    return machine.cores()


def say(text: str) -> None:
    """Print a sentence to stderr."""
    print(shown(text), file=sys.stderr)


def print_json(value: Any) -> None:
    """Print the JSON document of ``--json``."""
    print(json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False))


def give(options: argparse.Namespace, told: Any, lines: Iterable[str]) -> None:
    """Print what a verb found, as JSON where that was asked for, else in lines."""
    if options.json:
        print_json(told)
    else:
        print("\n".join(lines))


def protocol(options: argparse.Namespace) -> Protocol:
    """Read the protocol that options name, with the data that they name instead of its own."""
    from bpbench.protocol import FileData, TableData, load, locate

    read = load(locate(options.protocol), quick=getattr(options, "quick", False))
    if getattr(options, "data", None):
        file = Path(options.data)
        if not file.is_file():
            what = "is a folder" if file.is_dir() else "does not exist"
            raise RequestError(f"--data: expected a file of frames, {file} {what}.")
        # The labels that the protocol names go on to count; only the file is another.
        given = read.data if isinstance(read.data, FileData | TableData) else FileData("file", "")
        read = dataclasses.replace(
            read,
            data=dataclasses.replace(given, path=str(file.absolute())),
            origin=dataclasses.replace(read.origin, data_option=str(file)),
        )
    return read


def writable(folder: Path, option: str) -> Path:
    """Make a folder before anything runs, so that no result is computed that could not be kept."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        why = error.strerror
        raise RequestError(f"{option}: {folder} cannot be made ({why}); name a folder you may write.") from None
    if not os.access(folder, os.W_OK):
        raise RequestError(f"{option}: {folder} is not writable; name a folder you may write.")
    return folder


def readable(folder: Path) -> None:
    """Make the folder of a store; one that is there may be one that can only be read, until something is missing."""
    if not folder.is_dir():
        writable(folder, "--store")


def store(options: argparse.Namespace) -> Store:
    """Return the store that options name, or the default one."""
    from bpbench.runner.store import Store, default_store

    return Store(options.store or default_store())


def watching(prepared: Prepared, store: Store) -> Progress:
    """Return the display of what a study is about to do."""
    from bpbench.runner import cost
    from bpbench.runner.progress import Progress

    stored = store.present(prepared.jobs)
    return Progress(
        cost.estimator((job for job in prepared.jobs if job in stored), prepared.frames, store),
        growing=not prepared.explored.complete,
    )


def despite_damage(make: Callable[[], Made], prepared: Prepared, store: Store) -> Made:
    """Return what is made of stored results; what turns out damaged is told and moved aside, and that begins anew."""
    from bpbench import study
    from bpbench.runner.execute import REMADE

    met: Counter[str] = Counter()
    for flaw in store.flaws:
        say(str(flaw))
    while True:
        try:
            return make()
        except DamagedError as error:
            say(str(error))
            met[error.address] += 1
            if met[error.address] > REMADE:
                raise
            for other in study.damaged(prepared, store):  # where one is there may be more, and all are found at once
                say(str(other))
