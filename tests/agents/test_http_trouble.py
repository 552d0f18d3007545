"""Servers that break off, lie, redirect in circles or are not there: each fails in words."""

from __future__ import annotations

from typing import Any

import pytest

from tests.agents.calling import SECRET, Call, failure
from tests.agents.certificates import self_signed
from tests.agents.serving import Asked, Server, answer, raw
from webapp.agents.protocol import AgentFailed

__all__ = ["self_signed"]

BROKEN = [
    (b"", "closed the connection without an answer"),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort", "broke off"),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel", "broke off"),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello", "is not proper HTTP"),
    (b"HTTP/1.1 two hundred\r\n\r\n", "is not proper HTTP"),
    (b"HTTP/1.1 200 OK\r\nX: " + b"a" * 300_000 + b"\r\n\r\n", "is not proper HTTP"),
    (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\nhello", "says that it is gzip, and is not"),
    (b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello", "is not proper HTTP"),
]


@pytest.mark.parametrize(("data", "said"), BROKEN)
def test_a_broken_answer_fails_in_words(
    server: Server,
    call: Call,
    data: bytes,
    said: str,
) -> None:
    assert said in failure(call(server.on("/", raw(data)), request_retries=0))


def test_a_broken_answer_is_asked_for_again(server: Server, call: Call) -> None:
    run = call(server.on("/", raw(BROKEN[1][0]), answer(body="whole")))

    assert run.result().text == "whole"
    assert "broke off" in run.console.params("http_retry")["why"]


def test_what_comes_beyond_the_length_that_was_said_is_not_read(
    server: Server,
    call: Call,
) -> None:
    url = server.on("/", raw(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nshort"))

    assert call(url).result().text == "sh"


def test_nobody_there_no_such_host_and_no_tls_are_told_apart(
    server: Server,
    call: Call,
) -> None:
    server.close()
    once = {"request_retries": 0}

    assert "refused the connection" in failure(call(server.url, **once))
    assert "no host named nowhere.invalid" in failure(call("http://nowhere.invalid/", **once))


def test_a_server_without_tls_is_told_from_one_that_is_not_trusted(call: Call) -> None:
    plain = Server(greeting=b"220 mail ready\r\n")

    assert "No encrypted connection" in failure(
        call(plain.url.replace("http:", "https:"), request_retries=0)
    )
    plain.close()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"request_timeout_s": 0.2}, "was not complete within 0.2 s"),
        ({"read_timeout_s": 0.2}, "sent nothing for 0.2 s"),
    ],
)
def test_a_server_that_falls_silent_is_given_up(
    server: Server,
    call: Call,
    settings: dict[str, Any],
    said: str,
) -> None:
    for script in (server.silent, server.trickle):
        assert said in failure(call(server.on("/", script), request_retries=0, **settings))


def test_redirections_in_a_circle_come_to_an_end(server: Server, call: Call) -> None:
    run = call(server.on("/", answer("302 Found", Location="/")))

    assert "More than 10 redirections" in failure(run)
    assert len(server.asked) == 11


@pytest.mark.parametrize("place", ["ftp://example.org/", "http://u:p@h/", "javascript:x"])
def test_a_redirection_to_no_web_address_is_not_followed(
    server: Server,
    call: Call,
    place: str,
) -> None:
    run = call(server.on("/", answer("302 Found", Location=place)))

    assert "redirects to what is no web address" in failure(run)


def test_secret_headers_are_never_sent_to_another_server(
    server: Server,
    call: Call,
) -> None:
    other = Server()
    other.on("/there", answer("307 Back", Location=f"{server.url}/end"))
    server.on("/end", answer(body="arrived"))
    url = server.on("/", answer("307 Away", Location=f"{other.url}/there"))

    run = call(url, secret_headers={"Authorization": f"Bearer {SECRET}"}, headers={"X-Open": "1"})

    assert run.result().text == "arrived"
    assert "http_redirect_away" in run.console.codes()
    [asked] = other.asked
    assert "authorization" not in asked.headers
    assert asked.headers["x-open"] == "1"
    assert [asked.headers["authorization"] for asked in server.asked] == [f"Bearer {SECRET}"] * 2
    other.close()


@pytest.mark.parametrize(
    ("status", "method", "body"),
    [
        ("303 See Other", "GET", b""),
        ("302 Found", "GET", b""),
        ("308 For Good", "POST", b'{"a": 1}'),
    ],
)
def test_a_redirected_post_becomes_what_browsers_make_of_it(
    *,
    server: Server,
    call: Call,
    status: str,
    method: str,
    body: bytes,
) -> None:
    server.on("/end", answer(body="arrived"))

    call(server.on("/", answer(status, Location="/end")), method="POST", body={"a": 1}).result()

    assert (server.asked[1].method, server.asked[1].body) == (method, body)
    assert ("content-type" in server.asked[1].headers) == (method == "POST")


def test_redirections_need_not_be_followed(server: Server, call: Call) -> None:
    url = server.on("/", answer("302 Found", "over there", Location="/end"))

    assert "302 Found" in failure(call(url, follow_redirects=False))
    assert call(url, expected_status="302").result().text == "over there"
    assert len(server.asked) == 2


def test_a_failure_keeps_what_was_answered(server: Server, call: Call) -> None:
    run = call(server.on("/", answer("400 Bad", '{"why":"no"}', Content_Type="application/json")))

    with pytest.raises(AgentFailed) as failed:
        run.result()
    assert failed.value.text == '{\n  "why": "no"\n}'


def test_a_certificate_that_nobody_vouches_for_is_refused_unless_it_is_not_to_be_checked(
    self_signed: Server,
    call: Call,
) -> None:
    url = self_signed.on("/", answer(body="ok"))

    assert "was not accepted: self-signed certificate" in failure(call(url))
    assert self_signed.asked == []
    assert call(url, verify_tls=False).result().text == "ok"


def test_a_stop_ends_a_slow_answer_over_tls_at_once(
    self_signed: Server,
    call: Call,
) -> None:
    run = call(self_signed.on("/", self_signed.trickle), verify_tls=False)
    run.printed("begun")

    run.controls.stop(60)

    assert run.result(within_s=5).text is None


def test_headers_that_a_server_makes_up_do_no_harm(server: Server, call: Call) -> None:
    def odd(_asked: Asked, connection: Any) -> None:
        connection.sendall(
            b"HTTP/1.1 200 \r\nContent-Type: ;;;=\xff\r\nSet-Cookie: sid=s3cret\r\n"
            b"Content-Encoding: br, gzip\r\nRetry-After: never\r\n\r\n\x00\x01"
        )

    run = call(server.on("/", odd))

    assert run.result().text == "response.bin"
    assert "s3cret" not in str(run.console.said)
    assert "http_packed" in run.console.codes()
