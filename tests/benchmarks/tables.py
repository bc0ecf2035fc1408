"""How fast a table with one row per atom comes into the store, and how much memory that takes at most.

Run as ``python tests/benchmarks/tables.py --rows 200000 --columns 340 csv parquet npz``. The table is made of random
numbers with 256 rows per configuration; the job runs in a fresh process, whose largest resident set is printed. Full
size is ``--rows 2312192`` (9032 configurations).
"""

from __future__ import annotations

import argparse
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

ATOMS = 256
STRETCH = 64 * ATOMS


def stretches(rows: int, columns: int) -> object:
    """Yield the table a stretch at a time: configuration, energy, values."""
    rng = np.random.default_rng(1)
    for first in range(0, rows, STRETCH):
        configuration = np.arange(first, min(first + STRETCH, rows)) // ATOMS
        yield configuration, -3.5 * ATOMS + np.sin(configuration), rng.random((len(configuration), columns))


def make(path: Path, rows: int, columns: int) -> None:
    """Write a table of random numbers without holding it."""
    names = [f"g{number}" for number in range(columns)]
    if path.suffix == ".csv":
        import pyarrow as pa
        from pyarrow import csv

        writer = None
        for configuration, energy, values in stretches(rows, columns):
            batch = pa.RecordBatch.from_arrays(
                [pa.array(configuration), *map(pa.array, values.T.copy()), pa.array(energy)], ["conf", *names, "energy"]
            )
            writer = writer or csv.CSVWriter(path, batch.schema)
            writer.write_batch(batch)
        writer.close()
    elif path.suffix == ".parquet":
        import pyarrow as pa
        import pyarrow.parquet as pq

        writer, held = None, []
        for configuration, energy, values in stretches(rows, columns):
            held.append(
                pa.RecordBatch.from_arrays(
                    [pa.array(configuration), *map(pa.array, values.T.astype(np.float32)), pa.array(energy)],
                    ["conf", *names, "energy"],
                )
            )
            writer = writer or pq.ParquetWriter(path, held[0].schema)
            # Row groups of a million rows, as pyarrow and pandas make them: the hard case for a reader.
            if len(held) * STRETCH >= 1 << 20:
                writer.write_table(pa.Table.from_batches(held), row_group_size=1 << 20)
                held = []
        if held:
            writer.write_table(pa.Table.from_batches(held), row_group_size=1 << 20)
        writer.close()
    else:
        _make_npz(path, rows, columns, names)


def _make_npz(path: Path, rows: int, columns: int, names: list[str]) -> None:
    import zipfile

    offsets = np.append(np.arange(0, rows, ATOMS), rows)
    small = {
        "names": np.array(names),
        "offsets": offsets,
        "energy": -3.5 * ATOMS + np.sin(np.arange(len(offsets) - 1)),
    }
    with zipfile.ZipFile(path, "w") as archive:
        for name, array in small.items():
            with archive.open(f"{name}.npy", "w") as stream:
                np.lib.format.write_array(stream, array)
        with archive.open("values.npy", "w", force_zip64=True) as stream:
            head = {"descr": "<f4", "fortran_order": False, "shape": (rows, columns)}
            np.lib.format.write_array_header_1_0(stream, head)
            for _, _, values in stretches(rows, columns):
                stream.write(values.astype(np.float32).tobytes())


def read(path: Path, store: Path) -> None:
    """Look at a table as `bpbench plan` does, then run its job as `bpbench run` does; print what both took."""
    from bpbench.data import tables
    from bpbench.jobs import ReadTable
    from bpbench.runner.execute import execute
    from bpbench.runner.store import Store

    configuration = None if path.suffix == ".npz" else "conf"
    before = _peak()
    start = time.perf_counter()
    source = tables.open_table(path, configuration=configuration, energy="energy")
    held = tables.contents(source)
    looked = time.perf_counter()
    looked_peak = _peak()
    went = execute([ReadTable(source, "float32")], Store(store))
    if went.failures:
        raise SystemExit(str(went.failures))
    end = time.perf_counter()
    print(
        f"{path.suffix[1:]:8} {held.rows:9} rows x {len(held.names)} columns, {path.stat().st_size / 1e9:6.2f} GB: "
        f"labels {looked - start:6.1f} s ({looked_peak:.2f} GB), all {end - looked:6.1f} s, "
        f"{held.rows / (end - looked):8.0f} rows/s, peak RSS {_peak():.2f} GB ({before:.2f} GB before)"
    )


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def main() -> None:
    """Make each kind of table, read it in a fresh process, remove it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kinds", nargs="*", default=["csv", "parquet", "npz"])
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--columns", type=int, default=340)
    parser.add_argument("--folder", help="where tables and store are made (default: a temporary folder)")
    parser.add_argument("--make", help=argparse.SUPPRESS)
    parser.add_argument("--read", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.read:
        read(Path(options.read[0]), Path(options.read[1]))
        return
    if options.make:
        make(Path(options.make), options.rows, options.columns)
        return
    command = [sys.executable, __file__]
    size = ["--rows", str(options.rows), "--columns", str(options.columns)]
    with TemporaryDirectory(dir=options.folder) as folder:
        for kind in options.kinds:
            path, store = Path(folder) / f"table.{kind}", Path(folder) / "store"
            # In a process of its own: a child's largest resident set starts from its parent's.
            subprocess.run([*command, "--make", str(path), *size], check=True)
            subprocess.run([*command, "--read", str(path), str(store)], check=True)
            path.unlink()
            shutil.rmtree(store)


if __name__ == "__main__":
    main()
