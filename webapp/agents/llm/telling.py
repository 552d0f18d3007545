"""What the log of a session is told of a conversation: turns, thoughts, calls and their results."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import Any

from pydantic_ai.messages import (
    FunctionToolCallEvent,
    FunctionToolResultEvent,
    ModelResponse,
    ThinkingPart,
    ToolCallPart,
)

from webapp.agents.hiding import Hiding
from webapp.agents.llm.texts import MOST_NAME, MOST_SHOWN, cut, storable, written
from webapp.agents.protocol import Console, Spent

LONGEST = {
    "text": 20_000,
    "arguments": MOST_SHOWN,
    "result": MOST_SHOWN,
    "tool": MOST_NAME,
    "tools": 10 * MOST_NAME,
    "call": MOST_NAME,
}
"""Characters of each that the log is told."""


class Telling:
    """Says each step once, with what it took; nothing secret is said."""

    def __init__(self, console: Console, hiding: Hiding) -> None:
        self._console, self._hiding = console, hiding
        self._began: dict[str, float] = {}

    def turn(self, response: ModelResponse, step: int, spent: Spent, took_s: float) -> None:
        """What the model thought and said, and which tools it asks for."""
        for part in response.parts:
            if isinstance(part, ThinkingPart) and part.content.strip():
                self._say("llm_thought", "thinking", text=part.content, step=step)
        figures: dict[str, Any] = {
            "step": step,
            "input_tokens": spent.input_tokens,
            "output_tokens": spent.output_tokens,
            "seconds": round(took_s, 2),
        }
        if spent.cost is not None:
            figures["cost"] = round(spent.cost, 6)
        text = (response.text or "").strip()
        if text:
            self._say("llm_turn", "working", text=text, **figures)
        elif calls := response.tool_calls:
            tools = ", ".join(call.tool_name for call in calls)
            self._say("llm_asked_tools", "working", tools=tools, **figures)
        if response.finish_reason == "length":
            self._say("llm_answer_cut", "working", step=step)

    def tool(self, event: Any, step: int) -> None:
        """A tool is called, or has answered."""
        if isinstance(event, FunctionToolCallEvent):
            self._began[event.part.tool_call_id] = time.monotonic()
            self._say(
                "llm_call",
                "tool_call",
                tool=event.part.tool_name,
                arguments=_arguments(event.part),
                call=event.part.tool_call_id,
                step=step,
            )
        elif isinstance(event, FunctionToolResultEvent):
            part = event.part
            began = self._began.pop(part.tool_call_id, time.monotonic())
            self._say(
                "llm_result" if part.outcome == "success" else "llm_tool_failed",
                "tool_result",
                tool=part.tool_name,
                result=written(part.content),
                call=part.tool_call_id,
                step=step,
                seconds=round(time.monotonic() - began, 2),
            )

    def answered(self, calls: Sequence[ToolCallPart]) -> str:
        """The tools of a turn as the progress names them."""
        names = dict.fromkeys(cut(call.tool_name, MOST_NAME) for call in calls)
        return cut(self._hiding.text(storable(", ".join(names))), 2 * MOST_NAME)

    def _say(self, code: str, status: str, **params: Any) -> None:
        """Say it, each text first without secrets and then cut, so that no part of one is left."""
        safe = {
            name: cut(self._hiding.text(storable(value)), LONGEST[name])
            if isinstance(value, str)
            else value
            for name, value in params.items()
        }
        self._console.say(code, status=status, **safe)


def _arguments(call: ToolCallPart) -> str:
    try:
        return json.dumps(call.args_as_dict(), ensure_ascii=False)
    except (ValueError, RecursionError):  # what a model wrote need not be JSON
        return str(call.args)
