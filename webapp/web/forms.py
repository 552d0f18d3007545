"""The forms people fill in: what they typed becomes the fields that intake and controls take."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar, cast
from uuid import uuid4

from flask_wtf import FlaskForm
from wtforms import (
    BooleanField,
    HiddenField,
    IntegerField,
    SelectField,
    StringField,
    TextAreaField,
)
from wtforms.fields import SelectChoice  # type: ignore[attr-defined]  # stubs lag behind
from wtforms.validators import NumberRange, Optional

from webapp.domain.errors import Refused
from webapp.domain.policies import MAX_RETRIES, PRIORITIES
from webapp.web.agent_fields import FIRST_OF_HTTP, FOLDED_SETTINGS, AgentFields, agent_choices
from webapp.web.durations import DurationField, lazy_gettext
from webapp.web.llm_fields import FIRST_OF_LLM

T = TypeVar("T")


class TaskForm(AgentFields, FlaskForm):
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
    retry_delay_s = DurationField(lazy_gettext("Wait before trying again"))
    rerun_interrupted = BooleanField(
        lazy_gettext("Run it again if a crash or a restart of the server interrupts it")
    )

    def __init__(
        self, *args: Any, agents: list[str], lanes: list[SelectChoice], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[no-untyped-call]
        self.agent.choices = agent_choices(agents)
        self.lane.choices = lanes
        self.offer_models(agents)
        self.refusal: Refused | None = None
        priority = self.priority.data
        if priority not in PRIORITIES and _is_whole(priority):
            own = SelectChoice(priority, f"{int(priority):+}")
            self.priority.choices = [*cast(list[Any], self.priority.choices), own]

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
            "retry_delay_s": self.retry_delay_s.seconds,
            "rerun_interrupted": bool(self.rerun_interrupted.data),
            **self.own_settings(),
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
            field.errors = [*field.errors, as_sentence(reason)]


class ComposerForm(TaskForm):
    """A task to be done now."""

    when_busy = HiddenField(default="reject")
    rerun_of = HiddenField()
    idempotency_key = HiddenField()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
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
        shown = {"task_description", "agent", "csrf_token", *FIRST_OF_HTTP, *FIRST_OF_LLM}
        folded = set(self._fields) - shown
        session = None if self.continues else self.session_id.data
        return any(self._fields[name].errors for name in folded) or bool(
            session or any(self._fields[name].data for name in FOLDED_SETTINGS)
        )

    def raw(self) -> dict[str, Any]:
        """The fields as a script would send them; what was left empty is None."""
        return {
            **super().raw(),
            "when_busy": self.when_busy.data or "reject",
            "upload_file_ids": self.upload_file_ids or None,
        }


def as_sentence(reason: str) -> str:
    """A reason as it stands beside a field."""
    said = reason[:1].upper() + reason[1:]
    return said if said.endswith(".") else f"{said}."


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


def _is_whole(text: Any) -> bool:
    return isinstance(text, str) and text.removeprefix("-").isdecimal() and len(text) < 9
