"""What is said of lanes."""

from __future__ import annotations

from webapp.domain.messages.marking import N_

LANES = {
    "no_such_lane": N_("There is no lane named “%(lane)s”."),
    "lane_exists": N_("There is a lane named “%(lane)s” already."),
    "too_many_lanes": N_("There are %(limit)s lanes already, which is the most there may be."),
    "lane_is_main": N_("The lane “%(lane)s” is the one every server has; its name stays."),
    "lane_has_active": N_("In the lane “%(lane)s” a task is active. Stop it first, or wait."),
    "lane_has_waiting": N_("In the lane “%(lane)s” %(waiting)s tasks wait. Drain or stop them."),
    "lane_named_by_flow": N_("The flow “%(flow)s” runs in the lane “%(lane)s”. Change it first."),
    "lane_named_by_flows": N_(
        "The flow “%(flow)s” and %(count)s more run in the lane “%(lane)s”. Change them first."
    ),
    "lane_being_renamed": N_(
        "The lane “%(lane)s” was renamed to “%(to)s”; its finished tasks are being moved. "
        "Its old name is free when that is done."
    ),
    "lane_draining": N_("The lane “%(lane)s” is being drained: it takes nothing new.%(because)s"),
    "lane_already_paused": N_("The lane “%(lane)s” is paused already."),
    "lane_already_draining": N_("The lane “%(lane)s” is being drained already."),
    "lane_not_paused": N_("The lane “%(lane)s” is not paused."),
    "lane_not_draining": N_("The lane “%(lane)s” is not being drained."),
    "lane_created_done": N_("There is a lane “%(lane)s” now."),
    "lane_renamed_done": N_("The lane “%(lane)s” is called “%(to)s” now."),
    "lane_paused_done": N_(
        "The lane “%(lane)s” is paused: nothing begins in it; what runs goes on."
    ),
    "lane_resumed_done": N_("The lane “%(lane)s” goes on."),
    "lane_drained_done": N_(
        "The lane “%(lane)s” is being drained: it takes nothing new; what waits and runs goes on."
    ),
    "lane_opened_done": N_("The lane “%(lane)s” takes tasks again."),
    "lane_deleted_done": N_("The lane “%(lane)s” is deleted; its finished tasks stay."),
}
