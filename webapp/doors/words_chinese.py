"""Cron expressions in Chinese: 工作日 09:00."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from webapp.doors.meaning import Meaning, Span, clock, is_one, is_row, is_zero

DAYS = ("周日", "周一", "周二", "周三", "周四", "周五", "周六")
EITHER = {Span(1, 31, 2): "奇数日", Span(2, 30, 2): "偶数日"}
NTH = ("一", "二", "三", "四", "五")


class Chinese:
    """The sentences of Chinese."""

    LOCALE: str = "zh_CN"
    NOTES: Mapping[str, str] = MappingProxyType(
        {
            "cron_moved": "原定 %(time)s，因时钟拨快而顺延至此。",
            "cron_merged": "%(first)s 至 %(last)s 的 %(count)s 次合并为一次：时钟拨快。",
            "cron_first_of_two": "时钟拨慢：%(time)s 出现两次，只在第一次执行。",
            "cron_again": "第二次到 %(time)s：时钟已拨慢。",
        }
    )

    def say(self, meaning: Meaning) -> str:
        """The whole sentence: the days, then the times."""
        days = _days(meaning)
        if meaning.times:
            return f"{days} {_and(meaning.times, ' ')}"
        time = (meaning.interval or _clock(meaning)).replace(", ", "，")
        return time if days == "每天" else f"{days}，{time}"


def _days(meaning: Meaning) -> str:
    month = "每月" if meaning.months is None else _list(meaning.months, "月", "个月")
    by_date = month + _dates(meaning) if meaning.days or meaning.last_day else ""
    by_weekday = _weekdays(meaning, month)
    if not by_date and not by_weekday:
        return "每天" if meaning.months is None else f"{month}的每天"
    if not by_date or not by_weekday:
        return by_date or by_weekday
    if meaning.both:
        if len(meaning.days) == 1 and not meaning.last_day:
            by_date = month + EITHER.get(meaning.days[0], _dates(meaning))
        return f"{by_date}当中的{_named(meaning)}"
    return f"{by_date}以及{by_weekday}"


def _dates(meaning: Meaning) -> str:
    named = [_numbers(span, "日", "天") for span in meaning.days]
    return _and([*named, *(["最后一天"] * meaning.last_day)])


def _named(meaning: Meaning) -> str:
    """The weekdays alone, where the month was named before."""
    monday_first = sorted(meaning.weekdays, key=lambda day: (day - 1) % 7)
    named = [DAYS[day] for day in monday_first]
    return _and([*named, *(f"第{NTH[number - 1]}个{DAYS[day]}" for day, number in meaning.nth)])


def _weekdays(meaning: Meaning, month: str) -> str:
    said = []
    within = "" if meaning.months is None else f"{month}的"
    if meaning.weekdays == (1, 2, 3, 4, 5):
        said.append(f"{within}每个工作日")
    elif meaning.weekdays:
        said.append(f"{within}每{_named(meaning._replace(nth=()))}")
    if meaning.nth:
        said.append(f"{month}{_named(meaning._replace(weekdays=()))}")
    return "以及".join(said)


def _clock(meaning: Meaning) -> str:
    if is_one(meaning.seconds) and is_one(meaning.minutes) and is_row(meaning.hours):
        [(first, last, step)], minute = meaning.hours or (), (meaning.minutes or ())[0].first
        ends = [clock(hour, minute, meaning.seconds) for hour in (first, last)]
        return f"{ends[0]} 至 {ends[1]} {'每小时' if step == 1 else f'每 {step} 小时'}"
    if is_one(meaning.seconds) and is_row(meaning.minutes) and is_one(meaning.hours):
        [(first, last, step)], hour = meaning.minutes or (), (meaning.hours or ())[0].first
        ends = [clock(hour, minute, meaning.seconds) for minute in (first, last)]
        return f"{ends[0]} 至 {ends[1]} {'每分钟' if step == 1 else f'每 {step} 分钟'}"
    hours = "每小时" if meaning.hours is None else _list(meaning.hours, "点", "小时")
    minutes = "每分钟" if meaning.minutes is None else f"第 {_list(meaning.minutes, '分', '分钟')}"
    if is_zero(meaning.seconds):
        return f"{hours}的{minutes}"
    seconds = "每秒" if meaning.seconds is None else f"第 {_list(meaning.seconds, '秒', '秒')}"
    return f"{hours}的{minutes}的{seconds}"


def _list(spans: Iterable[Span], unit: str, step_unit: str) -> str:
    return _and([_numbers(span, unit, step_unit) for span in spans])


def _numbers(span: Span, unit: str, step_unit: str) -> str:
    if span.first == span.last:
        return f"{span.first}{unit}"
    every = "" if span.step == 1 else f"（每 {span.step} {step_unit}）"
    return f"{span.first}{unit}至{span.last}{unit}{every}"


def _and(parts: Iterable[str], blank: str = "") -> str:
    *before, last = parts
    return f"{'、'.join(before)}{blank}和{blank}{last}" if before else last
