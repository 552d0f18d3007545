"""Files as a browser sends them: a multipart form, written out."""

from __future__ import annotations

from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

BOUNDARY = "----lineup"
FORM = f"multipart/form-data; boundary={BOUNDARY}"


def form(*files: tuple[str, bytes], field: str = "files", **fields: str) -> bytes:
    """The body of a form with these files, by name and content, and these fields."""
    parts = [(f'name="{name}"', value.encode()) for name, value in fields.items()]
    parts += [(f'name="{field}"; filename="{_quoted(name)}"', data) for name, data in files]
    head = f"--{BOUNDARY}\r\nContent-Disposition: form-data; "
    body = b"".join(f"{head}{said}\r\n\r\n".encode() + data + b"\r\n" for said, data in parts)
    return body + f"--{BOUNDARY}--\r\n".encode()


def sent(*files: tuple[str, bytes], field: str = "files", **fields: str) -> dict[str, Any]:
    """The arguments of a client's post."""
    return {"data": form(*files, field=field, **fields), "content_type": FORM}


def upload(
    api: FlaskClient, *files: tuple[str, bytes], field: str = "files", **fields: str
) -> TestResponse:
    """Send files by name and content."""
    return api.post("/api/files/upload", **sent(*files, field=field, **fields))


def uploaded(api: FlaskClient, name: str = "notes.txt", content: bytes = b"hello", **f: str) -> Any:
    """Send a file that is taken; it as JSON."""
    answer = upload(api, (name, content), **f)
    assert answer.status_code == 200, answer.text
    return answer.get_json()["files"][0]


def _quoted(name: str) -> str:
    return name.replace("\\", "\\\\").replace('"', '\\"')
