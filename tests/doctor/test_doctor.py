"""The doctor: what it finds, what it mends, and what it leaves alone, on both databases."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from apiflask import APIFlask
from click.testing import CliRunner
from flask.testing import FlaskClient

from tests.doctor.conftest import Ask, codes
from webapp import clock
from webapp.cli import main
from webapp.config import Settings
from webapp.domain.outcome import completed
from webapp.runtime.context import Context
from webapp.services import claims
from webapp.services.activity import Entry
from webapp.services.news import News
from webapp.services.submissions import Submitted
from webapp.vault import KEYS

both = pytest.mark.both_databases
Sql = Callable[..., list[Any]]
Submit = Callable[..., Submitted]


@pytest.fixture
def done(context: Context, submit: Submit) -> Submitted:
    """A task that was run to its end, with something in its log."""
    made = submit("work")
    run = context.call(claims.claim_next, "main", context.identity.runner_id, clock.now())
    assert run is not None
    news = News([Entry(run.task_id, 1, "scripted", "working", text=f"step {n}") for n in range(3)])
    context.call(claims.conclude, run, completed("ok"), news, clock.now(), next_for=None)
    return made


def test_where_there_is_no_database_nothing_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LINEUP_DATA", str(tmp_path / "nowhere"))

    result = CliRunner().invoke(main, ["doctor"])

    assert result.exit_code == 1
    assert "There is no database" in result.output
    assert not (tmp_path / "nowhere").exists()


@both
def test_what_agrees_is_left_alone_and_the_status_is_0(doctor: Ask, done: Submitted) -> None:
    assert doctor("--repair", "--thorough") == {"healthy": True, "findings": [], "status": 0}


@both
def test_a_healthy_run_of_another_process_is_not_touched(
    doctor: Ask, context: Context, submit: Submit, stored: Callable[[str], Any]
) -> None:
    task = submit("work")
    context.call(claims.claim_next, "main", context.identity.runner_id, clock.now())

    assert doctor("--repair")["findings"] == []
    assert stored(task.task_id).status == "running"


@both
def test_without_repair_everything_is_said_and_nothing_changed(
    doctor: Ask, sql: Sql, done: Submitted
) -> None:
    sql("UPDATE lanes SET completed = 7")

    for _ in range(2):
        answer = doctor()
        assert (answer["status"], answer["healthy"]) == (1, False)
        [finding] = answer["findings"]
        assert (finding["code"], finding["repaired"]) == ("lane_counts", 0)
        assert finding["message"] == "1 lanes count their tasks wrongly: main."


ILLS = {
    "contradiction": "UPDATE tasks SET completed_at = NULL",
    "lane_counts": "UPDATE lanes SET pending = 3, completed = 0",
    "session_counts": "UPDATE sessions SET task_count = 9, status = 'running'",
    "log_holes": "DELETE FROM activity WHERE message_index = 2",
    "open_attempts": "UPDATE attempts SET ended_at = NULL, outcome = NULL",
}


@both
@pytest.mark.parametrize("code", ILLS)
def test_what_disagrees_is_found_mended_and_then_gone(
    doctor: Ask, sql: Sql, done: Submitted, code: str
) -> None:
    sql(ILLS[code])
    assert code in codes(doctor())

    mended = doctor("--repair")

    assert mended["status"] == 0
    assert code in codes(mended)
    assert all(f["repaired"] == f["count"] for f in mended["findings"])
    assert doctor()["findings"] == []


@pytest.mark.parametrize(
    "contradiction",
    [
        "completed_at = NULL",
        "started_at = NULL",
        "started_at = '2001-01-01 00:00:00'",
        "completed_at = '2001-01-01 00:00:00'",
        "runner_id = 'nobody', wish = 'stop'",
        "status = 'pending', attempt = 0",
    ],
)
def test_times_follow_from_the_status_and_are_never_turned_round(
    doctor: Ask,
    sql: Sql,
    done: Submitted,
    stored: Callable[[str], Any],
    contradiction: str,
) -> None:
    sql(f"UPDATE tasks SET {contradiction}")

    assert "contradiction" in codes(doctor("--repair"))

    task = stored(done.task_id)
    assert task.runner_id is task.wish is None
    if task.status == "completed":
        assert task.created_at <= task.started_at <= task.completed_at
    else:
        assert task.started_at is task.completed_at is None
    assert doctor()["findings"] == []


def test_a_status_that_is_spelt_in_another_way_is_spelt_right(
    doctor: Ask, sql: Sql, done: Submitted
) -> None:
    sql("UPDATE tasks SET status = ' Completed'")  # PostgreSQL would not let it in

    assert codes(doctor("--repair"))[0] == "misspelt"
    assert sql("SELECT status FROM tasks") == [("completed",)]
    assert doctor()["findings"] == []


def test_a_status_that_means_nothing_becomes_failed_and_is_counted(
    doctor: Ask, sql: Sql, done: Submitted
) -> None:
    sql("UPDATE tasks SET status = 'lost'")

    doctor("--repair")

    assert sql("SELECT status, error_code FROM tasks") == [("failed", "interrupted_unknown")]
    assert sql("SELECT completed, failed FROM lanes") == [(0, 1)]
    assert sql("SELECT status FROM sessions") == [("failed",)]


@both
def test_a_task_that_nobody_runs_fails_in_words(
    doctor: Ask, context: Context, submit: Submit, sql: Sql, stored: Callable[[str], Any]
) -> None:
    task = submit("work")
    context.call(claims.claim_next, "main", context.identity.runner_id, clock.now())
    sql("UPDATE runners SET pid_started = 1")

    assert codes(doctor("--repair")) == ["dead_run"]

    assert stored(task.task_id).error_message == "interrupted: the server that ran it died."
    assert doctor()["status"] == 0


@both
def test_lost_entries_of_a_log_are_named_and_the_others_keep_their_places(
    doctor: Ask, sql: Sql, done: Submitted
) -> None:
    sql("DELETE FROM activity WHERE message_index IN (1, 2)")

    doctor("--repair")

    log = sql("SELECT message_index, agent_msg FROM activity ORDER BY message_index")
    assert log == [
        (0, "work"),
        (1, "Entry 1 of this log was lost."),
        (2, "Entry 2 of this log was lost."),
        (3, "step 2"),
        (4, "Completed."),
    ]


@both
def test_files_that_belong_to_nothing_are_set_aside_and_none_is_deleted(
    doctor: Ask, settings: Settings, done: Submitted, old: Callable[[str], Path]
) -> None:
    old("output/gone")
    old("workspaces/gone-too")
    old("workspaces/.trash")
    mine = old(f"output/{done.task_id}")
    session = old(f"workspaces/{Path(done.workspace_dir).name}")
    (settings.data / "output" / "just-made").mkdir()

    assert codes(doctor("--repair")) == ["lost_output", "lost_workspaces"]

    lost = settings.data / "lost"
    assert (lost / "output/gone/0").read_text() == "something"
    assert (lost / "workspaces/gone-too/0").is_file()
    assert mine.is_dir()
    assert session.is_dir()
    assert (settings.data / "output" / "just-made").is_dir()
    assert doctor()["status"] == 0


def test_a_key_that_others_can_read_is_closed(
    doctor: Ask, settings: Settings, app: APIFlask
) -> None:
    (settings.data / "secret_key").chmod(0o644)

    assert codes(doctor()) == ["open_keys"]
    assert doctor("--repair")["status"] == 0
    assert (settings.data / "secret_key").stat().st_mode & 0o777 == 0o600


def test_secrets_that_no_key_opens_are_named_and_only_those(
    doctor: Ask, settings: Settings, api: FlaskClient
) -> None:
    body = {"agent": "shell", "task_description": "true", "when_busy": "queue"}
    sealed = {**body, "secret_env": {"TOKEN": "swordfish"}}
    wanted = api.post("/api/tasks/submit", json=sealed).get_json()["task_id"]
    api.post("/api/tasks/submit", json={**body, "env": {"A": "1"}})
    profile = {"profile_name": "gpt", "provider": "openai", "model": "gpt-5", "api_key": "sk-1"}
    api.post("/api/config/llm-profiles", json=profile)
    params = {"command": "npx", "env": {"TOKEN": "swordfish"}}
    server = {"display_name": "Files", "mcp_server_name": "f", "mcp_server_params": params}
    api.post("/api/config/mcp-profiles", json=server)
    assert codes(doctor()) == []

    (settings.data / KEYS).write_text("A" * 43 + "=")
    [finding] = doctor("--repair")["findings"]
    named = [f"the task {wanted}", "the LLM profile gpt", "the MCP server Files"]
    assert (finding["code"], finding["examples"]) == ("lost_secrets", named)

    (settings.data / KEYS).write_text("nonsense")
    assert codes(doctor()) == ["bad_vault_keys", "lost_secrets"]


def test_a_short_key_and_a_clock_that_ran_ahead_can_only_be_said(
    doctor: Ask, settings: Settings, sql: Sql, done: Submitted
) -> None:
    (settings.data / "secret_key").write_text("short")
    sql("UPDATE runners SET heartbeat_at = '2999-01-01 00:00:00.000000'")

    answer = doctor("--repair")

    assert (answer["status"], codes(answer)) == (1, ["bad_key", "future"])
    assert not any(finding["repairable"] for finding in answer["findings"])


def test_a_newer_schema_is_not_touched_and_no_row_of_it_is_read(
    doctor: Ask, sql: Sql, done: Submitted
) -> None:
    sql("UPDATE alembic_version SET version_num = '9999'")
    sql("UPDATE lanes SET completed = 7")

    answer = doctor("--repair")

    assert (answer["status"], codes(answer)) == (1, ["newer_schema"])
    assert sql("SELECT completed FROM lanes") == [(7,)]


def test_thousands_of_the_same_are_one_sentence_that_names_the_first(
    doctor: Ask, submit: Submit, sql: Sql
) -> None:
    for _ in range(7):
        submit("work")
    sql("UPDATE tasks SET completed_at = created_at")

    [finding] = doctor()["findings"]

    assert finding["count"] == 7
    assert len(finding["examples"]) == 5
    assert finding["message"].endswith(", ….")
    assert doctor("--repair")["status"] == 0


def test_people_are_told_what_was_found_and_what_a_repair_would_do(
    settings: Settings, sql: Sql, done: Submitted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LINEUP_DATA", str(settings.data))
    sql("UPDATE lanes SET completed = 7")

    said = [CliRunner().invoke(main, ["doctor", *o]).output for o in ((), ("--repair",), ())]

    assert said[0].splitlines()[1] == "  --repair: The tasks are counted anew."
    assert said[1].splitlines()[1] == "  Repaired. The tasks are counted anew."
    assert said[2] == "Nothing disagrees.\n"
