"""What the shell agent may say or fail with: codes and their English text."""

MESSAGES = {
    # Why it failed. %(tail)s is the last lines of output.
    "shell_exit": "The command ended with exit code %(code)s. Its last lines:\n%(tail)s",
    "shell_exit_silent": "The command ended with exit code %(code)s and printed nothing.",
    "shell_exit_binary": (
        "The command ended with exit code %(code)s. What it printed last is no text."
    ),
    "shell_not_found": (
        "The shell did not find a command (exit code 127). Its last lines:\n%(tail)s"
    ),
    "shell_not_executable": (
        "The shell could not execute a command (exit code 126). Its last lines:\n%(tail)s"
    ),
    "shell_signal": (
        "The command was ended by signal %(number)s (%(signal)s). Its last lines:\n%(tail)s"
    ),
    "shell_signal_silent": (
        "The command was ended by signal %(number)s (%(signal)s) and printed nothing."
    ),
    "shell_signal_binary": (
        "The command was ended by signal %(number)s (%(signal)s). What it printed last is no text."
    ),
    "shell_signal_inside": (
        "The command ended with exit code %(code)s, which usually means that a part of it was "
        "ended by signal %(number)s (%(signal)s). Its last lines:\n%(tail)s"
    ),
    "shell_missing": "The shell %(shell)s could not be started: %(reason)s.",
    "shell_directory": "The working directory %(directory)s cannot be used: %(reason)s.",
    "shell_too_long": (
        "The command and its environment are longer than this system passes to a process."
    ),
    "shell_cannot_pass": "The command or its environment holds %(what)s: no process can take that.",
    "shell_no_process": "No process could be started: %(reason)s.",
    "shell_supervisor_lost": (
        "The process that watches over the command ended before it, so how the command ended is "
        "not known."
    ),
    # What happened.
    "shell_stopped": (
        "Ended the command: %(count)s processes were told to end, %(forced)s of them by force."
    ),
    "shell_left_behind": (
        "The command left processes running; they were ended: %(count)s in all, %(forced)s of "
        "them by force."
    ),
    "shell_not_ended": (
        "Processes that could not be ended: %(count)s (%(pids)s). They may belong to another user."
    ),
    "shell_not_paused": (
        "Not everything can be paused: %(count)s processes go on (%(pids)s). They may belong to "
        "another user."
    ),
    # Marked lines.
    "shell_step": "%(text)s",
    "shell_steps_enough": "The command reports more than %(limit)s steps: no more are recorded.",
    "shell_result_cut": "The reported result is longer than %(limit)s bytes: the rest was cut.",
    "shell_mark_unknown": (
        "A marked line was not understood: after ::lineup comes progress, step or result. "
        "It was: %(line)s"
    ),
    "shell_mark_progress": (
        "A marked line was not understood: progress takes a percentage from 0 to 100, or a step "
        "and their number such as 4/6, and then a text. It was: %(line)s"
    ),
    "shell_mark_step_empty": (
        "A marked line was not understood: a step needs a text. It was: %(line)s"
    ),
    # Why a control can never work.
    "shell_no_input": "The command was started without standard input, so nothing can be sent.",
}
