"""``bpbench export``: a stored training as files for other programs."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bpbench.errors import RequestError

if TYPE_CHECKING:
    from bpbench.protocol import Protocol
    from bpbench.runner.store import Store

#: Programs whose files can be written.
FORMATS: Final = ("n2p2",)


def options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the verb that are its own."""
    add = parser.add_argument
    add("folder", metavar="DIR", help="where to write: a new or empty folder, or one that was written here before")
    add("--variant", metavar="NAME", required=True, help="contestant to export")
    add(
        "--repeat",
        metavar="N",
        default="best-on-validation",
        help="number of its repeat, as the report counts them from 0 (default: best-on-validation)",
    )
    add(
        "--format",
        choices=FORMATS,
        default=FORMATS[0],
        help="n2p2: input.nn, scaling.data, weights.ZZZ.data, and an input for LAMMPS (default)",
    )


def require_protocol(asked: argparse.Namespace) -> None:
    """Refuse a report where the protocol is meant.

    Raises
    ------
    RequestError
        It says where weights are.
    """
    path = Path(asked.protocol)
    if path.name == "findings.json" or (path / "findings.json").is_file():
        raise RequestError(
            f"{path} is a report, which holds scores and no weights; name the protocol that was run: its trainings are "
            "in the store."
        )


def export(asked: argparse.Namespace, protocol: Protocol, store: Store) -> tuple[dict[str, Any], list[str]]:
    """Write the folder and return what to tell, as plain JSON and in lines.

    Parameters
    ----------
    asked : argparse.Namespace
        Of :func:`options`.
    protocol : Protocol
        The study.
    store : Store
        Where its results are.
    """
    from bpbench.exchange.export import export as write
    from bpbench.prepared import prepare
    from bpbench.report.numerals import count

    told = write(prepare(protocol, store), store, asked.variant, Path(asked.folder), repeat=asked.repeat)
    best = f", the best of {told['repeats']} on validation" if told["asked"] == "best-on-validation" else ""
    rmse = told["scores"]["test"]["rmse"]
    inputs = ", ".join(f"{count(number, 'function')} of {element}" for element, number in told["functions"].items())
    lines = [
        f"{told['folder']}: repeat {told['repeat']} of '{told['variant']}'{best}, for n2p2 and LAMMPS: {inputs}.",
        f"Test RMSE of this one repeat: {rmse:.4g} meV/atom. README.md says units, limits and how to check and use it.",
    ]
    if gone := [f"{len(names)} of {element}" for element, names in told["dropped"].items() if names]:
        lines.append(f"Left out, as constant over the training atoms: {', '.join(gone)}.")
    return told, lines
