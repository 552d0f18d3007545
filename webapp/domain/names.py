"""Names of files: whatever people call one, a name that is safe beside others on every system."""

from __future__ import annotations

import re
import unicodedata

LONGEST_BYTES = 200
"""Room is left for a suffix below the 255 bytes that file systems allow."""
LONGEST_ENDING = 20
SHOWN = 500

_HARMFUL = re.compile(r'[/\\:*?"<>|]')
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\..*)?", re.IGNORECASE)
_UNSEEN = {"Cc", "Cs", "Zl", "Zp"}
_TURNING = set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Characters that have the text around them read in another direction."""


def shown(name: str) -> str:
    """A name as it was given, for people: what cannot be seen or stored is a replacement sign."""
    plain = "".join("\ufffd" if _is_unseen(c) else c for c in name)
    return plain if len(plain) <= SHOWN else plain[: SHOWN - 1] + "…"


def safe(name: str) -> str:
    """A name that leads nowhere, hides nothing, and that every file system takes."""
    last = re.split(r"[/\\]", name.rstrip("/\\"))[-1]
    plain = "".join("_" if _is_unseen(c) else c for c in unicodedata.normalize("NFC", last))
    plain = _HARMFUL.sub("_", plain).strip(" .")
    if plain.startswith(("-", "~")):  # an option, or a home directory, to a careless command
        plain = "_" + plain
    if _RESERVED.fullmatch(plain):
        plain = "_" + plain
    stem, ending = _parts(plain or "file")
    return _cut(stem, LONGEST_BYTES - len(ending.encode())).rstrip(" .") + ending


def numbered(name: str, number: int | str) -> str:
    """The same name for the second, third … file that is called so."""
    stem, ending = _parts(name)
    return f"{stem}-{number}{ending}"


def same(name: str) -> str:
    """What two names have in common that some file system takes for one."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", name).casefold())


def _parts(name: str) -> tuple[str, str]:
    stem, dot, ending = name.rpartition(".")
    if not stem or not ending or len(f".{ending}".encode()) > LONGEST_ENDING:
        return name, ""
    return stem, dot + ending


def _cut(text: str, limit: int) -> str:
    return text.encode()[:limit].decode("utf-8", "ignore")


def _is_unseen(character: str) -> bool:
    return unicodedata.category(character) in _UNSEEN or character in _TURNING
