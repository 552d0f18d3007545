"""What the program will not do."""

from __future__ import annotations

from webapp.domain.messages.marking import N_

REFUSALS = {
    # Refusals
    "keys_unusable": N_("The keys of secrets cannot be used: %(path)s: %(reason)s."),
    "keys_empty": N_(
        "%(path)s holds no key. Restore it from a backup, or remove it: then a new key is made, "
        "and all secrets have to be entered again."
    ),
    "signing_key_unread": N_(
        "The key in %(path)s, which signs logins, cannot be read: %(reason)s."
    ),
    "signing_key_short": N_(
        "The key in %(path)s, which signs logins, is too short. Remove the file: a new key is "
        "made at the next start, and everybody logs in again."
    ),
    "secret_lost": N_("This secret cannot be opened with this server's keys. Enter it again."),
    "secret_lost_in": N_(
        "A secret in “%(setting)s” cannot be opened with this server's keys: it was sealed with "
        "a key that is not in its vault_keys. Enter it again, or restore that file."
    ),
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
    "ended_unpaused": N_("The run ended before it could pause."),
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
    "no_such_channel": N_("There is no such channel."),
    "channel_name_taken": N_("There is a channel named “%(name)s” already."),
    "too_many_channels": N_("There are %(limit)s channels already; delete one first."),
    "channel_is_off": N_("The channel “%(name)s” is switched off."),
    "no_such_notice": N_("There is no such notice; it was removed with its channel, or is old."),
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
