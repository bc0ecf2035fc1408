"""Which tests begin first is said by the names of their groups; one that no group has would say nothing."""

from __future__ import annotations

import ast
import re
from pathlib import Path

HERE = Path(__file__).parent


def test_groups_that_take_longest_are_groups() -> None:
    """The name of a module of tests, or what a mark says."""
    paths = sorted(HERE.rglob("*.py"))
    marks = {name for path in paths for name in re.findall(r'xdist_group\("([^"]+)"\)', path.read_text("utf-8"))}
    tree = ast.parse((HERE / "conftest.py").read_text(encoding="utf-8"))
    (longest,) = (
        node.value for node in tree.body if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "LONGEST"
    )
    names = {node.value for node in ast.walk(longest) if isinstance(node, ast.Constant)}
    assert "faults-driver" in names
    assert names <= marks | {path.stem for path in paths}
