"""``lineup …``: the program from a terminal."""

from __future__ import annotations

import importlib
from typing import Any

import click

COMMANDS = {
    "serve": "webapp.cli.serve:serve",
    "login-link": "webapp.cli.people:login_link",
    "token": "webapp.cli.people:token",
    "user": "webapp.cli.people:user",
    "doctor": "webapp.cli.doctor:doctor",
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

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was named."""
        from webapp.domain.errors import Refused

        try:
            return super().invoke(ctx)
        except Refused as refusal:
            raise click.ClickException(str(refusal)) from None


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="lineup-control", prog_name="lineup")
def main() -> None:
    """Lineup: a control room for agents and jobs on your own machines."""
