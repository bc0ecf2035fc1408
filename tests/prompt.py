"""The command line asked within this process: its code and its words, without the seconds that a start takes."""

from __future__ import annotations

from contextlib import chdir, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

from bpbench import cli


def within(folder: Path, *arguments: str) -> tuple[int, str, str]:
    """Ask the command line in a folder; return exit code, stdout and stderr."""
    out, err = StringIO(), StringIO()
    with chdir(folder), redirect_stdout(out), redirect_stderr(err):
        try:
            code = cli.main(arguments)
        except SystemExit as left:  # as the reader of options ends
            code = left.code if isinstance(left.code, int) else -1
    return code, out.getvalue(), err.getvalue()
