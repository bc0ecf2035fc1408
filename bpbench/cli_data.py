"""``bpbench data``: the embedded sample made anew, and files of frames audited."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bpbench import cli_describe, cli_features
from bpbench.errors import RequestError

if TYPE_CHECKING:
    from collections.abc import Callable


def options(
    making: argparse.ArgumentParser,
    inspecting: argparse.ArgumentParser,
    cores: Callable[[], int],
    count: Callable[[str], int],
) -> None:
    """Add the options of both verbs.

    Parameters
    ----------
    making, inspecting : argparse.ArgumentParser
        Of ``make`` and ``inspect``.
    cores : callable
        Counts the cores.
    count : callable
        Reads a whole number of 1 or more.
    """
    making.add_argument("file", help="the .npz file to write")
    making.add_argument("--frames", type=count, default=None, help="frames per state point (default 40)")
    making.add_argument("--spacing", type=count, default=None, help="time steps between saved frames")
    making.add_argument("--jobs", metavar="N", type=count, default=cores(), help="processes at once")
    making.add_argument("--seed", type=int, default=1, help="root seed (default 1)")
    making.add_argument("--dense", action="store_true", help="the dense sample, of frames and spacings of its own")
    add = inspecting.add_argument
    add("file", help="any file of frames with energies that ASE reads, or our .npz")
    add("--group", help="info key of the group")
    add("--units", choices=cli_features.UNITS, help="units of an input.data, which does not say them")
    add("--features", metavar="SET", help="a preset or YAML file: tell how long its values remember")
    add("--elements", metavar="A,B", help="tell these neighbours apart, with --features")


def make(asked: argparse.Namespace, say: Callable[[str], None]) -> tuple[dict[str, Any], list[str]]:
    """Generate a sample and return what to tell, as plain JSON and in lines.

    Parameters
    ----------
    asked : argparse.Namespace
        Of :func:`options`.
    say : callable
        Told beforehand how long it takes.

    Raises
    ------
    RequestError
        When the dense sample is asked for with frames or a spacing.
    """
    from bpbench.data import aluminium

    path, wished = Path(asked.file), {key: getattr(asked, key) for key in ("frames", "spacing")}
    given = {key: value for key, value in wished.items() if value is not None}
    if asked.dense:
        if given:
            raise RequestError(f"--dense has frames and spacings of its own; leave out --{next(iter(given))}.")
        say("Generating the dense sample takes about 5 minutes on one core.")
        frames = aluminium.make_dense(path, seed=asked.seed, processes=asked.jobs)
    else:
        many = given.get("frames", 40)
        say(f"Generating {many} frames of each state point; 40 of each take about 8 minutes on one core.")
        frames = aluminium.make(path, seed=asked.seed, processes=asked.jobs, **given)
    told = {"file": str(path), "frames": len(frames), "atoms": int(frames.offsets[-1])}
    return told, [f"{path}: {told['frames']} frames, {told['atoms']} atoms of EMT aluminium."]


def inspect(asked: argparse.Namespace, cores: Callable[[], int]) -> tuple[dict[str, Any], list[str]]:
    """Audit a file of frames and return what to tell, as plain JSON and in lines.

    Parameters
    ----------
    asked : argparse.Namespace
        Of :func:`options`.
    cores : callable
        Counts the cores.

    Raises
    ------
    RequestError
        When units are said of a file that says its own.
    """
    from bpbench.data import inspect as auditing
    from bpbench.data import readers
    from bpbench.report import terminal

    path, units = Path(asked.file), asked.units
    unsaid = cli_describe.says_no_units(path, units)
    if units is not None and not unsaid:
        raise RequestError(f"--units says those of an input.data of n2p2 or RuNNer, and {path} is none; leave it out.")
    frames = readers.read(readers.open_source(path, group=asked.group, **({"units": units} if unsaid else {})))
    means = None
    if asked.features is not None:
        from bpbench.descriptors import values

        functions = cli_describe.resolved(cli_features.choose(asked.features), frames, asked.elements)
        means = values.means(functions.functions, frames, threads=cores())
    audit = auditing.inspect(frames, path.name, means=means)
    return audit, terminal.audit(audit)
