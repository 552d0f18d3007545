"""``lineup doctor``: what disagrees, in sentences, and its repair. Safe beside a running server."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click

from webapp.cli.setup import settings as read_settings

if TYPE_CHECKING:
    from webapp.config import Settings
    from webapp.doctor import Finding, Look


@click.command()
@click.option("--repair", is_flag=True, help="Mend what can be mended.")
@click.option("--thorough", is_flag=True, help="Check every page of the database file, too.")
@click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")
def doctor(*, repair: bool, thorough: bool, as_json: bool) -> None:
    """Say what disagrees: tasks nobody runs, times and counts that contradict, files, keys, disk.

    Nothing is changed without --repair. Ends with status 1 if anything is left that disagrees.
    """
    from webapp.doctor import machine

    settings = read_settings()
    file = machine.database_file(settings)
    if file is not None and not file.is_file():
        raise click.ClickException(f"There is no database at {file}; nothing to examine.")
    found = []
    for finding in _examine(settings, repair=repair, thorough=thorough):
        found.append(finding)
        if not as_json:
            _tell(finding, repair=repair)
    if as_json:
        click.echo(json.dumps({"healthy": not _left(found), "findings": [*map(_plain, found)]}))
    elif not found:
        click.echo("Nothing disagrees.")
    raise SystemExit(1 if _left(found) else 0)


def _examine(settings: Settings, *, repair: bool, thorough: bool) -> Iterator[Finding]:
    from webapp import clock, db, doctor, ports
    from webapp.doctor import machine, secrets
    from webapp.runtime import context as runtime

    # looked at first: to assemble the application closes and makes some of these files
    early = doctor.Look(_nothing(), settings, clock.now(), _no_run, _no_run)
    yield from doctor.examine(early, (*machine.BEFORE, *secrets.BEFORE), repair=repair)
    app = _application(settings)
    made = app.extensions[ports.KEY]
    context = runtime.Context(app, settings, made.agents, made.output, runtime.identify())
    look = _look(context, thorough=thorough)
    try:
        schema = list(_schema(look, repair=repair))
        yield from schema
        if not _left(schema):  # rows of another schema cannot be read
            yield from doctor.examine(look, _checks(), repair=repair)
    finally:
        db.dispose(app)


def _checks() -> Sequence[Any]:
    from webapp.doctor import files, machine, rows, schedules, search, secrets

    of_rows = (*rows.CHECKS, *schedules.CHECKS, *secrets.CHECKS, *search.CHECKS)
    return (*machine.CHECKS, *of_rows, *files.CHECKS)


def _look(context: Any, *, thorough: bool) -> Look:
    from webapp.doctor import Look
    from webapp.runtime import rescue

    return Look(
        context.app,
        context.settings,
        context.now(),
        lambda run: rescue.lives(context, run),
        lambda run: rescue.rescue(context, run),
        thorough,
    )


def _schema(look: Look, *, repair: bool) -> Iterator[Finding]:
    """The database's revision is looked at before any row; an older one can be migrated."""
    from webapp import schema
    from webapp.doctor import Finding

    at, wanted = look.call(schema.current_revision), schema.newest_revision()
    if at == wanted:
        return
    params = {"at": at, "wanted": wanted}
    known = at is None or schema.is_known(at)
    code, mend = (
        ("found_schema", "mend_schema") if known else ("found_newer_schema", "mend_nothing")
    )
    finding = Finding(code, mend, repairable=known, count=1, params=params)
    if repair and known:
        schema.prepare(look.app)
        finding.repaired = 1
    yield finding


def _application(settings: Settings) -> Any:
    from webapp import create_app, logs

    logs.configure(settings.log_level)
    # what a power cut takes back of a repair is found again, and each of thousands is one commit
    return create_app(settings.model_copy(update={"durability": "normal"}))


def _nothing() -> Any:
    from flask import Flask

    return Flask("doctor")


def _no_run(_run: Any) -> bool:
    return False


def _tell(finding: Finding, *, repair: bool) -> None:
    click.echo(finding.says)
    if not finding.repairable:
        click.echo(f"  {finding.remedy}")
    elif not repair:
        click.echo(f"  --repair: {finding.remedy}")
    elif finding.left:
        click.echo(f"  Repaired: {finding.repaired} of {finding.count}. {finding.remedy}")
    else:
        click.echo(f"  Repaired. {finding.remedy}")


def _plain(finding: Finding) -> dict[str, Any]:
    return {
        "code": finding.found.removeprefix("found_"),
        "message": finding.says,
        "remedy": finding.remedy,
        "repairable": finding.repairable,
        "count": finding.count,
        "repaired": finding.repaired,
        "examples": finding.examples,
    }


def _left(findings: Sequence[Finding]) -> bool:
    return any(finding.left for finding in findings)
