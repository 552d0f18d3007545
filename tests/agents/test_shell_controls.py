"""Pause, resume, stop and kill reach every process, at any moment of a run."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from tests.agents.recording import RecordingConsole, Run, gone, pids_in, state_of, until
from webapp.agents.protocol import AgentFailed
from webapp.agents.shell import ShellAgent

Start = Callable[..., Run]

HIDERS = r"""
say() { echo "pid $1"; }
say $$
sh -c 'echo "pid $$"; exec sleep 300' &
timeout 300 sh -c 'echo "pid $$"; exec sleep 300' &
setsid sh -c 'echo "pid $$"; exec sleep 300' &
env -i /usr/bin/setsid /bin/sh -c 'echo "pid $$"; exec /bin/sleep 300' &
(setsid sh -c 'sleep 300 & echo "pid $!"; exec sleep 300' &)
sh -c '(sh -c "(setsid sh -c \"sleep 300 & echo pid \\\$!\" &)" &)'
"""
"""Processes that a process group does not hold: each prints its number."""
HIDDEN = 7
STILL = {"T", "D"}
"""Stopped, or a shell in vfork that waits for a child which was stopped before it could exec."""


def hiders(start: Start, rest: str = "wait", **settings: object) -> tuple[Run, list[int]]:
    run = start(HIDERS + rest, **settings)
    until(lambda: len(pids_in(run.console.text)) == HIDDEN or run.over)
    return run, pids_in(run.console.text)


def test_stop_ends_processes_however_they_hide(start: Start) -> None:
    run, pids = hiders(start)
    run.controls.stop(5.0)
    result = run.result()
    assert gone(*pids)
    assert result.exit_code == 128 + 15
    ended = run.console.params("shell_stopped")
    assert ended["count"] >= HIDDEN
    assert ended["forced"] == 0


def test_what_a_command_leaves_behind_is_ended_and_counted(start: Start) -> None:
    run, pids = hiders(start, rest="exit 0")
    assert run.result().exit_code == 0
    assert len(pids) <= HIDDEN
    assert gone(*pids_in(run.console.text))
    assert run.console.params("shell_left_behind")["count"] >= HIDDEN - 1


def test_what_finishes_printing_after_its_shell_is_left_to_finish(start: Start) -> None:
    run = start("(sleep 0.1; echo last words) & echo first")
    assert run.result().text == "first\nlast words"
    assert run.console.said == []


def test_a_command_that_ignores_sigterm_is_killed_after_the_grace(start: Start) -> None:
    run = start("trap '' TERM; sleep 300 & echo \"pid $!\"; echo ready; while :; do sleep 1; done")
    run.printed("ready")
    run.controls.stop(0.2)
    assert run.result().exit_code == 128 + 9
    assert gone(*pids_in(run.console.text))
    assert run.console.params("shell_stopped")["forced"] >= 2


def test_a_command_may_clean_up_when_it_is_stopped(start: Start) -> None:
    clean_up = 'sleep 0.05; sh -c "echo cleaned up"; exit 0'
    run = start(f"trap '{clean_up}' TERM; echo ready; while :; do sleep 0.01; done")
    run.printed("ready")
    run.controls.stop(5.0)
    assert run.result().exit_code == 0
    assert "cleaned up" in run.console.text
    assert run.console.params("shell_stopped")["forced"] == 0


def test_no_next_step_begins_because_an_earlier_one_was_ended(start: Start) -> None:
    for _ in range(5):
        run = start("echo ready; sleep 300; echo next step")
        run.printed("ready")
        run.controls.stop(5.0)
        run.result()
        assert run.console.text == "ready\n"


def test_pause_stops_everything_and_resume_continues_it(start: Start) -> None:
    run, pids = hiders(start, rest="while :; do echo tick; sleep 0.01; done")
    run.printed("tick")
    run.controls.pause()
    until(lambda: run.console.effects == ["paused"])
    assert {state_of(pid) for pid in pids} <= STILL
    printed = len(run.console.output)
    run.controls.resume()
    until(lambda: run.console.effects == ["paused", "resumed"])
    until(lambda: len(run.console.output) > printed)
    assert "T" not in {state_of(pid) for pid in pids}


def test_pause_catches_a_command_that_keeps_forking(start: Start) -> None:
    run = start('while :; do (true &); echo "pid $$"; done')
    run.printed("pid")
    run.controls.pause()
    until(lambda: run.console.effects == ["paused"])
    assert state_of(pids_in(run.console.text)[0]) in STILL
    run.controls.stop(5.0)
    run.result()


def test_a_paused_command_can_be_stopped(start: Start) -> None:
    run, pids = hiders(start)
    run.controls.pause()
    until(lambda: run.console.effects == ["paused"])
    run.controls.stop(5.0)
    run.result()
    assert gone(*pids)
    assert run.console.params("shell_stopped")["forced"] == 0
    assert run.console.effects == ["paused"]


def test_pausing_twice_is_told_once_and_every_pause_has_its_resume(start: Start) -> None:
    run = start("echo ready; cat")
    run.printed("ready")
    for times in (1, 2, 3):
        run.controls.pause()
        run.controls.pause()
        until(lambda: run.console.effects[-1:] == ["paused"])
        run.controls.resume()
        run.controls.resume()
        until(lambda: run.console.effects == ["paused", "resumed"] * times)  # noqa: B023
    run.controls.kill()
    run.result()


def test_kill_ends_everything_at_once(start: Start) -> None:
    run, pids = hiders(start)
    run.controls.kill()
    run.result()
    assert gone(*pids)
    ended = run.console.params("shell_stopped")
    assert ended["forced"] == ended["count"] >= HIDDEN


def test_a_second_stop_can_only_be_sooner(start: Start) -> None:
    run = start("trap '' TERM; echo ready; while :; do sleep 1; done")
    run.printed("ready")
    run.controls.stop(300.0)
    run.controls.stop(0.0)
    run.controls.stop(300.0)
    assert run.result(within_s=5.0).exit_code == 128 + 9


def test_a_stop_during_the_end_of_leftovers_ends_them_sooner(start: Start) -> None:
    run = start(
        "(trap '' TERM; echo \"pid $$\"; while :; do sleep 1; done) & exit 0", grace_s=300.0
    )
    run.printed("pid")
    run.controls.stop(0.1)
    run.result(within_s=5.0)
    assert gone(*pids_in(run.console.text))


def test_leftovers_that_ignore_sigterm_are_killed(start: Start) -> None:
    run = start("(trap '' TERM; while :; do sleep 1; done) & exit 0", grace_s=0.2)
    assert run.result().exit_code == 0
    assert run.console.params("shell_left_behind")["forced"] >= 1


@pytest.mark.parametrize("wish", ["stop", "kill"])
def test_a_stop_that_came_before_the_command_starts_nothing(start: Start, wish: str) -> None:
    console = RecordingConsole(
        wish_before=lambda controls: controls.stop(5.0) if wish == "stop" else controls.kill()
    )
    result = start("echo started", console=console).result()
    assert (result.text, result.exit_code, console.text) == (None, None, "")


def test_a_pause_that_came_before_the_command_holds_its_start(start: Start) -> None:
    console = RecordingConsole(wish_before=lambda controls: controls.pause())
    run = start("echo started", console=console)
    until(lambda: console.effects == ["paused"])
    assert console.text == ""
    run.controls.resume()
    run.result()
    assert console.effects == ["paused", "resumed"]
    assert console.text == "started\n"


def test_a_command_paused_before_its_start_can_be_stopped(start: Start) -> None:
    run = start("x", console=RecordingConsole(wish_before=lambda controls: controls.pause()))
    until(lambda: run.console.effects == ["paused"])
    run.controls.stop(5.0)
    assert run.result().exit_code is None


def test_controls_after_the_end_do_nothing(start: Start) -> None:
    run = start("true")
    run.result()
    run.controls.pause()
    run.controls.resume()
    run.controls.stop(0.0)
    run.controls.kill()
    assert run.console.effects == []


def test_controls_from_many_threads_at_any_moment_do_no_harm(start: Start) -> None:
    for _ in range(5):
        run = start("for n in 1 2 3 4 5; do sleep 0.02; done & wait")
        calls = [run.controls.pause, run.controls.resume] * 4
        threads = [threading.Thread(target=call) for call in calls]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        run.controls.resume()
        assert run.result().exit_code == 0
        told = run.console.effects
        assert told == ["paused", "resumed"] * (len(told) // 2)


def test_a_failure_after_a_stop_is_no_failure(start: Start) -> None:
    run = start("trap 'exit 9' TERM; echo ::lineup result kept; echo ready; sleep 300 & wait")
    run.printed("ready")
    run.controls.stop(5.0)
    result = run.result()
    assert (result.text, result.exit_code) == ("kept", 9)


def test_a_command_that_kills_its_supervisor_fails_and_is_ended(start: Start) -> None:
    run = start('echo "pid $$"; kill -9 $PPID; sleep 300')
    with pytest.raises(AgentFailed) as failed:
        run.result()
    assert failed.value.message == "shell_supervisor_lost"
    assert gone(*pids_in(run.console.text))


def test_a_command_that_signals_its_supervisor_does_not_disturb_it(start: Start) -> None:
    run = start("for s in TERM INT HUP QUIT; do kill -$s $PPID; done; echo still here")
    assert run.result().text == "still here"


def test_a_command_that_stops_its_supervisor_still_ends(start: Start) -> None:
    run = start("kill -STOP $PPID; echo stopped it; exit 3")
    with pytest.raises(AgentFailed) as failed:
        run.result(within_s=5.0)
    assert failed.value.exit_code == 3


def test_every_message_said_has_its_parameters(start: Start) -> None:
    run, _ = hiders(start)
    run.controls.stop(5.0)
    run.result()
    for code, params in run.console.said:
        assert ShellAgent.messages[code] % params
