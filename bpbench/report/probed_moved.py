"""A potential at work: its runs of dynamics, and their g(r) beside the data's."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from bpbench.report import probed_draw
from bpbench.report.document import Block, Column, Figure, Table, Text, cite
from bpbench.report.labels import source_note
from bpbench.report.language import marked, tell, tell_as, tell_n
from bpbench.report.numerals import (
    count,
    exact,
    fixed,
    percent,
    say,
    significant,
    span,
    whole,
)
from bpbench.report.tables import align, counted, in_english, number, told

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: Why a run of dynamics was ended.
_REASONS: Final = {
    "heat": marked("its kinetic temperature flew off, to {hottest} K"),
    "number": marked("its energy or a force was no longer a finite number"),
    "geometry": marked("atoms fell into each other or flew apart"),
}
#: Which repeat a run is of.
_ROLES: Final = {"best": marked("best on validation"), "worst": marked("worst on validation")}


def lost(failed: Sequence[Mapping[str, Any]]) -> str:
    """Return how many questions to potentials failed, and why the first of them did."""
    first = failed[0]
    return tell_n(
        "{n} question to a potential failed, that of repeat {repeat}: {message}",
        "{n} questions to potentials failed, the first of them that of repeat {repeat}: {message}",
        len(failed),
        repeat=whole(first["repeat"]),
        message=first["message"],
    )


def blocks(findings: Mapping[str, Any], probe: Mapping[str, Any]) -> list[Block]:
    """Return how the runs of dynamics went, and their g(r) beside the data's.

    Parameters
    ----------
    findings : dict
        Findings of schema 1.
    probe : dict
        ``findings["probe"]``, with ``md``.
    """
    md = probe["md"]
    found: list[Block] = [Text(_moved(md))]
    if md["failed"]:
        found.append(Text(lost(md["failed"]), "warning"))
    found += [Text(_ended(run, md), "warning") for run in md["runs"] if run["reason"] is not None]
    shown = [run for run in md["runs"] if run["g"] is not None]
    if md["data"] is None and not shown:
        return found
    found += [_figure(findings, md), *_compared(md), _table(findings, md)]
    return found


def _moved(md: Mapping[str, Any]) -> str:
    """Return how the runs were made."""
    return tell(
        "From frame {frame} of the data ({state}, {atoms}), with velocities drawn at {temperature} K, {steps} of "
        "{timestep} fs of Langevin dynamics{cited} were made with the forces of the training that is best on "
        "validation{other}, the thermostat at {temperature} K with a friction of {friction} per ps. After {settle}, a "
        "frame was counted every {every} in the radial distribution function g(r), which is compared with that of the "
        "data's frames of the same state.",
        frame=whole(md["frame"]),
        state=say(md["state"]),
        atoms=count(md["atoms"], "atom"),
        temperature=exact(md["temperature_k"]),
        steps=count(md["steps"], "time step"),
        timestep=exact(md["timestep_fs"]),
        cited=cite("larsen2017"),
        other=tell(", and again with those of the training that is worst there") if _two(md) else "",
        friction=exact(1000 * md["friction_per_fs"]),
        settle=count(md["settle"], "time step"),
        every=count(md["every"], "time step"),
    )


def _two(md: Mapping[str, Any]) -> bool:
    return len(md["runs"]) + len(md["failed"]) > 1


def _ended(run: Mapping[str, Any], md: Mapping[str, Any]) -> str:
    hottest = "" if run["hottest_k"] is None else fixed(run["hottest_k"], 0)
    return tell(
        "The run of repeat {repeat} ({role}) was ended at step {made} of {steps}: {why}. This potential cannot be used "
        "for such dynamics.",
        repeat=whole(run["repeat"]),
        role=tell(_ROLES[run["role"]]),
        made=whole(run["made"]),
        steps=whole(md["steps"]),
        why=tell(_REASONS[run["reason"]], hottest=hottest),
    )


def _name(run: Mapping[str, Any]) -> str:
    return tell("repeat {repeat} ({role})", repeat=whole(run["repeat"]), role=tell(_ROLES[run["role"]]))


def _figure(findings: Mapping[str, Any], md: Mapping[str, Any]) -> Figure:
    data = md["data"]
    own = None
    if data is not None:
        own = probed_draw.Line(tell("data ({frames})", frames=count(data["frames"], "frame")), data["g"])
    runs = [probed_draw.Line(_name(run), run["g"]) for run in md["runs"] if run["g"] is not None]
    return Figure(
        "distribution",
        tell(
            "Radial distribution function of {state}: of the data's frames (shaded) and of the frames that the "
            "potentials made at {temperature} K; below, these less the data's. It is that of all pairs of atoms, up to "
            "half the shortest height of the cell.",
            state=say(md["state"]),
            temperature=exact(md["temperature_k"]),
        ),
        probed_draw.distribution(md["r_a"], own, runs),
        tell("Radial distribution functions over r, of the data and of the potentials."),
        source_note(findings),
        _distribution_data(md),
    )


def _distribution_data(md: Mapping[str, Any]) -> Table:
    shown = [run for run in md["runs"] if run["g"] is not None]
    columns = [Column("r", "r", "Å")]
    if md["data"] is not None:
        columns.append(Column("data", tell("data")))
    columns += [Column(run["role"], _name(run)) for run in shown]
    lines = [*([md["data"]["g"]] if md["data"] is not None else []), *(run["g"] for run in shown)]
    rows = [(number(r, 3), *(number(line[place], 4) for line in lines)) for place, r in enumerate(md["r_a"])]
    return Table("distribution", tell("The g(r) that are drawn."), tuple(columns), align(rows, columns))


def _compared(md: Mapping[str, Any]) -> list[Text]:
    """Return how far the runs lie from the data, beside what the data's own halves differ by."""
    data = md["data"]
    found = [run["apart"] for run in md["runs"] if run["apart"] is not None]
    said = []
    if found:
        said.append(
            tell(
                "The mean distance |Δg| between the potentials and the data is {apart}.",
                apart=span(min(found), max(found), 3) if len(found) > 1 else significant(found[0], 2),
            )
        )
    if found and data is not None and data["halves"] is not None:
        said.append(
            tell(
                "Between the first and the second half of the data's own frames it is {halves}, which is what such "
                "frames differ by alone.",
                halves=significant(data["halves"], 2),
            )
        )
    outside = [run for run in md["runs"] if run["steps_beyond"]]
    if outside:
        worst = max(outside, key=lambda run: float(run["steps_beyond"]))
        said.append(
            tell(
                "The runs left the ranges of the training data: that of {run} at {steps} of its steps in some "
                "descriptor, on average in {share} of all.",
                run=_name(worst),
                steps=percent(float(f"{worst['steps_beyond']:.2g}")),
                share=percent(float(f"{worst['beyond']:.2g}")),
            )
        )
    elif md["runs"]:
        said.append(tell("At no step did a descriptor leave its range over the training atoms."))
    return [Text(" ".join(said))] if said else []


def _table(findings: Mapping[str, Any], md: Mapping[str, Any]) -> Table:
    columns = (
        Column("of", tell_as("column", "g(r) of"), align="left"),
        Column("steps", tell("steps made")),
        Column("frames", tell("frames counted")),
        Column("temperature", tell("temperature"), "K"),
        Column("temperature_sd", tell("spread (sd)"), "K"),
        Column("steps_beyond", tell("steps out of range"), "%"),
        Column("peak", tell("highest peak at"), "Å"),
        Column("height", tell("its height")),
        Column("apart", tell("mean |Δg|")),
    )
    rows = []
    data = md["data"]
    if data is not None:
        peak = data["peak"] or {}
        rows.append(
            (
                told(marked("data")),
                counted(None),
                counted(data["frames"]),
                *(number(None, None) for _ in range(3)),
                number(peak.get("r_a"), 3),
                number(peak.get("height"), 3),
                number(None, None),
            )
        )
    for run in md["runs"]:
        peak = run["peak"] or {}
        beyond = None if run["steps_beyond"] is None else 100 * run["steps_beyond"]
        rows.append(
            (
                in_english(partial(_name, run)),
                counted(run["made"]),
                counted(run["counted"]),
                number(run["temperature_k"], 1),
                number(run["temperature_sd"], 1),
                number(beyond, 1),
                number(peak.get("r_a"), 3),
                number(peak.get("height"), 3),
                number(run["apart"], 3),
            )
        )
    return Table(
        "distribution",
        tell(
            "The runs of dynamics beside the data: steps in which some descriptor left its range over the training "
            "atoms, kinetic temperature of the counted part, the highest peak of g(r), and its mean distance from the "
            "data's."
        ),
        columns,
        align(rows, columns),
        source_note(findings),
        "wide",
    )
