"""What stands around the results: environment, protocol, the way to make it all again, and reconstructed values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bpbench.report import (
    tables,
    unjudged,
)
from bpbench.report.document import Facts, Section, Text, Verbatim
from bpbench.report.kinds import SCORED, study_kind, timed
from bpbench.report.language import marked, tell
from bpbench.report.numerals import exact, short

if TYPE_CHECKING:
    from collections.abc import Mapping


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


def environment(findings: Mapping[str, Any], beside: Mapping[str, Any]) -> Section:
    """Return the section on the machine, its programs and their times."""
    # That there is a PDF needs no telling; why there is none does.
    shown = {key: value for key, value in beside.items() if value is not None and (key, value) != ("pdf", "rendered")}
    pairs = [(tell(label), _plain(shown[key])) for key, label in _MACHINE.items() if key in shown]
    versions = beside.get("versions") or {}
    if versions:
        pairs.append((tell("versions"), ", ".join(f"{name} {version}" for name, version in sorted(versions.items()))))
    by_kind = beside.get("seconds_by_kind") or {}
    pairs += [(tell("seconds in {kind}", kind=kind), _plain(value)) for kind, value in by_kind.items()]
    for name, cost in (beside.get("seconds_by_variant") or {}).items():
        mean = tell("{seconds} (mean of {n})", seconds=_plain(cost["mean"]), n=_plain(cost["n"]))
        pairs.append((_each(findings, short(name)), mean))
    note = tell("From environment.json. These entries differ from machine to machine and decide nothing above.")
    if not beside.keys() - {"pdf"}:
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


def protocol(findings: Mapping[str, Any]) -> Section:
    """Return the section that prints the protocol."""
    protocol = findings["protocol"]
    text = Verbatim(protocol["text"], f"{protocol['name']}.yaml")
    return Section("protocol", tell("The protocol"), (*unjudged.protocol(findings), text))


def reproduce(findings: Mapping[str, Any]) -> Section:
    """Return the section on how to make these findings again."""
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


def appendix(findings: Mapping[str, Any]) -> list[Section]:
    """Return the section of reconstructed values, none where no set is one."""
    table = tables.reconstructions(findings)
    return [] if table is None else [Section("appendix", tell("Appendix: reconstructed values"), (table,))]
