"""The one place where a document becomes files: HTML, PDF, CSV, SVG and JSON. Nothing is rendered twice.

WeasyPrint needs the Pango libraries of the system. Without them there is everything but the PDF, and one line says
which packages bring it.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import logging
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bpbench import __version__, shipped
from bpbench.errors import BpbenchError
from bpbench.report.document import Document, Figure, Table
from bpbench.whole import put

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

PDF_PACKAGES: Final = "libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0"
_TEMPLATE: Final = "report.html.j2"
_STYLE: Final = "report.css"
_STAMP: Final = "stamp.json"
_SYMBOL: Final = re.compile(r"\b([Rd])_([scz])\b")
#: Letters from which a word may be broken anywhere, since no column is that wide.
_LONG_WORD: Final = 28


class ReportError(BpbenchError):
    """A report cannot be made; the text names the template and line, or the file."""


@dataclass(frozen=True, slots=True)
class Written:
    """What :func:`write_report` left behind.

    Attributes
    ----------
    html : Path
        The report.
    pdf : Path or None
        The same as PDF, ``None`` if there is none.
    note : str or None
        Why there is no PDF though one was asked for.
    rendered : bool
        ``False`` if the folder already held this report.
    """

    html: Path
    pdf: Path | None
    note: str | None
    rendered: bool


def pdf_available() -> tuple[bool, str]:
    """Return whether PDFs can be made here, and a sentence with the version or with what is missing."""
    try:
        import weasyprint
    except (ImportError, OSError):
        # WeasyPrint's own message is a page long; what the user can do fits in one line.
        return (
            False,
            f"The PDF was skipped: WeasyPrint found no Pango; on Debian, `apt install {PDF_PACKAGES}` brings it.",
        )
    return True, f"WeasyPrint {weasyprint.__version__} makes the PDF."


def write_report(
    findings: Mapping[str, Any],
    environment: Mapping[str, Any],
    folder: Path,
    *,
    formats: Sequence[str] = ("html", "pdf"),
) -> Written:
    """Write a report and everything it is made of into a folder.

    ``report.html``, ``report.pdf``, ``findings.json``, ``environment.json``, ``tables/*.csv``, ``figures/*.svg``.
    Each file appears whole or not at all. A folder that holds the report of the same findings, made by the same
    templates and code, is left as it is, its environment included.

    Parameters
    ----------
    findings : dict
        Findings of schema 1.
    environment : dict
        Host, versions, times; ``pdf`` is set here to what became of the PDF.
    folder : Path
        Made if it does not exist.
    formats : sequence of {'html', 'pdf'}
        The HTML is always written.

    Returns
    -------
    Written

    Raises
    ------
    ReportError
        For findings that are not plain finite JSON, a template with a mistake, or a folder that cannot be written.
    """
    folder = Path(folder)
    stamp = _stamp(findings)
    html = folder / "report.html"
    wants_pdf = "pdf" in formats
    held = _held(folder)
    if held.get("stamp") == stamp and all((folder / name).is_file() for name in held["files"]):
        if not wants_pdf or "report.pdf" in held["files"]:
            return Written(html, folder / "report.pdf" if wants_pdf else None, None, rendered=False)
        able, sentence = pdf_available()
        if not able:
            return Written(html, None, sentence, rendered=False)

    able, sentence = pdf_available() if wants_pdf else (False, "The PDF was not asked for.")
    environment = {**environment, "pdf": "rendered" if able else f"skipped: {sentence}"}
    files = _files(findings, environment, stamp, pdf=able)
    try:
        _write_all(folder, files, old=held.get("files", []), stamp=stamp)
    except OSError as error:
        raise ReportError(f"The report cannot be written to {folder}: {error}.") from error
    note = sentence if wants_pdf and not able else None
    return Written(html, folder / "report.pdf" if able else None, note, rendered=True)


def rerender(folder: Path) -> Written:
    """Render a report again from the ``findings.json`` and ``environment.json`` in its folder.

    Parameters
    ----------
    folder : Path
        A folder that :func:`write_report` wrote.

    Raises
    ------
    ReportError
        When the findings are missing, no JSON, of another schema, or lack what this version reads.
    """
    from bpbench.findings import SCHEMA

    folder = Path(folder)
    found = _read(folder, "findings.json")
    if found.get("schema") != SCHEMA:
        raise ReportError(
            f"{folder / 'findings.json'} has schema {found.get('schema')!r}, this version reads {SCHEMA}; "
            "run the protocol again to make it anew."
        )
    environment = _read(folder, "environment.json")
    # Findings that this process made are whole by type; those of a file may be of an older version or of another hand.
    try:
        return write_report(found, environment, folder, formats=found["protocol"]["formats"])
    except KeyError as error:
        raise ReportError(f"The report in {folder} lacks {error}; run the protocol again to make it anew.") from error
    except (TypeError, AttributeError) as error:
        raise ReportError(
            f"The report in {folder} holds something of the wrong kind ({error}); run the protocol again to make it "
            "anew."
        ) from error


def _read(folder: Path, name: str) -> dict[str, Any]:
    if not folder.is_dir():
        raise ReportError(f"There is no folder {folder}; name the folder of a report.")
    try:
        found = json.loads((folder / name).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ReportError(
            f"{name} in {folder} cannot be read as JSON ({error}); name the folder of a report."
        ) from None
    if not isinstance(found, dict):
        raise ReportError(f"{name} in {folder} is no JSON object; name the folder of a report.")
    return found


# ------------------------------------------------------------------------------------------------- rendering


def _files(findings: Mapping[str, Any], environment: Mapping[str, Any], stamp: str, *, pdf: bool) -> dict[str, bytes]:
    from bpbench.report.compose import compose, csv_tables

    # As they will be read back: a report made again from the file is then the same to the byte.
    findings, environment = (json.loads(canonical(value)) for value in (findings, environment))
    document = compose(findings, environment)
    html = render_html(document)
    files = {
        "findings.json": canonical(findings),
        "environment.json": canonical(environment),
        **{f"tables/{table.key}.csv": _csv(table) for table in csv_tables(findings, document)},
        **{f"figures/{figure.key}.svg": _svg_file(figure) for figure in document.figures},
    }
    if pdf:
        files["report.pdf"] = render_pdf(render_html(document, embed=True), identifier=stamp)
    files["report.html"] = html.encode("utf-8")
    return files


def render_html(document: Document, *, templates: Path | None = None, embed: bool = False) -> str:
    """Return a document as one self-contained HTML page.

    Parameters
    ----------
    document : Document
        What to show.
    templates : Path or None
        Folder of ``report.html.j2`` and ``report.css``; ``None``: the shipped ones.
    embed : bool
        Whether drawings stand in the page as images of their own. A printer needs no page-coloured ink, and WeasyPrint
        would match every line of an inline drawing against the style sheet.

    Raises
    ------
    ReportError
        For a mistake in the template; names it and the line.
    """
    import jinja2
    from markupsafe import Markup, escape

    from bpbench.report.canvas import INK

    folder = templates or shipped("templates")
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["kind"] = lambda block: type(block).__name__

    def drawing(svg: str) -> Markup:
        if embed:
            code = base64.b64encode(svg.encode("utf-8")).decode("ascii")
            return Markup(f'<img alt="" src="data:image/svg+xml;base64,{code}">')  # noqa: S704 - base64
        # The drawing's ink becomes the page's, which is light at night.
        return Markup(svg.replace(INK, "currentColor"))  # noqa: S704 - drawn by us, its text is outlines

    environment.filters["drawing"] = drawing
    environment.filters["typeset"] = lambda text: Markup(_typeset(str(escape(text))))  # noqa: S704 - escaped first
    environment.filters["lengthy"] = lambda text: any(len(word) > _LONG_WORD for word in text.split())
    numbers = {id(block): place for kind in (document.tables, document.figures) for place, block in enumerate(kind, 1)}
    environment.filters["number"] = lambda block: numbers[id(block)]
    try:
        style = Markup((folder / _STYLE).read_text(encoding="utf-8"))  # noqa: S704 - ours
        mark = _tile(document.watermark)
        template = environment.get_template(_TEMPLATE)
        return template.render(document=document, style=style, watermark=mark, version=__version__)
    except jinja2.TemplateSyntaxError as error:
        raise ReportError(f"{folder / (error.name or _TEMPLATE)}, line {error.lineno}: {error.message}.") from error
    except (jinja2.UndefinedError, TypeError, ValueError, KeyError, AttributeError) as error:
        line = _template_line(error)
        raise ReportError(f"{folder / _TEMPLATE}, line {line}: {error}.") from error
    except (jinja2.TemplateNotFound, OSError) as error:
        raise ReportError(f"The template {folder / _TEMPLATE} or {_STYLE} cannot be read: {error}.") from error


def _tile(words: str) -> str:
    """Return one tile of a watermark for screens, in a colour that can be seen on light and on dark pages."""
    from markupsafe import escape

    return (
        '<svg xmlns="http://www.w3.org/2000/svg" width="420" height="300"><text x="210" y="150" '
        'transform="rotate(-28 210 150)" text-anchor="middle" font-family="sans-serif" font-size="26" '
        f'font-weight="bold" fill="#d2691e" fill-opacity="0.2">{escape(words)}</text></svg>'
    )


def _typeset(text: str) -> str:
    """Return escaped text with the symbols' subscripts set low and numbers tied to what they belong to."""
    text = _SYMBOL.sub(r"<i>\1</i><sub>\2</sub>", text)
    return text.replace(" %", "\u00a0%").replace(" = ", "\u00a0=\u00a0").replace(" × 10", "\u00a0×\u00a010")


def _template_line(error: BaseException) -> str:
    """Return the line of the template in which an error arose; Jinja maps its frames back to it."""
    found = "unknown"
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename.endswith(_TEMPLATE):
            found = str(trace.tb_lineno)
        trace = trace.tb_next
    return found


def _font_faces() -> str:
    """Return rules for fonts that come with Matplotlib, so that the PDF looks the same on a machine without fonts."""
    import matplotlib as mpl

    folder = Path(mpl.get_data_path()) / "fonts" / "ttf"
    faces = (
        ("Report Serif", "STIXGeneral.ttf", "normal", "normal"),
        ("Report Serif", "STIXGeneralBol.ttf", "bold", "normal"),
        ("Report Serif", "STIXGeneralItalic.ttf", "normal", "italic"),
        ("Report Sans", "DejaVuSans.ttf", "normal", "normal"),
        ("Report Sans", "DejaVuSans-Bold.ttf", "bold", "normal"),
        ("Report Mono", "DejaVuSansMono.ttf", "normal", "normal"),
    )
    return "".join(
        f'@font-face {{ font-family: "{family}"; src: url("{(folder / file).as_uri()}"); font-weight: {weight}; '
        f"font-style: {style}; }}\n"
        for family, file, weight, style in faces
        if (folder / file).is_file()
    )


def render_pdf(html: str, *, identifier: str) -> bytes:
    """Return a page as PDF; the same page and identifier give the same bytes on one installation.

    Parameters
    ----------
    html : str
        From :func:`render_html`, with embedded drawings.
    identifier : str
        Hexadecimal digits that become the PDF's identifier.
    """
    import weasyprint
    from weasyprint.text.fonts import FontConfiguration

    for name in ("weasyprint", "fontTools"):
        # CSS for screens that a printer does not know is no news to the user.
        logging.getLogger(name).setLevel(logging.ERROR)
    fonts = FontConfiguration()
    style = weasyprint.CSS(string=_font_faces(), font_config=fonts)
    page = weasyprint.HTML(string=html, base_url=None)
    made: bytes = page.write_pdf(stylesheets=[style], font_config=fonts, pdf_identifier=bytes.fromhex(identifier)[:16])
    return made


# ----------------------------------------------------------------------------------------------------- files


def canonical(value: Mapping[str, Any]) -> bytes:
    """Return JSON whose bytes follow from its content: sorted keys, indent 1, finite numbers, a newline at the end."""
    try:
        text = json.dumps(value, sort_keys=True, indent=1, allow_nan=False, ensure_ascii=False)
    except (ValueError, TypeError) as error:
        raise ReportError(f"Findings must be plain JSON with finite numbers: {error}.") from error
    return (text + "\n").encode("utf-8", errors="surrogatepass")


def _csv(table: Table) -> bytes:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([f"{column.key} ({column.unit})" if column.unit else column.key for column in table.columns])
    writer.writerows(["" if cell.value is None else cell.value for cell in row] for row in table.rows)
    return stream.getvalue().encode("utf-8")


def _svg_file(figure: Figure) -> bytes:
    return f'<?xml version="1.0" encoding="utf-8"?>\n{figure.svg}\n'.encode()


def _stamp(findings: Mapping[str, Any]) -> str:
    """Return the digest of all that decides a report: findings, templates, the code of this room, the version."""
    found = hashlib.sha256(__version__.encode())
    try:
        text = json.dumps(findings, sort_keys=True, separators=(",", ":"), allow_nan=False)
    except (ValueError, TypeError) as error:
        raise ReportError(f"Findings must be plain JSON with finite numbers: {error}.") from error
    found.update(text.encode("ascii"))
    for path in (*sorted(shipped("templates").glob("report.*")), *sorted(Path(__file__).parent.glob("*.py"))):
        found.update(hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()


def _held(folder: Path) -> dict[str, Any]:
    try:
        held = json.loads((folder / _STAMP).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    known = isinstance(held, dict) and isinstance(held.get("stamp"), str) and isinstance(held.get("files"), list)
    return held if known else {}


def _write_all(folder: Path, files: Mapping[str, bytes], *, old: Iterable[str], stamp: str) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        put(path, content)
    for name in set(old) - set(files):
        stale = folder / name
        # Only what an earlier report wrote here, and nothing outside.
        if stale.parent in {folder, folder / "tables", folder / "figures"}:
            stale.unlink(missing_ok=True)
    held = {"files": sorted(files), "stamp": stamp}
    put(folder / _STAMP, (json.dumps(held, indent=1) + "\n").encode("ascii"))
