"""YAML 1.2 text to plain data with the line of every value; no tags, no tricks.

Only mappings, lists, text, numbers, booleans and null exist. A key twice, a tag, a number that is not finite, a whole
number beyond 64 bits, characters that are orders to a terminal, and aliases that unfold into more than :data:`LIMIT`
values (a "YAML bomb") are refused with file and line.
"""

from __future__ import annotations

import math
import re
from typing import Any, Final

from bpbench.errors import ProtocolError

Place = tuple[str | int, ...]
#: Most values a file may unfold into.
LIMIT: Final = 20_000
_DEPTH: Final = 40
#: Most letters of a file: some hundred for each value that it may have.
LETTERS: Final = 4_000_000
#: Whole numbers below this, of either sign, are read: seeds have 64 bits, and nothing else comes near.
_WHOLE: Final = 1 << 64
#: Letters of what was found that are told.
_TOLD: Final = 60
#: What a terminal would obey and no file or plot can hold; breaks of lines and tabs are none of them.
_ORDERS: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x84\x86-\x9f]")
_TAG: Final = "tag:yaml.org,2002:"


def parse(text: str, file: str, what: str = "a protocol") -> tuple[Any, dict[Place, int]]:
    """Return the data of a YAML text and the line (from 1) of every place in it.

    Parameters
    ----------
    text : str
        The YAML text.
    file : str
        How errors call it.
    what : str
        What it should be, with an article.

    Raises
    ------
    ProtocolError
        With file and line.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    if len(text) > LETTERS:
        raise ProtocolError(
            f"{file}: expected at most {LETTERS} letters, found {len(text)}; put what is long into files that the "
            "protocol names."
        )
    try:
        node = YAML(typ="safe", pure=True).compose(text)
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ProtocolError(f"{file}, line {line}: this is not YAML: {error.problem or error.context}.") from None
    except (YAMLError, RecursionError) as error:
        raise ProtocolError(f"{file}: this is not YAML: {error}.") from None
    if node is None:
        raise ProtocolError(f"{file} is empty; expected {what}.")
    lines: dict[Place, int] = {}
    return _Reader(file, lines).value(node, ()), lines


class _Reader:
    """Turns nodes into data, counting what it unfolds."""

    def __init__(self, file: str, lines: dict[Place, int]) -> None:
        self.file = file
        self.lines = lines
        self.count = 0

    def refuse(self, node: Any, words: str) -> ProtocolError:
        return ProtocolError(f"{self.file}, line {node.start_mark.line + 1}: {words}")

    def value(self, node: Any, place: Place) -> Any:
        self.count += 1
        if self.count > LIMIT or len(place) > _DEPTH:
            raise self.refuse(
                node,
                f"this file unfolds into more than {LIMIT} values or {_DEPTH} levels; "
                "write it without aliases that repeat each other.",
            )
        self.lines.setdefault(place, node.start_mark.line + 1)
        if node.id == "mapping":
            return self.mapping(node, place)
        if node.id == "sequence":
            return [self.value(item, (*place, number)) for number, item in enumerate(node.value)]
        return self.scalar(node)

    def mapping(self, node: Any, place: Place) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if key_node.id != "scalar":
                raise self.refuse(key_node, "a key must be a word.")
            key = self.words(key_node, str(key_node.value))
            if key in made:
                raise self.refuse(key_node, f"the key '{key}' stands twice; keep one of them.")
            made[key] = self.value(value_node, (*place, key))
            self.lines[*place, key] = key_node.start_mark.line + 1
        return made

    def scalar(self, node: Any) -> Any:
        kind = str(node.tag).removeprefix(_TAG)
        text = str(node.value)
        if kind == "str":
            return self.words(node, text)
        if kind == "null":
            return None
        if kind == "bool":
            return text.lower() == "true"
        try:
            if kind == "int" and abs(whole := int(text.replace("_", ""), 0)) < _WHOLE:
                return whole
            if kind == "float":
                number = float(text.replace("_", "").replace(".inf", "inf").replace(".nan", "nan"))
                if math.isfinite(number):
                    return number
        except ValueError:
            pass
        found = text if len(text) <= _TOLD else f"{text[:_TOLD]}…"
        raise self.refuse(
            node, f"'{found}' ({node.tag}) is neither text, a finite number below 2⁶⁴, true, false nor null."
        )

    def words(self, node: Any, text: str) -> str:
        """Return text that holds nothing but what can be shown."""
        if order := _ORDERS.search(text):
            raise self.refuse(node, f"the text holds the control character {order[0]!a}; leave it out.")
        return text
