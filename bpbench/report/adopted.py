"""The answer of ``bpbench check``: may this candidate take the incumbent's place? Plain JSON in, text out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from bpbench.report.comment import escaped, fenced, folded, piped
from bpbench.report.kept import digest
from bpbench.report.numerals import (
    MINUS,
    NOTHING,
    count,
    decimals,
    exact,
    fixed,
    half_width,
    say,
    short,
    significant,
    span,
    whole,
)
from bpbench.report.vocabulary import TESTS, interval_name, margin_text, unit, unit_word, with_unit
from bpbench.report.words import sentence

if TYPE_CHECKING:
    from collections.abc import Mapping

#: What each rule asks of the candidate.
RULES: Final = {
    "superior": "superior",
    "non-inferior": "non-inferior",
    "cheaper-and-equivalent": "cheaper and equivalent",
}
#: Shown decimals of a level or a spent share of α at least.
_PLACES: Final = 4


def lines(told: Mapping[str, Any]) -> list[str]:
    """Return the short text of ``bpbench check``.

    Parameters
    ----------
    told : dict
        The body of a recorded decision, with ``again``: whether it was recorded before.

    Returns
    -------
    list of str
        Whole sentences: the answer with its evidence; why; the cost; how many repeats would be enough; the sequence.
    """
    return [answer(told), *rest(told)]


def markdown(told: Mapping[str, Any], *, command: str) -> str:
    """Return the same as a comment of a pull request.

    Parameters
    ----------
    told : dict
        As :func:`lines` takes it.
    command : str
        The command line that repeats the check.
    """
    mine, base = told["candidate"], told["incumbent"]
    blocks = [
        f"### bpbench check: {escaped(_short_answer(told))}",
        escaped(sentence(answer(told))),
    ]
    if rows := _rows(told):
        head = ("", f"{short(mine)} (candidate)", f"{short(base)} (incumbent)")
        blocks.append(piped(head, rows, right={1, 2}))
    blocks += [
        "\n".join(f"- {escaped(text)}" for text in rest(told)),
        folded("Sequence and provenance", [piped(("what", "value"), _provenance(told))]),
        f"Repeat it with\n\n{fenced(command)}",
    ]
    return "\n\n".join(blocks) + "\n"


def answer(told: Mapping[str, Any]) -> str:
    """Return the answer in one sentence, with the difference it rests on.

    Parameters
    ----------
    told : dict
        As :func:`lines` takes it.
    """
    mine, base = say(told["candidate"]), say(told["incumbent"])
    head = {
        "adopt": f"adopt {mine} in place of {base}",
        "keep": f"keep {base}, do not adopt {mine}",
        "undecided": f"undecided whether to adopt {mine} in place of {base}",
    }[told["answer"]]
    return f"{head} (rule: {_rule(told)}): {_evidence(told)}."


def rest(told: Mapping[str, Any]) -> list[str]:
    """Return what stands below the answer: why, the cost, what would be enough, the sequence, what must be known.

    Parameters
    ----------
    told : dict
        As :func:`lines` takes it.
    """
    found = [sentence(text) for text in told["because"]]
    if told["given"]:
        found.append(sentence(told["given"].split(". ")[-1]))
    if told["cost"] is not None:
        found.append(_cost(told))
    if told["needed"] is not None:
        found.append(sentence(told["needed"]["sentence"]))
    found.append(_sequence(told) if told["sequence"] is not None else "Nothing was tested, so nothing is spent.")
    if told["chosen_after"] is not None:
        found.append(f"Rule or margin chosen after seeing {count(told['chosen_after'], 'repeat')}.")
    if told["elsewhere"]:
        found.append(
            f"{count(told['elsewhere'], 'result was', 'results were')} made by other sources of bpbench than are here."
        )
    if told["again"]:
        found.append("This is the same evidence as before: nothing was spent.")
    return found


def _short_answer(told: Mapping[str, Any]) -> str:
    mine, base = say(told["candidate"]), say(told["incumbent"])
    return {
        "adopt": f"adopt {mine} in place of {base}",
        "keep": f"keep {base}",
        "undecided": f"undecided between {mine} and {base}",
    }[told["answer"]]


def _rule(told: Mapping[str, Any]) -> str:
    """Return the rule and, where there is one, its margin."""
    rule = RULES[told["rule"]]
    return rule if told["margin"] is None else f"{rule}, margin {_margin(told)}"


def _margin(told: Mapping[str, Any]) -> str:
    # of one comparison, so that a share is that of this incumbent
    analysis = {"margin": told["margin"], "family": [(told["candidate"], told["incumbent"])]}
    text = margin_text(analysis, told["metric"], told["incumbent"])
    width = None if told["comparison"] is None else told["comparison"]["margin_width"]
    in_unit = width is None or isinstance(told["margin"], float | int)
    return text if in_unit else f"{text}, here {with_unit(significant(width, 2), told['metric'])}"


def _evidence(told: Mapping[str, Any]) -> str:
    """Return difference, interval, n and p of the comparison in words."""
    compared, metric = told["comparison"], told["metric"]
    if compared is None or compared["difference"] is None:
        done = "no training was needed" if compared is None else f"no {unit_word(metric, told)} of both has succeeded"
        return f"{done}, so there is no difference to tell"
    low, high, gap = compared["low"], compared["high"], compared["difference"]
    mine, base = say(told["candidate"]), say(told["incumbent"])
    places = decimals(half_width(low, high))
    clear = low is not None and (low > 0 or high < 0)
    size = with_unit(fixed(abs(gap), places), metric)
    if not gap:
        text = f"{mine} and {base} have the same {metric['label']}"
    elif clear or low is None:
        text = f"the {metric['label']} of {mine} is {'lower' if gap < 0 else 'higher'} by {size} than that of {base}"
    else:
        gap_text = with_unit(fixed(gap, places), metric)
        text = f"{mine} and {base} differ by {gap_text} of {metric['label']} ({mine} {MINUS} {base})"
    if clear and gap < 0:
        low, high = -high, -low
    n, other = compared["n"], compared["n_baseline"]
    parts = [f"n = {whole(n)}" if n == other else f"n = {whole(n)} and {whole(other)}"]
    if low is not None:
        parts.insert(0, f"{_level(compared['level'])} {interval_name(told)} {span(low, high, places)}")
    return f"{text} ({', '.join([*parts, _p(told)])})"


def _level(level: float) -> str:
    """Return the level of an interval, with as many decimals as its distance from 100 % needs."""
    places = max(2, decimals(100 * (1 - level)) or 0)
    return f"{exact(float(f'{100 * level:.{places}f}'), 12)} %"


def _p(told: Mapping[str, Any]) -> str:
    """Return p of the claim that the rule asks for, of the opposite one where the answer goes by it, and the level."""
    p, against, level = told["claim"]["p"], told["claim"]["against"], told["sequence"]["level"]
    at = f"at a level of {alpha_text(level)}"
    if p is None:
        return "not tested"
    if against is None or told["answer"] == "adopt":
        return f"p {p_beside(p, level)} {at}"
    return f"p {p_beside(p, level)} for adopting and p {p_beside(against, level)} for keeping, {at}"


def p_beside(p: float, level: float) -> str:
    """Return ``= 0.0074``: a p with digits enough to see on which side of its level, as that is shown, it lies."""
    bound = float(alpha_text(level))
    if p < 0.001:
        return "< 0.001" if bound >= 0.001 else f"= {significant(p, 2)}"
    for places in range(3 if p >= 0.01 else 4, 9):
        text = f"{p:.{places}f}"
        if float(text) != bound and (float(text) > bound) is (p > level):
            return f"= {text}"
    return f"= {exact(p, 12)}"


def alpha_text(share: float) -> str:
    """Return a level or a spent share of α with four decimals, or with more where two digits need them."""
    return f"{share:.{max(_PLACES, decimals(share) or 0)}f}"


def _cost(told: Mapping[str, Any]) -> str:
    mine, base = told["cost"]["candidate"], told["cost"]["incumbent"]
    how = "as many as" if mine == base else "fewer than" if mine < base else "more than"
    return (
        f"On paper {say(told['candidate'])} takes {_operations(mine)} operations per atom, {how} the "
        f"{_operations(base)} of {say(told['incumbent'])}."
    )


def _operations(number: float) -> str:
    return whole(round(number))


def _sequence(told: Mapping[str, Any]) -> str:
    """Return which look this is and what it took of α."""
    line = told["sequence"]
    against, level = say(told["incumbent"]), f"{alpha_text(line['level'])} of {exact(line['alpha'])}"
    if line["of"] == 1:
        so_far = count(line["candidates"], "candidate")
        look = f"This is look {whole(line['first'])} against {against} ({so_far} so far), judged at {level}"
    else:
        look = (
            f"The repeats of {whole(line['of'])} candidates beside {against} lay there already, so they are looks "
            f"{whole(line['first'])} to {whole(line['first'] + line['of'] - 1)}, each judged at {level}"
        )
    left = f"{alpha_text(line['spent'])} is spent, the next look gets {alpha_text(line['next'])}."
    if line["spent"] > line["alpha"]:
        left = f"{left} That is more than the whole: histories were joined, or the level was changed."
    return f"{look}; {left}"


def _looks(line: Mapping[str, Any]) -> str:
    first, last = line["first"], line["first"] + line["of"] - 1
    return whole(first) if first == last else f"{whole(first)} to {whole(last)}, together"


def _rows(told: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Return the rows of the small table: means, number of repeats, operations."""
    found, compared, metric = [], told["comparison"], told["metric"]
    if compared is not None and compared["difference"] is not None:
        places = decimals(half_width(compared["low"], compared["high"]))
        means = (fixed(compared["candidate_mean"], places), fixed(compared["baseline_mean"], places))
        found.append((f"mean {metric['label']}" + (f" ({unit(metric)})" if unit(metric) else ""), *means))
        found.append((f"{unit_word(metric, told)}s", whole(compared["n"]), whole(compared["n_baseline"])))
    if told["cost"] is not None:
        cost = told["cost"]
        found.append(("operations per atom", _operations(cost["candidate"]), _operations(cost["incumbent"])))
    return found


def _provenance(told: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return how the answer was reached, as pairs for the folded part."""
    line, test = told["sequence"], told["test"]
    looked = (
        []
        if line is None
        else [
            ("look", f"{_looks(line)} ({count(line['candidates'], 'candidate')} so far)"),
            ("level", f"{alpha_text(line['level'])} of {exact(line['alpha'])}"),
            ("spent so far", alpha_text(line["spent"])),
            ("level of the next look", alpha_text(line["next"])),
        ]
    )
    return [
        ("study", short(told["study"])),
        ("protocol", digest(told["protocol"])),
        ("data", f"{short(told['data']['label'])}, sha256 {digest(told['data']['sha256'])}"),
        ("sources", ", ".join(map(digest, told["sources"])) or NOTHING),
        ("rule", _rule(told)),
        ("test", f"{TESTS.get(test, test)}, {told['design']} design"),
        *looked,
    ]
