"""Looks at one incumbent's place, counted: which numbers a question takes, at which level, and what that leaves.

A decision keeps its look as plain JSON under ``sequence``. One look may stand for several candidates: those whose
repeats lay there already when the first of them was asked about. Who has seen seven scores and asks about the best has
looked seven times; the seven take their numbers together and share equally what is due to these, and whoever of them
is asked about later is judged by the share that it has already.

===========  =======================================================================================================
key          meaning
===========  =======================================================================================================
first, of    number of the first of these looks, and how many there are
members      whose looks they are: :func:`member` of each
seen         repeats that were looked at
alpha        α of the line
level        at which each of them is judged: the mean of α_first … α_(first + of - 1) (:mod:`.statistics.spending`)
batch        tells these looks from others, also where histories were joined and numbers clash
spent        what all looks of the line have used so far, these among them
next         level of the next one
candidates   different candidates so far
===========  =======================================================================================================
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from bpbench import declarations
from bpbench.history import Decision
from bpbench.identity import address, digest
from bpbench.prepared import Prepared
from bpbench.runner.store import Store
from bpbench.statistics.spending import level

Json = dict[str, Any]


def member(prepared: Prepared, candidate: str, incumbent: str) -> str:
    """Return the digest of two contestants as they are trained: the same for any number of repeats.

    Parameters
    ----------
    prepared : Prepared
        The study.
    candidate, incumbent : str
        Names of contestants that are known.
    """
    return digest([address(prepared.trainings[name, 0]) for name in (candidate, incumbent)])


def shown(prepared: Prepared, store: Store, pair: tuple[str, str], earlier: Sequence[Decision]) -> list[str]:
    """Return the members whose repeats beside the incumbent's are stored and were never counted as looks.

    The candidate is one of them, or there are none: who asks about one that nobody has seen has not picked it.

    Parameters
    ----------
    prepared : Prepared
        The study.
    store : Store
        Where results are.
    pair : tuple of str
        Candidate and incumbent.
    earlier : sequence of Decision
        Of the incumbent's line.
    """
    candidate, incumbent = pair
    if any((name, 0) not in prepared.trainings for name in pair):
        return []
    counted = [(own, look["seen"]) for look in _looks(earlier).values() for own in look["members"]]
    found = {}
    for variant in prepared.protocol.variants:
        if variant.name == incumbent or (variant.name, 0) not in prepared.trainings:
            continue
        own = member(prepared, variant.name, incumbent)
        repeats = declarations.seen(prepared, store, (variant.name, incumbent))
        if repeats > 1 and not any(other == own and n >= repeats for other, n in counted):
            found[variant.name] = own
    return sorted(set(found.values())) if candidate in found else []


def take(
    own: str, rule: str, n: int, others: Sequence[str], *, alpha: float, line: Sequence[Decision], evidence: str
) -> Json:
    """Return the look that a question takes, or the one that it has a part of already.

    Parameters
    ----------
    own : str
        From :func:`member`.
    rule : str
        From :func:`bpbench.declarations.asked`.
    n : int
        Repeats that are looked at.
    others : sequence of str
        From :func:`shown`.
    alpha : float
        Of the line.
    line : sequence of Decision
        The decisions before.
    evidence : str
        Digest of the results.

    Returns
    -------
    dict
        As at the head of this module, without ``candidates``.
    """
    for decision in line:
        look: Json = decision.body["sequence"]
        if own in look["members"] and look["seen"] == n and decision.body["asked"] == rule:
            return look | _left(alpha, line)
    looks = _looks(line)
    first = 1 + sum(look["of"] for look in looks.values())
    members = sorted({*others, own})
    of = len(members)
    each = math.fsum(level(alpha, first + k) for k in range(of)) / of
    batch = digest([evidence, members, sorted(looks)])
    look = {"first": first, "of": of, "members": members, "seen": n, "alpha": alpha, "level": each, "batch": batch}
    used = sum(one["of"] * one["level"] for one in looks.values()) + of * each
    return look | {"spent": used, "next": level(alpha, first + of)}


def now(sequence: Json, line: Sequence[Decision]) -> Json:
    """Return a look that was taken some time ago, with what is spent and left now.

    Parameters
    ----------
    sequence : dict
        From :func:`take`.
    line : sequence of Decision
        All decisions so far.
    """
    return sequence | _left(sequence["alpha"], line)


def late(candidate: str, rule: str, line: Sequence[Decision]) -> int:
    """Return on how many repeats a candidate was decided about by other rules, before this one was ever declared.

    Parameters
    ----------
    candidate : str
        From :func:`bpbench.declarations.contestant`.
    rule : str
        From :func:`bpbench.declarations.asked`.
    line : sequence of Decision
        The decisions before.
    """
    if any(rule in decision.body["declared"] for decision in line):
        return 0
    others = [decision.body["comparison"] for decision in line if decision.body["contestant"] == candidate]
    return max((compared["n"] for compared in others), default=0)


def _looks(line: Sequence[Decision]) -> dict[str, Json]:
    """Return every look of a line once, however many of its members were decided about."""
    return {decision.body["sequence"]["batch"]: decision.body["sequence"] for decision in line}


def _left(alpha: float, line: Sequence[Decision]) -> Json:
    """Return what the looks of a line have used, and the level of the next one."""
    looks = _looks(line).values()
    used = sum(look["of"] * look["level"] for look in looks)
    return {"spent": used, "next": level(alpha, 1 + sum(look["of"] for look in looks))}
