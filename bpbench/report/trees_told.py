"""Trees in prose: what a forest and LightGBM are, on energies and on the components of forces."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bpbench.report.document import cite
from bpbench.report.language import marked, quoted, tell
from bpbench.report.numerals import count, exact

if TYPE_CHECKING:
    from collections.abc import Mapping


def joined(*sentences: str) -> str:
    """Return sentences in a row, without those that are empty."""
    return " ".join(sentence for sentence in sentences if sentence)


_TREE_TARGET: Final = marked(
    "The target is the energy per atom less one reference energy per atom, fitted by least squares to the training "
    "configurations."
)
_FOREST_TARGET: Final = marked(
    "The target is the energy per atom less one reference energy per atom, fitted by least squares to the training "
    "configurations; the validation set is not used."
)
#: What every tree on forces has in common.
_NO_DIRECTION: Final = marked(
    "It predicts no energies. Symmetry functions do not change when a configuration is rotated and forces rotate with "
    "it, so a model that sees nothing else cannot know a direction; its score stands beside that of predicting zero."
)


def _atoms(values: Mapping[str, Any]) -> str:
    """Return which atoms a model of forces learns from."""
    if values.get("atoms") is None:
        return tell("all training atoms")
    return tell("at most {n} training atoms of an element, drawn anew at every repeat", n=exact(values["atoms"]))


def _force_forest(name: str, values: Mapping[str, Any], depth: str) -> str:
    return joined(
        tell(
            "Model {name} is a random forest{work} of {trees} on the components of the force on an atom, from that "
            "atom's own descriptors: one forest of three targets, in which a split lowers the sum of the three "
            "variances. It learns from {atoms}, each tree from a bootstrap sample of them, with {depth}, a share of "
            "{share} of the columns tried at each split, and at least {leaf} in a leaf; the validation set is not "
            "used.",
            name=quoted(name),
            work=cite("breiman2001", "pedregosa2011"),
            trees=count(values["trees"], "tree"),
            atoms=_atoms(values),
            depth=depth,
            share=exact(values["max_features"], 3),
            leaf=count(values["min_samples_leaf"], "atom"),
        ),
        tell(_NO_DIRECTION),
    )


def forest(name: str, values: Mapping[str, Any]) -> str:
    """Return the paragraph of a random forest.

    Parameters
    ----------
    name : str
        What the model is called.
    values : dict
        Its settings.
    """
    depth = (
        tell("no limit of depth")
        if values["max_depth"] is None
        else tell("a depth of at most {depth}", depth=exact(values["max_depth"]))
    )
    if values.get("target") == "forces":
        return _force_forest(name, values, depth)
    return joined(
        tell(
            "Model {name} is a random forest{work} of {trees} on the mean and the spread of each descriptor over a "
            "configuration's atoms, each tree on a bootstrap sample of the training configurations, with {depth}, a "
            "share of {share} of the columns tried at each split, and at least {leaf} in a leaf.",
            name=quoted(name),
            work=cite("breiman2001", "pedregosa2011"),
            trees=count(values["trees"], "tree"),
            depth=depth,
            share=exact(values["max_features"], 3),
            leaf=count(values["min_samples_leaf"], "configuration"),
        ),
        tell(_FOREST_TARGET),
    )


def _shallow(values: Mapping[str, Any]) -> str:
    """Return how deep the trees of a booster may be; nothing where they are limited by their leaves alone."""
    if values.get("max_depth") is None:
        return ""
    return tell("No tree is deeper than {depth}.", depth=exact(values["max_depth"]))


def _force_lightgbm(name: str, values: Mapping[str, Any]) -> str:
    return joined(
        tell(
            "Model {name} is LightGBM{work} on the components of the force on an atom, from that atom's own "
            "descriptors: three boosters, one for each component, that learn from {atoms}. Each has at most {rounds} "
            "with learning rate {rate}, each of one tree with at most {leaves} of at least {leaf}, grown on a share of "
            "{rows} of the atoms and {columns} of the columns, drawn anew for each tree.",
            name=quoted(name),
            work=cite("ke2017"),
            atoms=_atoms(values),
            rounds=count(values["rounds"], "round"),
            rate=exact(values["learning_rate"]),
            leaves=count(values["leaves"], "leaf", "leaves"),
            leaf=count(values["min_samples_leaf"], "atom"),
            rows=exact(values["row_share"]),
            columns=exact(values["column_share"]),
        ),
        _shallow(values),
        tell(
            "A booster stops after {rounds} without a smaller RMSE of its component over all validation atoms, and the "
            "round of the least one is kept; a training of which one booster used up its rounds before that is marked "
            "not converged.",
            rounds=count(values["patience"], "round"),
        ),
        tell(_NO_DIRECTION),
    )


def lightgbm(name: str, values: Mapping[str, Any]) -> str:
    """Return the paragraph of LightGBM; the parameters are those of :func:`forest`."""
    if values.get("target") == "forces":
        return _force_lightgbm(name, values)
    return joined(
        tell(
            "Model {name} is LightGBM{work} on the mean and the spread of each descriptor over a configuration's "
            "atoms: at most {rounds} with learning rate {rate}, each of one tree with at most {leaves} of at least "
            "{leaf}, grown on a share of {rows} of the configurations and {columns} of the columns, drawn anew for "
            "each tree.",
            name=quoted(name),
            work=cite("ke2017"),
            rounds=count(values["rounds"], "round"),
            rate=exact(values["learning_rate"]),
            leaves=count(values["leaves"], "leaf", "leaves"),
            leaf=count(values["min_samples_leaf"], "training configuration"),
            rows=exact(values["row_share"]),
            columns=exact(values["column_share"]),
        ),
        _shallow(values),
        tell(_TREE_TARGET),
        tell(
            "It stops after {rounds} without a smaller validation RMSE, and the round of least validation RMSE is "
            "kept; a training that used up its rounds before that is marked not converged.",
            rounds=count(values["patience"], "round"),
        ),
    )
