"""What tests of the http agent call it by."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.agents.recording import Run
from webapp.agents.http import HttpAgent
from webapp.agents.protocol import AgentFailed, Limits

Call = Callable[..., Run]
AGENT = HttpAgent(Limits())
SECRET = "hunter2-swordfish"


def failure(run: Run) -> str:
    """The sentence that a run fails with."""
    with pytest.raises(AgentFailed) as failed:
        run.result()
    return AGENT.messages[failed.value.message] % failed.value.params
