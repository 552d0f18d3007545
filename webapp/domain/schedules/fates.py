"""What may become of a due time, and what a schedule may wish for when things are not as usual."""

from __future__ import annotations

FIRED, SKIPPED, MISSED = FATES = ("fired", "skipped", "missed")
"""Its task was made; it was not wanted then; nobody was there."""

OVERLAPS = ("skip", "queue_one", "queue_all", "replace")
"""When a run of the flow is not final yet."""

CATCH_UPS = ("skip", "once", "all")
"""When due times passed while nobody was there."""

DEFAULT_GRACE_S = 300.0
EACH_BY_ITSELF = 1_000
"""So many due times of an outage or freeze have a row each; beyond that one row is a range."""
