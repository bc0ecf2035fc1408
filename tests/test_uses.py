"""What a protocol says of its uses beside the report, and what the runs that are recorded over time redraw."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pytest

from bpbench import roles
from bpbench.errors import ProtocolError
from bpbench.identity import digest, plain
from bpbench.protocol import Protocol, loads, schema, track_in
from bpbench.protocol.uses import Rule, Track
from bpbench.statistics.adoption import RULES

_TEXT = """
question: Does it matter?
data: {{kind: aluminium}}
sets: {{12: thesis-12, 22: thesis-22}}
models: {{ridge: {{kind: linear}}, forest: {{kind: random-forest}}}}
variants:
  - {{name: a, set: 12, model: forest}}
  - {{name: b, set: 22, model: forest}}
split: {split}
repeats: {repeats}
analysis: {{baseline: a, margin: {margin}, test: {test}}}
{more}
"""


def _protocol(
    split: str = "{}", repeats: str = "3", margin: str = "1", test: str = "paired-t", more: str = ""
) -> Protocol:
    return loads(_TEXT.format(split=split, repeats=repeats, margin=margin, test=test, more=more))


def test_nothing_said_is_the_superior_rule_and_half_of_time_and_a_quarter_of_memory() -> None:
    protocol = _protocol()
    assert protocol.check.rule == "superior"
    assert protocol.track == Track()
    assert (protocol.track.time, protocol.track.memory) == (0.5, 0.25)


def test_the_rules_of_a_protocol_are_those_of_the_statistics() -> None:
    assert set(get_args(Rule)) == set(RULES)


def test_what_is_done_besides_changes_no_digest_of_the_study() -> None:
    said = _protocol(more="check: {rule: non-inferior}\ntrack: {repeats: 5, time: 30%, metrics: [rmse, mae]}")
    assert said.check.rule == "non-inferior"
    assert (said.track.time, said.track.metrics) == (0.3, ("rmse", "mae"))
    assert digest(plain(said)) == digest(plain(_protocol()))


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("check: {rule: best}", r"line 12, check\.rule: .*superior"),
        ("check: {rules: superior}", r"line 12, check\.rules: .*did you mean 'rule'\?"),
        ("track: {metrics: [rsme]}", r"track\.metrics\.0: this study has no score 'rsme'; did you mean 'rmse'\?"),
        ("track: {metrics: [mae, mae]}", r"track\.metrics\.1: 'mae' stands twice; name each score once\."),
        ("track: {metrics: [descriptor_time]}", r"this study has no score 'descriptor_time'"),
        (
            "track: {margin: 0.3 d_z}",
            (
                r"track\.margin: two runs are independent samples without pairs, so there is no d_z of theirs; "
                r"expected a number in the score's unit or a share such as 2%\."
            ),
        ),
        ("track: {time: 0}", r"track\.time: .*greater than 0"),
        ("track: {time: much}", r"track\.time: "),
        ("track: {repeats: 1}", r"track\.repeats: "),
        ("track: {correction: max-t}", r"track\.correction: "),
        ("draw: 3", r"unknown key 'draw'"),
    ],
)
def test_mistakes_are_told_with_their_line(more: str, said: str) -> None:
    with pytest.raises(ProtocolError, match=said):
        _protocol(more=more)


def test_the_block_of_a_protocol_is_read_alone() -> None:
    assert track_in("sets: 3\ntrack: {repeats: 4}", "x").repeats == 4
    assert track_in("sets: 3", "x") == Track()
    with pytest.raises(ProtocolError, match=r"repeats"):
        track_in("track: {repeats: 0}", "x")


def test_the_schema_knows_both() -> None:
    assert {"check", "track"} <= schema()["properties"].keys()
    assert "draw" not in schema()["properties"]


def test_a_draw_keeps_the_split_of_a_fixed_design() -> None:
    once, again = (roles.lay_out(replace(_protocol(), draw=draw)) for draw in (1, 2))
    study = roles.lay_out(_protocol())
    assert {repeat.split for repeat in (*once, *again, *study)} == {study[0].split}
    seeds = [{repeat.weights_seed for repeat in laid} for laid in (study, once, again)]
    assert len(set.union(*seeds)) == 9
    assert len({repeat.order_seed for laid in (study, once, again) for repeat in laid}) == 9


def test_a_draw_keeps_the_reserve_of_a_crossed_design_and_redraws_its_splits() -> None:
    crossed = _protocol(split="{design: crossed, splits: 4}", repeats="2")
    once, again = (roles.lay_out(replace(crossed, draw=draw)) for draw in (1, 2))
    assert {repeat.split.reserve_seed for repeat in (*once, *again)} == {roles.lay_out(crossed)[0].split.reserve_seed}
    assert len({repeat.split.split_seed for repeat in (*once, *again)}) == 8


def test_a_draw_redraws_everything_of_a_resampled_design() -> None:
    resampled = _protocol(split="{design: resampled}", test="nadeau-bengio")
    once, again = (roles.lay_out(replace(resampled, draw=draw)) for draw in (1, 2))
    assert len({repeat.split.reserve_seed for repeat in (*once, *again)}) == 6


def test_a_study_itself_is_drawn_as_ever() -> None:
    """The addresses of results that are stored already depend on these seeds."""
    (first, *_) = roles.lay_out(_protocol())
    seeds = first.weights_seed, first.order_seed, first.split.reserve_seed, first.split.split_seed
    assert seeds == (1584912414, 1071666205, 291627075, 1622657867)  # of version 0.1.0, before runs were recorded
