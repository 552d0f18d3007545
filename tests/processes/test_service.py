"""`lineup service`: the unit it writes is one that systemd reads, and what it names really runs."""

from __future__ import annotations

import getpass
import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner, Result

from tests.processes.server import ROOT, environment, free_port
from tests.waiting import until
from webapp.cli import main

Invoke = Callable[..., Result]
ODD = '50% "of" \\ it $HOME'
"""What a directory may be called."""


@pytest.fixture
def invoke(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Invoke:
    """Call `lineup service` with an own data directory and these settings."""
    monkeypatch.setenv("LINEUP_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("SUDO_USER", raising=False)

    def call(*words: str, **settings: str) -> Result:
        env = {f"LINEUP_{name.upper()}": value for name, value in settings.items()}
        return CliRunner().invoke(main, ["service", *words], env=env)

    return call


def as_user(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Be root (0) or somebody else, as far as the command can tell."""
    monkeypatch.setattr(os, "geteuid", lambda: number)


def read(unit: str) -> dict[str, list[str]]:
    """The settings of a unit as systemd understands them: quotes, then specifiers."""
    found: dict[str, list[str]] = defaultdict(list)
    for line in unit.splitlines():
        name, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found[name].append(value.replace("%%", "%"))
    return found


def test_what_the_unit_names_serves_and_ends_well_when_told(tmp_path: Path) -> None:
    data, port = tmp_path / ODD, free_port()
    env = environment(data=str(data), port=str(port), stop_grace_s="1", shutdown_grace_s="2")
    words = ["service", "install", "--system", "--run-as", getpass.getuser(), "--to", tmp_path]
    subprocess.run(
        [sys.executable, "-m", "webapp.cli", *map(str, words)], cwd=ROOT, env=env, check=True
    )
    unit = read((tmp_path / "lineup.service").read_text())
    assert unit["TimeoutStopSec"] == ["33"]
    assert unit["KillMode"] == ["mixed"]

    given = dict(shlex.split(line)[0].split("=", 1) for line in unit["Environment"])
    [command], [directory] = unit["ExecStart"], unit["WorkingDirectory"]
    server = subprocess.Popen(
        shlex.split(command),
        cwd=directory,
        env={"PATH": os.defpath, **given},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until(lambda: _answers(server, port), patience_s=60)
        assert (data / "lineup.db").exists()
        server.send_signal(signal.SIGTERM)
        assert server.wait(60) == 0
    finally:
        server.kill()
        server.wait()


def _answers(server: subprocess.Popen[bytes], port: int) -> bool:
    assert server.poll() is None
    try:
        return httpx.get(f"http://127.0.0.1:{port}/health").status_code == 200
    except httpx.TransportError:
        return False


@pytest.mark.parametrize("kind", ["--user", "--system"])
def test_systemd_has_nothing_against_the_unit(
    invoke: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setenv("LINEUP_DATA", str(tmp_path / ODD))
    who = ("--run-as", getpass.getuser()) if kind == "--system" else ()

    done = invoke("install", kind, *who, "--to", str(tmp_path))

    assert done.exit_code == 0, done.output
    assert "verify" not in done.output
    if shutil.which("systemd-analyze"):
        file = tmp_path / "lineup.service"
        said = subprocess.run(
            ["systemd-analyze", "verify", kind, file], capture_output=True, text=True, check=False
        )
        assert "lineup.service" not in said.stderr
    unit = read((tmp_path / "lineup.service").read_text())
    assert unit["WantedBy"] == ["default.target" if kind == "--user" else "multi-user.target"]
    assert ("PATH=" in str(unit["Environment"])) == (kind == "--user")


def test_a_dry_run_prints_and_writes_nothing(invoke: Invoke, tmp_path: Path) -> None:
    shown = invoke("install", "--dry-run", port="7499", stop_grace_s="3")

    assert shown.exit_code == 0
    unit = read(shown.stdout)
    assert '"LINEUP_PORT=7499"' in unit["Environment"]
    assert unit["TimeoutStopSec"] == ["43"]
    assert list(tmp_path.iterdir()) == []


def test_a_unit_of_somebody_elses_is_left_alone_and_our_own_is_replaced(
    invoke: Invoke, tmp_path: Path
) -> None:
    file = tmp_path / "lineup.service"
    here = ("--user", "--to", str(tmp_path))

    assert "written" in invoke("install", *here).output
    assert "as it should be" in invoke("install", *here).output
    assert "replaced" in invoke("install", *here, port="7499").output
    file.write_text("[Service]\nExecStart=/bin/true\n")
    refused = invoke("install", *here)

    assert refused.exit_code == 4
    assert "not made by this command" in refused.output
    assert file.read_text() == "[Service]\nExecStart=/bin/true\n"


@pytest.mark.parametrize(
    ("words", "root", "said"),
    [
        (["install"], True, "As root a service of your own would run all tasks as root"),
        (["install", "--system", "--run-as", "root"], False, "root's to install"),
        (["install", "--system"], True, "which user tasks are to run as"),
        (["install", "--system", "--run-as", "nobody-here"], True, "there is no user nobody-here"),
        (["install", "--run-as", "root"], False, "goes with --system"),
        (["install", "--name", "../x"], False, "--name"),
        (["uninstall"], False, "There is no service at"),
        (["uninstall", "--system"], False, "root's to install"),
    ],
)
def test_what_cannot_be_is_refused_in_words(
    *, invoke: Invoke, monkeypatch: pytest.MonkeyPatch, words: list[str], root: bool, said: str
) -> None:
    as_user(monkeypatch, 0 if root else 1000)

    refused = invoke(*words)

    assert refused.exit_code not in (0, 1)
    assert said in refused.output


def test_a_service_of_the_machine_is_not_given_a_directory_in_somebodys_home(
    invoke: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("install", "--system", "--run-as", getpass.getuser(), "--dry-run")
    monkeypatch.delenv("LINEUP_DATA")
    monkeypatch.setenv("HOME", "/")

    assert "LINEUP_DATA=/var/lib/lineup" in invoke(*words).output


def test_a_password_is_not_written_where_everybody_reads_it(invoke: Invoke) -> None:
    refused = invoke("install", "--dry-run", database_url="postgresql://ann:s3cret@db/lineup")

    assert refused.exit_code == 2
    assert "put database_url into" in refused.output
    assert "s3cret" not in refused.output


def test_an_own_service_is_installed_looked_at_and_removed(
    invoke: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_user(monkeypatch, 1000)
    monkeypatch.setenv("PATH", "")  # where no systemctl is found: nobody's real manager is told
    file = tmp_path / "config/systemd/user/lineup.service"

    assert "systemctl --user enable --now lineup" in invoke("install").output
    assert file.stat().st_mode & 0o777 == 0o644
    looked = invoke("status")
    assert (looked.exit_code, str(file) in looked.output) == (1, True)

    assert invoke("uninstall").exit_code == 0
    assert not file.exists()
    assert "not installed" in invoke("status").output
