"""What a run that uses a model is given: profile, servers, memory and ledger, as of now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import structlog

from webapp.agents.llm import prices
from webapp.agents.protocol import (
    CHARACTERS_A_TOKEN,
    AgentFailed,
    Equipment,
    Spent,
    ToolServer,
    TryLater,
)
from webapp.db import AWAY
from webapp.domain import mcp as servers_of
from webapp.domain.errors import LostAttempt, NotFound
from webapp.domain.providers import resolved
from webapp.domain.spending import KINDS, SpentOut, is_near, of_run, spent_out
from webapp.queries import conversations, profiles
from webapp.runtime import toolkits
from webapp.services import spending
from webapp.services.claims import Assignment
from webapp.services.profiles import llm, mcp
from webapp.services.spending import Used

if TYPE_CHECKING:
    from webapp.runtime.console import RunConsole
    from webapp.runtime.context import Context

log = structlog.get_logger(__name__)

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
        ledger=RunLedger(
            context, assignment, console, resolved_profile, of_run(settings, resolved_profile)
        ),
        servers=[*map(_stored, opened["servers"]), *_of_task(settings)],
        memory=told,
        toolkits=toolkits.of_run(context, settings, console),
    )


class RunLedger:
    """Writes what was said and used at once, each in a short transaction, fenced."""

    def __init__(
        self,
        context: Context,
        assignment: Assignment,
        console: RunConsole,
        profile: Mapping[str, Any],
        limits: Mapping[str, Any],
    ) -> None:
        self._context, self._assignment, self._console = context, assignment, console
        self._profile, self._limits = profile, limits
        self._spent: dict[str, float] = dict.fromkeys(KINDS, 0)
        self._warned: set[str] = set()
        self._unwritten: dict[int, Any] = {}
        self._uncounted: list[Spent] = []

    def check(self) -> None:
        """Raise AgentFailed where a budget allows no further request, or TryLater.

        A limit of money means something only where the price is known.
        """
        self.settle()
        found, money = self._looked()
        if found is not None:
            code, params = found.words()
            raise AgentFailed(code, for_good=True, **params)
        if money and not prices.known(self._profile):
            raise AgentFailed("llm_no_price", for_good=True, model=str(self._profile["model"]))
        self._warn()

    def _looked(self) -> tuple[SpentOut | None, bool]:
        """Which budget is used up, if one is, and whether there is a limit of money."""
        limits, spent = self._limits, self._spent
        if (kind := spent_out(limits, spent)) is not None:
            return SpentOut("run", kind, limits[kind], spent[kind]), False
        flow_id, allowance = self._assignment.flow_id, self._context.allowance(self._context.now())
        try:
            found, money = self._context.call(conversations.allows, flow_id, allowance)
        except AWAY:
            raise TryLater from None
        return found, money or limits["cost"] is not None

    def _warn(self) -> None:
        """Say, once for each, that a budget of the run is nearly used up."""
        for kind in KINDS:
            near = is_near({kind: self._limits[kind]}, self._spent)
            if near is not None and kind not in self._warned:
                self._warned.add(kind)
                code, params = near.words("run")
                self._console.say(code, **params)

    def keep(self, messages: Mapping[int, Any], spent: Spent | None = None) -> None:
        """Store and count; while the database is away it is held, and written with the next."""
        self._unwritten |= messages
        if spent is not None:
            self._uncounted.append(spent)
            self._spent["requests"] += 1
            self._spent["tokens"] += spent.input_tokens + spent.output_tokens
            self._spent["cost"] += spent.cost or 0.0
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
        raise AgentFailed(code, for_good=True, profile=name or "")
    if not row.is_active:
        raise AgentFailed("llm_profile_inactive", for_good=True, profile=row.profile_name)
    return row


def _servers(settings: Mapping[str, Any], console: RunConsole) -> Sequence[Any]:
    """The active servers that the task uses; what it names and is not there is told."""
    there = {row.mcp_server_name: row for row in profiles.mcp_active()}
    used = servers_of.used(list(there), settings)
    for name in settings.get("mcp_servers") or ():
        if name not in there and name not in servers_of.own(settings):
            console.say("llm_server_unknown", server=name)
    for name in servers_of.own(settings):
        if name in there:
            console.say("llm_server_replaced", server=name)
    return [there[name] for name in used if name in there]


def _stored(row: Mapping[str, Any]) -> ToolServer:
    return ToolServer(
        name=row["mcp_server_name"],
        params=row["mcp_server_params"],
        tools=row["selected_tools"],
        startup_timeout_s=row["startup_timeout_s"],
        call_timeout_s=row["call_timeout_s"],
        required=row["is_required"],
    )


def _of_task(settings: Mapping[str, Any]) -> list[ToolServer]:
    """The servers that came with the task itself."""
    return [
        ToolServer(name, params, call_timeout_s=params.get("timeout") or DEFAULT_CALL_S)
        for name, params in servers_of.own(settings).items()
    ]


def _memory(settings: Mapping[str, Any]) -> int:
    """About how many tokens of memory it is told."""
    return int(settings.get("memory_tokens", 0)) if settings.get("memory", True) else 0
