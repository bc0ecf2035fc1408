"""What a protocol may say of its uses: numbers to stand beside ours, the check before adopting, the watch after."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from annotated_types import Ge, Gt, Le, Lt, MinLen
from pydantic import BeforeValidator

from bpbench.declared import Margin, Name, Share
from bpbench.features import STRICT

#: Of which claim it depends whether a candidate is adopted; see :mod:`bpbench.statistics.adoption`.
Rule = Literal["superior", "non-inferior", "cheaper-and-equivalent"]


def _share(value: object) -> object:
    """Let a share be written as ``25%``, as margins are."""
    if isinstance(value, str) and value.strip().endswith("%"):
        try:
            return float(value.strip().removesuffix("%")) / 100
        except ValueError:
            return value
    return value


#: A share of the baseline's mean: ``0.25`` or ``25%``.
Increase = Annotated[float, BeforeValidator(_share), Gt(0), Lt(1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A number that others published on the question of a variant, shown beside ours.

    Attributes
    ----------
    variant : str
        The variant whose question is the same: the same functions, model and kind of data.
    metric : str
        Which score it is, in that score's unit.
    value : float
        The number.
    source : str
        Where it was published, as it shall be printed.
    part : {'test', 'validation', 'train'}
        On which part of its data it was reached.
    note : str
        What about it differs: other data, a single training, the least of many.
    """

    __pydantic_config__: ClassVar = STRICT
    variant: Name
    metric: str
    value: Annotated[float, Gt(0)]
    source: Annotated[str, MinLen(1)]
    part: Literal["test", "validation", "train"] = "test"
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dynamics:
    """A short run of Langevin dynamics with the winner's potential, whose g(r) stands beside that of the data's frames.

    Attributes
    ----------
    state : str
        Group of the data whose frames are compared; the run starts from its first periodic one.
    steps : int
        Steps in all.
    timestep : float
        fs.
    temperature : float or None
        Of the thermostat, K; ``None``: that of the state.
    friction : float
        Of the thermostat, per fs.
    settle : int or None
        Steps before anything is counted; ``None``: a fifth of all.
    every : int
        Steps from one counted frame to the next.
    """

    __pydantic_config__: ClassVar = STRICT
    state: Name
    steps: Annotated[int, Ge(1)] = 1500
    timestep: Annotated[float, Gt(0), Le(20)] = 2.0
    temperature: Annotated[float, Gt(0)] | None = None
    friction: Annotated[float, Gt(0), Le(1)] = 0.01
    settle: Annotated[int, Ge(0)] | None = None
    every: Annotated[int, Ge(1)] = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What the contestant with the best mean is asked besides, once all trainings have ended; it decides nothing.

    Attributes
    ----------
    volumes : int
        Volumes at which the frame of least energy per atom is evaluated, evenly spaced.
    range : float
        By which share of its volume it is compressed and stretched at most.
    md : Dynamics or None
        The run of dynamics; ``None``: none.
    """

    __pydantic_config__: ClassVar = STRICT
    volumes: Annotated[int, Ge(7)] = 21
    range: Share = 0.15
    md: Dynamics | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """How ``bpbench check`` decides; margin, test, level and power are those of the analysis.

    Attributes
    ----------
    rule : {'superior', 'non-inferior', 'cheaper-and-equivalent'}
        What has to be shown before a candidate is adopted.
    """

    __pydantic_config__: ClassVar = STRICT
    rule: Rule = "superior"


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """What ``bpbench track`` records and by what ``gate`` goes.

    Attributes
    ----------
    repeats : int or None
        Repeats of each run (within each split of a crossed design); ``None``: those of the study.
    metrics : tuple of str or None
        Scores that are compared; ``None``: the analysis's metric.
    margin : float, str or None
        Largest difference of a score that does not matter, in its unit or as a share of the baseline's mean
        (``2 %``); ``None``: that of the analysis, where that is neither in d_z nor in the unit of another metric.
    time, memory : float
        By which share of the baseline's mean the processor time of a training, and the memory that it takes at most,
        must grow before that is a regression: two runs on one machine differ by more than their repeats do.
    alpha : float
        Chance that a run of unchanged code is called a regression, all variants and metrics together.
    correction : str
        For all comparisons of one call.
    power : float
        With which the smallest change that would be found is stated.
    """

    __pydantic_config__: ClassVar = STRICT
    repeats: Annotated[int, Ge(2)] | None = None
    metrics: Annotated[tuple[Name, ...], MinLen(1)] | None = None
    margin: Margin | None = None
    time: Increase = 0.5
    memory: Increase = 0.25
    alpha: Annotated[float, Gt(0), Lt(0.5)] = 0.05
    correction: Literal["holm", "bonferroni", "hochberg", "hommel", "sidak", "holm-sidak", "bh", "by", "tsbh"] = "holm"
    power: Annotated[float, Gt(0.5), Lt(1)] = 0.8
