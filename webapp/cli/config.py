"""``lineup config``: every setting, its value, and where that is from."""

from __future__ import annotations

from typing import Any

import click

from webapp import sources
from webapp.cli import options, table
from webapp.cli.options import show_json
from webapp.cli.setup import settings
from webapp.sources import PREFIX


@click.command(short_help="List every setting, its value and its source.")
@options.as_json
def config(as_json: bool) -> None:
    """List every setting with its value and its source; refuse those that cannot be.

    Tokens and passwords are masked.
    """
    listed = _listed()
    if as_json:
        show_json({"settings": listed, "file": str(sources.read().file)})
        return
    rows = [(one["name"], _said(one["value"]), one["source"]) for one in listed]
    table.show(("setting", "value", "source"), rows)


def _listed() -> list[dict[str, Any]]:
    from webapp.config import MASK, without_secrets

    found = settings()
    read = sources.read()
    listed = []
    for name, value in found.model_dump(mode="json").items():
        source = "default"
        if name in read.environment:
            source = "environment"
        elif name in read.values:
            source = str(read.file)
        if name == "token":
            value = MASK if found.token.get_secret_value() else ""
        shown = without_secrets(value) if name == "database_url" else value
        listed.append({"name": f"{PREFIX}{name.upper()}", "value": shown, "source": source})
        if name == "data":  # where the file is follows from it, unless that is said
            source = "environment" if "config" in read.environment else "default"
            named = {"name": f"{PREFIX}CONFIG", "value": str(read.file), "source": source}
            listed.append(named)
    return listed


def _said(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)
