"""Every sentence that is stored or answered: a stable code and its English text.

Stored and API texts are English; pages translate from the code with the same parameters.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from webapp.domain.messages.backup import BACKUP
from webapp.domain.messages.doctor import DOCTOR
from webapp.domain.messages.flows import FLOWS
from webapp.domain.messages.lanes import LANES
from webapp.domain.messages.marking import N_
from webapp.domain.messages.models import MODELS
from webapp.domain.messages.notices import NOTICES
from webapp.domain.messages.profiles import PROFILES
from webapp.domain.messages.refusals import REFUSALS
from webapp.domain.messages.schedules import SCHEDULES
from webapp.domain.messages.tasks import TASKS
from webapp.domain.messages.toolkits import TOOLKITS

__all__ = ["MESSAGES", "N_", "learn", "sentence"]

MESSAGES: dict[str, str] = {
    **TASKS,
    **BACKUP,
    **DOCTOR,
    **FLOWS,
    **SCHEDULES,
    **LANES,
    **NOTICES,
    **MODELS,
    **PROFILES,
    **TOOLKITS,
    **REFUSALS,
}


def learn(more: Mapping[str, str]) -> None:
    """Add the codes of a plug-in; it cannot change what a code already says."""
    for code, text in more.items():
        MESSAGES.setdefault(code, text)


def sentence(code: str, params: Mapping[str, Any]) -> str:
    """The English text of a code; what is no code is already a text."""
    template = MESSAGES.get(code)
    return code if template is None else template % dict(params)
