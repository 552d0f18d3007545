"""``lineup backup|restore``: everything into one file while the server runs, and back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from webapp.cli.setup import settings as read_settings

if TYPE_CHECKING:
    from webapp.backup.stores import Store
    from webapp.config import Settings

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
SILENT = timedelta(seconds=60)
"""After how long without a heartbeat a server on another host counts as ended."""
FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.argument("file", type=FILE)
@click.option("--verify", is_flag=True, help="Read FILE and hold its sums against it instead.")
@click.option("--without-workspaces", is_flag=True, help="Leave the sessions' files out.")
def backup(file: Path, *, verify: bool, without_workspaces: bool) -> None:
    """Save database, output, workspaces, keys and settings in FILE, beside a running server.

    FILE holds the keys: it is for its owner alone, and should stay so.
    """
    if verify:
        _verify(file)
        return
    from webapp import __version__, clock
    from webapp.backup import make, stores

    settings = read_settings()
    store = stores.at(settings.sqlalchemy_url)
    source = make.Source(settings.data, store, __version__, not without_workspaces, clock.now())
    header, contents = make.make(source, file.absolute())
    click.echo(
        f"{file}: {header['counts']['tasks']} tasks, {header['counts']['sessions']} sessions,"
        f" {contents.files} files, {contents.bytes // 1024**2} MiB before packing."
    )
    if contents.deleted_meanwhile:
        click.echo(
            f"{contents.deleted_meanwhile} tasks were deleted meanwhile; their output is missing."
        )
    for what, names in (
        ("Changed while it was read", contents.changed),
        ("Left out", contents.skipped),
    ):
        for name in names:
            click.echo(f"{what}: {name}")


@click.command()
@click.argument("file", type=FILE)
@click.option("--data", type=click.Path(path_type=Path), help="The data directory to restore to.")
@click.option("--replace", is_flag=True, help="What is there is moved aside, not deleted.")
@click.option("--freeze", is_flag=True, help="Nothing waiting begins before somebody thaws.")
def restore(file: Path, data: Path | None, *, replace: bool, freeze: bool) -> None:
    """Restore FILE, verified before anything is changed. No server may run there."""
    from webapp import clock
    from webapp.backup import restore as steps
    from webapp.backup import stores
    from webapp.config import without_secrets

    settings = read_settings()
    data = (data or settings.data).expanduser().absolute()
    store = stores.to_restore(settings.database_url, data)
    where = without_secrets(settings.database_url) or str(data)
    _refuse_living(store, where)
    header = _verify(file)
    _refuse_other(header, store)
    with (
        steps.staging(data, replace=replace) as place,
        store.staged(place, replace=replace) as staged,
    ):
        _refuse_full(file, place)
        steps.unpack(file, place)
        staged.load(header)
        steps.move_paths(staged, store.as_json, header["data"], data)
        _settle(settings.model_copy(update={"data": place, "database_url": staged.url}), freeze)
        _refuse_living(store, where)  # it took a while
        now = clock.now()
        with staged.swap(now) as schema, steps.swapped(place, data, now) as aside:
            pass
    beside = f" and {where}" if settings.database_url else ""
    click.echo(f"Restored to {data}{beside}, as it was at {header['made_at']}.")
    if aside is not None:
        click.echo(f"What was there is in {aside}.")
    if schema is not None:
        click.echo(f"The tables that were there are in the schema {schema}.")


def _verify(file: Path) -> dict[str, Any]:
    from webapp import schema
    from webapp.backup import archive
    from webapp.domain.errors import Conflict

    if not file.is_file():
        raise Conflict("backup_no_file", path=str(file))
    header = archive.read(file)
    if not schema.is_known(header["revision"]):
        raise Conflict(
            "backup_newer", lineup=header["lineup"], at=header["revision"],
            wanted=schema.newest_revision(),
        )  # fmt: skip
    click.echo(
        f"{file} is whole: Lineup {header['lineup']}, {header['made_at']},"
        f" {header['counts']['tasks']} tasks, {header['counts']['sessions']} sessions."
    )
    return header


def _refuse_living(store: Store, where: str) -> None:
    """Nobody may run on what is about to be replaced."""
    from webapp import clock
    from webapp.domain.errors import Conflict
    from webapp.runtime.context import identify, is_alive

    here = identify()
    for one in store.running(clock.now()):
        alive = is_alive(one.runner, here)
        if alive is None:  # another host: only its heartbeat can tell
            alive = one.silent < SILENT
        if alive:
            raise Conflict("restore_in_use", path=where, host=one.runner.host, pid=one.runner.pid)


def _refuse_other(header: dict[str, Any], store: Store) -> None:
    from webapp.domain.errors import Conflict

    made = header.get("database")
    if made != store.kind:
        raise Conflict("restore_of_postgresql" if made == "postgresql" else "restore_of_sqlite")


def _refuse_full(file: Path, place: Path) -> None:
    import shutil

    from webapp.domain.errors import Conflict

    need = file.stat().st_size
    if shutil.disk_usage(place).free < need:
        raise Conflict("backup_disk_full", path=str(place.parent), reason="too little is free")


def _settle(staged: Settings, freeze: bool) -> None:
    """Migrate what is being restored, and say of what ran that it was interrupted."""
    from webapp import clock, create_app, schema
    from webapp.db import dispose
    from webapp.domain.outcome import Outcome
    from webapp.queries import board, runs
    from webapp.services import claims, runners
    from webapp.services import freeze as freezing

    app = create_app(staged)
    try:
        schema.prepare(app)
        with app.app_context():
            outcome = Outcome("fail", code="interrupted_by_restore", may_retry=False)
            for run in runs.active_runs():
                claims.rescue(run.task_id, run.attempt, outcome, clock.now())
            # some may live, elsewhere: they run on the original, and not on this
            for runner in board.runners(BEGINNING):
                runners.sign_out(runner.runner_id, clock.now())
            if freeze and board.freeze() is None:
                freezing.freeze("restored from a backup", by="cli", now=clock.now())
    finally:
        dispose(app)
