"""What is counted of the history: exactly where a counter is kept, else up to a bound, and said."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from apiflask import APIFlask

from tests.conftest import NOON
from webapp.queries import history
from webapp.queries.history import Count, Filter
from webapp.services import controls
from webapp.services.submissions import Submitted

Submit = Callable[..., Submitted]


@pytest.fixture
def counted(app: APIFlask) -> Callable[..., Count]:
    """How many tasks match a filter."""

    def count(**wanted: Any) -> Count:
        with app.app_context():
            return history.count(Filter(**wanted))

    return count


def test_what_no_counter_keeps_is_counted_up_to_a_bound_and_that_is_said(
    counted: Callable[..., Count], submit: Submit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "COUNTED", 3)
    for _ in range(3):
        submit()
    assert counted(agent="scripted") == Count(3, exact=True)
    submit()
    assert counted(agent="scripted") == Count(3, exact=False)
    assert counted(agent="shell") == Count(0, exact=True)


def test_counters_are_exact_however_many_there_are(
    app: APIFlask, counted: Callable[..., Count], submit: Submit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "COUNTED", 1)
    first = submit(session_id="one").task_id
    submit(session_id="one")
    submit(session_id="two")
    with app.app_context():
        controls.stop(first, by="tester", reason=None, now=NOON)
    assert counted() == Count(3, exact=True)
    assert counted(status=("pending",)) == Count(2, exact=True)
    assert counted(status=("pending", "stopped")) == Count(3, exact=True)
    assert counted(status=("failed",), lane="main") == Count(0, exact=True)
    assert counted(session_id="one") == Count(2, exact=True)
    assert counted(session_id="nobody") == Count(0, exact=True)
