"""A backup of a server at work, and what is restored from it: refused first, then as it was."""

from __future__ import annotations

import gzip
import resource
import signal
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.processes.archives import corrupted, counts, lineup, members, refused, rewritten
from tests.processes.server import ROOT, Home, Server, environment
from tests.waiting import until
from webapp.cli.ending import Code


@dataclass(frozen=True)
class Said:
    """Text that stands for another."""

    old: str
    new: str

    def instead(self, data: bytes) -> bytes:
        """The same with the other text."""
        assert self.old.encode() in data
        return data.replace(self.old.encode(), self.new.encode())


@pytest.fixture(scope="module")
def saved(shared_home: Home, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A backup that was made while a server worked: three tasks over, one at work, one waiting."""
    with shared_home.server() as server:
        for number in range(3):
            command = f"echo printed {number}; echo made > file{number}; ln -s file{number} link"
            command += "; mkdir reports; cp file* reports/it.md"
            shared_home.becomes(server.submit(command, session_id=f"s{number}"), "completed")
        running = server.submit("echo begun; sleep 600")
        given = server.upload("s0", "given", b"later\n")
        server.submit("cat $LINEUP_TASK_UPLOADS", session_id="s0", upload_file_ids=[given])
        shared_home.becomes(running, "running")
        until(lambda: server.http.get(f"/api/tasks/{running}/output").json()["size"] > 0)
        file = tmp_path_factory.mktemp("backups") / "first.lineup"
        result = lineup(shared_home.data, "backup", file)
        assert result.exit_code == 0, result.output
        assert "5 tasks" in result.stdout
        yield file


def test_what_is_there_already_is_not_replaced(saved: Path, shared_home: Home) -> None:
    before = saved.read_bytes()

    assert "is there already" in refused(shared_home.data, "backup", saved)

    assert saved.read_bytes() == before


def test_a_full_disk_is_told_in_a_sentence_and_nothing_is_left(
    saved: Path, shared_home: Home, tmp_path: Path
) -> None:
    def small() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    result = subprocess.run(
        [sys.executable, "-m", "webapp.cli", "backup", tmp_path / "b"],
        cwd=ROOT,
        env=environment(data=str(shared_home.data)),
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=small,
    )

    assert result.returncode == Code.REFUSED
    assert "Nothing is left" in result.stderr
    assert "Traceback" not in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_backup_that_is_killed_leaves_nothing(
    saved: Path, shared_home: Home, tmp_path: Path
) -> None:
    big = shared_home.data / "workspaces" / "s0" / "big"
    with big.open("wb") as file:
        file.truncate(4 * 1024**3)
    process = subprocess.Popen(
        [sys.executable, "-m", "webapp.cli", "backup", tmp_path / "b"],
        cwd=ROOT,
        env=environment(data=str(shared_home.data)),
    )
    until(lambda: any("deleted" in f for f in open_files(process.pid, tmp_path)))
    process.kill()
    process.wait()
    big.unlink()

    assert list(tmp_path.iterdir()) == []


def open_files(pid: int, below: Path) -> list[str]:
    """What a process has open below a directory."""
    try:
        names = [str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir()]
    except OSError:
        return []
    return [name for name in names if name.startswith(str(below))]


def test_it_is_for_its_owner_alone_and_holds_database_output_workspaces_and_keys(
    saved: Path, shared_home: Home
) -> None:
    inside = members(saved)

    assert saved.stat().st_mode & 0o777 == 0o600
    for key in ("secret_key", "vault_keys"):
        assert inside[f"keys/{key}"] == (shared_home.data / key).read_bytes()
    assert inside["workspaces/s1/file1"] == b"made\n"
    outputs = sorted(data for name, data in inside.items() if name.startswith("output/"))
    assert outputs == [b"begun\n", b"printed 0\n", b"printed 1\n", b"printed 2\n"]


@pytest.mark.parametrize(
    ("file", "said"),
    [
        (b"", "damaged"),
        (b"not an archive at all", "damaged"),
        (gzip.compress(b"neither", mtime=0), "damaged"),
    ],
)
def test_what_is_no_backup_is_refused(tmp_path: Path, file: bytes, said: str) -> None:
    (tmp_path / "b").write_bytes(file)

    assert said in refused(tmp_path / "new", "restore", tmp_path / "b")
    assert not (tmp_path / "new").exists()


def test_a_backup_that_is_cut_off_or_changed_is_refused_before_anything_is_changed(
    saved: Path, tmp_path: Path
) -> None:
    whole = saved.read_bytes()
    (tmp_path / "cut").write_bytes(whole[: len(whole) // 2])
    corrupted(saved, tmp_path / "changed", b"printed 1\n", b"painted 1\n")

    assert "damaged" in refused(tmp_path / "new", "backup", "--verify", tmp_path / "cut")
    said = refused(tmp_path / "new", "restore", tmp_path / "changed")
    assert "output/" in said
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    "change",
    [
        {"name": "../escaped"},
        {"name": "/etc/escaped"},
        {"name": "workspaces/../../escaped"},
        {"name": "output/x/1/../../escaped"},
        {"name": "etc/passwd"},
        {"type": tarfile.SYMTYPE, "linkname": "/etc"},
        {"type": tarfile.LNKTYPE, "linkname": "keys/secret_key"},
        {"type": tarfile.CHRTYPE},
        {"type": tarfile.FIFOTYPE},
    ],
    ids=str,
)
def test_members_that_lead_elsewhere_or_are_no_files_are_refused(
    saved: Path, tmp_path: Path, change: dict[str, object]
) -> None:
    def evil(member: tarfile.TarInfo, _data: bytes) -> None:
        if member.name.endswith("file1"):
            for name, value in change.items():
                setattr(member, name, value)

    rewritten(saved, tmp_path / "evil", evil)

    said = refused(tmp_path / "new" / "data", "restore", tmp_path / "evil")

    assert "which no backup does" in said
    assert not (tmp_path / "escaped").exists()
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("backup.json", b'{"format": 1}', "no backup"),
        ("backup.json", b"[" * 100_000, "no backup"),
        ("backup.json", Said('"made_at": "', '"made_at": "\\u001b[2J'), "no backup"),
        ("backup.json", Said('"tasks": ', '"task": '), "no backup"),
        ("links.jsonl", b"neither\n", "links"),
        ("links.jsonl", b"[" * 100_000, "links"),
        ("links.jsonl", b"[1, 2]\n", "links"),
        ("links.jsonl", b'["workspaces/s1/x", "a\\u0000"]\n', "links"),
        ("database/lineup.db", b"", "database"),
    ],
)
def test_lists_that_make_no_sense_are_refused_in_words(
    saved: Path, tmp_path: Path, name: str, content: bytes | Said, said: str
) -> None:
    def change(member: tarfile.TarInfo, data: bytes) -> object:
        if member.name != name:
            return None
        return content if isinstance(content, bytes) else content.instead(data)

    rewritten(saved, tmp_path / "odd", change)

    assert said in refused(tmp_path / "new", "restore", tmp_path / "odd")
    assert not (tmp_path / "new").exists()


def test_a_backup_of_a_newer_lineup_is_refused_in_words(saved: Path, tmp_path: Path) -> None:
    def newer(member: tarfile.TarInfo, data: bytes) -> object:
        if member.name != "backup.json":
            return None
        return data.replace(b'"revision": "', b'"revision": "9')

    rewritten(saved, tmp_path / "newer", newer)

    assert "this one knows schemas up to" in refused(
        tmp_path / "new", "restore", tmp_path / "newer"
    )
    assert not (tmp_path / "new").exists()


def test_a_directory_in_use_or_not_empty_is_left_as_it_is(
    saved: Path, shared_home: Home, tmp_path: Path
) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").write_text("precious")

    assert "A server runs on" in refused(shared_home.data, "restore", saved, "--replace")
    assert "is not empty" in refused(tmp_path / "full", "restore", saved)

    assert [p.name for p in (tmp_path / "full").iterdir()] == ["mine"]


def test_what_is_replaced_is_moved_aside_and_leftovers_of_a_killed_restoration_go(
    saved: Path, tmp_path: Path
) -> None:
    data = tmp_path / "full"
    (data / ".restoring-killed").mkdir(parents=True)
    (data / "mine").write_text("precious")

    result = lineup(data, "restore", saved, "--replace")

    assert result.exit_code == 0, result.output
    [aside] = data.glob("before-restore-*")
    assert (aside / "mine").read_text() == "precious"
    assert not list(data.glob(".restoring-*"))
    assert counts(data / "lineup.db")["tasks"] == 5


def test_a_restored_server_has_everything_and_says_of_what_ran_that_it_was_interrupted(
    saved: Path, shared_home: Home, tmp_path: Path
) -> None:
    data = tmp_path / "elsewhere" / "data"
    result = lineup(tmp_path / "unused", "restore", saved, "--data", data)
    assert result.exit_code == 0, result.output
    assert counts(data / "lineup.db") == counts(shared_home.data / "lineup.db")

    home = Home(data, shared_home.token)
    try:
        with home.server() as server:
            home.all_final()
            tasks = home.query("SELECT * FROM tasks ORDER BY seq")
            assert [t["status"] for t in tasks] == [*["completed"] * 3, "failed", "completed"]
            assert tasks[3]["error_message"].startswith("interrupted: it was running when")
            assert _printed(server, tasks[1]["task_id"]) == "printed 1\n"
            assert _printed(server, tasks[4]["task_id"]) == "later\n"
            assert all(t["workspace_dir"].startswith(f"{data}/") for t in tasks)
            assert tasks[0]["report_path"].startswith(f"{data}/")
            again = server.submit("cat file1 link", session_id="s1")
            home.becomes(again, "completed")
            assert _printed(server, again) == "made\nmade\n"
        doctor = lineup(data, "doctor")
        assert doctor.exit_code == 0, doctor.output
        [still] = shared_home.query("SELECT * FROM tasks WHERE status = 'running'")
        assert still["runner_id"], "the original is not disturbed"
    finally:
        home.close()


def _printed(server: Server, task_id: str) -> str:
    return str(server.http.get(f"/api/tasks/{task_id}/output").json()["data"])
