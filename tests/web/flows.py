"""What tests of the pages of flows share."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from typing import Any

from apiflask import APIFlask

from webapp.db import db
from webapp.models import Flow

Make = Callable[..., str]
NIGHTLY = {"name": "Nightly", "agent": "shell", "task_description": "make backup", "lane": "main"}
TARGET = {
    "parameters-0-name": "target",
    "parameters-0-type": "choice",
    "parameters-0-choices": "disk\r\ntape",
    "parameters-0-default": "disk",
    "parameters-1-name": "level",
    "parameters-1-type": "integer",
    "parameters-1-required": "1",
}


def text(page: str) -> str:
    """A page as it is read."""
    return html.unescape(page)


def only_flow(app: APIFlask) -> Any:
    """The one flow there is."""
    with app.app_context():
        [row] = db.session.execute(Flow.__table__.select())
        return row


def problems(page: str) -> list[str]:
    """What is said to be wrong, in the order of the page."""
    return [text(found) for found in re.findall(r'class="problem"[^>]*>([^<]+)<', page)]
