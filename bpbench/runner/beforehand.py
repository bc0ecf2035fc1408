"""What processes of this machine have loaded when they begin: importing this loads it.

One process imports this and is copied (:mod:`bpbench.runner.nursery`), so nothing here may begin a thread, which copies
would miss. Dask comes first in time, then what nearly every job needs: kernels and their compiler, with which a process
would be busy for half a second before its first job. What only some models need (scikit-learn, LightGBM) takes longer
than the driver needs until it wants the first copy.
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
