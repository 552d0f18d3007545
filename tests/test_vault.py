"""Secrets inside of settings: sealed where they are said to lie, opened and masked wherever."""

from __future__ import annotations

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
