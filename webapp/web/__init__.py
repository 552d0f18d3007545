"""The pages: blueprints for people, the guard before all doors, and how refusals look."""

from __future__ import annotations

from flask import Flask

from webapp.config import Settings
from webapp.web import refusals


def init_app(app: Flask, settings: Settings) -> None:
    """Put the guard before every door and open those for people."""
    from webapp.web import account, filters, guard, health, help, now, tasks

    guard.init_app(app, settings)
    refusals.init_app(app)
    filters.init_app(app)
    for blueprint in (now.bp, tasks.bp, account.bp, health.bp, help.bp):
        app.register_blueprint(blueprint)
