"""Uploads to a real server: nobody unknown fills the disk, and what breaks off leaves nothing."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import httpx
import psutil
import pytest

from tests.processes.server import Home, Server
from tests.processes.test_full_disk import full_disk
from tests.uploading import BOUNDARY, FORM, form
from tests.waiting import until

MIB = 1024 * 1024
HEAD = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="files"; filename="big.bin"\r\n\r\n'


@pytest.fixture(scope="module")
def server(shared_home: Home) -> Iterator[Server]:
    """A server with few threads and small limits, for all tests of this file."""
    bounds = {"upload_file_mb": "64", "upload_total_mb": "80", "max_body_mb": "1", "threads": "2"}
    with shared_home.server(**bounds) as started:
        yield started


@pytest.fixture
def client(server: Server) -> Iterator[socket.socket]:
    """A connection that sends what a test wants."""
    with closing(socket.create_connection(("127.0.0.1", server.port), 20)) as made:
        yield made


def head(
    server: Server, *headers: str, token: str | None = None, path: str = "/api/files/upload"
) -> bytes:
    """The head of an upload as it goes over the wire."""
    known = [f"Authorization: Bearer {token or server.home.token}"] if token != "" else []
    lines = [f"POST {path} HTTP/1.1", f"Host: 127.0.0.1:{server.port}", *known]
    return "\r\n".join([*lines, f"Content-Type: {FORM}", *headers, "\r\n"]).encode()


def answer(client: socket.socket) -> bytes:
    """Everything that is answered until the connection ends."""
    said = b""
    while more := client.recv(MIB):
        said += more
        if b"\r\n\r\n" in said and said.count(b"}") and said.rstrip().endswith(b"}"):
            break
    return said


def on_disk(home: Home) -> int:
    """Bytes of bodies that are on their way, also of files without a name, and of workspaces."""
    total = 0
    for server in home.servers:
        for link in Path(f"/proc/{server.pid}/fd").iterdir():
            try:
                if "/incoming/" in str(link.readlink()):
                    total += link.stat().st_size
            except OSError:
                continue
    return total + sum(path.lstat().st_size for path in home.data.glob("incoming/*/*"))


def stored(server: Server) -> tuple[int, int]:
    """How many files there are in the database, and on the disk."""
    found = list(server.home.data.glob("workspaces/*/uploads/*"))
    return server.http.get("/api/files").json()["total_count"], len(found)


def test_of_a_stranger_s_upload_nothing_is_written(server: Server, client: socket.socket) -> None:
    client.sendall(head(server, f"Content-Length: {50 * MIB}", token="") + HEAD.encode())
    client.sendall(bytes(MIB))

    said = answer(client)

    assert said.startswith(b"HTTP/1.1 401")
    assert b'"unauthorized"' in said
    assert on_disk(server.home) == 0


@pytest.mark.parametrize(
    ("path", "length", "status"),
    [
        ("/api/files/upload", 82 * MIB, b"413"),
        ("/api/tasks/submit", 40 * MIB, b"415"),
        ("/settings/account", 40 * MIB, b"413"),
    ],
)
def test_a_form_that_is_announced_as_too_large_is_refused_in_words_before_it_is_sent(
    server: Server, client: socket.socket, path: str, length: int, status: bytes
) -> None:
    client.sendall(head(server, f"Content-Length: {length}", path=path) + HEAD.encode())

    said = answer(client) if path.startswith("/api") else client.recv(4096)

    assert said.startswith(b"HTTP/1.1 " + status)
    if path == "/api/files/upload":
        assert b"larger than 80 MiB" in said
    assert on_disk(server.home) == 0


def test_who_asks_before_sending_is_told_before_sending(
    server: Server, client: socket.socket
) -> None:
    asking = ("Expect: 100-continue", f"Content-Length: {MIB}")
    client.sendall(head(server, *asking))
    assert client.recv(100).startswith(b"HTTP/1.1 100 Continue")
    with closing(socket.create_connection(("127.0.0.1", server.port), 20)) as stranger:
        stranger.sendall(head(server, *asking, token=""))
        assert stranger.recv(100).startswith(b"HTTP/1.1 401")


def test_a_refused_client_that_goes_on_sending_still_reads_why(server: Server) -> None:
    with httpx.Client(base_url=server.url) as stranger:
        refused = stranger.post(
            "/api/files/upload", content=form(("a", bytes(8 * MIB))), headers={"Content-Type": FORM}
        )
    assert refused.status_code == 401
    assert refused.json()["error"] == "unauthorized"


def test_a_chunked_upload_is_taken_and_cut_off_in_words_when_it_grows_too_large(
    server: Server,
) -> None:
    body = form(("a.bin", b"0123456789" * 200_000))
    pieces = [body[at : at + 100_000] for at in range(0, len(body), 100_000)]
    taken = server.http.post(
        "/api/files/upload", content=iter(pieces), headers={"Content-Type": FORM}
    )
    assert taken.status_code == 200
    assert taken.json()["files"][0]["file_size"] == 2_000_000

    endless = (bytes(MIB) for _ in range(100))
    refused = server.http.post("/api/files/upload", content=endless, headers={"Content-Type": FORM})
    assert refused.status_code == 413
    assert "larger than 80 MiB" in refused.json()["detail"]


def test_a_large_file_is_taken_with_little_memory(server: Server) -> None:
    def body() -> Iterator[bytes]:
        yield HEAD.encode()
        for _ in range(60):
            yield b"\r\n-x" * (MIB // 4)  # every line could be the beginning of a boundary
        yield f"\r\n--{BOUNDARY}--\r\n".encode()

    server.http.get("/api/status")
    Path(f"/proc/{server.pid}/clear_refs").write_text("5")  # the peak begins anew
    before = psutil.Process(server.pid).memory_info().rss
    sent = server.http.post(
        "/api/files/upload", content=body(), headers={"Content-Type": FORM}, timeout=60
    )
    peak = _peak(server.pid)

    assert sent.status_code == 200, sent.text
    [file] = sent.json()["files"]
    assert file["file_size"] == Path(file["file_path"]).stat().st_size == 60 * MIB
    assert peak - before < 24 * MIB
    until(lambda: on_disk(server.home) == 0)


def _peak(pid: int) -> int:
    """The most memory a process ever had, in bytes."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def test_a_broken_off_upload_leaves_nothing(server: Server, client: socket.socket) -> None:
    client.sendall(head(server, f"Content-Length: {20 * MIB}") + HEAD.encode() + bytes(4 * MIB))
    before = stored(server)
    until(lambda: on_disk(server.home) > 0)

    client.close()

    until(lambda: on_disk(server.home) == 0)
    assert stored(server) == before


def test_a_killed_server_leaves_nothing_of_an_upload(home: Home) -> None:
    with home.server() as server, ExitStack() as stack:
        address = ("127.0.0.1", server.port)
        client = stack.enter_context(closing(socket.create_connection(address, 20)))
        announced = head(server, f"Content-Length: {20 * MIB}")
        client.sendall(announced + HEAD.encode() + bytes(4 * MIB))
        until(lambda: on_disk(home) > 0)
        server.kill()

    assert not [p for p in home.data.rglob("*") if p.is_file() and p.stat().st_size >= MIB]


def test_a_slow_upload_takes_no_thread(server: Server) -> None:
    with ExitStack() as stack:
        for _ in range(4):
            address = ("127.0.0.1", server.port)
            slow = stack.enter_context(closing(socket.create_connection(address, 20)))
            slow.sendall(head(server, f"Content-Length: {MIB}") + HEAD.encode() + b"a little")
        for _ in range(4):
            assert server.http.get("/health").status_code == 200


def test_on_a_full_disk_an_upload_is_refused_in_words_and_nothing_is_stored(server: Server) -> None:
    before = stored(server)
    with full_disk(server):
        refused = server.http.post(
            "/api/files/upload",
            content=form(("a.bin", bytes(2 * MIB))),
            headers={"Content-Type": FORM},
        )
    assert refused.status_code == 507
    assert refused.json()["detail"] == "The disk is full. Nothing was stored."
    assert stored(server) == before
    until(lambda: on_disk(server.home) == 0)


def test_a_connection_that_brought_files_is_good_for_more(server: Server) -> None:
    for number in range(3):
        files = form((f"{number}.txt", b"x" * number), session_id="s")
        sent = server.http.post("/api/files/upload", content=files, headers={"Content-Type": FORM})
        assert sent.status_code == 200
    assert server.http.get("/api/files/session/s").json()["total_files"] == 3
