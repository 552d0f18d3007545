"""What every command does first: read the settings, assemble the application."""

from __future__ import annotations

import click
from apiflask import APIFlask

from webapp import config, create_app, logs, schema
from webapp.config import Settings, SettingsError


def settings() -> Settings:
    """The settings, or a plain message and exit status 2."""
    try:
        return config.load()
    except SettingsError as error:
        click.echo(f"Lineup cannot start with these settings:\n{error}", err=True)
        raise SystemExit(2) from None


def application() -> APIFlask:
    """The application on a database that is up to date, with nothing running."""
    found = settings()
    logs.configure(found.log_level)
    app = create_app(found)
    schema.prepare(app)
    return app
