"""A short document with a block of each kind and a figure whose marks speak, for tests of pages."""

from __future__ import annotations

from bpbench.report import canvas
from bpbench.report.document import (
    Bibliography,
    Cell,
    Column,
    Document,
    Equation,
    Facts,
    Figure,
    Items,
    Section,
    Table,
    Text,
    Verbatim,
    Work,
    cite,
    ref,
)

WORKS = (
    Work(
        "behler2007",
        "article",
        ("Behler, Jörg", "Parrinello, Michele"),
        "Generalized neural-network representation of high-dimensional potential-energy surfaces",
        "2007",
        (
            ("journal", "Physical Review Letters"),
            ("volume", "98"),
            ("pages", "146401"),
            ("doi", "10.1103/PhysRevLett.98.146401"),
        ),
    ),
    Work(
        "kingma2015",
        "inproceedings",
        ("Kingma, Diederik P.", "Ba, Jimmy"),
        "Adam: a method for stochastic optimization",
        "2015",
        (
            ("booktitle", "International Conference on Learning Representations"),
            ("url", "https://arxiv.org/abs/1412.6980"),
        ),
    ),
)


def drawing(names: tuple[str, ...] = ("A", "B"), key: str = "spread") -> str:
    """Return a drawing of three points and a curve for each name, and one bar."""
    with canvas.sheet(key, 2.4) as (_, axes, drawn):
        axis = axes[0, 0]
        for row, name in enumerate(names):
            x, y = [1.0, 2.0, 3.0], [row + 1.0, row + 1.4, row + 1.2]
            points = axis.scatter(x, y, color=canvas.COLOURS[row % 8], marker=canvas.MARKERS[row])
            canvas.told(
                points, [f"{name}, repeat {place:.0f}: {value} meV/atom" for place, value in zip(x, y, strict=True)]
            )
            (curve,) = axis.plot([0.5, 3.5], [row + 1.1, row + 1.3], color=canvas.COLOURS[row % 8])
            canvas.told(curve, [f"{name}: the line"])
        (bar,) = axis.bar([4.0], [1.5], width=0.3, color=canvas.COLOURS[4])
        canvas.told(bar, ["a bar: 1.5 meV/atom"])
    return drawn[0]


def table(key: str = "scores", names: tuple[str, ...] = ("b", "A", "é", "set 10", "set 9")) -> Table:
    """Return a table whose shown numbers sort otherwise than its values, with one missing."""
    values = (10.04, 9.5, None, -3.0, 1e-7)
    shown = ("10,0", "9,5", "–", "−3,0", "1,0 × 10⁻⁷")
    marks = ("better", "worse", "undecided", "", "equivalent")
    rows = tuple(
        (Cell(name, name), Cell(text, value), Cell(mark or "–", mark or None, mark))
        for name, text, value, mark in zip(names, shown, values, marks, strict=True)
    )
    columns = (
        Column("set", "set", align="left"),
        Column("rmse", "RMSE", "meV/atom"),
        Column("verdict", "", align="left"),
    )
    return Table(key, "Scores that were never made.", columns, rows, "From nothing.", "wide")


def document(*, watermark: str = "", language: str = "en", names: tuple[str, ...] = ("A", "B")) -> Document:
    """Return the document; ``names`` stand wherever a user's names may."""
    first, last = names[0], names[-1]
    data = Table(
        "spread",
        "All that is drawn.",
        (Column("set", "set", align="left"), Column("rmse", "RMSE", "meV/atom")),
        tuple((Cell(name, name), Cell("1.2", 1.2345)) for name in names),
    )
    figure = Figure(
        "spread", f"What {first} and {last} did.", drawing(names), f"Points of {first} and {last}.", data=data
    )
    formula = Equation(
        "cutoff",
        r"f_c(r) = \frac{1}{2}\left[\cos\left(\frac{\pi r}{R_c}\right) + 1\right]",
        "f c of r is half of cosine of pi r over R c, plus one",
        (("r", "distance, in Å"), ("R_c", "cutoff, in Å")),
    )
    return Document(
        title=f"Page of {first}",
        subtitle=first,
        running=first,
        facts=(("protocol", first), ("data", last)),
        sections=(
            Section("answer", "The answer", (Text(f"{first} is better.", "lead"), Text("Small print.", "note"))),
            Section(
                "results",
                f"Results of {first}",
                (
                    Text(f"{first}: see {ref('table', 'scores')}, {ref('figure', 'spread')}{cite('behler2007')}."),
                    table(names=(*names, *("b", "A", "é", "set 10", "set 9")[len(names) :])),
                    figure,
                    Text("Beware.", "warning"),
                ),
            ),
            Section(
                "methods",
                "Methods",
                (
                    formula,
                    Items((first, f"As in {ref('equation', 'cutoff')} of {ref('section', 'methods')}.")),
                    Facts(((first, last),)),
                    Verbatim(f"title: {first}\n", f"{first}.yaml"),
                ),
            ),
            Section("works", "Works", (Bibliography(WORKS),)),
        ),
        watermark=watermark,
        language=language,
    )
