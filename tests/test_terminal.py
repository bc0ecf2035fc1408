"""What the command line prints of plans and audits."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from bpbench.agreement.columns import agree
from bpbench.data import inspect, readers
from bpbench.report import plans, terminal

OUTLAY: dict[str, Any] = {
    "wall_s": 150.0,
    "longest_s": 6.0,
    "waiting": 0.02,
    "cpu_s": 300.0,
    "reading_s": 2.0,
    "between_s": [200.0, 450.0],
    "seen": {"train hdnn": {"results": 3, "elsewhere": False, "factor": 1.5}},
    "memory": {
        "process": 320_000_000,
        "kept": 0,
        "kind": "train hdnn",
        "processes": 2,
        "free": 8_000_000_000,
        "each": None,
    },
    "disk": {
        "bytes": 5_200_000,
        "kinds": {"train hdnn": 5_200_000},
        "free": 40_000_000_000,
        "folder": ".bpbench/store",
    },
    "largest": {"kind": "train hdnn", "seconds": 6.0, "lasts_s": None},
}
PLANNED: dict[str, Any] = {
    "protocol": "p",
    "quick": False,
    "frames": 440,
    "atoms": 112640,
    "columns": {},
    "repeats": 10,
    "units": 10,
    "design": "fixed",
    "deterministic": [],
    "paired": True,
    "jobs": {
        "describe": {"stored": 7, "new": 0, "expected_s": 0.0},
        "train hdnn": {"stored": 0, "new": 50, "expected_s": 300.0},
    },
    "expected_s": 150.0,
    "outlay": OUTLAY,
    "workers": 2,
    "family": [["A", "D"], ["B", "D"]],
    "test": "wilcoxon",
    "correction": "holm",
    "alpha": 0.05,
    "first_step_alpha": 0.025,
    "smallest_p": 0.001953125,
    "power": 0.8,
    "margin": 0.5,
    "unit": "meV/atom",
    "unequal": False,
    "detectable_dz": 1.2345,
    "detectable_dz_t": 1.2345,
    "detectable": None,
    "pilots": [],
    "needed": [],
    "decided_dz": 1.25,
    "floor_dz": 0.0,
    "report": "reports/p-0",
}


def test_a_plan_in_lines() -> None:
    """A plan says jobs, cost, test, smallest p, smallest effect and the spread that equivalence needs."""
    text = "\n".join(plans.plan(PLANNED))
    assert "440 frames, 112640 atoms; 10 repeats of 3 variants" in text
    assert "wall time, 2 processes" in text
    assert "2 min" in text
    assert "describe                         7       0         0 s       0 B" in text
    assert "train hdnn                       0      50       5 min    5.2 MB" in text
    assert "CPU time: 5 min (between 3 min and 8 min), by 3 stored results." in text
    assert "The smallest p this test can give at this n is 0.00195." in text
    assert "with power 0.8: 1.23 standard deviations of the paired differences (d_z); in units it needs" in text
    assert (
        "The 10 declared repeats decide at the margin of ±0.5 meV/atom if that is at least 1.25 standard deviations of "
        "the differences (power 0.8 each for a difference of that size and for none), so if their spread is at most "
        "0.4 meV/atom; stored repeats would tell it."
    ) in text
    assert "Test: wilcoxon, 2 comparisons, holm" in text
    one = "\n".join(plans.plan(PLANNED | {"family": [["A", "D"]], "repeats": 1, "unequal": True}))
    assert "1 repeat of 2 variants" in one
    assert "Test: wilcoxon, 1 comparison, holm" in one
    assert "this design detects for the hardest pair with power 0.8" in one


def test_a_plan_tells_which_columns_are_descriptors() -> None:
    """How many a set of columns has, of which file, and the first of them, so that a stray column is seen."""
    columns = {
        "old": {"file": "t.csv", "names": [f"G{n}" for n in range(1, 8)]},
        "few": {"file": "u.npz", "names": ["a"]},
    }
    lines = plans.plan(PLANNED | {"columns": columns})
    assert lines[1:4] == [
        "Set old: 7 descriptors of t.csv: G1, G2, G3, G4, G5, …",
        "Set few: 1 descriptor of u.npz: a",
        "",
    ]


def test_rows_in_another_order_are_suspected() -> None:
    """Nearly all columns that follow nothing are told in a sentence; an empty name of a label is shown as one."""
    rng = np.random.default_rng(4)
    ours = rng.random((400, 6))
    names = [f"f{n}" for n in range(6)]
    told = {
        "table": "t.csv", "set": "s", "label": "l", "frames": 4, "compared_frames": 4, "compared_atoms": 400,
        "agree": False, "unnamed": [], "left_out": ["", "frame"], "drawn": None,
    }  # fmt: skip
    sentence = "Nearly no column follows any function of ours; are the rows those of these atoms, in the same order?"
    for theirs, doubted in ((rng.permutation(ours), True), (ours**3, False)):
        for columns in (names, [f"c{n}" for n in range(6)], ["a", "b", "c", "d", "e"]):
            found = agree(theirs[:, : len(columns)], columns, ours, names)
            items = {"columns": [asdict(item) for item in found], "counts": {"other": len(found)}}
            lines = terminal.agreement(told | items)
            assert (sentence in lines) == doubted
            assert any("closest is" in line for line in lines) == (not doubted and len(columns) == 5)
            assert "Taken for labels: '', frame (--columns says otherwise)." in lines


def test_a_plan_for_ranks_names_the_t_test() -> None:
    """Where the declared test has no smallest effect beforehand, the plan says what a t test would detect."""
    text = "\n".join(plans.plan(PLANNED | {"detectable_dz": None}))
    assert "Smallest effect a paired t test would detect with power 0.8: 1.23 standard deviations" in text
    assert "the declared test needs more where the noise is normal" in text
    assert "By a paired t test, the 10 declared repeats decide at the margin of ±0.5 meV/atom" in text
    text = "\n".join(plans.plan(PLANNED | {"test": "welch", "detectable_dz": None, "paired": False}))
    assert "needs more where the noise is normal" not in text
    assert (
        "(d_z); the declared test takes the two samples as independent, so that what they share, such as the split, "
        "counts against it, and it needs more the more they share."
    ) in text
    assert "would tell it. The declared test, which takes the samples as independent, needs a smaller spread." in text


def test_a_plan_says_that_no_repeat_would_help_where_nothing_is_drawn() -> None:
    """Pairs that are deterministic given the split are told; where all are, no effect and no number is named."""
    said = "no number of repeats gives a p; redraw the splits (design resampled or crossed)."
    one = plans.plan(PLANNED | {"deterministic": [["A", "D"]]})
    assert (
        "1 of 2 comparisons is deterministic given this split (“A” against “D”): their models draw nothing, so " + said
    ) in one
    assert any("this design detects" in line for line in one)
    both = plans.plan(PLANNED | {"deterministic": [["A", "D"], ["B", "D"]]})
    assert (
        "All 2 comparisons are deterministic given this split (“A” against “D” and “B” against “D”): their models draw "
        "nothing, so " + said
    ) in both
    assert not any(word in "\n".join(both) for word in ("detects", "smallest p", "margin", "stored repeats"))
    many = plans.deterministic([["A", "D"]] * 6, 6)
    assert "and “A” against “D”, and 2 more): their" in many[0]
    assert plans.deterministic([["A", "D"]], 1)[0].startswith("The comparison is deterministic given this split (")


def test_a_tau_below_one_is_shown_as_such() -> None:
    """No τ of 0 or less is shown: it says no more than that frames are worth as much as independent ones."""
    item = {
        "name": "a", "frames": 4, "tau": -0.1, "tau_error": 0.4, "effective_frames": 4.0, "reliable": False,
        "block_length": 5, "guard": 1, "descriptors": {"tau_median": 0.2, "tau_largest": 3.0},
    }  # fmt: skip
    audit = inspect.inspect(readers.read(readers.sample_source()), "sample")
    text = "\n".join(terminal.audit(audit | {"trajectories": [item]}))
    line = next(line for line in text.splitlines() if line.startswith("a   "))
    assert line.split("  τ unreliable")[0].split() == ["a", "4", "<", "1", "4", "5", "1", "<", "1", "3.0"]
    assert line.endswith("τ unreliable (fewer than 50 frames)")


PILOT = {"pair": ["A", "D"], "pairs": 5, "spread": 0.15, "limit": 0.2341, "confidence": 0.8}
NEEDED = {"pair": ["A", "D"], "repeats": 42, "difference": 40, "equivalence": 42, "floor": 0.0, "spread": 0.2341}


def test_a_plan_with_a_pilot_and_without_a_margin() -> None:
    """With stored repeats the effect has a unit; without a margin nothing can be equivalent, and it is said."""
    text = "\n".join(plans.plan(PLANNED | {"detectable": 0.25, "margin": None, "smallest_p": 0.0, "pilots": [PILOT]}))
    assert (
        "0.25 meV/atom by the 80 % upper limit (0.234 meV/atom) of the largest spread stored so far (0.15 meV/atom of "
        "5 pairs)."
    ) in text
    assert (
        "No margin is declared: how many repeats would be enough cannot be said without one, and nothing can come out "
        "as equivalent."
    ) in text
    assert "smallest p" not in text


def test_a_plan_says_how_many_repeats_would_decide() -> None:
    """With a pilot it names the number for each question and whose spread it reckons with; ranks are approximate."""
    planned = PLANNED | {"pilots": [PILOT], "needed": [NEEDED]}
    said = (
        "To decide at the margin of ±0.5 meV/atom takes 42 repeats (40 to find a difference of that size, 42 to show "
        "that there is none, power 0.8) by the 80 % upper limit (0.234 meV/atom) of the largest spread stored so far "
        "(0.15 meV/atom of 5 pairs); 10 are declared."
    )
    assert said in plans.plan(planned)
    assert said.replace("takes 42", "takes about 42") in plans.plan(planned | {"detectable_dz": None})
    crossed = plans.plan(planned | {"design": "crossed"})
    assert said.replace("42 repeats", "42 splits") in crossed
    both = plans.plan(planned | {"needed": [NEEDED | {"pair": ["B", "D"], "repeats": 3}, NEEDED]})
    assert said.replace("To decide", "To decide “A” and “D”, the noisiest pair,") in both
    in_dz = PLANNED | {"margin": "0.5 d_z", "needed": [NEEDED | {"pair": None, "spread": None}]}
    assert (
        "To decide at the margin of ±0.5 standard deviations of the paired differences (d_z) takes 42 repeats (40 to "
        "find a difference of that size, 42 to show that there is none, power 0.8); 10 are declared."
    ) in plans.plan(in_dz)


def test_a_plan_says_where_no_number_of_repeats_would_decide() -> None:
    """Under overlapping splits there is a floor: in units once the spread is known, in spreads before."""
    never = NEEDED | {"repeats": None, "equivalence": None, "floor": 0.6789}
    quiet = NEEDED | {"pair": ["B", "D"], "repeats": 7}
    text = "\n".join(plans.plan(PLANNED | {"pilots": [PILOT], "needed": [never, quiet]}))
    assert (
        "No number of repeats decides “A” and “D”, the noisiest pair, at the margin of ±0.5 meV/atom: as splits of the "
        "same data overlap, less than 0.679 meV/atom cannot be resolved (power 0.8) by the 80 % upper limit"
    ) in text
    assert "; more independent blocks would lower that. 7 repeats would decide the other 1 pair." in text
    text = "\n".join(plans.plan(PLANNED | {"floor_dz": 1.1, "margin": "5 %"}))
    assert "the margin of ±5 % of the mean of the baseline if that is at least 1.25 standard deviations" in text
    assert "if their spread is at most 4 % of the baseline's mean; stored repeats would tell it. A margin below" in text
    assert "below 1.1 of them is decided by no number of repeats: that takes more independent blocks." in text
    text = "\n".join(plans.plan(PLANNED | {"needed": [never | {"pair": None}], "margin": "0.5 d_z"}))
    assert "No number of repeats decides at the margin" in text
    assert "less than 0.679 d_z cannot be resolved" in text
    text = "\n".join(plans.plan(PLANNED | {"needed": [never | {"pair": None, "floor": 0.0}]}))
    assert "No number of repeats that could be run decides at the margin of ±0.5 meV/atom: beside the spread" in text
    assert "overlap" not in text  # what overlaps has a floor


def test_an_audit_in_lines() -> None:
    """The audit of the embedded sample lists its eleven states and its largest net force."""
    frames = readers.read(readers.sample_source())
    lines = terminal.audit(inspect.inspect(frames, "sample"))
    assert lines[0].startswith("sample: 440 frames, 112\u202f640 atoms of Al, 256 to 256 atoms a frame")
    assert sum(" K " in line and line.split()[-1].count("-") == 1 for line in lines) == 11
    assert any(line.startswith("Largest net force on a frame:") for line in lines)
