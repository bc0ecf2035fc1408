r"""Trajectories and their blocks: how long a trajectory remembers, and how it is cut so that blocks are apart.

The consecutive frames of one group count as one trajectory. With τ the integrated autocorrelation time of its energies
per atom, in frames (:mod:`bpbench.statistics.autocorrelation`), the automatic cut has

.. math:: L \geq \lceil 5 \tau \rceil, \qquad g = \lceil \tau \rceil

=========  =====================  ================================================================================
symbol     name in code           meaning
=========  =====================  ================================================================================
τ          ``tau``                taken as 1 where it is less, which frames that swing about their mean can give
L          ``length``             frames of a block that splits use, at least
g          ``guard``              frames at each border between two blocks that no split uses
=========  =====================  ================================================================================

so that a block is long beside what it shares with its neighbours, and the last frame of one block is no near copy of
the first frame of the next.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import numpy.typing as npt

from bpbench.errors import DataError
from bpbench.statistics.autocorrelation import ENOUGH, autocorrelation

if TYPE_CHECKING:
    from bpbench.data.frames import Configurations, Floats

Words = npt.NDArray[np.str_]
#: A number of frames, or what the trajectory's τ asks for.
Length = int | Literal["auto"]

#: A block is at least so many τ long.
BLOCK_TAUS: Final = 5
#: Blocks that a trajectory should have: one for each part of a split.
FEWEST: Final = 3
#: Trajectories that are told one by one.
_LISTED: Final = 6


@dataclass(frozen=True, slots=True)
class Trajectory:
    """The frames of one group, in the order in which they stand.

    Attributes
    ----------
    name : str
        The group.
    frames : int
        Their number.
    tau : float or None
        Integrated autocorrelation time of the energy per atom, in frames; ``None`` where all energies are equal or
        some are not known.
    error : float or None
        Its standard error.
    effective : float or None
        Frames that would be worth as much if they were independent.
    reliable : bool
        Whether there are 50 τ frames, without which τ is only a guess, more often too small than too large.
    """

    name: str
    frames: int
    tau: float | None
    error: float | None
    effective: float | None
    reliable: bool

    @property
    def block_length(self) -> int | None:
        """Least frames of a block, ⌈5 τ⌉."""
        return None if self.tau is None else math.ceil(BLOCK_TAUS * max(1.0, self.tau))

    @property
    def guard(self) -> int | None:
        """Frames between two blocks, ⌈τ⌉."""
        return None if self.tau is None else math.ceil(max(1.0, self.tau))


def trajectories(per_atom: Floats, group: Words) -> tuple[Trajectory, ...]:
    """Return the trajectories of some frames.

    Parameters
    ----------
    per_atom : ndarray, shape (F,)
        Energy per atom of each frame.
    group : ndarray of str, shape (F,)
        Group of each frame.
    """
    return tuple(_trajectory(name, per_atom[group == name]) for name in dict.fromkeys(group.tolist()))


def _trajectory(name: str, series: Floats) -> Trajectory:
    if not np.isfinite(series).all():
        return Trajectory(name, len(series), None, None, None, False)
    found = autocorrelation(series)
    tau, error, effective = (
        None if np.isnan(value[0]) else float(value[0]) for value in (found.tau, found.error, found.effective)
    )
    return Trajectory(name, found.frames, tau, error, effective, bool(found.reliable[0]))


def lay(
    per_atom: Floats, group: Words, declared: Words | None, *, length: Length = 5, guard: Length = 0, path: Any = ""
) -> dict[str, npt.NDArray[Any]]:
    """Return the blocks of some frames, and which frames lie between them.

    Parameters
    ----------
    per_atom : ndarray, shape (F,)
        Energy per atom of each frame.
    group : ndarray of str, shape (F,)
        Group of each frame.
    declared : ndarray of str, shape (F,), or None
        Blocks that came with the data; ``None``: the frames of each group are cut.
    length : int or 'auto'
        Frames of a cut block.
    guard : int or 'auto'
        Frames left out at each border between two blocks of a group, the last ones of the former block.
    path : Path
        The file, for messages.

    Returns
    -------
    dict
        ``block``, shape (F,), the block of each frame, to which the frames behind it belong as well; and ``guard``,
        shape (F,), which of them are left out, unless none is.

    Raises
    ------
    DataError
        When a trajectory whose energies are all equal is to be cut by τ, a declared block is no longer than the guard,
        or no trajectory is longer than it.
    """
    block = np.empty(len(group), dtype=object)
    left_out = np.zeros(len(group), dtype=np.bool_)
    told = {item.name: item for item in trajectories(per_atom, group)} if "auto" in {length, guard} else {}
    for name in dict.fromkeys(group.tolist()):
        members = np.flatnonzero(group == name)
        gap = _asked(guard, told.get(name), "guard", path)
        if declared is not None:
            block[members] = declared[members]
            out = _ends(declared[members], gap, path)
        else:
            least = _asked(length, told.get(name), "block_length", path)
            numbers, out = _cut(len(members), least, gap, even=length == "auto")
            block[members] = [f"{name}/{number + 1:03d}" for number in numbers]
        left_out[members] = out
    if declared is None and guard != "auto" and guard > 0:
        _refuse_useless(block, group, guard, path)
    return {"block": block.astype(np.str_)} | ({"guard": left_out} if left_out.any() else {})


def _refuse_useless(block: npt.NDArray[Any], group: Words, guard: int, path: Any) -> None:
    """Refuse a guard beside which no group is cut: it would leave nothing out, and turn blocks into whole groups."""
    names, sizes = np.unique(group, return_counts=True)
    longest = int(sizes.max())
    if len(set(block.tolist())) == len(names) and longest > 1:
        raise DataError(
            f"{path}: with a guard of {guard} frames no group is long enough for two blocks (the longest has {longest} "
            "frames), so that whole groups would be split and no frame left out; ask for a shorter guard or shorter "
            "blocks, or leave the guard out."
        )


def _asked(value: Length, of: Trajectory | None, key: str, path: Any) -> int:
    if value != "auto":
        return value
    assert of is not None
    found = of.block_length if key == "block_length" else of.guard
    if found is None:
        raise DataError(
            f"{path}: {key}: auto needs the autocorrelation time of the energies, and those of the group '{of.name}' "
            f"({of.frames} frames) are all equal; give a number of frames."
        )
    return found


def _cut(count: int, length: int, guard: int, *, even: bool) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Return the number of the block of each frame, and which frames lie between two blocks."""
    place = np.arange(count)
    if even:
        # As many as are at least so long, of equal lengths to one frame.
        blocks = max(1, (count + guard) // (length + guard))
        kept = count - (blocks - 1) * guard
        starts = np.array([number * kept // blocks + number * guard for number in range(blocks)])
        numbers = np.searchsorted(starts, place, side="right") - 1
    else:
        step = length + guard
        whole, rest = divmod(count, step)
        blocks = max(1, whole + (2 * rest >= step))
        numbers = np.minimum(place // step, blocks - 1)
        starts = np.arange(blocks) * step
    ends = np.append(starts[1:], count)[numbers]
    return numbers.astype(np.int64), (numbers < blocks - 1) & (place >= ends - guard)


def _ends(declared: Words, guard: int, path: Any) -> npt.NDArray[np.bool_]:
    """Return which frames of a group lie at the end of a declared block that another one follows."""
    out = np.zeros(len(declared), dtype=np.bool_)
    names = list(dict.fromkeys(declared.tolist()))
    for name in names[:-1] if guard else ():
        members = np.flatnonzero(declared == name)
        if len(members) <= guard:
            raise DataError(
                f"{path}: a guard of {guard} frames at each border leaves nothing of the block '{name}', which has "
                f"{len(members)}; declare longer blocks, or ask for a shorter guard."
            )
        out[members[-guard:]] = True
    return out


def cut_blocks(group: Words, length: int) -> Words:
    """Cut the consecutive frames of each group into blocks of ``length``.

    The frames of a group count as consecutive in the order in which they stand, whatever stands between them. A rest of
    fewer than half a block joins the block before it; a longer one is a block of its own.

    Parameters
    ----------
    group : ndarray of str, shape (F,)
        Group of each frame.
    length : int
        Frames in a block, at least 1.

    Returns
    -------
    ndarray of str, shape (F,)
        Block of each frame: the group and a number from 1, such as ``Elastic/003``.
    """
    return lay(np.zeros(len(group)), group, None, length=length)["block"]


def check(path: Any, block: str | None, length: Length, guard: Length) -> None:
    """Refuse a cut that cannot be meant.

    Raises
    ------
    DataError
        For a length below 1, a guard below 0, or blocks that are both declared and to be cut.
    """
    if length != "auto" and length < 1:
        raise DataError(f"{path}: block_length must be 1 frame or more, found {length}.")
    if guard != "auto" and guard < 0:
        raise DataError(f"{path}: guard must be 0 frames or more, found {guard}.")
    if block is not None and length == "auto":
        raise DataError(
            f"{path}: the blocks are those that '{block}' names, and block_length: auto would cut others; leave one of "
            "the two out."
        )


def remarks(data: Configurations, length: Length, guard: Length) -> list[str]:
    """Return whole sentences on blocks that were cut by τ and on frames that are left out, for the report.

    Parameters
    ----------
    data : Configurations
        As they were read.
    length, guard : int or 'auto'
        As they were asked for.
    """
    said = []
    if "auto" in {length, guard}:
        said += _of_tau(data, length)
    if not data.blocks_declared:
        said += _whole(data)
    if data.guard is not None:
        left = int(data.guard.sum())
        each = "⌈τ⌉" if guard == "auto" else str(guard)
        said.append(
            f"{left} of {len(data)} frames stand at the borders between blocks ({each} at each) and are left out of "
            "training, validation and test, so that frames on either side of a border are no near copies."
        )
    return said


def _whole(data: Configurations) -> list[str]:
    """Return which groups were too short to be cut, so that a split by block takes them as a whole."""
    names = list(dict.fromkeys(data.group.tolist()))
    whole = [name for name in names if len(set(data.block[data.group == name].tolist())) == 1]
    if not whole:
        return []
    verbs = ("is", "goes") if len(whole) == 1 else ("are", "go")
    return [
        (
            f"{len(whole)} of {len(names)} groups {verbs[0]} too short for two blocks and {verbs[1]} as a "
            f"whole into one part of a split by block, as in a split by state: {_named(whole)}."
        )
    ]


def _of_tau(data: Configurations, length: Length) -> list[str]:
    found = trajectories(data.energy / data.atoms, data.group)
    named = [
        f"{item.name} {f'{item.tau:.1f}' if item.tau >= 1 else 'below 1'} of {item.frames}"
        for item in found
        if item.tau is not None
    ]
    more = f", and {len(named) - _LISTED} more groups" if len(named) > _LISTED else ""
    said = [
        (
            "The frames of each group are taken for one trajectory. Integrated autocorrelation time τ of its energies, "
            f"in frames: {', '.join(named[:_LISTED])}{more}."
        )
    ]
    if length == "auto":
        said.append(f"Blocks were cut to be at least {BLOCK_TAUS} τ long.")
        short = [item.name for item in found if len(set(data.block[data.group == item.name].tolist())) < FEWEST]
        if short:
            said.append(
                f"Too short for {FEWEST} blocks of {BLOCK_TAUS} τ: {_named(short)}; such a trajectory cannot be in "
                "all three parts of a split."
            )
    poor = [item.name for item in found if not item.reliable]
    if poor:
        said.append(
            f"τ is unreliable where a trajectory has fewer than {ENOUGH} τ frames, and is then more often too small "
            f"than too large: {_named(poor)}."
        )
    return said


def _named(names: list[str]) -> str:
    return ", ".join(names[:_LISTED]) + (f" and {len(names) - _LISTED} more" if len(names) > _LISTED else "")
