"""``lineup keys``: a new key for the secrets that are stored, and the end of older ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import click

from webapp import clock
from webapp.cli.ending import Code, Ended
from webapp.cli.setup import application

if TYPE_CHECKING:
    from webapp.vault import Vault

SETTLED_S = 60.0
"""After so long, what was sealed just before the keys were changed has been stored."""
NAMED = 5


@dataclass
class Done:
    """What came of sealing anew."""

    resealed: int = 0
    lost: list[str] = field(default_factory=list)
    """What no key opens."""
    edited: int = 0
    """What somebody changed at the same moment."""


@click.group()
def keys() -> None:
    """Rotate the keys that secrets are sealed with; servers may run meanwhile."""


@keys.command()
def rotate() -> None:
    """Add a key and seal every stored secret anew with it; older keys stay until `prune`."""
    with _opened() as vault:
        vault.add_key()
        done = _reseal(vault)
    click.echo(f"A new key is in force; whatever holds secrets sealed anew: {done.resealed}.")
    if done.lost:
        click.echo(f"No key opens what is in {_named(done.lost)}: enter it again.", err=True)
    click.echo("Make a backup, which holds the keys; `lineup keys prune` drops the older ones.")


@keys.command()
def prune() -> None:
    """Seal anew what is still sealed with an older key, and drop all keys but the newest."""
    with _opened() as vault:
        if vault.count() == 1:
            click.echo("There is one key only.")
            return
        age = vault.age_s(clock.now())
        if age < SETTLED_S:
            raise Ended(
                Code.REFUSED,
                f"The keys were changed {age:.0f} s ago: what was sealed just before is perhaps "
                f"not stored yet. Try again in {SETTLED_S - age:.0f} s.",
            )
        if _reseal(vault, unless=vault.newest()).edited:
            raise Ended(Code.REFUSED, "Something was edited at the same moment. Try again.")
        gone = vault.drop_older()
    click.echo(f"Older keys dropped: {gone}. Backups from before hold the keys that they need.")


@contextmanager
def _opened() -> Iterator[Vault]:
    """The vault, and the database to look for what it has sealed; raises Ended."""
    from webapp import db, ports

    app = application()
    try:
        with app.app_context():
            vault: Vault = ports.ports().vault
            if (trouble := vault.trouble()) is not None:
                raise Ended(Code.FAILED, trouble)
            yield vault
    finally:
        db.dispose(app)


def _reseal(vault: Vault, *, unless: Vault | None = None) -> Done:
    """Seal everything anew, or what ``unless`` does not open."""
    from webapp.queries import sealed
    from webapp.services import secrets

    def task(row: Any) -> bool:
        return secrets.reseal_task(row.key, vault.renewed_settings(row.settings))

    def flow(row: Any) -> bool:
        anew = vault.renewed_settings(row.settings)
        return secrets.reseal_flow(row.key, anew, seen=row.version)

    def channel(row: Any) -> bool:
        return secrets.reseal_channel(row.key, vault.renewed(row.token), seen=row.token)

    def profile(row: Any) -> bool:
        anew = vault.renewed_settings(row.settings)["api_key"]
        return secrets.reseal_profile(row.key, anew, seen=row.version)

    def server(row: Any) -> bool:
        anew = vault.renewed_settings(row.settings)
        return secrets.reseal_server(row.key, anew, seen=row.version)

    def credential(row: Any) -> bool:
        anew = vault.renewed_settings(row.settings)["key"]
        return secrets.reseal_credential(row.key, anew, seen=row.version)

    def is_new(row: Any) -> bool:
        return unless is not None and _opens(unless, row)

    done = Done()
    for page, reseal in (
        (sealed.in_tasks, task),
        (sealed.in_flows, flow),
        (sealed.in_channels, channel),
        (sealed.in_profiles, profile),
        (sealed.in_servers, server),
        (sealed.in_credentials, credential),
    ):
        _each(page, reseal, is_new, done)
    return done


def _each(
    page: Callable[[Any], Sequence[Any]],
    reseal: Callable[[Any], bool],
    is_new: Callable[[Any], bool],
    done: Done,
) -> None:
    from webapp.vault import SecretLost

    for row in _rows(page):
        if is_new(row):
            continue
        try:
            resealed = reseal(row)
        except SecretLost:
            done.lost.append(str(row.name))
            continue
        done.resealed += resealed
        done.edited += not resealed


def _rows(page: Callable[[Any], Sequence[Any]]) -> Iterator[Any]:
    from webapp.db import db

    after: Any = 0
    while rows := page(after):
        db.session.close()  # no snapshot is held while others write
        yield from rows
        after = rows[-1].key


def _opens(vault: Vault, row: Any) -> bool:
    from webapp.vault import SecretLost

    try:
        if hasattr(row, "token"):
            vault.open(row.token)
        else:
            vault.open_settings(row.settings)
    except SecretLost:
        return False
    return True


def _named(names: Sequence[str]) -> str:
    return ", ".join(names[:NAMED]) + (
        f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    )
