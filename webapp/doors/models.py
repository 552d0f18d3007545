"""What both doors do with tasks of a model: which profile it means, and a first test of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from webapp import clock
from webapp.domain import mcp, spending
from webapp.domain.errors import Invalid, Refused
from webapp.domain.providers import resolved
from webapp.domain.secrets import each, is_sealed
from webapp.domain.spending import Allowance
from webapp.ports import ports
from webapp.queries import lanes, profiles, toolkits
from webapp.services import submissions
from webapp.services.submissions import Submission

LLM = "llm"
"""The agent that is meant where a profile is named, or there is a default one."""


class ConnectionFailed(Refused):
    """The model does not answer; nothing was stored."""

    status, code = 400, "llm_connection_failed"


def allowance() -> Allowance:
    """What the server allows today."""
    return spending.allowed(clock.now(), clock.machine_zone(), ports().settings.day_limits)


def is_meant(given: Mapping[str, Any]) -> bool:
    """Whether fields that name no agent are for a model."""
    return "llm_profile_name" in given or profiles.llm_default() is not None


def checked(agent: str, own: Mapping[str, Any], *, by_hand: bool) -> dict[str, Any]:
    """An agent's settings as they are stored; for a task by hand with the profile it means.

    Raises Invalid with the field that is wrong.
    """
    validate = ports().agents.validate
    if not ports().agents.uses_model(agent):
        return validate(agent, own, by_hand=by_hand)
    if own.get("mcp_server_config") is not None:
        own = {**own, "mcp_server_config": _config(own["mcp_server_config"])}
    settings = validate(agent, own, by_hand=by_hand)
    _refuse_unknown_servers(settings)
    _refuse_unknown_toolkits(settings)
    profile = _profile(settings.get("llm_profile_name"))
    if settings.get("budget_cost") is not None:
        refuse_unpriced("budget_cost", profile)
    return {**settings, "llm_profile_name": profile.profile_name} if by_hand else settings


def asked_first(agent: str, settings: Mapping[str, Any], *, lane: str, when_busy: str) -> None:
    """Refuse what is not to wait in a busy lane, and then what no model would answer.

    The lane is looked at again when the task is stored; this only spares the model a request.
    """
    if not ports().agents.uses_model(agent):
        return
    if when_busy == "reject" and lanes.is_busy(lane):
        raise submissions.busy(lane)
    profile = _profile(settings.get("llm_profile_name"))
    to_ask = opened(profile)
    profiles.let_go()
    tested = ports().connections.llm(to_ask, remembered=True)
    if not tested.ok:
        name = profile.profile_name
        raise ConnectionFailed(extra={"llm_profile": name}, profile=name, said=tested.said)


def budget_problems(budget: Mapping[str, Any], submission: Submission) -> dict[str, str]:
    """What is wrong with a flow's budget of a day, for what its runs do."""
    if not ports().agents.uses_model(submission.agent):
        return {"budget": f"is for flows that talk to a model, and {submission.agent} does not"}
    if "cost" in budget:
        try:
            refuse_unpriced("budget", _profile(submission.agent_settings.get("llm_profile_name")))
        except Invalid as refusal:
            return dict(refusal.fields)
    return {}


def opened(profile: Any) -> dict[str, Any]:
    """A stored profile as a model is built of it, with its key; raises a Refused secret."""
    settings = ports().vault.open_settings({"api_key": profile.api_key})
    return resolved(dict(profile._mapping), settings["api_key"])


def refuse_unpriced(field: str, profile: Any) -> None:
    """A limit of money means nothing where nobody knows the price; raises Invalid."""
    if not ports().connections.has_price(dict(profile._mapping)):
        raise Invalid.field(
            field, f"nobody knows what {profile.model} costs: give its profile prices first"
        )


def _profile(name: str | None) -> Any:
    """The profile that is named, or the default one, if it is active; raises Invalid."""
    if name is None:
        if (row := profiles.llm_default()) is None:
            raise Invalid.field("llm_profile_name", "name a profile: there is no default one")
        return row
    if (row := profiles.llm_named(name)) is None:
        raise Invalid.field("llm_profile_name", f"there is no LLM profile {name!r}")
    if not row.is_active:
        raise Invalid.field("llm_profile_name", f"the LLM profile {name!r} is not active")
    return row


def _config(value: Any) -> dict[str, Any]:
    """The servers of a task; secrets that are sealed, of an earlier task, stay as they are."""
    try:
        checked = mcp.check_config(each(value, lambda one: "sealed" if is_sealed(one) else one))
    except ValueError as error:
        raise Invalid.field("mcp_server_config", str(error)) from None
    for name, server in checked["mcpServers"].items():
        for part in mcp.SECRETS:
            given = value["mcpServers"][name].get(part) or {}
            server.get(part, {}).update({n: one for n, one in given.items() if is_sealed(one)})
    return checked


def _refuse_unknown_servers(settings: Mapping[str, Any]) -> None:
    wanted = settings.get("mcp_servers") or ()
    there = {row.mcp_server_name for row in profiles.mcp_active()} if wanted else set()
    there |= set(mcp.own(settings))
    for name in wanted:
        if name not in there:
            raise Invalid.field("mcp_servers", f"there is no active MCP server {name!r}")


def _refuse_unknown_toolkits(settings: Mapping[str, Any]) -> None:
    wanted = settings.get("toolkits") or ()
    there = {row.slug for row in toolkits.enabled()} if wanted else set()
    for slug in wanted:
        if slug not in there:
            raise Invalid.field("toolkits", f"no toolkit {slug!r} is enabled")
