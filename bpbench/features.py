r"""Symmetry functions as plain values, their names, and the sets of the aluminium study.

.. math::

    G^2_i = \sum_j e^{-\eta (R_{ij}-R_s)^2} f_c(R_{ij}),\qquad
    G^5_i = 2^{1-\zeta} \sum_{j<k} (1+\lambda\cos\theta_{ijk})^\zeta e^{-\eta(R_{ij}^2+R_{ik}^2)}
            f_c(R_{ij}) f_c(R_{ik})

and G⁴ is G⁵ with :math:`R_{jk}^2` added in the exponent and a further factor :math:`f_c(R_{jk})`; the cutoff function
is :math:`f_c(r) = \tfrac12[\cos(\pi r/R_c)+1]` for r ≤ R_c, else 0, or another of :data:`CUTOFFS`. In an alloy, j and
k run over the neighbours of the elements that a function names.

=========  =============  ===================================================
symbol     name           meaning
=========  =============  ===================================================
R_c        ``r_c``        cutoff radius (Å)
R_s        ``r_s``        centre of a radial function (Å)
η          ``eta``        width parameter (Å⁻²)
ζ          ``zeta``       angular resolution, at least 1
λ          ``lam``        +1 or -1, the angle at which the angular part peaks
=========  =============  ===================================================

Each unordered pair of neighbours (j, k) counts once, as in n2p2, RuNNer and DScribe; papers that sum over all j, k give
twice these values. n2p2 calls G2, G4, G5 types 2, 3, 9.

The 329 functions of the study and its groups of 57 are published; the values of its 60 angular functions, of its first
12 radial ones and of its 22-variable set never were. Ours are *reconstructions* and say so wherever they are shown.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from itertools import combinations_with_replacement
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal, Self

import numpy as np

from bpbench.elements import NUMBERS
from bpbench.errors import FeatureError, nearest
from bpbench.identity import IF_SET, NOT_IDENTITY

#: Read by pydantic when a protocol file names one of these: unknown keys are errors.
STRICT: Final = {"extra": "forbid"}

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


#: Cutoff functions by name; x = (r - αR_c)/(R_c - αR_c), and f_c = 1 for r < αR_c, 0 for r ≥ R_c.
CUTOFFS: Final = {
    "cos": "½[cos(πx) + 1]",
    "tanh3": "tanh³(1 - r/R_c)",
    "tanh3-one": "tanh³(1 - r/R_c) / tanh³(1)",
    "exp": "exp(1 - 1/(1 - x²))",
    "poly1": "1 + x²(2x - 3)",
    "poly2": "1 + x³((15 - 6x)x - 10)",
    "poly3": "1 + x⁴(x(x(20x - 70) + 84) - 35)",
    "poly4": "1 + x⁵(x(x((315 - 70x)x - 540) + 420) - 126)",
}
#: Those that know no inner radius αR_c.
WITHOUT_ALPHA: Final = ("tanh3", "tanh3-one")


def _number(value: float) -> str:
    short = f"{value:.6g}"
    # Columns are chosen by name, so two different functions must never share one: all digits where six would lie.
    return short if float(short) == value else repr(value)


def _settle(function: object, **numbers: float) -> None:
    # Equal values must have one plain form, or equal jobs would have two addresses: 0, 0.0, -0.0, NumPy's float64(0).
    for name, value in numbers.items():
        object.__setattr__(function, name, float(value) + 0.0)


def _check(function: Feature) -> None:
    name = function.kind
    for symbol, value in (("eta", function.eta), ("r_c", function.r_c), ("alpha", function.alpha)):
        if not math.isfinite(value):
            raise FeatureError(f"{name}: {symbol} must be a finite number, found {value!r}.")
    if function.eta < 0:
        raise FeatureError(f"{name}: the width eta must be 0 or more (1/Å²), found {function.eta!r}.")
    if function.r_c <= 0:
        raise FeatureError(f"{name}: the cutoff r_c must be positive (Å), found {function.r_c!r}.")
    if not math.isfinite(function.r_s) or function.r_s < 0:
        raise FeatureError(f"{name}: the centre r_s must be 0 or more (Å), found {function.r_s!r}.")
    if function.r_s > function.r_c:
        raise FeatureError(
            f"{name}: the centre r_s must not lie beyond the cutoff r_c, where the function sees nothing; found r_s "
            f"{function.r_s!r} and r_c {function.r_c!r} (Å)."
        )
    if function.cutoff not in CUTOFFS:
        raise FeatureError(
            f"{name}: there is no cutoff function called '{function.cutoff}'{nearest(function.cutoff, CUTOFFS)}"
        )
    if not 0 <= function.alpha < 1:
        raise FeatureError(f"{name}: the inner cutoff alpha must lie in 0 ≤ alpha < 1, found {function.alpha!r}.")
    if function.alpha and function.cutoff in WITHOUT_ALPHA:
        raise FeatureError(
            f"{name}: the cutoff function '{function.cutoff}' knows no inner cutoff; alpha must be 0, found "
            f"{function.alpha!r}."
        )


def _known(name: str, element: object) -> None:
    if element not in NUMBERS:
        right = str(element).capitalize()
        hint = f"; did you mean '{right}'?" if right in NUMBERS else "; expected a chemical symbol such as Al."
        raise FeatureError(f"{name}: there is no element '{element}'{hint}")


def _tail(function: Feature, elements: tuple[str, ...]) -> str:
    """Return what a name says of everything that is seldom given."""
    said = f",fc={function.cutoff}" if function.cutoff != "cos" else ""
    said += f",alpha={_number(function.alpha)}" if function.alpha else ""
    return said + (f",of={'-'.join(elements)}" if elements else "")


@dataclass(frozen=True, slots=True)
class G2:
    """Radial symmetry function (n2p2 type 2).

    Attributes
    ----------
    eta : float
        Width parameter η (Å⁻²), 0 or more.
    r_s : float
        Centre R_s (Å).
    r_c : float
        Cutoff R_c (Å), positive.
    of : str or None
        Element of the neighbours that count; ``None`` for all, in frames of one element.
    cutoff : str
        Key of :data:`CUTOFFS`.
    alpha : float
        Inner cutoff as a share of R_c, 0 ≤ α < 1.
    """

    __pydantic_config__: ClassVar = STRICT
    eta: float
    r_s: float
    r_c: float
    of: str | None = None
    cutoff: str = "cos"
    alpha: float = 0.0
    kind: Literal["G2"] = "G2"

    def __post_init__(self) -> None:
        _check(self)
        if self.of is not None:
            _known("G2", self.of)
        _settle(self, eta=self.eta, r_s=self.r_s, r_c=self.r_c, alpha=self.alpha)

    @property
    def elements(self) -> tuple[str, ...]:
        """The elements it names: none or one."""
        return () if self.of is None else (self.of,)

    @property
    def name(self) -> str:
        """Readable, unique name, such as ``G2(eta=1.85,rs=2.5,rc=6.8)``."""
        values = f"eta={_number(self.eta)},rs={_number(self.r_s)},rc={_number(self.r_c)}"
        return f"G2({values}{_tail(self, self.elements)})"


@dataclass(frozen=True, slots=True)
class _Angular:
    """What G4 and G5 share: their parameters and the checks on them."""

    __pydantic_config__: ClassVar = STRICT
    eta: float
    zeta: float
    lam: int
    r_c: float
    of: tuple[str, str] | None = None
    r_s: float = 0.0
    cutoff: str = "cos"
    alpha: float = 0.0

    def __post_init__(self) -> None:
        kind = type(self).__name__
        _check(self)  # type: ignore[arg-type]  # always a G4 or a G5
        if not math.isfinite(self.zeta) or self.zeta < 1:
            raise FeatureError(f"{kind}: zeta must be 1 or more, found {self.zeta!r}.")
        if self.lam not in {-1, 1}:
            raise FeatureError(f"{kind}: lam must be -1 or 1, found {self.lam!r}.")
        if self.of is not None:
            given: Any = self.of  # plain Python may give anything
            if isinstance(given, str) or len(given) != 2:
                raise FeatureError(f"{kind}: of must name the elements of two neighbours, found {given!r}.")
            for element in given:
                _known(kind, element)
            # The pair is unordered: one function, one name.
            object.__setattr__(self, "of", tuple(sorted(self.of, key=NUMBERS.__getitem__)))
        _settle(self, eta=self.eta, zeta=self.zeta, r_c=self.r_c, r_s=self.r_s, alpha=self.alpha)
        object.__setattr__(self, "lam", int(self.lam))

    @property
    def elements(self) -> tuple[str, ...]:
        """The elements it names: none or two, by atomic number."""
        return () if self.of is None else self.of

    @property
    def name(self) -> str:
        """Readable, unique name, such as ``G5(eta=0.01,zeta=4,lambda=-1,rc=6.8)``."""
        shift = f"rs={_number(self.r_s)}," if self.r_s else ""
        values = f"eta={_number(self.eta)},zeta={_number(self.zeta)},lambda={self.lam:+d},{shift}rc={_number(self.r_c)}"
        return f"{type(self).__name__}({values}{_tail(self, self.elements)})"  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class G4(_Angular):
    """Angular symmetry function with R_jk (n2p2 type 3).

    Attributes
    ----------
    eta : float
        Width parameter η (Å⁻²), 0 or more.
    zeta : float
        Angular resolution ζ, at least 1.
    lam : int
        λ, -1 or 1.
    r_c : float
        Cutoff R_c (Å), positive.
    of : tuple of str or None
        Elements of the two neighbours, in any order; ``None`` for all, in frames of one element.
    r_s : float
        Shift of every distance in the exponent (Å), as n2p2 and RuNNer allow; 0 in the papers.
    cutoff : str
        Key of :data:`CUTOFFS`.
    alpha : float
        Inner cutoff as a share of R_c, 0 ≤ α < 1.
    """

    kind: Literal["G4"] = "G4"


@dataclass(frozen=True, slots=True)
class G5(_Angular):
    """Angular symmetry function without R_jk (n2p2 type 9); its fields are those of :class:`G4`."""

    kind: Literal["G5"] = "G5"


Feature = G2 | G4 | G5


@dataclass(frozen=True, slots=True)
class FeatureSet:
    """An ordered tuple of different symmetry functions.

    Attributes
    ----------
    functions : tuple of G2, G4 or G5
        In the order of the network's inputs.
    reconstructed : bool
        Whether values in it were never published and are ours.
    centres : tuple of (str, tuple of int)
        By element of the central atom, the places of the functions that describe it; empty: all describe every element.
    """

    functions: tuple[Feature, ...]
    reconstructed: bool = False
    centres: tuple[tuple[str, tuple[int, ...]], ...] = field(default=(), metadata=IF_SET)

    def __post_init__(self) -> None:
        if not self.functions:
            raise FeatureError("A feature set must hold at least one symmetry function, found none.")
        names = self.names
        twice = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
        if twice:
            raise FeatureError(f"A feature set names each symmetry function once, found twice: {', '.join(twice)}.")

    @property
    def names(self) -> tuple[str, ...]:
        """The readable names, in order."""
        return tuple(function.name for function in self.functions)

    @classmethod
    def by_element(cls, sets: Mapping[str, FeatureSet]) -> FeatureSet:
        """Return one set for several elements of the central atom: each function once, and who is described by it.

        Parameters
        ----------
        sets : mapping of str to FeatureSet
            Functions by chemical symbol of the centre.
        """
        ordered = sorted(sets, key=lambda element: NUMBERS.get(element, 0))
        place = {item: number for number, item in enumerate(dict.fromkeys(f for e in ordered for f in sets[e]))}
        return cls(
            tuple(place),
            any(chosen.reconstructed for chosen in sets.values()),
            tuple((element, tuple(place[item] for item in sets[element])) for element in ordered),
        )

    def only(self, functions: Sequence[Feature]) -> Self:
        """Return the set of some of its functions; an element that none of them describes has nothing left.

        Raises
        ------
        FeatureError
            When an element of the centre is left without a function.
        """
        place = {item: number for number, item in enumerate(functions)}
        kept = tuple(
            (element, tuple(place[self.functions[at]] for at in seen if self.functions[at] in place))
            for element, seen in self.centres
        )
        bare = [element for element, seen in kept if not seen]
        if bare:
            raise FeatureError(
                f"no function that is left describes the central element {bare[0]}; keep at least one for each element."
            )
        return replace(self, functions=tuple(functions), centres=kept)

    def count_of(self, element: str) -> int:
        """Return how many of the functions describe a central element."""
        return len(dict(self.centres).get(element, self.functions))

    @property
    def elements(self) -> tuple[str, ...]:
        """The elements that its functions name, by atomic number; none where they do not tell elements apart."""
        return tuple(sorted({e for function in self.functions for e in function.elements}, key=NUMBERS.__getitem__))

    def resolved(self, elements: Sequence[str]) -> FeatureSet:
        """Return the set that tells these elements apart.

        A G2 is repeated for each element of the neighbour, a G4 or G5 for each unordered pair of elements; a function
        that names its elements already stays as it is.

        Parameters
        ----------
        elements : sequence of str
            Chemical symbols, each once.
        """
        if not elements or len(set(elements)) < len(elements):
            raise FeatureError(
                f"A set is resolved by elements, each named once; found {', '.join(elements) or 'none'}."
            )
        ordered = sorted(elements, key=lambda element: NUMBERS.get(element, 0))
        pairs = tuple(combinations_with_replacement(ordered, 2))
        made: list[Feature] = []
        places: list[range] = []
        for function in self.functions:
            first = len(made)
            if function.of is not None:
                made.append(function)
            elif isinstance(function, G2):
                made.extend(replace(function, of=element) for element in ordered)
            else:
                made.extend(replace(function, of=pair) for pair in pairs)
            places.append(range(first, len(made)))
        centres = tuple((element, tuple(at for old in seen for at in places[old])) for element, seen in self.centres)
        return FeatureSet(tuple(made), self.reconstructed, centres)

    def __len__(self) -> int:
        """Return the number of functions."""
        return len(self.functions)

    def __iter__(self) -> Iterator[Feature]:
        """Iterate over the functions in order."""
        return iter(self.functions)


@dataclass(frozen=True, slots=True)
class Column:
    """A model's input that was computed elsewhere and is read from a table.

    Attributes
    ----------
    name : str
        The column's name in its table.
    table : str
        SHA-256 of the table's file; empty for the table that is the data itself.
    """

    name: str
    table: str = ""


@dataclass(frozen=True, slots=True)
class ColumnSet:
    """An ordered tuple of different columns of one table; to a model the same as a :class:`FeatureSet`.

    Attributes
    ----------
    functions : tuple of Column
        In the order of the model's inputs.
    file : str
        The table's file name, for the report; no part of the identity.
    """

    functions: tuple[Column, ...]
    file: str = field(default="", metadata=NOT_IDENTITY)

    def __post_init__(self) -> None:
        names = self.names
        if not names:
            raise FeatureError("A set of columns must hold at least one column, found none.")
        twice = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
        if twice:
            raise FeatureError(f"A set names each column once, found twice: {', '.join(twice)}.")

    @property
    def names(self) -> tuple[str, ...]:
        """The columns' names, in order."""
        return tuple(column.name for column in self.functions)

    def only(self, functions: Sequence[Column]) -> Self:
        """Return the set of some of its columns."""
        return replace(self, functions=tuple(functions))

    @property
    def reconstructed(self) -> bool:
        """Whether values in it are ours: never, they are read."""
        return False

    def __len__(self) -> int:
        """Return the number of columns."""
        return len(self.functions)

    def __iter__(self) -> Iterator[Column]:
        """Iterate over the columns in order."""
        return iter(self.functions)


#: Cutoff of every function of the study (Å).
R_C: Final = 6.8
#: Six widths η (Å⁻²) of the reconstructed angular grid.
ANGULAR_ETA: Final = (0.0013, 0.01, 0.025, 0.05, 0.1, 0.2)
ANGULAR_ZETA: Final = (1.0, 2.0, 4.0, 8.0, 16.0)
#: Pool numbers of the reconstructed 12 radial functions: widths spaced nearly evenly in their logarithm.
TWELVE_RADIAL: Final = (1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 201)
#: Angular numbers of the reconstructed 22-variable set: both λ, all five ζ, at η = 0.01 Å⁻².
TWENTY_TWO_ANGULAR: Final = (6, 7, 8, 9, 10, 36, 37, 38, 39, 40)


def radial_pool() -> tuple[G2, ...]:
    """Return radial functions 1 to 269 of the study.

    1 to 201: R_s = 0, η = linspace(0, 2, 201) with the first replaced by 0.0013; 202 to 269: η = 1.85 and
    R_s = linspace(0.05, 6.8, 68).
    """
    etas = [0.0013, *(round(float(eta), 12) for eta in np.linspace(0, 2, 201)[1:])]
    shifts = [round(float(shift), 12) for shift in np.linspace(0.05, 6.8, 68)]
    # The grid steps are not multiples of 10⁻¹² everywhere; rounding there only removes the last-bit noise of linspace.
    return tuple(G2(eta, 0.0, R_C) for eta in etas) + tuple(G2(1.85, shift, R_C) for shift in shifts)


def angular_pool() -> tuple[G5, ...]:
    """Return our reconstruction of angular functions 1 to 60: λ slowest, then η, ζ fastest."""
    return tuple(G5(eta, zeta, lam, R_C) for lam in (-1, 1) for eta in ANGULAR_ETA for zeta in ANGULAR_ZETA)


def evenly_spaced(steps: tuple[int, int, int], starts: tuple[int, int, int]) -> FeatureSet:
    """Return an evenly spaced group of the pool of 329.

    Radial numbers range(x, 201, a) and range(y, 270, b), angular numbers range(z, 61, c); all count from 1 and exclude
    their end.

    Parameters
    ----------
    steps : tuple of int
        (a, b, c), each at least 1.
    starts : tuple of int
        (x, y, z), each at least 1.

    Raises
    ------
    FeatureError
        For a step or start below 1, for radial ranges that meet in a number, or when nothing is chosen.
    """
    if min(*steps, *starts) < 1:
        raise FeatureError(f"Steps and starts of a group count from 1, found steps {steps} and starts {starts}.")
    (a, b, c), (x, y, z) = steps, starts
    radial, angular = radial_pool(), angular_pool()
    numbers = [*range(x, 201, a), *range(y, 270, b)]
    chosen = [radial[number - 1] for number in numbers] + [angular[number - 1] for number in range(z, 61, c)]
    return FeatureSet(tuple(chosen), reconstructed=z <= len(angular))


def _twelve() -> tuple[Feature, ...]:
    radial = radial_pool()
    return tuple(radial[number - 1] for number in TWELVE_RADIAL)


def _twenty_two() -> tuple[Feature, ...]:
    angular = angular_pool()
    return _twelve() + tuple(angular[number - 1] for number in TWENTY_TWO_ANGULAR)


PRESETS: Final = (
    "thesis-329",
    "thesis-57-A",
    "thesis-57-B",
    "thesis-57-C",
    "thesis-57-D",
    "thesis-22",
    "thesis-12",
)


def preset(name: str) -> FeatureSet:
    """Return a named feature set of the aluminium study.

    Parameters
    ----------
    name : str
        One of :data:`PRESETS`.

    Raises
    ------
    FeatureError
        When there is none of that name; the nearest is offered.
    """
    if name == "thesis-329":
        return FeatureSet((*radial_pool(), *angular_pool()), reconstructed=True)
    if name in PRESETS and name.startswith("thesis-57-"):
        start = "ABCD".index(name[-1])
        return evenly_spaced((8, 4, 4), (1 + start, 202 + start, 1 + start))
    if name == "thesis-22":
        return FeatureSet(_twenty_two(), reconstructed=True)
    if name == "thesis-12":
        return FeatureSet(_twelve(), reconstructed=True)
    raise FeatureError(f"There is no feature set called '{name}'{nearest(name, PRESETS)}")
