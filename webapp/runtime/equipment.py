"""What a run that uses a model is given: profile, servers, memory and ledger, as of now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import structlog

from webapp.agents.llm import prices
from webapp.agents.protocol import AgentFailed, Equipment, Spent, ToolServer, TryLater
from webapp.db import AWAY
from webapp.domain.errors import LostAttempt, NotFound
from webapp.domain.providers import resolved
from webapp.queries import conversations, profiles
from webapp.services import spending
from webapp.services.claims import Assignment
from webapp.services.profiles import llm, mcp
from webapp.services.spending import Used

if TYPE_CHECKING:
    from webapp.runtime.console import RunConsole
    from webapp.runtime.context import Context

log = structlog.get_logger(__name__)

CHARACTERS_A_TOKEN = 4
DEFAULT_CALL_S = 60.0


def equip(
    context: Context, assignment: Assignment, settings: Mapping[str, Any], console: RunConsole
) -> Equipment:
    """Gather it; raises AgentFailed where there is no profile to use, or a Refused secret."""
    profile = context.call(_profile, settings.get("llm_profile_name"))
    servers = context.call(_servers, settings, console)
    opened = context.agents.opened(
        {"profile": dict(profile._mapping), "servers": [dict(one._mapping) for one in servers]}
    )
    told = context.call(
        conversations.said,
        assignment.session_id,
        most_characters=_memory(settings) * CHARACTERS_A_TOKEN,
    )
    now = context.now()
    context.call(llm.used, profile.profile_name, now)
    if servers:
        context.call(mcp.used, [one.mcp_id for one in servers], now)
    resolved_profile = resolved(opened["profile"], opened["profile"]["api_key"])
    return Equipment(
        profile=resolved_profile,
        ledger=RunLedger(context, assignment, console, resolved_profile),
        servers=_together([_stored(one) for one in opened["servers"]], _of_task(settings), console),
        memory=told,
    )


class RunLedger:
    """Writes what was said and used at once, each in a short transaction, fenced."""

    def __init__(
        self,
        context: Context,
        assignment: Assignment,
        console: RunConsole,
        profile: Mapping[str, Any],
    ) -> None:
        self._context, self._assignment, self._console = context, assignment, console
        self._profile = profile
        self._unwritten: dict[int, Any] = {}
        self._uncounted: list[Spent] = []

    def check(self) -> None:
        """Raise AgentFailed where a budget of the day allows no further request, or TryLater."""
        self.settle()
        flow_id, allowance = self._assignment.flow_id, self._context.allowance(self._context.now())
        try:
            found = self._context.call(conversations.exhausted, flow_id, allowance)
            money = self._context.call(conversations.is_money_limited, flow_id, allowance)
        except AWAY:
            raise TryLater from None
        if found is not None:
            code, params = found.words()
            raise AgentFailed(code, **params)
        if money and not prices.known(self._profile):
            raise AgentFailed("llm_no_price", model=str(self._profile["model"]))

    def keep(self, messages: Mapping[int, Any], spent: Spent | None = None) -> None:
        """Store and count; while the database is away it is held, and written with the next."""
        self._unwritten |= messages
        if spent is not None:
            self._uncounted.append(spent)
        with suppress(TryLater):
            self.settle()

    def settle(self) -> None:
        """Store what is still held, or raise TryLater."""
        if not self._unwritten and not self._uncounted:
            return
        task, now = self._assignment, self._context.now()
        try:
            self._context.call(
                spending.keep,
                task.task_id,
                task.attempt,
                self._unwritten,
                now,
                used=self._used(),
                allowance=self._context.allowance(now),
            )
        except LostAttempt:
            self._console.lose()
        except AWAY:
            log.exception("conversation not written yet", task_id=task.task_id)
            raise TryLater from None
        self._unwritten, self._uncounted = {}, []

    def _used(self) -> Used | None:
        if not self._uncounted:
            return None
        costs = [one.cost for one in self._uncounted]
        return Used(
            model=str(self._profile["model"]),
            requests=len(self._uncounted),
            input_tokens=sum(one.input_tokens for one in self._uncounted),
            output_tokens=sum(one.output_tokens for one in self._uncounted),
            cost=None if None in costs else sum(cost or 0.0 for cost in costs),
        )


def _profile(name: str | None) -> Any:
    try:
        row = profiles.llm_default() if name is None else profiles.llm(name)
    except NotFound:
        row = None
    if row is None:
        code = "llm_profile_none" if name is None else "llm_profile_gone"
        raise AgentFailed(code, profile=name or "")
    if not row.is_active:
        raise AgentFailed("llm_profile_inactive", profile=row.profile_name)
    return row


def _servers(settings: Mapping[str, Any], console: RunConsole) -> Sequence[Any]:
    """The active servers that the task wants; what it names and is not there is told."""
    found = profiles.mcp_active()
    wanted = settings.get("mcp_servers")
    if wanted is None:
        return found
    there = {row.mcp_server_name: row for row in found}
    for name in wanted:
        if name not in there:
            console.say("llm_server_unknown", server=name)
    return [there[name] for name in wanted if name in there]


def _stored(row: Mapping[str, Any]) -> ToolServer:
    return ToolServer(
        name=row["mcp_server_name"],
        params=row["mcp_server_params"],
        tools=row["selected_tools"],
        startup_timeout_s=row["startup_timeout_s"],
        call_timeout_s=row["call_timeout_s"],
        required=row["is_required"],
    )


def _together(
    stored: Sequence[ToolServer], own: Sequence[ToolServer], console: RunConsole
) -> list[ToolServer]:
    """The servers of the settings and of the task, which stand in for those of their names."""
    names = {one.name for one in own}
    for one in stored:
        if one.name in names:
            console.say("llm_server_replaced", server=one.name)
    return [*(one for one in stored if one.name not in names), *own]


def _of_task(settings: Mapping[str, Any]) -> list[ToolServer]:
    """The servers that came with the task itself."""
    config = settings.get("mcp_server_config") or {}
    return [
        ToolServer(name, params, call_timeout_s=params.get("timeout") or DEFAULT_CALL_S)
        for name, params in config.get("mcpServers", {}).items()
    ]


def _memory(settings: Mapping[str, Any]) -> int:
    """About how many tokens of memory it is told."""
    return int(settings.get("memory_tokens", 0)) if settings.get("memory", True) else 0
