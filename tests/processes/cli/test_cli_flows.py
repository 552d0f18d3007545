"""``lineup flows``: what it refuses, what it says, and what a script reads."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.processes.cli.commands import Terminal


@pytest.fixture
def flow(shell: Terminal) -> Iterator[str]:
    """The name of a flow that says what it is given."""
    made = shell.run(
        *(
            "flows",
            "create",
            "Say it",
            "--param",
            "what:hello|bye=hello",
            "--param",
            "times:integer!",
        ),
        *("--retries", "2", "--retry-delay", "1m", "--rerun-interrupted", "--env", "A=1"),
        *("--", "sh", "-c", 'echo "$LINEUP_TASK_PARAM_WHAT $LINEUP_TASK_PARAM_TIMES"'),
    )
    assert made.status == 0, made
    yield "Say it"
    shell.run("flows", "delete", "Say it")


def test_what_is_no_flow_is_not_found(shell: Terminal) -> None:
    for name in ("no such", "../tasks", "00000000-0000-7000-8000-000000000000"):
        ran = shell.run("flows", "show", name)
        assert ran.status == 4, ran
        assert "There is no flow" in ran.err


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("create", "x"), "which command"),
        (("create", "x", "--parameters", "{", "true"), "JSON"),
        (("create", "x", "--parameters", "[]", "--param", "a", "true"), "together"),
        (("edit", "Say it"), "what is to be different"),
        (("run", "Say it", "--param", "times"), "NAME=VALUE"),
    ],
)
def test_what_cannot_be_meant_is_refused_before_it_is_sent(
    shell: Terminal, flow: str, words: tuple[str, ...], reason: str
) -> None:
    ran = shell.run("flows", *words)

    assert ran.status == 2, ran
    assert reason in ran.err


def test_a_run_ends_as_its_task_did_and_takes_typed_values(shell: Terminal, flow: str) -> None:
    refused = shell.run("flows", "run", flow, "--param", "times=often")
    assert (refused.status, "params.times" in refused.err) == (2, True)

    ran = shell.run("flows", "run", flow, "--param", "times=3", "--param", "what=bye", "-f")

    assert (ran.status, ran.text) == (0, "bye 3")


def test_a_flow_is_shown_changed_copied_hooked_and_deleted(shell: Terminal, flow: str) -> None:
    said = shell.run("flows", "show", flow).text
    assert "what:hello|bye=hello" in said
    assert "times:integer!" in said
    assert shell.run("flows", "edit", flow, "--name", "Said", "--lane", "main").status == 0
    assert shell.run("flows", "edit", "Said", "--name", "Say it").status == 0

    copied = shell.run("flows", "clone", flow, "Copy").text.strip()
    assert f"{copied}\tCopy\tmain" in shell.run("flows", "list", "-q", "copy").text
    assert "/hooks/" in shell.run("flows", "hook", copied).text
    assert "revoked" in shell.run("flows", "hook", "Copy", "--revoke").err
    assert "is deleted" in shell.run("flows", "delete", "Copy").err
    flows = shell.run("flows", "list", "--json").json["flows"]
    assert [(one["name"], one["retry_delay_s"], one["rerun_interrupted"]) for one in flows] == [
        ("Say it", 60, True)
    ]


def test_a_flow_is_made_of_a_task(shell: Terminal) -> None:
    task_id = shell.run("submit", "--queue", "--wait", "--", "echo", "made").text.strip()

    assert "[[--] COMMAND…]" in shell.run("flows", "create", "--help").text

    made = shell.run("flows", "create", "Made of it", "--from-task", task_id)

    assert made.status == 0, made
    shown = shell.run("flows", "show", "Made of it", "--json").json
    assert shown["task_description"] == "echo made"
    assert shell.run("flows", "delete", "Made of it").status == 0


def test_a_run_is_shown_with_its_flow_and_every_attempt(shell: Terminal) -> None:
    made = shell.run(
        "flows", "create", "Fails", "--retries", "1", "--retry-delay", "0.01", "exit 3"
    )
    task_id = shell.run("flows", "run", "Fails", "--wait").text.split()[0]

    shown = shell.run("show", task_id).text

    assert "Fails (hand)" in shown
    for said in ("Fails", made.text.strip()):
        assert task_id in shell.run("tasks", "--flow", said).text
    assert shell.run("tasks", "--flow", "no such").status == 4
    assert "2 of 2" in shown
    assert all(f"{number} failed" in shown for number in (1, 2))
    assert shell.run("flows", "delete", made.text.strip()).status == 0
