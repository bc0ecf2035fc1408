"""The lines of ``bpbench track list``, ``show`` and ``baseline``: runs that are kept. Plain JSON in, text out."""

from __future__ import annotations

import re
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Any, Final

from bpbench.counting import listed
from bpbench.report.comment import aligned
from bpbench.report.numerals import NOTHING, count, decimals, exact, fixed, say, short, significant, whole
from bpbench.report.vocabulary import unit

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

#: Letters of a digest that are shown.
_DIGEST: Final = 12
#: Letters of a name in a table.
NAME: Final = 28


def runs(told: Mapping[str, Any]) -> list[str]:
    """Return the lines of ``bpbench track list``.

    Parameters
    ----------
    told : dict
        ``study`` (``None`` for all of them), ``runs``: runs of the history as plain values, ``baselines``: each with
        ``study``, ``name`` and the numbers of its ``runs``.
    """
    kept = told["runs"]
    if not kept:
        return [f"No run{_of(told)} is recorded."]
    studies = list(dict.fromkeys(run["study"] for run in kept))
    several = len(studies) > 1
    head = ("study", "run", "made", "variants", "trainings", "not done", "draw", "sources", "host", "baseline of")
    rows = [
        (
            short(run["study"], NAME),
            str(run["number"]),
            moment(run["made"]),
            str(len(run["variants"])),
            str(len(statuses(run))),
            str(sum(status != "done" for status in statuses(run))),
            str(run["draw"]) if run["draw"] else NOTHING,
            digest(run["sources"]),
            short(run["host"], NAME),
            ", ".join(_names(told["baselines"], run)) or NOTHING,
        )
        for run in kept
    ]
    first = 0 if several else 1
    title = f"{count(len(kept), 'run')} of {listed([say(name) for name in studies])}"
    shown = aligned(head[first:], [row[first:] for row in rows], right=[place - first for place in (1, 3, 4, 5, 6)])
    return [title, "", *shown]


def run(told: Mapping[str, Any]) -> list[str]:
    """Return the lines of ``bpbench track show``.

    Parameters
    ----------
    told : dict
        ``run``: one run of the history as plain values; ``baselines`` as in :func:`runs`.
    """
    one = told["run"]
    made_by = one["made_by"]
    versions = ", ".join(f"{name} {version}" for name, version in made_by["versions"].items())
    names = _names(told["baselines"], one)
    facts = [
        ("draw", str(one["draw"]) if one["draw"] else "none, taken from a report"),
        ("protocol", digest(one["protocol"])),
        ("data", digest(one["data"])),
        ("sources", digest(one["sources"])),
        ("host", f"{short(made_by['host'])}, of the kind {short(one['host'])}"),
        ("machine", f"{short(made_by['cpu'])}, {count(made_by['cores'], 'core')}, {short(made_by['platform'])}"),
        (
            "made by",
            f"bpbench {made_by['bpbench']}, Python {made_by['python']}" + (f", {versions}" if versions else ""),
        ),
        ("baseline of", ", ".join(names) or NOTHING),
    ]
    width = max(len(name) for name, _ in facts)
    return [
        f"Run {one['number']} of {say(one['study'])}, made {moment(one['made'])}",
        *(f"  {name:<{width}}  {value}" for name, value in facts),
        "",
        *_variants(one),
    ]


def baselines(told: Mapping[str, Any]) -> list[str]:
    """Return the lines of ``bpbench track baseline``.

    Parameters
    ----------
    told : dict
        ``study`` (``None`` for all of them) and ``baselines`` as in :func:`runs`.
    """
    if not told["baselines"]:
        return [f"No baseline{_of(told)} has a name yet."]
    rows = [(short(one["study"], NAME), short(one["name"], NAME), ranges(one["runs"])) for one in told["baselines"]]
    return aligned(("study", "baseline", "runs"), rows)


def decisions(told: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the lines of ``bpbench track decisions``.

    Parameters
    ----------
    told : sequence of dict
        Decisions of the history as plain values, in the order in which they are listed.
    """
    if not told:
        return ["Nothing was decided yet."]
    rows = []
    for one in told:
        body, look = one["body"], one["body"]["sequence"]
        rows.append(
            (
                moment(one["made"]),
                short(body["study"], NAME),
                short(body["candidate"], NAME),
                short(body["incumbent"], NAME),
                body["rule"],
                NOTHING if body["margin"] is None else str(body["margin"]),
                NOTHING if look is None else exact(float(f"{look['level']:.3g}")),
                body["answer"],
            )
        )
    head = ("made", "study", "candidate", "incumbent", "rule", "margin", "level", "answer")
    return [count(len(rows), "decision"), "", *aligned(head, rows, right=(6,))]


def _variants(one: Mapping[str, Any]) -> list[str]:
    """Return the table of a run: scores, costs and failures of each variant."""
    metrics = one["metrics"]
    head = ["variant", "n", "failed", *(headed(metric["label"], metric) for metric in metrics)]
    head += ["CPU s", "peak MB", "operations"]
    rows = []
    for name, variant in one["variants"].items():
        done = [result for result in variant["results"] if result["status"] == "done"]
        scores = [
            [result["scores"][metric["key"]] for result in done if metric["key"] in result["scores"]]
            for metric in metrics
        ]
        rows.append(
            [
                short(name, NAME),
                str(len(done)),
                str(len(variant["results"]) - len(done)),
                *(mean_sd(values) for values in (*scores, variant["cpu_s"], variant["peak_mb"])),
                NOTHING if variant["operations"] is None else whole(round(variant["operations"])),
            ]
        )
    return ["Mean (standard deviation) over the n trainings that were done", *aligned(head, rows, right=range(1, 99))]


def mean_sd(values: Sequence[float]) -> str:
    """Return ``1.24 (0.12)``, a mean alone of one value, and a dash of none."""
    if not values:
        return NOTHING
    if len(values) == 1:
        return significant(values[0])
    mean, spread = fmean(values), stdev(values)
    if spread <= 1e-9 * abs(mean):  # no spread but that of rounding
        return f"{significant(mean)} (0)"
    places = decimals(spread)
    return f"{fixed(mean, places)} ({fixed(spread, places)})"


def statuses(one: Mapping[str, Any]) -> list[str]:
    """Return how each training of a run ended."""
    return [result["status"] for variant in one["variants"].values() for result in variant["results"]]


def _of(told: Mapping[str, Any]) -> str:
    return "" if told["study"] is None else f" of {say(told['study'])}"


def _names(known: Iterable[Mapping[str, Any]], one: Mapping[str, Any]) -> list[str]:
    """Return the names of the baselines that a run belongs to."""
    return [
        short(base["name"], NAME) for base in known if base["study"] == one["study"] and one["number"] in base["runs"]
    ]


def headed(label: str, metric: Mapping[str, Any]) -> str:
    """Return a label with its unit in brackets, where there is one."""
    return f"{label} ({unit(metric)})" if unit(metric) else label


def moment(made: str) -> str:
    """Return an ISO time as date and minute, in UTC as it is recorded."""
    return re.sub(r"T(\d\d:\d\d).*", r" \1", made)


def digest(text: str | None) -> str:
    """Return the first letters of a digest."""
    return text[:_DIGEST] if text else NOTHING


def ranges(numbers: Iterable[int]) -> str:
    """Return numbers of runs in short: ``3, 5 to 9 and 12``."""
    parts: list[list[int]] = []
    for number in sorted(numbers):
        if parts and number == parts[-1][-1] + 1:
            parts[-1].append(number)
        else:
            parts.append([number])
    return listed([_stretch(part) for part in parts])


def _stretch(part: Sequence[int]) -> str:
    if len(part) < 3:
        return ", ".join(map(str, part))
    return f"{part[0]} to {part[-1]}"
