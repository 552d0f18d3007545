"""What a shell task may be submitted with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from webapp.agents.protocol import InvalidSetting
from webapp.agents.shell import ShellAgent

REFUSALS: list[tuple[dict[str, Any], str, str]] = [
    ({"timeout": 5}, "timeout", "not a setting of shell"),
    ({"shell": "sh"}, "shell", "absolute path"),
    ({"shell": 7}, "shell", "must be a text"),
    ({"shell": "/nonexistent/sh"}, "shell", "not an existing file"),
    ({"shell": "/tmp"}, "shell", "not an existing file"),
    ({"shell": "/etc/passwd"}, "shell", "may not be executed"),
    ({"shell": "/bin/sh\0"}, "shell", "NUL"),
    ({"shell": "/" + "x" * 300}, "shell", "not an existing file"),
    ({"working_dir": "relative"}, "working_dir", "absolute path"),
    ({"working_dir": "/nonexistent"}, "working_dir", "not an existing directory"),
    ({"working_dir": "/" + "x" * 5000}, "working_dir", "longer than"),
    ({"env": ["A=1"]}, "env", "object"),
    ({"env": {"1A": "x"}}, "env", "is not a name"),
    ({"env": {"A=B": "x"}}, "env", "is not a name"),
    ({"env": {"": "x"}}, "env", "is not a name"),
    ({"env": {"Ä": "x"}}, "env", "is not a name"),
    ({"env": {"LINEUP_TASK_RUN": "x"}}, "env", "LINEUP_"),
    ({"env": {"A": 1}}, "env", "the value of A must be a text"),
    ({"env": {"A": "x\0y"}}, "env", "NUL"),
    ({"env": {"A": "\ud800"}}, "env", "half a character"),
    ({"env": {f"A{n}": "" for n in range(201)}}, "env", "more than 200"),
    ({"env": {"A": "x" * 100_001}}, "env", "longer than"),
    ({"stdin": "closed"}, "stdin", "open"),
    ({"stdin": True}, "stdin", "open"),
    ({"stdin": []}, "stdin", "open"),
]


@pytest.mark.parametrize(("settings", "field", "reason"), REFUSALS)
def test_what_a_command_cannot_be_run_with_is_refused_by_name(
    shell: ShellAgent, settings: dict[str, Any], field: str, reason: str
) -> None:
    with pytest.raises(InvalidSetting) as refused:
        shell.validate(settings, by_hand=True)
    assert refused.value.field == field
    assert reason in refused.value.reason


def test_defaults_are_filled_in(shell: ShellAgent) -> None:
    assert shell.validate({}, by_hand=True) == {
        "shell": "/bin/sh",
        "working_dir": None,
        "env": {},
        "secret_env": {},
        "stdin": "open",
    }


def test_standard_input_is_open_by_hand_only(shell: ShellAgent) -> None:
    assert shell.validate({}, by_hand=False)["stdin"] == "none"
    assert shell.validate({"stdin": "open"}, by_hand=False)["stdin"] == "open"


def test_validated_settings_are_valid_again(shell: ShellAgent, tmp_path: Path) -> None:
    env = {"env": {"A": "ä"}, "secret_env": {"B": "ö"}}
    given = {"shell": "/bin/bash", "working_dir": str(tmp_path), **env, "stdin": "none"}
    once = shell.validate(given, by_hand=True)
    assert once == given
    assert shell.validate(shell.validate({}, by_hand=True), by_hand=True)["working_dir"] is None


def test_instructions_are_refused_without_standard_input(shell: ShellAgent) -> None:
    closed = shell.validate({"stdin": "none"}, by_hand=True)
    for verb in ("instruct", "end_input"):
        assert shell.refuses(verb, closed) == "shell_no_input"
        assert shell.refuses(verb, shell.validate({}, by_hand=True)) is None
    assert shell.refuses("pause", closed) is None


def test_every_refusal_has_a_text(shell: ShellAgent) -> None:
    assert "shell_no_input" in shell.messages
