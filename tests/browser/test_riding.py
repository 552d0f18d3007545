"""What a person does with a task from the first page, in a real browser."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.conftest import PHONE, Windows
from tests.processes.server import Home, Server

Starts = Callable[..., str]

TICKS = "n=0; while true; do n=$((n+1)); echo tick $n; sleep 0.1; done"
ECHO = 'while read -r line; do echo "heard $line"; done; echo bye'


def compose(page: Page, command: str, button: str) -> None:
    page.get_by_label("What should be done?").fill(command)
    page.get_by_role("button", name=button).click()


def test_an_empty_command_is_refused_beside_its_field(windows: Windows) -> None:
    windows.forgive("status of 422")
    page = windows.open("/")
    compose(page, "   ", "Run now")
    expect(page.locator("#composer .problem")).to_contain_text("Must not be empty")


def test_what_was_typed_stays_when_a_field_is_wrong(windows: Windows) -> None:
    windows.forgive("status of 422")
    page = windows.open("/")
    page.get_by_text("More: session").click()
    page.get_by_label("May run for").fill("soon")
    compose(page, "echo kept", "Run now")
    expect(page.locator("#timeout_s-problem")).to_contain_text("Write a duration")
    expect(page.get_by_label("What should be done?")).to_have_value("echo kept")
    expect(page.get_by_label("May run for")).to_have_value("soon")
    page.get_by_label("May run for").fill("1m")
    page.get_by_role("button", name="Run now").click()
    expect(page.locator("#composer")).to_contain_text("In the lineup")


def test_a_submitted_command_rides_and_its_output_arrives(windows: Windows) -> None:
    page = windows.open("/")
    compose(page, TICKS, "Run now")
    riding = page.locator("section.riding")
    expect(riding).to_contain_text("running")
    expect(riding.locator(".peek")).to_contain_text("tick 3")
    expect(page.locator("#strip")).to_contain_text("running")
    expect(page.get_by_label("What should be done?")).to_have_value("")
    expect(page).to_have_title("▶ Now · Lineup")


def test_pause_resume_and_stop_by_click(windows: Windows, starts: Starts, home: Home) -> None:
    task_id = starts(TICKS)
    page = windows.open("/")
    riding = page.locator("section.riding")
    page.get_by_role("button", name="Pause", exact=True).click()
    expect(riding).to_contain_text("paused")
    assert home.task(task_id)["status"] == "paused"
    page.get_by_role("button", name="Resume").click()
    expect(riding).to_contain_text("running")
    page.get_by_role("button", name="Stop…").click()
    page.get_by_label("Reason").fill("enough")
    page.get_by_role("button", name="Stop it").click()
    expect(page.locator("#live")).to_contain_text("Nothing is riding")
    assert home.becomes(task_id, "stopped")["stop_reason"] == "enough"


def test_an_instruction_is_read_and_the_input_ended(
    windows: Windows, starts: Starts, home: Home
) -> None:
    task_id = starts(ECHO)
    page = windows.open("/")
    field = page.get_by_label("Instruction")
    field.fill("the first word")
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".peek")).to_contain_text("heard the first word")
    expect(field).to_have_value("")
    page.get_by_role("button", name="End input").click()
    home.becomes(task_id, "completed")
    expect(page.locator("#live")).to_contain_text("Nothing is riding")
    page.goto(f"/tasks/{task_id}")
    expect(page.locator(".transcript")).to_contain_text("the first word")
    expect(page.locator(".receipt").first).to_contain_text("read")


def test_a_busy_lane_offers_a_place_in_line(windows: Windows, starts: Starts, home: Home) -> None:
    starts(TICKS)
    windows.forgive("status of 422")
    page = windows.open("/")
    compose(page, "echo second", "Only if free")
    expect(page.locator("#composer .problem")).to_contain_text("Something rides")
    compose(page, "echo second", "Add to lineup · 2nd")
    waiting = page.locator(".row-line")
    expect(waiting).to_contain_text("echo second")
    expect(waiting).to_contain_text("waits: lane busy")
    expect(page.locator("#composer-actions")).to_contain_text("3rd")
    waiting.get_by_role("button").click()
    expect(page.locator("#ask")).to_contain_text("Take this task out of the lineup?")
    page.get_by_role("button", name="Take it out", exact=True).click()
    expect(page.locator(".row-line")).to_have_count(0)


def test_the_keyboard_asks_before_a_waiting_task_is_taken_out(
    windows: Windows, starts: Starts, server: Server, home: Home
) -> None:
    starts(TICKS)
    waiting = server.submit("echo later")
    page = windows.open(f"/tasks/{waiting}")
    page.keyboard.press("x")
    expect(page.locator("#ask")).to_contain_text("Take this task out of the lineup?")
    assert home.task(waiting)["status"] == "pending"


def test_a_finger_on_the_cross_of_a_waiting_task_is_asked_and_not_led_to_its_page(
    windows: Windows, starts: Starts, server: Server
) -> None:
    starts(TICKS)
    server.submit("echo later")
    page = windows.open("/", PHONE, has_touch=True, is_mobile=True)
    page.locator(".row-line").get_by_role("button").tap()
    expect(page.locator("#ask")).to_contain_text("Take this task out of the lineup?")


def test_the_composer_has_the_focus_wherever_it_was_called_from(windows: Windows) -> None:
    page = windows.open("/tasks")
    page.keyboard.press("c")
    page.wait_for_url("**/#task_description")
    page.wait_for_load_state()
    expect(page.get_by_label("What should be done?")).to_be_focused()


def test_a_double_click_submits_once(windows: Windows, home: Home) -> None:
    before = home.query("SELECT count(*) FROM tasks")[0][0]
    page = windows.open("/")
    page.get_by_label("What should be done?").fill("echo once")
    page.get_by_role("button", name="Run now").dblclick()
    expect(page.locator("#composer")).to_contain_text("In the lineup")
    home.all_final()
    assert home.query("SELECT count(*) FROM tasks")[0][0] == before + 1


def test_a_key_is_heard_as_soon_as_the_page_is_there(windows: Windows, starts: Starts) -> None:
    starts(TICKS)
    page = windows.open("/help")
    page.add_init_script("""{  // the timers of a busy machine: what is to come at once is late
        const later = setTimeout;
        setTimeout = (call, wait, ...rest) => later(call, wait || 30_000, ...rest);
    }""")
    page.goto("/")
    page.keyboard.press("x")
    expect(page.locator("dialog#ask #ask-reason")).to_be_focused()


def test_a_key_right_after_a_question_was_closed_is_heard(windows: Windows, starts: Starts) -> None:
    starts(TICKS)
    page = windows.open("/")
    page.keyboard.press("x")
    expect(page.locator("#ask-reason")).to_be_focused()
    focused = page.evaluate("""() => {  // all before the page is painted again
        document.getElementById("ask").close();
        const focused = document.activeElement;
        focused.dispatchEvent(new KeyboardEvent("keydown", {key: "?", bubbles: true}));
        return focused.id;
    }""")
    assert focused == "ask-reason"
    expect(page.locator("#keyboard")).to_be_visible()


def test_the_keyboard_pauses_and_asks_before_it_stops(
    windows: Windows, starts: Starts, home: Home
) -> None:
    task_id = starts(TICKS)
    page = windows.open("/")
    page.keyboard.press("p")
    expect(page.locator("section.riding")).to_contain_text("paused")
    page.keyboard.press("x")
    expect(page.locator("#ask")).to_be_visible()
    expect(page.locator("#ask")).to_contain_text("Stop this task?")
    page.keyboard.press("Escape")
    expect(page.locator("#ask")).to_be_hidden()
    assert home.task(task_id)["status"] == "paused"
    page.keyboard.press("?")
    expect(page.locator("#keyboard")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#keyboard")).to_be_hidden()
    page.keyboard.press("g")
    page.keyboard.press("t")
    expect(page).to_have_url("/tasks")
    page.wait_for_load_state("load")
    page.keyboard.press("Control+k")
    expect(page.locator("#palette")).to_be_visible()
    page.keyboard.type("help")
    page.keyboard.press("Enter")
    expect(page).to_have_url("/help")


def test_somebody_elses_change_shows_up_by_itself(
    windows: Windows, starts: Starts, server: Server
) -> None:
    task_id = starts(TICKS)
    page = windows.open("/")
    expect(page.locator("section.riding")).to_contain_text("running")
    server.ask(task_id, "pause", reason="lunch")
    expect(page.locator("section.riding")).to_contain_text("lunch")
    server.ask(task_id, "stop")
    expect(page.locator("#live")).to_contain_text("Nothing is riding")


def test_a_control_that_comes_too_late_is_refused_in_words(
    windows: Windows, starts: Starts, server: Server, home: Home
) -> None:
    windows.forgive("status of 409", "ERR_FAILED", "Failed to fetch")
    task_id = starts(TICKS)
    page = windows.open("/")
    page.route("**/now/riding*", lambda route: route.abort())
    server.ask(task_id, "stop")
    home.becomes(task_id, "stopped")
    page.get_by_role("button", name="Pause", exact=True).click()
    expect(page.locator("#notices")).to_contain_text("stopped already")
    page.unroute_all()
    expect(page.locator("#live")).to_contain_text("Nothing is riding")


def test_what_could_not_be_sent_is_not_cleared(windows: Windows, starts: Starts) -> None:
    windows.forgive("status of 400")
    starts("sleep 60")
    page = windows.open("/")
    field = page.get_by_label("Instruction")
    field.fill("   ")
    page.get_by_role("button", name="Send").click()
    expect(page.locator("#notices")).to_contain_text("must not be empty")
    expect(field).to_have_value("   ")
    field.fill("better")
    page.get_by_role("button", name="Send").click()
    expect(page.locator("#notices .notice")).to_have_count(0)
    expect(field).to_have_value("")
