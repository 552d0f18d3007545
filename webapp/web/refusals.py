"""One handler makes a page, a fragment or JSON of everything the program will not do."""

from __future__ import annotations

import re
from typing import Any

import structlog
from flask import Flask, Response, jsonify, make_response, render_template, request
from flask_babel import gettext
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException

from webapp.domain.errors import Refused, TooMany
from webapp.domain.messages import MESSAGES, sentence

log = structlog.get_logger(__name__)

JSON_PATHS = ("/health", "/health/ready", "/metrics", "/generate-session-id")
"""Addresses outside /api/ that answer programs."""
PAGES = ("/api/docs",)
"""Addresses inside it that answer people."""
HOOKS = "/hooks/"
_SLASHES = re.compile("/+")
CODES = {404: "not_found", 405: "method_not_allowed", 413: "too_large", 429: "too_many"}


def init_app(app: Flask) -> None:
    """Answer refusals, HTTP errors and crashes in the form that was asked for."""
    app.register_error_handler(Refused, _refused)
    app.register_error_handler(HTTPException, _http_error)
    for error in (OperationalError, PoolTimeout):
        app.register_error_handler(error, _database_away)
    app.register_error_handler(Exception, _crashed)


def answers_json(path: str) -> bool:
    """Whether this address belongs to the doors for programs."""
    if path in PAGES:
        return False
    merged = _SLASHES.sub("/", f"{path}/")
    return merged.startswith(("/api/", HOOKS)) or merged.rstrip("/") in JSON_PATHS


def translated(code: str, params: dict[str, Any]) -> str:
    """The sentence of a code in the reader's language."""
    template = MESSAGES.get(code)
    return code if template is None else gettext(template) % params


def _refused(refusal: Refused) -> Response:
    response = _answer(
        refusal.status, refusal.code, refusal.params, fields=refusal.fields, extra=refusal.extra
    )
    if isinstance(refusal, TooMany):
        response.headers["Retry-After"] = str(refusal.retry_after_s)
    return response


def _http_error(error: HTTPException) -> Response:
    status = error.code or 500
    if status < 400:
        return make_response(error.get_response())
    code = CODES.get(status)
    if code is None:
        return _answer(status, error.name.lower().replace(" ", "_"), {}, text=error.description)
    limit = (request.max_content_length or 0) // (1024 * 1024)
    params = {"method": request.method, "limit": limit, "retry_after_s": 30}
    response = _answer(status, code, params)
    if status == 405 and error.get_response().headers.get("Allow"):
        response.headers["Allow"] = error.get_response().headers["Allow"]
    return response


def _database_away(error: Exception) -> Response:
    log.error("database away", error=str(getattr(error, "orig", error)))
    response = _answer(503, "database_away", {})
    response.headers["Retry-After"] = "5"
    return response


def _crashed(error: Exception) -> Response:
    rule = request.url_rule
    path = rule.rule if rule is not None and "secret" in rule.arguments else request.path
    log.error("request crashed", path=path, method=request.method, exc_info=error)
    return _answer(500, "server_error", {})


def _answer(
    status: int,
    code: str,
    params: dict[str, Any],
    *,
    fields: dict[str, str] | None = None,
    extra: dict[str, Any] | None = None,
    text: str | None = None,
) -> Response:
    if answers_json(request.path):
        said = text or sentence(code, params)
        body = {"success": False, "error": code, "message": said, "detail": said}
        if fields:
            body["fields"] = fields
        return make_response(jsonify({**body, **(extra or {})}), status)
    said = text or translated(code, params)
    fragment = "HX-Request" in request.headers
    template = "_partials/refused.html" if fragment else "errors/refused.html"
    response = make_response(
        render_template(template, status=status, code=code, sentence=said, fields=fields or {}),
        status,
    )
    if fragment:
        response.headers["HX-Retarget"] = "#notices"
        response.headers["HX-Reswap"] = "innerHTML"
    return response
