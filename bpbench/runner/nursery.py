"""How processes of this machine begin: with everything loaded, as copies of one that did nothing but load it.

A process that begins from nothing loads Python, Dask, bpbench and a compiler for a second, in which nobody works. Here
one process does that (:mod:`bpbench.runner.beforehand`), while the driver reads the study and loads Dask itself, and is
copied as often as there are processes, now and in the place of dead ones (:mod:`multiprocessing`, start method
``forkserver``). It does no job, so no compiled code has threads in it that a copy would miss.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from bpbench.models import threads
from bpbench.runner.shielded import deaf

#: Python 3.11.0 lets every user of the machine talk to that process (CVE-2022-42919).
METHOD: Final = "forkserver" if sys.platform == "linux" and sys.version_info >= (3, 11, 1) else "spawn"
#: What it imports.
_LOADED: Final = "bpbench.runner.beforehand"


def begin() -> None:
    """Have everything loaded from now on, beside whatever this process does next.

    Copies hear no Ctrl-C either, as what they are copies of does not.
    """
    if METHOD != "forkserver":
        return
    from multiprocessing import forkserver

    forkserver.set_forkserver_preload([_LOADED])
    with _one_thread(), deaf():
        forkserver.ensure_running()


def nothing_else() -> None:
    """Keep Dask from having other packages loaded, by the driver as well (pandas among them, half a second)."""
    import distributed.utils

    distributed.utils._forkserver_preload_set = True  # noqa: SLF001 - without it the same is done, and slower


@contextmanager
def _one_thread() -> Iterator[None]:
    """Let what is started have one thread where nothing else is said, as Dask does where each begins from nothing."""
    said = [name for name in threads.VARIABLES if name not in os.environ]
    os.environ.update(dict.fromkeys(said, "1"))
    try:
        yield
    finally:
        for name in said:
            del os.environ[name]
