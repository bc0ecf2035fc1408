"""The quick version of a protocol: what its block ``quick`` puts over the rest of the file.

Mappings are merged key by key; everything else (lists, numbers, texts, ``null``) takes the place of what stood there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from bpbench.errors import ProtocolError, nearest
from bpbench.formats.yaml import Place
from bpbench.protocol.vocabulary import Origin

#: The key of a protocol file that holds the block.
KEY: Final = "quick"
#: Said before what is wrong with the quick version alone.
REFUSED: Final = "The quick version is refused:"


def parted(data: Mapping[str, Any], origin: Origin) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """Return a protocol without its quick block, and that block.

    Parameters
    ----------
    data : dict
        The whole file as plain data.
    origin : Origin
        Where it came from.

    Returns
    -------
    dict
        All other keys.
    dict or None
        The block, ``None`` where the file has none.

    Raises
    ------
    ProtocolError
        When the block is empty or no mapping.
    """
    rest = {key: value for key, value in data.items() if key != KEY}
    if KEY not in data:
        return rest, None
    block = data[KEY]
    if not isinstance(block, dict) or not block:
        found = "nothing" if block is None or block == {} else "a list" if isinstance(block, list) else f"'{block}'"
        raise ProtocolError(
            f"{origin.where(KEY)}: expected the keys that a quick run has otherwise, such as quick: {{repeats: 2}}, "
            f"found {found}; name some, or leave out '{KEY}'."
        )
    _check_names(rest, block, origin)
    return rest, block


#: Keys under which everything has a name and says its kind, or is like no other.
_NAMED: Final = ("models", "strategies")


def _check_names(rest: Mapping[str, Any], block: Mapping[str, Any], origin: Origin) -> None:
    """Refuse to change what is not there: without a kind it can be nothing new either."""
    for key in _NAMED:
        known, changed = rest.get(key) or {}, block.get(key)
        for name, value in changed.items() if isinstance(changed, dict) and isinstance(known, dict) else ():
            if name not in known and isinstance(value, dict) and "kind" not in value:
                what = key.removesuffix("s") if key == "models" else "strategy"
                raise ProtocolError(
                    f"{origin.where(KEY, key, name)}: there is no {what} '{name}' to change{nearest(str(name), known)}"
                )


def merged(under: Mapping[str, Any], over: Mapping[str, Any]) -> tuple[dict[str, Any], frozenset[Place]]:
    """Return one mapping laid deeply over another, and the places in the result that are those of the upper one.

    Parameters
    ----------
    under, over : dict
        Plain data; neither is changed.

    Returns
    -------
    dict
        The keys of both. Where both have a mapping, the two are merged in the same way; elsewhere ``over`` counts.
    frozenset of tuple
        Where a value of ``over`` stands whole: itself and all that is in it are of ``over``.
    """
    made, places = dict(under), set[Place]()
    for key, value in over.items():
        below = under.get(key)
        if isinstance(below, dict) and isinstance(value, dict):
            made[key], inside = merged(below, value)
            places |= {(key, *place) for place in inside}
        else:
            made[key] = value
            places.add((key,))
    return made, frozenset(places)
