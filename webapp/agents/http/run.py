"""One run of one request: filled in, tried, tried again where that is safe, and judged."""

from __future__ import annotations

import json
import random
from typing import Any
from urllib.parse import quote, urlencode

from webapp.agents.http import headers, presets, statuses
from webapp.agents.http.exchange import TRY_LATER, Answer, Exchange, Order
from webapp.agents.http.filling import Filling
from webapp.agents.http.messages import MESSAGES
from webapp.agents.http.settings import HttpSettings
from webapp.agents.http.troubles import Again, Trouble
from webapp.agents.protocol import AgentFailed, Console, Result, Work
from webapp.agents.steering import LoopControls

LONGEST_REST_S = 60.0
LONGEST_ASKED_REST_S = 600.0
"""A server that asks to be left alone for longer fails the attempt: the lane is not held up."""
JITTER = 0.25


class HttpRun:
    """Carries out one task. The request has a loop of its own, which a stop cancels."""

    def __init__(self, work: Work, console: Console, settings: HttpSettings) -> None:
        self._work, self._console, self._settings = work, console, settings
        self._controls = LoopControls(console)

    def carry_out(self) -> Result:
        self._console.steer(self._controls)
        exchange = Exchange(self._order(), self._settings, self._console, self._work.workspace_dir)
        return self._controls.carry_out(self._tries(exchange)) or Result()

    async def _tries(self, exchange: Exchange) -> Result:
        tries = self._settings.request_retries + 1
        for number in range(1, tries + 1):
            await self._controls.gate()
            if tries > 1:
                self._console.progress(step=number, steps=tries)
            try:
                return self._judged(await exchange.once())
            except Trouble as trouble:
                rest_s = self._rest_after(trouble, number)
                if rest_s is None:
                    raise _failed(trouble) from None
                self._console.say(
                    "http_retry",
                    number=number,
                    tries=tries,
                    why=MESSAGES[trouble.code] % trouble.params,
                    seconds=f"{rest_s:.1f}",
                )
            await self._controls.rest(rest_s)
        raise AssertionError("the last try returns or raises")

    def _judged(self, answer: Answer) -> Result:
        """The result of an answer that was expected; raises Trouble for any other."""
        kept, result = answer.kept, self._result(answer)
        if statuses.expects(self._settings.expected_status, answer.status):
            return Result(result)
        again = Again.NEVER
        if answer.status in TRY_LATER:
            turned_away = answer.status in {425, 429}
            again = Again.ALWAYS if turned_away else Again.IF_REPEATABLE
        trouble = Trouble(
            "http_status" if kept.excerpt else "http_status_silent",
            again,
            status=answer.said,
            expected=self._settings.expected_status,
            body=kept.excerpt,
        )
        trouble.result = result
        trouble.after_s = answer.retry_after_s
        raise trouble

    def _result(self, answer: Answer) -> str | None:
        if self._settings.preset == presets.LANGFLOW and answer.status < 300:
            text = presets.message(answer.kept.json)
            if text is not None:
                return text
            self._console.say("http_no_message")
        return answer.kept.result

    def _rest_after(self, trouble: Trouble, number: int) -> float | None:
        """Seconds until the next try; None if there is none."""
        if number > self._settings.request_retries or trouble.again is Again.NEVER:
            return None
        if trouble.again is Again.IF_REPEATABLE and not self._settings.repeatable:
            return None
        if trouble.after_s is not None and trouble.after_s > LONGEST_ASKED_REST_S:
            seconds = f"{trouble.after_s:.0f}"
            trouble.code, trouble.params = (
                "http_come_back",
                {"status": trouble.params["status"], "seconds": seconds},
            )
            return None
        grown: float = self._settings.request_retry_delay_s * 2 ** (number - 1)
        own = min(LONGEST_REST_S, grown) * (1 - JITTER * random.random())
        return max(own, trouble.after_s or 0.0)

    def _order(self) -> Order:
        """The request with its parameters; raises AgentFailed."""
        settings, params = self._settings, dict(self._work.params)
        filling = Filling({**params, **settings.secret_params})
        url = filling.url(presets.address(settings.preset, settings.url, settings.langflow_flow))
        if pairs := filling.query(settings.query):
            query = urlencode(pairs, quote_via=quote)
            url += ("&" if "?" in url else "?") + query
        plain = {name: filling.header(value) for name, value in settings.headers.items()}
        content, media_type = self._body(filling, params)
        named = headers.media_type({**plain, **settings.secret_headers})
        if content is not None and media_type and not named:
            plain["Content-Type"] = media_type
        if settings.retry_unsafe and settings.method in {"POST", "PATCH"}:
            plain = {"Idempotency-Key": self._work.task_id, **plain}
        secrets = tuple(settings.secret_params.values())
        return Order(settings.method, url, plain, settings.secret_headers, content, secrets)

    def _body(self, filling: Filling, params: dict[str, Any]) -> tuple[bytes | None, str]:
        settings, body = self._settings, self._settings.body
        if settings.preset == presets.LANGFLOW:
            body = filling.json(presets.question(settings, self._work))
        elif settings.preset == presets.WEBHOOK and body is None:
            body = presets.event(self._work, params)
        elif isinstance(body, str):
            text = filling.text(body, headers.media_type(settings.headers))
            return text.encode(errors="replace"), "text/plain; charset=utf-8"
        elif body is not None:
            body = filling.json(body)
        if body is None:
            return None, ""
        return json.dumps(body, ensure_ascii=False).encode(errors="replace"), "application/json"


def _failed(trouble: Trouble) -> AgentFailed:
    return AgentFailed(trouble.code, text=trouble.result, **trouble.params)
