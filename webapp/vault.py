"""Seals secrets before they are stored, and opens them where they are used; its keys are a file.

The keys lie in the data directory, outside the database: whoever has only the database, or one of
its backups made by other means, has no secret. Without the keys no secret is ever opened again.
"""

from __future__ import annotations

import fcntl
import os
import secrets as chance
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from webapp.domain.errors import Refused
from webapp.domain.secrets import SEALED, each, is_mask, is_sealed, sealed, within

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet

KEYS = "vault_keys"
KEY_BYTES = 32
SIGNING = "secret_key"
"""The file of the key that signs cookies."""
SIGNING_BYTES = 32
"""Fewer would be guessed."""


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

    def __init__(self, path: Path, *, only_newest: bool = False) -> None:
        self._path, self._only_newest = path, only_newest

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

        A name may lead inside of a setting, with ``*`` for any name: ``servers.*.env``. Raises
        IsMask, with the name of the place, where a mask stands for a secret.
        """

        def seal(text: Any, place: str) -> Any:
            if is_mask(text):
                raise IsMask(place)
            return sealed(self.seal(text), text) if text and not is_sealed(text) else text

        stored = dict(settings)
        for name in names:
            stored = within(stored, name.split("."), seal)
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

    def renewed(self, token: str) -> str:
        """The same secret, sealed with the newest key; raises SecretLost or KeysUnusable."""
        return self.seal(self.open(token))

    def renewed_settings(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """The same settings, their secrets sealed with the newest key; raises as `open` does."""

        def renew(value: Any) -> Any:
            return (
                {**value, SEALED: self.renewed(str(value[SEALED]))} if is_sealed(value) else value
            )

        return {name: each(value, renew) for name, value in settings.items()}

    def newest(self) -> Vault:
        """This vault, as if it had no key but the newest."""
        return Vault(self._path, only_newest=True)

    def add_key(self) -> None:
        """Have a new key, which is the newest from now on."""
        with self._changing():
            self._write([_fresh_key(), *self._lines()])

    def drop_older(self) -> int:
        """Keep the newest key alone; returns how many went."""
        with self._changing():
            newest, *older = self._lines()
            self._write([newest])
        return len(older)

    def count(self) -> int:
        """How many keys there are."""
        return len(self._lines())

    def age_s(self, now: datetime) -> float:
        """Seconds since the keys were changed last."""
        return now.timestamp() - self._path.stat().st_mtime

    def trouble(self) -> str | None:
        """Why the keys cannot be used; None if they can."""
        try:
            self._keys()
        except KeysUnusable as refusal:
            return str(refusal)
        return None

    def _keys(self) -> MultiFernet:
        from cryptography.fernet import Fernet, MultiFernet

        lines = self._lines()
        try:
            return MultiFernet([Fernet(line) for line in lines[: 1 if self._only_newest else None]])
        except ValueError:
            raise self._unusable("it holds no key, or a broken one") from None

    def _lines(self) -> list[str]:
        try:
            return self._path.read_text("ascii").split()
        except (OSError, UnicodeError) as error:
            raise self._unusable(getattr(error, "strerror", None) or "it is no text") from None

    def _unusable(self, reason: str) -> KeysUnusable:
        return KeysUnusable(path=str(self._path), reason=reason)

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """One at a time, in whatever process, or a key could get lost that was just used."""
        self._keys()  # what is broken is not written anew
        place = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(place, fcntl.LOCK_EX)
            yield
        finally:
            os.close(place)

    def _write(self, lines: Sequence[str]) -> None:
        fresh = _written(self._path, "".join(f"{line}\n" for line in lines).encode())
        fresh.replace(self._path)
        _settle(self._path.parent)


def at(data: Path) -> Vault:
    """The vault of a data directory; its first key is made where there is none."""
    made_once(data / KEYS, f"{_fresh_key()}\n".encode())
    return Vault(data / KEYS)


def _fresh_key() -> str:
    return urlsafe_b64encode(os.urandom(KEY_BYTES)).decode()


def made_once(path: Path, content: bytes) -> bytes:
    """What is in a file for its owner alone; if there was none it is ``content``.

    It is on the disk first: what is sealed or signed with it must not outlive it.
    """
    if not path.exists():
        fresh = _written(path, content)
        try:
            path.hardlink_to(fresh)
        except FileExistsError:
            pass  # another process was first; what it wrote counts
        finally:
            fresh.unlink()
        _settle(path.parent)
    return path.read_bytes()


def refuse_unusable(data: Path) -> None:
    """Raise KeysUnusable, which says what to do, where a file of keys is there but no key."""
    signing, keys = data / SIGNING, data / KEYS
    if signing.exists():
        try:
            short = len(signing.read_bytes()) < SIGNING_BYTES
        except OSError as error:
            raise KeysUnusable(
                "signing_key_unread", path=str(signing), reason=error.strerror
            ) from None
        if short:
            raise KeysUnusable("signing_key_short", path=str(signing))
    if keys.exists() and Vault(keys).count() == 0:
        raise KeysUnusable("keys_empty", path=str(keys))


def _written(path: Path, content: bytes) -> Path:
    """A new file beside this one, for its owner alone, whose content no power cut takes back."""
    fresh = path.with_name(f"{path.name}.{chance.token_hex(4)}")
    number = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(number, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(number)
    return fresh


def _settle(directory: Path) -> None:
    """Make sure that no power cut takes back what files in it are called."""
    place = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(place)
    finally:
        os.close(place)
