"""dask-jobqueue, imported with Ctrl-C left alone: by itself it has Ctrl-C end the process with exit code 0.

Imported by :mod:`bpbench.runner.cluster` and :mod:`bpbench.runner.batch` alone, when a batch system is asked.
"""

from __future__ import annotations

import signal
from typing import Final

_heard: Final = signal.getsignal(signal.SIGINT)

from dask_jobqueue import OARCluster, PBSCluster, SLURMCluster  # noqa: E402
from dask_jobqueue.core import Job, JobQueueCluster  # noqa: E402

if signal.getsignal(signal.SIGINT) is not _heard:
    signal.signal(signal.SIGINT, _heard)

__all__ = ["CLUSTERS", "Job", "JobQueueCluster"]

#: Its clusters, by what cluster files call the batch system.
CLUSTERS: Final = {"slurm": SLURMCluster, "oar": OARCluster, "pbs": PBSCluster}
