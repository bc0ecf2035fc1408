"""``bpbench compare``: scores of repeated runs that any tool made, judged and reported like ours."""

from __future__ import annotations

import argparse
import math
import re
import shlex
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bpbench.errors import RequestError

if TYPE_CHECKING:
    from bpbench.data.score_files import Roles, Scores

_EPILOG: Final = (
    "The rules come with the command, so the results were at hand when they were chosen, and the report says so. "
    "An empty, NaN or infinite score counts as a run that broke down; an absent row is left out pair by pair, and said."
)
#: Options that decide a result and are told again in the report's command; the others are places and forms.
_TOLD: Final = (
    "variant", "score", "unit", "split", "baseline", "pairs", "margin", "correction", "design", "test_fraction",
    "test_to_train", "test", "alpha", "power", "seed", "epoch", "path", "metric_name", "metric_unit", "name",
)  # fmt: skip


def options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the verb."""
    add = parser.add_argument
    parser.epilog = _EPILOG
    add("files", nargs="+", metavar="FILE", help="a table (csv, parquet, JSON lines), or learning-curve.out files of "
        "n2p2, Keras histories (.json), or folders of these")  # fmt: skip
    add("--variant", metavar="COLUMN", help="what is compared (default variant)")
    add("--score", metavar="COLUMN", required=True, help="by what it is compared")
    add(
        "--unit", metavar="COLUMN", help="what tells repeats apart: rows of two variants with the same value are a pair"
    )
    add("--split", metavar="COLUMN", help="split of the data; repeats are averaged within each")
    add("--where", metavar="COLUMN=VALUE", action="append", default=[], help="only these rows; may be repeated")
    add("--baseline", metavar="NAME", help="what all others are compared with (default: the first of the table)")
    add("--pairs", choices=("baseline", "all"), default="baseline", help="compare with the baseline, or all pairs")
    add("--higher-is-better", action="store_true", help="of the score")
    add(
        "--margin",
        metavar="M",
        help="largest difference that does not matter: 0.1 (the score's unit), 5%% (of the baseline's mean), '0.3 d_z'",
    )
    add("--correction", default="holm", metavar="NAME", help="for the family of comparisons (default holm)")
    add("--design", metavar="NAME", help="fixed (default), resampled, or crossed (default with --split)")
    add("--test-fraction", type=float, metavar="F", help="resampled: share tested on, the rest being trained on")
    add(
        "--test-to-train", type=float, metavar="R", help="resampled: size of the test set over that of the training set"
    )
    add("--test", metavar="NAME", help="default: paired-t; nadeau-bengio if resampled; welch without --unit")
    add("--alpha", type=float, default=0.05, help="error rate of the family (default 0.05)")
    add("--power", type=float, default=0.8, help="of the detectable difference (default 0.8)")
    add("--seed", type=int, default=0, help="of tests by random redrawing (default 0)")
    add("--epoch", choices=("last", "best-validation"), default="last", help="of learning curves (default last)")
    add("--path", metavar="PATTERN", help="how paths of learning curves are named, such as {variant}/{repeat}/*")
    add("--metric-name", metavar="TEXT", help="the score in words, for labels (default: its column)")
    add("--metric-unit", metavar="TEXT", default="", help="its unit, for labels, such as meV/atom")
    add("--name", help="of the report's folder (default: the file's)")
    add("--reports", metavar="DIR", default="reports", help="where reports go (default reports)")
    add("--no-pdf", action="store_true", help="write no PDF of the report")


def joined(arguments: Sequence[str]) -> list[str]:
    """Return arguments with a negative margin joined to its option, which argparse takes for an option otherwise."""
    found: list[str] = []
    for word in arguments:
        if found and found[-1] == "--margin" and re.match(r"-\.?\d", word):
            found[-1] += f"={word}"
        else:
            found.append(word)
    return found


def compare(
    asked: argparse.Namespace, writable: Callable[[Path, str], Path]
) -> tuple[dict[str, Any], list[str], str | None]:
    """Read scores, judge them and write the report.

    Parameters
    ----------
    asked : argparse.Namespace
        Of :func:`options`.
    writable : callable
        ``writable(folder, option)`` makes a folder or refuses it.

    Returns
    -------
    told : dict
        Findings and places of the report, for ``--json``.
    lines : list of str
        What is printed otherwise.
    note : str or None
        Why there is no PDF though one was asked for.

    Raises
    ------
    RequestError
        For everything that is wrong with the request or the scores.
    """
    from bpbench import score_findings, scores
    from bpbench.report import given, render
    from bpbench.report.answer import answer

    start = time.monotonic()
    held, roles = _read(asked)
    judged = scores.judge(held, roles, _asked(asked))
    formats = tuple(each for each in asked.formats or ("html", "pdf") if each != "pdf" or not asked.no_pdf)
    language = asked.language or "en"
    found = score_findings.findings(
        judged,
        name=asked.name or ("learning-curves" if held.pattern else _stem(asked.files[0])),
        command=_command(asked, held),
        metric=asked.metric_name,
        unit=asked.metric_unit,
        formats=formats,
        language=language,
    )
    folder = writable(Path(asked.reports) / score_findings.folder(found), "--reports")
    beside = score_findings.environment(command=asked.command, wall_s=time.monotonic() - start)
    written = render.write_report(found, beside, folder, formats=formats, language=language, templates=asked.templates)
    assumed = given.assumed(found, told=asked.design is not None)
    lines = [*answer(found), assumed, *(f"- {remark}" for remark in found["data"]["remarks"]), ""]
    lines.append(f"Report: {written.html}" + ("" if written.rendered else " (unchanged)"))
    lines += written.others()
    told = {"findings": found, **written.told()}
    return told, lines, written.note


def _read(asked: argparse.Namespace) -> tuple[Scores, Roles]:
    from bpbench.data import score_files

    files = [Path(name) for name in asked.files]
    where = tuple(_condition(text) for text in asked.where)
    if len(files) == 1 and score_files.is_table(files[0]):
        for option in ("path", "epoch"):
            if getattr(asked, option) not in {None, "last"}:
                raise RequestError(f"--{option} is for learning curves, and {files[0]} is a table; leave it out.")
        roles = score_files.Roles(asked.variant or "variant", asked.score, asked.unit, asked.split, where)
        return score_files.read_table(files[0], roles), roles
    if where:
        raise RequestError("--where chooses rows of a table, and learning curves have none; name the files that count.")
    held = score_files.read_curves(
        score_files.curve_files(files),
        score=asked.score,
        best=asked.epoch != "last",
        lower_is_better=not asked.higher_is_better,
        pattern=asked.path,
    )
    named = {"variant": held.variants, "repeat": held.units, "split": held.splits}
    for option, name in (("variant", "variant"), ("unit", "repeat"), ("split", "split")):
        given = getattr(asked, option)
        if given is not None and given != name:
            raise RequestError(
                f"--{option} {given}: paths of learning curves name it '{name}'; write --{option} {name}."
            )
        if given is not None and not named[name]:
            raise RequestError(
                f"--{option} {given}: paths were read as '{held.pattern}', which names no {{{name}}}; say with --path "
                "where it stands."
            )
    return held, score_files.Roles("variant", asked.score, asked.unit, asked.split)


def _condition(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise RequestError(f"--where: expected COLUMN=VALUE, found '{text}'.")
    return name.strip(), value.strip()


def _asked(asked: argparse.Namespace) -> Any:
    from bpbench.scores import Asked
    from bpbench.statistics.margins import Margin

    return Asked(
        baseline=asked.baseline,
        pairs=asked.pairs,
        test=asked.test,
        design=asked.design,
        correction=asked.correction,
        alpha=asked.alpha,
        power=asked.power,
        margin=None if asked.margin is None else Margin.parse(asked.margin),
        lower_is_better=not asked.higher_is_better,
        test_to_train=_overlap(asked.test_fraction, asked.test_to_train),
        seed=asked.seed,
    )


def _overlap(fraction: float | None, ratio: float | None) -> float | None:
    """Return n_test/n_train from the share that is tested on, or as given."""
    if fraction is None:
        if ratio is not None and not 0 < ratio < math.inf:
            raise RequestError(
                f"--test-to-train: expected a positive number, the size of a test set over that of its training set, "
                f"found {ratio:g}."
            )
        return ratio
    if ratio is not None:
        raise RequestError("--test-fraction and --test-to-train say the same thing; give one of them.")
    if not 0 < fraction < 1:
        raise RequestError(f"--test-fraction: expected a share between 0 and 1, found {fraction:g}.")
    return fraction / (1 - fraction)


def _stem(name: str) -> str:
    """Return a folder's name from a file's."""
    path = Path(name)
    stem = path.name.split(".", 1)[0] or path.absolute().name
    return re.sub(r"[^\w.-]+", "-", stem).strip("-.") or "scores"


def _command(asked: argparse.Namespace, held: Scores) -> str:
    """Return the command that makes these findings again, without the folders of one machine."""
    made: list[str] = []
    usual = {
        "correction": "holm",
        "alpha": 0.05,
        "power": 0.8,
        "seed": 0,
        "pairs": "baseline",
        "epoch": "last",
        "metric_unit": "",
    }
    for key in _TOLD:
        value = getattr(asked, key)
        if value is not None and value != usual.get(key):
            made += [f"--{key.replace('_', '-')}", str(value)]
    made += [part for text in asked.where for part in ("--where", text)]
    made += ["--higher-is-better"] if asked.higher_is_better else []
    files = re.sub(r"\{[^{}]*\}", "*", held.pattern) if held.pattern else shlex.quote(Path(asked.files[0]).name)
    return f"bpbench compare {files} {shlex.join(made)}"
