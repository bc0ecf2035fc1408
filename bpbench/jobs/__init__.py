"""What can be asked for: plain frozen values. Everything that decides a result stands in its job.

A job holds the jobs it needs, so the jobs are the graph; its address is the digest of its value
(:func:`bpbench.identity.address`). ``version`` is bumped by hand when the code behind a job gives other numbers.

:mod:`bpbench.jobs.models` holds what can be trained, :mod:`bpbench.jobs.foreign` what others trained or train, and
:mod:`bpbench.jobs.work` data and jobs; whoever needs some asks here.
"""

from __future__ import annotations

from bpbench.jobs.foreign import (
    PLACEHOLDERS,
    PREDICTIONS,
    Command,
    Foreign,
    N2p2,
    as_typed,
)
from bpbench.jobs.models import (
    FORCES_VALIDATED,
    OPTIMIZERS,
    Adam,
    ByLayer,
    ForceTerm,
    Hdnn,
    Kalman,
    KerasAdam,
    LightGbm,
    Linear,
    Marquardt,
    ModelSpec,
    Optimizer,
    RandomForest,
    of_forces_alone,
    predicts_forces,
)
from bpbench.jobs.work import (
    Agree,
    Course,
    Describe,
    Distribute,
    FrameSource,
    Importance,
    Job,
    MakeFrames,
    Ping,
    ReadTable,
    Simulate,
    Split,
    SplitBy,
    Stretch,
    TableSource,
    TimeDescribe,
    Train,
)

__all__ = [
    "FORCES_VALIDATED",
    "OPTIMIZERS",
    "PLACEHOLDERS",
    "PREDICTIONS",
    "Adam",
    "Agree",
    "ByLayer",
    "Command",
    "Course",
    "Describe",
    "Distribute",
    "ForceTerm",
    "Foreign",
    "FrameSource",
    "Hdnn",
    "Importance",
    "Job",
    "Kalman",
    "KerasAdam",
    "LightGbm",
    "Linear",
    "MakeFrames",
    "Marquardt",
    "ModelSpec",
    "N2p2",
    "Optimizer",
    "Ping",
    "RandomForest",
    "ReadTable",
    "Simulate",
    "Split",
    "SplitBy",
    "Stretch",
    "TableSource",
    "TimeDescribe",
    "Train",
    "as_typed",
    "of_forces_alone",
    "predicts_forces",
]
