"""The text beside an exported potential: what it is, its units, how good it is, where it ends, how it is used."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Any

from bpbench.exchange import lammps
from bpbench.jobs import Hdnn
from bpbench.metrics import METRICS
from bpbench.stored import BEST

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bpbench.exchange.translation import Said
    from bpbench.potential import Answer
    from bpbench.stored import Stored

#: Metrics that are told, where a training has them.
_TOLD = ("rmse", "mae", "max", "force_rmse", "force_mae")
_UNITS = {"meV/atom": "meV/atom", "meV/A": "meV/Å"}


@dataclass(frozen=True, slots=True)
class About:
    """What is told of an exported potential.

    Attributes
    ----------
    protocol, digest : str
        Name of the protocol, digest of protocol and data.
    asked : str
        How the repeat was asked for: its number, or ``best-on-validation``.
    metric : str
        Key of the protocol's metric.
    stored : Stored
        The training.
    said : Said
        The potential in n2p2's words.
    scores : list of (int, dict)
        Number and scores by part of every repeat of the contestant that has any.
    planned : int
        Repeats of the protocol.
    groups : tuple of str
        Groups of the training configurations.
    structure : Structure
        The frame that is exported with it.
    frame : int
        Its number in the data.
    answer : Answer
        What the potential says of it.
    """

    protocol: str
    digest: str
    asked: str
    metric: str
    stored: Stored
    said: Said
    scores: list[tuple[int, dict[str, Any]]]
    planned: int
    groups: tuple[str, ...]
    structure: lammps.Structure
    frame: int
    answer: Answer

    @property
    def reach(self) -> float:
        """Greatest cutoff of the functions, Å."""
        return max(function.r_c for functions in self.said.settings.functions.values() for function in functions)

    @property
    def chosen(self) -> str:
        """Which repeat this is, in a clause."""
        if self.asked == BEST:
            return f"the one of {len(self.scores)} with the least error on its own validation part"
        return "asked for by its number"


def readme(about: About) -> str:
    """Return the text of ``README.md``."""
    parts = (_what, _units, _scores, _limits, _use, _check, _functions, _sources)
    return "\n".join(line for part in parts for line in part(about))


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(row)} |" for row in (header, ["---"] * len(header), *rows)] + [""]


def _what(about: About) -> list[str]:
    stored, settings = about.stored, about.said.settings
    model, elements = stored.job.model, settings.elements
    shapes = {
        element: "-".join(map(str, (len(settings.functions[element]), *settings.hidden, 1))) for element in elements
    }
    kind = (
        f"network, {model.activation}"
        if isinstance(model, Hdnn)
        else "linear potential (its one hidden node is linear)"
    )
    source = stored.job.frames.source
    return [
        f"# {stored.variant}, repeat {stored.repeat}: a potential for n2p2 and LAMMPS",
        "",
        f"Written by `bpbench export` from the study `{about.protocol}` ({about.digest[:10]}).",
        "",
        *_table(
            ("what", "this potential"),
            [
                ("contestant", f"{stored.variant} of the protocol {about.protocol}"),
                ("repeat", f"{stored.repeat}: {about.chosen}"),
                ("model", f"{kind}; " + ", ".join(f"{element} {shape}" for element, shape in shapes.items())),
                ("scaling", f"`{settings.scaling}` (`input.nn` says it by n2p2's keywords)"),
                ("data", f"{source.path.rsplit('/', 1)[-1]}, SHA-256 {source.sha256}"),
                (
                    "trained on",
                    f"{stored.outcome.values['train_configurations']} configurations, energies {_with(model)}",
                ),
                ("of the groups", ", ".join(about.groups)),
            ],
        ),
    ]


def _with(model: Any) -> str:
    return "alone" if model.forces is None else "and forces"


def _units(about: About) -> list[str]:  # noqa: ARG001 - one signature for all parts
    return [
        "## Units",
        "",
        "n2p2's files say no units. These are in",
        "",
        *_table(
            ("quantity", "unit"),
            [
                ("lengths, cutoffs, R_s", "Å"),
                ("widths η", "Å⁻²"),
                ("energies, `atom_energy`", "eV"),
                ("forces", "eV/Å"),
            ],
        ),
        "These are LAMMPS's `units metal`: no `cflength` and no `cfenergy`. There is no normalisation (`mean_energy`,",
        "`conv_energy`, `conv_length`). `atom_energy` is added for each atom; n2p2 before 2.2.0 leaves it out in LAMMPS,",
        "where energies are then off by a constant for each atom and forces are right.",
        "",
    ]


def _scores(about: About) -> list[str]:
    mine = about.stored.outcome.values["scores"]
    keys = [key for key in _TOLD if key in mine["test"]]
    rows = []
    for key in keys:
        every = [scores["test"][key] for _, scores in about.scores]
        spread = f" ± {stdev(every):.4g}" if len(every) > 1 else ""
        metric = METRICS[key]
        rows.append(
            (
                f"{metric.label} ({_UNITS.get(metric.unit, metric.unit)})",
                f"{mine['validation'][key]:.4g}",
                f"{mine['test'][key]:.4g}",
                f"{fmean(every):.4g}{spread}",
            )
        )
    count = len(about.scores)
    some = "" if count == about.planned else f" (of {about.planned}; the others have no score)"
    return [
        "## How good it is",
        "",
        *_table(
            ("", "this repeat, validation", "this repeat, test", f"test, mean ± SD of {count} repeats{some}"),
            rows,
        ),
        "The last column is what the study says of this contestant. This file holds one repeat of it, and the test score of",
        "one chosen repeat is no headline: quote the mean, and this repeat's own score as what it is.",
        "",
    ]


def _limits(about: About) -> list[str]:
    dropped = {element: names for element, names in about.said.dropped.items() if names}
    elements = ", ".join(about.said.settings.elements)
    model = about.stored.job.model
    learned = (
        "It learned energies alone: its forces are the derivative of that energy, and nothing held them to the data."
        if model.forces is None
        else "It learned energies and forces."
    )
    return [
        "## Limits",
        "",
        f"- It knows {elements} as in the training configurations, and nothing else: `scaling.data` holds the least and",
        "  greatest value of every function over the training atoms, beyond which n2p2 and LAMMPS warn of extrapolation.",
        "  Where they warn, energies and forces mean nothing.",
        f"- Atoms farther apart than {about.reach:g} Å do not see each other; there is no long-range part.",
        f"- {learned}",
        *(
            f"- Constant over the training atoms of {element}, and not among its inputs: {', '.join(names)}."
            for element, names in dropped.items()
        ),
        "",
    ]


def _use(about: About) -> list[str]:
    reach, elements = lammps.cutoff(about.reach), " ".join(about.said.settings.elements)
    return [
        "## Use",
        "",
        "n2p2, in this folder: `nnp-predict 0` reads `input.nn`, `scaling.data`, `weights.*.data` and the frame in",
        "`input.data`.",
        "",
        "LAMMPS with the package ML-HDNNP, in this folder: `lmp -in in.lammps` reads the same frame from `structure.data`.",
        "In a script of your own:",
        "",
        "    units       metal",
        f'    pair_style  hdnnp {reach:.6g} dir "./" showew no showewsum 100 resetew yes maxew '
        f"{lammps.warnings(len(about.structure.positions))}",
        f"    pair_coeff  * * {elements}",
        "",
        f"The cutoff is {lammps.LONGER:.1%} longer than that of the functions ({about.reach:g} Å): shorter is an error, 1 %",
        "longer a warning. `maxew` counts warnings in one step (`resetew yes`) and in each MPI process; left out, it is 0 and",
        "LAMMPS stops at the first warning.",
        "",
    ]


def _check(about: About) -> list[str]:
    energy, forces = about.answer.energy, about.answer.forces
    first = ", ".join(f"{component:.8f}" for component in forces[0].tolist())
    group = about.stored.frames.group[about.frame]
    outside = int(about.answer.beyond.sum())
    return [
        "## To check an installation",
        "",
        f"`input.data` and `structure.data` hold frame {about.frame} of the data ({group}, {len(forces)} atoms), which was in",
        "the test part of this repeat. bpbench says of it",
        "",
        *_table(
            ("quantity", "value"),
            [
                ("energy", f"{energy:.10f} eV"),
                ("force on the first atom, axes of `input.data`", f"{first} eV/Å"),
                ("greatest component of a force", f"{abs(forces).max():.8f} eV/Å"),
                ("values outside their range (extrapolation warnings)", str(outside)),
            ],
        ),
        "n2p2's files give these from themselves to 1e-8; LAMMPS may turn the axes and with them the forces.",
        "",
    ]


def _functions(about: About) -> list[str]:
    lines = [
        "## Inputs",
        "",
        "In the order of `input.nn`, `scaling.data` and the first layer of the weights, which is n2p2's own order:",
        "",
    ]
    for index, element in enumerate(about.said.settings.elements, start=1):
        told = about.said.scaling.elements[element]
        rows = [
            (str(index), str(place), function.name, f"{least:.6g}", f"{most:.6g}")
            for place, (function, least, most) in enumerate(
                zip(about.said.settings.functions[element], told.minimum, told.maximum, strict=True), start=1
            )
        ]
        lines += [f"### {element}", "", *_table(("element", "function", "name", "least", "greatest"), rows)]
    return lines


def _sources(about: About) -> list[str]:  # noqa: ARG001 - one signature for all parts
    return [
        "## References",
        "",
        "- A. Singraber, J. Behler, C. Dellago, J. Chem. Theory Comput. 15, 1827 (2019): n2p2 and its interface to LAMMPS",
        "- J. Behler, M. Parrinello, Phys. Rev. Lett. 98, 146401 (2007): the form of the potential",
        "- J. Behler, J. Chem. Phys. 134, 074106 (2011): the symmetry functions",
        "",
    ]
