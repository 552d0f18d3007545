"""Answers that may be long: sent piece by piece, so that they cannot hurt the server."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from flask import Response, json, stream_with_context


def stream(
    before: dict[str, Any],
    name: str,
    items: Iterable[Any],
    after: Callable[[int], dict[str, Any]],
) -> Response:
    """A JSON object whose list ``name`` is written as its items come.

    ``before`` stands before the list, and what ``after`` makes of the number of items after it.
    """

    def pieces() -> Iterator[str]:
        head = json.dumps(before)[:-1]
        yield f"{head}{', ' if before else ''}{json.dumps(name)}: ["
        count = 0
        for item in items:
            yield f"{', ' if count else ''}{json.dumps(item)}"
            count += 1
        yield f"], {json.dumps(after(count))[1:]}"

    return Response(stream_with_context(pieces()), mimetype="application/json")


def stream_list(items: Iterable[Any]) -> Response:
    """A bare JSON array, written as its items come."""

    def pieces() -> Iterator[str]:
        before = "["
        for item in items:
            yield f"{before}{json.dumps(item)}"
            before = ", "
        yield "[]" if before == "[" else "]"

    return Response(stream_with_context(pieces()), mimetype="application/json")
