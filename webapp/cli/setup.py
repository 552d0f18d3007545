"""What every command does first: read the settings, assemble the application."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from webapp.sources import SettingsError

if TYPE_CHECKING:
    from apiflask import APIFlask

    from webapp.config import Settings


def settings() -> Settings:
    """The settings, or a plain message and exit status 2."""
    from webapp import config

    try:
        return config.load()
    except SettingsError as error:
        click.echo(f"Lineup cannot start with these settings:\n{error}", err=True)
        raise SystemExit(2) from None


def usable_keys() -> None:
    """Leave with a plain message and exit status 1 where a file of keys holds none."""
    from webapp import vault

    try:
        vault.refuse_unusable(settings().data)
    except vault.KeysUnusable as refusal:
        click.echo(f"Lineup cannot start: {refusal}", err=True)
        raise SystemExit(1) from None


def application() -> APIFlask:
    """The application on a database that is up to date, with nothing running."""
    from webapp import create_app, logs, schema

    found = settings()
    logs.configure(found.log_level)
    app = create_app(found)
    schema.prepare(app)
    return app
