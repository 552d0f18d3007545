"""Words for toolkits of Composio, and how the account behind one may stand."""

from __future__ import annotations

CREDENTIAL = "composio"
"""Under which name its key is kept."""
NOT_CONNECTED = "not_connected"
NOT_NEEDED = "not_needed"
ACTIVE = "active"
NO_KEY = "no_api_key"
READY = frozenset({ACTIVE, NOT_NEEDED})
"""How the account of a toolkit stands whose tools can be used."""


def status_of(said: str) -> str:
    """Composio's word for how an account stands, as it is stored."""
    return said.lower()[:40] or NOT_CONNECTED
