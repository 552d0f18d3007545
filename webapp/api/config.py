"""Configuration: the providers of models, and what is set up already."""

from __future__ import annotations

from typing import Any, Literal

from apiflask import APIBlueprint
from flask.typing import ResponseReturnValue

from webapp import clock
from webapp.api.bodies import Answer, answers
from webapp.domain.providers import PROVIDERS, Provider
from webapp.doors.profiles import llm as doors
from webapp.queries import profiles
from webapp.queries.tasks import plain

bp = APIBlueprint("api_config", __name__, url_prefix="/api/config", tag="Configuration")


class ProviderAnswer(Answer):
    """A provider, and the models it is known for."""

    name: str
    display_name: str
    models: list[str]
    model_count: int
    requires_api_key: bool
    supports_base_url: bool
    requires_base_url: bool
    supports_tools: bool
    supports_vision: bool
    default_model: str | None
    default_base_url: str | None


class ProvidersAnswer(Answer):
    """All providers."""

    providers: list[ProviderAnswer]
    total_providers: int


class ModelsSource(Answer):
    """Where a list of models is from; ``reason`` says why not from the provider."""

    source: Literal["provider", "built_in"]
    reason: str | None = None


class ModelsAnswer(Answer):
    """The models of a provider."""

    provider: str
    display_name: str
    models: list[str]
    model_count: int
    default_model: str | None
    metadata: ModelsSource


class ProfileCounts(Answer):
    """What there is of LLM profiles."""

    total_profiles: int
    active_profiles: int
    default_profile: str | None
    has_default: bool


class ServerCounts(Answer):
    """What there is of MCP servers."""

    total_profiles: int
    active_profiles: int


class ConfigAnswer(Answer):
    """``ready``: there is a default LLM profile."""

    llm_profiles: ProfileCounts
    mcp_profiles: ServerCounts
    llm_providers: dict[str, int]
    overall_status: Literal["ready", "partial"]
    timestamp: str


@bp.get("/llm/providers")
@bp.doc(responses=answers(ProvidersAnswer))
def providers() -> ResponseReturnValue:
    """List the providers."""
    found = [_provider(one) for one in PROVIDERS.values()]
    return {"providers": found, "total_providers": len(found)}


@bp.get("/llm/providers/<name>/models")
@bp.doc(responses=answers(ModelsAnswer, refusals=(404,)))
def models(name: str) -> ResponseReturnValue:
    """List the models of a provider, asked by means of an active profile where there is one."""
    listed = doors.models_of(name)
    source = "built_in" if listed.reason is not None else "provider"
    reason = {} if listed.reason is None else {"reason": listed.reason}
    return {
        "provider": name,
        "display_name": listed.provider.display_name,
        "models": list(listed.models),
        "model_count": len(listed.models),
        "default_model": listed.provider.default_model,
        "metadata": {"source": source, **reason},
    }


@bp.get("/status")
@bp.doc(responses=answers(ConfigAnswer))
def status() -> ResponseReturnValue:
    """Say what is set up."""
    llm, mcp, current = profiles.llm_counts(), profiles.mcp_counts(), profiles.llm_default()
    return {
        "llm_profiles": {
            "total_profiles": llm.total,
            "active_profiles": llm.active,
            "default_profile": current.profile_name if current is not None else None,
            "has_default": current is not None,
        },
        "mcp_profiles": {"total_profiles": mcp.total, "active_profiles": mcp.active},
        "llm_providers": {"total_providers": len(PROVIDERS)},
        "overall_status": "ready" if current is not None else "partial",
        "timestamp": plain(clock.now()),
    }


def _provider(one: Provider) -> dict[str, Any]:
    return {
        "name": one.name,
        "display_name": one.display_name,
        "models": list(one.models),
        "model_count": len(one.models),
        "requires_api_key": one.requires_api_key,
        "supports_base_url": one.supports_base_url,
        "requires_base_url": one.requires_base_url,
        "supports_tools": one.supports_tools,
        "supports_vision": one.supports_vision,
        "default_model": one.default_model,
        "default_base_url": one.default_base_url,
    }
