"""What both doors do with channels, and with the rules a flow has of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from webapp import clock
from webapp.courier import Sent
from webapp.domain import names
from webapp.domain.errors import Invalid
from webapp.domain.messages import sentence
from webapp.domain.notices import YES_OR_NO, after, rules
from webapp.domain.secrets import MASK
from webapp.doors.intake import check_text
from webapp.ports import ports
from webapp.queries import notices
from webapp.services.notices import channels as verbs

MAX_NAME = 100
EVERYTHING = {
    "is_enabled": True,
    "failed_after": 1,
    "recovered": True,
    "missed": True,
    "paused": True,
    "budget": True,
}
"""What a new channel is told unless it is said otherwise."""


def create(raw: Mapping[str, Any], *, by: str) -> int:
    """Store a new channel; returns its id. Raises Invalid with every field that is wrong."""
    values = _values({"name": None, "url": None, **raw}, shown=None)
    return verbs.create({**EVERYTHING, **values}, by=by, now=clock.now())


def change(channel_id: int, raw: Mapping[str, Any], *, by: str) -> None:
    """Change what is sent; an address that is left out, empty or as it is shown stays."""
    shown = notices.channel(channel_id).shown
    kept = {name: value for name, value in raw.items() if name != "url" or value}
    verbs.change(channel_id, _values(kept, shown=shown), by=by, now=clock.now())


def test(channel_id: int) -> Sent:
    """Send a test through a channel, now; returns what its service said."""
    row = notices.sealed(channel_id)
    address = ports().vault.open(row.sealed)
    text = f"{sentence('told_test', {'name': row.name})}\n{ports().settings.base_url}/"
    return ports().courier.send(address, sentence("title_test", {}), text)


def own_rules(value: Any) -> dict[str, Any] | None:
    """A flow's ``notify`` as it is stored; raises Invalid that names it."""
    if value is not None and not isinstance(value, Mapping):
        raise Invalid.field("notify", "is an object, or null")
    return rules(value, notices.names()) if value is not None else None


def rules_of_form(form: Any) -> dict[str, Any] | None:
    """A flow's ``notify`` from the fields of ``flows/_notify.html``, not checked yet.

    ``form`` is a MultiDict, as requests have it.
    """
    choice = form.get("notify", "all")
    if choice != "own":
        return {"off": True} if choice == "off" else None
    after_text = form.get("notify_failed_after", "").strip()
    wanted: Any = int(after_text) if after_text.isascii() and after_text.isdigit() else after_text
    flags = {name: f"notify_{name}" in form for name in YES_OR_NO}
    given = form.getlist("notify_channels")
    every = {} if "notify_every_channel" in form else {"channels": given}
    return {**every, "failed_after": wanted if "notify_failed" in form else None, **flags}


def _values(raw: Mapping[str, Any], *, shown: str | None) -> dict[str, Any]:
    """The columns for what was sent; raises Invalid with every field that is wrong."""
    values: dict[str, Any] = {}
    problems: dict[str, str] = {}
    for name, given in raw.items():
        try:
            values |= _value(name, given, shown)
        except Invalid as refusal:
            problems |= refusal.fields
        except ValueError as error:
            problems[name] = str(error)
    if problems:
        raise Invalid.of(problems)
    return values


def _value(name: str, given: Any, shown: str | None) -> dict[str, Any]:
    if name == "name":
        return {"name": _name(given)}
    if name == "url":
        return {} if shown is not None and given == shown else _address(given)
    if name == "failed_after":
        return {name: after(given, name)}
    if not isinstance(given, bool):
        raise ValueError("must be true or false")
    return {name: given}


def _name(value: Any) -> str:
    if value is None:
        raise ValueError("say what the channel is to be called")
    name = check_text(value, MAX_NAME).strip()
    if names.shown(name) != name:
        raise ValueError("must be one line, without characters that cannot be seen")
    return name


def _address(value: Any) -> dict[str, Any]:
    if value is None:
        raise ValueError("say where notices are to go, for example mailto:// or json://")
    address = check_text(value, 4_096).strip()
    if MASK in address:
        raise ValueError("this is how the address is shown; send all of it, or leave it out")
    found = ports().courier.check(address)
    return {
        "service": found.service,
        "shown": found.shown,
        "sealed": ports().vault.seal(address),
    }
