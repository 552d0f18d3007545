"""Browser tabs that show Now: each polls what its page polls, as often, and says what it has."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

POLL = re.compile(
    r'hx-get="([^"]+)"\s+hx-trigger="every (\d+)s[^>]*>.*?name="v"\s+value="([^"]*)"', re.DOTALL
)

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def watch(port: int, headers: Mapping[str, str], tabs: int, seconds: float) -> Counter[int]:
    """Open so many tabs for a while; returns how often which status was answered."""
    browser = Browser(port, headers, asyncio.get_running_loop().time() + seconds)
    await asyncio.gather(*(browser.tab(number / tabs) for number in range(tabs)))
    return browser.answers


def polls(page: str) -> list[tuple[str, float, str]]:
    """What a page polls: address, seconds between, and the version that is shown."""
    return [
        (path.replace("&amp;", "&"), float(every), version)
        for path, every, version in POLL.findall(page)
    ]


@dataclass
class Browser:
    """Somebody who is logged in, until a moment of the loop's clock."""

    port: int
    headers: Mapping[str, str]
    until: float
    answers: Counter[int] = field(default_factory=Counter)

    async def tab(self, offset: float) -> None:
        """Open Now, and poll what it polls."""
        await asyncio.sleep(offset)
        connection = await asyncio.open_connection("127.0.0.1", self.port)
        _, page = await self._ask(connection, "/")
        connection[1].close()
        found = polls(page)
        if len(found) < 3:
            raise RuntimeError(f"Now polls less than was thought: {found}")
        await asyncio.gather(*(self._poll(*poll) for poll in found))

    async def _poll(self, path: str, every: float, version: str) -> None:
        loop = asyncio.get_running_loop()
        connection = await asyncio.open_connection("127.0.0.1", self.port)
        at = loop.time() + every
        while at < self.until:
            await asyncio.sleep(at - loop.time())
            status, body = await self._ask(
                connection, f"{path}?v={version}", "HX-Request: true\r\n"
            )
            self.answers[status] += 1
            if status == 200 and (shown := re.search(r'name="v"\s+value="([^"]*)"', body)):
                version = shown[1]
            at = max(at + every, loop.time())  # one in flight: a late answer delays the next
        connection[1].close()

    async def _ask(self, connection: Connection, path: str, more: str = "") -> tuple[int, str]:
        reader, writer = connection
        lines = "".join(f"{name}: {value}\r\n" for name, value in self.headers.items())
        lines += f"Host: 127.0.0.1:{self.port}\r\n{more}"
        writer.write(f"GET {path} HTTP/1.1\r\n{lines}\r\n".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = re.search(r"(?i)content-length: (\d+)", head)
        body = await reader.readexactly(int(length[1])) if length else b""
        return int(head.split()[1]), body.decode()
