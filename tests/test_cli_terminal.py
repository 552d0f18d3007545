"""What reaches a terminal: text and colours; nothing that moves, renames, copies or turns."""

from __future__ import annotations

import pytest

from webapp.cli.terminal import Colours, fit, lasted, one_line, safe, width

TRICKS = [
    "\x1b[2J",
    "\x1b[1;1H",
    "\x1b[?1049h",
    "\x1b]0;title\x07",
    "\x1b]52;c;c2VjcmV0\x1b\\",
    "\x1b]8;;http://elsewhere\x1b\\",
    "\x1bP1$qm\x1b\\",
    "\x1bc",
    "\x1b(0",
    "\x9b2J",
    "\x9d0;title\x9c",
    "\x07",
    "\x08",
    "\x7f",
    "\u202e",
    "\u2066",
]


@pytest.mark.parametrize("trick", TRICKS, ids=repr)
def test_what_a_terminal_obeys_is_left_out(trick: str) -> None:
    assert safe(f"before{trick}after") == "beforeafter"
    colours = Colours()
    assert colours.pass_on(f"before{trick}after".encode(), last=True) == "beforeafter"


@pytest.mark.parametrize("trick", [*TRICKS, "\x1b[31;1m"], ids=repr)
def test_it_does_not_matter_where_a_sequence_is_cut(trick: str) -> None:
    data = f"é{trick}after".encode()
    whole = Colours().pass_on(data, last=True)
    for at in range(len(data)):
        colours = Colours()
        first = colours.pass_on(data[:at])
        assert first + colours.pass_on(data[at:], last=True) == whole


def test_colours_progress_bars_and_lines_stay_and_the_last_colour_is_reset() -> None:
    shown = Colours().pass_on(b"\x1b[1;31mred\x1b[38;5;9m\t10 %\r20 %\n", last=True)

    assert shown == "\x1b[1;31mred\x1b[38;5;9m\t10 %\r20 %\n\x1b[0m"


def test_a_sequence_without_end_holds_nothing_back_for_ever() -> None:
    colours = Colours()
    held = colours.pass_on(b"\x1b]0;" + b"x" * 5000) + colours.pass_on(b"\nafter", last=True)

    assert held.endswith("\nafter")


def test_what_is_no_text_is_shown_as_such() -> None:
    assert Colours().pass_on(b"a\xff\xfe\xc3", last=True) == "a\ufffd\ufffd\ufffd"


def test_a_forged_line_is_no_line_in_a_table() -> None:
    assert one_line("\n  \nfirst\tline\nsecond") == "first line"
    assert one_line("\r\x1b[2K") == ""


def test_columns_are_counted_as_a_terminal_counts_them() -> None:
    assert width("你好e\u0301") == 5
    assert fit("你好世界", 5) == "你好…"
    assert fit("short", 5) == "short"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (None, ""),
        (0.04, "0.0 s"),
        (42.4, "42 s"),
        (187, "3 m 07 s"),
        (7500, "2 h 05 m"),
        (100_000, "1 d 3 h"),
    ],
)
def test_spans_of_time_are_short(seconds: float | None, said: str) -> None:
    assert lasted(seconds) == said
