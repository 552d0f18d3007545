"""Composio, which calls tools of other services for us: its REST protocol, version 3."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx

from webapp.agents.hiding import Hiding

API = "/api/v3"
USER = "lineup"
"""Whose accounts they are, as Composio keeps users apart: all of this server's are one."""
ASKED_S = 10.0
"""How long an answer may take, from the connection to its last byte."""
LATEST = "latest"
PAGE, MOST_PAGES = 500, 20
MOST_BYTES = 32 * 1024 * 1024
MOST_WORDS = 1_000
TRIES, REST_S = 2, 0.5
"""How often it is asked what changes nothing, and the rest between."""
PASSING = frozenset({429, 500, 502, 503, 504})
UNAUTHORISED = frozenset({401, 403})
ASKS_FOR_KEYS = ("API_KEY", "BEARER_TOKEN", "BASIC")
"""Schemes that need no application of ours: Composio's page asks the person for the rest."""


class Failed(Exception):
    """It did not do as asked; the text is its own words, without the key."""

    def __init__(self, words: str, *, status: int | None = None, passing: bool = False) -> None:
        super().__init__(words)
        self.status = status
        """What it answered; None: nothing."""
        self.passing = passing
        """Whether it may do so another time."""

    @property
    def is_key(self) -> bool:
        """Whether the key is what it does not take."""
        return self.status in UNAUTHORISED


class Composio:
    """The service while it is asked; every method raises Failed."""

    def __init__(self, url: str, key: str, *, patience_s: float = ASKED_S) -> None:
        self._base, self._patience_s = url.rstrip("/") + API, patience_s
        self._hiding = Hiding([key])
        self._client = httpx.AsyncClient(
            headers={"x-api-key": key, "Accept": "application/json", "User-Agent": "Lineup"},
            timeout=None,  # ours is for the whole answer
            follow_redirects=False,  # the key is for this server alone
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._client.aclose()

    async def who(self) -> dict[str, str]:
        """Whose key it is: ``project``, ``organization`` and ``email``, as far as it says."""
        found = await self._get("/auth/session/info")
        project, member = _inner(found, "project"), _inner(found, "org_member")
        said = {
            "project": project.get("name"),
            "organization": _inner(project, "org").get("name"),
            "email": member.get("email"),
        }
        return {name: str(value) for name, value in said.items() if value}

    async def toolkits(self) -> list[dict[str, Any]]:
        """All there are: ``slug, name, meta, no_auth`` and more of each."""
        return await self._all("/toolkits", {"sort_by": "alphabetically"})

    async def tools(self, toolkit: str) -> list[dict[str, Any]]:
        """The tools of a toolkit: ``slug, description, input_parameters, version`` of each."""
        query = {"toolkit_slug": toolkit, "toolkit_versions": LATEST}
        found = await self._all("/tools", query)
        return [one for one in found if one.get("slug") and not one.get("is_deprecated")]

    async def accounts(self, toolkit: str | None = None) -> dict[str, tuple[str, str]]:
        """How the accounts of our user stand, and which: the best one of each toolkit."""
        query = {"user_ids": USER, "order_by": "created_at", "order_direction": "desc"}
        if toolkit is not None:
            query["toolkit_slugs"] = toolkit
        best: dict[str, tuple[str, str]] = {}
        for one in await self._all("/connected_accounts", query):
            slug, status = str(_inner(one, "toolkit").get("slug")), str(one.get("status"))
            active = status == "ACTIVE" and not one.get("is_disabled")
            if slug not in best or (active and best[slug][0] != "ACTIVE"):
                status = "INACTIVE" if status == "ACTIVE" and not active else status
                best[slug] = status, str(one.get("id") or "")
        return best

    async def link(self, toolkit: str) -> tuple[str, str]:
        """Begin to connect an account: its id, and the page where a person allows it."""
        body = {"auth_config_id": await self._auth_config(toolkit), "user_id": USER}
        made = await self._ask("POST", "/connected_accounts/link", body=body)
        url = str(made.get("redirect_url") or "")
        if not url.startswith(("https://", "http://")):
            raise Failed("it named no page where the account could be connected", status=200)
        return str(made.get("connected_account_id") or ""), url

    async def execute(
        self,
        tool: str,
        arguments: Mapping[str, Any],
        *,
        version: str,
        account: str | None,
        patience_s: float,
    ) -> dict[str, Any]:
        """Call a tool: ``data, error, successful``."""
        body = {"arguments": dict(arguments), "user_id": USER, "version": version}
        if account is not None:
            body["connected_account_id"] = account
        path = f"/tools/execute/{quote(tool, safe='')}"
        return await self._ask("POST", path, body=body, patience_s=patience_s)

    def words(self, text: str) -> str:
        """Its words, without the key, cut."""
        return self._hiding.text(text)[:MOST_WORDS]

    async def _auth_config(self, toolkit: str) -> str:
        """How accounts of a toolkit are connected: the way there is, or a new one."""
        query = {"toolkit_slug": toolkit}
        there = await self._all("/auth_configs", query)
        for one in there:
            if one.get("id") and one.get("status", "ENABLED") == "ENABLED":
                return str(one["id"])
        found = await self._get(f"/toolkits/{quote(toolkit, safe='')}")
        details = found.get("auth_config_details") or ()
        modes = [str(one.get("mode")) for one in details if isinstance(one, dict)]
        asked = next((scheme for scheme in ASKS_FOR_KEYS if scheme in modes), None)
        how: dict[str, Any] = {"type": "use_composio_managed_auth"}
        if not found.get("composio_managed_auth_schemes") and asked is not None:
            how = {"type": "use_custom_auth", "authScheme": asked, "credentials": {}}
        body = {"toolkit": {"slug": toolkit}, "auth_config": how}
        made = await self._ask("POST", "/auth_configs", body=body)
        return str(_inner(made, "auth_config").get("id") or "")

    async def _all(self, path: str, query: Mapping[str, str]) -> list[dict[str, Any]]:
        """The items of all pages."""
        items: list[dict[str, Any]] = []
        cursor: str | None = None
        for _ in range(MOST_PAGES):
            more = {"cursor": cursor} if cursor else {}
            page = await self._get(path, {**query, "limit": str(PAGE), **more})
            found = page.get("items")
            if not isinstance(found, list):
                raise Failed("it answered something else than a list", status=200)
            items += [one for one in found if isinstance(one, dict)]
            cursor = page.get("next_cursor")
            if not cursor or not found:
                break
        return items

    async def _get(self, path: str, query: Mapping[str, str] | None = None) -> dict[str, Any]:
        """Ask what changes nothing, once more if that may help."""
        for left in reversed(range(TRIES)):
            try:
                return await self._ask("GET", path, query=query)
            except Failed as error:
                if not left or not error.passing:
                    raise
            await asyncio.sleep(REST_S)
        raise AssertionError("the last try returns or raises")

    async def _ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        patience_s: float | None = None,
    ) -> dict[str, Any]:
        limit = patience_s or self._patience_s
        try:
            async with asyncio.timeout(limit):
                request = self._client.build_request(
                    method, self._base + path, params=query, json=body
                )
                response = await self._client.send(request, stream=True)
                try:
                    data = await _read(response)
                finally:
                    await response.aclose()
        except TimeoutError:
            raise Failed(f"it did not answer within {limit:g} s") from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError) as error:
            words = self.words(str(error)) or type(error).__name__
            raise Failed(words, passing=True) from None
        return self._understood(response.status_code, data)

    def _understood(self, status: int, data: bytes) -> dict[str, Any]:
        try:
            found = json.loads(data) if data else {}
        except (ValueError, RecursionError):
            found = None
        if not 200 <= status < 300:
            said = _complaint(found) or data.decode("utf-8", "replace").strip()
            words = self.words(said) or "it said nothing"
            raise Failed(f"{words} (HTTP {status})", status=status, passing=status in PASSING)
        if not isinstance(found, dict):
            raise Failed("it answered what is no JSON object", status=status)
        return found


async def _read(response: httpx.Response) -> bytes:
    data = bytearray()
    async for piece in response.aiter_bytes():
        data += piece
        if len(data) > MOST_BYTES:
            raise Failed(f"its answer is larger than {MOST_BYTES:,} bytes", status=200)
    return bytes(data)


def _complaint(found: Any) -> str:
    """What it says went wrong, and how that is mended."""
    error = found.get("error", found) if isinstance(found, dict) else found
    if not isinstance(error, dict):
        return error if isinstance(error, str) else ""
    details = error.get("errors")
    several = map(str, details) if isinstance(details, list) else ()
    said = [str(error.get("message") or ""), *several, str(error.get("suggested_fix") or "")]
    return " ".join(part.strip() for part in said if part.strip())


def _inner(value: Mapping[str, Any], name: str) -> dict[str, Any]:
    found = value.get(name)
    return found if isinstance(found, dict) else {}
