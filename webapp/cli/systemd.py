"""Where a unit lies, and systemd, which is asked through its own commands."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from webapp import sources
from webapp.cli.ending import Code, Ended

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", re.ASCII)
PATIENCE_S = 90


class Place:
    """Where a unit lies, and the manager that it belongs to."""

    def __init__(self, name: str, *, system: bool, directory: str | None = None) -> None:
        if not NAME.fullmatch(name) or name.endswith(".service"):
            raise Ended(Code.USAGE, "--name: letters, digits, - and _, such as lineup.")
        self.name, self.system = name, system
        self.aside = directory is not None
        """Only to be written somewhere: no manager is to be told."""
        if directory is not None:
            where = Path(directory).absolute()
        elif system:
            where = Path("/etc/systemd/system")
        else:
            base = sources.variable("XDG_CONFIG_HOME") or Path.home() / ".config"
            where = Path(base) / "systemd" / "user"
        self.file = where / f"{name}.service"

    @property
    def option(self) -> str:
        """How systemctl is told which manager is meant."""
        return "--system" if self.system else "--user"

    def refuse_the_wrong_user(self) -> None:
        """Raises Ended where this user cannot have such a service."""
        root = os.geteuid() == 0
        if self.aside:
            return
        if self.system and not root:
            raise Ended(
                Code.NOT_LET_IN,
                "A service of the system is root's to install: sudo lineup service install "
                "--system. Without --system it is a service of your own.",
            )
        if root and not self.system:
            raise Ended(
                Code.USAGE,
                "As root a service of your own would run all tasks as root, and only while root "
                "is logged in. Use --system with --run-as NAME, or be that user.",
            )

    def manager_runs(self) -> bool:
        """Whether systemd is there to be told."""
        if self.aside or not Path("/run/systemd/system").is_dir():
            return False
        return shutil.which("systemctl") is not None and self.ask("show-environment")[0] == 0

    def ask(self, *words: str) -> tuple[int, str]:
        """What systemctl ends with and says."""
        return run(["systemctl", self.option, *words])


def run(command: list[str]) -> tuple[int, str]:
    """What a program ends with and says, on whichever stream."""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=PATIENCE_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return 1, str(error)
    return done.returncode, (done.stdout + done.stderr).strip()
