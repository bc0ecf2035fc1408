"""Runs that are kept and what became worse between them, in words: the answer first, every member in the table."""

from __future__ import annotations

import re
from typing import Any

import pytest
from told_factory import HOSTILE, MAE, failed, gated, header, judged, renamed, run, timed, worse

from bpbench.report import kept, tracked

COMMAND = "bpbench track gate smoke.yaml --baseline main"
MAIN = [{"study": "smoke", "name": "main", "runs": [2, 3]}]
RED = gated(
    judged(),
    judged("A", MAE, detectable=0.031),
    worse("D", MAE, p_adjusted=0.012, detectable=0.023),
    worse(),
    timed(),
    timed(
        "D", verdict="worse", mean=21.0, baseline_mean=14.5, change=0.448, low=0.41, high=0.49, p_adjusted=1e-5
    ),
    failed(),
    not_compared=["memory was measured on another kind of host"],
)  # fmt: skip
#: Everything that may have no value has none.
BARE = judged(
    n=0, mean=None, change=None, low=None, high=None, p=None, p_adjusted=None, detectable=None,
    remarks=["no training of the newest run finished"],
)  # fmt: skip
FAILED = failed(mean=1.0, p=1e-9, p_adjusted=1e-8, verdict="worse")
CASES = {
    "red": RED,
    "green": gated(judged(), timed(), failed(), changed=[]),
    "nothing finished": gated(BARE, FAILED),
    "nothing compared": gated(not_compared=["no variant is in both"]),
    "one run": gated(worse(), baseline={"name": None, "runs": [header(1)]}),
}


def test_a_regression_names_the_worst_first() -> None:
    """The answer, the worst by adjusted p with change, means and interval, what changed, what could have been found."""
    assert tracked.gate(RED) == [
        (
            "regression: run 14 of smoke against the baseline main (runs 8 to 12), 3 of 7 comparisons are worse "
            "(correction: Holm, α = 0.05)."
        ),
        (
            "  RMSE of D: +5.2 %, 1.310 after 1.245 meV/atom (95 % interval +3.1 % to +7.4 %, n = 10 and 50, "
            "Holm-adjusted p < 0.001)."
        ),
        (
            "  CPU time of D: +44.8 %, 21.0 after 14.5 s, beyond the margin of 25 % of the mean of the baseline (95 % "
            "interval +41.0 % to +49.0 %, n = 10 and 50, Holm-adjusted p < 0.001)."
        ),
        (
            "  MAE of D: +5.2 %, 1.310 after 1.245 meV/atom (95 % interval +3.1 % to +7.4 %, n = 10 and 50, "
            "Holm-adjusted p = 0.012)."
        ),
        (
            "The others: 1 shown not to have grown by more than the margin and 3 undecided: there may be a change too "
            "small to be found."
        ),
        "Different on the two sides: sources (cccccccccccc → dddddddddddd); numpy 2.2.0 → 2.3.1.",
        "Memory was measured on another kind of host.",
        (
            "What could have been found, with a power of 80 %: RMSE by 5.2 % (A and D); MAE by 2.3 % (D) to 3.1 % (A), "
            "or more."
        ),
        "Margins: RMSE 5 %, CPU time 50 %.",
        "What is claimed holds given this split.",
    ]


def test_no_regression_never_says_that_all_is_the_same() -> None:
    """What is undecided is counted, and it is said that a change may be too small to be found."""
    assert tracked.gate(CASES["green"]) == [
        (
            "no regression: run 14 of smoke against the baseline main (runs 8 to 12), none of 3 comparisons is worse "
            "(correction: Holm, α = 0.05)."
        ),
        (
            "Of these: 1 shown not to have grown by more than the margin and 2 undecided: there may be a change too "
            "small to be found."
        ),
        "Protocol, data, sources, versions and host are the same on both sides.",
        "What could have been found, with a power of 80 %: RMSE by 5.2 % (A), or more.",
        "Margins: RMSE 5 %, CPU time 50 %.",
        "What is claimed holds given this split.",
    ]


def test_failures_are_told_as_shares() -> None:
    """More failed trainings are a regression with the two shares and p; what has no values is told with its remark."""
    assert tracked.gate(CASES["nothing finished"])[1] == (
        "  Failed trainings of all variants together: 100 % after 4 % (n = 20 and 100, Holm-adjusted p < 0.001)."
    )
    assert "RMSE of A: No training of the newest run finished." in tracked.gate(CASES["nothing finished"])
    assert "No such size can be told of RMSE of A." in tracked.gate(CASES["nothing finished"])


def test_a_comparison_shows_every_member_below_the_answer() -> None:
    """The table has a row for each member, its columns below each other."""
    table = tracked.compare(RED)[len(tracked.gate(RED)) + 2 :]
    assert len(table) == 1 + len(RED["comparisons"])
    assert table[4] == (
        "D        RMSE (meV/atom)      1.245   1.310   +5.2 %    +3.1 % to +7.4 %     < 0.001       5.2 %  worse"
    )
    assert table[7].split()[:5] == ["all", "failed", "trainings", "4", "%"]
    assert {line[table[0].index("verdict") :] for line in table[1:]} == {"undecided", "worse", "not worse"}


def test_many_that_are_worse_are_cut_and_counted() -> None:
    """Five are named, the rest are counted; the table of a comment has all of them."""
    told = gated(*(worse(f"v{number}", p_adjusted=0.001 * number) for number in range(1, 9)))
    assert len(tracked.worst(told)) == 6
    assert tracked.worst(told)[-1] == "… and 3 more (`track compare` gives all)."
    assert tracked.markdown(told, command=COMMAND).count("| v8 |") == 1


def test_a_comment_has_the_answer_on_top_and_the_rest_folded() -> None:
    """Heading, sentence, the worst as a table, sentences; all comparisons and runs folded; the command last."""
    text = tracked.markdown(RED, command=COMMAND)
    assert text.startswith("### bpbench track: regression\n\nRegression: run 14 of smoke")
    assert text.count("<details>") == text.count("</details>") == 2
    assert "<summary>All 7 comparisons</summary>" in text
    assert "| newest | 14 | 14 | 2025-04-09 09:30 | dddddddddddd | x86_64, 8 cores |" in text
    assert text.endswith(f"```\n{COMMAND}\n```\n")


@pytest.mark.parametrize("case", CASES)
def test_no_text_shows_what_has_no_value(case: str) -> None:
    """Neither None nor nan nor a p of 0.000 is printed; every variant stands in the table."""
    told: dict[str, Any] = CASES[case]
    for text in ("\n".join(tracked.compare(told)), tracked.markdown(told, command=COMMAND)):
        assert not re.search(r"\bNone\b|\bnan\b|= 0\.000\b", text)
        for one in told["comparisons"]:
            assert re.search(rf"^\W*{one['variant'].removesuffix(' variants')}\b", text, re.MULTILINE)


@pytest.mark.parametrize("name", HOSTILE)
def test_names_do_not_break_a_comment(name: str) -> None:
    """Every row of a table keeps its cells, and no element but the folds stands in the text."""
    text = tracked.markdown(renamed(RED, {"D": name, "main": name, "smoke": name}), command=COMMAND)
    assert set(re.findall(r"(?<!\\)</?\w+", text)) == {"<details", "<summary", "</summary", "</details"}
    for row in [line for line in text.splitlines() if line.startswith("|")]:
        assert len(re.findall(r"(?<!\\)\|", row)) in {7, 10}, row


# ------------------------------------------------------------------------------------------------------ what is kept


def test_a_list_names_the_study_once_where_there_is_one() -> None:
    """One study: its name on top; several: a column; a run that is a baseline says of which."""
    one = kept.runs({"study": "smoke", "runs": [run(1), run(2)], "baselines": MAIN})
    assert one == [
        "2 runs of smoke",
        "",
        "run  made              variants  trainings  not done  draw  sources       host             baseline of",
        "  1  2025-01-08 09:30         2         20         1     1  cccccccccccc  x86_64, 8 cores  –",
        "  2  2025-01-15 09:30         2         20         1     2  cccccccccccc  x86_64, 8 cores  main",
    ]
    both = kept.runs({"study": None, "runs": [run(2), run(2, study="other")], "baselines": MAIN})
    assert both[0] == "2 runs of smoke and other"
    assert [line.split()[0] for line in both[2:]] == ["study", "smoke", "other"]
    # a baseline of the same name and number of another study is not its own
    assert both[4].endswith("–")


@pytest.mark.parametrize(("study", "text"), [(None, "No run is recorded."), ("smoke", "No run of smoke is recorded.")])
def test_an_empty_list_is_a_sentence(study: str | None, text: str) -> None:
    """No run: a sentence and no table."""
    assert kept.runs({"study": study, "runs": [], "baselines": []}) == [text]


def test_a_run_is_shown_with_what_made_it() -> None:
    """Digests, host, versions; then scores as mean (sd) of what was done, failures counted apart."""
    shown = kept.run({"run": run(3), "baselines": MAIN})
    assert shown[0] == "Run 3 of smoke, made 2025-01-22 09:30"
    assert "  made by      bpbench 0.1.0, Python 3.11.9, numpy 2.2.0, scipy 1.15.1" in shown
    assert shown[-2:] == [
        "A        10       0      1.45 (0.30)   0.845 (0.030)  14.5 (3.0)  500 (0)      57\N{NARROW NO-BREAK SPACE}000",
        "D         9       1      1.40 (0.27)   0.840 (0.027)  14.5 (3.0)  500 (0)           –",
    ]


def test_a_run_of_which_everything_failed_has_dashes() -> None:
    """No value: a dash, never a nan; a single value has no spread."""
    bad = {
        "results": [{"repeat": 0, "status": "failed", "scores": {}}],
        "cpu_s": [],
        "peak_mb": [3.0],
        "operations": None,
    }
    last = kept.run({"run": run(1, variants={"A": bad}), "baselines": []})[-1]
    assert last.split() == ["A", "0", "1", "–", "–", "–", "3.00", "–"]


def test_baselines_are_listed_with_their_runs() -> None:
    """Names and runs in short; a sentence where there is none."""
    assert kept.baselines({"study": None, "baselines": MAIN}) == ["study  baseline  runs", "smoke  main      2, 3"]
    assert kept.baselines({"study": "smoke", "baselines": []}) == ["No baseline of smoke has a name yet."]


@pytest.mark.parametrize(
    ("numbers", "text"),
    [([3], "3"), ([4, 3], "3, 4"), ([1, 2, 3, 7], "1 to 3 and 7"), ([1, 3, 5, 6, 7], "1, 3 and 5 to 7")],
)
def test_runs_in_a_row_are_told_in_short(numbers: list[int], text: str) -> None:
    """Three and more in a row are told by their ends."""
    assert kept.ranges(numbers) == text
