"""How long a report takes, stage by stage, cold: ``python tests/benchmarks/report.py reports/57vars-*/findings.json``.

Every run is a process of its own, since the second report of a process is made by warm caches; what is shown is the
median of three. ``drawings by WeasyPrint`` is the printing again with every drawing read as SVG by WeasyPrint itself,
and ``saved`` the difference.
"""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

RUNS = 3


def measure(path: Path, *, by_weasyprint: bool) -> dict[str, float]:
    """Return the seconds of each stage of one report made in this process."""
    marks = [time.perf_counter()]
    import weasyprint  # noqa: F401 - its import is a stage

    from bpbench.report import pdf
    from bpbench.report.compose import compose
    from bpbench.report.html import render_html

    if by_weasyprint:
        pdf._pictures = lambda html: {}  # noqa: ARG005 - its name is told
    marks.append(time.perf_counter())
    gc.disable()  # as whoever writes a report does
    document = compose(json.loads(path.read_text(encoding="utf-8")), {})
    marks.append(time.perf_counter())
    render_html(document)
    page = render_html(document, embed=True)
    marks.append(time.perf_counter())
    pdf.render_pdf(page, identifier="ab" * 32)
    marks.append(time.perf_counter())
    names = ("imports", "composing and drawing", "HTML", "PDF")
    return {name: b - a for name, a, b in zip(names, marks, marks[1:], strict=False)}


def cold(path: Path, how: str) -> list[dict[str, float]]:
    """Return the measurements of some processes."""
    command = [sys.executable, __file__, str(path), how]
    done = (subprocess.run(command, check=True, capture_output=True, text=True) for _ in range(RUNS))
    return [json.loads(each.stdout) for each in done]


def main() -> None:
    """Measure, and print a line for each stage."""
    path = Path(sys.argv[1])
    if len(sys.argv) > 2:
        print(json.dumps(measure(path, by_weasyprint=sys.argv[2] == "weasyprint")))
        return
    ours, theirs = cold(path, "ours"), cold(path, "weasyprint")
    stages = {name: median(run[name] for run in ours) for name in ours[0]}
    for name, seconds in stages.items():
        print(f"{name:32}{seconds:8.2f} s")
    print(f"{'together':32}{sum(stages.values()):8.2f} s")
    slow = median(run["PDF"] for run in theirs)
    print(f"{'PDF, drawings by WeasyPrint':32}{slow:8.2f} s")
    print(f"{'saved':32}{slow - stages['PDF']:8.2f} s")


if __name__ == "__main__":
    main()
