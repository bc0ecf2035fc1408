"""The words of tables and sentences in one place: names of tests, units, labels, counts of listed things."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bpbench.metrics import METRICS
from bpbench.report.numerals import listed, say
from bpbench.units import DISPLAY

if TYPE_CHECKING:
    from collections.abc import Mapping

SCOPE: Final = {
    "fixed": "given this split",
    "resampled": "given these data",
    "crossed": "given these data and this reserve",
}
CORRECTIONS: Final = {
    "holm": "Holm",
    "bonferroni": "Bonferroni",
    "hommel": "Hommel",
    "bh": "Benjamini-Hochberg",
    "by": "Benjamini-Yekutieli",
}
TESTS: Final = {
    "paired-t": "paired t test",
    "nadeau-bengio": "Nadeau-Bengio corrected resampled t test",
    "welch": "Welch t test",
    "wilcoxon": "Wilcoxon signed-rank test",
}


def unit(metric: Mapping[str, Any]) -> str:
    """Return the unit of a metric as it is written."""
    key: str = metric["unit"]
    return DISPLAY.get(key, key)


def with_unit(text: str, metric: Mapping[str, Any]) -> str:
    """Return a number's text with the metric's unit behind it."""
    return f"{text} {unit(metric)}".rstrip()


def tally(findings: Mapping[str, Any]) -> dict[str, int]:
    """Return the only numbers a report makes itself: counts of things that the findings list.

    Parameters
    ----------
    findings : dict
        Findings of schema 1.

    Returns
    -------
    dict of str to int
        ``variants``, ``comparisons`` (size of the declared family), ``states``, ``sets``; ``trainings`` asked for and
        ``done``; ``networks`` trained, those ``not_converged`` and the network variants ``beaten`` by the linear
        potential; ``failed``, ``diverged`` and ``missing`` trainings.
    """
    variants, kinds = findings["variants"], model_kinds(findings)
    networks = [variant for variant in variants if kinds[variant["model"]] == "hdnn"]
    status = [result["status"] for variant in variants for result in variant["results"]]
    linear = best_of_kind(findings, "linear")
    rivals = [mean for variant in networks if (mean := judged_mean(variant, findings)) is not None]
    return {
        "variants": len(variants),
        "comparisons": len(findings["analysis"]["family"]),
        "states": len(findings["data"]["groups"]),
        "sets": len(findings["sets"]),
        "trainings": len(status),
        "done": status.count("done"),
        "networks": sum(variant["n"] for variant in networks),
        "not_converged": sum(variant["not_converged"] or 0 for variant in networks),
        "network_variants": len(rivals),
        "beaten": 0 if linear is None else sum(_beats(linear[1], mean, findings["metric"]) for mean in rivals),
        **{word: status.count(word) for word in ("failed", "diverged", "missing")},
    }


def judged_mean(variant: Mapping[str, Any], findings: Mapping[str, Any]) -> float | None:
    """Return a variant's mean of the judged metric over its repeats, ``None`` if none succeeded."""
    scores = (variant["summary"] or {}).get(findings["analysis"]["part"]) or {}
    mean: float | None = (scores.get(findings["metric"]["key"]) or {}).get("mean")
    return mean


def model_kinds(findings: Mapping[str, Any]) -> dict[str, str]:
    """Return the kind of each model by its name."""
    return {model["name"]: model["kind"] for model in findings["models"]}


def lower_is_better(metric: Mapping[str, Any]) -> bool:
    """Return the direction of a metric."""
    known = METRICS.get(metric["key"])
    return known is None or known.lower_is_better


def _beats(mine: float, other: float, metric: Mapping[str, Any]) -> bool:
    return mine < other if lower_is_better(metric) else mine > other


def best_of_kind(findings: Mapping[str, Any], kind: str) -> tuple[str, float] | None:
    """Return name and mean of the variant of that kind of model with the best mean, ``None`` if none succeeded."""
    kinds = model_kinds(findings)
    means = [
        (mean if lower_is_better(findings["metric"]) else -mean, variant["name"], mean)
        for variant in findings["variants"]
        if kinds[variant["model"]] == kind and (mean := judged_mean(variant, findings)) is not None
    ]
    return min(means)[1:] if means else None


def set_label(chosen: Mapping[str, Any]) -> str:
    """Return a feature set's name, with the word *reconstruction* behind it where that is due."""
    return say(chosen["name"]) + (" (reconstruction)" if chosen["reconstructed"] else "")


def source_note(findings: Mapping[str, Any], *, data: bool = True, sets: bool = True) -> str:
    """Return the small print of a caption: which data, and which sets are reconstructions."""
    parts = [f"Data: {findings['data']['label']}."] if data else []
    remade = [say(chosen["name"]) for chosen in findings["sets"] if chosen["reconstructed"]]
    if sets and remade:
        many = len(remade) > 1
        parts.append(
            f"Feature {'sets' if many else 'set'} {listed(remade)}: {'reconstructions' if many else 'reconstruction'}."
        )
    return " ".join(parts)
