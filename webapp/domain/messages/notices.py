"""What people are told of their flows, wherever they are."""

from __future__ import annotations

from webapp.domain.messages.marking import N_

NOTICES = {
    "told_failed": N_("“%(flow)s” failed: %(error)s"),
    "told_failed_in_row": N_(
        "“%(flow)s” failed %(count)s times in a row. The last time: %(error)s"
    ),
    "told_recovered": N_("“%(flow)s” works again."),
    "told_missed": N_(
        "“%(flow)s” was due at %(first)s and was not run: "
        "Lineup was not running then, was too late, or its clock jumped."
    ),
    "told_missed_many": N_(
        "“%(flow)s” was due %(count)s times from %(first)s to %(last)s and was not run: "
        "Lineup was not running then, was too late, or its clock jumped."
    ),
    "told_paused": N_(
        "The schedule of “%(flow)s” was switched off after %(count)s failures in a row. "
        "The last time: %(error)s"
    ),
    "told_unusable": N_("The schedule of “%(flow)s” was switched off: %(error)s"),
    "told_flow_budget_requests": N_(
        "“%(flow)s” has used %(part)s %% of its budget of %(limit)s requests for today."
    ),
    "told_flow_budget_tokens": N_(
        "“%(flow)s” has used %(part)s %% of its budget of %(limit)s tokens for today."
    ),
    "told_flow_budget_cost": N_(
        "“%(flow)s” has used %(part)s %% of its budget of %(limit)s USD for today."
    ),
    "told_day_budget_requests": N_(
        "%(part)s %% of the day's budget of %(limit)s requests to models is used."
    ),
    "told_day_budget_tokens": N_("%(part)s %% of the day's budget of %(limit)s tokens is used."),
    "told_day_budget_cost": N_(
        "%(part)s %% of the day's budget of %(limit)s USD for models is used."
    ),
    "title_budget": N_("The budget of %(flow)s is nearly used up"),
    "title_budget_day": N_("The day's budget for models is nearly used up"),
    "title_failed": N_("%(flow)s failed"),
    "title_recovered": N_("%(flow)s works again"),
    "title_missed": N_("%(flow)s was not run"),
    "title_paused": N_("%(flow)s was switched off"),
    "title_several": N_("%(count)s notices from Lineup"),
    "title_test": N_("Lineup can reach you"),
    "told_test": N_(
        "This is a test of the channel “%(name)s”. Notices of flows will look like it."
    ),
    "channel_was_switched_off": N_("The channel was switched off before it was sent."),
    "channel_created": N_("The channel “%(name)s” is there; send it a test."),
    "channel_changed": N_("The channel “%(name)s” is changed."),
    "channel_deleted": N_("The channel “%(name)s” is deleted, and its log with it."),
    "sent_again": N_("It is on its way again."),
    "paused_after_failures": N_("Switched off after %(count)s failures in a row: %(error)s"),
}
