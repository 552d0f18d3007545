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
