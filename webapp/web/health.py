"""Settings, and of these the page that says how Lineup itself is doing."""

from __future__ import annotations

import platform
import sys
import threading
from importlib.metadata import version
from typing import Any

from flask import Blueprint, current_app, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from webapp import __version__, clock
from webapp.doctor import quick
from webapp.domain.messages import N_
from webapp.doors import health
from webapp.ports import ports
from webapp.queries import board, retention

bp = Blueprint("health", __name__, url_prefix="/settings")

REMOVED = {
    "tasks": N_("tasks"),
    "outputs": N_("outputs"),
    "workspaces": N_("workspaces"),
    "sessions": N_("sessions"),
    "audit_lines": N_("lines of the audit log"),
    "notices": N_("notices"),
    "occurrences": N_("lines of the ledgers of schedules"),
}
_checking = threading.Lock()
PARTS = ("flask", "sqlalchemy", "apscheduler", "waitress")


@bp.get("")
def settings() -> ResponseReturnValue:
    """Settings begin with how things are."""
    return redirect(url_for("health.show"), 303)


@bp.get("/health")
def show() -> ResponseReturnValue:
    """Runner, lanes, database and versions, in words."""
    return _page()


@bp.get("/health/check")
def check() -> ResponseReturnValue:
    """The same page, with what the doctor's quick checks find. One at a time: they read a lot."""
    with _checking:
        findings = quick.findings(current_app, ports().settings, clock.now())
    return _page(findings=findings)


def _page(**more: Any) -> ResponseReturnValue:
    now = clock.now()
    world = board.board()
    found = ports()
    return render_template(
        "settings/health.html",
        active="settings",
        world=world,
        health=health.look(now),
        database=board.database(),
        house=retention.last_pass(),
        kept=found.settings,
        REMOVED=REMOVED,
        data=found.settings.data,
        now=now,
        versions={
            "Lineup": __version__,
            "Python": platform.python_version(),
            sys.platform: platform.release(),
            **{name: version(name) for name in PARTS},
        },
        **more,
    )
