"""The page that takes in a file: it says what it would do, then does all of it or nothing."""

from __future__ import annotations

import io

from flask.testing import FlaskClient

from tests.web.conftest import Browser

CRONTAB = "MAILTO=me\n# Nightly <b>backup</b>\n0 2 * * * make backup\n*/5 * * * * true\n"


def test_a_file_is_looked_at_before_it_is_stored(browser: Browser, api: FlaskClient) -> None:
    assert "crontab -l" in browser.get("/import").text

    looked = browser.post("/import", {"text": CRONTAB, "look": "1"})

    assert looked.status_code == 200
    assert "2 flows would be stored" in looked.text
    assert "Nightly &lt;b&gt;backup&lt;/b&gt;" in looked.text
    assert "MAILTO is not taken over" in looked.text
    assert "*/5 * * * * true" in looked.text
    assert api.get("/api/flows").get_json()["flows"] == []

    done = browser.post("/import", {"text": CRONTAB, "import": "1"})

    assert done.status_code == 303
    assert "2 flows are imported" in browser.get("/schedules").text
    assert not any(row["is_enabled"] for row in api.get("/api/schedule").get_json())


def test_problems_are_shown_by_line_and_what_was_typed_stays(
    browser: Browser, api: FlaskClient
) -> None:
    browser.get("/import")
    typed = {"text": "0 2 * * * true\n@reboot true\n", "lane": "nightly", "import": "1"}

    answer = browser.post("/import", typed)

    assert answer.status_code == 422
    assert "Line 2" in answer.text
    assert "@reboot true" in answer.text
    assert 'value="nightly"' in answer.text
    assert api.get("/api/flows").get_json()["flows"] == []
    assert "must not be empty" in browser.post("/import", {"text": " "}).text


def test_a_file_may_be_uploaded_instead(browser: Browser) -> None:
    browser.get("/import")
    file = (io.BytesIO(CRONTAB.encode()), "jobs.crontab")

    form = {"csrf_token": browser.form_token, "files": file, "text": "", "look": "1"}
    looked = browser.client.post("/import", data=form)

    assert "2 flows would be stored" in looked.text
    assert "make backup" in looked.text
