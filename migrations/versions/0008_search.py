"""Find tasks by text in their descriptions, and page through them by lane, agent and profile.

SQLite: a full-text table of trigrams that triggers keep; two line ends stand after each text, so
that its last characters begin a trigram, too. PostgreSQL: an index over a function's trigrams.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

CHARACTERS = 10_000
SQLITE_TABLE = """
CREATE VIRTUAL TABLE tasks_search USING fts5(
    description, content='', columnsize=0, detail=none, tokenize='trigram')
"""
ICU = """
SELECT 1 FROM pg_collation WHERE collname = 'und-x-icu' AND collencoding IN (
    -1, (SELECT encoding FROM pg_database WHERE datname = current_database()))
"""
FOLDED = """
CREATE FUNCTION lineup_folded(text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT FOLDED
$$
"""
# Every three characters in a row; one and two where a word may be so short, as in Chinese.
# COST has the planner ask the index, not every row.
GRAMS = """
CREATE FUNCTION lineup_grams(text) RETURNS text[] LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
COST 10000 AS $$
DECLARE
    c text[] := string_to_array(FOLDED, NULL);
    n int := coalesce(cardinality(c), 0);
    grams text[] := '{}';
    g int := 0;
BEGIN
    FOR i IN 1..n LOOP
        IF i + 2 <= n THEN
            g := g + 1;
            grams[g] := c[i] || c[i + 1] || c[i + 2];
        END IF;
        IF ascii(c[i]) > 127 THEN
            grams[g + 1] := c[i];
            grams[g + 2] := c[i] || coalesce(c[i + 1], '');
            g := g + 2;
        END IF;
    END LOOP;
    RETURN grams;
END
$$
"""
POSTGRESQL_INDEX = """
CREATE INDEX tasks_search ON tasks USING gin (lineup_grams(task_description))
    WITH (gin_pending_list_limit = 256)
"""
INDEXES = {
    "ix_tasks_lane": ("lane", "seq"),
    "ix_tasks_agent": ("agent", "seq"),
    "ix_tasks_llm_profile": ("llm_profile_name", "seq"),
    "ix_tasks_created": ("created_at", "seq"),
}
BEFORE = {"ix_tasks_llm_profile": "llm_profile_name", "ix_tasks_created": "created_at"}


def upgrade() -> None:
    """Build the indexes from what is there."""
    for name in BEFORE:
        op.drop_index(name, table_name="tasks")
    for name, columns in INDEXES.items():
        op.create_index(name, "tasks", list(columns))
    for statement in _sqlite() if _on_sqlite() else _postgresql():
        op.get_bind().exec_driver_sql(statement)


def downgrade() -> None:
    """Drop them."""
    if _on_sqlite():
        for event in ("insert", "update", "delete"):
            op.execute(f"DROP TRIGGER tasks_search_{event}")
        op.execute("DROP TABLE tasks_search_terms")
        op.execute("DROP TABLE tasks_search")
    else:
        op.execute("DROP INDEX tasks_search")
        op.execute("DROP FUNCTION lineup_grams(text)")
        op.execute("DROP FUNCTION lineup_folded(text)")
    for name in INDEXES:
        op.drop_index(name, table_name="tasks")
    for name, column in BEFORE.items():
        op.create_index(name, "tasks", [column])


def _on_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"


def _sqlite() -> list[str]:
    kept = f"substr({{row}}task_description, 1, {CHARACTERS}) || char(10, 10)"
    values = {name: kept.format(row=name) for name in ("", "new.", "old.")}
    put = f"INSERT INTO tasks_search(rowid, description) VALUES (new.seq, {values['new.']});"
    take = f"""INSERT INTO tasks_search(tasks_search, rowid, description)
        VALUES ('delete', old.seq, {values["old."]});"""
    changed = "UPDATE OF seq, task_description"
    return [
        SQLITE_TABLE,
        "CREATE VIRTUAL TABLE tasks_search_terms USING fts5vocab(tasks_search, row)",
        f"INSERT INTO tasks_search(rowid, description) SELECT seq, {values['']} FROM tasks",
        f"CREATE TRIGGER tasks_search_insert AFTER INSERT ON tasks BEGIN {put} END",
        f"CREATE TRIGGER tasks_search_update AFTER {changed} ON tasks BEGIN {take} {put} END",
        f"CREATE TRIGGER tasks_search_delete AFTER DELETE ON tasks BEGIN {take} END",
    ]


def _postgresql() -> list[str]:
    """ICU knows the lower case of every letter, whatever the locale of the database."""
    found = op.get_bind().execute(sa.text(ICU)).first()
    collation = ' COLLATE "und-x-icu"' if found else ""
    folded = f"lower(left($1, {CHARACTERS}){collation})"
    return [each.replace("FOLDED", folded) for each in (FOLDED, GRAMS, POSTGRESQL_INDEX)]
