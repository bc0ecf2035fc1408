"""How numbers and names are written: digits by uncertainty, a true minus sign, p never 0.000, long names cut."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Final

from bpbench.counting import grouped
from bpbench.report.language import numeral, point, quoted, tell, tell_n

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MINUS: Final = "−"
#: What stands where a value does not exist.
NOTHING: Final = "–"
_SUPERSCRIPTS: Final = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
#: Levels that rounding must not push a p-value onto.
_LEVELS: Final = (0.01, 0.05, 0.1)


def decimals(uncertainty: float | None, *, digits: int = 2) -> int | None:
    """Return how many decimals show an uncertainty with ``digits`` significant digits, ``None`` without one.

    Parameters
    ----------
    uncertainty : float or None
        Half the width of an interval, or a spread.
    digits : int
        Significant digits of it.
    """
    if uncertainty is None or not math.isfinite(uncertainty) or uncertainty <= 0:
        return None
    return min(8, max(0, digits - 1 - math.floor(math.log10(uncertainty))))


def half_width(low: float | None, high: float | None) -> float | None:
    """Return half the width of an interval, ``None`` if there is none or it is empty to rounding."""
    if low is None or high is None or high - low <= 1e-9 * max(abs(low), abs(high)):
        return None
    return (high - low) / 2


def fixed(value: float | None, places: int | None) -> str:
    """Return a value with that many decimals; without a number of decimals, with three significant digits."""
    if value is None:
        return NOTHING
    if places is None:
        return significant(value)
    text = f"{value:.{places}f}"
    # A value that rounds to nothing has no sign.
    return numeral(text.lstrip("-") if float(text) == 0 else text.replace("-", MINUS))


def significant(value: float | None, digits: int = 3) -> str:
    """Return a value with that many significant digits, as a power of ten where zeros would crowd it."""
    if value is None:
        return NOTHING
    if value == 0:
        return "0"
    power = math.floor(math.log10(abs(float(f"{value:.{digits - 1}e}"))))
    if power < -4 or power > 6:
        mantissa = f"{value:.{digits - 1}e}".split("e")[0]
        return numeral(f"{mantissa} × 10{str(power).translate(_SUPERSCRIPTS)}".replace("-", MINUS))
    return numeral(f"{value:.{max(0, digits - 1 - power)}f}".replace("-", MINUS))


def exact(value: float | None, digits: int = 6) -> str:
    """Return a given value (a setting) as short as it was written, with at most ``digits`` significant digits."""
    if value is None:
        return NOTHING
    text = f"{value:.{digits}g}"
    if "e" in text:
        mantissa, power = text.split("e")
        head = "" if mantissa == "1" else f"{mantissa} × "
        text = f"{head}10{str(int(power)).translate(_SUPERSCRIPTS)}"
    return numeral(text.replace("-", MINUS))


def whole(value: int | None) -> str:
    """Return a count, its thousands set apart by narrow spaces from five digits on."""
    return NOTHING if value is None else grouped(value)


def percent(share: float) -> str:
    """Return a share as a percentage: 0.95 as ``95 %``."""
    return numeral(f"{100 * share:.6g} %")


def p_text(p: float | None) -> str:
    """Return a p-value as ``0.003``, ``< 0.001`` or ``> 0.999``; rounding moves it onto no level it does not have."""
    if p is None:
        return NOTHING
    if p < 0.001:
        return numeral("< 0.001")
    if p >= 0.9995:  # three digits would say 1
        return numeral("> 0.999")
    for places in range(3, 7):
        text = f"{p:.{places}f}"
        if not any(float(text) == level != p for level in _LEVELS):
            break
    return numeral(text)


def p_equals(p: float | None) -> str:
    """Return ``= 0.003``, ``< 0.001`` or ``> 0.999``, to stand behind a ``p``."""
    text = p_text(p)
    return text if text.startswith(("<", ">")) else f"= {text}"


def span(low: float | None, high: float | None, places: int | None) -> str:
    """Return an interval as ``0.12 to 0.50``."""
    if low is None or high is None:
        return NOTHING
    return tell("{low} to {high}", low=fixed(low, places), high=fixed(high, places))


def short(name: str, limit: int = 40) -> str:
    """Return a name on one line, cut in its middle if it is longer than ``limit``."""
    name = " ".join(str(name).split())
    if len(name) <= limit:
        return name
    head = (limit - 1) * 2 // 3
    return f"{name[:head]}…{name[-(limit - 1 - head) :]}"


#: Letters of a name within a sentence, and of a word that is rather left out there than cut.
_SAID: Final = 64
_WORD: Final = 14


def say(name: str) -> str:
    """Return a name for use within a sentence: in quotes unless it is a plain word; a long one is cut between words."""
    cut = short(name, _SAID)
    head, dots, tail = cut.partition("…")
    if dots and (last := head.rfind(" ")) > len(head) - _WORD:
        head = head[: last + 1]
    if dots and 0 <= (first := tail.find(" ")) < _WORD:
        tail = tail[first:]
    cut = f"{head}{dots}{tail}"
    return cut if re.fullmatch(r"[^\W\d][\w+-]*", cut) else quoted(cut)


def count(number: int, one: str, many: str | None = None) -> str:
    """Return ``1 repeat`` or ``3 repeats``; a noun that stands elsewhere is marked there by :func:`noun`."""
    return tell_n(f"{{n}} {one}", f"{{n}} {many or one + 's'}", number)


def noun(one: str, many: str | None = None) -> str:  # noqa: ARG001 - read by those who make catalogues
    """Return a noun as it is: a mark for catalogues on one that :func:`count` will count."""
    return one


def common_decimals(values: Iterable[float | None], *, digits: int = 2) -> int | None:
    """Return the decimals that show the smallest of these values with ``digits`` significant digits."""
    sizes = [abs(value) for value in values if value]
    return decimals(min(sizes), digits=digits) if sizes else None


def middle(sizes: Sequence[float | None]) -> int | None:
    """Return the decimals that show the middle one of some uncertainties with two digits."""
    found = sorted(size for size in sizes if size)
    return decimals(found[len(found) // 2]) if found else None


def signed(value: float | None, places: int | None) -> str:
    """Return a value with that many decimals and its sign, plus too; what rounds to nothing has none."""
    text = fixed(value, places)
    return text if value is None or value <= 0 or not text.strip("0.,") else f"+{text}"


def series(numbers: Sequence[str]) -> str:
    """Return numbers behind each other: where a comma is decimal, none can part them."""
    return ("\u202f; " if point() == "," else ", ").join(numbers)
