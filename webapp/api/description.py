"""The API's description beyond what views and models say: identities, common answers, examples."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from webapp.api.bodies import DESCRIBED, REFUSALS

ABOUT = """\
Everything that the pages can do. Times are ISO 8601 in UTC; a refusal has a sentence (`detail`), a
stable code (`error`), and `fields` where fields are to blame. The same calls by example, with curl:
[Help, API](/help/api).
"""
TAGS = {
    "Health and status": "Whether it runs, what it does, and the freeze.",
    "Tasks": "Hand in, look at, steer, run again and delete tasks; their output.",
    "Flows": "Tasks that are saved under a name, with parameters.",
    "Lanes": "Queues in which one task rides at a time: made, paused, drained, renamed, deleted.",
    "Activity": "What happened: the log of each session, and the sessions.",
    "Schedules": "When flows fire by themselves, and what became of each due time.",
    "Notifications": "Channels that people are told through, and what was told.",
    "Configuration": "LLM profiles and their providers, MCP servers, and what is set up.",
    "Composio": "The key of Composio, its toolkits, their accounts, and which tools are used.",
    "Files": "What is uploaded for tasks, and what lies in their workspaces.",
}
PARAMETERS = {
    "cascade": "Whether what hangs on it is deleted, too.",
    "active_only": "Only what is active.",
    "agent": "The agent that does it, such as `shell`.",
    "attempt": "Which attempt, from 1; the newest if left out.",
    "channel_id": "The channel's number.",
    "cursor": "`next_cursor` of the page before.",
    "delivery_id": "The notice's number in the log.",
    "fate": "Only due times of this fate.",
    "file_id": "The file's id, as the upload answered it.",
    "flow_id": "The flow's id.",
    "include_directories": "Whether directories are listed, too.",
    "is_enabled": "Only what is on, or off.",
    "lane": "The lane; `main` if left out.",
    "limit": "At most so many.",
    "llm_profile_name": "Tasks that name this LLM profile.",
    "mcp_id": "The MCP server's id.",
    "message_index": "One entry by its place in the log, from 0.",
    "name": "The name of the LLM profile, or of the provider.",
    "offset": "How many, or how many bytes, to pass over.",
    "prefix": "Accepted, and ignored.",
    "secret": "The secret in the hook's address.",
    "state": "Only what is in this state.",
    "session_id": "The session's id: 1 to 64 of the characters A-Z a-z 0-9 _ . : -",
    "slug": "The toolkit's slug.",
    "task_id": "The task's id, as submit answered it.",
}
"""What a parameter of a name means wherever nothing more exact is said of it."""

KEY = {
    "in": "header",
    "name": "Idempotency-Key",
    "description": "The same key with the same body is answered as before, for a day.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}
TAKE_KEYS = ("/api/tasks/submit", "/api/tasks/{task_id}/rerun", "/api/flows/{flow_id}/run")
FREE = {"/health": ("401", "403", "429", "503"), "/hooks/{secret}": ("401",)}
"""What needs no login, and the answers it never gives."""
TOKEN, COOKIE, FORM_TOKEN = "token", "cookie", "form_token"
UPLOAD = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["files"],
                "properties": {
                    "files": {"type": "array", "items": {"type": "string", "format": "binary"}},
                    "session_id": {"type": "string", "description": PARAMETERS["session_id"]},
                },
            }
        }
    },
}
ERROR = {
    "success": False,
    "error": "invalid_field",
    "message": "priority: Input should be a valid integer",
    "detail": "priority: Input should be a valid integer",
    "fields": {"priority": "Input should be a valid integer"},
}
EXAMPLES: dict[str, Any] = {
    "SubmitBody": {
        "agent": "shell",
        "task_description": "make test",
        "when_busy": "queue",
        "session_id": "nightly",
        "timeout_s": 600,
    },
    "RerunBody": {"task_description": "make test ARGS=-x", "when_busy": "queue"},
    "FlowBody": {
        "name": "Nightly backup",
        "agent": "shell",
        "task_description": 'backup --target "$LINEUP_TASK_PARAM_TARGET"',
        "parameters": [{"name": "target", "type": "choice", "choices": ["disk", "tape"]}],
        "max_retries": 3,
        "retry_delay_s": 60,
    },
    "FlowChangeBody": {"priority": 10, "version": 1},
    "TaskFlowBody": {"name": "Nightly backup", "lane": "main"},
    "CloneBody": {"name": "Weekly backup"},
    "RunBody": {"params": {"target": "tape"}},
    "ReasonBody": {"reason": "the disk is nearly full"},
    "NewTaskBody": {"reason": "and tell me when it is done"},
    "InstructionBody": {"instruction": "yes"},
    "FreezeBody": {"reason": "moving house"},
    "ScheduleBody": {
        "flow_id": "019ab1c2-5b7e-7d10-8a51-0d3f5c2b9e77",
        "cron_expression": "0 9 * * 1-5",
        "timezone": "Europe/Berlin",
        "overlap": "skip",
        "calendar": ["12-25"],
    },
    "ProfileBody": {
        "profile_name": "demo",
        "provider": "offline",
        "model": "demo",
        "temperature": 0.2,
        "run_requests": 20,
    },
    "ProfileChangeBody": {"model": "demo", "temperature": 0.5},
    "ServerBody": {
        "display_name": "Files",
        "mcp_server_name": "files",
        "mcp_server_params": {
            "command": "npx",
            "args": ["-y", "@modelcontextprotocol/server-filesystem", "/srv/files"],
            "env": {"TOKEN": "a secret"},
        },
        "selected_tools": {"write_file": False},
    },
    "ServerChangeBody": {"is_active": False},
    "ImportBody": {"text": "0 2 * * * make backup", "format": "crontab", "dry_run": True},
    "SubmitAnswer": {
        "success": True,
        "task_id": "019ab1c2-5b7e-7d10-8a51-0d3f5c2b9e77",
        "session_id": "nightly",
        "status": "submitted",
        "message": "The task is in the lineup.",
        "llm_profile": None,
        "workspace_dir": "/srv/lineup/data/workspaces/nightly",
    },
    "ControlAnswer": {
        "success": True,
        "message": "The task is paused.",
        "operation": "pause",
        "control": None,
    },
    "OutputAnswer": {
        "attempt": 1,
        "offset": 0,
        "next_offset": 6,
        "data": "hello\n",
        "encoding": "utf-8",
        "size": 6,
        "final": True,
        "gap": None,
    },
    "HTTPError": ERROR,
}
"""By the name of the schema."""


def describe(spec: dict[Any, Any] | str, cookie: str) -> dict[Any, Any] | str:
    """The description, made whole; ``cookie`` is what a logged-in browser sends."""
    if not isinstance(spec, dict):
        return spec
    schemas = spec.setdefault("components", {}).setdefault("schemas", {})
    for name, model in DESCRIBED.items():
        schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas.update(schema.pop("$defs", {}))
        schemas[name] = schema
    for name, example in EXAMPLES.items():
        schemas[name]["examples"] = [example]
    spec["components"]["securitySchemes"] = {
        TOKEN: {"type": "http", "scheme": "bearer", "description": "An API token."},
        COOKIE: {"type": "apiKey", "in": "cookie", "name": cookie, "description": "A login."},
        FORM_TOKEN: {
            "type": "apiKey",
            "in": "header",
            "name": "X-CSRFToken",
            "description": "A page's form token; a login needs it for whatever changes something.",
        },
    }
    for method, path, operation in _operations(spec):
        _complete(method, path, operation)
        if "requestBody" in operation:
            _require(operation["requestBody"], schemas)
    spec["info"]["description"] = ABOUT
    spec["tags"] = [{"name": name, "description": text} for name, text in TAGS.items()]
    return {**spec, "servers": [{"url": "/", "description": "This server."}]}


def _operations(spec: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, operations in spec["paths"].items():
        for method, operation in operations.items():
            yield method, path, operation


def _complete(method: str, path: str, operation: dict[str, Any]) -> None:
    operation["operationId"] = "_".join([method, *path.translate(_WORDS).split()])
    for parameter in operation.setdefault("parameters", []):
        said = parameter.get("description") or parameter["schema"].get("description")
        parameter["description"] = said or PARAMETERS[parameter["name"]]
    if path in TAKE_KEYS:
        operation["parameters"].append(KEY)
    if path == "/api/files/upload":
        operation["requestBody"] = UPLOAD
    answers = operation["responses"]
    changes = method != "get"
    login: dict[str, list[str]] = {COOKIE: [], **({FORM_TOKEN: []} if changes else {})}
    operation["security"] = [] if path in FREE else [{TOKEN: []}, login]
    for code in [429, 503, *([400, 413, 415] if "requestBody" in operation else [])]:
        answers.setdefault(str(code), _refusal(REFUSALS[code]))
    given = {code: answer for code, answer in answers.items() if code not in FREE.get(path, ())}
    operation["responses"] = dict(sorted(given.items()))


def _require(body: dict[str, Any], schemas: dict[str, Any]) -> None:
    """Say that a body must be sent where it has fields that must be."""
    for content in body["content"].values():
        name = content["schema"].get("$ref", "").rpartition("/")[2]
        if schemas.get(name, content["schema"]).get("required"):
            body["required"] = True


_WORDS = str.maketrans("/{}-", "    ")


def _refusal(description: str) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/HTTPError"}
    return {"description": description, "content": {"application/json": {"schema": schema}}}
