"""``bpbench check``: whether to adopt a candidate in the incumbent's place."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bpbench import cli_engine, cli_opened

if TYPE_CHECKING:
    from bpbench.protocol import Protocol
    from bpbench.runner.store import Store

_EPILOG: Final = (
    "Exit codes: 0 adopt, 1 keep the incumbent, 4 undecided, 3 some repeats failed and nothing was decided. Every look "
    "at new evidence against one incumbent is judged at its part of alpha; the same question about the same evidence "
    "spends nothing."
)
#: Exit code of each answer.
CODES: Final = {"adopt": 0, "keep": 1, "undecided": 4}


def options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the verb that are its own."""
    add = parser.add_argument
    parser.epilog = _EPILOG
    add("--candidate", metavar="NAME", required=True, help="contestant that may be adopted")
    add("--incumbent", metavar="NAME", required=True, help="contestant whose place it would take")
    add("--rule", metavar="RULE", help="superior, non-inferior or cheaper-and-equivalent (default: the protocol's)")
    add(
        "--margin",
        metavar="M",
        help="largest loss that does not matter: 0.1, 5%% or '0.3 d_z' (default: the protocol's)",
    )
    add("--history", metavar="FILE", help="where decisions are kept (default .bpbench/history.sqlite)")
    add("--markdown", metavar="FILE", help="write the answer as Markdown, for a pull request; - prints it")


def check(asked: argparse.Namespace, protocol: Protocol, store: Store) -> tuple[dict[str, Any], int]:
    """Decide, and return the decision with the exit code.

    Parameters
    ----------
    asked : argparse.Namespace
        Of :func:`options`, and those of :mod:`bpbench.cli_engine`.
    protocol : Protocol
        The study.
    store : Store
        Where results are and go.
    """
    from bpbench import adoption
    from bpbench.history import History, default_history
    from bpbench.study import prepare

    wanted = adoption.Asked(asked.candidate, asked.incumbent, asked.rule, asked.margin)
    prepared = prepare(protocol, store, allow_commands=asked.allow_commands)
    adoption.require(prepared, wanted)
    with History(Path(asked.history or default_history())) as history, cli_opened.watching(prepared, store) as watcher:
        engine = cli_engine.engine(asked)
        with cli_engine.stopped():
            told = adoption.check(prepared, wanted, store, history, engine=engine, watcher=watcher)
    return told, CODES[told["answer"]]
