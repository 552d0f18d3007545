"""Submit, look at, run again and delete tasks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from apiflask import APIBlueprint
from flask.typing import ResponseReturnValue
from pydantic import BeforeValidator, Field, StrictBool, StrictFloat, StrictInt, StrictStr

from webapp.api import views
from webapp.api.bodies import Answer, Body, Message, answers
from webapp.api.paging import below, cursor
from webapp.api.submitting import SubmitAnswer, answered
from webapp.domain.errors import Invalid
from webapp.domain.messages import sentence
from webapp.domain.task_state import Status
from webapp.doors import models, steering
from webapp.doors.intake import again, intake, unsealed
from webapp.doors.principal import principal
from webapp.queries import conversations, history, tasks
from webapp.queries.history import Filter
from webapp.services.submissions import Submission

bp = APIBlueprint("api_tasks", __name__, url_prefix="/api/tasks", tag="Tasks")

SHOWN = 50


class Common(Body, extra="allow"):
    """What submissions and flows have; what is not listed is the agent's own setting."""

    agent: StrictStr | None = Field(None, description="Which agent does it, e.g. shell.")
    session_id: StrictStr | None = Field(None, description="Made if absent.")
    llm_profile_name: StrictStr | None = Field(
        None, description="For llm: which profile; the default one if left out."
    )
    agent_mode: Literal["thinking", "no-thinking", "flash"] | None = Field(
        None, description="For llm: how much it thinks."
    )
    mcp_server_config: dict[str, Any] | None = Field(
        None,
        description='For llm: servers of this task alone, {"mcpServers": {name: {command, args, '
        "env?, cwd?, timeout?} or {url, headers?}}}; the values of env and headers are secret.",
    )
    lane: StrictStr | None = None
    priority: StrictInt | None = Field(None, description="Larger first; ties by age.")
    timeout_s: StrictFloat | None = Field(
        None, description="Per attempt; paused time does not count."
    )
    silence_timeout_s: StrictFloat | None = Field(
        None, description="Seconds without output after which the attempt fails."
    )
    waiting_timeout_s: StrictFloat | None = Field(
        None, description="Seconds in line after which the task fails."
    )
    max_retries: StrictInt | None = None
    retry_delay_s: StrictFloat | None = Field(
        None, description="Before the first retry; each further one waits twice as long."
    )
    rerun_interrupted: StrictBool | None = Field(
        None, description="Whether it is run again if its server dies or is shut down meanwhile."
    )


class Fields(Common):
    """A submission."""

    when_busy: Literal["reject", "queue"] | None = None
    upload_file_ids: list[StrictStr] | None = Field(
        None, description="Uploaded files of one session that the task is given."
    )
    upload_files_path: StrictStr | None = Field(
        None, description="One uploaded file by its path, as file_path gave it."
    )


class SubmitBody(Fields):
    """What should be done, and by whom."""

    task_description: StrictStr = Field(description="For shell: the command.")


class SubmitQuery(Body):
    """Where it is to wait, for those who say it in the address."""

    lane: str | None = Field(None, description="The lane, if the body names none.")


class RerunBody(Fields):
    """What should be different this time."""

    task_description: StrictStr | None = None


def _moment(value: Any) -> datetime:
    try:
        found = datetime.fromisoformat(str(value).replace(" ", "+"))
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("must be a time as in 2026-11-23T09:00:00Z") from None


Moment = Annotated[datetime, BeforeValidator(_moment)]


class Choice(Body):
    """Which tasks; all that is given must hold."""

    status: list[Status] = Field([], description="Repeated: one of these.")
    session_id: str | None = None
    flow_id: str | None = None
    llm_profile_name: str | None = None
    lane: str | None = None
    agent: str | None = None
    q: str | None = Field(None, max_length=200, description="Text in the description.")
    since: Moment | None = Field(None, description="Created at or after.")
    until: Moment | None = Field(None, description="Created before.")

    def wanted(self) -> Filter:
        """The filter of the queries."""
        given = {name: getattr(self, name) for name in Choice.model_fields}
        return Filter(**given | {"status": tuple(self.status)})


class ListQuery(Choice):
    """Which tasks, and which page of them."""

    limit: int = Field(SHOWN, ge=1, le=1000)
    cursor: str | None = Field(
        None, description="next_cursor of the page before, with the same filters."
    )


class TaskPage(Answer):
    """A page of tasks, newest first; ``next_cursor`` is null on the last.

    A page may be short, or empty, and not be the last: where what is asked for is rare, a look
    goes only so far back, and ``next_cursor`` goes on from there.
    """

    tasks: list[dict[str, Any]]
    next_cursor: str | None


class TaskAnswer(Answer, extra="allow"):
    """A task: every stored column by its name."""

    task_id: str
    session_id: str
    task_description: str
    status: Status
    agent: str
    lane: str
    priority: int
    attempt: int
    control: Literal["pausing", "stopping"] | None
    progress: dict[str, Any] | None
    version: int
    created_at: str


class Attempts(Answer):
    """The attempts of a task, oldest first; the last may still be under way."""

    task_id: str
    attempts: list[dict[str, Any]]


@bp.post("/submit")
@bp.input(SubmitQuery, location="query")
@bp.input(SubmitBody)
@bp.doc(responses=answers(SubmitAnswer, refusals=(400, 409, 410, 415, 422, 429)))
def submit(query_data: SubmitQuery, json_data: SubmitBody) -> ResponseReturnValue:
    """Hand in a task. With an Idempotency-Key header a repeated request is answered once."""
    fields, lane = json_data.model_dump(exclude_unset=True), query_data.lane
    if lane is not None:
        if fields.get("lane") not in (None, lane):
            raise Invalid.field("lane", "the address names another lane than the body")
        fields["lane"] = lane
    return _submit(lambda: intake(unsealed(fields)), "submit", beside=lane or "")


@bp.post("/<task_id>/rerun")
@bp.input(RerunBody)
@bp.doc(responses=answers(SubmitAnswer, refusals=(400, 404, 409, 410, 415, 422, 429)))
def rerun(task_id: str, json_data: RerunBody) -> ResponseReturnValue:
    """Run a task again as a new one, with the fields that are sent changed."""
    changes = json_data.model_dump(exclude_unset=True)
    return _submit(lambda: again(task_id, changes), f"rerun/{task_id}")


@bp.get("")
@bp.input(ListQuery, location="query")
@bp.doc(responses=answers(TaskPage, refusals=(400,)))
def list_tasks(query_data: ListQuery) -> ResponseReturnValue:
    """List tasks, newest first."""
    wanted = query_data.wanted()
    before = below(query_data.cursor, wanted)
    found = history.page(wanted, before=before, limit=query_data.limit, whole=True)
    return {
        "tasks": [tasks.as_json(row) for row in found.rows],
        "next_cursor": cursor(found.older or found.searched_to, wanted),
    }


@bp.get("/<task:task_id>")
@bp.doc(responses=answers(TaskAnswer, refusals=(404,)))
def show(task_id: str) -> ResponseReturnValue:
    """Show one task with everything that is stored of it."""
    row = tasks.find(task_id)
    waits = conversations.waits_for(row, models.allowance())
    return {
        **tasks.as_json(row),
        "usage": conversations.usage(task_id),
        "waits_for": sentence(*waits) if waits is not None else None,
    }


@bp.get("/<task:task_id>/attempts")
@bp.doc(responses=answers(Attempts, refusals=(404,)))
def attempts(task_id: str) -> ResponseReturnValue:
    """List the attempts of a task: when each began and ended, how, and why it failed."""
    tasks.standing(task_id)
    return {"task_id": task_id, "attempts": [views.attempt(a) for a in tasks.attempts(task_id)]}


@bp.delete("/<task:task_id>")
@bp.doc(responses=answers(Message, refusals=(404, 409)))
def delete(task_id: str) -> ResponseReturnValue:
    """Delete a finished task with its attempts, instructions and output."""
    steering.delete(task_id, by=principal().name)
    return {"message": sentence("task_deleted_done", {})}


def _submit(make: Callable[[], Submission], route: str, *, beside: str = "") -> ResponseReturnValue:
    by = principal().name
    return answered(
        route, lambda promised: steering.submit(make(), by=by, promise=promised), beside=beside
    )
