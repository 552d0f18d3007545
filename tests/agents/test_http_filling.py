"""Parameters and secrets in a request: none breaks out of its place, no secret is kept."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.agents.calling import SECRET, Call, failure
from tests.agents.serving import Asked, Server, answer


def test_parameters_are_filled_in_so_that_none_breaks_out(server: Server, call: Call) -> None:
    server.on("/users/a%2Fb%3Fc/", answer(body="ok"))
    params = {"who": "a/b?c", "n": 3, "yes": True, "text": 'say "hi" & go', "many": [1, "x y"]}

    run = call(
        f"{server.url}/users/{{{{who}}}}/?q={{{{text}}}}",
        params=params,
        method="POST",
        query={"m": "{{many}}", "n": "{{ n }}"},
        headers={"X-Who": "<{{who}}>"},
        body={"n": "{{n}}", "yes": "{{yes}}", "said": "I {{text}} {{n}}", "list": ["{{many}}"]},
    )

    assert run.result().text == "ok"
    [asked] = server.asked
    assert asked.path == ("/users/a%2Fb%3Fc/?q=say%20%22hi%22%20%26%20go&m=1&m=x%20y&n=3")
    assert asked.headers["x-who"] == "<a/b?c>"
    assert json.loads(asked.body) == {
        "n": 3, "yes": True, "said": 'I say "hi" & go 3', "list": [[1, "x y"]],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("settings", "params", "said"),
    [
        ({"url": "/{{x}}"}, {}, "no parameter “x”, which the address needs"),
        ({"url": "/a/{{x}}/b"}, {"x": ".."}, "“x” cannot stand in the address"),
        ({"url": "/a/{{x}}"}, {"x": "%2e%2e"}, "“x” cannot stand in the address"),
        ({"url": "/a/{{x}}"}, {"x": None}, "“x” cannot stand in the address: it is empty"),
        ({"headers": {"A": "{{x}}"}}, {"x": "1\r\nB: 2"}, "“x” cannot stand in the headers"),
        ({"body": "{{x}}"}, {"y": 1}, "which the body needs"),
    ],
)
def test_a_parameter_that_cannot_be_used_fails_before_anything_is_asked(
    *, server: Server, call: Call, settings: dict[str, Any], params: dict[str, Any], said: str
) -> None:
    url = server.url + settings.pop("url", "/")

    assert said in failure(call(url, params=params, **settings))
    assert server.asked == []


def test_a_text_is_sent_as_its_media_type_wants_values_written(server: Server, call: Call) -> None:
    url = server.on("/", answer(body="ok"))
    for kind in ("application/x-www-form-urlencoded", "application/xml", "text/plain"):
        headers = {"Content-Type": kind}
        call(url, params={"x": "a&<b"}, body="v={{x}}", headers=headers, method="POST").result()

    assert [asked.body for asked in server.asked] == [b"v=a%26%3Cb", b"v=a&amp;&lt;b", b"v=a&<b"]


def test_secret_headers_are_sent_and_what_repeats_them_is_hidden(
    server: Server, call: Call
) -> None:
    def repeat(asked: Asked, connection: Any) -> None:
        body = asked.headers["x-api-key"].encode()
        connection.sendall(b"HTTP/1.1 200 OK\r\nX-Said: " + body + b"\r\n\r\nyou said ")
        for byte in body:  # in pieces, so that no piece holds the whole
            connection.sendall(bytes([byte]))
        connection.sendall(b"!")

    run = call(server.on("/", repeat), secret_headers={"X-Api-Key": SECRET})

    assert run.result().text == "you said •••!"
    assert run.console.text == "you said •••!"
    assert SECRET not in str(run.console.said)
    assert server.asked[0].headers["x-api-key"] == SECRET


def test_secret_parameters_stand_in_address_and_body_and_nowhere_else(
    server: Server, call: Call
) -> None:
    def repeat(asked: Asked, connection: Any) -> None:
        answer("403 No", f"{asked.path} {asked.body.decode()}")(asked, connection)

    run = call(
        server.on("/hooks/s3cret%2Fkey%22", repeat).replace("s3cret%2Fkey%22", "{{key}}"),
        secret_params={"key": 's3cret/key"'},
        body={"token": "{{key}}"},
    )

    assert failure(run).endswith('/hooks/••• {"token": "•••"}')
    assert server.asked[0].json == {"token": 's3cret/key"'}
    assert "s3cret" not in str(run.console.said) + run.console.text


def test_a_body_with_secrets_is_not_taken_to_another_server(server: Server, call: Call) -> None:
    with Server() as other:
        url = server.on("/", answer("307 Away", Location=other.on("/", answer())))

        run = call(url, secret_params={"key": "s3cret"}, body={"token": "{{key}}"})

        assert "in which secrets may stand, to another server" in failure(run)
        assert other.asked == []
