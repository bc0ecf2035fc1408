"""Chromium without a window: opens a page, runs a script within it and tells what that found."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
import shutil
import subprocess
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

PROGRAM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
needs_browser = pytest.mark.skipif(PROGRAM is None, reason="Needs Chromium or Chrome: neither was found on the path.")

_EARLY = """
window.faults = [];
addEventListener("error", (event) => faults.push(String(event.message)));
addEventListener("unhandledrejection", (event) => faults.push(String(event.reason)));
document.addEventListener("securitypolicyviolation", (event) => faults.push(`refused: ${event.blockedURI}`));
console.error = console.warn = (...words) => faults.push(words.join(" "));
"""
_LATE = """
addEventListener("load", async () => {
  const found = {};
  try { found.value = await (async () => { %s })(); } catch (error) { faults.push(`${error}\\n${error.stack}`); }
  parent.postMessage(JSON.stringify({ ...found, faults }), "*");
});
"""
#: Stands around the page: a window of Chromium may not be as narrow as a phone, but a frame may.
_FRAME = """<!DOCTYPE html><title>test</title><style>body {{ margin: 0 }} iframe {{ border: 0 }}</style>
<script>
addEventListener("message", (event) => {{
  const told = document.createElement("pre");
  told.id = "told-to-the-test";
  told.textContent = event.data;
  document.body.replaceChildren(told);
}});
</script>
<iframe src="page.html" style="width: {width}px; height: {height}px"></iframe>
"""
_FOUND = re.compile(r'<pre id="told-to-the-test">(.*?)</pre>', re.DOTALL)


@cache
def axe() -> str:
    """Return the script of axe-core."""
    spec = find_spec("axe_core_python")
    assert spec is not None
    assert spec.origin is not None
    return (Path(spec.origin).parent / "axe.min.js").read_text(encoding="utf-8")


def _dumped(path: Path) -> str:
    """Return a page as it stands after all it does."""
    assert PROGRAM is not None
    command = [
        PROGRAM, "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync",
        "--disable-background-networking", "--disable-component-update", f"--user-data-dir={path.parent / 'profile'}",
        "--window-size=1280,900", "--hide-scrollbars", "--virtual-time-budget=20000", "--dump-dom", path.as_uri(),
    ]  # fmt: skip
    return subprocess.run(command, check=True, capture_output=True, timeout=120, encoding="utf-8").stdout


def found(folder: Path, page: str, script: str, *, library: str = "", width: int = 1280) -> Any:
    """Return what a script, the body of an asynchronous function, returns within a page; nothing may fail meanwhile.

    The page's rule of which scripts may run stays in force; it only learns about those of the test.
    """
    scripts = [_EARLY, *([library] if library else []), _LATE % script]
    digests = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in scripts]
    allowed = " ".join(f"'sha256-{digest}'" for digest in digests)
    assert "script-src '" in page
    page = page.replace("script-src '", f"script-src {allowed} '", 1)
    page = page.replace("</head>", "".join(f"<script>{text}</script>" for text in scripts) + "</head>", 1)
    (folder / "page.html").write_text(page, encoding="utf-8")
    (folder / "frame.html").write_text(_FRAME.format(width=width, height=900), encoding="utf-8")
    told = _FOUND.search(_dumped(folder / "frame.html"))
    assert told is not None, "the script of the test did not come to its end"
    result = json.loads(html.unescape(told[1]))
    assert result["faults"] == []
    return result["value"]


def still(folder: Path, page: str) -> str:
    """Return what is seen of a page whose scripts may not run."""
    page = re.sub(r"script-src '[^']*'", "script-src 'none'", page, count=1)
    (folder / "page.html").write_text(page, encoding="utf-8")
    return _dumped(folder / "page.html")
