"""What pages and scripts ask again and again, beside a bare route of the same server."""

from __future__ import annotations

import re
import selectors
import socket
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from itertools import product
from typing import cast

from benchmarks.figures import Figure, at_least, median, spread
from benchmarks.lineup import Client, Server, home
from benchmarks.with_bare_route import EMPTY_PATH, PATH

AIM = 0.35
CONNECTIONS = {1: "one at a time", 8: "eight at once"}
COMMAND = (sys.executable, "-m", "benchmarks.with_bare_route")
Series = dict[tuple[str, int], list[float]]
BARE, BARE_EMPTY = "bare route", "bare route, 204"
CLOSED = b"\r\nConnection: close"
"""What waitress says with every 204: such a poll pays for a connection of its own."""


def measure(*, quick: bool) -> list[Figure]:
    """In every round each is asked for a while, one after the other, over kept connections."""
    rounds, seconds = (1, 0.5) if quick else (7, 1.0)
    rates: Series = defaultdict(list)
    costs: Series = defaultdict(list)
    with home() as base, base.serve(*COMMAND) as server:
        polls = dict(_polls(server, base.token()))
        for _, connections in product(range(rounds), CONNECTIONS):
            for name, request in polls.items():
                before = server.processor_s()
                count, took = _ask(server.port, request, connections, seconds)
                rates[name, connections].append(count / took)
                costs[name, connections].append((server.processor_s() - before) / count * 1e6)
    names = [name for name in polls if name not in (BARE, BARE_EMPTY)]
    return [_figure(*key, rates, costs) for key in product(names, CONNECTIONS)]


def _polls(server: Server, token: str) -> Iterator[tuple[str, bytes]]:
    """Each poll by its name, as the bytes of its request."""
    bearer, browser = server.client(token), server.log_in()
    yield BARE, _request(server.client(), PATH, (200,))
    yield BARE_EMPTY, _request(server.client(), EMPTY_PATH, (204,))
    yield "status, bearer token", _request(bearer, "/api/tasks/status", (200,))
    yield "status, cookie", _request(browser, "/api/tasks/status", (200,))
    browser.headers["HX-Request"] = "true"
    for path in ("/strip", "/now/riding"):
        page = browser.get(path).decode()
        version = re.search(r'name="v"[^>]*value="([^"]*)"', page)
        if version is None:
            raise RuntimeError(f"{path} does not say its version")
        yield f"{path} unchanged, cookie", _request(browser, f"{path}?v={version[1]}", (204,))


def _request(client: Client, path: str, expect: tuple[int, ...]) -> bytes:
    client.get(path, expect)  # refuses to measure anything but this answer
    headers = {"Host": f"127.0.0.1:{client.port}", **client.headers}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"GET {path} HTTP/1.1\r\n{lines}\r\n".encode()


def _ask(port: int, request: bytes, connections: int, seconds: float) -> tuple[int, float]:
    """Ask over all connections at once, each again as soon as it is answered."""
    count = 0
    with selectors.DefaultSelector() as selector:
        for _ in range(connections):
            selector.register(_opened(port, request), selectors.EVENT_READ, bytearray())
        began = time.perf_counter()
        while (took := time.perf_counter() - began) < seconds:
            for key, _ in selector.select(1.0):
                connection, answer = cast(socket.socket, key.fileobj), key.data
                answer.extend(connection.recv(65536))
                if not _complete(answer):
                    continue
                count += 1
                if CLOSED in answer:
                    selector.unregister(connection)
                    connection.close()
                    selector.register(_opened(port, request), selectors.EVENT_READ, bytearray())
                else:
                    answer.clear()
                    connection.sendall(request)
        for key in list(selector.get_map().values()):
            cast(socket.socket, key.fileobj).close()
    return count, took


def _opened(port: int, request: bytes) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.sendall(request)
    return connection


def _complete(answer: bytearray) -> bool:
    head, end, body = answer.partition(b"\r\n\r\n")
    if not end:
        return False
    length = re.search(rb"\r\nContent-Length: (\d+)", head)
    return len(body) >= (int(length[1]) if length else 0)


def _figure(name: str, connections: int, rates: Series, costs: Series) -> Figure:
    ours, bare = (name, connections), (BARE_EMPTY if "unchanged" in name else BARE, connections)
    ratio = median([a / b for a, b in zip(rates[ours], rates[bare], strict=True)])
    detail = (
        f"{spread(rates[ours])}/s beside {spread(rates[bare])}/s; "
        f"{median(costs[ours]):.0f} us beside {median(costs[bare]):.0f} us of processor"
    )
    return at_least(f"{name}, {CONNECTIONS[connections]}", ratio, AIM, "x", detail)
