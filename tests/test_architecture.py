"""The shape of the house: import layers, one door for each heavy library, nothing heavy at import."""

from __future__ import annotations

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import bpbench

PACKAGE = Path(bpbench.__file__).parent
#: Library → where it may be imported.
DOORS = {
    "tensorflow": ("models/backend.py",),
    "keras": ("models/keras_fit.py",),
    "sklearn": ("models/trees.py", "regressor.py"),
    "lightgbm": ("models/trees.py",),
    "ase": ("data/", "probing/", "ase_calculator.py"),
    "vesin": ("descriptors/neighbours.py",),
    "numba": ("compiled.py",),
    "dask": ("runner/processes.py", "runner/cluster.py"),
    "distributed": (
        "runner/processes.py",
        "runner/dashboard.py",
        "runner/dask_crew.py",
        "runner/cluster.py",
        "runner/keys.py",
        "runner/batch.py",
        "runner/beforehand.py",
        "runner/nursery.py",
        "runner/worker.py",
    ),
    "dask_jobqueue": ("runner/jobqueue.py",),
    "rich": ("runner/progress.py",),
    "matplotlib": ("report/",),
    "jinja2": ("report/templating.py",),
    "weasyprint": ("report/pdf.py",),
    "pydantic": ("protocol/", "sweeps.py", "declared.py", "strategies.py"),
    "ruamel": ("formats/yaml.py",),
    "statsmodels": ("statistics/",),
    "babel": ("report/language.py",),
    "networkx": ("statistics/ranking.py",),
    "pandas": ("data/columns.py",),
    "pyarrow": ("data/columns.py",),
}


@cache  # each module is read once, not once for each library
def imported(path: Path) -> frozenset[str]:
    """Return the top names of everything a module imports, anywhere in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module.split(".")[0])
    return frozenset(names)


@pytest.mark.parametrize("library", DOORS)
def test_each_heavy_library_has_one_door(library: str) -> None:
    """A heavy library is imported, and only behind its own door."""
    users = [path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py") if library in imported(path)]
    assert users
    assert [user for user in users if not user.startswith(DOORS[library])] == []


def test_imports_go_down_only() -> None:
    """The import contract of pyproject.toml holds."""
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter], capture_output=True, text=True, check=False, cwd=PACKAGE.parent)
    assert done.returncode == 0, done.stdout


def test_no_pickle_anywhere() -> None:
    """Nothing that is stored is ever unpickled."""
    assert [path.name for path in PACKAGE.rglob("*.py") if imported(path) & {"pickle", "joblib", "cloudpickle"}] == []
    assert [path.name for path in PACKAGE.rglob("*.py") if "allow_pickle=True" in path.read_text("utf-8")] == []
