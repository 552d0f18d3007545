"""Lineup: a control room for agents and jobs. `create_app` assembles the rooms, starts nothing."""

from __future__ import annotations

import functools
import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

# Importing any part of the program runs this file first, and the command line must be quick:
# what the application is made of is imported where it is assembled.
if TYPE_CHECKING:
    from apiflask import APIFlask
    from babel import Locale

    from webapp.config import Settings

    __version__: str

LANGUAGES = ("en",)
MIB = 1024 * 1024


if not TYPE_CHECKING:

    def __getattr__(name: str) -> str:
        if name != "__version__":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return _version()


@functools.cache
def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("lineup-control")
    except PackageNotFoundError:  # run from a checkout that was not installed
        return "0.0.0"


def create_app(settings: Settings | None = None) -> APIFlask:
    """The application with everything wired, and nothing running."""
    from apiflask import APIFlask
    from flask_babel import Babel
    from flask_migrate import Migrate

    from webapp import config, db
    from webapp.doors import converters
    from webapp.sources import HOME

    settings = settings or config.load()
    _make_private(settings.data)
    app = APIFlask(
        __name__,
        title="Lineup",
        version=_version(),
        template_folder=str(HOME / "templates"),
        static_folder=str(HOME / "static"),
        spec_path="/api/openapi.json",
        docs_path=None,
        json_errors=False,
        enable_openapi=True,
    )
    app.config["SECRET_KEY"] = _secret_key(settings)
    app.config["MAX_CONTENT_LENGTH"] = settings.max_body_mb * MIB
    app.url_map.merge_slashes = False  # it would lead programs on by a page
    app.json.sort_keys = False  # type: ignore[attr-defined]
    db.init_app(
        app, settings.sqlalchemy_url, durability=settings.durability, threads=settings.threads
    )
    Migrate(app, db.db, directory=str(HOME / "migrations"), render_as_batch=True)
    Babel(app, locale_selector=_locale)
    converters.init_app(app)
    _wire_ports(app, settings)
    _open_doors(app, settings)
    return app


def _make_private(data: Path) -> None:
    """Have a data directory that is for its owner alone, unless it was shared on purpose."""
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    found = data.stat()
    shared = found.st_mode & (stat.S_ISVTX | stat.S_ISGID)
    if found.st_uid == os.geteuid() and not shared:
        with suppress(OSError):  # some file systems know no modes
            data.chmod(0o700)


def _locale() -> Locale:
    """The reader's language among ours; built once, for every page asks for it."""
    from flask import request

    return _of_language(request.accept_languages.best_match(LANGUAGES) or LANGUAGES[0])


@functools.cache
def _of_language(language: str) -> Locale:
    from babel import Locale

    return Locale.parse(language)


def _wire_ports(app: APIFlask, settings: Settings) -> None:
    from webapp import sources, vault
    from webapp.broker import Broker
    from webapp.courier import Courier
    from webapp.files.trash import Trash
    from webapp.output import OutputStore
    from webapp.ports import KEY, Idle, Ports
    from webapp.prober import Prober
    from webapp.runtime import catalogue

    idle, secrets = Idle(), vault.at(settings.data)
    app.extensions[KEY] = Ports(
        settings=settings,
        agents=catalogue.load(settings, secrets),
        vault=secrets,
        courier=Courier(),
        connections=Prober(environment=sources.inherited()),
        composio=Broker(settings.composio_url),
        output=OutputStore(settings.data / "output", cap=settings.output_cap_mb * MIB),
        trash=Trash(settings.data / "workspaces"),
        wake=idle,
        health=idle,
    )


def _open_doors(app: APIFlask, settings: Settings) -> None:
    from webapp import api, web
    from webapp.doors import receiving

    receiving.init_app(app)
    web.init_app(app, settings)
    api.init_app(app)


def _secret_key(settings: Settings) -> bytes:
    """The key that signs cookies: made once, readable by its owner alone."""
    import secrets

    from webapp.vault import SIGNING, made_once

    return made_once(settings.data / SIGNING, secrets.token_hex(32).encode())
