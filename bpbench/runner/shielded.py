"""Who hears Ctrl-C: the driver, every time, and none of its processes, as it answers for all."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from multiprocessing import resource_tracker
from types import FrameType
from typing import Any


@contextmanager
def hearing() -> Iterator[list[int]]:
    """Note every Ctrl-C in a list, beside raising it.

    Python drops an exception that is raised within a destructor or a callback of a C library; compilers run many of
    these, and an interrupt that fell into one would be lost.
    """
    heard: list[int] = []
    if threading.current_thread() is not threading.main_thread():  # where no signal arrives
        yield heard
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def note(number: int, frame: FrameType | None) -> None:
        heard.append(number)
        handler = before[signal.Signals(number)]
        assert callable(handler)  # only then does this stand in its place
        handler(number, frame)

    replaced = {number: handler for number, handler in before.items() if callable(handler)}
    for number in replaced:
        signal.signal(number, note)
    try:
        yield heard
    finally:
        for number, handler in replaced.items():
            signal.signal(number, handler)


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
