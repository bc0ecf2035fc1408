"""From findings to a document: what is told, and in which order. It formats numbers and makes none."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from bpbench.counting import listed
from bpbench.report import (
    agreement,
    courses,
    divided,
    judged,
    learners,
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
    timing,
    unjudged,
)
from bpbench.report.answer import answer
from bpbench.report.canvas import styles
from bpbench.report.document import Block, Document, Facts, Figure, Items, Section, Text, Verbatim
from bpbench.report.language import language
from bpbench.report.numerals import count, exact, say, short, whole
from bpbench.report.vocabulary import (
    SCORED,
    WATERMARK,
    compared_with,
    data_label,
    distinct_note,
    job_word,
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
    protocol, of_others = findings["protocol"], study_kind(findings) is SCORED
    title = protocol["title"] or protocol["name"]
    mark = WATERMARK if quick(findings) else ""
    running = f"{short(title, 60)} · {data_label(findings, 40)}"
    return Document(
        title=f"{title} ({unjudged.KIND})" if mark else title,
        subtitle=protocol["question"],
        running=f"{mark} · {running}" if mark else running,
        facts=(
            *((("run", unjudged.FIRST),) if mark else ()),
            ("table" if of_others else "protocol", f"{protocol['name']}, digest {protocol['digest']}"),
            ("data", f"{data_label(findings)}, {_size(findings)}"),
            ("made by", f"bpbench {findings['bpbench']}"),
        ),
        sections=scored.sections(findings, _answer(findings), _environment(findings, environment))
        if of_others
        else _sections(findings, environment),
        watermark=mark,
        language=language(),
    )


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
        Section("failures", "What failed or is missing", tuple(results.failures(findings))),
        Section("limits", "Limits", (Items(tuple(methods.limits(findings, tally(findings)))),)),
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
        "The answer",
        (*(Text(text, "lead") for text in answer(findings)), Text(source_note(findings), "note")),
    )


def _question(findings: Mapping[str, Any]) -> Section:
    protocol, counts = findings["protocol"], tally(findings)
    analysis, split = findings["analysis"], findings["split"]
    if timed(findings):
        text = (
            f"Protocol {say(protocol['name'])} compares what {count(counts['variants'], 'set')} of symmetry functions "
            f"cost, by {findings['metric']['label']}; {compared_with(analysis)}. Each is measured in "
            f"{count(split['repeats'], 'round')}; of {count(counts['trainings'], 'measurement')} in all, "
            f"{counts['done']} succeeded. Nothing is trained."
        )
    else:
        text = _compared(findings)
    return Section(
        "question",
        "The question",
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
    return (
        f"Protocol {say(protocol['name'])} compares {count(counts['variants'], 'variant')} by "
        f"{findings['metric']['label']} on the {analysis['part']} set; {compared_with(analysis)}. "
        f"Each variant has {count(split['repeats'], 'repeat')}"
        + (f" on {count(split['splits'], 'split')}" if split["splits"] > 1 else "")
        + f"; of {count(counts['trainings'], 'training')} in all, {counts['done']} succeeded. {distinct_note(findings)}"
    ).rstrip()


def _size(findings: Mapping[str, Any]) -> str:
    data = findings["data"]
    if study_kind(findings) is SCORED:
        return scored.size(findings)
    if data["kind"] == "table":
        return f"{count(data['frames'], 'configuration')}, {count(data['atoms'], 'row')}"
    return f"{whole(data['frames'])} frames, {whole(data['atoms'])} atoms"


def _data(findings: Mapping[str, Any]) -> Section:
    data = findings["data"]
    low, high = data["atoms_per_frame"]
    size = f"{whole(low)} atoms each" if low == high else f"{whole(low)} to {whole(high)} atoms"
    cut = "as declared in the data" if data["blocks_declared"] else "cut from consecutive frames"
    what = f"{count(data['frames'], 'frame')} of {size}"
    if data["kind"] == "table":
        what = (
            f"a table of {count(data['atoms'], 'row')}, one per atom, and {count(data['columns'], 'column')} of "
            f"descriptors; {count(data['frames'], 'configuration')} of {size}"
        )
    text = (
        f"{data_label(findings)}: {what} in {count(len(data['groups']), 'state')}, "
        f"{count(data['blocks'], 'block')} ({cut}). File {data['file']}, SHA-256 {data['sha256']}."
    )
    blocks: list[Block] = [Text(text), tables.states(findings)]
    if data["remarks"]:
        blocks.append(Items(tuple(sentence(remark) for remark in data["remarks"])))
    return Section("data", "The data", tuple(blocks))


def _split(findings: Mapping[str, Any]) -> Section:
    return divided.section(findings, sentence(findings["split"]["sentence"]))


def _sets(findings: Mapping[str, Any]) -> Section:
    pool, sets = findings["pool"], findings["sets"]
    label = f"{pool['name']}{' (reconstruction)' if pool['reconstructed'] else ''}" if pool["name"] else "of the sets"
    read = [entry for entry in sets if entry.get("table")]
    made = [entry for entry in sets if not entry.get("table")]
    text = timing.sets(findings, [set_label(entry) for entry in made]) if timed(findings) else ""
    if made and not text:
        text = (
            f"The symmetry functions are computed once, in a pool ({label}) of {count(pool['size'], 'function')}, from "
            f"which {count(len(made), 'set')} {'is' if len(made) == 1 else 'are'} chosen by name: "
            f"{listed([set_label(entry) for entry in made])}. G2 counts the neighbours around a distance, G4 and G5 "
            "the pairs of neighbours around an angle; each unordered pair counts once. "
        )
    if read:
        files = dict.fromkeys(f"{entry['table']['file']}, SHA-256 {entry['table']['sha256']}" for entry in read)
        text += (
            f"{'Values' if not made else 'Other values'} were computed elsewhere and are read from a table "
            f"({'; '.join(files)}), whose columns are chosen by name: "
            f"{listed([set_label(entry) for entry in read])}."
        )
    text = text.rstrip()
    blocks: list[Block] = [Text(text), tables.sets(findings)]
    if any(entry["reconstructed"] for entry in sets):
        blocks.append(
            Text(
                "A reconstruction is a set of which not all values were ever published; the missing ones are ours and "
                "are printed in the appendix.",
                "note",
            )
        )
    return Section("sets", "The feature sets", (*blocks, *_drawings(findings)))


def _drawings(findings: Mapping[str, Any]) -> list[Block]:
    """Return one figure of all sets of symmetry functions, one sheet for each, and a note where there are too many."""
    sets = [(entry, functions) for entry in findings["sets"] if (functions := sheet.told(entry)) is not None]
    if not sets:
        return []
    source = source_note(findings, data=False)
    blocks: list[Block] = [
        Figure(
            "feature_sets",
            "What the functions of each set see. Left, for each G2, what one neighbour at distance r adds to it; "
            "right, the distinct angular parts over the angle θ at the central atom.",
            schematics.seen([(entry["name"], functions) for entry, functions in sets]),
            f"Curves of all functions of {count(len(sets), 'set')}.",
            source,
        )
    ]
    if timed(findings):
        return blocks
    for number, (entry, functions) in enumerate(sets[:_SHEETS], 1):
        key, size = f"sheet_{number}", count(entry["size"], "function")
        drawn = sheet.sheet(functions, f"Set {entry['name']}", key=key)
        caption = f"Set {set_label(entry)}. {sheet.reading(functions)}"
        alt = f"Curves, widths and combinations of the {size} of set {say(entry['name'])}."
        blocks.append(Figure(key, caption, drawn, alt))
    left = len(sets) - _SHEETS
    if left > 0:
        blocks.append(Text(f"The sheets of {count(left, 'further set')} are left out; the tables list all.", "note"))
    return blocks


def _networks(findings: Mapping[str, Any]) -> tuple[Section, ...]:
    """Return the section that draws the networks, none where there are none."""
    shapes = list(dict.fromkeys(variant["shape"] for variant in findings["variants"] if variant["shape"]))
    if not shapes:
        return ()
    left, shapes = shapes[_SHAPES:], shapes[:_SHAPES]
    figure = Figure(
        "networks",
        f"The networks {listed(shapes)}: one atom's descriptors, the hidden layers, the atom's energy, and the "
        "sum over atoms. Of large layers only the first and last nodes are drawn.",
        schematics.networks(shapes),
        f"Layers of the networks {listed(shapes)}.",
    )
    note = Text(f"{count(len(left), 'further network')} {'is' if len(left) == 1 else 'are'} not drawn.", "note")
    return (Section("networks", "The networks", (figure, note) if left else (figure,)),)


def _methods(findings: Mapping[str, Any]) -> Section:
    texts = [*learners.models(findings), *methods.statistics(findings)]
    if timed(findings):
        return Section("methods", "Methods", tuple(Text(text) for text in texts))
    return Section("methods", "Methods", (*(Text(text) for text in texts), tables.models(findings)))


def _results(findings: Mapping[str, Any], environment: Mapping[str, Any]) -> list[Section]:
    looks = styles([variant["name"] for variant in findings["variants"]])
    if not tally(findings)["done"]:
        none = Text(f"There are no results: no {job_word(findings)} succeeded.", "warning")
        return [Section("results", "Results", (none, *judged.comparisons(findings, looks)))]
    if timed(findings):
        return [
            Section("repeats", "Every round", tuple(timing.results(findings, looks))),
            Section("comparisons", "The comparisons", tuple(judged.comparisons(findings, looks))),
            *standing.ranks(findings),
            *_remarks(findings),
        ]
    return [
        *searches.sections(findings),
        Section(
            "repeats",
            "Every repeat",
            (*results.scores(findings, looks), *magnitudes.best_of(findings), *courses.ensembles(findings)),
        ),
        Section("comparisons", "The comparisons", tuple(judged.comparisons(findings, looks))),
        *standing.ranks(findings),
        *search_results.front(findings, environment),
        *search_results.survival(findings),
        *published.section(findings),
        *noise.sections(findings),
        *divided.fresh(findings),
        *swept.sections(findings),
        *_unless_empty("curves", "Learning curves", (*results.learning(findings, looks), *courses.stopping(findings))),
        *_unless_empty("parity", "Parity", results.parity(findings, looks)),
        Section("states", "Errors by state", tuple(results.by_state(findings, looks))),
        *_remarks(findings),
    ]


def _unless_empty(key: str, title: str, blocks: Sequence[Block]) -> list[Section]:
    return [Section(key, title, tuple(blocks))] if blocks else []


#: A remark that differs from variant to variant in its two numbers alone.
_OUTNUMBERED: Final = re.compile(r"(More weights than data): (\d+ weights) learn from (\d+ energies)(.*)", re.DOTALL)
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
                if found and (size := f"{found[2]}, {found[3]}") not in entry.sizes:
                    entry.sizes.append(size)
        for text, entry in said.items():
            by_text.setdefault(text, []).append(entry)
    job, total = job_word(findings), len(findings["variants"])
    lines = [f"{_whose(entries, total, job)}: {sentence(text)}" for text, entries in by_text.items()]
    return [Section("remarks", f"Remarks of the {job}s", (Items(tuple(lines)),))] if lines else []


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
    return [] if times == of else [f"in {times} of {count(of, job)}"]


def _whose(entries: Sequence[_Said], total: int, job: str) -> str:
    if len(entries) <= _EACH:
        return listed([entry.named(job) for entry in entries])
    which = "all" if len(entries) == total else f"{len(entries)} of"
    often = _often(sum(entry.times for entry in entries), sum(entry.of for entry in entries), job)
    names = listed([entry.named(job) for entry in entries[:_FIRST]])
    return f"{which} {total} variants{f' ({often[0]})' if often else ''}, among them {names}"


# ------------------------------------------------------------------------------------------- around the study


def _environment(findings: Mapping[str, Any], environment: Mapping[str, Any]) -> Section:
    names = {
        "made": "made",
        "host": "host",
        "cpu": "processor",
        "cores": "cores",
        "platform": "system",
        "python": "Python",
        "command": "command",
        "wall_s": "wall time (s)",
        "jobs_run": "jobs run",
        "jobs_loaded": "jobs loaded from the store",
        "made_elsewhere": "results made by other hosts, versions or sources",
        "sources": "digest of the sources",
        "store": "store",
        "pdf": "PDF",
    }
    pairs = [(label, _plain(environment[key])) for key, label in names.items() if environment.get(key) is not None]
    versions = environment.get("versions") or {}
    if versions:
        pairs.append(("versions", ", ".join(f"{name} {version}" for name, version in sorted(versions.items()))))
    by_kind = environment.get("seconds_by_kind") or {}
    pairs += [(f"seconds in {kind}", _plain(value)) for kind, value in by_kind.items()]
    for name, cost in (environment.get("seconds_by_variant") or {}).items():
        pairs.append(
            (f"seconds per {job_word(findings)} of {short(name)}", f"{_plain(cost['mean'])} (mean of {cost['n']})")
        )
    note = "From environment.json. These entries differ from machine to machine and decide nothing above."
    if timed(findings):
        note = "From environment.json. Processor and cores are those that the times above were measured on."
    return Section("environment", "Environment", (Text(note, "note"), Facts(tuple(pairs))))


def _plain(value: Any) -> str:
    return exact(value, 4) if isinstance(value, float) else str(value)


def _protocol(findings: Mapping[str, Any]) -> Section:
    protocol = findings["protocol"]
    text = Verbatim(protocol["text"], f"{protocol['name']}.yaml")
    return Section("protocol", "The protocol", (*unjudged.protocol(findings), text))


def _reproduce(findings: Mapping[str, Any]) -> Section:
    protocol, data = findings["protocol"], findings["data"]
    again = (
        f"these findings again. All seeds follow from the root seed {protocol['seed']} by name. "
        "The bits are the same on the same kind of processor with the same library versions; elsewhere rounding may "
        "differ."
    )
    if timed(findings):
        again = (
            "these findings again from the stored times. With an empty store, or on another kind of machine, it "
            "measures anew, and no two measurements give the same bits."
        )
    text = (
        f"With bpbench {findings['bpbench']}, this protocol and the data file of SHA-256 {data['sha256']}, the command "
        f"below gives {again} findings.json holds every number of this report unrounded, tables/ the tables as CSV, "
        "figures/ the drawings as SVG."
    )
    return Section("reproduce", "How to reproduce this", (Text(text), Verbatim(protocol["command"], "command")))


def _appendix(findings: Mapping[str, Any]) -> list[Section]:
    table = tables.reconstructions(findings)
    return [] if table is None else [Section("appendix", "Appendix: reconstructed values", (table,))]
