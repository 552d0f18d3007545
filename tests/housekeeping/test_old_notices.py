"""The log of what was told goes when it is old; what is still to be told does not."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import update

from tests.flowing import Rows, rows
from tests.housekeeping.test_retention import House, house
from webapp import clock
from webapp.db import transaction
from webapp.models import Delivery, Notification
from webapp.runtime.context import Context
from webapp.services.notices import aftermath
from webapp.services.notices.aftermath import Missed

__all__ = ["house", "rows"]


def test_old_notices_go_with_their_deliveries_unless_they_wait(
    rows: Rows, house: House, context: Context
) -> None:
    rows.channel()
    now = clock.now()
    for flow_id, days in (("sent", 40), ("waiting", 40), ("young", 1)):
        rows.flow(flow_id)
        then = now - timedelta(days=days)
        context.call(transaction(aftermath.missed), [Missed(flow_id, then, then)], then)
    told = update(Delivery.__table__).where(Delivery.delivery_id == 1)
    rows.write(told.values(state="sent", sent_at=now, next_try_at=None))

    assert house(dry=True, keep_notices_days=30)["notices"] == 1
    assert house(keep_notices_days=30)["notices"] == 1

    kept = rows.read(Notification.__table__.select().order_by(Notification.notification_id))
    assert [row.flow_id for row in kept] == ["waiting", "young"]
    assert len(rows.read(Delivery.__table__.select())) == 2
