"""The schema that the migrations make is the one the models describe."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine

from tests.migrations.conftest import Database, described, plain_engine
from webapp import schema
from webapp.db import Base
from webapp.schema import MIGRATIONS


@pytest.fixture
def modelled(new_url: Callable[[str], str]) -> Engine:
    """A database whose tables were made from the models."""
    engine = plain_engine(new_url("models.db"))
    Base.metadata.create_all(engine)
    return engine


def _is_modelled(name: str) -> bool:
    """Not what finds text, for which the models have no words: tests of searches show it."""
    return not name.startswith("tasks_search")


def _is_compared(_thing: object, name: str, kind: str, _reflected: bool, _to: object) -> bool:
    """Alembic cannot compare indexes with an expression; the test above compares all of them."""
    return kind != "index" and _is_modelled(name)


def test_tables_checks_and_partial_indexes_are_those_of_the_models(
    database: Database, modelled: Engine
) -> None:
    database.up()

    made = {name: parts for name, parts in database.described().items() if _is_modelled(name)}
    assert made == described(modelled)


def test_alembic_finds_nothing_to_migrate(database: Database) -> None:
    database.up()
    with database.engine.connect() as connection:
        options = {"compare_type": True, "include_object": _is_compared}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, Base.metadata) == []


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
        seen[revision.revision] = database.described()

    for revision in script.walk_revisions():
        below = str(revision.down_revision or "base")
        database.down(below)
        assert database.described() == seen[below], f"{revision.revision} goes down otherwise"
    database.up()
    assert database.described() == seen[str(script.get_current_head())]
