"""Problems of several elements, and their slow, obvious twin: one atom after another, in plain loops."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from network_twin import ACTIVATIONS
from problems import changed, ragged

if TYPE_CHECKING:
    from bpbench.models.contract import Floats, Ints, Problem
    from bpbench.models.network import Network

SYMBOLS = ("Al", "Cu", "Au")


def mixed(elements: int, frames: int = 14, functions: int = 5, seed: int = 3, largest: int = 12) -> Problem:
    """Return ragged configurations of random mixtures; each third one lacks the last element, each seventh has one."""
    base = ragged(frames, functions, seed, largest)
    random = np.random.default_rng(seed + 77)
    kind = random.integers(0, elements, base.offsets[-1])
    for c in range(0, frames, 3):
        own = slice(base.offsets[c], base.offsets[c + 1])
        kind[own] = np.minimum(kind[own], elements - 2)
    for c in range(0, frames, 7):
        kind[base.offsets[c] : base.offsets[c + 1]] = elements - 1
    shifts = np.array([-1.0, 0.5, 2.0])[kind]
    energy = base.energy + np.add.reduceat(shifts + 0.02 * shifts * base.values[0], base.offsets[:-1])
    return changed(base, elements=SYMBOLS[:elements], kind=kind, energy=energy)


@dataclass(frozen=True)
class Twin:
    """The standardised answer of networks by element, worked out from the definitions."""

    problem: Problem
    nets: list[Network]

    def seen(self, place: int) -> list[int]:
        """Return the functions that the network of an element sees."""
        return list(dict(self.problem.centres).get(self.problem.elements[place], range(len(self.problem.names))))

    def scaled(self, atom: int) -> Floats:
        """Return the standardised inputs of an atom: by the training atoms of its element alone."""
        base, found = self.problem, []
        assert base.kind is not None
        train = [
            other
            for c in base.train
            for other in range(base.offsets[c], base.offsets[c + 1])
            if base.kind[other] == base.kind[atom]
        ]
        for row in self.seen(int(base.kind[atom])):
            over = base.values[row][train]
            if np.ptp(over) > 0:
                found.append((base.values[row][atom] - over.mean()) / over.std())
        return np.array(found)

    def atom(self, atom: int, nets: list[Network]) -> float:
        """Return y of one atom."""
        assert self.problem.kind is not None
        net, state = nets[int(self.problem.kind[atom])], self.scaled(atom)
        inputs = state
        for weights, biases in net.layers[:-1]:
            state = ACTIVATIONS[net.activation](state @ weights + biases)
        weights, biases = net.layers[-1]
        out = float((state @ weights + biases)[0])
        return out if net.skip is None else out + float(inputs @ net.skip)

    def answers(self, members: Ints, nets: list[Network] | None = None) -> Floats:
        """Return ŷ of some configurations."""
        nets, offsets = nets or self.nets, self.problem.offsets
        return np.array(
            [np.mean([self.atom(atom, nets) for atom in range(offsets[c], offsets[c + 1])]) for c in members]
        )

    def slopes(self, members: Ints, h: float = 1e-6) -> Floats:
        """Return central differences by every weight of every network, network after network, shape (F, W)."""
        columns = []
        for place, net in enumerate(self.nets):
            w = net.flat()
            for number in range(len(w)):
                step, both = h * (np.arange(len(w)) == number), []
                for sign in (1, -1):
                    moved = [*self.nets]
                    moved[place] = net.filled(w + sign * step)
                    both.append(self.answers(members, moved))
                columns.append((both[0] - both[1]) / (2 * h))
        return np.array(columns).T
