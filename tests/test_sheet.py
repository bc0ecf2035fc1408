"""The sheet of a feature set: every function on it once, nothing over anything else, the same bytes each time."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from findings_factory import deep_copy, findings, small

from bpbench.descriptors.curves import radial_curve
from bpbench.errors import RequestError
from bpbench.features import CUTOFFS, G2, G4, G5, FeatureSet, preset
from bpbench.report import panels, sheet
from bpbench.report.canvas import COLOURS
from bpbench.report.document import Text
from bpbench.report.subject import _drawings, sets


def _partial() -> FeatureSet:
    """Cu and S with different functions, two cutoff functions and both kinds of angular functions."""
    kept = [f for f in preset("thesis-57-A").resolved(["Cu", "S"]) if f.kind == "G5" or f.of == "Cu" or f.r_s < 3]
    more = [G4(0.02, zeta, lam, 6.0, of=("S", "Cu"), cutoff="tanh3") for zeta in (1, 3) for lam in (-1, 1)]
    return FeatureSet((*kept, *more))


SETS = {
    "12": preset("thesis-12"),
    "22": preset("thesis-22"),
    "57": preset("thesis-57-A"),
    "329": preset("thesis-329"),
    "alloy": preset("thesis-22").resolved(["Cu", "S"]),
    "partial": _partial(),
    "six elements": preset("thesis-12").resolved(["H", "C", "N", "O", "S", "Cu"]),
    "21 pairs": FeatureSet((G5(0.1, 2, 1, 6.0),)).resolved(["H", "C", "N", "O", "S", "Cu"]),
    "shifted": FeatureSet(tuple(G2(4.0, 0.5 * place, 5.0, cutoff="poly2", alpha=0.3) for place in range(1, 9))),
    "angular": FeatureSet(tuple(G4(0.01 * e, z, -1, 6.0) for e in range(30) for z in (1, 2.5, 7))),
    "angular that differ": FeatureSet(
        tuple(
            G5(0.01, 1, 1, r_c, r_s=r_s, cutoff=form)
            for r_c in (4.0, 6.125)
            for r_s in (0.0, 2.25)
            for form in ("cos", "tanh3-one")
        )
    ),
    "one": FeatureSet((G2(0.0, 0.0, 6.0),)),
    "beyond": FeatureSet((G2(8.0, 1.0, 6.0), G2(8.0, 5.0, 6.0), G2(8.0, 6.0, 6.0), G5(0.0, 1, 1, 4.0))),
}


@pytest.fixture(params=SETS)
def functions(request: pytest.FixtureRequest) -> FeatureSet:
    return SETS[request.param]


def _titled(figure: Any, words: str) -> Any:
    """Return the panel whose title starts with these words."""
    return next(axes for axes in figure.axes if axes.get_title(loc="left").startswith(words))


def _texts(figure: Any) -> list[Any]:
    """Return all that is written on a figure and seen."""
    found = []
    for axes in figure.axes:
        legend = axes.get_legend()
        found += [*axes.texts, axes.title, axes._left_title]
        if legend:
            found += [*legend.get_texts(), legend.get_title()]
        if axes.axison:
            for axis in (axes.xaxis, axes.yaxis):
                low, high = sorted(axis.get_view_interval())
                ticks = [tick for tick in axis.get_major_ticks() if low - 1e-9 <= tick.get_loc() <= high + 1e-9]
                found += [axis.label, *(tick.label1 for tick in ticks if tick.label1.get_visible())]
    return [text for text in found if text.get_text().strip() and text.get_visible()]


def test_nothing_is_written_over_anything_else(functions: FeatureSet) -> None:
    """On each sheet all texts lie on the paper, none touches another, and none is smaller than 6 points."""
    with sheet._drawn(functions, "a title", "sheet") as figure:
        figure.draw_without_rendering()
        texts = _texts(figure)
        boxes = [text.get_window_extent() for text in texts]
        paper = figure.bbox
        for text, box in zip(texts, boxes, strict=True):
            assert text.get_fontsize() >= 6, text
            assert paper.x0 - 1 <= box.x0 and box.x1 <= paper.x1 + 1 and paper.y0 - 1 <= box.y0 <= box.y1, text  # noqa: PT018
        for one, other in combinations(range(len(texts)), 2):
            if boxes[one].padded(-0.75).overlaps(boxes[other].padded(-0.75)):
                pytest.fail(f"{texts[one]} and {texts[other]} overlap")


def test_each_radial_function_is_drawn_once() -> None:
    """The two panels of G2 hold exp(-η(r-R_s)²)·½[cos(πr/R_c)+1] of all 42, and the cutoff function once each."""
    with sheet._drawn(SETS["57"], "", "sheet") as figure:
        near, shifted = (_titled(figure, f"G2 with R_s {sign} 0").lines for sign in "=>")
        assert (len(near), len(shifted)) == (25 + 1, 17 + 1)
        drawn = [line.get_xydata() for line in (*near[:-1], *shifted[:-1])]
        cut = near[-1].get_xydata()
    expected = sorted((f.r_s, f.eta) for f in SETS["57"] if isinstance(f, G2))
    for (r_s, eta), curve in zip(expected, drawn, strict=True):
        r = curve[:, 0]
        by_hand = np.exp(-eta * (r - r_s) ** 2) * (np.cos(np.pi * r / 6.8) + 1) / 2
        np.testing.assert_allclose(curve[:, 1], by_hand, atol=1e-12)
    np.testing.assert_allclose(cut[:, 1], (np.cos(np.pi * cut[:, 0] / 6.8) + 1) / 2, atol=1e-12)


def test_each_angular_part_and_width_is_drawn_once() -> None:
    """60 functions of 10 pairs (ζ, λ) and 6 widths give 10 curves over θ and 6 over r."""
    with sheet._drawn(SETS["329"], "", "sheet") as figure:
        over = [line.get_xydata() for line in _titled(figure, "angular part").lines]
        pairs = [line.get_xydata() for line in _titled(figure, "exp(").lines]
    theta = np.radians(over[0][:, 0])
    expected = [2 ** (1 - z) * (1 + lam * np.cos(theta)) ** z for z in (1, 2, 4, 8, 16) for lam in (-1, 1)]
    np.testing.assert_allclose([curve[:, 1] for curve in over], expected, atol=1e-12)
    r = pairs[0][:, 0]
    f_c = (np.cos(np.pi * r / 6.8) + 1) / 2
    by_hand = [np.exp(-2 * eta * r * r) * f_c**2 for eta in (0.0013, 0.01, 0.025, 0.05, 0.1, 0.2)]
    np.testing.assert_allclose([curve[:, 1] for curve in pairs], by_hand, atol=1e-12)


def test_bars_reach_from_centre_to_half_height() -> None:
    """Bars are sorted by R_s, then from wide to narrow, and hold the distances of half the greatest value or more."""
    chosen = FeatureSet((G2(1.0, 3.0, 6.0), G2(4.0, 3.0, 6.0), G2(1.0, 5.9, 6.0), G2(0.0, 0.0, 6.0), G2(1, 0.1, 6)))
    with sheet._drawn(chosen, "", "sheet") as figure:
        axes = next(axes for axes in figure.axes if "of its greatest value" in axes.get_xlabel())
        ends = [segment[:, 0].tolist() for segment in axes.collections[0].get_segments()]
        centres = axes.lines[0].get_xdata().tolist()
    assert centres == [0.0, 0.1, 3.0, 3.0, 5.9]
    r = np.linspace(0, 6, 600_001)
    for (low, high), (eta, r_s) in zip(ends, [(0, 0), (1, 0.1), (1, 3), (4, 3), (1, 5.9)], strict=True):
        curve = np.exp(-eta * (r - r_s) ** 2) * (np.cos(np.pi * r / 6) + 1) / 2
        inside = r[curve >= curve.max() / 2]
        np.testing.assert_allclose((low, high), (inside[0], inside[-1]), atol=2e-5)
    # By hand: f_c alone is one half at R_c/2; near the cutoff the function looks in front of its R_s only.
    assert ends[0] == pytest.approx([0, 3], abs=1e-6)
    assert ends[4][1] < 5.5


@pytest.mark.parametrize("cutoff", list(CUTOFFS))
def test_half_heights_of_every_cutoff(cutoff: str) -> None:
    """For every cutoff function, with an inner cutoff where there is one, wide and narrow, within and at R_c."""
    r = np.linspace(0, 5, 500_001)
    for eta, r_s in ((0.0, 0.0), (0.0, 3.0), (0.05, 2.0), (3.0, 0.0), (3.0, 4.0), (40.0, 5.0), (4000.0, 1.0)):
        function = G2(eta, r_s, 5.0, cutoff=cutoff, alpha=0.0 if cutoff.startswith("tanh") else 0.4)
        curve = radial_curve(function, r)
        inside = r[curve >= curve.max() / 2]
        np.testing.assert_allclose(panels.half_height(function), (inside[0], inside[-1]), atol=2e-5)


@pytest.mark.parametrize("name", ["12", "57", "329", "beyond", "shifted"])
def test_coverage_counts_the_functions_at_half_height(name: str) -> None:
    """At each r the number drawn is that of G2 that are at half of their greatest value or more; gaps are 0."""
    chosen = SETS[name]
    edges, many = panels.covered(sheet._shapes(chosen))
    assert (edges[0], edges[-1]) == (0, max(f.r_c for f in chosen))
    r = np.random.default_rng(1).uniform(0, edges[-1], 500)
    everywhere = np.linspace(0, edges[-1], 100_001)
    radial = [f for f in chosen if isinstance(f, G2)]
    expected = sum((radial_curve(f, r) >= radial_curve(f, everywhere).max() / 2).astype(int) for f in radial)
    np.testing.assert_array_equal(np.array(many)[np.searchsorted(edges, r) - 1], expected)
    assert many[-1] == 0  # f_c leaves nothing to see close to R_c


@pytest.mark.parametrize(("name", "scale", "marks"), [
    ("57", "symlog", ["0", "1", "10"]), ("beyond", "linear", ["0", "1"]), ("shifted", "linear", ["0", "1", "2"])
])  # fmt: skip
def test_few_are_counted_on_a_linear_axis(name: str, scale: str, marks: list[str]) -> None:
    """Up to ten functions stand on a linear axis with whole numbers; only a crowd is drawn logarithmically."""
    with sheet._drawn(SETS[name], "", "sheet") as figure:
        axes = _titled(figure, "coverage: G2 at half of their greatest value or more")
        assert axes.get_yscale() == scale
        assert [tick.get_text() for tick in axes.get_yticklabels()] == marks


def test_radial_factors_that_differ_have_names_that_differ() -> None:
    """Curves of one η that differ in R_s, R_c or f_c are told apart in the legend and by their shade."""

    def panel(*functions: Any) -> tuple[Any, Any]:
        with sheet._drawn(FeatureSet(functions), "", "sheet") as figure:
            axes = _titled(figure, "exp(")
            legend = axes.get_legend()
            shades = [line.get_color() for line in axes.lines]
            assert len(set(shades)) == len(shades) == len(functions)
            return legend.get_title().get_text(), [text.get_text() for text in legend.get_texts()]

    assert panel(G5(0.1, 1, 1, 6.0), G5(0.2, 1, 1, 6.0)) == ("η (Å⁻²)", ["0.1", "0.2"])
    assert panel(G5(0.1, 1, 1, 6.0), G5(0.1, 1, 1, 4.0)) == ("η (Å⁻²), R_c (Å)", ["0.1, 4", "0.1, 6"])
    assert panel(G5(0.1, 1, 1, 6.0), G5(0.1, 1, 1, 6.0, r_s=2.0)) == ("η (Å⁻²), R_s (Å)", ["0.1, 0", "0.1, 2"])
    title, texts = panel(*(G5(0.1, 1, 1, 6.0, cutoff=form) for form in ("cos", "poly1", "poly2")))
    assert (title, texts) == ("η (Å⁻²), f_c", ["0.1, cos", "0.1, poly1", "0.1, poly2"])
    alphas = panel(*(G5(0.1, 1, 1, 6.0, alpha=alpha) for alpha in (0.0, 0.5)))
    assert alphas == ("η (Å⁻²), f_c", ["0.1, cos", "0.1, cos α=0.5"])


@pytest.mark.parametrize(("name", "shown"), [("22", (5, 5, 0)), ("57", (8, 7, 45)), ("329", (30, 30, 0))])
def test_fields_show_which_combinations_there_are(name: str, shown: tuple[int, int, int]) -> None:
    """Filled halves count the functions with λ = -1 and +1, empty ones what the grid lacks."""
    from matplotlib.colors import to_hex

    with sheet._drawn(SETS[name], "", "sheet") as figure:
        axes = _titled(figure, "G5:")
        looks = [to_hex(colour) for boxes in axes.collections for colour in boxes.get_facecolor()]
        # The empty ones are one line, which breaks after each.
        empty = int(np.isnan(axes.lines[0].get_xdata()).sum())
    filled = [sum(f.kind == "G5" and f.lam == lam for f in SETS[name]) for lam in (-1, 1)]
    assert (looks.count(COLOURS[0]), looks.count(COLOURS[1]), empty) == shown
    assert list(shown[:2]) == filled


def test_alloys_draw_each_curve_once_and_count_by_neighbour() -> None:
    """A set resolved by elements has the curves of the plain one; its table counts 12 G2 and 10 G5 for each."""
    assert sheet._shapes(SETS["alloy"]) == sheet._shapes(SETS["22"])
    with sheet._drawn(SETS["alloy"], "", "sheet") as figure:
        words = [text.get_text() for text in figure.axes[-1].texts]
    assert "All neighbours have the same functions, each drawn once." in words[0]
    assert words[1:] == ["S", "12", "Cu", "12", "S-S", "10", "S-Cu", "10", "Cu-Cu", "10", "G2", "G5"]


def test_functions_of_some_neighbours_only_are_paler() -> None:
    """What S lacks is drawn at less than half strength, and the table says so."""
    with sheet._drawn(SETS["partial"], "", "sheet") as figure:
        lines = _titled(figure, "G2 with R_s >").lines[:-1]
        strength = [line.get_alpha() < 0.5 for line in lines]
        words = [text.get_text() for text in figure.axes[-1].texts]
    centres = sorted(f.r_s for f in preset("thesis-57-A") if isinstance(f, G2) and f.r_s)
    assert strength == [centre >= 3 for centre in centres]
    assert any(strength)
    assert "for some of the neighbours only" in words[0]


def test_sheets_are_one_self_contained_element() -> None:
    """Text is outlines, identifiers carry the key, and a hostile title is harmless."""
    drawn = sheet.sheet(SETS["alloy"], "<script>$x$ 漢" + "z" * 300, key="sheet_3")
    root = ET.fromstring(drawn)  # noqa: S314 - our own output
    assert {element.tag.split("}")[1] for element in root.iter()} <= {
        "svg", "g", "path", "use", "defs", "clipPath", "rect", "title"
    }  # fmt: skip
    identifiers = {element.get("id") for element in root.iter()} - {None}
    assert all(str(name).startswith("sheet_3-") for name in identifiers)
    assert "script" not in drawn


def test_files_are_the_same_bytes_in_every_process(tmp_path: Path) -> None:
    """SVG, PDF and PNG do not depend on the process, the hash seed or the time."""
    code = (
        "import sys, pathlib; from bpbench.features import preset; from bpbench.report.sheet import write_sheet\n"
        "for kind in ('svg', 'pdf', 'png'):\n"
        "    write_sheet(preset('thesis-22'), pathlib.Path(sys.argv[1]) / f'sheet.{kind}', 'A')"
    )
    digests = []
    for seed in ("1", "2"):
        folder = tmp_path / seed
        folder.mkdir()
        subprocess.run([sys.executable, "-c", code, folder], check=True, env={**os.environ, "PYTHONHASHSEED": seed})
        files = [(folder / f"sheet.{kind}").read_bytes() for kind in ("svg", "pdf", "png")]
        assert [file[:4] for file in files] == [b"<?xm", b"%PDF", b"\x89PNG"]
        digests.append([hashlib.sha256(file).hexdigest() for file in files])
    assert digests[0] == digests[1]


def test_other_endings_are_refused(tmp_path: Path) -> None:
    """Another format is one sentence, and nothing is written."""
    expected = r"^A sheet is drawn as \.svg, \.pdf or \.png, found 'set\.jpeg'; give one of these endings\.$"
    with pytest.raises(RequestError, match=expected):
        sheet.write_sheet(SETS["12"], tmp_path / "set.jpeg")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    """A file that cannot be written is one sentence with its place."""
    path = tmp_path / "nowhere" / "set.SVG"
    expected = f"^The sheet cannot be written to {re.escape(str(path))}: No such file or directory; name a file in a "
    with pytest.raises(RequestError, match=expected):
        sheet.write_sheet(SETS["12"], path)


def test_the_written_file_is_returned(tmp_path: Path) -> None:
    """Capital endings are read too, and without a title the number of functions is on top."""
    path = sheet.write_sheet(SETS["one"], tmp_path / "set.SVG")
    assert path == tmp_path / "set.SVG"
    assert path.read_text().startswith('<?xml version="1.0" encoding="utf-8"?>\n<svg ')
    with sheet._drawn(SETS["one"], " ", "sheet") as figure:
        assert [text.get_text() for text in figure.axes[0].texts] == [
            "1 symmetry function", "1 G2  ·  R_c 6 Å  ·  f_c cos"
        ]  # fmt: skip


def test_captions_explain_what_is_there() -> None:
    """Bars are explained where there are G2, fields where there are angular functions; two sentences at most."""
    both, radial, angular = (sheet.reading(SETS[name]) for name in ("57", "12", "angular"))
    assert both == f"{radial} {angular}"
    assert "bar" in radial and "field" not in radial  # noqa: PT018
    assert "field" in angular and "bar" not in angular  # noqa: PT018
    assert len(re.findall(r"\.( |$)", both)) == 2


def test_sets_come_back_from_findings() -> None:
    """The functions that findings tell are those of the preset; sets of table columns have no sheet."""
    entry = small()["sets"][0]
    assert sheet.told(entry) == preset(entry["preset"])
    assert sheet.told({"functions": [{"name": "column 1"}], "reconstructed": False}) is None


def test_the_report_shows_a_sheet_for_each_set() -> None:
    """The section on feature sets has one sheet per set, captioned with its name and how to read it."""
    data = findings(repeats=2, names=("A", "D", "22"), states=2)
    section = sets(data)
    figures = {figure.key: figure for figure in section.blocks if hasattr(figure, "svg")}
    assert list(figures) == ["feature_sets", *(f"sheet_{number + 1}" for number in range(len(data["sets"])))]
    for number, entry in enumerate(data["sets"], 1):
        chosen, figure = sheet.told(entry), figures[f"sheet_{number}"]
        assert chosen is not None
        assert figure.caption.endswith(sheet.reading(chosen))
        assert entry["name"] in figure.caption
        assert "(reconstruction)" in figure.caption
        assert figure.svg == sheet.sheet(chosen, f"Set {entry['name']}", key=figure.key)


def test_many_sets_leave_sheets_out_and_say_so() -> None:
    """Of eleven sets eight have a sheet, and a note counts the rest."""
    data = deep_copy(small())
    first = data["sets"][0]
    data["sets"] += [{**first, "name": f"more {number}"} for number in range(11 - len(data["sets"]))]
    section = sets(data)
    assert sum(getattr(block, "key", "").startswith("sheet_") for block in section.blocks) == 8
    notes = [block.text for block in section.blocks if isinstance(block, Text)]
    assert "The sheets of 3 further sets are left out; the tables list all." in notes


def test_sets_that_are_no_symmetry_functions_have_no_drawing() -> None:
    """Columns of a table have no curve: the section then ends with its table."""
    data = deep_copy(small())
    for entry in data["sets"]:
        entry["functions"] = [{"name": "G_1"}]
    assert _drawings(data) == []


@pytest.mark.parametrize("number", [2, 5, 201])
def test_shades_keep_their_order_on_grey_paper(number: int) -> None:
    """From first to last every colour is lighter than the one before, by luma."""
    luma = np.array(panels.ramp(number)) @ [0.299, 0.587, 0.114]
    assert np.all(np.diff(luma) > 0)
    assert luma[-1] - luma[0] > 0.25
