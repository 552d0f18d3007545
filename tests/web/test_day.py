"""The picture of the last day, from the rows it is drawn of."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

from tests.conftest import NOON
from webapp.web import day


def rode(name: str, hours_ago: int) -> Any:
    """A task that rode for half an hour."""
    start = NOON - timedelta(hours=hours_ago)
    times = {"started_at": start, "completed_at": start + timedelta(minutes=30)}
    seen = {"task_id": name, "headline": name, "status": "completed", "lane": "main"}
    return SimpleNamespace(**seen, **times)


def test_a_task_that_was_overtaken_has_a_bar_of_its_own() -> None:
    """Rows come newest first: the urgent one was submitted last and rode first."""
    [track] = day.tracks([rode("urgent", 9), rode("patient", 3)], NOON, {})
    assert [bar.title for bar in track.bars] == ["urgent", "patient"]
