"""Descriptors of an atom's surroundings: neighbours, what is to be evaluated, the kernels that do it, and one door."""
