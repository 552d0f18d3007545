"""Retention: what it never touches, what goes, and what is right afterwards, on both databases."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from webapp import clock
from webapp.config import Settings
from webapp.db import db
from webapp.domain.outcome import completed
from webapp.housekeeping import retention
from webapp.models import Activity, AuditEntry, Lane, Task, WorkSession
from webapp.queries import checks, tasks
from webapp.queries import retention as queries
from webapp.runtime.context import Context
from webapp.services import claims, controls
from webapp.services import retention as verbs
from webapp.services.news import News
from webapp.services.submissions import Submitted

pytestmark = pytest.mark.both_databases

Submit = Callable[..., Submitted]
Run = Callable[..., str]
House = Callable[..., dict[str, int]]


@pytest.fixture
def ran(context: Context, submit: Submit, settings: Settings) -> Run:
    """Run a task to its end so many days ago; it printed something and left a file."""

    def make(
        *, days: float = 0, output: bytes = b"printed", left: bytes = b"left", **fields: Any
    ) -> str:
        now = clock.now() - timedelta(days=days)
        task = submit("work", now=now, **fields)
        run = context.call(claims.claim_next, "main", context.identity.runner_id, now)
        assert run is not None
        assert run.task_id == task.task_id
        writer = context.output.writer(task.task_id, 1)
        writer.append(output)
        writer.close()
        Path(task.workspace_dir).mkdir(parents=True, exist_ok=True)
        (Path(task.workspace_dir) / "file").write_bytes(left)
        context.call(claims.conclude, run, completed("ok"), News(), now, next_for=None)
        return task.task_id

    return make


@pytest.fixture
def house(context: Context, settings: Settings) -> House:
    """One pass under rules of the test's choice; returns what it removed."""

    def keep(*, dry: bool = False, **rules: int) -> dict[str, int]:
        chosen = settings.model_copy(update=rules)
        if dry:
            return context.call(retention.plan, chosen)
        assert context.call(retention.run, "tests", chosen, lambda _s: False)
        return dict(context.call(queries.last_pass).removed or {})

    return keep


@pytest.fixture
def agree(context: Context) -> Callable[[], None]:
    """Lanes and sessions count what there is."""

    def check() -> None:
        assert context.call(checks.lanes_miscounted) == []
        for row in context.call(checks.sessions, ""):
            assert (row.task_count, row.newest_task_id) == (row.tasks, row.newest)
            assert row.status == row.newest_status

    return check


def there(context: Context) -> set[str]:
    """The tasks that are there."""
    return set(
        context.call(lambda: db.session.execute(select(Task.__table__.c.task_id)).scalars().all())
    )


def test_without_a_setting_nothing_ever_goes(ran: Run, house: House, context: Context) -> None:
    task = ran(days=10_000)

    assert house(dry=True) == house() == {}
    assert there(context) == {task}


@pytest.mark.parametrize("state", ["pending", "running", "retrying"])
def test_nothing_of_a_session_that_is_at_work_goes(
    ran: Run, house: House, submit: Submit, context: Context, state: str
) -> None:
    old = ran(days=90, session_id="s")
    at_work = submit("work", session_id="s", now=clock.now() - timedelta(days=80))
    if state != "pending":
        now = clock.now() - timedelta(days=80)
        run = context.call(claims.claim_next, "main", context.identity.runner_id, now)
        assert run is not None
        assert run.task_id == at_work.task_id

    rules = {"keep_tasks_days": 30, "keep_output_days": 30, "keep_workspaces_days": 30}
    assert house(**rules, keep_tasks=1, dry=True) == house(**rules, keep_tasks=1) == {}
    assert there(context) == {old, at_work.task_id}
    assert (Path(at_work.workspace_dir) / "file").is_file()


def test_tasks_older_than_they_are_kept_go_with_their_output_and_the_counts_stay_right(
    ran: Run, house: House, context: Context, settings: Settings, agree: Callable[[], None]
) -> None:
    old = [ran(days=40 + n, session_id="shared") for n in range(3)]
    young = [ran(days=n, session_id="shared") for n in range(2)]

    assert house(keep_tasks_days=30, dry=True) == {"tasks": 3}
    assert there(context) == {*old, *young}
    assert house(keep_tasks_days=30) == {"tasks": 3}

    assert there(context) == set(young)
    outputs = {p.name for p in (settings.data / "output").iterdir() if p.name != ".trash"}
    assert outputs == set(young)
    assert not list((settings.data / "output" / ".trash").iterdir())
    agree()
    assert house(keep_tasks_days=30) == {}


def test_of_more_tasks_than_are_kept_the_oldest_go(
    ran: Run, house: House, context: Context, agree: Callable[[], None]
) -> None:
    made = [ran(days=9 - n) for n in range(5)]

    assert house(keep_tasks=2) == {"tasks": 3}

    assert there(context) == set(made[3:])
    agree()


def test_output_goes_before_its_task_which_says_so(
    ran: Run, house: House, context: Context
) -> None:
    old, young = ran(days=40, output=b"1234567"), ran(days=1)

    assert house(keep_output_days=30) == {"outputs": 1, "output_bytes": 7}

    assert context.call(tasks.find, old).output_removed_at is not None
    assert context.call(tasks.find, young).output_removed_at is None
    assert context.output.read(old, 1, 0, 100).data == b""
    assert context.output.read(young, 1, 0, 100).data == b"printed"


def test_output_beyond_its_bound_goes_from_the_oldest_on(
    ran: Run, house: House, context: Context
) -> None:
    size = retention.MIB * 2 // 5
    made = [ran(days=9 - n, output=bytes(size)) for n in range(4)]

    assert house(keep_output_mb=1) == {"outputs": 2, "output_bytes": 2 * size}

    gone = [context.call(tasks.find, task).output_removed_at is not None for task in made]
    assert gone == [True, True, False, False]


def test_a_workspace_goes_long_after_the_last_activity_and_a_later_task_has_one_again(
    ran: Run, house: House, context: Context, settings: Settings
) -> None:
    task = ran(days=40, session_id="old")
    ran(days=1, session_id="young")

    expected = {"workspaces": 1, "workspace_bytes": 4}
    assert house(keep_workspaces_days=30, dry=True) == house(keep_workspaces_days=30) == expected

    places = settings.data / "workspaces"
    assert sorted(p.name for p in places.iterdir()) == [".trash", "young"]
    assert there(context) >= {task}
    ran(days=0, session_id="old")
    assert (places / "old" / "file").is_file()
    assert house(keep_workspaces_days=30) == {}


def test_of_files_that_take_more_room_than_they_may_those_longest_at_rest_go(
    ran: Run, house: House, settings: Settings, submit: Submit
) -> None:
    size = retention.MIB * 2 // 5
    for days, name in ((9, "busy"), (8, "c"), (7, "b"), (5, "a"), (3, "d"), (0, "now")):
        ran(days=days, session_id=name, left=os.urandom(size))
    submit("work", session_id="busy", now=clock.now() - timedelta(days=9))

    expected = {"workspaces": 4, "workspace_bytes": 4 * size}
    assert house(keep_workspaces_mb=1, dry=True) == house(keep_workspaces_mb=1) == expected

    left = {path.name for path in (settings.data / "workspaces").iterdir()}
    assert left == {".trash", "busy", "now"}
    assert house(keep_workspaces_mb=1) == {}


def test_files_that_were_in_use_within_the_hour_stay_however_large(ran: Run, house: House) -> None:
    ran(days=1 / 48, left=os.urandom(retention.MIB + 1))

    assert house(keep_workspaces_mb=1, dry=True) == house(keep_workspaces_mb=1) == {}


def test_holes_in_files_and_what_is_in_the_trash_already_take_no_room(
    ran: Run, house: House, settings: Settings
) -> None:
    ran(days=9, session_id="sparse")
    os.truncate(settings.data / "workspaces" / "sparse" / "file", 100 * retention.MIB)
    trash = settings.data / "workspaces" / ".trash"
    trash.mkdir()
    (trash / "gone").write_bytes(os.urandom(2 * retention.MIB))

    assert house(keep_workspaces_mb=1, dry=True) == house(keep_workspaces_mb=1) == {}
    assert not list(trash.iterdir())


def test_a_session_that_was_active_since_it_was_looked_at_keeps_its_files(
    ran: Run, context: Context, settings: Settings
) -> None:
    ran(days=40, session_id="s")
    before = clock.now() - timedelta(days=30)
    [row] = context.call(queries.idle_workspaces, None, before, 10)
    ran(days=35, session_id="s")

    taken: list[Path] = []
    seen = row.last_activity
    assert not context.call(verbs.drop_workspace, "tests", "s", seen, clock.now(), taken.append)
    assert taken == []


def test_a_session_whose_tasks_are_gone_goes_with_its_log(
    ran: Run, house: House, context: Context
) -> None:
    from webapp.housekeeping import disposal

    ran(days=40)
    house(keep_tasks_days=30)
    context.call(disposal.remove_deleted, lambda: False)

    for table in (Task, WorkSession, Activity):
        count = select(func.count()).select_from(table.__table__)
        assert context.call(lambda c=count: db.session.execute(c).scalar_one()) == 0


def test_the_audit_log_is_trimmed_and_says_what_went(
    submit: Submit, house: House, context: Context
) -> None:
    submit("work", now=clock.now() - timedelta(days=500))

    assert house(keep_audit_days=365)["audit_lines"] == 1

    audit = AuditEntry.__table__
    query = select(audit.c.action, audit.c.detail).where(audit.c.action == "retention")
    [line] = context.call(lambda: db.session.execute(query).all())
    assert line == ("retention", {"audit_lines": 1})


def test_one_process_of_several_has_the_turn_until_it_gives_it_back_or_falls_silent(
    context: Context,
) -> None:
    now = clock.now()

    def take(who: str, at: Any, since: Any = None) -> bool:
        return context.call(verbs.take_turn, who, at, unless_since=since)

    assert take("one", now)
    assert not take("two", now)
    assert take("two", now + verbs.SILENT + timedelta(seconds=1))

    context.call(verbs.give_turn_back, "two", now, removed={}, used=None)
    assert not take("one", now, now - timedelta(minutes=55))
    assert take("one", now)


def test_a_task_stopped_while_waiting_never_ran_and_goes_all_the_same(
    submit: Submit, house: House, context: Context, agree: Callable[[], None]
) -> None:
    then = clock.now() - timedelta(days=40)
    task = submit("work", now=then)
    context.call(controls.stop, task.task_id, by="tests", reason=None, now=then)

    expected = {"tasks": 1, "sessions": 1}
    assert house(keep_tasks_days=30, dry=True) == house(keep_tasks_days=30) == expected

    lanes = select(Lane.__table__.c.stopped)
    assert context.call(lambda: db.session.execute(lanes).scalar_one()) == 0
    agree()
