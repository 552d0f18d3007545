"""`lineup keys`: a new key for everything that is sealed, and the end of the older ones."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest
from apiflask import APIFlask
from click.testing import CliRunner, Result
from flask.testing import FlaskClient

from tests.api.test_secrets import MASKED, SECRET, TELL
from webapp import clock
from webapp.cli import main
from webapp.config import Settings
from webapp.ports import KEY
from webapp.queries import profiles, toolkits
from webapp.services.toolkits import set_key
from webapp.vault import KEYS

Keys = Callable[[str], Result]


@pytest.fixture
def keys(app: APIFlask, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Keys:
    """Call `lineup keys` on the application's data directory and database."""
    monkeypatch.setenv("LINEUP_DATA", str(settings.data))
    monkeypatch.setenv("LINEUP_DATABASE_URL", app.extensions[KEY].settings.database_url)
    return lambda word: CliRunner().invoke(main, ["keys", word])


def put(settings: Settings, text: str) -> None:
    """Put other keys in the place of these, at one stroke as the vault does."""
    beside = settings.data / "keys-beside"
    beside.write_text(text)
    beside.chmod(0o600)
    beside.replace(settings.data / KEYS)


def age(settings: Settings, seconds: float) -> None:
    """Make the keys look as if they had been changed so long ago."""
    at = (settings.data / KEYS).stat().st_mtime - seconds
    os.utime(settings.data / KEYS, (at, at))


def test_after_a_rotation_everything_opens_with_the_new_key_alone(
    *, api: FlaskClient, live: None, send: Any, becomes: Any, keys: Keys, settings: Settings
) -> None:
    task = {"name": "nightly", "agent": "shell", "task_description": TELL}
    made = api.post("/api/flows", json={**task, "secret_env": {"TOKEN": SECRET}}).get_json()
    first = send(TELL, secret_env={"TOKEN": SECRET})["task_id"]
    address = {"name": "mail", "url": "json://localhost/s3cret"}
    assert api.post("/api/notifications/channels", json=address).status_code < 300
    profile = {"profile_name": "p", "provider": "openai", "model": "gpt-5", "api_key": SECRET}
    assert api.post("/api/config/llm-profiles", json=profile).status_code == 200
    params = {"command": "npx", "env": {"TOKEN": SECRET}}
    server = {"display_name": "f", "mcp_server_name": "f", "mcp_server_params": params}
    assert api.post("/api/config/mcp-profiles", json=server).status_code == 200
    with api.application.app_context():
        sealed = api.application.extensions[KEY].vault.seal_settings({"key": SECRET}, ["key"])
        set_key(sealed["key"], by="ann", now=clock.now())
    old = (settings.data / KEYS).read_text()

    rotated = keys("rotate")
    assert (rotated.exit_code, "anew: 6." in rotated.output) == (0, True)
    assert (settings.data / KEYS).read_text().endswith(old)
    age(settings, 120)
    pruned = keys("prune")

    assert "dropped: 1." in pruned.output
    assert old not in (settings.data / KEYS).read_text()
    assert (settings.data / KEYS).stat().st_mode & 0o777 == 0o600
    becomes(first, "completed")
    run = api.post(f"/api/flows/{made['flow_id']}/run", json={}).get_json()
    becomes(run["task_id"], "completed")
    shown = api.get(f"/api/flows/{made['flow_id']}").get_json()["agent_settings"]
    assert shown["secret_env"] == MASKED
    with api.application.app_context():
        vault = api.application.extensions[KEY].vault
        assert vault.open_settings({"key": profiles.llm("p").api_key}) == {"key": SECRET}
        [found] = profiles.mcp_all()
        service = toolkits.key()
        assert service is not None
        assert vault.open_settings({"key": service.sealed}) == {"key": SECRET}
        assert vault.open_settings(found.mcp_server_params)["env"] == {"TOKEN": SECRET}
    assert "one key only" in keys("prune").output


@pytest.mark.any_database
def test_what_was_sealed_with_an_older_key_after_the_rotation_is_seen_to_before_it_goes(
    *, api: FlaskClient, live: None, send: Any, becomes: Any, keys: Keys, settings: Settings
) -> None:
    old = (settings.data / KEYS).read_text()
    keys("rotate")
    both = (settings.data / KEYS).read_text()
    put(settings, old)  # as a server saw it that had read it just before
    task_id = send(f"sleep 0.1; {TELL}", secret_env={"TOKEN": SECRET})["task_id"]
    put(settings, both)
    becomes(task_id, "completed")
    age(settings, 120)

    assert "dropped: 1." in keys("prune").output
    again = api.post(f"/api/tasks/{task_id}/rerun", json={"when_busy": "queue"})
    becomes(again.get_json()["task_id"], "completed")


@pytest.mark.any_database
def test_a_key_is_not_dropped_right_after_the_rotation(keys: Keys, settings: Settings) -> None:
    keys("rotate")

    refused = keys("prune")

    assert refused.exit_code == 4
    assert "Try again in" in refused.output
    assert len((settings.data / KEYS).read_text().split()) == 2


@pytest.mark.any_database
def test_a_rotation_names_what_no_key_opens_and_broken_keys_are_left_as_they_are(
    send: Any, keys: Keys, settings: Settings
) -> None:
    task_id = send("true", secret_env={"TOKEN": SECRET})["task_id"]
    (settings.data / KEYS).write_text("A" * 43 + "=\n")

    assert f"No key opens what is in {task_id}" in keys("rotate").output

    (settings.data / KEYS).write_text("nonsense")
    refused = keys("rotate")
    assert refused.exit_code == 1
    assert (settings.data / KEYS).read_text() == "nonsense"
