"""The form of an MCP server: what was typed, its secrets shown masked and never sent back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from flask_babel import gettext as _

from webapp.domain.errors import Refused
from webapp.domain.secrets import MASK, is_mask, masked
from webapp.doors.profiles.mcp import PARAMS
from webapp.services.profiles.mcp import PLAIN
from webapp.web.forms import as_sentence
from webapp.web.settings_draft import Draft, texts, written

NUMBERS = ("startup_timeout_s", "call_timeout_s")
TEXTS = (
    *("display_name", "mcp_server_name", "description", "kind"),
    *("command", "args", "cwd", "url", *NUMBERS),
)
TICKS = ("is_active", "is_required")
BETWEEN = {"env": "=", "headers": ":"}
"""What stands between name and value in lines of secrets."""
_PLACE = re.compile(r"(command|args|env|cwd|timeout|url|headers)(?:\.([^:]+))?: (.*)", re.DOTALL)


class McpDraft(Draft):
    """An MCP server as it stands in its form."""

    secrets: Mapping[str, str] = {}
    """The lines of ``env`` and ``headers`` as they were typed just now."""

    def take(self, refusal: Refused) -> None:
        """Say it beside its field; what is not about one is raised."""
        super().take(refusal)
        reason = refusal.fields.get(PARAMS)
        place = _PLACE.fullmatch(reason) if reason else None
        if place is not None:
            name, key, why = place.groups()
            del self.problems[PARAMS]
            self.problems[name] = as_sentence(f"{key}: {why}" if key else why)

    @property
    def kind(self) -> str:
        """``command``, to start it, or ``url``, to reach it."""
        return "url" if self["kind"] == "url" else "command"

    def raw(self) -> dict[str, Any]:
        """Its fields as scripts send them; what cannot be read is noted as a problem."""
        return {
            **{name: self.number(name) for name in NUMBERS},
            "display_name": self["display_name"],
            "mcp_server_name": self["mcp_server_name"],
            PARAMS: self._params(),
            "description": self.text("description"),
            "is_active": "is_active" in self.ticked,
            "is_required": "is_required" in self.ticked,
        }

    def _params(self) -> dict[str, Any]:
        if self.kind == "url":
            return {"url": self["url"], "headers": self._pairs("headers") or None}
        return {
            "command": self["command"],
            "args": [line for line in self["args"].split("\n") if line.strip()] or None,
            "env": self._pairs("env") or None,
            "cwd": self.text("cwd"),
        }

    def _pairs(self, field: str) -> dict[str, str]:
        """Secrets by their name; a line that is none is told by its number alone."""
        found: dict[str, str] = {}
        for number, line in enumerate(self.secrets.get(field, "").split("\n"), 1):
            if not line.strip():
                continue
            name, sign, value = line.partition(BETWEEN[field])
            name = name.strip()
            if not sign:
                example = "NAME=value" if field == "env" else "Name: value"
                self.problems[field] = _(
                    "Line %(number)s is not %(example)s.", number=number, example=example
                )
            elif name in found:
                self.problems[field] = _("%(name)s stands there twice.", name=name)
            found[name] = value.strip() if field == "headers" else value
        return found

    def hide(self) -> None:
        """Show secrets by their names; one that was typed just now has to be typed again."""
        for field, between in BETWEEN.items():
            lines = self.secrets.get(field, "").split("\n")
            self.typed[field] = "\n".join(_hidden(line, between) for line in lines if line.strip())


def fresh() -> McpDraft:
    """The form of a new server."""
    typed = {name: written(PLAIN[name]) for name in NUMBERS}
    return McpDraft({"kind": "command", **typed}, {"is_active"})


def of(row: Any) -> McpDraft:
    """The form of a stored server, its secrets masked."""
    params = masked({PARAMS: row.mcp_server_params})[PARAMS]
    names = ("display_name", "mcp_server_name", "description", *NUMBERS)
    typed = {name: written(row._mapping[name]) for name in names}
    typed |= {name: params.get(name) or "" for name in ("command", "cwd", "url")}
    typed["kind"] = "url" if "url" in params else "command"
    typed["args"] = "\n".join(params.get("args") or ())
    typed["env"] = "\n".join(f"{n}={value}" for n, value in (params.get("env") or {}).items())
    headers = (params.get("headers") or {}).items()
    typed["headers"] = "\n".join(f"{name}: {value}" for name, value in headers)
    return McpDraft(typed, {name for name in TICKS if row._mapping[name]})


def sent(form: Mapping[str, str]) -> McpDraft:
    """The form as it was sent."""
    draft = McpDraft(texts(form, TEXTS), {name for name in TICKS if name in form})
    draft.secrets = texts(form, tuple(BETWEEN))
    return draft


def _hidden(line: str, between: str) -> str:
    name, sign, value = line.partition(between)
    if not sign:
        return f"{MASK} {_('type it again')}"
    if not value.strip() or is_mask(value.strip()):
        return line
    return f"{name}{sign}{MASK} {_('type it again')}"
