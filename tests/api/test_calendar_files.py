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


@pytest.mark.any_database
@pytest.mark.parametrize(
    ("event", "taken"),
    [
        ("DTSTART;VALUE=DATE:{year}0301\nDTEND;VALUE=DATE:99991231", "{year}-03-01/"),
        ("DTSTART;VALUE=DATE:{year}0301\nDTEND:99991231T235959Z", "{year}-03-01/"),
        ("DTSTART;VALUE=DATE:{year}0301\nDURATION:P2900000D", "{year}-03-01/"),
        ("DTSTART;VALUE=DATE:{year}0301\nDTEND;VALUE=DATE:99991231\nRRULE:FREQ=YEARLY", "-03-01/"),
        ("DTSTART;VALUE=DATE:{year}0301\nRRULE:FREQ=YEARLY;UNTIL=99991231", "{year}-03-01"),
        ("DTSTART;VALUE=DATE:99991231", ""),
        ("DTSTART;VALUE=DATE:99980101\nDTEND;VALUE=DATE:99991231\nRRULE:FREQ=DAILY", ""),
    ],
)
def test_an_event_that_is_far_away_does_not_spoil_the_others(
    api: FlaskClient, make_flow: MakeFlow, event: str, taken: str
) -> None:
    year = clock.now().year + 1
    far = f"BEGIN:VEVENT\nUID:far\n{event.format(year=year)}\nEND:VEVENT\nEND:VCALENDAR"
    ics = ICS.format(year=year).replace("END:VCALENDAR", far)

    made = api.post("/api/schedule", json={"flow_id": make_flow(), "calendar_ics": ics}).get_json()

    days = made["calendar"]
    assert f"{year}-12-25" in days
    of_far = [day for day in days if "-12-25" not in day and "-07-01/" not in day]
    assert bool(of_far) == bool(taken)
    assert any(taken.format(year=year) in day for day in days)


@pytest.mark.any_database
def test_what_is_moved_far_away_leaves_the_day_it_was_on(
    api: FlaskClient, make_flow: MakeFlow
) -> None:
    year = clock.now().year + 1
    moved = (
        f"BEGIN:VEVENT\nUID:christmas\nRECURRENCE-ID;VALUE=DATE:{year}1225\n"
        "DTSTART;VALUE=DATE:99980101\nEND:VEVENT\nEND:VCALENDAR"
    )
    ics = ICS.format(year=year).replace("END:VCALENDAR", moved)

    made = api.post("/api/schedule", json={"flow_id": make_flow(), "calendar_ics": ics}).get_json()

    assert f"{year}-12-25" not in made["calendar"]
    assert f"{year + 1}-12-25" in made["calendar"]
