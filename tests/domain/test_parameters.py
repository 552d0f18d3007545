"""Which parameters a flow may declare, and which values a run may be given."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from webapp.domain import parameters
from webapp.domain.parameters import DEEPEST, LARGEST, MOST, TYPES


def deep(levels: int) -> Any:
    """Lists within lists."""
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("declaration", "key", "reason"),
    [
        ({}, "name", "1 to 64"),
        ({"name": ""}, "name", "1 to 64"),
        ({"name": "1x"}, "name", "no digit first"),
        ({"name": "a-b"}, "name", "1 to 64"),
        ({"name": "größe"}, "name", "A-Z"),
        ({"name": "x" * 65}, "name", "1 to 64"),
        ({"name": "x\n"}, "name", "1 to 64"),
        ({"name": 7}, "name", "1 to 64"),
        ({"type": "secret"}, "type", "one of text, integer"),
        ({"type": ["text"]}, "type", "one of"),
        ({"required": 1}, "required", "true or false"),
        ({"description": 1}, "description", "text"),
        ({"description": "x" * 1001}, "description", "1,000"),
        ({"description": "\0"}, "description", "NUL"),
        ({"type": "choice"}, "choices", "type choice"),
        ({"choices": ["a"]}, "choices", "type choice"),
        ({"type": "choice", "choices": []}, "choices", "1 to 100"),
        ({"type": "choice", "choices": "ab"}, "choices", "list"),
        ({"type": "choice", "choices": ["a", "a"]}, "choices", "different"),
        ({"type": "choice", "choices": ["a", ""]}, "choices", "empty"),
        ({"type": "choice", "choices": ["a", 1]}, "choices", "text"),
        ({"type": "choice", "choices": ["a"], "default": "b"}, "default", "one of a"),
        ({"type": "integer", "default": "1"}, "default", "whole number"),
        ({"type": "integer", "default": True}, "default", "whole number"),
        ({"default": "\ud800"}, "default", "Unicode"),
        ({"secret": True}, "secret", "no such key"),
    ],
)
def test_a_declaration_that_cannot_be_used_is_refused_by_place_and_key(
    declaration: dict[str, Any], key: str, reason: str
) -> None:
    first = {"name": "fine"}
    named = declaration if key == "name" else {"name": "x", **declaration}

    _, problems = parameters.declared([first, named])

    assert reason in problems[f"parameters.1.{key}"]


@pytest.mark.parametrize("raw", [{}, "text", 7, [7], [[]], None, [{"name": "x"}] * (MOST + 1)])
def test_what_is_no_list_of_declarations_is_refused_as_a_whole(raw: Any) -> None:
    assert parameters.declared(raw)[1].keys() == {"parameters"}


def test_names_that_differ_in_case_alone_are_one_variable_and_refused() -> None:
    _, problems = parameters.declared([{"name": "Target"}, {"name": "tARGET"}])

    assert "already" in problems["parameters.1.name"]


def test_a_declaration_keeps_only_what_it_says() -> None:
    raw = [
        {"name": "x", "type": None, "default": None, "choices": None},
        {"name": "y", "type": "boolean", "default": False, "required": False},
    ]

    assert parameters.declared(raw) == (
        [
            {"name": "x", "type": "text"},
            {"name": "y", "type": "boolean", "required": False, "default": False},
        ],
        {},
    )


@pytest.mark.parametrize(
    ("kind", "value", "reason"),
    [
        ("text", 1, "text"),
        ("text", "a\0b", "NUL"),
        ("text", "\udfff", "Unicode"),
        ("text", "x" * (LARGEST + 1), "100,000"),
        ("integer", 1.0, "whole"),
        ("integer", "1", "whole"),
        ("integer", True, "whole"),
        ("integer", 2**63, "64 bits"),
        ("integer", 10**1000, "64 bits"),
        ("number", "1", "number"),
        ("number", math.nan, "finite"),
        ("number", math.inf, "finite"),
        ("number", False, "number"),
        ("number", 10**400, "64 bits"),
        ("boolean", 1, "true or false"),
        ("boolean", "true", "true or false"),
        ("choice", "c", "one of a, b"),
        ("choice", ["a"], "one of"),
        ("date", "2026-02-30", "2026-11-23"),
        ("date", "20261123", "2026-11-23"),
        ("date", 20261123, "2026-11-23"),
        ("json", {"a": math.nan}, "finite"),
        ("json", ["\ud800"], "Unicode"),
        ("json", {"\0": 1}, "NUL"),
        ("json", deep(DEEPEST), "deep"),
        ("json", deep(900), "deep"),
        ("json", {"n": 2**70}, "64 bits"),
    ],
)
def test_a_value_of_another_type_is_refused_by_the_parameters_name(
    kind: str, value: Any, reason: str
) -> None:
    declared = [
        {"name": "x", "type": kind, **({"choices": ["a", "b"]} if kind == "choice" else {})}
    ]

    _, problems = parameters.values(declared, {"x": value})

    assert reason in problems["params.x"]


def test_every_wrong_value_is_named_and_unknown_ones_are_refused() -> None:
    declared = [{"name": "must", "type": "text", "required": True}, {"name": "n", "type": "number"}]

    _, problems = parameters.values(declared, {"n": "x", "typo": 1, "must": ""})

    assert problems.keys() == {"params.must", "params.n", "params.typo"}
    assert parameters.missing(declared) == ["must"]


def test_all_values_together_are_bounded() -> None:
    declared = [{"name": f"p{number}", "type": "text"} for number in range(3)]

    _, problems = parameters.values(declared, dict.fromkeys(("p0", "p1", "p2"), "ü" * 20_000))

    assert problems == {"params": "must be at most 100,000 bytes in all"}


def test_defaults_fill_in_and_what_has_none_is_left_out() -> None:
    declared, _ = parameters.declared(
        [
            {"name": "a", "default": "x"},
            {"name": "b", "type": "boolean", "default": False},
            {"name": "c"},
            {"name": "d", "required": True, "default": "y"},
        ]
    )

    assert parameters.values(declared, {"a": None}) == ({"a": "x", "b": False, "d": "y"}, {})
    assert parameters.defaults(declared) == {"a": "x", "b": False, "d": "y"}
    assert parameters.missing(declared) == []


def test_texts_are_read_as_the_parameters_type() -> None:
    declared = [{"name": kind, "type": kind} for kind in TYPES]
    texts = {"text": "5", "integer": " -5", "number": "5e3", "boolean": "Yes", "json": '{"a": [1]}'}

    read = parameters.read(declared, {**texts, "date": "", "choice": "", "unknown": "x"})

    assert read == {
        "text": "5",
        "integer": -5,
        "number": 5000.0,
        "boolean": True,
        "json": {"a": [1]},
        "unknown": "x",
    }
    unreadable = {"integer": "5.5", "number": "five", "boolean": "maybe", "json": "{"}
    assert parameters.read(declared, unreadable) == unreadable


def test_a_hook_gives_what_is_declared_and_its_whole_body_where_that_is_asked_for() -> None:
    body = {"ref": "main", "commits": [1], "sender": {}}
    declared = [{"name": "ref", "type": "text"}]

    assert parameters.of_payload(declared, body) == {"ref": "main"}
    whole = [*declared, {"name": "payload", "type": "json"}]
    assert parameters.of_payload(whole, body) == {"ref": "main", "payload": body}


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@settings(max_examples=200, deadline=None)
@given(raw=ANYTHING, values=st.dictionaries(st.text(), ANYTHING, max_size=3))
def test_whatever_is_sent_what_is_taken_can_be_stored(raw: Any, values: dict[str, Any]) -> None:
    declared, problems = parameters.declared([{"name": "x", "type": "json", "default": raw}])
    if not problems:
        taken, _ = parameters.values(declared, values)
        assert json.loads(json.dumps(taken, allow_nan=False)) == taken
    parameters.declared(raw)
