"""Files and reports on pages: attached to what is composed, listed, deleted, and shown harmless."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.uploading import sent
from tests.web.conftest import Browser
from webapp import runtime
from webapp.config import Settings
from webapp.services.submissions import Submitted

XSS = "<script>alert(1)</script><img src=x onerror=alert(1)>"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Files of at most one MiB."""
    return settings.model_copy(update={"upload_file_mb": 1})


@pytest.fixture
def post(browser: Browser) -> Callable[..., Any]:
    """Send a form with files, as a browser without JavaScript does."""

    def send(path: str, *files: tuple[str, bytes], **fields: str) -> Any:
        body = sent(*files, csrf_token=browser.form_token, **fields)
        return browser.client.post(path, **body)

    return send


@pytest.fixture
def ran(app: Any, browser: Browser, post: Any, becomes: Any) -> Any:
    """Run a command to its end; its row."""

    def run(command: str) -> Any:
        browser.get("/")
        post("/tasks", task_description=command, agent="shell", when_busy="queue", **PLAIN)
        runtime.start(app)
        task_id = browser.call("GET", "/api/tasks").get_json()["tasks"][0]["task_id"]
        row = becomes(task_id, "completed")
        runtime.stop(app)
        return row

    return run


PLAIN = {"lane": "main", "priority": "normal", "stdin": "open"}


def test_a_form_with_files_and_without_its_token_stores_nothing(
    browser: Browser, settings: Settings
) -> None:
    body = sent(("a.txt", b"x"), task_description="true", agent="shell", **PLAIN)

    assert browser.client.post("/tasks", **body).status_code == 403
    assert not list(settings.data.glob("workspaces/*/uploads/*"))


def test_what_was_typed_stays_when_a_file_is_too_large(browser: Browser, post: Any) -> None:
    browser.get("/")
    large = ("large.bin", bytes(1024 * 1024 + 1))

    refused = post("/tasks", large, task_description="echo typed", agent="shell", **PLAIN)

    assert refused.status_code == 422
    assert "echo typed" in refused.text
    assert "large.bin” is larger than 1 MiB" in refused.text
    assert browser.call("GET", "/api/files").get_json()["total_count"] == 0


def test_files_stay_attached_when_something_else_is_wrong(browser: Browser, post: Any) -> None:
    browser.get("/")
    refused = post("/tasks", ("a.txt", b"hello"), task_description=" ", agent="shell", **PLAIN)
    [file] = browser.call("GET", "/api/files").get_json()["files"]
    assert refused.status_code == 422
    assert f'value="{file["file_id"]}"' in refused.text

    taken = post(
        "/tasks",
        task_description="cat uploads/a.txt",
        agent="shell",
        upload_file_ids=file["file_id"],
        **PLAIN,
    )

    assert taken.status_code == 303
    [task] = browser.call("GET", "/api/tasks").get_json()["tasks"]
    assert task["session_id"] == file["session_id"]
    assert [given["path"] for given in task["upload_files"]] == [file["file_path"]]


def test_a_form_with_files_that_is_sent_twice_is_taken_once(browser: Browser, post: Any) -> None:
    browser.get("/")
    keyed = {"task_description": "true", "agent": "shell", "idempotency_key": "once", **PLAIN}
    answers = [post("/tasks", ("a.txt", b"x"), **keyed) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [303, 303]
    assert len(browser.call("GET", "/api/tasks").get_json()["tasks"]) == 1
    assert browser.call("GET", "/api/files").get_json()["total_count"] == 1


def test_a_task_that_is_edited_is_offered_its_files_again(browser: Browser, post: Any) -> None:
    browser.get("/")
    post("/tasks", ("a.txt", b"x"), task_description="true", agent="shell", **PLAIN)
    [task] = browser.call("GET", "/api/tasks").get_json()["tasks"]

    page = browser.get(f"/?edit={task['task_id']}").text

    assert task["upload_files"][0]["file_id"] in page


def test_files_of_a_task_and_its_session_are_listed_and_more_can_be_added(
    browser: Browser, submit: Callable[..., Submitted], post: Any, settings: Settings
) -> None:
    task = submit(session_id="s")
    browser.get("/")
    back = f"/tasks/{task.task_id}/files"
    added = post("/sessions/s/files", (f"{XSS}.txt", b"hello"), back=back)
    (settings.data / f"workspaces/s/made {XSS.replace('/', '')}").write_text("made")

    assert (added.status_code, added.location) == (303, back)
    for address in (back, "/sessions/s/files"):
        page = browser.get(address).text
        assert XSS not in page
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
        assert "made &lt;script&gt;" in page
    elsewhere = post("/sessions/s/files", ("b.txt", b"x"), back="//evil.example")
    assert elsewhere.location == "/sessions/s/files"
    assert post("/sessions/nobody/files", ("b.txt", b"x")).status_code == 404


def test_a_file_is_deleted_after_asking_once(
    browser: Browser, submit: Callable[..., Submitted], post: Any
) -> None:
    submit(session_id="s")
    browser.get("/")
    post("/sessions/s/files", ("a.txt", b"hello"))
    [file] = browser.call("GET", "/api/files").get_json()["files"]

    asked = browser.get(f"/files/{file['file_id']}/ask/delete?back=/sessions/s/files")
    assert "a.txt" in asked.text
    assert Path(file["file_path"]).exists()

    gone = browser.post(f"/files/{file['file_id']}/delete", {"back": "/sessions/s/files"})
    assert gone.location == "/sessions/s/files"
    assert not Path(file["file_path"]).exists()
    assert browser.get(f"/files/{file['file_id']}/ask/delete").status_code == 404


def test_a_download_within_a_workspace_goes_no_further(
    browser: Browser, submit: Callable[..., Submitted], settings: Settings
) -> None:
    submit(session_id="s")
    (settings.data / "workspaces/s").mkdir(parents=True)

    for path in ("../../secret_key", "/../../secret_key", "a\0b"):
        answer = browser.client.get("/sessions/s/files/download", query_string={"path": path})
        assert answer.status_code == 403, path
    assert browser.get("/sessions/s/files/download?path=none").status_code == 404


def test_a_task_without_report_says_where_one_would_come_from(
    browser: Browser, submit: Callable[..., Submitted]
) -> None:
    page = browser.get(f"/tasks/{submit().task_id}/report").text

    assert "There is no report yet." in page
    assert "<iframe" not in page


def test_a_page_that_a_task_wrote_is_shown_in_a_frame_without_power(
    browser: Browser, ran: Any
) -> None:
    task = ran(f"mkdir reports; echo '{XSS}' > reports/index.html; echo x > reports/data.csv")
    shown = browser.get(f"/tasks/{task.task_id}/report").text
    address = f"/tasks/{task.task_id}/report/1/index.html"
    raw = browser.client.get(address, buffered=True)

    assert 'sandbox="allow-scripts"' in shown
    assert f'src="{address}"' in shown
    assert XSS not in shown
    assert "data.csv" in shown
    policy = raw.headers["Content-Security-Policy"]
    assert policy.startswith("sandbox allow-scripts;")
    assert "allow-same-origin" not in policy
    assert "default-src 'none'" in policy
    assert "connect-src" not in policy
    assert raw.headers["X-Frame-Options"] == "SAMEORIGIN"
    assert raw.headers["X-Content-Type-Options"] == "nosniff"
    saved = browser.client.get(f"{address}?download=1", buffered=True)
    assert saved.headers["Content-Disposition"].startswith("attachment")
    assert task.report_path.endswith("/reports/index.html")


def test_markdown_of_a_task_is_cleaned_and_may_show_what_lies_beside_it(
    browser: Browser, ran: Any
) -> None:
    lines = [
        "# Figures",
        XSS,
        "![chart](img/chart.svg) ![away](https://evil.example/spy.png) ![up](../../secret.png)",
        "[more](more.md) [bad](javascript:alert(1)) [out](/settings)",
    ]
    text = "\n\n".join(lines)
    chart = "echo '<svg/>' > reports/img/chart.svg"
    task = ran(f"mkdir -p reports/img; cat > reports/report.md <<'E'\n{text}\nE\n{chart}")
    page = browser.get(f"/tasks/{task.task_id}/report").text

    assert "<h1>Figures</h1>" in page
    assert "<script>alert" not in page
    assert "onerror=alert" not in page.replace("&lt;img src=x onerror=alert(1)&gt;", "")
    assert f'src="/tasks/{task.task_id}/report/1/img/chart.svg"' in page
    assert "evil.example" not in page
    assert "secret.png" not in page
    assert f'href="/tasks/{task.task_id}/report?attempt=1&amp;file=reports/more.md"' in page
    assert 'href="javascript' not in page


def test_an_image_that_a_task_drew_runs_nothing_when_opened_by_itself(
    browser: Browser, ran: Any
) -> None:
    task = ran("mkdir reports; echo '<svg onload=\"alert(1)\"/>' > reports/report.svg")
    raw = browser.client.get(f"/tasks/{task.task_id}/report/1/report.svg", buffered=True)

    assert raw.mimetype == "image/svg+xml"
    assert raw.headers["Content-Security-Policy"].startswith("default-src 'none'; sandbox")


def test_text_is_shown_as_text_and_cut_in_words_and_the_rest_is_offered(
    browser: Browser, ran: Any
) -> None:
    text = "(echo '<b>bold</b>'; yes | head -c 600000) > reports/report.txt"
    task = ran(f"mkdir reports; {text}; echo > reports/a.bin")
    page = browser.get(f"/tasks/{task.task_id}/report").text

    assert "&lt;b&gt;bold&lt;/b&gt;" in page
    assert "only its beginning is shown" in page
    other = browser.get(f"/tasks/{task.task_id}/report?file=reports/a.bin").text
    assert "This cannot be shown here." in other


def test_markdown_of_which_only_the_beginning_is_shown_says_so(browser: Browser, ran: Any) -> None:
    task = ran("mkdir reports; yes | head -c 300000 > reports/report.md")
    assert "only its beginning is shown" in browser.get(f"/tasks/{task.task_id}/report").text


def test_a_report_shows_nothing_that_is_not_in_reports(
    browser: Browser, ran: Any, settings: Settings
) -> None:
    task = ran(
        "mkdir reports; echo x > reports/a.md; ln -s /etc/passwd reports/link.txt; echo s > out.txt"
    )
    page = f"/tasks/{task.task_id}/report"

    for path in ("reports/link.txt", "reports/../out.txt", "/etc/passwd"):
        assert browser.client.get(page, query_string={"file": path}).status_code == 403, path
    for path in ("out.txt", "reports/none"):
        assert browser.client.get(page, query_string={"file": path}).status_code == 404, path
    assert browser.get(f"{page}/1/..%2fout.txt").status_code in (403, 404)
    assert browser.get(f"{page}/7/a.md").status_code == 404
    assert browser.get(f"{page}/1/link.txt").status_code == 403


def test_a_report_that_somebody_changed_or_removed_says_so(
    browser: Browser, ran: Any, settings: Settings
) -> None:
    task = ran("mkdir reports; echo first > reports/report.txt")
    report = Path(task.report_path)
    report.write_text("by a later task")
    assert "It was changed after this attempt" in browser.get(f"/tasks/{task.task_id}/report").text
    report.unlink()
    assert "not there any more" in browser.get(f"/tasks/{task.task_id}/report").text


def test_a_stranger_sees_neither_files_nor_reports(
    anonymous: FlaskClient, submit: Callable[..., Submitted]
) -> None:
    task = submit(session_id="s")
    for path in (f"/tasks/{task.task_id}/report/1/a.html", "/sessions/s/files/download?path=a"):
        assert anonymous.get(path).status_code in (303, 401)
