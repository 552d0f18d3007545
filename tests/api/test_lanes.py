"""Lanes over JSON: made, listed, turned, renamed and deleted."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.api.conftest import Send, output
from tests.waiting import until


@pytest.mark.any_database
@pytest.mark.parametrize("name", ["", "a b", ".", "..", "-rf", "a/b", "x" * 65, "ä", 7, None])
def test_a_lane_needs_a_name_that_fits_everywhere(api: FlaskClient, name: Any) -> None:
    answer = api.post("/api/lanes", json={"name": name})

    assert answer.status_code == 400
    assert "name" in answer.get_json()["fields"]
    assert api.put("/api/lanes/main", json={"name": name}).status_code == 400
    assert len(api.get("/api/lanes").get_json()["lanes"]) == 1


@pytest.mark.any_database
@pytest.mark.parametrize("body", [{"reason": ""}, {"reason": 7}, {"reason": "x" * 2001}])
def test_a_reason_is_a_text_or_left_out(api: FlaskClient, body: dict[str, Any]) -> None:
    for verb in ("pause", "drain"):
        answer = api.post(f"/api/lanes/main/{verb}", json=body)
        assert answer.status_code == 400
        assert "reason" in answer.get_json()["fields"]


@pytest.mark.any_database
def test_an_unknown_lane_is_not_found_whatever_is_asked_of_it(api: FlaskClient) -> None:
    asked = [
        api.get("/api/lanes/crawl"),
        api.put("/api/lanes/crawl", json={"name": "fetch"}),
        api.delete("/api/lanes/crawl"),
        *(api.post(f"/api/lanes/crawl/{v}") for v in ("pause", "resume", "drain", "open")),
    ]

    assert {(answer.status_code, answer.get_json()["error"]) for answer in asked} == {
        (404, "no_such_lane")
    }


def test_a_lane_from_its_making_to_its_end(api: FlaskClient) -> None:
    made = api.post("/api/lanes", json={"name": "crawl"}).get_json()
    assert (made["name"], made["state"], made["flows"]) == ("crawl", "open", 0)
    assert sum(made["counts"].values()) == 0
    assert api.post("/api/lanes", json={"name": "crawl"}).status_code == 409

    paused = api.post("/api/lanes/crawl/pause", json={"reason": "their site is down"}).get_json()
    assert (paused["state"], paused["state_reason"]) == ("paused", "their site is down")
    assert api.post("/api/lanes/crawl/resume").get_json()["state"] == "open"
    assert api.post("/api/lanes/crawl/drain").get_json()["state"] == "draining"
    assert api.post("/api/lanes/crawl/open").get_json()["state"] == "open"
    assert api.put("/api/lanes/crawl", json={"name": "fetch"}).get_json()["name"] == "fetch"

    assert api.delete("/api/lanes/fetch").status_code == 200
    listed = api.get("/api/lanes").get_json()["lanes"]
    assert [lane["name"] for lane in listed] == ["main"]


def test_a_new_lane_is_worked_in_at_once_and_beside_the_others(
    api: FlaskClient, live: None, send: Send, becomes: Any
) -> None:
    riding = send("echo begun; read line")
    until(lambda: "begun" in output(api, riding["task_id"]))
    api.post("/api/lanes", json={"name": "crawl"})

    becomes(send("true", lane="crawl")["task_id"], "completed")


def test_a_draining_lane_refuses_with_the_reason(api: FlaskClient, send: Send) -> None:
    api.post("/api/lanes", json={"name": "crawl"})
    api.post("/api/lanes/crawl/drain", json={"reason": "moving away"})
    body = {"agent": "shell", "task_description": "true", "lane": "crawl", "when_busy": "queue"}

    answer = api.post("/api/tasks/submit", json=body)

    assert (answer.status_code, answer.get_json()["error"]) == (409, "lane_draining")
    assert "moving away" in answer.get_json()["detail"]


def test_a_task_runs_on_under_its_lanes_new_name_and_the_lane_goes_on(
    api: FlaskClient, live: None, send: Send, becomes: Any
) -> None:
    api.post("/api/lanes", json={"name": "crawl"})
    riding = send("echo begun; read line; echo ended", lane="crawl")
    until(lambda: "begun" in output(api, riding["task_id"]))
    waiting = send("true", lane="crawl")
    api.put("/api/lanes/crawl", json={"name": "fetch"})
    api.post("/api/lanes", json={"name": "crawl"})
    beside = send("true", lane="crawl")

    becomes(beside["task_id"], "completed")  # another lane, whatever its name was before
    active = api.get("/api/tasks/status?lane=fetch").get_json()["active_task"]
    assert active["task_id"] == riding["task_id"]
    api.post("/api/tasks/add-new-task?lane=fetch", json={"reason": "go on"})

    becomes(riding["task_id"], "completed")
    becomes(waiting["task_id"], "completed")
    assert api.get(f"/api/tasks/{riding['task_id']}").get_json()["lane"] == "fetch"


def test_a_paused_lane_goes_on_at_once_when_resumed(
    api: FlaskClient, live: None, send: Send, becomes: Any
) -> None:
    api.post("/api/lanes/main/pause", json={"reason": "lunch"})
    waiting = send("true")
    page = api.get("/").text
    assert "waits: lane paused: lunch" in page

    api.post("/api/lanes/main/resume")

    becomes(waiting["task_id"], "completed")
