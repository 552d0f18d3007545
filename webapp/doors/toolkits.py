"""What both doors do with Composio and its toolkits; it is never asked inside of a transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from webapp import clock
from webapp.domain.errors import Invalid, Refused
from webapp.domain.messages import sentence
from webapp.domain.toolkits import (
    INITIATED,
    NO_KEY,
    NOT_NEEDED,
    READY,
    ComposioFailed,
)
from webapp.doors.profiles import fields
from webapp.ports import ports
from webapp.queries import profiles, toolkits
from webapp.services import toolkits as verbs


@dataclass(frozen=True)
class Status:
    """Whether Composio can be used, and why not; the text is a code with its parameters."""

    has_key: bool
    key_valid: bool
    available: bool
    code: str
    params: Mapping[str, Any]

    @property
    def said(self) -> str:
        """As a sentence."""
        return sentence(self.code, self.params)


@dataclass(frozen=True)
class Toggled:
    """What became of a toolkit that was switched."""

    name: str
    enabled: bool
    status: str
    url: str | None
    """Where a person connects an account; None: nothing is to be done."""
    code: str

    @property
    def said(self) -> str:
        """As a sentence."""
        return sentence(self.code, {"name": self.name})


def status() -> Status:
    """Ask Composio whether it takes the key."""
    key = _key()
    if key is None:
        return Status(False, False, False, "composio_no_key", {})
    try:
        ports().composio.who(key)
    except ComposioFailed as error:
        return Status(True, False, error.answered, error.code, error.params)
    return Status(True, True, True, "composio_ready", {})


def verify(raw: Any, *, by: str) -> Mapping[str, str]:
    """Keep a key that Composio takes; returns whose it is. Raises Invalid or ComposioFailed."""
    key = fields.checked({"api_key": raw}, {"api_key": fields.api_key})["api_key"]
    profiles.let_go()
    whose = ports().composio.who(key)
    sealed = ports().vault.seal_settings({"key": key}, ["key"])["key"]
    verbs.set_key(sealed, by=by, now=clock.now())
    return whose


def synchronise(*, by: str) -> int:
    """Take over which toolkits Composio has; returns how many. Without a key there are none."""
    key = _key()
    if key is None:
        return 0
    found = ports().composio.toolkits(key)
    return verbs.synchronise(found, by=by, now=clock.now())


def toggle(slug: str, *, on: bool, again: bool, by: str) -> Toggled:
    """Switch a toolkit, and begin to connect an account where it needs one.

    ``again``: also where one is connected. Raises Refused without a key, NotFound, ComposioFailed.
    """
    key = _key()
    if key is None:
        raise Refused("composio_no_key")
    row = toolkits.of(slug)
    profiles.let_go()
    status, account, url = row.connection_status, row.connection_id, None
    if on and status != NOT_NEEDED:
        status, account = ports().composio.account(key, slug)
        if again or status not in READY:
            account, url = ports().composio.link(key, slug)
            status = INITIATED
        verbs.connect(slug, status, account, clock.now())
    verbs.switch(slug, on=on, by=by, now=clock.now())
    code = "toolkit_to_connect" if url else "toolkit_enabled" if on else "toolkit_disabled"
    return Toggled(row.name, on, status, url, code)


def tools(slug: str) -> list[dict[str, Any]]:
    """Ask for the tools of a toolkit, and whether tasks may use each; as stored without a key."""
    row, key = toolkits.of(slug), _key()
    if key is None:
        return _remembered(row.tools)
    found = ports().composio.tools(key, slug)
    verbs.learn(slug, [tool["name"] for tool in found], clock.now())
    return [{**tool, "enabled": bool(row.tools.get(tool["name"], True))} for tool in found]


def tools_anyway(slug: str) -> tuple[list[dict[str, Any]], ComposioFailed | None]:
    """The same, with what is remembered of them where Composio fails, and why it does."""
    try:
        return tools(slug), None
    except ComposioFailed as error:
        return _remembered(toolkits.of(slug).tools), error


def choose(slug: str, chosen: Mapping[str, bool], *, by: str) -> list[dict[str, Any]]:
    """Say which of its tools tasks may use; Composio need not be there for those that are known."""
    checks = {"selected_tools": fields.tools}
    chosen = fields.checked({"selected_tools": chosen}, checks)["selected_tools"]
    found, failed = tools_anyway(slug)
    known = {tool["name"] for tool in found}
    unknown = next((name for name in chosen if name not in known), None)
    if unknown is not None:
        if failed is not None:
            raise failed
        raise Invalid.field("selected_tools", f"{slug} has no tool {unknown!r}")
    verbs.choose(slug, chosen, by=by, now=clock.now())
    return [{**tool, "enabled": chosen.get(tool["name"], tool["enabled"])} for tool in found]


def connection(slug: str) -> tuple[str, str | None]:
    """Ask how the account of a toolkit stands: its status and its id."""
    key = _key()
    if key is None:
        return NO_KEY, None
    row = toolkits.of(slug)
    if row.connection_status == NOT_NEEDED:
        return NOT_NEEDED, None
    profiles.let_go()
    status, account = ports().composio.account(key, slug)
    verbs.connect(slug, status, account, clock.now())
    return status, account


def _key() -> str | None:
    """Composio's key; raises SecretLost or KeysUnusable. No snapshot is held afterwards."""
    row = toolkits.key()
    profiles.let_go()
    if row is None:
        return None
    return str(ports().vault.open_settings({"key": row.sealed})["key"])


def _remembered(known: Mapping[str, bool]) -> list[dict[str, Any]]:
    return [
        {"name": name, "description": "", "parameters": {}, "enabled": on}
        for name, on in known.items()
    ]
