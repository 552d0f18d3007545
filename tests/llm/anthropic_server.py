"""A local server that speaks Anthropic's Messages.

``python -m tests.llm.anthropic_server PORT SCRIPT.json`` is the same as a process.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.agents.serving import Asked
from tests.llm.model_server import ModelServer, serve
from tests.llm.replies import Failed, Turn

TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")
KINDS = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
    529: "overloaded_error",
}
SIGNATURE = "c2lnbmVk"


class AnthropicServer(ModelServer):
    """``POST /v1/messages``, plain and as events, and ``GET /v1/models``."""

    endpoint = "/v1/messages"

    def tools(self, index: int = -1) -> list[str]:
        return [tool["name"] for tool in self.body(index).get("tools", [])]

    def shown_key(self, asked: Asked) -> str:
        bearer = asked.headers.get("authorization", "").removeprefix("Bearer ")
        return asked.headers.get("x-api-key", bearer)

    def wrong_key(self, shown: str) -> Failed:
        return Failed(401, "invalid x-api-key")

    def complaint(self, body: dict[str, Any]) -> str | None:
        for name in ("model", "max_tokens", "messages"):
            if not body.get(name):
                return f"{name}: Field required"
        if (budget := (body.get("thinking") or {}).get("budget_tokens")) is not None:
            if budget < 1024:
                return "thinking.budget_tokens: Input should be greater than or equal to 1024"
            if budget >= body["max_tokens"]:
                return "`max_tokens` must be greater than `thinking.budget_tokens`."
        names = [tool["name"] for tool in body.get("tools", [])]
        for number, name in enumerate(names):
            if not TOOL_NAME.fullmatch(name):
                pattern = "String should match pattern '^[a-zA-Z0-9_-]{1,128}$'"
                return f"tools.{number}.custom.name: {pattern}"
        if len(names) != len(set(names)):
            return "tools: Tool names must be unique."
        return _unanswered(body["messages"])

    def plain(self, turn: Turn, asked: dict[str, Any], number: int) -> dict[str, Any]:
        return {
            **_message(asked, number),
            "content": [block for _, block, _ in _blocks(turn, number)],
            "stop_reason": _ended(turn),
            "usage": {"input_tokens": turn.prompt_tokens, "output_tokens": turn.completion_tokens},
        }

    def events(self, turn: Turn, asked: dict[str, Any], number: int) -> list[bytes]:
        told: list[dict[str, Any]] = []
        begun = {"input_tokens": turn.prompt_tokens, "output_tokens": 1}
        message = {**_message(asked, number), "usage": begun}
        told += [{"type": "message_start", "message": message}, {"type": "ping"}]
        for index, (empty, _, deltas) in enumerate(_blocks(turn, number)):
            same = {"index": index}
            told.append({"type": "content_block_start", **same, "content_block": empty})
            told += [{"type": "content_block_delta", **same, "delta": delta} for delta in deltas]
            told.append({"type": "content_block_stop", **same})
        ended = {"stop_reason": _ended(turn), "stop_sequence": None}
        usage = {"output_tokens": turn.completion_tokens}
        told.append({"type": "message_delta", "delta": ended, "usage": usage})
        told.append({"type": "message_stop"})
        return [f"event: {one['type']}\ndata: {json.dumps(one)}\n\n".encode() for one in told]

    def error(self, failed: Failed) -> dict[str, Any]:
        kind = failed.code or KINDS.get(failed.status, "api_error")
        told = {"type": kind, "message": failed.message}
        return {"type": "error", "error": told, "request_id": "req_1"}

    def listing(self, models: tuple[str, ...]) -> dict[str, Any]:
        same = {"type": "model", "created_at": "2026-01-01T00:00:00Z"}
        return {
            "data": [{"id": name, "display_name": name.title(), **same} for name in models],
            "first_id": models[0] if models else None,
            "last_id": models[-1] if models else None,
            "has_more": False,
        }


def _message(asked: dict[str, Any], number: int) -> dict[str, Any]:
    return {
        "id": f"msg_{number}",
        "type": "message",
        "role": "assistant",
        "model": asked["model"],
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
    }


def _ended(turn: Turn) -> str:
    return turn.ended or ("tool_use" if turn.calls else "end_turn")


Block = tuple[dict[str, Any], dict[str, Any], list[dict[str, Any]]]
"""A block of content: as it begins in a stream, as a whole, and what is added to the beginning."""


def _blocks(turn: Turn, number: int) -> Iterator[Block]:
    if turn.reasoning is not None:
        thinking = {"type": "thinking", "thinking": "", "signature": ""}
        words = re.findall(r"\S+\s*|\s+", turn.reasoning)
        deltas: list[dict[str, Any]] = [{"type": "thinking_delta", "thinking": w} for w in words]
        deltas.append({"type": "signature_delta", "signature": SIGNATURE})
        yield thinking, {**thinking, "thinking": turn.reasoning, "signature": SIGNATURE}, deltas
    if turn.text or not turn.calls:
        words = re.findall(r"\S+\s*|\s+", turn.text)
        deltas = [{"type": "text_delta", "text": word} for word in words]
        yield {"type": "text", "text": ""}, {"type": "text", "text": turn.text}, deltas
    for place, call in enumerate(turn.calls):
        name = call.id or f"toolu_{number}_{place}"
        empty = {"type": "tool_use", "id": name, "name": call.tool, "input": {}}
        text = call.args if isinstance(call.args, str) else json.dumps(call.args)
        pieces = (text[: len(text) // 2], text[len(text) // 2 :])
        deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in pieces]
        yield empty, {**empty, "input": call.args}, deltas


def _unanswered(messages: list[dict[str, Any]]) -> str | None:
    """Every call wants its result in the very next message, and every result its call."""
    called: set[str] = set()
    for number, message in enumerate(messages):
        content = message["content"]
        blocks = content if isinstance(content, list) else [{"type": "text", "text": content}]
        if any(block["type"] == "text" and not block["text"] for block in blocks):
            return f"messages.{number}: text content blocks must be non-empty"
        given = {block["tool_use_id"] for block in blocks if block["type"] == "tool_result"}
        if missing := called - given:
            return (
                f"messages.{number - 1}: `tool_use` ids were found without `tool_result` blocks "
                f"immediately after: {', '.join(sorted(missing))}."
            )
        if surplus := given - called:
            return (
                f"messages.{number}.content: unexpected `tool_use_id` found in `tool_result` "
                f"blocks: {', '.join(sorted(surplus))}."
            )
        called = {block["id"] for block in blocks if block["type"] == "tool_use"}
    if called:
        return f"messages: `tool_use` ids without `tool_result` at the end: {sorted(called)}."
    return None


@pytest.fixture
def anthropic_server() -> Iterator[AnthropicServer]:
    """A server of the test's own, that answers "ok" until it is told otherwise."""
    with AnthropicServer() as made:
        yield made


if __name__ == "__main__":
    serve(AnthropicServer)
