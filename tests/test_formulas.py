"""Formulas as outlines: the same bytes, the line they stand on, their ink, and what is said of those that cannot be."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from bpbench.report.canvas import INK
from bpbench.report.formulas import formula_svg
from bpbench.report.operators import drawn
from bpbench.report.templating import ReportError

G5 = r"2^{1-\zeta}\sum_{j<k}(1+\lambda\cos\theta_{ijk})^{\zeta} e^{-\eta(R_{ij}^2+R_{ik}^2)} f_c(R_{ij})\,f_c(R_{ik})"
ROOT = Path(__file__).parents[1]


def measures(svg: str) -> tuple[float, float, float, list[float]]:
    """Return width, height and depth in em, and the box in hundredths."""
    found = re.search(r'width="(.*?)em" height="(.*?)em" viewBox="(.*?)" style="vertical-align: (.*?)em"', svg)
    assert found
    return float(found[1]), float(found[2]), -float(found[4]), [float(part) for part in found[3].split()]


def test_the_same_formula_gives_the_same_bytes_in_another_process() -> None:
    """Neither hashes nor what was drawn before decide an outline."""
    script = "import sys; from bpbench.report.formulas import formula_svg; sys.stdout.write(formula_svg(sys.argv[1]))"
    other = subprocess.run(
        [sys.executable, "-c", script, G5],
        env={"PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "7", "MPLBACKEND": "svg", "PATH": ""},
        capture_output=True,
        check=True,
    )
    formula_svg.cache_clear()
    assert other.stdout.decode() == formula_svg(G5)


def test_a_formula_is_one_outline_in_ink() -> None:
    """No text, no font, one path in the colour that a page replaces by its own."""
    svg = formula_svg(G5)
    assert svg.startswith("<svg ")
    assert svg.count("<path") == 1
    assert f"fill: {INK}" in svg
    assert "<text" not in svg
    assert "font" not in svg
    assert "id=" not in svg


def test_a_formula_stands_on_the_line() -> None:
    """The zero of the box is the baseline: an x lies above it, a p hangs below, a fraction further."""
    x, p, half = (measures(formula_svg(formula)) for formula in ("x", "p", r"\frac{1}{2}"))
    assert 0 <= x[2] < 0.05 < p[2] < half[2]
    for width, height, depth, box in (x, p, half):
        assert box[1] < 0
        assert box[1] + box[3] == pytest.approx(100 * depth, abs=0.2)
        assert (box[2], box[3]) == pytest.approx((100 * width, 100 * height), abs=0.2)


def test_twice_the_size_is_twice_as_large() -> None:
    """Measures in em follow the size; the outline stays."""
    one, two = (measures(formula_svg("x^2", size)) for size in (10.5, 21.0))
    assert two[0] == pytest.approx(2 * one[0], abs=0.002)
    assert two[3] == one[3]


def test_the_outline_lies_in_its_box() -> None:
    """Nothing of a formula is cut off."""
    for formula in (G5, r"\overline{x}", "f", r"\int_0^\infty", r"\sqrt{\frac{a}{b}}"):
        svg = formula_svg(formula)
        left, top, width, height = drawn(svg).box
        data = re.search(r' d="([^"]*)"', svg)
        assert data
        numbers = [float(number) for number in re.findall(r"-?[\d.]+", data[1])]
        assert min(numbers[::2]) >= left - 0.1
        assert max(numbers[::2]) <= left + width + 0.1
        assert min(numbers[1::2]) >= top - 0.1
        assert max(numbers[1::2]) <= top + height + 0.1


@pytest.mark.parametrize(
    ("formula", "words"),
    [
        (
            r"\nonsense{x}",
            r"The formula '.*nonsense\{x\}' cannot be drawn: Unknown symbol: \\nonsense, .*Write it in the",
        ),
        (
            r"\frac{1}{",
            r"The formula '.*' cannot be drawn: .*Write it in the part of LaTeX's mathematics that Matplotlib",
        ),
        ("a$b", r"Expected a formula without dollar signs and not empty, found 'a\$b'\."),
        (" ", r"Expected a formula without dollar signs and not empty, found ' '\."),
    ],
)
def test_a_formula_that_cannot_be_drawn_is_named(formula: str, words: str) -> None:
    """One sentence with the formula, what is wrong with it, and what can be written instead."""
    with pytest.raises(ReportError, match=words):
        formula_svg(formula)
