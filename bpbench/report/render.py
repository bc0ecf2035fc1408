"""The one place where a document becomes files: HTML, PDF, LaTeX, CSV, SVG and JSON. Nothing is rendered twice."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bpbench import SCHEMA, __version__
from bpbench.errors import EngineError, StatisticsError, bracketed
from bpbench.report.archive import plain
from bpbench.report.canvas import uncollected
from bpbench.report.document import shown
from bpbench.report.html import render_html
from bpbench.report.language import LANGUAGES, listed, spoken
from bpbench.report.latex import latex_files
from bpbench.report.pdf import PDF_PACKAGES, figure_pdf, pdf_available, render_pdf
from bpbench.report.templating import ReportError, folders
from bpbench.whole import clear, put, sent

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from bpbench.report.document import Figure, Table

_STAMP: Final = "stamp.json"
#: The file of each format that a reader opens first.
_MAIN: Final = {"html": "report.html", "pdf": "report.pdf", "latex": "report.tex"}
#: How a formula begins for spreadsheets, which pass over what cannot be seen; and what begins so and is none.
_FORMULA: Final = re.compile(r"[\s\x00-\x1f\ufeff]*[=+\-@＝＋－＠]")
_NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)?([eE][+-]?\d+)?", re.ASCII)
#: The files of a report, in its folder or one of two below.
_OURS: Final = re.compile(r"(?:(?:tables|figures)/)?[A-Za-z0-9_-][A-Za-z0-9._-]*")
#: What comes of findings that a file had, and that are of the wrong kind or size in any place.
_WRONG: Final = (
    *(TypeError, AttributeError, ValueError, LookupError, ArithmeticError),
    *(AssertionError, RecursionError, StopIteration, StatisticsError),
)
#: The drawings that go with LaTeX, which are made by what makes the PDF.
_DRAWINGS: Final = "drawings"


@dataclass(frozen=True, slots=True)
class Written:
    """What :func:`write_report` left behind.

    Attributes
    ----------
    html : Path
        The report.
    pdf : Path or None
        The same as PDF, ``None`` if there is none.
    latex : Path or None
        The same as LaTeX, ``None`` if it was not asked for.
    note : str or None
        Why there is no PDF, or no drawing for LaTeX, though one was asked for.
    rendered : bool
        ``False`` if the folder already held this report.
    """

    html: Path
    pdf: Path | None
    latex: Path | None
    note: str | None
    rendered: bool

    def told(self) -> dict[str, str | None]:
        """Return the places of the files by what they are, for ``--json``."""
        places = {"report": self.html, "pdf": self.pdf, "latex": self.latex}
        return {name: None if path is None else str(path) for name, path in places.items()}

    def others(self) -> list[str]:
        """Return a line for each format beside the HTML."""
        places = {"PDF:    ": self.pdf, "LaTeX:  ": self.latex}
        return [f"{name}{path}" for name, path in places.items() if path is not None]


def write_report(
    findings: Mapping[str, Any],
    environment: Mapping[str, Any],
    folder: Path,
    *,
    formats: Sequence[str] = ("html", "pdf"),
    language: str = "en",
    templates: Path | None = None,
) -> Written:
    """Write a report and everything it is made of into a folder.

    ``report.html``, ``report.pdf``, ``findings.json``, ``environment.json``, ``tables/*.csv``, ``figures/*.svg``; for
    LaTeX ``report.tex``, ``references.bib``, ``tables/*.tex``, ``figures/*.tex``, ``figures/*.pdf``.
    Each file appears whole or not at all. A folder that holds the report of the same findings, made by the same
    templates and code in the same language, is left as it is, its environment included.

    Parameters
    ----------
    findings : dict
        Findings of schema 1.
    environment : dict
        Host, versions, times; ``pdf`` is set here to what became of the PDF. Empty if nothing is known of them.
    folder : Path
        Made if it does not exist.
    formats : sequence of {'html', 'pdf', 'latex'}
        The HTML is always written.
    language : str
        One of :data:`bpbench.report.language.LANGUAGES`.
    templates : Path or None
        A folder of templates that override ours file by file; ``None``: the one of ``BPBENCH_TEMPLATES``, if any.

    Returns
    -------
    Written

    Raises
    ------
    ReportError
        For findings that are not plain finite JSON, a template with a mistake, or a folder that cannot be written.
    CatalogueError
        For a catalogue of messages that cannot be read.
    """
    folder = Path(folder)
    places = folders(templates)
    stamp = _stamp(findings, language, places)
    html = folder / "report.html"
    held = _held(folder)
    here = _here(folder, held, stamp)
    wanted = {"html", *formats, *((_DRAWINGS,) if "latex" in formats else ())}
    printed = wanted & {"pdf", _DRAWINGS}
    able, sentence = pdf_available() if printed - here else (True, "")
    making = wanted if able else wanted - printed
    written = Written(
        html=html,
        pdf=folder / "report.pdf" if "pdf" in making else None,
        latex=folder / "report.tex" if "latex" in making else None,
        note=None if able else _note(printed, sentence),
        rendered=not making <= here,
    )
    if not written.rendered:
        return written
    skipped = sentence if "pdf" in wanted else "The PDF was not asked for."
    environment = {**environment, "pdf": "rendered" if written.pdf else f"skipped: {skipped}"}
    with spoken(language, places), uncollected():
        files = _files(findings, environment, stamp, making, places)
    try:
        _write_all(folder, files, old=held.get("files", []), stamp=stamp)
    except OSError as error:
        raise ReportError(f"The report cannot be written to {folder}: {error}.") from error
    return written


def _note(printed: Collection[str], sentence: str) -> str:
    """Return what could not be made, and what brings it."""
    if _DRAWINGS not in printed:
        return sentence
    if "pdf" in printed:
        return f"{sentence} So were the figures of report.tex (figures/*.pdf)."
    return (
        "The figures of report.tex (figures/*.pdf) were skipped: WeasyPrint found no Pango; on Debian, "
        f"`apt install {PDF_PACKAGES}` brings it."
    )


def rerender(
    folder: Path,
    *,
    formats: Sequence[str] | None = None,
    language: str | None = None,
    templates: Path | None = None,
) -> Written:
    """Render a report again from the ``findings.json`` in its folder, and the ``environment.json`` if there is one.

    Parameters
    ----------
    folder : Path
        A folder that :func:`write_report` wrote.
    formats, language : optional
        As of :func:`write_report`; ``None``: those of the protocol.
    templates : Path or None
        As of :func:`write_report`.

    Raises
    ------
    ReportError
        When the findings are missing, no JSON, of another schema, or lack what this version reads.
    """
    folder = Path(folder)
    found = _read(folder, "findings.json")
    schema = found.get("schema")
    if schema != SCHEMA:
        newer = isinstance(schema, int) and schema > SCHEMA
        raise ReportError(
            f"{folder / 'findings.json'} has schema {schema!r}, this version reads {SCHEMA}; "
            + ("take a newer bpbench, or " if newer else "")
            + "run the protocol again to make it anew."
        )
    environment = _read(folder, "environment.json") if (folder / "environment.json").is_file() else {}
    # Findings that this process made are whole by type; those of a file may be of an older version or of another hand.
    try:
        return write_report(
            found,
            environment,
            folder,
            formats=formats or _formats(folder, found["protocol"]["formats"]),
            language=language or _language(folder, found["protocol"].get("language", "en")),
            templates=templates,
        )
    except KeyError as error:
        raise ReportError(f"The report in {folder} lacks {error}; run the protocol again to make it anew.") from error
    except MemoryError as error:
        raise EngineError(
            f"The report in {folder} needs more memory than this process could get{bracketed(error)}; render it where "
            "more is free."
        ) from error
    except _WRONG as error:
        raise ReportError(
            f"The report in {folder} holds something of the wrong kind ({error}); run the protocol again to make it "
            "anew."
        ) from error


def _formats(folder: Path, formats: Any) -> list[str]:
    """Return the formats that findings ask for, if they are some."""
    if isinstance(formats, list) and formats and all(each in _MAIN for each in formats):
        return formats
    raise ReportError(
        f"findings.json in {folder} asks for the formats {formats!r}, expected a list of {listed([*_MAIN])}; choose "
        "with --formats."
    )


def _language(folder: Path, language: Any) -> str:
    """Return the language that findings ask for, if a report can speak it."""
    if isinstance(language, str) and language in LANGUAGES:
        return language
    raise ReportError(
        f"findings.json in {folder} asks for the language {language!r}, expected {' or '.join(LANGUAGES)}; choose with "
        "--language."
    )


def _read(folder: Path, name: str) -> dict[str, Any]:
    if not folder.is_dir():
        raise ReportError(f"There is no folder {folder}; name the folder of a report.")
    try:
        found = json.loads(sent(folder / name).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ReportError(
            f"{name} in {folder} cannot be read as JSON ({error}); name the folder of a report."
        ) from None
    if not isinstance(found, dict):
        raise ReportError(f"{name} in {folder} is no JSON object; name the folder of a report.")
    return found


# ------------------------------------------------------------------------------------------------- rendering


def _files(
    findings: Mapping[str, Any],
    environment: Mapping[str, Any],
    stamp: str,
    formats: Collection[str],
    places: Sequence[Path],
) -> dict[str, bytes]:
    """Return the files of a report by their names."""
    from bpbench.report.compose import compose, csv_tables

    # As they will be read back: a report made again from the file is then the same to the byte.
    findings, environment = (json.loads(canonical(value)) for value in (findings, environment))
    document = compose(findings, environment)
    files = {
        "findings.json": canonical(findings),
        "environment.json": canonical(environment),
        **{f"tables/{table.key}.csv": csv_file(table) for table in csv_tables(findings, document)},
        **{f"figures/{figure.key}.svg": _svg_file(figure) for figure in document.figures},
        **{f"figures/{figure.key}.csv": csv_file(figure.data) for figure in document.figures if figure.data},
        "report.html": render_html(document, places).encode("utf-8"),
    }
    if "pdf" in formats:
        page = render_html(document, places, embed=True)
        files["report.pdf"] = render_pdf(page, identifier=stamp, attachments=_attached(findings, files))
    if "latex" in formats:
        drawn = {figure.key: figure_pdf(figure.svg) for figure in document.figures} if _DRAWINGS in formats else {}
        files |= latex_files(document, places, drawn)
    return files


def _attached(findings: Mapping[str, Any], files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return what goes with the PDF wherever it goes: the findings, every table, and the protocol under its name."""
    attached = {name: content for name, content in files.items() if name == "findings.json" or name.endswith(".csv")}
    if text := findings["protocol"].get("text"):
        attached[f"{plain(findings['protocol']['name'])}.yaml"] = text.encode("utf-8", errors="replace")
    return attached


# ----------------------------------------------------------------------------------------------------- files


def canonical(value: Mapping[str, Any]) -> bytes:
    """Return JSON whose bytes follow from its content: sorted keys, indent 1, finite numbers, a newline at the end."""
    try:
        text = json.dumps(value, sort_keys=True, indent=1, allow_nan=False, ensure_ascii=False)
    except (ValueError, TypeError) as error:
        raise ReportError(f"Findings must be plain JSON with finite numbers: {error}.") from error
    # Half a letter, which JSON can hold and UTF-8 cannot, stays written by its number.
    return (text + "\n").encode("utf-8", errors="backslashreplace")


def csv_file(table: Table) -> bytes:
    """Return a table as CSV: fixed names of columns, numbers unrounded.

    A spreadsheet takes text that begins with ``=``, ``+``, ``-`` or ``@`` for a formula, and a formula may do much.
    Such text has an apostrophe before it, which says that it is text; numbers, written as words too, stay as they are.
    """
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([f"{column.key} ({column.unit})" if column.unit else column.key for column in table.columns])
    writer.writerows([_plain(cell.value) for cell in row] for row in table.rows)
    return shown(stream.getvalue()).encode("utf-8")


def _plain(value: float | str | None) -> float | str:
    """Return what goes into a cell of a CSV: text as text to whatever opens it."""
    if value is None:
        return ""
    return f"'{value}" if isinstance(value, str) and _FORMULA.match(value) and not _NUMBER.fullmatch(value) else value


def _svg_file(figure: Figure) -> bytes:
    return f'<?xml version="1.0" encoding="utf-8"?>\n{figure.svg}\n'.encode()


def _stamp(findings: Mapping[str, Any], language: str, places: Sequence[Path]) -> str:
    """Return the digest of all that decides a report: findings, language, templates, code of this room, version."""
    found = hashlib.sha256(f"{__version__} {language}".encode())
    try:
        text = json.dumps(findings, sort_keys=True, separators=(",", ":"), allow_nan=False)
    except (ValueError, TypeError) as error:
        raise ReportError(f"Findings must be plain JSON with finite numbers: {error}.") from error
    found.update(text.encode("ascii"))
    templates = (path for place in places for path in sorted(place.glob("*.*")) if path.is_file())
    for path in (*templates, *sorted(Path(__file__).parent.glob("*.py"))):
        found.update(path.name.encode("utf-8", errors="surrogateescape"))
        found.update(hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()


def _held(folder: Path) -> dict[str, Any]:
    try:
        held = json.loads(sent(folder / _STAMP).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    known = isinstance(held, dict) and isinstance(held.get("stamp"), str) and isinstance(held.get("files"), list)
    # A folder that was sent may say anything; what is no file of a report is none of ours to look at or to remove.
    ours = known and all(isinstance(name, str) and _OURS.fullmatch(name) for name in held["files"])
    return held if ours else {}


def _here(folder: Path, held: Mapping[str, Any], stamp: str) -> set[str]:
    """Return the formats in which a folder holds this very report, whole."""
    if held.get("stamp") != stamp or not all((folder / name).is_file() for name in held["files"]):
        return set()
    names = set(held["files"])
    drawn = all(f"{name[:-4]}.pdf" in names for name in names if name.startswith("figures/") and name.endswith(".svg"))
    return {kind for kind, name in _MAIN.items() if name in names} | ({_DRAWINGS} if drawn else set())


def _write_all(folder: Path, files: Mapping[str, bytes], *, old: Iterable[str], stamp: str) -> None:
    for below in ("tables", "figures"):
        if (folder / below).is_symlink():
            raise ReportError(
                f"{folder / below} is a link to elsewhere; remove it, so that the report stays in its folder."
            )
    for name, content in files.items():
        if not _OURS.fullmatch(name):
            raise ReportError(f"The report would write the file {name!r}, which is no name of a file of a report.")
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        put(path, content)
    for name in set(old) - set(files):
        stale = folder / name
        # Only what an earlier report wrote here, and nothing outside.
        if stale.parent in {folder, folder / "tables", folder / "figures"}:
            stale.unlink(missing_ok=True)
    for name in files:
        clear(folder / name)
    held = {"files": sorted(files), "stamp": stamp}
    put(folder / _STAMP, (json.dumps(held, indent=1) + "\n").encode("ascii"))
