"""The cron rules of flows: list, make, change and remove them, and look into their ledgers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from apiflask import APIBlueprint
from flask.typing import ResponseReturnValue
from pydantic import Field, RootModel, StrictBool, StrictFloat, StrictInt, StrictStr

from webapp.api.bodies import Answer, Body, Message, answers
from webapp.api.paging import below, cursor
from webapp.api.streams import stream_list
from webapp.domain.errors import Invalid
from webapp.domain.messages import sentence
from webapp.doors import schedules as door
from webapp.doors.principal import principal
from webapp.queries import schedules
from webapp.queries.schedules import Filter, Wanted

bp = APIBlueprint("api_schedules", __name__, url_prefix="/api/schedule", tag="Schedules")

SHOWN = 100
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MOMENT = timedelta(microseconds=1)


class Fields(Body):
    """What may be set of a schedule; what is not sent is not changed."""

    cron_expression: StrictStr | None = Field(
        None, description="5 fields, 6 with seconds first, or @hourly and the like; null: never."
    )
    is_enabled: StrictBool | None = Field(None, description="A new one is, unless this is false.")
    description: StrictStr | None = None
    timezone: StrictStr | None = Field(
        None, description="An IANA name such as Europe/Berlin; the machine's if left out."
    )
    overlap: StrictStr | None = Field(
        None, description="While a run is not finished: skip, queue_one, queue_all or replace."
    )
    catch_up: StrictStr | None = Field(
        None, description="Of what was missed for longer than the grace: skip, once or all."
    )
    catch_up_limit: StrictInt | None = Field(
        None, description="With catch_up all: the newest so many."
    )
    catch_up_window_s: StrictFloat | None = Field(
        None, description="With catch_up all: due so many seconds ago or less."
    )
    grace_s: StrictFloat | None = Field(
        None, description="So much later is still in time; at most half of the period counts."
    )
    jitter_s: StrictFloat | None = Field(
        None, description="Each run is put off by up to so much, always the same for a due time."
    )
    starts_at: StrictStr | None = Field(None, description="The first moment at which it is due.")
    ends_at: StrictStr | None = Field(None, description="The last moment at which it is due.")
    calendar: list[StrictStr] | None = Field(
        None,
        description="Days in its zone on which it must not run: 2026-12-25, 12-25 (every year) "
        "or 2026-12-24/2027-01-02.",
    )
    calendar_ics: StrictStr | None = Field(
        None,
        description="The text of an iCalendar file: its all-day events of the next three years "
        "become days of the calendar.",
    )
    pause_after_failures: StrictInt | None = Field(
        None, description="Switched off after so many failed runs in a row; null: never."
    )


class ScheduleBody(Fields):
    """The rule of a flow that has none yet."""

    flow_id: StrictStr


class ScheduleChangeBody(Fields, extra="allow"):
    """Only what is sent changes; what is only shown may come back as it is shown."""

    flow_id: StrictStr | None = Field(None, description="If sent, the one of the address.")
    version: StrictInt | None = Field(
        None, description="If sent, it is refused where somebody changed it since."
    )


class ScheduleAnswer(Answer):
    """A schedule. ``next_execution_at`` is null while it is off, has no rule or has ended."""

    id: int
    flow_id: str
    flow_name: str
    cron_expression: str | None
    is_enabled: bool
    description: str | None
    timezone: str
    overlap: Literal["skip", "queue_one", "queue_all", "replace"]
    catch_up: Literal["skip", "once", "all"]
    catch_up_limit: int
    catch_up_window_s: float
    grace_s: float
    jitter_s: float
    starts_at: str | None
    ends_at: str | None
    calendar: list[str] | None
    pause_after_failures: int | None
    paused_at: str | None
    pause_reason: str | None
    missed_at: str | None = Field(
        description="When due times were last recorded as missed; null once somebody saw it."
    )
    missed_count: int = Field(description="How many due times that outage left out.")
    missed_from: str | None = Field(description="The first of them.")
    missed_until: str | None = Field(description="The last of them.")
    last_execution_at: str | None
    next_execution_at: str | None
    execution_count: int
    created_at: str
    updated_at: str
    version: int


class ScheduleList(RootModel[list[ScheduleAnswer]]):
    """Every schedule, newest first."""


class ListQuery(Body):
    """Which schedules."""

    is_enabled: bool | None = Field(None, description="Only those that are on, or off.")


class LedgerQuery(Body):
    """Which part of a ledger."""

    fate: Literal["fired", "skipped", "missed"] | None = None
    limit: int = Field(SHOWN, ge=1, le=1000)
    cursor: str | None = Field(
        None, description="next_cursor of the page before, with the same filters."
    )


class OccurrenceAnswer(Answer):
    """A due time and its one fate; one with ``until`` stands for ``count`` due times."""

    due_at: str
    fate: Literal["fired", "skipped", "missed"]
    late_ms: int | None
    reason: str | None
    task_id: str | None
    until: str | None = None
    count: int | None = None


class LedgerAnswer(Answer):
    """Due times, newest first; ``next_cursor`` is null on the last page.

    With a fate that is rare a page may be short, or empty, and not be the last.
    """

    occurrences: list[OccurrenceAnswer]
    next_cursor: str | None


@bp.get("")
@bp.input(ListQuery, location="query")
@bp.doc(responses=answers(ScheduleList, refusals=(400,)))
def list_schedules(query_data: ListQuery) -> ResponseReturnValue:
    """List every schedule, newest first, as a bare array."""
    rows = schedules.walk(Filter(is_enabled=query_data.is_enabled))
    return stream_list(schedules.as_json(row) for row in rows)


@bp.post("")
@bp.input(ScheduleBody)
@bp.doc(responses=answers(ScheduleAnswer, refusals=(400, 404, 409, 415)))
def create(json_data: ScheduleBody) -> ResponseReturnValue:
    """Give a flow its schedule."""
    fields = json_data.model_dump(exclude_unset=True)
    flow_id = fields.pop("flow_id")
    door.create(flow_id, fields, by=principal().name)
    return _shown(flow_id)


@bp.get("/<flow_id>")
@bp.doc(responses=answers(ScheduleAnswer, refusals=(404,)))
def show(flow_id: str) -> ResponseReturnValue:
    """Show the schedule of a flow."""
    return _shown(flow_id)


@bp.put("/<flow_id>")
@bp.input(ScheduleChangeBody)
@bp.doc(responses=answers(ScheduleAnswer, refusals=(400, 404, 409, 415)))
def change(flow_id: str, json_data: ScheduleChangeBody) -> ResponseReturnValue:
    """Change what is sent. The next time stays as it is, unless that changes when it is due."""
    fields = json_data.model_dump(exclude_unset=True)
    if fields.pop("flow_id", None) not in (None, flow_id):
        raise Invalid.field("flow_id", "a schedule cannot be moved to another flow")
    version = fields.pop("version", None)
    door.change(flow_id, fields, by=principal().name, version=version)
    return _shown(flow_id)


@bp.delete("/<flow_id>")
@bp.doc(responses=answers(Message, refusals=(404,)))
def remove(flow_id: str) -> ResponseReturnValue:
    """Remove a schedule and its ledger; the flow stays."""
    name = door.remove(flow_id, by=principal().name)
    return {"message": sentence("schedule_removed", {"name": name})}


@bp.get("/<flow_id>/occurrences")
@bp.input(LedgerQuery, location="query")
@bp.doc(responses=answers(LedgerAnswer, refusals=(400, 404)))
def occurrences(flow_id: str, query_data: LedgerQuery) -> ResponseReturnValue:
    """List what became of each due time, newest first."""
    wanted = Wanted(flow_id, query_data.fate)
    below_us = below(query_data.cursor, wanted)
    before = None if below_us is None else _time(below_us)
    found = schedules.occurrences(wanted, before=before, limit=query_data.limit)
    older = None if found.older is None else (found.older - _EPOCH) // _MOMENT
    return {
        "occurrences": [schedules.occurrence_as_json(row) for row in found.rows],
        "next_cursor": cursor(older, wanted),
    }


def _shown(flow_id: str) -> dict[str, Any]:
    return schedules.as_json(schedules.find(flow_id))


def _time(microseconds: int) -> datetime:
    try:
        return _EPOCH + microseconds * _MOMENT
    except OverflowError:
        raise Invalid.field("cursor", "send the next_cursor of the page before") from None
