"""The forms people fill in: what they typed becomes the fields that intake and controls take."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar, cast
from uuid import uuid4

import flask_babel
from flask_babel import gettext
from flask_wtf import FlaskForm
from wtforms import (
    HiddenField,
    IntegerField,
    SelectField,
    StringField,
    TextAreaField,
    ValidationError,
)
from wtforms.fields import SelectChoice  # type: ignore[attr-defined]  # stubs lag behind
from wtforms.validators import NumberRange, Optional

from webapp.domain.errors import Refused
from webapp.domain.policies import MAX_RETRIES, PRIORITIES

T = TypeVar("T")

_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_PART = re.compile(r"(\d+(?:[.,]\d+)?)\s*(s|min|m|h|d|)\s*")


def lazy_gettext(text: str) -> str:
    """A text that is translated when it is shown; forms are defined before anybody asks."""
    return cast(str, flask_babel.lazy_gettext(text))


class DurationField(StringField):
    """Seconds, or what people write for more of them: 90, 10m, 1h 30m."""

    @property
    def seconds(self) -> float | None:
        """The duration, or None if the field was left empty."""
        return parse_duration(self.data) if self.data and self.data.strip() else None

    def pre_validate(self, form: Any) -> None:
        try:
            _ = self.seconds
        except ValueError:
            text = gettext("Write a duration like 90, 10m or 1h 30m.")
            raise ValidationError(text) from None


class EnvironmentField(TextAreaField):
    """Lines of NAME=value."""

    @property
    def variables(self) -> dict[str, str]:
        """The variables by name; raises ValueError with the line that is none."""
        found = {}
        for line in (self.data or "").splitlines():
            if not line.strip():
                continue
            name, equals, value = line.partition("=")
            if not equals:
                raise ValueError(line.strip())
            found[name.strip()] = value
        return found

    def pre_validate(self, form: Any) -> None:
        try:
            _ = self.variables
        except ValueError as error:
            text = gettext("Each line is NAME=value; this one is not: %(line)s", line=str(error))
            raise ValidationError(text) from None


class ComposerForm(FlaskForm):
    """What should be done, by whom and how. Field names are those of the API."""

    task_description = TextAreaField(lazy_gettext("What should be done?"))
    agent = SelectField(lazy_gettext("Agent"))
    session_id = StringField(lazy_gettext("Session"))
    lane = SelectField(lazy_gettext("Lane"))
    priority = SelectField(
        lazy_gettext("Priority"),
        default="normal",
        choices=[
            SelectChoice("low", lazy_gettext("low")),
            SelectChoice("normal", lazy_gettext("normal")),
            SelectChoice("high", lazy_gettext("high")),
        ],
    )
    timeout_s = DurationField(lazy_gettext("May run for"))
    silence_timeout_s = DurationField(lazy_gettext("May be silent for"))
    waiting_timeout_s = DurationField(lazy_gettext("May wait for"))
    max_retries = IntegerField(
        lazy_gettext("Try again after a failure"),
        [Optional(), NumberRange(0, MAX_RETRIES)],
        default=0,
    )
    working_dir = StringField(lazy_gettext("Working directory"))
    stdin = SelectField(
        lazy_gettext("Input"),
        default="open",
        choices=[
            SelectChoice("open", lazy_gettext("open: you can send it lines")),
            SelectChoice("none", lazy_gettext("none")),
        ],
    )
    env = EnvironmentField(lazy_gettext("Environment"))
    secret_env = EnvironmentField(lazy_gettext("Secret environment"))
    when_busy = HiddenField(default="reject")
    rerun_of = HiddenField()
    idempotency_key = HiddenField()

    def __init__(
        self, *args: Any, agents: list[str], lanes: list[SelectChoice], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[no-untyped-call]
        self.agent.choices = [SelectChoice(name) for name in agents]
        self.lane.choices = lanes
        self.refusal: Refused | None = None
        self.upload_file_ids: list[str] = []
        """Uploads that the task is to be given."""
        self.continues: str | None = None
        """The session that this form is for, whatever it says."""
        if not self.idempotency_key.data:
            self.renew_key()

    def renew_key(self) -> None:
        """The next submission of this form is another one."""
        self.idempotency_key.data = str(uuid4())

    @property
    def opened(self) -> bool:
        """Whether one of the fields that are folded away must be seen."""
        folded = set(self._fields) - {"task_description", "agent", "csrf_token"}
        session = None if self.continues else self.session_id.data
        return any(self._fields[name].errors for name in folded) or bool(
            session or self.env.data or self.secret_env.data or self.working_dir.data
        )

    def raw(self) -> dict[str, Any]:
        """The fields as a script would send them; what was left empty is None."""
        return {
            "task_description": (self.task_description.data or "").replace("\r\n", "\n"),
            "agent": self.agent.data,
            "session_id": (self.session_id.data or "").strip() or None,
            "lane": self.lane.data,
            "priority": _priority(self.priority.data),
            "timeout_s": self.timeout_s.seconds,
            "silence_timeout_s": self.silence_timeout_s.seconds,
            "waiting_timeout_s": self.waiting_timeout_s.seconds,
            "max_retries": self.max_retries.data or 0,
            "when_busy": self.when_busy.data or "reject",
            "working_dir": (self.working_dir.data or "").strip() or None,
            "env": self.env.variables or None,
            "secret_env": self.secret_env.variables or None,
            "stdin": self.stdin.data,
            "upload_file_ids": self.upload_file_ids or None,
        }

    def take(self, refusal: Refused) -> None:
        """Show a refusal, beside its fields if it names some."""
        if refusal.fields:
            self.blame(refusal.fields)
        else:
            self.refusal = refusal

    def blame(self, reasons: Mapping[str, str]) -> None:
        """Put refusals beside their fields, as gettext knows them or as they are."""
        for name, reason in reasons.items():
            field = self._fields.get(name, self.task_description)
            said = reason[:1].upper() + reason[1:]
            field.errors = [*field.errors, said if said.endswith(".") else f"{said}."]


class TakesRefusals(Protocol):
    """A form that can show what was refused."""

    def take(self, refusal: Refused) -> None:
        """Show it; raises it where it is none of the form's business."""


def unless_refused(form: TakesRefusals, verb: Callable[[], T]) -> T | None:
    """Call a verb; a refusal that the form can show is put into it, and None is returned."""
    try:
        return verb()
    except Refused as refusal:
        form.take(refusal)
        return None


def _priority(word: str) -> int:
    return PRIORITIES[word] if word in PRIORITIES else int(word)


def parse_duration(text: str) -> float:
    """Seconds in ``90``, ``10m`` or ``1h 30m``; raises ValueError for anything else."""
    text = text.strip().lower()
    total, position = 0.0, 0
    while position < len(text):
        part = _PART.match(text, position)
        if part is None:
            raise ValueError(text)
        total += float(part[1].replace(",", ".")) * _UNITS[part[2]]
        position = part.end()
    if total <= 0:
        raise ValueError(text)
    return total
