"""The language a report speaks: messages with named fields, looked up in a catalogue that translators know.

English messages stand in the code and are their own keys; another language is one catalogue ``LANGUAGE.po`` in
``templates/``, in the format of GNU gettext. A user's own catalogue replaces ours message by message, so that a house
style may change a word, in English too. What a catalogue lacks is said in English.

Words are chosen while a report is composed, within :func:`spoken`; outside of it everything is English.
"""

from __future__ import annotations

import gettext
import io
import re
import string
from collections.abc import Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from bpbench.counting import grouped
from bpbench.errors import BpbenchError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

#: Languages a report can speak, by the code that protocols and the command line take.
LANGUAGES: Final = {"en": "English", "fr": "français"}
#: In French, what stands before these is tied to them; the second kind takes a narrow space.
_TIED: Final = {
    "fr": {" :": "\u00a0:", " ;": "\u202f;", " !": "\u202f!", " ?": "\u202f?", "« ": "«\u00a0", " »": "\u00a0»"}
}


#: How a language counts where its catalogue does not state it, and where a catalogue does.
_PLURALS: Final = {"fr": "n > 1"}
_STATED: Final = re.compile(rb'^"Plural-Forms:', re.MULTILINE)


class CatalogueError(BpbenchError):
    """A catalogue of messages cannot be read; the text names the file and what is wrong with it."""


@dataclass(frozen=True, slots=True, eq=False)
class Catalogue:
    """The messages of one language; equal to itself alone, so that it can be a key of what was told by it.

    Attributes
    ----------
    messages : dict of (str, str) to tuple of str
        Translations by context (empty for most) and English message; several forms where a number decides.
    form : callable
        From a number to the place of its form.
    """

    messages: Mapping[tuple[str, str], tuple[str, ...]]
    form: Callable[[int], int]


_ENGLISH: Final = Catalogue({}, lambda number: int(number != 1))


@dataclass(frozen=True, slots=True)
class _Tongue:
    language: str = "en"
    catalogue: Catalogue = _ENGLISH


_SPOKEN: Final[ContextVar[_Tongue]] = ContextVar("spoken", default=_Tongue())  # noqa: B039 - frozen


@contextmanager
def spoken(language: str, folders: Sequence[Path]) -> Iterator[None]:
    """Let everything that is told within the block be told in a language.

    Parameters
    ----------
    language : str
        One of :data:`LANGUAGES`.
    folders : sequence of Path
        Where ``LANGUAGE.po`` is looked for; a message of an earlier folder's wins.

    Raises
    ------
    CatalogueError
        For a catalogue that cannot be read or is no catalogue.
    ValueError
        For a language that no report can speak.
    """
    if language not in LANGUAGES:
        raise ValueError(f"Expected a language of {sorted(LANGUAGES)}, found {language!r}.")
    token = _SPOKEN.set(_Tongue(language, catalogue(language, folders)))
    try:
        yield
    finally:
        _SPOKEN.reset(token)


def language() -> str:
    """Return the code of the language that is spoken."""
    return _SPOKEN.get().language


def voice() -> Catalogue:
    """Return the catalogue that messages are told by."""
    return _SPOKEN.get().catalogue


def catalogue(language: str, folders: Sequence[Path]) -> Catalogue:
    """Return the messages of a language from those of some folders that have its catalogue, the first one winning."""
    messages: dict[tuple[str, str], tuple[str, ...]] = {}
    form = _ENGLISH.form
    for folder in reversed(folders):
        path = folder / f"{language}.po"
        if path.is_file():
            found = _read(path, path.stat().st_mtime_ns)
            messages |= found.messages
            form = found.form
    return Catalogue(messages, form) if messages else _ENGLISH


@lru_cache(maxsize=8)
def _read(path: Path, _changed: int) -> Catalogue:
    """Return the messages of a file; one that was changed is read again."""
    from babel.messages.pofile import PoFileError, read_po

    try:
        raw = path.read_bytes()
        found = read_po(io.BytesIO(raw), abort_invalid=True)
        form = gettext.c2py(found.plural_expr if _STATED.search(raw) else _PLURALS.get(path.stem, "n != 1"))
    except (OSError, PoFileError, ValueError, LookupError) as error:
        raise CatalogueError(f"The catalogue {path} cannot be read ({error}); mend or remove it.") from error
    messages: dict[tuple[str, str], tuple[str, ...]] = {}
    for message in found:
        one = message.id[0] if isinstance(message.id, tuple | list) else message.id
        forms = tuple(message.string) if isinstance(message.string, tuple | list) else (message.string,)
        if one and all(forms) and not message.fuzzy:
            known = message.id if isinstance(message.id, tuple | list) else (message.id,)
            messages[message.context or "", one] = tuple(str(form) for form in forms)
            _require_fields(path, known, messages[message.context or "", one])
    return Catalogue(messages, form)


def _require_fields(path: Path, known: Sequence[str], forms: Sequence[str]) -> None:
    """Refuse a translation with other fields than its message: it could not be told when its turn comes."""
    expected = set().union(*map(_fields, known))
    for form in forms:
        try:
            strange = _fields(form) - expected
        except ValueError as error:
            raise CatalogueError(
                f"The catalogue {path} translates {known[0]!r} by {form!r}, which is no message ({error}); mend or "
                "remove it."
            ) from None
        if strange:
            raise CatalogueError(
                f"The catalogue {path} translates {known[0]!r} by {form!r}, in which the message has no field "
                f"{min(strange)}; expected {', '.join(sorted(expected)) or 'no field'}; mend or remove it."
            )


def _fields(message: str) -> set[str]:
    """Return the fields of a message as they are written, with whatever is asked of them."""
    return {
        "{" + name + (f"!{how}" if how else "") + (f":{look}" if look else "") + "}"
        for _, name, look, how in string.Formatter().parse(message)
        if name is not None
    }


# ---------------------------------------------------------------------------------------------------- telling


def tell(message: str, /, **fields: Any) -> str:
    """Return a message in the language that is spoken, its fields filled in.

    Parameters
    ----------
    message : str
        English, with ``{name}`` for each field; braces of its own are doubled.
    **fields
        What is filled in, as text; it is not looked up again.
    """
    return _told("", message, message, 0, fields)


def tell_as(context: str, message: str, /, **fields: Any) -> str:
    """Return a message whose translation depends on where it stands, such as a word that heads a column."""
    return _told(context, message, message, 0, fields)


def tell_n(one: str, many: str, number: int, /, **fields: Any) -> str:
    """Return the message for one or for many, whichever a number asks for; ``{n}`` in it is that number."""
    english = one if number == 1 else many
    return _told("", one, english, number, {"n": grouped(number), **fields})


def marked(message: str) -> str:
    """Return a message as it is: a mark for catalogues on what is kept in a table and told later by :func:`tell`."""
    return message


def _told(context: str, key: str, english: str, number: int, fields: Mapping[str, Any]) -> str:
    tongue = _SPOKEN.get()
    forms = tongue.catalogue.messages.get((context, key))
    text = english
    if forms is not None:
        # The rule may be that of a catalogue which counts more forms than this message has.
        text = forms[max(0, min(tongue.catalogue.form(number), len(forms) - 1))]
    for loose, tied in _TIED.get(tongue.language, {}).items():
        text = text.replace(loose, tied)
    return text.format(**fields)


class Told(Mapping[str, str]):
    """A table of messages by key that gives each in the language that is spoken.

    Parameters
    ----------
    messages : dict of str to str
        English, each :func:`~bpbench.report.language.marked`.
    """

    __slots__ = ("messages",)

    def __init__(self, messages: Mapping[str, str]) -> None:
        self.messages = dict(messages)

    def __getitem__(self, key: str) -> str:
        """Return the message of a key as it is told."""
        return tell(self.messages[key])

    def __iter__(self) -> Iterator[str]:
        """Iterate over keys."""
        return iter(self.messages)

    def __len__(self) -> int:
        """Return how many messages there are."""
        return len(self.messages)


# ---------------------------------------------------------------------------------------------------- numbers


def point() -> str:
    """Return what parts the whole from the fraction of a number."""
    return "," if language() == "fr" else "."


def numeral(text: str) -> str:
    """Return a number that was written with a full stop as the language writes it."""
    return text.replace(".", point())


def quoted(text: str) -> str:
    """Return text within the quotation marks of the language."""
    return f"«\u00a0{text}\u00a0»" if language() == "fr" else f"“{text}”"


def listed(words: Sequence[str]) -> str:
    """Return ``a``, ``a and b`` or ``a, b and c``."""
    if len(words) < 2:
        return words[0] if words else tell("none")
    return tell("{some} and {last}", some=", ".join(words[:-1]), last=words[-1])
