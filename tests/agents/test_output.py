"""The output store: offsets, the cap with its gap, whole characters, full disks, live readers."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from webapp.output import Chunk, OutputStore, as_text

TASK = "0193a5b0-1111-7000-8000-000000000001"
SEGMENT = 100
CAP = SEGMENT * 16


@pytest.fixture
def store(tmp_path: Path) -> OutputStore:
    return OutputStore(tmp_path / "output", cap=CAP)


def numbered(size: int) -> bytes:
    """Bytes that say where they are: lines of ten bytes each."""
    return b"".join(b"%09d\n" % at for at in range(0, size, 10))[:size]


def fill(store: OutputStore, data: bytes, *, piece: int = 37) -> None:
    writer = store.writer(TASK, 1)
    for at in range(0, len(data), piece):
        writer.append(data[at : at + piece])
    writer.close()


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


def test_the_edges_of_a_gap_cut_no_character(store: OutputStore) -> None:
    told = "€" * 2_000  # three bytes, so that segments of a hundred cut some
    fill(store, told.encode())
    pages = texts(store, 64, ended=True)
    assert {encoding for encoding, _ in pages} == {"utf-8"}
    assert set("".join(data for _, data in pages)) == {"€"}


def test_a_full_disk_loses_output_and_says_how_much(tmp_path: Path) -> None:
    store = OutputStore(tmp_path / "output", retry_s=0)
    directory = tmp_path / "output" / TASK / "1"
    directory.mkdir(parents=True)
    full = directory / f"{0:016d}"
    full.symlink_to("/dev/full")
    writer = store.writer(TASK, 1)
    writer.append(b"lost")
    assert writer.trouble == "No space left on device"
    writer.append(b" too")
    full.unlink()
    writer.append(b"and on it goes")
    assert writer.trouble is None
    writer.close()
    assert store.read(TASK, 1, 0, 1_000).data == (
        b"\n[Lineup: 8 bytes of output were lost here: No space left on device]\nand on it goes"
    )


def test_a_full_disk_is_not_tried_again_at_once(store: OutputStore, tmp_path: Path) -> None:
    directory = tmp_path / "output" / TASK / "1"
    directory.mkdir(parents=True)
    full = directory / f"{0:016d}"
    full.symlink_to("/dev/full")
    writer = store.writer(TASK, 1)
    writer.append(b"lost")
    full.unlink()
    writer.append(b"lost too, though there would be room")
    assert writer.trouble == "No space left on device"
    assert writer.size == 0


def test_a_file_that_cannot_grow_keeps_what_went_in(tmp_path: Path) -> None:
    program = f"""
        import resource, signal, sys
        from pathlib import Path
        from webapp.output import OutputStore
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (60, 60))
        writer = OutputStore(Path({str(tmp_path)!r}), cap={CAP}).writer({TASK!r}, 1)
        writer.append(b"x" * 90)
        print(writer.trouble, writer.size)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, check=True
    )
    assert done.stdout == "File too large 60\n"


def test_a_directory_that_cannot_be_made_is_trouble_not_a_failure(tmp_path: Path) -> None:
    (tmp_path / "output").write_text("a file where the directory should be")
    writer = OutputStore(tmp_path / "output").writer(TASK, 1)
    writer.append(b"lost")
    assert writer.trouble == "Not a directory"
    writer.close()


def test_another_process_reads_while_it_is_written_and_dropped(
    store: OutputStore, tmp_path: Path
) -> None:
    program = f"""
        from pathlib import Path
        from webapp.output import OutputStore
        writer = OutputStore(Path({str(tmp_path / "output")!r}), cap={CAP}).writer({TASK!r}, 1)
        for at in range(0, 50_000, 10):
            writer.append(b"%09d\\n" % at)
        writer.close()
    """
    with subprocess.Popen([sys.executable, "-c", textwrap.dedent(program)]) as writing:
        offset = 0
        while True:
            over = writing.poll() is not None
            chunk = store.read(TASK, 1, offset, 64)
            if chunk.data:
                at = chunk.offset - chunk.offset % 10
                expected = b"".join(b"%09d\n" % n for n in range(at, chunk.next_offset, 10))
                assert chunk.data == expected[chunk.offset - at :][: len(chunk.data)]
                offset = chunk.next_offset
            elif over:
                break
    assert writing.returncode == 0
    assert offset == 50_000


def test_output_is_for_its_owner_only(store: OutputStore, tmp_path: Path) -> None:
    fill(store, b"secret")
    (file,) = (tmp_path / "output" / TASK / "1").iterdir()
    assert file.stat().st_mode & 0o077 == 0
