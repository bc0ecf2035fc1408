"""One family of errors, each of them a sentence: what was expected, what came, where, and what to do next."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class BpbenchError(Exception):
    """Root of everything bpbench raises on purpose; its text is a whole sentence for the user."""


class RequestError(BpbenchError):
    """The request is wrong (protocol, option or file); nothing was started. Exit code 2."""


class ProtocolError(RequestError):
    """A protocol file says something it may not say; the text names file, line and path."""


class DataError(RequestError):
    """Frames that cannot be used as they are; the text names the file and the frame."""


class FeatureError(RequestError, ValueError):
    """A symmetry function or feature set that cannot exist (a ``ValueError`` too, so that its line is named)."""


class ParameterError(RequestError, ValueError):
    """A parameter or argument of an estimator that it cannot have (a ``ValueError`` too, as scikit-learn expects)."""


class StatisticsError(RequestError):
    """A test, design or sample for which the statistics have no right answer."""


class DivergedError(BpbenchError):
    """A training left the finite numbers; recorded as the result of its job."""


class CommandError(BpbenchError):
    """Somebody else's program failed, or its answer cannot be used; recorded as the failure of its job."""


class StoreError(BpbenchError):
    """The store or the history cannot be read or written; the text says where."""


class ReadOnlyError(StoreError):
    """Something would have to be written to a store that may only be read; nothing was started. Exit code 2."""


class DamagedError(StoreError):
    """A stored result that was asked for is not whole, or not there; it can be made again.

    Attributes
    ----------
    address : str
        Of the result.
    why : str
        What is wrong with it, a clause.
    """

    def __init__(self, address: str, why: str, text: str = "") -> None:
        super().__init__(text or f"The stored result {address} is not whole: {why}.")
        self.address, self.why = address, why

    def __reduce__(self) -> tuple[type[DamagedError], tuple[str, str, str]]:
        """Return how it is made anew in another process; of an exception that would be by its text alone."""
        return type(self), (self.address, self.why, str(self))


class EngineError(BpbenchError):
    """Work stopped in the middle, most often as workers cannot be had; what is stored is kept. Exit code 3."""


def bracketed(error: BaseException) -> str:
    """Return what an error says, in brackets and after a space, for a sentence that goes on; or nothing."""
    return f" ({error})" if str(error) else ""


def nearest(word: str, choices: Iterable[str]) -> str:
    """Return a hint such as ``; did you mean 'rmse'?``, or a list of what is possible, which ends the sentence.

    Parameters
    ----------
    word : str
        What was written.
    choices : iterable of str
        What could have been written.

    Returns
    -------
    str
        A clause that starts with ``;`` and ends in a mark; nothing without choices.
    """
    known = sorted(choices)
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    if close:
        return f"; did you mean '{close[0]}'?"
    return f"; possible are {', '.join(known)}." if known else ""
