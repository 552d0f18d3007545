"""Files that are stored: listed, and deleted."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from tests.uploading import uploaded
from webapp.config import Settings


def test_a_list_is_newest_first_with_a_true_total(api: FlaskClient) -> None:
    for number in range(3):
        uploaded(api, f"{number}.txt", session_id="s")
    uploaded(api, "other.txt", session_id="t")

    page = api.get("/api/files?session_id=s&limit=2").get_json()
    rest = api.get("/api/files?session_id=s&limit=2&offset=2").get_json()

    assert [f["original_filename"] for f in page["files"]] == ["2.txt", "1.txt"]
    assert (page["total_count"], page["has_more"], page["session_id"]) == (3, True, "s")
    assert [f["original_filename"] for f in rest["files"]] == ["0.txt"]
    assert rest["has_more"] is False
    assert api.get("/api/files").get_json()["total_count"] == 4
    assert api.get("/api/files?limit=0").status_code == 400


def test_a_deleted_file_is_gone_with_its_row(api: FlaskClient) -> None:
    file = uploaded(api)
    address = f"/api/files/{file['file_id']}"

    assert api.delete(address).get_json() == {
        "message": "The file is deleted.",
        "file_id": file["file_id"],
    }
    assert not Path(file["file_path"]).exists()
    assert api.delete(address).status_code == 404
    assert api.get(address).status_code == 404


def test_a_workspace_is_listed_without_following_a_link(
    api: FlaskClient, settings: Settings, tmp_path: Path
) -> None:
    uploaded(api, "a.txt", session_id="s")
    workspace = settings.data / "workspaces/s"
    (workspace / "deep/er").mkdir(parents=True)
    (workspace / "deep/er/b.json").write_text("{}")
    (tmp_path / "secret").write_text("x")
    (workspace / "out").symlink_to(tmp_path)
    os.mkfifo(workspace / "pipe")
    (Path(os.fsencode(workspace).decode() + "/") / os.fsdecode(b"\xff.bin")).write_bytes(b"x")

    found = api.get("/api/files/session/s?include_directories=true").get_json()

    assert sorted(f["path"] for f in found["files"]) == [
        "deep/er/b.json",
        "uploads/a.txt",
        "\ufffd.bin",
    ]
    assert sorted(d["path"] for d in found["directories"]) == ["deep", "deep/er", "uploads"]
    assert (found["total_files"], found["total_directories"]) == (3, 3)
    assert found["truncated"] is False
    [entry] = [f for f in found["files"] if f["name"] == "b.json"]
    assert (entry["size"], entry["mime_type"], entry["type"]) == (2, "application/json", "file")
    assert api.get("/api/files/session/s").get_json()["directories"] == []
    assert api.get("/api/files/session/nobody").get_json()["files"] == []


@pytest.mark.any_database
def test_a_huge_workspace_is_cut_and_says_so(api: FlaskClient, settings: Settings) -> None:
    uploaded(api, "a.txt", session_id="s")
    hidden = settings.data / "workspaces/s/.cache"
    hidden.mkdir()
    for number in range(10_010):
        (hidden / str(number)).touch()

    found = api.get("/api/files/session/s").get_json()

    assert found["truncated"] is True
    assert found["total_files"] == len(found["files"]) < 10_010
    assert found["files"][0]["path"] == "uploads/a.txt"
