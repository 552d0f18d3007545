"""Whether every secret that is still to be used can be opened with the keys that are here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from webapp import vault
from webapp.doctor import Check, Look, Subject
from webapp.domain.errors import Refused
from webapp.queries import checks
from webapp.vault import Vault


def _bad_keys(look: Look) -> Iterator[Subject]:
    path = look.settings.data / vault.KEYS
    if path.exists() and (trouble := Vault(path).trouble()) is not None:
        yield Subject(trouble, path)


def _lost(look: Look) -> Iterator[Subject]:
    yield from _unopened(look, checks.sealed_in_flows, "the flow {}")
    yield from _unopened(look, checks.sealed_in_tasks, "the task {}")


def _unopened(look: Look, page: Callable[[int], Sequence[Any]], called: str) -> Iterator[Subject]:
    keys, after = Vault(look.settings.data / vault.KEYS), 0
    while rows := look.call(page, after):
        after = rows[-1].seq
        for _, name, settings in rows:
            try:
                keys.open_settings(settings)
            except Refused:
                yield Subject(called.format(name), name)


BEFORE = (Check("found_bad_vault_keys", "mend_bad_vault_keys", _bad_keys, quick=True),)
CHECKS = (Check("found_lost_secrets", "mend_lost_secrets", _lost, quick=True),)
