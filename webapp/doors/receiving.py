"""What both doors do with files that are sent: taken as they come in, stored all or none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from flask import Flask, Response, current_app, g, request
from flask import Request as FlaskRequest
from uuid_utils import uuid7
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.formparser import FormDataParser

from webapp import clock
from webapp.config import Settings
from webapp.domain.errors import Invalid, TooLarge
from webapp.doors.principal import principal
from webapp.files.incoming import Arrival, Bounds, Part, no_space
from webapp.ports import ports
from webapp.services import files
from webapp.services.files import Received, Stored

View = TypeVar("View", bound=Callable[..., Any])

MARK = "lineup_takes_files"
MULTIPART = "multipart/form-data"
MIB = 1024 * 1024
BESIDES = MIB - 1
"""Bytes of a request with files that are no file's."""
FIELD = "files"
AHEAD = "lineup.ahead"
"""In the environment of a request whose body was not sent yet: may it be?"""
FAILED = "lineup.failed"
"""Why a body did not come to its end: an OSError, or ``too_large``."""
LIMIT = "Lineup-Limit"


def takes_files(view: View) -> View:
    """Mark a view whose body may hold files, and so be larger than others."""
    setattr(view, MARK, True)
    return view


def leave() -> Response:
    """Have the server take the body of a request that nobody refuses so far."""
    limit = request.max_content_length or 0
    if (request.content_length or 0) > limit:
        raise RequestEntityTooLarge
    return Response(status=100, headers={LIMIT: str(limit + 1)})


def refuse_half_a_body() -> None:
    """Raise if the server could not take in all of it."""
    failed = request.environ.get(FAILED)
    if isinstance(failed, OSError):
        raise no_space(failed)
    if failed is not None:
        raise RequestEntityTooLarge


def expected_body() -> str:
    """The media type that a body for the API must have at this address."""
    view = current_app.view_functions.get(request.endpoint or "")
    return MULTIPART if getattr(view, MARK, False) else "application/json"


class Request(FlaskRequest):
    """A request whose files go to the data directory as they come, if it may have any."""

    @property
    def takes_files(self) -> bool:
        """Whether the view that is asked for takes files."""
        view = current_app.view_functions.get(self.endpoint or "")
        return self.mimetype == MULTIPART and getattr(view, MARK, False)

    @property
    def max_content_length(self) -> int | None:
        """More for a request that may have files."""
        if self.takes_files:
            return ports().settings.upload_total_mb * MIB + BESIDES
        return super().max_content_length

    @max_content_length.setter
    def max_content_length(self, value: int | None) -> None:
        self._max_content_length = value

    def make_form_data_parser(self) -> FormDataParser:
        """One that does not take half a body for a whole one."""
        parser = super().make_form_data_parser()
        parser.silent = self.mimetype != MULTIPART
        return parser

    def _load_form_data(self) -> None:
        try:
            super()._load_form_data()
        except ValueError as error:
            raise Invalid("bad_multipart", reason=f"{error}.") from None
        except RequestEntityTooLarge:
            if (self.content_length or 0) > (self.max_content_length or 0):
                raise
            raise TooLarge("too_many_parts") from None

    def _get_file_stream(
        self,
        total_content_length: int | None,
        content_type: str | None,
        filename: str | None = None,
        content_length: int | None = None,
    ) -> Any:
        if not self.takes_files:
            raise Invalid.field(FIELD, "this address takes no files")
        return _arrival().part(filename or "", str(uuid7()))


def init_app(app: Flask) -> None:
    """Let requests bring files, and leave nothing of those that are not stored."""
    app.request_class = Request
    app.teardown_request(_forget)


def store(session_id: str | None) -> Stored | None:
    """Store the files of a request in a session, all or none; None if it brought none."""
    _refuse_other_fields()
    arrival, received = _arrival(), []
    arrival.keep()
    for file in request.files.getlist(FIELD):
        part, name = cast(Part, file.stream), file.filename or ""
        if name or part.size:  # neither: a field of a form that was left empty
            received.append(Received(part.path.name, name, part.size, file.mimetype or ""))
    if not received:
        return None
    try:
        return files.store(
            received,
            session_id,
            arrival,
            workspaces=ports().workspaces,
            by=principal().name,
            now=clock.now(),
        )
    except BaseException:
        arrival.take_back()
        raise


def sent_names() -> list[str]:
    """The names of the files that came with this request."""
    return [file.filename for file in request.files.getlist(FIELD) if file.filename]


def _refuse_other_fields() -> None:
    for name in request.files:
        if name != FIELD:
            raise Invalid.field(name or "body", f"files are taken in the field {FIELD}")


def _arrival() -> Arrival:
    if "arrival" not in g:
        settings: Settings = ports().settings
        bounds = Bounds(settings.upload_file_mb, settings.upload_files)
        g.arrival = Arrival(settings.incoming, bounds)
    return cast(Arrival, g.arrival)


def _forget(_error: BaseException | None = None) -> None:
    if (arrival := g.pop("arrival", None)) is not None:
        arrival.close()
