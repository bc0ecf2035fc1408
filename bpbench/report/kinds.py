"""Kinds of study, and the words that differ between them: what is repeated, under which condition claims hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from bpbench.metrics import METRICS
from bpbench.report.language import Told, marked, tell
from bpbench.report.numerals import noun

#: Conditions under which claims hold, by design.
SCOPE: Final = Told(
    {
        "fixed": marked("given this split"),
        "resampled": marked("given these data"),
        "crossed": marked("given these data and this reserve"),
    }
)


def is_time(metric: Mapping[str, Any]) -> bool:
    """Return whether a metric is a measured time."""
    known = METRICS.get(metric["key"])
    return known is not None and known.timed


@dataclass(frozen=True, slots=True)
class Kind:
    """The words that differ from one kind of study to another.

    Attributes
    ----------
    job : str
        What is repeated; told by :func:`job_word` and :func:`jobs`.
    scope : Told
        The condition under which claims hold, by design.
    parted : bool
        Whether scores are those of a part of the data, the test set.
    undecided : str
        What an undecided comparison never means; a message that is yet to be told.
    lost : str
        What failed or missing repeats do to a verdict; the same.
    """

    job: str
    scope: Told
    parted: bool
    undecided: str
    lost: str


_AS_GOOD: Final = marked("Undecided never means that two variants are as good as each other.")


TRAINED: Final = Kind(
    noun("training"),
    SCOPE,
    parted=True,
    undecided=_AS_GOOD,
    lost=marked(
        "A variant of which a repeat diverged cannot be called better or equivalent, and with a repeat missing there "
        "is no verdict."
    ),
)


TIMED: Final = Kind(
    noun("measurement"),
    Told(dict.fromkeys(SCOPE, marked("on this kind of machine"))),
    parted=False,
    undecided=marked("Undecided never means that two sets take equally long."),
    lost=marked("With a round missing there is no verdict."),
)


SCORED: Final = Kind(
    noun("score"),
    Told(
        {
            "fixed": marked("given what all repeats share"),
            "resampled": marked("given these data"),
            "crossed": marked("given these data and their test set"),
        }
    ),
    parted=False,
    undecided=_AS_GOOD,
    lost=marked(
        "A variant of which a repeat has no finite score cannot be called better or equivalent; where a repeat has no "
        "row at all, the comparison rests on those that both sides have."
    ),
)


def study_kind(findings: Mapping[str, Any]) -> Kind:
    """Return what kind of study it is: models that were trained, descriptors that were timed, or scores of others."""
    if findings["data"]["kind"] == "scores":
        return SCORED
    return TIMED if findings.get("measure") else TRAINED


#: Stands all over what a quick run says; a message that is yet to be told.
WATERMARK: Final = marked("QUICK RUN · NO VERDICT")


def quick(findings: Mapping[str, Any]) -> bool:
    """Return whether these are the findings of a quick run, which judges nothing."""
    return bool(findings["protocol"].get("quick"))


def timed(findings: Mapping[str, Any]) -> bool:
    """Return whether the study timed descriptors and trained nothing."""
    return study_kind(findings) is TIMED


def scored(findings: Mapping[str, Any]) -> bool:
    """Return whether the scores are those of other programs."""
    return study_kind(findings) is SCORED


def mixed(findings: Mapping[str, Any]) -> bool:
    """Return whether contestants are split in different ways, and so have different test sets."""
    return len(findings["split"].get("ways") or ()) > 1


def scope(findings: Mapping[str, Any]) -> str:
    """Return the condition under which claims hold."""
    if by_role(findings):
        return tell("given these data, this reserve, these initial weights and these batch orders")
    return study_kind(findings).scope[findings["split"]["design"]]


def by_role(findings: Mapping[str, Any]) -> bool:
    """Return whether every split was trained from the same initial weights and in the same batch orders."""
    return bool(findings["split"].get("roles"))
