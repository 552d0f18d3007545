"""``lineup upload``, and the files that come with a submission."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from webapp.cli import options
from webapp.cli.ending import Code, Declined, Ended
from webapp.cli.options import notice, show_json, talks, utf8

if TYPE_CHECKING:
    from webapp.cli.client import Server


@click.command(short_help="Store files for the tasks of a session.")
@click.argument("paths", metavar="FILE…", nargs=-1, required=True)
@click.option("--session", "session_id", metavar="ID", help="Whose; a new one if none is named.")
@options.as_json
@talks
def upload(server: Server, paths: tuple[str, ...], session_id: str | None, as_json: bool) -> None:
    """Store files for the tasks of a session, all or none; prints an id and a path for each."""
    answer = send(server, paths, session_id)
    if as_json:
        show_json(answer)
        return
    for file in answer["files"]:
        click.echo(f"{file['file_id']}\t{file['file_path']}")
    notice(f"{answer['message']} Session {answer['files'][0]['session_id']}.")


def send(server: Server, paths: Sequence[str], session_id: str | None) -> dict[str, Any]:
    """Store these files; returns the API's answer."""
    fields = {"session_id": session_id} if session_id else {}
    with ExitStack() as opened:
        files = []
        for path in paths:
            try:
                file = opened.enter_context(Path(path).open("rb"))
            except OSError as error:
                raise Ended(Code.USAGE, f"{path}: {error.strerror}.") from None
            files.append(("files", (utf8(Path(path).name, "The name of a file"), file)))
        answer: dict[str, Any] = server.upload("/api/files/upload", files, fields)
        return answer


@contextmanager
def sent_along(
    server: Server, paths: Sequence[str], body: dict[str, Any]
) -> Iterator[dict[str, Any]]:
    """The submission with these files; they are taken back if it is refused."""
    if not paths:
        yield body
        return
    stored = send(server, paths, body.get("session_id"))["files"]
    ids = [file["file_id"] for file in stored]
    try:
        yield {**body, "session_id": stored[0]["session_id"], "upload_file_ids": ids}
    except Declined:
        for file_id in ids:
            with suppress(Ended):
                server.delete(f"/api/files/{file_id}")
        raise
