"""Help: the documentation as pages, and the page that shows the API."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from tests.web.conftest import Browser
from webapp.web import documents
from webapp.web.documents import Addresses

LINK = re.compile(r'href="([^"]*)"')
NAMES = documents.names()


@pytest.mark.parametrize(
    "name", ["nothing", "..", "%2e%2e%2fREADME", "README", "api.md", "pictures"]
)
def test_what_is_no_page_of_the_documentation_is_not_found(browser: Browser, name: str) -> None:
    assert browser.get(f"/help/{name}").status_code == 404


def test_what_is_no_picture_of_it_is_not_found(browser: Browser) -> None:
    for name in ("none.png", "api.md", "..%2fREADME.md"):
        assert browser.get(f"/help/pictures/{name}").status_code == 404


@pytest.mark.parametrize("path", ["/help", "/help/shell-protocol", "/api/docs"])
def test_help_is_for_those_who_are_logged_in(anonymous: FlaskClient, path: str) -> None:
    answer = anonymous.get(path, headers={"Accept": "text/html"})

    assert (answer.status_code, answer.location) == (303, f"/login?next={path}")


@pytest.mark.parametrize("name", NAMES)
def test_a_page_has_a_title_a_summary_and_sections_to_link_to(browser: Browser, name: str) -> None:
    page = browser.get(f"/help/{name}").text
    overview = browser.get("/help").text

    assert page.count("<h1") == 1
    for section in re.findall(r'<a href="#([^"]+)">', page):
        assert page.count(f' id="{section}"') == 1, section
    assert f'href="/help/{name}"' in overview


@pytest.mark.parametrize("name", NAMES)
def test_every_link_of_a_page_leads_somewhere(browser: Browser, name: str) -> None:
    article = browser.get(f"/help/{name}").text.partition("<article")[2].partition("</article")[0]
    for target in LINK.findall(article):
        if target.startswith("http"):
            continue
        path, _, anchor = target.partition("#")
        answer = browser.get(path or f"/help/{name}")
        assert answer.status_code == 200, target
        assert not anchor or f' id="{anchor}"' in answer.text, target
    for picture in re.findall(r'<img src="([^"]+)"', article):
        assert browser.get(picture).mimetype == "image/png"


def test_a_page_can_do_no_harm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "DIRECTORY", tmp_path)
    (tmp_path / "x.md").write_text(
        "# T\n\n<script>alert(1)</script> [x](javascript:alert(1)) <img src=x onerror=alert(1)>"
    )

    html = documents.read("x", Addresses(str, str)).html

    assert "<script" not in html
    assert "<img" not in html
    assert 'href="javascript' not in html


def test_the_api_is_listed_for_those_without_javascript(browser: Browser) -> None:
    page = browser.get("/api/docs").text

    assert "<code>/api/tasks/submit</code>" in page.partition("<noscript>")[2]
