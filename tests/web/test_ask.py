"""The sheet that asks once before something is done."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from webapp.services.submissions import Submitted


@pytest.mark.parametrize("back", ["javascript:alert(1)", "https://evil.example/", "//evil.example"])
def test_the_way_back_never_leads_off_this_server(
    api: FlaskClient, submit: Callable[..., Submitted], back: str
) -> None:
    task = submit()

    page = api.get(f"/tasks/{task.task_id}/ask/stop", query_string={"back": back})

    assert page.status_code == 200
    assert back not in page.text
    assert f'href="/tasks/{task.task_id}"' in page.text


@pytest.mark.parametrize("address", ["http://[", "nonsense", "http://127.0.0.1:7420/tasks?q=["])
def test_a_control_is_answered_whatever_the_page_calls_itself(
    api: FlaskClient, submit: Callable[..., Submitted], address: str
) -> None:
    task = submit()

    answer = api.post(
        f"/tasks/{task.task_id}/stop", headers={"HX-Request": "true", "HX-Current-URL": address}
    )

    assert answer.status_code == 200
    assert api.get(f"/api/tasks/{task.task_id}").get_json()["status"] == "stopped"
