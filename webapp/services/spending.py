"""What a conversation with a model has said and used, written down step by step."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from webapp.db import db, transaction, writing
from webapp.domain.spending import KINDS, OVERALL, Allowance, is_near
from webapp.models import Attempt, Flow, SessionMessage, SpentDay
from webapp.services import moves
from webapp.services.notices import aftermath

_attempts = Attempt.__table__
_messages = SessionMessage.__table__
_days = SpentDay.__table__
_flows = Flow.__table__

_REPLACED = delete(_messages).where(
    _messages.c.task_id == bindparam("of_task"),
    _messages.c.attempt == bindparam("of_attempt"),
    _messages.c.number.in_(bindparam("numbers", expanding=True)),
)
_SAY = insert(_messages)
_BUDGET = select(_flows.c.budget).where(_flows.c.flow_id == bindparam("of_flow"))
_WARNED = (
    update(_days)
    .where(_days.c.day == bindparam("of_day"), _days.c.flow_id == bindparam("of_flow"))
    .values(warned=True)
)


@dataclass(frozen=True)
class Used:
    """What requests to a model used; ``cost`` in USD, None where nobody knows the price."""

    model: str
    requests: int
    input_tokens: int
    output_tokens: int
    cost: float | None


@transaction
def keep(
    task_id: str,
    attempt: int,
    messages: Mapping[int, Any],
    now: datetime,
    *,
    used: Used | None,
    allowance: Allowance,
) -> None:
    """Store messages by their number in the run, and count what was used on this day.

    A budget of the day that is nearly used up by it, the server's or a flow's, is told of, once.
    Raises LostAttempt, and stores nothing, where the run is no longer the task's own.
    """
    task = moves.look(task_id, attempt)
    which = {"of_task": task_id, "of_attempt": attempt}
    if messages:
        db.session.execute(_REPLACED, {**which, "numbers": list(messages)})
        of_run = {
            "session_id": task.session_id,
            "task_id": task_id,
            "attempt": attempt,
            "created_at": now,
        }
        db.session.execute(
            _SAY,
            [
                {**of_run, "number": number, "message": message, "size": len(json.dumps(message))}
                for number, message in sorted(messages.items())
            ],
        )
    if used is not None:
        _count_attempt(task_id, attempt, used)
        for flow_id in (OVERALL, *([task.flow_id] if task.flow_id else [])):
            counted = _count_day(allowance.day, flow_id, used)
            if not counted.warned:
                _warn(flow_id, task_id, allowance, dict(counted._mapping), now)


def _count_attempt(task_id: str, attempt: int, used: Used) -> None:
    columns = {
        "requests": used.requests,
        "input_tokens": used.input_tokens,
        "output_tokens": used.output_tokens,
        "cost": used.cost or 0.0,
        "unpriced": used.requests if used.cost is None else 0,
    }
    more = {name: func.coalesce(_attempts.c[name], 0) + value for name, value in columns.items()}
    db.session.execute(
        update(_attempts)
        .where(_attempts.c.task_id == task_id, _attempts.c.number == attempt)
        .values(model=used.model, **more)
    )


def _count_day(day: str, flow_id: str, used: Used) -> Row[Any]:
    """Count it; returns what is used so far, and whether somebody was told that it is much."""
    dialect = postgresql if writing().dialect.name == "postgresql" else sqlite
    amounts = {
        "requests": used.requests,
        "tokens": used.input_tokens + used.output_tokens,
        "cost": used.cost or 0.0,
    }
    first = dialect.insert(_days).values(day=day, flow_id=flow_id, warned=False, **amounts)
    counting = first.on_conflict_do_update(
        index_elements=[_days.c.day, _days.c.flow_id],
        set_={name: _days.c[name] + amount for name, amount in amounts.items()},
    )
    return db.session.execute(
        counting.returning(*(_days.c[kind] for kind in KINDS), _days.c.warned)
    ).one()


def _warn(
    flow_id: str, task_id: str, allowance: Allowance, used: Mapping[str, Any], now: datetime
) -> None:
    """Tell that a budget is nearly used up, if it is; it is told once a day."""
    if flow_id == OVERALL:
        limits: Mapping[str, Any] = {kind: getattr(allowance, kind) for kind in KINDS}
    else:
        limits = db.session.execute(_BUDGET, {"of_flow": flow_id}).scalar_one_or_none() or {}
    if (near := is_near(limits, used)) is None:
        return
    db.session.execute(_WARNED, {"of_day": allowance.day, "of_flow": flow_id})
    aftermath.near_budget(flow_id or None, task_id, near, now)
