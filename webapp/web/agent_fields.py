"""The fields of forms that are an agent's own settings, by the names the settings have."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from flask_babel import gettext
from wtforms import IntegerField, SelectField, StringField, TextAreaField, ValidationError
from wtforms.fields import SelectChoice  # type: ignore[attr-defined]  # stubs lag behind
from wtforms.validators import NumberRange, Optional

from webapp.domain.policies import TALKERS
from webapp.web.durations import DurationField, lazy_gettext, written
from webapp.web.llm_fields import FOLDED_OF_LLM, LlmFields, llm_values

FIRST = "shell"
"""The agent that a form offers first."""
ONLY_LANGFLOW = ("langflow_flow", "input_type", "output_type", "input_value", "tweaks")
FIRST_OF_HTTP = ("preset", "method", "url", "langflow_flow", "body")
"""Settings that no request can do without: a form shows them at once."""
FOLDED_SETTINGS = (
    *("env", "secret_env", "working_dir", "headers", "secret_headers", "secret_params"),
    *FOLDED_OF_LLM,
)
"""Those that a form folds away, unless there is something in them."""
METHODS = ("", "GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")


class LinesField(TextAreaField):
    """Lines of a name and a value: NAME=value, or whatever ``between`` says stands in between."""

    between = "="
    example = "NAME=value"

    @property
    def pairs(self) -> dict[str, str]:
        """The values by name; raises ValueError with the line that is none."""
        found = {}
        for line in (self.data or "").splitlines():
            if not line.strip():
                continue
            name, sign, value = line.partition(self.between)
            if not sign:
                raise ValueError(line.strip())
            found[name.strip()] = self.read(value)
        return found

    def read(self, value: str) -> str:
        """The value as it is meant."""
        return value

    def pre_validate(self, form: Any) -> None:
        try:
            _ = self.pairs
        except ValueError as error:
            text = gettext("Each line is %(example)s; this one is not: %(line)s",
                           example=self.example, line=str(error))  # fmt: skip
            raise ValidationError(text) from None


class HeadersField(LinesField):
    """Lines of Name: value."""

    between = ":"
    example = "Name: value"

    def read(self, value: str) -> str:
        """Blanks around it do not count."""
        return value.strip()


class BodyField(TextAreaField):
    """A body: JSON if it begins as JSON does, else a text."""

    @property
    def value(self) -> Any:
        """The body; raises ValueError where it begins as JSON and is none."""
        text = (self.data or "").replace("\r\n", "\n")
        if not text.strip():
            return None
        return json.loads(text) if text.lstrip()[0] in "{[" else text

    def pre_validate(self, form: Any) -> None:
        try:
            _ = self.value
        except (ValueError, RecursionError) as error:
            text = gettext("It begins as JSON does, and is none: %(reason)s", reason=str(error))
            raise ValidationError(text) from None


def _yes_or_no(label: str, no: str) -> SelectField:
    choices = [SelectChoice("yes", lazy_gettext("yes")), SelectChoice("no", no)]
    return SelectField(lazy_gettext(label), default="yes", choices=choices)


class AgentFields(LlmFields):
    """To be inherited by a form that has a field ``agent``."""

    agent: SelectField
    working_dir = StringField(lazy_gettext("Working directory"))
    stdin = SelectField(
        lazy_gettext("Input"),
        default="open",
        choices=[
            SelectChoice("open", lazy_gettext("open: you can send it lines")),
            SelectChoice("none", lazy_gettext("none")),
        ],
    )
    env = LinesField(lazy_gettext("Environment"))
    secret_env = LinesField(lazy_gettext("Secret environment"))
    preset = SelectField(
        lazy_gettext("Kind"),
        default="request",
        choices=[
            SelectChoice("request", lazy_gettext("a request")),
            SelectChoice("webhook", lazy_gettext("a web hook")),
            SelectChoice("langflow", lazy_gettext("a flow of Langflow")),
        ],
    )
    method = SelectField(
        lazy_gettext("Method"),
        default="",
        choices=[SelectChoice(name, name or lazy_gettext("as usual")) for name in METHODS],
    )
    url = StringField(lazy_gettext("Address"))
    langflow_flow = StringField(lazy_gettext("Flow in Langflow"))
    headers = HeadersField(lazy_gettext("Headers"))
    secret_headers = HeadersField(lazy_gettext("Secret headers"))
    secret_params = LinesField(lazy_gettext("Secret parameters"))
    body = BodyField(lazy_gettext("Body"))
    expected_status = StringField(lazy_gettext("Expected status"))
    request_timeout_s = DurationField(lazy_gettext("One try may take"))
    request_retries = IntegerField(
        lazy_gettext("Further tries of the request"), [Optional(), NumberRange(0, 20)]
    )
    follow_redirects = _yes_or_no("Follow redirections", lazy_gettext("no"))
    verify_tls = _yes_or_no("Check certificates", lazy_gettext("no, trust whoever answers"))

    def own_settings(self) -> dict[str, Any]:
        """The settings of the chosen agent as a script would send them; empty ones are None."""
        if self.agent.data == "shell":
            return self._of_shell()
        if self.agent.data in TALKERS:
            return self.llm_settings()
        return self._of_http() if self.agent.data == "http" else {}

    def _of_shell(self) -> dict[str, Any]:
        return {
            "working_dir": _text(self.working_dir),
            "env": self.env.pairs or None,
            "secret_env": self.secret_env.pairs or None,
            "stdin": self.stdin.data,
        }

    def _of_http(self) -> dict[str, Any]:
        found = {
            "preset": self.preset.data,
            "method": self.method.data or None,
            "url": _text(self.url),
            "langflow_flow": _text(self.langflow_flow),
            "headers": self.headers.pairs or None,
            "secret_headers": self.secret_headers.pairs or None,
            "secret_params": self.secret_params.pairs or None,
            "body": self.body.value,
            "expected_status": _text(self.expected_status),
            "request_timeout_s": self.request_timeout_s.seconds,
            "request_retries": self.request_retries.data,
            "follow_redirects": self.follow_redirects.data != "no",
            "verify_tls": self.verify_tls.data != "no",
        }
        if self.preset.data != "langflow":  # what another kind has no use for is let go
            found |= dict.fromkeys(ONLY_LANGFLOW)
        return found


def field_values(settings: Mapping[str, Any]) -> dict[str, Any]:
    """What the fields show of settings, whose secrets are masked already."""
    body = settings.get("body")
    plain = ("working_dir", "url", "preset", "langflow_flow", "expected_status", "request_retries")
    return {
        **{name: settings[name] for name in plain if settings.get(name) is not None},
        **llm_values(settings),
        "stdin": settings.get("stdin", "open"),
        "env": _lines(settings.get("env"), "="),
        "secret_env": _lines(settings.get("secret_env"), "="),
        "method": settings.get("method", ""),
        "headers": _lines(settings.get("headers"), ": "),
        "secret_headers": _lines(settings.get("secret_headers"), ": "),
        "secret_params": _lines(settings.get("secret_params"), "="),
        "body": json.dumps(body, indent=2, ensure_ascii=False)
        if isinstance(body, dict | list)
        else body,
        "request_timeout_s": written(settings.get("request_timeout_s")),
        "follow_redirects": "yes" if settings.get("follow_redirects", True) else "no",
        "verify_tls": "yes" if settings.get("verify_tls", True) else "no",
    }


def agent_choices(names: Iterable[str]) -> list[SelectChoice]:
    """The agents to choose from, the usual one first."""
    return [SelectChoice(name) for name in sorted(names, key=lambda name: (name != FIRST, name))]


def _text(field: StringField) -> str | None:
    return (field.data or "").strip() or None


def _lines(pairs: Mapping[str, str] | None, between: str) -> str:
    return "\n".join(f"{name}{between}{value}" for name, value in (pairs or {}).items())
