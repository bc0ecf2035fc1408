"""Two drivers work in one store at the same time; neither harms the other."""

from __future__ import annotations

from contextlib import ExitStack

import pytest
from conftest import Trial
from ground import Ground, ended, gone, paced, same

pytestmark = pytest.mark.xdist_group("faults-two_drivers")


@pytest.mark.parametrize("jobs", [("1", "1"), pytest.param(("2", "1"), marks=pytest.mark.slow)])
def test_two_runs_of_one_study(ground: Ground, undisturbed: Ground, tried: Trial, jobs: tuple[str, str]) -> None:
    """The same store and the same folder for the report."""
    how = f"the same study and report, `--jobs {jobs[0]}` and `{jobs[1]}`"
    with tried("two drivers on one store", how), ExitStack() as stack:
        both = [stack.enter_context(ended(ground.start("--jobs", each, **paced(0.2)))) for each in jobs]
        for running in both:
            ran = running.ends()
            assert ran.code == 0, ran.err
            gone(running)
        same(ground, undisturbed)


@pytest.mark.slow
def test_two_studies_that_share_results(ground: Ground, undisturbed: Ground, tried: Trial, tmp_path: object) -> None:
    """Frames, pool and the trainings of the baseline are those of both."""
    del tmp_path
    alone = Ground(undisturbed.folder.with_name("alone"))
    alone.folder.mkdir(exist_ok=True)
    more = "  - {name: bushy, set: rich, model: bushes}"
    for each in (alone, ground):
        each.write("other", contestants=more, models="  bushes: {kind: random-forest, trees: 7}")
    assert alone.run("--jobs", "1", name="other").code == 0
    with tried("two drivers on one store", "two studies that share results"), ExitStack() as stack:
        both = [
            stack.enter_context(ended(ground.start("--jobs", "1", name=name, **paced(0.2))))
            for name in ("study", "other")
        ]
        for running in both:
            ran = running.ends()
            assert ran.code == 0, ran.err
            gone(running)
        assert ground.findings() == undisturbed.findings()
        assert ground.findings("other") == alone.findings("other")
        made = {path.name for each in (alone, undisturbed) for path in each.store.glob("??/*")}
        assert {path.name for path in ground.store.glob("??/*")} == made
        assert len(made) < alone.stored() + undisturbed.stored()
