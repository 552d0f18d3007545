"""Which server a command talks to, and with which token; both are looked for in one order."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from webapp import sources
from webapp.cli.ending import Code, Ended
from webapp.sources import DEFAULT_HOST, DEFAULT_PORT, Sources

LIGHT = {"url", "token", "token_file", "host", "port", "data", "public_url"}
"""Settings that are texts. If only they are set, none needs the model that checks the others."""
TOKEN = re.compile(r"[\x21-\x7e]{1,512}")
NO_ADDRESS = re.compile(r"[\s\\\x00-\x20\x7f]")
ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1", "*": "127.0.0.1"}
TOKEN_FILE = "cli_token"


@dataclass(frozen=True)
class Target:
    """A server's address and what proves who asks; ``source`` says where the token is from."""

    url: str
    token: str | None = field(repr=False)
    source: str
    own: bool
    """Whether the token is this machine's own, from the data directory."""


@dataclass(frozen=True)
class Given:
    """What options and settings say."""

    url: str
    token: str = field(repr=False)
    token_file: str
    plain_http: bool
    own_url: str
    """The address of the server that these settings are for."""
    data: Path


def find(url: str | None, token_file: str | None, plain_http: bool, *, mint: bool = True) -> Target:
    """The server and the token to use; Ended says what is missing and what to do about it.

    Without ``mint`` there is no token where one would have to be made.
    """
    given = _settings(url, token_file, plain_http)
    address = _checked(given.url or given.own_url)
    _refuse_plain(address, given)
    if given.token_file and (token_file or not given.token):
        path = Path(given.token_file).expanduser()
        return Target(address, _from_file(path), f"the file {path}", own=False)
    if given.token:
        return Target(address, _looks_right(given.token, "LINEUP_TOKEN"), "LINEUP_TOKEN", own=False)
    if not is_own(address, given.own_url):
        raise Ended(
            Code.NOT_LET_IN,
            f"There is no token for {address}: set LINEUP_TOKEN or LINEUP_TOKEN_FILE. On its "
            "machine, `lineup token create NAME` makes one. (A server of this machine's data "
            "directory needs none: name it by LINEUP_PORT.)",
        )
    from webapp.cli import own_token

    path = given.data / TOKEN_FILE
    token = own_token.read_or_make(given.data, path) if mint else own_token.read(path)
    return Target(address, token, f"the file {path}", own=True)


def is_loopback(host: str) -> bool:
    """Whether what is sent to this host stays on this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def is_own(address: str, own: str) -> bool:
    """Whether an address is that of the server these settings are for.

    Another port of this machine may be anybody's, for example a tunnel's: it gets no token.
    """
    asked, ours = urlsplit(address), urlsplit(own)
    if asked.scheme != ours.scheme or asked.port != ours.port:
        return False
    hosts = str(asked.hostname), str(ours.hostname)
    return hosts[0] == hosts[1] or all(is_loopback(host) for host in hosts)


def _settings(url: str | None, token_file: str | None, plain_http: bool) -> Given:
    from webapp.cli.setup import settings

    try:
        found = sources.read()
    except sources.Unreadable:  # the server's, and this user may not see it
        found = sources.read(file=False)
    except sources.SettingsError:
        settings()  # says what is wrong
        raise
    values = found.values if _is_light(found) else settings().model_dump()
    host = str(values.get("host") or DEFAULT_HOST)
    host = ANYWHERE.get(host, host)
    shown = f"[{host}]" if ":" in host else host
    token = values.get("token") or ""
    return Given(
        url=url or str(values.get("url") or ""),
        token=token if isinstance(token, str) else token.get_secret_value(),
        token_file=token_file or str(values.get("token_file") or ""),
        plain_http=plain_http or bool(values.get("plain_http")),
        own_url=f"http://{shown}:{values.get('port', DEFAULT_PORT)}",
        data=Path(values.get("data") or sources.default_data()).expanduser().absolute(),
    )


def _is_light(found: Sources) -> bool:
    values: dict[str, Any] = dict(found.values)
    port = str(values.pop("port", DEFAULT_PORT))
    texts = all(isinstance(value, str) for value in values.values())
    return texts and set(values) <= LIGHT and port.isdecimal() and int(port) < 65_536


def _checked(url: str) -> str:
    try:
        parts = urlsplit(url)
        fine = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        parts, fine = urlsplit(""), False
    if not fine or parts.query or parts.fragment or NO_ADDRESS.search(url):
        raise Ended(Code.USAGE, f"LINEUP_URL or --url: {url!r} is no address like http://host:7420")
    if parts.username is not None or parts.password is not None:
        raise Ended(Code.USAGE, "LINEUP_URL or --url may hold no name and no password.")
    return url.rstrip("/")


def _refuse_plain(address: str, given: Given) -> None:
    parts = urlsplit(address)
    if parts.scheme == "https" or given.plain_http or is_loopback(str(parts.hostname)):
        return
    if not is_own(address, given.own_url):
        raise Ended(
            Code.USAGE,
            f"Whoever is on the way to {address} could read the token: use https, or a tunnel "
            "(ssh -L). If the way is safe, say --plain-http.",
        )


def _from_file(path: Path) -> str:
    try:
        text = path.read_text("ascii")
    except OSError as error:
        raise Ended(Code.USAGE, f"The token file {path}: {error.strerror}.") from None
    except ValueError:
        text = ""
    return _looks_right(text.strip(), f"The token file {path}")


def _looks_right(token: str, name: str) -> str:
    if not TOKEN.fullmatch(token):
        raise Ended(Code.USAGE, f"{name} does not hold a token: one line of visible ASCII.")
    return token
