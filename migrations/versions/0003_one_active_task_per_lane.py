"""One active task per lane as a rule of the database, and the indexes tasks are claimed by."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

PENDING = "status = 'pending'"
ACTIVE = "status IN ('running', 'paused')"
REASON = "interrupted: another task of its lane was active as well."


def upgrade() -> None:
    """Close all but the newest active task of each lane, then forbid a second one."""
    op.execute(
        sa.text(
            "UPDATE tasks SET status = 'failed', error_message = :reason, runner_id = NULL,"
            " wish = NULL, wish_reason = NULL, wish_by = NULL, wish_at = NULL,"
            " completed_at = coalesce(completed_at, updated_at), version = version + 1"
            f" WHERE {ACTIVE} AND seq < (SELECT max(other.seq) FROM tasks AS other"
            "  WHERE other.lane = tasks.lane AND other.status IN ('running', 'paused'))"
        ).bindparams(reason=REASON)
    )
    op.execute(
        sa.text(
            "UPDATE attempts SET outcome = 'failed', error = :reason, ended_at ="
            " (SELECT completed_at FROM tasks WHERE tasks.task_id = attempts.task_id)"
            " WHERE outcome IS NULL AND task_id IN"
            " (SELECT task_id FROM tasks WHERE error_message = :reason)"
        ).bindparams(reason=REASON)
    )
    op.execute(
        "UPDATE sessions SET status ="
        " (SELECT status FROM tasks WHERE tasks.task_id = sessions.newest_task_id)"
    )
    _index("uq_tasks_active_lane", ["lane"], ACTIVE, unique=True)
    _index("ix_tasks_claim", ["lane", sa.text("priority DESC"), "seq"], PENDING)
    _index("ix_tasks_expires", ["expires_at"], f"{PENDING} AND expires_at IS NOT NULL")
    for status in ("pending", "running", "paused", "completed", "failed", "stopped"):
        op.execute(
            sa.text(
                f"UPDATE lanes SET {status} ="
                " (SELECT count(*) FROM tasks WHERE tasks.lane = lanes.name"
                f" AND tasks.status = '{status}')"
            )
        )


def downgrade() -> None:
    """Allow several active tasks in a lane again."""
    for name in ("ix_tasks_expires", "ix_tasks_claim", "uq_tasks_active_lane"):
        op.drop_index(name, table_name="tasks")


def _index(name: str, columns: list[object], where: str, *, unique: bool = False) -> None:
    op.create_index(
        name,
        "tasks",
        columns,
        unique=unique,
        sqlite_where=sa.text(where),
        postgresql_where=sa.text(where),
    )
