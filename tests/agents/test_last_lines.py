"""The last lines of output as people would have seen them."""

from __future__ import annotations

import pytest

from webapp.agents.shell.last_lines import KEPT, LastLines


def last(data: bytes, *, lines: int = 10, characters: int = 2000) -> str | None:
    remembered = LastLines()
    remembered.feed(data)
    return remembered.text(lines=lines, characters=characters)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", ""),
        (b"\n\n", ""),
        (b"a\nb\n\n", "a\nb"),
        (b"no newline", "no newline"),
        (b"a\r\nb\r\n", "a\nb"),
        (b"10%\r50%\r100%\n", "100%"),
        (b"10%\r100%\r\n", "100%"),
        (b"\x1b[1;31mred\x1b[0m \x1b]0;title\x07x\x1b(B", "red x"),
        (b"some caf\xe9 in Latin-1\x07", "some caf\ufffd in Latin-1"),
        (b"a\n::lineup step b\nc\n", "a\nc"),
        (b"50%\r::lineup progress 50\n", "50%"),
        ("ä€😀".encode(), "ä€😀"),
    ],
)
def test_the_last_lines_are_text_for_people(data: bytes, text: str) -> None:
    assert last(data) == text


@pytest.mark.parametrize(
    "data",
    [b"ELF\0and text\nmore text\n", b"\xff\xfe\xfd", bytes(9), b"\1\2\3", bytes(range(128, 256))],
)
def test_what_is_not_text_has_no_last_lines(data: bytes) -> None:
    assert last(data) is None


def test_only_the_last_lines_need_to_be_text() -> None:
    assert last(bytes(64) + b"\n1\n2\n", lines=2) == "1\n2"


def test_lines_and_characters_are_bounded() -> None:
    assert last(b"1\n2\n3\n", lines=2) == "2\n3"
    assert last(b"x" * 5000, characters=2000) == "x" * 2000


def test_a_flood_is_remembered_only_at_its_end() -> None:
    remembered = LastLines()
    for number in range(100_000):
        remembered.feed(b"line %d\n" % number)
    text = remembered.text(lines=10**6, characters=10**9)
    assert text is not None
    assert text.endswith("line 99999")
    assert len(text) <= 2 * KEPT
    assert all(line.startswith("line ") for line in text.splitlines())
