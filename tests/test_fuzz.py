"""Files changed at random, and bytes that are no files: readers refuse them in our own words, or read them."""

from __future__ import annotations

from random import Random

import pytest
from fuzzed import READERS, TALLY
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

#: Files that are drawn of each reader; rendering findings takes longest.
_DRAWN = {
    "findings": 2,
    "protocol": 15,
    "cluster": 40,
    "history_lines": 25,
    "table_csv": 30,
    "table_npz": 40,
    "frames_npz": 50,
}


@pytest.mark.parametrize("name", READERS)
def test_seeds_are_read(name: str) -> None:
    """What fuzzing starts from comes in, else all that is changed in it would be refused for its first mistake."""
    reader = READERS[name]
    before = TALLY["read"]
    reader.read(reader.seeds()[0])
    assert TALLY["read"] > before


@pytest.mark.parametrize("name", READERS)
def test_changed_files_are_refused_in_our_own_words(name: str) -> None:
    """Other values, words, lines, letters or arrays in a valid file: nothing but our own errors."""
    reader = READERS[name]
    seeds = reader.seeds()[: 1 if name == "findings" else 3]

    @settings(max_examples=_DRAWN.get(name, 100), deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.integers(0, 2**32), st.sampled_from(seeds), st.integers(1, 3))
    def changed(drawn: int, seed: bytes, times: int) -> None:
        random = Random(drawn)  # noqa: S311 - of files, not of keys
        for _ in range(times):
            seed = reader.change(random, seed)
        reader.read(seed)

    changed()


@pytest.mark.parametrize("name", READERS)
def test_bytes_are_refused_in_our_own_words(name: str) -> None:
    """Any bytes at all."""
    reader = READERS[name]

    @settings(max_examples=_DRAWN.get(name, 100), deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.binary(max_size=200))
    def any_bytes(content: bytes) -> None:
        reader.read(content)

    any_bytes()
