"""What a page says of a task that talks to a model: whom it asks, what that took, why it waits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import Flask
from flask_babel import gettext, ngettext
from sqlalchemy import Row

from webapp.domain.policies import TALKERS
from webapp.domain.spending import KINDS, of_run
from webapp.doors import models
from webapp.ports import ports
from webapp.queries import conversations, profiles
from webapp.web.steps import dollars

Waits = tuple[str, Mapping[str, Any]]
"""A message and its parameters."""
THINKS = "thinking"
"""The usual mode, which no page needs to mention."""


@dataclass(frozen=True)
class ModelFacts:
    """One line of a task's head; ``figures`` say what is used, and of how much."""

    profile: str | None
    is_there: bool
    model: str | None
    mode: str | None
    figures: Sequence[str]


def init_app(app: Flask) -> None:
    """Teach the templates to say what models cost."""
    app.jinja_env.globals.update(cost_of=cost_of, uses_model=uses_model)


def uses_model(agent: str) -> bool:
    """Whether an agent talks to a model."""
    return ports().agents.uses_model(agent)


def of_task(row: Row[Any], attempt: Row[Any] | None) -> ModelFacts | None:
    """What there is to say of a task and its attempt of now; None if it talks to no model."""
    if not uses_model(row.agent):
        return None
    profile = profiles.llm_named(row.llm_profile_name)
    run = _counted(attempt)
    total = conversations.usage(row.task_id) if row.attempt > 1 else attempt and attempt._mapping
    asked = total["model"] if total else None
    return ModelFacts(
        profile=row.llm_profile_name,
        is_there=profile is not None,
        model=asked or (profile.model if profile is not None else None),
        mode=row.agent_mode if row.agent_mode != THINKS else None,
        figures=_figures(run, _counted(total), _limits(row.agent_settings, profile)),
    )


def of_flow(flow: Row[Any]) -> Sequence[str]:
    """What runs of a flow used today of its budget; empty if it has none."""
    if not flow.budget:
        return ()
    used = conversations.spent(models.allowance().day, [flow.flow_id]).get(flow.flow_id, {})
    return _figures(used, {}, {kind: flow.budget.get(kind) for kind in KINDS})


def waits(row: Any) -> Waits | None:
    """Why a task of a model would not begin although its lane is free."""
    return conversations.waits_for(row, models.allowance()) if row.agent in TALKERS else None


def all_wait(rows: Sequence[Any]) -> dict[str, str]:
    """Of many that wait, in a word each: what for, beside their lane; by task id."""
    if not any(row.agent in TALKERS for row in rows):
        return {}
    found = conversations.all_wait(rows, models.allowance())
    return {task_id: code for task_id, (code, _) in found.items()}


def cost_of(used: Mapping[str, Any]) -> str | None:
    """What was paid, where anybody knows; at least that, where the price of some is unknown."""
    cost, unpriced = used.get("cost") or 0.0, used.get("unpriced") or 0
    if unpriced and not cost:
        return None
    return gettext("%(cost)s and more", cost=dollars(cost)) if unpriced else dollars(cost)


def _counted(used: Any) -> Mapping[str, Any]:
    """Requests, tokens and cost of an attempt, or of all."""
    if used is None:
        return {}
    given = used if isinstance(used, Mapping) else used._mapping
    if not given.get("model"):
        return {}
    tokens = (given["input_tokens"] or 0) + (given["output_tokens"] or 0)
    return {**given, "requests": given["requests"] or 0, "tokens": tokens}


def _limits(settings: Mapping[str, Any], profile: Any) -> dict[str, Any]:
    return of_run(settings, dict(profile._mapping) if profile is not None else {})


def _figures(
    run: Mapping[str, Any], total: Mapping[str, Any], limits: Mapping[str, Any]
) -> list[str]:
    """What is limited is said of this attempt; all else of the task."""
    found = []
    for kind in ("requests", "tokens"):
        used, limit = (run if limits[kind] is not None else total).get(kind, 0), limits[kind]
        if limit is None and not total:
            continue
        amount = f"{used:,}"
        if limit is not None:
            amount, used = gettext("%(n)s of %(limit)s", n=amount, limit=f"{limit:,}"), limit
        if kind == "requests":
            found.append(ngettext("%(n)s request", "%(n)s requests", used, n=amount))
        else:
            found.append(ngettext("%(n)s token", "%(n)s tokens", used, n=amount))
    if (limit := limits["cost"]) is not None:
        used = dollars(run.get("cost") or 0.0)
        found.append(gettext("%(n)s of %(limit)s", n=used, limit=dollars(limit)))
    elif total and (cost := cost_of(total)) is not None:
        found.append(cost)
    return found
