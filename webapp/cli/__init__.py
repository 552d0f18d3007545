"""``lineup …``: the program from a terminal."""

from __future__ import annotations

from typing import Any

import click

from webapp.cli.people import login_link, token, user
from webapp.cli.serve import serve
from webapp.domain.errors import Refused


class Commands(click.Group):
    """Says what is refused as a sentence, and ends with status 1."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was named."""
        try:
            return super().invoke(ctx)
        except Refused as refusal:
            raise click.ClickException(str(refusal)) from None


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="lineup-control", prog_name="lineup")
def main() -> None:
    """Lineup: a control room for agents and jobs on your own machines."""


for command in (serve, login_link, token, user):
    main.add_command(command)
