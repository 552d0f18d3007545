"""Downloads: what lies outside a workspace stays there, and what is sent can do nothing."""

from __future__ import annotations

import itertools
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.uploading import sent
from webapp.config import Settings


@pytest.fixture
def workspace(api: FlaskClient, settings: Settings) -> Path:
    """The workspace of the session ``s``, with an upload in it."""
    answer = api.post("/api/files/upload", **sent(("a.txt", b"0123456789"), session_id="s"))
    assert answer.status_code == 200
    return settings.data / "workspaces/s"


@pytest.fixture
def get(api: FlaskClient, workspace: Path) -> Callable[..., TestResponse]:
    """Download by a path; a path that is not absolute is the session's."""

    def download(path: object, **headers: str) -> TestResponse:
        query = {"file_path": str(path)}
        if not str(path).startswith("/"):
            query["session_id"] = "s"
        return api.get("/api/files/download", query_string=query, headers=headers, buffered=True)

    return download


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A file that nobody may see."""
    secret = tmp_path / "outside/secret.txt"
    secret.parent.mkdir()
    secret.write_text("SECRET")
    return secret


def is_refused(answer: TestResponse, status: int = 403) -> bool:
    """Whether it was turned down in JSON, and the secret not told."""
    return answer.status_code == status and answer.is_json and "SECRET" not in answer.text


@pytest.mark.any_database
@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd",
        "/dev/zero",
        "../../secret_key",
        "../../../outside/secret.txt",
        "uploads/../../../secret_key",
        "..",
        "/",
        "a\0b",
        "//etc/passwd",
    ],
)
def test_a_path_that_leads_out_is_refused(
    get: Callable[..., TestResponse], outside: Path, path: str
) -> None:
    assert is_refused(get(path))


def test_an_absolute_path_that_climbs_out_of_the_workspaces_is_refused(
    get: Callable[..., TestResponse], workspace: Path, settings: Settings
) -> None:
    assert is_refused(get(f"{workspace}/../../secret_key"))
    assert is_refused(get(f"{settings.data}/secret_key"))
    assert is_refused(get(f"{settings.data}/workspaces"))
    assert is_refused(get(f"{settings.data}/workspaces-of-others/x"))


def test_a_path_as_it_is_listed_needs_its_session_and_the_description_says_so(
    api: FlaskClient, workspace: Path
) -> None:
    [listed] = api.get("/api/files/session/s").get_json()["files"]
    address = f"/api/files/download?file_path={listed['path']}"

    assert is_refused(api.get(address))
    assert api.get(f"{address}&session_id=s", buffered=True).data == b"0123456789"
    paths = api.get("/api/openapi.json").get_json()["paths"]
    told = {p["name"]: p["description"] for p in paths["/api/files/download"]["get"]["parameters"]}
    assert "Needed with" in told["session_id"]


@pytest.mark.parametrize("path", ["%2e%2e%2f%2e%2e%2fsecret_key", "..%2f..%2fsecret_key"])
def test_an_encoded_path_that_leads_out_is_refused(
    api: FlaskClient, workspace: Path, path: str
) -> None:
    once = api.get(f"/api/files/download?session_id=s&file_path={path}")
    twice = api.get(f"/api/files/download?session_id=s&file_path={quote(path)}")

    assert is_refused(once)
    assert is_refused(twice, 404)


def test_no_link_is_followed_to_a_file_or_through_a_directory(
    get: Callable[..., TestResponse], workspace: Path, outside: Path
) -> None:
    (workspace / "file").symlink_to(outside)
    (workspace / "directory").symlink_to(outside.parent)
    (workspace / "inside").symlink_to(workspace / "uploads/a.txt")
    (workspace / "gone").symlink_to(workspace / "nowhere")

    for path in ("file", "directory/secret.txt", workspace / "directory/secret.txt"):
        assert is_refused(get(path)), path
    assert is_refused(get("inside"))
    assert is_refused(get("gone"))


def test_a_workspace_that_became_a_link_is_not_followed(
    api: FlaskClient, get: Callable[..., TestResponse], workspace: Path, outside: Path
) -> None:
    workspace.rename(workspace.with_name("moved"))
    workspace.symlink_to(outside.parent)

    assert is_refused(get("secret.txt"))
    assert is_refused(get(workspace / "secret.txt"))
    [file] = api.get("/api/files").get_json()["files"]
    assert is_refused(api.get(f"/api/files/{file['file_id']}"))
    assert api.get("/api/files/session/s").get_json()["files"] == []


def test_a_link_that_is_swapped_in_while_files_are_sent_is_never_followed(
    get: Callable[..., TestResponse], workspace: Path, outside: Path
) -> None:
    (workspace / "real").mkdir()
    (workspace / "real/secret.txt").write_text("harmless")
    (workspace / "link").symlink_to(outside.parent)
    done = threading.Event()

    def swap() -> None:
        for name in itertools.cycle(("real", "link")):
            (workspace / name).rename(workspace / "changing")
            (workspace / "changing").rename(workspace / name)
            if done.is_set():
                return

    swapping = threading.Thread(target=swap)
    swapping.start()
    try:
        answers = [get("changing/secret.txt") for _ in range(150)]
    finally:
        done.set()
        swapping.join()

    assert not [answer.text for answer in answers if "SECRET" in answer.text]
    assert {answer.status_code for answer in answers} <= {200, 403, 404}


def test_an_upload_that_a_task_replaced_by_a_link_is_not_followed(
    api: FlaskClient, workspace: Path, outside: Path
) -> None:
    [file] = api.get("/api/files").get_json()["files"]
    (workspace / "uploads/a.txt").unlink()
    (workspace / "uploads/a.txt").symlink_to(outside)

    assert is_refused(api.get(f"/api/files/{file['file_id']}"))
    assert is_refused(api.get(f"/api/files/download?file_id={file['file_id']}"))


@pytest.fixture
def listener(workspace: Path) -> Iterator[None]:
    """A socket in the workspace."""
    here = Path.cwd()
    os.chdir(workspace)  # its name must be short
    with closing(socket.socket(socket.AF_UNIX)) as listening:
        listening.bind("socket")
        os.chdir(here)
        yield


def test_pipes_sockets_and_devices_are_refused_at_once(
    get: Callable[..., TestResponse], workspace: Path, listener: None
) -> None:
    os.mkfifo(workspace / "pipe")
    assert is_refused(get("pipe"))
    assert is_refused(get("socket"))
    try:
        os.mknod(workspace / "zero", 0o600 | 0o020000, os.makedev(1, 5))
    except PermissionError:  # only root can make one
        return
    assert is_refused(get("zero"))


@pytest.mark.any_database
@pytest.mark.parametrize(
    "path", ["missing", "uploads", "uploads/a.txt/x", "x" * 5000, "a/" * 300 + "b"]
)
def test_what_is_not_there_is_404(get: Callable[..., TestResponse], path: str) -> None:
    assert is_refused(get(path), 404)


def test_a_download_needs_exactly_one_of_id_and_path(api: FlaskClient, workspace: Path) -> None:
    assert api.get("/api/files/download").status_code == 400
    assert api.get("/api/files/download?file_id=x&file_path=y").status_code == 400
    assert api.get("/api/files/download?file_id=x").status_code == 404
    assert api.get("/api/files/download?file_path=y&session_id=none").status_code == 404


def test_a_file_is_sent_as_attachment_by_id_by_path_and_within_its_session(
    api: FlaskClient, get: Callable[..., TestResponse], workspace: Path
) -> None:
    [file] = api.get("/api/files").get_json()["files"]
    answers = [
        api.get(f"/api/files/{file['file_id']}", buffered=True),
        api.get(f"/api/files/download?file_id={file['file_id']}", buffered=True),
        get(file["file_path"]),
        get("uploads/a.txt"),
    ]

    for answer in answers:
        assert answer.data == b"0123456789"
        assert answer.headers["Content-Disposition"] == "attachment; filename=a.txt"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "sandbox" in answer.headers["Content-Security-Policy"]
        assert answer.headers["Content-Length"] == "10"


def test_a_part_of_a_file_can_be_asked_for_and_what_is_known_is_not_sent_again(
    get: Callable[..., TestResponse],
) -> None:
    whole = get("uploads/a.txt")
    part = get("uploads/a.txt", Range="bytes=2-4")
    beyond = get("uploads/a.txt", Range="bytes=99-")
    known = get("uploads/a.txt", **{"If-None-Match": whole.headers["ETag"]})

    assert (part.status_code, part.data) == (206, b"234")
    assert part.headers["Content-Range"] == "bytes 2-4/10"
    assert beyond.status_code == 416
    assert (known.status_code, known.data) == (304, b"")


@pytest.mark.parametrize("wanted", ["bytes=0-1,3-4", "pages=1-2", "bytes=x", "bytes=4-2x"])
def test_whoever_asks_for_pieces_that_are_not_sent_gets_all_of_it(
    get: Callable[..., TestResponse], wanted: str
) -> None:
    answer = get("uploads/a.txt", Range=wanted)

    assert (answer.status_code, answer.data) == (200, b"0123456789")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("a/", "filename=a"),
        ("Grüße 日本.txt", "filename*=UTF-8''Gr%C3%BC%C3%9Fe%20%E6%97%A5%E6%9C%AC.txt"),
        ('quo"te.txt', "filename=quo'te.txt; filename*=UTF-8''quo%22te.txt"),
        (
            "a\r\nSet-Cookie: x=1.txt",
            "filename*=UTF-8''a%EF%BF%BD%EF%BF%BDSet-Cookie%3A%20x%3D1.txt",
        ),
    ],
)
def test_a_name_in_a_header_is_the_file_s_and_nothing_more(
    get: Callable[..., TestResponse], workspace: Path, name: str, said: str
) -> None:
    (workspace / name).write_text("x")

    answer = get(name)

    assert answer.status_code == 200
    assert said in answer.headers["Content-Disposition"]
    assert "Set-Cookie" not in answer.headers


def test_reading_takes_a_token_and_changing_one_that_may(
    app: Any, workspace: Path, api: FlaskClient
) -> None:
    anybody = app.test_client()
    assert anybody.get("/api/files").status_code == 401
    assert anybody.get("/api/files/download?file_path=/etc/passwd").status_code == 401
    assert anybody.post("/api/files/upload", **sent(("a", b"x"))).status_code == 401
