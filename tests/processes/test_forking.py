"""A server that imports wsgi.py and then forks; a Flask command that imports it only to look."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from tests.processes.server import ROOT, Home, Server, environment
from tests.waiting import until

pytestmark = pytest.mark.both_databases
ALONE = "mkdir {riding} || exit 9; sleep 0.02; rmdir {riding}"


@dataclass
class Forked:
    """The process that forked, and the children that serve at each door."""

    parent: psutil.Process
    doors: list[Server]
    children: list[psutil.Process]

    @property
    def everybody(self) -> list[psutil.Process]:
        """All three."""
        return [self.parent, *self.children]


@pytest.fixture(scope="module")
def forked(shared_home: Home) -> Iterator[Forked]:
    """Two servers forked from one process that had a runtime already."""
    home = shared_home
    doors = [home.server(), home.server()]
    with doors[0].log.open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.processes.preforking", *(str(d.port) for d in doors)],
            cwd=ROOT,
            env=environment(**home.settings),
            stdout=log,
            stderr=log,
        )
    for door in doors:
        door.process = process
        until(door.answers, doors[0].said)
    parent = psutil.Process(process.pid)
    until(lambda: len(home.query("SELECT * FROM runners")) == 3, doors[0].said)
    family = Forked(parent, doors, [listening(parent, door.port) for door in doors])
    yield family
    for one in family.everybody:
        with suppress(psutil.NoSuchProcess):
            one.kill()
    process.wait()


def listening(parent: psutil.Process, port: int) -> psutil.Process:
    """The child that listens on a port."""
    [child] = [c for c in parent.children() if port in {n.laddr[1] for n in c.net_connections()}]
    return child


def test_every_process_has_a_runtime_of_its_own_that_works_alone(
    forked: Forked,
) -> None:
    home = forked.doors[0].home
    signed_in = {row["pid"] for row in home.query("SELECT pid FROM runners")}
    assert signed_in == {one.pid for one in forked.everybody}
    for door, child in zip(forked.doors, forked.children, strict=True):
        others = [one for one in forked.everybody if one != child]
        home.suspend(*(other.pid for other in others))
        try:
            task_id = door.submit("echo here")
            home.becomes(task_id, "completed")
        finally:
            for other in others:
                other.resume()
        [row] = home.query(
            "SELECT pid FROM runners JOIN attempts USING (runner_id) WHERE task_id = ?", task_id
        )
        assert row["pid"] == child.pid


def test_of_many_tasks_none_is_lost_and_never_two_ride_at_once(
    forked: Forked, tmp_path: Path
) -> None:
    home = forked.doors[0].home
    command = ALONE.format(riding=tmp_path / "riding")

    task_ids = [door.submit(command) for _ in range(10) for door in forked.doors]
    home.all_final()

    assert home.statuses(task_ids) == ["completed"] * 20
    assert not home.broken()


def test_what_a_child_wrote_survives_the_end_of_its_parent(forked: Forked) -> None:
    """The last to close a SQLite database removes its log: the parent must not think it is."""
    home = forked.doors[0].home
    forked.parent.terminate()
    assert forked.doors[0].wait() == 0
    task_ids = []
    for door, child in zip(forked.doors, forked.children, strict=True):
        task_ids.append(door.submit("true"))
        home.all_final()
        child.kill()
        child.wait()

    assert home.statuses(task_ids) == ["completed", "completed"]


def test_a_flask_command_starts_no_runtime(home: Home) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "flask", "--app", "wsgi", "db", "current"],
        cwd=ROOT,
        env=environment(**home.settings),
        capture_output=True,
        text=True,
        timeout=90,
        check=True,
    )

    assert "(head)" in ended.stdout
    assert home.query("SELECT * FROM runners") == []
