"""Brings a database to the schema this version of the program works with."""

from __future__ import annotations

from pathlib import Path

from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Flask
from flask_migrate import upgrade

from webapp import clock
from webapp.db import db
from webapp.services import people, tasks
from webapp.sources import HOME

MIGRATIONS = HOME / "migrations"


def prepare(app: Flask) -> None:
    """Migrate if there is something to migrate, and make what every database must have."""
    with app.app_context():
        if current_revision() != newest_revision():
            upgrade(directory=str(MIGRATIONS))
        tasks.ensure_main_lane(clock.now())
        people.ensure_owner(clock.now())


def current_revision() -> str | None:
    """The revision the database is at; None for a new one. Needs an application context."""
    with db.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def newest_revision(directory: Path = MIGRATIONS) -> str | None:
    """The revision this program was written for."""
    return ScriptDirectory(str(directory)).get_current_head()


def is_known(revision: str, directory: Path = MIGRATIONS) -> bool:
    """Whether this program knows how to go on from a revision."""
    known = (one.revision for one in ScriptDirectory(str(directory)).walk_revisions())
    return revision in known
