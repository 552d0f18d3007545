"""Schemas of PostgreSQL: whether there is something in one, and how all of it changes place."""

from __future__ import annotations

FILLED = """
SELECT EXISTS (SELECT FROM pg_class WHERE relnamespace = cast(:schema AS regnamespace)
    AND relkind IN ('r', 'p', 'v', 'm', 'f'))
"""
MOVE = """
DO $move$ DECLARE moves text; BEGIN
    SELECT string_agg(move, ';') INTO moves FROM (
        SELECT format('ALTER TABLE %I.%I SET SCHEMA %I', {source}, relname, {target}) AS move
        FROM pg_class one
        WHERE relnamespace = quote_ident({source})::regnamespace
            AND relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
            AND NOT EXISTS ( -- what an extension or a column moves along
                SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = one.oid
                AND (deptype = 'e' OR one.relkind = 'S' AND deptype IN ('a', 'i')))
        UNION ALL
        SELECT format('ALTER ROUTINE %I.%I(%s) SET SCHEMA %I', {source}, proname,
            pg_get_function_identity_arguments(one.oid), {target})
        FROM pg_proc one
        WHERE pronamespace = quote_ident({source})::regnamespace
            AND NOT EXISTS (
                SELECT FROM pg_depend WHERE classid = 'pg_proc'::regclass AND objid = one.oid
                AND deptype = 'e')
    ) AS all_of_it;
    IF moves IS NOT NULL THEN EXECUTE moves; END IF;
END $move$
"""


def named(name: str) -> str:
    """A name as SQL has it, whatever is in it."""
    return '"' + name.replace('"', '""') + '"'


def moving(source: str, target: str) -> str:
    """A statement that moves all tables and functions of one schema to another."""
    names = {"source": source, "target": target}
    literals = {n: "'" + v.replace("'", "''") + "'" for n, v in names.items()}
    return MOVE.format(**literals)
