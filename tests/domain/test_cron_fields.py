"""What a cron expression may say; whatever else is written is refused, with the field and why."""

from __future__ import annotations

import pytest

from webapp.domain import cron
from webapp.domain.errors import Invalid
from webapp.domain.zones import EPOCH

REFUSED = {
    # expression: (the field it names, a part of the reason)
    "60 * * * *": ("minute", "60 is not from 0 to 59"),
    "99999999999999999999 * * * *": ("minute", "is not from 0 to 59"),
    "0 24 * * *": ("hour", "24 is not from 0 to 23"),
    "0 0 0 * *": ("day of month", "0 is not from 1 to 31"),
    "0 0 32 * *": ("day of month", "32 is not from 1 to 31"),
    "0 0 * 13 *": ("month", "13 is not from 1 to 12"),
    "0 0 * * 8": ("weekday", "8 is not from 0 to 7"),
    "0 9 * * *  30": ("weekday", "of six fields the first is the seconds"),
    "5-1 * * * *": ("minute", "runs backwards; write it as two ranges, 5-59,0-1"),
    "0 0 * * fri-mon": ("weekday", "two ranges, fri-sat,sun-mon"),
    "0 0 * * 5-0": ("weekday", "at the end of a range Sunday is 7"),
    "0 0 * nov-feb *": ("month", "two ranges, nov-dec,jan-feb"),
    "*/0 * * * *": ("minute", "a step of 0 leads nowhere"),
    "*/90 * * * *": ("minute", "larger than the field, which counts 60"),
    "0 */25 * * *": ("hour", "larger than the field, which counts 24"),
    "5/ * * * *": ("minute", "after / comes a number"),
    "*/x * * * *": ("minute", "*/x is neither"),
    "5- * * * *": ("minute", "after - comes the end of the range"),
    "-5 * * * *": ("minute", "a number cannot be negative"),
    "*-5 * * * *": ("minute", "*-5 is neither a number from 0 to 59"),
    "1,,2 * * * *": ("minute", "on one side of a comma"),
    ", * * * *": ("minute", "on one side of a comma"),
    "** * * * *": ("minute", "** is neither"),
    "mon * * * *": ("minute", "mon is neither a number"),
    "0 0 * monday *": ("month", "monday is neither a number from 1 to 12, a name such as jan"),
    "0 0 * * jan": ("weekday", "jan is neither a number from 0 to 7, a name such as sun"),
    "0 0 ? * *": ("day of month", "? is not known; write *"),
    "R * * * *": ("minute", "drawn by lot"),
    "H(0-29)/10 * * * *": ("minute", "drawn by lot"),
    "0~30 * * * *": ("minute", "drawn by lot"),
    "0 0 LW * *": ("day of month", "the nearest workday"),
    "0 0 15W * *": ("day of month", "the nearest workday"),
    "0 0 L-3 * *": ("day of month", "nothing is counted from it"),
    "0 0 * * 5L": ("weekday", "the last weekday of a month"),
    "0 0 * * L": ("weekday", "L is the last day of the month"),
    "0 L * * *": ("hour", "L is the last day of the month"),
    "0 0 * * 1#0": ("weekday", "not from 1 to 5"),
    "0 0 * * mon#6": ("weekday", "not from 1 to 5"),
    "0 0 * * 9#1": ("weekday", "9 is not from 0 to 7"),
    "0 0 * * 1-5#2": ("weekday", "as in 1#3 or mon#3"),
    "0 0 1#3 * *": ("day of month", "# stands in the weekday field alone"),
}
REFUSED_WHOLE = {
    "": "it is empty",
    " \t ": "it is empty",
    "* * * *": "it has 4 fields; five are needed",
    "*": "it has 1 field; five",
    "* * * * * * *": "years are not known",
    "@reboot": "the start of a machine is none",
    "@every 5m": "there is no @every; known are @hourly",
    "* * * * * " + "*" * 200: "longer than 200 characters",
    "0 0 * * *\n": "U+000A",
    "0\x000 * * *": "U+0000",
    "0 0\u00a0* * *": "U+00A0",
    "\u0663 * * * *": "“\u0663” (U+0663)",
    "0 0 * * * ; rm": "“;” (U+003B)",
    "0 0 31 2 *": "it never fires",
    "0 0 30,31 feb *": "it never fires",
    "0 0 31 4,6,9,11 */2": "it never fires",
}


@pytest.mark.parametrize("expression", REFUSED)
def test_what_cannot_be_meant_is_refused_with_its_field_and_the_reason(expression: str) -> None:
    field, reason = REFUSED[expression]

    with pytest.raises(Invalid) as refusal:
        cron.parse(expression, "Europe/Berlin")

    said = refusal.value.fields["cron_expression"]
    assert said.startswith(f"the {field} field: ")
    assert reason in said


@pytest.mark.parametrize("expression", REFUSED_WHOLE)
def test_what_is_no_expression_is_refused_in_words(expression: str) -> None:
    with pytest.raises(Invalid) as refusal:
        cron.parse(expression, "Europe/Berlin")

    assert REFUSED_WHOLE[expression] in refusal.value.fields["cron_expression"]


@pytest.mark.parametrize(
    ("zone", "reason"),
    [
        ("", "is no time zone"),
        ("europe/berlin", "do you mean Europe/Berlin?"),
        ("Berlin", "do you mean Europe/Berlin?"),
        ("New York", "do you mean America/New_York?"),
        ("localtime", "is no time zone"),
        ("../../etc/passwd", "is no time zone"),
        ("right/Europe/Berlin", "is no time zone"),
        ("\x00", "is no time zone"),
        ("Z" * 5000, "is no time zone"),
    ],
)
def test_a_zone_that_nobody_knows_is_refused(zone: str, reason: str) -> None:
    with pytest.raises(Invalid) as refusal:
        cron.parse("* * * * *", zone)

    assert reason in refusal.value.fields["timezone"]


def test_both_fields_are_named_where_both_are_wrong() -> None:
    with pytest.raises(Invalid) as refusal:
        cron.parse("x", "y")

    assert set(refusal.value.fields) == {"cron_expression", "timezone"}


@pytest.mark.parametrize(
    ("expression", "least", "shortest"),
    [
        ("* * * * * *", 2, 1),
        ("*/20,59 * * * * *", 5, 1),
        ("* * * * *", 61, 60),
        ("0,1 0 * * *", 61, 60),
        ("59 23,0 * * *", 3601, 3600),
        ("58 59 23,0 * * *", 3601, 3600),
        ("0,59 0,23 * * *", 61, 60),
    ],
)
def test_what_fires_more_often_than_allowed_is_refused(
    expression: str, least: float, shortest: int
) -> None:
    with pytest.raises(Invalid) as refusal:
        cron.parse(expression, "UTC", min_interval_s=least)

    said = refusal.value.fields["cron_expression"]
    assert f"every {shortest} s" in said
    assert "LINEUP_MIN_INTERVAL" in said
    assert cron.parse(expression, "UTC", min_interval_s=shortest).shortest_s == shortest


@pytest.mark.parametrize(
    ("expression", "shortest"),
    [
        ("0 9 * * *", 86_400),
        ("0 9 * * 1-5", 86_400),
        ("0 9 * * 1,3,5", 2 * 86_400),
        ("0 9 * * mon", 7 * 86_400),
        ("0 0 1 * *", 28 * 86_400),
        ("0 0 L * *", 28 * 86_400),
        ("0 0 1,L * *", 86_400),
        ("0 0 1 * 1", 86_400),
        ("0 0 * * mon#1", 28 * 86_400),
        ("0 0 1 1 *", 365 * 86_400),
        ("0 0 29 2 *", 1461 * 86_400),
        ("0 0 31 12 *", 365 * 86_400),
        ("0 0 1,31 1,12 *", 86_400),
        ("59 23 * * *", 86_400),
        ("0,30 2 1 * *", 1800),
        ("30 0,23 * * 6", 23 * 3600),
        ("30 0,23 * * 6,7", 3600),
    ],
)
def test_the_shortest_period_is_told_of_irregular_rules_too(expression: str, shortest: int) -> None:
    assert cron.parse(expression, "Europe/Berlin").shortest_s == shortest


@pytest.mark.parametrize(
    ("expression", "same"),
    [
        ("@hourly", "0 * * * *"),
        ("@Daily", "0 0 * * *"),
        ("@midnight", "0 0 * * *"),
        ("@weekly", "0 0 * * 7"),
        ("@monthly", "0 0 1 * *"),
        ("@yearly", "0 0 1 JAN *"),
        ("@annually", "0 0 1 1 *"),
        ("  0\t9  * * MON-Fri ", "0 9 * * 1-5"),
        ("0 9 * * *", "0 0 9 * * *"),
        ("0 9 * * sat-sun", "0 9 * * 6,0"),
        ("0 9 * * 6-7", "0 9 * * 0,6"),
        ("5/20 * * * *", "5,25,45 * * * *"),
        ("10-40/15 * * * *", "10,25,40 * * * *"),
        ("0 0 * * 1-7/2", "0 0 * * 1,3,5,0"),
        ("0 0 7-7 * *", "0 0 7 * *"),
        ("07 09 * * *", "7 9 * * *"),
        ("0 0 * * 0#2,7#4", "0 0 * * sun#2,sun#4"),
    ],
)
def test_one_rule_may_be_written_in_several_ways(expression: str, same: str) -> None:
    after = EPOCH

    one, other = cron.parse(expression, "Asia/Tokyo"), cron.parse(same, "Asia/Tokyo")

    assert one.runs(after, 60) == other.runs(after, 60)
