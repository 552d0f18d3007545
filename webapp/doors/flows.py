"""What both doors do with flows: fields as they came become a Draft, and runs are asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urljoin

from flask import request, url_for

from webapp import clock
from webapp.domain import names, parameters, spending
from webapp.domain.errors import Conflict, Invalid
from webapp.domain.policies import MAX_DESCRIPTION, MAX_NAME, OF_MODELS, WHEN_BUSY
from webapp.domain.secrets import merged
from webapp.doors import ledgers, models
from webapp.doors.intake import bounds, check_text, intake, unsealed
from webapp.doors.models import asked_first
from webapp.doors.notices import own_rules
from webapp.ports import ports
from webapp.queries import flows, tasks
from webapp.services import flows as verbs
from webapp.services.flows import COPIED, Draft
from webapp.services.submissions import Promise, Submitted

OWN = ("name", "description", "parameters", "notify", "budget")
NOT_OURS = {
    "when_busy": "is said with each run",
    "upload_file_ids": "a flow has no files: they belong to a session",
    "upload_files_path": "a flow has no files: they belong to a session",
}
OF_TASKS = (
    "task_description",
    "agent",
    "lane",
    "priority",
    "timeout_s",
    "silence_timeout_s",
    "max_retries",
    "retry_delay_s",
    "rerun_interrupted",
)
TRIES = 20


def create(raw: Mapping[str, Any], *, by: str) -> str:
    """Store a new flow; returns its id. Raises Invalid with every field that is wrong."""
    return verbs.create(draft(unsealed(raw)), by=by, now=clock.now())


def change(flow_id: str, raw: Mapping[str, Any], *, by: str) -> None:
    """Change what is sent; what was shown and comes back as it was shown is no change.

    With ``version`` only the flow as it was then is changed; without, others' edits of other
    fields at the same moment stand, too.
    """
    tried = 0
    while True:
        row = flows.find(flow_id)
        changes = _changes(row, unsealed(raw))
        version = changes.pop("version", row.version)
        wanted = draft(_changed(row, changes))
        if "notify" not in changes:  # it may name a channel that is gone by now
            wanted = replace(wanted, notify=row.notify)
        try:
            verbs.change(flow_id, wanted, seen=version, by=by, now=clock.now())
        except Conflict as refusal:
            tried += 1
            if refusal.code != "flow_changed" or raw.get("version") is not None or tried == TRIES:
                raise
        else:
            return


def clone(flow_id: str, name: str | None, *, by: str) -> str:
    """Store a copy; returns its id."""
    checked = _checked("name", _name, name) if name is not None else None
    return verbs.clone(flow_id, checked, by=by, now=clock.now())


def remove(flow_id: str, *, cascade: bool, by: str) -> int:
    """Delete a flow, with its schedule if ``cascade``; returns how many runs are not over."""
    if cascade:
        ledgers.clear(flow_id)
    return verbs.remove(flow_id, cascade=cascade, by=by, now=clock.now())


def of_task(task_id: str, raw: Mapping[str, Any], *, by: str) -> str:
    """Store a flow that does what a task did, with these fields changed; returns its id.

    The task's session and its files stay with it: each run of the flow has a session of its own.
    """
    row = tasks.find(task_id)
    earlier = {name: row._mapping[name] for name in OF_TASKS}
    earlier["waiting_timeout_s"] = tasks.waiting_timeout_s(row)
    if raw.get("agent") in (None, row.agent):
        own = dict(row.agent_settings)
        if own.get("stdin") == "open":
            del own["stdin"]  # a flow may run when nobody is there to type
        earlier |= own
    wanted = draft(merged(earlier, _flat(unsealed(raw))))
    return verbs.create(wanted, by=by, now=clock.now())


def run(
    flow_id: str,
    params: Mapping[str, Any],
    *,
    by: str,
    trigger: str = "hand",
    when_busy: str = "queue",
    promise: Promise | None = None,
) -> Submitted:
    """Submit a run, and wake its lane's worker; raises what the submission refuses."""
    flow = flows.find(flow_id)
    if flow.agent not in ports().agents.names():
        raise Invalid.field("agent", f"there is no agent {flow.agent!r} any more")
    if when_busy not in WHEN_BUSY:
        raise Invalid.field("when_busy", f"must be one of {', '.join(WHEN_BUSY)}")
    if trigger == "hand":
        asked_first(flow.agent, flow.agent_settings, lane=flow.lane, when_busy=when_busy)
    submitted = verbs.run(
        flow_id,
        params,
        trigger=trigger,
        by=by,
        bounds=bounds(),
        now=clock.now(),
        when_busy=when_busy,
        asked=ports().agents.asks_for(flow.agent, flow.agent_settings),
        promise=promise,
    )
    ports().wake.lane(submitted.lane)
    return submitted


def hook_address(secret: str) -> str:
    """Where a hook is called, as the outside knows this server."""
    base = ports().settings.public_url or request.host_url
    return urljoin(base, url_for("api_hooks.call", secret=secret))


def draft(raw: Mapping[str, Any]) -> Draft:
    """Check every field; raises Invalid with every one that is wrong."""
    given = {name: value for name, value in _flat(raw).items() if value is not None}
    problems = {name: reason for name, reason in NOT_OURS.items() if name in given}
    own = _own(given, problems)
    of_run = {n: v for n, v in given.items() if n not in (*OWN, *NOT_OURS)}
    try:
        submission = intake(of_run, by_hand=False)
    except Invalid as refusal:
        raise Invalid.of({**problems, **refusal.fields}) from None
    if own.get("budget") is not None:
        problems |= models.budget_problems(own["budget"], submission)
    asked = ports().agents.asks_for(submission.agent, submission.agent_settings)
    for name in asked.keys() - {one["name"] for one in own["parameters"]}:
        problems.setdefault(asked[name], f"asks for {name}, which is no parameter of the flow")
    if problems:
        raise Invalid.of(problems)
    return Draft(submission=submission, **own)


def own_problems(raw: Mapping[str, Any]) -> dict[str, str]:
    """What is wrong with the fields that a flow has and a submission has not."""
    problems: dict[str, str] = {}
    _own({name: value for name, value in raw.items() if value is not None}, problems)
    return problems


def _own(given: Mapping[str, Any], problems: dict[str, str]) -> dict[str, Any]:
    """What a flow has and a submission has not; what is wrong with it goes to ``problems``."""
    declared, wrong = parameters.declared(given.get("parameters", []))
    problems |= wrong
    found: dict[str, Any] = {"name": "", "description": None, "parameters": declared}
    try:
        found["name"] = _name(given.get("name"))
    except ValueError as error:
        problems["name"] = str(error)
    try:
        if "description" in given:
            found["description"] = check_text(given["description"], MAX_DESCRIPTION)
    except ValueError as error:
        problems["description"] = str(error)
    for name, check in (("notify", own_rules), ("budget", spending.budget)):
        try:
            found[name] = check(given.get(name))
        except Invalid as refusal:
            problems |= refusal.fields
    return found


def _flat(raw: Mapping[str, Any]) -> dict[str, Any]:
    """The agent's settings among the other fields, as a submission has them."""
    given = dict(raw)
    settings = given.pop("agent_settings", None)
    if settings is None:
        return given
    if not isinstance(settings, Mapping):
        raise Invalid.field("agent_settings", "must be an object of the agent's own settings")
    known = {*OWN, *COPIED, *NOT_OURS} - set(OF_MODELS)
    for name in settings:
        if name in known:
            raise Invalid.field("agent_settings", f"{name} is no setting of an agent")
    return {**settings, **given}


def _changes(row: Any, raw: Mapping[str, Any]) -> dict[str, Any]:
    """What is sent that may be changed; what may not is let pass only as it is."""
    shown = flows.as_json(row)
    fixed = {name for name in shown if name not in (*OWN, *COPIED, "version")}
    problems = {
        name: "cannot be changed" for name in fixed & raw.keys() if raw[name] != shown.get(name)
    }
    version = raw.get("version")
    if version is not None and (isinstance(version, bool) or not isinstance(version, int)):
        problems["version"] = "must be the version of the flow as it was loaded"
    if problems:
        raise Invalid.of(dict(sorted(problems.items())))
    fixed |= {name for name in OF_MODELS if raw.get(name) == shown[name]}
    return {n: v for n, v in raw.items() if n not in fixed and (n, v) != ("version", None)}


def _changed(row: Any, changes: Mapping[str, Any]) -> dict[str, Any]:
    """A flow's fields with the changes; ``agent_settings`` among them replaces all settings."""
    plain = (n for n in COPIED if n not in ("agent_settings", "notify", *OF_MODELS))
    fields = {"name": row.name, **{name: row._mapping[name] for name in plain}}
    own = row.agent_settings if changes.get("agent") in (None, row.agent) else {}
    sent = _flat(changes)
    if changes.get("agent_settings") is not None:
        own = {name: value for name, value in own.items() if name in sent}
    return merged({**own, **fields}, sent)


def _name(value: Any) -> str:
    if value is None:
        raise ValueError("say what the flow is to be called")
    name = check_text(value, MAX_NAME).strip()
    if names.shown(name) != name:
        raise ValueError("must be one line, without characters that cannot be seen")
    return name


def _checked(field: str, check: Any, value: Any) -> Any:
    try:
        return check(value)
    except ValueError as error:
        raise Invalid.field(field, str(error)) from None
