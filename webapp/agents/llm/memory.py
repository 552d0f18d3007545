"""What was said, as it is kept and as it is told again: whole turns, bounded, no loose ends."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic_ai.messages import (
    ModelMessage,
    ModelMessagesTypeAdapter,
    ModelRequest,
    ModelResponse,
    TextPart,
    ToolReturnPart,
    UserPromptPart,
)

from webapp.agents.protocol import CHARACTERS_A_TOKEN

NOT_TOLD_AGAIN = (
    *("instructions", "usage", "provider_url", "provider_details", "provider_response_id"),
    *("model_id", "conversation_id"),
)
"""What a message says of itself: each task has its own instructions, and usage is counted."""
INTERRUPTED = "Interrupted: the task ended before this tool answered."


@dataclass(frozen=True)
class Told:
    """What is told again. ``forgot`` is the code that says what is not, of so many messages."""

    messages: list[ModelMessage]
    forgot: str | None = None
    left_out: int = 0


def told_again(kept: Sequence[Any], most_tokens: int) -> Told:
    """The newest whole turns within the bound; of one that is longer by itself, the core."""
    turns: list[list[Any]] = []
    for message in kept:
        if not turns or _begins(message):
            turns.append([])
        turns[-1].append(message)
    most = left = most_tokens * CHARACTERS_A_TOKEN
    chosen: list[list[Any]] = []
    for turn in reversed(turns):
        left -= sum(map(_size, turn))
        if left < 0:
            break
        chosen.append(turn)
    wanted = [message for turn in reversed(chosen) for message in turn]
    forgot = "llm_forgot" if len(chosen) < len(turns) else None
    if forgot and not chosen:
        wanted = _core(turns[-1], most)
        forgot = ("llm_forgot_all", "llm_forgot_answer", "llm_forgot_steps")[len(wanted)]
    messages = ModelMessagesTypeAdapter.validate_python(wanted)
    return Told(without_loose_ends(messages), forgot, len(kept) - len(wanted))


def without_loose_ends(messages: Sequence[ModelMessage]) -> list[ModelMessage]:
    """Every call of a tool is answered, if only by word that it was interrupted."""
    closed: list[ModelMessage] = []
    for number, message in enumerate(messages):
        closed.append(message)
        if not isinstance(message, ModelResponse) or not message.tool_calls:
            continue
        after = messages[number + 1] if number + 1 < len(messages) else None
        answered = (
            {getattr(part, "tool_call_id", None) for part in after.parts}
            if isinstance(after, ModelRequest)
            else set()
        )
        loose = [
            ToolReturnPart(
                call.tool_name, INTERRUPTED, tool_call_id=call.tool_call_id, outcome="interrupted"
            )
            for call in message.tool_calls
            if call.tool_call_id not in answered
        ]
        if loose:
            closed.append(ModelRequest(parts=loose))
    return closed


class Keeper:
    """Which of a run's messages are kept already, so that each step stores what is new."""

    def __init__(self) -> None:
        self._kept = 0

    def fresh(self, messages: Sequence[ModelMessage]) -> Mapping[int, Any]:
        """What is new since the last time, by number, as JSON values; the last may have grown."""
        first = max(0, self._kept - 1)
        dumped = ModelMessagesTypeAdapter.dump_python(list(messages[first:]), mode="json")
        self._kept = len(messages)
        return {number: _slim(message) for number, message in enumerate(dumped, start=first)}


def _slim(message: Mapping[str, Any]) -> dict[str, Any]:
    """A message without what nobody who is told it again needs."""
    kept = {name: value for name, value in message.items() if name not in NOT_TOLD_AGAIN}
    parts = [_something(part) for part in message["parts"]]
    return {**_something(kept), "parts": parts}


def _something(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the fields that say something."""
    return {name: value for name, value in fields.items() if value is not None}


def _core(turn: Sequence[Any], most: int) -> list[Any]:
    """What was asked, and the last answer in words, as far as they fit; no calls of tools."""
    asked = _only(turn[0], UserPromptPart.part_kind)
    said = [_only(message, TextPart.part_kind) for message in turn[1:]]
    core: list[Any] = []
    for message in (asked, *[answer for answer in said if answer["parts"]][-1:]):
        most -= _size(message)
        if most < 0 or not message["parts"]:
            break
        core.append(message)
    return core


def _only(message: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """A message with its parts of one kind."""
    return {**message, "parts": [one for one in message["parts"] if one["part_kind"] == kind]}


def _size(message: Mapping[str, Any]) -> int:
    return len(json.dumps(message["parts"]))


def _begins(message: Any) -> bool:
    """Whether a turn begins with it: a person said something."""
    if not isinstance(message, Mapping) or message.get("kind") != "request":
        return False
    return any(part.get("part_kind") == UserPromptPart.part_kind for part in message["parts"])
