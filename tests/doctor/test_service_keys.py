"""Keys of services that no key of ours opens any more."""

from __future__ import annotations

import pytest
from apiflask import APIFlask

from tests.doctor.conftest import Ask, codes
from webapp import clock
from webapp.config import Settings
from webapp.ports import KEY
from webapp.services.toolkits import set_key
from webapp.vault import KEYS


@pytest.mark.both_databases
def test_a_key_of_a_service_that_cannot_be_opened_is_named(
    doctor: Ask, settings: Settings, app: APIFlask
) -> None:
    sealed = app.extensions[KEY].vault.seal_settings({"key": "ak_12345678"}, ["key"])
    with app.app_context():
        set_key(sealed["key"], by="ann", now=clock.now())
    assert codes(doctor()) == []

    (settings.data / KEYS).write_text("A" * 43 + "=")

    [finding] = doctor("--repair")["findings"]
    assert finding["code"] == "lost_secrets"
    assert finding["examples"] == ["the key of composio"]
