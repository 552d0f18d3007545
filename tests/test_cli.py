"""The commands that need no server: who may get in, from a terminal."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from webapp.cli import main
from webapp.config import Settings
from webapp.sources import PREFIX

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(autouse=True)
def _own_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINEUP_DATA", str(tmp_path / "data"))


def lineup(*words: str) -> Result:
    return CliRunner().invoke(main, words)


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("token", "create", "nightly"), 4, "already"),
        (("token", "revoke", "99"), 4, "no such token"),
        (("user", "password", "--password", "short"), 2, "8"),
    ],
)
def test_what_is_refused_is_one_sentence_and_a_status(
    words: tuple[str, ...], status: int, said: str
) -> None:
    lineup("token", "create", "nightly")

    refused = lineup(*words)

    assert refused.exit_code == status
    assert said in refused.output
    assert "Traceback" not in refused.output


def test_a_token_is_shown_once_listed_by_its_ending_and_revoked() -> None:
    secret = lineup("token", "create", "nightly", "--scope", "read").output.strip()
    listed = lineup("token", "list").output
    assert secret.startswith("lineup_")
    assert secret not in listed
    assert f"…{secret[-4:]}" in listed

    assert lineup("token", "revoke", listed.split()[0]).exit_code == 0

    assert lineup("token", "list").output == ""
    assert json.loads(lineup("token", "list", "--json").output) == {"tokens": []}


def test_a_login_link_is_printed() -> None:
    assert "/login/link/" in lineup("login-link").output


def test_every_setting_is_listed_with_its_source_the_file_of_settings_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = [line.split("\t") for line in lineup("config").output.splitlines()]

    assert {name for name, _, _ in listed} == {
        f"{PREFIX}{name.upper()}" for name in [*Settings.model_fields, "config"]
    }
    assert ["LINEUP_CONFIG", str(tmp_path / "data" / "lineup.toml"), "default"] in listed

    (tmp_path / "mine.toml").write_text("threads = 5\n")
    monkeypatch.setenv("LINEUP_CONFIG", str(tmp_path / "mine.toml"))
    assert f"LINEUP_CONFIG\t{tmp_path / 'mine.toml'}\tenvironment" in lineup("config").output


def test_a_command_that_is_not_used_costs_nothing() -> None:
    heavy = {"flask", "pydantic", "sqlalchemy", "httpx", "waitress"}
    program = (
        "import sys; from webapp.cli import main; main(['--help'], standalone_mode=False); "
        f"print(sorted({heavy} & set(sys.modules)))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, text=True
    )

    assert ran.stdout.splitlines()[-1] == "[]", ran.stderr
