"""Writes SQLite's write-ahead log into its database, and cuts it."""

from __future__ import annotations

from webapp.db import db


def cut() -> bool:
    """True if all of it was written and the file is empty now; readers may be in the way."""
    connection = db.engine.raw_connection()
    try:
        cursor = connection.cursor()
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        [(busy, _, _)] = cursor.fetchall()
        cursor.close()
    finally:
        connection.close()
    return not busy
