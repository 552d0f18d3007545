"""How both doors send a file of a workspace: found without following links, and never executed."""

from __future__ import annotations

import mimetypes
import os
import re
import unicodedata
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from flask import Response, request
from werkzeug.exceptions import RequestedRangeNotSatisfiable
from werkzeug.wsgi import wrap_file

from webapp.domain import names
from webapp.domain.errors import Forbidden, NotFound, Refused
from webapp.files import beneath, listing
from webapp.ports import ports
from webapp.queries import files

HARMLESS = "default-src 'none'; sandbox; frame-ancestors 'none'"
UNKNOWN = "application/octet-stream"
RANGE = re.compile(r"bytes *= *(\d{1,18} *- *\d{0,18}|- *\d{1,18}) *", re.ASCII)
"""The one piece that is sent. Whoever asks for anything else gets all of it (RFC 9110, 14.2)."""


def send_upload(file_id: str) -> Response:
    """An uploaded file, as attachment."""
    row = files.find(file_id)
    workspace = Path(files.workspace(row.session_id) or "")
    found = beneath.open_file(workspace, ("uploads", row.stored_filename))
    return respond(found, row.original_filename, kind=row.mime_type)


def send_path(path: str, session_id: str | None = None) -> Response:
    """A file of a workspace by its absolute path, or by its path in a session's workspace."""
    if session_id is not None and not path.startswith("/"):
        workspace = files.workspace(session_id)
        if workspace is None:
            raise NotFound("no_such_file")
        root, relative = Path(workspace), path
    else:
        root = ports().workspaces
        if not path.startswith(f"{root}/"):
            raise Forbidden("file_outside")
        relative = path.removeprefix(f"{root}/")
    parts = beneath.parts_of(relative)
    return respond(beneath.open_file(root, parts), parts[-1])


def forget(path: str) -> None:
    """Remove an uploaded file whose row is gone; one that a task moved away is not looked for."""
    workspace, name = Path(path).parent.parent, Path(path).name
    with suppress(OSError, Refused), beneath.directory(workspace, ("uploads",)) as holder:
        os.unlink(name, dir_fd=holder)


def respond(
    opened: int,
    name: str,
    *,
    kind: str | None = None,
    inline: str | None = None,
) -> Response:
    """Send an open file: whole, in part, or not at all if the reader has it as it is.

    As attachment, unless it may be looked at under the policy ``inline``.
    """
    file = os.fdopen(opened, "rb")
    found = os.fstat(opened)
    response = Response(
        wrap_file(request.environ, file),
        mimetype=kind or kind_of(name),
        direct_passthrough=True,
    )
    response.content_length = found.st_size
    response.last_modified = listing.moment(found)
    response.set_etag(f"{found.st_mtime_ns:x}-{found.st_size:x}-{found.st_ino:x}")
    response.headers["Cache-Control"] = "private, no-cache"
    response.headers["Content-Security-Policy"] = inline or HARMLESS
    if inline is None:
        response.headers.set("Content-Disposition", "attachment", **_named(name))
    try:
        response.make_conditional(
            request,
            accept_ranges="Range" not in request.headers
            or RANGE.fullmatch(request.headers["Range"]) is not None,
            complete_length=found.st_size,
        )
    except RequestedRangeNotSatisfiable:
        response.close()
        raise
    return response


def kind_of(name: str) -> str:
    """What a file of that name most likely is."""
    return mimetypes.guess_type(name)[0] or UNKNOWN


def _named(name: str) -> dict[str, str]:
    """A name in plain ASCII for old clients, and as it is for the others (RFC 6266)."""
    name = names.shown(os.fsencode(name).decode("utf-8", "replace")).rstrip("/").rpartition("/")[2]
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    plain = plain.replace('"', "'").replace("\\", "_") or "file"
    if plain == name:
        return {"filename": plain}
    return {"filename": plain, "filename*": f"UTF-8''{quote(name, safe='')}"}
