"""kill -9 at random moments during a stream of submissions."""

from __future__ import annotations

import os
import random

import pytest

from tests.processes.kill_loop import torture
from tests.processes.server import Home

ROUNDS = int(os.environ.get("TORTURE_ROUNDS", "3"))


@pytest.mark.both_databases
def test_what_was_accepted_is_there_ran_at_most_once_and_has_one_true_state(home: Home) -> None:
    seed = random.randrange(10**6)
    print(f"repeat with: make torture ARGS='{ROUNDS} {seed}'")  # noqa: T201 - shown on failure

    ended = torture(home, rounds=ROUNDS, seed=seed)

    assert ended["completed"] > 0
