"""Failures as outcomes: what the lane itself says, and what an agent does."""

from __future__ import annotations

from webapp.agents.protocol import AgentFailed
from webapp.domain.messages import MESSAGES, sentence
from webapp.domain.outcome import Outcome

FOR_GOOD = {"agent_gone", "secret_lost_in", "keys_unusable"}
"""Failures of the runtime's own that another attempt does not mend."""


def failure(code: str, **params: str) -> Outcome:
    """The lane's own verdict."""
    return Outcome("fail", code=code, params=params, may_retry=code not in FOR_GOOD)


def failed(error: AgentFailed) -> Outcome:
    """What an agent said of its failure."""
    code = error.message if error.message in MESSAGES else None
    return Outcome(
        "fail",
        result=error.text,
        exit_code=error.exit_code,
        code=code,
        message=None if code else sentence(error.message, error.params),
        params=error.params if code else {},
        may_retry=not error.for_good,
    )
