"""The fields of forms that are the settings of a task for a model."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, cast

from flask import Flask, url_for
from flask_babel import gettext
from wtforms import (
    FloatField,
    HiddenField,
    IntegerField,
    SelectField,
    SelectMultipleField,
    TextAreaField,
    ValidationError,
)
from wtforms.fields import SelectChoice  # type: ignore[attr-defined]  # stubs lag behind
from wtforms.validators import NumberRange, Optional

from webapp.domain.messages import N_
from webapp.domain.scopes import Scope
from webapp.domain.spending import MOST
from webapp.doors.principal import principal
from webapp.queries import profiles, toolkits
from webapp.web.durations import lazy_gettext

LLM = "llm"
MODES = {
    "thinking": N_("thinks first"),
    "no-thinking": N_("does not think first"),
    "flash": N_("as quick as it can"),
}
FIRST_OF_LLM = ("llm_profile_name", "agent_mode", "mcp_servers", "toolkits")
"""Settings that a form shows at once."""
FOLDED_OF_LLM = (
    "instructions", "budget_requests", "budget_tokens", "budget_cost", "mcp_server_config",
)  # fmt: skip
"""Those that a form folds away, unless there is something in them."""


def init_app(app: Flask) -> None:
    """Teach the templates where profiles are set up, and how modes are called."""
    app.jinja_env.globals.update(MODES=MODES, profiles_page=profiles_page)


def profiles_page(name: str | None = None) -> str | None:
    """Where profiles are set up, or one of them; None for those who may not."""
    if principal().scope is not Scope.ADMIN:
        return None
    return url_for("llm_profiles.edit", name=name) if name else url_for("llm_profiles.index")


class JsonField(TextAreaField):
    """An object as JSON, or nothing."""

    @property
    def value(self) -> Any:
        """The object; raises ValueError with what is wrong in the text."""
        text = (self.data or "").strip()
        return json.loads(text) if text else None

    def pre_validate(self, form: Any) -> None:
        try:
            _ = self.value
        except (ValueError, RecursionError) as error:
            text = gettext("This is no JSON: %(reason)s", reason=str(error))
            raise ValidationError(text) from None


class LlmFields:
    """To be inherited by a form that has a field ``agent``."""

    agent: SelectField
    llm_profile_name = SelectField(lazy_gettext("Model"), default="", validate_choice=False)
    agent_mode = SelectField(
        lazy_gettext("Thinking"),
        default="thinking",
        choices=[SelectChoice(name, lazy_gettext(word)) for name, word in MODES.items()],
    )
    mcp_servers = SelectMultipleField(lazy_gettext("Tools of"), validate_choice=False)
    mcp_offered = HiddenField()
    """Whether a form that was sent had the servers to choose from: no choice may be one."""
    toolkits = SelectMultipleField(lazy_gettext("Toolkits"), validate_choice=False)
    toolkits_offered = HiddenField()
    instructions = TextAreaField(lazy_gettext("Background"))
    workspace_tools = SelectField(
        lazy_gettext("Files of the session"),
        default="yes",
        choices=[
            SelectChoice("yes", lazy_gettext("reads and writes")),
            SelectChoice("no", lazy_gettext("out of its reach")),
        ],
    )
    memory = SelectField(
        lazy_gettext("Memory"),
        default="yes",
        choices=[
            SelectChoice("yes", lazy_gettext("remembers the session")),
            SelectChoice("no", lazy_gettext("begins afresh")),
        ],
    )
    memory_tokens = IntegerField(
        lazy_gettext("Memory, in tokens"), [Optional(), NumberRange(0, MOST)]
    )
    budget_requests = IntegerField(
        lazy_gettext("At most so many requests"), [Optional(), NumberRange(1, MOST)]
    )
    budget_tokens = IntegerField(
        lazy_gettext("At most so many tokens"), [Optional(), NumberRange(1, MOST)]
    )
    budget_cost = FloatField(lazy_gettext("At most so many USD"), [Optional()])
    mcp_server_config = JsonField(lazy_gettext("MCP servers of this task alone"))

    default_word: str | None = None
    """What a form calls the default profile of the day; None: it says which one that is."""
    no_profile = False
    """Whether there is nothing to choose from: the form offers to make one."""

    def offer_models(self, agents: Sequence[str]) -> None:
        """Fill in what there is to choose from just now."""
        if LLM not in agents:
            return
        self._offer_profiles(profiles.llm_all(active_only=True))
        servers = [(row.mcp_server_name, row.display_name) for row in profiles.mcp_active()]
        _offer(self.mcp_servers, self.mcp_offered, servers)
        kits = [(row.slug, row.name) for row in toolkits.enabled()]
        _offer(self.toolkits, self.toolkits_offered, kits)

    def _offer_profiles(self, rows: Sequence[Any]) -> None:
        field = self.llm_profile_name
        self.no_profile = not rows
        default = next((row.profile_name for row in rows if row.is_default), None)
        choices = [SelectChoice(row.profile_name, _named(row)) for row in rows]
        if self.default_word is not None:
            choices.insert(0, SelectChoice("", self.default_word))
        elif default is None:
            choices.insert(0, SelectChoice("", gettext("choose one")))
        elif not field.data:
            field.data = default
        if field.data and field.data not in {row.profile_name for row in rows}:
            choices.append(SelectChoice(field.data, field.data))  # the door says what is wrong
        field.choices = cast(Any, choices)

    def llm_settings(self) -> dict[str, Any]:
        """The settings as a script would send them; what says nothing is None."""
        return {
            "llm_profile_name": self.llm_profile_name.data or None,
            "agent_mode": self.agent_mode.data,
            "mcp_servers": _chosen(self.mcp_servers),
            "toolkits": _chosen(self.toolkits),
            "instructions": _text(self.instructions),
            "workspace_tools": None if self.workspace_tools.data == "yes" else False,
            "memory": None if self.memory.data == "yes" else False,
            "memory_tokens": self.memory_tokens.data,
            "budget_requests": self.budget_requests.data,
            "budget_tokens": self.budget_tokens.data,
            "budget_cost": self.budget_cost.data,
            "mcp_server_config": self.mcp_server_config.value,
        }


def _offer(field: SelectMultipleField, offered: HiddenField, found: list[tuple[str, str]]) -> None:
    """Have all of them chosen, unless somebody chose otherwise."""
    field.choices = [SelectChoice(value, label) for value, label in found]
    if field.data is None or (field.raw_data is not None and not offered.data):
        field.data = [value for value, _ in found]


def _chosen(field: SelectMultipleField) -> list[str] | None:
    """Those that are chosen; None, which is all there are by then, where none is left out."""
    offered = {choice.value for choice in cast(Any, field.choices) or ()}
    chosen = field.data or []
    return None if offered <= set(chosen) else chosen


def llm_values(settings: Mapping[str, Any]) -> dict[str, Any]:
    """What the fields show of settings, whose secrets are masked already."""
    plain = (
        "agent_mode", "instructions", "mcp_servers", "toolkits", "memory_tokens",
        "budget_requests", "budget_tokens", "budget_cost",
    )  # fmt: skip
    config = settings.get("mcp_server_config")
    return {
        **{name: settings[name] for name in plain if settings.get(name) is not None},
        "llm_profile_name": settings.get("llm_profile_name") or "",
        "workspace_tools": "yes" if settings.get("workspace_tools", True) else "no",
        "memory": "yes" if settings.get("memory", True) else "no",
        "mcp_server_config": json.dumps(config, indent=2, ensure_ascii=False) if config else None,
    }


def _named(row: Any) -> str:
    default = gettext("(default)") if row.is_default else ""
    return f"{row.profile_name} · {row.model} {default}".rstrip()


def _text(field: TextAreaField) -> str | None:
    return (field.data or "").replace("\r\n", "\n").strip() or None
