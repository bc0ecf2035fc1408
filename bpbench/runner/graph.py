"""Which jobs are missing, every need before its user.

A study may have a hundred thousand trainings on a hundred chunks each. What they share is looked at once: the needs of
all trainings on one pool are one tuple (:func:`bpbench.runner.work.needs`), and the store lists its folders instead of
being asked for each job (:meth:`bpbench.runner.store.Store.present`).
"""

from __future__ import annotations

from collections.abc import Iterable

from bpbench.identity import address
from bpbench.jobs import Job
from bpbench.runner import work
from bpbench.runner.store import Store


def missing(jobs: Iterable[Job], store: Store) -> list[Job]:
    """Return the jobs without a stored result and those they need in turn, every need before its user."""
    absent = _absent(jobs, store)
    ordered: dict[Job, None] = {}
    seen: dict[int, tuple[Job, ...]] = {}  # held, so that no other tuple takes the place of one
    # Needs that wait for others of their own; a stack instead of a recursion, which a long chain would break.
    waiting = list(reversed(absent))
    while waiting:
        job = waiting.pop()
        if job in ordered:
            continue
        needs = work.needs(job)
        before = [] if id(needs) in seen else [need for need in needs if need in absent and need not in ordered]
        if before:
            waiting.append(job)
            waiting.extend(reversed(before))
        else:
            seen[id(needs)] = needs
            ordered[job] = None
    return list(ordered)


def _absent(jobs: Iterable[Job], store: Store) -> dict[Job, None]:
    """Return all jobs without a stored result, among those given and what these need; the given ones first."""
    absent: dict[Job, None] = {}
    looked: set[Job] = set()
    asked = dict.fromkeys(jobs)
    while asked:
        looked.update(asked)
        stored = store.present(asked)
        new = [job for job in asked if job not in stored]
        absent |= dict.fromkeys(new)
        different = {id(needs): needs for needs in map(work.needs, new)}
        asked = dict.fromkeys(need for needs in different.values() for need in needs if need not in looked)
    return absent


def needed(jobs: Iterable[Job]) -> set[str]:
    """Return the addresses of some jobs and of all that they need in turn."""
    found: set[str] = set()
    seen: dict[int, tuple[Job, ...]] = {}
    todo = list(jobs)
    while todo:
        found.update(map(address, todo))
        different = {id(needs): needs for needs in map(work.needs, todo) if id(needs) not in seen}
        seen |= different
        todo = [need for needs in different.values() for need in needs]
    return found
