"""Run a program that does not outlive who started it: ``python guard.py WORD…``, at the head of a process group.

Whoever starts it keeps its standard input open. When that is closed, be it because the one at its other end was killed,
everything in the group is ended. It imports nothing of ours, so that it starts at once.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading


def _watch() -> None:
    sys.stdin.buffer.read()
    os.killpg(os.getpgrp(), signal.SIGKILL)


def main() -> None:
    """Run the program of the command line and end as it does: with its exit code, or by the signal that ended it."""
    try:
        process = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL)  # noqa: S603 - allowed before it comes here
    except OSError as error:
        sys.exit(f"{sys.argv[1]} cannot be executed: {error.strerror}")
    threading.Thread(target=_watch, daemon=True).start()
    code = process.wait()
    sys.stdout.flush()
    if code < 0:
        if -code not in {signal.SIGKILL, signal.SIGSTOP}:
            signal.signal(-code, signal.SIG_DFL)  # Python hears SIGINT and SIGPIPE and goes on
        os.kill(os.getpid(), -code)
    os._exit(code)


if __name__ == "__main__":
    main()
