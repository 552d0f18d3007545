"""Calendar files that are sent with a schedule: what is taken from them, and what is refused."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from tests.factories import MakeFlow
from webapp import clock

ICS = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//tests//EN
BEGIN:VEVENT
UID:christmas
DTSTART;VALUE=DATE:20101225
RRULE:FREQ=YEARLY
END:VEVENT
BEGIN:VEVENT
UID:meeting
DTSTART:20270101T100000Z
END:VEVENT
BEGIN:VEVENT
UID:holidays
DTSTART;VALUE=DATE:{year}0701
DTEND;VALUE=DATE:{year}0715
END:VEVENT
END:VCALENDAR
"""


@pytest.mark.any_database
def test_the_all_day_events_of_a_calendar_file_become_days_it_must_not_run(
    api: FlaskClient, make_flow: MakeFlow
) -> None:
    year = clock.now().year + 1
    body = {"flow_id": make_flow(), "calendar_ics": ICS.format(year=year), "calendar": ["05-01"]}
    made = api.post("/api/schedule", json=body).get_json()

    assert f"{year}-07-01/{year}-07-14" in made["calendar"]
    assert f"{year}-12-25" in made["calendar"]
    assert "05-01" in made["calendar"]
    assert not [day for day in made["calendar"] if "01-01" in day]


@pytest.mark.any_database
@pytest.mark.parametrize(
    "event",
    [
        "DTSTART;VALUE=DATE:20261399",
        "DTSTART:20270101T100000Z",
        "DTSTART;VALUE=DATE:20270101\nRRULE:FREQ=SECONDLY",
        "DTSTART;VALUE=DATE:20270101\nRRULE:FREQ=DAILY;INTERVAL=0",
        "DTSTART;VALUE=DATE:20270101\nRRULE:FREQ=DAILY;BYHOUR=1,2;BYSECOND=1,2",
        "DTSTART;VALUE=DATE:20270101\nRRULE:FREQ=DAILY\nRRULE:FREQ=DAILY",
        "DTSTART;VALUE=DATE:00010101\nRRULE:FREQ=DAILY",
        "DTSTART;VALUE=DATE:20270101\nDURATION:P99999999D",
        "DTSTART;VALUE=DATE:20270101\nRRULE:FREQ=SOMETIMES",
    ],
)
def test_a_calendar_file_that_means_harm_or_nothing_is_refused(
    api: FlaskClient, make_flow: MakeFlow, event: str
) -> None:
    text = f"BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:x\n{event}\nEND:VEVENT\nEND:VCALENDAR\n"
    for ics in (text, text * 2, text + "BEGIN:VEVENT\n" * 3000, text + "X" * 1_000_000):
        body = {"flow_id": make_flow(), "calendar_ics": ics}
        answer = api.post("/api/schedule", json=body)

        assert answer.status_code == 400
        assert "calendar_ics" in answer.get_json()["fields"]
