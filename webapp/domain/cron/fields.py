"""The grammar of cron expressions: six fields of numbers, or a refusal that says which and why."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

LONGEST = 200

MACROS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
SUNDAY = 7
"""As it is called at the end of a range; everywhere else it is 0 as well."""

_TERM = re.compile(r"(?P<first>\*|[0-9a-z]+)(?:-(?P<last>[0-9a-z]+))?(?:/(?P<step>[0-9]+))?")
_NTH = re.compile(r"(?P<day>[0-9a-z]+)#(?P<nth>[0-9]+)")
_BLANKS = re.compile(r"[ \t]+")
_KNOWN = re.compile(r"[A-Za-z0-9*/,#@?+~()^_. \t-]*")


class Kind(NamedTuple):
    """What a field counts."""

    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()
    names_from: int = 0


KINDS = (
    Kind("second", 0, 59),
    Kind("minute", 0, 59),
    Kind("hour", 0, 23),
    Kind("day of month", 1, 31),
    Kind("month", 1, 12, MONTHS, 1),
    Kind("weekday", 0, SUNDAY, DAYS),
)
SECOND, MINUTE, HOUR, DAY, MONTH, WEEKDAY = KINDS


class Term(NamedTuple):
    """One place of a list: ``first`` to ``last`` in steps."""

    first: int
    last: int
    step: int = 1
    star: bool = False


class Part(NamedTuple):
    """One field, read."""

    star: bool
    """Whether it begins with ``*``: what cron's rules of days and clock changes ask."""
    values: tuple[int, ...]
    """Every number it names, in order; Sunday is 0."""
    terms: tuple[Term, ...]
    last: bool = False
    """Of days: whether the last of the month is among them."""
    nth: tuple[tuple[int, int], ...] = ()
    """Of weekdays: ``(1, 3)`` is the third Monday."""

    @property
    def plain(self) -> bool:
        """Whether it is ``*`` and no more."""
        return self.terms == (Term(self.terms[0].first, self.terms[0].last, 1, True),)


class Fields(NamedTuple):
    """A whole expression, read."""

    second: Part
    minute: Part
    hour: Part
    day: Part
    month: Part
    weekday: Part

    @property
    def fixed_time(self) -> bool:
        """Whether it names times of day, which a clock change moves; others follow the clock."""
        return not (self.minute.star or self.hour.star)

    @property
    def either_day(self) -> bool:
        """Whether a day of the month or a weekday is enough; both are needed where one is ``*``."""
        return not (self.day.star or self.weekday.star)


class BadExpression(ValueError):
    """Its text is the reason, for a person."""


def read(expression: str) -> Fields:
    """The six fields of an expression; raises BadExpression."""
    return _fields(canonical(expression))


def canonical(expression: str) -> str:
    """The same expression in lower case with single blanks; macros are written out."""
    if len(expression) > LONGEST:
        raise BadExpression(f"it is longer than {LONGEST} characters")
    plain = _KNOWN.match(expression)
    if plain is not None and plain.end() < len(expression):
        raise BadExpression(_strange(expression[plain.end()]))
    text = _BLANKS.sub(" ", expression).strip().lower()
    if not text:
        raise BadExpression("it is empty; write five fields, for example 0 9 * * 1-5")
    return _written_out(text) if text.startswith("@") else text


@lru_cache(maxsize=16_384)
def _fields(text: str) -> Fields:
    parts = text.split(" ")
    if len(parts) == len(KINDS) - 1:
        parts.insert(0, "0")
    if len(parts) != len(KINDS):
        raise BadExpression(_wrong_number(len(parts)))
    with_seconds = text.count(" ") == len(KINDS) - 1
    try:
        return Fields(*(_part(kind, part) for kind, part in zip(KINDS, parts, strict=True)))
    except BadExpression as error:
        hint = "; of six fields the first is the seconds" if with_seconds else ""
        raise BadExpression(f"{error}{hint}") from None


def _strange(character: str) -> str:
    shown = f"“{character}” " if character.isprintable() else ""
    return f"the character {shown}(U+{ord(character):04X}) has no place in it"


def _wrong_number(count: int) -> str:
    wanted = "five are needed (minute, hour, day of month, month, weekday), or six with seconds"
    if count == len(KINDS) + 1:
        return f"it has seven fields, and years are not known; {wanted} first"
    return f"it has {count} field{'s' * (count != 1)}; {wanted} first"


def _written_out(text: str) -> str:
    if text == "@reboot":
        raise BadExpression(
            "@reboot is no time: a schedule is due at moments that can be written down, "
            "and the start of a machine is none"
        )
    if text not in MACROS:
        word = text.partition(" ")[0]
        raise BadExpression(f"there is no {word}; known are {', '.join(MACROS)}")
    return MACROS[text]


@lru_cache(maxsize=4_096)
def _part(kind: Kind, text: str) -> Part:
    values: set[int] = set()
    terms: list[Term] = []
    nth: set[tuple[int, int]] = set()
    last = False
    for place in text.split(","):
        if kind is DAY and place == "l":
            last = True
        elif kind is WEEKDAY and (found := _NTH.fullmatch(place)):
            nth.add(_nth(found))
        else:
            term = _term(kind, place)
            terms.append(term)
            values.update(range(term.first, term.last + 1, term.step))
    if kind is WEEKDAY:
        values = {value % SUNDAY for value in values}
        nth = {(day, number) for day, number in nth if day not in values}
    return Part(text[0:1] == "*", tuple(sorted(values)), tuple(terms), last, tuple(sorted(nth)))


def _nth(found: re.Match[str]) -> tuple[int, int]:
    number = int(found["nth"][:3])
    if not 1 <= number <= 5:
        raise _bad(WEEKDAY, f"in {found[0]} the number after # is not from 1 to 5")
    return _number(WEEKDAY, found["day"]) % SUNDAY, number


def _term(kind: Kind, place: str) -> Term:
    if not place:
        raise _bad(kind, "nothing stands on one side of a comma")
    for looks, where, why in _REASONS:
        if where in ("", kind.name) and looks.fullmatch(place):
            raise _bad(kind, f"{place}: {why}")
    found = _TERM.fullmatch(place)
    if found is None or (found["first"] == "*" and found["last"]):
        raise _bad(kind, _neither(kind, place))
    step = _step(kind, found["step"])
    if found["first"] == "*":
        return Term(kind.low, kind.high - (kind is WEEKDAY), step, star=True)
    first = _number(kind, found["first"])
    if found["last"] is None:
        return Term(first, kind.high if found["step"] else first, step)
    last = _number(kind, found["last"])
    if kind is WEEKDAY and found["last"] == DAYS[0]:
        last = SUNDAY
    if last < first:
        raise _bad(kind, _backwards(kind, found))
    return Term(first, last, step)


def _step(kind: Kind, text: str | None) -> int:
    step = 1 if text is None else int(text[:6])
    if step == 0:
        raise _bad(kind, "a step of 0 leads nowhere")
    size = kind.high - kind.low + (kind is not WEEKDAY)
    if step > size:
        raise _bad(kind, f"a step of {text} is larger than the field, which counts {size}")
    return step


def _number(kind: Kind, text: str) -> int:
    if text in kind.names:
        return kind.names.index(text) + kind.names_from
    if not text.isdigit():
        raise _bad(kind, _neither(kind, text))
    if len(text) > 6 or not kind.low <= int(text) <= kind.high:
        raise _bad(kind, f"{text} is not from {kind.low} to {kind.high}")
    return int(text)


def _backwards(kind: Kind, found: re.Match[str]) -> str:
    first, last = found["first"], found["last"]
    if kind is WEEKDAY and last == "0":
        return f"{found[0]} runs backwards; at the end of a range Sunday is 7"
    low, high = str(kind.low), str(kind.high - (kind is WEEKDAY))
    if first in kind.names or last in kind.names:
        low, high = kind.names[0], kind.names[-1]
    return f"{found[0]} runs backwards; write it as two ranges, {first}-{high},{low}-{last}"


_REASONS = (
    # (what it looks like, in which fields, why it is refused)
    (re.compile(r"l"), "", "L is the last day of the month, and stands in the third of five"),
    (re.compile(r"l.+|.+l"), "weekday", "the last weekday of a month (as in 5L) is not known"),
    (re.compile(r"lw|wl|\d+w|w\d+"), "day of month", "W, the nearest workday, is not known"),
    (
        re.compile(r"l.+|.+-l"),
        "day of month",
        "L stands alone or in a list: nothing is counted from it",
    ),
    (re.compile(r"[hr](\(.*\))?(/\d+)?"), "", "H and R, a time drawn by lot, are not known"),
    (re.compile(r".*\?.*"), "", "? is not known; write *"),
    (re.compile(r".*#.*"), "", "# stands in the weekday field alone, as in 1#3 or mon#3"),
    (re.compile(r"-.*|.*[/-]-.*"), "", "a number cannot be negative"),
    (re.compile(r".*~.*"), "", "~, a time drawn by lot, is not known"),
    (re.compile(r".*/"), "", "after / comes a number, the step"),
    (re.compile(r".*-"), "", "after - comes the end of the range"),
)


def _neither(kind: Kind, place: str) -> str:
    named = f", a name such as {kind.names[0]}" if kind.names else ""
    wanted = f"a number from {kind.low} to {kind.high}{named}, *, a range nor a step"
    return f"{place} is neither {wanted}"


def _bad(kind: Kind, reason: str) -> BadExpression:
    return BadExpression(f"the {kind.name} field: {reason}")
