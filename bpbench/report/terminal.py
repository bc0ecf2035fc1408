"""What the command line prints of a plan and of an audit: plain JSON in, lines of text out."""

from __future__ import annotations

from typing import Any

from bpbench.units import DISPLAY


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
    rule = f"{planned['correction']}, α = {planned['alpha']:g} (first step {planned['first_step_alpha']:.3g})"
    lines = [
        f"{planned['protocol']}: {size}; {planned['repeats']} repeats of {variants} variants",
        "",
        f"{'job':<22}{'stored':>8}{'new':>8}{'expected':>12}",
    ]
    lines += [
        f"{kind:<22}{entry['stored']:>8}{entry['new']:>8}{_duration(entry['expected_s']):>12}"
        for kind, entry in planned["jobs"].items()
    ]
    lines += [
        f"{'wall time, ' + str(planned['workers']) + ' processes':<38}{_duration(planned['expected_s']):>12}",
        "",
        f"Test: {planned['test']}, {len(planned['family'])} comparisons, {rule}, n = {planned['units']}.",
    ]
    smallest = planned["smallest_p"]
    if smallest:
        lines.append(f"The smallest p this test can give at this n is {smallest:.3g}.")
    effect = f"{planned['detectable_dz_t']:.2f} standard deviations of the paired differences (d_z)"
    if planned["detectable_dz"] is None:
        lines.append(
            f"Smallest effect a paired t test would detect with power {planned['power']:g}: {effect}; the declared "
            "test needs more where the noise is normal, and how much depends on the noise."
        )
    elif planned["detectable"] is None:
        lines.append(
            f"Smallest effect this design detects with power {planned['power']:g}: {effect}; in units it needs stored "
            "repeats to know their spread."
        )
    else:
        lines.append(
            f"Smallest effect this design detects with power {planned['power']:g}: {effect}, "
            f"{planned['detectable']:.3g} {unit} by the largest spread stored so far."
        )
    if planned["spread_for_equivalence"] is not None:
        lines.append(
            f"To call variants equivalent within {planned['margin']:g} {unit}, the spread of their differences may be "
            f"at most {planned['spread_for_equivalence']:.3g} {unit} (power {planned['power']:g})."
        )
    elif planned["margin"] is None:
        lines.append("No margin is declared: nothing can come out as equivalent.")
    return [*lines, f"Report: {planned['report']}"]


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


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
            f"{found['label']}: {found['frames']} frames, {found['atoms']} atoms of {', '.join(found['elements'])}, "
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
    net, closest = found["net_force"], found["closest_pair"]
    lines.append("")
    if net is not None:
        lines.append(f"Largest net force on a frame: {net['largest']:.2g} eV/Å (frame {net['frame']}).")
    if closest is not None:
        lines.append(f"Closest pair of atoms: {closest['distance']:.3f} Å (frame {closest['frame']}).")
    lines += [f"! {sentence}" for sentence in found["findings"]] or ["Nothing looks wrong."]
    return [*lines, *(f"- {sentence}" for sentence in found["notes"])]
