"""Where settings come from: ``LINEUP_*`` variables over a TOML file. Reads, and judges nothing.

It imports little on purpose: a command that only talks to a server needs no more than this.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SECRETS = ("PGPASSWORD",)
"""Variables that open our database, where its address holds no password."""
PREFIX = "LINEUP_"
FOR_TASKS = "LINEUP_TASK_"
"""Variables Lineup gives to the commands it runs; a server started by one ignores them."""

DEFAULT_HOST, DEFAULT_PORT = "127.0.0.1", 7420

ROOT = Path(__file__).resolve().parent.parent
HOME = ROOT if (ROOT / "templates").is_dir() else ROOT / "webapp"
"""Where templates, assets, migrations and docs lie: the checkout, or the installed package."""


class SettingsError(Exception):
    """The settings cannot be used; the text says which one and why, a line each."""


class Unreadable(SettingsError):
    """The file of settings is somebody else's."""


@dataclass(frozen=True)
class Sources:
    """What was set, by the setting's name, as it was written; and where each was found."""

    values: dict[str, Any]
    environment: frozenset[str]
    """The names that the environment sets; the others are the file's."""
    file: Path


def read(environ: Mapping[str, str] | None = None, *, file: bool = True) -> Sources:
    """What ``LINEUP_*`` variables and ``LINEUP_CONFIG`` or ``<data>/lineup.toml`` say.

    Raises SettingsError if the file cannot be read. Without ``file`` it is not looked at.
    """
    environ = os.environ if environ is None else environ
    values: dict[str, Any] = {
        name.removeprefix(PREFIX).lower(): value
        for name, value in environ.items()
        if name.startswith(PREFIX) and not name.startswith(FOR_TASKS)
    }
    named = values.pop("config", None)
    path = Path(named) if named else Path(values.get("data") or default_data()) / "lineup.toml"
    if named and not path.is_file():
        raise SettingsError(f"LINEUP_CONFIG: there is no file {path}")
    found = {**(_from_toml(path) if file else {}), **values}
    return Sources(found, frozenset([*values, "config"] if named else values), path)


def default_data() -> Path:
    """The data directory where none is named."""
    if (ROOT / "pyproject.toml").is_file():
        return ROOT / "data"
    base = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(base) / "lineup"


def variable(name: str) -> str | None:
    """A variable of the environment that is no setting, such as NO_COLOR."""
    return os.environ.get(name)


def inherited() -> dict[str, str]:
    """What programs that are started inherit of the environment: all but what is ours alone."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(PREFIX) and name not in SECRETS
    }


def database_secrets() -> dict[str, str]:
    """What a program that is to reach our database is told besides."""
    return {name: value for name in SECRETS if (value := os.environ.get(name)) is not None}


def _from_toml(path: Path) -> dict[str, Any]:
    try:
        if not path.is_file():
            return {}
        return tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: not readable as TOML: {error}") from None
    except OSError as error:
        raise Unreadable(f"{path}: {error.strerror}") from None
