"""How bodies and queries are read and described: strict models, and refusals that name fields."""

from __future__ import annotations

import json
from typing import Any, get_origin

from apiflask import APIFlask
from apiflask.schema_adapters import registry
from apiflask.schema_adapters.pydantic import PydanticAdapter
from flask import Request
from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from webapp.domain.errors import Invalid
from webapp.doors.intake import check_unicode, refused


class Body(BaseModel):
    """A request: unknown fields are refused by name."""

    model_config = ConfigDict(extra="forbid")

    @field_validator("*", mode="before")
    @classmethod
    def _is_unicode(cls, value: Any) -> Any:
        for text in value if isinstance(value, list) else [value]:
            if isinstance(text, str):
                check_unicode(text)
        return value


class Answer(BaseModel):
    """A response. Models describe it; views build it."""


class Message(Answer):
    """It is done."""

    message: str


class ErrorAnswer(Answer):
    """Every refusal: ``detail`` is a sentence, ``error`` a stable code."""

    success: bool
    error: str
    message: str
    detail: str
    fields: dict[str, str] | None = None


class LineupAdapter(PydanticAdapter):
    """Reads a body that may be left out, and refuses in our own words."""

    def validate_input(self, request: Request, location: str, **kwargs: Any) -> BaseModel:
        """The validated model; raises Invalid that names each field and the reason."""
        data = _json(request) if location == "json" else self._query(request)
        try:
            validated: BaseModel = self.model_class.model_validate(data)
        except ValidationError as error:
            raise refused(_problems(error)) from None
        return validated

    def _query(self, request: Request) -> dict[str, Any]:
        """Each parameter once, but those that are lists as often as you like."""
        fields = self.model_class.model_fields
        many = {name for name, field in fields.items() if get_origin(field.annotation) is list}
        given = request.args.to_dict(flat=False)
        twice = {name for name, values in given.items() if len(values) > 1} - many
        if twice:
            raise refused(dict.fromkeys(sorted(twice), "it is given more than once"))
        return {name: values if name in many else values[0] for name, values in given.items()}


registry.register("pydantic", LineupAdapter)  # before any view is decorated with a model
_REFUSAL_SCHEMA = ErrorAnswer.model_json_schema()
"""How a refusal reads, in its description."""


def init_app(app: APIFlask) -> None:
    """Have the framework describe refusals as they are."""
    app.config.update(
        VALIDATION_ERROR_STATUS_CODE=400,
        VALIDATION_ERROR_SCHEMA=_REFUSAL_SCHEMA,
        VALIDATION_ERROR_DESCRIPTION="Not readable as JSON, or a field cannot be used",
        HTTP_ERROR_SCHEMA=_REFUSAL_SCHEMA,
        AUTO_404_RESPONSE=False,
        AUTO_SERVERS=False,
    )


def answers(
    model: type[BaseModel] | None,
    *,
    refusals: tuple[int, ...] = (),
    kind: str = "application/json",
    done: int = 200,
) -> dict[int, Any]:
    """What a view answers, for its description: its model, and the refusals it may give.

    The model only describes: views build their answers themselves, and tests hold them against it.
    """
    schema: dict[str, Any] = {"type": "string"}
    if model is not None:
        DESCRIBED[model.__name__] = model
        schema = {"$ref": f"#/components/schemas/{model.__name__}"}
    answer = {"description": "Done", "content": {kind: {"schema": schema}}}
    return {done: answer, **{status: REFUSALS[status] for status in (401, 403, *refusals)}}


DESCRIBED: dict[str, type[BaseModel]] = {}
"""The models of all answers, by name."""

REFUSALS = {
    400: "A field cannot be used, or there is nothing to act on",
    401: "Not logged in",
    403: "Not allowed",
    404: "There is no such thing",
    409: "Not as things stand",
    410: "It was deleted",
    413: "More than is taken",
    415: "Not the media type that this address takes",
    422: "This Idempotency-Key was sent with another body",
    429: "Too much at once; Retry-After says when to come back",
    503: "The database does not answer; nothing was stored",
    507: "The disk did not take it",
}


def _json(request: Request) -> Any:
    if not (sent := request.get_data(cache=True)):
        return {}
    try:
        data = json.loads(sent)
    except RecursionError:
        raise Invalid("bad_json", reason="it is nested too deeply.") from None
    except ValueError as error:
        raise Invalid("bad_json", reason=f"{error}.") from None
    if not isinstance(data, dict):
        raise Invalid("bad_json", reason="an object is expected.")
    return data


def _problems(error: ValidationError) -> dict[str, str]:
    problems: dict[str, str] = {}
    for problem in error.errors():
        name = ".".join(part for part in problem["loc"] if isinstance(part, str)) or "body"
        text = "there is no such field" if problem["type"] == "extra_forbidden" else problem["msg"]
        problems.setdefault(name, text.removeprefix("Value error, "))
    return problems
