"""The verb ``describe``: values of symmetry functions into a file, in a table, or against a table made elsewhere.

What the options ask for is checked before anything is computed. Nothing is printed here: :func:`describe` returns the
document for ``--json`` and the lines for people.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bpbench.cli_features import UNITS, Chosen, choose, existing, known_element
from bpbench.elements import NUMBERS
from bpbench.errors import RequestError, nearest

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from bpbench.data.frames import Frames
    from bpbench.descriptors.values import Survey
    from bpbench.features import FeatureSet

Say = Callable[[str], None]

#: The word for the embedded sample.
SAMPLE: Final = "aluminium"
#: Seconds between two words on how far it is.
PATIENCE: Final = 10.0


def options(parser: argparse.ArgumentParser, cores: Callable[[], int], count: Callable[[str], int]) -> None:
    """Give a parser the options of ``bpbench describe``.

    Parameters
    ----------
    parser : argparse.ArgumentParser
        Of the verb.
    cores : callable
        Says how many threads there are.
    count : callable
        Reads a whole number of 1 or more.
    """
    add = parser.add_argument
    add("frames", metavar="FRAMES", help=f"a file of frames, or the word {SAMPLE} for the embedded sample")
    add(
        "--features",
        metavar="SET",
        required=True,
        help="a preset such as thesis-57-A, a YAML file with 'functions', a protocol (with --set), or an input.nn",
    )
    add("--set", metavar="NAME", help="which set of a protocol")
    add("--units", choices=UNITS, help="units of an input.nn or input.data, which do not say them")
    add("--element", metavar="El", help="describe the atoms of this element only; chooses among those of an input.nn")
    add("--elements", metavar="A,B", help="tell these neighbours apart: each function once for each of them")
    add("--out", metavar="X.npz", help="write values, names, offsets, energy, group, id and species here")
    add("--precision", choices=("float64", "float32"), default="float64", help="how --out stores values")
    add("--force", action="store_true", help="replace what --out or --draw names")
    add("--draw", metavar="SHEET.svg", help="draw what the functions see (.svg, .pdf or .png)")
    add("--against", metavar="TABLE", help="compare with values made elsewhere (npz, npy, csv, parquet, function.data)")
    add(
        "--columns", metavar="C", nargs="+", help="columns of TABLE: names, patterns such as 'G*', numbers such as 3-24"
    )
    add("--threads", metavar="N", type=count, default=cores(), help="threads at once (default: all cores)")


def describe(asked: argparse.Namespace, say: Say) -> tuple[dict[str, Any], list[str]]:
    """Do what ``bpbench describe`` was asked.

    Parameters
    ----------
    asked : argparse.Namespace
        From a parser that :func:`options` prepared.
    say : callable
        Is told how far it is, in lines.

    Returns
    -------
    dict, list of str
        The document, and the lines that say the same.

    Raises
    ------
    RequestError
        For options that contradict each other, files that are not there or would be overwritten, and whatever reading
        or describing refuses; nothing is left half written.
    """
    from bpbench.report import terminal

    out, sheet, table = _checked(asked)
    chosen = choose(asked.features, name=asked.set, units=asked.units, element=asked.element)
    frames = _frames(asked)
    functions = resolved(chosen, frames, asked.elements)
    centres = _centres(chosen, frames)
    if sheet is not None:
        from bpbench.report.sheet import write_sheet

        write_sheet(functions, sheet, chosen.label)
    head = {
        "label": asked.frames if asked.frames == SAMPLE else Path(asked.frames).name,
        "set": chosen.label,
        "frames": len(frames),
        "features": len(functions),
        "threads": asked.threads,
        "element": chosen.centre,
        "drawn": None if sheet is None else str(sheet),
    }
    if table is not None:
        told = head | _compared(table, asked, functions, frames, chosen.centre)
        return told, terminal.agreement(told)
    told = head | _described(out, asked, functions, frames, centres, say)
    return told, terminal.description(told)


# ---------------------------------------------------------------------------------------------- before anything runs


def _checked(asked: argparse.Namespace) -> tuple[Path | None, Path | None, Path | None]:
    """Return where values and sheet go and the table to compare with, each possible."""
    if asked.against and asked.out:
        raise RequestError("--against compares and writes nothing; leave out --out, or run describe twice.")
    if asked.columns and not asked.against:
        raise RequestError("--columns names columns of a table; give the table with --against.")
    out = None if asked.out is None else _new(asked.out, "--out", (".npz",), asked.force)
    sheet = None if asked.draw is None else _new(asked.draw, "--draw", (".svg", ".pdf", ".png"), asked.force)
    return out, sheet, None if asked.against is None else existing(asked.against, "--against", "a table")


def _new(word: str, option: str, endings: tuple[str, ...], force: bool) -> Path:
    path = Path(word)
    if path.suffix not in endings:
        raise RequestError(f"{option}: expected a file ending in {' or '.join(endings)}, found {path}.")
    if not path.parent.is_dir():
        raise RequestError(f"{option}: there is no folder {path.parent}; make it first.")
    if path.is_dir():
        raise RequestError(f"{option}: {path} is a folder; name a file.")
    if path.exists() and not force:
        raise RequestError(f"{option}: {path} exists; name another file, or replace it with --force.")
    return path


def _frames(asked: argparse.Namespace) -> Frames:
    from bpbench.data import readers

    word, path = asked.frames, Path(asked.frames)
    plain = word == SAMPLE
    if not plain and not path.exists() and path.parent == Path() and "did you mean" in nearest(word, [SAMPLE]):
        raise RequestError(f"There is no file {word}; did you mean '{SAMPLE}', the embedded sample?")
    unsaid = not plain and says_no_units(path, asked.units)
    if asked.units is not None and not unsaid and ".nn" not in asked.features:
        raise RequestError("--units says those of an input.data or an input.nn, and there is none; leave it out.")
    if plain:
        return readers.read(readers.sample_source())
    source = readers.open_source(path, units=asked.units) if unsaid else readers.open_source(path)
    return readers.read(source, energies=False)


def says_no_units(path: Path, units: str | None) -> bool:
    """Return whether a file of frames is an ``input.data``, which does not say its units; they must then be given.

    Parameters
    ----------
    path : Path
        The file.
    units : str or None
        ``--units``.

    Raises
    ------
    RequestError
        When it is one and no units are given.
    """
    from bpbench.data import n2p2_files

    unsaid = path.is_file() and n2p2_files.recognised(path)
    if unsaid and units is None:
        raise RequestError(f"{path} does not say its units; add --units {' or --units '.join(UNITS)}.")
    return unsaid


def resolved(chosen: Chosen, frames: Frames, elements: str | None) -> FeatureSet:
    """Return the functions that are meant for some frames.

    Parameters
    ----------
    chosen : Chosen
        What was asked for.
    frames : Frames
        What is to be described.
    elements : str or None
        ``--elements``: neighbours to be told apart.

    Raises
    ------
    RequestError
        When the frames hold several elements and the functions do not tell them apart.
    """
    if elements is not None:
        words = [known_element(word.strip(), "--elements") for word in elements.split(",")]
        return chosen.functions.resolved(words)
    blind = [function.name for function in chosen.functions if not function.elements]
    if blind and len(frames.elements) > 1:
        found = ",".join(frames.elements)
        raise RequestError(
            f"The frames hold {found}, and {blind[0]} does not say which neighbours count; tell them apart with "
            f"--elements {found}."
        )
    return chosen.functions


def _centres(chosen: Chosen, frames: Frames) -> npt.NDArray[np.bool_] | None:
    if chosen.centre is None or frames.elements == [chosen.centre]:
        return None
    if chosen.centre not in frames.elements:
        found = ", ".join(frames.elements)
        raise RequestError(
            f"The functions are for atoms of {chosen.centre}; the frames hold {found} and none of these."
        )
    atoms: npt.NDArray[np.bool_] = frames.species == NUMBERS[chosen.centre]
    return atoms


# ---------------------------------------------------------------------------------------------- values and their cost


def _described(
    out: Path | None,
    asked: argparse.Namespace,
    functions: FeatureSet,
    frames: Frames,
    centres: npt.NDArray[np.bool_] | None,
    say: Say,
) -> dict[str, Any]:
    from bpbench.descriptors import values

    watch = _watcher(len(frames), say)
    asking = {"threads": asked.threads, "centres": centres, "watch": watch}
    listed = functions.functions
    if out is None:
        found = values.survey(listed, frames, **asking)
    else:
        found = values.write(out, listed, frames, precision=asked.precision, **asking)
    near = values.neighbours_per_atom(frames, max(function.r_c for function in functions))
    each = zip(functions.names, found.least.tolist(), found.mean.tolist(), found.greatest.tolist(), strict=True)
    return {
        "atoms": found.atoms,
        "neighbours_per_atom": near,
        **_cost(found, len(functions) * len(frames.species) * near),
        "out": None if out is None else str(out),
        "precision": asked.precision,
        "names": list(functions.names),
        "functions": [dict(zip(("name", "min", "mean", "max"), item, strict=True)) for item in each],
    }


def _cost(found: Survey, terms: float) -> dict[str, float | None]:
    return {
        "seconds": found.seconds,
        "seconds_first": found.seconds_first,
        "ns_per_function_atom_neighbour": found.seconds * 1e9 / terms if terms else None,
    }


def _watcher(frames: int, say: Say) -> Callable[[int], None]:
    last = time.monotonic()

    def watch(done: int) -> None:
        nonlocal last
        if time.monotonic() - last > PATIENCE and done < frames:
            last = time.monotonic()
            say(f"{done} of {frames} frames are described.")

    return watch


# ------------------------------------------------------------------------------------------------- against a table


def _compared(
    path: Path, asked: argparse.Namespace, functions: FeatureSet, frames: Frames, centre: str | None
) -> dict[str, Any]:
    import numpy as np

    from bpbench.agreement.columns import agree, unnamed
    from bpbench.data import foreign
    from bpbench.descriptors.values import collect

    element = centre or (frames.elements[0] if len(frames.elements) == 1 else None)
    table = foreign.open_table(path, columns=asked.columns, element=element)
    chosen = foreign.compared(frames.offsets, max(len(functions), len(table.names)))
    some = frames.take(chosen)
    counted = np.full(len(frames.species), True) if centre is None else frames.species == NUMBERS[centre]
    theirs = foreign.rows_of(table, frames, counted, chosen)
    ours = collect(functions.functions, some, threads=asked.threads)
    if centre is not None:
        ours = ours[some.species == NUMBERS[centre]]
    found = agree(theirs, table.names, ours, functions.names, functions=functions.functions)
    kinds = Counter(item.kind for item in found)
    return {
        "atoms": int(np.count_nonzero(counted)),
        "table": str(path),
        "compared_frames": len(chosen),
        "compared_atoms": len(ours),
        "left_out": list(table.left_out),
        "agree": set(kinds) == {"match"},
        "counts": dict(kinds),
        "columns": [asdict(item) for item in found],
        "unnamed": list(unnamed(found, functions.names)),
    }
