"""The snippets for GitHub and GitLab and the hook of pre-commit: whole, and every command in them understood."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bpbench import cli, shipped
from bpbench.cli_check import CODES
from bpbench.formats.yaml import parse
from bpbench.protocol import load

ROOT = Path(__file__).parent.parent
SNIPPETS = ("github-actions.yml", "gitlab-ci.yml")
#: Words of the shell behind which a command begins.
LEADING = {"if", "then", "else", "do", "!", "{"}


def read(name: str) -> Any:
    """Return the data of a YAML file of ours."""
    return parse((ROOT / name).read_text(encoding="utf-8"), name)[0]


def scripts(value: Any, key: str = "") -> Iterator[str]:
    """Yield every script in a workflow or a pipeline."""
    if isinstance(value, dict):
        yield from (text for name, part in value.items() for text in scripts(part, name))
    elif isinstance(value, list):
        yield from (text for part in value for text in scripts(part, key))
    elif key in {"run", "script", "before_script"}:
        yield value


def commands(script: str) -> Iterator[list[str]]:
    """Yield the simple commands of a shell script, as words."""
    for line in script.replace("\\\n", " ").splitlines():
        if "bpbench" not in line:
            continue
        words = shlex.shlex(line, posix=True, punctuation_chars=True)
        words.whitespace_split = True
        command: list[str] = []
        for word in [*words, ";"]:
            if set(word) <= set("();<>|&"):
                yield command
                command = []
            elif command or word not in LEADING:
                command.append(word)


def ours(name: str) -> list[list[str]]:
    """Return the commands of bpbench in a snippet."""
    found = (command for script in scripts(read(f"docs/ci/{name}")) for command in commands(script))
    return [command[1:] for command in found if command[:1] == ["bpbench"]]


def test_commands_are_found_in_a_script() -> None:
    """Behind `then`, before `||`, over two lines; not in a name, nor in a comment."""
    script = (
        "if [ -f a ]; then bpbench run b; fi\ncode=0 # bpbench c\nbpbench \\\n plan d || code=$?\npip install bpbench"
    )
    assert [words for words in commands(script) if words[:1] == ["bpbench"]] == [
        ["bpbench", "run", "b"],
        ["bpbench", "plan", "d"],
    ]


@pytest.mark.parametrize("name", SNIPPETS)
def test_every_command_is_understood(name: str) -> None:
    """Each goes through the parser of the command line, which ends the process at a word that it does not know."""
    found = ours(name)
    assert {tuple(words[: 2 if words[0] == "track" else 1]) for words in found} == {
        ("validate",), ("check",), ("track", "import"), ("track", "record"), ("track", "baseline"), ("track", "gate"),
        ("track", "plot"), ("track", "export"),
    }  # fmt: skip
    for words in found:
        assert callable(cli._parser().parse_args(words).verb)


@pytest.mark.parametrize("name", SNIPPETS)
def test_what_they_name_is_there(name: str) -> None:
    """The protocol is a shipped one, and the candidate and the incumbent are among its variants."""
    (asked,) = [cli._parser().parse_args(words) for words in ours(name) if words[0] == "check"]
    known = load(shipped("protocols") / f"{asked.protocol}.yaml")
    assert {asked.candidate, asked.incumbent} <= {variant.name for variant in known.variants}


def test_the_workflow_of_github_is_whole() -> None:
    """What GitHub wants of a workflow: when, jobs on a runner, steps that either use an action or run a script."""
    made = read("docs/ci/github-actions.yml")
    assert set(made) == {"name", "on", "permissions", "env", "jobs"}
    assert set(made["on"]) == {"pull_request", "push", "schedule", "workflow_dispatch"}
    assert list(made["jobs"]) == ["check", "track"]
    for job in made["jobs"].values():
        assert {"if", "runs-on", "timeout-minutes", "steps"} <= set(job)
        for step in job["steps"]:
            assert len({"uses", "run"} & set(step)) == 1
            assert re.fullmatch(r"actions/[a-z-]+@v\d+", step.get("uses", "actions/x@v1"))
    uses = [step.get("uses", "").split("@")[0] for job in made["jobs"].values() for step in job["steps"]]
    assert uses.count("actions/cache") == uses.count("actions/upload-artifact") == 1
    (cached,) = [step for step in made["jobs"]["check"]["steps"] if "actions/cache" in step.get("uses", "")]
    assert cached["with"]["path"] == ".bpbench/store"


def test_the_pipeline_of_gitlab_is_whole() -> None:
    """What GitLab wants of a pipeline: jobs with scripts in stages that are declared."""
    made = read("docs/ci/gitlab-ci.yml")
    assert list(made) == ["stages", "variables", ".bpbench", "bpbench-check", "bpbench-track", "bpbench-baseline"]
    assert made[".bpbench"]["stage"] in made["stages"]
    assert {"paths": [".bpbench/store"], "key": "bpbench-store", "when": "always"} in made[".bpbench"]["cache"]
    for name in ("bpbench-check", "bpbench-track", "bpbench-baseline"):
        assert made[name]["extends"] == ".bpbench"
        assert {"rules", "script"} <= set(made[name])
    assert made["bpbench-check"]["allow_failure"] == {"exit_codes": [CODES["undecided"]]}
    assert all(made[name]["artifacts"]["when"] == "always" for name in ("bpbench-check", "bpbench-track"))


@pytest.fixture
def shell(tmp_path: Path) -> Any:
    """Return a way to run a script as CI does, with a bpbench that ends as it is told and writes its Markdown."""
    tools = tmp_path / "tools"
    tools.mkdir()
    writes = 'for word; do case $word in *.md) [ "$CODE" -eq 2 ] || echo answer > "$word";; esac; done'
    asked = 'echo "bpbench $*" >> log\ncase "$1 $2" in check*|"track gate") ;; *) exit 0;; esac'
    for name, does in (("bpbench", f'{asked}\n{writes}\nexit "$CODE"'), ("git", ""), ("curl", ""), ("python", "")):
        (tools / name).write_text(f"#!/bin/bash\n{does or f'echo {name} $1 >> log'}\n")
        (tools / name).chmod(0o755)

    def run(script: str, code: int, **given: str) -> tuple[int, str]:
        place = tmp_path / f"run-{len(list(tmp_path.iterdir()))}"
        place.mkdir()
        known = {"PATH": f"{tools}:/usr/bin:/bin", "CODE": str(code), "GITHUB_STEP_SUMMARY": "summary.md", **given}
        ended = subprocess.run(
            ["bash", "-eo", "pipefail", "-c", script], cwd=place, env=known, capture_output=True, text=True, check=False
        )
        files = [place / name for name in ("log", "summary.md")]
        return ended.returncode, "".join(path.read_text() for path in files if path.exists()) + ended.stderr

    return run


def _step(job: str, name: str) -> str:
    steps = read("docs/ci/github-actions.yml")["jobs"][job]["steps"]
    (script,) = [step["run"] for step in steps if step.get("name") == name]
    return str(script)


@pytest.mark.parametrize(("code", "ends"), [(0, 0), (1, 1), (2, 2), (3, 3), (4, 0)])
def test_undecided_fails_no_check_on_github_unless_wanted(shell: Any, code: int, ends: int) -> None:
    """Adopt passes, keep fails, undecided passes but for who wants it strict; the answer is in the summary."""
    script = _step("check", "Check the candidate")
    ended, told = shell(script, code)
    assert (ended, "answer" in told) == (ends, code != 2), told
    assert shell(script, code, STRICT="true")[0] == code
    assert "track import" not in told  # there is no history yet


@pytest.mark.parametrize("code", [0, 1, 2, 3])
def test_a_regression_fails_on_github(shell: Any, code: int) -> None:
    """The gate's exit code is that of the step, and its answer is in the summary."""
    ended, told = shell(_step("track", "Compare with the baseline"), code)
    assert (ended, "answer" in told) == (code, code != 2), told


@pytest.mark.parametrize("job", ["bpbench-check", "bpbench-track"])
@pytest.mark.parametrize("code", [0, 1, 2, 3, 4])
def test_the_exit_code_is_that_of_the_job_on_gitlab(shell: Any, job: str, code: int) -> None:
    """Whatever the answer, the history is kept, and the job ends with it; a wrong request has no answer to keep."""
    made = read("docs/ci/gitlab-ci.yml")
    script = "\n".join([*made[".bpbench"]["before_script"], *made[job]["script"]])
    ended, told = shell(script, code)
    assert ended == code, told
    assert ("bpbench track export history.jsonl" in told) == (job == "bpbench-track" or code != 2)
    assert ("curl" in told) == (job == "bpbench-check" and code != 2)


def test_the_hook_of_pre_commit(capsys: pytest.CaptureFixture[str]) -> None:
    """Its keys are those of pre-commit's manual; its pattern finds protocols, nothing else; its entry checks them."""
    (hook,) = read(".pre-commit-hooks.yaml")
    assert set(hook) == {"id", "name", "description", "entry", "language", "files", "types", "require_serial"}
    assert (hook["id"], hook["language"], hook["types"]) == ("bpbench-validate", "python", ["yaml"])
    known = sorted(shipped("protocols").glob("*.yaml"))
    paths = [f"{path.parent.name}/{path.name}" for path in known] + ["studies/protocols/mine.yml", "protocols/a b.yaml"]
    assert [path for path in paths if not re.search(hook["files"], path)] == []
    others = ["docs/ci/gitlab-ci.yml", ".pre-commit-hooks.yaml", "protocols/data/set.yaml", "protocols/x.yaml.b"]
    assert [path for path in others if re.search(hook["files"], path)] == []
    command, *words = shlex.split(hook["entry"])
    assert command == "bpbench"
    assert cli.main([*words, *map(str, known)]) == 0
    assert capsys.readouterr().out.count(" is a valid protocol: ") == len(known)
