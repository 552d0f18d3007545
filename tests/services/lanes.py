"""What tests of lanes share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import insert

from tests.conftest import NOON
from webapp.db import db, transaction
from webapp.domain.errors import Refused
from webapp.models import Flow

Do = Callable[..., Any]


def code_of(verb: Callable[[], Any]) -> str:
    """What a verb is refused with."""
    with pytest.raises(Refused) as refused:
        verb()
    return refused.value.code


@transaction
def name_in_a_flow(lane: str, name: str = "nightly") -> None:
    values = {"flow_id": name, "name": name, "task_description": "true", "agent": "shell"}
    times = {"created_by": "ann", "created_at": NOON, "updated_at": NOON}
    db.session.execute(
        insert(Flow.__table__).values(
            lane=lane, agent_settings={}, parameters=[], **values, **times
        )
    )
