"""``lineup retention``: what is too old to be kept, in numbers, and its removal."""

from __future__ import annotations

import json
import time

import click

from webapp.cli.setup import application

WORDS = {
    "tasks": "tasks with their output",
    "outputs": "outputs of tasks that stay",
    "output_bytes": "bytes of that output",
    "workspaces": "workspaces of sessions that stay",
    "workspace_bytes": "bytes in those workspaces",
    "sessions": "sessions without a task",
    "audit_lines": "lines of the audit log",
    "notices": "notices",
    "occurrences": "lines of the ledgers of schedules",
}


@click.command()
@click.option("--dry-run", is_flag=True, help="Only say what would go (so without --now).")
@click.option("--now", "at_once", is_flag=True, help="Remove it now, beside a running server.")
@click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")
def retention(*, dry_run: bool, at_once: bool, as_json: bool) -> None:
    """Say what would be removed by the settings LINEUP_KEEP_…, or remove it.

    A running server does so by itself every hour. A pass begins with the oldest.
    """
    if dry_run and at_once:
        raise click.UsageError("--dry-run and --now contradict each other.")
    from uuid import uuid4

    from webapp import ports
    from webapp.domain.errors import Conflict
    from webapp.housekeeping import retention as room
    from webapp.queries import retention as queries

    app = application()
    settings = app.extensions[ports.KEY].settings
    with app.app_context():
        if at_once:
            if not room.run(str(uuid4()), settings, _breathe):
                raise Conflict("retention_busy")
            found = dict(queries.last_pass().removed or {})
        else:
            found = room.plan(settings)
    if as_json:
        click.echo(json.dumps({"removed" if at_once else "would_remove": found}))
        return
    for name, word in WORDS.items():
        if found.get(name):
            click.echo(f"{found[name]:>12,}  {word}")
    if not any(found.values()):
        click.echo("Nothing is too old.")
    elif not at_once:
        click.echo("This would be removed; --now does it.")


def _breathe(seconds: float) -> bool:
    time.sleep(seconds)
    return False
