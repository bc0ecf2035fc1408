"""A page as PDF, by WeasyPrint, with the fonts that come with Matplotlib.

WeasyPrint needs the Pango libraries of the system. Without them there is everything but the PDF, and one line says
which packages bring it.
"""

from __future__ import annotations

import base64
import hashlib
import logging
import re
from pathlib import Path
from typing import Final

PDF_PACKAGES: Final = "libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0"


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
    made: bytes = weasyprint.HTML(string=page).write_pdf(pdf_identifier=identifier, pdf_version="1.5")
    return made
