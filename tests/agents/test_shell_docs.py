"""What docs/shell-protocol.md promises is so."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.agents.recording import Run, TaskWork
from webapp.agents.protocol import Instruction
from webapp.agents.shell import ShellAgent
from webapp.agents.shell.marked_lines import Malformed, parse
from webapp.agents.shell.reporting import RESULT_LIMIT, STEPS_LIMIT, TEXT_LIMIT
from webapp.agents.shell.run import variables

PAGE = (Path(__file__).parents[2] / "docs" / "shell-protocol.md").read_text()
EXAMPLES = re.findall(r"```(sh|python)\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize(("language", "text"), EXAMPLES)
def test_every_example_runs_and_its_marks_are_understood(
    start: Callable[..., Run], tmp_path: Path, language: str, text: str
) -> None:
    (tmp_path / "example").write_text(text)
    run = start(f"{'python3' if language == 'python' else 'sh'} example")
    run.controls.instruct(Instruction("answer", "yes"))
    assert run.result().exit_code == 0
    assert set(run.console.codes()) <= {"shell_step"}


def test_every_marked_line_in_the_table_is_understood() -> None:
    lines = re.findall(r"^\| `(::lineup [^`]+)`", PAGE, re.MULTILINE)
    assert len(lines) == 5
    assert not [line for line in lines if isinstance(parse(line), Malformed)]


def test_every_variable_is_documented_and_the_reverse(tmp_path: Path) -> None:
    documented = set(re.findall(r"^\| `(LINEUP_TASK_\w+)`", PAGE, re.MULTILINE))
    work = TaskWork("true", tmp_path, {}, "t1", params={"target": 1}, due_at="2026-11-24T08:00Z")
    assert documented == set(variables(work))
    assert variables(work)["LINEUP_TASK_DUE_AT"] == "2026-11-24T08:00Z"
    assert "LINEUP_TASK_DUE_AT" not in variables(replace(work, due_at=None))


def test_the_limits_are_those_of_the_code() -> None:
    for limit in (STEPS_LIMIT, RESULT_LIMIT, TEXT_LIMIT):
        assert f"{limit:,}" in PAGE


def test_every_setting_is_named(shell: ShellAgent) -> None:
    for setting in shell.validate({}, by_hand=True):
        assert setting in PAGE.lower()
