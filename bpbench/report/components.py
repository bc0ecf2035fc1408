"""Mean squared errors of the components of forces beside those of predicting zero, where a model predicts these."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bpbench.metrics import METRICS
from bpbench.report.document import Column, Table
from bpbench.report.labels import source_note
from bpbench.report.language import tell, tell_as
from bpbench.report.numerals import short
from bpbench.report.results import summary_of
from bpbench.report.tables import align, counted, in_english, number, words
from bpbench.report.vocabulary import metric_label, unit_label

if TYPE_CHECKING:
    from collections.abc import Mapping

_KEYS: Final = ("mse_x", "mse_y", "mse_z")
#: Decimals of a squared error, (eV/Å)².
_PLACES: Final = 5


def table(findings: Mapping[str, Any], told: Mapping[str, Any]) -> list[Table]:
    """Return the table, nothing where no model predicts components by themselves.

    Parameters
    ----------
    findings : dict
        Findings of schema 1.
    told : dict
        ``findings["forces"]``.
    """
    if all(entry["way"] != "components" for entry in told["variants"]):
        return []
    part, shown = findings["analysis"]["part"], unit_label("eV2/A2")
    columns = (
        Column("variant", tell_as("column", "variant"), align="left"),
        Column("n", "n"),
        *(Column(key, metric_label({"key": key, "label": METRICS[key].label}), shown) for key in _KEYS),
    )
    variants = {variant["name"]: variant for variant in findings["variants"]}
    rows = [
        (
            words(short(entry["name"])),
            counted(entry["n"]),
            *(number(summary_of(variants[entry["name"]], part, key).get("mean"), _PLACES) for key in _KEYS),
        )
        for entry in told["variants"]
    ]
    constant = findings["constant"].get(part) or {}
    zero = (number(constant.get(key), _PLACES) for key in _KEYS)
    rows.append((in_english(lambda: tell("predicting zero")), counted(None), *zero))
    caption = tell(
        "Mean squared errors of the components of forces on the test set ({unit}), means over the repeats, and those "
        "of predicting zero everywhere.",
        unit=shown,
    )
    return [Table("force_components", caption, columns, align(rows, columns), source_note(findings), "wide", shown)]
