"""From findings to a document: what is told, and in which order. It formats numbers and makes none."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from bpbench.report import (
    agreement,
    courses,
    divided,
    equations,
    judged,
    learned,
    learners,
    listings,
    magnitudes,
    methods,
    noise,
    published,
    results,
    schematics,
    scored,
    search_results,
    search_tables,
    searches,
    sheet,
    standing,
    swept,
    tables,
    timeline,
    timing,
    unjudged,
)
from bpbench.report.answer import answer
from bpbench.report.canvas import styles
from bpbench.report.document import Block, Document, Facts, Figure, Items, Section, Text, Verbatim, cite, ref
from bpbench.report.language import language, listed, marked, tell, tell_n
from bpbench.report.numbered import unmarked
from bpbench.report.numerals import count, exact, say, short, whole
from bpbench.report.references import bibliography
from bpbench.report.retold import retold
from bpbench.report.vocabulary import (
    SCORED,
    WATERMARK,
    compared_with,
    data_label,
    distinct_note,
    job_word,
    metric_label,
    quick,
    set_label,
    source_note,
    study_kind,
    tally,
    timed,
    twins_note,
)
from bpbench.report.words import sentence

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bpbench.features import FeatureSet
    from bpbench.report.document import Table

#: Sets that get a sheet of their own, most of a page each.
_SHEETS: Final = 8
#: Networks that are drawn; they fill a page.
_SHAPES: Final = 8


def compose(findings: Mapping[str, Any], environment: Mapping[str, Any]) -> Document:
    """Return the whole report as data.

    Parameters
    ----------
    findings : dict
        Findings of schema 1.
    environment : dict
        Host, versions, times; shown in its own section and, where descriptors were timed, with how that was done.

    Returns
    -------
    Document
        Every number outside the environment section stands in the findings or is one of
        :func:`bpbench.report.vocabulary.tally`.
    """
    findings, environment = unmarked(findings), unmarked(environment)
    protocol, of_others = findings["protocol"], study_kind(findings) is SCORED
    title = protocol["title"] or protocol["name"]
    mark = tell(WATERMARK) if quick(findings) else ""
    running = f"{short(title, 60)} · {data_label(findings, 40)}"
    name = tell("table") if of_others else tell("protocol")
    document = Document(
        title=f"{title} ({tell(unjudged.KIND)})" if mark else title,
        subtitle=protocol["question"],
        running=f"{mark} · {running}" if mark else running,
        facts=(
            *(((tell("run"), tell(unjudged.FIRST)),) if mark else ()),
            (name, tell("{name}, digest {digest}", name=protocol["name"], digest=protocol["digest"])),
            (tell("data"), f"{data_label(findings)}, {_size(findings)}"),
            (tell("made by"), f"bpbench {findings['bpbench']}"),
        ),
        sections=scored.sections(findings, _answer(findings), _environment(findings, environment))
        if of_others
        else _sections(findings, environment),
        watermark=mark,
        language=language(),
    )
    works = bibliography(document.running_text())
    if not works.works:
        return document
    return replace(document, sections=(*document.sections, Section("references", tell("References"), (works,))))


def _sections(findings: Mapping[str, Any], environment: Mapping[str, Any]) -> tuple[Section, ...]:
    return (
        _answer(findings),
        _question(findings),
        _data(findings),
        timing.measured(findings, environment) if timed(findings) else _split(findings),
        _sets(findings),
        *agreement.section(findings),
        *(() if timed(findings) else _networks(findings)),
        _methods(findings),
        *_results(findings, environment),
        Section("failures", tell("What failed or is missing"), tuple(results.failures(findings))),
        Section("limits", tell("Limits"), (Items(tuple(methods.limits(findings, tally(findings)))),)),
        _environment(findings, environment),
        _protocol(findings),
        _reproduce(findings),
        *_appendix(findings),
    )


def csv_tables(findings: Mapping[str, Any], document: Document) -> tuple[Table, ...]:
    """Return all tables to be written as CSV: those of the document and those too long to be shown."""
    if study_kind(findings) is SCORED:
        return (*document.tables, scored.repeats(findings))
    return (
        *document.tables,
        *agreement.columns(findings),
        *search_tables.tables(findings),
        tables.functions(findings),
        tables.repeats(findings),
    )


def _answer(findings: Mapping[str, Any]) -> Section:
    return Section(
        "answer",
        tell("The answer"),
        (*(Text(text, "lead") for text in answer(findings)), Text(source_note(findings), "note")),
    )


def _question(findings: Mapping[str, Any]) -> Section:
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


def _size(findings: Mapping[str, Any]) -> str:
    data = findings["data"]
    if study_kind(findings) is SCORED:
        return scored.size(findings)
    if data["kind"] == "table":
        return f"{count(data['frames'], 'configuration')}, {count(data['atoms'], 'row')}"
    return f"{count(data['frames'], 'frame')}, {count(data['atoms'], 'atom')}"


def _data(findings: Mapping[str, Any]) -> Section:
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


def _split(findings: Mapping[str, Any]) -> Section:
    """Return the section on the split, with its drawing."""
    section = _divided(findings)
    return replace(section, blocks=(*section.blocks, *timeline.figures(findings)))


def _divided(findings: Mapping[str, Any]) -> Section:
    return divided.section(findings, sentence(retold(findings["split"]["sentence"])))


def _sets(findings: Mapping[str, Any]) -> Section:
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
def _seen(sets: tuple[tuple[str, FeatureSet], ...], _language: str) -> str:
    return schematics.seen(sets)


@lru_cache(maxsize=32)
def _sheet(functions: FeatureSet, title: str, key: str, _language: str) -> str:
    return sheet.sheet(functions, title, key=key)


@lru_cache(maxsize=8)
def _layers(shapes: tuple[str, ...], _language: str) -> str:
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
            _seen(tuple((entry["name"], functions) for entry, functions in sets), language()),
            tell("Curves of all functions of {sets}.", sets=count(len(sets), "set")),
            source,
            listings.functions("feature_sets", [entry for entry, _ in sets]),
        )
    ]
    if timed(findings):
        return blocks
    for number, (entry, functions) in enumerate(sets[:_SHEETS], 1):
        key = f"sheet_{number}"
        drawn = _sheet(functions, tell("Set {name}", name=entry["name"]), key, language())
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


def _networks(findings: Mapping[str, Any]) -> tuple[Section, ...]:
    """Return the section that draws the networks, none where there are none."""
    shapes = list(dict.fromkeys(variant["shape"] for variant in findings["variants"] if variant["shape"]))
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
        _layers(tuple(shapes), language()),
        tell("Layers of the networks {shapes}.", shapes=listed(shapes)),
        data=listings.layers("networks", shapes),
    )
    note = tell_n("{n} further network is not drawn.", "{n} further networks are not drawn.", len(left))
    blocks = (*equations.energy(findings), figure, *((Text(note, "note"),) if left else ()))
    return (Section("networks", tell("The networks"), blocks),)


def _methods(findings: Mapping[str, Any]) -> Section:
    models = [Text(text) for text in learners.models(findings)]
    judging = [Text(text) for text in methods.statistics(findings)]
    return Section(
        "methods",
        tell("Methods"),
        (
            *models,
            *(() if timed(findings) else (tables.models(findings),)),
            *equations.score(findings),
            *judging,
            *equations.tests(findings),
        ),
    )


def _results(findings: Mapping[str, Any], environment: Mapping[str, Any]) -> list[Section]:
    looks = styles([variant["name"] for variant in findings["variants"]])
    if not tally(findings)["done"]:
        none = tell("There are no results: no training succeeded.")
        if timed(findings):
            none = tell("There are no results: no measurement succeeded.")
        return [Section("results", tell("Results"), (Text(none, "warning"), *judged.comparisons(findings, looks)))]
    if timed(findings):
        return [
            Section("repeats", tell("Every round"), tuple(timing.results(findings, looks))),
            Section("comparisons", tell("The comparisons"), tuple(judged.comparisons(findings, looks))),
            *standing.ranks(findings),
            *_remarks(findings),
        ]
    course = (*learned.learning(findings, looks), *courses.stopping(findings))
    return [
        *searches.sections(findings),
        Section(
            "repeats",
            tell("Every repeat"),
            (*results.scores(findings, looks), *courses.ensembles(findings)),
        ),
        *_unless_empty("curves", tell("Learning curves"), course),
        *_unless_empty("parity", tell("Parity"), learned.parity(findings, looks)),
        Section("states", tell("Errors by state"), tuple(learned.by_state(findings, looks))),
        Section("comparisons", tell("The comparisons"), tuple(judged.comparisons(findings, looks))),
        *standing.ranks(findings),
        *search_results.front(findings, environment),
        *_unless_empty("best", tell("Best of n"), magnitudes.best_of(findings)),
        *search_results.survival(findings),
        *noise.sections(findings),
        *divided.fresh(findings),
        *swept.sections(findings),
        *published.section(findings),
        *_remarks(findings),
    ]


def _unless_empty(key: str, title: str, blocks: Sequence[Block]) -> list[Section]:
    return [Section(key, title, tuple(blocks))] if blocks else []


#: A remark that differs from variant to variant in its two numbers alone.
_OUTNUMBERED: Final = re.compile(r"(More weights than data): (\d+) weights learn from (\d+) energies(.*)", re.DOTALL)
#: Variants that share a remark and are named one by one, and how many of more of them.
_EACH: Final = 6
_FIRST: Final = 3


def _remarks(findings: Mapping[str, Any]) -> list[Section]:
    """Return what trainings remarked, each sentence once, with the variants and, if not all, how many trainings."""
    by_text: dict[str, list[_Said]] = {}
    for variant in findings["variants"]:
        said: dict[str, _Said] = {}
        done = [result["remarks"] for result in variant["results"] if result["status"] == "done"]
        for remarks in done:
            for text in dict.fromkeys(remarks):
                found = _OUTNUMBERED.fullmatch(text)
                entry = said.setdefault(f"{found[1]}{found[4]}" if found else text, _Said(variant["name"], len(done)))
                entry.times += 1
                if found:
                    size = f"{count(int(found[2]), 'weight')}, {count(int(found[3]), 'energy', 'energies')}"
                    entry.sizes += [] if size in entry.sizes else [size]
        for text, entry in said.items():
            by_text.setdefault(text, []).append(entry)
    total = len(findings["variants"])
    if not by_text:
        return []
    lines = tuple(
        tell("{whose}: {remark}", whose=_whose(entries, total, job_word(findings)), remark=sentence(retold(text)))
        for text, entries in by_text.items()
    )
    title = tell("Remarks of the measurements") if timed(findings) else tell("Remarks of the trainings")
    return [Section("remarks", title, (Items(lines),))]


@dataclass(slots=True)
class _Said:
    """How many of a variant's finished trainings made a remark, and the sizes that it named."""

    name: str
    of: int
    times: int = 0
    sizes: list[str] = field(default_factory=list)

    def named(self, job: str) -> str:
        beside = [*self.sizes, *_often(self.times, self.of, job)]
        return say(self.name) + (f" ({'; '.join(beside)})" if beside else "")


def _often(times: int, of: int, job: str) -> list[str]:
    """Return in how many trainings, nothing where it is all."""
    return [] if times == of else [tell("in {some} of {all}", some=whole(times), all=count(of, job))]


def _whose(entries: Sequence[_Said], total: int, job: str) -> str:
    if len(entries) <= _EACH:
        return listed([entry.named(job) for entry in entries])
    often = _often(sum(entry.times for entry in entries), sum(entry.of for entry in entries), job)
    which = (
        tell_n("all {n} variants", "all {n} variants", total)
        if len(entries) == total
        else tell("{some} of {variants}", some=whole(len(entries)), variants=count(total, "variant"))
    )
    names = listed([entry.named(job) for entry in entries[:_FIRST]])
    return tell("{which}, among them {names}", which=f"{which} ({often[0]})" if often else which, names=names)


# ------------------------------------------------------------------------------------------- around the study


#: What is told of the machine, by its key.
_MACHINE: Final = {
    "made": marked("made"),
    "host": marked("host"),
    "cpu": marked("processor"),
    "cores": marked("cores"),
    "platform": marked("system"),
    "python": "Python",
    "command": marked("command"),
    "wall_s": marked("wall time (s)"),
    "jobs_run": marked("jobs run"),
    "jobs_loaded": marked("jobs loaded from the store"),
    "made_elsewhere": marked("results made by other hosts, versions or sources"),
    "sources": marked("digest of the sources"),
    "store": marked("store"),
    "pdf": "PDF",
}


def _environment(findings: Mapping[str, Any], environment: Mapping[str, Any]) -> Section:
    pairs = [
        (tell(label), _plain(environment[key])) for key, label in _MACHINE.items() if environment.get(key) is not None
    ]
    versions = environment.get("versions") or {}
    if versions:
        pairs.append((tell("versions"), ", ".join(f"{name} {version}" for name, version in sorted(versions.items()))))
    by_kind = environment.get("seconds_by_kind") or {}
    pairs += [(tell("seconds in {kind}", kind=kind), _plain(value)) for kind, value in by_kind.items()]
    for name, cost in (environment.get("seconds_by_variant") or {}).items():
        mean = tell("{seconds} (mean of {n})", seconds=_plain(cost["mean"]), n=_plain(cost["n"]))
        pairs.append((_each(findings, short(name)), mean))
    note = tell("From environment.json. These entries differ from machine to machine and decide nothing above.")
    if not environment.keys() - {"pdf"}:
        note = tell("There was no environment.json beside the findings: of the machine and its times nothing is known.")
    elif timed(findings):
        note = tell("From environment.json. Processor and cores are those that the times above were measured on.")
    return Section("environment", tell("Environment"), (Text(note, "note"), Facts(tuple(pairs))))


def _each(findings: Mapping[str, Any], name: str) -> str:
    kind = study_kind(findings)
    if kind is SCORED:
        return tell("seconds per score of {name}", name=name)
    if timed(findings):
        return tell("seconds per measurement of {name}", name=name)
    return tell("seconds per training of {name}", name=name)


def _plain(value: Any) -> str:
    return exact(value, 4) if isinstance(value, float) else str(value)


def _protocol(findings: Mapping[str, Any]) -> Section:
    protocol = findings["protocol"]
    text = Verbatim(protocol["text"], f"{protocol['name']}.yaml")
    return Section("protocol", tell("The protocol"), (*unjudged.protocol(findings), text))


def _reproduce(findings: Mapping[str, Any]) -> Section:
    protocol, data = findings["protocol"], findings["data"]
    fields = {"version": findings["bpbench"], "digest": data["sha256"]}
    again = (
        tell(
            "With bpbench {version}, this protocol and the data file of SHA-256 {digest}, the command below gives "
            "these findings again from the stored times. With an empty store, or on another kind of machine, it "
            "measures anew, and no two measurements give the same bits.",
            **fields,
        )
        if timed(findings)
        else tell(
            "With bpbench {version}, this protocol and the data file of SHA-256 {digest}, the command below gives "
            "these findings again. All seeds follow from the root seed {seed} by name. The bits are the same on the "
            "same kind of processor with the same library versions; elsewhere rounding may differ.",
            seed=str(protocol["seed"]),
            **fields,
        )
    )
    kept = tell(
        "findings.json holds every number of this report unrounded, tables/ the tables as CSV, figures/ the drawings "
        "as SVG and what they draw as CSV."
    )
    blocks = (Text(f"{again} {kept}"), Verbatim(protocol["command"], "command"))
    return Section("reproduce", tell("How to reproduce this"), blocks)


def _appendix(findings: Mapping[str, Any]) -> list[Section]:
    table = tables.reconstructions(findings)
    return [] if table is None else [Section("appendix", tell("Appendix: reconstructed values"), (table,))]
