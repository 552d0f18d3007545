"""What a cron expression would do, before it is anybody's schedule."""

from __future__ import annotations

from apiflask import APIBlueprint
from flask.typing import ResponseReturnValue
from pydantic import Field, StrictInt, StrictStr

from webapp import clock
from webapp.api.bodies import Answer, Body, answers
from webapp.domain import cron
from webapp.domain.errors import Invalid
from webapp.doors import schedules as door
from webapp.doors.words import language, note, words
from webapp.ports import ports

bp = APIBlueprint("api_previews", __name__, url_prefix="/api/schedule", tag="Schedules")

SHOWN = 10


class PreviewBody(Body):
    """A rule, and from when on its runs are wanted."""

    cron_expression: StrictStr = Field(
        description="5 fields, 6 with seconds first, or @hourly and the like."
    )
    timezone: StrictStr | None = Field(
        None, description="An IANA name such as Europe/Berlin; the machine's if left out."
    )
    count: StrictInt | None = Field(
        None, ge=1, le=100, description=f"So many runs; {SHOWN} if left out."
    )
    after: StrictStr | None = Field(None, description="Runs later than this; now if left out.")


class RunAnswer(Answer):
    """A due time: in UTC, in the zone, and what a clock change does to it or null."""

    at: str
    local: str
    note: str | None


class PreviewAnswer(Answer):
    """The expression in words, in the language of Accept-Language (en, zh), and its next runs."""

    words: str
    runs: list[RunAnswer]


@bp.post("/preview")
@bp.input(PreviewBody)
@bp.doc(responses=answers(PreviewAnswer, refusals=(400, 415)))
def preview(json_data: PreviewBody) -> ResponseReturnValue:
    """Read a cron expression back in words, with its next runs."""
    fields = json_data.model_dump(include={"cron_expression", "timezone"})
    usable = door.values({name: value for name, value in fields.items() if value is not None})
    rule = cron.parse(
        usable["cron_expression"],
        usable.get("timezone") or clock.machine_zone(),
        min_interval_s=ports().settings.min_interval,
    )
    try:
        after = clock.now() if json_data.after is None else door.moment(json_data.after)
    except ValueError as error:
        raise Invalid.field("after", str(error)) from None
    tongue = language()
    runs = rule.runs(after, json_data.count or SHOWN)
    return {
        "words": words(usable["cron_expression"], tongue),
        "runs": [
            {"at": run.at.isoformat(), "local": run.local.isoformat(), "note": note(run, tongue)}
            for run in runs
        ],
    }
