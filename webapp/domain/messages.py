"""Every sentence that is stored or answered: a stable code and its English text.

Stored and API texts are English; pages translate from the code with the same parameters.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def N_(text: str) -> str:  # noqa: N802 - gettext's name for "to be translated later"
    """Mark a text for translation and leave it as it is."""
    return text


MESSAGES: dict[str, str] = {
    # The log of a session
    "attempt_started": N_("Attempt %(attempt)s began."),
    "attempt_failed": N_(
        "Attempt %(attempt)s failed: %(error)s The next one begins in %(seconds)s s."
    ),
    "completed": N_("Completed."),
    "failed": N_("Failed: %(error)s"),
    "stopped": N_("Stopped."),
    "stopped_because": N_("Stopped: %(reason)s"),
    "paused": N_("Paused."),
    "paused_because": N_("Paused: %(reason)s"),
    "resumed": N_("Going on."),
    "pause_asked": N_("%(by)s asked for a pause."),
    "pause_asked_because": N_("%(by)s asked for a pause: %(reason)s"),
    "resume_asked": N_("%(by)s asked to go on."),
    "resume_asked_because": N_("%(by)s asked to go on: %(reason)s"),
    "stop_asked": N_("%(by)s asked to stop."),
    "stop_asked_because": N_("%(by)s asked to stop: %(reason)s"),
    "end_input_asked": N_("%(by)s ended the input."),
    "end_input_asked_because": N_("%(by)s ended the input: %(reason)s"),
    "output_trouble": N_("Output could not be written: %(reason)s"),
    "abandoned": N_(
        "The agent did not stop when asked. It was left behind; "
        "its code may run until the server restarts."
    ),
    "entry_lost": N_("Entry %(index)s of this log was lost."),
    # Why a task failed
    "crashed": N_("The agent crashed: %(error)s"),
    "timed_out": N_("It ran longer than its limit of %(limit)s s."),
    "went_silent": N_("It printed nothing for %(limit)s s."),
    "waited_too_long": N_("It waited longer than it was allowed to."),
    "agent_gone": N_("There is no agent named “%(agent)s” any more."),
    "workspace_unusable": N_("Its workspace cannot be used: %(error)s"),
    "interrupted": N_("interrupted: the server that ran it died."),
    "interrupted_by_shutdown": N_("interrupted: the server was shut down."),
    "interrupted_by_restore": N_("interrupted: it was running when the backup was made."),
    "interrupted_unknown": N_("interrupted: it was marked as active, but nothing ran it."),
    "failed_somehow": N_("It failed, and gave no reason."),
    # What keeps tasks from being run
    "nothing_runs": N_("Nothing runs tasks: what is submitted waits."),
    "lane_dead": N_("The worker of the lane “%(lane)s” is dead; only a restart brings it back."),
    "ticks_late": N_("The scheduler of this server has not ticked for %(seconds)s s."),
    # Controls
    "pause_taken": N_("The task is asked to pause."),
    "resume_taken": N_("The task is asked to go on."),
    "stop_taken": N_("The task is asked to stop."),
    "pause_done": N_("The task is paused."),
    "resume_done": N_("The task goes on."),
    "stop_done": N_("The task is stopped."),
    "cancelled": N_("The task was stopped before it began."),
    "instruction_taken": N_("The instruction is on its way to the task."),
    "end_input_taken": N_("The end of the input is on its way to the task."),
    "uploaded": N_("%(count)s files were stored."),
    "uploaded_one": N_("The file was stored."),
    "file_deleted_done": N_("The file is deleted."),
    "task_deleted_done": N_("The task is deleted."),
    "not_begun": N_("There was no time left for it; ask again."),
    "many_done": N_("Done: %(done)s. Refused: %(refused)s. Not begun: %(left)s."),
    "session_deleted_done": N_("The session is deleted, with its tasks and its workspace."),
    "submitted": N_("The task is in the lineup."),
    "submitted_frozen": N_("The task is in the lineup, which is frozen: %(reason)s"),
    "frozen_done": N_("The lineup is frozen: what runs goes on, and nothing new begins."),
    "thawed_done": N_("The lineup moves again."),
    "submitted_waiting": N_("The task is in the lineup; %(waiting)s before it."),
    # Backup and restore
    "backup_no_database": N_("There is no SQLite database at %(path)s to save."),
    "backup_no_place": N_("There is no directory %(path)s."),
    "backup_exists": N_("%(path)s is there already; a backup replaces nothing."),
    "backup_disk_full": N_("There is not enough space in %(path)s: %(reason)s. Nothing is left."),
    "backup_failed": N_("The backup failed: %(reason)s. Nothing is left of it."),
    "backup_no_file": N_("There is no file %(path)s."),
    "backup_not_ours": N_("This is no backup of Lineup, or one of a later format."),
    "backup_damaged": N_("The backup is damaged: %(reason)s."),
    "backup_bad_member": N_("The archive holds %(name)s, which no backup does: %(reason)s."),
    "backup_newer": N_(
        "The backup was made by Lineup %(lineup)s with schema %(at)s; "
        "this one knows schemas up to %(wanted)s only."
    ),
    "postgresql_no_program": N_(
        "%(program)s of PostgreSQL %(version)s or newer is needed, on the PATH or below "
        "/usr/lib/postgresql. Install it (Debian: sudo apt install postgresql-client-%(version)s)."
    ),
    "restore_elsewhere": N_(
        "LINEUP_DATABASE_URL names a file: a restored database lies in the data directory. "
        "Unset it."
    ),
    "restore_of_sqlite": N_(
        "The backup is of a SQLite database: unset LINEUP_DATABASE_URL to restore it to a file."
    ),
    "restore_of_postgresql": N_(
        "The backup is of a PostgreSQL database: name an empty one in LINEUP_DATABASE_URL."
    ),
    "restore_other_schema": N_(
        "The backup's tables lie in the schema %(there)s, those of this database in %(here)s."
    ),
    "restore_not_empty_database": N_(
        "The database is not empty: there are tables in its schema %(schema)s. Choose another "
        "database, or --replace to move them aside."
    ),
    "restore_failed_database": N_(
        "The database was not restored: %(reason)s. Nothing in it was changed."
    ),
    "restore_in_use": N_("A server runs on %(path)s (process %(pid)s on %(host)s). Stop it first."),
    "restore_not_empty": N_(
        "%(path)s is not empty. Choose another directory, or --replace to move aside what is there."
    ),
    "restore_failed": N_("%(path)s was not restored: %(reason)s. Nothing in it was changed."),
    "restore_busy": N_("Somebody else is restoring to %(path)s just now."),
    "retention_busy": N_("Another process is removing things just now. Try again later."),
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
    "found_full_disk": N_("The disk is nearly full: %(examples)s."),
    "found_large_wal": N_("The write-ahead log of the database is large: %(examples)s."),
    "found_future": N_("The clock of this machine may be wrong: %(examples)s."),
    "mend_nothing": N_("It cannot be repaired from here."),
    "mend_schema": N_("The database is migrated, as every start does."),
    "mend_broken_file": N_("Restore a backup; a damaged file is not repaired by guessing."),
    "mend_misspelt": N_("The status is written as it should be; what means none becomes failed."),
    "mend_dead_run": N_("They become failed (interrupted), and what is left of them is ended."),
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
    "mend_bad_key": N_("A new key is made at the next start; everybody logs in again."),
    "mend_full_disk": N_("Remove something, or set how long Lineup keeps things."),
    "mend_large_wal": N_("It is written into the database and cut."),
    "mend_future": N_("Set the clock; times that were written stay."),
    # Refusals
    "refused": N_("That cannot be done."),
    "invalid": N_("Some of what was sent cannot be used."),
    "invalid_field": N_("%(field)s: %(reason)s"),
    "bad_json": N_("The body is not readable as JSON: %(reason)s"),
    "unauthorized": N_("Log in, or send an API token."),
    "token_unknown": N_("This API token is unknown or was revoked."),
    "forbidden": N_("This is not allowed."),
    "scope_missing": N_("This needs a token with the scope “%(scope)s”; yours has “%(has)s”."),
    "foreign_origin": N_("A request that changes something may not come from %(origin)s."),
    "host_unknown": N_("This server does not answer to the name “%(host)s”."),
    "not_local": N_("With LINEUP_AUTH=off only this machine is answered, and no proxy."),
    "csrf_failed": N_("The form was too old or not ours: %(reason)s Load the page again."),
    "login_failed": N_("That name and password do not belong together."),
    "login_link_invalid": N_("This link was used, or is too old. Ask for a new one."),
    "login_is_off": N_("Login is off (LINEUP_AUTH=off); there is nothing to log in to."),
    "password_wrong": N_("This is not the current password."),
    "password_changed_meanwhile": N_("The password was changed a moment ago. Load the page again."),
    "token_name_taken": N_("There is a token named “%(name)s” already."),
    "no_such_token": N_("There is no such token, or it was revoked already."),
    "no_such_user": N_("There is no user named “%(name)s”."),
    "too_many": N_("Too much at once. Try again in %(retry_after_s)s s."),
    "too_many_failures": N_("Too many failed tries. Try again in %(retry_after_s)s s."),
    "queue_full": N_("The lineup is full: %(limit)s tasks wait. Try again in %(retry_after_s)s s."),
    "not_found": N_("There is no such thing here."),
    "no_such_task": N_("There is no task %(task_id)s."),
    "no_such_file": N_("There is no such file."),
    "file_outside": N_("This path leads out of the workspace."),
    "file_is_link": N_("This is a link, or lies behind one; links are not followed."),
    "file_is_special": N_("This is no regular file."),
    "file_unreadable": N_("This file cannot be read: %(reason)s."),
    "file_too_large": N_("“%(name)s” is larger than %(limit)s MiB."),
    "too_many_files": N_("“%(name)s” is one file too many: at most %(limit)s are taken at once."),
    "file_in_use": N_("The task %(task_id)s was given this file and is not over yet."),
    "bad_multipart": N_("The body is not readable as multipart/form-data: %(reason)s"),
    "uploads_unusable": N_("Files cannot be stored here: %(path)s is no directory."),
    "disk_full": N_("The disk is full. Nothing was stored."),
    "not_writable": N_("It could not be written: %(reason)s. Nothing was stored."),
    "no_active_task": N_("No task is active in the lane “%(lane)s”."),
    "conflict": N_("That cannot be done as things stand."),
    "nothing_done": N_("Nothing was done: all %(refused)s were refused; each says why."),
    "task_running": N_("The lane “%(lane)s” is busy. Send when_busy=queue to wait in line."),
    "illegal_move": N_("A task that is %(status)s cannot %(move)s."),
    "lost_attempt": N_("Attempt %(attempt)s of the task is not under way any more."),
    "already_final": N_("The task is %(status)s already; this comes too late."),
    "not_running_yet": N_("The task still waits; it does not run yet."),
    "already_paused": N_("The task is paused already."),
    "not_paused": N_("The task is not paused."),
    "being_stopped": N_("The task is being stopped."),
    "input_ended": N_("The input of this task has been ended."),
    "too_many_instructions": N_("The task has not taken its last %(limit)s instructions yet."),
    "already_frozen": N_("The lineup is frozen already."),
    "not_frozen": N_("The lineup is not frozen."),
    "not_final": N_("The task is %(status)s: only a finished task can be deleted. Stop it first."),
    "no_such_session": N_("There is no session %(session_id)s."),
    "session_not_final": N_(
        "The task %(task_id)s of this session is %(status)s: "
        "only a session whose tasks are finished can be deleted. Stop it first."
    ),
    "session_being_deleted": N_("The session %(session_id)s is being deleted."),
    "gone": N_("It was deleted."),
    "task_deleted": N_("The task %(task_id)s of this Idempotency-Key was deleted."),
    "idempotency_key_reused": N_("This Idempotency-Key was sent before with another body."),
    "unprocessable": N_("That contradicts what was said before."),
    "wrong_media_type": N_("Send the body as %(expected)s."),
    "too_large": N_("The request is larger than %(limit)s MiB."),
    "too_many_parts": N_("The request has more fields, or longer ones, than are taken."),
    "method_not_allowed": N_("This address does not take %(method)s."),
    "server_error": N_("Something went wrong here. It is in the server's log."),
    "database_away": N_("The database does not answer. Nothing was stored; try again."),
}


def learn(more: Mapping[str, str]) -> None:
    """Add the codes of a plug-in; it cannot change what a code already says."""
    for code, text in more.items():
        MESSAGES.setdefault(code, text)


def sentence(code: str, params: Mapping[str, Any]) -> str:
    """The English text of a code; what is no code is already a text."""
    template = MESSAGES.get(code)
    return code if template is None else template % dict(params)
