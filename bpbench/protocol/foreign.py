"""Contestants that are trained elsewhere, as a protocol names them: their files, their sets, and what they cannot do.

A potential of n2p2 brings its own functions: they become a set of the protocol. What decides a result is what the files
hold, so that their digest stands in the model.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bpbench.declared import ByElement, Explicit, TableData
from bpbench.errors import FeatureError, ProtocolError, nearest
from bpbench.features import Feature
from bpbench.formats.n2p2_folder import read_folder
from bpbench.identity import digest_of_files
from bpbench.jobs import PLACEHOLDERS, PREDICTIONS, Command, Foreign, N2p2

if TYPE_CHECKING:
    from bpbench.protocol.vocabulary import Protocol

#: Files that a command finds in its folder whatever it names.
_OURS: Final = frozenset(
    f"{name}{end}" for name in ("train", "validation", "structures") for end in (".extxyz", ".data")
)
_FIELD: Final = re.compile(r"\{([a-z]+)\}")


def with_files(protocol: Protocol) -> Protocol:
    """Return a protocol whose foreign models hold the digests of their files, and whose potentials have their sets.

    Raises
    ------
    ProtocolError
        With file, line and path: when a file is missing or cannot be used, or is not that of the digest given.
    """
    models, sets = dict(protocol.models), dict(protocol.sets)
    own: dict[str, str] = {}
    names: dict[tuple[tuple[str, tuple[Feature, ...]], ...], str] = {}
    for name, model in protocol.models.items():
        if isinstance(model, N2p2):
            models[name], seen = _potential(protocol, name, model)
            # Two potentials with the same functions see the same set.
            called = names.setdefault(tuple(seen.items()), f"{name}: its own functions")
            written: dict[str, str | Explicit] = {element: Explicit(functions) for element, functions in seen.items()}
            own[name] = called
            sets[called] = ByElement(written) if len(seen) > 1 else next(iter(written.values()))
        elif isinstance(model, Command):
            models[name] = _program(protocol, name, model)
    if not own:
        return replace(protocol, models=models)
    variants = []
    for variant in protocol.variants:
        if variant.model in own:
            if variant.set:
                raise ProtocolError(
                    f"{protocol.where_of(variant.name, 'set')}: the potential '{variant.model}' has functions of its "
                    "own; leave 'set' out."
                )
            variant = replace(variant, set=own[variant.model])  # noqa: PLW2901 - the same contestant, complete
        variants.append(variant)
    used = {variant.set for variant in variants}
    sets = {name: spec for name, spec in sets.items() if name in protocol.sets or name in used}
    return replace(protocol, models=models, sets=sets, variants=tuple(variants))


def _potential(protocol: Protocol, name: str, model: N2p2) -> tuple[N2p2, dict[str, tuple[Feature, ...]]]:
    """Return a potential with its digest, and the functions of each of its elements."""
    where = protocol.origin.where("models", name, "folder")
    folder = Path(protocol.origin.file).parent / model.folder
    try:
        trained = read_folder(folder, units=model.units)
    except FeatureError as error:
        raise ProtocolError(f"{where}: {error}") from None
    if model.sha256 not in {"", trained.sha256}:
        raise ProtocolError(
            f"{protocol.origin.where('models', name, 'sha256')}: the files in {folder} have the digest "
            f"{trained.sha256}, expected {model.sha256}."
        )
    seen = {element: trained.settings.functions[element].functions for element in trained.settings.elements}
    return replace(model, folder=str(folder), sha256=trained.sha256), seen


def _program(protocol: Protocol, name: str, model: Command) -> Command:
    where = protocol.origin.where
    beside = Path(protocol.origin.file).parent
    found: dict[str, tuple[str, ...]] = {}
    taken: set[str] = set()
    for key in ("files", "templates"):
        for number, given in enumerate(getattr(model, key)):
            place = where("models", name, key, number)
            if not (beside / given).is_file():
                raise ProtocolError(f"{place}: there is no file {beside / given}.")
            called = Path(given).name
            if called in taken | _OURS:
                raise ProtocolError(
                    f"{place}: in the program's folder there is a file '{called}' already; give this one another name."
                )
            if key == "templates" and not _is_text(beside / given):
                raise ProtocolError(
                    f"{place}: a template is text in UTF-8, and {beside / given} is none; name it under 'files'."
                )
            taken.add(called)
        found[key] = tuple(str(beside / given) for given in getattr(model, key))
    if model.gives in taken | _OURS:
        raise ProtocolError(
            f"{where('models', name, 'gives')}: '{model.gives}' lies in the program's folder before it runs, and would "
            "be read if it predicted nothing; give its predictions another name."
        )
    sha256 = digest_of_files(map(Path, (*found["files"], *found["templates"])))
    if model.sha256 not in {"", sha256}:
        raise ProtocolError(
            f"{where('models', name, 'sha256')}: the program's files have the digest {sha256}, expected {model.sha256}."
        )
    return replace(model, files=found["files"], templates=found["templates"], sha256=sha256)


def _is_text(path: Path) -> bool:
    try:
        path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return False
    return True


def check_foreign(protocol: Protocol) -> None:
    """Refuse what cannot be asked of models that are trained elsewhere.

    Raises
    ------
    ProtocolError
        With file, line and path of the first mistake.
    """
    foreign = {name: model for name, model in protocol.models.items() if isinstance(model, Foreign)}
    for name, model in foreign.items():
        if isinstance(protocol.data, TableData):
            raise ProtocolError(
                f"{protocol.origin.where('models', name)}: '{model.kind}' needs structures, and the data are a table."
            )
        if isinstance(model, Command):
            _check_words(protocol, name, model)
    for variant in protocol.variants:
        if isinstance(foreign.get(variant.model or ""), Command) and protocol.of_columns(variant.set):
            raise ProtocolError(
                f"{protocol.where_of(variant.name, 'set')}: a command is told symmetry functions, and '{variant.set}' "
                "names columns of a table."
            )
    for name, spec in protocol.strategies.items():
        for key in ("model", "of"):
            if getattr(spec, key, None) in foreign:
                raise ProtocolError(
                    f"{protocol.origin.where('strategies', name, key)}: a strategy trains its model on set after set "
                    f"and weighs its inputs here, and '{getattr(spec, key)}' is trained elsewhere; name another model."
                )


def _check_words(protocol: Protocol, name: str, model: Command) -> None:
    where = protocol.origin.where
    if Path(model.gives).suffix not in PREDICTIONS or "/" in model.gives:
        raise ProtocolError(
            f"{where('models', name, 'gives')}: expected the name of a file that ends in {', '.join(PREDICTIONS)}, "
            f"found '{model.gives}'."
        )
    if model.forces and model.gives.endswith(".csv"):
        raise ProtocolError(
            f"{where('models', name, 'gives')}: a csv holds energies alone; with 'forces: true' expected a file that "
            "ends in .npz, .extxyz or .data."
        )
    allowed = sorted(set(PLACEHOLDERS) - {"functions"})
    for number, step in enumerate(model.run):
        for word in step:
            if "\0" in word:
                raise ProtocolError(
                    f"{where('models', name, 'run', number)}: a word holds the character NUL, which no "
                    "program can be given; leave it out."
                )
            for field in _FIELD.findall(word):
                if field not in allowed:
                    raise ProtocolError(
                        f"{where('models', name, 'run', number)}: there is no placeholder '{{{field}}}' for words"
                        f"{nearest(field, allowed)}"
                    )
