"""What is said of tasks: their log, why they failed, and what was asked of them."""

from __future__ import annotations

from webapp.domain.messages.marking import N_

TASKS = {
    # The log of a session
    "attempt_started": N_("Attempt %(attempt)s began."),
    "attempt_failed": N_(
        "Attempt %(attempt)s failed, and the next one begins in %(seconds)s s: %(error)s"
    ),
    "attempt_interrupted": N_("Attempt %(attempt)s: %(error)s It is run again."),
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
    "cancelled_between": N_("The task was stopped before its next attempt began."),
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
    "submitted_waiting": N_("The task is in the lineup; others in its lane: %(waiting)s."),
}
