"""A report of findings that somebody sent: it asks for nothing outside, names are text, and it stays in its folder."""

from __future__ import annotations

import base64
import csv
import io
import json
import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any, NoReturn

import pytest
from findings_factory import composed, deep_copy, environment, small

from bpbench.cli import main
from bpbench.report import pdf, render
from bpbench.report.archive import archive
from bpbench.report.compose import compose, csv_tables
from bpbench.report.document import Cell, Column, Document, Table
from bpbench.report.html import render_html
from bpbench.report.latex import latex_files
from bpbench.report.pdf import figure_pdf, pdf_available, render_pdf
from bpbench.report.render import canonical, csv_file, rerender, write_report
from bpbench.report.templating import ReportError, folders

needs_pango = pytest.mark.skipif(not pdf_available()[0], reason="WeasyPrint found no Pango")
NUMBER = "ab" * 32


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nobody reach a server, or even ask for its address."""

    def refuse(*_: object, **__: object) -> NoReturn:
        pytest.fail("a server was asked for")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)


OUTSIDE = (
    *("http://127.0.0.1:9/x.png", "https://example.org/x.css", "ftp://127.0.0.1/x", "file:///etc/passwd"),
    *(Path(__file__).as_uri(), "HTTP://127.0.0.1:9/x"),
)


@needs_pango
def test_nothing_outside_a_page_is_looked_at(offline: None, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001
    """By an image, a style, a font, a background, a drawing within a drawing or a file to be attached."""
    told: list[list[str]] = []
    monkeypatch.setattr(pdf, "_refuse", told.append)
    ways = (
        '<img src="{}">',
        '<link rel=stylesheet href="{}">',
        '<style>@import url("{}");</style>',
        '<style>@font-face {{ font-family: a; src: url("{}") }} body {{ font-family: a }}</style>',
        '<p style="background: url({})">x</p>',
        '<link rel=attachment href="{}">',
        '<object data="{}"></object>',
    )
    drawing = '<svg xmlns="http://www.w3.org/2000/svg" width="9pt" height="9pt"><image href="{}"/></svg>'
    parts = [way.format(f"{asked}#{number}") for asked in OUTSIDE for number, way in enumerate(ways)]
    for asked in OUTSIDE:
        code = base64.b64encode(drawing.format(f"{asked}#drawn").encode()).decode()
        parts.append(f'<img src="data:image/svg+xml;base64,{code}">')
    assert render_pdf("".join(parts), identifier=NUMBER).startswith(b"%PDF")
    wanted = {f"{asked}#{number}".lower() for asked in OUTSIDE for number in (*range(len(ways)), "drawn")}
    assert {asked.lower() for asked in told[0]} == wanted


@needs_pango
def test_a_page_that_asks_for_something_outside_is_refused() -> None:
    """A report with something missing in it would be none; a figure for LaTeX neither."""
    sentence = (
        r"The page asks for file:///etc/passwd, and a report is printed without network and without files of this"
    )
    with pytest.raises(ReportError, match=sentence):
        render_pdf('<img src="file:///etc/passwd">', identifier=NUMBER)
    with pytest.raises(ReportError, match=sentence):
        figure_pdf(
            '<svg xmlns="http://www.w3.org/2000/svg" width="9pt" height="9pt"><image href="file:///etc/passwd"/></svg>'
        )


@needs_pango
def test_a_report_asks_for_nothing_outside(offline: None) -> None:  # noqa: ARG001
    """What is printed asks for its own drawings and for our fonts alone."""
    assert render_pdf(render_html(composed(), embed=True), identifier=NUMBER).startswith(b"%PDF")


def isolated() -> bool:
    """Return whether a process may be run without any network."""
    found = shutil.which("unshare")
    return (
        found is not None and subprocess.run([found, "-rn", "true"], check=False, capture_output=True).returncode == 0
    )


@pytest.mark.skipif(not isolated(), reason="this system lets nobody take the network away from a process (unshare -rn)")
def test_a_report_is_rendered_without_a_network(tmp_path: Path) -> None:
    """In a namespace that has not even a loopback, the files are the same to the byte."""
    formats = ("html", "pdf") if pdf_available()[0] else ("html",)
    here, there = tmp_path / "here", tmp_path / "there"
    write_report(small(), environment(), here, formats=formats)
    there.mkdir()
    for name in ("findings.json", "environment.json"):
        shutil.copy(here / name, there / name)
    words = [sys.executable, "-m", "bpbench.cli", "report", str(there), "--formats", ",".join(formats)]
    done = subprocess.run(["unshare", "-rn", *words], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    files = {path.relative_to(here): path.read_bytes() for path in here.rglob("*.*")}
    assert files == {path.relative_to(there): path.read_bytes() for path in there.rglob("*.*")}


# ----------------------------------------------------------------------------------------------------- spreadsheets


@pytest.mark.parametrize(
    "text",
    ["=1+1", "=cmd|' /C calc'!A0", "+SUM(A1)", "-2+3", "@SUM(A1)", " =1", "\t=1", "\ufeff=1", "＝1+1", "-x", "--help"],
)
def test_text_is_no_formula(text: str) -> None:
    """A spreadsheet shows it letter by letter."""
    table = Table("t", "A table.", (Column("a", "a"),), ((Cell(text, text),),))
    (_, (cell,)) = csv.reader(io.StringIO(csv_file(table).decode()))
    assert cell == f"'{text}"


@pytest.mark.parametrize("value", [-0.5, 1e-3, -3, "-0.5", "+1e-3", "-", "A", "a=b", "1-2", ""])
def test_numbers_and_other_text_stay_as_they_are(value: float | str) -> None:
    """A negative number is no formula."""
    table = Table("t", "A table.", (Column("a", "a"),), ((Cell("", value),),))
    (_, *rows) = csv.reader(io.StringIO(csv_file(table).decode()))
    assert (rows[0] if rows and rows[0] else [""]) == [str(value)]


#: What a spreadsheet, and what LaTeX, would obey.
NAME = r"=HYPERLINK(0) \immediate\write18{touch run} \input{/etc/passwd} ^^5cinput{x} \csname input\endcsname x %"


@pytest.fixture(scope="module")
def hostile() -> tuple[dict[str, Any], Document]:
    """Return findings in which a variant and the study bear this name, and the report on them."""
    data = deep_copy(small())
    for variant in data["variants"]:
        variant["name"] = NAME if variant["name"] == "A" else variant["name"]
    for entry in data["analysis"]["comparisons"]:
        entry["candidate"] = NAME if entry["candidate"] == "A" else entry["candidate"]
    data["analysis"]["family"] = [[NAME if a == "A" else a, b] for a, b in data["analysis"]["family"]]
    data["protocol"].update(title=NAME, question=NAME, name=NAME, text=f"question: {NAME}\n\\end{{document}}")
    return data, compose(data, environment())


def test_the_tables_of_a_report_hold_no_formula(hostile: tuple[dict[str, Any], Document]) -> None:
    """No cell of any file begins as one, unless it is a number."""
    data, document = hostile
    made = (*csv_tables(data, document), *(figure.data for figure in document.figures if figure.data))
    cells = [cell for table in made for row in csv.reader(io.StringIO(csv_file(table).decode())) for cell in row]
    assert f"'{NAME}" in cells
    assert not [cell for cell in cells if re.match(r"[=+@]|-[^\d.]", cell)]


# ------------------------------------------------------------------------------------------------------------ LaTeX


def test_latex_obeys_no_name(hostile: tuple[dict[str, Any], Document]) -> None:
    """In the report, in its tables and in the list of works, every letter of a name is a letter."""
    own = re.compile(r"\\input\{(?:tables|figures)/\w+(?:\.tex)?\}")
    files = latex_files(hostile[1], folders(), {})
    for name, content in files.items():
        text = own.sub("", re.sub(r"(?m)^%.*", "", content.decode("utf-8")))
        assert not re.search(r"\\(?:input|include|write|immediate|openin|csname)\b|\^\^", text), name
    assert r"\textbackslash{}input" in files["report.tex"].decode("utf-8")


# --------------------------------------------------------------------------------------------------------- a folder


@pytest.fixture
def report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of a report of few words, as it was sent."""
    files = {"findings.json": canonical(small()), "environment.json": b"{}", "report.html": b"x"}
    more = {"tables/a.csv": b"a", "figures/a.svg": b"<svg/>"}
    monkeypatch.setattr(render, "_files", lambda *_: files | more)
    folder = tmp_path / "sent"
    write_report(small(), environment(), folder, formats=("html",))
    return folder


@pytest.mark.parametrize("name", ["../precious", "tables/../../precious", "{folder}/precious"])
def test_a_stamp_takes_no_file_away(report: Path, name: str) -> None:
    """What a report made before may be removed; a stamp that names anything else is not believed."""
    (report.parent / "precious").write_text("mine", encoding="utf-8")
    (report / "old.csv").write_text("of the report before", encoding="utf-8")
    files = [name.format(folder=report.parent)]
    for named in (files, ["old.csv"]):  # the second shows that what such a stamp names is removed
        (report / "stamp.json").write_text(json.dumps({"stamp": "x", "files": named}))
        rerender(report, formats=("html",))
    assert (report.parent / "precious").read_text(encoding="utf-8") == "mine"
    assert not (report / "old.csv").exists()


@pytest.mark.parametrize("below", ["tables", "figures"])
def test_a_report_is_not_written_through_a_link(report: Path, below: str) -> None:
    """A folder that was sent may lead elsewhere."""
    shutil.rmtree(report / below)
    elsewhere = report.parent / "elsewhere"
    elsewhere.mkdir()
    (report / below).symlink_to(elsewhere)
    (report / "stamp.json").unlink()
    with pytest.raises(ReportError, match=rf"{below} is a link to elsewhere; remove it, so that the report stays"):
        rerender(report, formats=("html",))
    assert not list(elsewhere.iterdir())


def test_a_file_is_not_written_through_a_link(report: Path) -> None:
    """The link is replaced; what it led to stays."""
    (report.parent / "precious").write_text("mine", encoding="utf-8")
    (report / "report.html").unlink()
    (report / "report.html").symlink_to(report.parent / "precious")
    (report / "stamp.json").unlink()
    rerender(report, formats=("html",))
    assert (report.parent / "precious").read_text(encoding="utf-8") == "mine"
    assert not (report / "report.html").is_symlink()


@pytest.mark.parametrize("below", ["", "tables"])
def test_an_archive_takes_nothing_in_from_elsewhere(report: Path, below: str) -> None:
    """Whoever packs a report that was sent would give away what a link of it leads to."""
    if below:
        (report / below).rename(report.parent / "elsewhere")
        (report / below).symlink_to(report.parent / "elsewhere")
    else:
        (report.parent / "secret").write_text("mine", encoding="utf-8")
        (report / "environment.json").unlink()
        (report / "environment.json").symlink_to(report.parent / "secret")
    with pytest.raises(ReportError, match=r"holds no whole report \(.* is a link to elsewhere\)"):
        archive(report)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("[" * 100_000, r"cannot be read as JSON \(maximum recursion depth"),
        ('{"schema": ' + "9" * 5000 + "}", r"cannot be read as JSON \(Exceeds the limit"),
        ('{"schema": 1, "protocol": {"formats": "html"}}', r"asks for the formats 'html', expected a list"),
        (
            '{"schema": 1, "protocol": {"formats": ["html"], "language": "../../x"}}',
            r"asks for the language '\.\./\.\./x'",
        ),
    ],
)
def test_findings_that_are_none_are_refused(report: Path, content: str, sentence: str) -> None:
    """Deep, long or of the wrong kind."""
    (report / "findings.json").write_text(content, encoding="utf-8")
    with pytest.raises(ReportError, match=sentence):
        rerender(report)


@pytest.mark.parametrize("name", ["findings.json", "stamp.json"])
@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_a_report_waits_for_no_pipe_and_reads_no_device(report: Path, name: str, kind: str) -> None:
    """A folder that was sent may hold either, or a link to one; without its stamp it is made anew."""
    (report / name).unlink()
    if kind == "pipe":
        os.mkfifo(report / name)
    else:
        (report / name).symlink_to("/dev/zero")
    if name == "stamp.json":
        assert rerender(report, formats=("html",)).rendered
    else:
        with pytest.raises(ReportError, match=r"cannot be read as JSON \(.* it is a pipe or a device: "):
            rerender(report, formats=("html",))


def test_a_template_takes_nothing_in_from_elsewhere(tmp_path: Path) -> None:
    """What `include` names lies in the folder of templates; a template is its user's own, and slips too."""
    own = tmp_path / "own"
    own.mkdir()
    (tmp_path / "secret").write_text("mine", encoding="utf-8")
    (own / "report.html.j2").write_text('{% include "../secret" %}', encoding="utf-8")
    with pytest.raises(ReportError, match=r"There is no template \.\./secret in"):
        render_html(composed(), folders(own))


def test_a_terminal_obeys_no_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Names from a table, in what is printed and in what is said of mistakes, hold no orders."""
    monkeypatch.chdir(tmp_path)
    rows = "".join(
        f"{name},{seed},{seed + 0.1 * seed**2 + place}\n"
        for place, name in enumerate(("a\x1b[2J", "b"))
        for seed in range(5)
    )
    (tmp_path / "s.jsonl").write_text(
        "".join(
            json.dumps({"v": words[0], "u": words[1], "s": float(words[2])}) + "\n"
            for words in (row.split(",") for row in rows.splitlines())
        ),
        encoding="utf-8",
    )
    words = ["compare", "s.jsonl", "--variant", "v", "--score", "s", "--unit", "u", "--formats", "html"]
    assert main(words) == 0
    said = capsys.readouterr()
    assert "a\ufffd[2J" in said.out
    assert main([*words, "--baseline", "\x1b[31mred"]) == 2
    assert "\x1b" not in said.out + capsys.readouterr().err
