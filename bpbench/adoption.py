"""The check before adopting: one candidate against the incumbent, by the declared rule, at a level that looks share.

Whoever asks again until the answer pleases will be pleased: with enough candidates, or enough looks at one of them,
some chance difference passes any fixed level. So every look at new evidence about any candidate for one incumbent's
place is a number in a line that the history keeps, and is judged at its part of α (:mod:`bpbench.statistics.spending`).
The same question about the same evidence is the same look: its recorded answer is returned.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from bpbench import metrics, study
from bpbench.errors import ProtocolError, RequestError, StatisticsError, nearest
from bpbench.exploration import cost, crowd
from bpbench.features import Column
from bpbench.findings import given, label
from bpbench.history import Decision, History
from bpbench.identity import address, digest, plain
from bpbench.jobs import Job
from bpbench.prepared import Prepared
from bpbench.runner.execute import Failure, Watcher
from bpbench.runner.machine import machine
from bpbench.runner.store import Store
from bpbench.statistics.adoption import CHEAPER, SUPERIOR, Adoption, decide, require_rule, settled_before
from bpbench.statistics.margins import Margin, require_measurable
from bpbench.statistics.rules import Rules
from bpbench.statistics.spending import level, spent

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
    workers: int = 1,
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
    workers : int
        Processes that work at once.
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
    chosen_after = 0

    def wanted(found: Prepared) -> list[Job]:
        nonlocal chosen_after
        chosen_after = study.declare_check(found, store, both, rule=asked.rule, margin=asked.margin)
        if _Case.of(found, asked).settled is not None:
            return []
        return [job for (name, _), job in found.trainings.items() if name in both]

    carried = study.carry_out(prepared, store, wanted, workers=workers, watcher=watcher)
    _require_searched(carried.prepared, asked)
    case = _Case.of(carried.prepared, asked)
    if (free := case.settled) is not None:
        return _told(*history.decide(case.free_line, case.question, case.question, lambda *_: case.body(free)))
    pair = study.matched(carried.prepared, carried.results, *both)
    if pair.missing:
        raise UnfinishedError(_unfinished(carried, both, pair.missing))

    def make(number: int, earlier: list[Decision]) -> Json:
        own = case.prepared.rules.alpha
        rules = replace(case.rules, alpha=level(own, number))
        made = decide(pair, rules, case.rule, next_alpha=level(own, number + 1), costs=case.costs)
        candidates = {decision.body["contestant"] for decision in earlier} | {case.contestant(asked.candidate)}
        sequence = {
            "number": number,
            "alpha": own,
            "level": level(own, number),
            "spent": spent(own, number),
            "next": level(own, number + 1),
            "candidates": len(candidates),
        }
        return case.body(made, sequence=sequence, chosen_after=chosen_after, sources=_sources(case, store))

    scores = [None if side is None else side.values.tolist() for side in (pair.candidate_sample, pair.baseline_sample)]
    evidence = digest([case.question, scores, pair.diverged_candidate, pair.diverged_baseline])
    return _told(*history.decide(case.line, case.question, evidence, make))


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
    def costs(self) -> tuple[float, float] | None:
        """Operations per atom of candidate and incumbent, where the rule asks for them and both are known."""
        if self.rule != CHEAPER:
            return None
        near = crowd(self.prepared.inputs)
        both = []
        for name in (self.asked.candidate, self.asked.incumbent):
            if (name, 0) not in self.prepared.trainings:
                return None
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
        """The answer where no training is needed: the candidate does not cost less."""
        return None if self.costs is None else settled_before(self.rule, self.costs)

    def contestant(self, name: str) -> str:
        """Return what a contestant is, whatever it is called and with whichever seeds it is trained."""
        job = self.prepared.trainings[name, 0]
        variant = self.prepared.protocol.contestant(name)
        learned = [getattr(variant, key) for key in ("observations", "train_share", "split_by")]
        return digest([plain(list(getattr(job, "functions", ()))), plain(getattr(job, "model", None)), learned])

    @property
    def line(self) -> str:
        """Whose place is asked for: the incumbent on these data by this metric, with whichever seeds and splits."""
        metric = self.prepared.protocol.analysis.metric
        return digest(["incumbent", self.contestant(self.asked.incumbent), plain(self.prepared.source), metric])

    @property
    def free_line(self) -> str:
        """The line of answers that spend nothing."""
        return digest(["settled", self.line])

    @property
    def question(self) -> str:
        """What is asked, whatever the evidence."""
        prepared, rules = self.prepared, self.rules
        judged = [self.rule, rules.test, rules.design, prepared.rules.alpha, rules.power, rules.seed]
        margin = None if rules.margin is None else rules.margin.plain
        return digest([self.line, self.contestant(self.asked.candidate), *judged, margin])

    @property
    def trainings(self) -> str:
        """Which trainings the answer rests on."""
        both = (self.asked.candidate, self.asked.incumbent)
        return digest([address(job) for (name, _), job in self.prepared.trainings.items() if name in both])

    def needed(self, made: Adoption) -> Json:
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
                f"{deserving} with a power of {power}, at the level of the next look. Raise `{unit}` in the protocol; "
                "what is stored is kept."
            )
        return told | {"sentence": text}

    def body(
        self,
        made: Adoption,
        *,
        sequence: Json | None = None,
        chosen_after: int = 0,
        sources: list[str] | None = None,
    ) -> Json:
        """Return the decision as plain JSON."""
        protocol, asked = self.prepared.protocol, self.asked
        metric = metrics.metric(protocol.analysis.metric)
        comparison = made.comparison
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
            "needed": self.needed(made) if made.answer == "undecided" else None,
            "sequence": sequence,
            "chosen_after": chosen_after or None,
            "trainings": self.trainings,
            "sources": sources or [],
        }


def _lists(value: Json) -> Json:
    """Return a value as JSON gives it back: with lists for tuples."""
    return {key: list(item) if isinstance(item, tuple) else item for key, item in value.items()}


def _told(decision: Decision, fresh: bool) -> Json:
    return {**decision.body, "made": decision.made, "again": not fresh}


def _known(case: _Case, store: Store, history: History) -> Json | None:
    """Return the recorded answer where it rests on these very trainings, whose results need not be stored any more.

    Results that are gone would come out the same, if the sources are those that made them.
    """
    both = (case.asked.candidate, case.asked.incumbent)
    if any((name, 0) not in case.prepared.trainings for name in both):
        return None
    whole = all(store.has(job) for (name, _), job in case.prepared.trainings.items() if name in both)
    for decision in reversed(history.asked(case.question)):
        same = decision.body["trainings"] == case.trainings
        if same and decision.body["sources"] == [machine()["sources"]] and not whole:
            return _told(decision, fresh=False)
    return None


def _sources(case: _Case, store: Store) -> list[str]:
    """Return the digests of the sources that made the results."""
    both = (case.asked.candidate, case.asked.incumbent)
    jobs = [job for (name, _), job in case.prepared.trainings.items() if name in both]
    return sorted({str(store.provenance(job).get("sources")) for job in jobs})


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
    first = {name: protocol.twins.get(name, name) for name in (asked.candidate, asked.incumbent)}
    if len(set(first.values())) == 1:
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
