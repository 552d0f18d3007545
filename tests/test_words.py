"""Cron expressions in words: natural where that is true, and true for all that are accepted."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings

from tests.audit.cron import EXPRESSIONS
from tests.domain.test_cron import EXPRESSIONS as WRITTEN
from webapp.domain.cron import fields
from webapp.doors.meaning import spans
from webapp.doors.words import words

SAID = {
    "* * * * *": ("Every minute", "每分钟"),
    "*/15 * * * *": ("Every 15 minutes", "每 15 分钟"),
    "@hourly": ("Every hour", "每小时"),
    "0 */2 * * *": ("Every 2 hours", "每 2 小时"),
    "* * * * * *": ("Every second", "每秒"),
    "*/10 * * * * *": ("Every 10 seconds", "每 10 秒"),
    "0 9 * * *": ("Every day at 09:00", "每天 09:00"),
    "5 0 9 * * *": ("Every day at 09:00:05", "每天 09:00:05"),
    "0 9 * * 1-5": ("Every weekday at 09:00", "每个工作日 09:00"),
    "0 9,17 * * sat-sun": (
        "Every Saturday and Sunday at 09:00 and 17:00",
        "每周六和周日 09:00 和 17:00",
    ),
    "@monthly": ("On the 1st of every month at 00:00", "每月1日 00:00"),
    "@yearly": ("On the 1st of January at 00:00", "1月1日 00:00"),
    "0 0 15,L * *": (
        "On the 15th and the last day of every month at 00:00",
        "每月15日和最后一天 00:00",
    ),
    "0 9 * * mon#3": ("On the third Monday of every month at 09:00", "每月第三个周一 09:00"),
    "0 9 * 3 mon": ("Every Monday in March at 09:00", "3月的每周一 09:00"),
    # either day, both days
    "0 0 13 * 5": (
        "At 00:00 on the 13th of every month, and also every Friday",
        "每月13日以及每周五 00:00",
    ),
    "0 0 1-7 * */7": (
        "Every Sunday that falls on the 1st to the 7th of the month at 00:00",
        "每月1日至7日当中的周日 00:00",
    ),
    "0 0 */2 * 1": (
        "Every Monday that falls on an odd day of the month at 00:00",
        "每月奇数日当中的周一 00:00",
    ),
    "0 0 2-31/2 3 */3": (
        "Every Wednesday, Saturday and Sunday that falls on an even day of March at 00:00",
        "3月偶数日当中的周三、周六和周日 00:00",
    ),
    "0 0 */10 5 1": (
        (
            "Every Monday that falls on the 1st, or every 10th day after it up to the 31st, "
            "of May at 00:00"
        ),
        "5月1日至31日（每 10 天）当中的周一 00:00",
    ),
    "0 0 1,15,L * */7": (
        "Every Sunday that falls on the 1st, the 15th and the last day of the month at 00:00",
        "每月1日、15日和最后一天当中的周日 00:00",
    ),
    "0 0 1-31 * 1": ("Every day at 00:00", "每天 00:00"),
    # steps that do not divide their field are no intervals
    "*/7 * * * *": (
        "At minutes 0 to 56 in steps of 7 of every hour",
        "每小时的第 0分至56分（每 7 分钟）",
    ),
    "0 */5 * * *": (
        "Every day at 00:00, 05:00, 10:00, 15:00 and 20:00",
        "每天 00:00、05:00、10:00、15:00 和 20:00",
    ),
    "0 0 */2 * *": (
        "On every 2nd day from the 1st to the 31st of every month at 00:00",
        "每月1日至31日（每 2 天） 00:00",
    ),
    # in some hours only
    "*/15 9-17 * * 1-5": (
        "Every 15 minutes, between 09:00 and 17:59, every weekday",
        "每个工作日，每 15 分钟，在 09:00 和 17:59 之间",
    ),
    "15 9-17 * * *": ("Every hour from 09:15 to 17:15", "09:15 至 17:15 每小时"),
    "5-10 9 * * *": ("Every minute from 09:05 to 09:10", "09:05 至 09:10 每分钟"),
    "7,27 * * * *": ("At minutes 7 and 27 of every hour", "每小时的第 7分和27分"),
    "* * * 2 *": ("Every minute, every day in February", "2月的每天，每分钟"),
}


@pytest.mark.parametrize("expression", SAID)
def test_an_expression_is_said_as_people_would(expression: str) -> None:
    assert (words(expression, "en"), words(expression, "zh-CN")) == SAID[expression]


def test_an_unknown_language_is_answered_in_english() -> None:
    assert words("0 9 * * *", "de") == words("0 9 * * *", "en")


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_every_expression_has_words_of_its_language(expression: str) -> None:
    english, chinese = words(expression, "en"), words(expression, "zh")

    assert re.fullmatch(r"[A-Z][A-Za-z0-9:, ]+", english)
    assert not re.search(r"[A-Za-z]", chinese)


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(WRITTEN)
def test_numbers_are_summed_up_without_adding_or_losing_one(expression: str) -> None:
    for part in fields.read(expression):
        summed = [n for span in spans(part.values) for n in range(span[0], span[1] + 1, span[2])]
        assert tuple(summed) == part.values
    assert words(expression, "en")
    assert words(expression, "zh")
