"""A disk that fills up, one that may only be read, and files that are not what was written."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
from conftest import Trial
from ground import Ground, ended, gone, paced, same, until

pytestmark = pytest.mark.xdist_group("faults-disk")


@dataclass(frozen=True, slots=True)
class Disk:
    """A small file system of its own."""

    folder: Path

    def becomes(self, *options: str) -> None:
        """Change how it is mounted."""
        subprocess.run(["mount", "-o", ",".join(("remount", *options)), str(self.folder)], check=True)


@contextmanager
def disk(folder: Path, *options: str) -> Iterator[Disk]:
    """Put a small file system in the place of a folder, or skip where that is not permitted."""
    folder.mkdir(parents=True, exist_ok=True)
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", ",".join(options), "none", str(folder)], capture_output=True, check=False
    )
    if made.returncode:
        pytest.skip("file systems cannot be mounted here")
    try:
        yield Disk(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def used(ground: Ground) -> int:
    """Return how many kilobytes an undisturbed run's store takes on a disk."""
    told = subprocess.run(["du", "-sk", str(ground.store)], capture_output=True, check=True, text=True)
    return int(told.stdout.split()[0])


@pytest.mark.parametrize(
    ("jobs", "share"),
    [("1", 0.6), *(pytest.param(jobs, share, marks=pytest.mark.slow) for jobs in "12" for share in (0.05, 0.3, 0.8))],
)
def test_a_full_disk_ends_a_run_in_order(
    ground: Ground, undisturbed: Ground, tried: Trial, jobs: str, share: float
) -> None:
    """3 and a sentence that names the store; with more room the same command goes on."""
    size = max(64, int(share * used(undisturbed)))
    with disk(ground.store, f"size={size}k") as small, tried("a full disk", f"a small tmpfs, `--jobs {jobs}`"):
        ran = ground.run("--jobs", jobs)
        assert ran.code == 3, ran.err
        assert f"bpbench: The disk of the store {small.folder} is full (No space left on device)" in resolved(
            ran.err, ground
        )
        assert "Traceback" not in ran.err
        assert ground.stored() < undisturbed.stored()
        small.becomes("size=1g")
        ran = ground.run("--jobs", jobs)
        assert ran.code == 0, ran.err
        same(ground, undisturbed)


def resolved(text: str, ground: Ground) -> str:
    """Return what was said with the store's whole path in the place of the short one."""
    return text.replace(" .bpbench/store", f" {ground.store}")


@pytest.mark.slow
def test_a_full_disk_of_reports_loses_no_result(ground: Ground, undisturbed: Ground, tried: Trial) -> None:
    """What was trained is stored; the report is written once there is room."""
    with disk(ground.folder / "reports", "size=64k") as small, tried("a full disk", "a small tmpfs for the report"):
        ran = ground.run("--jobs", "1")
        assert ran.code == 3, ran.err
        assert "What was trained is stored; the same command writes the report." in ran.err
        assert ground.stored() == undisturbed.stored()
        small.becomes("size=1g")
        ran = ground.run("--jobs", "1")
        assert ran.code == 0, ran.err
        same(ground, undisturbed)


@pytest.mark.parametrize("jobs", ["1", pytest.param("2", marks=pytest.mark.slow)])
def test_a_store_that_may_only_be_read(ground: Ground, undisturbed: Ground, tried: Trial, jobs: str) -> None:
    """Nothing is started when something is missing; what is complete is reported as ever."""
    with disk(ground.store) as there, tried("a read-only store", f"a tmpfs mounted read-only, `--jobs {jobs}`"):
        shutil.copytree(undisturbed.store, ground.store, dirs_exist_ok=True)
        (lost,) = list(ground.store.glob("??/*"))[:1]
        kept = ground.folder / "kept"
        shutil.move(lost, kept)
        there.becomes("ro")
        ran = ground.run("--jobs", jobs)
        assert ran.code == 2, ran.err
        said = f"The store {ground.store} may only be read, and 1 result is missing in it; nothing was started."
        assert said in resolved(ran.err, ground)
        there.becomes("rw")
        shutil.move(kept, lost)
        there.becomes("ro")
        ran = ground.run("--jobs", jobs)
        assert ran.code == 0, ran.err
        same(ground, undisturbed)


@pytest.mark.slow
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_store_becomes_read_only_meanwhile(ground: Ground, undisturbed: Ground, tried: Trial, jobs: str) -> None:
    """As a kernel does with a disk that fails: 3 and a sentence, and the same command goes on later."""
    with disk(ground.store) as there, tried("a read-only store", f"read-only in the middle, `--jobs {jobs}`"):
        with ended(ground.start("--jobs", jobs, **paced(0.5))) as running:
            running.until(lambda: ground.stored() > 4, 120, "some results")
            until(lambda: _only_read(there), 60, "a moment in which nothing is written")
            ran = running.ends()
            assert ran.code == 3, ran.err
            assert "(Read-only file system)" in ran.err
            assert "Traceback" not in ran.err
            gone(running)
        there.becomes("rw")
        ran = ground.run("--jobs", jobs)
        assert ran.code == 0, ran.err
        same(ground, undisturbed)


def _only_read(there: Disk) -> bool:
    try:
        there.becomes("ro")
    except subprocess.CalledProcessError:
        return False
    return True


# ------------------------------------------------------------------------------------------------ damaged files


def truncate(file: Path) -> None:
    """Cut a file in its middle."""
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])


def flip(file: Path) -> None:
    """Change one bit of the last byte but two."""
    content = bytearray(file.read_bytes())
    content[-3] ^= 1
    file.write_bytes(content)


def empty(file: Path) -> None:
    """Leave nothing in a file."""
    file.write_bytes(b"")


DAMAGES: Final[dict[str, Callable[[Path], None]]] = {
    "truncated": truncate,
    "one bit flipped": flip,
    "emptied": empty,
    "deleted": Path.unlink,
}


#: The file of a result that no run compares with its sum, as no finding depends on it: `data verify` alone does.
UNCHECKED: Final = "provenance.json"


def results(store: Path) -> dict[str, list[Path]]:
    """Return the results in a store by their kind: that of the job, and of the model that is trained."""
    found: dict[str, list[Path]] = {}
    for result in sorted(store.glob("??/*")):
        kind = json.loads((result / "sums.json").read_text(encoding="utf-8"))["sums"]["kind"]
        model = json.loads((result / "job.json").read_text(encoding="utf-8")).get("model", {}).get("kind", "")
        found.setdefault(f"{kind} {model}".strip(), []).append(result)
    return found


@pytest.mark.parametrize(
    ("damage", "turns"),
    [("one bit flipped", (0,)), *(pytest.param(damage, None, marks=pytest.mark.slow) for damage in DAMAGES)],
)
def test_a_damaged_file_is_found_and_its_result_made_again(
    ground: Ground, undisturbed: Ground, tried: Trial, damage: str, turns: tuple[int, ...] | None
) -> None:
    """Every file that a run checks, of every kind of result: the result is set aside, made again, and that is said."""
    kinds = results(undisturbed.store)
    names = {kind: sorted({file.name for file in there[0].iterdir()} - {UNCHECKED}) for kind, there in kinds.items()}
    for turn in range(max(map(len, names.values()))) if turns is None else turns:
        copied(ground, undisturbed, kinds)
        harmed = {
            kind: (there[0].relative_to(undisturbed.store), names[kind][turn])
            for kind, there in kinds.items()
            if turn < len(names[kind])
        }
        for result, name in harmed.values():
            DAMAGES[damage](ground.store / result / name)
        ran = ground.run("--jobs", "1")
        for kind, (result, name) in harmed.items():
            with tried("a damaged file of the store", f"{damage}: any file of a result of {kind}"):
                assert ran.code == 0, ran.err
                assert list((ground.store / "damaged").glob(f"{result.name}-*")), (name, ran.err)
                assert name in ran.err
                same(ground, undisturbed)


def copied(ground: Ground, undisturbed: Ground, kinds: dict[str, list[Path]]) -> None:
    """Copy a store without the last training, as nothing would read what trainings need if all of them were there."""
    ground.clear()
    shutil.copytree(undisturbed.store, ground.store)
    shutil.rmtree(ground.store / kinds["Train random-forest"][-1].relative_to(undisturbed.store))


@pytest.mark.parametrize(
    "damage",
    ["one bit flipped", *(pytest.param(damage, marks=pytest.mark.slow) for damage in ("truncated", "emptied"))],
)
def test_a_damaged_file_that_no_run_checks_is_found_by_who_looks(
    ground: Ground, undisturbed: Ground, tried: Trial, damage: str
) -> None:
    """A run neither says it nor finds anything else for it; ``data verify`` names it, unless it is gone altogether."""
    kinds = results(undisturbed.store)
    copied(ground, undisturbed, kinds)
    harmed = {kind: ground.store / there[0].relative_to(undisturbed.store) for kind, there in kinds.items()}
    for result in harmed.values():
        DAMAGES[damage](result / UNCHECKED)
    ran = ground.run("--jobs", "1")
    verified = ground.launch([sys.executable, "-m", "bpbench.cli", "data", "verify", "--json"]).ends()
    for kind, result in harmed.items():
        with tried("a damaged file that no run checks", f"{damage}: how a result of {kind} was made"):
            assert ran.code == 0, ran.err
            assert "not whole" not in ran.err
            assert verified.code == 3, verified.err
            told = json.loads(verified.out)
            assert told["damaged"] == []
            assert len(told["damaged_provenance"]) == len(harmed)
            assert str(result.relative_to(ground.folder)) in told["damaged_provenance"]
            same(ground, undisturbed)
