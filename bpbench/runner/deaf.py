"""What a worker process of this machine loads first: it does not hear Ctrl-C, which a terminal sends to all.

Only the driver answers, and ends the others. Those that it starts itself inherit this; one that Dask starts in the
place of a dead one would print a traceback.
"""

from __future__ import annotations

import signal
from typing import Any


def dask_setup(_worker: Any) -> None:
    """Ignore SIGINT in this process; called by Dask in its main thread."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
