"""``lineup login-link|token|user``: who may get in, from the machine itself."""

from __future__ import annotations

import click

from webapp import clock, ports
from webapp.cli.setup import application
from webapp.queries import people as people_queries
from webapp.services import people

BY = "cli"


@click.command("login-link")
def login_link() -> None:
    """Print a link that logs its reader in once, within 15 minutes."""
    app = application()
    with app.app_context():
        secret = people.new_login_link(None, clock.now())
        click.echo(f"{app.extensions[ports.KEY].settings.base_url}/login/link/{secret}")


@click.group()
def token() -> None:
    """Make, list and revoke API tokens."""


@token.command("create")
@click.argument("name")
@click.option("--scope", type=click.Choice(["read", "operate", "admin"]), default="operate")
def create_token(name: str, scope: str) -> None:
    """Make a token called NAME and print it; it is not shown again."""
    app = application()
    with app.app_context():
        click.echo(people.create_token(_owner(), name, scope, by=BY, now=clock.now()))


@token.command("list")
def list_tokens() -> None:
    """List the tokens that are in force."""
    app = application()
    with app.app_context():
        for row in people_queries.tokens(_owner()):
            click.echo(f"{row.token_id}\t{row.name}\t{row.scope}\t…{row.ending}")


@token.command("revoke")
@click.argument("token_id", type=int)
def revoke_token(token_id: int) -> None:
    """Put a token out of force."""
    app = application()
    with app.app_context():
        people.revoke_token(_owner(), token_id, by=BY, now=clock.now())
        click.echo("The token is revoked.")


@click.group()
def user() -> None:
    """Manage who may log in."""


@user.command("password")
@click.password_option()
def password(password: str) -> None:
    """Set the owner's password; other logins end."""
    app = application()
    with app.app_context():
        people.set_password(_owner(), current=None, new=password, address=BY, now=clock.now())
        click.echo("The password is set.")


def _owner() -> int:
    return people.ensure_owner(clock.now())
