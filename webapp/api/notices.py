"""Notifications: the channels people are told through, and what was told."""

from __future__ import annotations

from typing import Any, Literal

from apiflask import APIBlueprint
from flask.typing import ResponseReturnValue
from pydantic import Field, StrictBool, StrictInt, StrictStr
from sqlalchemy import Row

from webapp import clock
from webapp.api.bodies import Answer, Body, Message, answers
from webapp.api.paging import MOST, below, cursor
from webapp.domain.messages import sentence
from webapp.doors import notices as doors
from webapp.doors.principal import administration, principal
from webapp.queries import notices
from webapp.queries.notices import Wanted
from webapp.queries.tasks import plain
from webapp.services.notices import channels as verbs
from webapp.services.notices import deliveries

bp = APIBlueprint("api_notices", __name__, url_prefix="/api/notifications", tag="Notifications")


class ChannelFields(Body):
    """What a channel is told of all flows that have no rules of their own."""

    is_enabled: StrictBool = Field(True, description="Whether it is told anything.")
    failed_after: StrictInt | None = Field(
        1, description="Told when a flow has failed so often in a row; null: never."
    )
    recovered: StrictBool = Field(True, description="Told that it works again.")
    missed: StrictBool = Field(True, description="Told that due times were missed.")
    paused: StrictBool = Field(True, description="Told that failures switched a schedule off.")
    budget: StrictBool = Field(
        True, description="Told when 80 % of a budget of the day is used, its own or the server's."
    )


class ChannelBody(ChannelFields):
    """A new channel; its address is an apprise URL, and never shown again."""

    name: StrictStr
    url: StrictStr = Field(description="As in mailto://, tgram://, ntfy:// or json://.")


class ChannelChangeBody(ChannelFields):
    """What is to be different; a ``url`` that is left out or empty stays."""

    name: StrictStr | None = None
    url: StrictStr | None = None


class LogQuery(Body):
    """Which part of the log."""

    channel_id: int | None = Field(None, ge=1, le=MOST)
    state: Literal["pending", "sent", "failed"] | None = None
    limit: int = Field(50, ge=1, le=1000)
    cursor: str | None = Field(None, description="next_cursor of the page before.")


class ChannelAnswer(Answer):
    """A channel; ``address`` shows nothing of it that may be secret."""

    channel_id: int
    name: str
    service: str
    address: str
    is_enabled: bool
    failed_after: int | None
    recovered: bool
    missed: bool
    paused: bool
    budget: bool
    trouble_at: str | None
    created_at: str
    updated_at: str


class ChannelsAnswer(Answer):
    """All channels by name."""

    channels: list[ChannelAnswer]


class TestAnswer(Answer):
    """Whether the service took it, its own words, and how long it took."""

    success: bool
    message: str
    latency_ms: int


class NoticeAnswer(Answer):
    """A notice on its way through one channel."""

    delivery_id: int
    channel_id: int
    channel: str
    event: Literal["failed", "recovered", "missed", "paused", "budget"]
    flow_id: str | None = Field(description="Null: it is about the server.")
    task_id: str | None
    message: str
    created_at: str
    state: Literal["pending", "sent", "failed"]
    tries: int
    next_try_at: str | None
    last_error: str | None
    sent_at: str | None


class LogAnswer(Answer):
    """A page of the log, newest first."""

    notifications: list[NoticeAnswer]
    next_cursor: str | None


@bp.get("/channels")
@bp.doc(responses=answers(ChannelsAnswer))
def index() -> ResponseReturnValue:
    """List the channels."""
    return {"channels": [_channel(row) for row in notices.channels()]}


@bp.post("/channels")
@administration
@bp.input(ChannelBody)
@bp.doc(responses=answers(ChannelAnswer, refusals=(400, 409, 415), done=201))
def create(json_data: ChannelBody) -> ResponseReturnValue:
    """Make a channel."""
    channel_id = doors.create(json_data.model_dump(), by=principal().name)
    return _channel(notices.channel(channel_id)), 201


@bp.get("/channels/<int:channel_id>")
@bp.doc(responses=answers(ChannelAnswer, refusals=(404,)))
def show(channel_id: int) -> ResponseReturnValue:
    """Show a channel."""
    return _channel(notices.channel(channel_id))


@bp.put("/channels/<int:channel_id>")
@administration
@bp.input(ChannelChangeBody)
@bp.doc(responses=answers(ChannelAnswer, refusals=(400, 404, 409, 415)))
def change(channel_id: int, json_data: ChannelChangeBody) -> ResponseReturnValue:
    """Change what is sent, and nothing else."""
    sent = json_data.model_dump(exclude_unset=True)
    doors.change(channel_id, sent, by=principal().name)
    return _channel(notices.channel(channel_id))


@bp.delete("/channels/<int:channel_id>")
@administration
@bp.doc(responses=answers(Message, refusals=(404,)))
def delete(channel_id: int) -> ResponseReturnValue:
    """Delete a channel, with the log of what was told through it."""
    name = verbs.remove(channel_id, by=principal().name, now=clock.now())
    return {"message": sentence("channel_deleted", {"name": name})}


@bp.post("/channels/<int:channel_id>/test")
@administration
@bp.doc(responses=answers(TestAnswer, refusals=(404, 409)))
def test(channel_id: int) -> ResponseReturnValue:
    """Send a test now, and say what the service said."""
    sent = doors.test(channel_id)
    return {"success": sent.ok, "message": sent.said, "latency_ms": sent.took_ms}


@bp.get("")
@bp.input(LogQuery, location="query")
@bp.doc(responses=answers(LogAnswer, refusals=(400,)))
def log(query_data: LogQuery) -> ResponseReturnValue:
    """List what was told, newest first."""
    wanted = Wanted(query_data.channel_id, query_data.state)
    before = below(query_data.cursor, wanted)
    found = notices.log(wanted, below=before, limit=query_data.limit)
    return {
        "notifications": [_notice(row) for row in found.rows],
        "next_cursor": cursor(found.older, wanted),
    }


@bp.post("/<int:delivery_id>/send")
@bp.doc(responses=answers(Message, refusals=(404, 409)))
def send(delivery_id: int) -> ResponseReturnValue:
    """Send a notice again."""
    deliveries.again(delivery_id, by=principal().name, now=clock.now())
    return {"message": sentence("sent_again", {})}


def _channel(row: Row[Any]) -> dict[str, Any]:
    return {
        "channel_id": row.channel_id,
        "name": row.name,
        "service": row.service,
        "address": row.shown,
        "is_enabled": row.is_enabled,
        "failed_after": row.failed_after,
        "recovered": row.recovered,
        "missed": row.missed,
        "paused": row.paused,
        "budget": row.budget,
        "trouble_at": plain(row.trouble_at),
        "created_at": plain(row.created_at),
        "updated_at": plain(row.updated_at),
    }


def _notice(row: Row[Any]) -> dict[str, Any]:
    return {
        "delivery_id": row.delivery_id,
        "channel_id": row.channel_id,
        "channel": row.channel,
        "event": row.event,
        "flow_id": row.flow_id,
        "task_id": row.task_id,
        "message": sentence(row.code, row.params),
        "created_at": plain(row.created_at),
        "state": row.state,
        "tries": row.tries,
        "next_try_at": plain(row.next_try_at),
        "last_error": row.last_error,
        "sent_at": plain(row.sent_at),
    }
