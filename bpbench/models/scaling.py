r"""Scales of inputs and targets, and the reference energy: taken from the training part alone, always in float64.

=================  =========================  ==================================================================
symbol             name in code               meaning
=================  =========================  ==================================================================
G_a                ``values[:, a]``           descriptors of atom a
a, b               ``shift``, ``scale``       what each G is shifted and divided by; see below
E_c, n_c           ``energy``, ``atoms``      energy (eV) and number of atoms of configuration c
E_ref              ``reference``              Σ_c E_c n_c / Σ_c n_c² over the training configurations, eV per atom
m, s               ``centre``, ``width``      mean and spread (ddof 0) of E_c/n_c - E_ref over them, eV per atom
=================  =========================  ==================================================================

E_ref is the least-squares solution of E_c ≈ n_c E_ref. Of several elements each has its own scales, over its own
training atoms, and its own reference: E_c ≈ Σ_e n_ce E_ref(e) in least squares, of equally good references those of
least norm (:func:`numpy.linalg.lstsq`), and n_c E_ref is that sum. m and s are shared. A model sees (G - a)/b and
answers (E_c/n_c - E_ref - m)/s.
For configurations of one size m is zero; it differs from zero only where sizes are mixed.

===================  ==============  ==============  ====================================================
scaling              a               b               n2p2
===================  ==============  ==============  ====================================================
``standard``         mean            spread (ddof 0) ``scale_symmetry_functions_sigma``, there ddof 1
``min-max``          least           range           ``scale_symmetry_functions``
``centred``          mean            1               ``center_symmetry_functions``
``centred-min-max``  mean            range           both of these
===================  ==============  ==============  ====================================================
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from bpbench.errors import DataError
from bpbench.models.contract import of_element, prefixed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import numpy.typing as npt

    from bpbench.models.contract import Centres, Floats, Ints, Problem

#: A function whose range over the training atoms is below this share of its largest value is constant.
CONSTANT = 1e-12

#: What is kept of the values over the training atoms, by the names of :class:`Scaling`.
SEEN = ("least", "most", "mean", "sigma")

#: Fewest configurations to train and to validate on.
LEAST = 2


@dataclass(frozen=True, slots=True)
class Scaling:
    """How inputs and targets are scaled; see the module's table.

    Attributes
    ----------
    kept : ndarray of bool, shape (D,)
        False for functions that are constant over the training atoms.
    shift, scale : ndarray, shape (D,)
        a and b of each function; b is 1 where the function is dropped.
    reference, centre, width : float
        E_ref, m and s in eV per atom; s is 1 where all targets agree.
    least, most, mean, sigma : ndarray, shape (D,)
        Ends, mean and spread (ddof 1) of each function over the training atoms, whatever the scaling: beyond the ends a
        model extrapolates.
    remarks : tuple of str
        Sentences that name the functions dropped.
    rows : ndarray of int, shape (D,), or None
        Rows of a problem's descriptors that its functions are; ``None``: all.
    """

    kept: np.ndarray
    shift: Floats
    scale: Floats
    reference: float
    centre: float
    width: float
    least: Floats
    most: Floats
    mean: Floats
    sigma: Floats
    remarks: tuple[str, ...] = ()
    rows: Ints | None = None

    @property
    def each(self) -> tuple[Scaling, ...]:
        """The scales by element: these alone."""
        return (self,)

    @property
    def inputs(self) -> Ints:
        """Rows of a problem's descriptors that are not dropped: what a network sees."""
        return np.flatnonzero(self.kept) if self.rows is None else self.rows[self.kept]

    def base(self, counts: Ints) -> Floats:
        """Return the mean reference energy per atom, eV, of configurations with ``counts`` of atoms, shape (F, 1)."""
        return np.full(len(counts), self.reference)

    def parameters(self) -> dict[str, Floats]:
        """Return the scales as arrays, the form in which a fit keeps them."""
        return {
            "kept": self.kept.astype(np.float64),
            "shift": self.shift,
            "scale": self.scale,
            "reference": np.array(self.reference),
            "centre": np.array(self.centre),
            "width": np.array(self.width),
            **{name: getattr(self, name) for name in SEEN},
        }


@dataclass(frozen=True, slots=True)
class Scalings:
    """The scales of several elements; used as a :class:`Scaling` is.

    Attributes
    ----------
    elements : tuple of str
        Chemical symbols of the K elements.
    each : tuple of Scaling
        Those of each, in this order; centre and width are the same in all.
    remarks : tuple of str
        Of all elements, and on their references.
    """

    elements: tuple[str, ...]
    each: tuple[Scaling, ...]
    remarks: tuple[str, ...] = ()

    @property
    def centre(self) -> float:
        """m, eV per atom."""
        return self.each[0].centre

    @property
    def width(self) -> float:
        """s, eV per atom."""
        return self.each[0].width

    def base(self, counts: Ints) -> Floats:
        """Return the mean reference energy per atom, eV, of configurations with ``counts`` of atoms, shape (F, K)."""
        per_atom: Floats = counts @ np.array([own.reference for own in self.each]) / counts.sum(axis=1)
        return per_atom

    def parameters(self) -> dict[str, Floats]:
        """Return the scales as arrays, the form in which a fit keeps them."""
        found: dict[str, Floats] = {}
        for element, own in zip(self.elements, self.each, strict=True):
            found |= prefixed(own.parameters(), element)
        return found


def from_parameters(parameters: dict[str, Floats]) -> Scaling:
    """Return the scales that :meth:`Scaling.parameters` wrote; out of the store a number comes as an array of one."""
    return Scaling(
        kept=parameters["kept"] > 0.5,
        shift=parameters["shift"],
        scale=parameters["scale"],
        reference=float(parameters["reference"].item()),
        centre=float(parameters["centre"].item()),
        width=float(parameters["width"].item()),
        least=parameters["least"],
        most=parameters["most"],
        mean=parameters["mean"],
        sigma=parameters["sigma"],
    )


def of_parameters(
    parameters: dict[str, Floats], elements: tuple[str, ...] = (), centres: Centres = ()
) -> Scaling | Scalings:
    """Return the scales of one element or several that a fit keeps.

    Parameters
    ----------
    parameters : dict of str to ndarray
        ``Fit.parameters``.
    elements : tuple of str
        Chemical symbols of what was fitted.
    centres : tuple of (str, tuple of int)
        By element the rows of the descriptors that its network sees; empty: all.
    """
    seen = dict(centres)
    rows = {element: np.array(places, dtype=np.int64) for element, places in seen.items()}
    if len(elements) < 2:
        only = from_parameters(parameters)
        return replace(only, rows=rows[elements[0]]) if elements and elements[0] in rows else only
    each = [from_parameters(of_element(parameters, element)) for element in elements]
    return Scalings(
        elements,
        tuple(replace(own, rows=rows.get(element)) for element, own in zip(elements, each, strict=True)),
    )


def check(problem: Problem) -> None:
    """Refuse a problem that no model can be fitted to.

    Raises
    ------
    DataError
        With fewer than two training or validation configurations, an empty configuration, an element of which there
        are no training atoms, or a number that is not finite among the descriptors or the energies of the training and
        validation parts.
    """
    for name, part in (("training", problem.train), ("validation", problem.validation)):
        if len(part) < LEAST:
            raise DataError(
                f"A fit needs at least {LEAST} {name} configurations, this split has {len(part)}; use more frames or "
                f"another share of them."
            )
        bad = part[~np.isfinite(problem.energy[part])]
        if len(bad):
            raise DataError(
                f"A fit needs finite energies, that of {name} frame {bad[0]} is {problem.energy[bad[0]]}; "
                f"remove the frame or correct it."
            )
    empty = np.flatnonzero(problem.atoms < 1)
    if len(empty):
        raise DataError(f"Every configuration needs at least one atom, frame {empty[0]} has none; remove it.")
    _require_seen(problem)
    for name, row in zip(problem.names, problem.values, strict=True):
        if not np.all(np.isfinite(row)):
            atom = int(np.flatnonzero(~np.isfinite(row))[0])
            frame = int(np.searchsorted(problem.offsets, atom, side="right")) - 1
            raise DataError(
                f"A fit needs finite descriptors, {name} is {row[atom]} at atom {atom - problem.offsets[frame]} of "
                f"frame {frame}; correct the frame or leave the function out."
            )


def reference_energy(problem: Problem) -> float:
    """Return E_ref = Σ E_c n_c / Σ n_c² over the training configurations, in eV per atom."""
    energy, atoms = problem.energy[problem.train], problem.atoms[problem.train]
    return float(energy @ atoms / (atoms @ atoms))


def atoms_of(offsets: Ints, frames: Ints) -> Ints:
    """Return the numbers of all atoms of some frames, frame after frame.

    Parameters
    ----------
    offsets : ndarray of int, shape (F + 1,)
        First atom of each frame, then their number.
    frames : ndarray of int
        Frame numbers.
    """
    return np.concatenate([np.arange(offsets[frame], offsets[frame + 1]) for frame in frames])


def counts(offsets: Ints, kind: Ints | None, elements: int) -> Ints:
    """Return the atoms of each of K elements in each configuration, shape (F, K); all of them where K is 1.

    Parameters
    ----------
    offsets : ndarray of int, shape (F + 1,)
        First atom of each configuration, then their number.
    kind : ndarray of int or None
        Place of each atom's element.
    elements : int
        K.
    """
    size = np.diff(offsets).astype(np.int64)
    if elements < 2:
        return size[:, None]
    assert kind is not None  # several elements are told apart
    found = np.bincount(np.repeat(np.arange(len(size)), size) * elements + kind, minlength=len(size) * elements)
    return found.reshape(-1, elements).astype(np.int64)


def atoms_like(kind: Ints | None, place: int) -> npt.NDArray[np.bool_]:
    """Return where the atoms of one of several elements are, shape (A,)."""
    assert kind is not None  # several elements are told apart
    return np.equal(kind, place)


def composition(problem: Problem) -> Ints:
    """Return the atoms of each element in each configuration of a problem, shape (F, K)."""
    return counts(problem.offsets, problem.kind, max(1, len(problem.elements)))


def scaling(problem: Problem, kind: str = "standard") -> Scaling:
    """Return the scales of a problem of one element, from its training part alone; see :func:`scalings`."""
    found = scalings(problem, kind)
    assert isinstance(found, Scaling)
    return found


def scalings(problem: Problem, kind: str = "standard") -> Scaling | Scalings:
    """Return the scales of a problem, from its training part alone.

    Parameters
    ----------
    problem : Problem
        What is learned.
    kind : {'standard', 'min-max', 'centred', 'centred-min-max'}
        How inputs are scaled; see the module's table.

    Returns
    -------
    Scaling or Scalings
        Of one element, or of several.

    Raises
    ------
    DataError
        When every function of an element is constant over its training atoms, or when it has none.
    """
    atoms, seen = atoms_of(problem.offsets, problem.train), dict(problem.centres)
    if len(problem.elements) < 2:
        reference = reference_energy(problem)
        shared = _shared(problem, np.full(len(problem.train), reference), reference)
        rows = next((np.array(places, dtype=np.int64) for places in seen.values()), None)
        return _own(problem, atoms, rows, kind, "", (reference, *shared))
    assert problem.kind is not None
    references, remarks = _references(problem)
    amount = composition(problem)[problem.train]
    shared = _shared(problem, amount @ references / amount.sum(axis=1), float(np.abs(references).max()))
    each = []
    for place, element in enumerate(problem.elements):
        rows = np.array(seen[element], dtype=np.int64) if element in seen else None
        own = atoms[problem.kind[atoms] == place]
        each.append(_own(problem, own, rows, kind, element, (float(references[place]), *shared)))
    remarks += tuple(remark for own in each for remark in own.remarks)
    return Scalings(problem.elements, tuple(each), remarks)


def _require_seen(problem: Problem) -> None:
    """Refuse an element that the training part has no atom of."""
    if len(problem.elements) < 2:
        return
    assert problem.kind is not None
    atoms = atoms_of(problem.offsets, problem.train)
    for place, element in enumerate(problem.elements):
        if not np.any(problem.kind[atoms] == place):
            where = np.flatnonzero(problem.kind == place)
            frame = int(np.searchsorted(problem.offsets, where[0], side="right")) - 1 if len(where) else -1
            raise DataError(
                f"A fit needs training atoms of every element, this split trains on no {element}, which frame {frame} "
                "holds; use another share or seed of the split, or leave such frames out."
            )


def _references(problem: Problem) -> tuple[Floats, tuple[str, ...]]:
    """Return the reference energy of each element, eV per atom, and what there is to say of them."""
    amount = composition(problem)[problem.train].astype(np.float64)
    solution, _, rank, _ = np.linalg.lstsq(amount, problem.energy[problem.train])
    found: Floats = solution.astype(np.float64)
    if rank == amount.shape[1]:
        return found, ()
    remark = (
        f"The compositions of the training configurations do not determine the reference energies of "
        f"{', '.join(problem.elements)} one by one; of all that fit equally well, those of least norm are taken."
    )
    return found, (remark,)


def bases(problem: Problem) -> Floats:
    """Return the mean reference energy of each configuration's atoms, eV per atom, shape (F,)."""
    if len(problem.elements) < 2:
        return np.full(len(problem.energy), reference_energy(problem))
    per_atom: Floats = composition(problem) @ _references(problem)[0] / problem.atoms
    return per_atom


def _shared(problem: Problem, base: Floats, largest: float) -> tuple[float, float]:
    """Return m and s of training energies from which the references ``base``, eV per atom, are taken off."""
    target = problem.energy[problem.train] / problem.atoms[problem.train] - base
    width = float(target.std())
    # The spread of equal targets is rounding noise of E_ref; dividing by it would train on noise.
    return float(target.mean()), width if width > CONSTANT * max(1.0, abs(largest)) else 1.0


def _own(
    problem: Problem, atoms: Ints, rows: Ints | None, kind: str, element: str, energies: tuple[float, float, float]
) -> Scaling:
    """Return the scales of one element over its training atoms, with its E_ref, m and s."""
    numbers = np.arange(len(problem.names)) if rows is None else rows
    names = [problem.names[number] for number in numbers]
    count = len(names)
    kept, shift, scale = np.ones(count, dtype=bool), np.empty(count), np.ones(count)
    ends = {name: np.empty(count) for name in SEEN}
    alike: dict[tuple[float, float, float], list[int]] = {}
    for place, number in enumerate(numbers):  # row by row: no second copy of a large table
        seen = problem.values[number][atoms].astype(np.float64)
        least, most, mean = float(seen.min()), float(seen.max()), float(seen.mean())
        largest = max(abs(least), abs(most))
        # Squares of tiny numbers are 0 where the numbers are not.
        spread = float((seen / largest).std()) * largest if largest else 0.0
        sigma = spread * np.sqrt(len(seen) / (len(seen) - 1)) if len(seen) > 1 else 0.0
        for name, value in zip(SEEN, (least, most, mean, sigma), strict=True):
            ends[name][place] = value
        shift[place] = least if kind == "min-max" else mean
        if most - least <= CONSTANT * largest:
            kept[place] = False
            continue
        alike.setdefault((least, most, mean), []).append(int(number))
        if kind == "standard":
            scale[place] = spread
        elif kind != "centred":
            scale[place] = most - least
    whose = f" of {element}" if element else ""
    if not kept.any():
        raise DataError(
            f"A model needs a function that varies, all {count} are constant over the training atoms{whose}; "
            f"choose other functions or look at the frames."
        )
    reference, centre, width = energies
    return Scaling(
        kept=kept,
        shift=shift,
        scale=scale,
        reference=reference,
        centre=centre,
        width=width,
        **ends,
        remarks=(
            *_dropped([name for name, keep in zip(names, kept, strict=True) if not keep], whose),
            *_repeated(problem, atoms, alike.values(), whose),
        ),
        rows=rows,
    )


def _repeated(problem: Problem, atoms: Ints, alike: Iterable[list[int]], whose: str) -> Iterator[str]:
    """Yield a sentence for each function that repeats another, among those whose ends and means agree."""
    for numbers in alike:
        for place, number in enumerate(numbers[1:], 1):
            row = problem.values[number][atoms]
            twin = next((other for other in numbers[:place] if np.array_equal(problem.values[other][atoms], row)), None)
            if twin is not None:
                yield (
                    f"The functions {problem.names[twin]} and {problem.names[number]} have the same values at all "
                    f"training atoms{whose}; the second tells a model nothing, leave it out."
                )


def _dropped(names: list[str], whose: str) -> tuple[str, ...]:
    if not names:
        return ()
    if len(names) == 1:
        return (f"The function {names[0]} is constant over the training atoms{whose} and was dropped.",)
    return (
        f"{len(names)} functions are constant over the training atoms{whose} and were dropped: {', '.join(names)}.",
    )


def targets(scales: Scaling | Scalings, problem: Problem, frames: Ints) -> Floats:
    """Return the standardised energies per atom (E_c/n_c - E_ref - m)/s of some frames, shape (F,)."""
    target: Floats = problem.energy[frames] / problem.atoms[frames] - scales.base(composition(problem)[frames])
    return (target - scales.centre) / scales.width


def sums(per_atom: Floats, offsets: Ints) -> Floats:
    """Return the sum over each configuration's atoms along the last axis, shape (..., F)."""
    return np.add.reduceat(per_atom, offsets[:-1], axis=-1)


def constant(problem: Problem) -> Floats:
    """Return the constant predictor beside which every model is shown, eV, shape (F,).

    It gives every atom the mean energy per atom of the training configurations, the best constant by RMSE per atom.
    Of several elements it knows the composition and nothing else: every atom has the reference energy of its element
    and the mean of what these leave.
    """
    per_atom = problem.energy[problem.train] / problem.atoms[problem.train]
    if len(problem.elements) < 2:
        return problem.atoms * float(per_atom.mean())
    base = bases(problem)
    return problem.atoms * (base + float((per_atom - base[problem.train]).mean()))
