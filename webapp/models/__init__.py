"""The tables, a file per family."""

from webapp.models.conversations import SessionMessage, SpentDay
from webapp.models.files import StoredFile
from webapp.models.flows import Flow, Occurrence, Schedule
from webapp.models.notices import Channel, Delivery, Notification
from webapp.models.people import (
    ApiToken,
    AuditEntry,
    AuthFailure,
    IdempotencyKey,
    LoginLink,
    User,
)
from webapp.models.profiles import LlmProfile, McpProfile
from webapp.models.runners import Freeze, Housekeeping, Lane, Runner
from webapp.models.sessions import Activity, WorkSession
from webapp.models.tasks import Attempt, Instruction, Task
from webapp.models.toolkits import Credential, Toolkit

__all__ = [
    "Activity",
    "ApiToken",
    "Attempt",
    "AuditEntry",
    "AuthFailure",
    "Channel",
    "Credential",
    "Delivery",
    "Flow",
    "Freeze",
    "Housekeeping",
    "IdempotencyKey",
    "Instruction",
    "Lane",
    "LlmProfile",
    "LoginLink",
    "McpProfile",
    "Notification",
    "Occurrence",
    "Runner",
    "Schedule",
    "SessionMessage",
    "SpentDay",
    "StoredFile",
    "Task",
    "Toolkit",
    "User",
    "WorkSession",
]
