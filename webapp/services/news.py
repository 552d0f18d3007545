"""What a run has to tell between two looks at it, and what became of its instructions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import func, update

from webapp.db import db
from webapp.domain.receipts import Receipt
from webapp.models import Instruction
from webapp.services.activity import Entry

_instructions = Instruction.__table__


@dataclass(frozen=True)
class News:
    """What a run has to tell since it last did."""

    entries: Sequence[Entry] = ()
    progress: Mapping[str, Any] | None = None
    receipts: Mapping[str, tuple[Receipt, str | None]] = field(default_factory=dict)
    """Instruction id to (state, step)."""

    def __bool__(self) -> bool:
        """Whether there is anything to write."""
        return bool(self.entries or self.progress is not None or self.receipts)


def settle(task_id: str, receipts: Mapping[str, tuple[Receipt, str | None]], now: datetime) -> None:
    """Write what became of instructions, for verbs that are already in their transaction."""
    for instruction_id, (state, step) in receipts.items():
        columns: dict[str, Any] = {"state": state}
        if step is not None:
            columns["step"] = step
        if state in (Receipt.DELIVERED, Receipt.CONSUMED):
            delivered = _instructions.c.delivered_at
            columns["delivered_at"] = func.coalesce(delivered, now)
        if state is Receipt.CONSUMED:
            columns["consumed_at"] = now
        db.session.execute(
            update(_instructions)
            .where(
                _instructions.c.instruction_id == instruction_id,
                _instructions.c.task_id == task_id,
            )
            .values(**columns)
        )
