"""Whether every secret that is still to be used can be opened with the keys that are here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from webapp import vault
from webapp.doctor import Check, Look, Subject
from webapp.domain.errors import Refused
from webapp.queries import sealed
from webapp.vault import Vault


def _bad_keys(look: Look) -> Iterator[Subject]:
    path = look.settings.data / vault.KEYS
    if path.exists() and (trouble := Vault(path).trouble()) is not None:
        yield Subject(trouble, path)


def _lost(look: Look) -> Iterator[Subject]:
    keys = Vault(look.settings.data / vault.KEYS)
    to_run = partial(sealed.in_tasks, still_to_run=True)
    for page, kind in (
        (sealed.in_flows, "flow"),
        (to_run, "task"),
        (sealed.in_profiles, "LLM profile"),
        (sealed.in_servers, "MCP server"),
        (sealed.in_credentials, "key of"),
    ):
        yield from _unopened(look, page, lambda row: keys.open_settings(row.settings), kind)
    yield from _unopened(look, sealed.in_channels, lambda row: keys.open(row.token), "channel")


def _unopened(
    look: Look, page: Callable[[Any], Sequence[Any]], open_one: Callable[[Any], Any], kind: str
) -> Iterator[Subject]:
    after: Any = 0
    while rows := look.call(page, after):
        after = rows[-1].key
        for row in rows:
            try:
                open_one(row)
            except Refused:
                yield Subject(f"the {kind} {row.name}", row.name)


BEFORE = (Check("found_bad_vault_keys", "mend_bad_vault_keys", _bad_keys, quick=True),)
CHECKS = (Check("found_lost_secrets", "mend_lost_secrets", _lost, quick=True),)
