"""What a protocol file may say of its data, its feature sets, its contestants and of what is measured."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from annotated_types import Ge, Gt, Lt, MinLen
from pydantic import BeforeValidator, Discriminator, Tag

from bpbench import features
from bpbench.elements import NUMBERS
from bpbench.errors import FeatureError, nearest
from bpbench.features import G2, G4, G5, STRICT, FeatureSet
from bpbench.identity import NOT_IDENTITY
from bpbench.jobs import Command, Hdnn, LightGbm, Linear, N2p2, RandomForest, SplitBy


def _word(value: Any) -> Any:
    """Let a name be written as a number: ``set: 22`` means the set called ``"22"``."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


_Text = Annotated[str, MinLen(1)]
Name = Annotated[_Text, BeforeValidator(_word, json_schema_input_type=_Text | int)]
Share = Annotated[float, Gt(0), Lt(1)]
Count = Annotated[int, Ge(1)]
# A word can only be meant as "auto", so that a mistake gets one sentence and not one for each alternative.
_Auto = Annotated[Literal["auto"], Tag("automatic")]
_word_or_number = Discriminator(lambda value: "automatic" if isinstance(value, str) else "a number")
BlockLength = Annotated[Annotated[int, Ge(1), Tag("a number")] | _Auto, _word_or_number]
Guard = Annotated[Annotated[int, Ge(0), Tag("a number")] | _Auto, _word_or_number]
Model = Annotated[Hdnn | Linear | RandomForest | LightGbm | N2p2 | Command, Discriminator("kind")]


def _margin(value: Any) -> Any:
    """Refuse what can be no margin, and write a text as it is written everywhere: a changed blank is no new margin.

    What the text means, the statistics say (:func:`bpbench.study.check_design`).
    """
    if isinstance(value, bool) or not isinstance(value, float | int | str):
        raise ValueError(  # noqa: TRY004 - pydantic turns it into a sentence
            f"expected a number, or a text such as 5% or 0.3 d_z, found {json.dumps(value, ensure_ascii=False)[:60]}."
        )
    if not isinstance(value, str) and value <= 0:
        raise ValueError(f"expected a margin greater than 0, found {value:g}.")
    return " ".join(value.replace("%", " %").replace("d_z", " d_z").split()) if isinstance(value, str) else value


#: Checked as one value, so that a mistake gives one sentence and not one of each alternative.
Margin = Annotated[Annotated[float, Gt(0)] | str, BeforeValidator(_margin)]


@dataclass(frozen=True, slots=True)
class SampleData:
    """The embedded aluminium sample (EMT).

    Attributes
    ----------
    groups : tuple of str or None
        State points to keep, ``None`` for all.
    sample : {'spaced', 'dense'}
        ``spaced``: eleven state points, frames that lie far apart. ``dense``: four, saved so densely that neighbouring
        frames are near copies, and a second run of each, far apart; see :mod:`bpbench.data.aluminium`.
    block_length : 'auto' or None
        ``auto``: blocks are cut by the trajectories' own τ; ``None``: they are those of the sample.
    guard : int or 'auto'
        Frames at each border between two blocks that no split uses; see :func:`bpbench.data.blocks.lay`.
    """

    __pydantic_config__: ClassVar = STRICT
    kind: Literal["aluminium"]
    groups: Annotated[tuple[Name, ...], MinLen(1)] | None = None
    sample: Literal["spaced", "dense"] = "spaced"
    block_length: Literal["auto"] | None = None
    guard: Guard = 0


@dataclass(frozen=True, slots=True)
class FileData:
    """Frames with energies in any file ASE reads.

    Attributes
    ----------
    path : str
        The file, relative to the protocol's folder.
    group, block, temperature : str or None
        ``info`` keys of the labels; without ``block``, consecutive blocks are cut.
    groups : tuple of str or None
        Groups to keep.
    block_length : int or 'auto'
        Frames in a cut block; ``auto``: at least 5 τ of the trajectory's energies, see :mod:`bpbench.data.blocks`.
    guard : int or 'auto'
        Frames at each border between two blocks that no split uses; ``auto``: τ.
    units : str
        Units of an ``input.data`` of n2p2 or RuNNer, which carries none; other files say their own.
    """

    __pydantic_config__: ClassVar = STRICT
    kind: Literal["file"]
    path: str = field(metadata=NOT_IDENTITY)  # the file's digest decides, not where it lies
    group: Name | None = None
    groups: Annotated[tuple[Name, ...], MinLen(1)] | None = None
    block: Name | None = None
    block_length: BlockLength = 5
    guard: Guard = 0
    temperature: Name | None = None
    units: Literal["angstrom-ev", "bohr-hartree"] = "angstrom-ev"


@dataclass(frozen=True, slots=True)
class TableData:
    """A table with one row per atom: descriptors, the configuration's energy and its labels.

    Attributes
    ----------
    path : str
        The file (csv, also .gz or .xz; parquet; npz), relative to the protocol's folder.
    configuration : str or None
        Column that tells configurations apart; an npz may hold ``offsets`` instead.
    energy : str
        Column of the configuration's total energy (eV), the same on each of its rows.
    group, block, temperature : str or None
        Columns of the labels; without ``block``, consecutive blocks are cut.
    block_length : int or 'auto'
        Configurations in a cut block; ``auto``: at least 5 τ of the trajectory's energies.
    guard : int or 'auto'
        Configurations at each border between two blocks that no split uses; ``auto``: τ.
    forces : tuple of str or None
        Columns of the three components (eV/Å).
    atoms : str or None
        Column of the number of rows that the configuration should have.
    columns : tuple of str or None
        The descriptors; ``None`` for every column not named otherwise.
    """

    __pydantic_config__: ClassVar = STRICT
    kind: Literal["table"]
    path: str = field(metadata=NOT_IDENTITY)
    configuration: Name | None = None
    energy: Name = "energy"
    group: Name | None = None
    block: Name | None = None
    block_length: BlockLength = 5
    guard: Guard = 0
    temperature: Name | None = None
    forces: tuple[Name, Name, Name] | None = None
    atoms: Name | None = None
    columns: Annotated[tuple[Name, ...], MinLen(1)] | None = None


Data = Annotated[SampleData | FileData | TableData, Discriminator("kind")]


@dataclass(frozen=True, slots=True)
class EvenlySpaced:
    """A set cut from the pool of 329 by steps (a, b, c) and starts (x, y, z).

    See :func:`bpbench.features.evenly_spaced`.
    """

    __pydantic_config__: ClassVar = STRICT
    steps: tuple[Annotated[int, Ge(1)], Annotated[int, Ge(1)], Annotated[int, Ge(1)]]
    starts: tuple[Annotated[int, Ge(1)], Annotated[int, Ge(202)], Annotated[int, Ge(1)]]


@dataclass(frozen=True, slots=True)
class Explicit:
    """A set whose functions are written out."""

    __pydantic_config__: ClassVar = STRICT
    functions: Annotated[tuple[Annotated[G2 | G4 | G5, Discriminator("kind")], ...], MinLen(1)]


_PresetOrFunctions = Annotated[
    Annotated[str, Tag("a preset")] | Annotated[Explicit, Tag("written out")],
    Discriminator(lambda value: "a preset" if isinstance(value, str) else "written out"),
]


@dataclass(frozen=True, slots=True)
class Resolved:
    """A preset whose functions tell the elements of neighbours apart."""

    __pydantic_config__: ClassVar = STRICT
    preset: str
    elements: Annotated[tuple[Name, ...], MinLen(1)]


@dataclass(frozen=True, slots=True)
class FromInputNn:
    """The functions in an ``input.nn`` of n2p2 or RuNNer; when loaded it becomes functions that are written out.

    Attributes
    ----------
    input_nn : str
        The file, relative to the protocol's folder.
    element : str or None
        Element of the centre, whose functions describe every atom; ``None``: each element of the file has its own.
    units : str
        Units of the file, which says none.
    """

    __pydantic_config__: ClassVar = STRICT
    input_nn: str
    units: Literal["angstrom-ev", "bohr-hartree"]
    element: Name | None = None


@dataclass(frozen=True, slots=True)
class ByElement:
    """A set for each element of the central atom.

    Attributes
    ----------
    by_element : dict of str to (str or Explicit)
        By chemical symbol: a preset, or functions that are written out.
    """

    __pydantic_config__: ClassVar = STRICT
    by_element: Annotated[dict[str, _PresetOrFunctions], MinLen(1)]

    def __post_init__(self) -> None:
        for element in self.by_element:
            if element not in NUMBERS:
                raise FeatureError(f"by_element: there is no element '{element}'{nearest(element, NUMBERS)}")

    def __hash__(self) -> int:
        """Return a hash of what each element has; a mapping has none of its own."""
        return hash(frozenset(self.by_element.items()))


_AllOrSome = Annotated[
    Annotated[Literal["all"], Tag("all")] | Annotated[tuple[Name, ...], MinLen(1), Tag("some")],
    Discriminator(lambda value: "all" if isinstance(value, str) else "some"),
]


@dataclass(frozen=True, slots=True)
class Columns:
    """Inputs that were computed elsewhere.

    Attributes
    ----------
    columns : 'all' or tuple of str
        Columns of the data, if these are a table, or else of ``table``.
    table : str or None
        A table with one row per atom of the data, in their order; relative to the protocol's folder.
    configuration : str or None
        Column of ``table`` that tells configurations apart, so that they are compared with the data's.
    like : str or None
        Set of symmetry functions whose values the columns of ``table`` should be; they are compared one by one.
    """

    __pydantic_config__: ClassVar = STRICT
    columns: _AllOrSome = "all"
    table: str | None = field(default=None, metadata=NOT_IDENTITY)
    configuration: Name | None = None
    like: Name | None = None


_NumberOrRange = Annotated[
    Annotated[float, Ge(0), Tag("a number")]
    | Annotated[tuple[Annotated[float, Ge(0)], Annotated[float, Ge(0)]], Tag("from and to")],
    Discriminator(lambda value: "from and to" if isinstance(value, list | tuple) else "a number"),
]


@dataclass(frozen=True, slots=True)
class Cut:
    """What is left of another set of the protocol, in that set's order; see :mod:`bpbench.cuts`.

    Every key that is given must keep an input, or it is left out.

    Attributes
    ----------
    cut : str
        Key of ``sets``: the set that is cut, which may itself be a cut.
    kinds : tuple of str or None
        Kinds of symmetry functions that are kept.
    r_s : float, tuple of float or None
        Radial functions with this R_s are kept, or those from the first to the last of two, both included (Å); angular
        functions stay.
    names, without : tuple of str or None
        Readable names, or patterns with ``*``, ``?`` and ``[…]`` as a shell has them, of what is kept and of what is
        left out.
    """

    __pydantic_config__: ClassVar = STRICT
    cut: Name
    kinds: Annotated[tuple[Literal["G2", "G4", "G5"], ...], MinLen(1)] | None = None
    r_s: _NumberOrRange | None = None
    names: Annotated[tuple[Name, ...], MinLen(1)] | None = None
    without: Annotated[tuple[Name, ...], MinLen(1)] | None = None

    def __post_init__(self) -> None:
        if self.kinds is None and self.r_s is None and self.names is None and self.without is None:
            raise FeatureError(
                f"a cut says what is left of '{self.cut}' by 'kinds', 'r_s', 'names' or 'without', found none of them; "
                "add one, or name that set itself."
            )
        if isinstance(self.r_s, tuple) and self.r_s[0] > self.r_s[1]:
            low, high = self.r_s
            raise FeatureError(
                f"r_s goes from the smaller to the larger (Å), found [{low:g}, {high:g}]; write [{high:g}, {low:g}]."
            )


def _kind_of_set(value: Any) -> str:
    if isinstance(value, str):
        return "a preset"
    keys = value if isinstance(value, Mapping) else ()
    kinds = dict.fromkeys(("cut", "kinds", "r_s", "names", "without"), "cut from another")
    kinds |= {"functions": "written out", "preset": "by element", "input_nn": "from input.nn"}
    kinds["by_element"] = "by central element"
    kinds |= {"columns": "of a table", "table": "of a table"}
    return next((kind for key, kind in kinds.items() if key in keys), "evenly spaced")


# No tag is the name of a key, so that the place of a mistake can be told from its alternative.
SetSpec = Annotated[
    Annotated[str, Tag("a preset")]
    | Annotated[EvenlySpaced, Tag("evenly spaced")]
    | Annotated[Explicit, Tag("written out")]
    | Annotated[Resolved, Tag("by element")]
    | Annotated[FromInputNn, Tag("from input.nn")]
    | Annotated[ByElement, Tag("by central element")]
    | Annotated[Columns, Tag("of a table")]
    | Annotated[Cut, Tag("cut from another")],
    Discriminator(_kind_of_set),
]


@dataclass(frozen=True, slots=True)
class Variant:
    """One contestant: a model on a feature set, or a feature set alone where descriptors are timed.

    Attributes
    ----------
    name : str
        How it is called everywhere.
    set : str
        Key of ``sets``; left out for a potential of n2p2, whose own functions become a set.
    model : str or None
        Key of ``models``; ``None`` where nothing is trained.
    train_share : float or None
        Share of the split's training configurations that are learned from; ``None`` for all.
    observations : int or None
        Their number; ``None`` for all. Fewer are always among those of more, see :func:`bpbench.data.splits.fewer`.
    split_by : {'block', 'frame', 'state'}
        What this contestant's splits never divide; see :func:`bpbench.data.splits.draw`.
    """

    __pydantic_config__: ClassVar = STRICT
    name: Name
    set: Name = ""
    model: Name | None = None
    train_share: Share | None = None
    observations: Annotated[int, Ge(2)] | None = None
    split_by: SplitBy = "block"


@dataclass(frozen=True, slots=True)
class Sweep:
    """Contestants that differ in settings: every combination of some axes, or a list; see :mod:`bpbench.sweeps`.

    Attributes
    ----------
    model, set : str or None
        Keys of ``models`` and ``sets`` that hold for every contestant; ``None`` where they are an axis.
    axes : dict or None
        Values by axis, all of which are combined.
    points : tuple of dict or None
        In place of ``axes``: one mapping of settings for each contestant.
    """

    __pydantic_config__: ClassVar = STRICT
    model: Name | None = None
    set: Name | None = None
    axes: Annotated[dict[str, Annotated[tuple[Any, ...], MinLen(1)]], MinLen(1)] | None = None
    points: Annotated[tuple[Annotated[dict[str, Any], MinLen(1)], ...], MinLen(1)] | None = None


@dataclass(frozen=True, slots=True)
class Roles:
    """Repeats by what is drawn anew: every draw of one role is trained with every draw of the others.

    Attributes
    ----------
    weights, order : int
        Draws of the initial weights (of everything random in a model) and of the batch order, the same in every split.
    rerun : int
        Trainings of each combination: what differs between them is the machine's doing.
    """

    __pydantic_config__: ClassVar = STRICT
    weights: Count = 1
    order: Count = 1
    rerun: Count = 1

    @property
    def count(self) -> int:
        """Trainings in each split."""
        return self.weights * self.order * self.rerun


Repeats = Annotated[
    Annotated[Count, Tag("a number")] | Annotated[Roles, Tag("by role")],
    Discriminator(lambda value: "by role" if isinstance(value, dict | Roles) else "a number"),
]


@dataclass(frozen=True, slots=True)
class DescriptorClock:
    """Beside training, what the sets of all contestants take to compute is measured, when nothing else runs.

    Attributes
    ----------
    frames : int
        Frames that are described, spread evenly over the data; all of them where there are fewer.
    rounds : int
        Measurements of each set.
    """

    __pydantic_config__: ClassVar = STRICT
    frames: Count = 8
    rounds: Annotated[int, Ge(2)] = 3


@dataclass(frozen=True, slots=True)
class DescriptorTime:
    """What the descriptors of each set cost is measured, and nothing is trained.

    Attributes
    ----------
    frames : int
        Frames that are described, spread evenly over the data; all of them where there are fewer.
    """

    __pydantic_config__: ClassVar = STRICT
    kind: Literal["descriptor-time"]
    frames: Annotated[int, Ge(1)] = 8


def written_out(chosen: FeatureSet) -> Explicit | ByElement:
    """Return a set with its functions written out, by element where it has some of its own for each."""
    if not chosen.centres:
        return Explicit(chosen.functions)
    return ByElement(
        {element: Explicit(tuple(chosen.functions[place] for place in seen)) for element, seen in chosen.centres}
    )


def functions_of(spec: str | EvenlySpaced | Explicit | Resolved | FromInputNn | ByElement, folder: Path) -> FeatureSet:
    """Return the symmetry functions that a set names.

    Parameters
    ----------
    spec : SetSpec
        Any but :class:`Columns`, which names no functions, and :class:`Cut`, which needs the other sets.
    folder : Path
        The protocol's folder, from which the paths in it count.

    Raises
    ------
    FeatureError
        When there are no such functions, or no such file.
    """
    if isinstance(spec, str):
        return features.preset(spec)
    if isinstance(spec, EvenlySpaced):
        return features.evenly_spaced(spec.steps, spec.starts)
    if isinstance(spec, Resolved):
        return features.preset(spec.preset).resolved(spec.elements)
    if isinstance(spec, Explicit):
        return FeatureSet(spec.functions)
    if isinstance(spec, ByElement):
        return FeatureSet.by_element({element: functions_of(own, folder) for element, own in spec.by_element.items()})
    return _of_input_nn(spec, folder)


def _of_input_nn(spec: FromInputNn, folder: Path) -> FeatureSet:
    from bpbench.formats.n2p2 import read_settings

    path = folder / spec.input_nn
    if not path.is_file():
        raise FeatureError(f"There is no file {path}.")
    found: Mapping[str, FeatureSet] = read_settings(path, units=spec.units).functions
    if spec.element is None:
        return found[min(found)] if len(found) == 1 else FeatureSet.by_element(found)
    if spec.element not in found:
        raise FeatureError(f"{path} has no functions of the element '{spec.element}'{nearest(spec.element, found)}")
    return found[spec.element]
