"""A local server that speaks OpenAI's Chat Completions.

``python -m tests.llm.openai_server PORT SCRIPT.json`` is the same as a process.
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

BORN = 1_790_000_000
TOOL_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
KINDS = {401: "invalid_request_error", 429: "rate_limit_error", 500: "server_error"}


class OpenAIServer(ModelServer):
    """``POST …/chat/completions``, plain and streamed, and ``GET …/models``."""

    endpoint = "/chat/completions"

    @property
    def url(self) -> str:
        return f"{super().url}/v1"

    def tools(self, index: int = -1) -> list[str]:
        return [tool["function"]["name"] for tool in self.body(index).get("tools", [])]

    def shown_key(self, asked: Asked) -> str:
        bearer = asked.headers.get("authorization", "").removeprefix("Bearer ")
        return asked.headers.get("api-key", bearer)

    def wrong_key(self, shown: str) -> Failed:
        masked = f"{shown[:3]}***{shown[-3:]}"
        return Failed(401, f"Incorrect API key provided: {masked}.", "invalid_api_key")

    def complaint(self, body: dict[str, Any]) -> str | None:
        if not isinstance(body.get("model"), str):
            return "you must provide a model parameter"
        if not body.get("messages"):
            return "Invalid 'messages': empty array. Expected an array with minimum length 1."
        for number, tool in enumerate(body.get("tools", [])):
            if not TOOL_NAME.fullmatch(tool["function"]["name"]):
                pattern = "Expected a string that matches the pattern '^[a-zA-Z0-9_-]{1,64}$'."
                return f"Invalid 'tools[{number}].function.name': wrong name. {pattern}"
        return _unanswered(body["messages"])

    def plain(self, turn: Turn, asked: dict[str, Any], number: int) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": turn.text or None}
        if turn.reasoning is not None:
            message["reasoning_content"] = turn.reasoning
        if turn.calls:
            message["tool_calls"] = _calls(turn, number)
        choice = {"index": 0, "message": message, "finish_reason": _ended(turn), "logprobs": None}
        same = _same(asked, number, "chat.completion")
        return {**same, "choices": [choice], "usage": _usage(turn)}

    def events(self, turn: Turn, asked: dict[str, Any], number: int) -> list[bytes]:
        same = _same(asked, number, "chat.completion.chunk")
        chunks = [_choice(delta) for delta in _deltas(turn, number)]
        told = [{**same, "choices": [one]} for one in [*chunks, _choice({}, _ended(turn))]]
        if (asked.get("stream_options") or {}).get("include_usage"):
            told.append({**same, "choices": [], "usage": _usage(turn)})
        lines = [json.dumps(one) for one in told]
        return [f"data: {line}\n\n".encode() for line in [*lines, "[DONE]"]]

    def error(self, failed: Failed) -> dict[str, Any]:
        kind = KINDS.get(failed.status, "invalid_request_error")
        told = {"message": failed.message, "type": kind, "param": None, "code": failed.code}
        return {"error": told}

    def listing(self, models: tuple[str, ...]) -> dict[str, Any]:
        same = {"object": "model", "created": BORN, "owned_by": "tests"}
        return {"object": "list", "data": [{"id": name, **same} for name in models]}


def _same(asked: dict[str, Any], number: int, kind: str) -> dict[str, Any]:
    return {"id": f"chatcmpl-{number}", "object": kind, "created": BORN, "model": asked["model"]}


def _choice(delta: dict[str, Any], ended: str | None = None) -> dict[str, Any]:
    return {"index": 0, "delta": delta, "finish_reason": ended, "logprobs": None}


def _ended(turn: Turn) -> str:
    return turn.ended or ("tool_calls" if turn.calls else "stop")


def _calls(turn: Turn, number: int) -> list[dict[str, Any]]:
    return [
        {
            "id": call.id or f"call_{number}_{place}",
            "type": "function",
            "function": {
                "name": call.tool,
                "arguments": call.args if isinstance(call.args, str) else json.dumps(call.args),
            },
        }
        for place, call in enumerate(turn.calls)
    ]


def _deltas(turn: Turn, number: int) -> Iterator[dict[str, Any]]:
    """What is told bit by bit: thoughts and words by the word, arguments in two pieces."""
    yield {"role": "assistant", "content": ""}
    for word in re.findall(r"\S+\s*|\s+", turn.reasoning or ""):
        yield {"reasoning_content": word}
    for word in re.findall(r"\S+\s*|\s+", turn.text):
        yield {"content": word}
    for place, call in enumerate(_calls(turn, number)):
        arguments = call["function"]["arguments"]
        middle = len(arguments) // 2
        called = {**call, "function": {**call["function"], "arguments": ""}}
        yield {"tool_calls": [{"index": place, **called}]}
        for piece in (arguments[:middle], arguments[middle:]):
            yield {"tool_calls": [{"index": place, "function": {"arguments": piece}}]}


def _usage(turn: Turn) -> dict[str, Any]:
    return {
        "prompt_tokens": turn.prompt_tokens,
        "completion_tokens": turn.completion_tokens,
        "total_tokens": turn.prompt_tokens + turn.completion_tokens,
    }


def _unanswered(messages: list[dict[str, Any]]) -> str | None:
    """Every call wants its result right after it, and every result its call."""
    open_calls: set[str] = set()
    for number, message in enumerate(messages):
        if message["role"] == "tool":
            if message["tool_call_id"] not in open_calls:
                before = "must be a response to a preceding message with 'tool_calls'."
                return f"Invalid 'messages[{number}]': messages with role 'tool' {before}"
            open_calls.remove(message["tool_call_id"])
            continue
        if open_calls:
            break
        open_calls = {call["id"] for call in message.get("tool_calls") or []}
    if not open_calls:
        return None
    return (
        "An assistant message with 'tool_calls' must be followed by tool messages responding to "
        "each 'tool_call_id'. The following tool_call_ids did not have response messages: "
        f"{', '.join(sorted(open_calls))}"
    )


@pytest.fixture
def openai_server() -> Iterator[OpenAIServer]:
    """A server of the test's own, that answers "ok" until it is told otherwise."""
    with OpenAIServer() as made:
        yield made


if __name__ == "__main__":
    serve(OpenAIServer)
