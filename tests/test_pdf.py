"""The printed report: its pages, fonts, vectors and attachments, and its text against the findings."""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from findings_factory import composed, deep_copy, environment, small

from bpbench.report.document import Document, Equation, Figure, Section, Table, Text, cite, ref
from bpbench.report.html import first_sentence, render_html
from bpbench.report.language import spoken
from bpbench.report.numbered import Numbers
from bpbench.report.pdf import FONTS, _foreign, font_files, letters, pdf_available, render_pdf
from bpbench.report.render import _attached, write_report
from bpbench.report.templating import folders

pytestmark = pytest.mark.skipif(not pdf_available()[0], reason=pdf_available()[1])
pypdf = pytest.importorskip("pypdf")

IDENTIFIER = "ab" * 32
ROOT = Path(__file__).parents[1]
RUNNING = "Which 57? (synthetic numbers) · EMT aluminium, embedded sample"


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("printed") / "report"
    assert write_report(small(), environment(), folder).pdf is not None
    return folder


@pytest.fixture(scope="module")
def reader(report: Path) -> Any:
    return pypdf.PdfReader(report / "report.pdf")


@pytest.fixture(scope="module")
def texts(reader: Any) -> list[str]:
    return [plain(page.extract_text()) for page in reader.pages]


@pytest.fixture(scope="module")
def document() -> Document:
    return composed()


def plain(text: str) -> str:
    """Return text with one space where there is any."""
    return " ".join(text.split())


def printed(*sections: Section) -> Any:
    page = render_html(Document("Title", "Question?", "running", (("protocol", "p"),), sections), embed=True)
    return pypdf.PdfReader(io.BytesIO(render_pdf(page, identifier=IDENTIFIER)))


# ------------------------------------------------------------------------------------------------------- pages


def test_pages_are_a4_and_numbered(reader: Any, texts: list[str]) -> None:
    """Each page but the title's has its number of all pages, and the report and its section in its head."""
    assert {tuple(round(float(size)) for size in page.mediabox[2:]) for page in reader.pages} == {(595, 842)}
    for number, text in enumerate(texts[1:], 2):
        assert f"{number} / {len(texts)}" in text
        assert RUNNING in text
    assert f"1 / {len(texts)}" not in texts[0]
    assert RUNNING not in texts[0]


def test_the_title_has_a_page(texts: list[str]) -> None:
    """The first page holds title, question and facts, and nothing of the answer; it says what is attached."""
    data = small()["protocol"]
    for words in (data["title"], data["question"], data["digest"], "Attached to this file: the protocol"):
        assert plain(words) in texts[0]
    assert "The answer" not in texts[0]
    assert "None" not in texts[0]


def test_heads_name_the_section_of_their_page(reader: Any, texts: list[str], document: Document) -> None:
    """A page's head names a section that stands on it or began before."""
    starts = {name: reader.get_destination_page_number(found) for name, found in reader.named_destinations.items()}
    for number, text in list(enumerate(texts))[starts["answer"] :]:
        begun = [
            f"{place} {section.title}"
            for place, section in enumerate(document.sections, 1)
            if starts[section.key] <= number
        ]
        head = text[text.index(RUNNING) :].removeprefix(RUNNING)
        assert any(head.endswith(f"{title} {number + 1} / {len(texts)}") for title in begun)


def test_contents_tell_the_pages(reader: Any, texts: list[str], document: Document) -> None:
    """Every section, figure and table is listed with the number of the page that it is on."""
    starts = {name: reader.get_destination_page_number(found) + 1 for name, found in reader.named_destinations.items()}
    listed = re.sub(r"(?: \.)+ ", " … ", " ".join(texts[1 : starts["answer"] - 1]))
    for section in document.sections:
        assert f"{section.title} … {starts[section.key]}" in listed
    numbers = Numbers(document)
    for kind, blocks in (("figure", document.figures), ("table", document.tables)):
        for block in blocks:
            # A section may have the same words for a title.
            pages = re.findall(rf"{re.escape(first_sentence(block.caption, numbers))} … (\d+)\b", listed)
            assert str(starts[f"{kind}-{block.key}"]) in pages, block.key


def test_bookmarks_lead_to_sections_figures_and_tables(reader: Any, document: Document) -> None:
    """The outline has the numbered sections, and below each its figures and tables."""
    outline = reader.outline
    sections = [entry["/Title"] for entry in outline if not isinstance(entry, list)]
    assert sections == [f"{number} {section.title}" for number, section in enumerate(document.sections, 1)]
    below = [entry["/Title"] for part in outline if isinstance(part, list) for entry in part]
    assert len(below) == len(document.figures) + len(document.tables)
    assert below[0].startswith("Table 1. ")


def test_metadata_are_those_of_the_report(reader: Any) -> None:
    """Title, author, subject, keywords and language stand in the file."""
    found, data = reader.metadata, small()["protocol"]
    assert found.title == data["title"]
    assert found.author.startswith("bpbench ")
    assert found.creator == found.author
    assert found.subject == data["question"]
    assert "symmetry functions" in found["/Keywords"]
    assert reader.trailer["/Root"]["/Lang"] == "en"


def test_nothing_is_dated(reader: Any) -> None:
    """No date of making stands in the file; attached files have to have one, and it is always the same."""
    assert not {"/CreationDate", "/ModDate"} & set(reader.metadata)
    dates = {
        str(held["/EF"]["/F"].get_object()["/Params"][name])
        for held in embedded(reader).values()
        for name in ("/CreationDate", "/ModDate")
    }
    assert dates == {"D:19800101000000Z"}


def test_links_lead_somewhere() -> None:
    """Pointers of running text and contents are links to places that exist."""
    table = Table("numbers", "Numbers. More of them.", (), ())
    found = printed(
        Section("one", "One", (Text(f"See {ref('table', 'numbers')} and {ref('section', 'two')}."),)),
        Section("two", "Two", (table,)),
    )
    places = {
        note.get_object()["/Dest"]
        for page in found.pages
        for note in page.get("/Annots", [])
        if "/Dest" in note.get_object()
    }
    assert {"one", "two", "table-numbers"} <= places <= set(found.named_destinations)


def test_lists_show_the_first_sentence_without_pointers() -> None:
    """A long caption stands in the contents as its first sentence, its pointers as words; no citation, no cut word."""
    numbers = Numbers(Document("t", "s", "r", (), (Section("a", "A", (Table("x", "c", (), ()),)),)))
    assert first_sentence(f"All of {ref('table', 'x')}. Then more.", numbers) == "All of Table 1"
    assert first_sentence("Errors by state: RMSE; MAE.", numbers) == "Errors by state"
    assert first_sentence("A share of 0.5 per cent.", numbers) == "A share of 0.5 per cent"
    long = first_sentence("word " * 60, numbers)
    assert long.endswith("word…")
    assert len(long) < 100
    assert first_sentence("", numbers) == ""
    with pytest.raises(ValueError, match="does not have"):
        first_sentence(f"As told{cite('nobody2000')}.", numbers)


# ---------------------------------------------------------------------------------------------- fonts, vectors


def resources(reader: Any, kind: str) -> Iterator[Any]:
    """Iterate over the resources of a kind of all pages and of the forms on them."""

    def within(held: Any) -> Iterator[Any]:
        yield from (each.get_object() for each in held.get(kind, {}).get_object().values())
        for form in held.get("/XObject", {}).get_object().values():
            if "/Resources" in form.get_object():
                yield from within(form.get_object()["/Resources"].get_object())

    for page in reader.pages:
        yield from within(page["/Resources"].get_object())


def test_fonts_are_ours_embedded_and_subset(reader: Any) -> None:
    """Every font is one of those that we bring, embedded in part, and none is drawn letter by letter."""
    families = {family.replace(" ", "-") for family, *_ in FONTS}
    fonts = list(resources(reader, "/Font"))
    assert fonts
    for font in fonts:
        assert font["/Subtype"] == "/Type0"
        assert re.fullmatch(r"/[A-Z]{6}\+.*", font["/BaseFont"])
        assert any(font["/BaseFont"].split("+")[1].startswith(family) for family in families)
        described = font["/DescendantFonts"][0].get_object()["/FontDescriptor"].get_object()
        assert {"/FontFile", "/FontFile2", "/FontFile3"} & set(described)


def test_figures_are_vectors(reader: Any, document: Document) -> None:
    """Each figure is a form of operators; there is no raster image in the file."""
    kinds = [each["/Subtype"] for each in resources(reader, "/XObject")]
    assert "/Image" not in kinds
    assert kinds.count("/Form") >= len(document.figures)


def shown(document: Document) -> str:
    page = render_html(document, embed=True)
    return re.sub(r"<style.*?</style>|<[^>]*>", "", page, flags=re.DOTALL)


@pytest.mark.parametrize("language", ["en", "fr"])
def test_every_letter_is_in_a_font(language: str) -> None:
    """Whatever the report says itself, no letter of it lacks from the fonts that it brings."""
    with spoken(language, folders()):
        text = shown(composed(language=language))
    assert set(text) - letters() <= {"\n"}


def test_the_letters_that_reports_need_are_there() -> None:
    """Signs, subscripts, Greek, accents and the narrow spaces are in the fonts."""
    assert len(font_files()) == len({file for _, file, _, _ in FONTS})
    assert set("−–…×±≤≥θηζλχαÅÉéèàçùœ«»“”’·→□⁻⁰¹²³⁴⁵⁶⁷⁸⁹\u00a0\u202f\u2007\u2008") <= letters()
    assert "漢" not in letters()


BARE = """
import sys
from bpbench.report.document import Document, Section, Text
from bpbench.report.html import render_html
from bpbench.report.pdf import render_pdf
words = "names may be 漢字, \\U0001F600 or \\u0e01; ours: − ⁻⁴ × ± ≤ η ζ λ Å É « »"
page = render_html(Document("漢 title", "s", "r", (), (Section("a", "A", (Text(words),)),)), embed=True)
sys.stdout.buffer.write(render_pdf(page, identifier="ab" * 32))
"""


def child(script: str, folder: Path, **variables: str) -> bytes:
    known = {**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "tests"))), **variables}
    done = subprocess.run([sys.executable, "-c", script], env=known, cwd=folder, capture_output=True, check=True)
    return done.stdout


def test_a_machine_without_fonts_prints_every_letter_or_a_box(tmp_path: Path) -> None:
    """Without any font of the system the text is whole, and what our fonts lack is a box that can be seen."""
    empty = '<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig><dir>/nowhere</dir></fontconfig>'
    (tmp_path / "fonts.conf").write_text(empty, encoding="utf-8")
    made = child(BARE, tmp_path, FONTCONFIG_FILE=str(tmp_path / "fonts.conf"))
    found = pypdf.PdfReader(io.BytesIO(made))
    names = {font["/BaseFont"].split("+")[1] for font in resources(found, "/Font")}
    assert all(name.startswith("Report-") for name in names)
    if reads := shutil.which("pdftotext"):
        (tmp_path / "bare.pdf").write_bytes(made)
        text = subprocess.run([reads, "bare.pdf", "-"], cwd=tmp_path, capture_output=True, check=True).stdout.decode()
        assert "ours: − ⁻⁴ × ± ≤ η ζ λ Å É « »" in plain(text)


def test_letters_that_our_fonts_lack_ask_for_another() -> None:
    """The serif font's glyph for what it lacks is empty: such letters get a font whose glyph is a box."""
    page = render_html(Document("t", "s", "r", (), (Section("a", "A", (Text("漢字 and η"),)),)), embed=True)
    assert '">漢字</span> and η' in _foreign(page)
    assert _foreign("<body><p>η − é") == "<body><p>η − é"


# ---------------------------------------------------------------------------------------------------- formulas


def test_a_formula_is_printed_as_outlines_with_words() -> None:
    """An equation prints as a vector with its number; the page says it aloud."""
    equation = Equation(
        "g2", r"\sum_j e^{-\eta (R_{ij}-R_s)^2} f_c(R_{ij})", "the sum over neighbours", (("R_c", "Å"),)
    )
    section = Section("m", "Methods", (equation, Text(f"By {ref('equation', 'g2')}.")))
    page = render_html(Document("t", "s", "r", (), (section,)), embed=True)
    assert 'alt="the sum over neighbours"' in page
    found = printed(section)
    assert "(1)" in plain(found.pages[-1].extract_text())
    assert [each["/Subtype"] for each in resources(found, "/XObject")].count("/Form") >= 2


# ------------------------------------------------------------------------------------------------- attachments


def embedded(reader: Any) -> dict[str, Any]:
    names = reader.trailer["/Root"]["/Names"]["/EmbeddedFiles"].get_object()["/Names"]
    return {str(name): held.get_object() for name, held in zip(names[::2], names[1::2], strict=True)}


def test_attachments_are_the_files_of_the_report(report: Path, reader: Any) -> None:
    """The findings, each table and the numbers of each figure are attached as they lie in the folder."""
    wanted = {
        path.relative_to(report).as_posix().replace("/", "-"): path.read_bytes()
        for path in (report / "findings.json", *report.glob("*/*.csv"))
    }
    wanted[f"{small()['protocol']['name']}.yaml"] = small()["protocol"]["text"].encode()
    assert {name: content for name, (content,) in reader.attachments.items()} == wanted
    assert len(wanted) > 10
    assert list(embedded(reader)) == sorted(wanted)
    assert str(embedded(reader)["tables-scores.csv"]["/Desc"]) == "tables/scores.csv"


@pytest.mark.parametrize(
    ("name", "file"),
    [("../../x y/é", "x-y.yaml"), ("...", "study.yaml"), ("a" * 300, f"{'a' * 60}.yaml"), ("57vars", "57vars.yaml")],
)
def test_the_protocol_is_attached_under_a_name_that_is_safe(name: str, file: str) -> None:
    """No folder, no space, no foreign letter and no endless name comes out of a protocol's name."""
    data = deep_copy(small())
    data["protocol"]["name"] = name
    (found,) = (each for each in _attached(data, {}) if each.endswith(".yaml"))
    assert found == file


def test_without_the_text_of_a_protocol_none_is_attached() -> None:
    """Findings that hold no protocol bring no empty file."""
    data = deep_copy(small())
    data["protocol"]["text"] = ""
    files = {"findings.json": b"{}", "tables/a.csv": b"a\n", "figures/a.svg": b"<svg/>", "report.html": b""}
    assert _attached(data, files) == {"findings.json": b"{}", "tables/a.csv": b"a\n"}


# ----------------------------------------------------------------------------------------------- the same bytes

AGAIN = """
from pathlib import Path
from findings_factory import environment, small
from bpbench.report.render import write_report
write_report(small(), environment(), Path("again"))
"""


def test_another_process_prints_the_same_bytes(report: Path, tmp_path: Path) -> None:
    """The same findings give the same PDF in another process, with other hashes and in another time zone."""
    child(AGAIN, tmp_path, PYTHONHASHSEED="12345", TZ="Pacific/Auckland")
    # The stamp first: the PDF's identifier is made of it, and code that was changed meanwhile has another one.
    for name in ("stamp.json", "findings.json", "report.html", "report.pdf"):
        assert (tmp_path / "again" / name).read_bytes() == (report / name).read_bytes()


# -------------------------------------------------------------------------------------- text against the findings


def number(text: str) -> float:
    mantissa, _, power = text.replace("−", "-").replace("\u202f", "").partition(" × 10")
    return float(mantissa) * 10.0 ** int(power.translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")) or 0)


def agrees(text: str, value: float) -> bool:
    """Return whether a number as printed is the value, rounded to the digits printed; ``< 0.001`` is a bound."""
    text = text.strip("\u2007\u2008 ")
    if text[0] in "<>":
        bound = number(text[1:])
        return value < bound if text[0] == "<" else value > bound
    places = len(text.partition(".")[2]) if "×" not in text else 15
    return abs(number(text) - value) <= 0.5000001 * 10.0**-places


def rows(table: Table) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Iterate over the rows of a table: the line as printed, and the cells by the keys of their columns."""
    for row in table.rows:
        cells = {column.key: cell.text for column, cell in zip(table.columns, row, strict=True)}
        yield plain(" ".join(cell.text for cell in row if cell.text)), cells


def test_comparisons_are_printed_as_they_were_found(texts: list[str], document: Document) -> None:
    """Difference, interval, repeats, p and verdict of each comparison stand on paper as the findings have them."""
    whole = " ".join(texts)
    (table,) = (table for table in document.tables if table.key == "comparisons")
    pairs = {
        "n": "n", "difference": "difference", "low": "low", "high": "high", "d_z": "d_z", "p": "p",
        "p_adjusted": "p_adjusted", "p_equivalence_adjusted": "p_equivalence_adjusted",
    }  # fmt: skip
    found = small()["analysis"]["comparisons"]
    for (line, cells), entry in zip(rows(table), found, strict=True):
        assert line in whole
        assert cells["candidate"] == entry["candidate"]
        checked = [key for column, key in pairs.items() if column in cells and agrees(cells[column], entry[key])]
        assert sorted(checked) == sorted(key for column, key in pairs.items() if column in cells)
        assert len(checked) >= 6
        assert entry["verdict"] in cells["verdict"]


def test_means_are_printed_as_they_were_found(texts: list[str], document: Document) -> None:
    """Mean and number of repeats of each variant stand on paper as the findings have them, and so does the digest."""
    data, whole = small(), " ".join(texts)
    (table,) = (table for table in document.tables if table.key == "scores")
    for (line, cells), variant in zip(rows(table), data["variants"], strict=False):
        assert line in whole
        assert cells["variant"] == variant["name"]
        assert agrees(cells["mean"], variant["summary"]["test"]["rmse"]["mean"])
        assert cells["n"] == str(variant["n"])
    assert data["protocol"]["digest"] in whole


def test_no_p_is_nothing(texts: list[str]) -> None:
    """A p-value is never printed as 0.000, and no letter got lost on the way to paper."""
    whole = " ".join(texts)
    assert not re.search(r"p (?:= )?0\.0+\b(?!\d)", whole)
    assert "\ufffd" not in whole
    assert "\x00" not in whole


def test_a_drawing_that_is_not_ours_is_left_to_weasyprint() -> None:
    """A figure with something the sheet never writes is printed all the same."""
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" width="100pt" height="50pt" viewBox="0 0 100 50">'
        '<circle cx="50" cy="25" r="20" style="fill: #ff0000"/></svg>'
    )
    found = printed(Section("a", "A", (Figure("strange", "A circle.", svg, "a circle"),)))
    drawn = found.pages[-1].get_contents().get_data().decode("latin-1")
    assert re.search(r"\b1 0 0 rg", drawn)
    assert len(re.findall(r"\bc\b", drawn)) >= 4
