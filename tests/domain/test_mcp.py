"""MCP servers as they are said: what cannot be one is refused by the field inside."""

from __future__ import annotations

import re
from typing import Any

import pytest

from webapp.domain.mcp import MOST_SERVERS, check_config, check_server

STDIO = {"command": "npx", "args": ["-y", "server"], "env": {"TOKEN": "x"}, "cwd": "/tmp"}
HTTP = {"url": "https://example.org/mcp", "headers": {"Authorization": "Bearer x"}}


@pytest.mark.parametrize(
    ("server", "said"),
    [
        ([], "server: must be an object"),
        ({}, "command: send either command"),
        ({"command": "a", "url": "http://h/"}, "command: send either command"),
        ({"command": 5}, "command: must be text"),
        ({"command": " "}, "command: must not be empty"),
        ({"command": "a\0"}, "command: must not contain a NUL"),
        ({"command": "a\ud800"}, "command: must be valid Unicode"),
        ({"command": "a", "args": "b"}, "args: must be a list of texts"),
        ({"command": "a", "args": ["b", 5]}, "args: the text 2 must be text"),
        ({"command": "a", "args": ["b"] * 201}, "args: holds more than 200 texts"),
        ({"command": "a", "env": ["b"]}, "env: must be an object"),
        ({"command": "a", "env": {"A-B": "c"}}, "env: 'A-B' is no name of a variable"),
        ({"command": "a", "env": {"A": 5}}, "env: the value of A must be text"),
        ({"command": "a", "cwd": "b"}, "cwd: must be the absolute path"),
        ({"command": "a", "timeout": True}, "timeout: must be a number of seconds"),
        ({"command": "a", "timeout": float("nan")}, "timeout: must be a number of seconds"),
        ({"command": "a", "headers": {}}, "headers: there is no such field of a server with comm"),
        ({"command": "a", "type": "http"}, "type: with command it can only be stdio"),
        ({"url": "ftp://h/"}, "url: must begin with http:// or https://"),
        ({"url": "http://u:p@h/"}, "url: must hold no user or password"),
        ({"url": "http://"}, "url: names no server"),
        ({"url": "http://h:99999/"}, "url: is no address"),
        ({"url": "http://h/a b"}, "url: must hold no blank"),
        ({"url": "http://h/", "args": []}, "args: there is no such field of a server with url"),
        ({"url": "http://h/", "transport": "sse"}, "transport: with url it can only be http or"),
        ({"url": "http://h/", "headers": {"A B": "c"}}, "headers: 'A B' is no name of a header"),
        ({"url": "http://h/", "headers": {"A": "c\nd"}}, "headers: the value of A must be plain"),
        ({"url": "http://h/", "headers": {"A": "b", "a": "c"}}, "headers: holds a header twice"),
    ],
)
def test_what_is_no_server_is_refused_by_its_field(server: Any, said: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(said)}"):
        check_server(server)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (None, 'must be an object {"mcpServers"'),
        ({}, 'must be an object {"mcpServers"'),
        ({"mcpServers": {}, "more": 1}, 'must be an object {"mcpServers"'),
        ({"mcpServers": []}, "mcpServers: must be an object"),
        ({"mcpServers": {"a b": STDIO}}, "mcpServers: 'a b' is no name of a server"),
        ({"mcpServers": {"files": {"command": 5}}}, "mcpServers.files.command: must be text"),
        (
            {"mcpServers": {f"s{n}": STDIO for n in range(MOST_SERVERS + 1)}},
            "mcpServers: holds more than 20 servers",
        ),
    ],
)
def test_what_is_no_set_of_servers_is_refused_by_its_place(config: Any, said: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(said)}"):
        check_config(config)


def test_servers_stay_as_they_are_said_without_what_says_nothing() -> None:
    given = {
        "files": {**STDIO, "type": "stdio", "timeout": 5},
        "web": {**HTTP, "transport": "streamable-http", "timeout": None},
    }

    assert check_config({"mcpServers": given}) == {
        "mcpServers": {"files": {**STDIO, "timeout": 5.0}, "web": HTTP}
    }
    assert check_config({"mcpServers": {}}) == {"mcpServers": {}}


def test_no_refusal_shows_a_secret() -> None:
    for server in (
        {"command": "a", "env": {"TOKEN": "swordfish\0"}},
        {"url": "http://h/", "headers": {"X": "swordfish\n"}},
        {"url": "http://swordfish@h/"},
    ):
        with pytest.raises(ValueError, match=r"^(env|headers|url): ") as refusal:
            check_server(server)
        assert "swordfish" not in str(refusal.value)
