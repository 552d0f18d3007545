"""The transcript of a conversation with a model: turns, thoughts, and calls folded to a line."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from apiflask import APIFlask

from tests.web.conftest import Browser, counted
from tests.web.flows import text
from webapp import clock
from webapp.agents.browser import BrowserAgent
from webapp.agents.llm import failures
from webapp.domain.messages import MESSAGES
from webapp.queries import pages
from webapp.runtime.context import Context
from webapp.services import records
from webapp.services.activity import Entry
from webapp.services.claims import Assignment
from webapp.services.news import News
from webapp.services.submissions import Submitted
from webapp.web import conversation, steps

EVIL = '<script>alert("x")</script><img src=x onerror=alert(1)>'
Say = Callable[..., None]


@pytest.fixture
def taken(submit: Callable[..., Submitted], claim: Callable[[], Assignment]) -> Assignment:
    """A task of a model, at work."""
    submit("Tidy up.", agent="llm", agent_settings={"llm_profile_name": "demo"}, session_id="s")
    return claim()


@pytest.fixture
def say(context: Context, taken: Assignment) -> Say:
    """The model's run tells something."""

    def tell(*steps: tuple[str, dict[str, Any]]) -> None:
        entries = tuple(
            Entry(taken.task_id, taken.attempt, "llm", "working", code, {"step": 1, **params})
            for code, params in steps
        )
        context.call(records.record, taken.task_id, taken.attempt, News(entries), clock.now())

    return tell


def call(number: int = 1, **params: Any) -> tuple[str, dict[str, Any]]:
    given = {"tool": "read_file", "arguments": '{"path": "a.txt"}', "call": f"c{number}"}
    return "llm_call", {**given, **params}


def answer(number: int = 1, **params: Any) -> tuple[str, dict[str, Any]]:
    given = {"tool": "read_file", "result": "fine", "call": f"c{number}", "seconds": 0.25}
    return "llm_result", {**given, **params}


def test_every_entry_that_is_shown_in_a_way_of_its_own_is_one_that_may_be_said() -> None:
    known = BrowserAgent.messages.keys() | MESSAGES.keys()  # the ledger of a run says some of ours
    of_failures = failures.MESSAGES.keys()  # which are a task's end, and no entries of its log
    assert {*steps.STEPS, *steps.TROUBLES} - (known - of_failures) == set()


def calls(page: str) -> list[str]:
    """The folded lines, as they are read."""
    found = re.findall(r'<details [^>]*class="step call.*?</summary>', page, re.S)
    return [" ".join(text(re.sub(r"<[^>]+>", " ", one)).split()) for one in found]


def both(browser: Browser, taken: Assignment) -> list[str]:
    """The task's page and its session's."""
    return [browser.get(f"/tasks/{taken.task_id}").text, browser.get("/sessions/s").text]


def test_nothing_that_a_model_or_a_tool_wrote_is_taken_for_html(
    browser: Browser, taken: Assignment, say: Say
) -> None:
    say(
        ("llm_thought", {"text": EVIL}),
        ("llm_turn", {"text": f"{EVIL} [a](javascript:alert(1)) ![b](http://evil.example/b.png)"}),
        ("llm_asked_tools", {"tools": EVIL}),
        call(1, tool=EVIL, arguments=EVIL, call=EVIL),
        answer(1, tool=EVIL, result=EVIL, call=EVIL, seconds=EVIL),
        call(2, tool=EVIL, arguments=f'{{"{EVIL[:8]}": ["{EVIL[8:22]}"]}}'),
        ("llm_tool_failed", {"tool": EVIL, "result": EVIL, "call": "c2", "seconds": EVIL}),
        ("llm_tool_failed", {"tool": EVIL, "result": EVIL, "call": "nobody's"}),
    )
    for page in both(browser, taken):
        body = page.partition("<main")[2]
        assert "<script" not in body
        assert "<img" not in body
        assert "javascript:" not in re.sub(r">[^<]*<", "><", body)  # as a text it may stand there
        assert "&lt;script&gt;" in body


def test_entries_of_another_program_with_the_same_codes_are_shown_all_the_same(
    browser: Browser, taken: Assignment, say: Say
) -> None:
    odd = {"tool": None, "arguments": 3, "call": ["x"], "step": {"n": 1}}
    say(("llm_call", odd), ("llm_result", {**odd, "result": {"a": 1}, "seconds": "long"}))
    say(("llm_turn", {"text": 5, "input_tokens": "many", "cost": True}))
    for page in both(browser, taken):
        assert len(calls(page)) == 1


def test_a_picture_is_one_of_the_sessions_own_files_whatever_is_said(
    browser: Browser, taken: Assignment, say: Say
) -> None:
    files = ["browser/t/1-001.jpeg", "https://evil.example/?a=1", '"><script>', 7]
    say(*(("browser_picture", {"file": file}) for file in files))
    for page in both(browser, taken):
        body = page.partition("<main")[2]
        sources = re.findall(r'<img src="([^"]*)"', body)
        assert sources[0] == "/sessions/s/files/download?path=browser/t/1-001.jpeg"
        assert [one.partition("=")[0] for one in sources] == ["/sessions/s/files/download?path"] * 4
        assert "<script>" not in body


def test_a_call_and_what_it_gave_back_are_one_folded_line(
    browser: Browser, taken: Assignment, say: Say
) -> None:
    say(call(1), call(2, arguments='{"path": "b", "deep": [1]}'))
    say(answer(2, result='{"lines":[1,2]}', seconds=3.2), answer(1))
    for page in both(browser, taken):
        assert calls(page) == [
            "read_file a.txt ok 0.2 s",
            "read_file path: b, deep: [1] ok 3.2 s",
        ]
        assert '{\n  "path": "a.txt"\n}' in text(page)
        assert '{\n  "lines": [\n    1,\n    2\n  ]\n}' in text(page)


def test_a_call_that_has_not_been_answered_is_running(
    browser: Browser, taken: Assignment, say: Say
) -> None:
    say(call(1), answer(1), call(2))
    for page in both(browser, taken):
        assert [line.endswith("running…") for line in calls(page)] == [False, True]


def test_a_call_that_never_was_answered_is_not_running_for_ever(
    browser: Browser, taken: Assignment, say: Say, finish: Callable[..., None]
) -> None:
    say(call(1))
    finish(taken)
    for page in both(browser, taken):
        assert calls(page) == ["read_file a.txt no answer"]


def test_a_failed_call_says_so_in_a_word_and_why_inside(
    browser: Browser, taken: Assignment, say: Say
) -> None:
    why = {"tool": "read_file", "result": "There is no a.txt.", "call": "c1", "seconds": 0.1}
    say(call(1), ("llm_tool_failed", why))
    for page in both(browser, taken):
        assert calls(page) == ["read_file a.txt failed 0.1 s"]
        assert '<p class="label">Why it failed</p>\n  <pre>There is no a.txt.</pre>' in page


def test_calls_of_two_steps_with_one_name_keep_their_own_answers(
    browser: Browser, taken: Assignment, say: Say
) -> None:
    say(call(1), answer(1, result="first"), call(1, step=2), answer(1, step=2, result="second"))
    page = browser.get(f"/tasks/{taken.task_id}").text
    assert page.index("<pre>first</pre>") < page.index("<pre>second</pre>")
    assert len(calls(page)) == 2


def test_a_turn_says_what_it_took_in_small_figures(
    browser: Browser, taken: Assignment, say: Say
) -> None:
    figures = {"input_tokens": 1234, "output_tokens": 56, "seconds": 1.5, "cost": 0.00123}
    say(("llm_turn", {"text": "I look **round**.", **figures}))
    say(("llm_turn", {"text": "Priceless.", "step": 2, **figures, "cost": 0.00000001}))
    say(("llm_turn", {"text": "Unpriced.", "step": 3, "input_tokens": 1, "output_tokens": 2}))
    for page in both(browser, taken):
        assert "I look <strong>round</strong>." in page
        shown = re.findall(r'<p class="figures">(.*?)</p>', page, re.S)
        assert [[text(one) for one in re.findall(r"<span>([^<]+)<", line)] for line in shown] == [
            ["step 1", "1,234 in", "56 out", "$0.00123", "1.5 s"],
            ["step 2", "1,234 in", "56 out", "$0.000001", "1.5 s"],
            ["step 3", "1 in", "2 out"],
        ]


def test_a_thought_is_folded(browser: Browser, taken: Assignment, say: Say) -> None:
    say(("llm_thought", {"text": "Where is it?\nThere."}))
    for page in both(browser, taken):
        found = re.search(r'<details id="d-m\d+" class="step thought">(.*?)</details>', page, re.S)
        assert found
        assert "Thought for a moment" in found[1]
        assert "Where is it?\nThere." in found[1]


def test_a_call_and_its_answer_on_two_pages_stand_alone(
    browser: Browser, taken: Assignment, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "ENTRIES", 2)
    monkeypatch.setattr(conversation, "STEP", 1)
    say(call(1), answer(1), ("llm_turn", {"text": "Done."}))

    newest = browser.get(f"/tasks/{taken.task_id}").text
    assert calls(newest) == ["read_file ok 0.2 s"]
    assert "among the earlier entries" in newest
    address = re.search(r'href="([^"]+before=\d+)"', newest)
    assert address
    earlier = browser.get(address[1]).text
    assert calls(earlier) == ["read_file a.txt"]
    assert "among the later entries" in earlier


def test_a_long_conversation_asks_the_database_as_often_as_a_short_one(
    *, app: APIFlask, browser: Browser, taken: Assignment, say: Say
) -> None:
    def cost() -> list[int]:
        found = []
        for path in (f"/tasks/{taken.task_id}", f"/tasks/{taken.task_id}/live", "/sessions/s"):
            with counted(app) as asked:
                assert browser.client.get(path).status_code == 200
            found.append(len(asked))
        return found

    say(call(1), answer(1))
    short = cost()
    say(*(step for n in range(2, 60) for step in (call(n), answer(n))))
    assert cost() == short
