"""One run of one command: when it may start, with what around it, and what its end means."""

from __future__ import annotations

import json
import selectors
from contextlib import closing
from typing import Any

from webapp.agents.processes import RUN_MARK, run_mark
from webapp.agents.protocol import AgentFailed, Console, Limits, Result, Work
from webapp.agents.shell.controls import ShellControls
from webapp.agents.shell.launch import CannotPass, Launched, Order
from webapp.agents.shell.outcome import conclude, stopped_result
from webapp.agents.shell.settings import RESERVED, ShellSettings
from webapp.agents.shell.watch import Watch

PARAM = "LINEUP_TASK_PARAM_"


def variables(work: Work) -> dict[str, str]:
    """What a command is told about itself: documented in docs/shell-protocol.md."""
    return {
        "LINEUP_TASK_ID": work.task_id,
        "LINEUP_TASK_ATTEMPT": str(work.attempt),
        "LINEUP_TASK_SESSION": work.session_id,
        "LINEUP_TASK_WORKSPACE": str(work.workspace_dir),
        "LINEUP_TASK_UPLOADS": "\n".join(map(str, work.upload_files)),
        **({"LINEUP_TASK_DUE_AT": work.due_at} if work.due_at else {}),
        **{PARAM + name.upper(): _text(value) for name, value in work.params.items()},
        RUN_MARK: run_mark(work.task_id, work.attempt),
    }


def _text(value: Any) -> str:
    """A parameter as a variable has it: a text as it is, all else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


class ShellRun:
    """Carries out one task. Its thread reads and tells; signals come from the lane's as well."""

    def __init__(
        self, work: Work, console: Console, settings: ShellSettings, limits: Limits
    ) -> None:
        self._work, self._console = work, console
        self._settings, self._limits = settings, limits
        self._directory = settings.working_dir or str(work.workspace_dir)
        self._controls = ShellControls(console)

    def carry_out(self) -> Result:
        with closing(self._controls):
            self._console.steer(self._controls)
            if not self._wait_for_go():
                return Result()
            with closing(self._launch()) as launched:
                watch = Watch(launched, self._controls, self._console, self._limits.stop_grace_s)
                watch.until_nothing_is_left()
        if self._controls.stopping:
            return stopped_result(watch.ending, watch.reported, watch.printed)
        return conclude(
            watch.ending,
            watch.reported,
            watch.printed,
            shell=self._settings.shell,
            directory=self._directory,
        )

    def _wait_for_go(self) -> bool:
        """Wait while the task is paused before it began; false if it is never to begin."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._controls.bell, selectors.EVENT_READ)
            while not self._controls.begin():
                if self._controls.stopping:
                    return False
                self._controls.settle()
                selector.select()
                self._controls.hush()
        self._controls.settle()
        return True

    def _launch(self) -> Launched:
        outside = {
            name: value
            for name, value in self._limits.environment.items()
            if not name.startswith(RESERVED)
        }
        order = Order(
            shell=self._settings.shell,
            command=self._work.task_description,
            directory=self._directory,
            environment={
                **outside,
                **self._settings.env,
                **self._settings.secret_env,
                **variables(self._work),
            },
            mark=run_mark(self._work.task_id, self._work.attempt),
        )
        try:
            return Launched(order, outside, with_input=self._settings.stdin == "open")
        except CannotPass as error:
            raise AgentFailed("shell_cannot_pass", what=str(error)) from error
        except OSError as error:
            raise AgentFailed("shell_no_process", reason=error.strerror) from error
