"""How a count is written, in remarks and refusals as in reports."""

from __future__ import annotations


def grouped(number: int) -> str:
    """Return a count, its thousands set apart by narrow spaces from five digits on."""
    return str(number) if abs(number) < 10_000 else f"{number:,}".replace(",", "\u202f")
