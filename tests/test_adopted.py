"""The answer of a check in words: what it rests on, how p stands to its level, names that would break a comment."""

from __future__ import annotations

import re
from typing import Any

import pytest
from told_factory import HOSTILE, comparison, decision, renamed

from bpbench.report.adopted import lines, markdown, p_beside
from bpbench.report.comment import aligned, escaped, fenced, piped

COMMAND = "bpbench check smoke.yaml --candidate D --incumbent A"
NOT_RUN: dict[str, Any] = {
    "rule": "cheaper-and-equivalent",
    "margin": 0.1,
    "comparison": None,
    "sequence": None,
    "claim": {"p": None, "against": None, "bound": None},
    "sources": [],
}
CASES: dict[str, dict[str, Any]] = {
    "adopt": {},
    "keep": {"answer": "keep", "comparison": comparison(difference=0.24, low=0.1, high=0.38), "cost": None},
    "undecided": {"answer": "undecided", "comparison": comparison(difference=0.01, low=-0.1, high=0.12, p=0.8)},
    "not run": {"answer": "keep", **NOT_RUN},
    "nothing succeeded": {
        "answer": "undecided",
        "comparison": comparison(n=0, n_baseline=0, difference=None, low=None, high=None, p=None),
        "claim": {"p": None, "against": None, "bound": None},
    },
    "no noise": {
        "answer": "undecided",
        "comparison": comparison(low=None, high=None, p=None),
        "claim": {"p": None, "against": None, "bound": None},
    },
}


def test_adopting_is_told_with_its_evidence_cost_and_sequence() -> None:
    """Five lines: the answer with difference, interval, n and p at its level, why, given what, the cost, the look."""
    assert lines(decision()) == [
        (
            "adopt D in place of A (rule: superior): the RMSE of D is lower by 0.24 meV/atom than that of A (99.24 % "
            "interval 0.10 to 0.38, n = 10, p < 0.001 at a level of 0.0076)."
        ),
        "D is significantly better than A, and a gain is not excluded.",
        "The claim holds given this split.",
        (
            "On paper D takes 12\N{NARROW NO-BREAK SPACE}000 operations per atom, fewer than the "
            "57\N{NARROW NO-BREAK SPACE}000 of A."
        ),
        (
            "This is look 2 against A (2 candidates so far), judged at 0.0076 of 0.05; 0.0380 is spent, the "
            "next look gets 0.0034."
        ),
    ]


def test_an_undecided_check_says_what_would_be_enough_and_keeps_the_sign() -> None:
    """An interval on both sides of zero is that of candidate minus incumbent; the margin says whose share it is."""
    told = decision(
        answer="undecided", rule="non-inferior", margin="5%",
        comparison=comparison(difference=0.01, low=-0.1, high=0.12, p=0.8),
        claim={"p": 0.0077, "against": 0.4, "bound": 0.09},
        needed={"repeats": 24, "now": 10, "unit": "repeats", "sentence": "24 repeats would be enough"},
    )  # fmt: skip
    assert lines(told)[0] == (
        "undecided whether to adopt D in place of A (rule: non-inferior, margin 5 % of the mean of A): D and A differ "
        "by 0.01 meV/atom of RMSE (D − A) (99.24 % interval −0.10 to 0.12, n = 10, p = 0.0077 "
        "for adopting and p = 0.400 for keeping, at a level of 0.0076)."
    )
    assert "24 repeats would be enough." in lines(told)


def test_a_check_settled_on_paper_names_no_difference() -> None:
    """Where nothing was trained, that is said in place of a difference."""
    assert lines(decision(answer="keep", **NOT_RUN))[0] == (
        "keep A, do not adopt D (rule: cheaper and equivalent, margin 0.1 meV/atom): no training was needed, so there "
        "is no difference to tell."
    )


def test_stamps_stand_at_the_end() -> None:
    """What was chosen late, and that asking again spends nothing, is said last; neither is said without cause."""
    assert lines(decision(chosen_after=10, again=True))[-2:] == [
        "Rule or margin chosen after seeing 10 repeats.",
        "This is the same evidence as before: nothing was spent.",
    ]
    assert not [text for text in lines(decision()) if "chosen after" in text or "nothing was spent" in text]


@pytest.mark.parametrize(
    ("p", "level", "text"),
    [
        (0.0075, 0.007599, "= 0.0075"),
        (0.0077, 0.007599, "= 0.0077"),
        (0.00759, 0.007599, "= 0.00759"),
        (0.04, 0.0304, "= 0.040"),
        (0.0002, 0.0304, "< 0.001"),
        (0.0002, 0.00012, "= 0.00020"),
        (3e-9, 0.00012, "= 3.0 × 10⁻⁹"),
        (0.5, 0.05, "= 0.500"),
    ],
)
def test_p_shows_on_which_side_of_its_level_it_lies(p: float, level: float, text: str) -> None:
    """As many digits as tell p from the level as it is printed; never a p of 0.000."""
    assert p_beside(p, level) == text


@pytest.mark.parametrize("case", CASES)
def test_no_text_shows_what_has_no_value(case: str) -> None:
    """Neither None nor nan nor a p of 0.000 is printed, both names are, and every line is a whole sentence."""
    told = decision(**CASES[case])
    for text in ("\n".join(lines(told)), markdown(told, command=COMMAND)):
        assert not re.search(r"\bNone\b|\bnan\b|p = 0\.000\b|\bnull\b", text)
        assert "D" in text
        assert "A" in text
    assert all(text.endswith(".") for text in lines(told))


def test_a_comment_has_a_heading_a_table_sentences_and_the_command() -> None:
    """The comment begins with the answer, folds its provenance away and ends with the command."""
    blocks = markdown(decision(), command=COMMAND).split("\n\n")
    assert blocks[0] == "### bpbench check: adopt D in place of A"
    assert blocks[2].splitlines() == [
        "|  | D (candidate) | A (incumbent) |",
        "| --- | ---: | ---: |",
        "| mean RMSE (meV/atom) | 1.02 | 1.26 |",
        "| repeats | 10 | 10 |",
        "| operations per atom | 12\N{NARROW NO-BREAK SPACE}000 | 57\N{NARROW NO-BREAK SPACE}000 |",
    ]
    assert blocks[4] == "<details>\n<summary>Sequence and provenance</summary>"
    assert "| level | 0.0076 of 0.05 |" in blocks[5]
    assert blocks[6] == "</details>"
    assert blocks[8] == f"```\n{COMMAND}\n```\n"


@pytest.mark.parametrize("name", HOSTILE)
def test_names_do_not_break_a_comment(name: str) -> None:
    """Every row of a table keeps its cells, and no element but the fold stands in the text."""
    text = markdown(renamed(decision(), {"D": name}), command=COMMAND)
    assert re.findall(r"(?<!\\)</?\w+", text) == ["<details", "<summary", "</summary", "</details"]
    for row in [line for line in text.splitlines() if line.startswith("|")]:
        assert len(re.findall(r"(?<!\\)\|", row)) in {3, 4}, row


def test_columns_stand_below_each_other() -> None:
    """Words stand to the left, numbers to the right, and nothing is padded at the end of a line."""
    head, rows = ("name", "n", "x"), [("a", "1", "yes"), ("longer", "10", "")]
    assert aligned(head, rows, right={1}) == ["name     n  x", "a        1  yes", "longer  10"]
    assert piped(head, rows, right={1}).splitlines()[1] == "| --- | ---: | --- |"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a|b", r"a\|b"),
        ("*x* `y`", r"\*x\* \`y\`"),
        ("p < 0.001", "p < 0.001"),
        ("<b>", r"\<b>"),
        ("R_s _x_", r"R_s \_x\_"),
    ],
)
def test_markup_is_escaped_where_it_would_be_markup(text: str, shown: str) -> None:
    """What Markdown reads as markup gets a backslash, and nothing else does."""
    assert escaped(text) == shown


def test_a_fence_is_longer_than_what_it_holds() -> None:
    """A command with backquotes does not end its own block."""
    assert fenced("echo ```").splitlines() == ["````", "echo ```", "````"]
