"""``lineup …``: the program from a terminal."""

from __future__ import annotations

import click

from webapp.cli.people import login_link, token, user
from webapp.cli.serve import serve


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="lineup-control", prog_name="lineup")
def main() -> None:
    """Lineup: a control room for agents and jobs on your own machines."""


for command in (serve, login_link, token, user):
    main.add_command(command)
