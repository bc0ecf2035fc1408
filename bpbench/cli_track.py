"""``bpbench track``: record studies over time, compare the newest with a baseline, and see what changed when."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bpbench import cli_engine, cli_opened
from bpbench.errors import RequestError, nearest
from bpbench.whole import put

if TYPE_CHECKING:
    from bpbench.history import History, Run

#: What a verb gives: its JSON, its lines, its exit code.
Told = tuple[Any, list[str], int]
#: Exit codes.
FINE, REGRESSION, SOME_FAILED = 0, 1, 3
#: Name of the baseline that is meant where none is named.
MAIN: Final = "main"


def verbs(
    parts: Any,
    verb: Callable[[Any, str, Any, str], argparse.ArgumentParser],
    run: Callable[[argparse.Namespace], int],
    count: Callable[[str], int],
    cores: Callable[[], int],
) -> None:
    """Add the verbs below ``track``.

    Parameters
    ----------
    parts : subparsers
        Of ``track``.
    verb : callable
        Adds one.
    run : callable
        What the command line calls for each.
    count, cores : callable
        Read a number of 1 or more; tell how many cores there are.
    """
    texts = {
        "record": "Train a study anew and record it; or record a finished one from its report's folder.",
        "list": "List studies, or the runs of one.",
        "show": "Show a run: scores, costs, what made it.",
        "compare": "Compare two runs in full.",
        "baseline": "Name a run, or several together, as a baseline; or list the baselines.",
        "gate": "Compare the newest run with a baseline; exit 1 on a regression.",
        "decisions": "List what `bpbench check` has answered.",
        "plot": "Write a page of trends with change points marked.",
        "export": "Write the whole history as JSON lines.",
        "import": "Take in what a file of JSON lines has beside this history.",
    }
    made = {name: verb(parts, name, run, text) for name, text in texts.items()}
    for name, each in made.items():
        each.set_defaults(track=name)
        each.add_argument("--history", metavar="FILE", help="default .bpbench/history.sqlite, or BPBENCH_HISTORY")
    made["record"].add_argument("protocol", help="a YAML file, a shipped protocol's name, or the folder of a report")
    made["record"].add_argument("--data", metavar="FILE", help="use these frames instead of the protocol's data")
    made["record"].add_argument(
        "--store", metavar="DIR", help="below which the run has a store of its own, for a while"
    )
    cli_engine.options(made["record"], cores, count)
    add_allowance(made["record"])
    for name in ("list", "decisions"):
        made[name].add_argument("study", nargs="?", help="name of a protocol; default: all studies")
    for name in ("show", "compare", "baseline", "gate", "plot"):
        made[name].add_argument("study", help="name of a protocol, as it is listed")
    made["show"].add_argument("run", nargs="?", type=count, help="number of a run (default: the newest)")
    made["compare"].add_argument("runs", nargs="*", type=count, metavar="RUN", help="of which to compare the last with "
        "the others together (default: the newest with the one before)")  # fmt: skip
    made["baseline"].add_argument("name", nargs="?", help=f"how it is called, such as {MAIN}")
    made["baseline"].add_argument("runs", nargs="*", type=count, metavar="RUN", help="numbers (default: the newest)")
    made["gate"].add_argument("--baseline", metavar="NAME", default=MAIN, help=f"default {MAIN}")
    for name in ("gate", "compare"):
        made[name].add_argument("--markdown", metavar="FILE", help="write it as Markdown as well; - prints it instead")
    for name in ("show", "compare", "plot"):
        made[name].add_argument("--variant", metavar="NAME", help="only this contestant")
    made["plot"].add_argument("--out", metavar="FILE", help="default reports/trends-STUDY.html")
    for name in ("export", "import"):
        made[name].add_argument("file", help="JSON lines, which a team may keep in git")


def add_allowance(parser: argparse.ArgumentParser) -> None:
    """Add the option without which nothing is run that a protocol names."""
    text = "run the programs that the protocol names; read it first, as they may do anything that you may"
    parser.add_argument("--allow-commands", action="store_true", help=text)


def track(asked: argparse.Namespace) -> Told:
    """Do what was asked of the history.

    Parameters
    ----------
    asked : argparse.Namespace
        Of :func:`verbs`.
    """
    from bpbench.history import History, default_history

    writes = asked.track in {"record", "import"}
    with History(Path(asked.history or default_history()), create=writes) as history:
        return _DO[asked.track](asked, history)


def _record(asked: argparse.Namespace, history: History) -> Told:
    from bpbench.report import kept
    from bpbench.runner.store import RECORDINGS
    from bpbench.tracking import record

    given = Path(asked.protocol)
    if given.is_dir():
        run = record.of_report(given, history)
    else:
        with cli_engine.stopped():
            run = record.record(
                cli_opened.protocol(asked),
                history,
                cli_opened.writable(cli_opened.store(asked).root, "--store") / RECORDINGS,
                cli_opened.watching,
                engine=cli_engine.engine(asked),
                allow_commands=asked.allow_commands,
            )
    failed = sum(result["status"] != "done" for variant in run.variants.values() for result in variant["results"])
    told = {"run": run.plain, "baselines": _baselines(history, run.study)}
    return told, kept.run(told), SOME_FAILED if failed else FINE


def _list(asked: argparse.Namespace, history: History) -> Told:
    from bpbench.report import kept

    runs = history.runs(asked.study)
    named = [one for study in dict.fromkeys(run.study for run in runs) for one in _baselines(history, study)]
    told = {"study": asked.study, "runs": [run.plain for run in runs], "baselines": named}
    return told, kept.runs(told), FINE


def _show(asked: argparse.Namespace, history: History) -> Told:
    from bpbench.report import kept

    runs = history.runs(asked.study)
    run = in_time(runs)[-1] if asked.run is None else history.run(asked.study, asked.run)
    told = {"run": _only(run, asked.variant).plain, "baselines": _baselines(history, asked.study)}
    return told, kept.run(told), FINE


def _compare(asked: argparse.Namespace, history: History) -> Told:
    from bpbench.report import tracked
    from bpbench.tracking import gate

    numbers = asked.runs or [run.number for run in in_time(history.runs(asked.study))[-2:]]
    if len(set(numbers)) < 2:
        raise RequestError(
            f"A comparison needs two runs or more of '{asked.study}', found {len(set(numbers))}; record another, or "
            "name the numbers of two."
        )
    *before, newest = [history.run(asked.study, number) for number in numbers]
    told = gate.compare(newest, before)
    if asked.variant is not None:
        _only(newest, asked.variant)
        told["comparisons"] = [one for one in told["comparisons"] if one["variant"] == asked.variant]
    return told, _with_markdown(asked, tracked.compare(told), told), FINE


def _baseline(asked: argparse.Namespace, history: History) -> Told:
    from bpbench.report import kept

    runs = history.runs(asked.study)
    if asked.name is not None and asked.name.strip().isdecimal():
        raise RequestError(
            f"A baseline's name is a word, found '{asked.name}', which looks like the number of a run; write "
            f"`bpbench track baseline {asked.study} {MAIN} {asked.name}`."
        )
    if asked.name is not None:
        history.name_baseline(asked.study, asked.name, asked.runs or [in_time(runs)[-1].number])
    told = {"study": asked.study, "baselines": _baselines(history, asked.study)}
    return told, kept.baselines(told), FINE


def _gate(asked: argparse.Namespace, history: History) -> Told:
    from bpbench.report import tracked
    from bpbench.tracking import gate

    newest = in_time(history.runs(asked.study))[-1]
    baseline, runs = history.baseline(asked.study, asked.baseline)
    gate.require_present(newest)
    gate.require_one_division(newest, runs)
    told = gate.compare(newest, runs, name=baseline.name)
    code = REGRESSION if told["answer"] == "regression" else FINE
    return told, _with_markdown(asked, tracked.gate(told), told), code


def _decisions(asked: argparse.Namespace, history: History) -> Told:
    from bpbench.report import kept

    taken = [decision.plain for decision in history.decisions()]
    studies = sorted({str(decision["body"]["study"]) for decision in taken})
    if asked.study is not None and asked.study not in studies:
        raise RequestError(f"Nothing was decided of a study '{asked.study}'{nearest(asked.study, studies) or '.'}")
    told = [one for one in taken if asked.study in {None, one["body"]["study"]}]
    return told, kept.decisions(sorted(told, key=lambda one: str(one["made"]))), FINE


def _plot(asked: argparse.Namespace, history: History) -> Told:
    from bpbench.report import trends as pages
    from bpbench.report.numerals import count
    from bpbench.tracking import trends

    runs = in_time(history.runs(asked.study))
    if asked.variant is not None:
        known = list(dict.fromkeys(name for run in runs for name in run.variants))
        _require(asked.variant, known, asked.study)
    told = trends.trends(runs, _baselines(history, asked.study), variant=asked.variant)
    out = Path(asked.out or f"reports/trends-{asked.study}.html")
    write(out, pages.page(told), "--out")
    found = sum(len(one["changes"]) for one in told["series"])
    rules = told["rules"]
    lines = [f"{count(found, 'change point')} in {rules['looked']} series of {count(len(runs), 'run')}."]
    if not rules["looked"]:
        lines.append(f"With as many series, changes are looked for from {rules['middle']} runs on.")
    return told | {"page": str(out)}, [*lines, str(out)], FINE


def _export(asked: argparse.Namespace, history: History) -> Told:
    from bpbench.history import export
    from bpbench.report.numerals import count

    many = export(history, Path(asked.file))
    return {"file": asked.file, "records": many}, [f"{asked.file}: {count(many, 'record')}."], FINE


def _import(asked: argparse.Namespace, history: History) -> Told:
    from bpbench.history import read_in
    from bpbench.report.numerals import count

    found = read_in(history, Path(asked.file))
    lines = [f"{asked.file}: {count(found.added, 'record')} taken in, {found.already_there} here before."]
    lines += [f"- {moved}" for moved in found.renumbered]
    told = {
        "file": asked.file,
        "added": found.added,
        "already_there": found.already_there,
        "renumbered": list(found.renumbered),
    }
    return told, lines, FINE


_DO: Final[dict[str, Callable[[argparse.Namespace, History], Told]]] = {
    "record": _record,
    "list": _list,
    "show": _show,
    "compare": _compare,
    "baseline": _baseline,
    "gate": _gate,
    "decisions": _decisions,
    "plot": _plot,
    "export": _export,
    "import": _import,
}


def in_time(runs: Sequence[Run]) -> list[Run]:
    """Return runs in the order in which they were made, which after histories were joined is not that of the numbers.

    Parameters
    ----------
    runs : sequence of Run
        Of one study.
    """
    return sorted(runs, key=lambda run: (run.made, run.number))


def _baselines(history: History, study: str) -> list[dict[str, Any]]:
    """Return the baselines of a study, each with the numbers of its runs, the newest of each name."""
    told = []
    for name in dict.fromkeys(baseline.name for baseline in history.baselines(study)):
        baseline, runs = history.baseline(study, name)
        told.append({"study": study, "name": name, "runs": [run.number for run in runs], "made": baseline.made})
    return told


def _only(run: Run, variant: str | None) -> Run:
    """Return a run with one contestant alone."""
    from dataclasses import replace

    if variant is None:
        return run
    _require(variant, list(run.variants), run.study)
    return replace(run, variants={variant: run.variants[variant]})


def _require(variant: str, known: Sequence[str], study: str) -> None:
    if variant not in known:
        raise RequestError(f"--variant: '{study}' has no contestant '{variant}'{nearest(variant, known)}")


def _with_markdown(asked: argparse.Namespace, lines: list[str], told: dict[str, Any]) -> list[str]:
    """Return what is printed: the lines, or Markdown where that was asked for; a file of it is written besides."""
    from bpbench.report import tracked

    if asked.markdown is None:
        return lines
    text = tracked.markdown(told, command=asked.command)
    if asked.markdown == "-":
        return [text.rstrip("\n")]
    write(Path(asked.markdown), text, "--markdown")
    return lines


def write(path: Path, text: str, option: str) -> None:
    """Write a text whole, or refuse where it cannot be written.

    Parameters
    ----------
    path : Path
        Its folder is made.
    text : str
        What is written.
    option : str
        What named it.

    Raises
    ------
    RequestError
        With what is wrong.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        put(path, text.encode())
    except OSError as error:
        raise RequestError(f"{option}: {path} cannot be written ({error.strerror}).") from None
