"""The preview of a rule: its words and next runs, before anything is stored."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

pytestmark = pytest.mark.any_database

PREVIEW = "/api/schedule/preview"
DAILY: dict[str, Any] = {"cron_expression": "30 2 * * *", "timezone": "Europe/Berlin"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("cron_expression", "61 * * * *"),
        ("cron_expression", "0 0 31 2 *"),
        ("cron_expression", "@reboot"),
        ("cron_expression", ""),
        ("cron_expression", "* " * 500),
        ("cron_expression", None),
        ("cron_expression", 5),
        ("timezone", "Europe/Berln"),
        ("timezone", ""),
        ("timezone", 1),
        ("count", 0),
        ("count", 101),
        ("count", -1),
        ("count", True),
        ("count", 1.5),
        ("count", "5"),
        ("after", "tomorrow"),
        ("after", "2026-11-23T09:00:00"),
        ("after", "9999-12-31T23:59:59Z"),
        ("after", 5),
        ("colour", "red"),
    ],
)
def test_what_cannot_be_previewed_is_refused_by_its_field(
    api: FlaskClient, field: str, value: object
) -> None:
    answer = api.post(PREVIEW, json={**DAILY, field: value})

    assert answer.status_code == 400
    assert set(answer.get_json()["fields"]) == {field}


def test_a_preview_needs_an_expression(api: FlaskClient) -> None:
    assert "cron_expression" in api.post(PREVIEW, json={}).get_json()["fields"]


def test_what_is_null_is_as_if_it_had_not_been_sent(api: FlaskClient) -> None:
    nulls = {"count": None, "after": None, "timezone": None}

    assert len(api.post(PREVIEW, json={**DAILY, **nulls}).get_json()["runs"]) == 10


def test_it_answers_words_and_the_runs_after_a_moment_with_what_is_odd(api: FlaskClient) -> None:
    body = {**DAILY, "count": 3, "after": "2026-03-28T01:30:00Z"}  # 02:30 in Berlin: not that one

    assert api.post(PREVIEW, json=body).get_json() == {
        "words": "Every day at 02:30",
        "runs": [
            {
                "at": "2026-03-29T01:00:00+00:00",
                "local": "2026-03-29T03:00:00+02:00",
                "note": "Moved from 02:30: clocks go forward.",
            },
            {
                "at": "2026-03-30T00:30:00+00:00",
                "local": "2026-03-30T02:30:00+02:00",
                "note": None,
            },
            {
                "at": "2026-03-31T00:30:00+00:00",
                "local": "2026-03-31T02:30:00+02:00",
                "note": None,
            },
        ],
    }


def test_it_speaks_the_language_that_is_asked_for(api: FlaskClient) -> None:
    body = {**DAILY, "count": 1, "after": "2026-03-28T12:00:00Z"}

    def said(accept: str) -> tuple[str, str]:
        answer = api.post(PREVIEW, json=body, headers={"Accept-Language": accept}).get_json()
        return answer["words"], answer["runs"][0]["note"]

    assert said("zh-CN,zh;q=0.9,en;q=0.5") == ("每天 02:30", "原定 02:30，因时钟拨快而顺延至此。")
    assert said("de,en;q=0.5")[0] == "Every day at 02:30"
    assert said("xx")[0] == "Every day at 02:30"


def test_without_zone_count_and_moment_it_takes_the_machines_ten_from_now(
    api: FlaskClient,
) -> None:
    answer = api.post(PREVIEW, json={"cron_expression": "@hourly"})

    assert answer.status_code == 200
    assert len(answer.get_json()["runs"]) == 10


def test_a_rule_at_the_end_of_the_calendar_has_fewer_runs(api: FlaskClient) -> None:
    body = {"cron_expression": "@yearly", "after": "9998-06-01T00:00:00Z", "count": 100}

    assert api.post(PREVIEW, json={**body, "timezone": "UTC"}).get_json()["runs"] == []
