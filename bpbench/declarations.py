"""What was declared before results were there, and how many of them there were: notes that the store keeps.

A rule that is chosen when results are known proves less than it says. So the first time that an analysis, a rule of
adoption or a search is declared, the store notes how much could have been seen, and whoever declares another later is
told by how much it came too late.
"""

from __future__ import annotations

from bpbench.identity import address, digest, plain
from bpbench.prepared import Prepared
from bpbench.runner.store import Store
from bpbench.statistics.rules import Rules


def analysis(prepared: Prepared, store: Store) -> int:
    """Declare how a study is judged, and by which rule each of its comparisons may be adopted.

    Parameters
    ----------
    prepared : Prepared
        With the contestants that strategies found.
    store : Store
        Where results are, and these notes.

    Returns
    -------
    int
        Repeats that existed when this analysis was declared first.
    """
    protocol = prepared.protocol
    names = sorted({name for pair in protocol.family for name in pair})
    # the first trainings are the same for any number of repeats
    what = [address(prepared.trainings[name, 0]) for name in names if (name, 0) in prepared.trainings]
    rule = [plain(protocol.analysis), [list(pair) for pair in protocol.family], protocol.repeats]
    for pair in protocol.family:
        adoption(prepared, store, pair, protocol.check.rule, prepared.rules)
    return store.declare(digest(what), digest(rule), max(seen(prepared, store, pair) for pair in protocol.family))


def searches(prepared: Prepared, store: Store) -> int:
    """Declare how a study searches, if it does.

    Parameters
    ----------
    prepared, store
        As in :func:`analysis`.

    Returns
    -------
    int
        Other searches whose winners this reserve had confirmed when this one was declared first.
    """
    declared, reserve = prepared.declared, prepared.repeats[0].split
    if not declared.strategies:
        return 0
    key = digest(["search", plain(prepared.source), reserve.reserve, reserve.reserve_seed])
    how = [plain(part) for part in (declared.strategies, declared.explore, declared.sets, declared.models)]
    return store.declare(key, digest([*how, declared.seed]), store.declarations(key))


def adoption(prepared: Prepared, store: Store, pair: tuple[str, str], rule: str, rules: Rules) -> int:
    """Declare by which rule a candidate may take an incumbent's place; the number of repeats does not belong to it.

    Parameters
    ----------
    prepared, store
        As in :func:`analysis`.
    pair : tuple of str
        Candidate and incumbent.
    rule : str
        One of :data:`bpbench.statistics.adoption.RULES`.
    rules : Rules
        Test, level, margin and power.

    Returns
    -------
    int
        Repeats of both that existed when this rule was declared first; 0 for a contestant that is not found yet.
    """
    if any((name, 0) not in prepared.trainings for name in pair):
        return 0
    key = digest(["adoption", place(prepared, pair[1]), contestant(prepared, pair[0])])
    return store.declare(key, asked(prepared, rule, rules), seen(prepared, store, pair))


def asked(prepared: Prepared, rule: str, rules: Rules) -> str:
    """Return the digest of what a rule of adoption asks for: whatever could turn its answer, and no spelling.

    Parameters
    ----------
    prepared, rule, rules
        As in :func:`adoption`.
    """
    margin = None if rules.margin is None else rules.margin.plain
    metric = prepared.protocol.analysis.metric
    return digest([rule, metric, rules.test, rules.design, prepared.rules.alpha, rules.power, margin])


def contestant(prepared: Prepared, name: str) -> str:
    """Return the digest of what a contestant is, whatever it is called and with whichever seeds it is trained.

    Parameters
    ----------
    prepared : Prepared
        The study.
    name : str
        Of a contestant that is known.
    """
    job = prepared.trainings[name, 0]
    variant = prepared.protocol.contestant(name)
    learned = [getattr(variant, key) for key in ("observations", "train_share", "split_by")]
    return digest([plain(list(getattr(job, "functions", ()))), plain(getattr(job, "model", None)), learned])


def place(prepared: Prepared, incumbent: str) -> str:
    """Return the digest of an incumbent's place: that contestant on these data, with whichever seeds, splits and score.

    Parameters
    ----------
    prepared, incumbent
        As in :func:`contestant`.
    """
    return digest(["place", contestant(prepared, incumbent), plain(prepared.source)])


def seen(prepared: Prepared, store: Store, pair: tuple[str, str]) -> int:
    """Return how many different results of a comparison are stored on both its sides; copies count once.

    Parameters
    ----------
    prepared, store, pair
        As in :func:`adoption`.
    """
    if any((name, 0) not in prepared.trainings for name in pair):
        return 0  # a strategy that has found nothing
    both = {tuple(prepared.trainings[name, repeat.number] for name in pair) for repeat in prepared.repeats}
    return sum(all(map(store.has, jobs)) for jobs in both)
