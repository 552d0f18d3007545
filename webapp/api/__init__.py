"""The JSON doors, a file per group of the contract, described by OpenAPI from the code."""

from __future__ import annotations

from functools import cached_property

from apiflask import APIFlask
from werkzeug.routing import UnicodeConverter, ValidationError

from webapp.api import (
    activity,
    bodies,
    bulk,
    composio,
    config,
    controls,
    description,
    export,
    files,
    flows,
    freeze,
    health,
    hooks,
    imports,
    lanes,
    llm_profiles,
    mcp_profiles,
    metrics,
    notices,
    output,
    previews,
    schedules,
    tasks,
)

TASKS = "/api/tasks/"


class TaskId(UnicodeConverter):
    """A task's id, which no verb is: GET of a call that is for POST is 405, not an unknown task."""

    def to_python(self, value: str) -> str:
        """Refuse a verb; what then matches is the call of that name, with its own methods."""
        if value in self._verbs:
            raise ValidationError
        return value

    @cached_property
    def _verbs(self) -> frozenset[str]:
        """What stands in an address where the id of a task may stand, too."""
        calls = (rule.rule for rule in self.map.iter_rules() if "<" not in rule.rule)
        return frozenset(call.removeprefix(TASKS) for call in calls if call.startswith(TASKS))


def init_app(app: APIFlask) -> None:
    """Open the doors for scripts."""
    app.url_map.converters["task"] = TaskId
    app.url_map.strict_slashes = False  # of what follows: clients put a slash behind some addresses
    bodies.init_app(app)
    metrics.init_app(app)
    app.spec_processor(lambda spec: description.describe(spec, app.config["SESSION_COOKIE_NAME"]))
    for blueprint in (
        health.bp,
        metrics.bp,
        freeze.bp,
        lanes.bp,
        tasks.bp,
        flows.bp,
        hooks.bp,
        bulk.bp,
        export.bp,
        controls.bp,
        output.bp,
        notices.bp,
        config.bp,
        llm_profiles.bp,
        mcp_profiles.bp,
        composio.bp,
        activity.bp,
        files.bp,
        previews.bp,
        schedules.bp,
        imports.bp,
    ):
        app.register_blueprint(blueprint)
