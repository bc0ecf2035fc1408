"""Two histories brought together: every record of both, and one number each.

Records are the same if their ids are. Two people who recorded apart have both given out the next number; of two
records with one number the one made first keeps it, and the other gets the next that is free. A record that stands
under two numbers keeps the larger, since numbers only ever grow. So the outcome does not depend on who reads in whose
lines, and people who read in each other's end with the same numbers.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bpbench.history.records import Baseline, Decision, Record, Run


@dataclass(frozen=True, slots=True)
class Place:
    """Where a numbered record stands.

    Attributes
    ----------
    kind, group : str
        ``run`` and its study, or ``decision`` and its line.
    number : int
        Its number there.
    made : str
        When it was made.
    """

    kind: str
    group: str
    number: int
    made: str


@dataclass(frozen=True, slots=True)
class ReadIn:
    """What came of reading in.

    Attributes
    ----------
    added, already_there : int
        Records that were new, and that were not.
    renumbered : tuple of str
        A sentence for each run or decision, of the file or of the history, whose number is another now.
    """

    added: int
    already_there: int
    renumbered: tuple[str, ...]


def places(records: Iterable[Record]) -> dict[str, Place]:
    """Return where the runs and decisions among records stand, by id; one that stands twice, at the larger number."""
    found: dict[str, Place] = {}
    for record in records:
        if isinstance(record, Run):
            place = Place("run", record.study, record.number, record.made)
        elif isinstance(record, Decision):
            place = Place("decision", record.line, record.number, record.made)
        else:
            continue
        if (name := record.id) not in found or found[name].number < place.number:
            found[name] = place
    return found


def joined(one: Mapping[str, Place], other: Mapping[str, Place]) -> dict[str, Place]:
    """Return the places of both, the larger number of what stands in both."""
    both = dict(one)
    for name, place in other.items():
        if name not in both or both[name].number < place.number:
            both[name] = place
    return both


def numbered(record: Record, numbers: Mapping[str, int]) -> Record:
    """Return a record with the number it is given; a baseline has none."""
    return record if isinstance(record, Baseline) else dataclasses.replace(record, number=numbers[record.id])


def settled(standing: Mapping[str, Place]) -> dict[str, int]:
    """Return one number for each record, no two of a group alike.

    Parameters
    ----------
    standing : mapping of str to Place
        By id; numbers may stand twice.

    Returns
    -------
    dict of str to int
        By id. The largest number of a group is never below the number of its records.
    """
    groups: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for name, place in standing.items():
        groups[place.kind, place.group].append(name)
    numbers: dict[str, int] = {}
    for names in groups.values():
        highest, taken = max(standing[name].number for name in names), set()
        for name in sorted(names, key=lambda name: (standing[name].made, name)):
            number = standing[name].number
            if number in taken:
                number = highest = highest + 1
            taken.add(number)
            numbers[name] = number
    return numbers


def moved(place: Place, number: int) -> str:
    """Return the sentence that says a record has another number now."""
    run = place.kind == "run"
    what = f"Run {place.number} of {place.group}" if run else f"Decision {place.number} of line {place.group[:12]}"
    return f"{what} (made {place.made}) is number {number} now."
