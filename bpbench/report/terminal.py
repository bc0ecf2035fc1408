"""What the command line prints of a plan and of an audit: plain JSON in, lines of text out."""

from __future__ import annotations

from typing import Any

from bpbench.units import DISPLAY


def plan(planned: dict[str, Any]) -> list[str]:
    """Return the lines of ``bpbench plan``.

    Parameters
    ----------
    planned : dict
        From :func:`bpbench.study.plan`.
    """
    unit = DISPLAY[planned["unit"]]
    lines = [
        f"{planned['protocol']}: {planned['frames']} frames, {planned['atoms']} atoms; "
        f"{planned['repeats']} repeats of {len({name for pair in planned['family'] for name in pair})} variants",
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
        f"Test: {planned['test']}, {len(planned['family'])} comparisons, {planned['correction']}, "
        f"α = {planned['alpha']:g} (first step {planned['first_step_alpha']:.3g}), n = {planned['units']}.",
    ]
    smallest = planned["smallest_p"]
    if smallest:
        lines.append(f"The smallest p this test can give at this n is {smallest:.3g}.")
    lines.append(
        f"Smallest effect this design detects with power {planned['power']:g}: "
        f"{planned['detectable_dz']:.2f} standard deviations of the paired differences (d_z)"
        + (
            f", {planned['detectable']:.3g} {unit} by the largest spread stored so far."
            if planned["detectable"] is not None
            else "; in units it needs stored repeats to know their spread."
        )
    )
    if planned["spread_for_equivalence"] is not None:
        lines.append(
            f"To call variants equivalent within {planned['margin']:g} {unit}, the spread of their differences may be at "
            f"most {planned['spread_for_equivalence']:.3g} {unit} (power {planned['power']:g})."
        )
    elif planned["margin"] is None:
        lines.append("No margin is declared: nothing can come out as equivalent.")
    return [*lines, f"Report: {planned['report']}"]


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
