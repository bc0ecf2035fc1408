"""Verbs and exit codes of the command line; every verb hands over to a room and prints what comes back.

Exit codes: 0 done (``check``: adopt); 1 a rule's error rate left its bound (``doctor --calibrate``), keep the incumbent
(``check``), a regression (``track gate``); 2 the request is wrong and nothing was started; 3 some jobs failed, what
succeeded is kept and reported; 4 undecided (``check``); 70 a fault of ours; 130 interrupted, run again to go on. With
``--json`` stdout holds one JSON document and everything else goes to stderr.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import gc
import io
import os
import shlex
import signal
import sys
import tempfile
import threading
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import Any, TextIO

from bpbench import (
    __version__,
    cli_calibrate,
    cli_check,
    cli_compare,
    cli_data,
    cli_describe,
    cli_doctor,
    cli_engine,
    cli_export,
    cli_opened,
    cli_report,
    cli_run,
    cli_store,
    cli_track,
)
from bpbench.cli_opened import DONE, INCOMPLETE, INTERRUPTED, OURS, OUTSIDE, WRONG
from bpbench.errors import BpbenchError, EngineError, bracketed
from bpbench.report.document import shown


def console() -> int:
    """Run the command line as a process of its own, which ends right after.

    Python looks for garbage once more when it ends, a second's work among all that a report has drawn; what is frozen
    it leaves to the operating system.
    """
    gc.set_threshold(20_000, 10, 10)  # a hundred thousand jobs are no garbage, and need not be looked through as often
    code = main()
    gc.freeze()
    return code


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    with contextlib.redirect_stderr(_Said(sys.stderr)), contextlib.redirect_stdout(_Shown(sys.stdout)):
        code = _answered(sys.argv[1:] if arguments is None else list(arguments))
        sys.stdout.flush()  # what nobody reads is let go here, and not complained of at the end of Python
        sys.stderr.flush()
    return code


def _answered(words: list[str]) -> int:
    options = _parser().parse_args(cli_compare.joined(words))
    options.command = shlex.join(["bpbench", *words])
    _hear_the_end()
    try:
        code: int = options.verb(options)
    except KeyboardInterrupt:
        cli_opened.say("Interrupted. What is done is stored; the same command goes on from there.")
        return INTERRUPTED
    except BpbenchError as error:
        _say_why(options, str(error))
        return INCOMPLETE if isinstance(error, EngineError) else WRONG
    except Exception as error:  # noqa: BLE001 - the last line of defence names the place of the traceback
        if _wants_memory(error):
            no_more = f"This process got no more memory{bracketed(error)}."
            _say_why(options, f"{no_more} What was stored is kept; try it where more is free.")
            return INCOMPLETE
        with tempfile.NamedTemporaryFile("w", prefix="bpbench-", suffix=".txt", delete=False, encoding="utf-8") as file:
            file.write(f"bpbench {__version__}: {shlex.join(sys.argv)}\n{traceback.format_exc()}")
        last = traceback.format_exc().strip().splitlines()[-1]
        cli_opened.say(f"bpbench: this is a fault of ours ({last}). The traceback is in {file.name}; please report it.")
        return OURS
    return code


def _say_why(options: argparse.Namespace, why: str) -> None:
    """Say why there is no answer, and in the document where one was asked for."""
    if options.json:
        cli_opened.print_json({"error": why})
    cli_opened.say(f"bpbench: {why}")


def _wants_memory(error: Exception) -> bool:
    """Return whether something failed as the system gave no more memory; libraries that cannot be loaded among it."""
    if isinstance(error, ImportError):
        return "failed to map segment" in str(error) or "Cannot allocate memory" in str(error)
    return isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM)


def _hear_the_end() -> None:
    """Have SIGTERM, which batch systems send at the end of a job's time, end this process as Ctrl-C does."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, _interrupt)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bpbench",
        description="Repeated, paired and judged comparisons of Behler-Parrinello symmetry functions.",
        epilog="Exit codes: 0 done or adopt, 1 keep, regression or an error rate outside its bound, 2 wrong request, "
        "3 some jobs failed, 4 undecided, 70 our fault, 130 interrupted.",
    )
    parser.add_argument("--version", action="version", version=f"bpbench {__version__}")
    verbs = parser.add_subparsers(required=True, metavar="VERB")

    def verb(within: Any, name: str, function: Any, text: str) -> argparse.ArgumentParser:
        made: argparse.ArgumentParser = within.add_parser(name, help=text, description=text)
        made.add_argument("--json", action="store_true", help="one JSON document on stdout, everything else on stderr")
        made.set_defaults(verb=function)
        return made

    run = verb(verbs, "run", cli_run.run, "Run what a protocol declares, judge it and write the report.")
    plan = verb(verbs, "plan", cli_run.plan, "Say what is stored, what is new, what it costs and what it could show.")
    validate = verb(verbs, "validate", cli_run.validate, "Check protocol files without reading their data.")
    report = verb(verbs, "report", _report, "Render a report again from its findings.json.")
    data = verbs.add_parser("data", help="Make the embedded sample, audit a file of frames, look after the store.")
    parts = data.add_subparsers(required=True, metavar="VERB")
    make = verb(parts, "make", _data_make, "Generate an aluminium sample (EMT, Langevin dynamics).")
    inspect = verb(parts, "inspect", _data_inspect, "Audit a file of frames before training on it.")
    cli_store.verbs(parts, verb, _look_after)
    described = verb(verbs, "describe", _describe, "Compute symmetry functions, or compare a table of them with ours.")
    compared = verb(verbs, "compare", _compare, "Judge scores of repeated runs that any tool made.")
    checked = verb(verbs, "check", _check, "Decide whether to adopt a candidate in the incumbent's place.")
    tracked = verbs.add_parser("track", help="Record studies over time; see what got worse.")
    cli_track.verbs(
        tracked.add_subparsers(required=True, metavar="VERB"), verb, _track, cli_opened.count, cli_opened.cores
    )
    exported = verb(verbs, "export", _export, "Write a trained potential as files for n2p2 and LAMMPS.")
    doctor = verb(verbs, "doctor", _doctor, "Say what this installation has and what it lacks.")
    verb(verbs, "schema", _schema, "Print the JSON schema of protocol files, for editors.")

    name = "a YAML file, or the name of a shipped protocol such as 57vars"
    for each in (run, plan, checked, exported):
        each.add_argument("protocol", help=name)
    validate.add_argument("protocol", nargs="+", help=name)
    for each in (run, plan, validate, exported):
        each.add_argument("--quick", action="store_true", help="the protocol with its quick block; gives no verdict")
    for each in (run, plan, checked, exported):
        each.add_argument("--data", metavar="FILE", help="use these frames instead of the protocol's data")
        each.add_argument("--store", metavar="DIR", help="where results are kept (default .bpbench/store)")
    for each in (run, plan, checked):
        cli_engine.options(each, cli_opened.cores, cli_opened.count)
        cli_track.add_allowance(each)
    for each in (run, plan):
        each.add_argument("--reports", metavar="DIR", default="reports", help="where reports go (default reports)")
    cli_engine.add_limit(run)
    cli_report.options(report)
    cli_data.options(make, inspect, cli_opened.cores, cli_opened.count)
    cli_describe.options(described, cli_opened.cores, cli_opened.count)
    cli_calibrate.options(doctor, cli_opened.count)
    cli_doctor.options(doctor, cli_opened.cores)
    cli_compare.options(compared)
    for each in (run, report, compared):
        cli_report.add_look(each)
    cli_check.options(checked)
    cli_export.options(exported)
    return parser


class _Said(io.TextIOBase):
    """A stream of this process that goes on when nobody reads it any more, as after ``| head``.

    What a verb does and its exit code do not depend on who reads to the end.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with self._whoever_reads():
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with self._whoever_reads():
            self._stream.flush()

    def isatty(self) -> bool:
        return self._stream.isatty()

    def fileno(self) -> int:
        return self._stream.fileno()

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._stream.encoding

    @contextlib.contextmanager
    def _whoever_reads(self) -> Iterator[None]:
        try:
            yield
        except BrokenPipeError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)


class _Shown(_Said):
    """Standard output, where names from files are text and no orders to the terminal."""

    def write(self, text: str) -> int:
        return super().write(shown(text))


def _schema(options: argparse.Namespace) -> int:  # noqa: ARG001 - one signature for all verbs
    from bpbench.protocol import schema

    cli_opened.print_json(schema())
    return DONE


def _report(options: argparse.Namespace) -> int:
    told, lines, note = cli_report.report(options)
    cli_opened.give(options, told, lines)
    if note:
        cli_opened.say(note)
    return DONE


# ------------------------------------------------------------------------------------------------------------ data


def _data_make(options: argparse.Namespace) -> int:
    told, lines = cli_data.make(options, cli_opened.say)
    cli_opened.give(options, told, lines)
    return DONE


def _data_inspect(options: argparse.Namespace) -> int:
    told, lines = cli_data.inspect(options, cli_opened.cores)
    cli_opened.give(options, told, lines)
    return DONE


def _look_after(options: argparse.Namespace) -> int:
    told, lines, sound = cli_store.look_after(options, cli_opened.store(options))
    cli_opened.give(options, told, lines)
    return DONE if sound else INCOMPLETE


def _describe(options: argparse.Namespace) -> int:
    try:
        told, lines = cli_describe.describe(options, cli_opened.say)
    except KeyboardInterrupt:
        cli_opened.say("Interrupted. Nothing was written.")
        return INTERRUPTED
    cli_opened.give(options, told, lines)
    return DONE


def _compare(options: argparse.Namespace) -> int:
    told, lines, note = cli_compare.compare(options, cli_opened.writable)
    cli_opened.give(options, told, lines)
    if note:
        cli_opened.say(note)
    return DONE


def _check(options: argparse.Namespace) -> int:
    from bpbench.adoption import UnfinishedError
    from bpbench.report import adopted

    protocol, store = cli_opened.protocol(options), cli_opened.store(options)
    cli_opened.readable(store.root)
    try:
        told, code = cli_check.check(options, protocol, store)
    except UnfinishedError as error:
        _say_why(options, str(error))
        return INCOMPLETE
    if options.markdown not in {None, "-"}:
        cli_track.write(Path(options.markdown), adopted.markdown(told, command=options.command), "--markdown")
    if options.json:
        cli_opened.print_json(told)
    else:
        short = "\n".join(adopted.lines(told))
        print(adopted.markdown(told, command=options.command).rstrip() if options.markdown == "-" else short)
    return code


def _export(options: argparse.Namespace) -> int:
    cli_export.require_protocol(options)
    told, lines = cli_export.export(options, cli_opened.protocol(options), cli_opened.store(options))
    cli_opened.give(options, told, lines)
    return DONE


def _track(options: argparse.Namespace) -> int:
    told, lines, code = cli_track.track(options)
    cli_opened.give(options, told, lines)
    return code


def _calibrate(options: argparse.Namespace) -> int:
    from bpbench.report import calibrated

    try:
        told = cli_calibrate.calibrate(options, cli_opened.cores, cli_opened.say)
    except KeyboardInterrupt:
        cli_opened.say("Interrupted. Nothing of a calibration is kept.")
        return INTERRUPTED
    cli_opened.give(options, told, calibrated.lines(told))
    return DONE if told["within"] else OUTSIDE


def _doctor(options: argparse.Namespace) -> int:
    cli_doctor.refuse_alone(options)
    if options.calibrate:
        return _calibrate(options)
    cli_calibrate.refuse_alone(options)
    told, lines = cli_doctor.doctor()
    if options.scheduler is not None or options.cluster is not None:
        tried, more = cli_doctor.engine(cli_engine.engine(options), options.store, cli_opened.say)
        told["checks"]["engine"], lines = tried, [*lines, *more]
    cli_opened.give(options, told, lines)
    return DONE if told["checks"].get("engine", {"ok": True})["ok"] else INCOMPLETE


if __name__ == "__main__":
    sys.exit(main())
