"""Text is found anywhere in what was asked, in any case and script, and nothing is made up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from apiflask import APIFlask
from sqlalchemy import text

from tests.conftest import NOON
from webapp.db import db, transaction
from webapp.domain.policies import SEARCHED_CHARACTERS
from webapp.queries import history, looking
from webapp.queries.history import Filter, Page
from webapp.services import controls, tasks
from webapp.services.submissions import Submitted

Submit = Callable[..., Submitted]
Find = Callable[..., list[str]]


SIGNS = (
    *('"', "'", '" OR "', "back*", "a AND b", "NEAR(a b)", "description:x", "^back", "(", "%", "_"),
    *("\\", "-backup", "{backup}", "backup;", "ba%up", "ba_kup", "\n\n", "$$", ":1", "?"),
)
FOUND = {
    "nightly backup": ["BACKUP", "backup", "ightl", "up", "y"],
    "备份客户数据库并检查": ["备份客户数据库并检查", "数据库", "备份", "检查", "查"],
    "ZWEI ÄPFEL": ["äpfel", "ÄPFEL", "ÄP"],
    "eine sträßliche strässe": ["STRÄSS", "sträßl"],
    "привет, мир": ["ПРИВЕТ", "МИР"],
    "ship it 🚀 go": ["🚀 go", "🚀"],
}


@pytest.fixture
def page(app: APIFlask) -> Callable[..., Page]:
    """A page of what a filter finds."""

    def look(*, before: int | None = None, after: int | None = None, **wanted: Any) -> Page:
        with app.app_context():
            return history.page(Filter(**wanted), before=before, after=after)

    return look


@pytest.fixture
def find(page: Callable[..., Page], monkeypatch: pytest.MonkeyPatch) -> Find:
    """The first lines of what text finds: by a walk through all, and by the index, the same."""

    def ask(q: str, **wanted: Any) -> list[str]:
        found = []
        for glanced in (0, 100):
            monkeypatch.setattr(looking, "GLANCED", glanced)
            found.append(page(q=q, **wanted))
        by_index, by_walk = found
        assert by_index == by_walk
        assert by_walk.searched_to is None
        return [row.headline for row in by_walk.rows]

    return ask


def test_signs_that_mean_something_to_a_database_are_only_text(find: Find, submit: Submit) -> None:
    submit("backup and b")
    for sign in SIGNS:
        assert find(sign) == [], sign
    for sign in SIGNS:
        submit(f"before{sign}after")
    for sign in SIGNS:
        assert f"before{sign}after" in find(sign), sign


def test_text_is_found_anywhere_in_any_case_and_script(find: Find, submit: Submit) -> None:
    submit("备 份 数 据: nothing of that")
    for description in FOUND:
        submit(description)
    for description, wanted in FOUND.items():
        for q in wanted:
            assert find(q) == [description], q


def test_a_text_is_found_as_a_whole_and_not_by_its_pieces(find: Find, submit: Submit) -> None:
    submit("abcd and bcde")
    assert find("abcde") == []


def test_what_is_deleted_or_changed_is_not_found_by_its_old_text(
    app: APIFlask, find: Find, submit: Submit
) -> None:
    gone, other = submit("a needle").task_id, submit("another needle").task_id
    with app.app_context():
        controls.stop(gone, by="tester", reason=None, now=NOON)
        tasks.delete(gone, by="tester", now=NOON)
        transaction(lambda: db.session.execute(
            text("UPDATE tasks SET task_description = 'some hay' WHERE task_id = :id"),
            {"id": other},
        ))()  # fmt: skip
    assert find("needle") == find("ee") == []
    assert find("hay") == ["some hay"]


def test_the_beginning_of_a_very_long_description_is_searched(find: Find, submit: Submit) -> None:
    submit("x" * (SEARCHED_CHARACTERS - 6) + "needle" + "thread")
    assert len(find("needle")) == 1
    assert find("thread") == find("needlet") == []


def test_text_and_every_other_filter_hold_together(find: Find, submit: Submit) -> None:
    submit("needle", session_id="one")
    submit("needle", session_id="two")
    submit("needle", agent="shell", session_id="one")
    assert len(find("needle")) == 3
    assert len(find("needle", session_id="one")) == 2
    assert len(find("needle", session_id="one", agent="shell")) == 1
    assert find("needle", session_id="one", status=("failed", "running")) == []
    assert len(find("eedl", status=("pending", "failed"), lane="main")) == 3
    assert find("needle", until=NOON.replace(year=2000)) == []
    assert len(find("needle", since=NOON.replace(year=2000))) == 3


def test_a_look_that_ends_early_says_where_and_goes_on_from_there_without_a_hole(
    page: Callable[..., Page], submit: Submit, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, bound in (("GLANCED", 2), ("EXAMINED", 3), ("HELD", 2)):
        monkeypatch.setattr(looking, name, bound)
    for number in range(40):
        submit(f"needle {number}", agent="shell" if number % 4 == 3 else "scripted")
    wanted = {"q": "needle", "agent": "shell", "status": ("pending",), "lane": "main"}
    seen: list[str] = []
    turns, before = 0, None
    while True:
        found = page(before=before, **wanted)
        seen += [row.headline for row in found.rows]
        before = found.older or found.searched_to
        turns += 1
        if before is None:
            break
    assert seen == [f"needle {number}" for number in range(39, 0, -4)]
    assert turns > 1
    up, after = [], 0
    while after is not None:
        found = page(after=after, **wanted)
        up += [row.headline for row in found.rows][::-1]
        after = found.newer
    assert up == seen[::-1]


@pytest.mark.parametrize("wanted", [{}, {"status": ("pending", "stopped")}, {"agent": "scripted"}])
def test_pages_down_and_up_again_show_the_same(
    page: Callable[..., Page], submit: Submit, wanted: dict[str, Any], app: APIFlask
) -> None:
    ids = [submit(f"task {number}").task_id for number in range(120)]
    with app.app_context():
        for task_id in ids[::3]:
            controls.stop(task_id, by="tester", reason=None, now=NOON)
    down = [page(**wanted)]
    while down[-1].older is not None:
        down.append(page(before=down[-1].older, **wanted))
    assert [len(found.rows) for found in down] == [50, 50, 20]
    assert [row.task_id for found in down for row in found.rows] == ids[::-1]
    up = page(after=down[-1].newer, **wanted)
    assert [row.task_id for row in up.rows] == [row.task_id for row in down[1].rows]
