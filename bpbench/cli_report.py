"""``bpbench report``: a report rendered again from its findings, and how reports look."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from bpbench.errors import RequestError


def options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the verb that are its own."""
    parser.add_argument("findings", help="a findings.json, or the folder that holds it")
    parser.add_argument("--archive", action="store_true", help="pack the report and all it rests on into one file")


def add_look(parser: argparse.ArgumentParser) -> None:
    """Add the options of how a report looks; what is not said is as the protocol has it."""
    parser.add_argument(
        "--formats",
        metavar="A,B",
        type=_formats,
        help="of html, pdf and latex (default: the protocol's, else html,pdf)",
    )
    parser.add_argument(
        "--language", choices=("en", "fr"), help="that the report speaks (default: the protocol's, else en)"
    )
    parser.add_argument(
        "--templates", metavar="DIR", type=Path, help="templates and catalogues that override ours file by file"
    )


def _formats(text: str) -> tuple[str, ...]:
    formats = tuple(each.strip() for each in text.split(","))
    if unknown := [each for each in formats if each not in {"html", "pdf", "latex"}]:
        raise argparse.ArgumentTypeError(
            f"expected some of html, pdf and latex, parted by commas, found '{unknown[0]}'"
        )
    return formats


def report(asked: argparse.Namespace) -> tuple[dict[str, Any], list[str], str | None]:
    """Render a report again and return what to tell, as plain JSON and in lines, and a note.

    Parameters
    ----------
    asked : argparse.Namespace
        Of :func:`options` and :func:`add_look`.

    Raises
    ------
    RequestError
        When what is named is no report.
    """
    from bpbench.report import render
    from bpbench.report.archive import archive

    path = Path(asked.findings)
    if not path.is_dir() and path.name != "findings.json":
        raise RequestError(f"Expected the folder of a report or its findings.json, found {path}.")
    folder = path if path.is_dir() else path.parent
    written = render.rerender(folder, formats=asked.formats, language=asked.language, templates=asked.templates)
    packed = archive(folder) if asked.archive else None
    told = {**written.told(), "archive": packed and str(packed), "rendered": written.rendered}
    lines = [f"Report: {written.html}" + ("" if written.rendered else " (unchanged)"), *written.others()]
    return told, [*lines, *([f"Archive: {packed}"] if packed else [])], written.note
