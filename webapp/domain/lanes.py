"""What a lane may be besides open: paused, when nothing begins; draining, when nothing gets in."""

from __future__ import annotations

OPEN, PAUSED, DRAINING = STATES = ("open", "paused", "draining")

MAX_LANES = 100
"""Each has a thread in every process that runs tasks."""
