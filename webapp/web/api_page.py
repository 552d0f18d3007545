"""/api/docs: the API's description as a page that can try each call."""

from __future__ import annotations

from typing import Any, cast

from apiflask import APIFlask
from flask import Blueprint, current_app, render_template
from flask.typing import ResponseReturnValue

from webapp.web import help as help_pages

bp = Blueprint("api_page", __name__)

METHODS = ("get", "post", "put", "delete")


@bp.get("/api/docs")
def show() -> ResponseReturnValue:
    """Show it by Swagger UI; without JavaScript as a list of all calls."""
    spec = cast(dict[str, Any], cast(APIFlask, current_app).spec)
    return render_template(
        "help/api.html", active="help", pages=help_pages.pages(), groups=_calls(spec)
    )


def _calls(spec: dict[str, Any]) -> dict[str, list[tuple[str, str, str]]]:
    """(method, path, what it does) of every call, by group."""
    groups: dict[str, list[tuple[str, str, str]]] = {}
    for path, operations in sorted(spec["paths"].items()):
        for method in METHODS:
            if method in operations:
                call = operations[method]
                groups.setdefault(call["tags"][0], []).append(
                    (method.upper(), path, call.get("summary", ""))
                )
    return groups
