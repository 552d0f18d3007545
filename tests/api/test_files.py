"""Uploaded files: what is refused and leaves nothing, and what is stored."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient

from tests.uploading import sent, upload, uploaded
from webapp import clock
from webapp.config import Settings
from webapp.files.incoming import Arrival, Bounds, sweep
from webapp.queries import files

MIB = 1024 * 1024


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Small bounds, so that a test is quick to reach them."""
    changes = {"upload_file_mb": 1, "upload_total_mb": 2, "upload_files": 3}
    return settings.model_copy(update=changes)


def nothing_is_left(api: FlaskClient, settings: Settings) -> bool:
    """Whether neither a row nor a file of an upload is there."""
    left = [p for p in settings.data.rglob("*") if p.is_file() and "lineup.db" not in p.name]
    rows = api.get("/api/files").get_json()["total_count"]
    sessions = api.get("/api/activity/sessions").get_json()["total_count"]
    return rows == 0 and sessions == 0 and {p.name for p in left} <= {"secret_key", "vault_keys"}


@pytest.mark.any_database
@pytest.mark.parametrize(
    ("files", "fields", "status", "said"),
    [
        ([], {}, 400, "at least one file"),
        ([("", b"")], {}, 400, "at least one file"),
        ([("a", b"x")], {"session_id": "a/b"}, 400, "session_id"),
        ([("a", b"x")], {"colour": "red"}, 400, "colour"),
        ([("small", b"x"), ("large.bin", bytes(MIB + 1))], {}, 413, "“large.bin” is larger than 1"),
        ([(f"f{n}", b"x") for n in range(4)], {}, 413, "“f3” is one file too many"),
        ([(f"f{n}", bytes(MIB)) for n in range(3)], {}, 413, "larger than 2 MiB"),
        ([("a", b"x")], {"session_id": "x" * 600_000}, 413, "more fields, or longer ones"),
        ([("a", b"x")], {f"f{n}": "" for n in range(2_000)}, 413, "more fields, or longer ones"),
    ],
)
def test_an_upload_that_cannot_be_taken_is_refused_by_name_and_leaves_nothing(
    api: FlaskClient, settings: Settings, files: Any, fields: Any, status: int, said: str
) -> None:
    answer = upload(api, *files, **fields)

    assert answer.status_code == status
    assert said in answer.get_json()["detail"]
    assert nothing_is_left(api, settings)


def test_files_in_another_field_are_refused(api: FlaskClient, settings: Settings) -> None:
    answer = upload(api, ("a", b"x"), field="file")

    assert answer.status_code == 400
    assert "files are taken in the field files" in answer.get_json()["detail"]
    assert nothing_is_left(api, settings)


@pytest.mark.any_database
@pytest.mark.parametrize("kind", ["application/json", "text/plain", "application/octet-stream", ""])
def test_an_upload_that_is_no_multipart_form_is_415(api: FlaskClient, kind: str) -> None:
    assert api.post("/api/files/upload", data=b"{}", content_type=kind).status_code == 415


def test_files_sent_to_an_address_that_takes_none_are_415(api: FlaskClient) -> None:
    assert api.post("/api/tasks/submit", **sent(("a", b"x"))).status_code == 415


@pytest.mark.any_database
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"--b\r\n",
        b'--b\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\nbroken off',
        b'--b\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\nx\r\n--b\r\n',
        b"no boundary anywhere",
    ],
)
def test_half_a_body_is_not_taken_for_a_whole_one(
    api: FlaskClient, settings: Settings, body: bytes
) -> None:
    kind = "multipart/form-data; boundary=b"
    answer = api.post("/api/files/upload", data=body, content_type=kind)

    assert answer.status_code == 400, answer.text
    assert nothing_is_left(api, settings)


def test_a_form_without_boundary_is_refused(api: FlaskClient, settings: Settings) -> None:
    answer = api.post("/api/files/upload", data=b"x", content_type="multipart/form-data")

    assert (answer.status_code, answer.get_json()["error"]) == (400, "bad_multipart")


def test_a_file_is_stored_in_the_session_and_said_where(
    api: FlaskClient, settings: Settings
) -> None:
    answer = upload(api, ("notes.txt", b"hello"), ("b.bin", b"\0"), session_id="mine").get_json()

    first, second = answer["files"]
    assert answer["message"] == "2 files were stored."
    assert answer["upload_directory"] == str(settings.data / "workspaces/mine/uploads")
    assert first["original_filename"] == first["stored_filename"] == "notes.txt"
    assert (first["session_id"], first["file_size"]) == ("mine", 5)
    assert (first["mime_type"], second["mime_type"]) == ("text/plain", "application/octet-stream")
    assert Path(first["file_path"]).read_bytes() == b"hello"
    assert [p.name for p in settings.data.glob("incoming/*")] == []


def test_without_a_session_one_is_made(api: FlaskClient) -> None:
    session_id = uploaded(api)["session_id"]

    sessions = api.get("/api/activity/sessions").get_json()["sessions"]
    assert [session["session_id"] for session in sessions] == [session_id]


@pytest.mark.any_database
@pytest.mark.parametrize(
    ("name", "stored"),
    [
        ("../../etc/passwd", "passwd"),
        ("..\\..\\boot.ini", "boot.ini"),
        ("/etc/shadow", "shadow"),
        ("C:\\fakepath\\me.jpg", "me.jpg"),
        ("..", "file"),
        (".", "file"),
        ("...", "file"),
        (".bashrc", "bashrc"),
        ("-rf", "_-rf"),
        ("~root", "_~root"),
        ("a\tb.txt", "a_b.txt"),
        ("a\x1b[31m.txt", "a_[31m.txt"),
        ("CON", "_CON"),
        ("nul.txt", "_nul.txt"),
        ("COM1.tar.gz", "_COM1.tar.gz"),
        ('a:b*c?d<e>f|g"h.txt', "a_b_c_d_e_f_g_h.txt"),
        ("trailing. . ", "trailing"),
        ("grüße 日本 🎉.txt", "grüße 日本 🎉.txt"),
        ("e\u0301.txt", "é.txt"),
        ("photo\u202egpj.exe", "photo_gpj.exe"),
        ("n" * 300 + ".jpeg", "n" * 195 + ".jpeg"),
        ("日" * 300 + ".txt", "日" * 65 + ".txt"),
        ("a." + "x" * 300, "a." + "x" * 198),
    ],
)
def test_any_name_is_stored_as_one_that_can_do_no_harm(
    api: FlaskClient, settings: Settings, name: str, stored: str
) -> None:
    [file] = upload(api, (name, b"x")).get_json()["files"]
    uploads = settings.data / "workspaces" / file["session_id"] / "uploads"

    assert file["stored_filename"] == stored
    assert [p.name for p in uploads.iterdir()] == [stored]
    assert len(stored.encode()) <= 200


def test_a_name_is_shown_as_it_was_given(api: FlaskClient) -> None:
    assert uploaded(api, "Grüße: 1/2?.txt")["original_filename"] == "Grüße: 1/2?.txt"


def test_files_of_one_name_are_told_apart_also_where_case_does_not_count(
    api: FlaskClient, settings: Settings
) -> None:
    names = ["a.txt", "a.txt", "A.TXT", "ß.md", "SS.md", "e\u0301", "é"]
    stored = [uploaded(api, name, session_id="s")["stored_filename"] for name in names]

    assert stored == ["a.txt", "a-2.txt", "A-3.TXT", "ß.md", "SS-2.md", "é", "é-2"]


def test_a_file_that_a_task_made_is_not_overwritten(api: FlaskClient, settings: Settings) -> None:
    uploads = settings.data / "workspaces/s/uploads"
    uploads.mkdir(parents=True)
    (uploads / "a.txt").write_text("mine")

    assert uploaded(api, "a.txt", session_id="s")["stored_filename"] == "a-2.txt"
    assert (uploads / "a.txt").read_text() == "mine"


def test_a_directory_for_uploads_that_a_task_replaced_by_a_link_is_not_followed(
    api: FlaskClient, settings: Settings, tmp_path: Path
) -> None:
    workspace, elsewhere = settings.data / "workspaces/s", tmp_path / "elsewhere"
    workspace.mkdir(parents=True)
    elsewhere.mkdir()
    (workspace / "uploads").symlink_to(elsewhere)

    answer = upload(api, ("a.txt", b"x"), session_id="s")

    assert (answer.status_code, answer.get_json()["error"]) == (409, "uploads_unusable")
    assert list(elsewhere.iterdir()) == []
    assert api.get("/api/files").get_json()["total_count"] == 0


def test_what_a_killed_server_left_on_its_way_is_swept_and_nothing_else(
    app: APIFlask, api: FlaskClient, settings: Settings
) -> None:
    kept = Path(uploaded(api, "kept.txt", session_id="s")["file_path"])
    now = clock.now().timestamp()
    half, put, under_way = (Arrival(settings.incoming, Bounds(1, 5)) for _ in range(3))
    half.part("half.txt", "half").write(b"half")
    put.part("put.txt", "put").write(b"whole, and has its place, but the database was never told")
    assert put.put(str(settings.data / "workspaces/s"), "put", "put.txt")
    under_way.part("under way.txt", "under-way").write(b"x")
    for arrival in (half, put):  # as if their process had died
        arrival.let_go()

    with app.app_context():
        assert sweep(settings.incoming, files.is_stored, older_than=now - 60) == 0
        assert sweep(settings.incoming, files.is_stored, older_than=now + 60) == 2

    assert [p.name for p in kept.parent.iterdir()] == ["kept.txt"]
    assert [p.name for p in settings.incoming.glob("*/*")] == ["under-way"]
    under_way.close()
    assert list(settings.incoming.iterdir()) == []
