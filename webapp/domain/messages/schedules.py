"""What is said of flows, schedules and due times."""

from __future__ import annotations

from webapp.domain.messages.marking import N_

SCHEDULES = {
    # Why a due time was not fired
    "skipped_overlap": N_("The run before it was not finished."),
    "skipped_calendar": N_("Its calendar leaves this day out."),
    "skipped_freeze": N_("The lineup was frozen: %(reason)s"),
    "skipped_queue_full": N_("%(limit)s scheduled tasks were waiting already."),
    "missed_down": N_("Lineup was not running, or its clock jumped."),
}
