"""Slots: what fills a declared family, and every way of filling it wrongly."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bpbench.errors import StatisticsError
from bpbench.statistics.compare import Rules, judge
from bpbench.statistics.samples import Sample
from bpbench.statistics.slots import Slot, Winner, fill

SLOTS = (Slot("backward", 12), Slot("backward", 22), Slot("lasso", 12))


def test_winners_fill_slots_in_the_order_declared() -> None:
    """However they come, winners stand where their slots were declared; an empty slot keeps its place and name."""
    family = fill(SLOTS, [Winner(SLOTS[2], "l12", 12), Winner(SLOTS[0], "b12", 12)], "all")
    assert [(pair.candidate, pair.baseline, pair.slot) for pair in family] == [
        ("b12", "all", SLOTS[0]),
        ("backward of 22", "all", SLOTS[1]),
        ("l12", "all", SLOTS[2]),
    ]
    assert fill((), (), "all") == ()


def test_an_empty_slot_counts() -> None:
    """Two winners of three slots are corrected for three comparisons, and the empty one says why it has no verdict."""
    rng, splits = np.random.default_rng(0), np.zeros(8, dtype=int)
    base = rng.normal(size=8)
    family = [
        replace(
            pair,
            candidate_sample=Sample(base - 0.6 + rng.normal(0, 0.5, 8), splits),
            baseline_sample=Sample(base, splits),
        )
        if pair.slot is not SLOTS[1]
        else pair
        for pair in fill(SLOTS, [Winner(SLOTS[0], "b12", 12), Winner(SLOTS[2], "l12", 12)], "all")
    ]
    found = judge(family, Rules("paired-t", "fixed", "bonferroni"))
    for comparison in (found[0], found[2]):
        assert comparison.p is not None
        assert comparison.p_adjusted == pytest.approx(3 * comparison.p)
    assert found[1].p is None
    assert found[1].remarks == (
        "Nothing has filled the slot 'backward of 22', which counts among the comparisons all the same.",
    )


@pytest.mark.parametrize(
    ("slots", "winners", "sentence"),
    [
        ((*SLOTS, Slot("lasso", 12)), [], "The slot 'lasso of 12' is declared twice; .* declare it once"),
        (
            SLOTS,
            [Winner(SLOTS[0], "one", 12), Winner(SLOTS[0], "two", 12)],
            "The slot 'backward of 12' has one winner, 'one', and 'two' would be a second one; declare another slot",
        ),
        (
            SLOTS,
            [Winner(Slot("lasso", 22), "one", 22)],
            "No slot 'lasso of 22' was declared before 'one' was chosen for it; did you mean 'lasso of 12'",
        ),
        (
            SLOTS,
            [Winner(SLOTS[0], "one", 13)],
            "'backward of 12' asks for a choice of 12, found 'one' of 13; choose as",
        ),
        (
            SLOTS,
            [Winner(SLOTS[0], "one", 12), Winner(SLOTS[2], "one", 12)],
            "'one' fills the slots 'backward of 12' and 'lasso of 12', and would be compared twice; leave the second",
        ),
    ],
)
def test_what_does_not_fit_is_refused(slots: tuple[Slot, ...], winners: list[Winner], sentence: str) -> None:
    """Slots declared or filled twice, never declared, or filled by a choice of another size: each its sentence."""
    with pytest.raises(StatisticsError, match=sentence):
        fill(slots, winners, "all")


def test_a_strategy_may_choose_the_size() -> None:
    """A slot without a size is called like its strategy and takes a winner of any size, but one alone."""
    free = Slot("sweep", None)
    assert (str(free), str(SLOTS[0])) == ("sweep", "backward of 12")
    for size in (1, 12, 57):
        family = fill((*SLOTS, free), [Winner(free, "s", size)], "all")
        assert [pair.candidate for pair in family] == ["backward of 12", "backward of 22", "lasso of 12", "s"]
    assert fill((free,), [], "all")[0].candidate == "sweep"
    with pytest.raises(StatisticsError, match="The slot 'sweep' has one winner, 'one', and 'two' would be a second"):
        fill((free,), [Winner(free, "one", 3), Winner(free, "two", 4)], "all")
    with pytest.raises(StatisticsError, match="The slot 'sweep' is declared twice"):
        fill((free, Slot("sweep", None)), [], "all")


def test_a_size_of_ones_own_is_another_slot() -> None:
    """The same strategy may have a slot of a declared size and one of a size that it chooses."""
    both = (Slot("sweep", 12), Slot("sweep", None))
    family = fill(both, [Winner(both[1], "own", 12), Winner(both[0], "given", 12)], "all")
    assert [(pair.candidate, pair.slot) for pair in family] == [("given", both[0]), ("own", both[1])]


def test_impossible_slots_are_refused() -> None:
    """A slot has a strategy and a size."""
    with pytest.raises(StatisticsError, match="names its strategy, found an empty name"):
        Slot("", 3)
    with pytest.raises(StatisticsError, match=r"size of a slot is 1 or more, or None .* it; found 0 of 'lasso'"):
        Slot("lasso", 0)
    with pytest.raises(StatisticsError, match="A winner is of 1 or more, found 'none' of 0; leave its slot empty"):
        Winner(Slot("lasso", None), "none", 0)
