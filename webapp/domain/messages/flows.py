"""What is said of flows, and what will not be done with them."""

from __future__ import annotations

from webapp.domain.messages.marking import N_

FLOWS = {
    "no_such_flow": N_("There is no flow %(flow_id)s."),
    "no_such_hook": N_("There is no such web hook, or it was revoked."),
    "hook_not_set": N_("This flow has no web hook."),
    "flow_name_taken": N_("There is a flow named “%(name)s” already."),
    "flow_scheduled": N_(
        "The flow “%(name)s” has a schedule (%(rule)s). "
        "Delete it with its schedule (cascade=true), or the schedule first."
    ),
    "flow_changed": N_("The flow was changed a moment ago. Load it again."),
    "flow_deleted_done": N_("The flow is deleted."),
    "flow_deleted_open": N_("The flow is deleted; %(open)s runs of it are not over, and go on."),
    "hook_made_done": N_(
        "Keep this address: it is shown this once, and whoever has it can run the flow."
    ),
    "hook_revoked_done": N_("The web hook is revoked: its address does nothing any more."),
}
