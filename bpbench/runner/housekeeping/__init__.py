"""A store kept in order: every result checked, what each study takes, and what no kept study needs removed.

A result is *needed* when a study that is kept is known to need it (:mod:`bpbench.runner.registry`), *let go* when only
studies need it that were let go, or a study needed it before and does not now, and *unknown* otherwise: such were made
by versions that kept no note of their studies, or by a program that used the store without a study. Unknown results
are only removed when that is asked for by itself.

What is removed is first renamed into the folder of unfinished things and then taken apart, so that a result is never
seen in half; what a crash leaves there is cleared up by the next driver. While results are removed no driver begins,
and while a driver works nothing is removed.
"""

from bpbench.runner.housekeeping.clearing import Collected, collect, refuse_beside_drivers
from bpbench.runner.housekeeping.counting import Share, Usage, usage
from bpbench.runner.housekeeping.there import Held, Stray, results
from bpbench.runner.housekeeping.verifying import Verified, verify

__all__ = [
    "Collected",
    "Held",
    "Share",
    "Stray",
    "Usage",
    "Verified",
    "collect",
    "refuse_beside_drivers",
    "results",
    "usage",
    "verify",
]
