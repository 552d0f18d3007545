"""What this process adopted is collected once it ended, and nothing that others wait for."""

from __future__ import annotations

import os
import subprocess

import psutil

from tests.waiting import until
from webapp.agents.adopted import Adopted


def ended(pid: int) -> int:
    """Wait until a child has ended; nobody has collected it then."""
    until(lambda: psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    return pid


def test_what_was_nobodys_at_two_looks_is_collected() -> None:
    orphan = ended(os.posix_spawn("/bin/true", ["true"], {}, setsid=True))
    adopted = Adopted()

    assert adopted.collect() == 0
    assert psutil.pid_exists(orphan)
    assert adopted.collect() == 1
    assert not psutil.pid_exists(orphan)


def test_what_was_begun_here_keeps_its_exit_status() -> None:
    adopted = Adopted()
    with subprocess.Popen(["false"]) as process:
        ended(process.pid)

        assert [adopted.collect() for _ in range(3)] == [0, 0, 0]

        assert process.wait() == 1
