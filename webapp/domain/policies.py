"""The bounds of what people may send, and the names that mean something."""

from __future__ import annotations

import hashlib
import re

SESSION_ID = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
LANE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")
IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{1,255}")
IDEMPOTENCY_HOURS = 24

MAIN_LANE = "main"
WHEN_BUSY = ("reject", "queue")

MAX_DESCRIPTION = 100_000
MAX_INSTRUCTION = 100_000
MAX_REASON = 2_000
MAX_PRIORITY = 1_000_000
MAX_TIMEOUT_S = 366 * 24 * 3600.0
MAX_RETRIES = 100
MAX_RETRY_DELAY_S = 24 * 3600.0
MAX_INTERRUPTIONS = 3
"""How often, beyond its retries, a task is run again whose server died while it ran."""
MAX_NAME = 200
MAX_TASK_FILES = 100
MAX_PATH = 4096
MAX_MESSAGE = 100_000
"""Characters of one activity message; the rest is cut, and says so."""
SEARCHED_CHARACTERS = 10_000
"""How much of a description is searched; the migration that made the index says the same."""
MAX_TITLE = 300
"""Characters of its first task by which a session is known."""

PRIORITIES = {"low": -10, "normal": 0, "high": 10}
"""The words the pages offer for a priority; the API takes any integer."""


def cut(text: str, limit: int = MAX_MESSAGE) -> str:
    """The text, or its beginning with a note of how much was left out."""
    if len(text) <= limit:
        return text
    return f"{text[:limit]}… ({len(text) - limit:,} characters more)"


def workspace_name(session_id: str) -> str:
    """The directory of a session: its id, or a hash of one that no file system should see.

    Ids may be ``..`` or hold a colon, and some file systems do not tell ``a`` from ``A``.
    """
    if re.fullmatch(r"[a-z0-9_-][a-z0-9_.-]*", session_id):
        return session_id
    return "s-" + hashlib.sha256(session_id.encode()).hexdigest()[:32]


OF_MODELS = ("llm_profile_name", "agent_mode", "mcp_server_config")
"""Settings of agents that talk to models which tasks and flows also show as fields of their own."""
TALKERS = ("llm", "browser")
"""Agents that talk to a model: in a session, one of their tasks at a time."""
