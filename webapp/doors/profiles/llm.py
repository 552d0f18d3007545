"""What both doors do with LLM profiles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from webapp import clock
from webapp.domain.errors import Invalid, NotFound, Refused
from webapp.domain.messages import sentence
from webapp.domain.providers import OFFLINE, PROVIDERS, Provider
from webapp.domain.secrets import is_mask
from webapp.doors.intake import changes, whole
from webapp.doors.models import opened
from webapp.doors.profiles import fields
from webapp.ports import Tested, ports
from webapp.queries import profiles
from webapp.services.profiles import llm as verbs

CHECKS: Mapping[str, fields.Check] = {
    "profile_name": fields.profile_name,
    "provider": fields.provider,
    "model": fields.line(fields.MAX_MODEL),
    "base_url": fields.optional(fields.base_url),
    "api_key": fields.api_key,
    "temperature": fields.optional(fields.number(0, 2)),
    "max_tokens": fields.optional(fields.max_tokens),
    "top_p": fields.optional(fields.number(0, 1)),
    "frequency_penalty": fields.optional(fields.number(-2, 2)),
    "seed": fields.optional(fields.seed),
    "provider_config": fields.optional(fields.config),
    "description": fields.optional(fields.text),
    "is_active": fields.flag,
    "is_default": fields.flag,
    "request_timeout_s": fields.seconds,
    "run_requests": fields.optional(whole(1, 1_000_000)),
    "run_tokens": fields.optional(fields.count),
    "run_cost": fields.optional(fields.number(0, 1e9, above=True)),
    "input_price": fields.optional(fields.number(0, 1e6)),
    "output_price": fields.optional(fields.number(0, 1e6)),
}
REQUIRED = ("profile_name", "provider", "model")
STAYS = {*REQUIRED, "is_active", "is_default", "request_timeout_s"}
"""Of these null says nothing, as if it had not been sent."""
PRICE_UNKNOWN = (
    "nobody knows what this model costs, so that no such limit can be kept: say its input_price "
    "and output_price, or set a limit of tokens"
)


@dataclass(frozen=True)
class Listed:
    """The models of a provider: as it said itself, or those that are built in and why."""

    provider: Provider
    models: tuple[str, ...]
    reason: str | None
    """Why the provider was not asked, or did not say; None if it did."""


def create(raw: Mapping[str, Any], *, by: str) -> str:
    """Store a new profile; returns its name. Raises Invalid with every field that is wrong."""
    missing = {name: "must be given" for name in REQUIRED if raw.get(name) is None}
    if missing:
        raise Invalid.of(missing)
    if is_mask(raw.get("api_key")):
        raise Invalid.field("api_key", "send the key itself, not its mask")
    values = fields.checked(_said(raw), CHECKS)
    _check_whole(values, is_new=True)
    verbs.create(_sealed(values), by=by, now=clock.now())
    return str(values["profile_name"])


def change(name: str, raw: Mapping[str, Any], *, by: str) -> None:
    """Change what is sent; a key that is left out, empty or as it is shown stays."""
    row = profiles.llm(name)
    sent = changes(raw, profiles.shown_llm(row), CHECKS)
    values = fields.checked(_said(sent), CHECKS)
    if values.pop("profile_name", name) != name:
        raise Invalid.field("profile_name", "stays: tasks and flows know it by this name")
    if not values:
        return
    whole = {**row._mapping, **values}
    _check_whole(whole, is_new=whole["provider"] != row.provider)
    verbs.change(name, _sealed(values), by=by, now=clock.now())


def test(name: str) -> Tested:
    """Ask a profile's model a tiny question, now."""
    profile = opened(profiles.llm(name))
    profiles.let_go()
    return ports().connections.llm(profile)


def models_of(name: str) -> Listed:
    """The models of a provider, asked by means of an active profile; raises NotFound."""
    provider = PROVIDERS.get(name)
    if provider is None:
        raise NotFound("no_such_provider", name=name)
    if name == OFFLINE:
        return Listed(provider, provider.models, sentence("models_of_nobody", {}))
    rows = profiles.llm_active_of(name)
    if not rows:
        return Listed(provider, provider.models, sentence("models_need_profile", {}))
    try:
        profile = opened(rows[0])
        profiles.let_go()
        return Listed(provider, ports().connections.models(profile), None)
    except Refused as refusal:
        return Listed(provider, provider.models, str(refusal))


def _said(raw: Mapping[str, Any]) -> dict[str, Any]:
    """What was sent and says something."""
    said = {name: value for name, value in raw.items() if value is not None or name not in STAYS}
    key = said.get("api_key")
    if key is None or is_mask(key) or (isinstance(key, str) and not key.strip()):
        said.pop("api_key", None)
    return said


def _sealed(values: Mapping[str, Any]) -> dict[str, Any]:
    return ports().vault.seal_settings(values, ("api_key",))


def _check_whole(profile: Mapping[str, Any], *, is_new: bool) -> None:
    """Refuse what fits no provider, or not together; raises Invalid.

    A key may be missing: whoever asks the model is told so.
    """
    provider, connections = PROVIDERS.get(profile["provider"]), ports().connections
    if provider is None:  # of a newer program's profile
        name = profile["provider"]
        raise Invalid.field("provider", f"this server knows no provider {name!r}: choose another")
    problems: dict[str, str] = {}
    if is_new and (extra := connections.lacks(provider.name)) is not None:
        problems["provider"] = f"needs an extra that is not installed here: {extra}"
    if provider.requires_base_url and not profile.get("base_url"):
        problems["base_url"] = f"must be given: {provider.display_name} is wherever you have it"
    if not provider.supports_base_url and profile.get("base_url"):
        problems["base_url"] = f"must be left out: {provider.name} is nowhere"
    prices = [profile.get(name) is None for name in ("input_price", "output_price")]
    if any(prices) and not all(prices):
        missing = "input_price" if prices[0] else "output_price"
        problems[missing] = "must be given, too: one price alone says nothing"
    elif (limit := _limit_of_money(profile)) is not None and not connections.has_price(profile):
        problems[limit] = PRICE_UNKNOWN
    if problems:
        raise Invalid.of(problems)


def _limit_of_money(profile: Mapping[str, Any]) -> str | None:
    """The field to name where money is limited: by the profile itself, or by the server's day."""
    if profile.get("run_cost") is not None:
        return "run_cost"
    return "input_price" if ports().settings.day_cost else None
