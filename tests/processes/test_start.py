"""Starting from a terminal: what is refused in one sentence, and how a person gets in."""

from __future__ import annotations

import re
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from tests.processes.server import ROOT, Home, Server, environment
from tests.waiting import until

SERVE = ("-m", "webapp.cli", "serve")


def serve(*door: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run a server that is expected to refuse."""
    return subprocess.run(
        [sys.executable, *(door or SERVE)],
        cwd=ROOT,
        env=environment(**settings),
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"prot": "80"}, "LINEUP_PROT: there is no such setting; did you mean LINEUP_PORT?"),
        (
            {"auth": "off", "host": "0.0.0.0"},
            (
                "LINEUP_AUTH=off would let anybody at 0.0.0.0 run commands: "
                "it works only on a loopback address such as 127.0.0.1"
            ),
        ),
    ],
)
def test_settings_that_cannot_be_are_refused_in_a_sentence(
    tmp_path: Path, settings: dict[str, str], sentence: str
) -> None:
    ended = serve(data=str(tmp_path / "data"), **settings)

    assert ended.returncode == 2
    assert ended.stderr == f"Lineup cannot start with these settings:\n{sentence}\n"
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("name", "content", "remedy"),
    [
        ("secret_key", "", "Remove the file: a new key is made at the next start"),
        ("secret_key", "short", "Remove the file: a new key is made at the next start"),
        ("vault_keys", "\n", "Restore it from a backup, or remove it"),
    ],
)
@pytest.mark.parametrize("door", [SERVE, ("-c", "import wsgi")])
def test_a_file_of_keys_that_holds_none_is_refused_by_name_with_the_remedy(
    tmp_path: Path, name: str, content: str, remedy: str, door: tuple[str, ...]
) -> None:
    (tmp_path / name).write_text(content)

    ended = serve(*door, data=str(tmp_path), port="0")

    assert ended.returncode == 1
    assert ended.stdout == "", "no link is printed"
    [said] = ended.stderr.splitlines()[-1:]
    assert str(tmp_path / name) in said
    assert remedy in said
    assert [path.name for path in tmp_path.iterdir()] == [name], "nothing was made"


def test_a_second_server_on_one_port_is_refused_in_a_sentence_and_harms_nothing(
    home: Home,
) -> None:
    with home.server() as server:
        ended = serve(data=str(home.data), port=str(server.port))

        assert ended.returncode == 1
        assert ended.stderr == (
            f"Lineup cannot listen on 127.0.0.1:{server.port}: Address already in use. "
            "Is it running already? LINEUP_PORT chooses another port.\n"
        )
        assert len(home.query("SELECT * FROM runners")) == 1
        assert server.answers()


def test_two_first_starts_at_once_on_an_empty_directory_both_serve(tmp_path: Path) -> None:
    home = Home(tmp_path / "data", "")
    home.data.mkdir()
    servers = [home.server(), home.server()]
    try:
        for server in servers:
            server.launch()
        for server in servers:
            until(server.answers, server.said)
        assert len(home.query("SELECT * FROM users")) == 1
        assert len(home.query("SELECT * FROM lanes")) == 1
    finally:
        home.close()


def test_the_printed_link_shows_a_button_and_only_the_click_lets_in_once(home: Home) -> None:
    with home.server() as server:
        link = printed_link(server)
        with closing(httpx.Client(follow_redirects=False)) as browser:
            assert browser.get(server.url, headers={"Accept": "text/html"}).status_code == 303
            assert browser.get(link).status_code == 200
            page = browser.get(link)
            assert page.status_code == 200, "to look at it uses up nothing"
            entered = browser.post(link, data={"csrf_token": form_token(page.text)})
            assert entered.status_code == 303, entered.text
            assert browser.get(server.url).status_code == 200

        with closing(httpx.Client()) as somebody_else:
            page = somebody_else.get(link)
            again = somebody_else.post(link, data={"csrf_token": form_token(page.text)})
            assert again.status_code == 401
            assert somebody_else.get(f"{server.url}/api/status").status_code == 401


def test_a_login_link_made_from_the_terminal_works_as_well(home: Home) -> None:
    with home.server() as server:
        made = subprocess.run(
            [sys.executable, "-m", "webapp.cli", "login-link"],
            cwd=ROOT,
            env=server.environment,
            capture_output=True,
            text=True,
            timeout=90,
            check=True,
        )
        link = made.stdout.strip()
        with closing(httpx.Client(follow_redirects=False)) as browser:
            token = form_token(browser.get(link).text)
            assert browser.post(link, data={"csrf_token": token}).status_code == 303


def printed_link(server: Server) -> str:
    """The link in what the server printed."""
    pattern = rf"{re.escape(server.url)}/login/link/\S+"
    until(lambda: re.search(pattern, server.said()), server.said)
    found = re.search(pattern, server.said())
    assert found is not None
    return found[0]


def form_token(page: str) -> str:
    """The hidden token in a page's form."""
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
    assert found is not None, page
    return found[1]
