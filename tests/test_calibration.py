"""``doctor --calibrate``: bounds, seeds, the A/A studies, the table, and the command."""

from __future__ import annotations

import json
import math
import multiprocessing
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from bpbench import cli, cli_calibrate, study
from bpbench.calibration import nulls, plan, table, trainings
from bpbench.calibration.claims import RISK, Bound, Claim, Experiment, Rate, limits, measure
from bpbench.report import calibrated
from bpbench.runner.store import Store
from bpbench.statistics.compare import TESTS, Rules
from bpbench.statistics.corrections import CORRECTIONS


def claim(bound: Bound = "at most", nominal: float = 0.05) -> Claim:
    return Claim("single", "paired t", "normal", 10, nominal, bound)


def tail(runs: int, rate: float, counts: range) -> float:
    """Return P(K in counts) of a binomial, by its definition."""
    return math.fsum(math.comb(runs, k) * rate**k * (1 - rate) ** (runs - k) for k in counts)


@pytest.mark.parametrize(("runs", "nominal", "risk"), [(20, 0.05, 1e-3), (400, 0.05, 1e-5), (400, 0.8, 1e-3)])
def test_bounds_grant_the_exact_monte_carlo_error(runs: int, nominal: float, risk: float) -> None:
    """A count beyond the bound has at most the risk, and the bound is as tight as a count can be."""
    low, high = limits(claim("at least", nominal), runs, risk)
    assert (low is not None, high) == (True, None)
    assert tail(runs, nominal, range(low or 0)) <= risk < tail(runs, nominal, range((low or 0) + 1))
    low, high = limits(claim("at most", nominal), runs, risk)
    assert low is None
    assert high is not None
    assert tail(runs, nominal, range(high + 1, runs + 1)) <= risk < tail(runs, nominal, range(high, runs + 1))
    both = limits(claim("equal", nominal), runs, risk)
    assert both == (limits(claim("at least", nominal), runs, risk / 2)[0], limits(claim(), runs, risk / 2)[1]) or (
        nominal != 0.05
    )
    assert limits(claim("reported", nominal), runs, risk) == (None, None)


@pytest.mark.parametrize(
    ("bound", "count", "within"),
    [("at most", 9, True), ("at most", 10, False), ("at least", 2, False), ("equal", 2, False), ("equal", 3, True),
     ("equal", 10, False), ("reported", 99, None)],
)  # fmt: skip
def test_a_count_is_within_its_bounds_or_not(bound: Bound, count: int, *, within: bool | None) -> None:
    """The limits themselves lie within; what has no bound is neither within nor outside."""
    low, high = None if bound == "at most" else 3, None if bound == "at least" else 9
    rate = Rate(claim(bound), 100, count, low, high)
    assert rate.within is within
    assert rate.value == count / 100
    assert rate.error == pytest.approx(math.sqrt(0.05 * 0.95 / 100))


def few(test: str, alpha: float = 0.05, runs: int = 60, share: int = 25) -> Experiment:
    """Return a small simulation of a single test."""
    rules = (Rules(test, "fixed", alpha=alpha),)
    simulate = partial(nulls.alarms, rules=rules, noise="normal", n=10, rows=2, shape="common")
    return Experiment(f"few/{test}", runs, simulate, (claim(),), share)


def test_the_same_seed_gives_the_same_table_whatever_the_processes_and_the_company() -> None:
    """Counts depend on the root and the experiment's name alone; another root draws other runs."""
    asked = (few("paired-t", alpha=0.4), few("wilcoxon", alpha=0.4))
    alone = measure(asked, root=1)
    assert measure(asked, root=1, jobs=2) == alone
    assert [rate.count for rate in measure(asked[1:], root=1)] == [alone[1].count]
    assert [rate.count for rate in measure(asked, root=2)] != [rate.count for rate in alone]
    assert {rate.runs for rate in alone} == {60}


def test_progress_is_told_to_its_end() -> None:
    """Every share of the runs is told once, and the last one is the whole."""
    heard: list[tuple[int, int]] = []
    measure([few("paired-t")], root=1, told=lambda done, total: heard.append((done, total)))
    assert heard == [(25, 60), (50, 60), (60, 60)]


def test_an_interrupt_ends_all_processes() -> None:
    """Ctrl-C is passed on, and no process goes on with what nobody waits for."""

    def interrupt(_done: int, _total: int) -> None:
        raise KeyboardInterrupt

    endless = Experiment("endless", 10, _slow, (claim(),), share=1)
    with pytest.raises(KeyboardInterrupt):
        measure([endless], root=1, jobs=2, told=interrupt)
    assert not multiprocessing.active_children()


def _slow(rng: np.random.Generator, runs: int) -> tuple[int]:  # noqa: ARG001 - as every simulation
    if len(_ran) > 1:
        time.sleep(60)
    _ran.append(True)
    return (0,)


#: In each process: the first piece of work ends at once (it runs twice, to load its libraries), others would not.
_ran: list[bool] = []


def test_the_risk_is_shared_by_all_bounded_rates() -> None:
    """One more bounded rate widens every bound; a reported one does not."""
    one = Experiment("a", 400, _nothing, (claim(),))
    reported = Experiment("b", 400, _nothing, (claim("reported"),))
    other = Experiment("c", 400, _nothing, (claim(),))
    (alone, _), (shared, _) = (measure(asked, root=1) for asked in ((one, reported), (one, other)))
    assert (alone.low, alone.high) == limits(claim(), 400, RISK)
    assert (shared.low, shared.high) == limits(claim(), 400, RISK / 2)


def _nothing(rng: np.random.Generator, runs: int) -> tuple[int]:  # noqa: ARG001 - as every simulation
    return (0,)


# -------------------------------------------------------------------------------------------------------- trainings


def test_contestants_of_trainings_can_be_exchanged(tmp_path: Path) -> None:
    """Exchanging the noise of two contestants exchanges their scores to the last digit."""
    frames, noise = trainings.data_set(np.random.default_rng(3))
    found = []
    for name, order in (("one", [0, 1]), ("other", [1, 0])):
        (tmp_path / name).mkdir()
        file, store = tmp_path / name / "table.npz", Store(tmp_path / name / "store")
        trainings.write(file, frames, noise[order])
        found.append(study.conduct(study.prepare(trainings.protocol(file, design="resampled", seed=5), store), store))
    one, other = (made.comparisons for made in found)
    assert one[0].n == trainings.REPEATS
    assert (one[0].candidate, one[0].baseline) == ("b", "a")
    assert one[0].candidate_mean != one[0].baseline_mean
    assert (other[0].candidate_mean, other[0].baseline_mean) == (one[0].baseline_mean, one[0].candidate_mean)
    assert other[0].difference == -(one[0].difference or 0)


def test_data_sets_of_trainings_are_independent() -> None:
    """Two data sets share no crystal and no noise; the same seed gives both again."""
    rng = np.random.default_rng(4)
    (crystals, noise), (others, more) = trainings.data_set(rng), trainings.data_set(rng)
    again, same = trainings.data_set(np.random.default_rng(4))
    np.testing.assert_array_equal(again.positions, crystals.positions)
    np.testing.assert_array_equal(again.energy, crystals.energy)
    np.testing.assert_array_equal(same, noise)
    assert not np.intersect1d(crystals.energy, others.energy).size
    assert not np.intersect1d(noise, more).size
    assert len(np.unique(crystals.block)) == len(crystals) == trainings.CRYSTALS


# ------------------------------------------------------------------------------------------------------- the command


def test_the_plan_holds_every_rule_at_every_n() -> None:
    """Every test that a fixed split allows and every correction is measured at n = 5, 10, 30 under three noises."""
    claims = [claim for experiment in plan.experiments(plan.SIZES["tiny"]) for claim in experiment.claims]
    cells = {(claim.table, claim.rule, claim.condition, claim.n): claim for claim in claims}
    assert len(cells) == len(claims)  # no cell of the table is measured twice
    for info in (info for info in TESTS.values() if "fixed" in info.designs):
        for noise in nulls.NOISES:
            for n in (5, 10, 30):
                assert cells["single", info.label, noise, n].bound == "at most"
                assert cells["family", info.label, noise, n].bound == "at most"
        assert cells["single", info.label, nulls.ASYMMETRIC, 5].bound == "reported"
        assert (cells["single", info.label, nulls.TIED, 5].bound == "at most") is not info.label.endswith(" t")
    for correction in CORRECTIONS:
        for shape in ("common", "separate"):
            assert any(key[1].split()[0] == correction for key in cells if key[0] == f"corrections, {shape}")
    assert {claim.table for claim in claims} == set(table.PARTS)
    names = [experiment.name for experiment in plan.experiments(plan.SIZES["tiny"])]
    assert len(set(names)) == len(names)


def test_sizes_are_those_of_the_command() -> None:
    """The command offers every size of the plan; the A/A test has the data sets that were asked for."""
    assert set(cli_calibrate.SIZES) == set(plan.SIZES)
    assert min(plan.SIZES[name].sets for name in ("small", "full")) >= 200


def test_the_whole_command_at_its_smallest(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every rate is measured, printed with its bound and written as Markdown; nothing lies outside."""
    out = tmp_path / "table.md"
    assert cli.main(["doctor", "--calibrate", "--size", "tiny", "--jobs", "1", "--json", "--out", str(out)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["within"] is True
    assert told["outside"] == 0
    rates = [rate for part in told["parts"] for rate in part["rates"]]
    assert told["bounded"] == sum(rate["bound"] != "reported" for rate in rates)
    assert len(rates) == sum(len(experiment.claims) for experiment in plan.experiments(plan.SIZES["tiny"]))
    assert all(0 <= rate["count"] <= rate["runs"] for rate in rates)
    text = out.read_text(encoding="utf-8")
    assert text == calibrated.markdown(told)
    assert f"All {told['bounded']} bounded rates lie within their bounds." in text
    assert "Made by `bpbench doctor --calibrate --size tiny`." in text
    for part in table.PARTS.values():
        assert f"**{part.title}.** {part.counts}" in text
    printed = "\n".join(calibrated.lines(told))
    for row in ("paired t", "Wilcoxon signed-rank", "holm", "Nadeau-Bengio corrected t"):
        assert any(line.startswith(row) for line in printed.splitlines())
        assert f"| {row} |" in text


@pytest.mark.slow
def test_every_bounded_rate_is_within_its_bound(capsys: pytest.CaptureFixture[str]) -> None:
    """The command at the size of minutes: 100 runs a rate, and the A/A test on 200 independent data sets."""
    assert cli.main(["doctor", "--calibrate", "--size", "small"]) == 0
    assert "bounded rates lie within their bounds." in capsys.readouterr().out


def test_a_rule_that_errs_too_often_is_told_and_ends_with_code_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A test at 20 % that claims 5 % lies outside; what lies outside is marked and counted."""
    monkeypatch.setattr(plan, "experiments", lambda _size: (few("paired-t", alpha=0.2, runs=400, share=400),))
    assert cli.main(["doctor", "--calibrate", "--jobs", "1"]) == cli.OUTSIDE == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "1 of 1 bounded rates lie outside their bounds."
    (row,) = [line for line in lines if line.startswith("paired t")]
    assert "!" in row
    assert row.endswith("outside")
    assert "≤" in row


def test_rates_stand_in_rows_by_rule_and_columns_by_condition() -> None:
    """Rates at every n share a cell, what is missing is a dash, what is reported stands in brackets."""
    rates = [
        Rate(Claim("margin", rule, noise, n, 0.05, bound), 200, count, None, None if bound == "reported" else 20)
        for rule, noise, n, bound, count in (
            ("one", "normal", 5, "at most", 10),
            ("one", "normal", 10, "at most", 21),
            ("one", "skewed", 10, "reported", 50),
            ("other", "normal", 10, "reported", 0),
        )
    ]
    told = table.told(rates, command="bpbench", size="tiny", seed=1)
    assert (told["bounded"], told["outside"], told["within"]) == (2, 1, False)
    rows = [line for line in calibrated.markdown(told).splitlines() if line.startswith("|")]
    assert rows == [
        "| rule | normal | skewed | bound |  |",
        "| --- | --- | --- | --- | --- |",
        "| one | 5.0 / 10.5! | (– / 25.0) | ≤ 10.0 | outside |",
        "| other | (– / 0.0) | – | – | reported |",
    ]


@pytest.mark.parametrize("option", [["--size", "small"], ["--seed", "2"], ["--jobs", "1"], ["--out", "a.md"]])
def test_options_of_a_calibration_need_one(option: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """An option that nothing would read is refused."""
    assert cli.main(["doctor", *option]) == cli.WRONG
    told = capsys.readouterr().err
    assert f"{option[0]} is an option of the calibration; add --calibrate, or leave it out." in told


def test_a_table_that_cannot_be_written_is_told_before(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is measured for a file that could not be kept."""
    out = tmp_path / "no" / "table.md"
    assert cli.main(["doctor", "--calibrate", "--out", str(out)]) == cli.WRONG
    assert f"--out: {out} cannot be written (No such file or directory); name another file." in capsys.readouterr().err
