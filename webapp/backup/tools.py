"""PostgreSQL's own programs: which of those that are installed fits, and how it is run."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from webapp import sources
from webapp.domain.errors import Conflict

PLACES = "/usr/lib/postgresql/*/bin"
"""Where Debian puts every version; what is on the PATH there chooses one of them."""
ERROR = re.compile(r"error: +(.+)", re.IGNORECASE)
VERSION = re.compile(r"\(PostgreSQL\) (\d+)")


@dataclass(frozen=True)
class Address:
    """How a program reaches a database: its arguments can be seen by others, so no password."""

    dbname: str
    password: str

    @classmethod
    def of(cls, parameters: Mapping[str, str]) -> Address:
        """Made of the parameters of a connection."""
        password = parameters.get("password", "")
        plain = {name: value for name, value in parameters.items() if "password" not in name}
        return cls(" ".join(f"{name}={_quoted(value)}" for name, value in plain.items()), password)

    @property
    def words(self) -> list[str]:
        """What a program is told; it asks nobody for a password."""
        return ["--no-password", f"--dbname={self.dbname}"]

    @property
    def secret(self) -> dict[str, str]:
        """What it finds in its environment."""
        return {"PGPASSWORD": self.password} if self.password else {}


def find(program: str, version: int) -> str:
    """The program of this major version, or of the next one: a later one may write too new."""
    fitting = [(found, path) for path in _installed(program) if (found := major(path)) >= version]
    if not fitting:
        raise Conflict("postgresql_no_program", program=program, version=version)
    return min(fitting, key=lambda one: one[0])[1]


def start(
    command: list[str],
    *,
    stdin: int = subprocess.DEVNULL,
    stdout: IO[bytes],
    said: IO[bytes],
    secret: Mapping[str, str] | None = None,
) -> subprocess.Popen[bytes]:
    """Start one; ``secret`` goes into its environment."""
    environment = {**sources.inherited(), **sources.database_secrets(), "LC_MESSAGES": "C"}
    environment |= secret or {}
    return subprocess.Popen(command, stdin=stdin, stdout=stdout, stderr=said, env=environment)


def reason(said: IO[bytes]) -> str:
    """What a program said was wrong: the first error, or else its last line."""
    said.seek(0)
    lines = said.read(100_000).decode("utf-8", "replace").splitlines()
    errors = [found[1] for line in lines if (found := ERROR.search(line))]
    return " ".join([*errors[:1], *lines[-1:], "it said nothing"][0].split())


def _installed(program: str) -> Iterator[str]:
    yield from map(str, sorted(Path("/").glob(f"{PLACES.lstrip('/')}/{program}")))
    if (on_path := shutil.which(program)) is not None:
        yield on_path


def major(path: str) -> int:
    """The version of a program; 0 if it does not say."""
    try:
        asked = subprocess.run([path, "--version"], capture_output=True, text=True, check=False)
    except OSError:
        return 0
    found = VERSION.search(asked.stdout)
    return int(found[1]) if found else 0


def _quoted(value: str) -> str:
    return "'" + re.sub(r"(['\\])", r"\\\1", value) + "'"
