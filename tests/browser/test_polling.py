"""A poll shows what happened, and takes nothing from whoever is reading or typing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, Response, Route, expect

from tests.browser.conftest import Windows
from tests.processes.server import Home, Server
from tests.waiting import until

Starts = Callable[..., str]

TICKS = "n=0; while true; do n=$((n+1)); echo tick $n; sleep 0.1; done"


def open_timed(windows: Windows, path: str, **options: Any) -> Page:
    """A page whose time goes on as fast as a test says."""
    page = windows.open("about:blank", **options)
    page.clock.install()
    page.goto(path)
    return page


def polls(page: Page, path: str, count: int = 2) -> Response:
    """Let some polls be answered; returns the last answer."""
    for _ in range(count):
        with page.expect_response(lambda answer: path in answer.url) as found:
            page.clock.run_for(5_000)
    answered(page)
    return found.value


def answered(page: Page) -> None:
    """Wait until nothing is asked: what is still under way would be told what was so before."""
    until(lambda: page.locator(".htmx-request").count() == 0)


def test_a_poll_keeps_what_is_typed_the_focus_and_the_caret(
    windows: Windows, starts: Starts
) -> None:
    starts(TICKS)
    page = open_timed(windows, "/")
    field = page.get_by_label("Instruction")
    field.fill("half a sentence")
    field.press("Home")
    field.press("ArrowRight")
    command = page.get_by_label("What should be done?")
    polls(page, "/now/riding", 3)
    field.press("!")
    expect(field).to_have_value("h!alf a sentence")
    command.fill("not sent yet")
    polls(page, "/now/riding", 2)
    expect(command).to_have_value("not sent yet")
    expect(field).to_have_value("h!alf a sentence")
    expect(command).to_be_focused()


def test_a_poll_keeps_open_details_and_the_scroll_position(
    windows: Windows, starts: Starts
) -> None:
    long = "\n".join(f"# line {n}" for n in range(40))
    task_id = starts(f"for i in $(seq 60); do echo ::lineup step $i; done\n{long}\n{TICKS}")
    page = open_timed(windows, f"/tasks/{task_id}", viewport={"width": 1280, "height": 500})
    expect(page.locator(".entry")).to_have_count(61)
    page.evaluate("window.scrollTo(0, 700)")
    polls(page, "/live", 3)
    assert page.evaluate("window.scrollY") == 700
    page.goto("/")
    page.get_by_text("More: session").click()
    polls(page, "/now/riding", 2)
    assert page.locator("#composer-more").evaluate("element => element.open")


def test_an_unchanged_page_is_answered_with_204(windows: Windows, home: Home) -> None:
    page = open_timed(windows, "/")
    assert polls(page, "/strip", 1).status == 204


def test_the_strip_does_not_deny_what_the_page_already_shows(
    windows: Windows, starts: Starts, server: Server, home: Home
) -> None:
    task_id = starts(TICKS)
    for path in "/", f"/tasks/{task_id}":
        page = windows.open("about:blank")
        page.clock.install(time=0)
        page.goto(path)
        page.clock.pause_at(60_000)
        expect(page.locator("#strip")).to_contain_text("running")
        answered(page)
        server.ask(task_id, "pause")
        home.becomes(task_id, "paused")
        page.clock.run_for(1_000)  # the page asks every second, the strip every five
        expect(page.locator("#live")).to_contain_text("paused")
        expect(page.locator("#strip")).to_contain_text("paused")
        server.ask(task_id, "resume")
        home.becomes(task_id, "running")


def test_a_final_task_is_not_polled(windows: Windows, server: Server, home: Home) -> None:
    task_id = server.submit("echo done")
    home.becomes(task_id, "completed")
    page = open_timed(windows, f"/tasks/{task_id}")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    polls(page, "/strip", 1)
    assert [url for url in asked if task_id in url] == []


def test_a_task_that_ends_stops_its_page_from_polling(
    windows: Windows, starts: Starts, server: Server
) -> None:
    task_id = starts(TICKS)
    page = windows.open(f"/tasks/{task_id}")
    server.ask(task_id, "stop")
    expect(page.locator("#live")).to_contain_text("Run again")
    expect(page.locator("#live[hx-get]")).to_have_count(0)


def test_what_was_sent_takes_nobody_out_of_the_field_they_went_on_to(
    windows: Windows, starts: Starts
) -> None:
    starts(TICKS)
    page = windows.open("/")
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/tasks", hold)
    page.get_by_label("What should be done?").fill("true")
    with page.expect_request("**/tasks"):
        page.keyboard.press("Control+Enter")
    field = page.get_by_label("Instruction")
    field.press_sequentially("and ")
    for route in held:
        route.continue_()
    expect(page.locator("#composer")).to_contain_text("In the lineup")
    page.keyboard.type("then")
    expect(field).to_have_value("and then")


def test_a_lost_connection_is_said_and_recovered_from(windows: Windows, starts: Starts) -> None:
    windows.forgive("ERR_FAILED", "Failed to fetch")
    starts(TICKS)
    page = windows.open("/")
    expect(page.locator("#lost")).to_be_hidden()

    def refuse(route: Route) -> None:
        route.abort()

    page.route("**/now/riding*", refuse)
    page.route("**/strip*", refuse)
    expect(page.locator("#lost")).to_be_visible()
    expect(page.locator("#lost")).to_contain_text("Connection lost")
    page.unroute_all()
    expect(page.locator("#lost")).to_be_hidden()


def test_what_was_not_answered_is_kept_and_not_called_taken(
    windows: Windows, server: Server, home: Home
) -> None:
    windows.forgive("ERR_FAILED", "Failed to fetch")
    page = windows.open("/")
    field, form = page.get_by_label("What should be done?"), page.locator("#composer")
    field.fill("echo one")
    field.press("Control+Enter")
    expect(form).to_contain_text("In the lineup")
    home.all_final()
    page.route("**/tasks", lambda route: route.abort())
    field.fill("echo two")
    field.press("Control+Enter")
    expect(form.get_by_role("alert")).to_contain_text("There was no answer.")
    expect(form).not_to_contain_text("In the lineup")
    expect(field).to_have_value("echo two")
    page.unroute_all()
    field.press("Control+Enter")
    expect(form).to_contain_text("In the lineup")
    expect(form.get_by_role("alert")).to_be_hidden()


def test_new_tasks_announce_themselves_and_push_nothing(
    windows: Windows, server: Server, home: Home
) -> None:
    home.becomes(server.submit("echo earlier"), "completed")
    page = open_timed(windows, "/tasks")
    first = page.locator(".history-row").first.inner_text()
    home.becomes(server.submit("echo newcomer"), "completed")
    page.clock.run_for(5_000)
    expect(page.locator(".fresh")).to_contain_text("1 new")
    assert "echo newcomer" not in page.locator(".history").inner_text()
    assert first.split("\n")[1] in page.locator(".history-row").first.inner_text()
    page.locator(".fresh a").click()
    expect(page.locator(".history-row").first).to_contain_text("echo newcomer")


def test_a_search_filters_while_typing_and_keeps_the_focus(
    windows: Windows, server: Server, home: Home
) -> None:
    home.becomes(server.submit("echo pincushion"), "completed")
    home.becomes(server.submit("echo something else"), "completed")
    page = windows.open("/tasks")
    field = page.get_by_label("Search in what was asked")
    field.press_sequentially("pincushion")
    expect(page.locator(".history-row")).to_have_count(1)
    expect(field).to_be_focused()
    expect(page).to_have_url("/tasks?q=pincushion")


def test_a_server_in_trouble_is_quoted_and_nothing_is_lost(
    windows: Windows, starts: Starts
) -> None:
    windows.forgive("status of 503", "status of 502")
    starts(TICKS)
    page = windows.open("/")
    page.get_by_label("Instruction").fill("still here")
    sorry = '<div class="notice notice-trouble">The database does not answer.</div>'
    page.route("**/now/riding*", lambda route: route.fulfill(status=503, body=sorry))
    expect(page.locator("#notices")).to_contain_text("The database does not answer")
    expect(page.locator("#lost")).to_be_visible()
    page.unroute_all()
    page.route("**/now/riding*", lambda route: route.fulfill(status=502, body="<h1>proxy</h1>"))
    expect(page.locator("#lost")).to_be_visible()
    assert page.locator("section.riding").count() == 1
    page.unroute_all()
    expect(page.locator("#lost")).to_be_hidden()
    expect(page.locator("#notices .notice")).to_have_count(0)
    expect(page.get_by_label("Instruction")).to_have_value("still here")


def pass_time(page: Page, seconds: int) -> None:
    """Turn the page's clock, and let every request be answered before it goes on."""
    for _ in range(0, seconds, 5):
        page.clock.run_for(5_000)
        until(lambda: page.locator(".htmx-request").count() == 0)


def test_a_hidden_tab_asks_every_half_minute_and_catches_up_when_seen(windows: Windows) -> None:
    page = open_timed(windows, "/")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.partition("?")[0][-6:]))
    pass_time(page, 20)
    assert asked.count("/strip") == 4
    page.evaluate("Object.defineProperty(document, 'hidden', {get: () => window.away})")
    page.evaluate("window.away = true")
    asked.clear()
    pass_time(page, 60)
    assert asked.count("/strip") == 2
    asked.clear()
    page.evaluate("window.away = false; document.dispatchEvent(new Event('visibilitychange'))")
    until(lambda: page.locator(".htmx-request").count() == 0)
    assert asked.count("/strip") == 1
