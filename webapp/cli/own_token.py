"""The token a command gives itself: whoever may write the data directory is the owner anyway."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path

from webapp import clock
from webapp.cli.ending import Code, Ended

NAME = "command line"


def read(path: Path) -> str | None:
    """The token that was kept; None if there is none yet."""
    try:
        return path.read_text("ascii").strip() or None
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is no token"
        raise Ended(
            Code.NOT_LET_IN,
            f"{path} cannot be read: {reason}. As its owner, or with LINEUP_TOKEN, you get in.",
        ) from None


def read_or_make(data: Path, path: Path) -> str:
    """The token that was kept, or a fresh one, kept from now on for this user alone."""
    token = read(path)
    if token is not None:
        return token
    if not data.is_dir():
        raise Ended(
            Code.UNREACHABLE,
            f"No Lineup server has used {data} yet: `lineup serve` starts one. "
            "For one elsewhere set LINEUP_URL and LINEUP_TOKEN; for another directory LINEUP_DATA.",
        )
    try:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise Ended(
            Code.NOT_LET_IN,
            f"No token could be kept in {path}: {error.strerror}. Set LINEUP_TOKEN to one that "
            "the owner of that directory made with `lineup token create NAME`.",
        ) from None
    try:
        fcntl.flock(file, fcntl.LOCK_EX)  # of two that begin at once, one makes it
        return read(path) or _make(data, file)
    finally:
        os.close(file)


def _make(data: Path, file: int) -> str:
    """Make a token, in place of one of that name whose file is lost, and write it down."""
    from webapp import create_app, logs, schema
    from webapp.cli.setup import settings
    from webapp.db import dispose
    from webapp.queries import people as people_queries
    from webapp.services import people

    found = settings()
    if not found.database_url and not (data / "lineup.db").is_file():
        raise Ended(
            Code.UNREACHABLE,
            f"There is no database in {data} yet: `lineup serve` makes it.",
        )
    logs.configure(found.log_level)
    app = create_app(found)
    with app.app_context():
        if schema.current_revision() != schema.newest_revision():
            raise Ended(
                Code.FAILED,
                f"The database in {data} is of another version of Lineup: `lineup serve` brings "
                "it up to date.",
            )
        owner, now = people.ensure_owner(clock.now()), clock.now()
        for known in people_queries.tokens(owner):
            if known.name == NAME:
                people.revoke_token(owner, known.token_id, by="cli", now=now)
        token = people.create_token(owner, NAME, "operate", by="cli", now=now)
    dispose(app)
    os.fchmod(file, 0o600)
    with suppress(OSError):  # root makes it for the directory's owner
        os.fchown(file, data.stat().st_uid, data.stat().st_gid)
    os.write(file, token.encode())
    os.fsync(file)
    return token
