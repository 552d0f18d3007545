"""``lineup lanes``: what it refuses, what it says, and what a script reads."""

from __future__ import annotations

from tests.processes.cli.commands import Terminal


def test_what_can_be_no_lane_is_not_found_and_asks_nothing(shell: Terminal) -> None:
    for name in ("../tasks", "two words", "..", ""):
        ran = shell.run("lanes", "pause", name)
        assert ran.status == 4, ran
        assert "There is no lane named" in ran.err


def test_a_lane_from_its_making_to_its_end(shell: Terminal) -> None:
    assert "There is a lane “crawl” now." in shell.run("lanes", "create", "crawl").err
    assert shell.run("lanes", "create", "crawl").status == 4
    assert "is paused" in shell.run("lanes", "pause", "crawl", "--reason", "lunch").err
    assert "crawl\tpaused\t0\t0\t0\tlunch" in shell.run("lanes", "list").text.splitlines()
    assert "goes on" in shell.run("lanes", "resume", "crawl").err
    assert "is being drained" in shell.run("lanes", "drain", "crawl").err
    assert shell.run("submit", "--queue", "--lane", "crawl", "true").status == 4
    assert "takes tasks again" in shell.run("lanes", "open", "crawl").err
    assert "is called “fetch” now" in shell.run("lanes", "rename", "crawl", "fetch").err
    assert shell.run("lanes", "delete", "main").status == 4
    assert "is deleted" in shell.run("lanes", "delete", "fetch").err
    listed = shell.run("lanes", "list", "--json").json["lanes"]
    assert [lane["name"] for lane in listed] == ["main"]
