"""Work for asyncio in a thread of its own: in the main one a browser's loop may be running."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")


def apart(work: Callable[[], T]) -> T:
    """What ``work`` returns or raises in another thread."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(work).result()


def carried_out(work: Coroutine[Any, Any, T]) -> T:
    """What a coroutine returns or raises in a loop of its own."""
    return apart(lambda: asyncio.run(work))
