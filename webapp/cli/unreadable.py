"""What is said to a request that the server cannot hand on: too large, or no HTTP."""

from __future__ import annotations

import json
from html import escape
from typing import Any

from waitress.task import ErrorTask

from webapp.domain.messages import sentence
from webapp.web.refusals import CODES, answers_json

MIB = 1024 * 1024
PAGE = "<!doctype html><meta charset=utf-8><title>{said}</title><p>{said}</p>\n"


class Unreadable(ErrorTask):
    """The answer to such a request, in the form that the application's own refusals have."""

    def execute(self) -> None:
        """Say what is wrong: as JSON to a program, as a sentence to a person."""
        request: Any = self.request
        error = request.error
        code = CODES.get(error.code, error.reason.lower().replace(" ", "_"))
        limit = self.channel.server.adj.max_request_body_size // MIB - 1
        said = sentence(code, {"limit": limit}) if error.code in CODES else f"{error.body}."
        if answers_json(getattr(request, "path", "")):
            refusal = {"success": False, "error": code, "message": said, "detail": said}
            kind, body = "application/json", json.dumps(refusal)
        else:
            kind, body = "text/html; charset=utf-8", PAGE.format(said=escape(said))
        content = body.encode()
        self.status = f"{error.code} {error.reason}"
        self.response_headers = [("Content-Type", kind), ("X-Content-Type-Options", "nosniff")]
        self.set_close_on_finish()
        self.content_length = len(content)
        self.write(content)
