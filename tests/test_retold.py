"""Sentences of findings, told again: those that lower rooms make are known, those of strangers are left alone."""

from __future__ import annotations

import ast
import json
import math
import re
import string
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from unittest.mock import Mock

import numpy as np
import pytest
from ase import Atoms
from ase.io import write
from elements_twin import mixed
from fake_ground import ground, noise, play, radial
from findings_factory import searched
from problems import changed, problem

import bpbench
from bpbench import findings as of_findings
from bpbench import score_findings, shares, standing
from bpbench.agreement import reasons
from bpbench.agreement.columns import agree
from bpbench.data import blocks, readers, score_files, tables
from bpbench.data.score_files import Roles, read_table
from bpbench.errors import DataError
from bpbench.features import G2, G4
from bpbench.jobs import Command, Hdnn, KerasAdam, Linear
from bpbench.models import adam, fit, hdnn, kalman, linear, scaling
from bpbench.protocol import load
from bpbench.report import remarks
from bpbench.report import retold as module
from bpbench.report.language import spoken, tell
from bpbench.report.retold import CLAUSES, MESSAGES, retold
from bpbench.report.templating import folders
from bpbench.runner import command, imported, worker
from bpbench.runner.store import Store
from bpbench.scores import Asked, judge
from bpbench.selection import search, weights
from bpbench.statistics import compare, estimators, intervals, racing
from bpbench.statistics.anova import repeated_measures
from bpbench.statistics.compare import Rules
from bpbench.statistics.equivalence import require_positive
from bpbench.statistics.friedman import of_ranks
from bpbench.statistics.ranking import OMNIBUS
from bpbench.statistics.ranks import RankEvidence
from bpbench.statistics.samples import Sample
from bpbench.strategies import Backward, ByShift, ByWeight, DropOne, Forward, Race, RandomSubsets, Smallest
from bpbench.study import prepare

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bpbench.selection.trace import Trace


def _split(**changes: Any) -> Any:
    made = {"measure": None, "roles": None, "design": "fixed", "per_split": 2} | changes
    return SimpleNamespace(**made, split=SimpleNamespace(design=made["design"]))


def _sample(values: list[float]) -> Sample:
    return Sample(np.array(values), np.arange(len(values)))


def _refusal(refused: Callable[[], object]) -> str:
    with pytest.raises(bpbench.errors.BpbenchError) as error:
        refused()
    return str(error.value)


def _of_splits() -> Iterator[str]:
    for design in ("fixed", "resampled", "crossed"):
        yield of_findings.given(_split(design=design))
    yield of_findings.given(_split(design="crossed", per_split=1))
    yield of_findings.given(_split(measure=object()))
    for w, o, r in ((1, 1, 1), (3, 2, 1), (2, 1, 4), (1, 5, 2)):
        roles = SimpleNamespace(weights=w, order=o, rerun=r)
        yield of_findings.given(_split(design="crossed", roles=roles))
    yield from score_findings._SENTENCES.values()
    yield score_findings._SENTENCES["resampled"] + " Given is a ratio of test to training data of 0.25."


def _of_comparisons() -> Iterator[str]:
    still, other, moving = _sample([1.5, 1.5]), _sample([1.25, 1.25]), _sample([1.5, 1.25])
    for design in ("fixed", "crossed"):
        yield from compare._no_noise(_sample([1.0]), _sample([2.0]), design, paired=True)
        for one, two in ((still, other), (moving, moving)):
            yield from compare._no_noise(one, two, design, paired=True)
        for one, two in ((still, other), (still, still)):
            yield from compare._no_noise(one, two, design, paired=False)
    for missing in (1, 3):
        yield from compare._missing(SimpleNamespace(missing=missing))  # type: ignore[arg-type]
    for test in ("wilcoxon", "sign-flip"):
        for m in (4, 5):
            yield from compare._cautions(4, m, Rules(test, "crossed"), has_interval=False)
    yield from compare._diverged(
        SimpleNamespace(candidate="A.1", baseline="B", diverged_candidate=1, diverged_baseline=12_345)  # type: ignore[arg-type]
    )
    for differences in ([0.0, 1.0, 2.0, 3.0, -4.0, 5.0], [0.0, 0.0, 2.0, 3.0, -4.0, 5.0]):
        yield from compare._dropped(RankEvidence(np.sort(np.array(differences))))
    refused = _refusal(lambda: require_positive(np.array([0.5, -0.25])))
    yield f"No equivalence test was made. {refused}"


def _of_estimates() -> Iterator[str]:
    for key in (*intervals.COVERED, "paired/other/bca"):
        of, _, method = key.rpartition("/")
        yield intervals._few(of, method)
    yield from map(intervals._many, ("paired/difference", "paired/ratio", "strata/iqm"))
    yield estimators._SINGLE
    yield estimators._STILL
    yield f"{estimators._APART}: the interval of Cliff's δ is a rough one."
    yield from intervals._UNDEFINED


def _of_ranks() -> Iterator[str]:
    yield _refusal(lambda: of_ranks(np.full((3, 4), 2.5), 1, 0))
    yield _refusal(lambda: repeated_measures(np.array([[1.0, 2.0], [2.0, 3.0], [3.0, 4.0]])))
    rules = Rules("paired-t", "fixed")
    lost = {"A": [1.0, np.nan, 2.0], "B": [2.0, 2.0, 2.0], "C": [np.nan, np.nan, 3.0], "D": [1.0, 2.0, 3.0]}
    for names in ("ABCD", "CD", "D"):
        scores = {name: lost[name] for name in names}
        twins = {"D": "it is the same contestant as 'E'"} if names == "ABCD" else {}
        made = standing.ranked(scores, [0, 0, 0], rules, baseline="D", twins=twins, root=1)
        assert made[0] is None
        yield str(made[1])
    yield str(standing._anova(np.array([[np.inf, 1.0], [2.0, 3.0]]))["no_anova"])
    yield OMNIBUS["friedman"].refused["resampled"].partition(";")[0] + "."
    yield str(score_findings._ranking(SimpleNamespace(paired=False, roles=None, rules=None))[1])  # type: ignore[arg-type]


def _of_models() -> Iterator[str]:
    yield from of_findings.LABELS.values()
    for skip, patience, ensemble in ((True, 5, 3), (False, None, 1), (True, None, 1), (True, None, 2)):
        spec = SimpleNamespace(skip=skip, patience=patience, ensemble=ensemble, forces=None)
        for text in hdnn._outnumbered(spec, 758, 260):  # type: ignore[arg-type]
            yield text
            # with the numbers of each variant beside it, the remark is shown without them
            found = remarks._OUTNUMBERED.fullmatch(text)
            assert found is not None
            yield f"{found[1]}{found[4]}"
    stuck, moved = (SimpleNamespace(judged=np.array([value])) for value in (2.0, 0.5))
    for skip in (True, False):
        for kind in hdnn._ADVICE:
            spec = SimpleNamespace(skip=skip, optimizer=SimpleNamespace(kind=kind))
            for courses in ([stuck], [stuck, moved]):
                yield from hdnn._unmoved(spec, courses, [1.0] * len(courses))  # type: ignore[arg-type]
    yield adam.lost(SimpleNamespace(learning_rate=0.5), 2, 100)  # type: ignore[arg-type]
    for prior in (0.5, (0.5, 1.5)):
        yield kalman._lost(6, [[]] * 12, SimpleNamespace(prior=prior, trust=(0.01, 10.0)))  # type: ignore[arg-type, list-item]
    for best in (0, 2):
        yield from linear._border([1e-5, 0.001, 1.5], best)
    for names in (["G2(eta=0.01,rs=0,rc=6.8)"], ["g1", "g2"]):
        for whose in ("", " of Cu"):
            yield from scaling._dropped(names, whose)
    yield from _of_elements()


def _of_elements() -> Iterator[str]:
    """Yield what is said where elements cannot be told apart, or are not all there."""
    base = mixed(2, frames=30)
    assert base.kind is not None
    alike = changed(base, values=np.repeat(base.values[:1], 5, axis=0))
    for several in (alike, changed(alike, elements=(), kind=None)):
        yield from scaling.scalings(several).remarks
    single = problem([3] * 30, functions=4)
    yield from scaling.scalings(changed(single, elements=("S", "Cu"), kind=np.tile([1, 0, 1], 30))).remarks
    unseen = base.kind * 0
    unseen[base.offsets[base.test[-1]]] = 1
    constant = np.where(base.kind == 1, 0.5, base.values)
    flat = changed(base, values=np.ones_like(base.values), elements=(), kind=None)
    for wrong in (changed(base, kind=unseen), changed(base, values=constant), flat):
        with pytest.raises(DataError) as caught:
            fit(Linear("linear"), wrong, weights_seed=0, order_seed=0)
        yield str(caught.value)
    with pytest.raises(DataError) as caught:
        fit(Hdnn("hdnn", (2,), optimizer=KerasAdam("keras-adam")), base, weights_seed=0, order_seed=0)
    yield str(caught.value)


def _of_foreign_models() -> Iterator[str]:
    for share in (0.25, 0.75):
        yield from imported._extrapolating(share)
    frames = SimpleNamespace(elements=["Al", "Cu"])
    for shift in ("none", "fitted"):
        model = SimpleNamespace(shift=shift)
        yield from imported._of_shift(model, frames, np.array([-1.5, 0.25]), (1.25, 0.0015))  # type: ignore[arg-type]
    program = Command("command", run=(("nnp-scaling", "100"), ("nnp-train",)))
    which = command._which(1, program)
    for text in (
        command._unknown(which),
        command._stopped(0.5, which),
        command._ended(3, which),
        command._ended(-11, which),
        command._unusable("p.csv, line 2: expected a number, found 'plenty'"),
    ):
        yield text
        yield text + command._said(["error: no room. Stop"])
        yield text + command._said([])


def _of_few(chosen: tuple[int, ...], repeat: int) -> float:
    """Return a score in which the first two functions matter, the third does harm and the fourth hardly helps."""
    return (
        5
        - sum(place in chosen for place in (0, 1))
        + 0.4 * (2 in chosen)
        - 0.01 * (3 in chosen)
        + 1e-3 * noise(chosen, repeat)
    )


def _steps(trace: Trace) -> Iterator[str]:
    for step in trace.steps:
        yield step.said
        yield from (one.stopped for one in step.tried if one.stopped)


def _of_searches() -> Iterator[str]:
    of: dict[str, Any] = {"set": "s", "model": "m"}
    on, eight = ground(radial([0.0, 1.5, 2.0, 2.5, 3.0, 3.5], angular=2), cost=len), ground(8, cost=len)
    named = [("all", tuple(range(8))), ("few", (0, 1)), ("some", (0, 1, 3))]
    for scores in (_of_few, lambda *_: math.nan):
        for spec in (
            DropOne(kind="drop-one", remove=(1, 2), **of),
            DropOne(kind="drop-one", remove=(2,), race=Race(rule="halving", first=2), **of),
            Backward(kind="backward", order="listed", step=2, **of),
            Backward(kind="backward", order="listed", **of),
            Forward(kind="forward", most=3, **of),
            ByShift(kind="by-shift", ranges=((0.0, 0.0), (1.4, 2.6), (3.0, 3.5)), **of),
            ByShift(kind="by-shift", ranges=((0.0, 3.5),), angular="without", **of),
            ByShift(kind="by-shift", ranges=((0.0, 0.0),), angular="without", **of),
            ByShift(kind="by-shift", ranges=((0.0, 1.5), (2.4, 3.5)), angular="with", **of),
            RandomSubsets(kind="random-subsets", sizes=(3, 5), draws=4, race=Race(rule="friedman", first=3), **of),
        ):
            yield from _steps(play(search(spec, on), scores).trace)
        spec = ByWeight(kind="by-weight", by="sum", drop=(2,), **of)
        yield from _steps(play(search(spec, eight), scores, weights=lambda place, _: (place - 2, place + 1)).trace)
        for by in ("functions", "operations"):
            for candidates in (named, named[::2], named[1:2]):
                smallest = Smallest(kind="smallest", model="m", by=by)  # type: ignore[arg-type]
                yield from _steps(play(search(smallest, eight, candidates), scores).trace)
    rng = np.random.default_rng(1)
    apart = rng.normal(size=(12, 4)) + np.array([0, 0.1, 5, 9])
    yield from filter(None, racing.friedman_stop(apart, 0.05, keep=1).reasons)
    yield from filter(None, racing.friedman_stop(apart[:, [0, 3]], 0.05, keep=1).reasons)
    failed = apart.copy()
    failed[0, 3], failed[:, 2] = np.nan, np.nan
    for table in (apart, apart[:1], failed, failed[:1]):
        yield from filter(None, racing.halving_stop(table, 1).reasons)
    yield from (f"{measure}, averaged over 3 repeats, from the least on." for measure in weights.MEASURES.values())


def _of_columns() -> Iterator[str]:
    for column in ([1.0, 1.0, 1.0], [np.nan, 2.0, 3.0], [1.0, 2.0, 1.0], [0.0, 0.0, 0.0]):
        ours = np.array([[1.0, 2.0, 1.0], [1.0, 1.0, 1.0]]).T
        for found in agree(np.array([column, column]).T, ["a", "b"], ours, ["g1", "g2"]):
            yield from found.reasons
    two, four = G2(eta=0.5, r_s=0.0, r_c=6.0), G4(eta=0.5, zeta=4.0, lam=1.0, r_c=6.0)
    for function in (two, four):
        for factor in (-1.0, 2.0, 0.5, 4.0, 8.0, 16.0):
            yield from reasons.of_factor(factor, function, 1e-6)
    for values in ([0.0, 0.4, 1.0], [-1.0, 0.3, 1.0], [-1.0, 1.0], [-0.5, 0.0, 0.5], [3.0, 5.0]):
        for factor in (1.0, 1.7):
            yield from reasons.of_scaling(factor, np.array(values), 1e-6)


def _of_scores() -> Iterator[str]:
    for several in (True, False):
        for units, by in (((), None), (("1", "2"), "loss"), (("1",), "val")):
            made = SimpleNamespace(rows=12_345, variants=("A", "B"), units=units, splits=units[:1])
            told = SimpleNamespace(text="runs/{variant}/{repeat}.csv")
            yield from score_files._told(made, told, "loss", by, (3, 3 if several else 9), several=several)  # type: ignore[arg-type]


def _of_tables(folder: Path) -> Iterator[str]:
    path, roles = folder / "scores.csv", Roles("model", "loss", "seed", where=(("part", "test"),))
    rows = [
        f"{model},{seed},{part},{seed + len(part)}.5" for model in "AB" for seed in range(9) for part in ("test", "x")
    ]
    for gone in (["A,3,test,"], ["A,3,test,", "B,5,test,nan"]):
        lost = [row for row in rows if not row.startswith(("A,3,test", "B,5,test", "A,6,test"))]
        path.write_text("\n".join(["model,seed,part,loss", *lost, *gone]) + "\n", encoding="utf-8")
        made = judge(read_table(path, roles), roles, Asked())
        found = score_findings.findings(made, name="scores", command="", metric=None, unit="", formats=("html",))
        yield from found["data"]["remarks"]
        yield from (remark for entry in found["analysis"]["comparisons"] for remark in entry["remarks"])
        yield from (entry["message"] for entry in score_findings._failures(made))
    for column in ("cv_fold", "seed"):
        bare = [
            f"{model},{number},{number % 4}.5" for model in "AB" for number in range(8) if (model, number) != ("B", 3)
        ]
        path.write_text("\n".join([f"model,{column},loss", *bare]) + "\n", encoding="utf-8")
        for roles in (Roles("model", "loss", column), Roles("model", "loss", None, column), Roles("model", "loss")):
            made = judge(read_table(path, roles), roles, Asked())
            yield from score_findings._remarks(made)


def _of_shares(folder: Path) -> Iterator[str]:
    prepared = prepare(load(bpbench.shipped("protocols") / "smoke.yaml"), Store(folder))
    (part, *_), group = prepared.parts["block"], prepared.frames.group
    without = replace(part, train=part.train[group[part.train] == group[part.train[0]]])
    for parts in ((without,), (without, part)):
        yield from shares.untrained(replace(prepared, parts={"block": parts}))
        repeats = tuple(replace(prepared.repeats[0], split_number=number) for number in range(len(parts)))
        several = replace(prepared, parts={"block": (part,) * len(parts)}, repeats=repeats)
        yield shares._of_fewer(several, "block", [2] * len(parts))
    variants = tuple(replace(variant, split_by="state") for variant in prepared.protocol.variants)
    for some in (variants, (*variants[:1], *prepared.protocol.variants[1:])):
        protocol = replace(prepared.protocol, variants=some)
        yield from shares.untrained(replace(prepared, protocol=protocol, parts={"state": prepared.parts["block"]}))


def _of_data(folder: Path) -> Iterator[str]:
    rng = np.random.default_rng(3)
    names = ["Al liquid, hot"] * 40 + ["short"] * 12 + ["other"] * 11
    images = []
    for place, name in enumerate(names):
        image = Atoms("Al2", [(0, 0, 0), (0, 0, 2.8)], cell=[9, 9, 9], pbc=True)
        image.info |= {"group": name, "run": place % 5, "energy": float(rng.normal())}
        images.append(image)
    path = folder / "a.extxyz"
    write(path, images)
    for asked in (
        {"block_length": 5},
        {"block_length": 5, "guard": 5},
        {"block_length": "auto", "guard": "auto"},
        {"block_length": "auto"},
        {"block_length": 5, "guard": 5, "groups": ("Al liquid, hot", "short")},
        {"block": "run"},
        {"block_length": 4, "groups": ("short",)},
    ):
        source = readers.open_source(path, **asked)  # type: ignore[arg-type]
        yield from readers.remarks(readers.read(source), source)
    for name in ("aluminium_sample", "aluminium_dense"):
        source = readers.open_source(Path(blocks.__file__).parent / f"{name}.npz")
        yield from readers.remarks(readers.read(source), source)
    file = folder / "t.csv"
    file.write_text("conf,E,g1,g2\n" + "".join(f"{n},{n}.5,{n},{n * n}\n" for n in range(12)), encoding="utf-8")
    table = tables.open_table(file, configuration="conf", energy="E")
    held = tables.contents(table)
    for columns in (held.names, [f"g{n}" for n in range(9)], ()):
        yield from tables.remarks(held.configurations, table, columns)


def _of_memory(folder: Path) -> Iterator[str]:
    store = Store(folder)
    job = prepare(load(bpbench.shipped("protocols") / "smoke.yaml"), store).jobs[0]
    for error in (MemoryError(), MemoryError("Unable to allocate 2. GiB")):
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(worker.work, "perform", Mock(side_effect=error))
            done = worker.do(job, store, 1)
        assert done.message is not None
        yield done.message


ROOMS: dict[str, Callable[[], Iterator[str]]] = {
    "splits": _of_splits, "comparisons": _of_comparisons, "estimates": _of_estimates, "ranks": _of_ranks,
    "models": _of_models, "searches": _of_searches, "columns": _of_columns, "scores": _of_scores,
    "foreign models": _of_foreign_models,
}  # fmt: skip


FILES: dict[str, Callable[[Path], Iterator[str]]] = {
    "data": _of_data, "tables": _of_tables, "shares": _of_shares, "memory": _of_memory,
}  # fmt: skip


def _strange(text: str) -> bool:
    """Return whether a text, or one of its sentences, is not known."""
    found: dict[str, str | None] = {}
    if module._retold(text, 0, found) is not None:
        return False
    parts = module._BETWEEN.split(text)
    stretches = [" ".join(parts[a:b]) for a in range(len(parts)) for b in range(a + 1, len(parts) + 1)]
    known = {one for one in stretches if module._retold(one, 0, found) is not None}
    return not all(any(part in one for one in known) for part in parts)


#: A number as Python writes it, where a report has a power of ten.
_POWER = re.compile(r"([\d.]+)e([+-]\d+)")


def _raised(found: re.Match[str]) -> str:
    power = str(int(found[2])).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"10{power}" if found[1] == "1" else f"{found[1]} × 10{power}"


@pytest.mark.parametrize("room", ROOMS)
def test_sentences_that_rooms_make_are_known(room: str) -> None:
    """Each sentence as its maker made it is found again; in English it stays what it was, letter by letter."""
    texts = list(ROOMS[room]())
    assert texts
    assert [text for text in texts if _strange(text)] == []
    assert [retold(text) for text in texts] == [_POWER.sub(_raised, text) for text in texts]


@pytest.mark.parametrize("room", FILES)
def test_remarks_on_files_are_known(room: str, tmp_path: Path) -> None:
    """The same of what is said of files, whatever these hold."""
    texts = [text for text in FILES[room](tmp_path) if text]
    assert texts
    assert [text for text in texts if _strange(text)] == []
    assert [retold(text) for text in texts] == [_POWER.sub(_raised, text) for text in texts]


def _constants() -> str:
    """Return all text that stands in the rooms below the report, with a line between what code parts."""
    found = []
    for path in Path(bpbench.__file__).parent.rglob("*.py"):
        if path.parent.name != "report":
            tree = ast.parse(path.read_text(encoding="utf-8"))
            found += [n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str)]
    return "\n".join(found)


def test_no_message_outlives_its_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each message was found in a sentence above, or its words between fields stand in a room below the report."""
    used = set()

    def telling(message: str, **fields: Any) -> str:
        used.add(message)
        return tell(message, **fields)

    monkeypatch.setattr(module, "tell", telling)
    for room in ROOMS.values():
        for text in room():
            retold(text)
    for file in FILES.values():
        for text in file(tmp_path):
            retold(text)
    assert len(used) > len((*MESSAGES, *CLAUSES)) / 2
    stands = _constants()
    gone = [
        text
        for text in (*MESSAGES, *CLAUSES)
        if text not in used
        and any(len(word) > 9 and word.strip(" .;:") not in stands for word, *_ in string.Formatter().parse(text))
    ]
    assert gone == []


# ------------------------------------------------------------------------------------------------------ in French


def french(text: str) -> str:
    """Return a text as French has it, with the spaces of a keyboard."""
    with spoken("fr", folders()):
        return retold(text).replace("\u00a0", " ").replace("\u202f", " ")


def test_fields_are_told_as_what_they_are() -> None:
    """Numbers get a decimal comma, counted nouns their plural, clauses their words; names stay as they are."""
    assert french("The penalty chosen on validation, 0.001, is the weakest on offer; a better one may lie beyond.") == (
        "La pénalité choisie sur la validation, 0,001, est la plus faible proposée ; une meilleure peut se trouver "
        "au-delà."
    )
    assert french("Groups are read from the column '1.5' (1 group).") == (
        "Les groupes sont lus dans la colonne « 1.5 » (1 groupe)."
    )
    assert french("The file declares 12 blocks of 4 to 6 frames.") == (
        "Le fichier déclare 12 blocs de 4 à 6 configurations."
    )
    assert french(
        "The frames of each group are taken for one trajectory. Integrated autocorrelation time τ of its energies, in "
        "frames: Al, hot 3.4 of 40, cold of 2 below 1 of 12, and 3 more groups."
    ) == (
        "Les configurations de chaque groupe sont considérées comme une trajectoire. Temps d'autocorrélation intégré τ "
        "de ses énergies, en configurations : Al, hot 3,4 sur 40 ; cold of 2 moins de 1 sur 12, et 3 autres groupes."
    )


def test_sentences_behind_each_other_are_told_one_by_one() -> None:
    """Known sentences are told, and what stands between them in other words is left."""
    text = "No equivalence test was made. The cat sat on the mat. A predicted energy is not a finite number."
    assert french(text) == (
        "Aucun test d'équivalence n'a été fait. The cat sat on the mat. Une énergie prédite n'est pas un nombre fini."
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a linear skip",
        "with {n} and {names}",
        "ham and eggs",
        "ValueError: 'None' of 'B' (1)",
        "The file declares {n} blocks of (.*) frames.",
        "The penalty chosen on validation, two, is the weakest on offer; a better one may lie beyond.",
        "The file declares 1 blocks of 4 frames.",
        "The file declares 12 sheep of 4 frames.",
    ],
)
def test_words_of_strangers_are_left_alone(text: str) -> None:
    """What is no sentence of ours comes back as it was, also where it looks like one."""
    assert french(text) == text


@pytest.mark.parametrize(
    "piece",
    ["{", "}", "{n}", "%s", "\\", "(.*)+$", "'", " of ", ", patience; patience and ", ". A", "A. ", "\ue000", "\n"],
)
def test_hostile_text_comes_back(piece: str) -> None:
    """Braces, signs of patterns and ten thousand letters do no harm."""
    for text in (piece, piece * (10_000 // len(piece)), piece * (3_900 // len(piece))):
        assert french(text) == text.replace("\u00a0", " ")
        assert retold(text) == text


def test_every_word_is_looked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a list that nearly is ours no stretch is taken apart twice: at most its stretches between joints are."""
    sought: list[str] = []
    seek = module._sought

    def counting(text: str, *rest: Any) -> str | None:
        sought.append(text)
        return seek(text, *rest)

    monkeypatch.setattr(module, "_sought", counting)
    advice = "x, " + "patience, an ensemble and patience; " * 60
    retold(
        f"More weights than data: 9 weights learn from 3 energies, and may learn them by heart; {advice} or a tighter "
        "prior may help against that."
    )
    within = sought[1:]
    assert 10 < len(within) < 200
    assert len(within) == len(set(within))


def test_findings_stay_what_they_are_in_english() -> None:
    """No text of findings is changed in English, known or not."""

    def texts(found: Any) -> Iterator[str]:
        if isinstance(found, str):
            yield found
        elif isinstance(found, dict | list):
            for part in found.values() if isinstance(found, dict) else found:
                yield from texts(part)

    for text in texts(json.loads(json.dumps(searched()))):
        assert retold(text) == text
