"""What the program said when findings were made, told again in the language of the report.

Remarks of judgements, models and data are kept in findings as the sentences they were. Those that are known are told by
their message; others, such as the words of an exception or of a file's author, are left as they are.

A message is found again by its own words, between which its fields stand. What a field may hold, and how it is told,
follows from the first part of its name:

================  ==================================================================================================
``n``             a number, which gets the decimal sign of the language
``span``          a number, or two with *to* between them
``counted``       a number and its noun, of :data:`_NOUNS`
``told``          a message in turn, such as a clause; what is none is left as it is
``known``         the same, but what is none makes the whole none
``quoted``        names in quotes, which get the quotation marks of the language
anything else     any text; a number gets its decimal sign, unless it stands in quotes, as names do
================  ==================================================================================================
"""

from __future__ import annotations

import re
import string
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from bpbench.counting import grouped
from bpbench.report.language import language, numeral, quoted, tell
from bpbench.report.numerals import count, exact, noun
from bpbench.report.said_by_data import CLAUSES_OF_DATA, OF_DATA, OF_SCORES, OF_SPLITS
from bpbench.report.said_by_work import CLAUSES_OF_WORK, OF_COLUMNS, OF_MODELS, OF_SEARCHES, OF_STATISTICS

#: All that is known, and clauses that are known within it alone: in the words of others they mean something else.
MESSAGES: Final = (*OF_DATA, *OF_SPLITS, *OF_SCORES, *OF_STATISTICS, *OF_MODELS, *OF_SEARCHES, *OF_COLUMNS)
CLAUSES: Final = (*CLAUSES_OF_DATA, *CLAUSES_OF_WORK)
#: Nouns that are counted in them.
_NOUNS: Final = (
    noun("block"),
    noun("descriptor"),
    noun("frame"),
    noun("group"),
    noun("repeat"),
    noun("row"),
    noun("run"),
    noun("score"),
    noun("split"),
    noun("variant"),
)
#: Longer texts are no remarks of ours, and several sentences are looked for in no more than so many.
_LONGEST: Final = 4_000
_SENTENCES: Final = 12
#: So deep may messages stand in each other.
_DEPTH: Final = 12
_NUMBER: Final = re.compile(r"[-+]?\d[\d\u202f]*(?:\.\d+)?(?:e[-+]?\d+)?")
_SPAN: Final = re.compile(rf"({_NUMBER.pattern}) to ({_NUMBER.pattern})")
_COUNTED: Final = re.compile(r"(\d[\d\u202f]*) ([a-z]+)")
_QUOTED: Final = re.compile(r"'([^']*)'")
_BETWEEN: Final = re.compile(r"(?<=[.!?]) (?=\S)")


@dataclass(frozen=True, slots=True)
class _Message:
    """A message as it is looked for: its text, the words between fields, and the fields' names."""

    text: str
    words: tuple[str, ...]
    names: tuple[str, ...]


def retold(text: str) -> str:
    """Return a sentence of findings, or several, in the language that is spoken."""
    if len(text) > _LONGEST:
        return text
    found_before: dict[str, str | None] = {}
    whole = _retold(text, 0, found_before)
    if whole is not None:
        return whole
    parts = _BETWEEN.split(text, _SENTENCES)
    told, start = [], 0
    while start < len(parts):
        # one message may be several sentences, so the longest stretch that is one is taken
        for end in range(len(parts), start, -1):
            found = _retold(" ".join(parts[start:end]), 0, found_before)
            if found is not None or end == start + 1:
                told.append(parts[start] if found is None else found)
                start = end
                break
    return " ".join(told)


def _retold(text: str, depth: int, found_before: dict[str, str | None]) -> str | None:
    """Return a text that is one message as it is told, ``None`` where it is none.

    What was found of clauses is kept in ``found_before``: lists that nearly are ours could be taken apart in very many
    ways that end in the same clauses.
    """
    if not depth:
        return _sought(text, depth, found_before)
    if text not in found_before:
        found_before[text] = _sought(text, depth, found_before)
    return found_before[text]


def _sought(text: str, depth: int, found_before: dict[str, str | None]) -> str | None:
    for message in _known(within=depth > 0):
        held = _held(message, text)
        if held is None:
            continue
        fields = {
            name: value if words.endswith("'") else _field(name, value, depth, found_before)
            for words, name, value in zip(message.words, message.names, held, strict=False)
        }
        if None not in fields.values():
            return tell(message.text, **fields)
    return None


@lru_cache(maxsize=2)
def _known(*, within: bool) -> tuple[_Message, ...]:
    """Return all messages, those with the most words of their own first."""
    made = []
    for text in (*MESSAGES, *CLAUSES) if within else MESSAGES:
        words, names = [""], []
        for literal, name, _, _ in string.Formatter().parse(text):
            words[-1] += literal
            if name is not None:
                names.append(name)
                words.append("")
        made.append(_Message(text, tuple(words), tuple(names)))
    return tuple(sorted(made, key=lambda message: -sum(map(len, message.words))))


def _held(message: _Message, text: str) -> list[str] | None:
    """Return what the fields of a message hold in a text, ``None`` where the text is not this message.

    A field ends where the words behind it first come; in a message that begins with a field, it is the other way
    round, so that this first one may hold such words. All words are looked for once, and no text takes more than its
    length.
    """
    first, *others = message.words
    if not text.startswith(first) or not text.endswith(message.words[-1]):
        return None
    if not others:
        return [] if text == first else None
    held = _from_left(text, message.words) if first else _from_right(text, message.words)
    return held if held is not None and all(map(_fits, message.names, held)) else None


def _from_left(text: str, words: tuple[str, ...]) -> list[str] | None:
    start, end, held = len(words[0]), len(text) - len(words[-1]), []
    for between in words[1:-1]:
        at = text.find(between, start + 1, end)
        if at < 0:
            return None
        held.append(text[start:at])
        start = at + len(between)
    return [*held, text[start:end]] if start < end else None


def _from_right(text: str, words: tuple[str, ...]) -> list[str] | None:
    start, end, held = len(words[0]), len(text) - len(words[-1]), []
    for between in reversed(words[1:-1]):
        at = text.rfind(between, start, end - 1)
        if at < 0:
            return None
        held.append(text[at + len(between) : end])
        end = at
    return [text[start:end], *reversed(held)] if start < end else None


def _kind(name: str) -> str:
    return name.partition("_")[0]


def _fits(name: str, value: str) -> bool:
    """Return whether a field can hold a value."""
    match _kind(name):
        case "n":
            return _NUMBER.fullmatch(value) is not None
        case "span":
            return (_NUMBER.fullmatch(value) or _SPAN.fullmatch(value)) is not None
        case "counted":
            return _counted(value) is not None
    return True


def _counted(text: str) -> tuple[int, str] | None:
    """Return the number and the noun of a counted noun, ``None`` where a text is none that would be written alike."""
    found = _COUNTED.fullmatch(text)
    if found is None:
        return None
    number = int(found[1].replace("\u202f", ""))
    one = next((one for one in _NOUNS if found[2] == (one if number == 1 else f"{one}s")), None)
    return None if one is None or grouped(number) != found[1] else (number, one)


def _field(name: str, value: str, depth: int, found_before: dict[str, str | None]) -> str | None:
    """Return what a field holds as it is told, ``None`` where it would have to be known and is not."""
    kind = _kind(name)
    if kind == "counted" and (counted := _counted(value)) is not None:
        return count(*counted)
    if kind in {"told", "known"}:
        told = _retold(value, depth + 1, found_before) if depth < _DEPTH else None
        if told is not None or kind == "known":
            return told
    if kind == "span" and (ends := _SPAN.fullmatch(value)) is not None:
        return tell("{low} to {high}", low=numeral(ends[1]), high=numeral(ends[2]))
    if kind == "quoted" and language() != "en":
        return _QUOTED.sub(lambda found: quoted(found[1]), value)
    if not _NUMBER.fullmatch(value):
        return value
    return exact(float(value)) if "e" in value else numeral(value)
