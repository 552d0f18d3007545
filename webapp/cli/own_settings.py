"""``--setting`` and ``--secret``: an agent's own settings, as the command line can say them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import click

from webapp import sources
from webapp.cli.ending import Code, Ended
from webapp.cli.options import utf8

OPTIONS: list[Callable[[Any], Any]] = [
    click.option(
        "--setting",
        "settings",
        multiple=True,
        metavar="NAME[.KEY]=VALUE",
        help="One of the agent's own, such as url=https://…; read as JSON where it is JSON.",
    ),
    click.option(
        "--secret",
        "secrets",
        multiple=True,
        metavar="NAME[.KEY]=VARIABLE",
        help="The same; its value is that of your variable (and not seen in `ps`).",
    ),
]


def said(settings: Sequence[str], secrets: Sequence[str]) -> dict[str, Any]:
    """The settings that were said; raises Ended for what says nothing."""
    found: dict[str, Any] = {}
    for one in settings:
        name, value = _parted("--setting", one)
        _put(found, "--setting", name, _read(value))
    for one in secrets:
        name, variable = _parted("--secret", one)
        if (secret := sources.variable(variable)) is None:
            raise Ended(Code.USAGE, f"--secret {name}: there is no variable {variable} here.")
        _put(found, "--secret", name, utf8(secret, f"--secret {name}"))
    return found


def _parted(option: str, one: str) -> tuple[str, str]:
    name, sign, value = utf8(one, option).partition("=")
    if not sign or not name:
        raise Ended(Code.USAGE, f"{option}: write NAME=VALUE or NAME.KEY=VALUE, not {one!r}.")
    return name, value


def _put(found: dict[str, Any], option: str, name: str, value: Any) -> None:
    outer, _, key = name.partition(".")
    if not key:
        if outer in found:
            raise Ended(Code.USAGE, f"{option}: {outer} is said twice.")
        found[outer] = value
        return
    inner = found.setdefault(outer, {})
    if not isinstance(inner, dict) or key in inner:
        raise Ended(Code.USAGE, f"{option}: {name} is said twice.")
    inner[key] = value


def _read(value: str) -> Any:
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value
