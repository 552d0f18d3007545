"""``lineup schedules``, ``import`` and ``export`` beside a real server."""

from __future__ import annotations

import json
from secrets import token_hex
from typing import Any

import pytest

from tests.processes.cli.commands import Terminal
from webapp.cli.ending import Code


@pytest.fixture
def flow(shell: Terminal) -> str:
    """The name of a flow without a schedule."""
    name = f"Backup {token_hex(4)}"
    assert shell.run("flows", "create", name, "--", "true").status == 0
    return name


def answered(shell: Terminal, *words: str) -> Any:
    """What a command prints as JSON."""
    done = shell.run("schedules", *words, "--json")
    assert done.status == 0, done.err
    return json.loads(done.out)


def test_a_schedule_is_set_changed_switched_looked_at_and_removed(
    shell: Terminal, flow: str
) -> None:
    wrong = shell.run("schedules", "set", flow, "0 25 * * *")
    assert (wrong.status, "25" in wrong.err) == (Code.USAGE, True)
    assert shell.run("schedules", "on", "nobody").status == Code.REFUSED

    done = shell.run("schedules", "set", flow, "0 2 * * *", "--timezone", "Europe/Berlin")
    assert done.status == 0, done.err
    assert "due next at" in done.err
    more = ("--grace", "0", "--jitter", "5m", "--not-on", "12-25", "--ends", "2040-01-01T00:00")
    changed = answered(shell, "set", flow, *more, "--pause-after", "3")
    assert (changed["cron_expression"], changed["timezone"]) == ("0 2 * * *", "Europe/Berlin")
    assert (changed["grace_s"], changed["jitter_s"], changed["calendar"]) == (0, 300, ["12-25"])
    assert changed["ends_at"] == "2040-01-01T00:00:00+00:00"
    assert answered(shell, "set", flow, "--ends", "", "--pause-after", "0")["ends_at"] is None
    assert answered(shell, "off", flow)["next_execution_at"] is None
    assert flow in [one["flow_name"] for one in answered(shell, "list", "--off")]
    assert flow not in [one["flow_name"] for one in answered(shell, "list", "--on")]
    shown = shell.run("schedules", "show", flow).out
    assert b"Europe/Berlin" in shown
    assert answered(shell, "ledger", flow) == {"occurrences": [], "next_cursor": None}

    assert shell.run("schedules", "remove", flow).status == 0
    assert shell.run("schedules", "show", flow).status == Code.REFUSED


def test_a_rule_is_read_back_before_it_is_anybodys(shell: Terminal) -> None:
    done = shell.run("schedules", "preview", "30 9 * * 1-5", "--timezone", "UTC", "-n", "3")

    first, *runs = done.out.decode().splitlines()
    assert "09:30" in first
    assert len(runs) == 3
    assert shell.run("schedules", "preview", "0 0 31 2 *").status == Code.USAGE


def test_a_crontab_comes_in_all_or_nothing_and_goes_out_as_a_file(
    shell: Terminal, flow: str
) -> None:
    path = shell.directory / "jobs"
    path.write_text("# Clean up\n0 3 * * * true\n@reboot true\n")
    refused = shell.run("import", str(path))
    assert refused.status == Code.USAGE
    assert "Line 3: @reboot" in refused.err

    path.write_text("# Clean up\n0 3 * * * true\n")
    assert "would be imported" in shell.run("import", str(path), "--dry-run").err
    assert shell.run("export", "Clean up").status == Code.REFUSED
    done = shell.run("import", str(path), "--timezone", "Asia/Tokyo")
    assert done.status == 0, done.err
    assert "Lanes that are made: clean-up." in done.err

    file = shell.run("export", "Clean up").out
    assert b"Asia/Tokyo" in file
    assert flow.encode() not in file
    again = shell.run("import", "-", stdin=file)
    assert (again.status, "Clean up" in again.err) == (Code.USAGE, True)
    assert shell.run("import", "-", "--replace", stdin=file).status == 0
