"""The check before adopting: one candidate against the incumbent, by the declared rule, at a level that looks share.

Whoever asks again until the answer pleases will be pleased: with enough candidates, or enough looks at one of them,
some chance difference passes any fixed level. So every look at new evidence about any candidate for one incumbent's
place is a number in a line that the history keeps, and is judged at its part of α (:mod:`bpbench.statistics.spending`).
The same question about the same evidence is the same look: its recorded answer is returned. How looks are counted
stands in :mod:`bpbench.looks`.

What this cannot see: another history, and an incumbent that was changed in anything, whose place is another one.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from bpbench import declarations, looks, metrics, study
from bpbench.errors import ProtocolError, RequestError, StatisticsError, nearest
from bpbench.exploration import cost, crowd
from bpbench.features import Column
from bpbench.findings import given, label
from bpbench.history import Decision, History
from bpbench.identity import address, digest
from bpbench.jobs import Job
from bpbench.prepared import Prepared
from bpbench.runner.engine import HERE, Engine
from bpbench.runner.executed import Failure, Watcher
from bpbench.runner.machine import machine
from bpbench.runner.store import Store
from bpbench.statistics.adoption import CHEAPER, SUPERIOR, Adoption, decide, require_rule, settled_before
from bpbench.statistics.margins import Margin, require_measurable
from bpbench.statistics.rules import Rules

SCHEMA: Final = 1

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be decided.

    Attributes
    ----------
    candidate, incumbent : str
        Names of contestants of the protocol.
    rule : str or None
        One of :data:`bpbench.statistics.adoption.RULES`; ``None``: the protocol's.
    margin : float, str or None
        ``None``: the protocol's.
    """

    candidate: str
    incumbent: str
    rule: str | None = None
    margin: float | str | None = None


class UnfinishedError(RequestError):
    """Repeats are missing, so that nothing can be decided; nothing was spent."""


def check(
    prepared: Prepared,
    asked: Asked,
    store: Store,
    history: History,
    *,
    engine: Engine = HERE,
    watcher: Watcher | None = None,
) -> Json:
    """Decide whether a candidate takes the incumbent's place, with stored repeats and those that are missing.

    Parameters
    ----------
    prepared : Prepared
        The study; of its trainings only those of the two are run.
    asked : Asked
        Who against whom, and by which rule if not the protocol's.
    store : Store
        Where results are and go.
    history : History
        Where decisions are kept.
    engine : Engine
        Where jobs run.
    watcher : Watcher, optional
        Told how it goes.

    Returns
    -------
    dict
        The decision as plain JSON, with ``again`` where it was taken before and nothing was spent.

    Raises
    ------
    RequestError
        For contestants or a margin that cannot be compared, before anything runs.
    UnfinishedError
        When repeats failed.
    """
    require(prepared, asked)
    case = _Case.of(prepared, asked)
    if (known := _known(case, store, history)) is not None:
        return known
    both = (asked.candidate, asked.incumbent)
    chosen_after, shown = 0, list[str]()

    def wanted(found: Prepared) -> list[Job]:
        nonlocal chosen_after, shown
        now = _Case.of(found, asked)
        # the protocol's own rule before any other: who overrides it has not chosen it afterwards
        declarations.adoption(found, store, both, found.protocol.check.rule, found.rules)
        chosen_after = declarations.adoption(found, store, both, now.rule, now.rules)
        shown = looks.shown(found, store, both, [] if now.unknown else history.decisions(now.line))
        return now.jobs if now.settled is None else []

    history.require_writable()
    among = case.jobs if prepared.explored.complete else None  # a program that neither of both needs is not run
    carried = study.carry_out(prepared, store, wanted, engine=engine, watcher=watcher, among=among)
    _require_searched(carried.prepared, asked)
    case = _Case.of(carried.prepared, asked)
    if (free := case.settled) is not None:
        decision, fresh = history.decide(case.free_line, case.question, case.question, lambda *_: case.body(free))
        return {**decision.body, "made": decision.made, "again": not fresh, "elsewhere": 0}
    pair = study.matched(carried.prepared, carried.results, *both)
    if pair.missing:
        raise UnfinishedError(_unfinished(carried, both, pair.missing))
    scores = [None if side is None else side.values.tolist() for side in (pair.candidate_sample, pair.baseline_sample)]
    evidence = digest([case.question, scores, pair.diverged_candidate, pair.diverged_baseline])

    def make(_: int, earlier: list[Decision]) -> Json:
        n = 0 if pair.candidate_sample is None else pair.candidate_sample.n
        own = looks.member(case.prepared, *both)
        look = looks.take(
            own, case.rule_asked, n, shown, alpha=case.prepared.rules.alpha, line=earlier, evidence=evidence
        )
        candidates = {decision.body["contestant"] for decision in earlier} | {case.contestant(asked.candidate)}
        rules = replace(case.rules, alpha=look["level"])
        made = decide(pair, rules, case.rule, next_alpha=min(look["next"], rules.alpha), costs=case.costs)
        late = max(chosen_after, looks.late(case.contestant(asked.candidate), case.rule_asked, earlier))
        body = case.body(made, sequence=look | {"candidates": len(candidates)}, chosen_after=late, store=store)
        return body | {"scores": dict(zip(("candidate", "incumbent"), scores, strict=True))}

    decision, fresh = history.decide(case.line, case.question, evidence, make)
    return _told(history, decision, fresh=fresh, elsewhere=_elsewhere(case, store))


@dataclass(frozen=True, slots=True)
class _Case:
    """One question about two contestants of a study."""

    prepared: Prepared
    asked: Asked
    rule: str
    rules: Rules

    @classmethod
    def of(cls, prepared: Prepared, asked: Asked) -> _Case:
        """Return the question with its rule and margin, refused where they do not fit."""
        rule = asked.rule or prepared.protocol.check.rule
        rules = replace(prepared.rules, correction="holm")  # of a family of one
        try:
            if asked.margin is not None:
                rules = replace(rules, margin=Margin.parse(asked.margin))
                require_measurable(Margin.parse(asked.margin), rules.test)
        except StatisticsError as error:
            raise RequestError(f"--margin: {error}") from None
        require_rule(rule, rules.margin)
        return cls(prepared, asked, rule, rules)

    @property
    def both(self) -> tuple[str, str]:
        """Names of candidate and incumbent."""
        return self.asked.candidate, self.asked.incumbent

    @property
    def jobs(self) -> list[Job]:
        """The trainings of both, in the order of the repeats."""
        return [job for (name, _), job in self.prepared.trainings.items() if name in self.both]

    @property
    def unknown(self) -> bool:
        """Whether one of the two is still to be found by a search."""
        return any((name, 0) not in self.prepared.trainings for name in self.both)

    @property
    def costs(self) -> tuple[float, float] | None:
        """Operations per atom of candidate and incumbent, where the rule asks for them and both are known."""
        if self.rule != CHEAPER or self.unknown:
            return None
        near = crowd(self.prepared.inputs)
        both = []
        for name in self.both:
            functions = self.prepared.inputs.sets[self.prepared.protocol.contestant(name).set].functions
            if any(isinstance(function, Column) for function in functions):
                raise RequestError(
                    f"The rule '{self.rule}' counts operations of symmetry functions, and the inputs of '{name}' are "
                    "columns of a table, computed elsewhere; take the rule non-inferior or superior."
                )
            both.append(cost(functions, near))
        return both[0], both[1]

    @property
    def settled(self) -> Adoption | None:
        """The answer where no training is needed: the two are one, or the candidate does not cost less."""
        if not self.unknown and len({self.contestant(name) for name in self.both}) == 1:
            return Adoption("keep", ("The search found the incumbent itself: there is nothing else to adopt.",))
        return None if self.costs is None else settled_before(self.rule, self.costs)

    def contestant(self, name: str) -> str:
        """Return what a contestant is."""
        return declarations.contestant(self.prepared, name)

    @property
    def line(self) -> str:
        """Whose place is asked for."""
        return declarations.place(self.prepared, self.asked.incumbent)

    @property
    def free_line(self) -> str:
        """The line of answers that spend nothing."""
        return digest(["settled", self.line])

    @property
    def rule_asked(self) -> str:
        """What the rule asks for, in a digest."""
        return declarations.asked(self.prepared, self.rule, self.rules)

    @property
    def question(self) -> str:
        """What is asked, whatever the evidence."""
        return digest([self.line, self.contestant(self.asked.candidate), self.rule_asked])

    @property
    def trainings(self) -> str:
        """Which trainings the answer rests on."""
        return digest([address(job) for job in self.jobs])

    def needed(self, made: Adoption, next_level: float) -> Json:
        """Return how many repeats would be enough, in numbers and in a sentence."""
        crossed = self.prepared.protocol.split.design == "crossed"
        unit, now = "splits" if crossed else "repeats", 0 if made.comparison is None else made.comparison.n
        told = {"repeats": made.needed, "now": now, "unit": unit}
        if made.needed is None:
            return told | {"sentence": made.none_enough or f"Nothing tells how many {unit} would be enough."}
        deserving = "better by the margin" if self.rule == SUPERIOR else "as good as the incumbent"
        power = f"{100 * self.rules.power:.3g} %"
        if made.needed <= now:
            text = (
                f"{made.needed} {unit} would adopt a candidate that is {deserving} with a power of {power}, and there "
                f"are {now}: more of them will hardly change this answer."
            )
        else:
            text = (
                f"Enough would be {made.needed} {unit}, {now} of which are there: so many adopt a candidate that is "
                f"{deserving} with a power of {power}, at {next_level:.2g}, the level of a further look. Raise "
                f"`{unit}` in the protocol; what is stored is kept."
            )
        return told | {"sentence": text}

    def body(
        self,
        made: Adoption,
        *,
        sequence: Json | None = None,
        chosen_after: int = 0,
        store: Store | None = None,
    ) -> Json:
        """Return the decision as plain JSON."""
        protocol, asked = self.prepared.protocol, self.asked
        metric = metrics.metric(protocol.analysis.metric)
        comparison = made.comparison
        own = declarations.asked(self.prepared, protocol.check.rule, self.prepared.rules)
        return {
            "schema": SCHEMA,
            "study": protocol.name,
            "protocol": self.prepared.digest,
            "data": {"label": label(self.prepared), "sha256": self.prepared.source.sha256},
            "candidate": asked.candidate,
            "incumbent": asked.incumbent,
            "contestant": self.contestant(asked.candidate),
            "rule": self.rule,
            "margin": None if self.rules.margin is None else self.rules.margin.plain,
            "metric": {key: getattr(metric, key) for key in ("key", "label", "unit", "lower_is_better")},
            "test": self.rules.test,
            "design": self.rules.design,
            "given": given(protocol),
            "answer": made.answer,
            "because": list(made.because),
            # how many repeats are needed is told below, at the level of the next look and not of this one
            "comparison": None if comparison is None else _lists(asdict(replace(comparison, needed=None))),
            "claim": {"p": made.p, "against": made.against, "bound": made.bound},
            "cost": None if self.costs is None else dict(zip(("candidate", "incumbent"), self.costs, strict=True)),
            "needed": self.needed(made, sequence["next"]) if made.answer == "undecided" and sequence else None,
            "sequence": sequence,
            "chosen_after": chosen_after or None,
            "trainings": self.trainings,
            "asked": self.rule_asked,
            "declared": sorted({self.rule_asked, own}),
            "sources": [] if store is None else _made(self, store, "sources"),
            "versions": [] if store is None else _made(self, store, "versions"),
        }


def _lists(value: Json) -> Json:
    """Return a value as JSON gives it back: with lists for tuples."""
    return {key: list(item) if isinstance(item, tuple) else item for key, item in value.items()}


def _told(history: History, decision: Decision, *, fresh: bool, elsewhere: int) -> Json:
    """Return a decision as it is told: what is spent and left is that of now, also where it was taken long ago."""
    sequence = decision.body["sequence"]
    if not fresh:
        sequence = looks.now(sequence, history.decisions(decision.line))
    told = {"sequence": sequence, "made": decision.made, "again": not fresh, "elsewhere": elsewhere}
    return {**decision.body, **told}


def _known(case: _Case, store: Store, history: History) -> Json | None:
    """Return the recorded answer where it rests on these very trainings, whose results need not be stored any more.

    Results that are gone would come out the same, if the sources and libraries are those that made them.
    """
    if case.unknown or all(store.has(job) for job in case.jobs):
        return None
    here = {key: [digest(machine()[key])] for key in ("sources", "versions")}
    for decision in reversed(history.asked(case.question)):
        same = decision.body["trainings"] == case.trainings
        if same and decision.body["sequence"] and here == {key: decision.body[key] for key in here}:
            return _told(history, decision, fresh=False, elsewhere=0)
    return None


def _elsewhere(case: _Case, store: Store) -> int:
    """Return how many of the results were made by other sources than are here."""
    here = machine()["sources"]
    return sum(store.provenance(job).get("sources") != here for job in set(case.jobs))


def _made(case: _Case, store: Store, key: str) -> list[str]:
    """Return the digests of the sources, or of the versions, that made the results."""
    return sorted({digest(store.provenance(job).get(key)) for job in case.jobs})


def require(prepared: Prepared, asked: Asked) -> None:
    """Refuse names that stand for nothing, or for one contestant, and rules that do not fit.

    Parameters
    ----------
    prepared : Prepared
        The study.
    asked : Asked
        Who against whom.

    Raises
    ------
    RequestError
        With what there is instead.
    """
    protocol = prepared.protocol
    known = list(dict.fromkeys([*(variant.name for variant in protocol.variants), *protocol.found]))
    for option in ("candidate", "incumbent"):
        name = getattr(asked, option)
        if name not in known:
            raise RequestError(f"--{option}: {protocol.origin.file} has no contestant '{name}'{nearest(name, known)}")
    names = (asked.candidate, asked.incumbent)
    first = {protocol.twins.get(name, name) for name in names}
    if len(set(names)) == 1 or (len(first) == 1 and not protocol.found.intersection(names)):
        same = "" if asked.candidate == asked.incumbent else f" ('{asked.candidate}' is '{asked.incumbent}')"
        raise RequestError(
            f"--candidate and --incumbent name one contestant{same}; to check it against itself decides nothing, name "
            "another."
        )
    _ = _Case.of(prepared, asked).costs


def _require_searched(prepared: Prepared, asked: Asked) -> None:
    """Refuse to decide about a strategy that found nothing, or whose search could not end."""
    for name in (asked.candidate, asked.incumbent):
        if (name, 0) in prepared.trainings:
            continue
        broken = next((why for (key, _), why in prepared.explored.broken.items() if key == name), None)
        if broken is not None:
            raise UnfinishedError(f"The search '{name}' could not end: {broken} Nothing was decided, nothing spent.")
        raise ProtocolError(
            f"{prepared.protocol.origin.where('strategies', name)}: the search found no set that differs from those it "
            "started with, so there is nothing to adopt; nothing was spent."
        )


def _unfinished(carried: study.Carried, both: tuple[str, str], missing: int) -> str:
    """Return how many repeats have no score, and the first reason of each side."""
    reasons: dict[str, str] = {}
    for (name, _), result in carried.results.items():
        if name in both and isinstance(result, Failure):
            reasons.setdefault(name, result.message)
    told = "; ".join(f"'{name}': {reason}" for name, reason in reasons.items())
    many = "1 repeat has" if missing == 1 else f"{missing} repeats have"
    return (
        f"{many} no score{f' ({told})' if told else ''}: nothing can be decided and nothing was spent. What succeeded "
        "is kept; the same command tries again."
    )
