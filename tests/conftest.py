"""Fixtures shared by all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def reference_data() -> Path:
    """Folder of values other programs computed, or a skip that says how to get it."""
    folder = os.environ.get("BPBENCH_REFERENCE_DATA")
    if not folder:
        pytest.skip("BPBENCH_REFERENCE_DATA is not set; it names the folder that holds dft/ and reference/")
    return Path(folder)
