"""Claiming and concluding without a worker."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from apiflask import APIFlask

from tests.services.lanes import Do
from webapp import clock
from webapp.domain.outcome import Outcome
from webapp.queries import activity, lanes
from webapp.runtime.context import Context
from webapp.services import claims
from webapp.services.claims import Assignment
from webapp.services.news import News

FAILED = Outcome("fail", code="crashed", params={"error": "on purpose"})


@pytest.fixture
def claim(context: Context) -> Callable[..., Assignment | None]:
    """Take a lane's next task."""

    def take(lane: str = "main", runner: str = "tests", now: Any = None) -> Assignment | None:
        return context.call(claims.claim_next, lane, runner, now or clock.now())

    return take


@pytest.fixture
def conclude(context: Context) -> Callable[..., Assignment | None]:
    """End a claimed task, and take the next."""

    def end(
        assignment: Assignment, outcome: Outcome, now: Any = None, news: News | None = None
    ) -> Assignment | None:
        at = now or clock.now()
        return context.call(
            claims.conclude, assignment, outcome, news or News(), at, next_for="tests"
        )

    return end


@pytest.fixture
def do(context: Context) -> Do:
    """Call a verb of lanes."""

    def call(verb: Callable[..., Any], *given: Any) -> Any:
        return context.call(verb, *given, by="ann", now=clock.now())

    return call


@pytest.fixture
def look(context: Context) -> Callable[[str], Any]:
    """A lane as it is now."""
    return lambda name: context.call(lanes.find, name)


def log_of(app: APIFlask, session_id: str) -> list[tuple[str, str]]:
    """Who said what in a session, the last thousand."""
    with app.app_context():
        return [(r.agent_name, r.agent_status) for r in activity.newest(session_id, 1000)]
