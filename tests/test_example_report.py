"""The report in ``reports/57vars`` is what this code makes of its findings; ``make example`` renders it anew."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pypdf
import pytest

from bpbench.report.pdf import pdf_available
from bpbench.report.render import rerender

EXAMPLE = Path(__file__).parent.parent / "reports" / "57vars"
_DRAWING = re.compile(r"<svg\b.*?</svg>", re.DOTALL)
_MAKE = "run `make example` and look at what has changed"


@pytest.fixture(scope="module")
def again(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder in which the committed findings were rendered now."""
    folder = tmp_path_factory.mktemp("57vars")
    for name in ("findings.json", "environment.json"):
        shutil.copy(EXAMPLE / name, folder)
    rerender(folder)
    return folder


def _text(pdf: Path) -> list[str]:
    return [page.extract_text() for page in pypdf.PdfReader(pdf).pages]


def test_the_page_is_that_of_the_findings(again: Path) -> None:
    """All words and tables; of drawings what their marks say, as their coordinates may round otherwise."""
    committed, made = ((folder / "report.html").read_text(encoding="utf-8") for folder in (EXAMPLE, again))
    assert _DRAWING.sub("", made) == _DRAWING.sub("", committed), _MAKE
    said = [[re.findall(r"<title>(.*?)</title>", svg) for svg in _DRAWING.findall(page)] for page in (committed, made)]
    assert said[0] == said[1], _MAKE
    assert sum(map(len, said[1])) > 500


def test_the_tables_are_those_of_the_findings(again: Path) -> None:
    """Byte by byte, the numbers behind the figures too."""
    held, made = (
        {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.csv")}
        for folder in (EXAMPLE, again)
    )
    assert held.keys() == made.keys(), _MAKE
    assert [name for name in held if held[name] != made[name]] == [], _MAKE


@pytest.mark.skipif(not pdf_available()[0], reason="there is no Pango here")
def test_the_pdf_says_what_the_findings_say(again: Path) -> None:
    """The words of every page."""
    assert _text(again / "report.pdf") == _text(EXAMPLE / "report.pdf"), _MAKE


def test_the_example_names_no_place_of_the_machine_it_was_made_on() -> None:
    """Neither a folder of a home nor the name of a host."""
    text = (EXAMPLE / "environment.json").read_text(encoding="utf-8") + (EXAMPLE / "findings.json").read_text(
        encoding="utf-8"
    )
    assert re.findall(r'"/[a-z]+/[^"]*"', text) == []
