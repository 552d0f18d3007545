"""The settings of a shell task, and the refusals that name what is wrong with them."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from webapp.agents.protocol import InvalidSetting

DEFAULT_SHELL = "/bin/sh"
ENV_NAMES_LIMIT = 200
ENV_BYTES_LIMIT = 100_000  # Linux passes at most 131,072 bytes in one entry
PATH_LIMIT = 4096
RESERVED = "LINEUP_"

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,254}", re.ASCII)


@dataclass(frozen=True)
class ShellSettings:
    """How a command is run; ``working_dir`` None means the workspace."""

    shell: str = DEFAULT_SHELL
    working_dir: str | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    secret_env: Mapping[str, str] = field(default_factory=dict, repr=False)
    stdin: str = "open"

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def check(settings: Mapping[str, Any], *, by_hand: bool) -> ShellSettings:
    """Refuse, by field and reason, what a command cannot be run with."""
    known = ShellSettings.__dataclass_fields__
    for name in settings:
        if name not in known:
            raise InvalidSetting(name, f"is not a setting of shell; those are {', '.join(known)}")
    given = {name: value for name, value in settings.items() if value is not None}
    checked = ShellSettings(
        shell=_path("shell", given.get("shell", DEFAULT_SHELL)),
        working_dir=_path("working_dir", given["working_dir"]) if "working_dir" in given else None,
        env=_env("env", given.get("env", {})),
        secret_env=_env("secret_env", given.get("secret_env", {})),
        stdin=_stdin(given.get("stdin", "open" if by_hand else "none")),
    )
    _check_environment(checked)
    _check_shell(checked.shell)
    if checked.working_dir is not None and not _is(Path.is_dir, checked.working_dir):
        raise InvalidSetting("working_dir", f"{checked.working_dir} is not an existing directory")
    return checked


def _path(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise InvalidSetting(name, "must be a text")
    if not value.startswith("/"):
        raise InvalidSetting(name, "must be an absolute path, beginning with /")
    if len(value) > PATH_LIMIT:
        raise InvalidSetting(name, f"is longer than {PATH_LIMIT} characters")
    _passable(name, value)
    return value


def _check_shell(shell: str) -> None:
    if not _is(Path.is_file, shell):
        raise InvalidSetting("shell", f"{shell} is not an existing file")
    if not os.access(shell, os.X_OK):
        raise InvalidSetting("shell", f"{shell} may not be executed")


def _is(question: Callable[[Path], bool], path: str) -> bool:
    try:
        return question(Path(path))
    except OSError:  # a name too long, a disk that is away
        return False


def _env(setting: str, value: Any) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise InvalidSetting(setting, "must be an object of names and texts")
    for name, text in value.items():
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise InvalidSetting(
                setting,
                f"{str(name)[:80]!r} is not a name: letters, digits and _, no digit first",
            )
        if name.startswith(RESERVED):
            raise InvalidSetting(setting, f"{name}: names that begin with {RESERVED} are Lineup's")
        if not isinstance(text, str):
            raise InvalidSetting(setting, f"the value of {name} must be a text")
        _passable(setting, text, f"the value of {name} ")
    return dict(value)


def _check_environment(checked: ShellSettings) -> None:
    """Both kinds of variables reach the command as one environment."""
    if both := checked.env.keys() & checked.secret_env.keys():
        raise InvalidSetting("secret_env", f"{min(both)} stands in env, too: once is enough")
    entries = [*checked.env.items(), *checked.secret_env.items()]
    blamed = "env" if checked.env else "secret_env"
    if len(entries) > ENV_NAMES_LIMIT:
        raise InvalidSetting(blamed, f"holds more than {ENV_NAMES_LIMIT} variables")
    if sum(len(name) + len(text.encode()) + 2 for name, text in entries) > ENV_BYTES_LIMIT:
        raise InvalidSetting(blamed, f"is longer than {ENV_BYTES_LIMIT} bytes in all")


def _stdin(value: Any) -> str:
    if value not in ("open", "none"):
        raise InvalidSetting("stdin", 'must be "open" or "none"')
    return str(value)


def _passable(name: str, text: str, what: str = "") -> None:
    if "\0" in text:
        raise InvalidSetting(name, f"{what}holds a NUL character")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidSetting(name, f"{what}holds half a character") from None
