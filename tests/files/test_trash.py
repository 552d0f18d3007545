"""The trash: what is taken is gone at once, and nothing outside is ever touched."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from webapp.files.trash import NAME, Trash


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Where workspaces lie."""
    made = tmp_path / "workspaces"
    made.mkdir()
    return made


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A directory that is none of the trash's business."""
    made = tmp_path / "outside"
    made.mkdir()
    (made / "precious").write_text("kept")
    return made


def left(root: Path) -> list[str]:
    """What lies in the trash."""
    return os.listdir(root / NAME)


@pytest.mark.parametrize("path", ["../outside", ".", "..", "a/b", NAME])
def test_nothing_but_a_child_of_the_directory_is_taken(
    root: Path, outside: Path, path: str
) -> None:
    (root / "a" / "b").mkdir(parents=True)
    Trash(root).take(root / path)
    assert (outside / "precious").read_text() == "kept"
    assert (root / "a" / "b").is_dir()


def test_a_workspace_that_was_never_made_is_no_trouble(root: Path) -> None:
    trash = Trash(root)
    trash.take(root / "never")
    assert trash.empty()


def test_links_are_removed_and_where_they_lead_is_not(root: Path, outside: Path) -> None:
    trash = Trash(root)
    (root / "w").mkdir()
    (root / "w" / "link").symlink_to(outside)
    (root / "w" / "file").symlink_to(outside / "precious")
    (root / "itself").symlink_to(outside)
    for name in ("w", "itself"):
        trash.take(root / name)
    assert trash.empty()
    assert os.listdir(root) == [NAME]
    assert left(root) == []
    assert (outside / "precious").read_text() == "kept"


def test_directories_nested_deeper_than_a_path_may_be_long_go_too(root: Path) -> None:
    trash, here = Trash(root), Path.cwd()
    (root / "w").mkdir()
    try:
        os.chdir(root / "w")
        for _ in range(3_000):
            Path("deep").mkdir()
            os.chdir("deep")
        Path("file").write_text("at the bottom")
    finally:
        os.chdir(here)
    trash.take(root / "w")
    assert trash.empty()
    assert left(root) == []


def test_a_directory_that_may_not_be_written_goes_too(root: Path) -> None:
    trash = Trash(root)
    locked = root / "w" / "locked"
    locked.mkdir(parents=True)
    (locked / "file").write_text("x")
    (locked / "file").chmod(0)
    locked.chmod(0)
    (root / "w").chmod(0)
    trash.take(root / "w")
    assert trash.empty()
    assert left(root) == []


def test_emptying_ends_when_it_is_enough_and_goes_on_later(root: Path) -> None:
    trash = Trash(root)
    (root / "w").mkdir()
    for number in range(10):
        (root / "w" / str(number)).touch()
    trash.take(root / "w")
    assert not (root / "w").exists()
    assert not trash.empty(lambda: True)
    assert len(left(root)) == 1
    assert Trash(root).empty()
    assert left(root) == []
