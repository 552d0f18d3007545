"""The offline model: a fixed script with real tool calls, to try the whole path without a key.

It understands nothing, says so, and answers the same to the same: look round, take a note, read it,
write a report, finish. What a person adds meanwhile is repeated and put into the report.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from pydantic_ai.messages import (
    ModelMessage,
    ModelRequest,
    ModelResponse,
    ModelResponsePart,
    TextPart,
    ThinkingPart,
    ToolCallPart,
    UserPromptPart,
)
from pydantic_ai.models.function import AgentInfo, DeltaThinkingPart, DeltaToolCall, FunctionModel

DELAY_S = 1.5
"""Between two words of its script: long enough to watch, to pause and to add something."""
LONGEST_DELAY_S = 60.0
REPORT = "reports/demonstration.md"
NOTES = "demonstration/notes.md"
SHOWN = 200
GREETING = (
    "I am the offline demonstration: a script, not an intelligence. My tools are real, though. "
    "First I look at the workspace.\n"
)


def model(config: Mapping[str, Any] | None = None) -> FunctionModel:
    """The model; ``delay_s`` of its configuration is how long it takes for each step."""
    given = (config or {}).get("delay_s", DELAY_S)
    number = isinstance(given, int | float) and not isinstance(given, bool)
    delay_s = min(max(0.0, given), LONGEST_DELAY_S) if number else DELAY_S

    async def answer(messages: list[ModelMessage], info: AgentInfo) -> AsyncIterator[Any]:
        await asyncio.sleep(delay_s)
        tools = {tool.name for tool in info.function_tools}
        for part in _step(_since_asked(messages), tools):
            yield part

    async def at_once(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        tools = {tool.name for tool in info.function_tools}
        return ModelResponse(parts=[*map(_whole, _step(_since_asked(messages), tools))])

    return FunctionModel(at_once, stream_function=answer, model_name="demo")


def _whole(part: Any) -> ModelResponsePart:
    """A piece of a stream as a part of an answer that comes at once."""
    if isinstance(part, str):
        return TextPart(part)
    (inner,) = part.values()
    if isinstance(inner, DeltaToolCall):
        return ToolCallPart(
            inner.name or "", inner.json_args, tool_call_id=inner.tool_call_id or ""
        )
    return ThinkingPart(inner.content or "")


def _since_asked(messages: Sequence[ModelMessage]) -> list[ModelMessage]:
    """The messages of this run. What a person has just added has no id of it yet."""
    run = next((one.run_id for one in reversed(messages) if one.run_id is not None), None)
    return [message for message in messages if message.run_id in (run, None)]


def _step(messages: Sequence[ModelMessage], tools: set[str]) -> list[Any]:
    said = sum(isinstance(message, ModelResponse) for message in messages)
    task, *added = _asked(messages)
    script = [
        (
            "list_files",
            {"path": "."},
            GREETING,
        ),
        ("write_file", {"path": NOTES, "content": _notes(task)}, "I take a note.\n"),
        ("read_file", {"path": NOTES}, "I read what I wrote.\n"),
        ("write_file", {"path": REPORT, "content": _report(task, added)}, "I write a report.\n"),
    ]
    steps = [step for step in script if step[0] in tools]
    heard = f"You added: {added[-1]}\n" if added and _is_new(messages) else ""
    if said < len(steps):
        tool, arguments, text = steps[said]
        call = DeltaToolCall(tool, json.dumps(arguments), tool_call_id=f"offline-{said + 1}")
        thought = DeltaThinkingPart(content=f"Step {said + 1} of my script: {tool}.")
        return [{0: thought}, heard + text, {1: call}]
    if heard and "write_file" in tools:
        arguments = {"path": REPORT, "content": _report(task, added)}
        call = DeltaToolCall("write_file", json.dumps(arguments), tool_call_id=f"offline-{said}")
        return [heard + "I put it into the report.\n", {1: call}]
    return [heard + _farewell(added, wrote="write_file" in tools)]


def _asked(messages: Sequence[ModelMessage]) -> list[str]:
    """What people said in this run: the task first, then what they added."""
    parts = (part for message in messages for part in message.parts)
    return [_text(part.content) for part in parts if isinstance(part, UserPromptPart)] or [""]


def _is_new(messages: Sequence[ModelMessage]) -> bool:
    """Whether a person said something since the last answer."""
    later: list[ModelMessage] = []
    for message in reversed(messages):
        if isinstance(message, ModelResponse):
            break
        later.append(message)
    requests = (message for message in later if isinstance(message, ModelRequest))
    return any(isinstance(part, UserPromptPart) for one in requests for part in one.parts)


def _text(content: Any) -> str:
    return content if isinstance(content, str) else " ".join(map(str, content))


def _notes(task: str) -> str:
    return f"The task was: {task[:SHOWN]}\n"


def _report(task: str, added: Sequence[str]) -> str:
    quoted = "\n".join(f"> {line}" for line in task.splitlines() or [""])
    extra = "\n".join(f"- {text}" for text in added) or "- nothing"
    return (
        "# A demonstration\n\n"
        "This report was written by Lineup's **offline model**. It follows a fixed script and "
        "understands nothing of the task; the steps, tools, files and controls are real.\n\n"
        f"## The task\n\n{quoted}\n\n## Added while it ran\n\n{extra}\n\n"
        "## What now\n\nAdd a profile of a real provider under Settings, LLM profiles.\n"
    )


def _farewell(added: Sequence[str], *, wrote: bool) -> str:
    many = f"{len(added)} instruction{'s' if len(added) > 1 else ''}"
    heard = f" I heard {many} from you." if added else ""
    where = f" The report is in {REPORT}." if wrote else ""
    return (
        f"This was a demonstration: nothing was understood, but every step was real.{heard}{where} "
        "For real answers, add a profile of a real provider under Settings, LLM profiles."
    )
