"""The output store: offsets, the cap with its gap, tails, and what is deleted."""

from __future__ import annotations

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests.agents.storing import CAP, TASK, fill, numbered
from webapp.output import Chunk, OutputStore


@pytest.mark.parametrize("task_id", ["", "..", "../x", "a/b", "/etc", "a\0b", ".hidden", "a" * 65])
def test_a_task_id_that_could_lead_elsewhere_is_refused(store: OutputStore, task_id: str) -> None:
    for call in (
        lambda: store.writer(task_id, 1),
        lambda: store.read(task_id, 1, 0, 10),
        lambda: store.delete(task_id),
    ):
        with pytest.raises(ValueError, match="not a task id"):
            call()


def test_a_negative_attempt_is_refused(store: OutputStore) -> None:
    with pytest.raises(ValueError, match="not an attempt"):
        store.writer(TASK, -1)


def test_what_was_never_written_reads_as_empty(store: OutputStore) -> None:
    assert store.read(TASK, 1, 0, 10) == Chunk(0, 0, b"", 0)
    assert store.tail(TASK, 1, 5, 100).data == b""
    assert list(store.iter_all(TASK, 1)) == []
    store.delete(TASK)


def test_output_is_read_by_offset_and_limit(store: OutputStore) -> None:
    fill(store, numbered(450))
    assert store.read(TASK, 1, 95, 10) == Chunk(95, 105, numbered(450)[95:105], 450)
    assert store.read(TASK, 1, 0, 1000).data == numbered(450)
    assert store.read(TASK, 1, 451, 10) == Chunk(450, 450, b"", 450)
    assert store.read(TASK, 2, 0, 10).size == 0


def test_reading_on_from_each_answer_gives_every_byte(store: OutputStore) -> None:
    fill(store, numbered(1234))
    offset, seen = 0, b""
    while (chunk := store.read(TASK, 1, offset, 7)).data:
        seen, offset = seen + chunk.data, chunk.next_offset
    assert seen == numbered(1234)


def test_a_writer_goes_on_where_an_earlier_one_ended(store: OutputStore) -> None:
    fill(store, b"first ")
    fill(store, b"second")
    assert store.read(TASK, 1, 0, 100).data == b"first second"


def test_beyond_the_cap_the_first_quarter_and_the_newest_remain(
    store: OutputStore, tmp_path: Path
) -> None:
    data = numbered(5_050)
    fill(store, data)
    assert store.read(TASK, 1, 0, 10_000) == Chunk(0, 400, data[:400], 5_050)
    after = store.read(TASK, 1, 400, 10_000)
    assert after.gap == (400, 3_900)
    assert (after.offset, after.next_offset, after.data) == (3_900, 5_050, data[3_900:])
    files = list((tmp_path / "output" / TASK / "1").iterdir())
    assert len(files) == 16
    assert sum(file.stat().st_size for file in files) <= CAP


def test_an_offset_inside_the_gap_leads_to_its_end(store: OutputStore) -> None:
    fill(store, numbered(5_050))
    chunk = store.read(TASK, 1, 1_000, 10)
    assert (chunk.gap, chunk.offset, len(chunk.data)) == ((1_000, 3_900), 3_900, 10)


def test_a_changed_cap_changes_no_offset(store: OutputStore, tmp_path: Path) -> None:
    fill(store, numbered(450))
    larger = OutputStore(tmp_path / "output", cap=CAP * 10)
    fill(larger, numbered(3_000))
    assert larger.read(TASK, 1, 0, 5_000).data == numbered(450) + numbered(3_000)
    assert store.read(TASK, 1, 440, 20).data == numbered(450)[440:] + numbered(10)


def test_the_whole_has_a_line_in_place_of_the_gap(store: OutputStore) -> None:
    data = numbered(5_050)
    fill(store, data)
    whole = b"".join(store.iter_all(TASK, 1))
    gap = b"\n[Lineup: 3500 bytes of output were dropped here]\n"
    assert whole == data[:400] + gap + data[3_900:]


def test_the_tail_is_whole_lines(store: OutputStore) -> None:
    fill(store, numbered(450))
    tail = store.tail(TASK, 1, 3, 1_000)
    assert (tail.offset, tail.data, tail.next_offset) == (420, numbered(450)[420:], 450)
    assert store.tail(TASK, 1, 100, 1_000).data == numbered(450)
    assert store.tail(TASK, 1, 100, 25).data == numbered(450)[425:]


def test_a_tail_that_must_be_cut_begins_with_a_whole_character(store: OutputStore) -> None:
    fill(store, "€€€€".encode())
    assert store.tail(TASK, 1, 5, 7).data.decode() == "€€"


def test_the_tail_of_a_capped_output_comes_from_its_end(store: OutputStore) -> None:
    fill(store, numbered(5_050))
    assert store.tail(TASK, 1, 2, 5_000).data == numbered(5_050)[5_030:]


def test_deleting_removes_all_attempts(store: OutputStore, tmp_path: Path) -> None:
    fill(store, b"x")
    store.delete(TASK)
    assert list((tmp_path / "output").iterdir()) == []


def test_deleting_removes_a_link_in_place_of_the_directory_and_follows_it_nowhere(
    store: OutputStore, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "file").touch()
    (tmp_path / "output").mkdir()
    (tmp_path / "output" / TASK).symlink_to(elsewhere)
    store.delete(TASK)
    assert list((tmp_path / "output").iterdir()) == []
    assert (elsewhere / "file").exists()


def test_what_cannot_be_deleted_is_logged_with_its_path_and_raises_nothing(
    store: OutputStore, tmp_path: Path
) -> None:
    (tmp_path / "output").mkdir()
    file = tmp_path / "output" / TASK
    file.write_text("a file where the directory should be")
    with capture_logs() as logged:
        store.delete(TASK)
    (entry,) = logged
    assert (entry["log_level"], entry["path"]) == ("error", str(file))


@pytest.mark.parametrize("name", ["5", "00000000000000005", "٠" * 16, "9" * 30, "note.txt"])
def test_a_file_that_is_no_segment_counts_for_nothing(
    store: OutputStore, tmp_path: Path, name: str
) -> None:
    fill(store, numbered(450))
    (tmp_path / "output" / TASK / "1" / name).write_text("planted")
    assert store.read(TASK, 1, 0, 1_000) == Chunk(0, 450, numbered(450), 450)
    fill(store, b"on it goes")
    assert store.read(TASK, 1, 450, 1_000).data == b"on it goes"


def test_a_segment_that_leads_nowhere_is_an_error_and_no_endless_loop(
    store: OutputStore, tmp_path: Path
) -> None:
    directory = tmp_path / "output" / TASK / "1"
    directory.mkdir(parents=True)
    (directory / f"{0:016d}").symlink_to(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError):
        store.read(TASK, 1, 0, 10)
