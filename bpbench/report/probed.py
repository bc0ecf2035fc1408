"""The section on the winner's potential at work: its energies over volumes and its g(r), each beside the data's."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from bpbench.report import probed_draw
from bpbench.report.canvas import styles
from bpbench.report.document import Block, Cell, Column, Figure, Section, Table, Text, cite, ref
from bpbench.report.labels import source_note
from bpbench.report.language import marked, tell, tell_as, tell_n
from bpbench.report.numerals import (
    count,
    decimals,
    exact,
    fixed,
    half_width,
    percent,
    say,
    significant,
    span,
    whole,
)
from bpbench.report.tables import align, counted, in_english, number, told
from bpbench.report.vocabulary import metric_label, on_part, unit_label

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Why the contestant with the best mean has no potential.
_WITHOUT: Final = {
    "trees": marked("it is made of trees, whose answers are steps and give no forces"),
    "forces": marked("it predicts forces alone, which are the slope of no energy"),
    "foreign": marked("it was trained by another program, and only potentials that this study trained are put to work"),
    "columns": marked("its inputs are columns of a table, which cannot be computed for another structure"),
}
#: Why a run of dynamics was ended.
_REASONS: Final = {
    "heat": marked("its kinetic temperature flew off, to {hottest} K"),
    "number": marked("its energy or a force was no longer a finite number"),
    "geometry": marked("atoms fell into each other or flew apart"),
}
#: Which repeat a run is of.
_ROLES: Final = {"best": marked("best on validation"), "worst": marked("worst on validation")}
#: Numbers of a fitted curve: key, what it is, its unit.
_FITTED: Final = (
    ("volume", marked("equilibrium volume"), "Å³/atom"),
    ("energy", marked("energy there"), "eV/atom"),
    ("modulus", marked("bulk modulus"), "GPa"),
    ("derivative", marked("its pressure derivative"), ""),
)


def sections(findings: Mapping[str, Any]) -> list[Section]:
    """Return the section on what the winner's potential says of volumes and dynamics; none where it was not asked."""
    probe = findings.get("probe")
    if probe is None:
        return []
    blocks: list[Block] = [Text(_who(findings, probe))]
    if probe["stretch"] is not None:
        blocks += _volumes(findings, probe)
    if probe["md"] is not None:
        blocks += _dynamics(findings, probe)
    return [Section("probe", tell("The potential at work"), tuple(blocks))]


def limits(findings: Mapping[str, Any]) -> list[str]:
    """Return what the curves do not show, nothing where there are none."""
    probe = findings.get("probe")
    if probe is None or probe["variant"] is None:
        return []
    if probe["md"] is None:
        return [
            tell(
                "The energies over volumes ({section}) are those of one contestant and are no part of any verdict; "
                "other contestants were not asked.",
                section=ref("section", "probe"),
            )
        ]
    return [
        tell(
            "The energies over volumes and g(r) ({section}) are those of one contestant and are no part of any "
            "verdict; other contestants were not asked. A run of {time} ps is short: a potential that held out so long "
            "may yet fail in a longer one.",
            section=ref("section", "probe"),
            time=significant(probe["md"]["steps"] * probe["md"]["timestep_fs"] / 1000, 2),
        )
    ]


def _who(findings: Mapping[str, Any], probe: Mapping[str, Any]) -> str:
    """Return whose potential it is, and that nothing here is judged."""
    best, variant = say(probe["best"]), probe["variant"]
    score = {"metric": metric_label(findings["metric"]), "part": on_part(findings)}
    aside = tell("Nothing in this section is part of a verdict.")
    if variant is None:
        why = tell(_WITHOUT[probe["without"]])
        return tell(
            "{best} has the best mean {metric}{part}, but no potential that could be put to work: {why}. No other "
            "contestant has one either.",
            best=best,
            why=why,
            **score,
        )
    if variant != probe["best"]:
        said = tell(
            "{best} has the best mean {metric}{part}, but no potential that could be put to work: {why}. Shown is "
            "{variant}, the best of those that have one.",
            best=best,
            variant=say(variant),
            why=tell(_WITHOUT[probe["without"]]),
            **score,
        )
    else:
        said = tell(
            "A score says how well single frames are met, and not whether a potential can be used. The potentials of "
            "{best}, which has the best mean {metric}{part}, were therefore put to work.",
            best=best,
            **score,
        )
    return f"{said} {aside}"


# ------------------------------------------------------------------------------------------------ energy over volume


def _volumes(findings: Mapping[str, Any], probe: Mapping[str, Any]) -> list[Block]:
    stretch = probe["stretch"]
    blocks: list[Block] = [Text(_stretched(probe))]
    if stretch["failed"]:
        blocks.append(Text(_lost(stretch["failed"]), "warning"))
    if stretch["mean"] is None:
        blocks.append(Text(tell("No training gave finite energies at all volumes."), "warning"))
        return blocks
    blocks += [_volume_figure(findings, probe), Text(_met(stretch))]
    if any(stretch["fit"].values()):
        blocks.append(_equilibrium(findings, stretch))
    return blocks


def _lost(failed: list[Mapping[str, Any]]) -> str:
    first = failed[0]
    return tell_n(
        "{n} question to a potential failed, that of repeat {repeat}: {message}",
        "{n} questions to potentials failed, the first of them that of repeat {repeat}: {message}",
        len(failed),
        repeat=whole(first["repeat"]),
        message=first["message"],
    )


def _stretched(probe: Mapping[str, Any]) -> str:
    """Return what was done to which frame, by how many trainings."""
    stretch = probe["stretch"]
    said = tell(
        "Frame {frame} of the data ({state}, {atoms}), which has the least energy per atom, was scaled alike in all "
        "directions to {volumes} from {low} to {high} Å³/atom ({range} either way), and the potentials of "
        "{trainings} were asked for its energy.",
        frame=whole(stretch["frame"]),
        state=say(stretch["state"]),
        atoms=count(stretch["atoms"], "atom"),
        volumes=count(len(stretch["volumes_a3_per_atom"]), "volume"),
        low=significant(stretch["volumes_a3_per_atom"][0], 4),
        high=significant(stretch["volumes_a3_per_atom"][-1], 4),
        range=percent(stretch["range"]),
        trainings=count(len(stretch["repeats"]), "repeat"),
    )
    if stretch["left_out"]:
        said += " " + tell_n(
            "{n} frame of another composition than {formula}, or not periodic in all directions, is left out.",
            "{n} frames of other compositions than {formula}, or not periodic in all directions, are left out.",
            stretch["left_out"],
            formula=stretch["formula"],
        )
    return said


def _volume_figure(findings: Mapping[str, Any], probe: Mapping[str, Any]) -> Figure:
    stretch, mean, name = probe["stretch"], probe["stretch"]["mean"], probe["variant"]
    truth = stretch["truth"]
    drawing = probed_draw.Volumes(
        name=name,
        volumes=stretch["volumes_a3_per_atom"],
        mean=mean["energy"],
        low=mean["low"],
        high=mean["high"],
        beyond=mean["beyond"],
        truth=None if truth is None else truth["energies_ev_per_atom"],
        method=stretch["method"] or "",
        states=tuple(
            probed_draw.States(state["name"], state["volumes"], state["energies"]) for state in stretch["data"]
        ),
    )
    caption = [
        tell(
            "Energy over volume by {variant}: the mean over {repeats} as points, from the least to the largest as a "
            "band; open points: some descriptor of some atom lies outside its range over the training atoms. Small "
            "marks: frames of the data by state.",
            variant=say(name),
            repeats=count(mean["n"], "repeat"),
        )
    ]
    if truth is not None:
        caption.append(tell("Dashed, and subtracted below: {method}, which made the data.", method=stretch["method"]))
    looks = styles([variant["name"] for variant in findings["variants"]])
    return Figure(
        "volumes",
        " ".join(caption),
        probed_draw.volumes(drawing, looks[name]),
        tell("Energy per atom over volume per atom: a curve among the frames of the data."),
        source_note(findings),
        _volume_data(stretch),
    )


def _volume_data(stretch: Mapping[str, Any]) -> Table:
    mean, truth = stretch["mean"], stretch["truth"]
    per_atom = unit_label("eV/atom")
    columns = [
        Column("volume", tell("volume"), unit_label("Å³/atom")),
        Column("mean", tell("mean"), per_atom),
        Column("sd", tell("spread (sd)"), per_atom),
        Column("min", tell("least"), per_atom),
        Column("max", tell("largest"), per_atom),
        Column("beyond", tell("descriptors out of range"), "%"),
    ]
    if truth is not None:
        columns.append(Column("truth", stretch["method"], per_atom))
    rows = []
    for place, volume in enumerate(stretch["volumes_a3_per_atom"]):
        row = [
            number(volume, 3),
            number(mean["energy"][place], 5),
            number(None if mean["sd"] is None else mean["sd"][place], 5),
            number(mean["low"][place], 5),
            number(mean["high"][place], 5),
            number(100 * mean["beyond"][place], 2),
        ]
        rows.append((*row, *(() if truth is None else (number(truth["energies_ev_per_atom"][place], 5),))))
    return Table("volumes", tell("Energies over volumes."), tuple(columns), align(rows, columns))


def _met(stretch: Mapping[str, Any]) -> str:
    """Return where a minimum was found, what it says beside the truth, and how much of it is extrapolated."""
    volume, modulus, n = stretch["fit"]["volume"], stretch["fit"]["modulus"], len(stretch["repeats"])
    beyond = [place for place, share in enumerate(stretch["mean"]["beyond"]) if share > 0]
    said = []
    if volume is None:
        said.append(tell("No training has a minimum within these volumes, so there is nothing to fit."))
    else:
        if volume["n"] < n:
            said.append(
                tell(
                    "Of {trainings} only {n} have a minimum within these volumes.",
                    trainings=count(n, "training"),
                    n=whole(volume["n"]),
                )
            )
        said.append(
            tell(
                "The fitted minimum lies at {volume} Å³/atom, with a bulk modulus of {modulus} GPa ({table}).",
                volume=_with_spread(volume),
                modulus=_with_spread(modulus),
                table=ref("table", "equilibrium"),
            )
        )
        said += _truth(stretch)
    total = len(stretch["volumes_a3_per_atom"])
    low, high = stretch["data_volumes_a3_per_atom"]
    outside = [value for value in stretch["volumes_a3_per_atom"] if not low <= value <= high]
    if outside:
        said.append(
            tell(
                "The data's frames have from {low} to {high} Å³/atom, and {some} of these {all} volumes lie beyond.",
                low=significant(low, 4),
                high=significant(high, 4),
                some=whole(len(outside)),
                all=whole(total),
            )
        )
    if volume is not None and not low <= volume["mean"] <= high:
        said.append(tell("So does the fitted minimum: it is an extrapolation."))
    if not beyond:
        said.append(tell("At none of the volumes does a potential extrapolate."))
    elif len(beyond) == total:
        said.append(tell("At every volume some training extrapolates in some descriptor."))
    else:
        said.append(
            tell(
                "At {some} of {all} volumes some training extrapolates in some descriptor: there its answer rests on "
                "no data.",
                some=whole(len(beyond)),
                all=whole(total),
            )
        )
    return " ".join(said)


def _with_spread(found: Mapping[str, Any]) -> str:
    """Return a mean and the ends over the repeats."""
    places = decimals(half_width(found["low"], found["high"]))
    text = fixed(found["mean"], places) if places is not None else significant(found["mean"], 4)
    if places is None:
        return text
    return f"{text} ({span(found['low'], found['high'], places)})"


def _truth(stretch: Mapping[str, Any]) -> list[str]:
    fit = None if stretch["truth"] is None else stretch["truth"]["fit"]
    if fit is None:
        return []
    return [
        tell(
            "By {method}, which made the data, they are {volume} Å³/atom and {modulus} GPa.",
            method=stretch["method"],
            volume=significant(fit["volume"], 4),
            modulus=significant(fit["modulus"], 3),
        )
    ]


def _equilibrium(findings: Mapping[str, Any], stretch: Mapping[str, Any]) -> Table:
    truth = None if stretch["truth"] is None else stretch["truth"]["fit"]
    columns = [
        Column("quantity", tell("quantity"), align="left"),
        Column("unit", tell("unit"), align="left"),
        Column("n", tell("trainings")),
        Column("mean", tell("mean")),
        Column("sd", tell("spread (sd)")),
        Column("min", tell("least")),
        Column("max", tell("largest")),
    ]
    if truth is not None:
        columns.append(Column("truth", stretch["method"]))
    rows = []
    for key, name, unit in _FITTED:
        found = stretch["fit"][key]
        if found is None:
            continue
        places = decimals(half_width(found["low"], found["high"]))
        places = 4 if places is None else min(places, 6)
        numbers = [number(found[of], places) for of in ("mean", "sd", "low", "high")]
        known = () if truth is None else (number(truth[key], places),)
        unit_cell = Cell(unit_label(unit) or "–", unit or None)
        rows.append((Cell(tell(name), name), unit_cell, counted(found["n"]), *numbers, *known))
    within = percent(stretch["range"] / 2)
    return Table(
        "equilibrium",
        tell(
            "Minimum of the energy over volume, by the equation of state of Birch and Murnaghan{cited}, fitted for "
            "each training to the points within {within} of its least one.",
            cited=cite("birch1947"),
            within=within,
        ),
        tuple(columns),
        tuple(rows),
        source_note(findings),
    )


# ------------------------------------------------------------------------------------------------------------- g(r)


def _dynamics(findings: Mapping[str, Any], probe: Mapping[str, Any]) -> list[Block]:
    md = probe["md"]
    blocks: list[Block] = [Text(_moved(md))]
    if md["failed"]:
        blocks.append(Text(_lost(md["failed"]), "warning"))
    blocks += [Text(_ended(run, md), "warning") for run in md["runs"] if run["reason"] is not None]
    shown = [run for run in md["runs"] if run["g"] is not None]
    if md["data"] is None and not shown:
        return blocks
    blocks += [_figure(findings, md), *_compared(md), _table(findings, md)]
    return blocks


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
