"""What feature sets and data are called, and what must be said wherever they are shown."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from bpbench.report.language import listed, marked, tell, tell_n
from bpbench.report.numerals import exact, say, short, whole


def set_label(chosen: Mapping[str, Any]) -> str:
    """Return a feature set's name, with the word *reconstruction* behind it where that is due."""
    name = say(chosen["name"])
    return tell("{name} (reconstruction)", name=name) if chosen["reconstructed"] else name


#: So many names or patterns of a cut are written out.
_TOLD: Final = 3


def cut_label(chosen: Mapping[str, Any]) -> str | None:
    """Return what a feature set is cut from and what is left of it, ``None`` for one that is no cut."""
    cut = chosen.get("cut")
    if not cut:
        return None
    said = [] if cut["kinds"] is None else [listed(cut["kinds"])]
    if cut["r_s"] is not None:
        low, *high = cut["r_s"] if isinstance(cut["r_s"], list | tuple) else (cut["r_s"],)
        ends = {"low": exact(low), "high": exact(high[0])} if high else {}
        said.append(tell("R_s from {low} to {high} Å", **ends) if high else f"R_s = {exact(low)} Å")
    for key, few, many in (
        ("names", marked("only {names}"), marked("chosen by {n} names")),
        ("without", marked("without {names}"), marked("without {n} names")),
    ):
        names = cut[key] or ()
        # Those of a search are many; all functions of a set are drawn and written as CSV besides.
        if len(names) > _TOLD:
            said.append(tell(many, n=len(names)))
        elif names:
            said.append(tell(few, names=listed([say(name) for name in names])))
    return tell("{set}: {cut}", set=say(cut["of"]), cut=", ".join(said))


#: The data that come with the program, which have a name in every language.
_OWN_DATA: Final = (marked("EMT aluminium (embedded sample)"), marked("EMT aluminium (embedded dense sample)"))


def data_label(findings: Mapping[str, Any], limit: int | None = None) -> str:
    """Return the data's label, cut to ``limit`` letters, with *EMT* behind it where EMT made it and it does not say so.

    The word is added after the cut: where numbers stand, it must be read that no quantum mechanics stands behind them.
    """
    data = findings["data"]
    known: str = data["label"]
    whole = tell(known) if known in _OWN_DATA else known
    label = whole if limit is None else short(whole, limit)
    return f"{label} (EMT)" if data["method"] == "EMT" and not re.search(r"\bEMT\b", label) else label


def source_note(findings: Mapping[str, Any], *, data: bool = True, sets: bool = True) -> str:
    """Return the small print of a caption: which data, and which sets are reconstructions."""
    parts = [tell("Data: {label}.", label=data_label(findings))] if data else []
    return " ".join([*parts, *((remade_note(findings),) if sets else ())]).rstrip()


def remade_note(findings: Mapping[str, Any]) -> str:
    """Return which feature sets are reconstructions, or nothing where none is."""
    remade = [say(chosen["name"]) for chosen in findings["sets"] if chosen["reconstructed"]]
    if len(remade) > 1 and len(remade) == len(findings["sets"]):
        return tell("All feature sets here are reconstructions.")
    if not remade:
        return ""
    return tell_n(
        "Feature set {names}: reconstruction.",
        "Feature sets {names}: reconstructions.",
        len(remade),
        names=listed(remade),
    )


def each_element(told: Mapping[str, int | str], elements: Sequence[str]) -> str:
    """Return what holds of each element's atoms, such as ``27 of Cu and 30 of S``; what is alike stands once.

    Parameters
    ----------
    told : mapping of str to int or str
        A number, or a network, by chemical symbol.
    elements : sequence of str
        The elements, in the order in which they are told.
    """
    alike: dict[str, list[str]] = {}
    for element in elements:
        value = told[element]
        alike.setdefault(whole(value) if isinstance(value, int) else value, []).append(element)
    return listed([tell("{value} of {elements}", value=value, elements=listed(of)) for value, of in alike.items()])
