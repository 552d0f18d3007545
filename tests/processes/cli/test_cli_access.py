"""How a command finds its server and proves who asks: refused with the remedy, never leaked."""

from __future__ import annotations

import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from tests.processes.cli.commands import Terminal
from tests.processes.server import Server, free_port


@pytest.fixture
def shell(server: Server) -> Terminal:
    """A terminal on the server's machine, without settings for the commands."""
    return Terminal(server)


@pytest.mark.parametrize(
    ("words", "settings", "said"),
    [
        (("--url", "ftp://here"), {}, "no address like"),
        (("--url", "http://me:secret-word@here"), {}, "no name and no password"),
        (("--url", "http://127.0.0.1:port"), {}, "no address like"),
        (("--url", "http://[::1"), {}, "no address like"),
        (("--url", "http://a b"), {"token": "abc", "plain_http": "1"}, "no address like"),
        (("--url", "http://lineup.example"), {"token": "abc"}, "use https"),
        (("--token-file", "/nowhere/token"), {}, "No such file"),
        ((), {"token": "two words"}, "does not hold a token"),
        ((), {"token_file": "/dev/null"}, "does not hold a token"),
        ((), {"ulr": "http://here"}, "did you mean LINEUP_URL?"),
        ((), {"plain_http": "perhaps"}, "LINEUP_PLAIN_HTTP"),
        ((), {"port": "seven"}, "LINEUP_PORT"),
    ],
)
def test_an_address_or_a_token_that_cannot_be_is_refused_in_a_sentence(
    server: Server, words: tuple[str, ...], settings: dict[str, str], said: str
) -> None:
    refused = Terminal(server, **settings).run("status", *words)

    assert refused.status == 2, refused
    assert said in refused.err
    assert "secret-word" not in refused.err
    assert "two words" not in refused.err
    assert refused.out == b""


def test_no_server_is_said_with_the_remedy(server: Server) -> None:
    away = Terminal(server, port=str(free_port())).run("status")

    assert away.status == 6
    assert "onnection refused" in away.err
    assert "`lineup serve` starts it" in away.err


def test_a_directory_without_a_server_gets_no_token_and_no_database(
    server: Server, tmp_path: Path
) -> None:
    for data in (tmp_path, tmp_path / "nowhere"):
        refused = Terminal(server, data=str(data)).run("status")

        assert refused.status == 6
        assert "`lineup serve`" in refused.err
    assert not list(tmp_path.glob("lineup.db*"))


def test_another_machine_is_not_sent_the_token_of_this_one(
    shell: Terminal,
) -> None:
    refused = shell.run("status", "--url", "https://127.0.0.1:1")

    assert refused.status == 5
    assert "LINEUP_TOKEN" in refused.err
    assert not (shell.directory / "cli_token").exists()


def test_another_port_of_this_machine_is_sent_no_token(shell: Terminal) -> None:
    shell.run("status")
    with listening() as (port, asked):
        refused = shell.run("status", "--url", f"http://127.0.0.1:{port}")

    assert refused.status == 5
    assert asked == []


def test_a_server_of_another_kind_and_one_that_sends_on_are_said(server: Server) -> None:
    for status, location, said in ((200, "", "no Lineup server"), (301, "http://x", "sends on")):
        with listening(status, location) as (port, asked):
            url = f"http://127.0.0.1:{port}"
            refused = Terminal(server, token="abc", url=url).run("status")

        assert refused.status == 6
        assert said in refused.err
        assert len(asked) == 1


def test_at_first_use_a_token_is_made_that_only_its_owner_can_read(
    server: Server, shell: Terminal
) -> None:
    assert shell.run("status").status == 0

    kept = server.home.data / "cli_token"
    made = kept.read_text()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert shell.run("status").status == 0
    assert kept.read_text() == made
    listed = shell.run("token", "list").text
    assert listed.count("command line\toperate") == 1
    assert made not in server.said()


def test_two_first_uses_at_once_make_one_token(server: Server, shell: Terminal) -> None:
    (server.home.data / "cli_token").unlink(missing_ok=True)
    both = [shell.begin("status"), shell.begin("status")]

    assert [process.wait(30) for process in both] == [0, 0]

    assert shell.run("token", "list").text.count("command line") == 1
    for process in both:
        process.communicate()


def test_a_revoked_token_is_said_and_no_other_is_made_until_its_file_is_removed(
    server: Server, shell: Terminal
) -> None:
    assert shell.run("status").status == 0
    [line] = [row for row in shell.run("token", "list").text.split("\n") if "command line" in row]
    assert shell.run("token", "revoke", line.split("\t")[0]).status == 0
    kept = server.home.data / "cli_token"
    revoked = kept.read_text()

    refused = shell.run("status")

    assert refused.status == 5
    assert str(kept) in refused.err
    assert "remove that file" in refused.err
    assert revoked not in refused.err
    assert kept.read_text() == revoked

    kept.unlink()
    assert shell.run("status").status == 0


def test_the_option_wins_over_the_setting_and_the_setting_over_the_file(
    server: Server, tmp_path: Path
) -> None:
    good = tmp_path / "token"
    good.write_text(f"{server.home.token}\n")
    terminal = Terminal(server, token="lineup_wrong", token_file=str(good))

    assert terminal.run("status").status == 5
    assert terminal.run("status", "--token-file", str(good)).status == 0
    assert Terminal(server, token_file=str(good)).run("status").status == 0
    assert Terminal(server, token=server.home.token, url=server.url).run("status").status == 0


def test_what_the_file_of_settings_says_counts_for_the_commands_too(
    server: Server, tmp_path: Path
) -> None:
    (tmp_path / "lineup.toml").write_text(
        f'url = "{server.url}"\ntoken = "{server.home.token}"\nthreads = 4\n'
    )

    assert Terminal(server, data=str(tmp_path)).run("status").status == 0


@contextmanager
def listening(status: int = 200, location: str = "") -> Iterator[tuple[int, list[str]]]:
    """Some other web server, and the paths it was asked for."""
    asked: list[str] = []

    class Other(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(status)
            self.send_header("Content-Length", "2")
            if location:
                self.send_header("Location", location)
            self.end_headers()
            self.wfile.write(b"hi")

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Other) as other:
        thread = threading.Thread(target=other.serve_forever)
        thread.start()
        yield other.server_port, asked
        other.shutdown()
        thread.join()


def test_a_command_that_asks_a_server_does_not_load_one(server: Server) -> None:
    shell = Terminal(server, token=server.home.token)
    ran = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "webapp.cli", "status"],
        cwd=shell.directory,
        env=shell.environment,
        capture_output=True,
        text=True,
        timeout=90,
        check=True,
    )

    loaded = {line.rpartition("|")[2].strip() for line in ran.stderr.splitlines()}
    assert "httpx" in loaded
    assert not loaded & {"flask", "pydantic", "sqlalchemy", "waitress", "webapp.config"}
