"""Settings: refused by name when unknown or out of range, and where they come from."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from webapp.config import Settings, SettingsError, load
from webapp.sources import inherited

NOWHERE = {"LINEUP_DATA": "/nowhere"}
"""So that no file of the developer's own is read."""


def refused(**environ: str) -> str:
    """What is said about settings that cannot be used."""
    with pytest.raises(SettingsError) as error:
        load({**NOWHERE, **environ})
    return str(error.value)


@pytest.fixture
def toml(tmp_path: Path) -> Path:
    """The file that is read from a data directory."""
    return tmp_path / "lineup.toml"


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("LINEUP_PROT", "LINEUP_PORT"),
        ("LINEUP_DATABASE", "LINEUP_DATABASE_URL"),
        ("LINEUP_ALLOWED_HOST", "LINEUP_ALLOWED_HOSTS"),
        ("LINEUP_SHUTDOWN_GRACE", "LINEUP_SHUTDOWN_GRACE_S"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest_right_one(name: str, nearest: str) -> None:
    said = refused(**{name: "1"})

    assert said == f"{name}: there is no such setting; did you mean {nearest}?"


def test_a_name_that_is_like_no_other_is_refused_without_a_guess() -> None:
    assert refused(LINEUP_ZZZZZZ="1") == "LINEUP_ZZZZZZ: there is no such setting"


def test_all_that_is_wrong_is_said_at_once_a_line_each() -> None:
    said = refused(LINEUP_PORT="80000", LINEUP_THREADS="1", LINEUP_DURABILITY="maybe")

    assert [line.split(":")[0] for line in sorted(said.splitlines())] == [
        "LINEUP_DURABILITY",
        "LINEUP_PORT",
        "LINEUP_THREADS",
    ]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "-1"),
        ("PORT", "65536"),
        ("PORT", "seven"),
        ("PORT", ""),
        ("THREADS", "0"),
        ("THREADS", "201"),
        ("MAX_PENDING", "0"),
        ("OUTPUT_CAP_MB", "0"),
        ("MAX_BODY_MB", "0"),
        ("KEEP_TASKS_DAYS", "-1"),
        ("KEEP_TASKS", "-1"),
        ("KEEP_OUTPUT_DAYS", "1.5"),
        ("KEEP_OUTPUT_MB", "-1"),
        ("KEEP_WORKSPACES_DAYS", "-1"),
        ("KEEP_WORKSPACES_MB", "-1"),
        ("KEEP_WORKSPACES_MB", "lots"),
        ("KEEP_AUDIT_DAYS", "-1"),
        ("STOP_GRACE_S", "-0.1"),
        ("STOP_GRACE_S", "nan"),
        ("SHUTDOWN_GRACE_S", "3601"),
        ("AUTH", "maybe"),
        ("OPEN_BROWSER", "perhaps"),
        ("LOG_LEVEL", "loud"),
        ("TRUSTED_PROXIES", "my.proxy"),
        ("PUBLIC_URL", "lineup.example"),
        ("DATABASE_URL", "mysql://localhost/lineup"),
    ],
)
def test_a_value_out_of_range_is_refused_by_name_and_shown(name: str, value: str) -> None:
    said = refused(**{f"LINEUP_{name}": value})

    assert said.startswith(f"LINEUP_{name}: ")
    assert repr(value) in said or value in said


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.2", "lineup.example"])
def test_login_can_not_be_turned_off_where_others_can_reach_the_server(host: str) -> None:
    said = refused(LINEUP_AUTH="off", LINEUP_HOST=host)

    assert said.startswith(f"LINEUP_AUTH=off would let anybody at {host} run commands")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_login_can_be_turned_off_on_loopback(host: str) -> None:
    assert load({**NOWHERE, "LINEUP_AUTH": "off", "LINEUP_HOST": host}).auth == "off"


def test_what_the_file_says_wrong_is_refused_by_the_same_names(toml: Path) -> None:
    toml.write_text("prot = 80\n")

    assert "LINEUP_PORT?" in refused(LINEUP_DATA=str(toml.parent))


@pytest.mark.parametrize("content", [b"port 80", b"\xff"])
def test_a_file_that_is_not_toml_is_refused_by_its_path(toml: Path, content: bytes) -> None:
    toml.write_bytes(content)

    assert refused(LINEUP_DATA=str(toml.parent)).startswith(f"{toml}: not readable as TOML")


def test_a_file_that_was_named_must_be_there(tmp_path: Path) -> None:
    said = refused(LINEUP_CONFIG=str(tmp_path / "nowhere.toml"))

    assert said == f"LINEUP_CONFIG: there is no file {tmp_path / 'nowhere.toml'}"


def test_nothing_set_is_loopback_with_login_and_everything_durable(tmp_path: Path) -> None:
    found = load({"LINEUP_DATA": str(tmp_path)})

    assert (found.host, found.port, found.auth) == ("127.0.0.1", 7420, "on")
    assert found.durability == "full"
    assert found.sqlalchemy_url == f"sqlite:///{tmp_path / 'lineup.db'}"
    assert found.base_url == "http://127.0.0.1:7420"


@pytest.mark.parametrize(
    "url",
    [
        "mysql://ann:hunter2@db/lineup",
        "ann:hunter2@db/lineup",
        "postgresql://ann:hunter2/x@db/lineup",
        "postgresql+asyncpg://ann:hunter2@db/lineup",
        "sqlite://ann:hunter2@db",
        "mysql://db/lineup?password=hunter2&user=ann",
    ],
)
def test_a_database_that_cannot_be_used_is_refused_without_telling_the_password(url: str) -> None:
    said = refused(LINEUP_DATABASE_URL=url)

    assert said.startswith("LINEUP_DATABASE_URL: ")
    assert "***" in said
    assert "hunter2" not in said
    assert "ann:" not in said


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
def test_postgresql_is_spoken_to_by_psycopg_and_its_password_is_not_shown(scheme: str) -> None:
    found = load({**NOWHERE, "LINEUP_DATABASE_URL": f"{scheme}://ann:hunter2@db:5433/lineup"})

    assert found.sqlalchemy_url == "postgresql+psycopg://ann:hunter2@db:5433/lineup"
    assert "hunter2" not in repr(found)


def test_without_its_driver_postgresql_is_refused_and_how_to_get_it_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)

    said = refused(LINEUP_DATABASE_URL="postgresql://db/lineup")

    assert "make postgresql" in said
    assert "pip install 'lineup-control[postgresql]'" in said


def test_what_opens_our_database_is_no_business_of_a_command(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PGPASSWORD", "ours")
    monkeypatch.setenv("LINEUP_TOKEN", "ours, too")
    monkeypatch.setenv("COLOUR", "green")

    passed_on = inherited()

    assert passed_on["COLOUR"] == "green"
    assert not {"PGPASSWORD", "LINEUP_TOKEN"} & passed_on.keys()


def test_the_environment_wins_over_the_file(toml: Path) -> None:
    toml.write_text('port = 8001\nthreads = 4\nallowed_hosts = ["a", "b"]\n')

    found = load({"LINEUP_DATA": str(toml.parent), "LINEUP_PORT": "8002"})

    assert (found.port, found.threads, found.allowed_hosts) == (8002, 4, ("a", "b"))


def test_a_named_file_is_read_instead_of_the_one_in_the_data_directory(
    toml: Path, tmp_path: Path
) -> None:
    toml.write_text("port = 8001\n")
    named = tmp_path / "other.toml"
    named.write_text(f'port = 8003\ndata = "{tmp_path / "elsewhere"}"\n')

    found = load({"LINEUP_CONFIG": str(named)})

    assert (found.port, found.data) == (8003, tmp_path / "elsewhere")


def test_lists_are_written_with_commas() -> None:
    found = load({**NOWHERE, "LINEUP_ALLOWED_HOSTS": " a.example, b.example ,,"})

    assert found.allowed_hosts == ("a.example", "b.example")


def test_variables_meant_for_tasks_and_those_of_others_are_ignored() -> None:
    environ = {"LINEUP_TASK_ID": "x", "LINEUP_TASK_ANYTHING": "y", "PORT": "1", "LINEUPS": "z"}

    assert load({**NOWHERE, **environ}).port == 7420


@pytest.mark.parametrize(
    ("settings", "address"),
    [
        ({"host": "::1", "port": 80}, "http://[::1]:80"),
        ({"public_url": "https://lineup.example/"}, "https://lineup.example"),
    ],
)
def test_the_address_for_people_is_one_that_a_browser_takes(
    settings: dict[str, object], address: str
) -> None:
    assert Settings.model_validate(settings).base_url == address
