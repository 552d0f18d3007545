"""Whether the search finds what is there, and nothing that is gone."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy.exc import DatabaseError

from webapp.doctor import Check, Look, Subject
from webapp.queries import checks
from webapp.services import repairs


def _out_of_step(look: Look) -> Iterator[Subject]:
    """One subject, however many tasks: the index is mended as a whole."""
    wrong, first, after = 0, 0, 0
    try:
        while True:
            found, last = look.call(checks.unsearchable, after)
            first = first or (found[0] if found else 0)
            wrong += len(found)
            if last is None:
                break
            after = last
    except DatabaseError as error:
        yield Subject(str(error.orig), None)
        return
    if wrong:
        yield Subject(f"{wrong} tasks, from number {first} on", None)


CHECKS = (
    Check(
        "found_search",
        "mend_search",
        _out_of_step,
        lambda look, _key: look.call(repairs.index_anew, look.now),
    ),
)
