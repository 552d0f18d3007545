"""Asks Composio, in the words of this house; what it refuses is a refusal in its own words."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from webapp.agents.llm.composio import ASKED_S, Composio, Failed
from webapp.domain.toolkits import (
    NOT_CONNECTED,
    NOT_NEEDED,
    ComposioFailed,
    is_address,
    status_of,
)

T = TypeVar("T")

MOST_NAME, MOST_SLUG, MOST_TEXT = 200, 100, 10_000


class Broker:
    """Composio as the doors need it; each call raises ComposioFailed."""

    def __init__(self, url: str, *, patience_s: float = ASKED_S) -> None:
        self._url, self._patience_s = url, patience_s

    def who(self, key: str) -> dict[str, str]:
        """Whose key it is."""
        return self._asked(key, lambda service: service.who())

    def toolkits(self, key: str) -> list[dict[str, Any]]:
        """All toolkits as they are stored, with how the account of each stands."""
        found, accounts = self._asked(key, _toolkits_and_accounts)
        usable = {str(one.get("slug") or ""): one for one in found}
        return [
            _stored(slug, one, accounts.get(slug))
            for slug, one in usable.items()
            if 0 < len(slug) <= MOST_SLUG
        ]

    def tools(self, key: str, slug: str) -> list[dict[str, Any]]:
        """The tools of a toolkit: ``name, description, parameters``."""
        found = self._asked(key, lambda service: service.tools(slug))
        return [
            {
                "name": str(tool["slug"]),
                "description": _text(tool.get("description")) or "",
                "parameters": _object(tool.get("input_parameters")),
            }
            for tool in found
        ]

    def account(self, key: str, slug: str) -> tuple[str, str | None]:
        """How the account of a toolkit stands, and which it is."""
        found = self._asked(key, lambda service: service.accounts(slug)).get(slug)
        return (status_of(found[0]), found[1]) if found else (NOT_CONNECTED, None)

    def link(self, key: str, slug: str) -> tuple[str, str]:
        """Begin to connect an account: its id, and the page where a person allows it."""
        return self._asked(key, lambda service: service.link(slug))

    def _asked(self, key: str, question: Callable[[Composio], Awaitable[T]]) -> T:
        async def ask() -> T:
            async with Composio(self._url, key, patience_s=self._patience_s) as service:
                return await question(service)

        with ThreadPoolExecutor(1) as apart:  # a loop may be running in the thread that asks
            try:
                return apart.submit(_carried_out, ask()).result()
            except Failed as error:
                raise ComposioFailed(
                    str(error), is_key=error.is_key, answered=bool(error.status)
                ) from None


def _carried_out(work: Coroutine[Any, Any, T]) -> T:
    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(work)
    finally:
        loop.close()  # asyncio.run would wait for a thread that looks up a name


async def _toolkits_and_accounts(service: Composio) -> Any:
    return await service.toolkits(), await service.accounts()


def _stored(slug: str, one: dict[str, Any], account: tuple[str, str] | None) -> dict[str, Any]:
    told = _object(one.get("meta"))
    status, connection_id = NOT_CONNECTED, None
    if one.get("no_auth"):
        status = NOT_NEEDED
    elif account is not None:
        status, connection_id = status_of(account[0]), account[1]
    return {
        "slug": slug,
        "name": (_text(one.get("name")) or slug)[:MOST_NAME],
        "description": _text(told.get("description")),
        "logo": _address(told.get("logo")),
        "app_url": _address(told.get("app_url")),
        "connection_status": status,
        "connection_id": connection_id,
    }


def _text(value: Any) -> str | None:
    """What a database takes of it."""
    if not isinstance(value, str):
        return None
    text = value.encode("utf-8", "replace").decode().replace("\0", " ").strip()
    return text[:MOST_TEXT] or None


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _address(value: Any) -> str | None:
    text = _text(value)
    return text if text is not None and is_address(text) else None
