"""``bpbench run``, ``plan`` and ``validate``: a protocol conducted, priced, or looked at."""

from __future__ import annotations

import argparse
import dataclasses
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bpbench import cli_engine, cli_opened
from bpbench.cli_opened import DONE, INCOMPLETE, WRONG
from bpbench.errors import BpbenchError, EngineError, RequestError

if TYPE_CHECKING:
    from bpbench.prepared import Prepared
    from bpbench.protocol import Protocol
    from bpbench.runner.engine import Engine
    from bpbench.runner.store import Store
    from bpbench.study import Study


def _found(prepared: Prepared, store: Store, engine: Engine) -> tuple[Study, dict[str, Any]]:
    """Conduct a study and say what it found."""
    from bpbench import study
    from bpbench.findings import findings

    with cli_opened.watching(prepared, store) as progress:
        conducted = study.conduct(prepared, store, engine=engine, watcher=progress)
    return conducted, findings(conducted)


def _say_if_short_of_room(prepared: Prepared, store: Store) -> None:
    """Say before anything starts that the store has no room for what would come into it."""
    from bpbench.outlay import room_for
    from bpbench.report.outlay import too_little_room

    if (short := too_little_room(room_for(prepared, store))) is not None:
        cli_opened.say(short)


def run(options: argparse.Namespace) -> int:
    """Run what a protocol declares, judge it, write the report and print the answer; return the exit code."""
    from bpbench.report.templating import ReportError, folders

    folders(options.templates)  # that are missing are better missed now than after hours of training
    start, engine = time.monotonic(), cli_engine.engine(options)
    cli_engine.expect(engine)
    protocol, store = cli_opened.protocol(options), cli_opened.store(options)
    from bpbench import study
    from bpbench.environment import environment
    from bpbench.report import render
    from bpbench.report.answer import answer

    prepared = study.prepare(protocol, store, allow_commands=options.allow_commands)
    study.require_allowed(prepared, store)
    cli_opened.readable(store.root)
    folder = cli_opened.writable(Path(options.reports) / prepared.folder, "--reports")
    _say_if_short_of_room(prepared, store)
    with cli_engine.stopped():
        conducted, found = cli_opened.despite_damage(lambda: _found(prepared, store, engine), prepared, store)
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
        cli_opened.print_json({"findings": found, **written.told()})
    else:
        print("\n".join(answer(found)))
        print(f"\nReport: {written.html}" + ("" if written.rendered else " (unchanged)"))
        for line in written.others():
            print(line)
    if written.note:
        cli_opened.say(written.note)
    if left := len(conducted.executed.left):
        jobs = "1 job was" if left == 1 else f"{left} jobs were"
        cli_opened.say(f"{jobs} not started, as the time was up; the same command goes on from there.")
    if not conducted.complete:
        gone = found["jobs"]["total"] - found["jobs"]["done"]
        what = "trainings have no score" if protocol.measure is None else "measurements failed"
        cli_opened.say(f"{gone} of {found['jobs']['total']} {what}; the report says which and why.")
        return INCOMPLETE
    if conducted.unanswered:
        cli_opened.say(
            f"{conducted.unanswered} of {len(conducted.probed)} questions of the probe failed; the report says why."
        )
        return INCOMPLETE
    return DONE


def plan(options: argparse.Namespace) -> int:
    """Say what is stored, what is new, what it costs and what it could show; return the exit code."""
    from bpbench import planning, study
    from bpbench.report import plans
    from bpbench.runner.processes import available

    engine, store = cli_engine.engine(options), cli_opened.store(options)
    engine = dataclasses.replace(engine, workers=available(engine))
    prepared = study.prepare(cli_opened.protocol(options), store, allow_commands=options.allow_commands)
    planned = cli_opened.despite_damage(lambda: planning.plan(prepared, store, engine), prepared, store)
    planned["report"] = str(Path(options.reports) / prepared.folder)
    cli_opened.give(options, planned, () if options.json else plans.plan(planned))
    return DONE


def validate(options: argparse.Namespace) -> int:
    """Check protocol files without reading their data; return the exit code."""
    told: list[dict[str, Any]] = []
    wrong: list[str] = []
    for name in options.protocol:
        try:
            checked, lines = _validated(cli_opened.protocol(argparse.Namespace(protocol=name, quick=options.quick)))
        except BpbenchError as error:
            checked, lines = {"protocol": name, "valid": False, "error": str(error)}, []
            wrong.append(str(error))
        told.append(checked)
        if not options.json:
            print("".join(f"{line}\n" for line in lines), end="")
    if wrong and len(told) == 1:
        raise RequestError(wrong[0])
    if options.json:
        cli_opened.print_json(told[0] if len(told) == 1 else {"valid": not wrong, "protocols": told})
    for sentence in wrong:
        cli_opened.say(f"bpbench: {sentence}")
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
