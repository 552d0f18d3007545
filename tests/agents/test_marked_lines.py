"""Marked lines: found wherever chunks are cut, understood or left alone, and never a flood."""

from __future__ import annotations

import pytest

from tests.agents.recording import RecordingConsole
from webapp.agents.shell.marked_lines import (
    LINE_LIMIT,
    LineFinder,
    Malformed,
    Mark,
    Progress,
    ResultLine,
    Step,
    parse,
)
from webapp.agents.shell.messages import MESSAGES
from webapp.agents.shell.reporting import RESULT_LIMIT, STEPS_LIMIT, Reporting


@pytest.mark.parametrize(
    "line",
    [
        "::lineup progress",
        "::lineup progress x",
        "::lineup progress 101",
        "::lineup progress -1",
        "::lineup progress 0/6",
        "::lineup progress 7/6",
        "::lineup progress 5/",
        "::lineup progress nan",
        "::lineup progress " + "9" * 500,
        "::lineup step",
        "::lineup step   ",
        "::lineup Progress 5",
        "::lineup nonsense",
        "::lineup ",
    ],
)
def test_a_malformed_line_is_told_with_its_reason(line: str) -> None:
    mark = parse(line)
    assert isinstance(mark, Malformed)
    assert "%(line)s" in MESSAGES[mark.reason]


@pytest.mark.parametrize(
    ("line", "mark"),
    [
        ("progress 63", Progress(percent=63)),
        ("progress 63.5", Progress(percent=63.5)),
        ("progress 63%", Progress(percent=63)),
        ("progress 0", Progress(percent=0)),
        ("progress 100 done", Progress(percent=100, message="done")),
        ("progress 63 uploading a file", Progress(percent=63, message="uploading a file")),
        ("progress 4/6", Progress(step=4, steps=6)),
        ("progress 4/6 upload", Progress(step=4, steps=6, message="upload")),
        ("step Uploading", Step("Uploading")),
        ("result any text", ResultLine("any text")),
        ("result", ResultLine("")),
        ("result   indented", ResultLine("  indented")),
    ],
)
def test_a_marked_line_is_understood(line: str, mark: Mark) -> None:
    assert parse(f"::lineup {line}") == mark


STREAM = (
    b"plain\n::lineup step a\n"
    b" ::lineup step indented\n"
    b"x ::lineup step inside\n"
    b"::lineupstep glued\n"
    b"::line\n\n"
    b"10%\r20%\r::lineup step after a bar\n"
    b"::lineup step windows\r\n"
    b"::lineup step bar\r::lineup step next\r"
    b"\xff\xfe::lineup step binary\n"
    b"::lineup step \xc3\xa4\xff\n"
    b"::lineup step unfinished"
)
STEPS = ["a", "after a bar", "windows", "bar", "next", "ä\ufffd", "unfinished"]


@pytest.mark.parametrize("size", [1, 2, 3, 5, 9, 10, 11, 64, 10_000])
def test_marked_lines_are_found_wherever_the_chunks_are_cut(size: int) -> None:
    finder = LineFinder()
    found = [
        line for at in range(0, len(STREAM), size) for line in finder.feed(STREAM[at : at + size])
    ]
    found += finder.finish()
    assert found == [f"::lineup step {step}" for step in STEPS]


def test_a_line_without_end_takes_no_memory() -> None:
    plain, marked = LineFinder(), LineFinder()
    marked.feed(b"::lineup result ")
    for _ in range(100):
        plain.feed(b"x" * 1_000_000)
        marked.feed(b"x" * 1_000_000)
    assert plain.finish() == []
    (line,) = marked.finish()
    assert len(line) == LINE_LIMIT


def test_a_flood_of_steps_is_cut_and_said_so_once() -> None:
    console = RecordingConsole()
    reporting = Reporting(console)
    for number in range(STEPS_LIMIT + 50):
        reporting.feed(b"::lineup step %d\n" % number, now=0.0)
    assert console.codes() == ["shell_step"] * STEPS_LIMIT + ["shell_steps_enough"]


def test_a_step_that_is_named_like_a_message_stays_text() -> None:
    console = RecordingConsole()
    Reporting(console).feed(b"::lineup step shell_stopped\n", now=0.0)
    assert console.said == [("shell_step", {"text": "shell_stopped"})]


def test_only_the_first_malformed_line_is_talked_about() -> None:
    console = RecordingConsole()
    Reporting(console).feed(b"::lineup x\n::lineup progress\n", now=0.0)
    assert console.said == [("shell_mark_unknown", {"line": "::lineup x"})]


def test_progress_is_told_at_most_five_times_a_second_and_its_end_always() -> None:
    console = RecordingConsole()
    reporting = Reporting(console)
    for number in range(101):
        reporting.feed(b"::lineup progress %d\n" % number, now=number / 100)
    reporting.finish()
    told = [progress["percent"] for progress in console.progressed]
    assert len(told) <= 6
    assert (told[0], told[-1]) == (0, 100)


def test_result_lines_are_joined_and_bounded() -> None:
    console = RecordingConsole()
    reporting = Reporting(console)
    assert reporting.result is None
    reporting.feed(b"::lineup result one\n::lineup result\n::lineup result two\n", now=0.0)
    assert reporting.result == "one\n\ntwo"
    for _ in range(3):
        reporting.feed(b"::lineup result " + b"x" * 60_000 + b"\n", now=0.0)
    assert reporting.result is not None
    assert len(reporting.result) == RESULT_LIMIT
    assert console.codes() == ["shell_result_cut"]
