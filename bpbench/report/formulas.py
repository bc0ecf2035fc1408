"""Formulas as drawings: outlines on the baseline of the text around them, whatever fonts and scripts are there."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from bpbench.report.canvas import INK
from bpbench.report.templating import ReportError

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Size in points of running text, by which a formula's size is told.
TEXT_SIZE: Final = 10.5
#: Units of an outline in one em.
_EM: Final = 100
_LETTERS: Final = {1: "M", 2: "L", 3: "Q", 4: "C", 79: "z"}


@lru_cache(maxsize=512)
def formula_svg(formula: str, size: float = TEXT_SIZE) -> str:
    """Return a formula as one ``<svg>`` element of outlines in the sheet's ink, the same bytes every time.

    Its measures are in em, and it stands on the baseline of the text around it: the zero of its own heights.

    Parameters
    ----------
    formula : str
        In the part of LaTeX's mathematics that Matplotlib's mathtext knows, without dollar signs.
    size : float
        In points, where the text around it has :data:`TEXT_SIZE`.

    Raises
    ------
    ReportError
        For a formula that mathtext cannot read.
    """
    outline, (left, top, right, bottom) = _outline(formula)
    unit = size / TEXT_SIZE / _EM
    lengths = [_short(length * unit, 3) for length in (right - left, bottom - top, -bottom)]
    box = " ".join(_short(value, 1) for value in (left, top, right - left, bottom - top))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{lengths[0]}em" height="{lengths[1]}em" viewBox="{box}" '
        f'style="vertical-align: {lengths[2]}em"><path d="{outline}" style="fill: {INK}"/></svg>'
    )


def _outline(formula: str) -> tuple[str, tuple[float, float, float, float]]:
    """Return path data, and left, top, right and bottom of what they fill, downward from the baseline."""
    if "$" in formula or not formula.strip():
        raise ReportError(f"Expected a formula without dollar signs and not empty, found {formula!r}.")
    import matplotlib as mpl
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextPath, text_to_path

    font = FontProperties(family="STIXGeneral", size=_EM, math_fontfamily="stix")
    text = f"${formula}$"
    known: Any = {"text.parse_math": True, "text.usetex": False}
    with mpl.rc_context(known):
        try:
            path = TextPath((0, 0), text, prop=font)
            width, height, depth = text_to_path.get_text_width_height_descent(text, font, ismath=True)
        except ValueError as error:
            reason = str(error).strip().splitlines()[-1].partition(": ")[2]
            raise ReportError(
                f"The formula {formula!r} cannot be drawn: {reason}. Write it in the part of LaTeX's mathematics that "
                "Matplotlib's mathtext knows."
            ) from None
    low, high = path.vertices.min(axis=0), path.vertices.max(axis=0)
    box = (
        min(0.0, float(low[0])),
        -max(float(height - depth), float(high[1])),
        max(float(width), float(high[0])),
        max(float(depth), -float(low[1])),
    )
    return " ".join(_pieces(path)), box


def _pieces(path: Any) -> Iterator[str]:
    for points, code in path.iter_segments(simplify=False, curves=True):
        letter = _LETTERS[int(code)]
        if letter == "z":
            yield letter
            continue
        places = (_short(-value if odd % 2 else value, 1) for odd, value in enumerate(points))
        yield f"{letter} {' '.join(places)}"


def _short(value: float, places: int) -> str:
    text = f"{value:.{places}f}".rstrip("0").rstrip(".")
    return "0" if text in {"-0", ""} else text
