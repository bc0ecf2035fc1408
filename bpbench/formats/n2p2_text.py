"""What the files of n2p2 and RuNNer share: units that must be said, numbers that must be numbers, packed files.

Neither program writes units into its files. Whoever reads or writes one therefore names them: ``angstrom-ev`` or
``bohr-hartree``. Inside there are only Å, eV and eV/Å.
"""

from __future__ import annotations

import math
import re
from contextlib import contextmanager
from decimal import Context, Decimal
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final, Literal, get_args

from bpbench.elements import NUMBERS
from bpbench.errors import BpbenchError, RequestError, nearest
from bpbench.formats.packed import OPENERS, PACKED, UNREADABLE
from bpbench.units import ANGSTROM_PER_BOHR, EV_PER_HARTREE

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

#: Units of length and energy of a file.
Units = Literal["angstrom-ev", "bohr-hartree"]

__all__ = [
    "OPENERS",
    "PACKED",
    "Units",
    "factor",
    "known",
    "number",
    "numbered",
    "numbers",
    "opened",
    "whole",
    "written",
]

_NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,4})?", re.ASCII)
# No number here has more digits; Python itself refuses to read some thousand of them.
_WHOLE: Final = re.compile(r"[+-]?\d{1,18}", re.ASCII)
# Far more digits than a float64 has, so that a number is rounded once, not at every step.
_EXACT: Final = Context(prec=60)


def factor(units: Units, *, length: int = 0, energy: int = 0) -> Decimal:
    """Return what a number in these units is multiplied by to be in Å and eV.

    Parameters
    ----------
    units : str
        ``angstrom-ev`` or ``bohr-hartree``.
    length, energy : int
        Powers of the length and of the energy in the number's unit, such as ``length=-2`` for η.

    Raises
    ------
    RequestError
        For other units.
    """
    if units not in get_args(Units):
        raise RequestError(f"There are no units called '{units}'{nearest(str(units), get_args(Units))}")
    if units == "angstrom-ev":
        return Decimal(1)
    lengths = _EXACT.power(Decimal(repr(ANGSTROM_PER_BOHR)), length)
    return _EXACT.multiply(lengths, _EXACT.power(Decimal(repr(EV_PER_HARTREE)), energy))


def number(text: str, by: Decimal = Decimal(1)) -> float | None:
    """Return a written number times ``by``, rounded once; ``None`` if it is no finite decimal number."""
    if not _NUMBER.fullmatch(text):
        return None
    value = float(_EXACT.multiply(Decimal(text), by))
    return value if math.isfinite(value) else None


def numbers(words: list[str]) -> list[float] | str:
    """Return the numbers of a long row, or the first word that :func:`number` would not read."""
    try:
        values = list(map(float, words))
    except ValueError:
        values = []
    # Python's own reading takes nan, inf and 1_000 too.
    if len(values) == len(words) and all(map(math.isfinite, values)) and "_" not in "".join(words):
        return values
    return next(word for word in words if number(word) is None)


def whole(text: str) -> int | None:
    """Return a written whole number, ``None`` if it is none."""
    return int(text) if _WHOLE.fullmatch(text) else None


def written(value: float, by: Decimal = Decimal(1)) -> str:
    """Return the shortest text that :func:`number` reads as exactly ``value`` with the same ``by``."""
    if by == 1 or value == 0:
        return repr(float(value))
    quotient = _EXACT.divide(Decimal(value), by)
    texts = (f"{quotient:.{digits}g}" for digits in range(1, 50))
    return next(text for text in texts if number(text, by) == value)


def known(element: str) -> str | None:
    """Return the end of a sentence on a word that is no element, ``None`` for an element."""
    if element in NUMBERS:
        return None
    meant = element.capitalize()
    hint = f"; did you mean '{meant}'?" if meant in NUMBERS else "."
    return f"there is no element '{element}'{hint}"


@contextmanager
def opened(path: Path, mode: Literal["rt", "wt"], family: type[BpbenchError]) -> Iterator[IO[str]]:
    """Open a text file, packed or not, turning every way in which it cannot be read into one sentence.

    Parameters
    ----------
    path : Path
        The file; ``.xz``, ``.gz`` and ``.bz2`` are packed.
    mode : str
        ``rt`` or ``wt``.
    family : type
        The error to raise.
    """
    try:
        # Comments in these files are often in an older encoding; keywords and numbers are not.
        with OPENERS.get(path.suffix, open)(path, mode, encoding="utf-8", errors="replace") as stream:
            yield stream
    except FileNotFoundError as error:
        raise family(f"{path}: there is no such file or folder.") from error
    except UNREADABLE as error:
        why = getattr(error, "strerror", None) or str(error).rstrip(".")
        raise family(f"{path}: the file cannot be {'read' if mode == 'rt' else 'written'} ({why}).") from error


def numbered(source: Path | str, family: type[BpbenchError]) -> Generator[tuple[int, str], None, None]:
    """Yield number (from 1) and text of each line of a file, or of the text itself."""
    if isinstance(source, str):
        yield from enumerate(source.splitlines(), start=1)
        return
    with opened(source, "rt", family) as stream:
        yield from enumerate(stream, start=1)
