"""Schedules that wait for a time that is not their next, or for one that nobody fired."""

from __future__ import annotations

from collections.abc import Iterator

from webapp.doctor import Check, Look, Subject
from webapp.queries import stale
from webapp.services import schedules
from webapp.services.repairs import BY


def _stale(look: Look) -> Iterator[Subject]:
    after, fired = 0, look.call(stale.somebody_fires, look.now)
    while rows := look.call(stale.page, after):
        after = rows[-1].id
        for row in rows:
            if (found := look.call(stale.wrong, row, look.now, fired=fired)) is not None:
                kind, said = found
                yield Subject(f"{row.name} ({said})", (row.flow_id, kind))


def _mend(look: Look, key: tuple[str, str]) -> bool:
    flow_id, kind = key
    if kind == stale.UNFIRED:
        return False  # the next start, or the next look round, gives it its fate
    if kind == stale.UNUSABLE:
        off = {"is_enabled": False}
        look.call(schedules.change, flow_id, off, min_interval_s=0, by=BY, now=look.now)
    else:
        look.call(schedules.replan, flow_id, by=BY, now=look.now)
    return True


CHECKS = (Check("found_stale_next", "mend_stale_next", _stale, _mend),)
