"""`lineup serve` itself, with a tiny Flask application in front of it, as a yardstick."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Any

from apiflask import APIFlask
from flask import Flask, jsonify
from flask.typing import ResponseReturnValue

from webapp.cli.setup import application

PATH, EMPTY_PATH = "/bare", "/bare/unchanged"

bare = Flask(__name__)


@bare.get(PATH)
def answer() -> ResponseReturnValue:
    """As little as a JSON answer can be: no guard, no database."""
    return jsonify(has_active_task=False, active_task=None)


@bare.get(EMPTY_PATH)
def unchanged() -> ResponseReturnValue:
    """The same without an answer."""
    return "", 204


def application_and_bare_routes() -> APIFlask:
    """The application of `lineup serve`; what is asked of the bare routes does not reach it."""
    app = application()
    lineup = app.wsgi_app

    def wsgi(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        chosen = bare if environ["PATH_INFO"] in (PATH, EMPTY_PATH) else lineup
        return chosen(environ, start_response)

    app.wsgi_app = wsgi  # type: ignore[method-assign]
    return app


if __name__ == "__main__":
    command = import_module("webapp.cli.serve")
    command.application = application_and_bare_routes  # type: ignore[attr-defined]
    command.serve()
