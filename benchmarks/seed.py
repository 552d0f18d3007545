"""Fills a lane with waiting tasks through the service every door uses."""

from __future__ import annotations

import shutil
from pathlib import Path

from benchmarks.lineup import Home
from webapp import clock, create_app, schema
from webapp.config import Settings
from webapp.db import dispose
from webapp.services.submissions import Bounds, Submission, submit


def waiting(home: Home, count: int) -> Path:
    """A database in which ``count`` no-op tasks wait, each in a session of its own."""
    settings = Settings(data=home.data, durability="normal")
    app = create_app(settings)
    schema.prepare(app)
    bounds = Bounds(count, home.data / "workspaces")
    task = Submission("nothing", "noop", {}, when_busy="queue")
    for _ in range(count):
        with app.app_context():
            submit(task, by="benchmark", bounds=bounds, now=clock.now())
    dispose(app)
    full = home.data / "waiting.db"
    shutil.copy(home.database, full)
    return full


def restore(home: Home, full: Path) -> None:
    """Put the filled database back; no server may be running."""
    for name in ("-wal", "-shm"):
        home.database.with_name(home.database.name + name).unlink(missing_ok=True)
    shutil.copy(full, home.database)
