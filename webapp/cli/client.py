"""The server's API as the commands use it: asked again where that is safe, refused in words."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Self
from urllib.parse import urlsplit

import click
import httpx

from webapp import clock
from webapp.cli.ending import Code, Declined, Ended
from webapp.cli.target import Target, is_loopback
from webapp.cli.terminal import safe

TIMEOUT_S, GET_TIMEOUT_S, CONNECT_TIMEOUT_S = 30.0, 10.0, 5.0
"""Submitting may test a connection first; to look at something is quick."""
PATIENCE_S = 2.0
"""How long a question that does no harm twice is asked again, once a server has answered."""
SUBMIT_PATIENCE_S = 30.0
FIRST_REST_S, LONGEST_REST_S = 0.1, 2.0
AWAY = (502, 503, 504)


class Server:
    """A server and who asks it. Every answer is its JSON; Declined is raised for a refusal."""

    def __init__(self, target: Target, *, timeout_s: float = TIMEOUT_S) -> None:
        self.target = target
        headers = {"User-Agent": "lineup-cli", "Accept": "application/json"}
        if target.token:
            headers["Authorization"] = f"Bearer {target.token}"
        local = is_loopback(str(urlsplit(target.url).hostname))
        try:
            self._http = httpx.Client(
                base_url=target.url,
                headers=headers,
                timeout=httpx.Timeout(timeout_s, connect=min(timeout_s, CONNECT_TIMEOUT_S)),
                verify=target.url.startswith("https:"),  # the certificates take time to load
                trust_env=not local,
            )
        except httpx.InvalidURL as error:
            raise Ended(Code.USAGE, f"{target.url!r} is no address: {error}.") from None
        look_s = min(timeout_s, GET_TIMEOUT_S)
        self._look = httpx.Timeout(look_s, connect=min(look_s, CONNECT_TIMEOUT_S))
        self._reached = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def get(self, path: str, *, patience_s: float = PATIENCE_S, **query: Any) -> Any:
        """What the server says of something."""
        return self._ask(
            lambda: self._http.get(path, params=_sent(query), timeout=self._look), patience_s
        )

    def text(self, path: str, **query: Any) -> str:
        """A file that the server writes."""

        def read(answer: httpx.Response) -> Any:
            kind = answer.headers.get("Content-Type", "")
            return answer.text if answer.is_success and "yaml" in kind else self._read(answer)

        asked = _sent(query)
        return str(self._ask(lambda: self._http.get(path, params=asked), PATIENCE_S, read))

    def post(self, path: str, body: dict[str, Any] | None = None, **query: Any) -> Any:
        """Have something done, once: who does not hear the answer is told so."""
        return self._ask(lambda: self._http.post(path, json=body or {}, params=_sent(query)), None)

    def put(self, path: str, body: dict[str, Any]) -> Any:
        """Have something changed, once."""
        return self._ask(lambda: self._http.put(path, json=body), None)

    def delete(self, path: str) -> Any:
        """Have something removed, once."""
        return self._ask(lambda: self._http.delete(path), None)

    def upload(self, path: str, files: list[Any], fields: dict[str, str]) -> Any:
        """Send files, once."""
        return self._ask(lambda: self._http.post(path, files=files, data=fields), None)

    def submit(self, path: str, body: dict[str, Any], key: str) -> Any:
        """Hand something in: asked again until it is known to be taken, and taken once."""
        headers = {"Idempotency-Key": key}
        try:
            return self._ask(
                lambda: self._http.post(path, json=body, headers=headers), SUBMIT_PATIENCE_S
            )
        except Declined:
            raise
        except Ended as trouble:
            if not self._reached:
                raise
            raise Ended(
                Code.UNREACHABLE,
                f"{trouble.message} Whether the task was taken is not known: the same command "
                f"with --idempotency-key {key} runs it once, whichever it is.",
            ) from None

    def _ask(
        self,
        request: Callable[[], httpx.Response],
        patience_s: float | None,
        read: Callable[[httpx.Response], Any] | None = None,
    ) -> Any:
        """The answer; asked again for so long, or never (None), while the server is away."""
        began, rest, told = clock.monotonic(), FIRST_REST_S, False
        while True:
            try:
                answer = request()
                self._reached = True
                if answer.status_code not in AWAY:
                    break
                trouble = Ended(Code.UNREACHABLE, _detail(answer))
            except UnicodeEncodeError:
                raise Ended(Code.USAGE, "Something that was given is not UTF-8.") from None
            except httpx.RequestError as error:
                sent = not isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
                self._reached = self._reached or sent
                trouble = self._away(error)
            waited = clock.monotonic() - began
            if patience_s is None or not self._reached or waited >= patience_s:
                raise trouble
            if not told and patience_s > PATIENCE_S:
                told = True
                self._notice("does not answer; trying again…")
            time.sleep(rest)
            rest = min(LONGEST_REST_S, rest * 1.5)
        if told:
            self._notice("answers again.")
        return (read or self._read)(answer)

    def _read(self, answer: httpx.Response) -> Any:
        if answer.is_redirect:
            location = answer.headers.get("Location", "elsewhere")
            raise Ended(Code.UNREACHABLE, f"{self.target.url} sends on to {location}: use that.")
        body: Any = None
        with suppress(ValueError):
            body = answer.json()
        if not isinstance(body, dict | list):
            raise Ended(
                Code.UNREACHABLE,
                f"What answers at {self.target.url} is no Lineup server "
                f"(HTTP status {answer.status_code}).",
            )
        if answer.is_success:
            return body
        hint = self._about_token() if answer.status_code == 401 else ""
        raise Declined(answer.status_code, body if isinstance(body, dict) else {}, hint=hint)

    def _about_token(self) -> str:
        said = f"It was sent from {self.target.source}."
        if not self.target.own:
            return f"{said} `lineup token create NAME` on the server's machine makes another."
        path = self.target.source.removeprefix("the file ")
        return (
            f"{said} If it was revoked, remove that file ({path}) and the next command makes "
            "another; if the server has another data directory, set LINEUP_DATA."
        )

    def _away(self, error: httpx.RequestError) -> Ended:
        url = self.target.url
        if isinstance(error, httpx.ConnectTimeout | httpx.ConnectError):
            said = f"No Lineup server answers at {url}: {_reason(error)}."
            if self.target.own:
                said += " `lineup serve` starts it."
        elif isinstance(error, httpx.TimeoutException):
            said = f"The server at {url} did not answer in time."
        else:
            said = f"The connection to {url} broke: {_reason(error)}."
        return Ended(Code.UNREACHABLE, said)

    def _notice(self, text: str) -> None:
        click.echo(f"The server at {self.target.url} {text}", err=True)


def _sent(query: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in query.items() if value not in (None, ())}


def _detail(answer: httpx.Response) -> str:
    with suppress(ValueError, KeyError, TypeError):
        return str(answer.json()["detail"])
    return f"The server answered with HTTP status {answer.status_code}."


def _reason(error: Exception) -> str:
    cause: BaseException = error
    while cause.__cause__ is not None or cause.__context__ is not None:
        cause = cause.__cause__ or cause.__context__ or cause
    said = (cause.strerror if isinstance(cause, OSError) else None) or str(cause)
    said = safe(said or str(error) or type(error).__name__).strip().rstrip(".")
    return said[:1].lower() + said[1:]
