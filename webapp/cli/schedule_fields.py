"""What may be said of a schedule on the command line, as the API takes it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from webapp.cli.ending import Code, Ended
from webapp.cli.options import Span
from webapp.domain.schedules.fates import CATCH_UPS, OVERLAPS


class Seconds(Span):
    """A span of time that may be none at all."""

    def convert(self, value: Any, param: Any, ctx: Any) -> float:
        """The span in seconds."""
        return 0.0 if str(value).strip() == "0" else super().convert(value, param, ctx)


class Time(click.ParamType[str]):
    """A date and time, of this machine's zone if it names none; nothing takes one away."""

    name = "time"

    def convert(self, value: Any, param: Any, ctx: Any) -> str:
        """The time as the API takes it."""
        try:
            return datetime.fromisoformat(value).astimezone().isoformat() if value else ""
        except (ValueError, OverflowError):
            self.fail(f"{value!r} is no time such as 2026-11-23T09:00.", param, ctx)


FIELDS: list[Callable[[Any], Any]] = [
    click.option("--timezone", metavar="ZONE", help="Such as Europe/Berlin."),
    click.option("--description", help="What it is good for."),
    click.option("--overlap", type=click.Choice(OVERLAPS), help="While a run is not over."),
    click.option("--catch-up", type=click.Choice(CATCH_UPS), help="Of what was missed."),
    click.option("--catch-up-limit", type=int, help="With all: the newest so many."),
    click.option(
        "--catch-up-window", "catch_up_window_s", type=Seconds(), help="With all: not older."
    ),
    click.option("--grace", "grace_s", type=Seconds(), help="So much later is in time."),
    click.option("--jitter", "jitter_s", type=Seconds(), help="Put off by up to so much."),
    click.option("--starts", "starts_at", type=Time(), help="Not due before."),
    click.option("--ends", "ends_at", type=Time(), help="Not due after."),
    click.option(
        "--not-on",
        "calendar",
        multiple=True,
        metavar="DAY",
        help="2026-12-25, 12-25 or 2026-12-24/2027-01-02; repeated; '' for no such day.",
    ),
    click.option("--ics", metavar="FILE", help="A calendar file; not on its all-day events."),
    click.option(
        "--pause-after",
        "pause_after_failures",
        type=int,
        help="Off after so many failures; 0: never.",
    ),
    click.option("--never", is_flag=True, help="Have no rule."),
    click.option("--on/--off", "is_enabled", default=None, help="Switch it."),
]


def body_of(given: dict[str, Any]) -> dict[str, Any]:
    """What is said, as the API takes it: nothing takes something away."""
    body = {name: value for name, value in given.items() if value not in (None, ())}
    for name in ("description", "starts_at", "ends_at"):
        if body.get(name) == "":
            body[name] = None
    if body.get("pause_after_failures") == 0:
        body["pause_after_failures"] = None
    if "calendar" in body:
        body["calendar"] = [day for day in body["calendar"] if day] or None
    if (path := body.pop("ics", None)) is not None:
        body["calendar_ics"] = read_text(path)
    return body


def read_text(path: str) -> str:
    """The text of a file; Ended where there is none."""
    try:
        return Path(path).read_text("utf-8")
    except OSError as error:
        raise Ended(Code.USAGE, f"{path}: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise Ended(Code.USAGE, f"{path} is not UTF-8.") from None
