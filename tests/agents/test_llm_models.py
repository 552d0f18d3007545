"""A model of every provider, and what each is sent of a profile."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.agents.serving import Server, answer
from webapp.agents.llm import models, prices
from webapp.agents.llm.failures import Unusable
from webapp.domain.providers import OFFLINE, PROVIDERS, Provider, resolved

KEY = "sk-swordfish-x4Qz"
CONFIGS: dict[str, dict[str, Any]] = {"aws_bedrock": {"region_name": "eu-central-1"}}
ASKED_AS_OPENAI = sorted(set(PROVIDERS) - {"anthropic", "google", "aws_bedrock", OFFLINE})


@pytest.fixture
def server() -> Iterator[Server]:
    """Where the providers of this test are."""
    with Server() as made:
        yield made


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No key of any provider lies in the environment."""
    for name in ("OPENAI_API_KEY", "OPENAI_ORG_ID", "ANTHROPIC_API_KEY", "GOOGLE_API_KEY"):
        monkeypatch.delenv(name, raising=False)


def profile_of(provider: Provider, model: str = "m", **values: Any) -> dict[str, Any]:
    """A profile as `build` takes it."""
    stored = {
        "profile_name": "p",
        "provider": provider.name,
        "model": model,
        "base_url": "http://127.0.0.1:9/v1" if provider.requires_base_url else None,
        "provider_config": CONFIGS.get(provider.name),
        "request_timeout_s": 30.0,
    }
    return resolved({**stored, **values}, KEY if provider.requires_api_key else None)


def chat(text: str = "ok") -> str:
    """An answer as OpenAI gives it."""
    return (
        '{"id": "1", "object": "chat.completion", "created": 1, "model": "m", '
        '"provider": "p", "choices": '
        '[{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", '
        f'"content": "{text}"}}}}], "usage": {{"prompt_tokens": 1, "completion_tokens": 1, '
        '"total_tokens": 2}}'
    )


async def ask(profile: dict[str, Any], mode: str = "thinking") -> Any:
    """What a model answers to a word."""
    from pydantic_ai.direct import model_request
    from pydantic_ai.messages import ModelRequest

    async with models.build(profile, http_timeout_s=5) as model:
        messages = [ModelRequest.user_text_prompt("Hello")]
        return await model_request(model, messages, model_settings=models.settings(profile, mode))


@pytest.mark.parametrize("name", [n for n, p in PROVIDERS.items() if p.requires_api_key])
def test_no_model_is_made_without_a_key_where_one_is_needed(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GOOGLE_API_KEY"):
        monkeypatch.setenv(variable, "the-server's-own")

    with pytest.raises(Unusable, match="has no API key"):
        models.build({**profile_of(PROVIDERS[name]), "api_key": None}, http_timeout_s=5)


def test_an_unknown_provider_and_one_whose_extra_is_missing_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(Unusable, match="no provider “gone”"):
        models.build({"provider": "gone", "model": "m"}, http_timeout_s=5)

    monkeypatch.setattr(models, "find_spec", lambda _name: None)
    with pytest.raises(Unusable, match=r"lineup-control\[bedrock\]"):
        models.build(profile_of(PROVIDERS["aws_bedrock"]), http_timeout_s=5)


def test_a_name_that_a_provider_cannot_have_is_refused_in_its_words() -> None:
    with pytest.raises(Unusable, match="must be prefixed"):
        models.build(profile_of(PROVIDERS["openrouter"], "bare"), http_timeout_s=5)


def test_bedrock_without_a_region_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_DEFAULT_REGION", "AWS_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")

    with pytest.raises(Unusable, match="region"):
        models.build(profile_of(PROVIDERS["aws_bedrock"], provider_config=None), http_timeout_s=5)


@pytest.mark.parametrize("name", PROVIDERS)
def test_every_provider_makes_a_model_of_every_name_it_is_known_for(name: str) -> None:
    provider = PROVIDERS[name]
    for model in provider.models or ("some/model",):
        made = models.build(profile_of(provider, model), http_timeout_s=5)

        assert made.model_name == model
        if provider.default_base_url and name != "offline":
            assert str(made.base_url).rstrip("/") == provider.default_base_url


@pytest.mark.parametrize("name", ASKED_AS_OPENAI)
@pytest.mark.anyio
async def test_what_speaks_openais_protocol_is_asked_where_and_how_the_profile_says(
    name: str, server: Server
) -> None:
    provider = PROVIDERS[name]
    path = "/openai/v1" if name == "azure_openai" else "/v1"
    server.on(f"{path}/chat/completions", answer(body=chat(), content_type="application/json"))
    server.on("/v1/chat/completions", answer(body=chat(), content_type="application/json"))
    profile = profile_of(provider, "a/m", base_url=f"{server.url}{path}")
    profile |= {"api_key": KEY, "temperature": 0.25, "max_tokens": 50, "seed": 7}

    said = await ask(profile)

    assert said.parts[0].content == "ok"
    [asked] = server.asked
    assert KEY in (asked.headers.get("authorization", "") + asked.headers.get("api-key", ""))
    sent = asked.json
    assert sent["model"] == "a/m"
    assert sent["temperature"] == 0.25
    assert 50 in (sent.get("max_tokens"), sent.get("max_completion_tokens"))
    assert sent.get("seed") == 7 or sent.get("random_seed") == 7


@pytest.mark.parametrize("name", ["openai", "anthropic", "google", "openai_compatible"])
@pytest.mark.anyio
async def test_no_library_tries_again_by_itself(name: str, server: Server) -> None:
    from pydantic_ai.exceptions import ModelHTTPError

    broken = answer("500 Internal Server Error", '{"error": {"message": "oops"}}')
    for path in ("/chat/completions", "/v1/messages", "/v1beta/models/m:generateContent"):
        server.on(path, broken)
    profile = profile_of(PROVIDERS[name], base_url=server.url) | {"api_key": KEY}

    with pytest.raises(ModelHTTPError):
        await ask(profile)

    assert len(server.asked) == 1


def test_the_mode_of_a_task_is_how_much_it_thinks() -> None:
    profile = profile_of(PROVIDERS["openai"])

    thinking = {mode: models.settings(profile, mode)["thinking"] for mode in models.THINKING}

    assert thinking == {"thinking": True, "no-thinking": False, "flash": "minimal"}


@pytest.mark.parametrize(
    ("name", "model", "mode", "effort"),
    [
        ("openai", "gpt-5.6-sol", "no-thinking", "none"),
        ("openai", "gpt-5.6-sol", "flash", "low"),
        ("openai", "gpt-5.6-sol", "thinking", "medium"),
        ("openai_compatible", "whatever", "thinking", None),
    ],
)
@pytest.mark.anyio
async def test_a_model_is_told_how_much_to_think_if_it_can(
    *, name: str, model: str, mode: str, effort: str | None, server: Server
) -> None:
    server.on("/chat/completions", answer(body=chat(), content_type="application/json"))

    await ask(profile_of(PROVIDERS[name], model, base_url=server.url) | {"api_key": KEY}, mode)

    assert server.asked[0].json.get("reasoning_effort") == effort


def test_what_a_run_costs_is_known_by_the_profiles_prices_or_by_the_model() -> None:
    known = profile_of(PROVIDERS["openai"], "gpt-5")
    unknown = profile_of(PROVIDERS["openai_compatible"], "mine")

    assert not prices.known(unknown)
    assert not prices.known(profile_of(PROVIDERS["openai"], "no-such-model-of-theirs"))
    assert prices.known(known)
    priced = {**unknown, "input_price": 2.0, "output_price": 10.0}
    assert prices.cost(priced, input_tokens=500_000, output_tokens=100_000) == 2.0
    assert prices.cost(profile_of(PROVIDERS["offline"]), input_tokens=9, output_tokens=9) == 0.0
