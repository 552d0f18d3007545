"""Backups as tests handle them: made, looked into, damaged."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import sqlite3
import tarfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from click.testing import CliRunner, Result

from tests.processes.server import environment
from webapp.cli import main
from webapp.cli.ending import Code

EMPTY = {name: None for name in os.environ if name.startswith("LINEUP_")}
TABLES = ("tasks", "sessions", "attempts", "api_tokens", "users")


def lineup(data: Path, *words: object, **settings: str) -> Result:
    """Run a command on a data directory, in this process."""
    given = environment(data=str(data), **settings)
    return CliRunner().invoke(main, [*map(str, words)], env={**EMPTY, **given})


def refused(data: Path, *words: object, **settings: str) -> str:
    """Run a command that is refused; returns the sentence."""
    result = lineup(data, *words, **settings)
    assert result.exit_code == Code.REFUSED, result.output
    assert isinstance(result.exception, SystemExit), result.exception
    return result.stderr


def counts(database: Path) -> dict[str, int]:
    """How many rows there are."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as rows:
        return {t: rows.execute(f"SELECT count(*) FROM {t}").fetchone()[0] for t in TABLES}


def members(file: Path) -> dict[str, bytes]:
    """Everything in an archive."""
    with tarfile.open(file) as tar:
        return {m.name: tar.extractfile(m).read() for m in tar if m.isfile()}  # type: ignore[union-attr]


def rewritten(file: Path, target: Path, change: Callable[[tarfile.TarInfo, bytes], object]) -> Path:
    """The archive with some of its members changed, and sums that are right again."""
    sums = b""
    with tarfile.open(file) as old, tarfile.open(target, "w:gz", compresslevel=1) as new:
        for member in old:
            data = old.extractfile(member).read() if member.isfile() else b""  # type: ignore[union-attr]
            changed = change(member, data)
            data = changed if isinstance(changed, bytes) else data
            if member.name == "SHA256SUMS":
                data = sums
            member.size = len(data) if member.isfile() else 0
            digest = hashlib.sha256(data).hexdigest() if member.isfile() else ""
            sums += f"{digest}  {json.dumps(member.name)}\n".encode() if digest else b""
            new.addfile(member, io.BytesIO(data))
    return target


def corrupted(file: Path, target: Path, old: bytes, new: bytes) -> Path:
    """The archive with some bytes changed inside; its sums stay."""
    data = gzip.decompress(file.read_bytes())
    assert data.count(old) == 1
    target.write_bytes(gzip.compress(data.replace(old, new), 1))
    return target
