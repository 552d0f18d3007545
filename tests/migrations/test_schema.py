"""The schema that the migrations make is the one the models describe."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from tests.migrations.conftest import Database
from webapp import schema
from webapp.db import Base
from webapp.schema import MIGRATIONS


@pytest.fixture
def modelled(tmp_path: Path) -> Path:
    """A database whose tables were made from the models."""
    path = tmp_path / "models.db"
    engine = create_engine(f"sqlite:///{path}")
    Base.metadata.create_all(engine)
    engine.dispose()
    return path


def described(path: Path) -> dict[str, object]:
    """Every table and index by name: its parts, in no order, without quotes and spacing."""
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute(
            "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"
            " AND name NOT LIKE 'sqlite%' AND name <> 'alembic_version'"
        ).fetchall()
    return {name: _parts(sql) for name, sql in found}


def _parts(sql: str) -> tuple[str, frozenset[str], str]:
    plain = re.sub(r"\s+", " ", sql.replace('"', "")).replace("( ", "(").replace(" )", ")")
    head, _, rest = plain.partition("(")
    body, tail = _closed(rest)
    return head.strip(), frozenset(_split(body)), tail.strip()


def _closed(text: str) -> tuple[str, str]:
    depth = 1
    for at, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if depth == 0:
            return text[:at], text[at + 1 :]
    raise AssertionError(text)


def _split(body: str) -> Iterator[str]:
    depth, part = 0, ""
    for character in body:
        depth += (character == "(") - (character == ")")
        if character == "," and depth == 0:
            yield part.strip()
            part = ""
        else:
            part += character
    yield part.strip()


def _is_no_index(_thing: object, _name: str, kind: str, _reflected: bool, _to: object) -> bool:
    """Alembic cannot compare those with an expression; the test above compares all of them."""
    return kind != "index"


def test_tables_checks_and_partial_indexes_are_those_of_the_models(
    database: Database, modelled: Path
) -> None:
    database.up()

    assert described(database.path) == described(modelled)


def test_alembic_finds_nothing_to_migrate(database: Database) -> None:
    database.up()
    engine = create_engine(f"sqlite:///{database.path}")
    with engine.connect() as connection:
        options = {"compare_type": True, "include_object": _is_no_index}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, Base.metadata) == []
    engine.dispose()


def test_revisions_follow_each_other_in_one_line_and_each_can_go_down() -> None:
    script = ScriptDirectory(str(MIGRATIONS))

    assert len(script.get_heads()) == len(script.get_bases()) == 1
    for revision in script.walk_revisions():
        assert not revision.is_merge_point
        assert revision.doc, revision.path
        assert "def downgrade" in Path(revision.path).read_text()
    assert schema.newest_revision() == script.get_current_head()


def test_every_revision_goes_up_and_down_again_from_nothing(database: Database) -> None:
    script = ScriptDirectory(str(MIGRATIONS))
    seen: dict[str, object] = {"base": {}}
    for revision in reversed(list(script.walk_revisions())):
        database.up(revision.revision)
        seen[revision.revision] = described(database.path)

    for revision in script.walk_revisions():
        below = str(revision.down_revision or "base")
        database.down(below)
        assert described(database.path) == seen[below], f"{revision.revision} goes down otherwise"
    database.up()
    assert described(database.path) == seen[str(script.get_current_head())]
