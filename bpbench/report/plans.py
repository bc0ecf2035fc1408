"""What the command line prints of a plan: plain JSON in, lines of text out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bpbench.counting import listed
from bpbench.data.tables import NAMED
from bpbench.report import outlay
from bpbench.report.kinds import WATERMARK
from bpbench.report.numerals import count, exact, percent
from bpbench.report.outlay import duration
from bpbench.report.vocabulary import margin_text
from bpbench.statistics.margins import Margin
from bpbench.statistics.repeats import MOST
from bpbench.units import DISPLAY

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Rows shown of a long table, and of them at its end.
_ROWS: Final = 24
_LAST: Final = 6
#: Pairs that are named in one line.
_PAIRS: Final = 4


def plan(planned: dict[str, Any]) -> list[str]:
    """Return the lines of ``bpbench plan``.

    Parameters
    ----------
    planned : dict
        From :func:`bpbench.planning.plan`.
    """
    unit = DISPLAY[planned["unit"]]
    variants = len({name for pair in planned["family"] for name in pair})
    size = f"{planned['frames']} frames, {planned['atoms']} atoms"
    processes = count(planned["workers"], "process", "processes")
    rule = f"{planned['correction']}, α = {planned['alpha']:g} (first step {planned['first_step_alpha']:.3g})"
    repeats = f"{count(planned['repeats'], 'repeat')}{_crossed(planned)}"
    lines = [
        f"{planned['protocol']}: {size}; {repeats} of {variants} variants",
        *(
            f"Set {name}: {count(len(entry['names']), 'descriptor')} of {entry['file']}: {_first(entry['names'])}"
            for name, entry in planned.get("columns", {}).items()
        ),
        "",
        f"{'job':<26}{'stored':>8}{'new':>8}{'expected':>12}{'disk':>10}",
    ]
    added = planned["outlay"]["disk"]["kinds"]
    lines += [
        f"{kind:<26}{entry['stored']:>8}{entry['new']:>8}{duration(entry['expected_s']):>12}"
        f"{outlay.size(added.get(kind, 0)):>10}"
        for kind, entry in planned["jobs"].items()
    ]
    lines += [
        f"{'wall time, ' + processes:<42}{duration(planned['expected_s']):>12}",
        *outlay.lines(planned["outlay"]),
        *_exploring(planned),
        *_programs(planned),
        *_probing(planned),
        "",
    ]
    if planned["quick"]:
        return [f"{WATERMARK}: this is the plan of a quick run.", *lines, f"Report: {planned['report']}"]
    lines += [
        f"Test: {planned['test']}, {count(len(planned['family']), 'comparison')}, {rule}, n = {planned['units']}.",
        *deterministic(planned["deterministic"], len(planned["family"])),
    ]
    if len(planned["deterministic"]) < len(planned["family"]):
        lines += _could_show(planned, unit)
    return [*lines, *_reserve(planned, unit), f"Report: {planned['report']}"]


def _programs(planned: dict[str, Any]) -> list[str]:
    """Return which programs of the protocol a run would start, and whether it may."""
    if not planned.get("programs"):
        return []
    named = "; ".join(planned["programs"])
    if planned["commands_allowed"]:
        return [f"It runs programs that the protocol names: {named}."]
    return [f"It runs programs that the protocol names, and only with --allow-commands: {named}."]


def _reserve(planned: dict[str, Any], unit: str) -> list[str]:
    """Return whether the reserve can carry the margin, as far as that is known."""
    told = planned.get("reserve")
    if told is None or planned["margin"] is None:
        return []
    margin = f"±{margin_text(planned, {'unit': planned['unit']})}"
    size = f"{count(told['blocks'], 'block')} ({count(told['frames'], 'frame')})"
    small = f"The reserve of {size} is too small for the margin of {margin}"
    if told["few"]:
        return [
            f"{small}, and for any: so few blocks say nothing of another reserve; give more frames or shorter blocks."
        ]
    short = [pair for pair in told["pairs"] if not pair["resolved"]]
    if short:
        worst = max(short, key=lambda pair: pair["blocks_needed"])
        pair, known = f"“{worst['candidate']}” to “{worst['baseline']}”", f"±{worst['half_width']:.3g} {unit}"
        return [
            (
                f"{small}: by its own blocks, the difference of {pair} is known to {known} only ({told['level']:.0%}); "
                f"about {worst['blocks_needed']} blocks would be enough. What is decided holds for this reserve; give "
                "more frames or a larger reserve for more."
            )
        ]
    if told["rmse_for_margin"] is not None and not told["pairs"]:
        most = f"{told['rmse_for_margin']:.3g} {unit}"
        return [
            (
                f"The reserve of {size} carries the margin of {margin} up to an RMSE of {most}; for larger errors it "
                "is too small, unless two contestants fail on the same blocks. Stored repeats would tell it."
            )
        ]
    needed = told["blocks_for_margin"]
    if needed is not None and not told["pairs"] and needed > told["blocks"]:
        correlation = 1 - told["blocks"] / needed
        return [
            (
                f"{small} unless two contestants fail on the same blocks: with independent squared errors it takes "
                f"about {needed} blocks, with so few a correlation of {correlation:.4g} or more. Stored repeats would "
                "tell it."
            )
        ]
    return []


def _probing(planned: dict[str, Any]) -> list[str]:
    """Return whose potential is put to work, or whose would cost the most."""
    probe = planned.get("probe")
    if probe is None:
        return []
    if probe["variant"] is None:
        return ["Probe: no contestant known so far has a potential that could be put to work."]
    if probe["settled"]:
        return [f"Probe: the potential of “{probe['variant']}”."]
    return [
        f"Probe: of the contestant with the best mean; counted for the dearest that is known, “{probe['variant']}”."
    ]


def _exploring(planned: dict[str, Any]) -> list[str]:
    """Return what strategies may still ask for, nothing where there are none or all have ended."""
    exploration = planned.get("exploration")
    if exploration is None:
        return []
    lines = []
    for entry in exploration["strategies"]:
        searches = "" if entry["searches"] == 1 else f", {entry['searches']} outer splits"
        what = f"Strategy {entry['name']} ({entry['kind']} of {entry['pool']}{searches}): "
        if entry["ended"] == entry["searches"]:
            lines.append(f"{what}ended after {count(entry['asked'], 'training')}.")
            continue
        confirm = f", and {entry['confirm']} to confirm its choice" if entry["confirm"] else ""
        more = entry["more_at_most"]
        asks = f"asks for at most {count(more, 'training')} more" if more else "what it explores is counted above"
        lines.append(f"{what}{asks}{confirm}.")
    if exploration["more_s"]:
        room = outlay.size(exploration["more_bytes"])
        lines.append(
            f"What strategies may still ask for takes {duration(exploration['more_s'])} and {room} of disk more at "
            "most; neither is counted above."
        )
    return ["", *lines]


def deterministic(pairs: Sequence[Sequence[str]], family: int) -> list[str]:
    """Return a sentence on the comparisons that no number of repeats gives a p, nothing where there are none.

    Parameters
    ----------
    pairs : sequence of pairs of str
        From :func:`bpbench.roles.deterministic`.
    family : int
        How many comparisons are declared.
    """
    if not pairs:
        return []
    named = listed([f"“{one}” against “{other}”" for one, other in pairs[:_PAIRS]])
    more = f", and {len(pairs) - _PAIRS} more" if len(pairs) > _PAIRS else ""
    verb = "is" if len(pairs) == 1 else "are"
    which = (
        f"{len(pairs)} of {family} comparisons {verb}"
        if len(pairs) < family
        else ("The comparison is" if family == 1 else f"All {family} comparisons are")
    )
    return [
        (
            f"{which} deterministic given this split ({named}{more}): their models draw nothing, so no number of "
            "repeats gives a p; redraw the splits (design resampled or crossed)."
        )
    ]


def _could_show(planned: dict[str, Any], unit: str) -> list[str]:
    """Return what the design could show: the least p, the smallest effect, and how many repeats would be enough."""
    lines = []
    hardest = " for the hardest pair" if planned["unequal"] else ""
    smallest = planned["smallest_p"]
    if smallest:
        lines.append(f"The smallest p this test can give at this n is {smallest:.3g}.")
    effect = f"{planned['detectable_dz_t']:.2f} standard deviations of the paired differences (d_z)"
    if planned["detectable_dz"] is None:
        least = f"Smallest effect a paired t test would detect with power {planned['power']:g}: {effect}; "
        lines.append(
            f"{least}the declared test needs more where the noise is normal, and how much depends on the noise."
            if planned["paired"]
            else f"{least}the declared test takes the two samples as independent, so that what they share, such as the "
            "split, counts against it, and it needs more the more they share."
        )
    elif planned["detectable"] is None:
        lines.append(
            f"Smallest effect this design detects{hardest} with power {planned['power']:g}: {effect}; in units it "
            "needs stored repeats to know their spread."
        )
    else:
        lines.append(
            f"Smallest effect this design detects{hardest} with power {planned['power']:g}: {effect}, "
            f"{planned['detectable']:.3g} {unit} by {_of_pilot(planned['pilots'][0], unit)}."
        )
    return [*lines, _enough(planned, unit)]


def _of_pilot(pilot: dict[str, Any], unit: str) -> str:
    """Return which spread is reckoned with: its upper limit, as the spread of a few pairs is mostly too small."""
    return (
        f"the {percent(pilot['confidence'])} upper limit ({pilot['limit']:.3g} {unit}) of the largest spread stored so "
        f"far ({pilot['spread']:.3g} {unit} of {count(pilot['pairs'], 'pair')})"
    )


def _enough(planned: dict[str, Any], unit: str) -> str:
    """Return how many repeats would decide at the margin, or why no number can be named."""
    if planned["margin"] is None:
        return (
            "No margin is declared: how many repeats would be enough cannot be said without one, and nothing can come "
            "out as equivalent."
        )
    word = "split" if planned["design"] == "crossed" else "repeat"
    margin, power = f"the margin of ±{margin_text(planned, {'unit': planned['unit']})}", f"power {planned['power']:g}"
    if not planned["needed"]:
        kind = Margin.parse(planned["margin"])
        most = kind.value / planned["decided_dz"]
        shown = f"{most:.3g} {unit}" if kind.kind == "absolute" else f"{100 * most:.3g} % of the baseline's mean"
        floor = (
            f" A margin below {planned['floor_dz']:.3g} of them is decided by no number of repeats: that takes more "
            "independent blocks."
            if planned["floor_dz"]
            else ""
        )
        by, more = ("The", "") if planned["detectable_dz"] is not None else ("By a paired t test, the", "")
        if not planned["paired"]:
            more = " The declared test, which takes the samples as independent, needs a smaller spread."
        return (
            f"{by} {count(planned['units'], f'declared {word}')} decide at {margin} if that is at least "
            f"{planned['decided_dz']:.3g} standard deviations of the differences ({power} each for a difference of "
            f"that size and for none), so if their spread is at most {shown}; stored repeats would tell it."
            f"{more}{floor}"
        )
    worst, *others = sorted(planned["needed"], key=_most, reverse=True)
    whose = f"“{worst['pair'][0]}” and “{worst['pair'][1]}”, the noisiest pair, " if others else ""
    known = [pilot for pilot in planned["pilots"] if pilot["pair"] == worst["pair"]]
    by = f" by {_of_pilot(known[0], unit)}" if known else ""
    about = "about " if planned["detectable_dz"] is None else ""
    if worst["repeats"] is None and worst["floor"] == 0:
        said = (
            f"No number of {word}s that could be run decides {whose}at {margin}: beside the spread the margin is so "
            f"small that more than {exact(MOST, 1)} would be needed ({power}){by}."
        )
    elif worst["repeats"] is None:
        floor = f"{worst['floor']:.3g} {unit if known else 'd_z'}"
        said = (
            f"No number of {word}s decides {whose}at {margin}: as splits of the same data overlap, less than {floor} "
            f"cannot be resolved ({power}){by}; more independent blocks would lower that."
        )
    else:
        said = (
            f"To decide {whose}at {margin} takes {about}{count(worst['repeats'], word)} ({worst['difference']} to find "
            f"a difference of that size, {worst['equivalence']} to show that there is none, {power}){by}; "
            f"{planned['units']} are declared."
        )
    rest = [each["repeats"] for each in others if each["repeats"] is not None]
    if worst["repeats"] is None and rest:
        which = f"{len(rest)} of the" if len(rest) < len(others) else "the"
        said += f" {count(max(rest), word)} would decide {which} other {count(len(others), 'pair')}."
    return said


def _most(needed: dict[str, Any]) -> tuple[bool, float]:
    return (needed["repeats"] is None, needed["floor"] if needed["repeats"] is None else needed["repeats"])


def _crossed(planned: dict[str, Any]) -> str:
    """Return how repeats by role make up their number, nothing of a plain number."""
    roles = planned.get("roles")
    if not roles:
        return ""
    parts = (
        count(roles["split"], "split"),
        count(roles["weights"], "draw of initial weights", "initial weights"),
        count(roles["order"], "batch order"),
        count(roles["rerun"], "run"),
    )
    return f" ({' × '.join(parts)})"


def _first(names: list[str]) -> str:
    return ", ".join(names[:NAMED]) + (", …" if len(names) > NAMED else "")
