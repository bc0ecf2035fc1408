"""A report as one file to be deposited, at Zenodo for instance: everything it rests on, with checksums.

A ZIP whose bytes follow from its content: names in order, one date, no user or host of the machine that packed it.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bpbench import shipped
from bpbench.report.document import shown
from bpbench.report.templating import ReportError
from bpbench.whole import put, sent

if TYPE_CHECKING:
    from collections.abc import Mapping

#: What every member of an archive is dated: the first day a ZIP knows.
_DATE: Final = (1980, 1, 1, 0, 0, 0)
_SUMS: Final = "SHA256SUMS"
_OURS: Final = re.compile(r"(?:(?:tables|figures)/)?[A-Za-z0-9_-][A-Za-z0-9._-]*")
_NOT_PLAIN: Final = re.compile(r"[^A-Za-z0-9._-]+")

_README: Final = """\
{title}
{rule}

{question}

A report of bpbench {version} on {what} {protocol}, digest {digest}.

{pages}   the report, {media}{latex}
findings.json             every number of it, unrounded
environment.json          machine, versions of libraries, times: what findings do not depend on
{text}tables/, figures/         the tables as CSV; the figures as SVG, with their numbers as CSV
CITATION.cff              how to cite the program
{sums}                checksums; `sha256sum -c {sums}` verifies them

To make these findings again, with the same data file (SHA-256 {data}):

    {command}

To render the report again from findings.json alone: bpbench report findings.json
"""


def archive(folder: Path) -> Path:
    """Pack the report in a folder into one file within it.

    Parameters
    ----------
    folder : Path
        A folder that :func:`bpbench.report.render.write_report` wrote.

    Returns
    -------
    Path
        ``NAME-DIGEST.zip`` in that folder.

    Raises
    ------
    ReportError
        When the folder holds no whole report, or the archive cannot be written.
    """
    folder = Path(folder)
    try:
        held = json.loads(sent(folder / "stamp.json").read_text(encoding="utf-8"))["files"]
        files = {name: sent(_within(folder, name)).read_bytes() for name in held}
        findings = json.loads(files["findings.json"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise ReportError(
            f"{folder} holds no whole report ({error}); render it with `bpbench report {folder}` first."
        ) from error
    name = f"{plain(findings['protocol']['name'])}-{findings['protocol']['digest'][:10]}"
    path = folder / f"{name}.zip"
    try:
        put(path, _packed(name, files | _beside(findings, files)))
    except OSError as error:
        raise ReportError(f"The archive {path} cannot be written: {error}.") from error
    return path


def _within(folder: Path, name: str) -> Path:
    """Return the place of a file that a report wrote: in its folder or one below, never elsewhere."""
    if not _OURS.fullmatch(name):
        raise ValueError(f"stamp.json names {name!r}")
    if (folder / name).is_symlink() or (folder / name).parent.resolve() != (folder.resolve() / name).parent:
        raise ValueError(f"{name} is a link to elsewhere")
    return folder / name


def plain(name: str, most: int = 60) -> str:
    """Return a name as a file may have it anywhere: letters, digits, dots, dashes; never hidden, never a way up."""
    return _NOT_PLAIN.sub("-", name).strip("-.")[:most] or "study"


def _beside(findings: Mapping[str, Any], files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return what an archive holds beside the files of the report."""
    protocol = findings["protocol"]
    text, file = protocol.get("text", ""), f"{plain(protocol['name'])}.yaml"
    title = " ".join(protocol["title"].split())
    printed = "report.pdf" in files
    readme = _README.format(
        title=title,
        rule="=" * len(title),
        pages="report.html, report.pdf" if printed else "report.html".ljust(23),
        media="for a screen and for paper" if printed else "for a screen",
        question=protocol["question"],
        version=findings["bpbench"],
        protocol=protocol["name"],
        digest=protocol["digest"],
        latex="\nreport.tex, *.bib         the same as LaTeX; parts for \\input in tables/ and figures/"
        if "report.tex" in files
        else "",
        # Scores that were made elsewhere have no protocol.
        what="the protocol" if text else "the scores",
        text=f"{file.ljust(25)} the protocol as it was run\n" if text else "",
        sums=_SUMS,
        data=findings["data"]["sha256"],
        command=protocol["command"],
    )
    return {
        "README.txt": shown(readme).encode("utf-8"),
        **({file: text.encode("utf-8", errors="replace")} if text else {}),
        "CITATION.cff": shipped("CITATION.cff").read_bytes(),
    }


def _packed(top: str, files: Mapping[str, bytes]) -> bytes:
    """Return files below one folder as a ZIP, their checksums last."""
    sums = "".join(f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in sorted(files.items()))
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as packed:
        for name, content in [*sorted(files.items()), (_SUMS, sums.encode())]:
            member = zipfile.ZipInfo(f"{top}/{name}", _DATE)
            member.compress_type = zipfile.ZIP_DEFLATED
            member.external_attr = 0o644 << 16
            member.create_system = 3
            packed.writestr(member, content)
    return stream.getvalue()
