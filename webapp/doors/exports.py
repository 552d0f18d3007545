"""Flows with their schedules as a file, which the import of this or another server takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from webapp.domain import secrets
from webapp.domain.policies import OF_MODELS
from webapp.doors import flow_files
from webapp.queries import exports as queries
from webapp.queries.tasks import plain
from webapp.services.flows import COPIED
from webapp.services.schedules import Terms

ABOUT = """\
Flows and schedules of Lineup, written {now}.
`lineup import FILE` takes them in, switched off. Secrets are not in here, only their names."""
OF_FLOW = ("name", *(name for name in COPIED if name not in OF_MODELS))
PLAIN = {"priority": 0, "max_retries": 0, "rerun_interrupted": False, "parameters": []}
"""Values that are left out: they are what a flow has that says nothing."""
DEFAULTS = {one.name: one.default for one in fields(Terms) if one.default is not MISSING}
ALWAYS = ("cron_expression", "timezone", "is_enabled")


def written(flow_ids: Sequence[str], now: datetime) -> Iterator[str]:
    """The file, piece by piece: every flow, oldest first, or those that are named."""
    return flow_files.write(_every(flow_ids), ABOUT.format(now=now.isoformat(timespec="seconds")))


def _every(flow_ids: Sequence[str]) -> Iterator[tuple[dict[str, Any], list[str]]]:
    for row, schedule in queries.every(flow_ids):
        yield _flow(row, schedule), list(_secrets(row.agent_settings))


def _flow(row: Row[Any], schedule: Row[Any] | None) -> dict[str, Any]:
    """A flow as the import reads it; what is plain is left out."""
    values = {name: row._mapping[name] for name in OF_FLOW}
    values["agent_settings"] = _plain_settings(secrets.masked(row.agent_settings))
    shown = {
        name: value
        for name, value in values.items()
        if value is not None and value != {} and (name not in PLAIN or value != PLAIN[name])
    }
    if schedule is not None:
        shown["schedule"] = {
            field.name: plain(schedule._mapping[field.name])
            for field in fields(Terms)
            if field.name in ALWAYS or schedule._mapping[field.name] != DEFAULTS.get(field.name)
        }
    return shown


def _plain_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if value not in (None, {}, [])}


def _secrets(value: Any, path: str = "") -> Iterator[str]:
    """The names of what is not exported."""
    if not path:
        value = secrets.masked(value)
    if secrets.is_mask(value):
        yield path
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _secrets(inner, f"{path}.{name}" if path else str(name))
