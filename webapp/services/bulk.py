"""Many rows in one statement, as quickly as the driver can insert them.

What SQLAlchemy does for each value of each row takes longer than the insertion itself, and SQLite's
index of texts is written once for each statement, not for each row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import Any

from sqlalchemy import Column, Table
from sqlalchemy.engine import Dialect

from webapp.db import writing

TOGETHER = 500
"""Rows that one statement inserts: SQLite counts its values, and takes 32,766."""

Values = Mapping[str, Any]
Columns = tuple[Column[Any], ...]


@dataclass(frozen=True)
class Taken:
    """Columns that new rows take over, as they are, from rows of another table."""

    table: Table
    by: Mapping[str, str]
    """What a new row says and the column of the other table that says the same."""
    columns: tuple[str, ...]


def insert_many(table: Table, rows: Sequence[Values]) -> None:
    """Insert many rows of the same columns."""
    for piece in _pieces(rows):
        columns = tuple(table.c[name] for name in piece[0])
        statement = f"INSERT INTO {table.name} ({_names(columns)}) {_listed(columns, piece)}"
        writing().exec_driver_sql(statement, _flat(columns, piece))


def insert_with(table: Table, rows: Sequence[Values], shared: Values, taken: Taken) -> int:
    """Insert rows with what all share and what each takes over; returns how many found that.

    They are numbered in the order of what they say first.
    """
    by = {name: taken.table.c[other] for name, other in taken.by.items()}
    where = " AND ".join(f"{taken.table.name}.{c.name} = new.{name}" for name, c in by.items())
    others = tuple(taken.table.c[name] for name in taken.columns)
    same = tuple(table.c[name] for name in shared)
    count = 0
    for piece in _pieces(rows):
        said = {name: by.get(name, table.c.get(name)) for name in piece[0]}
        own = tuple(table.c[name] for name in said if name in table.c)
        columns = tuple(column for column in said.values() if column is not None)
        done = writing().exec_driver_sql(
            f"INSERT INTO {table.name} ({_names((*own, *others, *same))}) "
            f"WITH new ({', '.join(said)}) AS ({_listed(columns, piece)}) "
            f"SELECT {_names(own, 'new.')}, {_names(others, taken.table.name + '.')}, "
            f"{_signs(same)} FROM new JOIN {taken.table.name} ON {where} "
            f"ORDER BY new.{next(iter(said))}",
            _flat(columns, piece) + _flat(same, [shared]),
        )
        count += done.rowcount
    return count


def _pieces(rows: Sequence[Values]) -> Iterator[Sequence[Values]]:
    return (rows[start : start + TOGETHER] for start in range(0, len(rows), TOGETHER))


def _names(columns: Columns, of: str = "") -> str:
    quote = writing().dialect.identifier_preparer.quote
    return ", ".join(of + quote(column.name) for column in columns)


def _listed(columns: Columns, rows: Sequence[Values]) -> str:
    return "VALUES " + ", ".join([f"({_signs(columns)})"] * len(rows))


def _signs(columns: Columns) -> str:
    """Places for values, in the driver's own words; PostgreSQL wants to know of what type."""
    dialect = writing().dialect
    if dialect.paramstyle == "qmark":
        return ", ".join("?" * len(columns))
    return ", ".join(f"CAST(%s AS {column.type.compile(dialect)})" for column in columns)


def _flat(columns: Columns, rows: Iterable[Values]) -> tuple[Any, ...]:
    """All values one after the other, as the driver is to be given them."""
    found = [list(row.values()) for row in rows]
    for place, convert in _conversions(columns, writing().dialect):
        for row in found:
            row[place] = convert(row[place])
    return tuple(chain.from_iterable(found))


@lru_cache
def _conversions(columns: Columns, dialect: Dialect) -> list[tuple[int, Callable[[Any], Any]]]:
    """What is to be done to which value before the driver is given it."""
    types = [column.type.dialect_impl(dialect) for column in columns]
    processors: list[Any] = [type_.bind_processor(dialect) for type_ in types]
    return [(place, found) for place, found in enumerate(processors) if found is not None]
