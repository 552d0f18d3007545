"""Who offers models: what each provider is called, takes and is asked for first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

OFFLINE = "offline"
"""The provider that is none: a model built in, for trying things out."""


@dataclass(frozen=True)
class Provider:
    """A provider as people choose it."""

    name: str
    display_name: str
    models: tuple[str, ...] = ()
    """Well-known models; a provider has more, and any name is taken."""
    default_base_url: str | None = None
    requires_api_key: bool = True
    supports_base_url: bool = True
    requires_base_url: bool = False
    supports_tools: bool = True
    supports_vision: bool = True

    @property
    def default_model(self) -> str | None:
        """What is offered first."""
        return self.models[0] if self.models else None


_GPT = (
    *("gpt-6.1-sol", "gpt-6.1-terra", "gpt-6-luna", "gpt-6-astra"),
    *("gpt-5.6-sol", "gpt-5.6-terra", "gpt-5.6-luna", "gpt-5"),
)
_ALL = (
    Provider("openai", "OpenAI", _GPT, "https://api.openai.com/v1"),
    Provider(
        "anthropic",
        "Anthropic",
        (
            *("claude-sonnet-5-5", "claude-opus-5-5", "claude-haiku-5-5", "claude-fable-5-2"),
            *("claude-opus-4-8", "claude-sonnet-4-6", "claude-haiku-4-5"),
        ),
        "https://api.anthropic.com",
    ),
    Provider(
        "google",
        "Google Gemini",
        (
            *("gemini-3.8-flash", "gemini-3.1-pro-preview", "gemini-4-argon", "gemini-4-carbon"),
            *("gemini-3.5-flash-lite", "gemini-3.1-flash-lite"),
        ),
        "https://generativelanguage.googleapis.com",
    ),
    Provider("azure_openai", "Azure OpenAI", _GPT, requires_base_url=True),
    Provider(
        "groq",
        "Groq",
        ("openai/gpt-oss-120b", "openai/gpt-oss-20b", "qwen/qwen3.8-27b"),
        "https://api.groq.com/openai/v1",
        supports_vision=False,
    ),
    Provider(
        "ollama",
        "Ollama",
        ("qwen3", "llama3.3", "gpt-oss:20b", "mistral-small"),
        "http://127.0.0.1:11434/v1",
        requires_api_key=False,
    ),
    Provider(
        "openrouter",
        "OpenRouter",
        (
            *("anthropic/claude-sonnet-5.5", "openai/gpt-6.1-sol", "google/gemini-3.8-flash"),
            *("deepseek/deepseek-v4-pro", "moonshotai/kimi-k3"),
        ),
        "https://openrouter.ai/api/v1",
    ),
    Provider(
        "deepseek",
        "DeepSeek",
        ("deepseek-flash", "deepseek-v4-pro"),
        "https://api.deepseek.com",
        supports_vision=False,
    ),
    Provider(
        "mistral",
        "Mistral",
        (
            *("mistral-large-latest", "mistral-medium-latest", "mistral-small-latest"),
            *("magistral-medium-latest", "codestral-latest", "ministral-8b-latest"),
        ),
        "https://api.mistral.ai/v1",
    ),
    Provider(
        "aws_bedrock",
        "Amazon Bedrock",
        (
            *("global.anthropic.claude-sonnet-5-5", "global.anthropic.claude-opus-5-5"),
            *("us.amazon.nova-pro-v1:0", "us.amazon.nova-lite-v1:0", "openai.gpt-oss-120b-1:0"),
        ),
        requires_api_key=False,  # the server's own role or environment may do
    ),
    Provider(
        "lm_studio",
        "LM Studio",
        ("qwen/qwen3-8b", "openai/gpt-oss-20b"),
        "http://127.0.0.1:1234/v1",
        requires_api_key=False,
    ),
    Provider(
        "qwen",
        "Qwen (Alibaba Cloud Model Studio)",
        ("qwen-plus", "qwen-max", "qwen-flash", "qwen3-coder-plus"),
        "https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
    ),
    Provider(
        "kimi",
        "Kimi (Moonshot AI)",
        ("kimi-k3", "kimi-k3.1-pro", "kimi-k2.7-code", "kimi-k2.6"),
        "https://api.moonshot.ai/v1",
    ),
    Provider(
        "glm",
        "GLM (Z.ai)",
        ("glm-5.3", "glm-5.3-flash", "glm-5-turbo", "glm-4.7", "glm-4.5-air"),
        "https://api.z.ai/api/paas/v4",
    ),
    Provider(
        "openai_compatible",
        "Another server that speaks OpenAI's protocol",
        requires_api_key=False,
        requires_base_url=True,
    ),
    Provider(
        OFFLINE,
        "Offline demonstration (no model, no key)",
        ("demo",),
        requires_api_key=False,
        supports_base_url=False,
        supports_vision=False,
    ),
)
PROVIDERS: Mapping[str, Provider] = {one.name: one for one in _ALL}
"""By name, in the order people are offered them."""


def resolved(profile: Mapping[str, Any], api_key: str | None) -> dict[str, Any]:
    """A stored profile as a model is built of it: with its key, and the address it is asked at."""
    known = PROVIDERS.get(profile["provider"])
    default = known.default_base_url if known is not None else None
    return {**profile, "base_url": profile.get("base_url") or default, "api_key": api_key}
