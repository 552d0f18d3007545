"""Saves and restores PostgreSQL by its own programs, in one transaction each.

What is restored lies in a schema of its own until it is whole, migrated and settled; then tables
change places. Until then the old ones are untouched, and afterwards they lie in another schema.
"""

from __future__ import annotations

import errno
import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from sqlalchemy import Connection, Engine, create_engine, make_url, text
from sqlalchemy.exc import DBAPIError, OperationalError

from webapp.backup import tools
from webapp.backup.stores import Running
from webapp.backup.tools import Address
from webapp.backup.vessel import nameless
from webapp.domain.errors import Conflict
from webapp.domain.runner import Identity

NAME = "lineup.dump"
STAGING, PARKED, ASIDE = "lineup_restoring", "lineup_parked", "before_restore_"
OF_RESTORING = 0x11_4E_0B_5F
"""The number of the lock that means a restoration; any will do."""
PATIENCE = "30s"
"""How long anybody waits for a table."""
RUNNERS = """
SELECT runner_id, host, boot_id, pid, pid_started, clock_timestamp() - heartbeat_at AS silent
FROM runners WHERE ended_at IS NULL
"""
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
"""Moves all tables and functions of one schema to another."""


class PostgreSQL:
    """The database at an address."""

    kind = "postgresql"
    member = f"database/{NAME}"
    as_json = "CAST({} AS json)"

    def __init__(self, url: str) -> None:
        self._url = url

    @contextmanager
    def reader(self) -> Iterator[_Reader]:
        """Read it, each question by itself."""
        with _engine(self._url) as engine:
            try:
                with engine.connect() as rows:
                    rows.execute(text("SELECT version_num FROM alembic_version"))
                    rows.rollback()
                    yield _Reader(rows)
            except DBAPIError as error:
                raise _told("backup_failed", error) from error

    def running(self, now: datetime) -> list[Running]:
        """Who signed in to it and has not signed out, and its own clock says how silent."""
        with _engine(self._url) as engine, engine.connect() as rows:
            if rows.scalar(text("SELECT to_regclass('runners')")) is None:
                return []
            found = rows.execute(text(RUNNERS)).all()
        return [Running(Identity(*row[:-1]), row.silent) for row in found]

    @contextmanager
    def staged(self, place: Path, *, replace: bool) -> Iterator[_Staged]:
        """A schema in the same database, for one restoration at a time."""
        with _engine(self._url) as engine:
            try:
                with _alone(engine) as rows:
                    schema = str(rows.scalar(text("SELECT current_schema()")))
                    if not replace and rows.scalar(text(FILLED), {"schema": _named(schema)}):
                        raise Conflict("restore_not_empty_database", schema=schema)
                    try:
                        yield _Staged(self._url, engine, place / NAME, schema)
                    finally:
                        rows.execute(text(f"DROP SCHEMA IF EXISTS {STAGING} CASCADE"))
            except DBAPIError as error:
                raise _told("restore_failed_database", error) from error


class _Reader:
    def __init__(self, rows: Connection) -> None:
        self._rows = rows
        self._kept = False

    def ask(self, sql: str, **values: Any) -> list[Any]:
        found = list(self._rows.execute(text(sql), values))
        if not self._kept:
            self._rows.rollback()
        return found

    @contextmanager
    def moment(self) -> Iterator[dict[str, Any]]:
        """A snapshot, which the server's program is lent too."""
        self._rows.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
        self._kept = True
        try:
            schema = self._rows.scalar(text("SELECT current_schema()"))
            yield {"schema": schema, "postgresql": _version(self._rows)}
        finally:
            self._kept = False
            self._rows.rollback()

    def copy(self, spool: Path) -> BinaryIO:
        """As pg_dump writes it."""
        [(snapshot, schema)] = self.ask("SELECT pg_export_snapshot(), current_schema()")
        address = _address(self._rows)
        options = [
            *("--format=custom", "--compress=1", "--no-owner", "--no-privileges"),
            *(f"--snapshot={snapshot}", f"--schema={_named(schema)}", "--lock-wait-timeout=30s"),
        ]
        program = tools.find("pg_dump", _version(self._rows))
        copied = nameless(spool)
        with nameless(spool) as said:
            command = [program, *options, *address.words]
            dumping = tools.start(command, stdout=copied, said=said, secret=address.secret)
            if _ended(dumping) != 0:
                copied.close()
                why = tools.reason(said)
                if os.strerror(errno.ENOSPC) in why:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                raise Conflict("backup_failed", reason=why)
        copied.seek(0)
        return copied


class _Staged:
    def __init__(self, url: str, engine: Engine, dump: Path, schema: str) -> None:
        self._engine, self._dump, self._schema = engine, dump, schema
        address = make_url(url)
        given = address.query.get("options", "")
        options = f"{given if isinstance(given, str) else ' '.join(given)} -csearch_path={STAGING}"
        self.url = address.update_query_dict({"options": options.strip()}).render_as_string(
            hide_password=False
        )

    def load(self, header: dict[str, Any]) -> None:
        """In one transaction: what is there steps aside, and comes back when all is restored."""
        if header.get("schema") != self._schema:
            raise Conflict("restore_other_schema", there=header.get("schema"), here=self._schema)
        with self._engine.connect() as rows:
            version, address = _version(rows), _address(rows)
        reads = max(version, int(header.get("postgresql") or 0))
        psql, pg_restore = tools.find("psql", version), tools.find("pg_restore", reads)
        options = ["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--file=-"]
        with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as heard:
            taking = tools.start(
                [psql, *options, *address.words],
                stdin=subprocess.PIPE, stdout=heard, said=heard, secret=address.secret,
            )  # fmt: skip
            try:
                broken = self._feed(taking, pg_restore, said)
            finally:
                ended = _ended(taking)
            if broken or ended != 0:
                # who ended first says why: the other lost its pipe
                why = tools.reason(heard if ended != 0 else said)
                raise Conflict(
                    "backup_damaged" if ended == 0 else "restore_failed_database", reason=why
                )
        self._dump.unlink()

    def _feed(self, taking: subprocess.Popen[bytes], pg_restore: str, said: Any) -> bool:
        """Without its last lines, which are written if all went well, nothing of it happened."""
        before = [
            "BEGIN", f"SET lock_timeout = '{PATIENCE}'", f"CREATE SCHEMA {PARKED}",
            _moving(self._schema, PARKED),
        ]  # fmt: skip
        after = [
            f"CREATE SCHEMA {STAGING}", _moving(self._schema, STAGING),
            _moving(PARKED, self._schema), f"DROP SCHEMA {PARKED}", "COMMIT",
        ]  # fmt: skip
        pipe = taking.stdin
        assert pipe is not None
        try:
            with closing(pipe):
                pipe.write(_script(before))
                pipe.flush()
                options = ["--no-owner", "--no-privileges", "--no-comments", "--file=-"]
                command = [pg_restore, *options, f"--schema={self._schema}", str(self._dump)]
                if _ended(tools.start(command, stdout=pipe, said=said)) != 0:
                    return True
                pipe.write(_script(after))
        except BrokenPipeError:
            return True
        return False

    def write(self, *statements: tuple[str, dict[str, Any]]) -> None:
        with self._engine.begin() as rows:
            rows.execute(text(f"SET LOCAL search_path = {STAGING}"))
            for sql, values in statements:
                rows.execute(text(sql), values)

    @contextmanager
    def swap(self, now: datetime) -> Iterator[str | None]:
        """Tables change places in one transaction, which ends with the block."""
        aside = f"{ASIDE}{now:%Y%m%dt%H%M%S}"
        with self._engine.begin() as rows:
            rows.execute(text(f"SET LOCAL lock_timeout = '{PATIENCE}'"))
            filled = rows.scalar(text(FILLED), {"schema": _named(self._schema)})
            if filled:
                rows.execute(text(f"CREATE SCHEMA {aside}"))
                rows.execute(text(_moving(self._schema, aside)))
            rows.execute(text(_moving(STAGING, self._schema)))
            yield aside if filled else None


@contextmanager
def _engine(url: str) -> Iterator[Engine]:
    engine = create_engine(url, connect_args={"connect_timeout": 10, "application_name": "lineup"})
    try:
        yield engine
    finally:
        engine.dispose()


@contextmanager
def _alone(engine: Engine) -> Iterator[Connection]:
    """A connection that nobody else restores beside."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as rows:
        if not rows.scalar(text(f"SELECT pg_try_advisory_lock({OF_RESTORING})")):
            raise Conflict("restore_busy", path=engine.url.database)
        rows.execute(text(f"DROP SCHEMA IF EXISTS {STAGING} CASCADE"))
        yield rows


def _told(code: str, error: DBAPIError) -> Exception:
    """What the server refused, in its words; that it is away is said elsewhere."""
    if isinstance(error, OperationalError):
        return error
    return Conflict(code, reason=str(error.orig).partition("\n")[0])


def _version(rows: Connection) -> int:
    return int(rows.scalar(text("SHOW server_version_num")) or 0) // 10_000


def _address(rows: Connection) -> Address:
    """What the address says and no more: the programs' library may be older than the driver's."""
    _, given = rows.dialect.create_connect_args(rows.engine.url)
    plain = {name: str(value) for name, value in given.items() if isinstance(value, (str, int))}
    return Address.of(plain)


def _named(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _moving(source: str, target: str) -> str:
    names = {"source": source, "target": target}
    literals = {n: "'" + v.replace("'", "''") + "'" for n, v in names.items()}
    return MOVE.format(**literals)


def _script(statements: list[str]) -> bytes:
    return "".join(f"{statement};\n" for statement in statements).encode()


def _ended(process: subprocess.Popen[bytes]) -> int:
    """Wait for it; whoever is interrupted meanwhile takes it along."""
    try:
        return process.wait()
    except BaseException:
        process.kill()
        process.wait()
        raise
