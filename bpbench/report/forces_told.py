"""Forces in prose: how they are obtained and learned, and what is not said of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bpbench.jobs import FORCES_VALIDATED
from bpbench.metrics import OF_FORCES
from bpbench.report.document import cite
from bpbench.report.language import quoted, tell
from bpbench.report.numerals import exact, percent, whole
from bpbench.report.trees_told import joined

if TYPE_CHECKING:
    from collections.abc import Mapping


def methods(findings: Mapping[str, Any]) -> list[str]:
    """Return how forces are obtained and learned, nothing where none are scored.

    Parameters
    ----------
    findings : dict
        Findings of schema 1.
    """
    told = findings.get("forces")
    if not told:
        return []
    found = []
    if any(entry["way"] == "slope" for entry in told["variants"]):
        found.append(
            tell(
                "Forces are the negative slope of the predicted energy along the positions of the atoms: the "
                "derivatives of the model by its descriptors are carried on to the positions by the adjoint of the "
                "descriptors (a vector-Jacobian product), in one pass over the neighbours of each atom. They are "
                "scored on the validation and the test set, not on the training set."
            )
        )
    found += [text for model in findings["models"] if (text := _learned(model))]
    return found


def _learned(model: Mapping[str, Any]) -> str:
    """Return how a model learns from forces, nothing where it does not."""
    term = model["values"].get("forces")
    if not isinstance(term, dict):
        return ""
    chosen = tell(
        "Where validation decides (the penalty, the state that is kept, patience, convergence), the validation RMSE is "
        "the root of this sum over the validation set, with the forces of at most {n} of its configurations.",
        n=whole(FORCES_VALIDATED),
    )
    fields = {"name": quoted(model["name"]), "weight": exact(term["weight"]), "work": cite("singraber2019training")}
    if term["fraction"] == 1:
        added = tell(
            "Model {name} learns from energies and forces{work}: the mean squared error of the force components of the "
            "training set, in units of their own root mean square, is added to that of the standardised energies with "
            "weight {weight}.",
            **fields,
        )
        return f"{added} {chosen}"
    added = tell(
        "Model {name} learns from energies and forces{work}: the mean squared error of {share} of the force components "
        "of the training set, drawn at random, in units of their own root mean square, is added to that of the "
        "standardised energies with weight {weight}.",
        share=percent(term["fraction"]),
        **fields,
    )
    anew = tell("These components are drawn anew for every epoch.") if model["kind"] == "hdnn" else ""
    return joined(added, anew, chosen)


def limit(findings: Mapping[str, Any]) -> str:
    """Return what is not said of forces."""
    told = findings.get("forces")
    if not told:
        return tell("Energies alone are judged here; nothing is said about forces, stresses or dynamics.")
    analysis = findings["analysis"]
    further = [entry["metric"]["key"] for entry in analysis.get("co_primary") or ()]
    if any(key in OF_FORCES for key in (findings["metric"]["key"], *further)):
        return tell("Forces are judged on frames of these data; nothing is said about stresses or dynamics.")
    return tell(
        "Forces are scored on frames of these data, and not judged; nothing is said about stresses or dynamics."
    )
