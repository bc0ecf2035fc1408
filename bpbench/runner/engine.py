"""Where jobs run, and until when: a plain value that the command line makes and :mod:`bpbench.runner.staff` obeys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from bpbench.runner.cluster_file import Cluster


@dataclass(frozen=True, slots=True)
class Engine:
    """Where jobs run.

    Attributes
    ----------
    workers : int
        Processes of this machine, 1 works in this process; of a batch system, how many there may be.
    scheduler : str or None
        Address of a Dask scheduler that runs already, such as ``tcp://10.0.0.1:8786``; its workers do the work then.
    cluster : Cluster or None
        A batch system whose workers do the work.
    until : float or None
        Reading of :func:`time.monotonic` after which nothing more is started.
    """

    workers: int = 1
    scheduler: str | None = None
    cluster: Cluster | None = None
    until: float | None = None

    @property
    def elsewhere(self) -> bool:
        """Whether workers may be on other machines."""
        return self.scheduler is not None or self.cluster is not None


#: One process, this one.
HERE: Final = Engine()
