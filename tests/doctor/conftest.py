"""A data directory to make ill, and `lineup doctor` to ask."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from apiflask import APIFlask
from click.testing import CliRunner
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from webapp.cli import main
from webapp.config import Settings
from webapp.db import db
from webapp.ports import KEY

Ask = Callable[..., dict[str, Any]]


@pytest.fixture
def sql(app: APIFlask) -> Callable[..., list[Any]]:
    """Write to the database past every rule that it lets one past."""
    with app.app_context():
        url, options = db.engine.url, {"isolation_level": "AUTOCOMMIT"}

    def execute(statement: str, **values: Any) -> list[Any]:
        engine = create_engine(url, poolclass=NullPool, execution_options=options)
        with engine.connect() as connection:
            if url.get_backend_name() == "sqlite":
                connection.execute(text("PRAGMA ignore_check_constraints = ON"))
            done = connection.execute(text(statement), values)
            return [tuple(row) for row in done] if done.returns_rows else []

    return execute


@pytest.fixture
def doctor(app: APIFlask, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Ask the doctor; the answer is its JSON, with its exit status as ``status``."""
    monkeypatch.setenv("LINEUP_DATA", str(settings.data))
    monkeypatch.setenv("LINEUP_DATABASE_URL", app.extensions[KEY].settings.database_url)

    def ask(*options: str) -> dict[str, Any]:
        result = CliRunner().invoke(main, ["doctor", "--json", *options])
        assert result.stdout.startswith("{"), result.output
        return {**json.loads(result.stdout), "status": result.exit_code}

    return ask


@pytest.fixture
def old(settings: Settings) -> Callable[[str], Path]:
    """Make a directory below the data directory that nobody has touched for a day."""

    def make(name: str) -> Path:
        path = settings.data / name
        path.mkdir(parents=True)
        (path / "0").write_text("something")
        os.utime(path, (1_000_000_000, 1_000_000_000))
        return path

    return make


def codes(answer: dict[str, Any]) -> list[str]:
    """What was found."""
    return [finding["code"] for finding in answer["findings"]]
