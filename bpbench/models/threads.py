"""How many threads the linear algebra of fits has: one."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

#: What says to a process that begins how many threads the libraries in it may use.
VARIABLES: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@lru_cache(maxsize=1)
def keep_to_one_thread() -> None:
    """Set the libraries of linear algebra in this process to one thread, for good.

    Sums that are shared out among threads may round differently, and a result must not depend on the number of cores.
    The setting is one for the whole process, and a limit that one fit took back at its end would be missing from those
    that still run beside it in other threads. Two trainings at once use two cores better than one does.
    """
    import scipy.linalg  # noqa: F401 - its BLAS is one of its own; loaded later, it would not be limited
    from threadpoolctl import threadpool_limits

    threadpool_limits(limits=1)
