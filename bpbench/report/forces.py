"""The section on forces: errors by component, state and size beside those of predicting zero, and what they mean."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from bpbench.report import components, draw, parity_draw
from bpbench.report.document import Block, Cell, Column, Figure, Section, Table, Text
from bpbench.report.labels import source_note
from bpbench.report.language import listed, marked, tell, tell_as, tell_n
from bpbench.report.numerals import common_decimals, count, exact, fixed, percent, say, short, whole
from bpbench.report.results import summary_of
from bpbench.report.tables import align, counted, in_english, number, words
from bpbench.report.tallies import drawn, undrawn_note
from bpbench.report.vocabulary import unit_label

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bpbench.report.canvas import Style

#: Share of the squared error of predicting zero from which on a model is said to be no better.
NO_BETTER: Final = 0.95
#: Rows of the table behind the parity plot.
_ROWS: Final = 500
_COMPONENTS: Final = {"x": "F_x", "y": "F_y", "z": "F_z", "all": marked("all components")}
_LENGTHS: Final = {
    "force_mae": marked("mean |ΔF|"),
    "force_p95": marked("95th percentile of |ΔF|"),
    "force_max": marked("largest |ΔF|"),
}


def section(findings: Mapping[str, Any], looks: Mapping[str, Style]) -> list[Section]:
    """Return the section on forces, nothing where none are scored.

    Parameters
    ----------
    findings : dict
        Findings of schema 1.
    looks : dict of str to Style
        By variant.
    """
    told = findings.get("forces")
    if not told or not told["variants"]:
        return []
    shown = {variant["name"] for variant in drawn(findings)}
    found = [entry for entry in told["variants"] if entry["name"] in shown]
    sentences = [text for text in (_without(told), *_nothing_known(told)) if text]
    return [
        Section(
            "forces",
            tell("Forces"),
            (
                *(Text(text) for text in sentences),
                _scores(findings, told),
                *components.table(findings, told),
                *((_states(findings, found), *_sizes(findings, told, found, looks)) if found else ()),
                *((_parity(findings, found, looks),) if found else ()),
            ),
        )
    ]


def answers(findings: Mapping[str, Any]) -> list[str]:
    """Return what the answer must say of forces: who knows no more of them than that their mean is zero."""
    told = findings.get("forces")
    return _nothing_known(told) if told else []


# --------------------------------------------------------------------------------------------------- sentences


def _nothing_known(told: Mapping[str, Any]) -> list[str]:
    return [text for text in (no_direction(told), no_columns(told), no_slope(told), no_use(told)) if text]


def no_direction(told: Mapping[str, Any]) -> str:
    """Return that invariant descriptors cannot know a direction, where a model that is fed with them shows it.

    Parameters
    ----------
    told : dict
        ``findings["forces"]``; its entries whose ``way`` is ``components`` are those of models that predict the
        components of forces from descriptors that a rotation leaves as they are.

    Returns
    -------
    str
        Empty where there is no such model, or each is better than predicting zero.
    """
    blind = [entry for entry in _no_better(told, "components") if entry.get("invariant", True)]
    if not blind:
        return ""
    return tell_n(
        "{names} predicts the components of forces no better, within five per cent, than predicting zero everywhere "
        "would: its squared error is {shares} of that. Its inputs are invariant descriptors, which stay what they are "
        "when a configuration is turned, while the components of every force change: they cannot know a direction, "
        "however many there are and however long the training.",
        "{names} predict the components of forces no better, within five per cent, than predicting zero everywhere "
        "would: their squared errors are {shares} of that. Their inputs are invariant descriptors, which stay what "
        "they are when a configuration is turned, while the components of every force change: they cannot know a "
        "direction, however many there are and however long the training.",
        len(blind),
        names=listed([say(entry["name"]) for entry in blind]),
        shares=listed([percent(round(entry["of_zero"], 3)) for entry in blind]),
    )


def no_columns(told: Mapping[str, Any]) -> str:
    """Return whose columns of a table say nothing of the components of forces; empty where there is none.

    Parameters
    ----------
    told : dict
        ``findings["forces"]``; an entry without ``invariant`` has columns of which it is not known what they hold.
    """
    poor = [entry for entry in _no_better(told, "components") if not entry.get("invariant", True)]
    if not poor:
        return ""
    return tell_n(
        "{names} predicts the components of forces no better, within five per cent, than predicting zero everywhere "
        "would: its squared error is {shares} of that. If the columns of its table are invariant under rotations, as "
        "symmetry functions are, they cannot know a direction.",
        "{names} predict the components of forces no better, within five per cent, than predicting zero everywhere "
        "would: their squared errors are {shares} of that. If the columns of their tables are invariant under "
        "rotations, as symmetry functions are, they cannot know a direction.",
        len(poor),
        names=listed([say(entry["name"]) for entry in poor]),
        shares=listed([percent(round(entry["of_zero"], 3)) for entry in poor]),
    )


def no_slope(told: Mapping[str, Any]) -> str:
    """Return whose energies have slopes that say nothing of the forces; empty where there is none.

    Parameters
    ----------
    told : dict
        ``findings["forces"]``; an entry with ``learned`` was given forces to learn from.
    """
    poor = [entry for entry in _no_better(told, "slope") if not entry.get("learned")]
    if not poor:
        return ""
    return tell_n(
        "The forces of {names} are no better, within five per cent, than predicting zero everywhere: the squared error "
        "is {shares} of that. The energies that it learned do not fix their slopes.",
        "The forces of {names} are no better, within five per cent, than predicting zero everywhere: the squared "
        "errors are {shares} of that. The energies that they learned do not fix their slopes.",
        len(poor),
        names=listed([say(entry["name"]) for entry in poor]),
        shares=listed([percent(round(entry["of_zero"], 3)) for entry in poor]),
    )


def no_use(told: Mapping[str, Any]) -> str:
    """Return who is no better than zero though it learned forces, or whose program says such; empty without any.

    Parameters
    ----------
    told : dict
        ``findings["forces"]``.
    """
    poor = [entry for entry in _no_better(told, "slope") if entry.get("learned")] + _no_better(told, "program")
    if not poor:
        return ""
    return tell_n(
        "The forces of {names} are no better, within five per cent, than predicting zero everywhere: the squared error "
        "is {shares} of that.",
        "The forces of {names} are no better, within five per cent, than predicting zero everywhere: the squared "
        "errors are {shares} of that.",
        len(poor),
        names=listed([say(entry["name"]) for entry in poor]),
        shares=listed([percent(round(entry["of_zero"], 3)) for entry in poor]),
    )


def _no_better(told: Mapping[str, Any], way: str) -> list[Mapping[str, Any]]:
    return [entry for entry in told["variants"] if entry["way"] == way and (entry["of_zero"] or 0.0) >= NO_BETTER]


def _without(told: Mapping[str, Any]) -> str:
    names = told["without"]
    if not names:
        return ""
    return tell_n(
        "{names} has no forces: the energy of trees is made of steps, columns of a table have no derivatives, and a "
        "program says forces only if it is asked for them.",
        "{names} have no forces: the energy of trees is made of steps, columns of a table have no derivatives, and a "
        "program says forces only if it is asked for them.",
        len(names),
        names=listed([say(name) for name in names]),
    )


# ------------------------------------------------------------------------------------------------------ tables


def _scores(findings: Mapping[str, Any], told: Mapping[str, Any]) -> Table:
    """Return the errors of each variant by component and by length, and of predicting zero."""
    part, shown = findings["analysis"]["part"], unit_label("meV/A")
    columns = (
        Column("variant", tell_as("column", "variant"), align="left"),
        Column("n", "n"),
        *(Column(f"rmse_{key}", tell(label), shown) for key, label in _COMPONENTS.items()),
        *(Column(key, tell(label), shown) for key, label in _LENGTHS.items()),
        Column("of_zero", tell("of zero"), "%"),
    )
    variants = {variant["name"]: variant for variant in findings["variants"]}
    values = [entry["components"][key] for entry in told["variants"] for key in _COMPONENTS]
    places = min(2, common_decimals(values) or 0)
    rows = [
        (
            words(short(entry["name"])),
            counted(entry["n"]),
            *(number(entry["components"][key], places) for key in _COMPONENTS),
            *(number(summary_of(variants[entry["name"]], part, key).get("mean"), places) for key in _LENGTHS),
            _share(entry["of_zero"]),
        )
        for entry in told["variants"]
    ]
    constant, zero = findings["constant"].get(part) or {}, told["variants"][0]["zero"]
    rows.append(
        (
            in_english(lambda: tell("predicting zero")),
            counted(None),
            *(number(zero[key], places) for key in _COMPONENTS),
            *(number(constant.get(key), places) for key in _LENGTHS),
            counted(None),
        )
    )
    return Table(
        "force_scores",
        tell(
            "Errors of forces on the test set ({unit}), means over the repeats: RMSE of each component and of all; "
            "mean, 95th percentile and maximum of the length of the error |ΔF| of an atom. Of zero: squared error as a "
            "share of that of predicting zero everywhere, whose errors stand in the last row.",
            unit=shown,
        ),
        columns,
        align(rows, columns),
        source_note(findings),
        "wide",
        shown,
    )


def _share(value: float | None) -> Cell:
    return Cell(fixed(None if value is None else 100 * value, 1), value)


def _states(findings: Mapping[str, Any], found: Sequence[Mapping[str, Any]]) -> Table:
    """Return force RMSE by state, variants side by side, and the root mean square of the reference forces."""
    by_name = {entry["name"]: {state["name"]: state for state in entry["states"]} for entry in found}
    names = [
        group["name"]
        for group in findings["data"]["groups"]
        if any(group["name"] in states for states in by_name.values())
    ]
    shown = unit_label("meV/A")
    columns = (
        Column("state", tell_as("column", "state"), align="left"),
        Column("atoms", tell_as("column", "atoms")),
        Column("zero", tell("predicting zero"), shown),
        *(Column(f"variant_{place}", short(name, 16), shown) for place, name in enumerate(by_name, start=1)),
    )
    values = [state["rmse"] for states in by_name.values() for state in states.values()]
    places = min(2, common_decimals(values) or 0)
    rows = []
    for name in names:
        first = next(states[name] for states in by_name.values() if name in states)
        rows.append(
            (
                words(short(name)),
                counted(first["atoms"]),
                number(first["zero"], places),
                *(number(states.get(name, {}).get("rmse"), places) for states in by_name.values()),
            )
        )
    caption = tell(
        "Force RMSE by state ({unit} per component), mean over the repeats, beside that of predicting zero, which is "
        "the size of the forces themselves; atoms: test atoms of the state in one repeat.",
        unit=shown,
    )
    return Table(
        "force_states",
        caption + undrawn_note(findings),
        columns,
        align(rows, columns),
        source_note(findings),
        "wide",
        shown,
    )


def _bins(edges: Sequence[float]) -> list[str]:
    """Return the ends of each bin, the outer ones open, as the findings' bins are."""
    places = common_decimals([high - low for low, high in pairwise(edges)]) or 2
    inner = [fixed(edge, places) for edge in edges[1:-1]]
    return [
        tell("below {high}", high=inner[0]),
        *(tell("{low} to {high}", low=low, high=high) for low, high in pairwise(inner)),
        tell("from {low} on", low=inner[-1]),
    ]


def _sizes(
    findings: Mapping[str, Any],
    told: Mapping[str, Any],
    found: Sequence[Mapping[str, Any]],
    looks: Mapping[str, Style],
) -> list[Block]:
    """Return errors by the length of the reference force: a figure, and the table of it."""
    labels = _bins(told["edges_ev_per_a"])
    shown = unit_label("meV/A")
    panels = [
        (tell("force RMSE ({unit})", unit=shown), {e["name"]: [b["rmse"] for b in e["sizes"]] for e in found}),
        (
            tell("relative error (1: as zero)"),
            {entry["name"]: [each["relative"] for each in entry["sizes"]] for entry in found},
        ),
    ]
    caption = tell(
        "Errors of forces by the length of the reference force (rows, in eV/Å; fifths of the atoms of the test set): "
        "RMSE per component, and the root of the squared error over the squared forces, which is 1 for predicting "
        "zero. Means over the repeats."
    )
    return [
        Figure(
            "force_sizes",
            caption + undrawn_note(findings),
            draw.states(labels, panels, looks, key="force_sizes"),
            tell(
                "Dot plot of errors of forces by the length of the force for {variants}.",
                variants=count(len(found), "variant"),
            ),
            source_note(findings),
            _drawn_sizes(told["edges_ev_per_a"], found),
        )
    ]


def _drawn_sizes(edges: Sequence[float], found: Sequence[Mapping[str, Any]]) -> Table:
    columns = (
        Column("length", tell("length of the force"), "eV/Å", align="left"),
        Column("variant", tell_as("column", "variant"), align="left"),
        Column("atoms", tell_as("column", "atoms")),
        Column("rmse", tell("force RMSE"), unit_label("meV/A")),
        Column("zero", tell("predicting zero"), unit_label("meV/A")),
        Column("relative", tell("relative error")),
    )
    rows = [
        (
            in_english(lambda place=place: _bins(edges)[place]),  # type: ignore[misc]
            words(entry["name"]),
            counted(entry["sizes"][place]["atoms"]),
            number(entry["sizes"][place]["rmse"], 1),
            number(entry["sizes"][place]["zero"], 1),
            number(entry["sizes"][place]["relative"], 3),
        )
        for place in range(len(edges) - 1)
        for entry in found
    ]
    return Table("force_sizes", tell("The errors that are drawn."), columns, align(rows, columns))


# ------------------------------------------------------------------------------------------------------ parity


def _parity(findings: Mapping[str, Any], found: Sequence[Mapping[str, Any]], looks: Mapping[str, Style]) -> Figure:
    panels = [
        parity_draw.Parity(
            entry["name"],
            entry["parity"]["reference_ev_per_a"],
            entry["parity"]["predicted_ev_per_a"],
            [_COMPONENTS[axis] for axis in entry["parity"]["axis"]],
        )
        for entry in found
    ]
    shown = {(len(entry["parity"]["axis"]), entry["parity"]["total"]) for entry in found}
    which = tell("some of the components of the test set, evenly picked,")
    if len(shown) == 1:
        ((some, total),) = shown
        which = tell("{some} of {all} components of the test set, evenly picked,", some=whole(some), all=whole(total))
    return Figure(
        "force_parity",
        tell(
            "Predicted against reference components of forces: {which} of one repeat (the first that succeeded), and "
            "below each its error. The scales of the errors differ from variant to variant.",
            which=which,
        )
        + undrawn_note(findings),
        parity_draw.parity(panels, looks, of="forces"),
        tell("Parity plots of the forces of {variants}.", variants=count(len(panels), "variant")),
        source_note(findings),
        _drawn_parity(panels),
    )


def _drawn_parity(panels: Sequence[parity_draw.Parity]) -> Table:
    """Return the components that are drawn, of very many evenly picked ones."""
    room = max(2, _ROWS // len(panels))
    columns = (
        Column("variant", tell_as("column", "variant"), align="left"),
        Column("component", tell_as("column", "component"), align="left"),
        Column("reference", tell_as("column", "reference"), "eV/Å"),
        Column("predicted", tell_as("column", "predicted"), "eV/Å"),
        Column("error", tell_as("column", "error"), unit_label("meV/A")),
    )
    rows = []
    for panel in panels:
        size = len(panel.states)
        step = max(1, -(-size // room))
        rows += [
            (
                words(panel.name),
                words(panel.states[place]),
                Cell(exact(panel.reference[place]), panel.reference[place]),
                Cell(exact(panel.predicted[place]), panel.predicted[place]),
                Cell(exact(panel.errors[place], 4), panel.errors[place]),
            )
            for place in range(0, size, step)
        ]
    caption = tell("Components of forces that are drawn; findings.json has all.")
    return Table("force_parity", caption, columns, tuple(rows))
