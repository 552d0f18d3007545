"""``lineup service``: have systemd start Lineup at boot, keep it up and stop it well."""

from __future__ import annotations

import os
import pwd
import shutil
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

from webapp import sources
from webapp.cli.ending import Code, Ended
from webapp.cli.setup import settings as read_settings
from webapp.cli.systemd import Place, run
from webapp.sources import PREFIX

if TYPE_CHECKING:
    from webapp.cli.unit import Unit
    from webapp.config import Settings

OF_COMMANDS = {"url", "token", "token_file", "plain_http", "open_browser"}
"""Settings that a server has no use for."""


def _options(function: Any) -> Any:
    for option in (
        click.option("--name", default="lineup", show_default=True, help="The unit's name."),
        click.option("--system/--user", default=False, help="Of the machine, or your own."),
    ):
        function = option(function)
    return function


@click.group()
def service() -> None:
    """Run Lineup as a systemd service: started at boot, restarted after a crash."""


@service.command()
@_options
@click.option("--run-as", metavar="NAME", help="With --system: the user that tasks run as.")
@click.option("--dry-run", is_flag=True, help="Only print the unit.")
@click.option("--to", "directory", metavar="DIR", help="Only write the unit there.")
def install(
    *, name: str, system: bool, run_as: str | None, dry_run: bool, directory: str | None
) -> None:
    """Write the unit, and enable and start it if systemd runs here.

    It serves with the settings of this moment: those of the environment are written into the unit.
    """
    place = Place(name, system=system, directory=directory)
    settings = read_settings()
    unit = _unit(settings, system=system, run_as=run_as, dry_run=dry_run)
    text = unit.text()
    if dry_run:
        click.echo(f"# {place.file}\n{text}", nl=False)
        return
    place.refuse_the_wrong_user()
    if system and not place.aside:
        _make_data(settings.data, unit.user)
    _write(place, text)
    _check(place)
    if place.manager_runs():
        _start(place)
    elif not place.aside:
        click.echo(
            "systemd does not run here (a container, perhaps), so nothing was enabled. Where it "
            f"does: systemctl {place.option} enable --now {name}"
        )


@service.command()
@_options
def uninstall(*, name: str, system: bool) -> None:
    """Stop and disable the service and remove its unit. Tasks, settings and files stay."""
    place = Place(name, system=system)
    place.refuse_the_wrong_user()
    if not place.file.exists():
        raise Ended(Code.REFUSED, f"There is no service at {place.file}.")
    _refuse_foreign(place)
    runs = place.manager_runs()
    if runs:
        code, said = place.ask("disable", "--now", name)
        if code:
            raise Ended(Code.FAILED, f"systemd did not stop it: {said}")
    place.file.unlink()
    if runs:
        place.ask("daemon-reload")
    click.echo(f"{place.file} is removed. Everything in the data directory stays.")


@service.command()
@_options
def status(*, name: str, system: bool) -> None:
    """Say whether it is installed, starts by itself and runs; status 1 if it does not run."""
    place = Place(name, system=system)
    if not place.file.exists():
        click.echo(f"It is not installed: there is no {place.file}.")
        raise SystemExit(int(Code.FAILED))
    click.echo(f"installed: {place.file}")
    if not place.manager_runs():
        click.echo("systemd does not run here, so neither does the service.")
        raise SystemExit(int(Code.FAILED))
    _, enabled = place.ask("is-enabled", name)
    code, active = place.ask("is-active", name)
    click.echo(f"starts by itself: {enabled or 'unknown'}\nruns: {active or 'unknown'}")
    raise SystemExit(int(Code.FAILED) if code else 0)


def _unit(settings: Settings, *, system: bool, run_as: str | None, dry_run: bool) -> Unit:
    from webapp.cli.unit import Unit, Unwritable, how_to_serve, patience_s

    if run_as is not None and not system:
        raise Ended(Code.USAGE, "--run-as goes with --system; a service of your own runs as you.")
    command, directory = how_to_serve(settings.data)
    made = Unit(
        command=command,
        directory=directory,
        environment=_environment(settings, system=system),
        stop_s=patience_s(settings.shutdown_grace_s, settings.stop_grace_s),
        user=_user(settings, run_as, dry_run=dry_run) if system else None,
    )
    try:
        made.text()
    except Unwritable as error:
        raise Ended(Code.USAGE, f"No unit can be written: {error}.") from None
    return made


def _environment(settings: Settings, *, system: bool) -> dict[str, str]:
    """What the server is to find again. Everybody can ask systemd for it, so no secret is in it."""
    if (
        urlsplit(str(settings.database_url)).password
        and "database_url" in sources.read().environment
    ):
        raise Ended(
            Code.USAGE,
            "LINEUP_DATABASE_URL holds a password, and everybody can read a unit: put database_url "
            f"into {settings.data / 'lineup.toml'}, for its owner alone, and unset it.",
        )
    found = {f"{PREFIX}DATA": str(settings.data)}
    if config := sources.variable(f"{PREFIX}CONFIG"):
        found[f"{PREFIX}CONFIG"] = str(Path(config).absolute())
    for name in sorted(sources.read().environment - OF_COMMANDS - {"data", "config"}):
        found[f"{PREFIX}{name.upper()}"] = sources.variable(f"{PREFIX}{name.upper()}") or ""
    if not system and (path := sources.variable("PATH")):
        found["PATH"] = path  # what commands of tasks are found by, as in this terminal
    return found


def _user(settings: Settings, run_as: str | None, *, dry_run: bool) -> str:
    name = run_as or sources.variable("SUDO_USER")
    if not name:
        raise Ended(
            Code.USAGE,
            "Say which user tasks are to run as: --run-as NAME. They can do what that user can.",
        )
    try:
        user = pwd.getpwnam(name)
    except KeyError:
        raise Ended(Code.USAGE, f"--run-as: there is no user {name} on this machine.") from None
    if "data" not in sources.read().environment and settings.data.is_relative_to(Path.home()):
        raise Ended(
            Code.USAGE,
            f"{settings.data} is in your own home. Say where a service of the machine is to keep "
            "its data: LINEUP_DATA=/var/lib/lineup, for example.",
        )
    with suppress(FileNotFoundError):  # it is made at the first start
        owner = settings.data.stat().st_uid
        if owner != user.pw_uid and not dry_run:
            raise Ended(
                Code.USAGE,
                f"{settings.data} belongs to another user than {name}. Give it to that one "
                f"(chown -R {name}), or name another directory in LINEUP_DATA.",
            )
    return name


def _make_data(data: Path, user: str | None) -> None:
    """The directory, for that user alone: in most places it could not make it itself."""
    if user is None or data.exists():
        return
    owner = pwd.getpwnam(user)
    try:
        data.mkdir(parents=True, mode=0o700)
        os.chown(data, owner.pw_uid, owner.pw_gid)
    except OSError as error:
        raise Ended(Code.FAILED, f"{data} could not be made: {error.strerror}.") from None


def _write(place: Place, text: str) -> None:
    before = place.file.read_text("utf-8") if place.file.exists() else None
    if before == text:
        click.echo(f"{place.file} is as it should be.")
        return
    if before is not None:
        _refuse_foreign(place)
    try:
        place.file.parent.mkdir(parents=True, exist_ok=True)
        fresh = place.file.with_suffix(".new")
        fresh.write_text(text, "utf-8")
        fresh.chmod(0o644)
        fresh.replace(place.file)
    except OSError as error:
        raise Ended(Code.FAILED, f"{place.file}: {error.strerror}.") from None
    click.echo(f"{place.file} is {'written' if before is None else 'replaced'}.")


def _refuse_foreign(place: Place) -> None:
    from webapp.cli.unit import MADE_BY

    if MADE_BY not in place.file.read_text("utf-8", "replace"):
        raise Ended(
            Code.REFUSED,
            f"{place.file} was not made by this command, and is left alone. "
            "Move it away, or choose another --name.",
        )


def _check(place: Place) -> None:
    """What systemd itself has against the unit, if it can be asked."""
    if shutil.which("systemd-analyze") is None:
        return
    code, said = run(["systemd-analyze", "verify", place.option, str(place.file)])
    mine = [line for line in said.splitlines() if place.file.name in line]
    if code and mine:
        click.echo("systemd-analyze verify says:\n" + "\n".join(mine), err=True)


def _start(place: Place) -> None:
    for words in (("daemon-reload",), ("enable", place.name), ("restart", place.name)):
        code, said = place.ask(*words)
        if code:
            raise Ended(Code.FAILED, f"systemctl {place.option} {' '.join(words)}: {said}")
    click.echo("It is enabled and started. Its log: " + _log(place))
    if place.system:
        return
    who = pwd.getpwuid(os.geteuid()).pw_name
    code, said = run(["loginctl", "enable-linger", who])
    if code:
        click.echo(
            f"It starts when you log in. To start it at boot: sudo loginctl enable-linger {who}"
            + (f" (now: {said})" if said else "")
        )
    else:
        click.echo("It starts at boot, whether you log in or not.")


def _log(place: Place) -> str:
    return f"journalctl {'-u' if place.system else '--user -u'} {place.name}"
