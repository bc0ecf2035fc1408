"""Sentences and numerals: true for every verdict, digits by uncertainty, p never 0.000."""

from __future__ import annotations

import re
from typing import Any

import pytest
from findings_factory import comparison, deep_copy, findings, without_results

from bpbench.metrics import METRICS
from bpbench.report import numerals, vocabulary
from bpbench.report.answer import answer
from bpbench.report.labels import data_label, set_label, source_note
from bpbench.report.language import spoken
from bpbench.report.tallies import tally
from bpbench.report.templating import folders
from bpbench.report.vocabulary import metric_label
from bpbench.report.words import comparison_sentence
from bpbench.report.words import sentence as as_sentence

METRIC = {"key": "rmse", "label": "RMSE", "unit": "meV/atom"}
ANALYSIS: dict[str, Any] = {
    "test": "paired-t",
    "correction": "holm",
    "alpha": 0.05,
    "margin": 0.2,
    "family": [["A", "D"], ["B", "D"], ["C", "D"]],
    "part": "test",
}


def sentence(**changes: Any) -> str:
    options = {key: changes.pop(key) for key in ("repeats", "explain") if key in changes}
    return comparison_sentence(comparison(**changes), METRIC, ANALYSIS, **options)


UNDECIDED: dict[str, Any] = {
    "difference": 0.3, "low": -0.2, "high": 0.8, "p": 0.2, "p_adjusted": 0.41, "significant": False,
    "verdict": "undecided",
}  # fmt: skip


def test_better() -> None:
    """A better variant is better by a positive amount, with interval, n and adjusted p."""
    assert sentence() == (
        "A is better than D by 0.31 meV/atom (95 % interval 0.12 to 0.50, n = 10, Holm-adjusted p = 0.003)."
    )


def test_worse() -> None:
    """A worse variant has the higher error; a tiny p is a bound, never 0.000."""
    text = sentence(difference=0.31, low=0.12, high=0.5, p_adjusted=0.00002, verdict="worse")
    assert text == "A is worse than D by 0.31 meV/atom (95 % interval 0.12 to 0.50, n = 10, Holm-adjusted p < 0.001)."


def test_undecided_says_what_remains_possible() -> None:
    """A non-rejection names both ends of what the difference could be, and never the word equal."""
    text = sentence(**UNDECIDED)
    assert text == (
        "Undecided: A and D differ by 0.30 meV/atom (A − D; 95 % interval −0.20 to 0.80, n = 10, Holm-adjusted "
        "p = 0.410); the difference could be anything from 0.20 meV/atom in favour of A to 0.80 meV/atom in favour "
        "of D."
    )
    assert "equal" not in text


NEEDED = {"repeats": 42, "difference": 40, "equivalence": 42, "floor": 0.0, "spread": 0.3}
JUDGED = ANALYSIS | {"power": 0.8, "design": "fixed"}


def enough(analysis: dict[str, Any] | None = None, **changes: Any) -> str:
    entry = comparison(**UNDECIDED, needed=NEEDED | changes)
    text = comparison_sentence(entry, METRIC, JUDGED | (analysis or {}))
    assert text.startswith("Undecided: ")
    return text.partition("in favour of D. ")[2]


def test_undecided_says_how_many_repeats_would_be_enough() -> None:
    """The number, what it is enough for and by which spread; findings without it say nothing."""
    said = (
        "Enough would be 42 repeats, to find a difference as large as the margin of ±0.2 meV/atom or to show that "
        "there is none, each with a power of 80 %, by an upper limit of the spread (80 % confidence)."
    )
    assert enough() == said
    assert enough({"test": "wilcoxon"}).startswith("Enough would be about 42 repeats")
    assert enough({"design": "crossed"}) == said.replace("repeats", "splits")
    in_dz = enough({"margin": "0.5 d_z"}, spread=None)
    assert "the margin of ±0.5 standard deviations of the paired differences (d_z) or" in in_dz
    assert in_dz.endswith("a power of 80 %.")
    assert enough(repeats=7) == (
        "These 10 repeats are enough to find a difference as large as the margin of ±0.2 meV/atom, and to show that "
        "there is none, each with a power of 80 %, by an upper limit of the spread (80 % confidence); a true "
        "difference between the two needs more."
    )


def test_undecided_says_where_no_number_would_be_enough() -> None:
    """The floor of overlapping splits is told in the metric's unit, or in d_z."""
    never = {"repeats": None, "difference": None, "floor": 0.4567}
    assert enough(**never) == (
        "No number of repeats would decide at the margin of ±0.2 meV/atom: as splits of the same data overlap, less "
        "than 0.457 meV/atom cannot be resolved; more independent blocks would lower that."
    )
    # without overlap there is no floor: it is the spread
    assert enough(**never | {"floor": 0.0}) == (
        "No number of repeats that could be run would decide at the margin of ±0.2 meV/atom: beside their spread the "
        "margin is so small that more than 10¹² would be needed."
    )
    assert "less than 0.457 d_z cannot" in enough({"margin": "0.5 d_z"}, **never, spread=None)


def test_the_answer_says_it_once_for_all_that_is_undecided() -> None:
    """In a family one sentence speaks for all undecided comparisons, with the most that any of them needs."""
    data = deep_copy(findings())
    entries = data["analysis"]["comparisons"]
    for number, entry in enumerate(entries[:2]):
        entry.update(**UNDECIDED, needed=NEEDED | {"repeats": 30 + number})
    for entry in entries[2:]:
        entry.update(verdict="worse", needed=None)
    texts = [text for text in answer(data) if "Enough would be" in text or "would decide" in text]
    assert len(texts) == 1
    assert texts[0].startswith("Enough would be 31 repeats, for both undecided comparisons, to find")
    entries[0]["needed"] |= {"repeats": None, "floor": 0.5}
    (text,) = (text for text in answer(data) if "would decide" in text)
    assert text.startswith("No number of repeats would decide 1 of the 2 undecided comparisons at the margin")
    entries[1]["needed"] |= {"repeats": None, "floor": 0.7}
    (text,) = (text for text in answer(data) if "would decide" in text)
    assert text.startswith("No number of repeats would decide the 2 undecided comparisons at the margin")
    assert "less than 0.700 meV/atom" in text


@pytest.mark.parametrize(
    ("margin", "within", "ends", "said"),
    [
        (
            "5 %",
            "5 % of the mean of D",
            (-0.012, 0.0341),
            "0.03 meV/atom (A − D; 90 % interval of the ratio of the means less one −1.2 to 3.4 %, n = 10,",
        ),
        (
            "0.3 d_z",
            "0.3 standard deviations of the paired differences (d_z)",
            (-0.112, 0.234),
            "0.03 meV/atom (A − D; 90 % interval of d_z −0.11 to 0.23, n = 10,",
        ),
    ],
)
def test_equivalent_within_other_measures(margin: str, within: str, ends: tuple[float, float], said: str) -> None:
    """The margin and the interval that belongs to its test are told in the measure of the margin."""
    entry = comparison(
        difference=0.03, low=-0.07, high=0.13, equivalence_low=ends[0], equivalence_high=ends[1], p=0.5, p_adjusted=0.5,
        p_equivalence=0.0004, p_equivalence_adjusted=0.0008, significant=False, verdict="equivalent",
    )  # fmt: skip
    text = comparison_sentence(entry, METRIC, ANALYSIS | {"margin": margin})
    assert text.startswith(f"A and D are equivalent within ±{within}: they differ by {said}")


def test_equivalent() -> None:
    """Equivalence names its margin, the 1-2α interval and its own p."""
    text = sentence(
        difference=0.03, low=-0.07, high=0.13, equivalence_low=-0.05, equivalence_high=0.11, p=0.5, p_adjusted=0.5,
        p_equivalence=0.0004, p_equivalence_adjusted=0.0008, significant=False, verdict="equivalent",
    )  # fmt: skip
    assert text == (
        "A and D are equivalent within ±0.2 meV/atom: they differ by 0.030 meV/atom (A − D; 90 % interval −0.050 to "
        "0.110, n = 10, Holm-adjusted p of equivalence < 0.001)."
    )


def test_resolved_below_the_margin() -> None:
    """A difference that is significant but too small to matter is called equivalent and resolved."""
    text = sentence(
        difference=-0.05, low=-0.08, high=-0.02, equivalence_low=-0.07, equivalence_high=-0.03, p_adjusted=0.004,
        p_equivalence_adjusted=0.0004, significant=True, verdict="equivalent",
        remarks=["below the margin: resolved but smaller than the margin"],
    )  # fmt: skip
    assert text.startswith("A and D are equivalent within ±0.2 meV/atom")
    assert text.endswith(
        "Resolved, below the margin: the RMSE of A is lower (Holm-adjusted p = 0.004), by less than what matters."
    )


def test_deterministic_pairs_have_no_test() -> None:
    """Two models without randomness on a fixed split get a difference and no p."""
    text = sentence(
        n=10, low=None, high=None, p=None, p_adjusted=None, d_z=None, significant=False, verdict="undecided",
        remarks=["Deterministic given this split: all 10 paired differences are 0.31, so there is no p."],
    )  # fmt: skip
    assert text == (
        "No test for A and D, which are deterministic given this split: they differ by 0.310 meV/atom (A better), and "
        "further seeds would not change it, other data could."
    )


def test_pairs_that_differ_by_the_same_in_every_repeat_have_no_test() -> None:
    """Models that draw seeds and differ by nothing, or by the same each time, are not called deterministic."""
    bare: dict[str, Any] = {
        "n": 10,
        "low": None,
        "high": None,
        "p": None,
        "p_adjusted": None,
        "d_z": None,
        "significant": False,
    }
    remark = "No spread between repeats: all 10 paired differences are zero, so there is no noise to test against."
    for gap, how in ((0.0, "score the same"), (0.31, "differ by 0.310 meV/atom (A worse)")):
        assert sentence(**bare, difference=gap, verdict="undecided", remarks=[remark]) == (
            f"No test for A and D: they {how} in each of 10 paired repeats, so there is no noise to test against."
        )


def test_incomplete_studies_get_no_verdict() -> None:
    """With pairs missing there is neither p nor verdict, and the sentence says how many pairs there are."""
    text = sentence(n=7, p=None, p_adjusted=None, significant=False, verdict="undecided", repeats=10)
    assert text.startswith("No verdict yet on A and D: 7 of 10 paired repeats succeeded; in these they differ by 0.31")


def test_no_pair_at_all() -> None:
    """Without any pair no number is shown."""
    text = sentence(n=0, difference=None, low=None, high=None, p=None, p_adjusted=None, verdict="undecided")
    assert text == "No verdict on A and D: no repeat of both has succeeded."


def test_diverged_repeats_forbid_better() -> None:
    """A significant difference with diverged repeats is undecided, and the remark stands behind it."""
    text = sentence(verdict="undecided", remarks=["2 of 10 repeats of A diverged"], n=8)
    assert text.startswith("Undecided: A and D differ by 0.31 meV/atom (A better) in the repeats that succeeded")
    assert text.endswith("but not all did. 2 of 10 repeats of A diverged.")


def test_interval_and_adjusted_p_may_disagree() -> None:
    """An unadjusted interval that excludes zero beside an adjusted p that does not reject is explained."""
    text = sentence(
        difference=0.31, low=0.02, high=0.6, p=0.04, p_adjusted=0.12, significant=False, verdict="undecided"
    )
    assert "0.02 meV/atom in favour of D to 0.60 meV/atom in favour of D" in text
    assert "The interval by itself excludes zero, but it is not adjusted for the family of 3" in text


def test_a_family_of_one_has_no_adjusted_p() -> None:
    """With one comparison the p is not called adjusted and no family is mentioned."""
    text = comparison_sentence(comparison(), METRIC, {**ANALYSIS, "family": [["A", "D"]]}, explain=True)
    assert "p = 0.001" in text
    assert "adjusted" not in text


def test_explanation_is_given_when_asked() -> None:
    """The note that intervals are not adjusted stands in the sentence only on request."""
    assert "95 % interval, not adjusted for the family of 3, 0.12 to 0.50" in sentence(explain=True)
    assert "not adjusted" not in sentence()


def test_higher_is_better_metrics_would_be_read_the_other_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """The direction comes from the table of metrics, not from the sign."""
    monkeypatch.setattr("bpbench.report.words.lower_is_better", lambda _: False)
    assert "0.20 meV/atom in favour of D to 0.80 meV/atom in favour of A" in sentence(**UNDECIDED)


# --------------------------------------------------------------------------------------------------- in French

NBSP, THIN = "\u00a0", "\u202f"
NO_P: dict[str, Any] = {"low": None, "high": None, "p": None, "p_adjusted": None, "d_z": None, "significant": False}
CLOSE: dict[str, Any] = {
    "difference": -0.05, "low": -0.09, "high": -0.01, "equivalence_low": -0.08, "equivalence_high": -0.02, "p": 0.03,
    "p_adjusted": 0.03, "p_equivalence_adjusted": 0.002, "verdict": "equivalent",
}  # fmt: skip
TIME = {"key": "descriptor_time", "label": "descriptor time", "unit": "us/atom"}


def in_french(metric: dict[str, Any] = METRIC, analysis: dict[str, Any] | None = None, **changes: Any) -> str:
    """Return the sentence of a comparison in French, with the plain spaces of a keyboard."""
    options = {key: changes.pop(key) for key in ("repeats", "explain", "opened") if key in changes}
    with spoken("fr", folders()):
        text = comparison_sentence(comparison(**changes), metric, ANALYSIS | (analysis or {}), **options)
    assert not re.search(r"[^ \u00a0\u202f][:;!?»](?: |$)|« ", text), "a sign that French sets apart is not tied"
    return text.replace(NBSP, " ").replace(THIN, " ")


@pytest.mark.parametrize(
    ("metric", "changes", "said"),
    [
        (
            METRIC,
            {},
            "A fait mieux que D de 0,31 meV/atome (intervalle à 95 % 0,12 à 0,50, n = 10, p ajusté (Holm) = 0,003).",
        ),
        (
            METRIC,
            {"difference": 0.31, "low": 0.12, "high": 0.5, "p_adjusted": 0.00002, "verdict": "worse"},
            (
                "A fait moins bien que D de 0,31 meV/atome (intervalle à 95 % 0,12 à 0,50, n = 10, p ajusté (Holm) "
                "< 0,001)."
            ),
        ),
        (
            METRIC,
            UNDECIDED,
            (
                "Indécis : A et D diffèrent de 0,30 meV/atome (A − D ; intervalle à 95 % −0,20 à 0,80, n = 10, p "
                "ajusté (Holm) = 0,410) ; la différence moyenne pourrait aller de 0,20 meV/atome en faveur de A à 0,80 "
                "meV/atome en faveur de D."
            ),
        ),
        (
            METRIC,
            CLOSE | {"significant": False},
            (
                "A et D sont équivalentes à ±0,2 meV/atome près : elles diffèrent de −0,050 meV/atome (A − D ; "
                "intervalle à 90 % −0,080 à −0,020, n = 10, p ajusté (Holm) de l'équivalence = 0,002)."
            ),
        ),
        (
            METRIC,
            CLOSE | {"significant": True},
            (
                "A et D sont équivalentes à ±0,2 meV/atome près : elles diffèrent de −0,050 meV/atome (A − D ; "
                "intervalle à 90 % −0,080 à −0,020, n = 10, p ajusté (Holm) de l'équivalence = 0,002). Résolu, en deçà "
                "de la marge : A a une valeur plus basse du critère RMSE (p ajusté (Holm) = 0,030), mais l'écart est "
                "inférieur à ce qui importe."
            ),
        ),
        (
            METRIC,
            {"n": 0, "difference": None, "verdict": "undecided"} | NO_P,
            "Pas de verdict sur A et D : aucune répétition n'a abouti des deux côtés.",
        ),
        (
            METRIC,
            {"n": 7, "verdict": "undecided", "p": None, "p_adjusted": None, "significant": False, "repeats": 10},
            (
                "Pas encore de verdict sur A et D : 7 sur 10 répétitions appariées ont abouti ; dans ce cadre elles "
                "diffèrent de 0,31 meV/atome (A meilleure)."
            ),
        ),
        (
            METRIC,
            {
                "difference": 0.31,
                "verdict": "undecided",
                "remarks": [
                    (
                        "No spread between repeats: all 10 paired differences are 0.31, so there is no noise to test "
                        "against and no p."
                    )
                ],
            }
            | NO_P,
            (
                "Pas de test pour A et D : elles diffèrent de 0,310 meV/atome (A moins bonne) à chaque fois, sur 10 "
                "répétitions appariées, si bien qu'il n'y a pas de bruit auquel comparer."
            ),
        ),
        (
            METRIC,
            {
                "verdict": "undecided",
                "n": 8,
                "remarks": [
                    (
                        "2 repeats of 'A' diverged: it cannot be called better or "
                        "equivalent, and the numbers describe only the repeats that finished on both sides."
                    )
                ],
            },
            (
                "Indécis : A et D diffèrent de 0,31 meV/atome (A meilleure) sur les répétitions qui ont abouti "
                "(intervalle à 95 % −0,50 à −0,12, n = 8, p ajusté (Holm) = 0,003), ce qui n'est pas le cas de "
                "l'ensemble. 2 répétitions de « A » ont divergé : elle ne peut être dite ni meilleure ni équivalente, "
                "et les nombres ne décrivent que les répétitions arrivées au bout des deux côtés."
            ),
        ),
        (
            TIME,
            {},
            (
                "A est plus rapide que D de 0,31 µs/atome (intervalle à 95 % 0,12 à 0,50, n = 10, p ajusté (Holm) "
                "= 0,003)."
            ),
        ),
        (
            METRIC | {"estimates": True},
            {},
            (
                "A est plus basse que D de 0,31 meV/atome (intervalle à 95 % 0,12 à 0,50, n = 10, p ajusté (Holm) "
                "= 0,003)."
            ),
        ),
        (
            METRIC | {"estimates": True},
            UNDECIDED,
            (
                "Indécis : A et D diffèrent de 0,30 meV/atome (A − D ; intervalle à 95 % −0,20 à 0,80, n = 10, p "
                "ajusté (Holm) = 0,410) ; la différence moyenne pourrait aller de 0,20 meV/atome de moins pour A à "
                "0,80 meV/atome de moins pour D."
            ),
        ),
    ],
    ids=[
        "better",
        "worse",
        "undecided",
        "equivalent",
        "resolved below the margin",
        "no verdict",
        "incomplete",
        "no test",
        "blocked",
        "times",
        "estimates",
        "undecided estimates",
    ],
)
def test_verdicts_in_french(metric: dict[str, Any], changes: dict[str, Any], said: str) -> None:
    """Each verdict says in French what it says in English: verdict, size, interval, n and p, with a decimal comma."""
    assert in_french(metric, **changes) == said


def test_ranks_in_french() -> None:
    """An interval by ranks is named, and what it is of."""
    ranks = {"test": "wilcoxon"}
    assert in_french(analysis=ranks) == (
        "A fait mieux que D de 0,31 meV/atome en moyenne (intervalle de Hodges-Lehmann à 95 % 0,12 à 0,50, n = 10, "
        "p ajusté (Holm) = 0,003)."
    )
    text = in_french(analysis=ranks, **UNDECIDED)
    assert "le centre des différences pourrait aller de 0,20 meV/atome en faveur de A à 0,80 meV/atome" in text
    text = in_french(analysis={"test": "mann-whitney"}, **UNDECIDED)
    assert "le décalage entre les deux échantillons pourrait aller de 0,20 meV/atome en faveur de A" in text


def test_enough_in_french() -> None:
    """How many repeats would be enough follows what is undecided, without its opener where that was said before."""
    text = in_french(analysis=JUDGED, needed=NEEDED, opened=False, **UNDECIDED)
    assert text.startswith("A et D diffèrent de 0,30 meV/atome")
    assert text.endswith(
        " Il faudrait 42 répétitions, afin de trouver une différence aussi grande que la marge de ±0,2 meV/atome ou de "
        "montrer qu'il n'y en a pas, chaque fois avec une puissance de 80 %, d'après une limite supérieure de la "
        "dispersion (confiance de 80 %)."
    )


def test_the_answer_in_french() -> None:
    """The answer speaks French from its first sentence to its last; names and labels of others stay as they are."""
    with spoken("fr", folders()):
        texts = [text.replace(NBSP, " ").replace(THIN, " ") for text in answer(findings())]
    assert texts[0] == (
        "Pour ce partage des données, selon le critère RMSE sur l'ensemble de test, face à D sur 10 répétitions : A et "
        "linear font mieux ; B est équivalente à ±0,2 meV/atome près ; C reste indécise ; « 22 », forest et lightgbm "
        "font moins bien."
    )
    assert not [text for text in texts if re.search(r"\b(the|is|are|of|and)\b|\d\.\d", text)]


def test_labels_of_metrics_are_those_of_the_table_of_metrics() -> None:
    """Every metric has its label as a message; a score of others keeps its own, even under a key of ours."""
    assert set(vocabulary._METRICS) == set(METRICS)
    assert all(vocabulary._METRICS[key] == metric.label for key, metric in METRICS.items())
    with spoken("fr", folders()):
        assert metric_label({"key": "max", "label": "largest |error|"}) == "|erreur| maximale"
        assert metric_label({"key": "max", "label": "maximum {of} mine"}) == "maximum {of} mine"
        assert vocabulary.unit_label("meV/atom") == "meV/atome"
        assert vocabulary.unit_label("A") == "Å"
        assert vocabulary.unit_label("{furlong}") == "{furlong}"


# -------------------------------------------------------------------------------------------------- the answer


def test_the_answer_in_full() -> None:
    """The answer names scope, verdicts, one difference, the yardstick and what did not converge."""
    texts = answer(findings())
    assert texts[0] == (
        "Given this split, by RMSE on the test set, against D over 10 repeats: A and linear are better; B is "
        "equivalent within ±0.2 meV/atom; C is undecided; “22”, forest and lightgbm are worse."
    )
    assert texts[1].startswith(
        "Of what is better, the largest difference with the model of the baseline: A is better than D by 0.30 meV/atom "
        "(95 % interval, not adjusted for the family of 7,"
    )
    assert texts[2] == (
        "On the same inputs, by the mean, the linear potential beats D (1.28 against 0.231 meV/atom of linear; "
        "tested: linear is better)."
    )
    assert texts[3].startswith(
        "10 of 50 network trainings were still improving when training ended: not converged (A 2"
    )
    assert texts[4] == (
        "2 of 10 LightGBM trainings were stopped at the limit of rounds, still improving: not converged "
        "(lightgbm 2 of 10)."
    )
    assert len(texts) == 5


@pytest.mark.parametrize(
    ("design", "words"),
    [
        ("fixed", "Given this split"),
        ("resampled", "Given these data,"),
        ("crossed", "Given these data and this reserve"),
    ],
)
def test_the_scope_follows_the_design(design: str, words: str) -> None:
    """Each design makes only the claim it can."""
    data = findings(repeats=3, names=("A", "B", "D"), states=1)
    data["split"]["design"] = design
    assert answer(data)[0].startswith(words)


def test_a_single_comparison_is_the_answer() -> None:
    """With one comparison its own sentence is the headline and is not repeated."""
    data = findings(repeats=5, names=("A", "D"), states=1)
    texts = answer(data)
    assert texts[0].startswith("Given this split, by RMSE on the test set: ")
    assert not any(text.startswith(("A is", "Undecided")) for text in texts[1:])


def beside(means: dict[str, float]) -> dict[str, Any]:
    """Return findings in which these networks stand on the inputs of a linear potential of mean 1.5."""
    data = deep_copy(findings())
    for variant in data["variants"]:
        variant["linear"] = None
        if variant["name"] in means:
            variant["linear"] = {"variant": "linear", "mean": 1.5}
            variant["summary"]["test"]["rmse"]["mean"] = means[variant["name"]]
    return data


def yardstick(data: dict[str, Any]) -> list[str]:
    return [text for text in answer(data) if "the linear potential" in text]


def test_a_linear_potential_that_wins_nothing_is_not_mentioned() -> None:
    """The yardstick sentence is there only when the linear potential beats a network on the same inputs."""
    assert yardstick(beside({"A": 1.1, "D": 1.4})) == []
    assert yardstick(beside({})) == []


def test_networks_that_lose_to_the_linear_potential_are_named_with_the_verdict() -> None:
    """Few networks are named one by one: who loses, who does not, and what was tested of it."""
    data = beside({"A": 1.1, "B": 1.9, "D": 1.7})
    for entry in data["analysis"]["comparisons"]:
        if entry["candidate"] == "linear":
            entry.update(verdict="undecided")
    (text,) = yardstick(data)
    assert text == (
        "On the same inputs, by the mean, the linear potential beats D (1.70 against 1.50 meV/atom of linear; tested: "
        "undecided) and B (1.90 against 1.50 meV/atom of linear; not tested); it does not beat A (1.10 against 1.50 "
        "meV/atom of linear; not tested)."
    )


def test_many_networks_beside_the_linear_potential_are_counted() -> None:
    """More than four are counted, and the best is named."""
    means = {"A": 1.4, "B": 1.9, "C": 1.8, "D": 1.7, "22": 1.6}
    assert yardstick(beside(means)) == [
        (
            "On the same inputs, by the mean, the linear potential beats 4 of 5 networks; the best network is A (1.40 "
            "against 1.50 meV/atom of linear; not tested)."
        )
    ]
    assert "beats every one of 5 networks; the best network is A (1.55" in yardstick(beside(means | {"A": 1.55}))[0]


def test_networks_without_a_linear_potential_on_their_inputs_are_not_counted_as_beaten() -> None:
    """Where some networks have no such rival the sentence says of how many the compared ones are; twins count once."""
    means = {"A": 1.6, "B": 1.9, "C": 1.8, "D": 1.7, "22": 1.6}
    data = beside(means)
    network = next(variant for variant in data["variants"] if variant["name"] == "A")
    data["variants"] += [network | {"name": "few", "linear": None}, network | {"name": "A again", "twin": "A"}]
    assert "beats every one of the 5 networks (of 6) that have one on the same inputs; the best" in yardstick(data)[0]
    assert (tally(data)["networks"], tally(data)["network_variants"], tally(data)["beaten"]) == (6, 5, 5)


def many(verdict: str, number: int, **changes: Any) -> list[dict[str, Any]]:
    return [
        comparison(
            candidate=f"{verdict} {place}", verdict=verdict, difference=0.1 * place, p_adjusted=0.2 / (1 + place)
        )
        | changes
        for place in range(number)
    ]


def test_a_crossed_design_counts_splits_and_not_repeats() -> None:
    """Headline and single judgements name what the statistics count; repeats are told where they are more."""
    data = deep_copy(findings())
    data["split"]["design"] = data["analysis"]["design"] = "crossed"
    assert " against D over 10 splits: " in answer(data)[0]
    data["analysis"]["units"] = 5
    assert " against D over 5 splits (10 repeats): " in answer(data)[0]
    data["analysis"]["comparisons"] = [comparison(p=None, n=3, remarks=[])]
    assert "3 of 5 paired splits succeeded" in answer(data)[0]


def test_a_headline_counts_many_candidates_and_names_the_most_telling() -> None:
    """Up to six of one verdict are named; of more three, by size of the difference or by the least p."""
    data = deep_copy(findings(repeats=3, names=("A", "D"), states=1))
    data["analysis"]["comparisons"] = [*many("worse", 8), *many("undecided", 7), *many("better", 6)]
    text = answer(data)[0]
    assert "“better 0”, “better 1”, “better 2”, “better 3”, “better 4” and “better 5” are better" in text
    assert "8 of 21, among them “worse 7”, “worse 6” and “worse 5”, are worse" in text
    assert "7 of 21, among them “undecided 6”, “undecided 5” and “undecided 4”, are undecided" in text
    data["analysis"]["comparisons"] = many("equivalent", 7, p_equivalence_adjusted=0.01)
    assert (
        "all 7, among them “equivalent 0”, “equivalent 1” and “equivalent 2”, are equivalent within ±0.2"
        in answer(data)[0]
    )
    for entry in data["analysis"]["comparisons"]:
        entry.update(p=None, p_equivalence_adjusted=None)
    assert "“equivalent 0”, “equivalent 1” and “equivalent 2”, are without a verdict" in answer(data)[0]


def test_unfinished_trainings_of_many_variants_are_counted() -> None:
    """Up to eight variants are named with what had not converged; of more the table tells."""
    data = deep_copy(findings())
    network = data["variants"][0]
    data["variants"] += [network | {"name": f"more {number}"} for number in range(4)]
    (text,) = (text for text in answer(data) if "network trainings" in text)
    assert text.endswith("still improving when training ended: not converged; the table of scores tells which.")


def test_many_pairs_are_counted_by_verdict() -> None:
    """Of more than six pairs the answer says how many have each verdict, and the most telling one."""
    data = deep_copy(findings(repeats=3, names=("A", "D"), states=1))
    pairs = [*many("worse", 4), *many("better", 1), *many("equivalent", 3, p_equivalence_adjusted=0.01)]
    for place, entry in enumerate(pairs):
        entry["baseline"] = f"B{place}"
    data["analysis"]["comparisons"] = pairs
    assert answer(data)[0].endswith(
        "1 is better (“better 0” against B4); 3 are equivalent within ±0.2 meV/atom, foremost “equivalent 0” against "
        "B5; 4 are worse, foremost “worse 3” against B3."
    )


def test_failures_and_late_choices_are_told() -> None:
    """Diverged, failed and missing repeats are counted; an analysis declared late is stamped."""
    data = deep_copy(findings())
    for result, status in zip(data["variants"][0]["results"], ("diverged", "failed", "missing"), strict=False):
        result.update(status=status, scores=None)
    data["analysis"]["chosen_after"] = 10
    texts = answer(data)
    assert "Of 80 trainings, 77 succeeded (1 diverged, 1 failed, 1 missing)" in texts[-2]
    assert texts[-1] == "The analysis was declared after 10 paired repeats had been seen."


def test_no_success_no_answer() -> None:
    """When nothing succeeded the answer says so and shows no comparison."""
    assert answer(without_results()) == [
        "There is no answer: none of the 6 trainings succeeded (6 diverged). What failed is listed below."
    ]


def test_tally_counts_what_is_listed() -> None:
    """The counts agree with a plain recount of the findings."""
    data, counts = findings(), tally(findings())
    results = [result for variant in data["variants"] for result in variant["results"]]
    assert counts["trainings"] == len(results) == counts["done"] == 80
    assert counts["not_converged"] == sum(result["converged"] is False for result in results)
    assert counts["limited"] == sum(result["converged"] is not None for result in results) == 60
    assert (counts["limited_hdnn"], counts["limited_lightgbm"], counts["limited_linear"]) == (50, 10, 0)
    assert (counts["not_converged_hdnn"], counts["not_converged_lightgbm"]) == (10, 2)
    assert counts["beaten"] == counts["network_variants"] == 1  # D alone stands on the linear potential's set


def test_labels_of_sets_and_data() -> None:
    """Reconstruction and the data's label stand wherever a set or a number is shown."""
    data = findings()
    assert set_label(data["sets"][3]) == "D (reconstruction)"
    assert source_note(data) == ("Data: EMT aluminium, embedded sample. All feature sets here are reconstructions.")
    data = deep_copy(data)
    data["sets"][1]["reconstructed"] = False
    assert source_note(data).endswith("Feature sets A, C, D and “22”: reconstructions.")
    data["sets"] = data["sets"][:1]
    assert source_note(data).endswith("Feature set A: reconstruction.")


def test_emt_is_said_once_wherever_the_data_are_named() -> None:
    """A label that does not say EMT gets the word, after any cut; one that says it, or other data, does not."""
    data = deep_copy(findings(repeats=2, names=("A", "D"), states=1))
    assert data_label(data) == "EMT aluminium, embedded sample"
    data["data"]["label"] = "aluminium_MEMTEST_" + "x" * 60 + ".npz"
    assert data_label(data, 40).endswith(".npz (EMT)")
    assert source_note(data).startswith("Data: aluminium_MEMTEST_")
    assert "(EMT)" in source_note(data)
    data["data"]["method"] = None
    assert "(EMT)" not in source_note(data)


def test_too_few_epochs_are_not_called_improving() -> None:
    """A network that ran three epochs, be it by patience, is not converged by rule; no sentence calls it improving."""
    data = deep_copy(findings(repeats=4, names=("A", "D"), states=1))
    for result in data["variants"][0]["results"]:
        result.update(ran=3, converged=False)
    data["variants"][0]["not_converged"] = 4
    assert (
        "5 of 8 network trainings were still improving when training ended or had too few epochs to tell"
        in " ".join(answer(data))
    )


def _judged(**verdicts: dict[str, Any]) -> dict[str, Any]:
    """Return findings in which the named candidates are judged as given and all others are undecided."""
    data = deep_copy(findings(names=("A", "B", "C", "D", "forest"), states=1))
    for entry in data["analysis"]["comparisons"]:
        entry.update(UNDECIDED | verdicts.get(entry["candidate"], {}))
    return data


WORSE: dict[str, Any] = {"difference": 0.4, "low": 0.1, "high": 0.7, "significant": True, "verdict": "worse"}


def test_a_significant_worse_is_clearer_than_an_undecided_pair() -> None:
    """Without a better candidate the worse one of least adjusted p is spelt out, and a better one goes before it."""
    worse = {"B": {**WORSE, "p_adjusted": 0.03}, "forest": {**WORSE, "p_adjusted": 0.002}}
    assert answer(_judged(**worse))[1].startswith("The clearest of these, by its p: forest is worse than D")
    better = {**WORSE, "difference": -0.4, "low": -0.7, "high": -0.1, "p_adjusted": 0.04, "verdict": "better"}
    assert answer(_judged(**worse, C=better))[1].startswith(
        "Of what is better, the largest difference: C is better than D"
    )
    assert answer(_judged())[1].startswith("Of what is undecided, the most favourable difference: ")
    lone = _judged()
    lone["analysis"]["comparisons"][1:] = [{**e, "p": None} for e in lone["analysis"]["comparisons"][1:]]
    assert "of these" not in answer(lone)[1]


RANKS = {**ANALYSIS, "test": "wilcoxon"}


def ranked_sentence(*, family: int = 3, **changes: Any) -> str:
    analysis = {**RANKS, "family": RANKS["family"][:family]}
    return comparison_sentence(comparison(**changes), METRIC, analysis)


def test_a_rank_test_has_the_interval_of_the_centre() -> None:
    """Under the signed-rank test the interval is called Hodges-Lehmann's and the difference a mean."""
    assert ranked_sentence() == (
        "A is better than D by 0.31 meV/atom on the mean (95 % Hodges-Lehmann interval 0.12 to 0.50, n = 10, "
        "Holm-adjusted p = 0.003)."
    )
    assert "the centre of the differences could be anything from 0.20 meV/atom in favour of A" in ranked_sentence(
        **UNDECIDED
    )


def test_mann_whitney_has_the_interval_of_the_shift() -> None:
    """Under the Mann-Whitney test the interval is that of a shift between the two samples."""
    analysis = {**ANALYSIS, "test": "mann-whitney", "correction": "tsbh"}
    text = comparison_sentence(comparison(**UNDECIDED), METRIC, analysis)
    assert "95 % Hodges-Lehmann interval −0.20 to 0.80, n = 10, two-stage Benjamini-Hochberg-adjusted p = 0.410" in text
    assert "the shift between the two samples could be anything from" in text


@pytest.mark.parametrize("family", [1, 3])
def test_a_mean_outside_the_interval_of_the_centre_is_explained(family: int) -> None:
    """An outlier can pull the mean out of the Hodges-Lehmann interval; the sentence says why, for any family."""
    words = "The mean difference lies outside the interval, which is that of the centre of the differences"
    assert words in ranked_sentence(family=family, difference=-0.9)
    assert words not in ranked_sentence(family=family)


def test_tension_in_a_family_of_one_is_not_blamed_on_the_family() -> None:
    """Where p by ranks and interval disagree with a single comparison, ties are named and no family is."""
    undecided = {**UNDECIDED, "low": 0.02, "high": 0.6}
    text = ranked_sentence(family=1, **undecided)
    assert "The interval excludes zero although the test does not reject: with equal or zero differences" in text
    assert "family" not in text
    text = ranked_sentence(family=1, low=-0.5, high=0.0)
    assert "The interval includes zero although it rejects: with equal or zero differences" in text
    assert "adjusted for the family of 3" in ranked_sentence(family=3, **undecided)


def test_equivalence_is_never_called_adjusted_by_max_t() -> None:
    """Max-T has no form for equivalence, which Holm's method adjusts; the p of the difference stays max-T's."""
    analysis = {**ANALYSIS, "correction": "max-t"}
    close = {"difference": -0.05, "low": -0.09, "high": -0.01, "equivalence_low": -0.08, "equivalence_high": -0.02}
    text = comparison_sentence(
        comparison(**close, verdict="equivalent", p_equivalence_adjusted=0.002), METRIC, analysis
    )
    assert "Holm-adjusted p of equivalence = 0.002" in text
    assert "(max-T-adjusted p = 0.003)" in text


def test_an_adaptive_correction_that_rejects_is_named() -> None:
    """Where the two-stage method rejects and p alone does not, it is not said that p by ranks is approximate."""
    analysis = {**ANALYSIS, "correction": "tsbh"}
    found = comparison(low=-0.7, high=0.02, p=0.06, p_adjusted=0.04, significant=True)
    for test in ("paired-t", "wilcoxon"):
        text = comparison_sentence(found, METRIC, {**analysis, "test": test})
        assert (
            "By itself the comparison would be undecided (p = 0.060, not adjusted), and the interval includes zero; "
            "the two-stage Benjamini-Hochberg correction resolves it"
        ) in text
        assert "although" not in text


@pytest.mark.parametrize(
    ("remark", "said"),
    [
        ("τ is unreliable", "τ is unreliable."),
        ("d_z is large", "d_z is large."),
        ("n = 3", "n = 3."),
        ("a repeat diverged.", "A repeat diverged."),
        ("one-sided", "One-sided."),
        ("", ""),
    ],
)
def test_symbols_keep_their_case(remark: str, said: str) -> None:
    """A remark begins with a capital letter where it begins with a word."""
    assert as_sentence(remark) == said


# --------------------------------------------------------------------------------------------------- numerals


@pytest.mark.parametrize(
    ("p", "text"),
    [
        (0.0, "< 0.001"), (0.00099, "< 0.001"), (0.001, "0.001"), (0.0031, "0.003"), (0.41, "0.410"),
        (0.9994, "0.999"), (0.9995, "> 0.999"), (1.0, "> 0.999"),
        (0.0499, "0.0499"), (0.04999, "0.04999"), (0.0501, "0.0501"), (0.05, "0.050"), (None, "–"),
    ],
)  # fmt: skip
def test_p_values(p: float | None, text: str) -> None:
    """A p is never 0.000 and never rounded onto a level that decides."""
    assert numerals.p_text(p) == text


@pytest.mark.parametrize(
    ("value", "places", "text"),
    [(-0.4, 1, "−0.4"), (-0.04, 1, "0.0"), (0.04, 1, "0.0"), (1234.5, 0, "1234"), (0.0123456, None, "0.0123")],
)
def test_fixed(value: float, places: int | None, text: str) -> None:
    """A minus is a minus sign, and zero has none."""
    assert numerals.fixed(value, places) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"), (0.2314, "0.231"), (1.05, "1.05"), (214.7, "215"), (9.999, "10.0"), (3021.4, "3021"),
        (1.234e-7, "1.23 × 10⁻⁷"), (-2.5e9, "−2.50 × 10⁹"),
    ],
)  # fmt: skip
def test_significant(value: float, text: str) -> None:
    """Three significant digits, powers of ten only where zeros would crowd."""
    assert numerals.significant(value) == text


@pytest.mark.parametrize(("half", "places"), [(0.19, 2), (0.5, 2), (5.0, 1), (12.0, 0), (0.0031, 4), (0.0, None)])
def test_decimals_follow_the_uncertainty(half: float, places: int | None) -> None:
    """An uncertainty shows two significant digits; without one there is no rule."""
    assert numerals.decimals(half) == places


def test_an_interval_of_rounding_noise_is_none() -> None:
    """A spread in the last bits of a deterministic result does not ask for sixteen digits."""
    assert numerals.half_width(0.231, 0.231 + 3e-17) is None
    assert numerals.half_width(0.1, 0.3) == pytest.approx(0.1)


def test_names_are_cut_in_the_middle() -> None:
    """A name of 300 letters keeps its beginning and its end, on one line."""
    cut = numerals.short("head\n" + "x" * 300 + "tail")
    assert len(cut) == 40
    assert cut.startswith("head x")
    assert cut.endswith("tail")


def test_names_in_sentences_are_cut_between_words() -> None:
    """A sentence has room for most names; a longer one loses whole words, unless a word is as long as the name."""
    name = "model network, hidden 10-10-10, learning_rate 0.001, epochs 100"
    assert numerals.say(name) == f"“{name}”"
    assert numerals.say(f"{name}, activation logistic") == "“model network, hidden 10-10-10, … activation logistic”"
    assert numerals.say("x" * 90) == "“" + "x" * 42 + "…" + "x" * 21 + "”"


def test_exact_shows_settings_as_written() -> None:
    """A declared value is shown short, as a power of ten where it was one."""
    assert [numerals.exact(value) for value in (0.001, 1e-8, 200.0, 1 / 3, -1, 2.5e-9)] == [
        "0.001", "10⁻⁸", "200", "0.333333", "−1", "2.5 × 10⁻⁹",
    ]  # fmt: skip
