"""A page as PDF, by WeasyPrint, with the fonts that come with Matplotlib, our drawings as vectors, and files attached.

WeasyPrint needs the Pango libraries of the system. Without them there is everything but the PDF, and one line says
which packages bring it.
"""

from __future__ import annotations

import base64
import hashlib
import logging
import re
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from bpbench.report.document import shown
from bpbench.report.operators import Drawn, UnknownDrawingError, drawn
from bpbench.report.templating import ReportError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PDF_PACKAGES: Final = "libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0"
#: Family, file, weight and style of the fonts a page may use.
FONTS: Final = (
    ("Report Serif", "STIXGeneral.ttf", "normal", "normal"),
    ("Report Serif", "STIXGeneralBol.ttf", "bold", "normal"),
    ("Report Serif", "STIXGeneralItalic.ttf", "normal", "italic"),
    ("Report Sans", "DejaVuSans.ttf", "normal", "normal"),
    ("Report Sans", "DejaVuSans-Bold.ttf", "bold", "normal"),
    ("Report Mono", "DejaVuSansMono.ttf", "normal", "normal"),
)
#: Attached files have to have dates; ours is the first that a PDF can write without a time zone's doubt.
_NO_DATE: Final = datetime(1980, 1, 1, tzinfo=UTC)
_NO_FILES: Final[Mapping[str, bytes]] = MappingProxyType({})
_BETWEEN_TAGS: Final = re.compile(r">[^<]+")
_DRAWING: Final = re.compile(r'(?<=src=")data:image/svg\+xml;base64,([A-Za-z0-9+/=]+)(?=")')


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


def font_files() -> dict[str, Path]:
    """Return the files of :data:`FONTS` by name: those that come with Matplotlib."""
    import matplotlib as mpl

    folder = Path(mpl.get_data_path()) / "fonts" / "ttf"
    return {file: folder / file for _, file, _, _ in FONTS if (folder / file).is_file()}


def _font_faces() -> str:
    """Return rules for the fonts, so that the PDF looks the same on a machine without any."""
    files = font_files()
    return "".join(
        f'@font-face {{ font-family: "{family}"; src: url("{files[file].as_uri()}"); font-weight: {weight}; '
        f"font-style: {style}; }}\n"
        for family, file, weight, style in FONTS
        if file in files
    )


@lru_cache(maxsize=1)
def letters() -> frozenset[str]:
    """Return all characters that one of the fonts has."""
    from matplotlib.ft2font import FT2Font

    return frozenset(chr(code) for file in font_files().values() for code in FT2Font(str(file)).get_charmap())


def _foreign(html: str) -> str:
    """Return a page whose letters that our fonts lack ask for any font of the machine.

    Without one they become the box of the font without serifs; the other one has none, and they would be lost.
    """
    lacking = set(html) - letters() - set(" \t\n\r")
    if not lacking:
        return html
    head, body, rest = html.partition("<body")
    strange = re.compile(f"[{re.escape(''.join(sorted(lacking)))}]+")
    mark = r'<span style="font-family: sans-serif, &quot;Report Sans&quot;">\g<0></span>'
    return head + body + _BETWEEN_TAGS.sub(lambda text: strange.sub(mark, text[0]), rest)


class _Picture:
    """A drawing as WeasyPrint asks for one: what it measures, and how it gets onto a page."""

    def __init__(self, drawing: Drawn) -> None:
        self._drawing = drawing

    def get_intrinsic_size(self, _resolution: Any, font_size: float) -> tuple[float, float, float]:
        unit = {"pt": 4 / 3, "em": font_size}
        width, height = (number * unit[name] for number, name in self._drawing.size)
        return width, height, self._drawing.box[2] / self._drawing.box[3]

    def draw(self, stream: Any, width: float, height: float, _style: Any) -> None:
        import pydyf

        left, top, wide, high = self._drawing.box
        group = stream.add_group(left, top, wide, high)
        # Without transparency of its own to mix, a form is drawn like the page itself.
        group.extra.pop("Group", None)
        states = group.extra["Resources"]["ExtGState"]
        for opacity in sorted(self._drawing.opacities):
            states[f"f{opacity}"] = pydyf.Dictionary({"ca": opacity})
            states[f"s{opacity}"] = pydyf.Dictionary({"CA": opacity})
        group.stream.append(self._drawing.operators)
        scale = width / wide, height / high
        stream.transform(a=scale[0], d=scale[1], e=-left * scale[0], f=-top * scale[1])
        stream.draw_x_object(group.id)


def _pictures(html: str) -> dict[str, _Picture]:
    """Return the drawings of a page by their addresses, but for those that WeasyPrint has to draw by itself."""
    found = {}
    for match in _DRAWING.finditer(html):
        try:
            found[match[0]] = _Picture(drawn(base64.b64decode(match[1]).decode("utf-8")))
        except UnknownDrawingError:
            continue
    return found


def render_pdf(html: str, *, identifier: str, attachments: Mapping[str, bytes] = _NO_FILES) -> bytes:
    """Return a page as PDF; the same page, identifier and files give the same bytes on one installation.

    Parameters
    ----------
    html : str
        From :func:`render_html`, with embedded drawings.
    identifier : str
        Hexadecimal digits that become the PDF's identifier.
    attachments : dict of str to bytes
        Files to go with it, by their paths in the report's folder; within the PDF a name has no folders, since readers
        that write it out would have to make them.

    Raises
    ------
    ReportError
        When the page asks for something that it does not hold itself; nothing outside is looked at.
    """
    import weasyprint
    from weasyprint.text.fonts import FontConfiguration

    fetcher = _fetcher()
    for name in ("weasyprint", "fontTools"):
        # CSS for screens that a printer does not know is no news to the user.
        logging.getLogger(name).setLevel(logging.ERROR)
    fonts = FontConfiguration()
    style = weasyprint.CSS(string=_font_faces(), font_config=fonts, url_fetcher=fetcher)
    page = weasyprint.HTML(string=_foreign(html), base_url=None, url_fetcher=fetcher)
    files = [
        weasyprint.Attachment(
            string=content, name=path.replace("/", "-"), description=path, created=_NO_DATE, modified=_NO_DATE
        )
        for path, content in sorted(attachments.items(), key=lambda item: item[0].replace("/", "-"))
    ]
    made: bytes = page.write_pdf(
        stylesheets=[style],
        font_config=fonts,
        cache=_pictures(html),
        pdf_identifier=bytes.fromhex(identifier)[:16],
        attachments=files,
    )
    _refuse(fetcher.refused)
    return made


def _fetcher() -> Any:
    """Return what WeasyPrint asks for everything that a page names: it gives what the page itself holds, and our fonts.

    Whatever else a template of one's own, or a name that found a way into the page, asks for - a server, or a file of
    this machine - is not looked at, and is listed in ``refused``.
    """
    from weasyprint.urls import URLFetcher

    ours = frozenset(path.as_uri() for path in font_files().values())

    class Fetcher(URLFetcher):  # type: ignore[misc]  # a library without types
        def __init__(self) -> None:
            super().__init__(allowed_protocols=("data", "file"), allow_redirects=False)
            self.refused: list[str] = []

        def fetch(self, url: str, headers: Any = None) -> Any:
            if not url.lower().startswith("data:") and url not in ours:
                self.refused.append(url)
                raise ValueError("a report is printed without network and files")
            return super().fetch(url, headers)

    return Fetcher()


def _refuse(asked: Sequence[str]) -> None:
    """Refuse a page that asked for something outside, which would be missing in it.

    Raises
    ------
    ReportError
        With the first of it.
    """
    if asked:
        raise ReportError(
            f"The page asks for {shown(asked[0])[:200]}, and a report is printed without network and without files of "
            "this machine; put it into the template itself, as a data: address."
        )


_SIZE: Final = re.compile(r'<svg\b[^>]*?\bwidth="([\d.]+)pt"[^>]*?\bheight="([\d.]+)pt"', re.DOTALL)
_TITLE: Final = re.compile(r"<title>.*?</title>", re.DOTALL)


def figure_pdf(svg: str) -> bytes:
    """Return a drawing as a PDF of one page of just its size; the same drawing gives the same bytes.

    Parameters
    ----------
    svg : str
        One ``<svg>`` element of :mod:`bpbench.report.canvas`, its size in points.

    Raises
    ------
    ValueError
        If it does not say its size.
    ReportError
        If it asks for something outside.
    """
    import weasyprint

    size = _SIZE.search(svg)
    if size is None:
        raise ValueError("Expected a drawing that begins with its width and height in points.")
    width, height = size.groups()
    code = base64.b64encode(_TITLE.sub("", svg).encode("utf-8")).decode("ascii")
    look = (
        f"@page {{ size: {width}pt {height}pt; margin: 0 }} body {{ margin: 0 }} img {{ display: block; width: 100% }}"
    )
    page = f'<title></title><style>{look}</style><img alt="" src="data:image/svg+xml;base64,{code}">'
    identifier = hashlib.sha256(svg.encode("utf-8")).digest()[:16]
    # Of a version that every pdfTeX takes in without a warning.
    fetcher = _fetcher()
    drawing = weasyprint.HTML(string=page, url_fetcher=fetcher)
    made: bytes = drawing.write_pdf(pdf_identifier=identifier, pdf_version="1.5")
    _refuse(fetcher.refused)
    return made
