"""What only PostgreSQL does: connections that are lost, rows that are locked, text it refuses."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from apiflask import APIFlask
from click.testing import CliRunner
from flask.testing import FlaskClient
from sqlalchemy import insert, select, update
from sqlalchemy.exc import OperationalError

from tests.conftest import NOON
from tests.fakes import ScriptedAgent
from tests.postgresql import CUT_OFF, PostgreSQL
from webapp.agents.protocol import Console, Result, Work
from webapp.cli import main
from webapp.db import db, transaction
from webapp.models import Freeze, Lane
from webapp.runtime.context import Context
from webapp.runtime.worker import LaneWorker
from webapp.services.submissions import Submitted

Submit = Callable[..., Submitted]

_lanes = Lane.__table__
_freeze = Freeze.__table__


@pytest.fixture(scope="session")
def backend() -> str:
    return "postgresql"


@pytest.fixture
def past(app: APIFlask) -> Iterator[psycopg.Connection[Any]]:
    """A connection to the test's database past the program."""
    url = app.config["SQLALCHEMY_DATABASE_URI"].replace("+psycopg", "")
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


def at_once(app: APIFlask, *verbs: Callable[[], object]) -> None:
    """Call verbs in threads of their own, and wait for them."""

    def call(verb: Callable[[], object]) -> None:
        with app.app_context():
            verb()

    threads = [threading.Thread(target=call, args=(verb,)) for verb in verbs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_connections_that_were_lost_are_replaced_and_nobody_notices(
    api: FlaskClient, past: psycopg.Connection[Any], submit: Submit
) -> None:
    submit()
    assert api.get("/api/tasks").status_code == 200

    past.execute(CUT_OFF)

    assert api.get("/api/tasks").get_json()["tasks"][0]["status"] == "pending"
    submit()


def test_a_verb_that_loses_its_connection_half_way_changes_nothing(
    app: APIFlask, past: psycopg.Connection[Any]
) -> None:
    @transaction
    def half_way() -> None:
        db.session.execute(update(_lanes).values(version=77))
        past.execute(CUT_OFF)
        db.session.execute(update(_lanes).values(version=78))

    with app.app_context():
        with pytest.raises(OperationalError):
            half_way()
        assert db.session.execute(select(_lanes.c.version)).scalar_one() < 77


def test_a_request_while_the_database_is_away_is_503_and_the_next_one_is_answered(
    api: FlaskClient, past: psycopg.Connection[Any], postgresql_server: PostgreSQL
) -> None:
    body = {"task_description": "true", "agent": "shell"}
    allow = f"ALTER DATABASE {past.info.dbname} ALLOW_CONNECTIONS"
    with postgresql_server.connect("postgres") as elsewhere:
        elsewhere.execute(f"{allow} false")
        past.execute(CUT_OFF)
        away = [api.get("/api/tasks"), api.post("/api/tasks/submit", json=body)]
        elsewhere.execute(f"{allow} true")

    assert [answer.get_json()["error"] for answer in away] == ["database_away"] * 2
    assert {answer.status_code for answer in away} == {503}
    assert api.get("/api/tasks").get_json()["tasks"] == []
    assert api.post("/api/tasks/submit", json=body).status_code == 200


def test_of_two_verbs_that_lock_each_other_out_both_are_done(
    app: APIFlask, past: psycopg.Connection[Any]
) -> None:
    columns = "version, pending, running, paused, completed, failed, stopped, created_at"
    past.execute(f"INSERT INTO lanes (name, {columns}) SELECT 'b', {columns} FROM lanes")
    both, met = threading.Barrier(2), []

    def in_order(*names: str) -> Callable[[], None]:
        tries = []

        @transaction
        def verb() -> None:
            tries.append(names)
            for name in names:
                bump = update(_lanes).where(_lanes.c.name == name)
                db.session.execute(bump.values(version=_lanes.c.version + 1))
                if len(tries) == 1 and name == names[0]:
                    both.wait(10)
            met.append(len(tries))

        return verb

    [before] = past.execute("SELECT sum(version) FROM lanes").fetchall()
    at_once(app, in_order("main", "b"), in_order("b", "main"))
    [after] = past.execute("SELECT sum(version) FROM lanes").fetchall()

    assert max(met) >= 2, "one of them, or both, had to begin again"
    assert after[0] - before[0] == 4


def test_whoever_looked_before_another_made_it_looks_again(app: APIFlask) -> None:
    both, found = threading.Barrier(2), []

    def verb(by: str) -> Callable[[], None]:
        tries = []

        @transaction
        def make_unless_there() -> None:
            tries.append(by)
            row = db.session.execute(select(_freeze)).one_or_none()
            if len(tries) == 1:
                both.wait(10)
            if row is None:
                values = {"only": 1, "reason": "", "frozen_by": by, "since": NOON}
                db.session.execute(insert(_freeze).values(values))
            else:
                found.append((by, row.frozen_by))

        return make_unless_there

    at_once(app, verb("ann"), verb("bob"))

    assert found in ([("bob", "ann")], [("ann", "bob")])


def test_a_character_that_postgresql_cannot_store_is_shown_by_its_picture(
    context: Context, agent: ScriptedAgent, submit: Submit, api: FlaskClient
) -> None:
    def nul(work: Work, console: Console) -> Result:
        console.say("a\0b", who="c\0d")
        console.progress(message="e\0f")
        return Result("g\0h")

    agent.scripts["nul"] = nul
    task = submit("nul")
    LaneWorker(context, "main").run_one()

    body = api.get(f"/api/tasks/{task.task_id}").get_json()
    assert (body["status"], body["task_result"]) == ("completed", "g\N{SYMBOL FOR NULL}h")
    path = f"/api/activity/sessions/{task.session_id}/activity?limit=9"
    log = api.get(path).get_json()["activity_logs"]
    assert "a\N{SYMBOL FOR NULL}b" in [entry["agent_msg"] for entry in log]


def test_what_is_looked_for_may_hold_any_character(api: FlaskClient) -> None:
    for path in (
        "/api/tasks/%00",
        "/api/tasks?q=%00",
        "/api/tasks?session_id=a%00b",
        "/api/activity/sessions/a%00b",
        f"/api/tasks/{'9' * 400}",
        f"/api/tasks?session_id={'x' * 4000}",
        f"/api/tasks?q={'%F0%9F%A6%86' * 99}",
    ):
        assert api.get(path).status_code < 500, path


@pytest.mark.parametrize(
    ("make", "said"),
    [
        ("SELECT 1", 'database "odd" does not exist'),
        (
            "CREATE DATABASE odd TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'",
            "The database has the encoding LATIN1; UTF8 is needed.",
        ),
    ],
)
def test_a_database_that_cannot_be_used_is_refused_in_a_sentence(
    make: str, said: str, postgresql_server: PostgreSQL, tmp_path: Path
) -> None:
    with postgresql_server.connect("postgres") as connection:
        connection.execute(make)
    settings = {"LINEUP_DATA": str(tmp_path), "LINEUP_DATABASE_URL": postgresql_server.url("odd")}

    done = CliRunner(env=settings).invoke(main, ["token", "list"])

    with postgresql_server.connect("postgres") as connection:
        connection.execute("DROP DATABASE IF EXISTS odd")
    assert done.exit_code == 6
    assert done.output.startswith("Error: The database cannot be used: ")
    assert said in done.output
