"""Connection tests: short, few at once, a success remembered as long as nothing is edited."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.agents.serving import Asked, Server, answer
from tests.agents.test_llm_models import chat, profile_of
from tests.conftest import FakeClock
from webapp import clock, prober
from webapp.domain.errors import Refused
from webapp.domain.providers import PROVIDERS
from webapp.prober import Prober

KEY = "sk-swordfish-x4Qz"
PATH = "/v1/chat/completions"
OK = answer(body=chat(), content_type="application/json")


@pytest.fixture
def server() -> Iterator[Server]:
    """A provider that answers."""
    with Server() as made:
        made.on(PATH, OK)
        yield made


def profile(server: Server, **values: Any) -> dict[str, Any]:
    """A profile that leads there."""
    made = profile_of(PROVIDERS["openai_compatible"], base_url=f"{server.url}/v1", **values)
    return {**made, "api_key": values.get("api_key", KEY)}


def test_a_failure_is_said_in_the_providers_words_and_is_not_remembered(server: Server) -> None:
    refusal = '{"error": {"message": "no such key: sk-swordfish-x4Qz", "code": "invalid_api_key"}}'
    server.on(PATH, answer("401 Unauthorized", refusal), OK)
    tests = Prober()

    first = tests.llm(profile(server), remembered=True)
    second = tests.llm(profile(server), remembered=True)

    assert not first.ok
    assert "invalid_api_key" in first.said
    assert KEY not in first.said
    assert second.ok


def test_a_provider_that_is_silent_is_not_waited_for_longer_than_is_decent(server: Server) -> None:
    server.on(PATH, server.silent)

    tested = Prober(patience_s=0.3).llm(profile(server))

    assert not tested.ok
    assert "did not answer within" in tested.said or "no answer within 0.3 s" in tested.said


def test_what_is_not_installed_is_named(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("webapp.agents.llm.models.find_spec", lambda _name: None)

    tested = Prober().llm(profile_of(PROVIDERS["aws_bedrock"]))

    assert (tested.ok, "lineup-control[bedrock]" in tested.said) == (False, True)


def test_a_success_is_remembered_for_a_minute_and_an_edit_is_tested_anew(
    server: Server, fake_clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "monotonic", fake_clock.monotonic)
    tests = Prober()

    tests.llm(profile(server), remembered=True)
    tests.llm(profile(server), remembered=True)
    assert len(server.asked) == 1
    tests.llm(profile(server))
    assert len(server.asked) == 2
    for edit in ({"api_key": "other"}, {"model": "other"}, {"temperature": 0.5}):
        tests.llm(profile(server, **edit), remembered=True)
    assert len(server.asked) == 5
    fake_clock.forward(prober.REMEMBERED_S + 1)
    tests.llm(profile(server), remembered=True)
    assert len(server.asked) == 6


def test_one_test_at_a_time_of_a_profile_and_two_at_once_in_all(server: Server) -> None:
    inside, most, lock, seen = [0], [0], threading.Lock(), threading.Event()

    def busy(asked: Asked, connection: Any) -> None:
        with lock:
            inside[0] += 1
            most[0] = max(most[0], inside[0])
            if inside[0] == 2:
                seen.set()
        seen.wait(5)
        with lock:
            inside[0] -= 1
        OK(asked, connection)

    server.on(PATH, busy)
    tests, done = Prober(), []
    names = ["a", "a", "b", "b", "c"]
    threads = [
        threading.Thread(
            target=lambda n=name: done.append(tests.llm(profile(server, profile_name=n)))
        )
        for name in names
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert most[0] == 2
    assert [tested.ok for tested in done] == [True] * 5


def test_the_demonstration_answers_without_anybody() -> None:
    tested = Prober().llm(profile_of(PROVIDERS["offline"], "demo"))

    assert (tested.ok, "demo" in tested.said) == (True, True)


@pytest.mark.parametrize(
    ("provider", "path", "body"),
    [
        ("openai", "/models", '{"object": "list", "data": [{"id": "b"}, {"id": "a"}]}'),
        ("openai_compatible", "/models", '{"data": [{"id": "b"}, {"id": "a"}]}'),
        ("openrouter", "/models", '{"data": [{"id": "b"}, {"id": "a"}]}'),
        ("ollama", "/models", '{"data": [{"id": "b"}, {"id": "a"}]}'),
        ("anthropic", "/v1/models", '{"data": [{"id": "b"}, {"id": "a"}], "has_more": false}'),
        ("google", "/v1beta/models", '{"models": [{"name": "models/b"}, {"name": "models/a"}]}'),
    ],
)
def test_a_provider_is_asked_for_its_models(
    server: Server, provider: str, path: str, body: str
) -> None:
    server.on(path, answer(body=body, content_type="application/json"))
    asked = profile_of(PROVIDERS[provider], "x/m", base_url=server.url) | {"api_key": KEY}

    assert Prober().models(asked) == ("a", "b")


@pytest.mark.parametrize(
    "script",
    [
        answer("401 Unauthorized", '{"error": {"message": "no such key"}}'),
        answer(body="<html>", content_type="text/html"),
        answer(body='{"models": 5}', content_type="application/json"),
    ],
)
def test_a_provider_that_does_not_list_its_models_is_refused_in_words(
    server: Server, script: Any
) -> None:
    server.on("/v1/models", script)

    with pytest.raises(Refused, match=r"The models cannot be listed: ."):
        Prober().models(profile(server))
    with pytest.raises(Refused, match="no list that can be asked for"):
        Prober().models(profile_of(PROVIDERS["aws_bedrock"]))
