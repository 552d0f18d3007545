"""The form by which a flow is run: a field for each of its parameters, by its type."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flask import request
from flask_babel import gettext

from webapp.domain import parameters
from webapp.domain.errors import Conflict, Invalid, Refused, TooMany
from webapp.web.forms import as_sentence
from webapp.web.refusals import translated

BEFORE = "params."
LINES = 4
"""A default with more lines than one is shown in a field of so many."""


@dataclass
class Parameter:
    """A field of the form."""

    name: str
    type: str
    value: str
    required: bool
    about: str
    choices: Sequence[str]
    problem: str | None = None

    @property
    def is_long(self) -> bool:
        """Whether it needs a field of several lines."""
        return self.type == "json" or "\n" in self.value or len(self.value) > 80


@dataclass
class RunForm:
    """Values as they are typed; those that are left empty are the flow's defaults."""

    declared: Sequence[Mapping[str, Any]]
    fields: list[Parameter] = field(default_factory=list)
    problem: str | None = None

    @classmethod
    def of(cls, declared: Sequence[Mapping[str, Any]]) -> RunForm:
        """The form with what was sent, or with the defaults."""
        form = cls(declared)
        form.fields = [_field(one) for one in declared]
        return form

    def params(self) -> dict[str, Any]:
        """The values, typed as they are declared."""
        texts = {one.name: one.value for one in self.fields}
        given = parameters.read(self.declared, texts)
        return {name: value for name, value in given.items() if value != ""}

    def validate(self) -> bool:
        """Whether all that was typed can be read; says beside its field what cannot."""
        _, wrong = parameters.values(self.declared, self.params())
        for one in self.fields:
            reason = wrong.get(f"{BEFORE}{one.name}")
            said = as_sentence(reason) if reason else None
            one.problem = unreadable(one.type, one.value) or said
        return not any(one.problem for one in self.fields)

    def take(self, refusal: Refused) -> None:
        """Show a refusal, beside its field if it names one; others are raised."""
        if not isinstance(refusal, (Invalid, Conflict, TooMany)):
            raise refusal
        by_name = {f"{BEFORE}{one.name}": one for one in self.fields}
        for name, reason in refusal.fields.items():
            if (one := by_name.get(name)) is not None:
                one.problem = as_sentence(reason)
            else:
                self.problem = as_sentence(f"{name}: {reason}")
        if not refusal.fields:
            self.problem = translated(refusal.code, refusal.params)


def unreadable(kind: str, text: str) -> str | None:
    """Why a value of this type cannot be meant so: whoever types half an object meant no text."""
    if kind != "json" or not text.strip():
        return None
    try:
        json.loads(text)
    except (ValueError, RecursionError) as error:
        return gettext("This is no JSON: %(reason)s.", reason=str(error))
    return None


def _field(declared: Mapping[str, Any]) -> Parameter:
    name, default = declared["name"], declared.get("default")
    value = "" if default is None else parameters.as_text(default)
    sent = request.form.get(f"{BEFORE}{name}")
    return Parameter(
        name=name,
        type=declared["type"],
        value=value if sent is None else sent.replace("\r\n", "\n"),
        required=bool(declared.get("required")) and default is None,
        about=declared.get("description") or "",
        choices=declared.get("choices") or (),
    )
