"""What the command line prints of an audit or of descriptors: plain JSON in, lines of text out."""

from __future__ import annotations

from typing import Any, Final

from bpbench.agreement.columns import KINDS, ColumnAgreement, unordered
from bpbench.data.readers import counted
from bpbench.report.agreement import relation, why
from bpbench.report.numerals import count, short
from bpbench.statistics.autocorrelation import ENOUGH

#: Rows shown of a long table, and of them at its end.
_ROWS: Final = 24
_LAST: Final = 6
#: Pairs that are named in one line.
_PAIRS: Final = 4


def audit(found: dict[str, Any]) -> list[str]:
    """Return the lines of ``bpbench data inspect``.

    Parameters
    ----------
    found : dict
        From :func:`bpbench.data.inspect.inspect`.
    """
    atoms = found["atoms_per_frame"]
    lines = [
        (
            f"{found['label']}: {counted(found['frames'], 'frame')}, {counted(found['atoms'], 'atom')} of "
            f"{', '.join(found['elements'])}, "
            f"{atoms['min']:.0f} to {atoms['max']:.0f} atoms a frame, periodic: {found['periodic']}"
        ),
        "",
        (
            f"{'group':<24}{'frames':>7}{'blocks':>7}{'atoms':>10}{'E/atom (eV) min':>17}{'mean':>11}{'max':>11}"
            f"{'sd':>9}{'|F| max (eV/Å)':>16}{'Å³/atom':>14}"
        ),
    ]
    for group in found["groups"]:
        energy, force, volume = (group[key] for key in ("energy_per_atom", "force", "volume_per_atom"))
        sizes = group["atoms_per_frame"]
        shown_force = "-" if force is None else f"{force['max']:.3g}"
        shown_volume = "-" if volume is None else f"{volume['min']:.4g}-{volume['max']:.4g}"
        spread = "-" if energy["sd"] is None else f"{energy['sd']:.4f}"
        lines.append(
            f"{group['name'][:23]:<24}{group['frames']:>7}{group['blocks']:>7}"
            f"{sizes['min']:>5.0f}-{sizes['max']:<4.0f}{energy['min']:>17.4f}{energy['mean']:>11.4f}"
            f"{energy['max']:>11.4f}{spread:>9}{shown_force:>16}{shown_volume:>14}"
        )
    lines += ["", *_trajectories(found["trajectories"]), ""]
    net, closest = found["net_force"], found["closest_pair"]
    if net is not None:
        lines.append(f"Largest net force on a frame: {net['largest']:.2g} eV/Å (frame {net['frame']}).")
    if closest is not None:
        lines.append(f"Closest pair of atoms: {closest['distance']:.3f} Å (frame {closest['frame']}).")
    lines += [f"! {sentence}" for sentence in found["findings"]] or ["Nothing looks wrong."]
    return [*lines, *(f"- {sentence}" for sentence in found["notes"])]


def _trajectories(found: list[dict[str, Any]]) -> list[str]:
    """Return a table of how long each trajectory remembers."""
    described = any(item["descriptors"] for item in found)
    lines = [
        "Each group taken for one trajectory; τ is its integrated autocorrelation time, in frames.",
        f"{'trajectory':<24}{'frames':>7}{'τ energy':>16}{'effective':>11}{'block ≥ 5τ':>12}{'guard':>7}"
        + (f"{'τ descriptors: median':>23}{'largest':>9}" if described else ""),
    ]
    for item in found:
        tau, told = item["tau"], item["descriptors"]
        line = f"{item['name'][:23]:<24}{item['frames']:>7}"
        if tau is None:
            line += f"{'-':>16}{'-':>11}{'-':>12}{'-':>7}"
        else:
            shown = f"{tau:.1f} ± {item['tau_error']:.1f}" if tau >= 1 else _tau(tau)
            line += f"{shown:>16}{item['effective_frames']:>11.0f}{item['block_length']:>12}{item['guard']:>7}"
        if told:
            line += f"{_tau(told['tau_median']):>23}{_tau(told['tau_largest']):>9}"
        lines.append(line + _doubt(item))
    return lines


def _tau(value: float | None) -> str:
    """Return a τ; less than 1 says no more than that frames are worth as much as independent ones."""
    if value is None:
        return "-"
    return f"{value:.1f}" if value >= 1 else "< 1"


def _doubt(item: dict[str, Any]) -> str:
    """Return why not to trust a τ."""
    if item["tau"] is None:
        return f"  τ undefined ({'all energies are equal' if item['frames'] > 1 else 'a single frame'})"
    if item["reliable"]:
        return ""
    return f"  τ unreliable (fewer than {ENOUGH}{' τ' if item['tau'] >= 1 else ''} frames)"


# ------------------------------------------------------------------------------------------------------- descriptors


def description(told: dict[str, Any]) -> list[str]:
    """Return the lines of ``bpbench describe``.

    Parameters
    ----------
    told : dict
        From :func:`bpbench.cli_describe.describe`.
    """
    cost = told["ns_per_function_atom_neighbour"]
    of = f" of {told['element']}" if told["element"] else ""
    lines = [
        (
            f"{told['label']}: {count(told['frames'], 'frame')}, {count(told['atoms'], 'atom')}{of}, "
            f"{told['neighbours_per_atom']:.1f} neighbours per atom"
        ),
        f"{told['set']}: {count(told['features'], 'function')} in {told['seconds']:.3g} s on "
        f"{count(told['threads'], 'thread')}"
        + ("" if cost is None else f", {cost:.3g} ns per function·atom·neighbour"),
    ]
    if told["out"] is None:
        width = max(len("function"), *(len(item["name"]) for item in told["functions"]))
        lines += ["", f"{'function':<{width}}{'min':>12}{'mean':>12}{'max':>12}"]
        lines += _few(
            [
                f"{item['name']:<{width}}{item['min']:>12.5g}{item['mean']:>12.5g}{item['max']:>12.5g}"
                for item in told["functions"]
            ]
        )
    else:
        lines.append(f"Values: {told['out']} ({told['atoms']} × {told['features']}, {told['precision']})")
    return lines + _drawn(told)


def agreement(told: dict[str, Any]) -> list[str]:
    """Return the lines of ``bpbench describe --against``.

    Parameters
    ----------
    told : dict
        From :func:`bpbench.cli_describe.describe`.
    """
    counts, columns = told["counts"], told["columns"]
    whole = told["compared_frames"] == told["frames"]
    size = f"{count(told['compared_frames'], 'frame')}, {count(told['compared_atoms'], 'atom')}"
    lines = [
        f"{told['table']} against {told['set']} on {told['label']}: {count(len(columns), 'column')}, {size}"
        + ("" if whole else f" (spread evenly over {told['frames']} frames, as all would not fit into memory)"),
        "",
    ]
    if told["agree"]:
        lines.append(f"All columns match ({len(columns)} of {len(columns)}).")
    else:
        lines += [f"{counts[kind]:>5}  {words}" for kind, words in KINDS.items() if kind in counts]
        if unordered([ColumnAgreement(**item) for item in columns]):
            lines.append(
                "Nearly no column follows any function of ours; are the rows those of these atoms, in the same order?"
            )
        different = [item for item in columns if item["kind"] != "match"]
        name = min(42, max(len(item["column"]) for item in different))
        lines += ["", *_few([f"{short(item['column'], name):<{name}}  {_relation(item)}" for item in different])]
    if told["unnamed"]:
        names = ", ".join(told["unnamed"][:3]) + (", …" if len(told["unnamed"]) > 3 else "")
        lines.append(f"No column for {count(len(told['unnamed']), 'function')} of ours: {names}.")
    if told["left_out"]:
        labels = ", ".join(name.strip() or "''" for name in told["left_out"])
        lines.append(f"Taken for labels: {labels} (--columns says otherwise).")
    return lines + _drawn(told)


def _relation(item: dict[str, Any]) -> str:
    """Say what one column is, and why."""
    reasons = why(item)
    return relation(item) + (f": {reasons}" if reasons else "")


def _few(rows: list[str]) -> list[str]:
    if len(rows) <= _ROWS:
        return rows
    gone = len(rows) - _ROWS
    return [*rows[: _ROWS - _LAST], f"… {gone} more (--json gives all) …", *rows[-_LAST:]]


def _drawn(told: dict[str, Any]) -> list[str]:
    return [f"Sheet: {told['drawn']}"] if told["drawn"] else []
