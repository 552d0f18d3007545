"""Failures as outcomes: what the lane itself says, and what an agent does."""

from __future__ import annotations

from webapp.agents.protocol import AgentFailed
from webapp.domain.messages import MESSAGES, sentence
from webapp.domain.outcome import Outcome
from webapp.domain.spending import KINDS

FOR_GOOD = {
    *("agent_gone", "secret_lost_in", "keys_unusable"),
    *("llm_profile_none", "llm_profile_gone", "llm_profile_inactive", "llm_no_price"),
    *("llm_run_requests", "llm_run_tokens", "llm_run_cost"),
    *(f"{whose}_budget_{kind}" for whose in ("day", "flow") for kind in KINDS),
}
"""Failures that another attempt does not mend."""


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
        may_retry=code not in FOR_GOOD,
    )
