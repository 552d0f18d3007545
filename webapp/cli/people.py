"""``lineup login-link|token|user``: who may get in, from the machine itself."""

from __future__ import annotations

from dataclasses import asdict

import click

from webapp import clock
from webapp.cli import options
from webapp.cli.setup import application
from webapp.domain.scopes import Scope

BY = "cli"


@click.command("login-link")
def login_link() -> None:
    """Print a link that logs its reader in once, within 15 minutes."""
    from webapp import ports
    from webapp.services import people

    app = application()
    with app.app_context():
        secret = people.new_login_link(None, clock.now())
        click.echo(f"{app.extensions[ports.KEY].settings.base_url}/login/link/{secret}")


@click.group()
def token() -> None:
    """Make, list and revoke API tokens."""


@token.command("create")
@click.argument("name")
@click.option(
    "--scope", type=click.Choice([scope.value for scope in Scope]), default=Scope.OPERATE.value
)
def create_token(name: str, scope: str) -> None:
    """Make a token called NAME and print it; it is not shown again."""
    from webapp.services import people

    app = application()
    with app.app_context():
        click.echo(people.create_token(_owner(), name, scope, by=BY, now=clock.now()))


@token.command("list")
@options.as_json
def list_tokens(as_json: bool) -> None:
    """List the tokens that are in force: number, name, scope and ending."""
    from webapp.queries import people

    app = application()
    with app.app_context():
        found = people.tokens(_owner())
        if as_json:
            rows = [{**asdict(row), "created_at": row.created_at.isoformat()} for row in found]
            options.show_json({"tokens": rows})
            return
        for row in found:
            click.echo(f"{row.token_id}\t{row.name}\t{row.scope}\t…{row.ending}")


@token.command("revoke")
@click.argument("token_id", type=int)
def revoke_token(token_id: int) -> None:
    """Put a token out of force."""
    from webapp.services import people

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
    from webapp.services import people

    app = application()
    with app.app_context():
        people.set_password(_owner(), current=None, new=password, address=BY, now=clock.now())
        click.echo("The password is set.")


def _owner() -> int:
    from webapp.services import people

    return people.ensure_owner(clock.now())
