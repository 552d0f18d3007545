"""Secrets inside of settings: sealed where they are said to lie, opened and masked wherever."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from webapp import vault
from webapp.domain.secrets import masked, merged
from webapp.vault import IsMask, Vault

SECRETS = ("mcp_server_config.mcpServers.*.env", "mcp_server_config.mcpServers.*.headers", "plain")
SETTINGS: dict[str, Any] = {
    "mcp_server_config": {
        "mcpServers": {
            "files.v2": {"command": "npx", "args": ["a"], "env": {"TOKEN": "hunter2-swordfish"}},
            "web": {"url": "https://h/", "headers": {"X-Key": "s3cret"}},
        }
    },
    "plain": "sesame-open-sesame",
    "other": "stays",
}


@pytest.fixture
def keys(tmp_path: Path) -> Vault:
    """A vault with a key of its own."""
    return vault.at(tmp_path)


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of what the disk was made to keep, in that order."""
    names: list[str] = []
    real = os.fsync

    def fsync(number: int) -> None:
        real(number)
        names.append(Path(f"/proc/self/fd/{number}").resolve().name)

    monkeypatch.setattr(os, "fsync", fsync)
    return names


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="asks Linux what was synced")
def test_a_key_is_on_the_disk_before_anything_can_be_sealed_with_it(
    synced: list[str], tmp_path: Path
) -> None:
    keys = vault.at(tmp_path)
    file, directory = synced
    assert (file.split(".")[0], directory) == ("vault_keys", tmp_path.name)

    keys.add_key()
    file, directory = synced[2:]
    assert (file.split(".")[0], directory) == ("vault_keys", tmp_path.name)

    vault.at(tmp_path)
    assert len(synced) == 4, "what is there is not written again"


@pytest.mark.parametrize("name", [vault.SIGNING, vault.KEYS])
def test_what_cannot_be_read_as_a_key_is_refused_with_the_reason(tmp_path: Path, name: str) -> None:
    vault.refuse_unusable(tmp_path)
    (tmp_path / name).mkdir()

    with pytest.raises(vault.KeysUnusable, match=f"{tmp_path / name}.*: Is a directory"):
        vault.refuse_unusable(tmp_path)


def test_a_mask_in_a_secret_place_is_refused_by_the_place(keys: Vault) -> None:
    servers = {"files": {"command": "a", "env": {"TOKEN": "•••"}}}

    with pytest.raises(IsMask) as refusal:
        keys.seal_settings({"mcp_server_config": {"mcpServers": servers}}, SECRETS)

    assert str(refusal.value) == "mcp_server_config.mcpServers.files.env"


def test_only_what_lies_at_the_end_of_a_path_is_sealed(keys: Vault) -> None:
    sealed = keys.seal_settings(SETTINGS, SECRETS)

    servers = sealed["mcp_server_config"]["mcpServers"]
    assert servers["files.v2"]["command"] == "npx"
    assert servers["files.v2"]["args"] == ["a"]
    assert servers["web"]["url"] == "https://h/"
    assert sealed["other"] == "stays"
    for secret in ("swordfish", "s3cret", "sesame-open"):
        assert secret not in str(sealed)
    assert keys.open_settings(sealed) == SETTINGS
    assert keys.open_settings(keys.renewed_settings(sealed)) == SETTINGS
    assert keys.seal_settings({"plain": None, "mcp_server_config": 5}, SECRETS) == {
        "plain": None,
        "mcp_server_config": 5,
    }


def test_what_lies_deep_is_masked_and_a_mask_that_comes_back_stands_for_it(keys: Vault) -> None:
    sealed = keys.seal_settings(SETTINGS, SECRETS)

    shown = masked(sealed)

    servers = shown["mcp_server_config"]["mcpServers"]
    assert servers["files.v2"]["env"] == {"TOKEN": "•••fish"}
    assert servers["web"]["headers"] == {"X-Key": "•••"}
    assert shown["plain"] == "•••same"
    assert merged(sealed, shown) == sealed
