"""``lineup serve``: migrates, then serves and works, in one process."""

from __future__ import annotations

import gc
import os
import signal
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TextIO

import click

from webapp import clock
from webapp.cli.setup import application, usable_keys

if TYPE_CHECKING:
    from apiflask import APIFlask

    from webapp.config import Settings


@click.command()
def serve() -> None:
    """Serve the pages and run the tasks, in the foreground."""
    gc.disable()  # while all is imported there is nothing to collect: a sixth of the start
    from webapp import ports, runtime

    usable_keys()
    app = application()
    settings: Settings = app.extensions[ports.KEY].settings
    server = _listen(app, settings)
    numbers = [signal.SIGTERM, signal.SIGINT]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as nohup has it
        numbers.append(signal.SIGHUP)
    for number in numbers:
        signal.signal(number, lambda _number, _frame: _leave(app))
    gc.freeze()  # to look through what stays holds everybody up for a tenth of a second
    gc.enable()
    try:
        runtime.start(app)
        with app.app_context():
            _greet(settings)
        server.run()
    finally:
        with suppress(OSError):  # the terminal may be gone
            click.echo("Lineup is shutting down…", err=True)
        runtime.stop(app)
        for stream in (sys.stdout, sys.stderr):
            _let_go(stream)


def _let_go(stream: TextIO) -> None:
    """What a full disk or a closed terminal did not take must not spoil the exit status."""
    try:
        stream.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _listen(app: APIFlask, settings: Settings) -> Any:
    from webapp.cli.server import listen

    try:
        return listen(app, settings)
    except OSError as error:
        click.echo(
            f"Lineup cannot listen on {settings.host}:{settings.port}: {error.strerror}. "
            "Is it running already? LINEUP_PORT chooses another port.",
            err=True,
        )
        raise SystemExit(1) from None


def _greet(settings: Settings) -> None:
    from webapp.queries import people as people_queries
    from webapp.services import people

    click.echo(f"Lineup serves at {settings.base_url}")
    url = settings.base_url
    if settings.auth == "off":
        click.echo("Login is off: everybody on this machine can run commands through it.")
    elif not people_queries.has_password():
        secret = people.new_login_link(None, clock.now())
        url = f"{settings.base_url}/login/link/{secret}"
        click.echo(f"Log in once within 15 minutes with this link:\n\n    {url}\n")
    if settings.open_browser:
        import webbrowser

        webbrowser.open(url)


def _leave(app: APIFlask) -> None:
    """The first signal ends serving and claiming; a second one cuts short what runs."""
    from webapp import runtime

    if runtime.leave(app):
        sys.exit(0)
