"""How bodies and queries are read and described: strict models, and refusals that name fields."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from apiflask import APIFlask
from apiflask.schema_adapters import registry
from apiflask.schema_adapters.pydantic import PydanticAdapter
from flask import Request
from pydantic import BaseModel, ConfigDict, ValidationError
from werkzeug.exceptions import BadRequest

from webapp.domain.errors import Invalid
from webapp.intake import refused

View = TypeVar("View", bound=Callable[..., Any])


class Body(BaseModel):
    """A request: unknown fields are refused by name."""

    model_config = ConfigDict(extra="forbid")


class Answer(BaseModel):
    """A response. Models describe it; views build it."""


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
        data: Any = request.args.to_dict()
        if location == "json":
            data = _json(request)
        try:
            validated: BaseModel = self.model_class.model_validate(data)
        except ValidationError as error:
            raise refused(_problems(error)) from None
        return validated


def init_app(app: APIFlask) -> None:
    """Describe the API as it is."""
    registry.register("pydantic", LineupAdapter)
    app.config.update(
        VALIDATION_ERROR_STATUS_CODE=400,
        VALIDATION_ERROR_SCHEMA=ErrorAnswer,
        VALIDATION_ERROR_DESCRIPTION="Not readable as JSON, or a field cannot be used",
        HTTP_ERROR_SCHEMA=ErrorAnswer,
        AUTO_404_RESPONSE=False,
        AUTO_SERVERS=False,
        SECURITY_SCHEMES={"token": {"type": "http", "scheme": "bearer"}},
    )
    app.spec_processor(_describe)


def answers(
    model: type[BaseModel] | None, status: int = 200, *, refusals: tuple[int, ...] = ()
) -> Callable[[View], View]:
    """Describe what a view answers: its model, and the refusals it may give."""

    def decorate(view: View) -> View:
        spec = view.__dict__.setdefault("_spec", {})
        responses: dict[int, Any] = {code: _REFUSALS[code] for code in (401, 403, *refusals)}
        if model is not None:
            responses[status] = _response("Done", model)
        spec["responses"] = responses
        return view

    return decorate


def _response(description: str, model: type[BaseModel]) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": model}}}


_REFUSALS = {
    400: _response("A field cannot be used, or there is nothing to act on", ErrorAnswer),
    401: _response("Not logged in", ErrorAnswer),
    403: _response("Not allowed", ErrorAnswer),
    404: _response("There is no such thing", ErrorAnswer),
    409: _response("Not as things stand", ErrorAnswer),
    410: _response("It was deleted", ErrorAnswer),
    415: _response("Not application/json", ErrorAnswer),
    422: _response("This Idempotency-Key was sent with another body", ErrorAnswer),
    429: _response("Too much at once", ErrorAnswer),
}


def _json(request: Request) -> Any:
    if not request.get_data(cache=True):
        return {}
    try:
        data = request.get_json(force=True)
    except (BadRequest, RecursionError) as error:
        reason = getattr(error, "description", None) or "it is nested too deeply"
        raise Invalid("bad_json", reason=reason) from None
    if not isinstance(data, dict):
        raise Invalid("bad_json", reason="an object is expected")
    return data


def _problems(error: ValidationError) -> dict[str, str]:
    problems: dict[str, str] = {}
    for problem in error.errors():
        name = ".".join(str(part) for part in problem["loc"]) or "body"
        text = "there is no such field" if problem["type"] == "extra_forbidden" else problem["msg"]
        problems.setdefault(name, text.removeprefix("Value error, "))
    return problems


def _describe(spec: dict[Any, Any] | str) -> dict[Any, Any] | str:
    return {**spec, "security": [{"token": []}]} if isinstance(spec, dict) else spec
