"""The rules a flow has of its own, as they are sent, stored and shown in a form."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from werkzeug.datastructures import MultiDict

from webapp.domain.errors import Invalid
from webapp.domain.notices import MOST_TRIES, Wishes, retry_after, rules, wishes
from webapp.doors.notices import rules_of_form

CHANNELS = frozenset({"mail", "phone"})
ALL = Wishes(1, recovered=True, missed=True, paused=True, budget=True)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({"colour": "red"}, "there is no rule “colour”"),
        ({"missed": "yes"}, "“missed” is true or false"),
        ({"off": 1}, "“off” is true or false"),
        ({"failed_after": 0}, "from 1 to 1000"),
        ({"failed_after": True}, "from 1 to 1000"),
        ({"failed_after": "3"}, "from 1 to 1000"),
        ({"channels": "mail"}, "a list of names"),
        ({"channels": [7]}, "a list of names"),
        ({"channels": ["pager"]}, "there is no channel “pager”"),
    ],
)
def test_rules_that_cannot_be_kept_are_refused_by_name(value: dict[str, Any], reason: str) -> None:
    with pytest.raises(Invalid) as refusal:
        rules(value, CHANNELS)

    assert reason in refusal.value.fields["notify"]


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        (None, None),
        ({}, None),
        ({"off": False}, None),
        ({"off": True, "missed": False}, {"off": True}),
        ({"channels": ["phone", "mail", "phone"]}, {"channels": ["mail", "phone"]}),
        ({"failed_after": None}, {"failed_after": None}),
    ],
)
def test_rules_are_stored_in_one_way(value: Any, stored: Any) -> None:
    assert rules(value, CHANNELS) == stored


def test_a_flow_overrides_what_it_names_and_nothing_else() -> None:
    assert wishes("mail", ALL, None) == ALL
    assert wishes("mail", ALL, {"off": True}) is None
    assert wishes("mail", ALL, {"channels": ["phone"]}) is None
    assert wishes("mail", ALL, {"failed_after": 3}) == Wishes(
        3, recovered=True, missed=True, paused=True, budget=True
    )


@pytest.mark.parametrize(
    ("form", "value"),
    [
        ({}, None),
        ({"notify": "all", "notify_failed": "on"}, None),
        ({"notify": "off"}, {"off": True}),
        (
            {
                "notify": "own",
                "notify_every_channel": "on",
                "notify_failed": "on",
                "notify_failed_after": "3",
            },
            {"failed_after": 3} | dict.fromkeys(("recovered", "missed", "paused", "budget"), False),
        ),
        (
            {"notify": "own", "notify_channels": "mail", "notify_missed": "on"},
            {
                "channels": ["mail"],
                "failed_after": None,
                "recovered": False,
                "missed": True,
                "paused": False,
                "budget": False,
            },
        ),
    ],
)
def test_a_form_says_the_same_as_json(form: dict[str, str], value: Any) -> None:
    assert rules_of_form(MultiDict(form)) == value


def test_a_number_that_is_none_is_refused_as_it_was_typed() -> None:
    sent = rules_of_form(
        MultiDict({"notify": "own", "notify_failed": "on", "notify_failed_after": "²"})
    )

    with pytest.raises(Invalid):
        rules(sent, CHANNELS)


def test_tries_come_ever_later_and_end() -> None:
    waits = [retry_after(n) for n in range(1, MOST_TRIES)]

    assert waits[0] == timedelta(seconds=10)
    assert waits == sorted(waits, key=lambda wait: wait or timedelta())
    assert timedelta(hours=2) < sum(filter(None, waits), timedelta()) < timedelta(hours=4)
    assert retry_after(MOST_TRIES) is None
