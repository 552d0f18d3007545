"""What both doors do with a submission: fields as they came become a Submission, or a refusal."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Any

from webapp.domain.errors import Invalid
from webapp.domain.policies import (
    IDEMPOTENCY_KEY,
    LANE_NAME,
    MAX_DESCRIPTION,
    MAX_PATH,
    MAX_PRIORITY,
    MAX_RETRIES,
    MAX_RETRY_DELAY_S,
    MAX_TASK_FILES,
    MAX_TIMEOUT_S,
    SESSION_ID,
    WHEN_BUSY,
)
from webapp.domain.secrets import SEALED, holds_sealed, merged
from webapp.doors import models
from webapp.ports import ports
from webapp.queries import tasks
from webapp.services.submissions import Bounds, Promise, Submission

TIMEOUTS = ("timeout_s", "silence_timeout_s", "waiting_timeout_s")
COMMON = (
    "task_description",
    "agent",
    "session_id",
    "lane",
    "priority",
    "max_retries",
    "retry_delay_s",
    "rerun_interrupted",
    "when_busy",
    "upload_file_ids",
    "upload_files_path",
    *TIMEOUTS,
)


def intake(
    raw: Mapping[str, Any], *, by_hand: bool = True, rerun_of: str | None = None
) -> Submission:
    """Check every field; what is not common to all tasks is the agent's own and goes to it.

    A field that is null counts as not sent. Raises Invalid with every field that is wrong.
    """
    given = {name: value for name, value in raw.items() if value is not None}
    problems: dict[str, str] = {}
    if "flow_id" in given:
        problems["flow_id"] = "a flow is run with POST /api/flows/{flow_id}/run"
    if "agent" not in given:
        if models.is_meant(given):
            given["agent"] = models.LLM
        else:
            problems["agent"] = "say which agent is meant, for example shell; llm needs a profile"
    values = _common(given, problems)
    if "task_description" not in given:
        problems["task_description"] = "say what should be done"
    own = {name: value for name, value in given.items() if name not in (*COMMON, "flow_id")}
    if "agent" in values:
        try:
            values["agent_settings"] = models.checked(values["agent"], own, by_hand=by_hand)
        except Invalid as refusal:
            problems.update(refusal.fields)
    if problems:
        raise refused(problems)
    return Submission(rerun_of=rerun_of, **values)


def _common(given: Mapping[str, Any], problems: dict[str, str]) -> dict[str, Any]:
    """The fields that all tasks have, checked; what is wrong with them goes to ``problems``."""
    values: dict[str, Any] = {}
    for name in (one for one in _CHECKS if one in given):
        try:
            values[name] = _CHECKS[name](given[name])
        except ValueError as error:
            problems[name] = str(error)
    return values


def unsealed(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    """Fields as somebody sent them; raises Invalid where a stored secret is among them.

    Whoever has a copy of the database would have it opened here, and not need the keys.
    """
    own = raw.get("agent_settings")
    fields = {**raw, **own} if isinstance(own, Mapping) else raw
    sealed = [name for name, value in fields.items() if holds_sealed(value)]
    if sealed:
        raise refused(dict.fromkeys(sealed, f"must hold no {SEALED}: send the secret itself"))
    return raw


def again(task_id: str, changes: dict[str, Any]) -> Submission:
    """The submission of an earlier task, changed; a secret that is sent masked stays."""
    row = tasks.find(task_id)
    own = row.agent_settings if changes.get("agent", row.agent) == row.agent else {}
    earlier = {
        "task_description": row.task_description,
        "agent": row.agent,
        "session_id": row.session_id,
        "lane": row.lane,
        "priority": row.priority,
        "timeout_s": row.timeout_s,
        "silence_timeout_s": row.silence_timeout_s,
        "waiting_timeout_s": tasks.waiting_timeout_s(row),
        "max_retries": row.max_retries,
        "retry_delay_s": row.retry_delay_s,
        "rerun_interrupted": row.rerun_interrupted,
        "upload_file_ids": _files_of(row, changes),
        **own,
    }
    submission = intake(merged(earlier, unsealed(changes)), rerun_of=task_id)
    if row.flow_id is None:
        return submission
    metadata = {**(row.task_metadata or {}), "trigger": "hand"}
    metadata.pop("due_at", None)
    return replace(submission, flow_id=row.flow_id, task_metadata=metadata)


def _files_of(row: Any, changes: Mapping[str, Any]) -> list[str] | None:
    """What an earlier task was given, unless it is now to be something else."""
    if not row.upload_files or changes.keys() & {"upload_file_ids", "upload_files_path"}:
        return None
    return [file["file_id"] for file in row.upload_files]


def promise(route: str, key: str | None, body: bytes) -> Promise | None:
    """An Idempotency-Key, bound to its route and body; None where none was sent."""
    if key is None:
        return None
    if not IDEMPOTENCY_KEY.fullmatch(key):
        raise Invalid.field("Idempotency-Key", "must be 1 to 255 visible ASCII characters")
    return Promise(route, key, hashlib.sha256(body).hexdigest())


def changes(
    raw: Mapping[str, Any], shown: Mapping[str, Any], own: Collection[str]
) -> dict[str, Any]:
    """What is sent that is not as it is shown; raises Invalid where it is none of its own fields.

    So what was shown can be sent back as it is: it changes nothing.
    """
    different = {n: sent for n, sent in raw.items() if n not in shown or sent != shown[n]}
    problems = {
        name: "cannot be changed" if name in shown else "there is no such field"
        for name in sorted(different.keys() - own)
    }
    if problems:
        raise refused(problems)
    return different


def refused(problems: Mapping[str, str]) -> Invalid:
    """One refusal for all fields; its sentence is the first one's."""
    return Invalid.of(problems)


def bounds() -> Bounds:
    """What this server's settings allow a submission."""
    found = ports()
    return Bounds(max_pending=found.settings.max_pending, workspaces=found.workspaces)


def check_text(value: Any, limit: int) -> str:
    """Text that can be stored on every database: not empty, not over-long, no NUL."""
    if not isinstance(value, str):
        raise ValueError("must be text")
    if not value.strip():
        raise ValueError("must not be empty")
    if len(value) > limit:
        raise ValueError(f"must be at most {limit:,} characters long, and has {len(value):,}")
    if "\0" in value:
        raise ValueError("must not contain a NUL character")
    return check_unicode(value)


def check_unicode(value: str) -> str:
    """Text that can be sent to a database, whatever else it is."""
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise ValueError("must be valid Unicode: it contains half of a surrogate pair") from None
    return value


def text_field(name: str, value: str, limit: int) -> str:
    """The text of one field of a form, with plain line ends; raises Invalid that names it."""
    try:
        return check_text(value.replace("\r\n", "\n"), limit)
    except ValueError as error:
        raise Invalid.field(name, str(error)) from None


def check_session_id(value: str) -> str:
    """An id that a session may have; raises Invalid."""
    try:
        return _session_id(value)
    except ValueError as error:
        raise Invalid.field("session_id", str(error)) from None


def _description(value: Any) -> str:
    return check_text(value, MAX_DESCRIPTION)


def _agent(value: Any) -> str:
    return check_text(value, 64)


def _session_id(value: Any) -> str:
    if not isinstance(value, str) or not SESSION_ID.fullmatch(value):
        raise ValueError("must be 1 to 64 of the characters A-Z a-z 0-9 _ . : -")
    return value


def _lane(value: Any) -> str:
    if not isinstance(value, str) or not LANE_NAME.fullmatch(value):
        raise ValueError("must be the name of a lane, such as main")
    return value


def whole(low: int, high: int) -> Callable[[Any], int]:
    """The check of a whole number between two bounds."""

    def check(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise ValueError(f"must be a whole number from {low} to {high}")
        return value

    return check


def _seconds(most: float) -> Any:
    def check(value: Any) -> float:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not 0 < value <= most:  # which NaN is not
            raise ValueError(f"must be a number of seconds above 0 and up to {most:g}")
        return float(value)

    return check


def _yes_or_no(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def _when_busy(value: Any) -> str:
    if value not in WHEN_BUSY:
        raise ValueError(f"must be one of {', '.join(WHEN_BUSY)}")
    return str(value)


def _file_ids(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ValueError("must be a list of the ids of uploaded files")
    if len(value) > MAX_TASK_FILES:
        raise ValueError(f"must be at most {MAX_TASK_FILES} files, and is {len(value)}")
    return tuple(dict.fromkeys(check_text(item, 100) for item in value))


def _file_path(value: Any) -> str:
    path = check_text(value, MAX_PATH)
    if not path.startswith("/"):
        raise ValueError("must be the absolute path of an uploaded file")
    return path


_CHECKS = {
    "task_description": _description,
    "agent": _agent,
    "session_id": _session_id,
    "lane": _lane,
    "priority": whole(-MAX_PRIORITY, MAX_PRIORITY),
    "max_retries": whole(0, MAX_RETRIES),
    "when_busy": _when_busy,
    "upload_file_ids": _file_ids,
    "upload_files_path": _file_path,
    "retry_delay_s": _seconds(MAX_RETRY_DELAY_S),
    "rerun_interrupted": _yes_or_no,
    **dict.fromkeys(TIMEOUTS, _seconds(MAX_TIMEOUT_S)),
}
