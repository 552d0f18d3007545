"""The JSON doors, a file per group of the contract, described by OpenAPI from the code."""

from __future__ import annotations

from apiflask import APIFlask
from werkzeug.routing import UnicodeConverter, ValidationError

from webapp.api import (
    activity,
    bodies,
    bulk,
    controls,
    export,
    files,
    freeze,
    health,
    output,
    tasks,
)

VERBS = (
    *("submit", "status", "detailed-status", "pause", "resume", "stop", "add-new-task"),
    *("bulk", "export"),
)
"""What stands in an address where the id of a task may stand, too."""


class TaskId(UnicodeConverter):
    """A task's id, which no verb is: GET of a call that is for POST is 405, not an unknown task."""

    def to_python(self, value: str) -> str:
        """Refuse a verb; what then matches is the call of that name, with its own methods."""
        if value in VERBS:
            raise ValidationError
        return value


def init_app(app: APIFlask) -> None:
    """Open the doors for scripts."""
    app.url_map.converters["task"] = TaskId
    bodies.init_app(app)
    for blueprint in (
        health.bp,
        freeze.bp,
        tasks.bp,
        bulk.bp,
        export.bp,
        controls.bp,
        output.bp,
        activity.bp,
        files.bp,
    ):
        app.register_blueprint(blueprint)
