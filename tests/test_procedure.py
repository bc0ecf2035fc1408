"""How comparisons are judged, in whole sentences: for every test, correction, kind of margin and design."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import findings_factory
import pytest

from bpbench.report import given, methods
from bpbench.report.document import CLOSE, OPEN
from bpbench.report.numbered import cited
from bpbench.report.references import WORKS
from bpbench.report.vocabulary import CORRECTIONS
from bpbench.statistics.designs import TESTS

#: What must be cited for a test and for a correction.
OF_TEST = {
    "paired-t": {"student1908"},
    "nadeau-bengio": {"nadeau2003", "bouckaert2004"},
    "welch": {"welch1947"},
    "wilcoxon": {"wilcoxon1945", "hodges1963"},
    "sign-flip": {"fisher1935", "phipson2010"},
    "permutation": {"fisher1935", "phipson2010"},
    "mann-whitney": {"mann1947", "hodges1963"},
}
OF_CORRECTION = {
    "holm": {"holm1979"},
    "bonferroni": {"dunn1961"},
    "hochberg": {"hochberg1988"},
    "hommel": {"hommel1988"},
    "sidak": {"sidak1967"},
    "holm-sidak": {"holm1979", "sidak1967"},
    "bh": {"benjamini1995"},
    "by": {"benjamini2001"},
    "tsbh": {"benjamini2006"},
    "max-t": {"westfall1993"},
}
REDRAWN = {"sign-flip": {"count": 8, "all": True}, "permutation": {"count": 100_000, "all": False}}
MARGINS = (None, 0.2, "5 %", "0.3 d_z")


@cache
def _made(name: str) -> dict[str, Any]:
    made: dict[str, Any] = getattr(findings_factory, name)()
    return made


def small() -> dict[str, Any]:
    """Return a study of two comparisons."""
    return findings_factory.deep_copy(_made("small"))


def compared() -> dict[str, Any]:
    """Return a comparison of scores of others."""
    return findings_factory.deep_copy(_made("compared"))


def study(test: str, design: str, **analysis: Any) -> dict[str, Any]:
    """Return a study of two comparisons that is judged by that test."""
    data = small()
    data["split"]["design"] = design
    data["analysis"].update(test=test, redrawings=REDRAWN.get(test), **analysis)
    return data


def table(test: str, *, paired: bool, **analysis: Any) -> dict[str, Any]:
    """Return a comparison of scores of others that is judged by that test."""
    data = compared()
    data["analysis"].update(test=test, redrawings=REDRAWN.get(test), paired=paired, **analysis)
    return data


def paragraphs(data: dict[str, Any]) -> list[str]:
    """Return the paragraphs on statistics and on what was decided, without citations and pointers."""
    found = [*methods.statistics(data), methods.decided(data)]
    return [
        re.sub(f"\u00a0?{OPEN}cite:[^{CLOSE}]*{CLOSE}", "", text).replace(OPEN, "").replace(CLOSE, "") for text in found
    ]


def works(data: dict[str, Any]) -> set[str]:
    """Return the works that the paragraphs on statistics cite."""
    return set(cited(methods.statistics(data)))


@pytest.mark.parametrize("correction", list(CORRECTIONS))
@pytest.mark.parametrize(
    ("test", "design"), [(test, design) for test, info in TESTS.items() for design in info.designs]
)
def test_every_combination_is_told_in_whole_sentences(test: str, design: str, correction: str) -> None:
    """Each paragraph is made of sentences that end, no field is left open, and what is described is cited."""
    for margin in MARGINS:
        data = study(test, design, correction=correction, margin=margin)
        for text in paragraphs(data):
            assert re.fullmatch(r"[A-Z].*\.", text), text
            assert not re.search(r"[{}]|  |\.\.| [.,;]|\bNone\b", text), text
        expected = OF_TEST[test] | OF_CORRECTION[correction]
        if margin is not None:
            expected = expected | {"schuirmann1987", "lakens2017"}
        if margin == "5 %" and test in {"paired-t", "nadeau-bengio", "welch"}:
            expected = expected | {"fieller1954"}
        assert works(data) == expected
        assert expected <= set(WORKS)


def test_without_a_margin_no_rule_of_equivalence_is_stated() -> None:
    """What nothing can be is not defined; with a margin it is, and a single comparison is not called adjusted."""
    without, within = (" ".join(paragraphs(study("paired-t", "fixed", margin=margin))) for margin in (None, 0.2))
    assert "nothing can be called equivalent. A comparison is called better or worse if the adjusted test" in without
    assert "called equivalent if" not in without
    assert "A comparison is called equivalent if the adjusted two one-sided tests reject" in within
    data = study("paired-t", "fixed")
    data["analysis"]["family"] = data["analysis"]["family"][:1]
    alone = " ".join(paragraphs(data))
    assert "The comparison is called equivalent if both one-sided tests reject" in alone
    assert "adjusted" not in alone
    data["analysis"]["margin"] = None
    assert "The comparison is called better or worse if the test rejects, else undecided." in " ".join(paragraphs(data))


def test_the_stopping_rule_is_stated() -> None:
    """As a fixed number of repeats; what came late may have been chosen by what was seen, and a table tells no rule."""
    data = study("paired-t", "fixed")
    rule = "the protocol asks for 3 repeats of each variant, a comparison is judged only when that series is complete"
    *_, text, _ = paragraphs(data)
    assert rule in text
    assert "may have been chosen in view of them" not in text
    assert text.endswith("What else was decided, and when, is told in section:question.")
    data["analysis"]["chosen_after"] = 2
    assert "As the analysis was declared after 2 paired repeats had been seen, that number may" in paragraphs(data)[3]
    data = study("paired-t", "crossed", units=2)
    data["split"].update(repeats=6, splits=2)
    assert "asks for 6 repeats on 2 splits of each variant" in paragraphs(data)[3]
    assert "A table of scores does not tell by which rule" in paragraphs(compared())[3]


def test_what_was_declared_is_named() -> None:
    """Test, correction and power stand with their names and numbers."""
    *_, text = paragraphs(study("wilcoxon", "fixed", correction="tsbh"))
    assert text == (
        "Decided in the protocol, before any paired repeat had been seen: baseline D, metric RMSE, margin 0.2 "
        "meV/atom, the Wilcoxon signed-rank test, the two-stage Benjamini-Hochberg correction, α = 0.05, a power of "
        "80 %, the family of 2 comparisons and the number of repeats (3)."
    )


@pytest.mark.parametrize("test", ["welch", "permutation", "mann-whitney"])
def test_scores_without_pairs_are_not_said_to_ignore_them(test: str) -> None:
    """Only where rows belong together does a test of two samples leave that out."""
    words = "ignores that the repeats are paired"
    assert words in " ".join(paragraphs(study(test, "fixed")))
    assert words in " ".join(paragraphs(table(test, paired=True)))
    assert words not in " ".join(paragraphs(table(test, paired=False)))
    assert "It takes the two samples as independent" in " ".join(paragraphs(table(test, paired=False)))


def test_redrawings_are_those_of_protocol_or_command() -> None:
    """A comparison of scores has no protocol to take a seed from."""
    assert "100\u202f000 in all, by the protocol's seed" in paragraphs(study("permutation", "fixed"))[1]
    for paired in (True, False):
        text = paragraphs(table("permutation", paired=paired))[1]
        assert "100\u202f000 in all, by the command's seed" in text
        assert "protocol" not in text
    assert "all 8 of them" in paragraphs(table("sign-flip", paired=True))[1]


def test_all_sets_may_be_reconstructions() -> None:
    """The limit is stated where all sets are reconstructions, where one is, and not where none is."""
    data, told = small(), {}
    for number, names in enumerate(({"A", "B", "C", "D", "22"}, {"22"}, set())):
        for entry in data["sets"]:
            entry["reconstructed"] = entry["name"] in names
        told[number] = " ".join(methods.limits(data, {"not_converged": 0}))
    assert "All feature sets here are reconstructions; their values are ours (see " in told[0]
    assert "Feature set “22”: reconstruction; its values are ours (see " in told[1]
    assert "reconstruction" not in told[2]


def test_absent_and_broken_rows_agree_with_their_number() -> None:
    """One row counts, two rows count."""
    one = given.answers(compared(), {"diverged": 1, "missing": 1})
    two = given.answers(compared(), {"diverged": 2, "missing": 2})
    assert one[0].startswith("1 row without a finite score counts as a run that broke down, which")
    assert two[0].startswith("2 rows without a finite score count as runs that broke down, which")
    assert (one[1], two[1]) == (
        "1 repeat that other variants have is absent and left out pair by pair.",
        "2 repeats that other variants have are absent and left out pair by pair.",
    )
