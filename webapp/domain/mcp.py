"""How MCP servers are said: started by a command, or reached at an address."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

SECRETS = ("env", "headers")
"""What of a server is secret, value by value."""
MOST_SERVERS = 20
MOST_ARGS = 200
MOST_NAMES = 100
LONGEST = 16_384
LONGEST_WAIT_S = 3_600.0
RESERVED = "LINEUP_"
SERVER_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,199}", re.ASCII)
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,200}", re.ASCII)
_TRANSPORTS = {
    "stdio": "command",
    "http": "url",
    "streamable-http": "url",
    "streamable_http": "url",
}
"""What other programs write beside a command or an address, and which of the two it goes with."""


def check_config(value: Any) -> dict[str, Any]:
    """``{"mcpServers": {name: server}}``; raises ValueError whose text begins with the place."""
    if not isinstance(value, Mapping) or set(value) != {"mcpServers"}:
        raise ValueError('must be an object {"mcpServers": {name: server}}')
    servers = value["mcpServers"]
    if not isinstance(servers, Mapping):
        raise ValueError("mcpServers: must be an object of names and servers")
    if len(servers) > MOST_SERVERS:
        raise ValueError(f"mcpServers: holds more than {MOST_SERVERS} servers")
    checked = {}
    for name, server in servers.items():
        check_name(name, "mcpServers: ")
        try:
            checked[name] = check_server(server)
        except ValueError as error:
            raise ValueError(f"mcpServers.{name}.{error}") from None
    return {"mcpServers": checked}


def own(settings: Mapping[str, Any]) -> Mapping[str, Any]:
    """The servers that came with a task itself, by name."""
    config = settings.get("mcp_server_config") or {}
    found: Mapping[str, Any] = config.get("mcpServers", {})
    return found


def used(active: Sequence[str], settings: Mapping[str, Any]) -> list[str]:
    """Those of the active servers that a task uses, besides its own, which go before theirs."""
    wanted = settings.get("mcp_servers")
    chosen = active if wanted is None else wanted
    return [name for name in chosen if name not in own(settings)]


def check_name(value: Any, place: str = "") -> str:
    """The name of a server; raises ValueError."""
    if not isinstance(value, str) or not SERVER_NAME.fullmatch(value):
        shown = f"{str(value)[:80]!r} is no name of a server: "
        raise ValueError(f"{place}{shown}it is 1 to 64 of the characters A-Z a-z 0-9 _ . -")
    return value


def check_server(value: Any) -> dict[str, Any]:
    """A server without what says nothing; raises ValueError whose text begins with the field."""
    if not isinstance(value, Mapping):
        raise ValueError('server: must be an object with "command", or with "url"')
    given = {name: inner for name, inner in value.items() if inner is not None}
    if ("command" in given) == ("url" in given):
        raise ValueError("command: send either command, to start it, or url, to reach it")
    kind = "command" if "command" in given else "url"
    _check_transport(given, kind)
    checks = _CHECKS[kind]
    checked = {}
    for name, inner in given.items():
        if name not in checks:
            raise ValueError(f"{str(name)[:80]}: there is no such field of a server with {kind}")
        try:
            checked[name] = checks[name](inner)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
    return checked


def _check_transport(given: dict[str, Any], kind: str) -> None:
    for name in ("type", "transport"):
        if name in given and _TRANSPORTS.get(str(given.pop(name))) != kind:
            fitting = " or ".join(word for word, wanted in _TRANSPORTS.items() if wanted == kind)
            raise ValueError(f"{name}: with {kind} it can only be {fitting}")


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("must be text")
    if "\0" in value:
        raise ValueError("must not contain a NUL character")
    if len(value) > LONGEST:
        raise ValueError(f"must be at most {LONGEST:,} characters long")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError("must be valid Unicode") from None
    return value


def _command(value: Any) -> str:
    if not _text(value).strip():
        raise ValueError("must not be empty")
    return str(value)


def _args(value: Any) -> list[str]:
    if not isinstance(value, list):
        raise ValueError("must be a list of texts")
    if len(value) > MOST_ARGS:
        raise ValueError(f"holds more than {MOST_ARGS} texts")
    return [_numbered(at, one) for at, one in enumerate(value, 1)]


def _numbered(at: int, one: Any) -> str:
    try:
        return _text(one)
    except ValueError as error:
        raise ValueError(f"the text {at} {error}") from None


def _directory(value: Any) -> str:
    if not _text(value).startswith("/"):
        raise ValueError("must be the absolute path of a directory")
    return str(value)


def _seconds(value: Any) -> float:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 0 < value <= LONGEST_WAIT_S:  # which NaN is not
        raise ValueError(f"must be a number of seconds above 0 and up to {LONGEST_WAIT_S:g}")
    return float(value)


def _variables(value: Any) -> dict[str, str]:
    found = _named(value, _VARIABLE, "variable", _text)
    for name in found:
        if name.startswith(RESERVED):
            raise ValueError(f"{name}: names that begin with {RESERVED} are Lineup's own")
    return found


def _headers(value: Any) -> dict[str, str]:
    found = _named(value, _HEADER, "header", _header)
    if len({name.lower() for name in found}) < len(found):
        raise ValueError("holds a header twice, for capitals make no difference")
    return found


def _header(value: Any) -> str:
    if any(not " " <= letter <= "~" and letter != "\t" for letter in _text(value)):
        raise ValueError("must be plain ASCII characters on one line")
    return str(value).strip()


def _named(
    value: Any, pattern: re.Pattern[str], kind: str, check: Callable[[Any], str]
) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise ValueError("must be an object of names and texts")
    if len(value) > MOST_NAMES:
        raise ValueError(f"holds more than {MOST_NAMES} of them")
    found = {}
    for name, inner in value.items():
        if not isinstance(name, str) or not pattern.fullmatch(name):
            raise ValueError(f"{str(name)[:80]!r} is no name of a {kind}")
        try:
            found[name] = check(inner)
        except ValueError as error:  # which never shows the value, for it is secret
            raise ValueError(f"the value of {name} {error}") from None
    return found


def check_url(value: Any) -> str:
    """An address of http or https, without a user; raises ValueError."""
    address = _text(value).strip()
    if re.search(r"[\x00-\x20\x7f\\]", address):
        raise ValueError("must hold no blank, no backslash and no control character")
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname, parts.port  # raises for a port that is none
    except ValueError:
        raise ValueError("is no address") from None
    if parts.scheme not in ("http", "https"):
        raise ValueError("must begin with http:// or https://")
    if "@" in parts.netloc:
        raise ValueError("must hold no user or password")
    if not host:
        raise ValueError("names no server")
    return address


_CHECKS: dict[str, dict[str, Callable[[Any], Any]]] = {
    "command": {
        "command": _command,
        "args": _args,
        "env": _variables,
        "cwd": _directory,
        "timeout": _seconds,
    },
    "url": {"url": check_url, "headers": _headers, "timeout": _seconds},
}
