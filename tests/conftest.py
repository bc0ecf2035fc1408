"""Fixtures shared by all tests, and which of them share a process."""

from __future__ import annotations

import gc
import os
from pathlib import Path

import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests of a module in one process: two would make everything that they share twice.

    A module whose group is named by a mark shares it with others, such as those that need TensorFlow.
    """
    for item in items:
        if item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(item.path.stem))


def pytest_collection_finish() -> None:
    """Set aside what thousands of tests are made of, so that no search for garbage looks through it again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def reference_data() -> Path:
    """Folder of values other programs computed, or a skip that says how to get it."""
    folder = os.environ.get("BPBENCH_REFERENCE_DATA")
    if not folder:
        pytest.skip("BPBENCH_REFERENCE_DATA is not set; it names the folder that holds dft/ and reference/")
    return Path(folder)
