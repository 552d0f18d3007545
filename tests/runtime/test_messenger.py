"""Notices on their way, to a real receiver: sent, tried again, given up, and in nobody's way."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from apiflask import APIFlask

from tests.conftest import FakeClock
from tests.flowing import Rows, rows
from tests.receiver import WORDS, Receiver, receiver
from tests.waiting import until
from webapp.courier import Courier
from webapp.db import transaction
from webapp.domain.notices import MOST_TRIES
from webapp.domain.spending import Near
from webapp.models import Channel, Delivery
from webapp.ports import KEY
from webapp.queries import notices
from webapp.runtime.context import Context
from webapp.runtime.messenger import Messenger
from webapp.services.notices import aftermath, deliveries
from webapp.services.notices.aftermath import Missed

__all__ = ["receiver", "rows"]

SECRET = "s3cret-path"


@pytest.fixture
def messenger(context: Context, fake_clock: FakeClock) -> Messenger:
    """What sends notices, with a clock to turn."""
    context.now, context.monotonic = fake_clock.now, fake_clock.monotonic
    return Messenger(context)


@pytest.fixture
def channel(app: APIFlask, rows: Rows, receiver: Receiver) -> Callable[..., int]:
    """Make a channel that leads to the receiver, or to an address."""

    def make(name: str = "phone", address: str | None = None, **columns: Any) -> int:
        vault = app.extensions[KEY].vault
        return rows.channel(name, sealed=vault.seal(address or receiver.address(SECRET)), **columns)

    return make


@pytest.fixture
def happen(context: Context, rows: Rows, fake_clock: FakeClock) -> Callable[..., None]:
    """Have a flow miss a due time, which every channel wants to be told of."""

    def make(flow_id: str = "nightly") -> None:
        rows.flow(flow_id)
        rows.schedule(flow_id)
        missed = [Missed(flow_id, fake_clock.now(), fake_clock.now())]
        context.call(transaction(aftermath.missed), missed, fake_clock.now())

    return make


def test_a_notice_is_delivered_once_with_its_reason_and_a_link(
    messenger: Messenger, channel: Any, happen: Any, receiver: Receiver, rows: Rows
) -> None:
    one = channel()
    happen()

    assert messenger.deliver(one)
    assert not messenger.deliver(one)

    (body,) = receiver.taken
    assert body["title"] == "nightly was not run"
    assert "“nightly” was due at 2026-11-23 13:00 (Europe/Berlin)" in body["message"]
    assert "http://127.0.0.1:7420/schedules/nightly" in body["message"]
    assert body["type"] == "warning"
    told = rows.one(Delivery)
    assert (told.state, told.tries, told.next_try_at, told.last_error) == ("sent", 1, None, None)


def test_the_notice_of_a_budget_leads_to_its_flow_and_that_of_the_server_to_its_settings(
    messenger: Messenger, channel: Any, context: Context, receiver: Receiver, rows: Rows
) -> None:
    one = channel()
    rows.flow("ask")
    for flow_id in ("ask", None):
        near = Near("tokens", 1000, 850)
        context.call(transaction(aftermath.near_budget), flow_id, "task", near, context.now())
        assert messenger.deliver(one)

    flow, day = receiver.taken
    assert flow["title"] == "The budget of ask is nearly used up"
    assert "“ask” has used 85 % of its budget of 1,000 tokens for today." in flow["message"]
    assert "http://127.0.0.1:7420/flows/ask" in flow["message"]
    assert day["title"] == "The day's budget for models is nearly used up"
    assert "85 % of the day's budget of 1,000 tokens is used." in day["message"]
    assert "http://127.0.0.1:7420/settings/llm-profiles" in day["message"]
    assert (flow["type"], day["type"]) == ("warning", "warning")


def test_what_is_not_taken_is_tried_again_later_and_not_sooner(
    messenger: Messenger,
    channel: Any,
    happen: Any,
    receiver: Receiver,
    rows: Rows,
    fake_clock: FakeClock,
) -> None:
    one = channel()
    happen()
    receiver.status = 500

    messenger.deliver(one)
    waiting = rows.one(Delivery)
    assert waiting.state == "pending"
    assert waiting.next_try_at == fake_clock.now() + timedelta(seconds=10)

    receiver.status = 200
    messenger.deliver(one)
    assert receiver.taken == []

    fake_clock.forward(10)
    messenger.deliver(one)
    assert len(receiver.taken) == 1
    assert (rows.one(Delivery).state, rows.one(Delivery).tries) == ("sent", 2)


def test_it_is_given_up_in_the_end_and_says_in_whose_words(
    messenger: Messenger,
    channel: Any,
    happen: Any,
    receiver: Receiver,
    rows: Rows,
    context: Context,
    fake_clock: FakeClock,
) -> None:
    one = channel()
    happen()
    receiver.status = 503
    for _ in range(MOST_TRIES + 2):
        messenger.deliver(one)
        fake_clock.forward(3600)

    lost = rows.one(Delivery)
    assert (lost.state, lost.tries, lost.next_try_at) == ("failed", MOST_TRIES, None)
    assert WORDS in lost.last_error
    assert SECRET not in lost.last_error
    assert rows.one(Channel).trouble_at is not None

    receiver.status = 200
    context.call(deliveries.again, lost.delivery_id, by="me", now=fake_clock.now())
    messenger.deliver(one)
    assert rows.one(Delivery).state == "sent"
    assert rows.one(Channel).trouble_at is None


def test_a_silent_service_holds_up_neither_the_ticker_nor_another_channel(
    messenger: Messenger, app: APIFlask, channel: Any, happen: Any, receiver: Receiver, rows: Rows
) -> None:
    app.extensions[KEY].courier = Courier(patience_s=0.3)
    slow = Receiver()
    slow.silent.set()
    channel("silent", slow.address(), missed=True)
    channel("good")
    happen()

    messenger.round()

    until(lambda: len(receiver.taken) == 1)
    until(lambda: ("no answer within 0.3 s",) in errors(rows))
    assert len(slow.paths) == 1
    slow.stop()


def errors(rows: Rows) -> list[tuple[str]]:
    """What was said at the last try of each notice."""
    return [(row.last_error,) for row in rows.read(Delivery.__table__.select())]


def test_what_waits_for_one_channel_is_sent_as_one_message(
    messenger: Messenger, channel: Any, happen: Any, receiver: Receiver, rows: Rows
) -> None:
    one = channel()
    for name in ("a", "b", "c"):
        happen(name)

    messenger.deliver(one)

    assert receiver.titles == ["3 notices from Lineup"]
    assert all(f"“{name}” was due" in receiver.taken[0]["message"] for name in "abc")
    assert {row.state for row in rows.read(Delivery.__table__.select())} == {"sent"}


def test_two_processes_do_not_send_the_same_and_a_dead_one_does_not_keep_it(
    messenger: Messenger,
    channel: Any,
    happen: Any,
    context: Context,
    receiver: Receiver,
    fake_clock: FakeClock,
) -> None:
    one = channel()
    happen()
    held = context.call(deliveries.take, one, fake_clock.now())
    assert held is not None

    assert not messenger.deliver(one)
    assert receiver.taken == []

    fake_clock.forward(91)
    assert messenger.deliver(one)
    assert len(receiver.taken) == 1
    assert context.call(deliveries.came_back, held, "too late", fake_clock.now()) == 0


def test_a_channel_whose_secret_cannot_be_opened_says_so(
    messenger: Messenger, rows: Rows, happen: Any
) -> None:
    one = rows.channel(sealed="of another vault")
    happen()

    messenger.deliver(one)

    assert "key" in rows.one(Delivery).last_error


def test_nothing_is_asked_where_nothing_waits(messenger: Messenger, channel: Any) -> None:
    one = channel()

    messenger.round()

    assert not messenger.deliver(one)
    with messenger._context.app.app_context():
        assert notices.due_channels(messenger._context.now()) == []
