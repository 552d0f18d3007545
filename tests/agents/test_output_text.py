"""Output as text: whole characters, and bytes that are no text."""

from __future__ import annotations

import base64

import pytest

from tests.agents.storing import TASK, fill
from webapp.output import OutputStore, as_text


def texts(store: OutputStore, limit: int, *, ended: bool) -> list[tuple[str, str]]:
    """All pages that a client gets who reads on until nothing comes."""
    pages, offset = [], 0
    while True:
        text = as_text(store.read(TASK, 1, offset, limit), ended=ended)
        if not text.data:
            return pages
        assert text.next_offset > offset, "no progress"
        pages.append((text.encoding, text.data))
        offset = text.next_offset


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 5, 7, 100])
def test_a_character_is_never_split_and_any_limit_makes_progress(
    store: OutputStore, limit: int
) -> None:
    told = "aé€😀z" * 20
    fill(store, told.encode(), piece=1)
    pages = texts(store, limit, ended=False)
    assert {encoding for encoding, _ in pages} == {"utf-8"}
    assert "".join(data for _, data in pages) == told


def test_half_a_character_waits_for_its_other_half(store: OutputStore) -> None:
    fill(store, b"ab\xe2\x82")
    text = as_text(store.read(TASK, 1, 0, 100), ended=False)
    assert (text.data, text.next_offset) == ("ab", 2)
    waiting = as_text(store.read(TASK, 1, 2, 100), ended=False)
    assert (waiting.data, waiting.next_offset) == ("", 2)
    fill(store, b"\xac")
    assert as_text(store.read(TASK, 1, 2, 100), ended=False).data == "€"


def test_half_a_character_at_the_final_end_is_given_as_base64(store: OutputStore) -> None:
    fill(store, b"ab\xe2\x82")
    assert texts(store, 100, ended=True) == [("utf-8", "ab"), ("base64", "4oI=")]


def test_what_is_not_text_is_given_as_base64(store: OutputStore) -> None:
    fill(store, b"\xff\x00\xfe")
    text = as_text(store.read(TASK, 1, 0, 100), ended=False)
    assert (text.encoding, text.data, text.next_offset) == ("base64", "/wD+", 3)


def test_a_character_is_not_split_beside_what_is_not_text(store: OutputStore) -> None:
    fill(store, b"a\xff\xc3\xa9b")
    assert texts(store, 3, ended=True) == [
        ("base64", base64.b64encode(b"a\xff").decode()),
        ("utf-8", "éb"),
    ]


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 5, 7, 100])
@pytest.mark.parametrize("ended", [True, False])
def test_every_byte_is_given_whatever_it_is(store: OutputStore, limit: int, ended: bool) -> None:
    told = (
        b"a\xff\xc3\xa9b\xe2\x82\xff\xf0\x9f\x98\x80\xe0\x80\xc3\xc3\x80\x80\xc0\xf5\xf4\xff\xc3("
    )
    fill(store, told)
    pages = texts(store, limit, ended=ended)
    assert told == b"".join(
        base64.b64decode(data) if encoding == "base64" else data.encode()
        for encoding, data in pages
    )


@pytest.mark.parametrize("byte", [0x80, 0xBF, 0xC0, 0xC1, 0xF5, 0xFF])
def test_a_byte_that_leads_no_character_makes_no_piece_longer_than_asked(
    store: OutputStore, byte: int
) -> None:
    fill(store, b"a" + bytes([byte]) + "éb".encode())
    assert store.read(TASK, 1, 1, 1).data == bytes([byte])


def test_the_edges_of_a_gap_cut_no_character(store: OutputStore) -> None:
    told = "€" * 2_000  # three bytes, so that segments of a hundred cut some
    fill(store, told.encode())
    pages = texts(store, 64, ended=True)
    assert {encoding for encoding, _ in pages} == {"utf-8"}
    assert set("".join(data for _, data in pages)) == {"€"}
