"""Seals secrets before they are stored, and opens them where they are used; its keys are a file.

The keys lie in the data directory, outside the database: whoever has only the database, or one of
its backups made by other means, has no secret. Without the keys no secret is ever opened again.
"""

from __future__ import annotations

import os
import secrets as chance
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from webapp.domain.errors import Refused
from webapp.domain.secrets import SEALED, each, is_mask, is_sealed, sealed

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet

KEYS = "vault_keys"
KEY_BYTES = 32


class KeysUnusable(Refused):
    """The file of the keys is not there, or holds none."""

    status, code = 503, "keys_unusable"


class SecretLost(Refused):
    """A secret was sealed with a key that this server does not have."""

    status, code = 409, "secret_lost"


class IsMask(ValueError):
    """What is shown instead of a secret was sent as if it were one."""


class Vault:
    """Seals and opens with the keys in one file, a line each, the newest first.

    The file is read each time: a key that another process adds is in force at once.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def seal(self, text: str) -> str:
        """What may be stored instead of ``text``; raises KeysUnusable."""
        return self._keys().encrypt(text.encode()).decode("ascii")

    def open(self, token: str) -> str:
        """What was sealed; raises SecretLost or KeysUnusable."""
        from cryptography.fernet import InvalidToken

        try:
            return self._keys().decrypt(token.encode()).decode()
        except (InvalidToken, UnicodeError):
            raise SecretLost from None

    def seal_settings(self, settings: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
        """Settings as they are stored: every text in those that ``names`` calls secret is sealed.

        Raises IsMask, with the name of the setting, where a mask stands for a secret.
        """

        def seal(text: Any) -> Any:
            if is_mask(text):
                raise IsMask(name)
            return sealed(self.seal(text), text) if text and not is_sealed(text) else text

        stored = dict(settings)
        for name in set(names) & settings.keys():
            stored[name] = each(settings[name], seal)
        return stored

    def open_settings(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Settings as they are used; raises SecretLost that names the setting, or KeysUnusable."""

        def open_one(value: Any) -> Any:
            if not is_sealed(value):
                return value
            try:
                return self.open(str(value[SEALED]))
            except SecretLost:
                raise SecretLost("secret_lost_in", setting=name) from None

        opened = {}
        for name, value in settings.items():
            opened[name] = each(value, open_one)
        return opened

    def trouble(self) -> str | None:
        """Why the keys cannot be used; None if they can."""
        try:
            self._keys()
        except KeysUnusable as refusal:
            return str(refusal)
        return None

    def _keys(self) -> MultiFernet:
        from cryptography.fernet import Fernet, MultiFernet

        try:
            lines = self._path.read_text("ascii").split()
            return MultiFernet([Fernet(line) for line in lines])
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "it holds no key, or a broken one"
            raise KeysUnusable(path=str(self._path), reason=reason) from None


def at(data: Path) -> Vault:
    """The vault of a data directory; its first key is made where there is none."""
    made_once(data / KEYS, urlsafe_b64encode(os.urandom(KEY_BYTES)) + b"\n")
    return Vault(data / KEYS)


def made_once(path: Path, content: bytes) -> bytes:
    """What is in a file for its owner alone; if there was none it is ``content``."""
    if not path.exists():
        fresh = path.with_name(f"{path.name}.{chance.token_hex(4)}")
        fresh.touch(mode=0o600)
        fresh.write_bytes(content)
        try:
            path.hardlink_to(fresh)
        except FileExistsError:
            pass  # another process was first; what it wrote counts
        finally:
            fresh.unlink()
    return path.read_bytes()
