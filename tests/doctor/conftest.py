"""A data directory to make ill, and `lineup doctor` to ask."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from apiflask import APIFlask
from click.testing import CliRunner

from webapp.cli import main
from webapp.config import Settings

Ask = Callable[..., dict[str, Any]]


@pytest.fixture
def sql(app: APIFlask, settings: Settings) -> Callable[..., list[Any]]:
    """Write to the database past every rule."""

    def execute(statement: str, *values: Any) -> list[Any]:
        with closing(sqlite3.connect(settings.data / "lineup.db")) as connection, connection:
            connection.execute("PRAGMA ignore_check_constraints = ON")
            return connection.execute(statement, values).fetchall()

    return execute


@pytest.fixture
def doctor(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Ask the doctor; the answer is its JSON, with its exit status as ``status``."""
    monkeypatch.setenv("LINEUP_DATA", str(settings.data))

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
