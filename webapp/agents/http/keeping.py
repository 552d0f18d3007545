"""What is kept of an answer: all of it in the output, its text as the result, else a file."""

from __future__ import annotations

import codecs
import json
import mimetypes
import os
import re
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from webapp.agents.hiding import Hiding
from webapp.agents.protocol import Console

PARSED = 4 * 1024 * 1024
"""Bytes of an answer up to which it is read as JSON."""
LONGEST_RESULT = 256 * 1024
"""Characters of a result."""
EXCERPT = 500
NAMES = 1000
"""Files of that name that may lie in the workspace already."""
TEXTS = ("json", "xml", "javascript", "ecmascript", "yaml", "x-www-form-urlencoded", "x-ndjson")
CHARSET = re.compile(
    r"ascii|utf-(8|16|32).*|(iso8859|cp|windows|mac|koi8|gb|big5|euc|shift_jis|iso2022|hp|tis).*",
    re.ASCII,
)


class Keeping:
    """Takes the answer as it comes, unpacked and without secrets."""

    def __init__(
        self, console: Console, workspace: Path, hiding: Hiding, *, media_type: str, charset: str
    ) -> None:
        self._console, self._workspace, self._hiding = console, workspace, hiding
        self.media_type = media_type
        self._charset = _known(charset)
        self._is_text: bool | None = _says(media_type)
        self._begun = bytearray()
        self._file: IO[bytes] | None = None
        self._path: Path | None = None
        self.size = 0

    def take(self, data: bytes) -> None:
        """The next piece."""
        self._keep(self._hiding.feed(data))

    def finish(self) -> None:
        """There is no more; says where it was saved."""
        self._keep(self._hiding.finish())
        if self._file is not None and self._path is not None:
            self._file.close()
            named = self.media_type or "of no named type"
            self._console.say("http_saved", type=named, file=self._path.name)

    @property
    def result(self) -> str | None:
        """The answer as a text; None if there was none, or none that is text."""
        if not self.size or self._is_text is False:
            return self._path.name if self._path is not None else None
        text = self._decoded()
        value = self.json
        if value is not None:
            with suppress(ValueError, RecursionError):  # such as a number beyond all bounds
                text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
        if len(text) > LONGEST_RESULT or self.size > len(self._begun):
            self._console.say("http_result_cut")
        return text[:LONGEST_RESULT].replace("\0", "\ufffd")

    @property
    def json(self) -> Any:
        """The answer as JSON has it, an object or a list; None if it is none."""
        if self.size > len(self._begun) or bytes(self._begun[:64].lstrip()[:1]) not in (b"{", b"["):
            return None
        with suppress(ValueError, RecursionError):
            return json.loads(self._begun.decode(self._charset))
        return None

    @property
    def excerpt(self) -> str:
        """The beginning of its text, for a sentence about it."""
        if self._is_text is False:
            return ""
        return self._begun[: EXCERPT * 4].decode(self._charset, "replace").strip()[:EXCERPT]

    def _keep(self, data: bytes) -> None:
        if not data:
            return
        if self._is_text is None:
            self._is_text = _looks_like_text(data)
        if self._is_text is False and not self.size:
            self._open()
        self.size += len(data)
        self._begun += data[: PARSED - len(self._begun)]
        self._console.write(data)
        if self._file is not None:
            self._save(data)

    def _decoded(self) -> str:
        data = bytes(self._begun)
        decode = codecs.getincrementaldecoder(self._charset)
        try:
            return decode().decode(data, final=self.size == len(data))
        except UnicodeError:
            self._console.say("http_undecodable", charset=self._charset)
            return data.decode(self._charset, "replace")

    def _open(self) -> None:
        """A file that is new: tasks of one session share a workspace."""
        ending = mimetypes.guess_extension(self.media_type) or ".bin"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        for number in range(1, NAMES):
            name = f"response{'' if number == 1 else f'-{number}'}{ending}"
            try:
                found = os.open(self._workspace / name, flags, 0o600)
            except FileExistsError:
                continue
            except OSError as error:
                self._console.say("http_not_saved", reason=error.strerror)
                return
            self._path, self._file = self._workspace / name, os.fdopen(found, "wb")
            return

    def _save(self, data: bytes) -> None:
        try:
            if self._file is not None:
                self._file.write(data)
        except OSError as error:
            self._console.say("http_not_saved", reason=error.strerror)
            self.close()
            self._path = None

    def close(self) -> None:
        """Keep no file open, however it ended."""
        if self._file is not None:
            with suppress(OSError):
                self._file.close()
            self._file = None


def _known(charset: str) -> str:
    """The charset, if it is one: Python also knows codecs that unpack, or make half characters."""
    with suppress(LookupError, ValueError):
        if CHARSET.fullmatch(name := codecs.lookup(charset).name):
            return name
    return "utf-8"


def _says(media_type: str) -> bool | None:
    """Whether a type is text; None if it says nothing about that."""
    if not media_type or media_type == "application/octet-stream":
        return None
    main, _, sub = media_type.partition("/")
    return main == "text" or sub in TEXTS or sub.endswith(("+json", "+xml"))


def _looks_like_text(data: bytes) -> bool:
    if b"\0" in data:
        return False
    try:
        codecs.getincrementaldecoder("utf-8")().decode(data)
    except UnicodeError:
        return False
    return True
