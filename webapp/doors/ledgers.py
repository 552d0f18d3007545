"""What has to go before a schedule or its flow does, so that its removal holds up nobody."""

from __future__ import annotations

import time

from webapp.services.firing import ledger

BREATH_S = 0.02


def clear(flow_id: str) -> None:
    """Remove the ledger of a flow's schedule piece by piece, but for the last one."""
    while ledger.shorten(flow_id):
        time.sleep(BREATH_S)  # others have their turn
