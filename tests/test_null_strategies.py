"""Among candidates of the same information a confirmed winner is no better than chance, a naive one is.

What each of the three nulls can see stands in :mod:`null_studies`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from null_studies import ALPHA, BY_SCORES, OF_DATA, STRATEGIES, Told, studies, studies_of_data, whole_studies
from scipy import stats

from bpbench import roles
from bpbench.calibration.claims import RISK, Claim, limits
from bpbench.jobs import Adam, Hdnn
from bpbench.metrics import score
from bpbench.models import fit
from bpbench.models.contract import Problem

#: Races by Friedman's test shuffle ranks, which takes longer than all others together.
QUICK = tuple(name for name in STRATEGIES if "friedman" not in name)


#: Strategies of the studies of data that share most of their trainings.
SHARING = ("random-subsets", "random-subsets, halving", "forward", "by-weight")


def at_most(rate: float, count: int, rates: int) -> int:
    """Return the largest count that chance allows a rule of this rate, by the exact tail of a binomial."""
    _, high = limits(Claim("null", "strategies", "equals", 0, rate, "at most"), count, RISK / rates)
    assert high is not None
    return high


def held(told: Told) -> None:
    """Check all rates: a two-sided test at α calls equals better in α/2, a family by Holm's correction in α at most."""
    rates = len(told.confirmed) + 1
    for name, count in told.confirmed.items():
        assert count <= at_most(ALPHA / 2, told.studies, rates), name
        assert told.filled[name] > 0.1 * told.studies, name
    assert told.family <= at_most(ALPHA, told.studies, rates)


def test_winners_among_equals_are_not_confirmed() -> None:
    """In 200 studies no strategy's winner is better more often than α and chance allow; judged naively they are."""
    told = studies(200, QUICK)
    held(told)
    for name in ("random-subsets", "random-subsets, halving", "drop-one", "drop-one, halving", "forward"):
        assert told.naive[name] > at_most(ALPHA / 2, told.studies, 1), name
        assert told.naive[name] > told.confirmed[name], name


@pytest.mark.slow
def test_winners_among_equals_are_not_confirmed_at_full_size() -> None:
    """The same of 1000 studies, with Friedman's races, from another seed."""
    told = studies(1000, seed=2)
    held(told)
    assert told.naive["drop-one, friedman"] > at_most(ALPHA / 2, told.studies, 1)


def test_whole_studies_of_equals_come_to_their_verdicts() -> None:
    """From table to verdict every strategy ends, and is compared with another set than its own in some study.

    That is all that three studies can show: how often equals are called better is counted at full size, and whether a
    search saw the reserve by the studies of data below.
    """
    told = whole_studies(3)
    assert len(told.confirmed) == 7
    assert all(count > 0 for count in told.filled.values())


@pytest.mark.slow
def test_whole_studies_of_equals_at_full_size() -> None:
    """In 200 whole studies with real trainings no winner is better more often than α and chance allow."""
    held(whole_studies(200))


def beyond_chance(count: int, names: Sequence[str]) -> set[str]:
    """Return the strategies whose winners have the lower error of the reserve in more studies than a coin allows."""
    lower = studies_of_data(count, names)
    return {name for name, found in lower.items() if found > at_most(1 / 2, count, len(names))}


def leak(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every search score its candidates on the reserve."""
    exploring = roles.exploring

    def leaking(*arguments: object) -> tuple[roles.Repeat, ...]:
        repeats = exploring(*arguments)  # type: ignore[arg-type]
        return tuple(replace(repeat, split=replace(repeat.split, explore=None)) for repeat in repeats)

    monkeypatch.setattr(roles, "exploring", leaking)


def test_winners_are_as_often_worse_as_better_over_data() -> None:
    """In 24 studies of ever other data no winner's error is lower than a stranger's more often than a coin allows."""
    assert beyond_chance(24, SHARING) == set()


def test_a_search_that_sees_the_reserve_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same count is beyond its bound when candidates are scored on the reserve: the test above can fail."""
    leak(monkeypatch)
    assert beyond_chance(24, ("random-subsets", "forward")) == {"random-subsets", "forward"}


@pytest.mark.slow
def test_winners_are_as_often_worse_as_better_over_data_at_full_size() -> None:
    """The same with every strategy, in 200 studies."""
    assert beyond_chance(200, tuple(OF_DATA)) == set()


@pytest.mark.slow
def test_every_search_that_sees_the_reserve_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """With that leak, 100 studies show it of all that choose by scores, and of no other."""
    leak(monkeypatch)
    assert beyond_chance(100, tuple(OF_DATA)) == set(BY_SCORES)


def _errors(signs: tuple[int, ...], seeds: int) -> np.ndarray:
    """Return the test errors of networks whose inputs are one variable with these signs."""
    rng = np.random.default_rng(1)
    variable = rng.normal(size=40)
    problem = Problem(
        names=tuple(f"g{number}" for number in range(len(signs))),
        values=np.stack([sign * variable for sign in signs]),
        offsets=np.arange(0, 41, 2),
        energy=np.tanh(2 * variable).reshape(-1, 2).sum(axis=1),
        train=np.arange(12),
        validation=np.arange(12, 16),
        test=np.arange(16, 20),
    )
    spec = Hdnn("hdnn", hidden=(3,), epochs=3, batch=4, optimizer=Adam(learning_rate=1e-2))
    made = [fit(spec, problem, weights_seed=seed, order_seed=seed) for seed in range(seeds)]
    part = problem.test
    return np.array([score(problem.energy[part], each.energy[part], problem.atoms[part])["rmse"] for each in made])


def test_signs_of_inputs_carry_no_information_and_their_number_does() -> None:
    """What whole studies rest on: over seeds, errors of two sign patterns are alike, those of two sizes are not."""
    base, mixed, more = (_errors(signs, 300) for signs in ((1, 1, 1), (1, -1, -1), (1, 1, 1, -1, -1, 1)))
    assert np.ptp(base - mixed) > 0
    assert stats.wilcoxon(base, mixed).pvalue > 1e-3
    assert stats.ks_2samp(base, mixed).pvalue > 1e-3
    assert stats.wilcoxon(base, more).pvalue < 1e-3
