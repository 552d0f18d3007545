"""A backup of a server that works on PostgreSQL, and what is restored to another database."""

from __future__ import annotations

import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests import postgresql
from tests.processes.archives import corrupted, lineup, members, refused, rewritten
from tests.processes.server import ROOT, Home, environment
from tests.waiting import until
from webapp import create_app, schema
from webapp.backup import tools
from webapp.config import Settings
from webapp.db import dispose

pytestmark = pytest.mark.parametrize("backend", ["postgresql"], indirect=True, scope="session")
COUNTS = """
SELECT (SELECT count(*) FROM tasks), (SELECT count(*) FROM sessions),
    (SELECT count(*) FROM activity), (SELECT count(*) FROM api_tokens)
"""
SCHEMAS = "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'lineup%'"
ASIDE = "SELECT schemaname FROM pg_tables WHERE schemaname LIKE 'before_restore_%'"
NewDatabase = Callable[..., str]


@pytest.fixture(autouse=True)
def _on_postgresql(backend: str) -> None:
    """Every test here is about one database."""


@pytest.fixture(scope="module")
def saved(shared_home: Home, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A backup that was made while a server worked: two tasks over, one at work, one waiting."""
    with shared_home.server() as server:
        for number in range(2):
            command = f"echo printed {number}; echo made > file"
            shared_home.becomes(server.submit(command, session_id=f"s{number}"), "completed")
        running = server.submit("echo begun; sleep 600")
        given = server.upload("s0", "given", b"given\n")
        server.submit("cat $LINEUP_TASK_UPLOADS", session_id="s0", upload_file_ids=[given])
        shared_home.becomes(running, "running")
        until(lambda: server.http.get(f"/api/tasks/{running}/output").json()["size"] > 0)
        file = tmp_path_factory.mktemp("backups") / "first.lineup"
        result = lineup(shared_home.data, "backup", file, database_url=shared_home.database_url)
        assert result.exit_code == 0, result.output
        assert "4 tasks" in result.stdout
        yield file


def counts(url: str) -> list[Any]:
    """How many rows there are."""
    return list(postgresql.rows(url, COUNTS)[0])


def tables(url: str) -> int:
    """How many tables somebody would find."""
    sql = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
    return int(postgresql.rows(url, sql)[0][0])


def execute(url: str, sql: str) -> None:
    """Change a database past the program."""
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        connection.execute(sql)


def test_without_the_servers_programs_the_package_is_named(
    saved: Path, shared_home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tools, "PLACES", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))

    said = refused(
        shared_home.data, "backup", tmp_path / "b", database_url=shared_home.database_url
    )

    assert "pg_dump" in said
    assert "apt install postgresql-client-" in said
    assert list(tmp_path.iterdir()) == []


def test_a_database_in_use_or_not_empty_and_one_of_another_kind_are_refused(
    saved: Path, shared_home: Home, new_postgresql: NewDatabase, tmp_path: Path
) -> None:
    url = new_postgresql()
    before = counts(shared_home.database_url)

    used = refused(
        tmp_path / "a", "restore", saved, "--replace", database_url=shared_home.database_url
    )
    assert "A server runs on" in used
    assert "is not empty" in refused(tmp_path / "a", "restore", saved, database_url=url)
    assert "LINEUP_DATABASE_URL" in refused(tmp_path / "a", "restore", saved)

    assert counts(url)[0] == 0
    assert counts(shared_home.database_url) == before
    assert not (tmp_path / "a").exists()


def test_a_database_without_tables_is_not_saved(
    new_postgresql: NewDatabase, tmp_path: Path
) -> None:
    url = new_postgresql(empty=True)

    assert "alembic_version" in refused(tmp_path, "backup", tmp_path / "b", database_url=url)
    assert list(tmp_path.iterdir()) == []


def test_what_is_damaged_is_refused_and_the_old_tables_stay(
    saved: Path, new_postgresql: NewDatabase, tmp_path: Path
) -> None:
    def cut(member: tarfile.TarInfo, data: bytes) -> object:
        return data[: len(data) * 3 // 4] if member.name == "database/lineup.dump" else None

    corrupted(saved, tmp_path / "changed", b"printed 1\n", b"painted 1\n")
    rewritten(saved, tmp_path / "cut", cut)
    url = new_postgresql()
    execute(url, "INSERT INTO \"freeze\" VALUES (1, 'precious', 'me', now())")
    data = tmp_path / "data"
    data.mkdir()
    (data / "mine").write_text("precious")

    for file in ("changed", "cut"):
        said = refused(data, "restore", tmp_path / file, "--replace", database_url=url)
        assert "damaged" in said

    assert postgresql.rows(url, 'SELECT * FROM "freeze"')
    assert postgresql.rows(url, SCHEMAS) == []
    assert [entry.name for entry in data.iterdir()] == ["mine"]


def test_a_restoration_that_is_killed_changes_nothing_and_the_next_does_not_meet_its_psql(
    saved: Path, new_postgresql: NewDatabase, tmp_path: Path
) -> None:
    url, data = new_postgresql(), tmp_path / "data"
    execute(url, "INSERT INTO \"freeze\" VALUES (1, 'precious', 'me', now())")
    words = ("restore", saved, "--replace")
    psql = """SELECT wait_event_type FROM pg_stat_activity
        WHERE application_name = 'psql' AND datname = current_database()"""
    with psycopg.connect(url.replace("+psycopg", "")) as reader:
        reader.execute("SELECT * FROM users")  # its table cannot step aside before this ends
        process = subprocess.Popen(
            [sys.executable, "-m", "webapp.cli", *map(str, words)],
            cwd=ROOT,
            env=environment(data=str(data), database_url=url),
        )
        until(lambda: [tuple(row) for row in postgresql.rows(url, psql)] == [("Lock",)])
        process.kill()
        process.wait()

        assert "Somebody else is restoring" in refused(tmp_path / "b", *words, database_url=url)

    until(lambda: not postgresql.rows(url, psql))
    assert postgresql.rows(url, 'SELECT * FROM "freeze"')
    assert lineup(data, *words, database_url=url).exit_code == 0
    assert postgresql.rows(url, SCHEMAS) == []


def test_the_password_is_no_argument(
    saved: Path, shared_home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program, seen = tmp_path / "pg_dump", tmp_path / "seen"
    program.write_text(
        f'#!/bin/sh\n[ "$1" = --version ] || echo "$@, $PGPASSWORD." >> {seen}\n'
        f'exec {tools.find("pg_dump", 14)} "$@"\n'
    )
    program.chmod(0o755)
    monkeypatch.setattr(tools, "PLACES", str(tmp_path))
    url = shared_home.database_url.replace("postgres@", "postgres:open%20sesame@")

    result = lineup(shared_home.data, "backup", tmp_path / "b", database_url=url)

    assert result.exit_code == 0, result.output
    arguments, _, password = seen.read_text().rpartition(", ")
    assert "sesame" not in arguments
    assert password == "open sesame.\n"


def test_it_holds_the_tables_as_the_servers_program_writes_them(
    saved: Path, shared_home: Home, tmp_path: Path
) -> None:
    inside = members(saved)

    assert inside["database/lineup.dump"].startswith(b"PGDMP")
    outputs = sorted(data for name, data in inside.items() if name.startswith("output/"))
    assert outputs == [b"begun\n", b"printed 0\n", b"printed 1\n"]
    assert lineup(tmp_path, "backup", "--verify", saved).exit_code == 0


def test_a_restored_server_has_everything_and_says_of_what_ran_that_it_was_interrupted(
    saved: Path, shared_home: Home, new_postgresql: NewDatabase, tmp_path: Path
) -> None:
    url, data = new_postgresql(empty=True), tmp_path / "data"

    result = lineup(data, "restore", saved, database_url=url)

    assert result.exit_code == 0, result.output
    assert counts(url)[:2] == counts(shared_home.database_url)[:2]
    assert not list(data.rglob("*.dump"))
    home = Home(data, shared_home.token, url)
    try:
        with home.server() as server:
            home.all_final()
            tasks = home.query("SELECT * FROM tasks ORDER BY seq")
            statuses = [task["status"] for task in tasks]
            assert statuses == ["completed", "completed", "failed", "completed"]
            assert tasks[2]["error_message"].startswith("interrupted: it was running when")
            assert [_printed(server, task["task_id"]) for task in tasks] == [
                "printed 0\n", "printed 1\n", "begun\n", "given\n",
            ]  # fmt: skip
            assert all(task["workspace_dir"].startswith(f"{data}/") for task in tasks)
            assert tasks[3]["upload_files"][0]["path"].startswith(f"{data}/")
            home.becomes(server.submit("cat file", session_id="s1"), "completed")
        assert doctor(home) == "Nothing disagrees.\n"
        [still] = shared_home.query("SELECT * FROM tasks WHERE status = 'running'")
        assert still["runner_id"], "the original is not disturbed"
    finally:
        home.close()


def test_what_is_replaced_is_moved_aside_and_an_older_schema_is_migrated(
    new_postgresql: NewDatabase, tmp_path: Path
) -> None:
    url, old = new_postgresql(empty=True), tmp_path / "old"
    migrate(Settings(data=old, database_url=url), "0009")
    result = lineup(old, "backup", tmp_path / "b", database_url=url)
    assert result.exit_code == 0, result.output
    execute(url, "CREATE TABLE newer (of_session text REFERENCES sessions)")
    execute(url, "CREATE SCHEMA lineup_restoring CREATE TABLE left_by_a_killed_restoration ()")

    result = lineup(tmp_path / "new", "restore", tmp_path / "b", "--replace", database_url=url)

    assert result.exit_code == 0, result.output
    [(at,)] = postgresql.rows(url, "SELECT version_num FROM alembic_version")
    assert at == schema.newest_revision()
    [(aside,)] = postgresql.rows(url, f"{ASIDE} AND tablename = 'newer'")
    assert aside in result.stdout
    [(kept,)] = postgresql.rows(url, f"SELECT version_num FROM {aside}.alembic_version")
    assert kept == "0009"
    assert postgresql.rows(url, SCHEMAS) == []
    execute(url, f"DROP SCHEMA {aside} CASCADE")
    assert tables(url) > 10


def doctor(home: Home) -> str:
    """What it says, in a process of its own."""
    command = [sys.executable, "-m", "webapp.cli", "doctor"]
    environ = environment(**home.settings)
    return subprocess.check_output(command, cwd=ROOT, env=environ, text=True)


def migrate(settings: Settings, revision: str) -> None:
    """Bring a database to a revision."""
    from flask_migrate import upgrade

    app = create_app(settings)
    with app.app_context():
        upgrade(directory=str(schema.MIGRATIONS), revision=revision)
    dispose(app)


def _printed(server: Any, task_id: str) -> str:
    return str(server.http.get(f"/api/tasks/{task_id}/output").json()["data"])
