"""The form of a flow: a task's fields, its own, and its parameters, a row each."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from flask import request
from wtforms import FloatField, HiddenField, IntegerField, StringField, TextAreaField
from wtforms.validators import NumberRange, Optional

from webapp.domain import parameters
from webapp.domain.policies import TALKERS
from webapp.domain.spending import KINDS, MOST
from webapp.doors.flows import own_problems
from webapp.doors.notices import rules_of_form
from webapp.queries.board import Board
from webapp.web import notify_rules
from webapp.web.composer import lane_choices, task_values
from webapp.web.durations import lazy_gettext, written
from webapp.web.flow_run import unreadable
from webapp.web.forms import TaskForm, as_sentence

KEYS = ("name", "type", "default", "required", "description", "choices")
_FIELD = re.compile(r"parameters-(\d{1,3})-(\w+)")
_PLACE = re.compile(r"parameters\.(\d+)\.(\w+)")


@dataclass
class ParameterRow:
    """A parameter as it is typed, and what is wrong with it by the key."""

    name: str = ""
    type: str = "text"
    default: str = ""
    required: bool = False
    description: str = ""
    choices: str = ""
    """One per line."""
    problems: dict[str, str] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """Whether nothing was typed in it: it goes away when the form is saved."""
        return not (self.name or self.default or self.description or self.choices)

    @classmethod
    def of(cls, declared: Mapping[str, Any]) -> ParameterRow:
        """A parameter of a stored flow."""
        default = declared.get("default")
        return cls(
            name=declared["name"],
            type=declared["type"],
            default="" if default is None else parameters.as_text(default),
            required=bool(declared.get("required")),
            description=declared.get("description") or "",
            choices="\n".join(declared.get("choices") or ()),
        )

    def raw(self) -> dict[str, Any]:
        """The parameter as a script would declare it."""
        found: dict[str, Any] = {"name": self.name, "type": self.type}
        default = parameters.read([found], {self.name: self.default}).get(self.name)
        if default not in (None, ""):
            found["default"] = default
        if self.required:
            found["required"] = True
        if self.description:
            found["description"] = self.description
        if choices := [line.strip() for line in self.choices.splitlines() if line.strip()]:
            found["choices"] = choices
        return found


class FlowForm(TaskForm):
    """A flow as it is typed."""

    name = StringField(lazy_gettext("Name"), filters=[lambda text: text and text.strip()])
    description = TextAreaField(lazy_gettext("What it is good for"))
    day_requests = IntegerField(lazy_gettext("Requests a day"), [Optional(), NumberRange(1, MOST)])
    day_tokens = IntegerField(lazy_gettext("Tokens a day"), [Optional(), NumberRange(1, MOST)])
    day_cost = FloatField(lazy_gettext("USD a day"), [Optional()])
    version = HiddenField()
    of_task = HiddenField()
    default_word = lazy_gettext("the default one, whichever it is then")

    def __init__(self, world: Board, agents: list[str], values: Mapping[str, Any]) -> None:
        super().__init__(data=values, agents=agents, lanes=lane_choices(world))
        if request.method == "POST":
            self.rows = _rows(request.form)
            self.notify = notify_rules.rules(rules_of_form(request.form))
        else:
            self.notify = notify_rules.rules(values.get("notify"))
            self.rows = [ParameterRow.of(one) for one in values.get("parameters", ())]

    def validate(self, extra_validators: Any = None) -> bool:
        """Whether all fields can be read, and the defaults in the rows as well."""
        for row in self.rows:
            if (problem := unreadable(row.type, row.default)) is not None:
                row.problems["default"] = problem
        if super().validate(extra_validators) and not any(row.problems for row in self.rows):
            return True
        self.blame(own_problems(self._own()))  # all that is wrong is said at once
        return False

    @property
    def added(self) -> bool:
        """Whether the last row was asked for just now."""
        return "add" in request.form

    @property
    def dropped(self) -> bool:
        """Whether a row was taken away just now."""
        return "drop" in request.form

    @property
    def opened(self) -> bool:
        """Whether one of the fields that are folded away must be seen."""
        folded = ("session_id", "priority", "waiting_timeout_s", "silence_timeout_s")
        return any(self._fields[name].errors for name in folded)

    def raw(self) -> dict[str, Any]:
        """The fields as a script would send them; what was left empty is None."""
        version = self.version.data or ""
        told = {"notify": rules_of_form(request.form)} if "notify" in request.form else {}
        return {
            **told,
            **super().raw(),
            **self._own(),
            "version": int(version) if version.isdecimal() and len(version) < 19 else None,
        }

    def _own(self) -> dict[str, Any]:
        return {
            "name": self.name.data or "",
            "description": (self.description.data or "").replace("\r\n", "\n").strip() or None,
            "parameters": [row.raw() for row in self.rows if not row.is_empty],
            "budget": self._budget(),
        }

    def _budget(self) -> dict[str, Any] | None:
        """What all runs of a day may use; no other agent asks models."""
        if self.agent.data not in TALKERS:
            return None
        found = {kind: self._fields[f"day_{kind}"].data for kind in KINDS}
        return {kind: limit for kind, limit in found.items() if limit is not None} or None

    def blame(self, reasons: Mapping[str, str]) -> None:
        """Put refusals beside their fields; those of a parameter in its row."""
        filled, others = [row for row in self.rows if not row.is_empty], {}
        for name, reason in reasons.items():
            found = _PLACE.fullmatch(name)
            if found is not None and int(found[1]) < len(filled):
                filled[int(found[1])].problems.setdefault(found[2], as_sentence(reason))
            elif name.partition(".")[0] == "parameters":
                self.parameters_problem = as_sentence(reason)
            elif name == "budget":  # whose reason begins with what it is about
                kind = reason.partition(" ")[0]
                others[f"day_{kind if kind in KINDS else KINDS[0]}"] = reason
            elif name == "notify":
                self.notify = replace(self.notify, problem=as_sentence(reason))
            else:
                others[name] = reason
        super().blame(others)

    parameters_problem: str | None = None


def values_of(flow: Any) -> dict[str, Any]:
    """What the form shows of a stored flow; secrets are masked."""
    return {
        **task_values(flow),
        "waiting_timeout_s": written(flow.waiting_timeout_s),
        "name": flow.name,
        "description": flow.description,
        "parameters": flow.parameters,
        "notify": flow.notify,
        **{f"day_{kind}": limit for kind, limit in (flow.budget or {}).items()},
        "version": str(flow.version),
    }


def _rows(sent: Mapping[str, str]) -> list[ParameterRow]:
    """The rows of the form in their order, with one more or one fewer if that was asked for."""
    found: dict[int, ParameterRow] = {}
    for name, text in sent.items():
        match = _FIELD.fullmatch(name)
        if match is None or match[2] not in KEYS:
            continue
        row = found.setdefault(int(match[1]), ParameterRow())
        if match[2] == "required":
            row.required = True
        else:
            plain = text.replace("\r\n", "\n")
            setattr(row, match[2], plain if match[2] == "default" else plain.strip())
    dropped = sent.get("drop", "")
    rows = [row for number, row in sorted(found.items()) if str(number) != dropped]
    if "add" in sent and len(rows) < parameters.MOST:
        rows.append(ParameterRow())
    return rows
