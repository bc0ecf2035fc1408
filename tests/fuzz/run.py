"""Let atheris (coverage-guided fuzzing, on libFuzzer) look for bytes that make a reader fail otherwise than it may.

    python tests/fuzz/run.py extxyz --seconds 120 [--found FOLDER]

Needs `pip install bpbench[fuzz]`. The corpus is made of valid files at each start; what is changed in them is changed
by the mutators of `tests/test_fuzz.py`, or by libFuzzer's own. Every failure that is new by its kind and place is told
at once, and its bytes are kept; a reader that takes longer than 20 s for one file, or more than 4 GB, ends the run.
Exit code 0: nothing was found, now or before, of this reader.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path
from random import Random

import atheris

#: Rooms whose code is watched; compiled kernels are not.
WATCHED = [
    "ase.io.extxyz",
    *(f"bpbench.{room}" for room in ("data", "formats", "protocol", "history", "report", "declared", "sweeps", "cuts")),
]
#: Longest file that is tried, in bytes.
LONGEST = 1 << 16

here = Path(__file__).resolve().parent
sys.path.insert(0, str(here.parent))
with atheris.instrument_imports(include=WATCHED):
    from fuzzed import READERS


def main() -> None:
    """Fuzz one reader."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("reader", choices=sorted(READERS))
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--found", type=Path, default=Path("fuzz-found"), metavar="FOLDER")
    parser.add_argument("--within", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if not asked.within:  # libFuzzer ends its process by itself
        done = subprocess.run([sys.executable, *sys.argv, "--within"], check=False)
        sys.exit(done.returncode or bool(list(asked.found.glob(f"{asked.reader}-*"))))
    reader = READERS[asked.reader]
    known: set[tuple[str, str, int]] = set()

    def one(content: bytes) -> None:
        try:
            reader.read(content)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is what we look for
            frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "bpbench" in frame.filename]
            place = (type(error).__name__, frames[-1].filename, frames[-1].lineno or 0) if frames else ("?", "", 0)
            if place not in known:
                known.add(place)
                (asked.found / f"{asked.reader}-{len(known)}").write_bytes(content)
                sys.stdout.write(f"FOUND {asked.reader}: {place} {error!r:.200}\n")

    def changed(content: bytes, size: int, seed: int) -> bytes:
        random = Random(seed)  # noqa: S311 - no secret
        return atheris.Mutate(content, size) if random.random() < 0.3 else reader.change(random, content)[:size]

    corpus = Path(tempfile.mkdtemp(prefix="bpbench-corpus-"))
    for number, seed in enumerate(reader.seeds()):
        (corpus / str(number)).write_bytes(seed)
    flags = [f"-max_total_time={asked.seconds}", f"-max_len={LONGEST}", "-timeout=20", "-rss_limit_mb=4096"]
    asked.found.mkdir(parents=True, exist_ok=True)
    flags.append(f"-artifact_prefix={asked.found}/{asked.reader}-")
    atheris.Setup(
        [sys.argv[0], str(corpus), *flags, "-print_final_stats=1"],
        one,
        custom_mutator=changed,
        enable_python_coverage=True,
    )
    atheris.Fuzz()


if __name__ == "__main__":
    main()
