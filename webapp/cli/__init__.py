"""``lineup …``: the program from a terminal."""

from __future__ import annotations

import importlib
from typing import Any

import click

from webapp.cli import terminal
from webapp.cli.ending import Code, Ended, Interrupted, away, of_answer, told

COMMANDS = {
    "serve": "webapp.cli.serve:serve",
    "submit": "webapp.cli.submit:submit",
    "status": "webapp.cli.status:status",
    "upload": "webapp.cli.files:upload",
    "tasks": "webapp.cli.tasks:tasks",
    "show": "webapp.cli.tasks:show",
    "output": "webapp.cli.tasks:output",
    "wait": "webapp.cli.tasks:wait",
    "pause": "webapp.cli.controls:pause",
    "resume": "webapp.cli.controls:resume",
    "stop": "webapp.cli.controls:stop",
    "instruct": "webapp.cli.controls:instruct",
    "end-input": "webapp.cli.controls:end_input",
    "rerun": "webapp.cli.submit:rerun",
    "delete": "webapp.cli.tasks:delete",
    "freeze": "webapp.cli.controls:freeze",
    "thaw": "webapp.cli.controls:thaw",
    "flows": "webapp.cli.flows:flows",
    "schedules": "webapp.cli.schedules:schedules",
    "import": "webapp.cli.exchange:bring_in",
    "export": "webapp.cli.exchange:write_out",
    "lanes": "webapp.cli.lanes:lanes",
    "config": "webapp.cli.config:config",
    "completion": "webapp.cli.completion:completion",
    "login-link": "webapp.cli.people:login_link",
    "token": "webapp.cli.people:token",
    "user": "webapp.cli.people:user",
    "backup": "webapp.cli.backup:backup",
    "restore": "webapp.cli.backup:restore",
    "retention": "webapp.cli.retention:retention",
    "doctor": "webapp.cli.doctor:doctor",
    "keys": "webapp.cli.keys:keys",
    "service": "webapp.cli.service:service",
}
"""Every command and where it lies; it is imported when it is named, for some take long."""


class Commands(click.Group):
    """Finds commands when they are named, and says what is refused as a sentence."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every command there is, in the order of ``COMMANDS``."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, imported now."""
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name].partition(":")
        found: click.Command = getattr(importlib.import_module(module), attribute)
        return found

    def main(self, *args: Any, **given: Any) -> Any:
        """Run under one name, however the program was started."""
        return super().main(*args, **{"prog_name": "lineup", **given})

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was named."""
        from webapp.domain.errors import Refused

        terminal.prepare(ctx)
        try:
            return super().invoke(ctx)
        except Refused as refusal:
            raise Ended(of_answer(refusal.status, refusal.code), str(refusal)) from None
        except Interrupted as interrupted:
            raise SystemExit(int(interrupted.code)) from None
        except KeyboardInterrupt:
            raise SystemExit(int(Code.INTERRUPTED)) from None
        except BrokenPipeError:
            terminal.let_go()
            raise SystemExit(int(Code.NOBODY_READS)) from None
        except Exception as error:
            if (reason := away(error)) is None:
                raise
            raise Ended(Code.UNREACHABLE, f"The database cannot be used: {reason}") from None


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=told(),
)
@click.version_option(package_name="lineup-control", prog_name="lineup")
def main() -> None:
    """Lineup: a control room for agents and jobs on your own machines."""
