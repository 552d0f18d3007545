"""Toolkits of Composio: how the account behind one may stand, and what it says when it refuses."""

from __future__ import annotations

from webapp.domain.errors import Refused

CREDENTIAL = "composio"
"""Under which name its key is kept."""
NOT_CONNECTED = "not_connected"
NOT_NEEDED = "not_needed"
INITIATED = "initiated"
ACTIVE = "active"
NO_KEY = "no_api_key"
READY = frozenset({ACTIVE, NOT_NEEDED})
"""How the account of a toolkit stands whose tools can be used."""
LONGEST_STATUS = 40


class ComposioFailed(Refused):
    """Composio did not do as asked, for the reason it gave."""

    status, code = 400, "composio_failed"

    def __init__(self, said: str, *, is_key: bool = False, answered: bool = False) -> None:
        super().__init__(said=said)
        self.said = said
        self.is_key, self.answered = is_key, answered
        """Whether the key is to blame, and whether anybody answered."""


def status_of(said: str) -> str:
    """Composio's word for how an account stands, as it is stored."""
    return said.lower()[:LONGEST_STATUS] or NOT_CONNECTED


def is_address(text: str) -> bool:
    """Whether a browser may be sent there."""
    return text.startswith(("https://", "http://"))
