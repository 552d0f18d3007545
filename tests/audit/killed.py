"""kill -9 before every statement of a firing in turn; then a survivor, and the books compared.

``python -m tests.audit.killed [EVERY [DIRECTORY [DATABASE_URL]]]``. Each life is a fork that dies
at its n-th statement, until one fires everything and lives; EVERY 3 tries every third.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import traceback
from datetime import timedelta
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import event

from tests.audit.house import House, moment
from tests.audit.ledger import ZONE, compare
from webapp import create_app, schema
from webapp.config import Settings
from webapp.db import db

HOUR = timedelta(hours=1)
SCHEDULES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("0 * * * *", {"overlap": "queue_all"}),
    ("*/20 * * * *", {"overlap": "queue_all", "catch_up": "all"}),
    ("30 * * * *", {"overlap": "skip", "catch_up": "once"}),
    ("15 * * * *", {"overlap": "replace", "catch_up": "once"}),
    ("0 * * * *", {"calendar": ["2026-01-01/2026-12-31"]}),
    ("10 * * * *", {"grace_s": 60.0}),
    ("0 * * * *", {"jitter_s": 60.0}),
)
MOST = 500
"""No firing of these takes so many statements."""


def die_at(number: int) -> None:
    """Have this process killed by its n-th statement, before it is executed; commits count."""
    left = [number]

    def count(*_: object) -> None:
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    for engine in db.engines.values():
        event.listen(engine, "before_cursor_execute", count)
        event.listen(engine, "commit", count)


def live(house: House, number: int | None = None) -> int:
    """Fork a process that looks at what is due; returns how it ended, as `waitpid` says.

    It is killed at its statement of that number, or it lives, and compares the books.
    """
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            house.start()
            if number is not None:
                with house.app.app_context():
                    die_at(number)
            house.tick()
            if number is None:
                compare(house)
            status = 0
        finally:
            if status:
                traceback.print_exc()
            os._exit(status)
    return os.waitpid(pid, 0)[1]


def kill_everywhere(house: House, every: int) -> int:
    """An hour passes before each life; returns at how many places one was killed."""
    for number in range(1, MOST, every):
        house.time += HOUR
        ended = live(house, number)
        assert ended in (0, signal.SIGKILL), f"ended as {ended} at statement {number}"
        house.time += timedelta(minutes=2)  # the jitter of what was due is over
        assert live(house) == 0, f"untrue after a kill at statement {number}"
        if ended == 0:
            return number // every
    raise AssertionError("it never ended")


def main() -> int:
    """Say at how many places a process was killed."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    with tempfile.TemporaryDirectory() as directory:
        every, data, url = [*sys.argv[1:], *("1", directory, "")[len(sys.argv) - 1 :]]
        app = create_app(Settings(data=Path(data), database_url=url, durability="normal"))
        schema.prepare(app)
        house = House(app, moment("2026-02-02 12:30"))
        for expression, policy in SCHEDULES:
            house.add(expression, ZONE, **policy)
        places = kill_everywhere(house, int(every))
    sys.stdout.write(f"killed at {places} places\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
