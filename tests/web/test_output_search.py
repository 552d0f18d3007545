"""Searching in what a task printed: what is found, and that no output takes too long."""

from __future__ import annotations

from pathlib import Path

import pytest

from webapp.output import OutputStore
from webapp.web.parts import COUNTED, MATCHES, Reader

TASK = "0193a5b0-1111-7000-8000-000000000001"
FLOOD = b"\n" * (24 * COUNTED)


@pytest.fixture
def store(tmp_path: Path) -> OutputStore:
    """A store with room for all that the tests print."""
    return OutputStore(tmp_path / "output")


def printed(store: OutputStore, data: bytes) -> Reader:
    """A reader of an output that is ``data``."""
    writer = store.writer(TASK, 1)
    writer.append(data)
    writer.close()
    return Reader(store, TASK, 1)


def test_a_flood_of_empty_lines_is_searched_to_its_end(store: OutputStore) -> None:
    found = printed(store, FLOOD + b"needle\n").search("needle")

    assert found.searched is None
    assert [(m.offset, m.number) for m in found.matches] == [(len(FLOOD), len(FLOOD) + 1)]


def test_a_search_that_takes_too_long_says_how_far_it_came(store: OutputStore) -> None:
    found = printed(store, b"needle\n" + FLOOD + b"needle\n").search("needle", patience_s=0)

    assert found.searched is not None
    assert COUNTED <= found.searched < len(FLOOD)
    assert [match.offset for match in found.matches] == [0]


def test_only_the_first_lines_are_found_and_that_there_are_more_is_said(
    store: OutputStore,
) -> None:
    reader = printed(store, b"needle needle\n" * (MATCHES + 1))

    found = reader.search("needle")
    assert (len(found.matches), found.more, found.searched) == (MATCHES, True, None)


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("Grüße aus KÖLN", "köln"),
        ("STRASSE", "straße"),
        ("\x1b[31mnee\x1b[1mdle\x1b[0m", "needle"),
        ("10%\rneedle\r", "needle"),
        ("\x1b]8;;link\x07nee\x1b]8;;\x07dle", "needle"),
        ("\x1bPa\rneedle\x1b\\", "needle"),
        ("a\x01b", "a\u2401b"),
    ],
)
def test_a_line_is_found_as_it_is_shown(store: OutputStore, line: str, wanted: str) -> None:
    before = b"\x1b]0;a title without end\nsomething else\n"
    reader = printed(store, before + line.encode() + b"\nlast\x07\n")

    assert [match.number for match in reader.search(wanted).matches] == [3]


@pytest.mark.parametrize("wanted", ["title", "old", "red", "\x1b", "else\nlast"])
def test_what_is_not_shown_is_not_found(store: OutputStore, wanted: str) -> None:
    reader = printed(store, b"\x1b]0;title\x07\nold\rnew\n\x1b[31;1mr\ned\nelse\nlast\n")

    assert reader.search(wanted).matches == []


def test_lines_across_the_edges_of_blocks_are_found_once_where_they_begin(
    store: OutputStore,
) -> None:
    line = b"x" * 699 + b"needle\n"
    reader = printed(store, line * 5_000)
    expected = [at * len(line) for at in range(MATCHES)]
    assert [match.offset for match in reader.search("needle").matches] == expected
    far = printed(store, b"y" * (3 * COUNTED) + b"\nlast needles\n").search("needles")
    assert [match.text for match in far.matches] == ["last needles"]


def test_what_was_never_printed_holds_nothing(store: OutputStore) -> None:
    found = Reader(store, TASK, 1).search("needle")

    assert (found.matches, found.more, found.searched) == ([], False, None)
