"""The http agent: does a task by one request, tried again where that is safe."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from webapp.agents.http.filling import asked_for
from webapp.agents.http.messages import MESSAGES
from webapp.agents.http.settings import HttpSettings, check
from webapp.agents.protocol import Console, Limits, Result, Work


class HttpAgent:
    """Keeps no state of a run, so that one serves all of them."""

    name = "http"
    messages: Mapping[str, str] = MESSAGES
    secrets = ("secret_headers", "secret_params")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits

    def validate(self, settings: Mapping[str, Any], *, by_hand: bool) -> dict[str, Any]:
        return check(settings).as_dict()

    def refuses(self, verb: str, settings: Mapping[str, Any]) -> str | None:
        if verb == "pause":
            return None if settings.get("request_retries") else "http_no_pause"
        return "http_no_input" if verb in {"instruct", "end_input"} else None

    def asks_for(self, settings: Mapping[str, Any]) -> Mapping[str, str]:
        return asked_for(settings)

    def run(self, work: Work, console: Console) -> Result:
        from webapp.agents.http.run import HttpRun  # httpx takes a while to import

        return HttpRun(work, console, HttpSettings(**work.settings)).carry_out()
