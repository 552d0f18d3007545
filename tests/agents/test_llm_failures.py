"""Why a provider failed: in its own words, with no secret in them, and whether to ask again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.agents.certificates import self_signed
from tests.agents.serving import Server, answer, raw
from tests.agents.test_llm_models import ask, profile_of
from tests.looping import carried_out
from webapp.agents.llm import failures
from webapp.agents.llm.failures import MESSAGES, explained, may_repeat, retry_after_s
from webapp.domain.providers import PROVIDERS

__all__ = ["self_signed"]

KEY = "sk-swordfish-x4Qz"
OPENAI = (
    '{"error": {"message": "Incorrect API key provided: sk-swordfish-x4Qz.",'
    ' "type": "invalid_request_error", "code": "invalid_api_key"}}'
)
ANTHROPIC = (
    '{"type": "error", "error": {"type": "authentication_error", "message": "invalid x-api-key"}}'
)
GOOGLE = '{"error": {"code": 400, "message": "API key not valid.", "status": "INVALID_ARGUMENT"}}'
WAYS = {
    "openai": "/chat/completions",
    "anthropic": "/v1/messages",
    "google": "/v1beta/models/m:generateContent",
}


@pytest.fixture
def server() -> Iterator[Server]:
    """Where the providers of this test are."""
    with Server() as made:
        yield made


def failure(url: str, provider: str = "openai", **values: Any) -> BaseException:
    """What asking a model raises."""
    profile = profile_of(PROVIDERS[provider], base_url=url, **values) | {"api_key": KEY}
    with pytest.raises(Exception) as raised:  # noqa: PT011 - whatever it is
        carried_out(ask(profile))
    return raised.value


def said(error: BaseException) -> str:
    """The sentence of an error."""
    code, params = explained(error, [KEY])
    return MESSAGES[code] % params


@pytest.mark.parametrize(
    ("provider", "status", "body", "code", "words"),
    [
        ("openai", "401 Unauthorized", OPENAI, "llm_key_refused", "(invalid_api_key)"),
        ("anthropic", "401 Unauthorized", ANTHROPIC, "llm_key_refused", "invalid x-api-key"),
        ("google", "400 Bad Request", GOOGLE, "llm_rejected", "API key not valid."),
        ("openai", "403 Forbidden", '{"detail": "no"}', "llm_key_refused", "(403): no"),
        ("openai", "404 Not Found", "<h1>nothing</h1>", "llm_not_found", "<h1>nothing</h1>"),
        ("openai", "402 Payment Required", "{}", "llm_quota", "(402)"),
        ("openai", "429 Too Many Requests", "slow down", "llm_rate_limited", "slow down"),
        ("openai", "500 Oops", '{"error": "it broke"}', "llm_server_error", "it broke"),
        ("anthropic", "529 Overloaded", "{}", "llm_server_error", "(529)"),
    ],
)
def test_a_refusal_has_the_providers_own_words_and_no_secret(
    *, server: Server, provider: str, status: str, body: str, code: str, words: str
) -> None:
    server.on(WAYS[provider], answer(status, body, content_type="application/json"))

    error = failure(server.url, provider)

    assert explained(error, [KEY])[0] == code
    assert words in said(error)
    assert KEY not in said(error)
    assert may_repeat(error) is (code in ("llm_rate_limited", "llm_server_error"))


def test_how_long_to_wait_is_as_the_provider_says(server: Server) -> None:
    server.on(WAYS["openai"], answer("429 Too Many Requests", "{}", retry_after="7"))

    assert retry_after_s(failure(server.url)) == 7.0
    assert retry_after_s(ValueError("no")) is None


@pytest.mark.parametrize(
    ("provider", "url", "code"),
    [
        ("openai", "http://127.0.0.1:9", "llm_connection_refused"),
        ("anthropic", "http://127.0.0.1:9", "llm_connection_refused"),
        ("google", "http://127.0.0.1:9", "llm_connection_refused"),
        ("openai", "http://nowhere.invalid", "llm_unknown_host"),
    ],
)
def test_who_cannot_be_reached_is_named(provider: str, url: str, code: str) -> None:
    error = failure(url, provider)

    assert explained(error, [])[0] == code
    assert url.partition("//")[2] in said(error)
    assert may_repeat(error)


def test_a_certificate_that_is_not_accepted_is_not_tried_again(
    self_signed: Server,
) -> None:
    error = failure(self_signed.url)

    assert explained(error, [])[0] == "llm_tls"
    assert "self-signed certificate" in said(error)
    assert not may_repeat(error)


@pytest.mark.parametrize(
    ("script", "code", "again"),
    [
        (raw(b""), "llm_cut", True),
        (raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"), "llm_cut", True),
        (answer(body="{broken", content_type="application/json"), "llm_bad_answer", False),
        (answer(body="<html>", content_type="text/html"), "llm_bad_answer", False),
    ],
)
def test_an_answer_that_breaks_off_or_is_none_is_said_so(
    server: Server, script: Any, code: str, again: bool
) -> None:
    server.on(WAYS["openai"], script)

    error = failure(server.url)

    assert explained(error, [])[0] == code, said(error)
    assert may_repeat(error) is again


@pytest.mark.parametrize("provider", WAYS)
def test_a_silent_provider_is_a_timeout(server: Server, provider: str) -> None:
    server.on(WAYS[provider], server.silent)

    error = failure(server.url, provider, request_timeout_s=0.2)

    assert explained(error, [])[0] in ("llm_timeout", "llm_timeout_s")
    assert may_repeat(error)


def test_a_secret_is_hidden_in_whatever_form_it_comes_back() -> None:
    secret = "a/b+c d=€"
    forms = f"{secret} a%2Fb%2Bc%20d%3D%E2%82%AC"

    code, params = explained(ValueError(forms), [secret, "", "abc"])

    assert MESSAGES[code] % params == "••• •••"


def test_looking_at_an_error_never_fails() -> None:
    class Odd(Exception):
        status_code = "500"
        body = '{"error": {"message": {"deep": [1]}}}'
        response = property(lambda _self: None)

    for error in (Odd(), ExceptionGroup("g", [OSError("x")]), KeyboardInterrupt(), OSError()):
        assert said(error)
        may_repeat(error)
    assert failures.Unusable("llm_no_provider", provider="x").args == ("There is no provider “x”.",)
