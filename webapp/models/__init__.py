"""The tables, a file per family."""

from webapp.models.people import (
    ApiToken,
    AuditEntry,
    AuthFailure,
    IdempotencyKey,
    LoginLink,
    User,
)
from webapp.models.runners import Lane, Runner
from webapp.models.sessions import Activity, WorkSession
from webapp.models.tasks import Attempt, Instruction, Task

__all__ = [
    "Activity",
    "ApiToken",
    "Attempt",
    "AuditEntry",
    "AuthFailure",
    "IdempotencyKey",
    "Instruction",
    "Lane",
    "LoginLink",
    "Runner",
    "Task",
    "User",
    "WorkSession",
]
