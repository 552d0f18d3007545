"""``lineup backup|restore``: everything into one file while the server runs, and back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from webapp.cli.setup import settings as read_settings

if TYPE_CHECKING:
    from webapp.config import Settings

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
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
    from webapp.backup import make
    from webapp.doctor.machine import database_file
    from webapp.domain.errors import Conflict

    settings = read_settings()
    database = database_file(settings)
    if database is None:
        raise Conflict("backup_of_postgresql")
    if not database.is_file():
        raise Conflict("backup_no_database", path=str(database))
    source = make.Source(settings.data, database, __version__, not without_workspaces, clock.now())
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
    from webapp.domain.errors import Conflict

    settings = read_settings()
    if settings.database_url:
        raise Conflict("restore_elsewhere")
    data = (data or settings.data).expanduser().absolute()
    _refuse_living(data)
    header = _verify(file)
    now = clock.now()
    with steps.staging(data, replace=replace) as place:
        _refuse_full(file, place)
        steps.unpack(file, place)
        steps.examine(place / "lineup.db")
        steps.move_paths(place / "lineup.db", header["data"], data)
        _settle(place, settings, freeze=freeze)
        aside = steps.swap(place, data, now)
    click.echo(f"Restored to {data}, as it was at {header['made_at']}.")
    if aside is not None:
        click.echo(f"What was there is in {aside}.")


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


def _refuse_living(data: Path) -> None:
    """Nobody may run on what is about to be replaced."""
    from webapp import clock
    from webapp.backup.restore import living_runners
    from webapp.domain.errors import Conflict
    from webapp.domain.runner import Identity
    from webapp.runtime.context import identify, is_alive

    here = identify()
    for row in living_runners(data / "lineup.db"):
        runner = Identity(
            row["runner_id"], row["host"], row["boot_id"], row["pid"], row["pid_started"]
        )
        alive = is_alive(runner, here)
        if alive is None:  # another host: only its heartbeat can tell
            beat = datetime.fromisoformat(row["heartbeat_at"]).replace(tzinfo=UTC)
            alive = clock.now() - beat < timedelta(seconds=60)
        if alive:
            raise Conflict("restore_in_use", path=str(data), host=row["host"], pid=row["pid"])


def _refuse_full(file: Path, place: Path) -> None:
    import shutil

    from webapp.domain.errors import Conflict

    need = file.stat().st_size
    if shutil.disk_usage(place).free < need:
        raise Conflict("backup_disk_full", path=str(place.parent), reason="too little is free")


def _settle(place: Path, settings: Settings, *, freeze: bool) -> None:
    """Migrate what was unpacked, and say of what ran that it was interrupted."""
    from webapp import clock, create_app, schema
    from webapp.db import dispose
    from webapp.domain.outcome import Outcome
    from webapp.queries import board, runs
    from webapp.services import claims, runners, wal
    from webapp.services import freeze as freezing

    app = create_app(settings.model_copy(update={"data": place}))
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
            wal.cut()
    finally:
        dispose(app)
