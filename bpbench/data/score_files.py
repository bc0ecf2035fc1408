"""Scores of repeated runs from any tool, in one long table: a variant, a repeat, perhaps a split, and a score a row.

A table (csv, parquet, JSON lines) is read in bounded memory: names become numbers as they come. The learning curves of
repeated trainings become such a table too; which variant and which repeat a file is, its path says.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from bpbench.counting import grouped
from bpbench.data.columns import CSV, PARQUET, Columns, open_columns
from bpbench.data.json_lines import JSON_LINES, JsonLines
from bpbench.data.readers import counted, sha256_of
from bpbench.errors import DataError, RequestError, nearest
from bpbench.formats.learning_curves import Curve, read_keras, read_n2p2, validated
from bpbench.whole import sent

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

TABLES: Final = (*CSV, *PARQUET, *JSON_LINES)
#: What n2p2 calls its file; a network with charges writes one per stage.
CURVE: Final = "learning-curve.out"
#: Names of a missing number that R and spreadsheets write.
GAPS: Final = ("NA", "N/A", "NULL", "None", "null")
#: Roles that a part of a path may have.
ROLES: Final = ("variant", "repeat", "split")
#: Names that are told one by one.
NAMED: Final = 6


@dataclass(frozen=True, slots=True)
class Roles:
    """Which column of a table is what.

    Attributes
    ----------
    variant, score : str
        What is compared, and by what.
    unit : str or None
        What tells one repeat from another; ``None``: repeats have no names and are not paired.
    split : str or None
        Which split of the data a row used.
    where : tuple of (str, str)
        Only rows that have this word in this column count.
    """

    variant: str
    score: str
    unit: str | None = None
    split: str | None = None
    where: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """A long table of scores.

    Attributes
    ----------
    label : str
        The name of the file, or how many files there are.
    sha256 : str
        Digest of the file; of several, that of their names and digests.
    rows, columns : int
        Size of the table, before rows were chosen.
    variants, units, splits : tuple of str
        Names in the order in which they first appear; no units or splits where none were asked for.
    variant, unit, split : ndarray of int, shape (N,)
        Of each row that counts, its place in those names; all 0 where there are none.
    row : ndarray of int, shape (N,)
        Its number in the file, from 1, the header not counted.
    score : ndarray, shape (N,)
        NaN and infinities as they stand in the file, NaN where nothing stands.
    remarks : tuple of str
        What a reader must know of how it was read, whole sentences.
    described : str
        The score in words, where the file says them.
    pattern : str
        How paths were read; empty for a table.
    """

    label: str
    sha256: str
    rows: int
    columns: int
    variants: tuple[str, ...]
    units: tuple[str, ...]
    splits: tuple[str, ...]
    variant: Ints
    unit: Ints
    split: Ints
    row: Ints
    score: Floats
    remarks: tuple[str, ...] = ()
    described: str = ""
    pattern: str = ""


class _Names:
    """Names that become numbers in the order in which they appear."""

    def __init__(self) -> None:
        self.known: dict[str, int] = {}

    def numbers(self, words: npt.NDArray[np.str_]) -> Ints:
        found, first, place = np.unique(words, return_index=True, return_inverse=True)
        codes = np.empty(len(found), dtype=np.int64)
        for which in np.argsort(first, kind="stable").tolist():
            codes[which] = self.known.setdefault(str(found[which]).strip(), len(self.known))
        return codes[place]


# ----------------------------------------------------------------------------------------------------------- tables


def is_table(path: Path) -> bool:
    """Return whether a file is a table by the ending of its name."""
    return path.name.lower().endswith(TABLES)


def read_table(path: Path, roles: Roles) -> Scores:
    """Read a table of scores.

    Parameters
    ----------
    path : Path
        csv (also .gz, .xz), parquet, or one JSON object per line.
    roles : Roles
        Which column is what.

    Raises
    ------
    DataError
        When the file cannot be read, a named column is not there or named twice, a name is missing, something stands
        where a score should, or no row is left.
    """
    digest = sha256_of(path)
    table: Columns = (
        JsonLines(path) if path.name.lower().endswith(JSON_LINES) else open_columns(path, gaps=GAPS, whole=True)
    )
    named = {"--variant": roles.variant, "--score": roles.score, "--unit": roles.unit, "--split": roles.split}
    _check_columns(path, table, {key: name for key, name in named.items() if name is not None}, roles.where)
    labels = [name for name in (roles.variant, roles.unit, roles.split) if name is not None]
    variants, units, splits = _Names(), _Names(), _Names()
    kept: list[tuple[Ints, Ints, Ints, Ints, Floats]] = []
    rows = 0
    for piece in table.pieces((), (roles.score,), tuple(dict.fromkeys((*labels, *(name for name, _ in roles.where))))):
        score = piece.labels[roles.score]
        rows = piece.first + len(score)
        chosen = np.ones(len(score), dtype=bool)
        for name, word in roles.where:
            chosen &= np.char.strip(piece.labels[name].astype(np.str_)) == word
        count = int(np.count_nonzero(chosen))
        nothing = np.zeros(count, dtype=np.int64)
        kept.append(
            (
                variants.numbers(piece.labels[roles.variant][chosen]),
                nothing if roles.unit is None else units.numbers(piece.labels[roles.unit][chosen]),
                nothing if roles.split is None else splits.numbers(piece.labels[roles.split][chosen]),
                np.flatnonzero(chosen) + piece.first + 1,
                score[chosen],
            )
        )
    if not any(len(part[0]) for part in kept):
        which = " and ".join(f"{name}={word}" for name, word in roles.where)
        raise DataError(f"{path}: " + (f"no row has {which}." if rows else "the table has no rows."))
    variant, unit, split, row, score = (np.concatenate(parts) for parts in zip(*kept, strict=True))
    remarks = []
    if roles.where:
        which = " and ".join(f"{name} = {word}" for name, word in roles.where)
        remarks.append(f"Only the {counted(len(row), 'row')} with {which} count, of {grouped(rows)}.")
    return Scores(
        label=path.name,
        sha256=digest,
        rows=rows,
        columns=len(table.names),
        variants=tuple(variants.known),
        units=tuple(units.known),
        splits=tuple(splits.known),
        variant=variant,
        unit=unit,
        split=split,
        row=row,
        score=score,
        remarks=tuple(remarks),
    )


def _check_columns(path: Path, table: Columns, named: Mapping[str, str], where: Sequence[tuple[str, str]]) -> None:
    """Refuse a column that is not there, or that is named as two things."""
    asked = [*named.items(), *(("--where", name) for name, _ in where)]
    for option, name in asked:
        if name not in table.names:
            raise DataError(f"{path}: there is no column '{name}' for {option}{nearest(name, table.names)}")
    for option, name in named.items():
        twice = next((other for other, same in named.items() if same == name and other != option), None)
        if twice is not None:
            raise DataError(f"{path}: the column '{name}' is named as {option} and as {twice}; each needs its own.")


# ----------------------------------------------------------------------------------------------------------- curves


@dataclass(frozen=True, slots=True)
class Pattern:
    """How a path says which run a file is: ``{variant}/{repeat}/learning-curve.out``, read from the right.

    Attributes
    ----------
    text : str
        Parts in braces are names, ``*`` is anything; neither crosses a ``/``.
    """

    text: str

    def __post_init__(self) -> None:
        fields = re.findall(r"\{([^{}]*)\}", self.text)
        for name in fields:
            if name not in ROLES:
                raise RequestError(f"--path: there is no part '{{{name}}}'{nearest(name, ROLES)}")
        for name in set(fields):
            if fields.count(name) > 1:
                raise RequestError(f"--path: '{{{name}}}' stands twice in '{self.text}'; each part has one place.")
        if "variant" not in fields:
            raise RequestError(
                f"--path: expected '{{variant}}' in the pattern, found '{self.text}'; '{{variant}}/{{repeat}}/*' reads "
                "the folder of a run's folder as its variant."
            )

    @property
    def fields(self) -> tuple[str, ...]:
        """Its parts in braces."""
        return tuple(re.findall(r"\{([^{}]*)\}", self.text))

    def read(self, path: Path) -> tuple[dict[str, str], str]:
        """Return the parts by name, and the stretch of the path that the pattern covers.

        Raises
        ------
        DataError
            When the path does not end like the pattern.
        """
        depth = self.text.count("/") + 1
        end = "/".join(path.absolute().parts[-depth:])
        made = ""
        for piece in re.split(r"(\{[^{}]*\}|\*)", self.text):
            made += "[^/]*" if piece == "*" else f"(?P<{piece[1:-1]}>[^/]+)" if piece[:1] == "{" else re.escape(piece)
        found = re.fullmatch(made, end)
        if found is None:
            raise DataError(
                f"{path}: the path does not end like '{self.text}'; say with --path how its parts are named."
            )
        return found.groupdict(), end


def curve_files(paths: Sequence[Path]) -> list[Path]:
    """Return the files of learning curves among files and folders, each once, in the order given and then by name.

    Raises
    ------
    DataError
        When a path is not there, a folder holds none, or a file is none by its name.
    """
    found: dict[Path, None] = {}
    for path in paths:
        if path.is_dir():
            # Beside curves of n2p2 a .json is some setting.
            inside = sorted([*path.rglob(f"{CURVE}*")] or path.rglob("*.json"), key=_natural)
            if not inside:
                raise DataError(f"{path}: the folder holds no {CURVE} and no Keras history (.json).")
            found |= dict.fromkeys(inside)
            continue
        if not path.is_file():
            raise DataError(f"{path}: there is no such file or folder.")
        if is_table(path):
            raise DataError(f"{path}: a table of scores is compared by itself; join several tables into one.")
        if not (path.name.startswith(CURVE) or path.suffix.lower() == ".json"):
            raise DataError(
                f"{path}: expected a table ({', '.join(TABLES)}), a {CURVE} of n2p2, a history of Keras (.json), or a "
                "folder of these."
            )
        found[path] = None
    return list(found)


def _natural(path: Path) -> list[tuple[int, int, str]]:
    """Return what sorts run 2 before run 10."""
    return [(0, int(word), "") if word.isdecimal() else (1, 0, word) for word in re.split(r"(\d+)", str(path)) if word]


def read_curves(
    files: Sequence[Path],
    *,
    score: str,
    best: bool = False,
    lower_is_better: bool = True,
    pattern: str | None = None,
) -> Scores:
    """Read one score of each of several trainings from its learning curve.

    Parameters
    ----------
    files : sequence of Path
        From :func:`curve_files`.
    score : str
        The column.
    best : bool
        Whether the epoch of the best validation (of n2p2: test) value counts, instead of the last one.
    lower_is_better : bool
        What is best.
    pattern : str or None
        How paths are read (:class:`Pattern`). ``None``: where all files have one name, the folder is the repeat and the
        folder around it the variant; else the name is the repeat and the folder the variant. A file that holds several
        runs numbers them itself, and what would have been the repeat is the variant.

    Returns
    -------
    Scores
        Its columns are called ``variant``, ``repeat`` and ``split``; a run without any epoch has a score of NaN.

    Raises
    ------
    DataError
        When a file is no learning curve, has no such column, or has no number in it at any epoch.
    """
    held = [(path, _curves(path)) for path in files]
    several = any(len(runs) > 1 for _, runs in held)
    told = Pattern(pattern if pattern is not None else _usual(files, several=several))
    if several and "repeat" in told.fields:
        raise RequestError(
            f"--path: '{told.text}' names a repeat, but a file holds several runs and numbers them itself; leave "
            "'{repeat}' out."
        )
    by = validated(score) if best else None
    names = {role: _Names() for role in ROLES}
    rows: list[tuple[list[int], float]] = []
    digests, epochs = [], []
    described = ""
    for path, runs in held:
        parts, end = told.read(path)
        digests.append(f"{end} {sha256_of(path)}")
        for number, curve in enumerate(runs, 1):
            for name in dict.fromkeys((score, by or score)):
                curve.require(name, str(path))
                if len(curve.epochs) and np.isnan(curve.columns[name]).all():
                    raise DataError(
                        f"{path}: there is no number in the column '{name}' at any epoch; n2p2 writes NaN where there "
                        "is no test set."
                    )
            value, _ = curve.score(score, by=by, lower_is_better=lower_is_better)
            own = parts | ({"repeat": str(number)} if several else {})
            places = [names[role].known.setdefault(own.get(role, ""), len(names[role].known)) for role in ROLES]
            rows.append((places, value))
            epochs.append(int(curve.epochs[-1]) if len(curve.epochs) else 0)
            described = described or curve.told.get(score, "")
    codes = np.array([places for places, _ in rows], dtype=np.int64)
    fields = {*told.fields, *(("repeat",) if several else ())}
    made = Scores(
        label=files[0].name if len(files) == 1 else f"{len(files)} files {_common(files)}",
        sha256=sha256_of(files[0]) if len(files) == 1 else sha256("\n".join(sorted(digests)).encode()).hexdigest(),
        rows=len(rows),
        columns=len(held[0][1][0].columns),
        variants=tuple(names["variant"].known),
        units=tuple(names["repeat"].known) if "repeat" in fields else (),
        splits=tuple(names["split"].known) if "split" in fields else (),
        variant=codes[:, 0],
        unit=codes[:, 1],
        split=codes[:, 2],
        row=np.arange(1, len(rows) + 1),
        score=np.array([value for _, value in rows]),
        described=described,
        pattern=told.text,
    )
    return replace(made, remarks=tuple(_told(made, told, score, by, (min(epochs), max(epochs)), several=several)))


def _curves(path: Path) -> list[Curve]:
    try:
        text = sent(path).read_text(encoding="utf-8")
    except OSError as error:
        raise DataError(f"{path}: the file cannot be read ({error.strerror}).") from None
    except UnicodeDecodeError:
        raise DataError(f"{path}: expected text, found bytes that are none.") from None
    return read_keras(text, str(path)) if path.suffix.lower() == ".json" else [read_n2p2(text, str(path))]


def _usual(files: Sequence[Path], *, several: bool) -> str:
    name = files[0].name
    alike = len({path.name for path in files}) == 1 and len(files) > 1
    if several:
        return f"{{variant}}/{name}" if alike else f"{{variant}}{files[0].suffix}"
    return f"{{variant}}/{{repeat}}/{name}" if alike else f"{{variant}}/{{repeat}}{files[0].suffix}"


def _common(files: Sequence[Path]) -> str:
    names = {path.name for path in files}
    return names.pop() if len(names) == 1 else f"*{files[0].suffix}"


def _told(
    made: Scores, told: Pattern, score: str, by: str | None, epochs: tuple[int, int], *, several: bool
) -> Iterator[str]:
    first, last = epochs
    yield (
        f"{counted(made.rows, 'run')} were read, their paths as '{told.text}'"
        + (", the runs within a file in their order" if several else "")
        + f": {_few('variant', made.variants)}"
        + (f"; {_few('repeat', made.units)}" if made.units else "")
        + (f"; {_few('split', made.splits)}" if made.splits else "")
        + "."
    )
    ran = f"{last}" if first == last else f"{first} to {last}"
    if by is None:
        yield f"The score is that of the last epoch of each run ({ran})."
        return
    yield f"The score is that of the epoch with the best '{by}' of each run (runs end at epoch {ran})."
    if by == score:
        yield (
            "The epoch was chosen by the very error that is then the score, which flatters every variant, and one with "
            "a noisier curve more; --epoch last chooses nothing."
        )


def _few(what: str, names: Sequence[str]) -> str:
    shown = ", ".join(names[:NAMED]) + (", …" if len(names) > NAMED else "")
    return f"{counted(len(names), what)} ({shown})"
