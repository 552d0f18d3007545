"""The settings of a request: refused by name when no request can be made of them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.agents.calling import AGENT, Call, failure
from tests.agents.serving import Server, answer
from webapp.agents.protocol import InvalidSetting

URL = "http://example.org/"
LANGFLOW = {"url": URL, "preset": "langflow", "langflow_flow": "f"}
REFUSALS = [
    ({}, "url", "say which address"),
    *(
        ({"url": url}, "url", reason)
        for url, reason in [
            ("", "begins with http://"),
            (5, "begins with http://"),
            ("ftp://example.org/", "http://"),
            ("example.org", "http://"),
            ("file:///etc/passwd", "http://"),
            ("http://", "names no server"),
            ("http:///path", "names no server"),
            ("{{scheme}}://example.org/", "http://"),
            ("{{url}}", "http://"),
            ("http://{{host}}/", "only behind the server's name"),
            ("http://example.org{{x}}", "only behind the server's name"),
            ("http://example.org:{{port}}/", "only behind the server's name"),
            ("http://example.org\\@evil.example/", "no backslash"),
            ("http://example.org/\nX: y", "no control character"),
            ("http://ann:secret@example.org/", "secret_headers"),
            ("http://example.org/#part", "behind #"),
            ("http://example.org/{{1st}}", "begins no parameter"),
            ("http://example.org:99999/", "is no address"),
            ("http://" + "a" * 9000, "longer than"),
        ]
    ),
    ({"url": URL, "colour": "red"}, "colour", "is not a setting of http"),
    ({"url": URL, "method": "STEAL"}, "method", "must be one of"),
    ({"url": URL, "query": ["a"]}, "query", "must be an object"),
    ({"url": URL, "query": {"a": {"b": 1}}}, "query", "the value of a"),
    ({"url": URL, "headers": {"A B": "x"}}, "headers", "no name of a header"),
    ({"url": URL, "headers": {"A": "x\r\nB: y"}}, "headers", "on one line"),
    ({"url": URL, "headers": {"Host": "x"}}, "headers", "by the connection itself"),
    ({"url": URL, "headers": {"content-length": "3"}}, "headers", "by the connection itself"),
    ({"url": URL, "headers": {"authorization": "x"}}, "headers", "send it in secret_headers"),
    ({"url": URL, "headers": {"A": "x", "a": "y"}}, "headers", "a header twice"),
    ({"url": URL, "secret_headers": {"A": 5}}, "secret_headers", "must be a text"),
    ({"url": URL, "headers": {"A": "x"}, "secret_headers": {"a": "y"}}, "secret_headers", "too"),
    ({"url": URL, "secret_params": {"a b": "x"}}, "secret_params", "no name of a parameter"),
    ({"url": URL, "secret_params": {"a": ""}}, "secret_params", "a text of 1 to"),
    ({"url": URL, "body": float("nan")}, "body", "cannot be sent as JSON"),
    ({"url": URL, "body": "x" * 2_000_000}, "body", "longer than"),
    ({"url": URL, "body": "{}", "headers": {"Content-Type": "a/b+json"}}, "body", "JSON itself"),
    ({"url": URL, "expected_status": "1xx"}, "expected_status", "no status from 200 to 599"),
    ({"url": URL, "expected_status": "404-400"}, "expected_status", "ends before it begins"),
    ({"url": URL, "expected_status": True}, "expected_status", "must be statuses"),
    ({"url": URL, "request_timeout_s": 0}, "request_timeout_s", "from 0.1"),
    ({"url": URL, "request_timeout_s": "5"}, "request_timeout_s", "must be a number"),
    ({"url": URL, "request_retries": 21}, "request_retries", "from 0 to 20"),
    ({"url": URL, "request_retries": True}, "request_retries", "whole number"),
    ({"url": URL, "verify_tls": "no"}, "verify_tls", "true or false"),
    ({"url": URL, "max_response_mb": 0}, "max_response_mb", "from 1 to"),
    ({"url": URL, "preset": "slack"}, "preset", "must be one of"),
    ({"url": URL, "tweaks": {}}, "tweaks", "langflow only"),
    ({"url": URL, "preset": "langflow"}, "langflow_flow", "say which flow"),
    ({**LANGFLOW, "langflow_flow": "../x"}, "langflow_flow", "id or the endpoint name"),
    ({**LANGFLOW, "method": "GET"}, "method", "is POST"),
    ({**LANGFLOW, "body": {"a": 1}}, "body", "made by the preset"),
    ({**LANGFLOW, "url": f"{URL}?a=1"}, "url", "without a query"),
]


@pytest.mark.parametrize(("settings", "field", "reason"), REFUSALS)
def test_what_no_request_can_be_made_of_is_refused_by_name(
    settings: dict[str, Any], field: str, reason: str
) -> None:
    with pytest.raises(InvalidSetting) as refused:
        AGENT.validate(settings, by_hand=True)
    assert refused.value.field == field
    assert reason in refused.value.reason


def test_what_is_nested_without_end_is_refused() -> None:
    deep: Any = "bottom"
    for _ in range(900):
        deep = [deep]
    with pytest.raises(InvalidSetting, match="nested more than"):
        AGENT.validate({"url": URL, "body": deep}, by_hand=True)


def test_a_refusal_never_shows_a_secret() -> None:
    with pytest.raises(InvalidSetting) as refused:
        AGENT.validate({"url": URL, "secret_headers": {"A": "s3cret\n"}}, by_hand=True)
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize(
    "settings",
    [
        {"url": f"{URL}a/{{{{x}}}}?b={{{{y}}}}", "body": {"a": [1, None]}, "read_timeout_s": 5},
        {"url": URL, "expected_status": [200, "4XX"], "query": {"a": [1, "x"]}},
        {**LANGFLOW, "tweaks": {"A": {"b": 1}}, "input_value": "{{q}}"},
        {"url": "http://[::1]:8080/", "preset": "webhook", "secret_headers": {"X-Key": "k"}},
    ],
)
def test_validated_settings_are_valid_again(settings: dict[str, Any]) -> None:
    once = AGENT.validate(settings, by_hand=True)
    assert AGENT.validate(once, by_hand=False) == once
    assert once["method"] == ("POST" if {"body", "preset"} & settings.keys() else "GET")


CHAT = '{"outputs":[{"outputs":[{"results":{"message":{"text":"Four."}}}]}]}'


def test_a_flow_of_langflow_is_run_and_its_message_is_the_result(
    server: Server, call: Call
) -> None:
    server.on("/base/api/v1/run/my-flow", answer(body=CHAT, Content_Type="application/json"))

    run = call(
        f"{server.url}/base/",
        preset="langflow",
        langflow_flow="my-flow",
        input_value="{{a}} and {{a}}?",
        tweaks={"Model": {"n": "{{a}}"}},
        secret_headers={"x-api-key": "sk-1234567890"},
        params={"a": 2},
    )

    assert run.result().text == "Four."
    [asked] = server.asked
    assert (asked.method, asked.path) == ("POST", "/base/api/v1/run/my-flow?stream=false")
    assert asked.headers["x-api-key"] == "sk-1234567890"
    assert asked.json == {
        "input_value": "2 and 2?", "input_type": "chat", "output_type": "chat",
        "tweaks": {"Model": {"n": 2}}, "session_id": "session-1",
    }  # fmt: skip


def test_without_an_input_a_flow_of_langflow_is_asked_the_description(
    server: Server, call: Call
) -> None:
    server.on("/api/v1/run/f", answer(body='{"outputs": [{"outputs": 5}, null]}'))

    run = call(server.url, preset="langflow", langflow_flow="f")

    assert (
        run.result().text
        == '{\n  "outputs": [\n    {\n      "outputs": 5\n    },\n    null\n  ]\n}'
    )
    assert "http_no_message" in run.console.codes()
    assert server.asked[0].json["input_value"] == "Ask it"


def test_a_flow_of_langflow_that_fails_is_a_failure_with_its_words(
    server: Server, call: Call
) -> None:
    server.on("/api/v1/run/f", answer("500 Oops", '{"detail":"no such model"}'))

    assert "no such model" in failure(call(server.url, preset="langflow", langflow_flow="f"))
    assert len(server.asked) == 1


def test_a_web_hook_without_a_body_tells_what_is_run(server: Server, call: Call) -> None:
    call(server.on("/", answer()), preset="webhook", params={"a": "{{b}}"}).result()

    assert server.asked[0].method == "POST"
    assert server.asked[0].json == {
        "event": "task", "task_id": "task-1", "session_id": "session-1", "attempt": 1,
        "description": "Ask it", "params": {"a": "{{b}}"},
    }  # fmt: skip
