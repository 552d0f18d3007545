"""Output over JSON: by offset, whole, binary, final."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.api.conftest import Send, output
from tests.waiting import until


def test_output_is_final_once_nothing_can_come(
    api: FlaskClient, live: None, send: Send, becomes: Any
) -> None:
    retried = send("echo once; exit 1", max_retries=1)
    path = f"/api/tasks/{retried['task_id']}/output"
    until(lambda: "once" in output(api, retried["task_id"]))
    until(lambda: api.get(f"{path}?attempt=1").get_json()["final"] is True)
    assert api.get(path).get_json()["final"] is False

    late = send("true", waiting_timeout_s=0.000001)
    becomes(late["task_id"], "failed")
    assert api.get(f"/api/tasks/{late['task_id']}/output").get_json()["final"] is True


def test_output_is_read_by_offset_and_a_character_is_never_split(
    api: FlaskClient, live: None, send: Send, becomes: Any
) -> None:
    task = send("printf 'aäö€\\n'")
    becomes(task["task_id"], "completed")
    path, offset, pieces = f"/api/tasks/{task['task_id']}/output", 0, []
    while True:
        piece = api.get(f"{path}?offset={offset}&limit=1").get_json()
        assert set(piece) == {
            "attempt", "offset", "next_offset", "data", "encoding", "size", "final", "gap",
        }  # fmt: skip
        pieces.append(piece["data"])
        offset = piece["next_offset"]
        if piece["final"]:
            break

    assert pieces == ["a", "ä", "ö", "€", "\n"]
    assert offset == piece["size"] == 9
    raw = api.get(f"{path}/raw")
    assert (raw.data.decode(), raw.mimetype) == ("aäö€\n", "text/plain")


def test_binary_output_comes_as_base64(
    api: FlaskClient, live: None, send: Send, becomes: Any
) -> None:
    task = send("printf '\\377\\000\\376'")
    becomes(task["task_id"], "completed")

    piece = api.get(f"/api/tasks/{task['task_id']}/output").get_json()

    assert piece["encoding"] == "base64"
    assert base64.b64decode(piece["data"]) == b"\xff\x00\xfe"


def test_output_of_a_task_that_has_not_begun_is_empty_and_not_final(
    api: FlaskClient, send: Send
) -> None:
    task = send("true")

    piece = api.get(f"/api/tasks/{task['task_id']}/output").get_json()

    assert (piece["attempt"], piece["data"], piece["size"], piece["final"]) == (0, "", 0, False)


@pytest.mark.any_database
@pytest.mark.parametrize("query", ["offset=-1", "limit=0", "limit=x", "attempt=9", "offest=1"])
def test_a_wrong_output_query_names_its_field(api: FlaskClient, send: Send, query: str) -> None:
    task = send("true")

    answer = api.get(f"/api/tasks/{task['task_id']}/output?{query}")

    assert answer.status_code == 400
    assert query.split("=", maxsplit=1)[0] in answer.get_json()["fields"]


@pytest.mark.parametrize("attempt", [2**31, 2**63, 10**30])
@pytest.mark.parametrize("call", ["output", "output/raw"])
def test_an_attempt_beyond_all_counting_is_refused(
    api: FlaskClient, submit: Any, call: str, attempt: int
) -> None:
    task_id = submit().task_id

    answer = api.get(f"/api/tasks/{task_id}/{call}?attempt={attempt}")

    assert answer.status_code == 400
    assert list(answer.get_json()["fields"]) == ["attempt"]
