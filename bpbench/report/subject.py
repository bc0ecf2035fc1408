"""What a study is about: its question, its data and their split, its feature sets and networks."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from bpbench.report import (
    divided,
    equations,
    listings,
    methods,
    schematics,
    scored,
    sheet,
    tables,
    timeline,
    timing,
)
from bpbench.report.document import Block, Figure, Items, Section, Text, cite, ref
from bpbench.report.kinds import SCORED, study_kind, timed
from bpbench.report.labels import data_label, set_label, source_note
from bpbench.report.language import Catalogue, listed, marked, tell, tell_n, voice
from bpbench.report.numerals import count, say, whole
from bpbench.report.retold import retold
from bpbench.report.tallies import distinct_note, tally, twins_note
from bpbench.report.vocabulary import compared_with, metric_label
from bpbench.report.words import sentence

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bpbench.features import FeatureSet

#: Sets that get a sheet of their own, most of a page each.
_SHEETS: Final = 8
#: Networks that are drawn; they fill a page.
_SHAPES: Final = 8


def question(findings: Mapping[str, Any]) -> Section:
    """Return the section on the question, what is compared, and what was decided before results."""
    protocol, counts = findings["protocol"], tally(findings)
    analysis, split = findings["analysis"], findings["split"]
    if timed(findings):
        text = tell(
            "Protocol {name} compares what {sets} of symmetry functions cost, by {metric}; {how}. Each is measured in "
            "{rounds}; of {measurements} in all, {done} succeeded. Nothing is trained.",
            name=say(protocol["name"]),
            sets=count(counts["variants"], "set"),
            metric=metric_label(findings["metric"]),
            how=compared_with(analysis),
            rounds=count(split["repeats"], "round"),
            measurements=count(counts["trainings"], "measurement"),
            done=whole(counts["done"]),
        )
    else:
        text = _compared(findings)
    return Section(
        "question",
        tell("The question"),
        (
            Text(protocol["question"], "prose"),
            Text(text),
            Text(methods.decided(findings)),
            tables.variants(findings),
            *((Text(twins, "note"),) if (twins := twins_note(findings)) else ()),
        ),
    )


def _compared(findings: Mapping[str, Any]) -> str:
    protocol, counts = findings["protocol"], tally(findings)
    analysis, split = findings["analysis"], findings["split"]
    fields = {
        "name": say(protocol["name"]),
        "variants": count(counts["variants"], "variant"),
        "metric": metric_label(findings["metric"]),
        "how": compared_with(analysis),
        "repeats": count(split["repeats"], "repeat"),
        "splits": count(split["splits"], "split"),
        "trainings": count(counts["trainings"], "training"),
        "done": whole(counts["done"]),
    }
    text = (
        tell(
            "Protocol {name} compares {variants} by {metric} on the test set; {how}. Each variant has {repeats} on "
            "{splits}; of {trainings} in all, {done} succeeded.",
            **fields,
        )
        if split["splits"] > 1
        else tell(
            "Protocol {name} compares {variants} by {metric} on the test set; {how}. Each variant has {repeats}; of "
            "{trainings} in all, {done} succeeded.",
            **{key: field for key, field in fields.items() if key != "splits"},
        )
    )
    return f"{text} {distinct_note(findings)}".rstrip()


def size(findings: Mapping[str, Any]) -> str:
    """Return how much data there are."""
    data = findings["data"]
    if study_kind(findings) is SCORED:
        return scored.size(findings)
    if data["kind"] == "table":
        return f"{count(data['frames'], 'configuration')}, {count(data['atoms'], 'row')}"
    return f"{count(data['frames'], 'frame')}, {count(data['atoms'], 'atom')}"


def data(findings: Mapping[str, Any]) -> Section:
    """Return the section on the data."""
    data = findings["data"]
    low, high = data["atoms_per_frame"]
    size = (
        tell_n("{n} atom each", "{n} atoms each", low)
        if low == high
        else tell("{low} to {high} atoms", low=whole(low), high=whole(high))
    )
    what = tell("{frames} of {size}", frames=count(data["frames"], "frame"), size=size)
    if data["kind"] == "table":
        what = tell(
            "a table of {rows}, one per atom, and {columns} of descriptors; {configurations} of {size}",
            rows=count(data["atoms"], "row"),
            columns=count(data["columns"], "column"),
            configurations=count(data["frames"], "configuration"),
            size=size,
        )
    text = tell(
        "{data}: {what} in {states}, {blocks} ({cut}). File {file}, SHA-256 {digest}.",
        data=data_label(findings),
        what=what,
        states=count(len(data["groups"]), "state"),
        blocks=count(data["blocks"], "block"),
        cut=tell("as declared in the data") if data["blocks_declared"] else tell("cut from consecutive frames"),
        file=data["file"],
        digest=data["sha256"],
    )
    if data["method"] == "EMT":
        text += " " + tell(
            "EMT is the effective medium theory{theory}, as ASE{program} computes it: a classical potential, not "
            "quantum mechanics.",
            theory=cite("jacobsen1996"),
            program=cite("larsen2017"),
        )
    blocks: list[Block] = [Text(text), tables.states(findings)]
    if data["remarks"]:
        blocks.append(Items(tuple(sentence(retold(remark)) for remark in data["remarks"])))
    return Section("data", tell("The data"), tuple(blocks))


def split(findings: Mapping[str, Any]) -> Section:
    """Return the section on the split, with its drawing."""
    section = _divided(findings)
    return replace(section, blocks=(*section.blocks, *timeline.figures(findings)))


def _divided(findings: Mapping[str, Any]) -> Section:
    return divided.section(findings, sentence(retold(findings["split"]["sentence"])))


#: Of frames of several elements.
_NEIGHBOURS: Final = marked(
    "The frames hold {elements}: a function counts neighbours of the elements that it names alone, and one that was "
    "written without elements stands once for each element, or for each pair of elements where it is angular."
)


def sets(findings: Mapping[str, Any]) -> Section:
    """Return the section on the feature sets."""
    sets = findings["sets"]
    read = [entry for entry in sets if entry.get("table")]
    made = [entry for entry in sets if not entry.get("table")]
    text = timing.sets(findings, [set_label(entry) for entry in made]) if timed(findings) else ""
    if made and not text:
        text = _pooled(findings, made) + " "
    if read:
        files = dict.fromkeys(
            tell("{file}, SHA-256 {digest}", file=entry["table"]["file"], digest=entry["table"]["sha256"])
            for entry in read
        )
        fields = {"files": "; ".join(files), "sets": listed([set_label(entry) for entry in read])}
        text += (
            tell(
                "Other values were computed elsewhere and are read from a table ({files}), whose columns are chosen by "
                "name: {sets}.",
                **fields,
            )
            if made
            else tell(
                "Values were computed elsewhere and are read from a table ({files}), whose columns are chosen by name: "
                "{sets}.",
                **fields,
            )
        )
    elements = findings["data"].get("elements") or ()
    if made and len(elements) > 1:
        text += " " + tell(_NEIGHBOURS, elements=listed(elements))
    text = text.rstrip()
    blocks: list[Block] = [Text(text), *_defined(findings), tables.sets(findings)]
    if any(entry["reconstructed"] for entry in sets):
        blocks.append(
            Text(
                tell(
                    "A reconstruction is a set of which not all values were ever published; the missing ones are ours "
                    "and are printed in {appendix}.",
                    appendix=ref("section", "appendix"),
                ),
                "note",
            )
        )
    return Section("sets", tell("The feature sets"), (*blocks, *_drawings(findings)))


def _defined(findings: Mapping[str, Any]) -> list[Block]:
    """Return the equations of the kinds of functions that the sets hold, with a sentence that points at them."""
    found = equations.functions(findings)
    if not found:
        return []
    places = listed([ref("equation", equation.key) for equation in found])
    return [Text(tell("The functions are defined by {equations}.", equations=places)), *found]


def _pooled(findings: Mapping[str, Any], made: Sequence[Mapping[str, Any]]) -> str:
    """Return from which pool of functions sets are chosen, and what the functions count."""
    pool = findings["pool"]
    label = pool["name"] or tell("of the sets")
    if pool["name"] and pool["reconstructed"]:
        label = tell("{name} (reconstruction)", name=pool["name"])
    return tell_n(
        "The symmetry functions{work} are computed once, in a pool ({label}) of {functions}, from which {sets} is "
        "chosen by name: {names}. G2 counts the neighbours around a distance, G4 and G5 the pairs of neighbours around "
        "an angle; each unordered pair counts once.",
        "The symmetry functions{work} are computed once, in a pool ({label}) of {functions}, from which {sets} are "
        "chosen by name: {names}. G2 counts the neighbours around a distance, G4 and G5 the pairs of neighbours around "
        "an angle; each unordered pair counts once.",
        len(made),
        work=cite("behler2011"),
        label=label,
        functions=count(pool["size"], "function"),
        sets=count(len(made), "set"),
        names=listed([set_label(entry) for entry in made]),
    )


# What sets and networks look like follows from few values, and most of a report's time goes into drawing it: whoever
# renders several reports in one process, as the tests do, draws each once in a language.


@lru_cache(maxsize=8)
def _seen(sets: tuple[tuple[str, FeatureSet], ...], _voice: Catalogue) -> str:
    return schematics.seen(sets)


@lru_cache(maxsize=32)
def _sheet(functions: FeatureSet, title: str, key: str, _voice: Catalogue) -> str:
    return sheet.sheet(functions, title, key=key)


@lru_cache(maxsize=8)
def _layers(shapes: tuple[str, ...], _voice: Catalogue) -> str:
    return schematics.networks(shapes)


def _drawings(findings: Mapping[str, Any]) -> list[Block]:
    """Return one figure of all sets of symmetry functions, one sheet for each, and a note where there are too many."""
    sets = [(entry, functions) for entry in findings["sets"] if (functions := sheet.told(entry)) is not None]
    if not sets:
        return []
    source = source_note(findings, data=False)
    blocks: list[Block] = [
        Figure(
            "feature_sets",
            tell(
                "What the functions of each set see. Left, for each G2, what one neighbour at distance r adds to it; "
                "right, the distinct angular parts over the angle θ at the central atom."
            ),
            _seen(tuple((entry["name"], functions) for entry, functions in sets), voice()),
            tell("Curves of all functions of {sets}.", sets=count(len(sets), "set")),
            source,
            listings.functions("feature_sets", [entry for entry, _ in sets]),
        )
    ]
    if timed(findings):
        return blocks
    for number, (entry, functions) in enumerate(sets[:_SHEETS], 1):
        key = f"sheet_{number}"
        drawn = _sheet(functions, tell("Set {name}", name=entry["name"]), key, voice())
        caption = f"{tell('Set {name}', name=set_label(entry))}. {sheet.reading(functions)}"
        alt = tell(
            "Curves, widths and combinations of the {functions} of set {name}.",
            functions=count(entry["size"], "function"),
            name=say(entry["name"]),
        )
        blocks.append(Figure(key, caption, drawn, alt, data=listings.functions(key, [entry])))
    left = len(sets) - _SHEETS
    if left > 0:
        note = tell_n(
            "The sheet of {n} further set is left out; the tables list all.",
            "The sheets of {n} further sets are left out; the tables list all.",
            left,
        )
        blocks.append(Text(note, "note"))
    return blocks


def networks(findings: Mapping[str, Any]) -> tuple[Section, ...]:
    """Return the section that draws the networks, none where there are none."""
    shapes = list(
        dict.fromkeys(
            shape
            for variant in findings["variants"]
            for shape in (variant.get("shapes") or {"": variant["shape"]}).values()
            if shape
        )
    )
    if not shapes:
        return ()
    left, shapes = shapes[_SHAPES:], shapes[:_SHAPES]
    figure = Figure(
        "networks",
        tell(
            "The networks {shapes}: one atom's descriptors, the hidden layers, the atom's energy, and the sum over "
            "atoms. Of large layers only the first and last nodes are drawn.",
            shapes=listed(shapes),
        ),
        _layers(tuple(shapes), voice()),
        tell("Layers of the networks {shapes}.", shapes=listed(shapes)),
        data=listings.layers("networks", shapes),
    )
    note = tell_n("{n} further network is not drawn.", "{n} further networks are not drawn.", len(left))
    blocks = (*equations.energy(findings), figure, *((Text(note, "note"),) if left else ()))
    return (Section("networks", tell("The networks"), blocks),)
