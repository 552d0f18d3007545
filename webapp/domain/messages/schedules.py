"""What is said of flows, schedules and due times."""

from __future__ import annotations

from webapp.domain.messages.marking import N_

SCHEDULES = {
    # Why a due time was not fired
    "skipped_overlap": N_("The run before it was not finished."),
    "skipped_calendar": N_("Its calendar leaves this day out."),
    "skipped_freeze": N_("The lineup was frozen: %(reason)s"),
    "skipped_lane_draining": N_("Its lane “%(lane)s” was being drained."),
    "skipped_queue_full": N_("%(limit)s scheduled tasks were waiting already."),
    "skipped_replaced": N_("A later due time took its place."),
    "skipped_agent_gone": N_("There is no agent named “%(agent)s” any more."),
    "skipped_refused": N_("Its run was refused: %(reason)s"),
    "skipped_broken": N_("It could not be fired: %(error)s"),
    "skipped_changed": N_("Its schedule was changed before it was fired."),
    "missed_down": N_("Lineup was not running, was too late, or its clock jumped."),
    # Why a run was stopped, or a schedule switched off
    "replaced": N_("The next run of its schedule took its place."),
    "paused_unusable": N_("Its rule cannot be used any more: %(error)s"),
    # What a clock change did to a due time
    "cron_moved": N_("Moved from %(time)s: clocks go forward."),
    "cron_merged": N_("%(count)s due times from %(first)s to %(last)s in one: clocks go forward."),
    "cron_first_of_two": N_("Clocks go back: %(time)s comes twice, and it runs the first time."),
    "cron_again": N_("%(time)s for the second time: clocks went back."),
    # Schedules
    "no_such_schedule": N_("There is no schedule of a flow %(flow_id)s."),
    "schedule_exists": N_("The flow “%(name)s” has a schedule already. Change that one."),
    "changed_meanwhile": N_("Somebody else changed it a moment ago. Load it again."),
    "flow_needs_values": N_(
        "The flow “%(name)s” cannot be scheduled: %(parameters)s must be given with each run. "
        "Give it a default first."
    ),
    # Import
    "import_refused": N_("Nothing is imported. Line %(line)s: %(reason)s"),
    "import_problems": N_("Nothing can be imported: there are %(problems)s problems."),
    "import_problems_one": N_("Nothing can be imported: there is a problem."),
    "import_would": N_("%(flows)s flows would be imported, switched off."),
    "import_would_one": N_("A flow would be imported, switched off."),
    "import_done": N_("%(flows)s flows are imported, switched off."),
    "import_done_one": N_("A flow is imported, switched off."),
    "schedule_removed": N_("The schedule of “%(name)s” is removed. The flow stays."),
}
