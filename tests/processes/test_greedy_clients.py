"""Clients that ask without reading, or send without end, take nothing away from the others."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing

import pytest
from apiflask import APIFlask

from tests.processes.server import Home, Server, free_port
from tests.waiting import until
from webapp.cli import server as listening
from webapp.cli.server import Channel
from webapp.config import Settings

STYLES = "/static/vendor/tabler/tabler.min.css"
THREADS = 2
MIB = 1024 * 1024


@pytest.fixture(scope="module")
def server(shared_home: Home) -> Iterator[Server]:
    """A server with few threads and a small limit, for all tests of this file."""
    with shared_home.server(threads=str(THREADS), max_body_mb="1") as started:
        yield started


def request(path: str, *headers: str, method: str = "GET") -> bytes:
    """One request as it goes over the wire, without its body."""
    return "\r\n".join([f"{method} {path} HTTP/1.1", *headers, "\r\n"]).encode()


def connect(port: int, stack: ExitStack) -> socket.socket:
    """A connection that takes little before it is full."""
    client = stack.enter_context(closing(socket.socket()))
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.settimeout(20)
    client.connect(("127.0.0.1", port))
    return client


def is_cut_off(client: socket.socket) -> bool:
    """Read to the end: whether it came before the answers did."""
    try:
        while client.recv(MIB):
            pass
    except ConnectionError:
        pass
    return True


def test_clients_that_ask_in_advance_and_never_read_leave_the_server_to_others(
    server: Server,
) -> None:
    flood = request(STYLES, f"Host: 127.0.0.1:{server.port}") * 70
    with ExitStack() as stack:
        clients = [connect(server.port, stack) for _ in range(THREADS + 1)]
        for client in clients:
            client.sendall(flood)
        for _ in range(THREADS * 2):
            assert server.http.get("/health").status_code == 200
        assert all(map(is_cut_off, clients))


def test_clients_that_read_a_large_output_slowly_leave_the_server_to_others(
    server: Server,
) -> None:
    task_id = server.submit("head -c 40000000 /dev/zero | tr '\\0' x")
    server.home.becomes(task_id, "completed")
    asking = request(
        f"/api/tasks/{task_id}/output/raw",
        f"Host: 127.0.0.1:{server.port}",
        f"Authorization: Bearer {server.home.token}",
    )
    with ExitStack() as stack:
        clients = [connect(server.port, stack) for _ in range(THREADS + 1)]
        for client in clients:
            client.sendall(asking)
        for client in clients:
            assert client.recv(12) == b"HTTP/1.1 200"
        for _ in range(THREADS * 2):
            assert server.http.get("/health").status_code == 200


def test_a_few_requests_in_advance_are_all_answered(server: Server) -> None:
    with ExitStack() as stack:
        client = connect(server.port, stack)
        client.sendall(request("/health", f"Host: 127.0.0.1:{server.port}") * listening.IN_ADVANCE)
        answered = b""
        while answered.count(b'"status":"healthy"') < listening.IN_ADVANCE:
            answered += (more := client.recv(MIB))
            assert more, answered


@pytest.mark.parametrize("header", ["Content-Length: 1073741000", "Transfer-Encoding: chunked"])
def test_a_body_beyond_the_limit_is_413_before_it_fills_the_disk(
    server: Server, header: str
) -> None:
    with ExitStack() as stack:
        client = connect(server.port, stack)
        host = f"Host: 127.0.0.1:{server.port}"
        client.sendall(request("/api/tasks/submit", host, header, method="POST"))
        if header.endswith("chunked"):
            for _ in range(2 * 16 + 1):
                client.sendall(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")
        assert client.recv(12) == b"HTTP/1.1 413"


def test_a_body_that_is_announced_as_too_large_is_413_before_it_is_sent(server: Server) -> None:
    with ExitStack() as stack:
        client = connect(server.port, stack)
        asking = ("Content-Length: 1073741000", "Expect: 100-continue")
        host = f"Host: 127.0.0.1:{server.port}"
        client.sendall(request("/api/tasks/submit", host, *asking, method="POST"))
        assert client.recv(12) == b"HTTP/1.1 413"


def test_who_never_reads_is_cut_off_after_a_while(
    app: APIFlask, settings: Settings, token: str
) -> None:
    app.add_url_rule("/large", view_func=lambda: bytes(16 * MIB))
    made = listening.listen(app, settings.model_copy(update={"port": free_port()}))
    sockets = made._map  # its loop is turned by hand, which needs no thread
    with ExitStack() as stack:
        stack.callback(made.asyncore.close_all, sockets)
        stack.callback(made.task_dispatcher.shutdown)
        client = connect(int(made.effective_port), stack)
        headers = (f"Host: 127.0.0.1:{settings.port}", f"Authorization: Bearer {token}")
        client.sendall(request("/large", *headers))

        def turn() -> list[Channel]:
            made.asyncore.loop(timeout=0.01, map=sockets, count=1)
            return list(made.active_channels.values())

        until(lambda: [one for one in turn() if one.total_outbufs_len and not one.requests])
        made.maintenance(time.time() + listening.PATIENCE_S - 5)
        assert turn(), "it may still read"
        made.maintenance(time.time() + listening.PATIENCE_S + 5)
        until(lambda: not turn())
