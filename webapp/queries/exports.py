"""All flows with their schedules, in pieces, for whoever writes them into a file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Row, bindparam, select

from webapp.db import db
from webapp.models import Flow, Schedule

_flows = Flow.__table__
_schedules = Schedule.__table__

BATCH = 200

_NEXT = select(_flows).where(_flows.c.seq > bindparam("after")).order_by(_flows.c.seq).limit(BATCH)
_OF_FLOWS = select(_schedules).where(
    _schedules.c.flow_id.in_(bindparam("flow_ids", expanding=True))
)


def every(flow_ids: Sequence[str] = ()) -> Iterator[tuple[Row[Any], Row[Any] | None]]:
    """Each flow, or each that is named, with its schedule, oldest first.

    Nothing is held between two batches: whoever reads may be slow.
    """
    query = _NEXT.where(_flows.c.flow_id.in_(flow_ids)) if flow_ids else _NEXT
    after = 0
    while True:
        rows = list(db.session.execute(query, {"after": after}))
        of_these = {"flow_ids": [row.flow_id for row in rows]}
        schedules = {row.flow_id: row for row in db.session.execute(_OF_FLOWS, of_these)}
        db.session.close()
        yield from ((row, schedules.get(row.flow_id)) for row in rows)
        if len(rows) < BATCH:
            return
        after = rows[-1].seq
