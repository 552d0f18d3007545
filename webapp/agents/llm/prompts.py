"""What a model is told before and with a task."""

from __future__ import annotations

import json

from webapp.agents.llm.settings import LlmSettings
from webapp.agents.protocol import Work

ABOUT = """\
You carry out one task on the machine of the person who gave it. Nobody answers questions while you
work: decide yourself, and say at the end what you assumed. Your tools see one directory, the
workspace; paths are relative to it. What people are to read as a document goes to a Markdown file
in reports/. Use tools rather than guess. If something cannot be done, say so plainly and why.
End with a short answer: what you did and what came of it."""


def instructions(settings: LlmSettings, about: str | None = None) -> str:
    """What it is told of its situation and its tools, and what its task's settings add."""
    parts = [ABOUT, *([about] if about else [])]
    if settings.instructions:
        parts.append(settings.instructions)
    return "\n\n".join(parts)


def prompt(work: Work) -> str:
    """The task, with the files and the parameters it was given."""
    parts = [work.task_description]
    if work.upload_files:
        named = "\n".join(f"- {_relative(work, path)}" for path in map(str, work.upload_files))
        parts.append(f"Files that were given with it, in the workspace:\n{named}")
    if work.params:
        parts.append(f"Parameters: {json.dumps(dict(work.params), ensure_ascii=False)}")
    return "\n\n".join(parts)


def _relative(work: Work, path: str) -> str:
    return path.removeprefix(f"{work.workspace_dir}/")
