"""A model as pydantic-ai knows it, built of a profile; its libraries take seconds to import."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, cast

from webapp.agents.llm.failures import Unusable

if TYPE_CHECKING:
    from pydantic_ai.models import Model
    from pydantic_ai.profiles import ModelProfile
    from pydantic_ai.settings import ModelSettings, ThinkingLevel

OPENAI_ITSELF = "https://api.openai.com/v1"
SAMPLING = ("temperature", "max_tokens", "top_p", "frequency_penalty", "seed")
THINKING: Mapping[str, ThinkingLevel] = {
    "thinking": True,
    "no-thinking": False,
    "flash": "minimal",
}
"""By ``agent_mode``. A model that cannot think, or not so little, does what is nearest to it."""
CONNECT_S = 10.0
PLACEHOLDER = "no-key"
"""Sent where no key is needed: the library insists on one."""


def lacks(provider: str) -> str | None:
    """What has to be installed before a provider can be asked; None if all is there."""
    if provider == "aws_bedrock" and find_spec("boto3") is None:
        return "lineup-control[bedrock]"
    return None


def build(profile: Mapping[str, Any], *, http_timeout_s: float) -> Model:
    """The model of a profile whose key is plain text and whose address is resolved.

    Whoever uses it enters it, as in ``async with model``, so that its connections are closed.
    Raises Unusable.
    """
    made = _BUILDERS.get(profile["provider"])
    if made is None:
        raise Unusable("llm_no_provider", provider=profile["provider"])
    if (extra := lacks(profile["provider"])) is not None:
        raise Unusable("llm_extra_missing", extra=extra)
    from pydantic_ai.exceptions import UserError

    try:
        model = made(profile, http_timeout_s)
    except UserError as error:
        raise Unusable("llm_failed", words=str(error)) from None
    _never_by_itself(model, http_timeout_s)
    return model


def settings(profile: Mapping[str, Any], agent_mode: str) -> ModelSettings:
    """How it is asked; what the profile leaves open is the provider's own choice."""
    given = {name: profile[name] for name in SAMPLING if profile.get(name) is not None}
    given["thinking"] = THINKING.get(agent_mode, True)
    provider = profile["provider"]
    if provider != "aws_bedrock":  # whose client has its own timeout
        given["timeout"] = float(profile.get("request_timeout_s") or 120.0)
    body = dict(_config(profile).get("extra_body") or {})
    if provider == "mistral" and "seed" in given:
        body["random_seed"] = given.pop("seed")
    if body:
        given["extra_body"] = body
    return cast("ModelSettings", given)


def _never_by_itself(model: Model, http_timeout_s: float) -> None:
    """Have its client never try again on its own: the agent does, and tells about it."""
    client: Any = getattr(model, "client", None)
    if hasattr(client, "max_retries"):
        client.max_retries = 0
        client.timeout = http_timeout_s


def _config(profile: Mapping[str, Any]) -> Mapping[str, Any]:
    found = profile.get("provider_config")
    return found if isinstance(found, Mapping) else {}


def _text(profile: Mapping[str, Any], name: str) -> str | None:
    """A text of the provider's own configuration."""
    value = _config(profile).get(name)
    return value if isinstance(value, str) and value else None


def _key(profile: Mapping[str, Any]) -> str:
    """The key; without it a library would look for one in the server's environment."""
    if not profile.get("api_key"):
        raise Unusable("llm_no_key", profile=profile.get("profile_name") or profile["provider"])
    return str(profile["api_key"])


def _openai(profile: Mapping[str, Any], _timeout_s: float) -> Model:
    from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
    from pydantic_ai.providers.openai import OpenAIProvider

    provider = OpenAIProvider(base_url=profile["base_url"], api_key=_key(profile))
    provider.client.organization = _text(profile, "organization")
    provider.client.project = _text(profile, "project")
    itself = str(profile["base_url"]).rstrip("/") == OPENAI_ITSELF
    # Its newest models take tools while thinking there only; what imitates it knows chat alone.
    if _config(profile).get("api") == "responses" or (itself and "api" not in _config(profile)):
        return OpenAIResponsesModel(profile["model"], provider=provider)
    return OpenAIChatModel(profile["model"], provider=provider)


def _azure(profile: Mapping[str, Any], _timeout_s: float) -> Model:
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.azure import AzureProvider

    endpoint, version = str(profile["base_url"]).rstrip("/"), _text(profile, "api_version")
    if version is None and not endpoint.endswith("/v1"):
        endpoint = f"{endpoint.removesuffix('/openai')}/openai/v1"
    if endpoint.endswith("/v1"):
        version = None
    provider = AzureProvider(azure_endpoint=endpoint, api_version=version, api_key=_key(profile))
    return OpenAIChatModel(profile["model"], provider=provider)


def _anthropic(profile: Mapping[str, Any], _timeout_s: float) -> Model:
    from pydantic_ai.models.anthropic import AnthropicModel
    from pydantic_ai.providers.anthropic import AnthropicProvider

    provider = AnthropicProvider(api_key=_key(profile), base_url=profile["base_url"])
    return AnthropicModel(profile["model"], provider=provider)


def _google(profile: Mapping[str, Any], _timeout_s: float) -> Model:
    from pydantic_ai.models.google import GoogleModel
    from pydantic_ai.providers.google import GoogleProvider

    provider = GoogleProvider(api_key=_key(profile), base_url=profile["base_url"])
    return GoogleModel(profile["model"], provider=provider)


def _ollama(profile: Mapping[str, Any], _timeout_s: float) -> Model:
    from pydantic_ai.models.ollama import OllamaModel
    from pydantic_ai.providers.ollama import OllamaProvider

    key = profile.get("api_key") or PLACEHOLDER
    provider = OllamaProvider(base_url=profile["base_url"], api_key=key)
    return OllamaModel(profile["model"], provider=provider)


def _openrouter(profile: Mapping[str, Any], _timeout_s: float) -> Model:
    from pydantic_ai.models.openrouter import OpenRouterModel
    from pydantic_ai.providers.openrouter import OpenRouterProvider

    provider = OpenRouterProvider(
        api_key=_key(profile),
        app_url=_text(profile, "app_url"),
        app_title=_text(profile, "app_title") or "Lineup",
    )
    provider.client.base_url = profile["base_url"]
    return OpenRouterModel(profile["model"], provider=provider)


def _deepseek(profile: Mapping[str, Any], _timeout_s: float) -> Model:
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.deepseek import DeepSeekProvider

    provider = DeepSeekProvider(api_key=_key(profile))
    provider.client.base_url = profile["base_url"]
    return OpenAIChatModel(profile["model"], provider=provider)


def _qwen(profile: Mapping[str, Any], _timeout_s: float) -> Model:
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.alibaba import AlibabaProvider

    provider = AlibabaProvider(api_key=_key(profile), base_url=profile["base_url"])
    return OpenAIChatModel(profile["model"], provider=provider)


def _kimi(profile: Mapping[str, Any], _timeout_s: float) -> Model:
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.moonshotai import MoonshotAIProvider

    provider = MoonshotAIProvider(api_key=_key(profile), base_url=profile["base_url"])
    return OpenAIChatModel(profile["model"], provider=provider)


def _glm(profile: Mapping[str, Any], _timeout_s: float) -> Model:
    from pydantic_ai.models.zai import ZaiModel
    from pydantic_ai.providers.zai import ZaiProvider

    provider = ZaiProvider(api_key=_key(profile), base_url=profile["base_url"])
    return ZaiModel(profile["model"], provider=provider)


def _speaks_openai(name: str, *, vendor: str = "", needs_key: bool = False) -> Callable[..., Model]:
    """A provider that is asked as OpenAI is; ``vendor`` says whose models its bare names are."""

    def built(profile: Mapping[str, Any], _timeout_s: float) -> Model:
        from pydantic_ai.models.openai import OpenAIChatModel
        from pydantic_ai.profiles import merge_profile
        from pydantic_ai.profiles.openai import OpenAIModelProfile
        from pydantic_ai.providers.openai_compatible import OpenAICompatibleProvider

        def profile_of(model: str) -> ModelProfile | None:
            full = f"{vendor}/{model}" if vendor and "/" not in model else model
            # Only OpenAI itself and few who follow closely know the newer name of the limit.
            own = OpenAIModelProfile(openai_chat_supports_max_completion_tokens=False)
            return merge_profile(OpenAICompatibleProvider.model_profile(full), own)

        key = _key(profile) if needs_key else profile.get("api_key") or PLACEHOLDER
        provider = OpenAICompatibleProvider(
            name, base_url=profile["base_url"], api_key=key, profile=profile_of
        )
        provider.client.organization = provider.client.project = None
        return OpenAIChatModel(profile["model"], provider=provider)

    return built


def _bedrock(profile: Mapping[str, Any], timeout_s: float) -> Model:
    from pydantic_ai.models.bedrock import BedrockConverseModel
    from pydantic_ai.providers.bedrock import BedrockProvider

    return BedrockConverseModel(
        profile["model"], provider=BedrockProvider(bedrock_client=_aws_client(profile, timeout_s))
    )


def _aws_client(profile: Mapping[str, Any], timeout_s: float) -> Any:
    """A client that tries once.

    The key is a bearer token, or the secret that belongs to ``aws_access_key_id``; without one the
    server's own role or environment does.
    """
    import boto3
    import botocore.session
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError
    from botocore.tokens import FrozenAuthToken

    class Bearing(botocore.session.Session):  # type: ignore[misc, name-defined, unused-ignore]
        def get_auth_token(self, **_: Any) -> Any:
            return FrozenAuthToken(profile["api_key"])

        def get_credentials(self) -> None:
            return None

    key, key_id = profile.get("api_key"), _text(profile, "aws_access_key_id")
    options: dict[str, Any] = {
        "read_timeout": timeout_s,
        "connect_timeout": min(CONNECT_S, timeout_s),
        "retries": {"total_max_attempts": 1, "mode": "standard"},
    }
    known: dict[str, Any] = {}
    if key and key_id:
        known = {"aws_access_key_id": key_id, "aws_secret_access_key": key}
    elif key:
        known, options["signature_version"] = {"botocore_session": Bearing()}, "bearer"
    try:
        session = boto3.Session(region_name=_text(profile, "region_name"), **known)
        config = Config(**options)
        made: Any = session.client
        return made("bedrock-runtime", config=config, endpoint_url=profile.get("base_url"))
    except BotoCoreError as error:
        raise Unusable("llm_aws", words=str(error)) from None


def _offline(profile: Mapping[str, Any], _timeout_s: float) -> Model:
    from webapp.agents.llm.offline import model

    return model(_config(profile))


_BUILDERS: Mapping[str, Callable[[Mapping[str, Any], float], Model]] = {
    "openai": _openai,
    "anthropic": _anthropic,
    "google": _google,
    "azure_openai": _azure,
    "groq": _speaks_openai("groq", needs_key=True),
    "ollama": _ollama,
    "openrouter": _openrouter,
    "deepseek": _deepseek,
    "mistral": _speaks_openai("mistral", vendor="mistralai", needs_key=True),
    "aws_bedrock": _bedrock,
    "lm_studio": _speaks_openai("lm_studio"),
    "qwen": _qwen,
    "kimi": _kimi,
    "glm": _glm,
    "openai_compatible": _speaks_openai("openai_compatible"),
    "offline": _offline,
}
