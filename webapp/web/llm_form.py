"""The form of an LLM profile: what was typed, and what its provider makes of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from flask_babel import gettext as _

from webapp.domain.errors import Refused
from webapp.domain.providers import PROVIDERS, Provider
from webapp.services.profiles.llm import PLAIN
from webapp.web.refusals import translated
from webapp.web.settings_draft import Draft, texts, written

NUMBERS = (
    *("temperature", "top_p", "max_tokens", "frequency_penalty", "seed", "request_timeout_s"),
    *("run_requests", "run_tokens", "run_cost", "input_price", "output_price"),
)
TEXTS = ("profile_name", "provider", "model", "base_url", "description", "provider_config")
TICKS = ("is_active", "is_default")
FIRST = "openai"
"""The provider that a new profile is offered."""
OF_ACTIVITY = ("default_stays", "inactive_not_default")
"""What is refused because a profile is active, or is not."""


class LlmDraft(Draft):
    """An LLM profile as it stands in its form."""

    api_key: str = ""
    """As it was typed just now; it is never shown again."""

    def take(self, refusal: Refused) -> None:
        """Say it beside its field; what is not about one is raised."""
        if refusal.code in OF_ACTIVITY:
            self.problems["is_active"] = translated(refusal.code, refusal.params)
            return
        super().take(refusal)
        if "provider_config" in self.problems and isinstance(reason := self._config(), str):
            self.problems["provider_config"] = reason

    @property
    def provider(self) -> Provider | None:
        """The provider that is chosen; None if this server does not know it."""
        return PROVIDERS.get(self["provider"])

    def raw(self) -> dict[str, Any]:
        """Its fields as scripts send them."""
        provider = self.provider
        asked_elsewhere = provider is None or provider.supports_base_url
        return {
            **{name: self.number(name) for name in NUMBERS},
            "profile_name": self["profile_name"],
            "provider": self["provider"],
            "model": self["model"],
            "base_url": self.text("base_url") if asked_elsewhere else None,
            "description": self.text("description"),
            "provider_config": self._config(),
            "api_key": self.api_key or None,
            "is_active": "is_active" in self.ticked,
            "is_default": True if "is_default" in self.ticked else None,
        }

    def adapt(self) -> None:
        """Let go of what belongs to another provider than the one that is chosen now."""
        provider = self.provider
        if provider is None:
            return
        others = [one for one in PROVIDERS.values() if one.name != provider.name]
        foreign = {model for one in others for model in one.models} - set(provider.models)
        if not self["model"] or self["model"] in foreign:
            self.typed["model"] = provider.default_model or ""
        if self["base_url"] in {one.default_base_url for one in others}:
            self.typed["base_url"] = ""

    def _config(self) -> Any:
        """The object that was typed; where it is none, why not."""
        if (text := self.text("provider_config")) is None:
            return None
        try:
            found = json.loads(text)
        except (ValueError, RecursionError) as error:
            return _("This is no JSON: %(reason)s.", reason=str(error))
        return [] if isinstance(found, str) else found  # neither is an object


def fresh() -> LlmDraft:
    """The form of a new profile."""
    draft = LlmDraft({"provider": FIRST}, {"is_active"})
    draft.typed["request_timeout_s"] = written(PLAIN["request_timeout_s"])
    draft.adapt()
    return draft


def of(row: Any) -> LlmDraft:
    """The form of a stored profile; its key is not in it."""
    config = row.provider_config
    typed = {name: written(row._mapping[name]) for name in (*TEXTS, *NUMBERS)}
    typed["provider_config"] = json.dumps(config, indent=2, ensure_ascii=False) if config else ""
    return LlmDraft(typed, {name for name in TICKS if row._mapping[name]})


def sent(form: Mapping[str, str]) -> LlmDraft:
    """The form as it was sent."""
    draft = LlmDraft(texts(form, (*TEXTS, *NUMBERS)), {name for name in TICKS if name in form})
    draft.api_key = form.get("api_key", "").strip()
    return draft
