"""The page that says what can be done here, by hand, by keyboard and by script."""

from __future__ import annotations

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

bp = Blueprint("help", __name__, url_prefix="/help")


@bp.get("")
def show() -> ResponseReturnValue:
    """Keyboard, the protocol for commands, and the API."""
    return render_template("help/show.html", active="help", root=request.url_root.rstrip("/"))
