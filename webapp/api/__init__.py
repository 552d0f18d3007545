"""The JSON doors, a file per group of the contract, described by OpenAPI from the code."""

from __future__ import annotations

from apiflask import APIFlask

from webapp.api import activity, bodies, controls, freeze, health, output, tasks


def init_app(app: APIFlask) -> None:
    """Open the doors for scripts."""
    bodies.init_app(app)
    for blueprint in (health.bp, freeze.bp, tasks.bp, controls.bp, output.bp, activity.bp):
        app.register_blueprint(blueprint)
