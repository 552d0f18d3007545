"""What is listed of a directory, and in which order."""

from __future__ import annotations

from pathlib import Path

from webapp.files import listing


def test_files_are_listed_by_name_whatever_the_disk_thinks(tmp_path: Path) -> None:
    for name in ("f4", "f1", "a name", "f2"):
        (tmp_path / name).touch()

    assert [found.path for found in listing.look(tmp_path).files] == ["a name", "f1", "f2", "f4"]
