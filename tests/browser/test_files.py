"""Files and reports in a real browser: attached, seen, and without power over the page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import PHONE, Windows
from tests.processes.server import Home, Server

PAGE = """<!doctype html><p id="out">waiting</p><script>
const said = [];
try { said.push(parent.document.title); } catch (e) { said.push("no parent"); }
try { said.push(document.cookie); } catch (e) { said.push("no cookie"); }
fetch("/api/status").then(() => said.push("fetched"), () => said.push("no network"))
  .finally(() => { document.getElementById("out").textContent = said.join(", "); });
</script>"""


@pytest.fixture
def picked(tmp_path: Path) -> list[Path]:
    """Two files of the person's own."""
    names = {"Grüße.txt": "hello", "data.csv": "1,2\n"}
    for name, text in names.items():
        (tmp_path / name).write_text(text)
    return [tmp_path / name for name in names]


def test_files_are_attached_read_by_the_command_and_seen_on_its_page(
    windows: Windows, picked: list[Path], home: Home
) -> None:
    page = windows.open("/")
    page.locator("#composer-files").set_input_files(picked)
    expect(page.locator("#composer [data-said]")).to_contain_text("Grüße.txt (5 B)")
    page.get_by_label("What should be done?").fill("cat uploads/*.csv")
    page.locator(".composer-actions button").first.click()
    expect(page.locator("#composer")).to_contain_text("In the lineup")
    [row] = home.query("SELECT task_id FROM tasks WHERE upload_files IS NOT NULL")
    home.becomes(row["task_id"], "completed")

    page.goto(f"/tasks/{row['task_id']}/files")
    expect(page.locator(".files").first).to_contain_text("Grüße.txt")
    expect(page.locator(".files").first).to_contain_text("given to this task")
    page.get_by_role("button", name="Delete “data.csv”").click()
    page.get_by_role("button", name="Delete it").click()
    expect(page.locator("#notices")).to_contain_text("“data.csv” is deleted.")


def test_what_is_refused_stays_as_it_was_typed_and_chosen(
    windows: Windows, picked: list[Path]
) -> None:
    windows.forgive("status of 400")
    page = windows.open("/")
    page.get_by_text("More: session").click()
    page.get_by_label("Session", exact=True).fill("not a session")
    page.locator("#composer-files").set_input_files(picked[0])
    page.get_by_label("What should be done?").fill("echo kept")
    page.locator(".composer-actions button").first.click()
    expect(page.locator("#composer [data-said]")).to_contain_text("session_id")
    expect(page.get_by_label("What should be done?")).to_have_value("echo kept")
    assert page.locator("#composer-files").evaluate("field => field.files.length") == 1


def test_more_is_uploaded_on_the_page_of_a_session_on_a_phone(
    windows: Windows, server: Server, picked: list[Path]
) -> None:
    server.submit("true", session_id="phone-files")
    page = windows.open("/sessions/phone-files/files", PHONE)
    page.locator("#upload-files").set_input_files(picked)
    page.get_by_role("button", name="Upload", exact=True).click()
    expect(page.locator(".file-list").first).to_contain_text("Grüße.txt")
    wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert wide <= 0


def test_a_report_s_script_runs_but_reaches_neither_the_page_nor_the_server(
    windows: Windows, server: Server, home: Home
) -> None:
    windows.forgive("Content Security Policy", "Fetch API cannot load")
    task_id = server.submit(f"mkdir -p reports; cat > reports/index.html <<'X'\n{PAGE}\nX")
    home.becomes(task_id, "completed")

    page = windows.open(f"/tasks/{task_id}/report")
    out = page.frame_locator(".report-frame").locator("#out")
    expect(out).to_have_text("no parent, no cookie, no network")
    page.goto(f"/tasks/{task_id}/report/1/index.html")
    expect(page.locator("#out")).to_have_text(re.compile("no cookie, no network$"))
