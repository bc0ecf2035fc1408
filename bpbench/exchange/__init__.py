"""What leaves bpbench for other programs: a trained potential as files that these read.

:mod:`bpbench.exchange.translation` says a potential in n2p2's words, or names what these cannot say;
:mod:`bpbench.exchange.lammps` writes a ready input for LAMMPS; :mod:`bpbench.exchange.readme` says units, scores and
limits; :mod:`bpbench.exchange.export` finds the training and writes the folder.
"""
