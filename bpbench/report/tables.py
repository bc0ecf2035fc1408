"""Tables of what went into a study: states, split, sets, models, variants, and the values of reconstructions."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from bpbench.report.document import Cell, Column, Table, cite
from bpbench.report.kinds import by_role, mixed, timed
from bpbench.report.labels import cut_label, each_element, set_label, source_note
from bpbench.report.language import listed, marked, point, spoken, tell
from bpbench.report.numerals import NOTHING, common_decimals, exact, fixed, series, short, whole
from bpbench.report.retold import retold
from bpbench.report.vocabulary import part_label, unit_label, way_message

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_POINT: Final = "\u2008"  # as wide as a full stop
_DIGIT: Final = "\u2007"  # as wide as a digit


def words(text: str | None, *, mark: str = "") -> Cell:
    """Return a cell of words."""
    return Cell(text or NOTHING, text, mark)


def told(message: str, *, mark: str = "") -> Cell:
    """Return a cell of words of the program: shown as they are told, kept as they are in English."""
    return Cell(tell(message), message, mark)


def again(text: str | None, *, mark: str = "") -> Cell:
    """Return a cell of words that findings hold: shown as they are told again, kept as they are."""
    return Cell(retold(text) if text else NOTHING, text, mark)


def number(value: float | None, places: int | None) -> Cell:
    """Return a cell of a measured number, shown with that many decimals."""
    return Cell(fixed(value, places), value)


def given(value: float | None) -> Cell:
    """Return a cell of a declared number, shown as short as it was written."""
    return Cell(exact(value), value)


def counted(value: int | None) -> Cell:
    """Return a cell of a count."""
    return Cell(whole(value), value)


def align(rows: Sequence[tuple[Cell, ...]], columns: Sequence[Column]) -> tuple[tuple[Cell, ...], ...]:
    """Return rows whose numbers are padded on the right, so that their decimal points stand below each other."""
    done = [list(row) for row in rows]
    for place, column in enumerate(columns):
        if column.align != "right":
            continue
        tails = [len(row[place].text.partition(point())[2]) for row in done if not _is_words(row[place])]
        longest = max(tails, default=0)
        for row in done:
            cell = row[place]
            if longest and not _is_words(cell):
                tail = len(cell.text.partition(point())[2])
                pad = ("" if tail else _POINT) + _DIGIT * (longest - tail)
                row[place] = Cell(cell.text + pad, cell.value, cell.mark)
    return tuple(tuple(row) for row in done)


def _is_words(cell: Cell) -> bool:
    return cell.value is None or isinstance(cell.value, str) or "×" in cell.text or "10⁻" in cell.text


def spanned(pair: Sequence[float] | None, *, places: int | None = None) -> str:
    """Return two ends as ``1 to 3``, or one number where they are shown alike."""
    if pair is None:
        return NOTHING
    show = exact if places is None else (lambda value: fixed(value, places))
    low, high = show(pair[0]), show(pair[1])
    return low if low == high else tell("{low} to {high}", low=low, high=high)


def in_english(text: Callable[[], str | None], *, mark: str = "") -> Cell:
    """Return a cell of words that a function tells: shown in the language that is spoken, kept in English."""
    shown = text()
    with spoken("en", ()):
        kept = text()
    return Cell(shown or NOTHING, kept, mark)


def ends(pair: Sequence[float] | None) -> Cell:
    """Return a cell of :func:`spanned`."""
    return in_english(lambda: spanned(pair))


def ends_of(numbers: Sequence[float]) -> tuple[float, float]:
    """Return the smallest and the largest of some numbers."""
    return min(numbers), max(numbers)


def _of_each(told: Mapping[str, int | str] | None) -> Cell | None:
    """Return the cell of what differs by element, ``None`` where nothing does."""
    return in_english(lambda: each_element(told, list(told))) if told else None


def states(findings: Mapping[str, Any]) -> Table:
    """Return the table of state points (groups) of the data."""
    data = findings["data"]
    groups = data["groups"]
    energies = [group["energy_ev_per_atom"] for group in groups]
    widths = [entry[2] - entry[0] for entry in energies]
    places = min(6, common_decimals(widths) or 3)
    columns = [
        Column("state", tell("state"), align="left"),
        Column("frames", tell("frames")),
        Column("blocks", tell("blocks")),
        Column("atoms_per_frame", tell("atoms per frame")),
        Column("temperature", tell("temperature"), "K"),
        Column("energy_min", tell("lowest energy"), unit_label("eV/atom")),
        Column("energy_mean", tell("mean energy"), unit_label("eV/atom")),
        Column("energy_max", tell("highest energy"), unit_label("eV/atom")),
        Column("force_max", tell("largest force"), "eV/Å"),
        Column("tau", "τ", tell("frames")),
        Column("effective", tell("effective frames")),
    ]
    rows = [
        (
            words(short(group["name"])),
            counted(group["frames"]),
            counted(group["blocks"]),
            ends(group["atoms_per_frame"]),
            ends(group["temperature_k"]),
            *(number(value, places) for value in group["energy_ev_per_atom"]),
            number(group["force_max_ev_per_a"], 2),
            number(group.get("tau_frames"), 1),
            number(group.get("effective_frames"), 0),
        )
        for group in groups
    ]
    keep = [
        place
        for place, column in enumerate(columns)
        if column.key not in {"temperature", "force_max", "tau", "effective"}
        or any(row[place].text != NOTHING for row in rows)
    ]
    shown = [columns[place] for place in keep]
    caption = (
        tell(
            "The data by state. A block is a stretch of one trajectory that is never divided; elements: {elements}.",
            elements=", ".join(data["elements"]),
        )
        if data["elements"]
        else tell("The data by state. A block is a stretch of one trajectory that is never divided.")
    )
    if any(group.get("tau_frames") is not None for group in groups):
        caption += " " + _correlated(groups)
    return Table(
        "states",
        caption,
        tuple(shown),
        align([tuple(row[place] for place in keep) for row in rows], shown),
        source_note(findings, sets=False),
        "wide",
    )


def _correlated(groups: Sequence[Mapping[str, Any]]) -> str:
    """Return what the autocorrelation times are, and how far they are to be trusted."""
    text = tell(
        "τ is the integrated autocorrelation time of the energies of a state, if its frames are one trajectory{works}; "
        "a state's frames are worth as many independent ones as the last column says.",
        works=cite("sokal1997"),
    )
    if not all(group.get("tau_reliable") for group in groups if group.get("tau_frames") is not None):
        text += " " + tell("Of fewer than 50 τ frames τ is only a guess, more often too small than too large.")
    return text


def split(findings: Mapping[str, Any]) -> Table:
    """Return the table of frames and blocks in each part of each split."""
    parts = ("train", "validation", "test")
    several = mixed(findings)
    columns = (
        *((Column("split_by", tell("split by"), align="left"),) if several else ()),
        Column("split", tell("split")),
        *(
            column
            for part in parts
            for column in (
                Column(f"{part}_frames", tell("{part}, frames", part=part_label(part))),
                Column(f"{part}_blocks", tell("{part}, blocks", part=part_label(part))),
            )
        ),
    )
    rows = [
        (
            *((told(way_message(row["split_by"])),) if several else ()),
            counted(row["split"]),
            *(counted(row[key]) for part in parts for key in (part, f"{part}_blocks")),
        )
        for row in findings["split"]["counts"]
    ]
    caption = tell("Frames in each part, and blocks that it has frames of.")
    return Table("split", caption, columns, tuple(rows), source_note(findings, sets=False))


def sets(findings: Mapping[str, Any]) -> Table:
    """Return the table of feature sets: sizes and kinds of functions."""
    kinds = ("G2", "G4", "G5")
    present = [kind for kind in kinds if any(f["kind"] == kind for s in findings["sets"] for f in s["functions"])]
    tabled = any(entry.get("table") for entry in findings["sets"])
    cut = any(entry.get("cut") for entry in findings["sets"])
    columns = (
        Column("set", tell("set"), align="left"),
        Column("preset", tell("preset"), align="left"),
        *([Column("cut", tell("cut from"), align="left")] if cut else []),
        *([Column("table", tell("table"), align="left")] if tabled else []),
        Column("size", tell("inputs") if tabled else tell("functions")),
        *(Column(kind.lower(), kind) for kind in present),
        *([Column("cutoff", tell("cutoff R_c"), "Å")] if present else []),
    )
    rows = []
    for entry in findings["sets"]:
        functions = entry["functions"]
        reach = [function["r_c"] for function in functions if "r_c" in function]
        rows.append(
            (
                Cell(set_label(entry), entry["name"]),
                words(entry["preset"]),
                *([in_english(partial(cut_label, entry))] if cut else []),
                *([words((entry.get("table") or {}).get("file"))] if tabled else []),
                _of_each(entry.get("size_of")) or counted(entry["size"]),
                # What the columns of a table are is not known here.
                *(
                    counted(None if entry.get("table") else sum(function["kind"] == kind for function in functions))
                    for kind in present
                ),
                *([ends((min(reach), max(reach)) if reach else None)] if present else []),
            )
        )
    return Table(
        "feature_sets",
        tell("The feature sets: how many functions of which kind.") if present else tell("The feature sets."),
        columns,
        tuple(rows),
        source_note(findings, data=False),
    )


def variants(findings: Mapping[str, Any]) -> Table:
    """Return the table of variants: which model stands on which set, or which set is timed."""
    kinds = {model["name"]: model["label"] for model in findings["models"]}
    labels = {entry["name"]: set_label(entry) for entry in findings["sets"]}
    fewer = mixed(findings) or any(entry["share"] is not None and entry["share"] < 1 for entry in findings["variants"])
    columns: tuple[Column, ...] = (
        Column("variant", tell("variant"), align="left"),
        Column("model", tell("model"), align="left"),
        Column("set", tell("set"), align="left"),
        Column("inputs", tell("inputs")),
        Column("shape", tell("network"), align="left"),
        Column("parameters", tell("weights")),
        *((Column("split_by", tell("split by"), align="left"),) if mixed(findings) else ()),
        *(
            (Column("configurations", tell("training configurations")), Column("blocks", tell("their blocks")))
            if fewer
            else ()
        ),
    )
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (
            words(short(entry["name"])),
            again(kinds.get(entry["model"], entry["model"])),
            Cell(labels[entry["set"]], entry["set"]),
            _of_each(entry.get("inputs_of")) or counted(entry["inputs"]),
            _of_each(entry.get("shapes")) or words(entry["shape"]),
            counted(entry["parameters"]),
            *((told(way_message(entry["split_by"])),) if mixed(findings) else ()),
            *((ends(ends_of(entry[key])) for key in ("configurations", "blocks")) if fewer else ()),
        )
        for entry in findings["variants"]
    )
    if timed(findings):
        # Without models there are neither networks nor weights.
        keep = (0, 2, 3)
        rows = tuple(tuple(row[place] for place in keep) for row in rows)
        columns = (*(columns[place] for place in keep[:2]), Column("inputs", tell("functions")))
    return Table(
        "variants",
        tell("The variants that are compared: sets of symmetry functions.")
        if timed(findings)
        else tell("The variants that are compared: a model on a feature set."),
        columns,
        rows,
        source_note(findings),
    )


#: Settings of forces, and what they are where a model has to do with energies alone.
_OF_FORCES: Final = {"forces": None, "target": "energy", "atoms": None}


def _used(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a model without those that it does not use."""
    energies = values.get("target", "energy") == "energy"
    values = {
        key: value for key, value in values.items() if not (energies and key in _OF_FORCES and value == _OF_FORCES[key])
    }
    rule = values.get("optimizer")
    if rule is None:
        return values
    unused = {"batch"} if rule["kind"] in {"kalman", "marquardt"} else set()
    within = set() if values["skip"] else {"skip_prior"}
    return {
        key: {name: part for name, part in value.items() if name not in within} if key == "optimizer" else value
        for key, value in values.items()
        if key not in unused
    }


def _all_settings(model: Mapping[str, Any]) -> str:
    if model["base"] is None:
        return _settings(_used(model["values"]))
    return tell("as {model}, with {changes}", model=short(model["base"]), changes=model["changes"])


def _settings(values: Mapping[str, Any]) -> str:
    parts = []
    for key, value in values.items():
        name = key.replace("_", " ")
        if key == "kind":
            continue
        if isinstance(value, dict):
            kind = f": {value['kind']}" if "kind" in value else ""
            parts.append(f"{name}{kind} ({_settings(value)})")
        elif isinstance(value, list):
            parts.append(f"{name} {series([_setting(item) for item in value])}")
        else:
            parts.append(f"{name} {_setting(value)}")
    return "; ".join(parts)


def _setting(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return tell({True: marked("yes"), False: marked("no"), None: marked("none")}[value])
    return exact(value) if isinstance(value, int | float) else str(value)


def models(findings: Mapping[str, Any]) -> Table:
    """Return the table of models with every setting."""
    columns = (
        Column("model", tell("model"), align="left"),
        Column("kind", tell("kind"), align="left"),
        Column("settings", tell("settings"), align="left"),
    )
    rows = tuple(
        (
            words(short(model["name"])),
            again(model["label"]),
            # A sweep may derive dozens, alike but for what it changes.
            in_english(partial(_all_settings, model)),
        )
        for model in findings["models"]
    )
    return Table("models", tell("The models and all settings that they use."), columns, rows)


# -------------------------------------------------------------------------------------------------- appendix


def reconstructions(findings: Mapping[str, Any]) -> Table | None:
    """Return the values of all reconstructed sets, functions that differ in one parameter on one line."""
    remade = [entry for entry in findings["sets"] if entry["reconstructed"]]
    if not remade:
        return None
    columns = (
        Column("set", tell("set"), align="left"),
        Column("kind", tell("kind"), align="left"),
        Column("shared", tell("shared"), align="left"),
        Column("values", tell("values"), align="left"),
    )
    rows = [
        (Cell(set_label(entry), entry["name"]), words(line[0]), *map(Cell, line[1:], kept[1:]))
        for entry in remade
        for line, kept in _both(partial(_grouped, entry["functions"]))
    ]
    names = listed([set_label(entry) for entry in remade])
    return Table(
        "reconstructions",
        tell(
            "Values of reconstructed sets: the functions in {names}; η in Å⁻², R_s and R_c in Å. Functions that differ "
            "in one parameter only share a line, in which that parameter's values follow each other in the order of "
            "the inputs.",
            names=names,
        ),
        columns,
        tuple(rows),
        size="wide",
    )


def _both(lines: Callable[[], list[tuple[str, str, str]]]) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Return lines as the language that is spoken writes their numbers, each with what it is in English."""
    shown = lines()
    with spoken("en", ()):
        return list(zip(shown, lines(), strict=True))


def _grouped(functions: Sequence[Mapping[str, Any]]) -> list[tuple[str, str, str]]:
    """Return lines (kind, shared parameters, values): radial functions by width or by centre, angular ones by λ."""
    lines: dict[tuple[str, str], list[str]] = {}
    centres = {entry["r_s"] for entry in functions if entry["kind"] == "G2"}
    for entry in functions:
        cutoff = f"R_c = {exact(entry['r_c'])}"
        if entry["kind"] != "G2":
            shared = series([f"λ = {exact(entry['lam'])}", cutoff])
            pair = series([f"η {exact(entry['eta'])}", f"ζ {exact(entry['zeta'])}"])
            item = f"({pair})"
        elif entry["r_s"] == 0 or len(centres) == 1:
            shared, item = series([f"R_s = {exact(entry['r_s'])}", cutoff]), f"η {exact(entry['eta'])}"
        else:
            shared, item = series([f"η = {exact(entry['eta'])}", cutoff]), f"R_s {exact(entry['r_s'])}"
        lines.setdefault((entry["kind"], shared), []).append(item)
    found = []
    for (kind, shared), items in lines.items():
        symbol = items[0].split(" ")[0]
        text = (
            series(items)
            if items[0].startswith("(")
            else tell("{symbol}: {values}", symbol=symbol, values=series([i.split(" ", 1)[1] for i in items]))
        )
        found.append((kind, shared, text))
    return found


def functions(findings: Mapping[str, Any]) -> Table:
    """Return every function of every set, one per row: written as CSV, not shown."""
    columns = tuple(
        Column(key, key)
        for key in ("set", "reconstruction", "input", "name", "kind", "eta", "r_s", "zeta", "lambda", "r_c")
    )
    rows = tuple(
        (
            words(entry["name"]),
            words("yes" if entry["reconstructed"] else "no"),
            counted(place),
            words(function["name"]),
            words(function["kind"]),
            *(given(function.get(key)) for key in ("eta", "r_s", "zeta", "lam", "r_c")),
        )
        for entry in findings["sets"]
        for place, function in enumerate(entry["functions"], start=1)
    )
    return Table("functions", tell("All functions."), columns, rows)


def repeats(findings: Mapping[str, Any]) -> Table:
    """Return every repeat of every variant with all its scores: written as CSV, not shown."""
    metrics = sorted(
        {
            (part, key)
            for variant in findings["variants"]
            for result in variant["results"]
            for part, scores in (result["scores"] or {}).items()
            for key in scores
        }
    )
    roles = ("weights", "order", "rerun") if by_role(findings) else ()
    heads = ("variant", "repeat", "split", *roles, "status", "converged", "checkpoint", "ran", "stopped")
    columns = tuple(Column(key, key) for key in heads) + tuple(Column(f"{p}_{k}", f"{p} {k}") for p, k in metrics)
    rows = tuple(
        (
            words(variant["name"]),
            counted(result["repeat"]),
            counted(result["split"]),
            *(counted(result[role]) for role in roles),
            words(result["status"]),
            words({True: "yes", False: "no", None: None}[result["converged"]]),
            counted(result["checkpoint"]),
            counted(result["ran"]),
            words(result["stopped"]),
            *(given(((result["scores"] or {}).get(part) or {}).get(key)) for part, key in metrics),
        )
        for variant in findings["variants"]
        for result in variant["results"]
    )
    return Table("repeats", tell("All repeats."), columns, rows)
