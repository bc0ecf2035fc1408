"""What processes of this machine have loaded when they begin: importing this loads it.

One process imports this and is copied (:mod:`bpbench.runner.nursery`), so nothing here may begin a thread, which copies
would miss. It is what nearly every job needs: Dask, and kernels with their compiler, half a second's work each. What
only some models need (scikit-learn, LightGBM) would take a second more, for which all would wait; who does such jobs
loads it.
"""

import contextlib

import distributed.nanny  # noqa: F401 - all are here to be loaded

import bpbench.descriptors.moments
import bpbench.descriptors.radial
import bpbench.descriptors.sorting
import bpbench.descriptors.triplets
import bpbench.models.kernels
import bpbench.runner.worker  # noqa: F401
from bpbench.compiled import load

with contextlib.suppress(Exception):  # the job that needs it will say it
    load()
