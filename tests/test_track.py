"""``bpbench track`` as a user meets it: runs recorded anew, a gate that goes red, and what is refused."""

from __future__ import annotations

import contextlib
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import small_study
from small_study import Here, here

from bpbench.cli import main
from bpbench.errors import StoreError
from bpbench.history import History, Run
from bpbench.jobs import Job, RandomForest, Train
from bpbench.runner import machine, work
from bpbench.tracking import gate, measures

__all__ = ["here"]

_RECORD = ("track", "record", "small.yaml", "--jobs", "1")
_HISTORY = ".bpbench/history.sqlite"


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Record two runs, the first of them the baseline; nothing diverges."""
    folder = tmp_path_factory.mktemp("recorded")
    _without_wild(folder)
    with contextlib.chdir(folder):
        for words in (_RECORD, ("track", "baseline", "small", "main"), _RECORD):
            assert main(list(words)) == 0
    return folder


@pytest.fixture
def tracked(here: Here, recorded: Path) -> Here:
    """Return the command line in a copy of the folder where two runs are recorded."""
    shutil.copytree(recorded, here.folder, dirs_exist_ok=True)
    return here


def _without_wild(folder: Path, more: str = "") -> None:
    path = small_study.write(folder, more=more)
    lines = [line for line in path.read_text().splitlines(keepends=True) if "wild" not in line]
    path.write_text("".join(lines))


def _scores(run: Run, variant: str) -> list[float]:
    return [result["scores"]["rmse"] for result in run.variants[variant]["results"]]


def test_each_run_is_trained_anew_with_seeds_of_its_own_on_the_same_split(tracked: Here) -> None:
    with History(_HISTORY) as history:
        first, second = history.runs("small")
    assert (first.number, first.draw, second.number, second.draw) == (1, 1, 2, 2)
    assert not set(_scores(first, "rich")) & set(_scores(second, "rich"))
    assert _scores(first, "ridge") == _scores(second, "ridge"), "ridge draws nothing, and the split is the same"
    assert first.sources == second.sources == machine.sources()
    assert (first.protocol, first.data, first.host) == (second.protocol, second.data, second.host)
    assert all(len(first.variants["rich"][key]) == 8 for key in ("cpu_s", "peak_mb", "results"))
    assert first.variants["rich"]["operations"] > first.variants["poor"]["operations"] > 0
    assert not list((tracked.folder / ".bpbench" / "store" / "track").glob("*/")), "the run's own store is gone"


def test_stored_results_of_the_study_are_not_taken_for_new_ones(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    _without_wild(here.folder)
    assert here("run", "small.yaml", "--jobs", "1")[0] == 0
    trained: list[Job] = []
    real = work.perform

    def seen(job: Job, load: Any) -> Any:
        trained.append(job)
        return real(job, load)

    monkeypatch.setattr(work, "perform", seen)
    assert here(*_RECORD)[0] == 0
    assert sum(isinstance(job, Train) for job in trained) == 26
    assert len(trained) > 26, "frames are read and described anew as well"


def test_what_was_trained_is_kept_when_the_history_cannot_be_written(
    here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    _without_wild(here.folder)

    def full(*_: Any) -> Run:
        raise StoreError("The disk of the history is full, and nothing was changed; make room and run again.")

    with monkeypatch.context() as patch:
        patch.setattr(History, "add", full)
        code, _, err = here(*_RECORD)
    assert code == 3
    assert "is full" in err

    def never(job: Job, _: Any) -> None:
        raise AssertionError(job)

    monkeypatch.setattr(work, "perform", never)
    code, told = here.json(*_RECORD)
    assert (code, told["run"]["number"], told["run"]["draw"]) == (0, 1, 1)


def test_an_unchanged_study_passes_and_says_what_it_could_have_found(tracked: Here) -> None:
    code, told = tracked.json("track", "gate", "small")
    assert (code, told["answer"], told["changed"]) == (0, "no regression", [])
    losses = [one for one in told["comparisons"] if one["kind"] == "loss"]
    assert {one["variant"] for one in losses} == {"poor", "same", "rich", "ridge", "ridge on poor"}
    assert all(one["detectable"] > 0 for one in losses if one["variant"] in {"poor", "same", "rich"})
    assert told["family"] == len(told["comparisons"])
    code, out, _ = tracked("track", "gate", "small")
    assert code == 0
    assert out.lower().startswith("no regression")


def test_a_worse_model_is_a_regression(tracked: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    real = work.perform

    def worse(job: Job, load: Any) -> Any:
        if isinstance(job, Train) and isinstance(job.model, RandomForest):
            return real(replace(job, model=replace(job.model, max_depth=1, min_samples_leaf=12)), load)
        return real(job, load)

    monkeypatch.setattr(work, "perform", worse)
    assert tracked(*_RECORD)[0] == 0
    code, told = tracked.json("track", "gate", "small")
    assert (code, told["answer"]) == (1, "regression")
    assert "rich" in {one["variant"] for one in told["comparisons"] if one["verdict"] == "worse"}
    assert {one["verdict"] for one in told["comparisons"] if one["variant"] == "ridge" and one["kind"] == "loss"} == {
        "equivalent"
    }
    code, out, _ = tracked("track", "gate", "small", "--markdown", "gate.md")
    assert code == 1
    assert out.lower().startswith("regression")
    assert "rich" in (tracked.folder / "gate.md").read_text()


def test_a_run_of_other_sources_is_refused(tracked: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    here = machine.machine()
    changed = {**here, "sources": "0" * 64, "versions": {**here["versions"], "numpy": "1.0"}}
    monkeypatch.setattr(gate, "machine", lambda: changed)
    code, _, err = tracked("track", "gate", "small")
    assert code == 2
    assert (
        "Run 2 of 'small', the newest, was made by other sources or libraries than those here (the sources of bpbench "
        f"and numpy {here['versions']['numpy']} → 1.0), so it says nothing of these" in err
    )


@pytest.mark.usefixtures("tracked")
def test_times_of_another_kind_of_host_are_not_compared() -> None:
    with History(_HISTORY) as history:
        first, second = history.runs("small")
    told = gate.compare(second, [replace(first, host="another processor, 64 cores")])
    assert {one["kind"] for one in told["comparisons"]} == {"loss", "failures"}
    assert told["not_compared"] == [
        (
            "Times and memory: the baseline was measured on another processor, 64 cores, this run on "
            f"{second.host}, and they compare on one kind of host alone."
        )
    ]
    assert told["changed"] == [f"host: another processor, 64 cores → {second.host}"]


@pytest.mark.usefixtures("tracked")
def test_runs_on_other_test_sets_are_not_gated(here: Here) -> None:
    """A reserve that is drawn from another seed makes another error, however alike the trainings are."""
    path = here.folder / "small.yaml"
    path.write_text(path.read_text() + "seed: 5\n")
    assert here(*_RECORD)[0] == 0
    code, _, err = here("track", "gate", "small")
    assert code == 2
    assert (
        "Run 3 of 'small' and run 1 were scored on different test sets (the seed or the shares of their division "
        "differ), and would differ by these alone; name a newer run as the baseline" in err
    )
    assert here("track", "compare", "small", "1", "2", "3")[0] == 0
    code, out, _ = here("track", "compare", "small", "1", "3")
    assert "The two sides were scored on different test sets, and what differs may be these." in out
    assert here("track", "baseline", "small", "both", "1", "3")[0] == 0
    assert here(*_RECORD)[0] == 0
    assert here("track", "gate", "small", "--baseline", "both")[0] == 2


@pytest.mark.usefixtures("tracked")
def test_what_breaks_down_is_a_regression(here: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every training of one contestant fails where all had a score: worse by itself, and told."""
    real = work.perform

    def broken(job: Job, load: Any) -> Any:
        if isinstance(job, Train) and len(job.functions) == 2:
            raise ValueError("not a number")
        return real(job, load)

    monkeypatch.setattr(work, "perform", broken)
    assert here(*_RECORD)[0] == 3
    code, told = here.json("track", "gate", "small")
    assert code == 1
    assert [(one["variant"], one["metric"]) for one in told["comparisons"] if one["verdict"] == "worse"] == [
        ("same", "rmse"),
        ("all variants", "failures"),
    ]
    _, out, _ = here("track", "gate", "small")
    assert "All 8 trainings of the newest run diverged or failed: worse by itself." in out


@pytest.mark.usefixtures("tracked")
def test_the_same_seeds_are_told() -> None:
    with History(_HISTORY) as history:
        first, second = history.runs("small")
    told = gate.compare(second, [replace(first, draw=2)])
    assert "Run 1 was trained from the same seeds (draw 2): the two are no independent samples." in told["not_compared"]


def test_decisions_are_listed(here: Here) -> None:
    here("check", "small.yaml", "--candidate", "rich", "--incumbent", "poor", "--jobs", "1")
    here("check", "small.yaml", "--candidate", "rich", "--incumbent", "poor", "--rule", "cheaper-and-equivalent")
    code, out, _ = here("track", "decisions")
    assert code == 0
    assert [line.split()[-2:] for line in out.splitlines()[3:]] == [["0.0304", "adopt"], ["–", "keep"]]
    assert len(here.json("track", "decisions", "small")[1]) == 2
    code, _, err = here("track", "decisions", "smal")
    assert code == 2
    assert "Nothing was decided of a study 'smal'; did you mean 'small'?" in err


@pytest.mark.usefixtures("tracked")
def test_what_changed_is_told() -> None:
    with History(_HISTORY) as history:
        first, second = history.runs("small")
    older = replace(
        first,
        sources="0",
        data="1",
        protocol="2",
        made_by={**first.made_by, "python": "3.9.1", "versions": {**first.made_by["versions"], "numpy": "1.0"}},
    )
    now = second.made_by
    assert gate.changed(second, [older]) == [
        "sources",
        "protocol",
        "data",
        f"Python 3.9.1 → {now['python']}",
        f"numpy 1.0 → {now['versions']['numpy']}",
    ]


@pytest.mark.usefixtures("tracked")
def test_contestants_that_come_and_go_are_told() -> None:
    with History(_HISTORY) as history:
        first, second = history.runs("small")
    without = replace(first, variants={name: one for name, one in first.variants.items() if name != "rich"})
    assert "'rich' is new: the baseline has no such contestant." in gate.compare(second, [without])["not_compared"]
    less = replace(second, variants={name: one for name, one in second.variants.items() if name != "rich"})
    assert "'rich' is gone: the newest run has no such contestant." in gate.compare(less, [first])["not_compared"]


def test_trainings_that_diverge_are_recorded_and_counted(here: Here) -> None:
    code, out, _ = here(*_RECORD)
    assert code == 3
    with History(_HISTORY) as history:
        (run,) = history.runs("small")
    assert {result["status"] for result in run.variants["wild"]["results"]} == {"diverged"}
    assert all(result["scores"] == {} for result in run.variants["wild"]["results"])
    assert "wild" in out


def test_a_finished_study_is_recorded_from_its_report(here: Here) -> None:
    _without_wild(here.folder, more="track: {metrics: [rmse, mae], margin: 3%}")
    assert here("run", "small.yaml", "--jobs", "1")[0] == 0
    (folder,) = (here.folder / "reports").iterdir()
    code, told = here.json("track", "record", str(folder))
    assert (code, told["run"]["number"], told["run"]["draw"]) == (0, 1, 0)
    assert told["run"]["rules"]["margins"] == {"rmse": "3 %", "mae": "3 %"}
    code, _, err = here("track", "record", str(folder))
    assert code == 2
    assert "These very results are recorded as run 1 of study 'small'." in err
    beside = json.loads((folder / "environment.json").read_text())
    (folder / "environment.json").write_text(json.dumps(beside | {"made_elsewhere": 4}))
    code, _, err = here("track", "record", str(folder))
    assert code == 2
    assert "4 of its results were made by other sources, versions or hosts than the report" in err
    (folder / "environment.json").unlink()
    code, _, err = here("track", "record", str(folder))
    assert code == 2
    assert "takes a protocol, or the folder of a report" in err


def test_a_quick_run_is_not_recorded(here: Here) -> None:
    _without_wild(here.folder, more="quick: {repeats: 2}")
    assert here("run", "small.yaml", "--quick", "--jobs", "1")[0] == 0
    (folder,) = (here.folder / "reports").iterdir()
    code, _, err = here("track", "record", str(folder))
    assert code == 2
    assert "is of a quick run, which decides nothing and is not recorded" in err


def test_repeats_by_role_are_refused(here: Here) -> None:
    path = small_study.write(here.folder, split="split: {design: crossed, splits: 3}")
    path.write_text(path.read_text().replace("repeats: 8", "repeats: {weights: 2, order: 2}"))
    code, _, err = here(*_RECORD)
    assert code == 2
    assert "repeats: repeats by role share their weights and orders among all splits of a run" in err
    path.write_text(path.read_text() + "track: {repeats: 2}\n")
    assert here(*_RECORD)[0] == 3  # 'wild' diverges
    with History(_HISTORY) as history:
        (run,) = history.runs("small")
    assert len(run.variants["rich"]["results"]) == 6
    assert measures.values([run], "rich", "rmse").size == 3, "of a crossed design a split is one value"


def test_runs_are_listed_shown_compared_and_plotted(tracked: Here) -> None:
    code, out, _ = tracked("track", "list")
    assert code == 0
    assert "2 runs of small" in out
    code, out, _ = tracked("track", "show", "small", "1", "--variant", "rich")
    assert "Run 1 of small" in out
    assert "ridge" not in out
    code, out, _ = tracked("track", "compare", "small")
    assert code == 0
    assert "rich" in out
    code, told = tracked.json("track", "compare", "small", "2", "1", "--variant", "rich")
    assert told["newest"]["number"] == 1
    assert {one["variant"] for one in told["comparisons"]} == {"rich"}
    code, told = tracked.json("track", "plot", "small", "--out", "pages/trends.html")
    page = (tracked.folder / "pages" / "trends.html").read_text()
    assert "<script" not in page
    assert all(name in page for name in ("rich", "ridge", "poor"))
    why = {one["why_not"] for one in told["series"]}
    assert "2 runs have values; with as many series, changes are looked for from 8 on." in why


def test_a_history_travels_as_json_lines(tracked: Here) -> None:
    code, told = tracked.json("track", "export", "history.jsonl")
    assert (code, told["records"]) == (0, 3)
    code, told = tracked.json("track", "import", "history.jsonl", "--history", "other.sqlite")
    assert (told["added"], told["already_there"]) == (3, 0)
    assert tracked.json("track", "gate", "small", "--history", "other.sqlite")[0] == 0
    tracked("track", "export", "again.jsonl", "--history", "other.sqlite")
    assert (tracked.folder / "again.jsonl").read_bytes() == (tracked.folder / "history.jsonl").read_bytes()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("gate", "smal"), "has no study 'smal'; did you mean 'small'?"),
        (("gate", "small", "--baseline", "mian"), "has no baseline 'mian'; did you mean 'main'?"),
        (("show", "small", "7"), "Study 'small' has no run 7; there are runs 1 to 2."),
        (("show", "small", "--variant", "rihc"), "--variant: 'small' has no contestant 'rihc'; did you mean 'rich'?"),
        (("plot", "small", "--variant", "rihc"), "--variant: 'small' has no contestant 'rihc'; did you mean 'rich'?"),
        (("compare", "small", "2", "2"), "A comparison needs two runs or more of 'small', found 1;"),
        (("baseline", "small", "2"), "A baseline's name is a word, found '2', which looks like the number of a run;"),
        (("baseline", "small", "main", "9"), "Study 'small' has no run 9;"),
        (("record", "smal.yaml"), "There is no protocol file smal.yaml; did you mean 'small.yaml'?"),
        (("list", "--history", "none.sqlite"), "There is no history at none.sqlite;"),
        (("plot", "small", "--out", "small.yaml/x.html"), "--out: small.yaml/x.html cannot be written"),
    ],
)
def test_what_is_not_there_is_told_with_the_nearest(tracked: Here, words: tuple[str, ...], said: str) -> None:
    code, _, err = tracked("track", *words)
    assert code == 2
    assert said in err


def test_a_run_is_no_baseline_of_itself(tracked: Here) -> None:
    tracked("track", "baseline", "small", "now")
    code, _, err = tracked("track", "gate", "small", "--baseline", "now")
    assert code == 2
    assert "Run 2 of 'small' is itself what it would be compared with" in err


def test_two_baselines_of_one_name_are_kept_and_the_newest_is_meant(tracked: Here) -> None:
    _code, told = tracked.json("track", "baseline", "small", "main", "1", "2")
    assert told["baselines"][0]["runs"] == [1, 2]
    with History(_HISTORY) as history:
        assert len(history.baselines("small")) == 2
