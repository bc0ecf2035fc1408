"""Files that are written whole: beside their place first, then renamed into it; and small ones that are read whole."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import tempfile
import time
from pathlib import Path
from typing import Final

#: Bytes of a file that is read whole, at most: findings of the largest study have a tenth of it.
MOST: Final = 1 << 30
#: Seconds after which an unfinished file is that of a writer who was killed: no file takes so long.
KILLED_AFTER_S: Final = 600


def sent(path: Path) -> Path:
    """Return a path if what is there can be read whole, though somebody else may have made it.

    Parameters
    ----------
    path : Path
        A file. A pipe would be waited for without end, and a device, to which a link may lead, has none.

    Raises
    ------
    OSError
        When there is nothing, something else than a file, or a file larger than :data:`MOST`.
    """
    found = path.stat()
    if not stat.S_ISREG(found.st_mode) and not stat.S_ISDIR(found.st_mode):
        raise OSError(errno.EINVAL, "it is a pipe or a device", str(path))
    if found.st_size > MOST:
        raise OSError(errno.EFBIG, f"it has {found.st_size} bytes, expected at most {MOST}", str(path))
    return path


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


def clear(path: Path) -> None:
    """Remove what :func:`put` left beside a file when it was killed.

    Parameters
    ----------
    path : Path
        The file. What is younger than :data:`KILLED_AFTER_S` may be somebody's who writes it now, and stays.
    """
    for left in path.parent.glob(f".{path.name}.????????"):
        with contextlib.suppress(OSError):
            if time.time() - left.lstat().st_mtime > KILLED_AFTER_S:
                left.unlink()
