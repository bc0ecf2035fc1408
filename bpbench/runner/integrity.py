"""What a stored result must hold to be believed: the size and the SHA-256 of each of its files, in ``sums.json``.

``sums.json`` holds the address and the kind of the job, of every other file of the folder its size and SHA-256, and
the SHA-256 of all that, so that it vouches for itself. It is written last. ``values.json`` says that it must be there:
results that older versions wrote have none, and are checked by their structure alone.

When a result is loaded, ``values.json`` and ``job.json`` are read and compared, and of arrays the sizes. The content of
an array is compared when it is opened first in a process (about 1.8 GB/s; what was compared and has not been touched
since is not read again). ``provenance.json`` is never read as truth and may be anything.

Small arrays lie together in ``arrays.npz``: a training has some twenty of them, and what clusters run out of first are
files, of which file systems count every one.
"""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

SUMS: Final = "sums.json"
VALUES: Final = "values.json"
JOB: Final = "job.json"
PROVENANCE: Final = "provenance.json"
#: Where arrays of at most so many bytes lie together, if there are several.
TOGETHER: Final = "arrays.npz"
SMALL: Final = 2**16
#: Every member of it carries this date, so that equal arrays give equal bytes.
_DATE: Final = (1980, 1, 1, 0, 0, 0)
#: Bytes that are written at once. For much more the system may cache them in pages of megabytes (ext4, Linux 6.18), for
#: which it takes memory that nobody had before: on a virtual machine that took eight times as long.
_AT_ONCE: Final = 2**18
#: What stands around the sums in their file, and how much comes behind them.
_BEFORE: Final = b'{"sums": '
_BETWEEN: Final = b', "sha256": "'
_BEHIND: Final = b'"}'
_REST: Final = len(_BETWEEN) + 64 + len(_BEHIND)
#: What reading a folder that is not whole may raise.
UNWHOLE: Final = (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError)
#: Faults of a disk or of what was written there; every other of the system's (no permission, too many open files) is
#: none of the result's.
_OF_THE_RESULT: Final = {errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EIO, errno.ELOOP, errno.ENAMETOOLONG}
#: By file: its identity when it was last compared. A process that looks at more than so many begins anew.
_compared: dict[str, tuple[int, ...]] = {}
_MOST_COMPARED: Final = 100_000


class FlawError(ValueError):
    """A result is not what was written; the text is a clause that says how."""


class Sum(NamedTuple):
    """What a file must be.

    Attributes
    ----------
    size : int
        Bytes.
    sha256 : str
        64 hexadecimal digits.
    """

    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Sums:
    """What a result's folder must hold.

    Attributes
    ----------
    address : str
        Of the job.
    kind : str
        Name of the job's class.
    files : dict of str to Sum
        Every other file, by its name.
    """

    address: str
    kind: str
    files: Mapping[str, Sum]

    def content(self) -> bytes:
        """Return the content of ``sums.json``: all that in one JSON text, and the SHA-256 of this text."""
        files = {name: list(each) for name, each in self.files.items()}
        return _whole(_json({"address": self.address, "kind": self.kind, "files": files}).encode())

    @classmethod
    def read(cls, folder: Path) -> Sums | None:
        """Return the sums of a folder; ``None`` where there are none.

        Raises
        ------
        FlawError
            When they are not what was written.
        """
        try:
            text = _content(folder, SUMS)
        except FileNotFoundError:
            return None
        told = text[len(_BEFORE) : -_REST]
        if text != _whole(told):
            raise FlawError(f"{SUMS} has other content than was written")
        held = json.loads(told)
        return cls(held["address"], held["kind"], {name: Sum(*each) for name, each in held["files"].items()})


def _whole(told: bytes) -> bytes:
    own = hashlib.sha256(told).hexdigest()
    return b"".join((_BEFORE, told, _BETWEEN, own.encode(), _BEHIND))


class Writer:
    """Writes the files of a new result, and sums them on the way.

    Parameters
    ----------
    folder : Path
        It is there, and empty.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files: dict[str, Sum] = {}

    def plain(self, name: str, value: Any) -> None:
        """Write JSON types."""
        self._content(name, _json(value).encode())

    def arrays(self, arrays: Iterable[tuple[str, npt.NDArray[Any]]]) -> list[str]:
        """Write arrays, of which no more than one large one is held at a time, and return their names."""
        names, small = [], {}
        for name, array in arrays:
            names.append(name)
            if array.nbytes <= SMALL:
                small[name] = array
            else:
                self._array(name, array)
        if len(small) == 1:
            self._array(*small.popitem())
        if small:
            self._together(small)
        return names

    def _together(self, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w") as archive:
            for name, array in arrays.items():
                with archive.open(zipfile.ZipInfo(f"{name}.npy", _DATE), "w") as member:
                    np.lib.format.write_array(member, np.ascontiguousarray(array), allow_pickle=False)
        self._content(TOGETHER, stream.getvalue())

    def _content(self, name: str, *parts: bytes | memoryview) -> None:
        self.files[name] = _written(f"{self.folder}/{name}", parts)

    def _array(self, name: str, array: npt.NDArray[Any]) -> None:
        """Write an array to ``<name>.npy``.

        NumPy would write into a true file by itself, and of a full disk it tells no more than that something is
        missing; this way the system's own error arrives. Into anything else it would copy all content first.
        """
        whole, head = np.ascontiguousarray(array), io.BytesIO()
        np.lib.format.write_array_header_1_0(head, np.lib.format.header_data_from_array_1_0(whole))
        self._content(f"{name}.npy", head.getvalue(), whole.reshape(-1).view(np.uint8).data)

    def finish(self, address: str, kind: str) -> None:
        """Write the sums of everything written so far."""
        _written(f"{self.folder}/{SUMS}", [Sums(address, kind, self.files).content()])

    def sync(self) -> None:
        """Have the disk keep everything written so far, before anybody is told of it."""
        for name in (*self.files, SUMS):
            sync(self.folder / name)
        sync(self.folder)


def _written(path: str, parts: Sequence[bytes | memoryview]) -> Sum:
    """Write a new file, in as few calls of the system as that takes (small results are many), and sum it."""
    handle, summed, size = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666), hashlib.sha256(), 0
    try:
        for part in parts:
            left = memoryview(part)
            while left:
                done = os.write(handle, left[:_AT_ONCE])
                summed.update(left[:done])
                left, size = left[done:], size + done
    finally:
        os.close(handle)
    return Sum(size, summed.hexdigest())


def sync(path: Path) -> None:
    """Have the disk keep a file or the entries of a folder, where its system can do that."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in {errno.EINVAL, errno.ENOTSUP, errno.EBADF}:
            raise
    finally:
        os.close(handle)


def _content(folder: Path, name: str) -> bytes:
    # By the system's own calls: thousands of results are looked at, and a file object takes longer than the reading.
    handle = os.open(f"{folder}/{name}", os.O_RDONLY)
    try:
        size = os.fstat(handle).st_size
        found = os.read(handle, size + 1)
        while len(found) < size and (more := os.read(handle, size - len(found))):
            found += more
        return found
    finally:
        os.close(handle)


def content(folder: Path, name: str, sums: Sums | None) -> bytes:
    """Return the content of a small file, compared with its sum where there are sums."""
    found = _content(folder, name)
    if sums is not None:
        _compare(name, _expected(name, sums), Sum(len(found), hashlib.sha256(found).hexdigest()))
    return found


def values(folder: Path, sums: Sums | None) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return the values of a result and the names of its arrays.

    Raises
    ------
    FlawError, or another of :data:`UNWHOLE`
        When they cannot be what was written.
    """
    told = json.loads(content(folder, VALUES, sums))
    if sums is None and told.get("summed"):
        raise FlawError(f"{SUMS} is missing")
    held, names = told["values"], tuple(told["arrays"])
    if not isinstance(held, dict) or not all(isinstance(name, str) and is_name(name) for name in names):
        raise FlawError(f"{VALUES} is none of ours")
    return held, names


def is_name(name: str) -> bool:
    """Return whether a name may be that of an array: one that cannot lead out of its folder."""
    return bool(name) and not name.startswith(".") and not {"/", "\\", "\0"} & set(name)


def files_of(names: Iterable[str], sums: Sums | None) -> list[str]:
    """Return the files that hold the arrays of these names, each once.

    Parameters
    ----------
    names : iterable of str
        From :func:`values`.
    sums : Sums or None
        Of the result.
    """
    return list(dict.fromkeys(_file_of(name, sums) for name in names))


def _file_of(name: str, sums: Sums | None) -> str:
    own = f"{name}.npy"
    return TOGETHER if sums is not None and own not in sums.files and TOGETHER in sums.files else own


def check_sizes(folder: Path, names: Iterable[str], sums: Sums | None) -> None:
    """Refuse arrays whose files are missing or, where there are sums, have another size."""
    for name in files_of(names, sums):
        size = os.stat(f"{folder}/{name}").st_size  # noqa: PTH116 - thousands of results are looked at
        if sums is not None and size != (expected := _expected(name, sums).size):
            raise FlawError(f"{name} has {size} bytes instead of {expected}")


def opened(folder: Path, name: str, sums: Sums | None) -> npt.NDArray[Any]:
    """Return an array, read-only, a large one memory-mapped; its content is compared unless that was done before.

    Raises
    ------
    FlawError, or another of :data:`UNWHOLE`
        When it is not what was written.
    """
    path = folder / _file_of(name, sums)
    if sums is not None:
        expected, here = _expected(path.name, sums), _identity(path)
        if _compared.get(str(path)) != here:
            _compare(path.name, expected, summed(path))
            if len(_compared) >= _MOST_COMPARED:
                _compared.clear()
            _compared[str(path)] = here
    try:
        if path.name == TOGETHER:
            return _one_of(path, name)
        # np.load would open archives as well, whatever they are called
        return np.lib.format.open_memmap(path, mode="r")
    except OSError:
        raise
    except Exception as error:  # noqa: BLE001 - a header that is not NumPy's may raise anything
        raise FlawError(f"{path.name} cannot be read: {error}") from None


def _one_of(path: Path, name: str) -> npt.NDArray[Any]:
    with zipfile.ZipFile(path) as archive, archive.open(f"{name}.npy") as member:
        array: npt.NDArray[Any] = np.lib.format.read_array(member, allow_pickle=False)
    array.flags.writeable = False
    return array


def check_contents(folder: Path, names: Iterable[str], sums: Sums | None) -> None:
    """Refuse arrays that are not what was written; all of their content is read, where there are sums.

    Raises
    ------
    FlawError, or another of :data:`UNWHOLE`
        With the first that is not.
    """
    if sums is None:
        for name in names:
            opened(folder, name, None)
    else:
        for file in files_of(names, sums):
            _compare(file, _expected(file, sums), summed(folder / file))


def summed(path: Path) -> Sum:
    """Return the sum of a file as it is now."""
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        return Sum(file.tell(), sha256)


def _identity(path: Path) -> tuple[int, ...]:
    told = path.stat()
    return told.st_dev, told.st_ino, told.st_size, told.st_mtime_ns, told.st_ctime_ns


def _expected(name: str, sums: Sums) -> Sum:
    if name not in sums.files:
        raise FlawError(f"{SUMS} does not know {name}")
    return sums.files[name]


def _compare(name: str, expected: Sum, found: Sum) -> None:
    if found.size != expected.size:
        raise FlawError(f"{name} has {found.size} bytes instead of {expected.size}")
    if found != expected:
        raise FlawError(f"{name} has other content than was written")


def of_the_result(error: BaseException) -> bool:
    """Return whether an error of :data:`UNWHOLE` says that the result is damaged, and not that it may not be read."""
    return not isinstance(error, OSError) or error.errno in _OF_THE_RESULT


def told(error: BaseException) -> str:
    """Return an error of :data:`UNWHOLE` as a clause."""
    if isinstance(error, FileNotFoundError) and error.filename:
        return f"{Path(error.filename).name} is missing"
    if isinstance(error, OSError):
        return f"{error.strerror}: {Path(error.filename).name}" if error.filename else str(error)
    return str(error) if isinstance(error, FlawError) else f"{VALUES} cannot be read: {type(error).__name__}: {error}"


#: Made once; :func:`json.dumps` would make one at each call.
_json: Final = json.JSONEncoder(sort_keys=True, allow_nan=False, ensure_ascii=False).encode
