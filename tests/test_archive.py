"""A report packed into one file: whole, the same bytes twice, with checksums that a stranger's program verifies."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import zipfile
from typing import TYPE_CHECKING

import findings_factory
import pytest

from bpbench.cli import main
from bpbench.formats.yaml import parse
from bpbench.report.archive import archive, plain
from bpbench.report.render import write_report
from bpbench.report.templating import ReportError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a report without PDF."""
    found = tmp_path_factory.mktemp("report")
    write_report(findings_factory.small(), findings_factory.environment(), found, formats=("html",))
    return found


def test_an_archive_holds_the_report_and_verifies(folder: Path, tmp_path: Path) -> None:
    """All files of the report, the protocol and the checksums; ``sha256sum`` agrees with each of them."""
    path = archive(folder)
    with zipfile.ZipFile(path) as packed:
        assert packed.testzip() is None
        packed.extractall(tmp_path)
        names = {name.partition("/")[2] for name in packed.namelist()}
        assert {member.date_time[:3] for member in packed.infolist()} == {(1980, 1, 1)}
    assert {"report.html", "findings.json", "environment.json", "README.txt", "CITATION.cff", "SHA256SUMS"} <= names
    assert "tables/comparisons.csv" in names
    assert "figures/forest.svg" in names
    (top,) = tmp_path.iterdir()
    protocol = findings_factory.small()["protocol"]
    readme = (top / "README.txt").read_text(encoding="utf-8")
    assert "report.html               the report, for a screen\n" in readme
    assert "report.pdf" not in readme
    assert f"{protocol['name']}.yaml            the protocol as it was run\n" in readme
    assert (top / f"{protocol['name']}.yaml").read_text() == protocol["text"]
    if shutil.which("sha256sum"):
        told = subprocess.run(
            ["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=top, capture_output=True, text=True, check=True
        )
        assert told.stdout.count(": OK") == len(names) - 1


def test_an_archive_is_the_same_to_the_byte(folder: Path) -> None:
    """Packed twice, one archive."""
    first = archive(folder).read_bytes()
    assert archive(folder).read_bytes() == first


def test_the_verb_packs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """``bpbench report --archive`` tells where the file lies."""
    assert main(["report", str(folder), "--archive"]) == 0
    assert ".zip" in capsys.readouterr().out


def test_no_archive_of_half_a_report(folder: Path, tmp_path: Path) -> None:
    """A file that is gone, or a folder without a report, gets a sentence."""
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    (copy / "tables" / "comparisons.csv").unlink()
    with pytest.raises(ReportError, match=r"holds no whole report .*render it with `bpbench report"):
        archive(copy)
    with pytest.raises(ReportError, match="holds no whole report"):
        archive(tmp_path)


def test_scores_of_others_bring_no_protocol(tmp_path: Path) -> None:
    """A comparison was not run from a protocol: the archive holds no empty one and promises none."""
    write_report(findings_factory.compared(), findings_factory.environment(), tmp_path, formats=("html",))
    with zipfile.ZipFile(archive(tmp_path)) as packed:
        assert not [name for name in packed.namelist() if name.endswith(".yaml")]
        (readme,) = (packed.read(name).decode() for name in packed.namelist() if name.endswith("/README.txt"))
    assert "on the scores scores, digest " in readme
    assert "as it was run" not in readme


@pytest.mark.parametrize("name", ["../outside", "/etc/hostname", "tables/../../x", ".hidden", "deep/er/x"])
def test_no_archive_takes_what_lies_elsewhere(folder: Path, tmp_path: Path, name: str) -> None:
    """A list of files that leads out of the report's folder is not followed."""
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    held = json.loads((copy / "stamp.json").read_text(encoding="utf-8"))
    (copy / "stamp.json").write_text(json.dumps({**held, "files": [*held["files"], name]}), encoding="utf-8")
    with pytest.raises(ReportError, match=f"holds no whole report .stamp.json names '{re.escape(name)}'"):
        archive(copy)


@pytest.mark.parametrize(
    ("name", "as_file"),
    [
        ("57vars", "57vars"),
        ("../../x", "x"),
        (".hidden", "hidden"),
        ("a b/c", "a-b-c"),
        ("☃", "study"),
        ("x" * 300, "x" * 60),
    ],
)
def test_names_of_files_are_plain(name: str, as_file: str) -> None:
    """No name leads out of its folder or hides."""
    assert plain(name) == as_file


def test_the_citation_file_is_one() -> None:
    """What version 1.2.0 of the Citation File Format asks for is there, and the version is this one."""
    from bpbench import __version__, shipped

    held = parse(shipped("CITATION.cff").read_text(encoding="utf-8"), "CITATION.cff")[0]
    assert {"cff-version", "message", "title", "authors"} <= set(held)
    assert (held["cff-version"], str(held["version"]), held["type"]) == ("1.2.0", __version__, "software")
