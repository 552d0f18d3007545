"""What all tests share: an application on a database of its own, a clock to turn, factories."""

from __future__ import annotations

import gc
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from apiflask import APIFlask
from argon2 import PasswordHasher
from flask.testing import FlaskClient
from jinja2.bccache import Bucket, BytecodeCache

from tests import postgresql
from tests.checking import CheckedClient
from tests.factories import change_schedule, make_flow, make_schedule, stored_schedule
from tests.fakes import ScriptedAgent
from tests.llm.composio_server import composio
from tests.postgresql import PostgreSQL
from tests.waiting import until
from webapp import clock, create_app, schema
from webapp.config import Settings
from webapp.db import dispose
from webapp.ports import KEY
from webapp.queries import tasks as task_queries
from webapp.runtime.catalogue import BUILT_IN, Catalogue
from webapp.runtime.context import Context, identify
from webapp.services import people, runners, submissions
from webapp.services.submissions import Bounds, Submission, Submitted

__all__ = ["change_schedule", "composio", "make_flow", "make_schedule", "stored_schedule"]
"""Fixtures of other modules that all tests have."""

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
PORT = 7420
BACKENDS = ("sqlite", "postgresql")
ON_BOTH = ("api", "migrations", "runtime", "services")
"""Directories whose tests run on both databases."""
BASE_URL = f"http://127.0.0.1:{PORT}"


class Compiled(BytecodeCache):
    """Templates, compiled once for the applications of all tests."""

    def __init__(self) -> None:
        self._code: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Give what is known of a template; it is checked against its source."""
        if (code := self._code.get(bucket.key)) is not None:
            bucket.bytecode_from_string(code)

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep a template."""
        self._code[bucket.key] = bucket.bytecode_to_string()


COMPILED = Compiled()


class FakeClock:
    """Time that passes only when a test says so."""

    def __init__(self) -> None:
        self.at = NOON
        self.seconds = 1000.0

    def now(self) -> datetime:
        """The time of day."""
        return self.at

    def monotonic(self) -> float:
        """Seconds that only ever grow."""
        return self.seconds

    def forward(self, seconds: float) -> None:
        """Let time pass."""
        self.at += timedelta(seconds=seconds)
        self.seconds += seconds


def pytest_configure(config: pytest.Config) -> None:
    # Every server of a test imports the program anew: compiling it each time costs a third of that.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False
    if not hasattr(config, "workerinput"):  # the process that starts the others, if there are any
        postgresql.announce()


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        postgresql.end()


def pytest_collection_finish(session: pytest.Session) -> None:
    """Spare the garbage collector what lives as long as this process: the tests and the program."""
    gc.collect()
    gc.freeze()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run on both databases what is in a room for it, or in a file or test that is marked so."""
    if "backend" not in metafunc.fixturenames:
        return
    marks = {mark.name for mark in metafunc.definition.iter_markers()}
    in_room = metafunc.definition.path.parent.name in ON_BOTH and "any_database" not in marks
    if "both_databases" in marks or in_room:
        metafunc.parametrize("backend", BACKENDS, indirect=True)


@pytest.fixture(scope="session", autouse=True)
def _quick_passwords() -> None:
    """Hash passwords with little work; what they cost outside of tests is tested by name."""
    people.hasher = PasswordHasher(time_cost=1, memory_cost=256, parallelism=1)


@pytest.fixture(scope="session")
def backend(request: pytest.FixtureRequest) -> str:
    """The database of the test: sqlite or postgresql."""
    return str(getattr(request, "param", "sqlite"))


@pytest.fixture(scope="session")
def postgresql_server(tmp_path_factory: pytest.TempPathFactory) -> PostgreSQL:
    """The server that this test run shares, started by whoever asks first."""

    def migrate(url: str) -> None:
        app = create_app(Settings(data=tmp_path_factory.mktemp("pg"), database_url=url))
        schema.prepare(app)
        dispose(app)

    return PostgreSQL(migrate)


@pytest.fixture
def new_postgresql(request: pytest.FixtureRequest) -> Iterator[Callable[..., str]]:
    """Make a database with the newest schema, or an empty one; returns its address."""
    server: PostgreSQL = request.getfixturevalue("postgresql_server")
    with ExitStack() as made:
        yield lambda **how: made.enter_context(server.database(**how))


@pytest.fixture(scope="session")
def migrated_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database file with the newest schema, made once and copied for every test."""
    data = tmp_path_factory.mktemp("template")
    app = create_app(Settings(data=data, durability="normal"))
    schema.prepare(app)
    dispose(app)
    return data


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """The settings of the test's application; a test may return its own."""
    return Settings(
        data=tmp_path / "data",
        durability="normal",
        stop_grace_s=0.3,
        shutdown_grace_s=0.1,
        composio_url="http://127.0.0.1:9",  # where nobody listens
    )


@pytest.fixture
def agent() -> ScriptedAgent:
    """The agent ``scripted``; a test gives it scripts."""
    return ScriptedAgent({})


@pytest.fixture
def app(
    settings: Settings,
    migrated_database: Path,
    agent: ScriptedAgent,
    backend: str,
    request: pytest.FixtureRequest,
) -> Iterator[APIFlask]:
    """An application with nothing running, on a database of its own."""
    settings.data.mkdir(parents=True)
    if backend == "postgresql":
        url = request.getfixturevalue("new_postgresql")()
        settings = settings.model_copy(update={"database_url": url})
    for name in ("lineup.db", "secret_key"):
        shutil.copy(migrated_database / name, settings.data / name)
    made = create_app(settings)
    made.jinja_env.bytecode_cache = COMPILED
    ports = made.extensions[KEY]
    ports.agents = Catalogue(
        {name: ports.agents[name] for name in BUILT_IN} | {"scripted": agent},
        ports.vault,
    )
    yield made
    dispose(made)


@pytest.fixture
def fake_clock() -> FakeClock:
    """A clock for the test to turn."""
    return FakeClock()


@pytest.fixture
def context(app: APIFlask, settings: Settings) -> Context:
    """The runtime's context, signed in, with the real clock."""
    ports = app.extensions[KEY]
    made = Context(app, settings, ports.agents, ports.output, identify())
    made.call(runners.sign_in, made.identity, "test", clock.now())
    return made


@pytest.fixture
def submit(app: APIFlask, settings: Settings) -> Callable[..., Submitted]:
    """Submit a task for the scripted agent past the doors; queued unless said otherwise."""

    def make(task_description: str = "nothing", **fields: Any) -> Submitted:
        now = fields.pop("now", None) or clock.now()
        promise = fields.pop("promise", None)
        by = fields.pop("by", "tester")
        max_pending = fields.pop("max_pending", 1000)
        given = {"agent": "scripted", "agent_settings": {}, "when_busy": "queue", **fields}
        with app.app_context():
            return submissions.submit(
                Submission(task_description=task_description, **given),
                by=by,
                bounds=Bounds(max_pending, settings.data / "workspaces"),
                now=now,
                promise=promise,
            )

    return make


@pytest.fixture
def stored(app: APIFlask) -> Callable[[str], Any]:
    """A task's row as it is in the database now."""

    def find(task_id: str) -> Any:
        with app.app_context():
            return task_queries.find(task_id)

    return find


@pytest.fixture
def becomes(stored: Callable[[str], Any]) -> Callable[[str, str], Any]:
    """Wait until a task has a status; fails with what it has instead."""

    def wait(task_id: str, status: str) -> Any:
        until(
            lambda: stored(task_id).status == status,
            lambda: f"the task is {stored(task_id).status}, not {status}",
        )
        return stored(task_id)

    return wait


@pytest.fixture
def anonymous(app: APIFlask) -> FlaskClient:
    """A browser nobody has logged in with."""
    return app.test_client()


@pytest.fixture
def token(app: APIFlask) -> str:
    """A bearer token that may do everything."""
    with app.app_context():
        owner = people.ensure_owner(clock.now())
        return people.create_token(owner, "tests", "admin", by="tests", now=clock.now())


@pytest.fixture
def api(app: APIFlask, token: str) -> FlaskClient:
    """A script with that token, whose answers are held against the API's description."""
    app.test_client_class = CheckedClient
    client = app.test_client()
    app.test_client_class = FlaskClient
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"
    return client
