"""What got worse against a baseline: against scipy and statsmodels, and by simulation where nothing got worse."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestIndPower

from bpbench.errors import StatisticsError
from bpbench.statistics import student
from bpbench.statistics.margins import Margin
from bpbench.statistics.power import power_at
from bpbench.statistics.regressions import ALL_VARIANTS, Failures, Judged, Kind, Series, judge
from bpbench.statistics.samples import Sample

Array = np.ndarray
NONE_FAILED = Failures(np.zeros(8), np.zeros(8))
#: A power that every test has without any effect: `detectable` is then not reckoned, which takes most of the time.
UNASKED = 1e-6
DIVERGED = (
    "{} of '22vars' diverged or failed: it cannot be called better or equivalent, and the numbers describe only the "
    "trainings that finished."
)
A, B = np.array([1.0, 1.1, 0.9, 1.2, 1.05]), np.array([1.3, 1.5, 1.2, 1.6])


def _series(
    newest: Any, baseline: Any, *, kind: Kind = "loss", margin: str | float | None = None, **more: Any
) -> Series:
    told = {"variant": "22vars", "metric": kind, "label": kind, "unit": "", "lower_is_better": True} | more
    return Series(
        kind=kind,
        margin=None if margin is None else Margin.parse(margin),
        newest=np.array(newest, dtype=float),
        baseline=np.array(baseline, dtype=float),
        **told,
    )


def _one(series: Series, failures: Failures = NONE_FAILED, **more: Any) -> Judged:
    return judge([series], failures, **more)[0]


def _student(newest: Array, baseline: Array, alternative: str = "two-sided") -> float:
    """Return scipy's p of Student's test of the logarithms, the spreads pooled."""
    return float(stats.ttest_ind(np.log(newest), np.log(baseline), alternative=alternative).pvalue)


# --------------------------------------------------------------------------------------------- against other libraries


@pytest.mark.parametrize(("correction", "theirs"), [("holm", "holm"), ("hommel", "hommel"), ("by", "fdr_by")])
def test_p_values_of_a_family(correction: str, theirs: str) -> None:
    """Student's tests and the labels' from scipy, corrections from statsmodels, families of p and of equivalence."""
    rng = np.random.default_rng(1)
    family, p, within = [], [], []
    for place in range(4):
        c, b = rng.lognormal(0.1 * place, 0.1, 8), rng.lognormal(0, 0.15, 20)
        family.append(_series(c, b, variant=f"v{place}", margin="20%"))
        p.append(_student(c, b))
        within.append(max(_student(c, 1.2 * b, "less"), _student(c, 0.8 * b, "greater")))
        family.append(_series(c, b, kind="time", variant=f"v{place}", margin="10%"))
        p.append(_student(c, 1.1 * b, "greater"))
        within.append(max(_student(c, 1.1 * b, "less"), _student(c, 0.9 * b, "greater")))
        family.append(_series(c, b, kind="memory", variant=f"v{place}", margin=0.3))
        share = 0.3 / stats.gmean(b)  # a margin in the unit is a share of the baseline's geometric mean
        p.append(_student(c, (1 + share) * b, "greater"))
        within.append(max(_student(c, (1 + share) * b, "less"), _student(c, (1 - share) * b, "greater")))
    failed = np.array([0.5, 0.25, 0.25]), np.array([0.0, 0.25, 0.0, 0.0])
    p.append(_by_labels(*failed))
    found = judge(family, Failures(*failed), correction=correction, power=UNASKED)
    assert [one.p for one in found] == pytest.approx(p, rel=1e-9)
    assert [one.p_adjusted for one in found] == pytest.approx(multipletests(p, method=theirs)[1], rel=1e-9)
    # failures have no equivalence test, and count in that family all the same
    adjusted = multipletests([*within, 1.0], method=theirs)[1]
    assert [one.p_equivalence_adjusted for one in found[:-1]] == pytest.approx(adjusted[:-1], rel=1e-9)
    assert found[-1].p_equivalence_adjusted is None
    for one, adjusted_p in zip(found[:-1], adjusted, strict=False):
        significant = one.p_adjusted is not None and one.p_adjusted <= 0.05
        expected = "equivalent" if adjusted_p <= 0.05 else "worse" if significant else "undecided"
        assert one.verdict == expected
    assert {one.verdict for one in found} == {"worse", "equivalent", "undecided"}


def test_the_interval_is_where_the_test_of_the_ratio_turns() -> None:
    """At each end of the interval scipy's test of c against (1 + end) b gives p = α."""
    one = _one(_series(B, A), alpha=0.1)
    assert one.mean == pytest.approx(stats.gmean(B))
    assert one.change == pytest.approx(stats.gmean(B) / stats.gmean(A) - 1)
    assert one.low is not None
    assert one.high is not None
    assert one.low < one.change < one.high
    for end in (one.low, one.high):
        assert _student(B, (1 + end) * A) == pytest.approx(0.1, rel=1e-9)


def test_detectable_is_the_effect_of_statsmodels() -> None:
    """Equal spreads and sizes: Cohen's d that the first step finds."""
    rng = np.random.default_rng(2)
    baseline = 2 * rng.lognormal(0, 0.1, 8)
    sd, level = np.log(baseline).std(ddof=1), 0.05 / 3
    family = [_series(1.01 * baseline, baseline), _series(1.01 * baseline, baseline, kind="time", margin="25%")]
    loss, time, _ = judge(family, NONE_FAILED, power=0.9)
    two_sided, larger = (
        TTestIndPower().solve_power(nobs1=8, alpha=level, power=0.9, alternative=side)
        for side in ("two-sided", "larger")
    )
    assert loss.detectable == pytest.approx(np.expm1(two_sided * sd), rel=1e-5)
    assert time.detectable == pytest.approx(1.25 * np.exp(larger * sd) - 1, rel=1e-5)
    absolute = _one(_series(1.01 * baseline, baseline, kind="memory", margin=0.5, metric="peak"), power=0.9)
    one_sided = TTestIndPower().solve_power(nobs1=8, alpha=0.025, power=0.9, alternative="larger")
    share = 0.5 / stats.gmean(baseline)
    assert absolute.detectable == pytest.approx((1 + share) * np.exp(one_sided * sd) - 1, rel=1e-5)
    # of what is better if there is more of it, the fall that is found
    fall = _one(_series(1.01 * baseline, baseline, lower_is_better=False), power=0.9)
    effect = TTestIndPower().solve_power(nobs1=8, alpha=0.025, power=0.9)
    assert fall.detectable == pytest.approx(-np.expm1(-effect * sd), rel=1e-5)


def test_noise_that_grows_with_the_value_hides_no_change() -> None:
    """A loss eight times worse that scatters eight times wider: seen as what it is, though its plain values overlap."""
    rng = np.random.default_rng(5)
    before, after = 5 * rng.lognormal(0, 0.5, 16), 40 * rng.lognormal(0, 0.5, 8)
    one = _one(_series(after, before))
    assert one.p is not None
    assert one.p < 1e-6
    plain = stats.ttest_ind(after, before, equal_var=False).pvalue
    assert plain > 100 * one.p


def _by_labels(newest: Array, baseline: Array) -> float:
    """Return scipy's p of the label permutation test, every labelling visited."""
    found = stats.permutation_test(
        (newest, baseline), lambda c, b: np.mean(c) - np.mean(b), alternative="greater", n_resamples=np.inf
    )
    return float(found.pvalue)


@pytest.mark.parametrize(
    ("newest", "baseline"),
    [
        ([0.3, 0.1, 0, 0.2], [0, 0, 0.1, 0, 0]),
        ([0, 0, 0, 0], [0.5, 0.4, 0, 0.1]),
        ([1.0, 1.0, 1.0, 1.0], [0.0, 0.0, 0.0, 0.0]),
        ([0.0, 0.1, 0.3], [0.1, 0.2, 0.1, 0.0, 0.0, 0.1]),
    ],
)
def test_failures_are_one_more_member(newest: list[float], baseline: list[float]) -> None:
    """The label permutation test of shares by repeat, by scipy; named for all variants, with mean shares."""
    (one,) = judge([], Failures(np.array(newest), np.array(baseline)))
    assert one.p == pytest.approx(_by_labels(np.array(newest), np.array(baseline)), rel=1e-9)
    assert one.p_adjusted == one.p
    assert (one.n, one.n_baseline) == (len(newest), len(baseline))
    assert (one.mean, one.baseline_mean) == pytest.approx((np.mean(newest), np.mean(baseline)))
    assert (one.variant, one.metric, one.kind) == (ALL_VARIANTS, "failures", "failures")
    assert one.verdict == ("worse" if one.p <= 0.05 else "undecided")


def test_no_failures_or_one_unit_show_nothing() -> None:
    for newest, baseline in (([0.0] * 8, [0.0] * 8), ([1.0], [0.0] * 8), ([0.5] * 3, [0.5] * 4)):
        (one,) = judge([], Failures(np.array(newest), np.array(baseline)))
        assert (one.p, one.verdict) == (1.0, "undecided")
    (none,) = judge([], Failures(np.zeros(0), np.zeros(9)))
    assert (none.p, none.mean, none.verdict) == (None, None, "undecided")
    assert none.remarks == ("One side has no training at all to compare with.",)


def test_a_variant_of_which_nothing_is_left_is_worse_by_itself() -> None:
    """However few its repeats are beside those of all others: four of four failed, where four had values before."""
    others = [_series(A, A, variant=f"v{place}") for place in range(12)]
    found = judge([_series([], A, diverged=4), *others], NONE_FAILED)
    assert (found[0].verdict, found[0].p, found[0].mean) == ("worse", 0.0, None)
    assert found[0].remarks == ("All 4 trainings of the newest run diverged or failed: worse by itself.",)
    assert {one.verdict for one in found[1:]} == {"undecided"}
    # a single training that failed tells nothing, and what had no value before cannot have got worse
    assert _one(_series([], A, diverged=1)).verdict == "undecided"
    assert _one(_series([], [], diverged=4)).verdict == "undecided"


# ------------------------------------------------------------------------------------------------------------ verdicts


def test_direction_of_a_loss() -> None:
    """More of a loss is worse, and more of a coefficient of determination is better."""
    high, low = 1 + 0.01 * A, 0.5 + 0.01 * B
    assert _one(_series(high, low)).verdict == "worse"
    assert _one(_series(low, high)).verdict == "better"
    assert _one(_series(high, low, lower_is_better=False)).verdict == "better"
    assert _one(_series(low, high, lower_is_better=False)).verdict == "worse"
    assert _one(_series(A, A)).verdict == "undecided"


def test_a_speed_is_worse_where_it_fell_by_more_than_the_margin() -> None:
    """Of a quantity of which more is better, the one-sided test lies on the other side of the margin."""
    rng = np.random.default_rng(3)
    c, b = rng.lognormal(-0.4, 0.1, 8), rng.lognormal(0, 0.1, 8)
    relative = _one(_series(c, b, kind="time", margin="25%", lower_is_better=False))
    absolute = _one(_series(c, b, kind="time", margin=0.25, lower_is_better=False))
    assert relative.p == pytest.approx(_student(c, 0.75 * b, "less"))
    assert absolute.p == pytest.approx(_student(c, (1 - 0.25 / stats.gmean(b)) * b, "less"))
    # a fall by more than everything there is cannot be shown
    assert _one(_series(c, b, kind="time", margin=5.0, lower_is_better=False)).p == 1


def test_a_difference_below_the_margin_is_equivalent_and_resolved() -> None:
    """Significant and within the margin: equivalent, with a remark; without a margin it is worse."""
    newest, baseline = 1.02 + 0.001 * A, 1 + 0.001 * B
    inside = _one(_series(newest, baseline, margin="5%"))
    assert inside.verdict == "equivalent"
    assert inside.margin == "5 %"
    assert inside.remarks == ("Resolved, below the margin: the difference is significant but too small to matter.",)
    assert _one(_series(newest, baseline, margin=0.05)).verdict == "equivalent"
    assert _one(_series(newest, baseline, margin="1%")).verdict == "worse"
    assert _one(_series(newest, baseline)).verdict == "worse"


def test_a_time_within_its_margin_is_not_worse_however_significant() -> None:
    """20 % more than the baseline with almost no spread: equivalent within 25 %; 30 % more is worse."""
    times = 100 + 0.1 * A
    assert _one(_series(1.2 * times, times, kind="time", margin="25%")).verdict == "equivalent"
    assert _one(_series(1.3 * times, times, kind="time", margin="25%")).verdict == "worse"
    # a time can be shown to be within the margin, never to be better
    assert _one(_series(0.5 * times, times, kind="time", margin="25%")).verdict == "undecided"


@pytest.mark.parametrize(
    ("kind", "newest", "margin", "better_if_low", "p", "verdict"),
    [
        ("loss", 1.0, None, True, 1.0, "undecided"),
        ("loss", 1.0 + 1e-15, None, True, 1.0, "undecided"),
        ("loss", 1.0 + 1e-7, None, True, 1.0, "undecided"),  # another library's last digits
        ("loss", 1.001, None, True, 0.0, "worse"),
        ("loss", 0.999, None, True, 0.0, "better"),
        ("loss", 0.999, None, False, 0.0, "worse"),
        ("loss", 1.0, "5%", True, 1.0, "equivalent"),
        ("loss", 1.04, "5%", True, 0.0, "equivalent"),
        ("loss", 1.06, "5%", True, 0.0, "worse"),
        ("loss", 0.94, "5%", True, 0.0, "better"),
        ("loss", 1.05, 0.05, True, 0.0, "worse"),  # on the margin is not within
        ("time", 1.2, "25%", True, 1.0, "equivalent"),
        ("time", 1.25, "25%", True, 1.0, "undecided"),
        ("time", 1.3, "25%", True, 0.0, "worse"),
        ("memory", 1.3, 0.25, True, 0.0, "worse"),
        ("memory", 0.7, 0.25, True, 1.0, "undecided"),
    ],
)
def test_without_spread_the_difference_decides(
    kind: Kind, newest: float, margin: str | float | None, better_if_low: bool, p: float, verdict: str
) -> None:
    """A deterministic contestant has p = 0 or 1, its change as its interval, and no number that rests on noise."""
    one = _one(_series([newest] * 3, [1.0] * 5, kind=kind, margin=margin, lower_is_better=better_if_low))
    assert (one.p, one.verdict) == (p, verdict)
    assert one.low == one.high == one.change == pytest.approx(newest - 1)
    assert one.detectable is None
    assert one.remarks[0] == (
        "No spread on either side: there is no noise to test against, and p is 0 or 1 by the difference."
    )


@pytest.mark.filterwarnings("ignore:Precision loss")  # scipy's, of the side without any spread
def test_spread_on_one_side_only() -> None:
    """It is taken for both sides (scipy), and a remark says so; a single value has none of its own to speak of."""
    for newest, baseline, moves in ((A, [0.7] * 4, "newest run"), ([0.7] * 4, A, "baseline")):
        one = _one(_series(newest, baseline))
        assert one.p == pytest.approx(_student(np.array(newest), np.array(baseline)))
        assert one.remarks == (f"Only the {moves} has any spread, which is taken for both.",)
        assert one.low is not None
        assert one.detectable is not None
    alone = _one(_series([0.7], A))
    assert alone.p == pytest.approx(_student(np.array([0.7]), A))
    assert alone.remarks == ()


def test_single_values_on_both_sides_show_no_spread() -> None:
    """Means and change, but neither p nor interval nor verdict; this holds for two equal values as well."""
    for newest, baseline in (([1.0], [1.3]), ([1.0], [1.0])):
        one = _one(_series(newest, baseline, margin="5%"))
        assert (one.p, one.p_adjusted, one.p_equivalence_adjusted, one.low, one.detectable) == (None,) * 5
        assert one.verdict == "undecided"
        assert one.change == pytest.approx(newest[0] / baseline[0] - 1)
        assert one.remarks == (
            "A single repeat on each side shows no spread: no p, no interval and no verdict without a second one.",
        )


def test_few_repeats_against_many_err_no_more_often_than_promised() -> None:
    """Three against thirty at the level of a family's first step, where Welch's test errs five times too often."""
    rng, level, calls = np.random.default_rng(6), 0.0023, 20000
    newest, baseline = rng.normal(size=(calls, 3)), rng.normal(size=(calls, 30))
    ours = [student.pooled(_plain(c), _plain(b)).p_greater() for c, b in zip(newest, baseline, strict=True)]
    theirs = stats.ttest_ind(newest, baseline, axis=1, equal_var=False, alternative="greater").pvalue
    assert np.mean(np.array(ours) <= level) == pytest.approx(level, abs=4 * np.sqrt(level / calls))
    assert np.mean(theirs <= level) > 3 * level


def _plain(values: Array) -> Sample:
    return Sample(values, np.zeros(values.size, dtype=np.int64))


def test_a_side_without_any_value() -> None:
    """Nothing to compare with, and the member counts all the same."""
    new = _one(_series(A, []))
    assert (new.baseline_mean, new.p, new.remarks[0]) == (
        None,
        None,
        "No training of the baseline has a value: there is nothing to compare.",
    )


def test_members_without_p_count() -> None:
    """The family has its declared size, whatever turns out to have a p: Bonferroni of 4 series and failures."""
    empty = [_series([1.0], [1.0], variant=f"v{place}") for place in range(3)]
    found = judge([_series(A, B), *empty], NONE_FAILED, correction="bonferroni")
    assert found[0].p_adjusted == pytest.approx(5 * _student(A, B))
    alone = _one(_series(A, B), correction="bonferroni")
    assert alone.p_adjusted == pytest.approx(2 * _student(A, B))
    assert found[0].detectable is not None
    assert alone.detectable is not None
    assert found[0].detectable > alone.detectable


def test_a_variant_with_a_diverged_repeat_is_not_flattered() -> None:
    """Neither better nor equivalent, but worse if it is."""
    newest, baseline = 0.5 + 0.01 * A, 1 + 0.01 * B
    better, equal = _series(newest, baseline), _series(baseline, baseline, margin="5%")
    assert [_one(one).verdict for one in (better, equal)] == ["better", "equivalent"]
    barred = [_one(replace(one, diverged=1)) for one in (better, equal)]
    assert [one.verdict for one in barred] == ["undecided", "undecided"]
    assert barred[0].remarks == (DIVERGED.format("1 training"),)
    assert _one(_series(baseline, newest, diverged=2)).verdict == "worse"


@pytest.mark.parametrize(("newest", "baseline"), [(A, [0.0, 0.1, 0.2]), (-A, B), ([0.0] * 3, [1.0] * 3)])
@pytest.mark.parametrize("kind", ["loss", "time"])
def test_what_is_not_positive_has_no_ratio(newest: Any, baseline: Any, kind: Kind) -> None:
    """Neither p nor means nor verdict, and a remark that says why."""
    one = _one(_series(newest, baseline, kind=kind, margin="25%"))
    assert (one.p, one.mean, one.change, one.low, one.detectable, one.p_equivalence_adjusted) == (None,) * 6
    assert one.verdict == "undecided"
    least = min(np.min(newest), np.min(baseline))
    assert one.remarks == (
        f"Ratios are compared, which need positive values; found {least:g}, so there is no p and no verdict.",
    )


def test_no_detectable_change_for_a_power_that_needs_none() -> None:
    """A test rejects at its level without any effect, so a power at or below that level belongs to no change."""
    assert _one(_series(A, B), power=0.025).detectable is None
    assert _one(_series(A, B), power=0.026).detectable is not None


def test_judged_is_plain() -> None:
    """What a gate writes down: the declared fields, in order, and nothing that JSON does not know."""
    told = asdict(_one(_series(A, B, margin="5%")))
    assert list(told) == [
        *("variant", "metric", "label", "unit", "kind", "margin", "n", "n_baseline", "mean", "baseline_mean", "change"),
        *("low", "high", "p", "p_adjusted", "p_equivalence_adjusted", "detectable", "verdict", "remarks"),
    ]
    assert {type(value) for value in told.values()} <= {str, int, float, type(None), tuple}


# ------------------------------------------------------------------------------------------------------------ refusals


@pytest.mark.parametrize(
    ("newest", "more", "sentence"),
    [
        ([1.0, float("nan")], {}, r"The newest values of '22vars', loss: A sample needs finite values .* place 2 of 2"),
        ([[1.0, 2.0]], {}, r"The newest values of '22vars', loss: .* two arrays of the same length"),
        (A, {"margin": "0.3 d_z"}, r"The test 'welch' cannot judge a margin of 0\.3 d_z: it takes the two samples as"),
        (
            A,
            {"kind": "time"},
            r"A time needs a margin, found none in '22vars', time: two runs on one machine differ by",
        ),
        (
            A,
            {"kind": "failures"},
            r"a 'loss', a 'time' or a 'memory', found 'failures' in '22vars', failures; failures",
        ),
        (A, {"kind": "speed"}, r"found 'speed' in '22vars', speed"),
        (A, {"diverged": -1}, r"A number of diverged trainings cannot be negative, found -1 in '22vars', loss"),
    ],
)
def test_refused_series(newest: Any, more: dict[str, Any], sentence: str) -> None:
    with pytest.raises(StatisticsError, match=sentence):
        _series(newest, B, **more)


@pytest.mark.parametrize("shares", [[1.2], [-0.1, 0.0], [[0.1, 0.2]]])
def test_refused_failures(shares: list[float]) -> None:
    with pytest.raises(StatisticsError, match=r"Failures are shares of the trainings .* found .* in the newest run"):
        Failures(np.array(shares), np.zeros(3))


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (
            {"correction": "max-t"},
            r"The correction 'max-t' is made from the repeats and not from their p-values; expected",
        ),
        ({"correction": "hulm"}, r"There is no correction 'hulm'.*holm"),
        ({"alpha": 0.5}, r"alpha must lie between 0 and 0\.5, found 0\.5"),
        ({"power": 1.0}, r"power must lie between 0 and 1, found 1\.0"),
    ],
)
def test_refused_rules(more: dict[str, Any], sentence: str) -> None:
    with pytest.raises(StatisticsError, match=sentence):
        _one(_series(A, B), **more)


def test_a_series_stands_once_in_its_family() -> None:
    with pytest.raises(StatisticsError, match=r"'22vars', loss stands twice in the family; give it once"):
        judge([_series(A, B), _series(A, B)], NONE_FAILED)


# ---------------------------------------------------------------------------------------------------------- simulation

VARIANTS = 7
#: Coefficients of variation of one training's loss, time and memory.
NOISE = {"loss": 0.2, "time": 0.08, "memory": 0.03}


def _lognormal(rng: np.random.Generator, n: int, cv: float) -> Array:
    """Return trainings of all variants (one row each) of mean 1 that share half of their variance within a repeat."""
    sigma = np.sqrt(np.log1p(cv**2))
    normal = np.sqrt(0.5) * rng.normal(size=n) + np.sqrt(0.5) * rng.normal(size=(VARIANTS, n))
    return np.exp(sigma * normal - sigma**2 / 2)


def _family(
    rng: np.random.Generator,
    sizes: tuple[int, int],
    *,
    kinds: tuple[Kind, ...],
    slower: float = 1.0,
    failing: float = 0.0,
) -> tuple[list[Series], Failures]:
    """Return a family of two runs of the same code; the newest one's times and memories are larger by one factor."""
    family = []
    for kind in kinds:
        newest, baseline = (_lognormal(rng, n, NOISE[kind]) for n in sizes)
        margin = None if kind == "loss" else "25%"
        family += [
            _series(one if kind == "loss" else slower * one, other, kind=kind, margin=margin, variant=f"v{place}")
            for place, (one, other) in enumerate(zip(newest, baseline, strict=True))
        ]
    # failures of one repeat go together: what breaks one training often breaks those of the same seeds
    failed = [np.where(rng.random(n) < failing, rng.random(n), 0.0) for n in sizes]
    return family, Failures(*failed)


def _red(sizes: tuple[int, int], calls: int, **how: Any) -> int:
    """Return how many calls name anything at all as worse."""
    rng = np.random.default_rng(sum(sizes))
    return sum(
        any(one.verdict == "worse" for one in judge(*_family(rng, sizes, **how), power=UNASKED)) for _ in range(calls)
    )


ALL_KINDS: tuple[Kind, ...] = ("loss", "time", "memory")


def test_two_runs_of_the_same_code_stay_green() -> None:
    """Of 600 calls over 22 members each at most α name anything as worse, but for the error of counting (99.9 %)."""
    red = _red((8, 8), 300, kinds=ALL_KINDS) + _red((8, 80), 300, kinds=ALL_KINDS)
    assert red <= stats.binom.ppf(0.999, 600, 0.05)


def test_failures_that_go_together_stay_green() -> None:
    """What breaks all trainings of some repeats, in both runs alike, is no regression: the repeat is the unit."""
    red = _red((6, 6), 300, kinds=(), failing=0.3)
    assert 0 < red <= stats.binom.ppf(0.999, 300, 0.05)


def test_a_slower_run_within_the_margin_stays_green() -> None:
    """All times and memories larger by exactly the margin, where H0 is hardest to keep; more turns the call red."""
    kinds: tuple[Kind, ...] = ("time", "memory")
    red = _red((8, 8), 200, kinds=kinds, slower=1.25)
    assert 0 < red <= stats.binom.ppf(0.999, 200, 0.05)
    assert _red((8, 8), 20, kinds=kinds, slower=1.2) == 0
    assert _red((8, 8), 20, kinds=kinds, slower=1.5) == 20


@pytest.mark.slow
@pytest.mark.parametrize("sizes", [(8, 8), (8, 80), (3, 8), (80, 8)])
@pytest.mark.parametrize("slower", [1.0, 1.25])
def test_green_at_full_size(sizes: tuple[int, int], slower: float) -> None:
    """The same of 500 calls for each of several sizes, trainings failing together in a fifth of the repeats."""
    assert _red(sizes, 500, kinds=ALL_KINDS, slower=slower, failing=0.2) <= stats.binom.ppf(0.999, 500, 0.05)


def _found(sizes: tuple[int, int], step: float, calls: int) -> float:
    """Return how often one variant's loss, larger by that share, is called worse among the losses of all."""
    rng = np.random.default_rng(21)
    found = 0
    for _ in range(calls):
        family, failures = _family(rng, sizes, kinds=("loss",))
        family[3] = replace(family[3], newest=(1 + step) * family[3].newest)
        found += judge(family, failures, power=UNASKED)[3].verdict == "worse"
    return found / calls


@pytest.mark.parametrize("sizes", [(16, 16), (8, 80)])
def test_a_planted_step_of_five_per_cent_is_found_with_the_promised_power(
    sizes: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One loss among seven grows by 5 %; its noise is such that Holm's first step has a power of about 0.8."""
    level, calls = 0.05 / (VARIANTS + 1), 500
    d = TTestIndPower().solve_power(nobs1=sizes[0], ratio=sizes[1] / sizes[0], alpha=level, power=0.8)
    cv = 0.05 / d
    monkeypatch.setitem(NOISE, "loss", cv)
    # in logarithms a step of 5 % leaves the spread as it is
    promised = power_at(
        np.log1p(0.05) / (np.sqrt(np.log1p(cv**2)) * np.sqrt(sum(1 / n for n in sizes))), sum(sizes) - 2, level
    )
    error = 3.3 * np.sqrt(promised * (1 - promised) / calls)
    assert _found(sizes, 0.05, calls) == pytest.approx(promised, abs=error)


def test_detectable_is_five_per_cent_where_five_per_cent_are_found() -> None:
    """Over 20 pairs of runs ``detectable`` scatters about the step that the true spread makes detectable."""
    rng = np.random.default_rng(22)
    d = TTestIndPower().solve_power(nobs1=16, alpha=0.05 / 2, power=0.8)
    sigma = np.sqrt(np.log1p((0.05 / d) ** 2))
    reckoned = [_one(_series(rng.lognormal(0, sigma, 16), rng.lognormal(0, sigma, 16))).detectable for _ in range(20)]
    assert np.mean(reckoned) == pytest.approx(0.05, rel=0.1)
