"""What an API token may be for."""

from __future__ import annotations

from enum import StrEnum


class Scope(StrEnum):
    """Each may do what those before it may; the database, the API and the pages use these words."""

    READ = "read"
    OPERATE = "operate"
    ADMIN = "admin"
