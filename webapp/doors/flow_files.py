"""Flows and schedules as YAML: read without trust, each value with its line; and written."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import yaml

from webapp.domain.bundles import MAX_FLOWS, Bundle, Entry, Problem

VERSION = 1
DEEPEST = 20
_READ: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_WRITE: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class _Loader(_READ):  # type: ignore[misc]
    """Knows text, numbers, true, false and null, and takes no word or time for one of them."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012


class _Dumper(_WRITE):  # type: ignore[misc]
    """Writes text of several lines as such."""


_PLAIN = {
    "bool": (r"true|false|True|False", "tTfF"),
    "int": (r"-?(0|[1-9][0-9]{0,18})", "-0123456789"),
    "float": (r"-?(0|[1-9][0-9]{0,18})\.[0-9]{1,18}([eE][-+]?[0-9]{1,2})?", "-0123456789"),
    "null": (r"~|null|Null|NULL|", ["~", "n", "N", ""]),
}
for _kind, (_pattern, _first) in _PLAIN.items():
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_kind}", re.compile(rf"^(?:{_pattern})$"), list(_first)
    )
_Dumper.add_representer(
    str,
    lambda dumper, text: dumper.represent_scalar(
        "tag:yaml.org,2002:str", text, style="|" if "\n" in text else None
    ),
)


class _Unreadable(ValueError):
    """What is wrong with the file as such, and where."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.problem = Problem(line, reason)


def read(text: str) -> Bundle:
    """What a file of flows says; what is wrong with it is among its problems."""
    found = Bundle()
    try:
        _check_shape(text)
        root = yaml.compose(text, Loader=_Loader)
        _read_root(root, found)
    except _Unreadable as error:
        found.problems.append(error.problem)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        reason = getattr(error, "problem", None) or str(error).splitlines()[0]
        if "alphabetic" in reason:
            reason = "text that begins with * or & must be quoted"
        found.problems.append(Problem(mark.line + 1 if mark else 1, f"is no YAML: {reason}"))
    return found


def write(flows: Iterable[tuple[Mapping[str, Any], list[str]]], about: str) -> Iterator[str]:
    """A file of flows, piece by piece; each with the names of its secrets that are left out."""
    yield "".join(f"# {line}\n" for line in about.splitlines())
    yield f"lineup: {VERSION}\nflows:\n"
    any_at_all = False
    for fields, secrets in flows:
        any_at_all = True
        if secrets:
            yield f"# not in here: {', '.join(secrets)}\n"
        yield yaml.dump([dict(fields)], Dumper=_Dumper, sort_keys=False, allow_unicode=True)
    if not any_at_all:
        yield "  []\n"


def _check_shape(text: str) -> None:
    """Refuse what would grow: aliases, and what is nested too deeply for any flow."""
    deep = 0
    for event in yaml.parse(text, Loader=_Loader):
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, yaml.AliasEvent):
            raise _Unreadable(
                line, "a word that begins with * is a reference in YAML; quote it: '*'"
            )
        if isinstance(event, yaml.CollectionStartEvent):
            deep += 1
            if deep > DEEPEST:
                raise _Unreadable(line, f"is nested more than {DEEPEST} deep")
        elif isinstance(event, yaml.CollectionEndEvent):
            deep -= 1


def _read_root(root: Any, found: Bundle) -> None:
    if not isinstance(root, yaml.MappingNode):
        raise _Unreadable(1, "begins with no “lineup: 1” and “flows:”")
    parts = _parts(root)
    version = _value(parts["lineup"]) if "lineup" in parts else None
    if version != VERSION:
        raise _Unreadable(_line(root), f"must say “lineup: {VERSION}”, the version of the format")
    unknown = parts.keys() - {"lineup", "flows"}
    for name in sorted(unknown):
        found.problems.append(Problem(_line(parts[name]), "there is no such part", name))
    flows = parts.get("flows")
    if not isinstance(flows, yaml.SequenceNode):
        raise _Unreadable(_line(flows or root), "flows must be a list")
    if len(flows.value) > MAX_FLOWS:
        raise _Unreadable(_line(flows), f"has more than {MAX_FLOWS:,} flows")
    for node in flows.value:
        try:
            found.entries.append(_entry(node))
        except _Unreadable as error:
            found.problems.append(error.problem)


def _entry(node: Any) -> Entry:
    if not isinstance(node, yaml.MappingNode):
        raise _Unreadable(_line(node), "a flow must be fields with values")
    parts = _parts(node)
    lines = {name: _line(value) for name, value in parts.items()}
    scheduled = parts.pop("schedule", None)
    schedule = None
    if scheduled is not None and _value(scheduled) is not None:
        if not isinstance(scheduled, yaml.MappingNode):
            raise _Unreadable(_line(scheduled), "schedule must be fields with values")
        inner = _parts(scheduled)
        lines |= {f"schedule.{name}": _line(value) for name, value in inner.items()}
        schedule = {name: _value(value) for name, value in inner.items()}
    flow = {name: _value(value) for name, value in parts.items()}
    return Entry(_line(node), flow, schedule, lines=lines)


def _parts(node: Any) -> dict[str, Any]:
    """The values of a mapping by their names, each name once."""
    found: dict[str, Any] = {}
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise _Unreadable(_line(key), "the name of a field must be a word")
        if key.value in found:
            raise _Unreadable(_line(key), f"“{key.value[:80]}” is said twice")
        found[key.value] = value
    return found


def _value(node: Any) -> Any:
    kind = node.tag.removeprefix("tag:yaml.org,2002:")
    if isinstance(node, yaml.MappingNode) and kind == "map":
        return {name: _value(value) for name, value in _parts(node).items()}
    if isinstance(node, yaml.SequenceNode) and kind == "seq":
        return [_value(inner) for inner in node.value]
    if isinstance(node, yaml.ScalarNode) and kind == "str":
        return node.value
    known = isinstance(node, yaml.ScalarNode) and kind in _PLAIN
    if not known or not re.fullmatch(_PLAIN[kind][0], node.value):
        raise _Unreadable(_line(node), f"is not what its tag {kind[:80]} says")
    return _MAKERS[kind](node.value)


def _truth(text: str) -> bool:
    return text.lower() == "true"


def _nothing(_text: str) -> None:
    return None


_MAKERS: dict[str, Callable[[str], Any]] = {
    "int": int,
    "float": float,
    "bool": _truth,
    "null": _nothing,
}


def _line(node: Any) -> int:
    return int(node.start_mark.line) + 1
