"""Files: self-contained HTML, PDF, canonical JSON, CSV; nothing twice; hostile names are text."""

from __future__ import annotations

import csv
import json
import os
import re
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from findings_factory import GROUPS, deep_copy, environment, small, without_results

from bpbench.report import render
from bpbench.report.compose import compose
from bpbench.report.document import Document, Section, Text
from bpbench.report.html import render_html
from bpbench.report.pdf import pdf_available, render_pdf
from bpbench.report.render import rerender, write_report
from bpbench.report.templating import ReportError, folders

HOSTILE = (
    "<script>alert(1)</script>",
    "../../x",
    "x" * 300,
    "😀 \\write18{rm} %_&# $x^2$ {{ 7 * 7 }} ]]> -->",
)
needs_pango = pytest.mark.skipif(not pdf_available()[0], reason=pdf_available()[1])


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reports") / "deep" / "report"
    result = write_report(small(), environment(), folder)
    assert result.rendered
    assert result.html == folder / "report.html"
    return folder


class Tags(HTMLParser):
    """Elements and attributes of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]


def tags(page: str) -> Tags:
    parser = Tags()
    parser.feed(page)
    return parser


def test_everything_is_written(written: Path) -> None:
    """HTML, JSON, a CSV per table and an SVG per figure lie in the folder, and no temporary file is left."""
    names = {path.relative_to(written).as_posix() for path in written.rglob("*") if path.is_file()}
    assert {"report.html", "findings.json", "environment.json", "stamp.json"} <= names
    assert {"tables/scores.csv", "tables/comparisons.csv", "tables/functions.csv", "tables/repeats.csv"} <= names
    assert {"figures/repeats.svg", "figures/forest.svg", "figures/networks.svg"} <= names
    assert not [name for name in names if Path(name).name.startswith(".")]


def test_findings_are_canonical_json(written: Path) -> None:
    """findings.json has sorted keys, indent 1 and a newline at its end, and gives the findings back."""
    text = (written / "findings.json").read_text(encoding="utf-8")
    assert json.loads(text) == small()
    assert text == json.dumps(small(), sort_keys=True, indent=1, ensure_ascii=False) + "\n"


def test_csv_holds_unrounded_values(written: Path) -> None:
    """A mean in scores.csv is the findings' number to the last bit, its unit in the head."""
    with (written / "tables" / "scores.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    data = small()
    for row, variant in zip(rows, data["variants"], strict=False):
        assert float(row["mean (meV/atom)"]) == variant["summary"]["test"]["rmse"]["mean"]


def test_the_page_is_self_contained(written: Path) -> None:
    """One script, no link to elsewhere, no image file; a title, a language, and light and dark colours."""
    page = (written / "report.html").read_text(encoding="utf-8")
    parsed = tags(page)
    assert not {"link", "iframe", "img", "object"} & set(parsed.tags)
    assert parsed.tags.count("script") == 1
    links = [value for name, value in parsed.attributes if name in {"href", "src", "xlink:href"}]
    assert all(link.startswith(("#", "https://doi.org/", "https://arxiv.org/")) for link in links)
    assert "url(http" not in page
    assert "prefers-color-scheme: dark" in page
    assert '<html lang="en">' in page
    assert parsed.tags.count("h1") == 1


def test_anchors_and_identifiers_are_unique(written: Path) -> None:
    """Each id occurs once on the page, and every link inside it leads somewhere."""
    parsed = tags((written / "report.html").read_text(encoding="utf-8"))
    found = [value for name, value in parsed.attributes if name == "id"]
    assert len(found) == len(set(found))
    links = [value for name, value in parsed.attributes if name.endswith("href") and value.startswith("#")]
    assert {link[1:] for link in links} <= set(found)


def test_the_same_findings_are_not_rendered_again(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second call composes nothing, even when the environment differs, and touches no file."""

    def never(*_: Any) -> Document:
        raise AssertionError("composed again")

    monkeypatch.setattr("bpbench.report.compose.compose", never)
    before = {path: path.stat().st_mtime_ns for path in written.rglob("*")}
    again = write_report(small(), {**environment(), "wall_s": 1.0}, written)
    assert not again.rendered
    assert {path: path.stat().st_mtime_ns for path in written.rglob("*")} == before


def test_changed_findings_are_rendered_and_leave_nothing_stale(tmp_path: Path) -> None:
    """Other findings replace the report, and figures that no longer exist are removed."""
    assert write_report(small(), environment(), tmp_path, formats=("html",)).rendered
    assert (tmp_path / "figures" / "forest.svg").is_file()
    assert write_report(without_results(), environment(), tmp_path, formats=("html",)).rendered
    assert not (tmp_path / "figures" / "forest.svg").exists()
    assert json.loads((tmp_path / "findings.json").read_text(encoding="utf-8")) == without_results()


def test_what_a_killed_writer_left_is_removed_in_time(tmp_path: Path) -> None:
    """Not what may be another's who writes now, nor what is nobody's of ours."""
    names = (".report.html.abcd1234", ".report.html.efgh5678", ".notes.txt.abcd1234")
    for name in names:
        (tmp_path / name).touch()
    for name in (names[0], names[2]):
        os.utime(tmp_path / name, (0, 0))
    write_report(small(), environment(), tmp_path, formats=("html",))
    assert [name for name in names if (tmp_path / name).exists()] == [names[1], names[2]]


@pytest.mark.parametrize("damage", ["remove", "stamp", "template"])
def test_a_damaged_or_older_report_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str) -> None:
    """A missing table, an unreadable stamp or another version each bring a new rendering."""
    data = without_results()
    write_report(data, environment(), tmp_path, formats=("html",))
    if damage == "remove":
        (tmp_path / "tables" / "states.csv").unlink()
    elif damage == "stamp":
        (tmp_path / "stamp.json").write_text("[1, 2", encoding="utf-8")
    else:
        monkeypatch.setattr(render, "__version__", "9.9.9")
    assert write_report(data, environment(), tmp_path, formats=("html",)).rendered
    assert (tmp_path / "tables" / "states.csv").is_file()


def test_without_pango_there_is_all_but_the_pdf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When WeasyPrint cannot be loaded the HTML is made and one line names the packages."""
    monkeypatch.setitem(sys.modules, "weasyprint", None)
    able, sentence = pdf_available()
    assert not able
    assert "libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0" in sentence
    assert "\n" not in sentence
    for rendered in (True, False):
        result = write_report(without_results(), environment(), tmp_path)
        assert (result.pdf, result.note, result.rendered) == (None, sentence, rendered)
        assert result.html.is_file()
    recorded = json.loads((tmp_path / "environment.json").read_text(encoding="utf-8"))
    assert recorded["pdf"] == f"skipped: {sentence}"


@needs_pango
def test_a_pdf_is_added_once_it_can_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A report made as HTML only gets its PDF when that is asked for."""
    data = without_results()
    assert write_report(data, environment(), tmp_path, formats=("html",)).pdf is None
    result = write_report(data, environment(), tmp_path)
    assert result.rendered
    assert result.pdf is not None
    assert result.pdf.is_file()
    monkeypatch.setitem(sys.modules, "weasyprint", None)
    kept = write_report(data, environment(), tmp_path)
    assert (kept.rendered, kept.pdf) == (False, result.pdf)


@needs_pango
def test_the_pdf_is_reproducible() -> None:
    """The same page and identifier give the same bytes."""
    page = render_html(Document("t", "s", "r", (), (Section("a", "A", (Text("η ζ λ Å ² ⁻ ≤"),)),)), embed=True)
    assert render_pdf(page, identifier="ab" * 32) == render_pdf(page, identifier="ab" * 32)


def test_fonts_have_every_letter_of_the_report(written: Path) -> None:
    """No box: each letter of the report is in the fonts that the PDF brings along, the second filling in the first."""
    from matplotlib import font_manager, ft2font

    page = (written / "report.html").read_text(encoding="utf-8")
    text = re.sub(r"<svg.*?</svg>|<style.*?</style>|<script.*?</script>|<[^>]*>", "", page, flags=re.DOTALL)
    fonts = [ft2font.FT2Font(font_manager.findfont(family)) for family in ("STIXGeneral", "DejaVu Sans")]
    known = {chr(code) for font in fonts for code in font.get_charmap()}
    assert set(text) - known <= {"\n"}
    assert {"η", "ζ", "λ", "Å", "²", "⁻", "≤", "−", "\u2007"} <= known


def hostile(data: dict[str, Any]) -> dict[str, Any]:
    """Return findings in which every name a user may choose is hostile."""
    names = dict(zip(("A", "D", "linear"), HOSTILE[:3], strict=True))
    text = json.dumps(data)
    data = json.loads(text)
    for variant in data["variants"]:
        variant["name"] = names[variant["name"]]
        variant["results"][0]["remarks"] = [HOSTILE[0]]
    for entry in data["analysis"]["comparisons"]:
        entry["candidate"], entry["baseline"] = names[entry["candidate"]], names["D"]
        entry["remarks"] = [HOSTILE[3]]
    data["analysis"]["baseline"] = names["D"]
    data["analysis"]["family"] = [[names[a], names[b]] for a, b in data["analysis"]["family"]]
    old = data["data"]["groups"][0]["name"]
    data["data"]["groups"][0]["name"] = HOSTILE[3]
    for variant in data["variants"]:
        for group in variant["groups"]:
            group["name"] = HOSTILE[3] if group["name"] == old else group["name"]
        variant["set"] = HOSTILE[0] if variant["set"] == "D" else variant["set"]
        variant["model"] = HOSTILE[3] if variant["model"] == "network" else variant["model"]
    data["sets"][3]["name"] = HOSTILE[0]
    data["models"][0]["name"] = HOSTILE[3]
    data["protocol"].update(title=HOSTILE[0], question=HOSTILE[3], text="\n".join(HOSTILE), name=HOSTILE[1])
    data["data"].update(label=HOSTILE[0], file=HOSTILE[1], remarks=[HOSTILE[2]])
    data["failures"] = [{"variant": HOSTILE[0], "repeat": 0, "status": "failed", "message": HOSTILE[3]}]
    return data


def test_hostile_names_are_text(tmp_path: Path) -> None:
    """Markup, paths, 300 letters, emoji and template code in names come out as letters and name no file."""
    result = write_report(hostile(deep_copy(small())), environment(), tmp_path / "in", formats=("html",))
    page = result.html.read_text(encoding="utf-8")
    assert tags(page).tags.count("script") == 1
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "{{ 7 * 7 }}" in page
    assert "😀" in page
    assert {path.name for path in tmp_path.iterdir()} == {"in"}
    files = [path.name for path in (tmp_path / "in").rglob("*.*")]
    assert all(re.fullmatch(r"[a-z0-9_]+\.(csv|svg|html|json)", name) for name in files)


@needs_pango
def test_hostile_names_print() -> None:
    """The same report becomes a PDF."""
    page = render_html(compose(hostile(deep_copy(small())), environment()), embed=True)
    assert render_pdf(page, identifier="ab" * 32).startswith(b"%PDF")


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("<p>\n{{ document.nonsense }}</p>", "line 2: .*nonsense"),
        ("\n\n{{ stranger }}", "line 3: 'stranger' is undefined"),
        ("<p>\n{% for %}</p>", "line 2: "),
        ("{{ document.sections | number }}", "line 1: "),
        ("<p>\n{{ 1 / 0 }}</p>", "line 2: division by zero"),
        ("\n{{ [].pop() }}", "line 2: pop from empty list"),
        ('\n{% include "report.html.j2" %}', "line 2: maximum recursion depth"),
    ],
)
def test_a_template_error_names_file_and_line(tmp_path: Path, template: str, words: str) -> None:
    """A mistake in a template is a sentence with its file and line."""
    (tmp_path / "report.html.j2").write_text(template, encoding="utf-8")
    for name in ("report.css", "print.css", "report.js"):
        (tmp_path / name).write_text("", encoding="utf-8")
    with pytest.raises(ReportError, match=rf"report\.html\.j2, {words}"):
        render_html(Document("t", "s", "r", (), ()), places=(tmp_path,))


def test_a_template_that_is_no_text_is_named(tmp_path: Path) -> None:
    """A style sheet, and a template that another one takes in, which are no UTF-8."""
    for name in ("report.css", "report.blocks.html.j2"):
        (tmp_path / name).write_bytes(b"caf\xe9")
        with pytest.raises(ReportError, match=rf"The template .*{re.escape(name)} cannot be read: 'utf-8' codec"):
            render_html(Document("t", "s", "r", (), ()), places=folders(tmp_path))
        (tmp_path / name).unlink()


def test_a_missing_template_is_named(tmp_path: Path) -> None:
    """A templates folder without templates gets a sentence."""
    with pytest.raises(ReportError, match=r"There is no template report\.(css|js) in "):
        render_html(Document("t", "s", "r", (), ()), places=(tmp_path,))


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), {1, 2}])
def test_findings_must_be_finite_json(tmp_path: Path, bad: Any) -> None:
    """NaN, infinities and other types are refused before anything is written."""
    with pytest.raises(ReportError, match="Findings must be plain JSON with finite numbers"):
        write_report({**small(), "extra": bad}, environment(), tmp_path / "new")
    assert not (tmp_path / "new").exists()


def _stored(folder: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    data = deep_copy(without_results())
    change(data)
    (folder / "findings.json").write_text(json.dumps(data), encoding="utf-8")
    (folder / "environment.json").write_text(json.dumps(environment()), encoding="utf-8")


def test_findings_that_lack_a_key_are_refused(tmp_path: Path) -> None:
    """Findings of this schema without a key, or with another kind of value, get a sentence with the folder."""
    folder = re.escape(str(tmp_path))
    for key in ("distinct", "total"):
        _stored(tmp_path, lambda data: data["jobs"].pop(key))  # noqa: B023 - called at once
        with pytest.raises(ReportError, match=rf"in {folder} lacks '{key}'; run the protocol again to make it anew"):
            rerender(tmp_path)
    _stored(tmp_path, lambda data: data.update(split=None))
    with pytest.raises(ReportError, match=rf"in {folder} holds something of the wrong kind \(.*\); run the protocol"):
        rerender(tmp_path)
    assert not (tmp_path / "report.html").exists()


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        (0, "has schema 0, this version reads 1; run the protocol again to make it anew"),
        (2, "has schema 2, this version reads 1; take a newer bpbench, or run the protocol again to make it anew"),
        ("1", "has schema '1', this version reads 1; run the protocol"),
        (None, "has schema None, this version reads 1; run the protocol"),
    ],
)
def test_findings_of_another_schema_are_refused(tmp_path: Path, schema: Any, words: str) -> None:
    """An older and a newer file each get what to do."""
    _stored(tmp_path, lambda data: data.update(schema=schema))
    with pytest.raises(ReportError, match=re.escape(f"{tmp_path / 'findings.json'} {words}")):
        rerender(tmp_path)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"language": "xx"}, "asks for the language 'xx', expected en or fr; choose with --language."),
        ({"language": ["fr"]}, "asks for the language ['fr'], expected en or fr; choose with --language."),
        ({"formats": ["docx"]}, "asks for the formats ['docx'], expected a list of html, pdf and latex; choose with"),
        ({"formats": "html"}, "asks for the formats 'html', expected a list of html, pdf and latex; choose with"),
        ({"formats": []}, "asks for the formats [], expected a list of html, pdf and latex; choose with --formats."),
    ],
)
def test_findings_that_ask_for_what_there_is_not_are_refused(tmp_path: Path, said: Any, words: str) -> None:
    """A language or format that no report has is not a fault of ours, and is not passed over."""
    _stored(tmp_path, lambda data: data["protocol"].update(said))
    with pytest.raises(ReportError, match=re.escape(f"findings.json in {tmp_path} {words}")):
        rerender(tmp_path)


def test_half_letters_and_control_characters_come_through(tmp_path: Path) -> None:
    """What JSON can hold and UTF-8 or XML cannot is one sign in pages, drawings and tables."""
    name = "\ud800 \x00\x1b[31m"
    data = without_results()
    data["data"]["groups"][0]["name"] = name
    for entry in data["split"]["timeline"]:
        entry["group"] = name if entry["group"] == GROUPS[0][0] else entry["group"]
    write_report(data, environment(), tmp_path, formats=("html",))
    again = rerender(tmp_path, formats=("html",))
    assert not again.rendered
    assert json.loads((tmp_path / "findings.json").read_text(encoding="utf-8"))["data"]["groups"][0]["name"] == name
    made = [path.read_text(encoding="utf-8") for path in (tmp_path / "report.html", *tmp_path.glob("*/*"))]
    assert not any("\x00" in text or "\x1b" in text for text in made)
    assert "\ufffd \ufffd\ufffd[31m" in (tmp_path / "tables" / "states.csv").read_text(encoding="utf-8")
    assert "<title>" in (tmp_path / "figures" / "timeline.svg").read_text(encoding="utf-8")
    for path in tmp_path.glob("figures/*.svg"):
        ET.fromstring(path.read_text(encoding="utf-8").partition("\n")[2])  # noqa: S314 - drawn by us


def test_whole_findings_are_rendered_again(tmp_path: Path) -> None:
    """The same folder with nothing missing becomes a report."""
    _stored(tmp_path, lambda data: data["protocol"].update(formats=["html"]))
    assert rerender(tmp_path).html.is_file()


def test_a_folder_without_a_report_is_named(tmp_path: Path) -> None:
    """No folder, no file, no JSON and no object each name the folder that was given."""
    folder = re.escape(str(tmp_path))
    with pytest.raises(ReportError, match=rf"There is no folder {folder}.nowhere; name the folder of a report"):
        rerender(tmp_path / "nowhere")
    words = rf"findings\.json in {folder} cannot be read as JSON \(.*\); name the folder of a report"
    with pytest.raises(ReportError, match=words):
        rerender(tmp_path)
    (tmp_path / "findings.json").write_text("{", encoding="utf-8")
    with pytest.raises(ReportError, match=words):
        rerender(tmp_path)
    (tmp_path / "findings.json").write_text("[]", encoding="utf-8")
    with pytest.raises(ReportError, match=rf"findings\.json in {folder} is no JSON object; name the folder"):
        rerender(tmp_path)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """A file where the folder should be gets a sentence with its path."""
    (tmp_path / "report").write_text("in the way", encoding="utf-8")
    with pytest.raises(ReportError, match=r"The report cannot be written to .*report"):
        write_report(without_results(), environment(), tmp_path / "report", formats=("html",))


def test_a_report_is_remade_from_the_findings_alone(tmp_path: Path) -> None:
    """Without environment.json, which decides nothing, all but its section is the same."""
    whole, alone = tmp_path / "whole", tmp_path / "alone"
    write_report(small(), environment(), whole, formats=("html",))
    alone.mkdir()
    (alone / "findings.json").write_bytes((whole / "findings.json").read_bytes())
    assert rerender(alone, formats=("html",)).rendered
    assert "There was no environment.json beside the findings" in (alone / "report.html").read_text()
    held, made = ({path.name: path.read_bytes() for path in (each / "tables").iterdir()} for each in (whole, alone))
    assert held == made


def test_findings_of_before_are_rendered(tmp_path: Path) -> None:
    """What this version adds to findings is left out where they do not have it."""
    old = small()
    for group in old["data"]["groups"]:
        for key in ("tau_frames", "effective_frames", "tau_reliable"):
            group.pop(key, None)
    old["split"].pop("timeline", None)
    old.pop("published", None)
    old["protocol"].pop("language", None)
    (tmp_path / "findings.json").write_bytes(render.canonical(old))
    assert rerender(tmp_path, formats=("html",)).rendered
