"""Scores that any tool made, judged like ours: a long table becomes paired samples, rules and verdicts.

What stands in the table decides what may be asked of it:

=====================  ===========================================================================================
named                  how repeats are compared
=====================  ===========================================================================================
a unit                 in pairs: the repeats that two variants have under the same name
a unit and a split     in pairs, then averaged within each split; n is the number of splits
a split                averaged within each split, then in pairs of splits; n is the number of splits
neither                not in pairs; only tests of independent samples apply
=====================  ===========================================================================================

Splits may have their test data in common (``crossed``) or not (``resampled``, as the folds of a cross-validation).

A row without a finite score (empty, NaN, infinite) is a run that broke down: it counts as diverged, and failures are
not missing at random, so its variant cannot come out as better or equivalent. A row that is not there says nothing of
why; the numbers then rest on the repeats that both of a pair have, and what was left out is said beside each verdict.
Nobody can have declared the rules before such scores existed, and no report may pretend it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Final

import numpy as np
import numpy.typing as npt

from bpbench.data.readers import counted
from bpbench.data.score_files import NAMED, Roles, Scores
from bpbench.errors import RequestError, StatisticsError, nearest
from bpbench.score_runs import SHOWN, Runs, matched, name_of, ordered, runs_of
from bpbench.statistics import compare, power
from bpbench.statistics.compare import Comparison, Pair, Rules
from bpbench.statistics.corrections import MAX_T, first_step_alpha, reachable_alpha
from bpbench.statistics.margins import Margin, require_measurable
from bpbench.statistics.samples import Sample

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

#: More variants than this are a column named by mistake: every one is a comparison and a row of each table.
MOST_VARIANTS: Final = 200
#: The same where all are compared with each other.
MOST_PAIRED: Final = 20


@dataclass(frozen=True, slots=True)
class Asked:
    """How scores are to be judged.

    Attributes
    ----------
    baseline : str or None
        The variant that all others are compared with; ``None``: the first of the table.
    pairs : {'baseline', 'all'}
        What is compared: each with the baseline, or all with each other, the later in the table as the candidate.
    test, design : str or None
        Keys of :data:`bpbench.statistics.designs.TESTS` and ``DESIGNS``; ``None``: what the table allows.
    correction, alpha, power, margin, lower_is_better, seed
        As in :class:`bpbench.statistics.rules.Rules`.
    test_to_train : float or None
        n_test/n_train of the splits of a resampled design.
    """

    baseline: str | None = None
    pairs: str = "baseline"
    test: str | None = None
    design: str | None = None
    correction: str = "holm"
    alpha: float = 0.05
    power: float = 0.8
    margin: Margin | None = None
    lower_is_better: bool = True
    test_to_train: float | None = None
    seed: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """A judged table.

    Attributes
    ----------
    scores : Scores
        What was read; its names of units and splits in their natural order.
    roles : Roles
        Which column is what.
    rules : Rules
        How it was judged.
    runs : tuple of Runs
        One per variant, in the order of the table.
    baseline : str
        The variant all others were compared with.
    family : tuple of (str, str)
        Candidate and baseline of each comparison.
    pairs : tuple of Pair
        The samples of each comparison.
    comparisons : tuple of Comparison
        In the order of the family.
    units : int
        Independent repeats (splits, if crossed) of the pair that has most; without pairs, of its smaller sample.
    missing : dict of str to tuple of int
        By variant the cells that others have and it has not.
    paired : bool
        Whether repeats are compared in pairs.
    chosen : bool
        Whether the baseline was named.
    """

    scores: Scores
    roles: Roles
    rules: Rules
    runs: tuple[Runs, ...]
    baseline: str
    family: tuple[tuple[str, str], ...]
    pairs: tuple[Pair, ...]
    comparisons: tuple[Comparison, ...]
    units: int
    missing: dict[str, tuple[int, ...]]
    paired: bool
    chosen: bool

    @property
    def first_step_alpha(self) -> float:
        """Level of the correction's first step."""
        return first_step_alpha(self.rules.correction, len(self.family), self.rules.alpha)

    @property
    def detectable_dz(self) -> float | None:
        """Smallest effect d_z that the test detects with that many repeats, for the tests of paired means."""
        if self.rules.test not in {"paired-t", "nadeau-bengio"}:
            return None
        return power.detectable_dz(
            self.units, alpha=self.first_step_alpha, power=self.rules.power, test_to_train=self.rules.test_to_train
        )

    def called(self, cell: int) -> str:
        """Return the name of a repeat."""
        if not self.paired:
            return str(cell + 1)
        held = next(runs for runs in self.runs if cell in runs.cell)
        place = int(np.flatnonzero(held.cell == cell)[0])
        return name_of(self.scores, int(held.unit[place]), int(held.split[place]))


def judge(scores: Scores, roles: Roles, asked: Asked) -> Judged:
    """Compare every variant of a table with its baseline.

    Parameters
    ----------
    scores : Scores
        From :mod:`bpbench.data.score_files`.
    roles : Roles
        Which column is what.
    asked : Asked
        How to judge.

    Returns
    -------
    Judged

    Raises
    ------
    RequestError
        When there is one variant only or a great many, the baseline is none of them, a repeat has several scores, no
        repeat is common to any pair, or the test and the design do not go together, or with what the table names.
    """
    baseline = _baseline(scores, roles, asked)
    rules = _rules(roles, asked)
    scores = ordered(scores, roles)
    runs = runs_of(scores, roles)
    by_name = {each.name: each for each in runs}
    family = _family(scores, baseline, asked)
    pairs = tuple(_pair(by_name[one], by_name[other], roles, rules) for one, other in family)
    units = max(_independent(pair, rules.design) for pair in pairs)
    if not units and any(each.done.any() for each in runs):
        _refuse_strangers(scores, runs, roles)
    if units and not any(_reaches(pair, rules, len(family)) for pair in pairs):
        _refuse_few(scores, by_name, max(pairs, key=lambda pair: _independent(pair, rules.design)), roles, rules)
        try:
            compare.require_reachable(rules.test, units, len(family), rules.correction, rules.alpha)
        except StatisticsError as error:
            text = str(error)
            raise RequestError(f"{scores.label}: {text[0].lower()}{text[1:]}") from None
    missing = _missing(runs) if roles.unit is not None or roles.split is not None else {}
    made = Judged(
        scores=scores,
        roles=roles,
        rules=rules,
        runs=runs,
        baseline=baseline,
        family=family,
        pairs=pairs,
        comparisons=compare.judge(pairs, rules),
        units=units,
        missing=missing,
        paired=roles.unit is not None or roles.split is not None,
        chosen=asked.baseline is not None,
    )
    return replace(made, comparisons=tuple(_with_lost(made, entry, by_name) for entry in made.comparisons))


# ---------------------------------------------------------------------------------------------- what may be asked


def _baseline(scores: Scores, roles: Roles, asked: Asked) -> str:
    names, where = scores.variants, f"{scores.label}, '{roles.variant}'"
    if len(names) < 2:
        raise RequestError(
            f"{where}: expected at least two variants to compare, found only '{names[0]}'; name the column that tells "
            "them apart with --variant."
        )
    if len(names) > MOST_VARIANTS:
        raise RequestError(
            f"{where}: expected at most {MOST_VARIANTS} variants, found {len(names)} ('{names[0]}', '{names[1]}', …); "
            "name the column of the variants with --variant."
        )
    if asked.baseline is None:
        return names[0]
    if asked.baseline not in names:
        raise RequestError(
            f"{where}: there is no variant '{asked.baseline}' for --baseline{nearest(asked.baseline, names)}"
        )
    return asked.baseline


def _family(scores: Scores, baseline: str, asked: Asked) -> tuple[tuple[str, str], ...]:
    names = scores.variants
    if asked.pairs == "baseline":
        return tuple((name, baseline) for name in names if name != baseline)
    if len(names) > MOST_PAIRED:
        raise RequestError(
            f"--pairs all: {len(names)} variants make {len(names) * (len(names) - 1) // 2} comparisons; choose at most "
            f"{MOST_PAIRED} variants with --where, or compare with a baseline."
        )
    return tuple((later, sooner) for sooner, later in combinations(names, 2))


def _rules(roles: Roles, asked: Asked) -> Rules:
    design = asked.design or ("crossed" if roles.split is not None else "fixed")
    if design not in compare.DESIGNS:
        raise RequestError(f"There is no design '{design}'{nearest(design, compare.DESIGNS)}")
    if roles.split is not None and design == "fixed":
        raise RequestError(
            "--design fixed has one split; leave --split out, or name the design: 'crossed' (the default with --split) "
            "if all splits have their test data in common, 'resampled' if they have not."
        )
    if design == "crossed" and roles.split is None:
        raise RequestError("--design crossed averages within splits; name their column with --split.")
    if design == "resampled" and roles.unit is None and roles.split is None:
        raise RequestError(
            "--design resampled compares split by split; name their column with --unit, or with --split if there are "
            "several runs in each."
        )
    if design != "resampled" and asked.test_to_train is not None:
        raise RequestError(
            "--test-fraction and --test-to-train say how far redrawn splits overlap; with them, --design resampled is "
            "meant, or they are to be left out."
        )
    if design == "resampled" and asked.test_to_train is None:
        raise RequestError(
            "--design resampled needs to know how far the splits overlap: add --test-fraction (the share of the data "
            "that a split tests on, the rest being trained on) or --test-to-train (the ratio of the two sizes)."
        )
    paired = roles.unit is not None or roles.split is not None
    usual = "nadeau-bengio" if design == "resampled" else "paired-t"
    test = asked.test or (usual if paired else "welch")
    compare.require_allowed(test, design)
    if not paired and compare.TESTS[test].paired:
        able = " or ".join(f"'{name}'" for name, info in compare.TESTS.items() if not info.paired)
        raise RequestError(
            f"The test '{test}' compares repeats in pairs, and nothing says which rows belong together: name the "
            f"column of the repeats with --unit, or use the test {able}."
        )
    if asked.margin is not None:
        require_measurable(asked.margin, test)
    return Rules(
        test=test,
        design=design,
        correction=asked.correction,
        alpha=asked.alpha,
        margin=asked.margin,
        power=asked.power,
        lower_is_better=asked.lower_is_better,
        test_to_train=asked.test_to_train,
        seed=asked.seed,
    )


# ------------------------------------------------------------------------------------------------ from rows to runs


def _refuse_strangers(scores: Scores, runs: Sequence[Runs], roles: Roles) -> None:
    column = roles.unit or roles.split
    parts = []
    for each in runs[:2]:
        names = list(
            dict.fromkeys(name_of(scores, int(u), int(s)) for u, s in zip(each.unit[:9], each.split[:9], strict=True))
        )
        parts.append(f"'{each.name}' has {', '.join(names[:SHOWN])}{', …' if len(names) > SHOWN else ''}")
    raise RequestError(
        f"{scores.label}: no repeat with a score is common to the baseline and another variant, so there are no pairs "
        f"('{column}': {'; '.join(parts)}); where repeats do not belong together, leave --unit out."
    )


def _refuse_few(scores: Scores, runs: dict[str, Runs], pair: Pair, roles: Roles, rules: Rules) -> None:
    """Refuse a table of which even the pair with most repeats has a single one."""
    if _independent(pair, rules.design) > 1:
        return
    what, column = ("split", roles.split) if rules.design == "crossed" else ("repeat", roles.unit or roles.split)
    option = "--unit" if column is None or column == roles.unit else "--split"
    held = f"a single {what} in common by '{column}'" if pair.paired else "a single one on one side"
    rows = " and ".join(f"{np.count_nonzero(runs[name].done)} of '{name}'" for name in (pair.candidate, pair.baseline))
    another = f"or name another column with {option}" if column else f"or name with {option} what tells repeats apart"
    raise RequestError(
        f"{scores.label}: a test needs at least 2 independent {what}s on both sides to see any spread, and even "
        f"'{pair.candidate}' against '{pair.baseline}' has {held} (rows with a score: {rows}); add rows of further "
        f"{what}s, {another}."
    )


# --------------------------------------------------------------------------------------------- from runs to samples


def _pair(candidate: Runs, baseline: Runs, roles: Roles, rules: Rules) -> Pair:
    paired = roles.unit is not None or roles.split is not None
    numbers = None
    if paired:
        ours, theirs, splits, cells = matched(candidate, baseline, roles, rules.design)
        # Which repeat is which in all pairs at once matters there alone.
        numbers = tuple(cells.tolist()) if rules.correction == MAX_T else None
        one, other = (Sample(ours, splits), Sample(theirs, splits)) if len(ours) else (None, None)
    else:
        one, other = (_independent_sample(each) for each in (candidate, baseline))
        if one is None or other is None:
            one = other = None
    return Pair(
        candidate=candidate.name,
        baseline=baseline.name,
        candidate_sample=one,
        baseline_sample=other,
        diverged_candidate=candidate.diverged,
        diverged_baseline=baseline.diverged,
        paired=paired,
        numbers=numbers,
    )


def _independent_sample(runs: Runs) -> Sample | None:
    own = runs.score[runs.done]
    return Sample(own, np.zeros(len(own), dtype=np.int64)) if len(own) else None


def _independent(pair: Pair, design: str) -> int:
    one, other = pair.candidate_sample, pair.baseline_sample
    if one is None or other is None:
        return 0
    return len(np.unique(one.splits)) if design == "crossed" else min(one.n, other.n)


def _reaches(pair: Pair, rules: Rules, family: int) -> bool:
    """Return whether some outcome of a pair could be significant; of independent samples the larger one helps."""
    one, other = pair.candidate_sample, pair.baseline_sample
    if one is None or other is None:
        return False
    sizes = (one.n, other.n)
    if pair.paired:
        sizes = (_independent(pair, rules.design),) * 2
    return compare.smallest_p(rules.test, *sizes) <= reachable_alpha(rules.correction, family, rules.alpha)


def _missing(runs: Sequence[Runs]) -> dict[str, tuple[int, ...]]:
    """Return the repeats that each variant lacks and another has."""
    everything = np.unique(np.concatenate([each.cell for each in runs]))
    gone = {each.name: tuple(np.setdiff1d(everything, each.cell).tolist()) for each in runs}
    return {name: cells for name, cells in gone.items() if cells}


def _with_lost(made: Judged, entry: Comparison, by_name: dict[str, Runs]) -> Comparison:
    """Return a comparison that says which repeats it could not use, since one side has no row for them."""
    if not made.paired:
        return entry
    ours, theirs = by_name[entry.candidate], by_name[entry.baseline]
    parts = []
    for one, other in ((ours, theirs), (theirs, ours)):
        alone = np.setdiff1d(one.cell, other.cell, assume_unique=made.roles.unit is not None)
        if alone.size:
            named = ", ".join(f"'{made.called(cell)}'" for cell in alone[:NAMED].tolist())
            parts.append(
                f"{counted(alone.size, 'repeat')} ({named}{', …' if alone.size > NAMED else ''}) of '{one.name}'"
            )
    if not parts:
        return entry
    text = (
        f"Left out, since the other side has no row for it: {' and '.join(parts)}; the comparison rests on what both "
        "have."
    )
    return replace(entry, remarks=(*entry.remarks, text))
