"""Secret settings: sealed where they are stored, masked where they are shown, open to the run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from tests.api.conftest import output
from webapp.config import Settings
from webapp.db import db
from webapp.vault import KEYS

Send = Callable[..., dict[str, Any]]

SECRET = "hunter2-swordfish-x4Qz"
MASKED = {"TOKEN": "•••x4Qz"}
TELL = 'case "$TOKEN" in hunter2*x4Qz) echo opened;; *) exit 1;; esac'


def settings_of(api: FlaskClient, task_id: str) -> dict[str, Any]:
    """The agent's settings as the API shows them."""
    shown: dict[str, Any] = api.get(f"/api/tasks/{task_id}").get_json()["agent_settings"]
    return shown


def stored_text(api: FlaskClient) -> str:
    """Every row of every table, as text."""
    with api.application.app_context():
        tables = db.metadata.sorted_tables
        return "\n".join(
            str(tuple(row)) for table in tables for row in db.session.execute(select(table))
        )


@pytest.mark.any_database
@pytest.mark.parametrize(
    ("secret_env", "reason"),
    [
        ({"TOKEN": "•••x4Qz"}, "mask"),
        ({"TOKEN": {"$sealed": "gAAAAA", "ending": "x4Qz"}}, "must hold no"),
        ({"TOKEN": 5}, "must be a text"),
        ("TOKEN", "must be an object"),
        ({"LINEUP_DATA": "x"}, "Lineup's"),
    ],
)
def test_what_is_no_secret_is_refused_by_its_field(
    api: FlaskClient, secret_env: Any, reason: str
) -> None:
    body = {"agent": "shell", "task_description": "true", "secret_env": secret_env}

    answer = api.post("/api/tasks/submit", json=body)

    assert answer.status_code == 400
    assert reason in answer.get_json()["fields"]["secret_env"]


@pytest.mark.any_database
def test_a_variable_cannot_be_secret_and_not(api: FlaskClient) -> None:
    body = {"agent": "shell", "task_description": "true", "env": {"A": "1"}}

    answer = api.post("/api/tasks/submit", json={**body, "secret_env": {"A": "2"}})

    assert "env, too" in answer.get_json()["fields"]["secret_env"]


def test_a_secret_reaches_the_run_and_lies_nowhere_in_the_clear(
    api: FlaskClient, live: None, send: Send, becomes: Any, settings: Settings
) -> None:
    task_id = send(TELL, secret_env={"TOKEN": SECRET})["task_id"]
    becomes(task_id, "completed")

    assert output(api, task_id) == "opened\n"
    assert settings_of(api, task_id)["secret_env"] == MASKED
    assert SECRET not in stored_text(api)
    for path in ("", "/export", "/export?format=csv"):
        assert SECRET not in api.get(f"/api/tasks{path}").text


@pytest.mark.any_database
def test_a_short_secret_is_not_even_shown_by_its_ending(api: FlaskClient, send: Send) -> None:
    task_id = send("true", secret_env={"PIN": "1234"})["task_id"]

    assert settings_of(api, task_id)["secret_env"] == {"PIN": "•••"}


@pytest.mark.parametrize(
    "changes", [{}, {"secret_env": MASKED}, {"secret_env": {"TOKEN": "•••"}}, {"priority": 3}]
)
def test_a_task_run_again_keeps_the_secret_that_is_left_out_or_masked(
    api: FlaskClient, live: None, send: Send, becomes: Any, changes: dict[str, Any]
) -> None:
    first = send(TELL, secret_env={"TOKEN": SECRET})["task_id"]
    becomes(first, "completed")

    again = api.post(f"/api/tasks/{first}/rerun", json={**changes, "when_busy": "queue"})

    assert again.status_code == 200, again.text
    becomes(again.get_json()["task_id"], "completed")


@pytest.mark.any_database
def test_a_secret_that_is_sent_anew_or_left_out_of_its_object_is_not_kept(
    api: FlaskClient, send: Send
) -> None:
    first = send("true", secret_env={"TOKEN": SECRET, "OTHER": "some-other-secret"})["task_id"]
    changes = {"secret_env": {"TOKEN": "a-whole-new-secret"}, "when_busy": "queue"}

    again = api.post(f"/api/tasks/{first}/rerun", json=changes).get_json()["task_id"]

    assert settings_of(api, again)["secret_env"] == {"TOKEN": "•••cret"}


@pytest.mark.any_database
def test_a_masked_variable_of_the_plain_environment_stays_what_it_was(
    api: FlaskClient, live: None, send: Send, becomes: Any
) -> None:
    first = send('test "$A" = 1', env={"A": "1"})["task_id"]
    becomes(first, "completed")

    again = api.post(f"/api/tasks/{first}/rerun", json={"env": {"A": "•••", "B": "2"}})

    becomes(again.get_json()["task_id"], "completed")


@pytest.mark.any_database
def test_the_key_is_a_private_file_that_several_applications_share(settings: Settings) -> None:
    from webapp import vault

    first = vault.at(settings.data.parent)
    second = vault.at(settings.data.parent)

    assert second.open(first.seal(SECRET)) == SECRET
    assert (settings.data.parent / KEYS).stat().st_mode & 0o777 == 0o600


@pytest.mark.any_database
def test_an_added_key_seals_from_then_on_and_the_older_one_still_opens(tmp_path: Path) -> None:
    from webapp import vault

    old = vault.at(tmp_path)
    sealed = old.seal(SECRET)
    before = (tmp_path / KEYS).read_text()
    (tmp_path / KEYS).unlink()
    vault.at(tmp_path)
    fresh = (tmp_path / KEYS).read_text()
    (tmp_path / KEYS).write_text(fresh + before)

    assert old.open(sealed) == SECRET
    newer = old.seal(SECRET)
    (tmp_path / KEYS).write_text(fresh)
    assert old.open(newer) == SECRET


@pytest.mark.any_database
@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda path: path.write_text("nonsense"), "keys of secrets cannot be used"),
        (lambda path: path.unlink(), "No such file"),
        (
            lambda path: path.write_text("A" * 43 + "=\n"),
            "“secret_env” cannot be opened with this server's keys",
        ),
    ],
)
def test_without_its_key_a_task_fails_in_words_and_what_needs_none_goes_on(
    *,
    api: FlaskClient,
    app: Any,
    send: Send,
    becomes: Any,
    settings: Settings,
    damage: Any,
    said: str,
) -> None:
    from webapp import runtime

    sealed = send("true", secret_env={"TOKEN": SECRET}, max_retries=3)["task_id"]
    plain = send("true")["task_id"]
    damage(settings.data / KEYS)

    runtime.start(app)
    try:
        failed = becomes(sealed, "failed")
        becomes(plain, "completed")
    finally:
        runtime.stop(app)
    assert said in failed.error_message
    again = api.post(f"/api/tasks/{sealed}/rerun", json={"when_busy": "queue"})
    assert again.status_code in (400, 503)
    assert api.get(f"/api/tasks/{sealed}").status_code == 200
