"""The text beside an exported potential: what it is, its units, how good it is, where it ends, how it is used."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Any

from bpbench.elements import NUMBERS
from bpbench.exchange import lammps
from bpbench.jobs import Hdnn, Linear
from bpbench.metrics import METRICS
from bpbench.stored import BEST
from bpbench.units import DISPLAY

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bpbench.exchange.translation import Said
    from bpbench.jobs import ModelSpec
    from bpbench.potential import Answer
    from bpbench.stored import Stored

#: Metrics that are told, where a training has them.
_TOLD = ("rmse", "mae", "max", "force_rmse", "force_mae")


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
    def beyond(self) -> int:
        """How many inputs of the frame lie outside their ranges, which n2p2 warns of."""
        species = self.structure.species
        return sum(
            int(self.answer.beyond[list(rows)][:, species == NUMBERS[element]].sum())
            for element, rows in self.said.rows.items()
        )

    @property
    def chosen(self) -> str:
        """Which repeat this is, in a clause."""
        if self.asked == BEST:
            return f"the best of {len(self.scores)} by {METRICS[self.metric].label} on its own validation part"
        return "asked for by its number"


def readme(about: About) -> str:
    """Return the text of ``README.md``."""
    parts = (_what, _units, _scores, _limits, _use, _check, _functions, _sources)
    return "\n".join(line for part in parts for line in part(about))


def _paragraph(*sentences: str, start: str = "") -> list[str]:
    """Return sentences as wrapped lines; ``start`` is the mark of an item of a list."""
    wrapped = textwrap.wrap(
        " ".join(sentences),
        100,
        initial_indent=start,
        subsequent_indent=" " * len(start),
        break_on_hyphens=False,
        break_long_words=False,
    )
    return wrapped if start else [*wrapped, ""]


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    cells = ([cell.replace("|", "\\|") for cell in row] for row in (header, ["---"] * len(header), *rows))
    return [f"| {' | '.join(row)} |" for row in cells] + [""]


def _forces(model: ModelSpec) -> bool:
    return isinstance(model, Hdnn | Linear) and model.forces is not None


def _model(about: About) -> str:
    model, settings = about.stored.job.model, about.said.settings
    kind = (
        f"network ({model.activation})" if isinstance(model, Hdnn) else "linear potential, with one linear hidden node"
    )
    shapes = (
        f"{element} {'-'.join(map(str, (len(settings.functions[element]), *settings.hidden, 1)))}"
        for element in settings.elements
    )
    return f"{kind}: {', '.join(shapes)}"


def _what(about: About) -> list[str]:
    stored = about.stored
    source = stored.job.frames.source
    learned = "energies and forces" if _forces(stored.job.model) else "energies alone"
    rows = [
        ("contestant", f"{stored.variant} of the protocol {about.protocol}"),
        ("repeat", f"{stored.repeat}, {about.chosen}"),
        ("model", _model(about)),
        ("data", f"{source.path.rsplit('/', 1)[-1]}, SHA-256 {source.sha256}"),
        ("trained on", f"{stored.outcome.values['train_configurations']} configurations, {learned}"),
        ("of the groups", ", ".join(about.groups)),
    ]
    return [
        f"# {stored.variant}, repeat {stored.repeat}: a potential for n2p2 and LAMMPS",
        "",
        f"Written by `bpbench export` from the study `{about.protocol}` ({about.digest[:10]}).",
        "",
        *_table(("what", "this potential"), rows),
    ]


def _units(about: About) -> list[str]:  # noqa: ARG001 - one signature for all parts
    rows = [
        ("lengths, cutoffs, R_s", "Å"),
        ("widths η", "Å⁻²"),
        ("energies, `atom_energy`", "eV"),
        ("forces", "eV/Å"),
    ]
    return [
        "## Units",
        "",
        "n2p2's files say no units. These are in",
        "",
        *_table(("quantity", "unit"), rows),
        *_paragraph(
            "They are LAMMPS's `units metal`: no `cflength` and no `cfenergy`. There is no normalisation",
            "(`mean_energy`, `conv_energy`, `conv_length`). `atom_energy` is added for each atom; n2p2 before 2.2.0",
            "leaves it out in LAMMPS, where energies are then off by a constant for each atom and forces are right.",
        ),
    ]


def _scores(about: About) -> list[str]:
    mine = about.stored.outcome.values["scores"]
    rows = []
    for key in (key for key in _TOLD if key in mine["test"]):
        every = [scores["test"][key] for _, scores in about.scores]
        spread = f" ± {stdev(every):.4g}" if len(every) > 1 else ""
        name = f"{METRICS[key].label} ({DISPLAY[METRICS[key].unit]})"
        rows.append((name, f"{mine['validation'][key]:.4g}", f"{mine['test'][key]:.4g}", f"{fmean(every):.4g}{spread}"))
    count = len(about.scores)
    some = "" if count == about.planned else f" (of {about.planned}; the others have no score)"
    mean = f"test, mean ± SD of {count} repeats{some}"
    return [
        "## How good it is",
        "",
        *_table(("", "this repeat, validation", "this repeat, test", mean), rows),
        *_paragraph(
            "The last column is what the study says of this contestant. The files hold one repeat of it,",
            f"{about.chosen}. The test score of one repeat is not the study's headline: quote the mean, and beside it",
            "this repeat's own score as what it is.",
        ),
    ]


def _limits(about: About) -> list[str]:
    elements = ", ".join(about.said.settings.elements)
    learned = (
        "It learned energies and forces."
        if _forces(about.stored.job.model)
        else "It learned energies alone: forces are the derivative of its energy, and nothing held them to the data."
    )
    ranges = (
        f"It knows {elements} in surroundings like those of its training configurations, and nothing else: "
        "`scaling.data` holds the least and greatest value of every function over the training atoms, and n2p2 and "
        "LAMMPS warn beyond them. Where they warn, the potential extrapolates: its energies and forces are guesses."
    )
    items = [
        ranges,
        f"Atoms farther apart than {about.reach:g} Å do not see each other; there is no long-range part.",
        learned,
        *(
            f"Constant over the training atoms of {element}, and not among its inputs: {', '.join(names)}."
            for element, names in about.said.dropped.items()
            if names
        ),
    ]
    return ["## Limits", "", *(line for item in items for line in _paragraph(item, start="- ")), ""]


def _use(about: About) -> list[str]:
    return [
        "## Use",
        "",
        *_paragraph(
            "n2p2, in this folder: `nnp-predict 0` reads `input.nn`, `scaling.data`, `weights.*.data` and the frame in",
            "`input.data`.",
        ),
        *_paragraph(
            "LAMMPS with the package ML-HDNNP, in this folder: `lmp -in in.lammps` reads the same frame from",
            "`structure.data`. In a script of your own:",
        ),
        "    units           metal",
        f"    {lammps.pair_style(about.reach, len(about.structure.positions))}",
        f"    pair_coeff      * * {' '.join(about.said.settings.elements)}",
        "",
        *_paragraph(
            f"The cutoff is {lammps.LONGER:.1%} longer than that of the functions ({about.reach:g} Å): shorter is an",
            "error, 1 % longer a warning. `maxew` counts warnings in one step (`resetew yes`) and in each MPI process;",
            "left out, it is 0 and LAMMPS stops at the first warning.",
        ),
    ]


def _check(about: About) -> list[str]:
    forces = about.answer.forces
    group = about.stored.frames.group[about.frame]
    rows = [
        ("energy", f"{about.answer.energy:.10f} eV"),
        ("force on the first atom", ", ".join(f"{component:.8f}" for component in forces[0].tolist()) + " eV/Å"),
        ("greatest component of a force", f"{abs(forces).max():.8f} eV/Å"),
        ("values outside their range: extrapolation warnings", str(about.beyond)),
    ]
    return [
        "## To check an installation",
        "",
        *_paragraph(
            f"`input.data` and `structure.data` hold frame {about.frame} of the data ({group}, {len(forces)} atoms),",
            "which is of the test part of this repeat. bpbench says of it",
        ),
        *_table(("quantity", "value"), rows),
        *_paragraph("These files give the same to 1e-8; LAMMPS may turn the axes, and with them forces."),
    ]


def _functions(about: About) -> list[str]:
    lines = [
        "## Inputs",
        "",
        *_paragraph("In the order of `input.nn`, `scaling.data` and the first layer's weights, which is n2p2's own."),
    ]
    for index, element in enumerate(about.said.settings.elements, start=1):
        told, functions = about.said.scaling.elements[element], about.said.settings.functions[element]
        ranges = zip(functions, told.minimum, told.maximum, strict=True)
        rows = [
            (str(index), str(place), function.name, f"{least:.6g}", f"{most:.6g}")
            for place, (function, least, most) in enumerate(ranges, start=1)
        ]
        lines += [f"### {element}", "", *_table(("element", "function", "name", "least", "greatest"), rows)]
    return lines


def _sources(about: About) -> list[str]:  # noqa: ARG001 - one signature for all parts
    return [
        "## References",
        "",
        "- A. Singraber, J. Behler, C. Dellago, J. Chem. Theory Comput. 15, 1827 (2019): n2p2 and LAMMPS",
        "- J. Behler, M. Parrinello, Phys. Rev. Lett. 98, 146401 (2007): the form of the potential",
        "- J. Behler, J. Chem. Phys. 134, 074106 (2011): the symmetry functions",
        "",
    ]
