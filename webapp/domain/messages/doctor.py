"""What the doctor finds, and what it does about it."""

from __future__ import annotations

from webapp.domain.messages.marking import N_

DOCTOR = {
    # What the doctor finds, and what it does about it
    "found_schema": N_("The database is at revision %(at)s; this program works with %(wanted)s."),
    "found_newer_schema": N_(
        "The database is at revision %(at)s, which a newer Lineup made; this one cannot use it."
    ),
    "found_broken_file": N_("The database file is damaged: %(examples)s."),
    "found_misspelt": N_("%(count)s tasks have a status that is none: %(examples)s."),
    "found_dead_run": N_("%(count)s active tasks are run by no living process: %(examples)s."),
    "found_contradiction": N_(
        "%(count)s tasks have a status and times that contradict: %(examples)s."
    ),
    "found_lane_counts": N_("%(count)s lanes count their tasks wrongly: %(examples)s."),
    "found_session_counts": N_(
        "%(count)s sessions are wrong about how many tasks they have or how the newest stands: "
        "%(examples)s."
    ),
    "found_log_holes": N_("%(count)s sessions have a log with missing entries: %(examples)s."),
    "found_open_attempts": N_(
        "%(count)s attempts have no end, and nobody makes them: %(examples)s."
    ),
    "found_unread": N_("%(count)s instructions wait for tasks that are over: %(examples)s."),
    "found_lost_output": N_("%(count)s outputs belong to no task: %(examples)s."),
    "found_lost_workspaces": N_("%(count)s workspaces belong to no session: %(examples)s."),
    "found_missing_files": N_("%(count)s uploaded files are not there any more: %(examples)s."),
    "found_unknown_files": N_("%(count)s files lie among uploads and are none: %(examples)s."),
    "found_search": N_("The index of the search is out of step: %(examples)s."),
    "found_open_keys": N_("Others can read what is for the server alone: %(examples)s."),
    "found_foreign_files": N_("Files belong to another user than this one: %(examples)s."),
    "found_bad_key": N_("The key that signs logins is missing or too short: %(examples)s."),
    "found_bad_vault_keys": N_("The keys of secrets are damaged: %(examples)s"),
    "found_lost_secrets": N_(
        "%(count)s have secrets that the keys here do not open: %(examples)s."
    ),
    "found_stale_next": N_("%(count)s schedules do not wait for their next time: %(examples)s."),
    "found_full_disk": N_("The disk is nearly full: %(examples)s."),
    "found_large_wal": N_("The write-ahead log of the database is large: %(examples)s."),
    "found_future": N_("The clock of this machine may be wrong: %(examples)s."),
    "mend_nothing": N_("It cannot be repaired from here."),
    "mend_schema": N_("The database is migrated, as every start does."),
    "mend_broken_file": N_("Restore a backup; a damaged file is not repaired by guessing."),
    "mend_misspelt": N_("The status is written as it should be; what means none becomes failed."),
    "mend_dead_run": N_(
        "They become failed (interrupted), or wait again where they say so, "
        "and what is left of them is ended."
    ),
    "mend_contradiction": N_("The times are set from the status and the attempts."),
    "mend_lane_counts": N_("The tasks are counted anew."),
    "mend_session_counts": N_("The tasks are counted anew."),
    "mend_log_holes": N_("An entry that says so is put where one is missing."),
    "mend_open_attempts": N_("They end when their task ended, or now."),
    "mend_unread": N_("They are marked as never read."),
    "mend_lost_files": N_("They are moved to “lost” in the data directory; nothing is deleted."),
    "mend_missing_files": N_("They are forgotten, unless a task that is not over was given them."),
    "mend_search": N_("It is built anew; nothing else is written for some seconds meanwhile."),
    "mend_open_keys": N_("They are closed to everybody but their owner."),
    "mend_foreign_files": N_("Give them to the user the server runs as (chown)."),
    "mend_bad_key": N_(
        "Remove the file if it is there: a new key is made at the next start, "
        "and everybody logs in again."
    ),
    "mend_bad_vault_keys": N_(
        "Restore vault_keys from a backup, or remove it and enter all secrets again."
    ),
    "mend_lost_secrets": N_(
        "Restore vault_keys from a backup, or enter the secrets again; until then they fail."
    ),
    "mend_stale_next": N_(
        "The next time is found anew; a rule that cannot be used is switched off. "
        "What nobody fires is fired by a server that is started again."
    ),
    "mend_full_disk": N_("Remove something, or set how long Lineup keeps things."),
    "mend_large_wal": N_("It is written into the database and cut."),
    "mend_future": N_("Set the clock; times that were written stay."),
}
