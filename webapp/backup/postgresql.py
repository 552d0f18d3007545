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
from webapp.backup.schemas import FILLED, moving, named
from webapp.backup.stores import Running
from webapp.backup.tools import Address
from webapp.backup.vessel import nameless
from webapp.domain.errors import Conflict
from webapp.domain.runner import Identity

NAME = "lineup.dump"
STAGING, PARKED, ASIDE = "lineup_restoring", "lineup_parked", "before_restore_"
OF_RESTORING, OF_LOADING = 0x11_4E_0B_5F, 0x11_4E_0B_60
"""The numbers of the locks that mean a restoration, and its psql, which may outlive it killed."""
PATIENCE = "30s"
"""How long anybody waits for a table."""
RUNNERS = """
SELECT runner_id, host, boot_id, pid, pid_started, clock_timestamp() - heartbeat_at AS silent
FROM runners WHERE ended_at IS NULL
"""


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
        with _in_words("backup_failed"), _engine(self._url) as engine, engine.connect() as rows:
            rows.execute(text("SELECT version_num FROM alembic_version"))
            rows.rollback()
            yield _Reader(rows)

    def running(self, now: datetime) -> list[Running]:
        """Who signed in to it and has not signed out, and its own clock says how silent."""
        with _engine(self._url) as engine, engine.connect() as rows:
            _have(rows, f"pg_try_advisory_xact_lock({OF_LOADING})")  # it keeps tables locked
            exists = rows.scalar(text("SELECT to_regclass('runners')"))
            found = rows.execute(text(RUNNERS)).all() if exists is not None else []
        return [Running(Identity(*row[:-1]), row.silent) for row in found]

    @contextmanager
    def staged(self, place: Path, *, replace: bool) -> Iterator[_Staged]:
        """A schema in the same database, for one restoration at a time."""
        with (
            _in_words("restore_failed_database"),
            _engine(self._url) as engine,
            _alone(engine) as rows,
        ):
            schema = str(rows.scalar(text("SELECT current_schema()")))
            if not replace and rows.scalar(text(FILLED), {"schema": named(schema)}):
                raise Conflict("restore_not_empty_database", schema=schema)
            try:
                yield _Staged(self._url, engine, place / NAME, schema)
            finally:
                rows.execute(text(f"DROP SCHEMA IF EXISTS {STAGING} CASCADE"))


class _Reader:
    def __init__(self, rows: Connection) -> None:
        self._rows = rows
        self._kept = False
        self._pg_dump = tools.find("pg_dump", _version(rows))
        rows.rollback()

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
            yield {"schema": schema, "pg_dump": tools.major(self._pg_dump)}
        finally:
            self._kept = False
            self._rows.rollback()

    def copy(self, spool: Path) -> BinaryIO:
        """As pg_dump writes it."""
        [(snapshot, schema)] = self.ask("SELECT pg_export_snapshot(), current_schema()")
        address = _address(self._rows)
        options = [
            *("--format=custom", "--compress=1", "--no-owner", "--no-privileges"),
            *(f"--snapshot={snapshot}", f"--schema={named(schema)}", "--lock-wait-timeout=30s"),
        ]
        copied = nameless(spool)
        with nameless(spool) as said:
            command = [self._pg_dump, *options, *address.words]
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
            version, address = max(_version(rows), int(header["pg_dump"])), _address(rows)
        psql, pg_restore = tools.find("psql", version), tools.find("pg_restore", version)
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
            "BEGIN", f"SELECT pg_advisory_xact_lock({OF_LOADING})",
            f"SET lock_timeout = '{PATIENCE}'", f"CREATE SCHEMA {PARKED}",
            moving(self._schema, PARKED),
        ]  # fmt: skip
        after = [
            f"CREATE SCHEMA {STAGING}", moving(self._schema, STAGING),
            moving(PARKED, self._schema), f"DROP SCHEMA {PARKED}", "COMMIT",
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
            filled = rows.scalar(text(FILLED), {"schema": named(self._schema)})
            if filled:
                rows.execute(text(f"CREATE SCHEMA {aside}"))
                rows.execute(text(moving(self._schema, aside)))
            rows.execute(text(moving(STAGING, self._schema)))
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
        _have(rows, f"pg_try_advisory_lock({OF_RESTORING})")
        rows.execute(text(f"DROP SCHEMA IF EXISTS {STAGING} CASCADE"))
        yield rows


def _have(rows: Connection, lock: str) -> None:
    if not rows.scalar(text(f"SELECT {lock}")):
        raise Conflict("restore_busy", path=rows.engine.url.database)


@contextmanager
def _in_words(code: str) -> Iterator[None]:
    """What the server refuses is said in its words; that it is away is said elsewhere."""
    try:
        yield
    except OperationalError:
        raise
    except DBAPIError as error:
        raise Conflict(code, reason=str(error.orig).partition("\n")[0]) from error


def _version(rows: Connection) -> int:
    return int(rows.scalar(text("SHOW server_version_num")) or 0) // 10_000


def _address(rows: Connection) -> Address:
    """What the address says and no more: the programs' library may be older than the driver's."""
    _, given = rows.dialect.create_connect_args(rows.engine.url)
    plain = {name: str(value) for name, value in given.items() if isinstance(value, (str, int))}
    return Address.of(plain)


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
