"""What the program will not do, said so that the person who asked can act on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from webapp.domain.messages import sentence


class Refused(Exception):
    """A request that is turned down: a stable code, its parameters, and an English sentence."""

    status = 400
    code = "refused"

    def __init__(
        self,
        code: str | None = None,
        *,
        fields: Mapping[str, str] | None = None,
        extra: Mapping[str, Any] | None = None,
        **params: Any,
    ) -> None:
        self.code = code or self.code
        self.params = params
        self.fields = dict(fields or {})
        self.extra = dict(extra or {})
        super().__init__(sentence(self.code, params))


class Invalid(Refused):
    """One or more fields cannot be used; ``fields`` says which and why."""

    code = "invalid"

    @classmethod
    def field(cls, name: str, reason: str) -> Invalid:
        """The refusal of a single field."""
        return cls.of({name: reason})

    @classmethod
    def of(cls, problems: Mapping[str, str]) -> Invalid:
        """One refusal for all fields; its sentence is the first one's."""
        name, reason = next(iter(problems.items()))
        return cls("invalid_field", fields=problems, field=name, reason=reason)


class Unauthorized(Refused):
    """Nobody, or nobody known, is asking."""

    status, code = 401, "unauthorized"


class Forbidden(Refused):
    """Whoever asks may not do this."""

    status, code = 403, "forbidden"


class NotFound(Refused):
    """There is no such thing."""

    status, code = 404, "not_found"


class NoSuchTask(NotFound):
    """There is no task of that id."""

    code = "no_such_task"


class NoSuchFlow(NotFound):
    """There is no flow of that id."""

    code = "no_such_flow"


class NoSuchSession(NotFound):
    """There is no session of that id."""

    code = "no_such_session"


class Conflict(Refused):
    """It cannot be done as things stand."""

    status, code = 409, "conflict"


class IllegalMove(Conflict):
    """A move that the table of moves does not have."""

    code = "illegal_move"


class LostAttempt(Conflict):
    """A run that lost its attempt tried to write: it ends silently and changes nothing."""

    code = "lost_attempt"


class Gone(Refused):
    """It was there, and was deleted."""

    status, code = 410, "gone"


class TooLarge(Refused):
    """More was sent than is taken."""

    status, code = 413, "too_large"


class WrongMediaType(Refused):
    """The body is of a kind that this address does not take."""

    status, code = 415, "wrong_media_type"


class Unprocessable(Refused):
    """Understood, but it contradicts what was said before."""

    status, code = 422, "unprocessable"


class NoSpace(Refused):
    """The disk did not take it."""

    status, code = 507, "disk_full"


class TooMany(Refused):
    """A bound is reached; ``retry_after_s`` says when to ask again."""

    status, code = 429, "too_many"

    def __init__(self, code: str | None = None, *, retry_after_s: int, **params: Any) -> None:
        super().__init__(code, retry_after_s=retry_after_s, **params)
        self.retry_after_s = retry_after_s
