"""GET /health, /health/ready, /generate-session-id and /api/status."""

from __future__ import annotations

from typing import Any, Literal

from apiflask import APIBlueprint
from flask import jsonify
from flask.typing import ResponseReturnValue
from pydantic import Field
from uuid_utils import uuid7

from webapp import __version__, clock
from webapp.api.bodies import Answer, Body, answers
from webapp.api.views import active_task
from webapp.doors import health
from webapp.queries import tasks

bp = APIBlueprint("api_health", __name__, tag="Health and status")


class Health(Answer):
    """The process answers."""

    status: Literal["healthy"]
    timestamp: str
    service: str
    version: str


class Readiness(Answer):
    """Whether tasks will be run, and how old the oldest waiting one is."""

    status: Literal["ready", "not ready"]
    timestamp: str
    database: str
    runner: str | None
    runners_alive: int
    lanes: dict[str, bool]
    last_tick_age_s: float | None
    oldest_waiting_s: float | None
    problems: list[str]


class Prefix(Body):
    """Accepted for old clients, and ignored."""

    prefix: list[str] = Field([])


class NewSession(Answer):
    """A session id nobody has used."""

    session_id: str
    timestamp: str


class SystemStatus(Answer):
    """What the whole system does, at constant cost."""

    system_status: Literal["idle", "running", "paused"]
    active_task: dict[str, Any] | None = Field(
        description="The task of lane main, or else the oldest that runs or is paused in another."
    )
    counts: dict[str, int]
    timestamp: str


@bp.get("/health")
@bp.doc(responses=answers(Health))
def alive() -> ResponseReturnValue:
    """Say that the process answers."""
    return {
        "status": "healthy",
        "timestamp": clock.now().isoformat(),
        "service": "lineup",
        "version": __version__,
    }


@bp.get("/health/ready")
@bp.doc(responses={**answers(Readiness), 503: answers(Readiness)[200]})
def ready() -> ResponseReturnValue:
    """Say whether tasks will be run: 503 if not."""
    found = health.look(clock.now())
    body = {
        "status": "ready" if found.runs_tasks else "not ready",
        "timestamp": found.at.isoformat(),
        "database": "answers",
        "runner": found.own.runner_id,
        "runners_alive": len(found.runners),
        "lanes": dict(found.own.lanes),
        "last_tick_age_s": found.tick_age_s,
        "oldest_waiting_s": found.oldest_waiting_s,
        "problems": [str(problem) for problem in found.problems],
    }
    return jsonify(body), 200 if found.runs_tasks else 503


@bp.get("/generate-session-id")
@bp.input(Prefix, location="query", arg_name="_prefix")
@bp.doc(responses=answers(NewSession, refusals=(400,)))
def generate_session_id(_prefix: Prefix) -> ResponseReturnValue:
    """Make up a session id."""
    return {"session_id": str(uuid7()), "timestamp": clock.now().isoformat()}


@bp.get("/api/status")
@bp.doc(responses=answers(SystemStatus))
def status() -> ResponseReturnValue:
    """Say what the system does and how many tasks are in each state."""
    row = tasks.first_active()
    return {
        "system_status": row.status if row is not None else "idle",
        "active_task": active_task(row),
        "counts": tasks.counts(),
        "timestamp": clock.now().isoformat(),
    }
