"""Verbs and exit codes of the command line; every verb hands over to a room and prints what comes back.

Exit codes: 0 done (``check``: adopt); 1 a rule's error rate left its bound (``doctor --calibrate``), keep the incumbent
(``check``), a regression (``track gate``); 2 the request is wrong and nothing was started; 3 some jobs failed, what
succeeded is kept and reported; 4 undecided (``check``); 70 a fault of ours; 130 interrupted, run again to go on. With
``--json`` stdout holds one JSON document and everything else goes to stderr.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import gc
import io
import json
import os
import shlex
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

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
    cli_report,
    cli_store,
    cli_track,
)
from bpbench.errors import BpbenchError, DamagedError, EngineError, RequestError
from bpbench.report.document import shown

if TYPE_CHECKING:
    from bpbench.prepared import Prepared
    from bpbench.protocol import Protocol
    from bpbench.runner.engine import Engine
    from bpbench.runner.progress import Progress
    from bpbench.runner.store import Store
    from bpbench.study import Study

Made = TypeVar("Made")

DONE, OUTSIDE, WRONG, INCOMPLETE, OURS, INTERRUPTED = 0, 1, 2, 3, 70, 130


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
    words = sys.argv[1:] if arguments is None else list(arguments)
    options = _parser().parse_args(cli_compare.joined(words))
    options.command = shlex.join(["bpbench", *words])
    _hear_the_end()
    try:
        with contextlib.redirect_stdout(_Shown(sys.stdout)):
            code: int = options.verb(options)
    except KeyboardInterrupt:
        _say("Interrupted. What is done is stored; the same command goes on from there.")
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except BpbenchError as error:
        if options.json:
            _print_json({"error": str(error)})
        _say(f"bpbench: {error}")
        return INCOMPLETE if isinstance(error, EngineError) else WRONG
    except Exception:  # noqa: BLE001 - the last line of defence names the place of the traceback
        with tempfile.NamedTemporaryFile("w", prefix="bpbench-", suffix=".txt", delete=False, encoding="utf-8") as file:
            file.write(f"bpbench {__version__}: {shlex.join(sys.argv)}\n{traceback.format_exc()}")
        last = traceback.format_exc().strip().splitlines()[-1]
        _say(f"bpbench: this is a fault of ours ({last}). The traceback is in {file.name}; please report it.")
        return OURS
    return code


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

    run = verb(verbs, "run", _run, "Run what a protocol declares, judge it and write the report.")
    plan = verb(verbs, "plan", _plan, "Say what is stored, what is new, what it costs and what it could show.")
    validate = verb(verbs, "validate", _validate, "Check protocol files without reading their data.")
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
    cli_track.verbs(tracked.add_subparsers(required=True, metavar="VERB"), verb, _track, _count, _cores)
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
        cli_engine.options(each, _cores, _count)
        cli_track.add_allowance(each)
    for each in (run, plan):
        each.add_argument("--reports", metavar="DIR", default="reports", help="where reports go (default reports)")
    cli_engine.add_limit(run)
    cli_report.options(report)
    cli_data.options(make, inspect, _cores, _count)
    cli_describe.options(described, _cores, _count)
    cli_calibrate.options(doctor, _count)
    cli_doctor.options(doctor, _cores)
    cli_compare.options(compared)
    for each in (run, report, compared):
        cli_report.add_look(each)
    cli_check.options(checked)
    cli_export.options(exported)
    return parser


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number of 1 or more, found '{text}'")
    return int(text)


def _cores() -> int:
    from bpbench.runner.machine import cores

    return cores()


class _Shown(io.TextIOBase):
    """Standard output, where names from files are text and no orders to the terminal."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        return self._stream.write(shown(text))

    def flush(self) -> None:
        self._stream.flush()

    def isatty(self) -> bool:
        return self._stream.isatty()


def _say(text: str) -> None:
    print(shown(text), file=sys.stderr)


def _print_json(value: Any) -> None:
    print(json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False))


# ------------------------------------------------------------------------------------------------------- protocols


def _protocol(options: argparse.Namespace) -> Protocol:
    from bpbench.protocol import FileData, TableData, load, locate

    protocol = load(locate(options.protocol), quick=getattr(options, "quick", False))
    if getattr(options, "data", None):
        file = Path(options.data)
        if not file.is_file():
            what = "is a folder" if file.is_dir() else "does not exist"
            raise RequestError(f"--data: expected a file of frames, {file} {what}.")
        # The labels that the protocol names go on to count; only the file is another.
        given = protocol.data if isinstance(protocol.data, FileData | TableData) else FileData("file", "")
        protocol = dataclasses.replace(
            protocol,
            data=dataclasses.replace(given, path=str(file.absolute())),
            origin=dataclasses.replace(protocol.origin, data_option=str(file)),
        )
    return protocol


def _writable(folder: Path, option: str) -> Path:
    """Make a folder before anything runs, so that no result is computed that could not be kept."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        why = error.strerror
        raise RequestError(f"{option}: {folder} cannot be made ({why}); name a folder you may write.") from None
    if not os.access(folder, os.W_OK):
        raise RequestError(f"{option}: {folder} is not writable; name a folder you may write.")
    return folder


def _readable(folder: Path) -> None:
    """Make the folder of a store; one that is there may be one that can only be read, until something is missing."""
    if not folder.is_dir():
        _writable(folder, "--store")


def _store(options: argparse.Namespace) -> Store:
    from bpbench.runner.execute import default_store
    from bpbench.runner.store import Store

    return Store(options.store or default_store())


def _watching(prepared: Prepared, store: Store) -> Progress:
    """Return the display of what a study is about to do."""
    from bpbench.runner import cost
    from bpbench.runner.progress import Progress

    stored = store.present(prepared.jobs)
    return Progress(
        cost.estimator((job for job in prepared.jobs if job in stored), prepared.frames, store),
        growing=not prepared.explored.complete,
    )


def _despite_damage(make: Callable[[], Made], prepared: Prepared, store: Store) -> Made:
    """Return what is made of stored results; what turns out damaged is told and moved aside, and that begins anew."""
    from bpbench import study
    from bpbench.runner.execute import REMADE

    met: Counter[str] = Counter()
    for flaw in store.flaws:
        _say(str(flaw))
    while True:
        try:
            return make()
        except DamagedError as error:
            _say(str(error))
            met[error.address] += 1
            if met[error.address] > REMADE:
                raise
            for other in study.damaged(prepared, store):  # where one is there may be more, and all are found at once
                _say(str(other))


def _found(prepared: Prepared, store: Store, engine: Engine) -> tuple[Study, dict[str, Any]]:
    """Conduct a study and say what it found."""
    from bpbench import study
    from bpbench.findings import findings

    with _watching(prepared, store) as progress:
        conducted = study.conduct(prepared, store, engine=engine, watcher=progress)
    return conducted, findings(conducted)


def _say_if_short_of_room(prepared: Prepared, store: Store) -> None:
    """Say before anything starts that the store has no room for what would come into it."""
    from bpbench.outlay import room_for
    from bpbench.report.outlay import too_little_room

    if (short := too_little_room(room_for(prepared, store))) is not None:
        _say(short)


def _run(options: argparse.Namespace) -> int:
    from bpbench import study
    from bpbench.environment import environment
    from bpbench.report import render
    from bpbench.report.answer import answer
    from bpbench.report.templating import ReportError, folders

    folders(options.templates)  # that are missing are better missed now than after hours of training
    start, engine = time.monotonic(), cli_engine.engine(options)
    protocol, store = _protocol(options), _store(options)
    prepared = study.prepare(protocol, store, allow_commands=options.allow_commands)
    study.require_allowed(prepared, store)
    _readable(store.root)
    folder = _writable(Path(options.reports) / prepared.folder, "--reports")
    _say_if_short_of_room(prepared, store)
    with cli_engine.stopped():
        conducted, found = _despite_damage(lambda: _found(prepared, store, engine), prepared, store)
    beside = environment(conducted, store, command=options.command, wall_s=time.monotonic() - start)
    try:
        written = render.write_report(
            found,
            beside,
            folder,
            formats=options.formats or protocol.report.formats,
            language=options.language or protocol.report.language,
            templates=options.templates,
        )
    except ReportError as error:
        if not isinstance(error.__cause__, OSError):  # a full disk and the like, not a template with a mistake
            raise
        raise EngineError(f"{error} What was trained is stored; the same command writes the report.") from None
    if options.json:
        _print_json({"findings": found, **written.told()})
    else:
        print("\n".join(answer(found)))
        print(f"\nReport: {written.html}" + ("" if written.rendered else " (unchanged)"))
        for line in written.others():
            print(line)
    if written.note:
        _say(written.note)
    if left := len(conducted.executed.left):
        jobs = "1 job was" if left == 1 else f"{left} jobs were"
        _say(f"{jobs} not started, as the time was up; the same command goes on from there.")
    if not conducted.complete:
        gone = found["jobs"]["total"] - found["jobs"]["done"]
        what = "trainings have no score" if protocol.measure is None else "measurements failed"
        _say(f"{gone} of {found['jobs']['total']} {what}; the report says which and why.")
        return INCOMPLETE
    if conducted.unanswered:
        _say(f"{conducted.unanswered} of {len(conducted.probed)} questions of the probe failed; the report says why.")
        return INCOMPLETE
    return DONE


def _plan(options: argparse.Namespace) -> int:
    from bpbench import planning, study
    from bpbench.report import plans
    from bpbench.runner.staff import processes

    engine, store = cli_engine.engine(options), _store(options)
    engine = dataclasses.replace(engine, workers=processes(engine))
    prepared = study.prepare(_protocol(options), store, allow_commands=options.allow_commands)
    planned = _despite_damage(lambda: planning.plan(prepared, store, engine), prepared, store)
    planned["report"] = str(Path(options.reports) / prepared.folder)
    if options.json:
        _print_json(planned)
    else:
        print("\n".join(plans.plan(planned)))
    return DONE


def _validate(options: argparse.Namespace) -> int:
    told: list[dict[str, Any]] = []
    wrong: list[str] = []
    for name in options.protocol:
        try:
            checked, lines = _validated(_protocol(argparse.Namespace(protocol=name, quick=options.quick)))
        except BpbenchError as error:
            checked, lines = {"protocol": name, "valid": False, "error": str(error)}, []
            wrong.append(str(error))
        told.append(checked)
        if not options.json:
            print("".join(f"{line}\n" for line in lines), end="")
    if wrong and len(told) == 1:
        raise RequestError(wrong[0])
    if options.json:
        _print_json(told[0] if len(told) == 1 else {"valid": not wrong, "protocols": told})
    for sentence in wrong:
        _say(f"bpbench: {sentence}")
    return WRONG if wrong else DONE


def _validated(protocol: Protocol) -> tuple[dict[str, Any], list[str]]:
    """Return what is told of a protocol that is valid, as plain JSON and in lines."""
    from bpbench import roles
    from bpbench.report import plans
    from bpbench.report.numerals import count
    from bpbench.study import check_design

    check_design(protocol)
    still = roles.deterministic(protocol)
    what = "is a valid protocol" if not protocol.quick else "has a valid quick version, which gives no verdict"
    searches = len(protocol.strategies)
    sizes = [count(len(protocol.variants), "variant")]
    sizes += [count(searches, "strategy", "strategies")] if searches else []
    sizes += [count(protocol.repeat_count, "repeat"), count(len(protocol.family), "comparison")]
    unjudged = () if protocol.quick else plans.deterministic(still, len(protocol.family))
    told = {"protocol": protocol.name, "quick": protocol.quick, "valid": True}
    told["deterministic"] = [list(pair) for pair in still]
    return told, [f"{protocol.origin.file} {what}: {', '.join(sizes)}.", *unjudged]


def _schema(options: argparse.Namespace) -> int:  # noqa: ARG001 - one signature for all verbs
    from bpbench.protocol import schema

    _print_json(schema())
    return DONE


def _report(options: argparse.Namespace) -> int:
    told, lines, note = cli_report.report(options)
    if options.json:
        _print_json(told)
    else:
        print("\n".join(lines))
    if note:
        _say(note)
    return DONE


# ------------------------------------------------------------------------------------------------------------ data


def _data_make(options: argparse.Namespace) -> int:
    told, lines = cli_data.make(options, _say)
    if options.json:
        _print_json(told)
    else:
        print("\n".join(lines))
    return DONE


def _data_inspect(options: argparse.Namespace) -> int:
    told, lines = cli_data.inspect(options, _cores)
    if options.json:
        _print_json(told)
    else:
        print("\n".join(lines))
    return DONE


def _look_after(options: argparse.Namespace) -> int:
    told, lines, sound = cli_store.look_after(options, _store(options))
    if options.json:
        _print_json(told)
    else:
        print("\n".join(lines))
    return DONE if sound else INCOMPLETE


def _describe(options: argparse.Namespace) -> int:
    try:
        told, lines = cli_describe.describe(options, _say)
    except KeyboardInterrupt:
        _say("Interrupted. Nothing was written.")
        return INTERRUPTED
    if options.json:
        _print_json(told)
    else:
        print("\n".join(lines))
    return DONE


def _compare(options: argparse.Namespace) -> int:
    told, lines, note = cli_compare.compare(options, _writable)
    if options.json:
        _print_json(told)
    else:
        print("\n".join(lines))
    if note:
        _say(note)
    return DONE


def _check(options: argparse.Namespace) -> int:
    from bpbench.adoption import UnfinishedError
    from bpbench.report import adopted

    protocol, store = _protocol(options), _store(options)
    _readable(store.root)
    try:
        told, code = cli_check.check(options, protocol, store, _watching)
    except UnfinishedError as error:
        if options.json:
            _print_json({"error": str(error)})
        _say(f"bpbench: {error}")
        return INCOMPLETE
    if options.markdown not in {None, "-"}:
        cli_track.write(Path(options.markdown), adopted.markdown(told, command=options.command), "--markdown")
    if options.json:
        _print_json(told)
    else:
        short = "\n".join(adopted.lines(told))
        print(adopted.markdown(told, command=options.command).rstrip() if options.markdown == "-" else short)
    return code


def _export(options: argparse.Namespace) -> int:
    cli_export.require_protocol(options)
    told, lines = cli_export.export(options, _protocol(options), _store(options))
    if options.json:
        _print_json(told)
    else:
        print("\n".join(lines))
    return DONE


def _track(options: argparse.Namespace) -> int:
    doors = cli_track.Doors(_protocol, _watching, lambda given: _writable(_store(given).root, "--store"))
    told, lines, code = cli_track.track(options, doors)
    if options.json:
        _print_json(told)
    else:
        print("\n".join(lines))
    return code


def _calibrate(options: argparse.Namespace) -> int:
    from bpbench.report import calibrated

    try:
        told = cli_calibrate.calibrate(options, _cores, _say)
    except KeyboardInterrupt:
        _say("Interrupted. Nothing of a calibration is kept.")
        return INTERRUPTED
    if options.json:
        _print_json(told)
    else:
        print("\n".join(calibrated.lines(told)))
    return DONE if told["within"] else OUTSIDE


def _doctor(options: argparse.Namespace) -> int:
    cli_doctor.refuse_alone(options)
    if options.calibrate:
        return _calibrate(options)
    cli_calibrate.refuse_alone(options)
    told, lines = cli_doctor.doctor()
    if options.scheduler is not None or options.cluster is not None:
        tried, more = cli_doctor.engine(cli_engine.engine(options), options.store, _say)
        told["checks"]["engine"], lines = tried, [*lines, *more]
    if options.json:
        _print_json(told)
    else:
        print("\n".join(lines))
    return DONE if told["checks"].get("engine", {"ok": True})["ok"] else INCOMPLETE


if __name__ == "__main__":
    sys.exit(main())
