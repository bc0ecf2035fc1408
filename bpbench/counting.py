"""How a count is written, in remarks and refusals as in reports."""

from __future__ import annotations

from collections.abc import Sequence


def grouped(number: int) -> str:
    """Return a count, its thousands set apart by narrow spaces from five digits on."""
    return str(number) if abs(number) < 10_000 else f"{number:,}".replace(",", "\u202f")


def listed(words: Sequence[str]) -> str:
    """Return ``a``, ``a and b`` or ``a, b and c``."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else "none"
