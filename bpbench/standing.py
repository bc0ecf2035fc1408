"""What stands beside the verdicts and makes none of them: ranks of all contestants, and posteriors of each pair."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from bpbench import shares
from bpbench.counting import grouped
from bpbench.errors import StatisticsError
from bpbench.identity import seed
from bpbench.runner.store import Outcome
from bpbench.statistics import bayes
from bpbench.statistics.anova import repeated_measures
from bpbench.statistics.compare import Comparison, Pair, Rules
from bpbench.statistics.designs import require_allowed
from bpbench.statistics.ranking import rank
from bpbench.study import Study, pairs, status

Json = dict[str, Any]
Floats = npt.NDArray[np.float64]

#: Contestants beyond which nobody reads their ranks.
MOST_RANKED: Final = 60
#: Contestants that are named in the reason for having no ranks.
_NAMED: Final = 3
#: Scores that agree to this share of their size differ by rounding, not by noise.
_ROUNDING: Final = 1e-12


def posteriors(study: Study) -> list[Json | None]:
    """Return the posterior of each comparison of a study, in order; see :func:`posterior`."""
    prepared = study.prepared
    return [
        posterior(pair, comparison, prepared.rules, root=prepared.protocol.seed)
        for pair, comparison in zip(pairs(prepared, study.results), study.comparisons, strict=True)
    ]


def posterior(pair: Pair, comparison: Comparison, rules: Rules, *, root: int) -> Json | None:
    """Return what the posterior says of one comparison.

    Parameters
    ----------
    pair, comparison : Pair, Comparison
        The samples, and what was judged of them.
    rules : Rules
        By which.
    root : int
        Root seed.

    Returns
    -------
    dict or None
        Nothing where the comparison shows no p or its samples are not paired, and nothing where a repeat diverged: the
        repeats that are left would flatter who lost one.
    """
    one, other = pair.candidate_sample, pair.baseline_sample
    if one is None or other is None or not pair.paired or comparison.p is None:
        return None
    if pair.diverged_candidate or pair.diverged_baseline:
        return None
    own = rules if pair.test_to_train is None else dataclasses.replace(rules, test_to_train=pair.test_to_train)
    drawn = seed(root, "posterior", pair.candidate, pair.baseline)
    return dataclasses.asdict(bayes.of_pair(one, other, own, seed=drawn))


def ranking(study: Study) -> tuple[Json | None, str | None]:
    """Return the ranks of all contestants of a study, or why there are none; see :func:`ranked`."""
    prepared, protocol = study.prepared, study.prepared.protocol
    lost = math.inf if prepared.rules.lower_is_better else -math.inf

    def score(name: str, number: int) -> float:
        result = study.results[name, number]
        if isinstance(result, Outcome) and result.values["status"] == "done":
            return float(result.values["scores"][prepared.part][protocol.analysis.metric])
        return lost if status(result) == "diverged" else math.nan

    same = shares.twins(prepared)
    numbers = [repeat.number for repeat in prepared.repeats]
    return ranked(
        {variant.name: [score(variant.name, number) for number in numbers] for variant in protocol.variants},
        [repeat.split_number for repeat in prepared.repeats],
        prepared.rules,
        baseline=protocol.analysis.baseline,
        twins={name: f"it is the same contestant as '{other}'" for name, other in same.items()},
        root=protocol.seed,
    )


def ranked(
    scores: Mapping[str, Sequence[float]],
    splits: Sequence[int],
    rules: Rules,
    *,
    baseline: str,
    twins: Mapping[str, str],
    root: int,
) -> tuple[Json | None, str | None]:
    """Return the ranks of contestants, with the tests of all of them at once, or why there are none.

    Parameters
    ----------
    scores : dict
        Of each contestant its score in every repeat: NaN where it is missing, infinitely bad where it diverged.
    splits : sequence of int
        Number of the split of each repeat.
    rules : Rules
        Design, level and direction; the test does not matter.
    baseline : str
        The contestant to which others are compared.
    twins : dict
        Contestants that are left out from the start, with the reason.
    root : int
        Root seed.

    Returns
    -------
    dict or None
        JSON types.
    str or None
        The reason where there is nothing else; one whole sentence.
    """
    try:
        require_allowed("friedman", rules.design, "all variants")
    except StatisticsError as error:
        return None, str(error)
    left_out = dict(twins)
    columns: dict[str, Floats] = {}
    for name, values in scores.items():
        column = _by_unit(np.array(values, dtype=np.float64), np.array(splits), rules.design)
        why = left_out.get(name) or _unfit(column, rules.design)
        if why:
            left_out[name] = why
        else:
            columns[name] = column
    if not 3 <= len(columns) <= MOST_RANKED:
        why = "".join(f"; '{name}' cannot, as {reason}" for name, reason in list(left_out.items())[:_NAMED])
        return None, (
            f"ranks are given for 3 to {MOST_RANKED} contestants, and {len(columns)} of {len(scores)} can be "
            f"ranked{why}."
        )
    table = np.column_stack(list(columns.values()))
    try:
        found = rank(
            table,
            list(columns),
            lower_is_better=rules.lower_is_better,
            alpha=rules.alpha,
            baseline=baseline if baseline in columns else None,
            seed=seed(root, "ranking"),
        )
    except StatisticsError as error:
        return None, str(error)
    friedman = dataclasses.asdict(found.friedman)
    del friedman["mean_ranks"]
    return {
        "n": found.friedman.n,
        "alpha": found.alpha,
        "baseline": baseline if baseline in columns else None,
        "variants": [
            {"name": name, "mean_rank": mean, "from_baseline": name in found.from_baseline}
            for name, mean in zip(found.names, found.mean_ranks, strict=True)
        ],
        "left_out": [{"variant": name, "why": left_out[name]} for name in scores if name in left_out],
        "friedman": friedman,
        "nemenyi": {
            "difference": found.nemenyi_difference,
            "apart": sum(pair.nemenyi for pair in found.pairs),
            "cliques": _lists(found.nemenyi_cliques),
        },
        "bonferroni_dunn": {"difference": found.bonferroni_dunn_difference},
        "wilcoxon": {
            "pairs": len(found.pairs),
            "p_smallest": found.p_smallest,
            "apart": sum(pair.wilcoxon for pair in found.pairs),
            "cliques": None if found.wilcoxon_cliques is None else _lists(found.wilcoxon_cliques),
        },
        **_anova(table),
    }, None


def _lists(cliques: Sequence[Sequence[str]]) -> list[list[str]]:
    return [list(clique) for clique in cliques]


def _by_unit(scores: Floats, splits: npt.NDArray[np.int64], design: str) -> Floats:
    """Return one score per independent repeat: in a crossed design the mean over the repeats of each split."""
    if design != "crossed":
        return scores
    return np.array([scores[splits == number].mean() for number in np.unique(splits)])


def _unfit(column: Floats, design: str) -> str | None:
    """Return why a contestant cannot be ranked, or nothing."""
    missing = int(np.count_nonzero(np.isnan(column)))
    if missing:
        return f"{grouped(missing)} of its {grouped(column.size)} scores {'is' if missing == 1 else 'are'} missing"
    still = np.isfinite(column).all() and np.ptp(column) <= _ROUNDING * np.max(np.abs(column))
    if design == "fixed" and column.size > 1 and still:
        # n copies of one result would count as n repeats that agree
        return "it is deterministic on the one split, so that its repeats are copies of one result"
    return None


def _anova(table: Floats) -> Json:
    """Return the analysis of variance of the scores, or why there is none."""
    if np.isinf(table).any():
        return {"anova": None, "no_anova": "A repeat diverged, and a mean over it has no value."}
    try:
        return {"anova": dataclasses.asdict(repeated_measures(table)), "no_anova": None}
    except StatisticsError as error:
        return {"anova": None, "no_anova": str(error)}
