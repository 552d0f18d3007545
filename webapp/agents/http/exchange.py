"""One try: the request, the redirections it is sent along, and the answer as it comes."""

from __future__ import annotations

import asyncio
import functools
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from email.utils import parsedate_to_datetime
from pathlib import Path

import httpx

from webapp.agents.hiding import Hiding
from webapp.agents.http import statuses, troubles
from webapp.agents.http.address import origin
from webapp.agents.http.keeping import Keeping
from webapp.agents.http.settings import HttpSettings
from webapp.agents.http.troubles import Again, Received, Trouble
from webapp.agents.http.unpacking import KNOWN, NotPacked, Unpacking
from webapp.agents.protocol import Console

MIB = 1024 * 1024
MOST_REDIRECTS = 10
REDIRECTS = (301, 302, 303, 307, 308)
TRY_LATER = (408, 425, 429, 500, 502, 503, 504)
LONGEST_URL = 500
LONGEST_HEADER = 200
MOST_HEADERS = 60


@dataclass(frozen=True)
class Order:
    """A request with its parameters filled in."""

    method: str
    url: str
    headers: Mapping[str, str]
    secret_headers: Mapping[str, str]
    content: bytes | None
    secrets: tuple[str, ...] = ()
    """Texts that are to be kept out of what is stored, beside those headers."""


@dataclass(frozen=True)
class Answer:
    """What came back, whatever it says."""

    status: int
    said: str
    kept: Keeping
    retry_after_s: float | None


class Exchange:
    """Makes one try after the other with the same order; a stop cancels the one under way."""

    def __init__(
        self, order: Order, settings: HttpSettings, console: Console, workspace: Path
    ) -> None:
        self._order, self._settings = order, settings
        self._console, self._workspace = console, workspace
        self._secrets = [*order.secret_headers.values(), *order.secrets]
        self._hiding = Hiding(self._secrets)
        self._at = httpx.URL(order.url)
        self._received = Received(host="")

    async def once(self) -> Answer:
        """Ask, and read the answer to its end; raises Trouble."""
        whole = self._settings.request_timeout_s
        try:
            async with asyncio.timeout(whole):
                return await self._once()
        except TimeoutError:
            params = {"host": self._received.host, "seconds": f"{whole:g}"}
            raise Trouble("http_timeout", Again.IF_REPEATABLE, **params) from None
        except NotPacked:
            params = {"host": self._received.host, "encoding": self._received.encoding}
            raise Trouble("http_not_packed", Again.IF_REPEATABLE, **params) from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError) as error:
            trouble = troubles.of(error, self._received)
            trouble.params = {n: self.hidden(str(value)) for n, value in trouble.params.items()}
            raise trouble from None

    def hidden(self, text: str) -> str:
        """The text without secrets."""
        return self._hiding.text(text)

    async def _once(self) -> Answer:
        limits = {
            "connect": self._settings.connect_timeout_s,
            "read": self._settings.read_timeout_s or self._settings.request_timeout_s,
        }
        timeout = httpx.Timeout(limits["read"], connect=limits["connect"])
        kept_alive = httpx.Limits(max_keepalive_connections=0)
        trusted = _trusted(verify=self._settings.verify_tls)
        async with httpx.AsyncClient(
            timeout=timeout, verify=trusted, limits=kept_alive, follow_redirects=False
        ) as client:
            request = self._request(client)
            for _ in range(MOST_REDIRECTS + 1):
                self._received = Received(_host(request.url), limits=limits)
                began = time.monotonic()
                response = await client.send(request, stream=True)
                try:
                    if (following := self._next(client, request, response)) is None:
                        return await self._read(response, began)
                finally:
                    await response.aclose()
                request = following
            url = self._shown(request.url)
            raise Trouble("http_too_many_redirects", Again.NEVER, limit=MOST_REDIRECTS, url=url)

    def _request(self, client: httpx.AsyncClient) -> httpx.Request:
        order = self._order
        self._console.say("http_request", method=order.method, url=self._shown(self._at))
        headers = {**_OURS, **order.headers, **order.secret_headers}
        return client.build_request(
            order.method, self._at, headers=_once_each(headers), content=order.content
        )

    def _next(
        self, client: httpx.AsyncClient, before: httpx.Request, response: httpx.Response
    ) -> httpx.Request | None:
        """The request that a redirection asks for; None if this is the answer."""
        status, place = response.status_code, response.headers.get("location", "")
        if status not in REDIRECTS or not place or not self._settings.follow_redirects:
            return None
        if statuses.expects(self._settings.expected_status, status):
            return None
        url = _joined(before.url, place)
        if url is None:
            shown = self.hidden(place)[:LONGEST_URL]
            raise Trouble("http_bad_redirect", Again.NEVER, url=shown)
        away = origin(url) != origin(self._at)
        code = "http_redirect_away" if away and self._order.secret_headers else "http_redirect"
        self._console.say(code, answer=status, url=self._shown(url))
        method, content = before.method, self._order.content
        if status == 303 or (status in {301, 302} and method == "POST"):
            method, content = ("HEAD" if method == "HEAD" else "GET"), None
        if before.method != self._order.method:
            content = None
        if away and content is not None and self._order.secrets:
            raise Trouble("http_secret_body", Again.NEVER, url=self._shown(url))
        plain = dict(self._order.headers)
        if content is None:
            plain = {n: v for n, v in plain.items() if not n.lower().startswith("content-")}
        headers = {**_OURS, **plain, **({} if away else self._order.secret_headers)}
        return client.build_request(method, url, headers=_once_each(headers), content=content)

    async def _read(self, response: httpx.Response, began: float) -> Answer:
        kind = _content_type(response)
        said = f"{response.status_code} {response.reason_phrase}".strip()
        self._tell(response, said, began, kind.get_content_type() if kind["content-type"] else "")
        encoding = response.headers.get("content-encoding", "").strip().lower()
        self._received.begun, self._received.encoding = True, encoding
        strange = encoding not in {"", "identity", *KNOWN}
        if strange:
            self._console.say("http_packed", encoding=self.hidden(encoding)[:LONGEST_HEADER])
        kept = Keeping(
            self._console,
            self._workspace,
            Hiding(self._secrets),
            media_type="application/octet-stream"
            if strange
            else (kind.get_content_type() if kind["content-type"] else ""),
            charset=str(kind.get_param("charset") or ""),
        )
        try:
            await self._stream(response, Unpacking(encoding), kept)
            kept.finish()
        finally:
            kept.close()
        took = f"{time.monotonic() - began:.2f}"
        self._console.say("http_received", size=f"{kept.size:,}", seconds=took)
        return Answer(response.status_code, self.hidden(said), kept, _retry_after(response))

    async def _stream(self, response: httpx.Response, unpacking: Unpacking, kept: Keeping) -> None:
        left = self._settings.max_response_mb * MIB
        async for chunk in response.aiter_raw():
            self._received.size += len(chunk)
            for piece in unpacking.feed(chunk):
                kept.take(piece[:left])
                left -= len(piece)
                if left < 0:
                    self._console.say("http_cut", limit=self._settings.max_response_mb)
                    return
                await asyncio.sleep(0)  # a stop is heard in the middle of what unpacks to much
        unpacking.finish()

    def _tell(self, response: httpx.Response, said: str, began: float, kind: str) -> None:
        took = f"{time.monotonic() - began:.2f}"
        self._console.say(
            "http_answer", answer=self.hidden(said), seconds=took, type=kind or "of no named type"
        )
        lines = []
        for name, value in response.headers.multi_items()[:MOST_HEADERS]:
            shown = "•••" if name.lower() == "set-cookie" else self.hidden(value)[:LONGEST_HEADER]
            lines.append(f"{name}: {shown}")
        if lines:
            self._console.say("http_headers", headers="\n".join(lines))

    def _shown(self, url: httpx.URL) -> str:
        return self.hidden(str(url))[:LONGEST_URL]


_OURS = {"User-Agent": "Lineup", "Accept": "*/*", "Accept-Encoding": "gzip, deflate"}


def _once_each(headers: Mapping[str, str]) -> dict[str, str]:
    """The last one of each name, for capitals make no difference."""
    last = {name.lower(): (name, value) for name, value in headers.items()}
    return dict(last.values())


def _joined(base: httpx.URL, place: str) -> httpx.URL | None:
    try:
        url = base.join(place).copy_with(fragment=None)
    except (httpx.InvalidURL, ValueError):
        return None
    return url if url.scheme in {"http", "https"} and url.host and not url.userinfo else None


def _host(url: httpx.URL) -> str:
    scheme, host, port = origin(url)
    usual = {"http": 80, "https": 443}.get(scheme)
    host = f"[{host}]" if ":" in host else host
    return host if port == usual else f"{host}:{port}"


def _content_type(response: httpx.Response) -> Message:
    found = Message()
    if named := response.headers.get("content-type"):
        found["content-type"] = named
    return found


@functools.cache
def _trusted(*, verify: bool) -> ssl.SSLContext:
    """Whose certificates count: the system's, and those that httpx brings."""
    import certifi

    context = ssl.create_default_context(cafile=certifi.where())
    context.load_default_certs()
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _retry_after(response: httpx.Response) -> float | None:
    """The seconds an answer asks to be left alone for; a date counts by the server's own clock."""
    text = response.headers.get("retry-after", "").strip()
    if text.isdecimal() and len(text) < 10:
        return float(text)
    try:
        until, now = map(parsedate_to_datetime, (text, response.headers.get("date", "")))
        return max(0.0, until.timestamp() - now.timestamp())
    except (TypeError, ValueError, OverflowError):
        return None
