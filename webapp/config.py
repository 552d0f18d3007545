"""The settings: typed, in range, and refused by name when they are not."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from importlib.util import find_spec
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)

from webapp import sources
from webapp.sources import DEFAULT_HOST, DEFAULT_PORT, PREFIX, SettingsError, default_data

MASK = "***"
DAY_KINDS = ("requests", "tokens", "cost")

POSTGRESQL = ("postgresql", "postgres", "postgresql+psycopg")
INSTALL_PSYCOPG = "make postgresql, or pip install 'lineup-control[postgresql]'"
SECRETS = re.compile(r"(?:(?<=://)|^(?!.*://)).*@|(?<=password=)[^&]*")
"""What of an address is for nobody's eyes: user and password."""


class Settings(BaseModel):
    """Everything that can be set; each is ``LINEUP_`` and its name in capitals."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = Field(DEFAULT_HOST, description="Address to listen on.")
    port: int = Field(DEFAULT_PORT, ge=0, le=65535, description="Port to listen on.")
    data: Path = Field(
        default_factory=default_data,
        description="Directory of the database, workspaces, output and key files.",
    )
    database_url: str = Field(
        "", repr=False, description="Database; empty: SQLite in the data directory."
    )
    auth: Literal["on", "off"] = Field("on", description="off: no login, on loopback only.")
    open_browser: bool = Field(False, description="Open the login link in a browser at start.")
    durability: Literal["full", "normal"] = Field(
        "full", description="normal: faster, but a power cut may lose the last moments."
    )
    allowed_hosts: tuple[str, ...] = Field(
        (), description="Host names, besides the server's own, that requests may name."
    )
    allowed_origins: tuple[str, ...] = Field(
        (), description="Foreign origins that may change things, e.g. a browser extension's."
    )
    public_url: str = Field("", description="The address people use when it is behind a proxy.")
    trusted_proxies: tuple[str, ...] = Field(
        (), description="Addresses or networks of proxies whose forwarding headers count."
    )
    max_pending: int = Field(10_000, ge=1, description="Waiting tasks beyond which 429 is said.")
    min_interval: float = Field(
        1.0,
        ge=1,
        le=86_400,
        allow_inf_nan=False,
        description="Seconds that must lie between two due times of a schedule.",
    )
    max_scheduled: int = Field(
        100_000, ge=1, description="Waiting scheduled tasks beyond which due times are skipped."
    )
    day_requests: int = Field(
        0, ge=0, description="Requests to models on a day, in all; 0: as many as you like."
    )
    day_tokens: int = Field(0, ge=0, description="Tokens in and out on a day; 0: without a bound.")
    day_cost: float = Field(
        0.0, ge=0, allow_inf_nan=False, description="USD for models on a day; 0: without a bound."
    )
    composio_url: str = Field(
        "https://backend.composio.dev", description="Where Composio is: its toolkits are called."
    )
    threads: int = Field(16, ge=2, le=200, description="Requests served at the same time.")
    output_cap_mb: int = Field(64, ge=1, description="Output kept per attempt, in MiB.")
    stop_grace_s: float = Field(
        5.0, ge=0, le=3600, description="Seconds between asking a task to end and ending it."
    )
    shutdown_grace_s: float = Field(
        10.0, ge=0, le=3600, description="Seconds a running task is given at shutdown."
    )
    max_body_mb: int = Field(16, ge=1, description="Size of a request beyond which 413 is said.")
    upload_file_mb: int = Field(512, ge=1, description="Size of one uploaded file, in MiB.")
    upload_total_mb: int = Field(
        2048, ge=1, description="Size of all files that are uploaded together, in MiB."
    )
    upload_files: int = Field(
        100, ge=1, le=1000, description="Files that may be uploaded together."
    )
    keep_tasks_days: int = Field(0, ge=0, description="Days a finished task is kept; 0: for ever.")
    keep_tasks: int = Field(0, ge=0, description="Finished tasks that are kept; 0: all.")
    keep_output_days: int = Field(0, ge=0, description="Days output is kept; 0: with its task.")
    keep_output_mb: int = Field(0, ge=0, description="MiB of output in all; 0: without a bound.")
    keep_workspaces_days: int = Field(
        0, ge=0, description="Days a session's files are kept after its last activity; 0: with it."
    )
    keep_workspaces_mb: int = Field(
        0, ge=0, description="MiB of sessions' files in all; 0: without a bound."
    )
    keep_audit_days: int = Field(0, ge=0, description="Days of the audit log; 0: for ever.")
    keep_occurrences_days: int = Field(
        0, ge=0, description="Days of what became of due times; 0: for ever."
    )
    keep_notices_days: int = Field(0, ge=0, description="Days of what was told; 0: for ever.")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Log from.")
    url: str = Field("", description="Server the commands talk to; empty: this machine's own.")
    token: SecretStr = Field(SecretStr(""), description="Token the commands prove themselves by.")
    token_file: str = Field("", description="File that holds it.")
    plain_http: bool = Field(False, description="Send it to other machines without https.")

    @field_validator(
        "allowed_hosts", "allowed_origins", "trusted_proxies", mode="before", check_fields=True
    )
    @classmethod
    def _split(cls, value: object) -> object:
        return (
            tuple(part.strip() for part in value.split(",") if part.strip())
            if isinstance(value, str)
            else value
        )

    @field_validator("data")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().absolute()

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for entry in value:
            ip_network(entry, strict=False)
        return value

    @field_validator("public_url", "composio_url")
    @classmethod
    def _http(cls, value: str) -> str:
        if value and not value.startswith(("http://", "https://")):
            raise ValueError("must begin with http:// or https://")
        _ = urlsplit(value).port  # raises ValueError where it is no number
        return value.rstrip("/")

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, value: str) -> str:
        scheme, found, rest = value.partition("://")
        if not value or value.startswith("sqlite:///"):
            return value
        if not found or scheme not in POSTGRESQL:
            raise ValueError("must begin with sqlite:/// or postgresql://")
        if find_spec("psycopg") is None:
            raise ValueError(f"PostgreSQL needs psycopg: {INSTALL_PSYCOPG}")
        try:
            _ = urlsplit(value).port
        except ValueError:  # its text may show a part of the password
            raise ValueError("needs %2F, %3A and %40 for /, : and @ in a password") from None
        return f"postgresql+psycopg://{rest}"

    @model_validator(mode="after")
    def _no_open_door(self) -> Self:
        if self.auth == "off" and not self.on_loopback:
            raise ValueError(
                f"LINEUP_AUTH=off would let anybody at {self.host} run commands: "
                "it works only on a loopback address such as 127.0.0.1"
            )
        return self

    @property
    def on_loopback(self) -> bool:
        """Whether only this machine can reach the server."""
        if self.host == "localhost":
            return True
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def sqlalchemy_url(self) -> str:
        """The database that is used."""
        return self.database_url or f"sqlite:///{self.data / 'lineup.db'}"

    @property
    def day_limits(self) -> dict[str, Any]:
        """What may be asked of models on a day, by kind; None: as much as you like."""
        return {kind: getattr(self, f"day_{kind}") or None for kind in DAY_KINDS}

    @property
    def incoming(self) -> Path:
        """Where files lie while they are being sent."""
        return self.data / "incoming"

    @property
    def base_url(self) -> str:
        """The address to print for people."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return self.public_url or f"http://{host}:{self.port}"


def without_secrets(url: str) -> str:
    """An address as it may be shown: without user and password."""
    return SECRETS.sub(lambda found: "***@" if found[0].endswith("@") else "***", url)


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """The settings from ``LINEUP_*`` variables over ``LINEUP_CONFIG`` or ``<data>/lineup.toml``.

    Raises SettingsError that names every setting that is unknown or out of range.
    """
    values = sources.read(environ).values
    _refuse_unknown(values)
    try:
        return Settings(**values)
    except ValidationError as error:
        raise SettingsError("\n".join(_said(problem) for problem in error.errors())) from None


def _refuse_unknown(values: Mapping[str, Any]) -> None:
    known = [*Settings.model_fields, "config"]
    problems = []
    for name in sorted(set(values) - set(known)):
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
        hint = f"; did you mean {PREFIX}{near[0].upper()}?" if near else ""
        problems.append(f"{PREFIX}{name.upper()}: there is no such setting{hint}")
    if problems:
        raise SettingsError("\n".join(problems))


def _said(problem: Any) -> str:
    name = f"{PREFIX}{str(problem['loc'][0]).upper()}: " if problem["loc"] else ""
    text = problem["msg"].removeprefix("Value error, ")
    given = problem["input"]
    if name.startswith(f"{PREFIX}TOKEN:"):
        given = MASK
    elif isinstance(given, str):
        given = without_secrets(given)
    value = f" (got {given!r})" if problem["loc"] else ""
    return f"{name}{text}{value}"
