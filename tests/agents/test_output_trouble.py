"""Output when the disk is full, and while another process reads it."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

from tests.agents.storing import CAP, TASK, fill
from webapp.output import OutputStore


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
