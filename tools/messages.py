"""Keep the catalogues of messages up to date: ``python tools/messages.py`` after words of a report were changed.

Reads every message of the package (``tell``, ``tell_as``, ``tell_n``, ``marked``, ``count``, ``noun``), and writes each
``templates/LANGUAGE.po`` anew with its translations kept, obsolete ones dropped, and what is missing left empty.
With ``--check`` it writes nothing and fails where a catalogue is not whole.
"""

from __future__ import annotations

import argparse
import ast
import io
import string
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from babel.messages import Catalog
from babel.messages.pofile import read_po, write_po

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
#: Modules of the room of reports that write for a terminal, a pull request or a page of trends, in English.
ENGLISH = {
    "adopted",
    "calibrated",
    "comment",
    "kept",
    "outlay",
    "plans",
    "terminal",
    "tracked",
    "trends",
    "trends_draw",
}


def messages(path: Path) -> Iterator[tuple[int, str, str | tuple[str, str]]]:
    """Iterate over line, context and message (or its two forms) of a source file.

    Raises
    ------
    SystemExit
        For a message that is no plain text, such as an f-string.
    """
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            continue
        given = [part.value if isinstance(part, ast.Constant) else None for part in node.args]
        match node.func.id, given:
            case (("tell" | "marked"), [str(message), *_]):
                yield node.lineno, "", message
            case "tell_as", [str(context), str(message), *_]:
                yield node.lineno, context, message
            case "tell_n", [str(one), str(many), *_]:
                yield node.lineno, "", (one, many)
            case "count", [_, str(one), *rest]:
                yield node.lineno, "", (f"{{n}} {one}", f"{{n}} {rest[0] if rest else one + 's'}")
            case "noun", [str(one), *rest]:
                yield node.lineno, "", (f"{{n}} {one}", f"{{n}} {rest[0] if rest else one + 's'}")
            case (("tell" | "tell_as" | "tell_n" | "marked" | "noun"), _) if _is_made(node.args[0], path):
                sys.exit(f"{path}:{node.lineno}: a message is plain text with {{fields}}, not an f-string.")


def _is_made(first: ast.expr, path: Path) -> bool:
    return isinstance(first, ast.JoinedStr) and path.name != "numerals.py"  # which has the counted nouns' own pattern


def template() -> Catalog:
    """Return the catalogue of all English messages."""
    found = Catalog(project="bpbench", charset="utf-8")
    for path in sorted((ROOT / "bpbench" / "report").glob("*.py")):
        if path.stem in ENGLISH:
            continue
        for _, context, message in messages(path):
            found.add(message, context=context or None, locations=[(path.relative_to(ROOT).as_posix(), 0)])
    return found


def fields(text: str) -> set[str]:
    """Return the names of a message's fields."""
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def faults(catalog: Catalog) -> list[str]:
    """Return what is wrong with the translations of a catalogue, one line each."""
    found = []
    for message in catalog:
        if not message.id:
            continue
        ids = message.id if isinstance(message.id, tuple | list) else (message.id,)
        forms = message.string if isinstance(message.string, tuple | list) else (message.string,)
        if not all(forms) or message.fuzzy:
            found.append(f"not translated: {ids[0]!r}")
            continue
        known = set().union(*map(fields, ids))
        wrong = [form for form in forms if not fields(form) <= known or (len(ids) == 1 and fields(form) != known)]
        found += [f"other fields than {sorted(known)}: {form!r}" for form in wrong]
    return found


def merged(path: Path, english: Catalog) -> Catalog:
    """Return the catalogue of a language with exactly the English messages."""
    with path.open("rb") as stream:
        known = read_po(stream)
    known.update(english, no_fuzzy_matching=True)
    known.obsolete.clear()
    return known


def written(catalog: Catalog) -> bytes:
    """Return a catalogue as a file that changes only where messages do."""
    stream = io.BytesIO()
    write_po(stream, catalog, width=120, sort_output=True)
    lines = stream.getvalue().decode().splitlines(keepends=True)
    dated = ("POT-Creation-Date", "PO-Revision-Date", "Report-Msgid", "Last-Translator", "Language-Team", "Generated")
    return "".join(line for line in lines if not line.startswith(tuple(f'"{name}' for name in dated))).encode()


def main() -> int:
    """Update or check every catalogue; return how many faults there are, 1 at most."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing")
    check = parser.parse_args().check
    english, failed = template(), False
    for path in sorted((ROOT / "templates").glob("*.po")):
        catalog = merged(path, english)
        told = faults(catalog)
        failed |= bool(told)
        sys.stdout.write("\n  ".join([f"{path.name}: {len(catalog)} messages, {len(told)} faults", *told]) + "\n")
        if not check:
            path.write_bytes(written(catalog))
    return int(check and failed)


if __name__ == "__main__":
    sys.exit(main())
