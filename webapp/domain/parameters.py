"""The parameters of a flow: what may be declared, and which values a run may be given."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import date
from typing import Any

TYPES = ("text", "integer", "number", "boolean", "choice", "date", "json")
KEYS = ("name", "type", "default", "required", "description", "choices")
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}", re.ASCII)
"""They become names of environment variables, where no case tells two apart."""

PAYLOAD = "payload"
"""A parameter of this name and of type json takes all that a web hook was sent."""

MOST = 50
MOST_CHOICES = 100
LONGEST_ABOUT = 1_000
LARGEST = 100_000
"""Bytes of all values together, as text: Linux passes at most 131,072 to a process in one."""
DEEPEST = 20
WIDEST = 2**63 - 1
"""Integers up to this are the same in every language that reads them."""
_INTEGER = re.compile(r"[+-]?\d{1,19}", re.ASCII)

Declaration = Mapping[str, Any]


def declared(raw: Any) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Check a declaration: what is to be stored, and reasons per ``parameters.<place>.<key>``."""
    if not isinstance(raw, list) or not all(isinstance(one, Mapping) for one in raw):
        return [], {"parameters": "must be a list of objects, each with a name and a type"}
    if len(raw) > MOST:
        return [], {"parameters": f"must be at most {MOST}, and are {len(raw)}"}
    found: list[dict[str, Any]] = []
    problems: dict[str, str] = {}
    for place, one in enumerate(raw):
        declaration, wrong = _declaration(one)
        name = str(declaration.get("name", "")).lower()
        if name and name in (str(other.get("name", "")).lower() for other in found):
            wrong.setdefault("name", "there is one of this name already; case tells none apart")
        found.append(declaration)
        problems |= {f"parameters.{place}.{key}": reason for key, reason in wrong.items()}
    if not problems and _size(defaults(found)) > LARGEST:
        problems["parameters"] = f"the defaults must be at most {LARGEST:,} bytes in all"
    return found, problems


def values(
    declarations: Sequence[Declaration], given: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, str]]:
    """The values of a run, defaults filled in, and reasons per ``params.<name>``.

    A null counts as not given. A parameter without value and default is left out.
    """
    known = {one["name"]: one for one in declarations}
    problems = {
        f"params.{name[:80]}": "the flow has no such parameter" for name in given.keys() - known
    }
    found = {}
    for name, one in known.items():
        value = given.get(name)
        if value is None:
            value = one.get("default")
            if value is not None:
                found[name] = value
        if value is None or (value == "" and one.get("required")):
            if one.get("required"):
                problems[f"params.{name}"] = "must be given"
            continue
        try:
            found[name] = _CHECKS[one["type"]](value, one)
        except ValueError as error:
            problems[f"params.{name}"] = str(error)
    if not problems and _size(found) > LARGEST:
        problems["params"] = f"must be at most {LARGEST:,} bytes in all"
    return found, problems


def defaults(declarations: Sequence[Declaration]) -> dict[str, Any]:
    """The values of a run that is given none."""
    return {one["name"]: one["default"] for one in declarations if one.get("default") is not None}


def missing(declarations: Sequence[Declaration], asked: Collection[str] = ()) -> list[str]:
    """The parameters without which no run can be, for a schedule gives none.

    ``asked`` are those that the agent cannot do without.
    """
    return [
        one["name"]
        for one in declarations
        if (one.get("required") or one["name"] in asked) and one.get("default") is None
    ]


def of_payload(declarations: Sequence[Declaration], body: Mapping[str, Any]) -> dict[str, Any]:
    """What a web hook's body gives: declared names, and all of it where that is asked for.

    Whoever calls a hook sends much that nobody asked for; the rest is left aside.
    """
    given = {one["name"]: body[one["name"]] for one in declarations if one["name"] in body}
    for one in declarations:
        if one["name"] == PAYLOAD and one["type"] == "json":
            given[PAYLOAD] = dict(body)
    return given


def read(declarations: Sequence[Declaration], texts: Mapping[str, str]) -> dict[str, Any]:
    """Values out of texts, as forms and command lines have them; empty counts as not given.

    What cannot be read stays a text, which `values` then refuses in words.
    """
    types = {one["name"]: one["type"] for one in declarations}
    return {
        name: _READERS.get(types.get(name, "text"), str)(text)
        for name, text in texts.items()
        if text != "" or types.get(name) in (None, "text")
    }


def as_text(value: Any) -> str:
    """A value as an environment variable has it: texts as they are, all else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _declaration(raw: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    problems = {str(key)[:80]: "there is no such key" for key in raw if key not in KEYS}
    given = {key: raw[key] for key in KEYS if raw.get(key) is not None}
    found: dict[str, Any] = {"name": given.get("name", ""), "type": given.get("type", "text")}
    if not isinstance(found["name"], str) or not NAME.fullmatch(found["name"]):
        found["name"] = ""
        problems["name"] = "must be 1 to 64 of the characters A-Z a-z 0-9 _, no digit first"
    if found["type"] not in TYPES:
        problems["type"] = f"must be one of {', '.join(TYPES)}"
    for key in ("required", "description", "choices"):
        if key in given:
            try:
                found[key] = _KEYS[key](given[key])
            except ValueError as error:
                problems[key] = str(error)
    if (found["type"] == "choice") != ("choices" in given):
        problems["choices"] = "goes with the type choice, and must be there for it"
    if "default" in given and not problems:
        try:
            found["default"] = _CHECKS[found["type"]](given["default"], found)
        except ValueError as error:
            problems["default"] = str(error)
    return found, problems


def _required(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def _about(value: Any) -> str:
    if len(said := _text(value, {})) > LONGEST_ABOUT:
        raise ValueError(f"must be at most {LONGEST_ABOUT:,} characters long")
    return said


def _choices(value: Any) -> list[str]:
    if not isinstance(value, list) or not 1 <= len(value) <= MOST_CHOICES:
        raise ValueError(f"must be a list of 1 to {MOST_CHOICES} texts")
    found = [_text(one, {}) for one in value]
    if not all(found) or len(set(found)) < len(found):
        raise ValueError("must be different texts, none of them empty")
    return found


def _text(value: Any, _of: Declaration) -> str:
    if not isinstance(value, str):
        raise ValueError("must be text")
    return _storable(value)


def _storable(value: str) -> str:
    if "\0" in value:
        raise ValueError("must not contain a NUL character")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError("must be valid Unicode: it contains half of a surrogate pair") from None
    if len(value) > LARGEST:
        raise ValueError(f"must be at most {LARGEST:,} characters long, and has {len(value):,}")
    return value


def _integer(value: Any, _of: Declaration) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > WIDEST:
        raise ValueError("must be a whole number of at most 64 bits")
    return value


def _number(value: Any, _of: Declaration) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("must be a number")
    if abs(value) > WIDEST if isinstance(value, int) else not math.isfinite(value):
        raise ValueError("must be a finite number, of at most 64 bits if it is whole")
    return value


def _boolean(value: Any, _of: Declaration) -> bool:
    return _required(value)


def _choice(value: Any, of: Declaration) -> str:
    choices = of.get("choices", [])
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"must be one of {', '.join(choices)}"[:500])
    return value


def _date(value: Any, _of: Declaration) -> str:
    try:
        if isinstance(value, str) and date.fromisoformat(value).isoformat() == value:
            return value
    except ValueError:
        pass
    raise ValueError("must be a date as in 2026-11-23")


def _json(value: Any, _of: Declaration) -> Any:
    for part in _parts(value, DEEPEST):
        if isinstance(part, str):
            _storable(part)
        elif isinstance(part, int | float) and not isinstance(part, bool):
            _number(part, {})
    return value


def _parts(value: Any, levels: int) -> Iterator[Any]:
    if levels == 0:
        raise ValueError(f"must not be nested more than {DEEPEST} levels deep")
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield name
            yield from _parts(inner, levels - 1)
    elif isinstance(value, list):
        for inner in value:
            yield from _parts(inner, levels - 1)
    else:
        yield value


def _size(found: Mapping[str, Any]) -> int:
    return sum(len(name) + len(as_text(value).encode()) for name, value in found.items())


def _read_integer(text: str) -> Any:
    return int(text) if _INTEGER.fullmatch(text.strip()) else text


def _read_json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _read_number(text: str) -> Any:
    found = _read_json(text)
    return found if isinstance(found, int | float) and not isinstance(found, bool) else text


def _read_boolean(text: str) -> Any:
    words = {"true": True, "yes": True, "on": True, "1": True}
    words |= {"false": False, "no": False, "off": False, "0": False}
    return words.get(text.strip().lower(), text)


_KEYS: dict[str, Callable[[Any], Any]] = {
    "required": _required,
    "description": _about,
    "choices": _choices,
}
_CHECKS: dict[str, Callable[[Any, Declaration], Any]] = {
    "text": _text,
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
    "choice": _choice,
    "date": _date,
    "json": _json,
}
_READERS: dict[str, Callable[[str], Any]] = {
    "integer": _read_integer,
    "number": _read_number,
    "boolean": _read_boolean,
    "json": _read_json,
}
