"""The schema that editors are given, read by a stranger: the package jsonschema."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from bpbench import shipped
from bpbench.protocol import schema

PROTOCOLS = sorted(shipped("protocols").glob("*.yaml"))


@cache
def stranger() -> Draft202012Validator:
    """Return a validator of the printed schema."""
    return Draft202012Validator(json.loads(json.dumps(schema())))


def data(path: Path) -> Any:
    """Return a file's data as an editor sees it: every key of a mapping is a text."""
    return json.loads(json.dumps(YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))))


def test_the_schema_is_one() -> None:
    """It keeps to the draft that it names."""
    assert stranger().schema["$schema"] == Draft202012Validator.META_SCHEMA["$schema"]
    Draft202012Validator.check_schema(stranger().schema)


@pytest.mark.parametrize("path", PROTOCOLS, ids=lambda path: path.stem)
def test_an_editor_finds_no_fault_with_shipped_protocols(path: Path) -> None:
    """Every shipped protocol is valid by the schema alone, names that are written as numbers among them."""
    assert [f"{error.json_path}: {error.message}" for error in stranger().iter_errors(data(path))] == []


@pytest.mark.parametrize(
    ("spoil", "place", "words"),
    [
        (lambda known: known.update(qestion="q"), "$", "'qestion' was unexpected"),
        (lambda known: known.pop("variants"), "$", "is not valid under any of the given schemas"),
        (lambda known: known["variants"][0].pop("name"), "$.variants[0]", "'name' is a required property"),
        (lambda known: known["variants"][0].update(name=True), "$.variants[0].name", "True is not valid under any"),
        (lambda known: known["variants"][0].update(name=""), "$.variants[0].name", "'' is not valid under any"),
        (lambda known: known.update(repeats=0), "$.repeats", "0 is not valid under any"),
    ],
)
def test_an_editor_marks_mistakes_where_they_are(spoil: Callable[[Any], Any], place: str, words: str) -> None:
    """Unknown and missing keys, a name that is none, and a number out of range."""
    known = data(shipped("protocols") / "smoke.yaml")
    spoil(known)
    (error,) = stranger().iter_errors(known)
    assert error.json_path == place
    assert words in error.message
