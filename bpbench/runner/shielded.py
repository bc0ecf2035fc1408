"""Processes that do not hear Ctrl-C, as only the driver is to answer it."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from multiprocessing import resource_tracker
from typing import Any


@contextmanager
def deaf() -> Iterator[None]:
    """Have Ctrl-C blocked in this thread, and in whatever is started meanwhile for good; one that came is raised then.

    Threads hand what they block to the threads and processes that they start.
    """
    resource_tracker.ensure_running()  # the thread that starts it hears again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def shielded(start: Callable[[], Any]) -> Any:
    """Return a cluster whose processes do not hear Ctrl-C: they, and those in the place of dead ones, have it blocked.

    A terminal sends it to all of them; so only the driver answers, and ends them, instead of each of them printing a
    traceback. So the cluster is started in a thread of its own, which is :func:`deaf`, while this one hears.

    Parameters
    ----------
    start : callable
        Starts it; what it returns has ``close()``.
    """
    if threading.current_thread() is not threading.main_thread():  # where no signal arrives
        return start()
    made: Future[Any] = Future()

    def run() -> None:
        try:
            made.set_result(start())
        except BaseException as error:  # noqa: BLE001 - raised again by whoever waits
            made.set_exception(error)

    thread = threading.Thread(target=run, daemon=True)
    try:
        with deaf():
            thread.start()
        return made.result()
    except KeyboardInterrupt:
        if thread.is_alive() or made.done():
            with suppress(Exception):  # half of a cluster cannot be ended; a second Ctrl-C leaves that to Python's end
                made.result().close()
        raise
