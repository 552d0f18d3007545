"""Clients that ask without reading, or send without end, take nothing away from the others."""

from __future__ import annotations

import json
import os
import resource
import select
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from http.client import HTTPConnection

import pytest
from apiflask import APIFlask

from tests.processes.server import Home, Server, free_port
from tests.waiting import until
from webapp.cli import server as listening
from webapp.cli.server import Channel
from webapp.config import Settings

STYLES = "/static/vendor/tabler/tabler.min.css"
SUBMIT = "/api/tasks/submit"
THREADS = 2
MIB = 1024 * 1024
SELECTABLE = 1024
"""Descriptors from this number on are beyond what select() can wait for."""


def is_answered(client: socket.socket) -> bool:
    """Whether there is something to read."""
    waiting = select.poll()
    waiting.register(client, select.POLLIN)
    return bool(waiting.poll(0))


class Turned:
    """A server in this process whose loop a test turns by hand, so that it needs no thread."""

    def __init__(self, app: APIFlask, settings: Settings) -> None:
        self.made = listening.listen(app, settings.model_copy(update={"port": free_port()}))
        self.port = int(self.made.effective_port)

    def turn(self) -> list[Channel]:
        """Turn it once; the connections it has then."""
        use_poll = self.made.adj.asyncore_use_poll
        self.made.asyncore.loop(timeout=0.01, map=self.made._map, count=1, use_poll=use_poll)
        return list(self.made.active_channels.values())

    def close(self) -> None:
        """Let go of the port and all connections."""
        self.made.task_dispatcher.shutdown()
        self.made.asyncore.close_all(self.made._map)


@pytest.fixture
def turned(app: APIFlask, settings: Settings) -> Iterator[Turned]:
    """A server to turn by hand."""
    with closing(Turned(app, settings)) as made:
        yield made


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
    client.settimeout(60)
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


def begun(server: Server, stack: ExitStack, header: str, path: str = SUBMIT) -> socket.socket:
    """A client that has sent the head of a request, and is about to send its body."""
    client = connect(server.port, stack)
    host = f"Host: 127.0.0.1:{server.port}"
    client.sendall(request(path, host, header, method="POST"))
    return client


@pytest.mark.parametrize("header", ["Content-Length: 1073741000", "Transfer-Encoding: chunked"])
def test_a_body_beyond_the_limit_is_413_before_it_fills_the_disk(
    server: Server, header: str
) -> None:
    with ExitStack() as stack:
        client = begun(server, stack, header)
        if header.endswith("chunked"):
            for _ in range(2 * 16 + 1):
                client.sendall(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")
        assert client.recv(12) == b"HTTP/1.1 413"


def pieces(size: int, *, chunked: bool) -> Iterator[bytes]:
    """A body of that size, as it is sent."""
    for _ in range(size // MIB):
        yield b"%x\r\n%s\r\n" % (MIB, b"x" * MIB) if chunked else b"x" * MIB
    yield b"0\r\n\r\n" if chunked else b""


@pytest.mark.parametrize("header", [f"Content-Length: {20 * MIB}", "Transfer-Encoding: chunked"])
def test_who_sends_all_of_a_body_that_is_too_large_still_hears_so(
    server: Server, header: str
) -> None:
    with ExitStack() as stack:
        client = begun(server, stack, header)
        for piece in pieces(20 * MIB, chunked=header.endswith("chunked")):
            client.sendall(piece)
        answer = b""
        while more := client.recv(MIB):
            answer += more
    assert answer.startswith(b"HTTP/1.1 413")
    assert b'"error":"too_large"' in answer.replace(b" ", b"")


def test_who_does_not_stop_sending_is_cut_off(server: Server) -> None:
    with ExitStack() as stack:
        client = begun(server, stack, "Transfer-Encoding: chunked")
        endless = b"".join(pieces(100 * MIB, chunked=True))
        with pytest.raises(ConnectionError):
            client.sendall(endless)


def test_who_sends_too_much_is_told_in_the_form_of_every_refusal(server: Server) -> None:
    told = {}
    for path in ("/api/tasks/submit", "/tasks"):
        with ExitStack() as stack:
            client = begun(server, stack, "Content-Length: 1073741000", path)
            answer = b""
            while more := client.recv(MIB):
                answer += more
            told[path] = answer.partition(b"\r\n\r\n")[2].decode()

    refusal = json.loads(told["/api/tasks/submit"])
    assert (refusal["success"], refusal["error"]) == (False, "too_large")
    assert refusal["detail"] == "The request is larger than 1 MiB."
    assert "<p>The request is larger than 1 MiB.</p>" in told["/tasks"]


def test_a_body_that_is_announced_as_too_large_is_413_before_it_is_sent(server: Server) -> None:
    with ExitStack() as stack:
        client = connect(server.port, stack)
        asking = ("Content-Length: 1073741000", "Expect: 100-continue")
        host = f"Host: 127.0.0.1:{server.port}"
        client.sendall(request("/api/tasks/submit", host, *asking, method="POST"))
        assert client.recv(12) == b"HTTP/1.1 413"


def test_who_never_reads_is_cut_off_after_a_while(
    app: APIFlask, settings: Settings, turned: Turned, token: str
) -> None:
    app.add_url_rule("/large", view_func=lambda: bytes(16 * MIB))
    with ExitStack() as stack:
        client = connect(turned.port, stack)
        headers = (f"Host: 127.0.0.1:{settings.port}", f"Authorization: Bearer {token}")
        client.sendall(request("/large", *headers))
        until(lambda: [c for c in turned.turn() if c.total_outbufs_len and not c.requests])
        turned.made.maintenance(time.time() + listening.PATIENCE_S - 5)
        assert turned.turn(), "it may still read"
        turned.made.maintenance(time.time() + listening.PATIENCE_S + 5)
        until(lambda: not turned.turn())


def test_a_connection_is_served_whatever_the_number_of_its_descriptor(
    settings: Settings, turned: Turned
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with ExitStack() as stack:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        client = connect(turned.port, stack)
        taken = client.fileno()
        while taken <= SELECTABLE:
            taken = os.dup(client.fileno())
            stack.callback(os.close, taken)
        client.sendall(request("/health", f"Host: 127.0.0.1:{settings.port}"))
        until(lambda: turned.turn() and is_answered(client))
        assert client.recv(12) == b"HTTP/1.1 200"


@pytest.mark.parametrize(("asked", "kept"), [("keep-alive", True), ("close", False)])
def test_an_answer_without_a_body_ends_the_connection_only_where_that_was_asked_for(
    server: Server, asked: str, kept: bool
) -> None:
    with closing(HTTPConnection("127.0.0.1", server.port, timeout=60)) as client:
        client.request("GET", STYLES)
        first = client.getresponse()
        first.read()
        connection = client.sock
        client.request(
            "GET", STYLES, headers={"If-None-Match": first.headers["ETag"], "Connection": asked}
        )
        unchanged = client.getresponse()
        assert unchanged.read() == b""
        assert unchanged.status == 304
        assert (client.sock is connection) == kept
        client.request("GET", "/health")
        assert client.getresponse().status == 200
        assert (client.sock is connection) == kept
