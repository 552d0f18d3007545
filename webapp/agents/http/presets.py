"""Requests of a known kind: a run of a Langflow flow, and a plain web hook."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit

from webapp.agents.protocol import InvalidSetting, Work

REQUEST, LANGFLOW, WEBHOOK = PRESETS = ("request", "langflow", "webhook")
ONLY_LANGFLOW = ("langflow_flow", "input_value", "input_type", "output_type", "tweaks")
CHAT = "chat"

_FLOW = re.compile(r"[A-Za-z0-9_.-]{1,200}", re.ASCII)


def flow_name(value: Any) -> str:
    """The id or the endpoint name of a Langflow flow; raises ValueError with the reason."""
    if not isinstance(value, str) or not _FLOW.fullmatch(value) or not value.strip("."):
        raise ValueError("must be the id or the endpoint name of a flow in Langflow")
    return value


def check(values: Mapping[str, Any]) -> None:
    """Refuse what does not go with the preset; raises InvalidSetting."""
    if values["preset"] != LANGFLOW:
        for name in ONLY_LANGFLOW:
            if name in values:
                raise InvalidSetting(name, "goes with the preset langflow only")
        return
    if "langflow_flow" not in values:
        raise InvalidSetting("langflow_flow", "say which flow of Langflow is to be run")
    if values["method"] != "POST":
        raise InvalidSetting("method", "is POST with the preset langflow")
    for name in ("body", "query"):
        if values.get(name):
            raise InvalidSetting(name, "is made by the preset langflow; tweaks change the flow")
    if urlsplit(values["url"]).query:
        raise InvalidSetting("url", "is that of the Langflow server, without a query")


def address(preset: str, url: str, flow: str | None) -> str:
    """The address that is called."""
    if preset != LANGFLOW:
        return url
    return f"{url.rstrip('/')}/api/v1/run/{quote(flow or '', safe='')}?stream=false"


def question(settings: Any, work: Work) -> dict[str, Any]:
    """What a Langflow flow is asked, before it is filled in."""
    return {
        "input_value": settings.input_value or work.task_description,
        "input_type": settings.input_type or CHAT,
        "output_type": settings.output_type or CHAT,
        "tweaks": settings.tweaks or {},
        "session_id": work.session_id,
    }


def event(work: Work, params: Mapping[str, Any]) -> dict[str, Any]:
    """What a web hook is told that has no body of its own."""
    return {
        "event": "task",
        "task_id": work.task_id,
        "session_id": work.session_id,
        "attempt": work.attempt,
        "description": work.task_description,
        "params": dict(params),
    }


def message(answer: Any) -> str | None:
    """The text that a Langflow flow answered; None if there is none where it is looked for."""
    texts = [text for output in _outputs(answer) if (text := _text_of(output))]
    return "\n\n".join(texts) or None


def _outputs(answer: Any) -> list[Mapping[str, Any]]:
    outer = answer.get("outputs") if isinstance(answer, Mapping) else None
    found = []
    for run in outer if isinstance(outer, list) else []:
        inner = run.get("outputs") if isinstance(run, Mapping) else None
        found += (
            [one for one in inner if isinstance(one, Mapping)] if isinstance(inner, list) else []
        )
    return found


def _text_of(output: Mapping[str, Any]) -> str | None:
    for path in (
        ("results", "message", "text"),
        ("results", "message", "data", "text"),
        ("results", "text", "data", "text"),
        ("outputs", "message", "message"),
        ("outputs", "message", "message", "text"),
        ("artifacts", "message"),
        ("messages", 0, "message"),
    ):
        found: Any = output
        for step in path:
            if isinstance(step, int):
                found = found[step] if isinstance(found, list) and found else None
            else:
                found = found.get(step) if isinstance(found, Mapping) else None
        if isinstance(found, str) and found.strip():
            return found
    return None
