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
from webapp.domain.policies import MAIN_LANE
from webapp.ports import ports
from webapp.queries import runs, tasks

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
    lanes: dict[str, bool]
    last_tick_age_s: float | None
    oldest_waiting_s: float | None


class Prefix(Body):
    """Accepted for old clients, and ignored."""

    prefix: str = Field("", max_length=200)


class NewSession(Answer):
    """A session id nobody has used."""

    session_id: str
    timestamp: str


class SystemStatus(Answer):
    """What the whole system does, at constant cost."""

    system_status: Literal["idle", "running", "paused"]
    active_task: dict[str, Any] | None
    counts: dict[str, int]
    timestamp: str


@bp.get("/health")
@bp.doc(responses=answers(Health))
def health() -> ResponseReturnValue:
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
    now, state = clock.now(), ports().health.snapshot()
    oldest = runs.oldest_waiting()
    lanes = state.get("lanes", {})
    tick = state.get("last_tick")
    works = bool(lanes) and all(lanes.values())
    body = {
        "status": "ready" if works else "not ready",
        "timestamp": now.isoformat(),
        "database": "answers",
        "runner": state.get("runner_id"),
        "lanes": lanes,
        "last_tick_age_s": (now - tick).total_seconds() if tick else None,
        "oldest_waiting_s": (now - oldest).total_seconds() if oldest else None,
    }
    return jsonify(body), 200 if works else 503


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
    row = tasks.active(MAIN_LANE)
    return {
        "system_status": row.status if row is not None else "idle",
        "active_task": active_task(row),
        "counts": tasks.counts(),
        "timestamp": clock.now().isoformat(),
    }
