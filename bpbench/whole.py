"""Files that are written whole: beside their place first, then renamed into it."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path


def put(path: Path, content: bytes) -> None:
    """Write a file so that a reader sees all of it, or what was there before.

    Parameters
    ----------
    path : Path
        Its folder exists.
    content : bytes
        What is written; it is on the disk before the file has its name.

    Raises
    ------
    OSError
        When it cannot be written; what was there stays.
    """
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise
