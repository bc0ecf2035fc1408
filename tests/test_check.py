"""``bpbench check`` as a user meets it: answers, exit codes, what a look spends, and what is refused."""

from __future__ import annotations

import shutil
from typing import Any

import pytest
import small_study
from small_study import Here, here

from bpbench import adoption
from bpbench.history import History
from bpbench.jobs import Job, Train
from bpbench.runner import execute, machine, work
from bpbench.statistics.spending import level

__all__ = ["here"]

_RICH = ("check", "small.yaml", "--candidate", "rich", "--incumbent", "poor", "--jobs", "1")


def _against_poor(name: str, *more: str) -> tuple[str, ...]:
    return ("check", "small.yaml", "--candidate", name, "--incumbent", "poor", "--jobs", "1", *more)


def test_a_better_candidate_is_adopted_and_asking_again_spends_nothing(here: Here) -> None:
    code, told = here.json(*_RICH)
    assert (code, told["answer"], told["again"], told["rule"]) == (0, "adopt", False, "superior")
    assert told["sequence"]["first"] == 1
    assert told["sequence"]["level"] == level(0.05, 1)
    assert told["comparison"]["n"] == len(told["scores"]["candidate"]) == len(told["scores"]["incumbent"]) == 8
    assert told["chosen_after"] is None
    code, again = here.json(*_RICH)
    assert (code, again["again"]) == (0, True)
    assert {**again, "again": False} == told
    code, out, _ = here(*_RICH)
    assert code == 0
    assert out.startswith("adopt rich in place of poor")
    assert "nothing was spent" in out
    with History(".bpbench/history.sqlite") as history:
        assert len(history.decisions()) == 1


def test_only_the_two_are_trained(here: Here) -> None:
    here.json(*_RICH)
    trained = {job.model.kind for job in _stored(here) if isinstance(job, Train)}
    assert trained == {"random-forest"}


def _stored(here: Here) -> list[Job]:
    """Return the jobs of the study whose results are stored."""
    from bpbench.protocol import load
    from bpbench.runner.store import Store
    from bpbench.study import prepare

    store = Store(here.folder / ".bpbench" / "store")
    return [job for job in prepare(load(here.folder / "small.yaml"), store).jobs if store.has(job)]


def test_what_a_run_has_stored_is_used(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    assert here("run", "small.yaml", "--jobs", "1")[0] == 3  # 'wild' diverges

    def never(job: Job, _: Any) -> None:
        raise AssertionError(job)

    monkeypatch.setattr(work, "perform", never)
    code, told = here.json(*_RICH)
    assert (code, told["answer"]) == (0, "adopt")
    assert told["chosen_after"] is None, "the rule was declared with the protocol, before its results"


def test_each_further_candidate_spends_from_one_sequence(here: Here) -> None:
    answers = [here.json(*_against_poor(name))[1]["sequence"] for name in ("same", "ridge", "rich")]
    assert [told["first"] for told in answers] == [1, 2, 3]
    assert [told["level"] for told in answers] == [level(0.05, k) for k in (1, 2, 3)]
    assert [told["candidates"] for told in answers] == [1, 2, 3]
    assert answers[2]["spent"] == pytest.approx(sum(told["level"] for told in answers))
    # another incumbent is another place, with a sequence of its own
    code, told = here.json("check", "small.yaml", "--candidate", "poor", "--incumbent", "rich", "--jobs", "1")
    assert (code, told["answer"], told["sequence"]["first"]) == (1, "keep", 1)


def test_more_repeats_are_a_further_look_at_the_same_candidate(here: Here) -> None:
    first = here.json(*_against_poor("same"))[1]["sequence"]
    small_study.write(here.folder, repeats=10)
    second = here.json(*_against_poor("same"))[1]["sequence"]
    assert (first["first"], second["first"], second["candidates"]) == (1, 2, 1)


def test_other_seeds_are_no_new_sequence(here: Here) -> None:
    here.json(*_against_poor("same"))
    small_study.write(here.folder, more="seed: 7")
    assert here.json(*_against_poor("same"))[1]["sequence"]["first"] == 2


def test_candidates_that_a_run_has_shown_are_looks_together(here: Here) -> None:
    """Who has seen the scores of five candidates and asks about the best of them has looked five times."""
    here("run", "small.yaml", "--jobs", "1")
    together = sum(level(0.05, k) for k in range(1, 6)) / 5
    code, best = here.json(*_RICH)
    assert (code, best["sequence"]["first"], best["sequence"]["of"]) == (0, 1, 5)
    assert best["sequence"]["level"] == pytest.approx(together)
    assert best["sequence"]["next"] == level(0.05, 6)
    # the others have their part already, whoever is asked about first
    second = here.json(*_against_poor("ridge"))[1]["sequence"]
    assert (second["first"], second["of"], second["level"]) == (1, 5, best["sequence"]["level"])
    assert second["spent"] == best["sequence"]["spent"] == pytest.approx(5 * together)
    # by another rule it is a look of its own, as are more repeats
    third = here.json(*_against_poor("ridge", "--rule", "non-inferior"))[1]["sequence"]
    assert (third["first"], third["of"], third["level"]) == (6, 1, level(0.05, 6))
    small_study.write(here.folder, repeats=10)
    fourth = here.json(*_against_poor("ridge"))[1]["sequence"]
    assert (fourth["first"], fourth["of"]) == (7, 1)


def test_another_score_of_the_same_repeats_is_a_look(here: Here) -> None:
    here.json(*_RICH)
    path = here.folder / "small.yaml"
    path.write_text(path.read_text().replace("baseline: poor,", "baseline: poor, metric: mae,"))
    told = here.json(*_RICH)[1]
    assert (told["sequence"]["first"], told["chosen_after"]) == (2, 8)


def test_joined_histories_spend_what_both_have_spent(here: Here) -> None:
    """Two looks that were taken apart, each as the first, have spent twice the first level; the next is the third."""
    here.json(*_RICH, "--history", "mine.sqlite")
    here.json(*_against_poor("ridge"), "--history", "yours.sqlite")
    here("track", "export", "yours.jsonl", "--history", "yours.sqlite")
    here("track", "import", "yours.jsonl", "--history", "mine.sqlite")
    told = here.json(*_against_poor("same"), "--history", "mine.sqlite")[1]["sequence"]
    assert (told["first"], told["level"]) == (3, level(0.05, 3))
    assert told["spent"] == pytest.approx(2 * level(0.05, 1) + level(0.05, 3))
    _, out, _ = here(*_against_poor("same"), "--history", "mine.sqlite")
    assert "That is more than the whole: histories were joined, or the level was changed." in out


def test_an_answer_given_again_says_what_is_left_now(here: Here) -> None:
    here.json(*_RICH)
    here.json(*_against_poor("ridge"))
    again = here.json(*_RICH)[1]["sequence"]
    assert (again["first"], again["next"]) == (1, level(0.05, 3))
    assert again["spent"] == pytest.approx(level(0.05, 1) + level(0.05, 2))


def test_results_of_other_sources_are_told(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    here.json(*_RICH)
    changed = {**machine.machine(), "sources": "0"}
    monkeypatch.setattr(adoption, "machine", lambda: changed)
    _, told = here.json(*_RICH)
    assert (told["elsewhere"], told["again"]) == (16, True)
    _, out, _ = here(*_RICH)
    assert "16 results were made by other sources of bpbench than are here." in out


def test_a_search_that_keeps_everything_has_nothing_to_adopt(here: Here) -> None:
    """The same answer before and after it is known what the search finds, and nothing is spent."""
    small_study.write(
        here.folder,
        margin="0.0001",
        candidates="rich",
        more="explore: {repeats: 2}\nstrategies: {back: {kind: backward, set: rich, model: ridge, step: 1}}",
    )
    words = ("check", "small.yaml", "--candidate", "back", "--incumbent", "ridge", "--jobs", "1")
    for again in (False, True):
        code, told = here.json(*words)
        assert (code, told["answer"], told["sequence"], told["again"]) == (1, "keep", None, again)
        assert told["because"] == ["The search found the incumbent itself: there is nothing else to adopt."]


def test_undecided_says_how_many_repeats_would_be_enough(here: Here) -> None:
    small_study.write(here.folder, repeats=3, margin="0.01")
    code, told = here.json(*_against_poor("same"))
    assert (code, told["answer"]) == (4, "undecided")
    assert told["needed"]["repeats"] > told["needed"]["now"] == 3
    code, out, _ = here(*_against_poor("same"))
    assert code == 4
    assert f"Enough would be {told['needed']['repeats']} repeats, 3 of which are there" in out


def test_undecided_says_that_no_number_would_be_enough(here: Here) -> None:
    """Two ridges on one split never change: there is no noise that repeats could tell anything from."""
    code, told = here.json("check", "small.yaml", "--candidate", "ridge", "--incumbent", "ridge on poor", "--jobs", "1")
    assert (code, told["answer"], told["needed"]["repeats"]) == (4, "undecided", None)
    assert told["needed"]["sentence"].startswith("As long as repeats show no spread")


def test_what_does_not_cost_less_is_kept_out_without_training(here: Here) -> None:
    code, told = here.json(*_RICH, "--rule", "cheaper-and-equivalent")
    assert (code, told["answer"], told["sequence"], told["comparison"]) == (1, "keep", None, None)
    assert told["cost"]["candidate"] > told["cost"]["incumbent"]
    assert not any(isinstance(job, Train) for job in _stored(here))
    assert here.json(*_RICH, "--rule", "cheaper-and-equivalent")[1]["again"]
    assert here.json(*_RICH)[1]["sequence"]["first"] == 1, "that answer spent nothing"
    code, out, _ = here(*_RICH, "--rule", "cheaper-and-equivalent")
    assert "keep poor" in out


def test_a_rule_on_the_command_line_is_stamped_with_what_was_there(here: Here) -> None:
    here.json(*_RICH)
    code, told = here.json(*_RICH, "--rule", "non-inferior")
    assert (code, told["answer"], told["chosen_after"]) == (0, "adopt", 8)
    assert here.json(*_RICH, "--margin", "50 %")[1]["chosen_after"] == 8
    code, out, _ = here(*_RICH, "--margin", "60%")
    assert "chosen after seeing 8 repeats" in out


def test_a_rule_on_the_command_line_before_any_result_is_not_stamped(here: Here) -> None:
    assert here.json(*_RICH, "--rule", "non-inferior", "--margin", "1")[1]["chosen_after"] is None
    assert here.json(*_RICH)[1]["chosen_after"] is None, "the protocol's own rule was declared with it"


def test_only_what_could_turn_the_answer_is_another_rule(here: Here) -> None:
    """Neither spelling, nor a further candidate in the protocol, nor the correction of a report."""
    here.json(*_RICH)
    assert here.json(*_RICH, "--margin", "5%")[1]["chosen_after"] is None
    small_study.write(here.folder, candidates="ridge, rich, same, ridge on poor")
    assert here.json(*_against_poor("ridge on poor"))[1]["chosen_after"] is None


def test_the_history_remembers_other_rules_when_the_store_is_gone(here: Here) -> None:
    here.json(*_RICH)
    shutil.rmtree(here.folder / ".bpbench" / "store")
    assert here.json(*_RICH, "--margin", "50 %")[1]["chosen_after"] == 8


def test_a_recorded_answer_needs_no_store(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    """A team keeps the history and not the store: nobody trains again what is decided, unless the sources changed."""
    _, told = here.json(*_RICH)
    shutil.rmtree(here.folder / ".bpbench" / "store")

    def never(*_: object, **__: object) -> None:
        raise AssertionError

    with monkeypatch.context() as patch:
        patch.setattr(execute, "execute", never)
        code, again = here.json(*_RICH)
    assert (code, again["again"], again["answer"]) == (0, True, told["answer"])


def test_a_candidate_that_diverges_is_not_adopted(here: Here) -> None:
    code, told = here.json(*_against_poor("wild"))
    assert (code, told["answer"]) == (1, "keep")
    assert any("diverged" in sentence for sentence in told["because"])


def test_repeats_that_fail_decide_nothing_and_spend_nothing(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    real = work.perform

    def broken(job: Job, load: Any) -> Any:
        if isinstance(job, Train) and len(job.functions) == 3:
            raise ValueError("no memory left")
        return real(job, load)

    monkeypatch.setattr(work, "perform", broken)
    code, told = here.json(*_RICH)
    assert code == 3
    assert told["error"] == (
        "8 repeats have no score ('rich': ValueError: no memory left): nothing can be decided and nothing was spent. "
        "What succeeded is kept; the same command tries again."
    )
    monkeypatch.setattr(work, "perform", real)
    assert here.json(*_RICH)[1]["sequence"]["first"] == 1


def test_the_answer_is_written_for_a_pull_request(here: Here) -> None:
    code, _, _ = here(*_RICH, "--markdown", "answer.md")
    assert code == 0
    text = (here.folder / "answer.md").read_text()
    assert text.startswith("#")
    assert "rich" in text
    assert "bpbench check small.yaml" in text
    code, out, _ = here(*_RICH, "--markdown", "-")
    assert out.startswith("#")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--candidate", "rihc", "--incumbent", "poor"), "has no contestant 'rihc'; did you mean 'rich'?"),
        (("--candidate", "rich", "--incumbent", "pore"), "has no contestant 'pore'; did you mean 'poor'?"),
        (("--candidate", "rich", "--incumbent", "rich"), "--candidate and --incumbent name one contestant;"),
        (
            ("--candidate", "rich", "--incumbent", "poor", "--rule", "superoir"),
            "There is no rule 'superoir'; did you mean 'superior'?",
        ),
        (("--candidate", "rich", "--incumbent", "poor", "--margin", "five"), "--margin: A margin is a number in"),
        (("--candidate", "rich", "--incumbent", "poor", "--margin", "-1"), "--margin: A margin is"),
    ],
)
def test_a_wrong_request_is_told_and_starts_nothing(here: Here, words: tuple[str, ...], said: str) -> None:
    code, _, err = here("check", "small.yaml", *words)
    assert code == 2
    assert said in err
    assert not (here.folder / ".bpbench" / "history.sqlite").exists()


def test_a_rule_that_needs_a_margin_says_so(here: Here) -> None:
    small_study.write(here.folder, margin="null")
    code, _, err = here(*_RICH, "--rule", "non-inferior")
    assert code == 2
    assert "needs a margin, found none" in err


def test_a_history_that_is_none_is_told_before_anything_runs(here: Here) -> None:
    (here.folder / "notes.txt").write_text("Milk, bread, butter. " * 60)
    code, _, err = here(*_RICH, "--history", "notes.txt")
    assert code == 2
    assert "is not a SQLite database" in err
    assert not any(isinstance(job, Train) for job in _stored(here))
    assert (here.folder / "notes.txt").read_text().startswith("Milk")
