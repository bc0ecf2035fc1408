"""``bpbench doctor``: what this installation has and what it lacks."""

from __future__ import annotations

import os
from typing import Any

from bpbench import __version__, shipped


def doctor() -> tuple[dict[str, Any], list[str]]:
    """Look around and return what to tell, as plain JSON and in lines."""
    from bpbench.report import pdf
    from bpbench.runner.machine import machine

    about = machine()
    ready, sentence = pdf.pdf_available()
    checks = {
        "pdf": {"ok": ready, "says": sentence},
        "store": _store(),
        "keras": {
            "ok": "tensorflow" in about["versions"],
            "says": "TensorFlow is here, for the optimizer keras-adam."
            if "tensorflow" in about["versions"]
            else "TensorFlow is not installed; the optimizer keras-adam needs it (pip install bpbench[keras]).",
        },
        "templates": {
            "ok": (shipped("templates") / "report.html.j2").is_file(),
            "says": f"templates in {shipped('templates')}",
        },
    }
    lines = [
        f"bpbench {__version__} on Python {about['python']}, {about['platform']}",
        f"{about['cpu']}, {about['cores']} cores",
        ", ".join(f"{name} {version}" for name, version in about["versions"].items()),
        *(f"{'ok     ' if check['ok'] else 'MISSING'} {name}: {check['says']}" for name, check in checks.items()),
    ]
    return {**about, "checks": checks}, lines


def _store() -> dict[str, Any]:
    """Say whether results could be kept: in the folder of the store, or in the one that it would be made in."""
    from bpbench.runner.execute import default_store

    store = default_store()
    place = store.absolute()
    while not place.exists():
        place = place.parent
    ready = os.access(place, os.W_OK)
    return {"ok": ready, "says": f"{store} is writable." if ready else f"{place} is not writable; use --store."}
