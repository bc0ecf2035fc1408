"""The repeats of a study by what they draw: which split each of them uses, and which seeds.

A plain number of repeats draws everything anew for each of them. Repeats by role are fully crossed: every split with
every draw of the initial weights, every batch order and every rerun, each role with seeds of its own index, so that
the scores can be decomposed by where they differ (:mod:`bpbench.statistics.variance`).
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from bpbench.data import splits
from bpbench.data.frames import Configurations
from bpbench.data.splits import Parts
from bpbench.errors import DataError
from bpbench.identity import seed
from bpbench.jobs import Hdnn, Linear, Marquardt, ModelSpec, N2p2, Split
from bpbench.models.scaling import LEAST
from bpbench.protocol import Protocol


@dataclass(frozen=True, slots=True)
class Repeat:
    """One repeat: which split, which seeds.

    Attributes
    ----------
    number : int
        Its place among all repeats.
    split_number : int
        Which split it uses.
    split : Split
        That split.
    weights_seed, order_seed : int
        Seeds of everything random in a model, and of the order of the batches.
    weights, order : int
        Which draw of each these seeds are; of a plain number of repeats ``number`` itself.
    rerun : int
        How many trainings of these very seeds come before it.
    """

    number: int
    split_number: int
    split: Split
    weights_seed: int
    order_seed: int
    weights: int
    order: int
    rerun: int = 0


def lay_out(protocol: Protocol) -> tuple[Repeat, ...]:
    """Return every repeat of a protocol, or every round of measurements, in order."""
    root, spec = protocol.seed, protocol.split
    # Runs that are compared with each other redraw what their repeats redraw, and nothing else: two of them on two
    # reserves, or each on one split of its own, would differ by these however alike their trainings are.
    phase = "confirm" if protocol.draw == 0 else f"track {protocol.draw}"
    once = "confirm" if spec.design == "fixed" else phase
    made = []
    for number, (index, weights, order, rerun) in enumerate(_places(protocol)):
        # The reserve is drawn once, without phase or repeat, except where the design redraws everything.
        reserve = seed(root, phase, "reserve", index) if spec.design == "resampled" else seed(root, "reserve")
        redrawn = seed(root, once, "split", index)
        split = Split(spec.reserve, spec.validation, reserve, redrawn, fresh=spec.fresh or ())
        seeds = seed(root, phase, "weights", weights), seed(root, phase, "order", order)
        made.append(Repeat(number, index, split, *seeds, weights, order, rerun))
    return tuple(made)


def exploring(protocol: Protocol, outer: int = 0) -> tuple[Repeat, ...]:
    """Return the repeats of one search in phase *explore*, none of which sees the reserve.

    Parameters
    ----------
    protocol : Protocol
        With its strategies.
    outer : int
        Number of the outer split; each has draws of its own.
    """
    root, spec, explore = protocol.seed, protocol.split, protocol.explore
    made = []
    for number in range(explore.repeats):
        index = number if explore.design == "resampled" else 0
        drawn = {
            role: seed(root, "explore", role, outer, at)
            for role, at in (("split", index), ("weights", number), ("order", number))
        }
        split = Split(
            spec.reserve,
            explore.validation,
            seed(root, "reserve"),
            drawn["split"],
            fresh=spec.fresh or (),
            explore=explore.test,
        )
        made.append(Repeat(number, index, split, drawn["weights"], drawn["order"], number, number))
    return tuple(made)


def draw(protocol: Protocol, frames: Configurations, split: Split) -> Parts:
    """Draw a split, or refuse data too few to learn from before anything runs.

    Parameters
    ----------
    protocol : Protocol
        Whose lines are named.
    frames : Configurations
        What is divided.
    split : Split
        How.

    Raises
    ------
    DataError
        When the split leaves nothing for a part, or fewer than a model needs.
    """
    try:
        splits.divided(frames, split.fresh)
    except DataError as error:
        raise DataError(f"{protocol.origin.where('split', 'fresh')}: {error}") from None
    where = protocol.origin.where("data")
    try:
        parts = splits.draw(frames, split)
    except DataError as error:
        raise DataError(f"{where}: {error}") from None
    for name, verb in (("train", "train"), ("validation", "validate")):
        if len(getattr(parts, name)) < LEAST:
            raise DataError(
                f"{where}: a model needs at least {LEAST} configurations to {verb} on, the split of {len(frames)} "
                f"frames leaves {len(getattr(parts, name))}; give more frames or other shares."
            )
    return parts


def _places(protocol: Protocol) -> list[tuple[int, int, int, int]]:
    """Return the indices of split, weights, order and rerun of every repeat, the last one running fastest."""
    roles = protocol.roles
    if roles is not None:
        splits = range(protocol.split.splits or 1)
        return list(itertools.product(splits, range(roles.weights), range(roles.order), range(roles.rerun)))
    design, each = protocol.split.design, protocol.per_split
    return [
        ({"fixed": 0, "resampled": number, "crossed": number // each}[design], number, number, 0)
        for number in range(protocol.repeat_count)
    ]


def deterministic(protocol: Protocol) -> list[tuple[str, str]]:
    """Return the declared comparisons of which neither side changes from repeat to repeat: no number of them gives a p.

    These are the pairs of models that draw nothing, on one split.
    """
    if protocol.split.design != "fixed" or protocol.measure is not None:
        return []
    model = {variant.name: protocol.models.get(variant.model or "") for variant in protocol.variants}
    still = {name for name, spec in model.items() if spec is not None and not drawn(spec)}
    return [pair for pair in protocol.family if still.issuperset(pair)]


def drawn(model: ModelSpec) -> tuple[str, ...]:
    """Return the roles that a model draws from; the seeds of the others are no part of what decides its result."""
    if isinstance(model, Linear):
        # the configurations whose forces are learned from, if not all are
        return ("order",) if model.forces is not None and model.forces.fraction < 1 else ()
    if isinstance(model, N2p2):
        return ()
    if isinstance(model, Hdnn) and not isinstance(model.optimizer, Marquardt):
        return ("weights", "order")
    return ("weights",)
