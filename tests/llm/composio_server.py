"""A local server that pretends to be Composio: its REST protocol, version 3, without accounts."""

from __future__ import annotations

import base64
import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from tests.agents.serving import Asked, Script, Server, answer

KEY = "ak_tests-swordfish-x4Qz"
BASE, VERSION = "00000000_00", "20261101_00"
AT = "2026-11-01T10:00:00.000Z"
STATUSES = {400: "Bad Request", 401: "Unauthorized", 404: "Not Found", 500: "Oops", 503: "Busy"}
PARAMETERS = {
    "type": "object",
    "title": "Request",
    "properties": {"text": {"type": "string", "description": "What to say."}},
    "required": ["text"],
}


@dataclass
class Kit:
    """A toolkit, how its accounts are connected, and its tools by slug: what each one answers."""

    slug: str
    tools: dict[str, Any]
    managed: bool = True
    modes: tuple[str, ...] = ("OAUTH2",)
    tags: tuple[str, ...] = ()

    @property
    def no_auth(self) -> bool:
        return not self.modes


def kits() -> list[Kit]:
    """One that asks for OAuth, one for a key, and one that asks for nothing."""
    return [
        Kit("github", {"GITHUB_CREATE_ISSUE": {"number": 7}, "GITHUB_STAR": {"starred": True}}),
        Kit("tavily", {"TAVILY_SEARCH": {"found": []}}, managed=False, modes=("API_KEY",)),
        Kit("hackernews", {"HACKERNEWS_GET_TOP": {"items": ["one"]}}, modes=()),
    ]


class Wrong(Exception):
    """What is answered instead."""

    def __init__(self, status: int, message: str, **more: Any) -> None:
        self.status, self.body = status, {"message": message, "status": status, **more}


@dataclass
class ComposioServer:
    """Answers as Composio does; ``instead`` holds what is answered once in place of a path."""

    kits: list[Kit] = field(default_factory=kits)
    key: str = KEY
    accounts: list[dict[str, Any]] = field(default_factory=list)
    auth_configs: list[dict[str, Any]] = field(default_factory=list)
    executed: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    instead: dict[str, list[Wrong | Script]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._server = Server(otherwise=self._answer)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.close()

    @property
    def url(self) -> str:
        return self._server.url

    @property
    def asked(self) -> list[Asked]:
        return self._server.asked

    @property
    def silent(self) -> Script:
        """Answers nothing for as long as the test lasts."""
        return self._server.silent

    def connect(self, slug: str, *, status: str = "ACTIVE", user: str = "lineup") -> str:
        """Have an account of a toolkit stand so, as a person does at the hosted page."""
        waiting = [one for one in self.accounts if one["toolkit"]["slug"] == slug]
        if waiting:
            waiting[-1]["status"] = status
            return str(waiting[-1]["id"])
        return self._account(slug, status, user)

    def _account(self, slug: str, status: str, user: str) -> str:
        account = {
            "id": f"ca_{len(self.accounts) + 1}",
            "toolkit": {"slug": slug},
            "user_id": user,
            "status": status,
            "is_disabled": False,
            "created_at": AT,
            "state": {"authScheme": "OAUTH2", "val": {"access_token": "redacted"}},
        }
        self.accounts.append(account)
        return str(account["id"])

    def _answer(self, asked: Asked, connection: socket.socket) -> None:
        at = urlsplit(asked.path)
        path = unquote(at.path)
        if (wanted := self.instead.get(path)) and not isinstance(wanted[0], Wrong):
            wanted.pop(0)(asked, connection)  # type: ignore[operator]  # no Wrong: a script
            return
        try:
            status, found = 200, self._found(asked, path, parse_qs(at.query))
        except Wrong as wrong:
            status, found = wrong.status, {"error": {**wrong.body, "request_id": "req_1"}}
        said = f"{status} {STATUSES.get(status, 'OK')}"
        script = answer(said, json.dumps(found), Content_Type="application/json")
        script(asked, connection)

    def _found(self, asked: Asked, path: str, query: dict[str, list[str]]) -> Any:
        if asked.headers.get("x-api-key") != self.key:
            shown = asked.headers.get("x-api-key", "")
            fix = "Please check the API key."
            raise Wrong(401, f"Invalid API key: {shown}", suggested_fix=fix)
        if wanted := self.instead.get(path):
            raise wanted.pop(0)  # type: ignore[misc]  # a Wrong
        given = {name: values[0] for name, values in query.items()}
        body = asked.json if asked.body else {}
        call, _, rest = path.removeprefix("/api/v3/").partition("/")
        found = self._looked_up if asked.method == "GET" else self._done
        return found(call, rest, given, body)

    def _looked_up(self, call: str, rest: str, given: dict[str, str], _body: Any) -> Any:
        match call, rest:
            case "auth", "session/info":
                org = {"id": "ok_1", "name": "Acme", "plan": "HOBBY"}
                member = {"email": "ann@example.org", "role": "ADMIN"}
                project = {"name": "Tests", "webhook_secret": "whsec_1", "org": org}
                return {"project": project, "org_member": member, "api_key": {"key": self.key}}
            case "toolkits", "":
                return _page([self._listed(kit) for kit in self.kits], given)
            case "toolkits", slug:
                return self._retrieved(self._kit(slug))
            case "tools", "":
                return _page(self._tools(given), given)
            case "connected_accounts", "":
                return _page(self._connected(given), given)
            case "auth_configs", "":
                slug = given["toolkit_slug"]
                there = [one for one in self.auth_configs if one["toolkit"]["slug"] == slug]
                return _page(there, given)
        raise Wrong(404, f"Cannot GET {call}/{rest}")

    def _done(self, call: str, rest: str, _given: Any, body: dict[str, Any]) -> Any:
        if (call, rest) == ("auth_configs", ""):
            return self._configured(body)
        if (call, rest) == ("connected_accounts", "link"):
            return self._linked(body)
        if call == "tools" and rest.startswith("execute/"):
            return self._executed(rest.removeprefix("execute/"), body)
        raise Wrong(404, f"Cannot POST {call}/{rest}")

    def _kit(self, slug: str) -> Kit:
        for kit in self.kits:
            if kit.slug == slug:
                return kit
        raise Wrong(404, f"Toolkit {slug} not found")

    def _listed(self, kit: Kit) -> dict[str, Any]:
        meta = {
            "description": f"What {kit.slug} does.",
            "logo": f"https://logos.example/{kit.slug}.svg",
            "app_url": f"https://{kit.slug}.example",
            "tools_count": len(kit.tools),
            "version": VERSION,
        }
        return {
            "slug": kit.slug,
            "name": kit.slug.title(),
            "meta": meta,
            "no_auth": kit.no_auth,
            "auth_schemes": list(kit.modes),
            "composio_managed_auth_schemes": list(kit.modes) if kit.managed else [],
        }

    def _retrieved(self, kit: Kit) -> dict[str, Any]:
        details = [{"mode": mode, "name": mode, "fields": {}} for mode in kit.modes]
        return {**self._listed(kit), "auth_config_details": details, "enabled": True}

    def _tools(self, given: dict[str, str]) -> list[dict[str, Any]]:
        kit = self._kit(given["toolkit_slug"])
        if given.get("toolkit_versions", BASE) == BASE:
            return []  # what came after the first version is only there for those who ask
        return [
            {
                "slug": slug,
                "name": slug.replace("_", " ").title(),
                "description": f"Does {slug}.",
                "input_parameters": PARAMETERS,
                "output_parameters": {},
                "version": VERSION,
                "tags": list(kit.tags),
                "toolkit": {"slug": kit.slug, "name": kit.slug.title()},
                "is_deprecated": slug.endswith("_OLD"),
                "no_auth": kit.no_auth,
            }
            for slug in kit.tools
        ]

    def _connected(self, given: dict[str, str]) -> list[dict[str, Any]]:
        user, slug = given.get("user_ids"), given.get("toolkit_slugs")
        return [
            one
            for one in reversed(self.accounts)
            if user in (None, one["user_id"]) and slug in (None, one["toolkit"]["slug"])
        ]

    def _configured(self, body: dict[str, Any]) -> dict[str, Any]:
        kit, how = self._kit(body["toolkit"]["slug"]), body["auth_config"]
        if how["type"] == "use_composio_managed_auth" and not kit.managed:
            fix = "Create an auth config with your own credentials."
            raise Wrong(400, f"{kit.slug} has no Composio managed auth", suggested_fix=fix)
        made = {"id": f"ac_{len(self.auth_configs) + 1}", "status": "ENABLED"}
        self.auth_configs.append({**made, "toolkit": {"slug": kit.slug}, "how": how})
        return {"toolkit": {"slug": kit.slug}, "auth_config": made}

    def _linked(self, body: dict[str, Any]) -> dict[str, Any]:
        [config] = [one for one in self.auth_configs if one["id"] == body["auth_config_id"]]
        account = self._account(config["toolkit"]["slug"], "INITIATED", body["user_id"])
        url = f"https://connect.composio.example/link/lk_{account}"
        return {"link_token": "lk", "redirect_url": url, "connected_account_id": account}

    def _executed(self, tool: str, body: dict[str, Any]) -> dict[str, Any]:
        [kit] = [kit for kit in self.kits if tool in kit.tools] or [None]
        if kit is None or body.get("version", BASE) != VERSION:
            raise Wrong(404, f"Tool {tool} not found in version {body.get('version', BASE)}")
        mine = self._connected({"user_ids": body["user_id"]})
        active = [one["id"] for one in mine if one["status"] == "ACTIVE"]
        if not kit.no_auth and body.get("connected_account_id") not in active:
            said = f"No connected account found for user {body['user_id']} for toolkit {kit.slug}"
            raise Wrong(400, said, suggested_fix="Connect the user to the toolkit first")
        self.executed.append((tool, body["arguments"]))
        found = kit.tools[tool]
        if isinstance(found, str):
            return {"data": {}, "error": found, "successful": False, "log_id": "log_1"}
        return {"data": found, "error": None, "successful": True, "log_id": "log_1"}


def _page(items: list[Any], given: dict[str, str]) -> dict[str, Any]:
    size = int(given.get("limit", 20))
    at = int(base64.b64decode(given["cursor"])) if given.get("cursor") else 0
    more = at + size < len(items)
    return {
        "items": items[at : at + size],
        "next_cursor": base64.b64encode(str(at + size).encode()).decode() if more else None,
        "total_items": len(items),
        "total_pages": -(-len(items) // size),
        "current_page": at // size + 1,
    }


@pytest.fixture
def composio() -> Iterator[ComposioServer]:
    """A server of the test's own, with three toolkits and no account."""
    with ComposioServer() as made:
        yield made
