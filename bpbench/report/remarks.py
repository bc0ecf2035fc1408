"""What trainings remarked, each sentence once, with whose it is."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from bpbench.report.document import Items, Section
from bpbench.report.kinds import timed
from bpbench.report.language import listed, tell, tell_n
from bpbench.report.numerals import count, say, whole
from bpbench.report.retold import retold
from bpbench.report.vocabulary import job_word
from bpbench.report.words import sentence

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


#: A remark that differs from variant to variant in its two numbers alone.
_OUTNUMBERED: Final = re.compile(r"(More weights than data): (\d+) weights learn from (\d+) energies(.*)", re.DOTALL)
#: Variants that share a remark and are named one by one, and how many of more of them.
_EACH: Final = 6
_FIRST: Final = 3


def section(findings: Mapping[str, Any]) -> list[Section]:
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
