"""What a server of tools prints beside its answers: the last of it is kept, and nothing grows."""

from __future__ import annotations

import asyncio
import os
from typing import IO

LAST = 4 * 1024
CHUNK = 64 * 1024


class LastWords:
    """A pipe that is read as long as a loop runs; of what comes only the end is kept."""

    def __init__(self) -> None:
        self._pipe, write = os.pipe()
        os.set_blocking(self._pipe, False)
        self.file: IO[str] = os.fdopen(write, "w")
        """Where the server prints to."""
        self._last = b""
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._pipe, self._read)

    @property
    def text(self) -> str:
        """The last of what was printed."""
        self._read()
        return self._last.decode("utf-8", "replace")

    def close(self) -> None:
        """Read no more; what still prints is told that nobody listens."""
        self._loop.remove_reader(self._pipe)
        os.close(self._pipe)
        self.file.close()

    def _read(self) -> None:
        try:
            data = os.read(self._pipe, CHUNK)
        except BlockingIOError:
            return
        if not data:  # all who could print have ended
            self._loop.remove_reader(self._pipe)
        self._last = (self._last + data)[-LAST:]
