"""Text in descriptions: what holds it, and how an index leads to it, on either database.

The index knows which tasks hold three characters in a row; whether they hold all of the text is
looked up in the descriptions themselves. Words may be shorter, as in Chinese: SQLite is asked for
what begins with them, and PostgreSQL's index also knows one and two characters that are not ASCII.
The first `SEARCHED_CHARACTERS` of each description are searched.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    bindparam,
    cast,
    column,
    func,
    select,
    table,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Text

from webapp.db import db
from webapp.domain.policies import SEARCHED_CHARACTERS
from webapp.models import Task

GRAM = 3
ASKED = 12
"""Grams of a long text that the index is asked for: more would hardly narrow it further."""
MAY_FOLLOW = 200
"""Grams that begin with a text shorter than one; beyond that it is in most descriptions anyway."""

_tasks = Task.__table__
_index = table("tasks_search", column("rowid"))
_terms = table("tasks_search_terms", column("term"))


def folded(wanted: str) -> str:
    """Text as it is compared: in lower case."""
    return wanted.lower()


def holds(wanted: str) -> ColumnElement[bool]:
    """The description holds the text, in any case."""
    beginning = func.substr(_tasks.c.task_description, 1, SEARCHED_CHARACTERS)
    if is_sqlite():
        return func.lineup_holds(beginning, folded(wanted)) == 1
    return func.strpos(func.lineup_folded(_tasks.c.task_description), folded(wanted)) > 0


def candidates(wanted: str) -> Select[Any] | None:
    """Numbers of all tasks that may hold the text, as a statement with the column ``seq``.

    None where the index cannot help; the statement finds nothing where nothing can hold it.
    """
    return _of_sqlite(folded(wanted)) if is_sqlite() else _of_postgresql(folded(wanted))


def _of_sqlite(wanted: str) -> Select[Any] | None:
    grams, between = _grams(wanted), " AND "
    if not grams:
        last = wanted[:-1] + chr(min(ord(wanted[-1]) + 1, 0x10FFFF))
        following = select(_terms.c.term).where(_terms.c.term >= wanted, _terms.c.term < last)
        grams = list(db.session.execute(following.limit(MAY_FOLLOW + 1)).scalars())
        between = " OR "
        if len(grams) > MAY_FOLLOW:
            return None
    if not grams:
        return select(_index.c.rowid.label("seq")).where(text("0"))
    match = between.join('"' + gram.replace('"', '""') + '"' for gram in grams)
    found = text("tasks_search MATCH :match").bindparams(bindparam("match", match))
    return select(_index.c.rowid.label("seq")).where(found)


def _of_postgresql(wanted: str) -> Select[Any] | None:
    grams = _grams(wanted)
    if len(wanted) < GRAM:  # kept from where a character begins that is not ASCII
        grams = [wanted[at:] for at, sign in enumerate(wanted) if not sign.isascii()]
    if not grams:
        return None
    held = func.lineup_grams(_tasks.c.task_description).op("@>")(cast(grams, ARRAY(Text)))
    return select(_tasks.c.seq).where(held)


def _grams(wanted: str) -> list[str]:
    """Every three characters in a row, or so many of them spread over a long text."""
    every = list(dict.fromkeys(wanted[at : at + GRAM] for at in range(len(wanted) - GRAM + 1)))
    step = max(1, -(-len(every) // ASKED))
    return [gram for gram in every[::step] if "\0" not in gram]


def is_sqlite() -> bool:
    """Whether texts are found by SQLite's index."""
    return db.engine.dialect.name == "sqlite"
