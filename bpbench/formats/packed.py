"""Packed files, read only as far as a file of their size may honestly unpack.

A few kilobytes can be made to unpack into terabytes. Text and tables of numbers become three to thirty times smaller;
whatever unpacks to more than :data:`FREE` bytes and more than :data:`TIMES` times its own size is refused, and where
it is read piece by piece this is seen before it is too late.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
import zlib
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from _typeshed import WriteableBuffer

#: Bytes that any file may unpack to.
FREE: Final = 1 << 30
#: How many times its size a larger file may unpack to.
TIMES: Final = 200
#: What is raised for a packed file that cannot be read.
UNREADABLE: Final = (OSError, EOFError, lzma.LZMAError, zlib.error)


class TooLargeError(OSError):
    """A packed file unpacks to more than an honest one could; an ``OSError``, as of others that cannot be read."""


def most(path: Path) -> int:
    """Return to how many bytes a packed file may unpack."""
    return max(FREE, TIMES * path.stat().st_size)


def check_zip(path: Path) -> None:
    """Refuse a ZIP, such as an ``.npz``, that would unpack to more than :func:`most` says; no member is unpacked.

    The sizes that its directory declares bind: no more of a member is ever unpacked.

    Parameters
    ----------
    path : Path
        The file.

    Raises
    ------
    TooLargeError
        If it would.
    zipfile.BadZipFile
        If it is no ZIP.
    """
    with zipfile.ZipFile(path) as archive:
        size = sum(member.file_size for member in archive.infolist())
    if size > most(path):
        raise _too_large(path)


def _too_large(path: Path) -> TooLargeError:
    return TooLargeError(
        f"it unpacks to more than {most(path) >> 20} MiB, {TIMES} times its size; unpack it yourself if that is meant"
    )


class _Bounded(io.RawIOBase):
    """What a packed file unpacks to, up to the limit."""

    def __init__(self, path: Path, stream: io.BufferedIOBase) -> None:
        self._path, self._stream = path, stream
        self._left = most(path)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        count = self._stream.readinto(buffer)
        self._left -= count
        if self._left < 0:
            raise _too_large(self._path)
        return count

    def close(self) -> None:
        self._stream.close()
        super().close()


def _open(opener: Callable[..., Any], path: Path | str, mode: str = "rb", **text: Any) -> Any:
    """Open a packed file as ``open`` would; reading stops at the limit."""
    if "r" not in mode:
        return opener(path, mode, **text)
    binary = io.BufferedReader(_Bounded(Path(path), opener(path, "rb")), 1 << 16)
    return io.TextIOWrapper(binary, **text) if "t" in mode else binary


#: How a file is opened that is packed, by the end of its name; called as ``open`` is.
OPENERS: Final[dict[str, Callable[..., Any]]] = {
    ".xz": partial(_open, lzma.open),
    ".gz": partial(_open, gzip.open),
    ".bz2": partial(_open, bz2.open),
}
#: Ends of the names of packed files.
PACKED: Final = tuple(OPENERS)
