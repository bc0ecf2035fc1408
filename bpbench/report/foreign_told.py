"""Models that were trained elsewhere, in prose: a potential of n2p2 or RuNNer, and somebody else's program."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bpbench.jobs import as_typed
from bpbench.report.document import cite
from bpbench.report.language import marked, quoted, tell
from bpbench.report.numerals import count, exact
from bpbench.report.trees_told import joined

if TYPE_CHECKING:
    from collections.abc import Mapping

_UNITS: Final = {"angstrom-ev": "Å, eV", "bohr-hartree": "Bohr, Hartree"}
#: Digits of a digest that tell files apart.
_DIGITS: Final = 10
_SHIFTED: Final = marked(
    "To its energies an energy for each element is added, by least squares over the training configurations, since the "
    "data may have another zero than those that it learned from."
)
_UNSHIFTED: Final = marked("Its energies are taken as they are.")


def potential(name: str, values: Mapping[str, Any]) -> str:
    """Return what a potential of n2p2 or RuNNer is, and what is done with it."""
    return joined(
        tell(
            "Model {name} is a potential that was trained elsewhere, by n2p2 or RuNNer{work} ({folder}, in {units}, "
            "digest {digest}). Its symmetry functions, scaling and networks are evaluated here in double precision; "
            "nothing of it is trained on these data, some of which it may have learned from.",
            name=quoted(name),
            work=cite("singraber2019library"),
            folder=quoted(values["folder"]),
            units=_UNITS[values["units"]],
            digest=values["sha256"][:_DIGITS],
        ),
        tell(_SHIFTED if values["shift"] == "fitted" else _UNSHIFTED),
        tell("It draws nothing at random, so on one split it always gives the same numbers."),
    )


def program(name: str, values: Mapping[str, Any]) -> str:
    """Return what a program is given and asked for."""
    steps = "; ".join(as_typed(step) for step in values["run"])
    fields = {"name": quoted(name), "steps": steps, "n": count(len(values["run"]), "step")}
    first = (
        tell(
            "Model {name} is trained by a program that is not ours, {release}, in {n}: {steps}.",
            release=values["release"],
            **fields,
        )
        if values["release"]
        else tell("Model {name} is trained by a program that is not ours, in {n}: {steps}.", **fields)
    )
    files = [*values["files"], *values["templates"]]
    return joined(
        first,
        tell("Its own files are {files} (digest {digest}).", files=", ".join(files), digest=values["sha256"][:_DIGITS])
        if files
        else "",
        tell(
            "In every repeat it is given the repeat's seed, the training and validation configurations with their "
            "energies and forces, and all configurations without them, of which it says the energies; those of the "
            "test configurations are written nowhere. A repeat fails where it ends with an error, takes longer than "
            "{limit} s or says no number for a configuration.",
            limit=exact(values["limit"]),
        ),
    )
