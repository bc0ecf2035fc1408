"""Fixtures shared by all tests, and which of them share a process."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

#: Groups that take longest, the longest first: begun last, one process would work at them while the other has nothing.
LONGEST = (
    *("faults-driver", "faults-disk", "faults-workers", "faults-memory", "faults-strangers", "faults-clock"),
    "faults-two_drivers",
    "test_cli",
    "test_killed_search",
    "slurm",
    "test_null_strategies",
    "test_track_regression",
    "tensorflow",
    "test_study_protocols",
    "test_planted",
)


def group(item: pytest.Item) -> str:
    """Return the name of the tests that share a process with this one: its module, or what a mark of it says.

    Two processes would make everything that the tests of a module share twice; a mark says what several modules share,
    such as TensorFlow.
    """
    mark = item.get_closest_marker("xdist_group")
    return item.path.stem if mark is None else mark.args[0]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep groups together, and begin with the longest."""
    for item in items:
        if item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(group(item)))
    places = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(group(item), len(places)))


@pytest.fixture(scope="session")
def reference_data() -> Path:
    """Folder of values other programs computed, or a skip that says how to get it."""
    folder = os.environ.get("BPBENCH_REFERENCE_DATA")
    if not folder:
        pytest.skip("BPBENCH_REFERENCE_DATA is not set; it names the folder that holds dft/ and reference/")
    return Path(folder)
