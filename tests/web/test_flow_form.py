"""The form of a flow: refusals beside their fields, rows of parameters, secrets that stay."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from apiflask import APIFlask

from tests.web.conftest import Browser
from tests.web.flows import NIGHTLY, TARGET, Make, only_flow, problems, text
from webapp.db import db
from webapp.models import Flow
from webapp.services.submissions import Submitted


def test_what_is_wrong_is_said_beside_its_field_and_what_was_typed_is_kept(
    browser: Browser, app: APIFlask
) -> None:
    sent = {**NIGHTLY, **TARGET, "name": "", "timeout_s": "soon", "parameters-1-default": "many"}
    first = browser.post("/flows/new", sent)
    assert first.status_code == 422
    assert problems(first.text) == [
        "Must not be empty.",
        "Must be a whole number of at most 64 bits.",
        "Write a duration like 90, 10m or 1h 30m.",
    ]

    answer = browser.post("/flows/new", {**sent, "timeout_s": "10m", "env": "A=1"})

    assert answer.status_code == 422
    assert problems(answer.text) == [
        "Must not be empty.",
        "Must be a whole number of at most 64 bits.",
    ]
    assert 'id="parameters-1-default-problem"' in answer.text
    assert 'value="many"' in answer.text
    assert "A=1" in answer.text
    with app.app_context():
        assert list(db.session.execute(Flow.__table__.select())) == []


def test_half_an_object_is_not_taken_for_a_text(browser: Browser) -> None:
    row = {"parameters-0-name": "options", "parameters-0-type": "json"}

    answer = browser.post("/flows/new", {**NIGHTLY, **row, "parameters-0-default": '{"level": 3'})

    assert answer.status_code == 422
    assert problems(answer.text)[0].startswith("This is no JSON: ")
    browser.post("/flows/new", {**NIGHTLY, **row, "parameters-0-default": '{"level": 3}'})
    address = re.findall(r'href="(/flows/[0-9a-f-]{36})"', browser.get("/flows").text)[0]
    refused = browser.post(f"{address}/run", {"params.options": "{"})
    assert problems(refused.text)[0].startswith("This is no JSON: ")


def test_all_values_of_a_run_that_are_wrong_are_said_at_once(browser: Browser, make: Make) -> None:
    row = {"parameters-2-name": "options", "parameters-2-type": "json"}
    address = make(**TARGET, **row)
    refused = browser.post(f"{address}/run", {"params.options": "{", "params.level": "high"})
    assert [said[:16] for said in problems(refused.text)] == [
        "Must be a whole ",
        "This is no JSON:",
    ]


def test_the_keyboard_goes_on_in_the_row_that_was_added(browser: Browser) -> None:
    browser.get("/flows/new")
    added = browser.post("/flows/new", {**NIGHTLY, **TARGET, "add": "1"}).text
    assert re.findall(r'<(?:input|button)[^>]*id="([^"]+)"[^>]*\sautofocus', added) == [
        "parameters-2-name"
    ]
    dropped = browser.post("/flows/new", {**NIGHTLY, **TARGET, "drop": "0"}).text
    assert re.findall(r'name="(\w+)"[^>]*\sautofocus', dropped) == ["add"]


def test_rows_of_parameters_come_and_go_without_a_script(browser: Browser) -> None:
    browser.get("/flows/new")
    one = browser.post("/flows/new", {**NIGHTLY, "name": "kept", "add": "1"})
    assert (one.status_code, one.text.count('class="parameter"')) == (200, 1)
    assert 'value="kept"' in one.text

    two = browser.post("/flows/new", {**NIGHTLY, **TARGET, "add": "1"})
    assert two.text.count('class="parameter"') == 3
    left = browser.post("/flows/new", {**NIGHTLY, **TARGET, "drop": "0"}).text
    assert left.count('class="parameter"') == 1
    assert 'value="level"' in left


def test_rows_in_which_nothing_is_written_go_away(make: Make, app: APIFlask) -> None:
    make(**{"parameters-0-name": "", "parameters-0-type": "text", "parameters-1-name": "a"})

    assert only_flow(app).parameters == [{"name": "a", "type": "text"}]


def test_a_flow_is_saved_with_everything_that_was_typed(make: Make, app: APIFlask) -> None:
    make(
        **TARGET,
        description="Everything under /srv",
        max_retries="3",
        retry_delay_s="1m",
        rerun_interrupted="y",
        priority="high",
        stdin="none",
        env="STAGE=prod",
        secret_env="KEY=very-secret-word",
    )

    flow = only_flow(app)
    assert (flow.max_retries, flow.retry_delay_s, flow.rerun_interrupted) == (3, 60.0, True)
    assert (flow.priority, flow.agent_settings["env"]) == (10, {"STAGE": "prod"})
    assert "very-secret-word" not in str(flow.agent_settings)
    assert flow.parameters == [
        {"name": "target", "type": "choice", "choices": ["disk", "tape"], "default": "disk"},
        {"name": "level", "type": "integer", "required": True},
    ]


def test_an_edit_keeps_what_is_masked_and_drops_what_was_emptied(
    browser: Browser, make: Make, app: APIFlask
) -> None:
    address = make(env="STAGE=prod\nZONE=eu", timeout_s="90", stdin="none")
    form = browser.get(f"{address}/edit").text
    assert "STAGE=•••" in text(form)
    assert "prod" not in form
    version = re.search(r'name="version"[^>]*value="(\d+)"', form)
    assert version

    sent = {**NIGHTLY, "env": "STAGE=•••", "timeout_s": "", "stdin": "none", "version": version[1]}
    assert browser.post(f"{address}/edit", sent).status_code == 303
    flow = only_flow(app)
    assert (flow.agent_settings["env"], flow.timeout_s) == ({"STAGE": "prod"}, None)

    late = browser.post(f"{address}/edit", {**sent, "name": "Other"})
    assert late.status_code == 422
    assert "This flow was changed in the meantime" in late.text
    assert 'value="Other"' in late.text


@pytest.mark.parametrize("typed", ["90", "1234567", "0.0000125"])
def test_a_duration_is_offered_again_to_its_last_digit(
    browser: Browser, make: Make, typed: str
) -> None:
    form = browser.get(f"{make(timeout_s=typed)}/edit").text

    assert re.search(rf'name="timeout_s"[^>]*value="{typed}"', form)


def test_a_name_that_is_taken_is_said_beside_it(browser: Browser, make: Make) -> None:
    make()

    answer = browser.post("/flows/new", NIGHTLY)

    assert answer.status_code == 422
    assert "Another flow has it." in problems(answer.text)


def test_a_finished_task_becomes_a_flow_with_its_secrets(
    browser: Browser, app: APIFlask, submit: Callable[..., Submitted]
) -> None:
    done = submit("make backup", agent="shell", agent_settings={"env": {"STAGE": "prod"}})
    browser.post(f"/tasks/{done.task_id}/stop")
    assert "Make it a flow" in browser.get(f"/tasks/{done.task_id}").text
    form = browser.get(f"/flows/new?task={done.task_id}").text
    assert 'value="make backup"' in form
    assert "STAGE=•••" in text(form)

    saved = {**NIGHTLY, "env": "STAGE=•••", "stdin": "none", "of_task": done.task_id}
    assert browser.post("/flows/new", saved).status_code == 303

    assert only_flow(app).agent_settings["env"] == {"STAGE": "prod"}
