"""Configuration: LLM profiles, which say what model is asked, and how."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint
from flask.typing import ResponseReturnValue
from pydantic import Field, RootModel, StrictBool, StrictFloat, StrictInt, StrictStr

from webapp import clock
from webapp.api.bodies import Answer, Body, Message, answers
from webapp.domain.errors import NotFound
from webapp.domain.messages import sentence
from webapp.doors.principal import administration, principal
from webapp.doors.profiles import llm as doors
from webapp.queries import profiles
from webapp.services.profiles import llm as verbs

bp = APIBlueprint(
    "api_llm_profiles", __name__, url_prefix="/api/config/llm-profiles", tag="Configuration"
)


class ProfileFields(Body):
    """How a model is asked, and what a run of it may use up."""

    base_url: StrictStr | None = Field(None, description="Null: where its provider is.")
    api_key: StrictStr | None = Field(
        None,
        description="Stored encrypted, never answered; left out or empty it stays. "
        "A profile may be made without one, and cannot be used before it is there if its "
        "provider needs it.",
    )
    temperature: StrictFloat | None = None
    max_tokens: StrictInt | None = Field(None, description="Of one answer.")
    top_p: StrictFloat | None = None
    frequency_penalty: StrictFloat | None = None
    seed: StrictInt | None = None
    provider_config: dict[str, Any] | None = Field(
        None,
        description="What only its provider knows: region_name and aws_access_key_id (Bedrock), "
        "api_version (Azure), api: chat or responses, organization and project (OpenAI), "
        "app_url and app_title (OpenRouter), extra_body (sent along). No secrets.",
    )
    description: StrictStr | None = None
    is_active: StrictBool | None = Field(None, description="A new one is.")
    is_default: StrictBool | None = Field(
        None, description="Used where no profile is named; the first becomes it."
    )
    request_timeout_s: StrictFloat | None = Field(None, description="Of one request; 120.")
    run_requests: StrictInt | None = Field(None, description="A run asks at most so often.")
    run_tokens: StrictInt | None = Field(None, description="A run uses up at most so many.")
    run_cost: StrictFloat | None = Field(None, description="A run costs at most so many dollars.")
    input_price: StrictFloat | None = Field(
        None, description="Dollars for a million tokens; null: what is known of the model."
    )
    output_price: StrictFloat | None = Field(None, description="The same of what it answers.")


class ProfileBody(ProfileFields):
    """A new LLM profile."""

    profile_name: StrictStr
    provider: StrictStr = Field(description="One of `/api/config/llm/providers`.")
    model: StrictStr


class ProfileChangeBody(ProfileFields, extra="allow"):
    """Only what is sent changes; what is only shown may come back as it is shown."""

    profile_name: StrictStr | None = Field(None, description="If sent, the one of the address.")
    provider: StrictStr | None = None
    model: StrictStr | None = None


class ProfilesQuery(Body):
    """Which profiles."""

    active_only: bool = Field(True, description="Only those that are active.")
    limit: int = Field(50, ge=1, le=1000)
    offset: int = Field(0, ge=0, le=2**31)


class ProfileAnswer(Answer):
    """An LLM profile; of its key, whether there is one and how it ends."""

    profile_id: str
    profile_name: str
    provider: str
    model: str
    base_url: str | None
    temperature: float | None
    max_tokens: int | None
    top_p: float | None
    frequency_penalty: float | None
    seed: int | None
    provider_config: dict[str, Any] | None
    description: str | None
    is_active: bool
    is_default: bool
    has_api_key: bool
    api_key_ending: str | None
    api_key_set_at: str | None
    request_timeout_s: float
    run_requests: int | None
    run_tokens: int | None
    run_cost: float | None
    input_price: float | None
    output_price: float | None
    created_by: str
    created_at: str
    updated_at: str
    last_used_at: str | None
    version: int


class ProfileList(RootModel[list[ProfileAnswer]]):
    """LLM profiles by name."""


class ProfileTestAnswer(Answer):
    """Whether its model answered, what was said, and how long it took."""

    success: bool
    message: str
    latency_ms: int


@bp.get("")
@bp.input(ProfilesQuery, location="query")
@bp.doc(responses=answers(ProfileList, refusals=(400,)))
def index(query_data: ProfilesQuery) -> ResponseReturnValue:
    """List LLM profiles by name."""
    rows = profiles.llm_all(**query_data.model_dump())
    return [profiles.shown_llm(row) for row in rows]


@bp.post("")
@administration
@bp.input(ProfileBody)
@bp.doc(responses=answers(ProfileAnswer, refusals=(400, 409, 415)))
def create(json_data: ProfileBody) -> ResponseReturnValue:
    """Make an LLM profile."""
    name = doors.create(json_data.model_dump(exclude_unset=True), by=principal().name)
    return profiles.shown_llm(profiles.llm(name))


@bp.get("/default/current")
@bp.doc(responses=answers(ProfileAnswer, refusals=(404,)))
def default() -> ResponseReturnValue:
    """Show the profile that is used where none is named."""
    row = profiles.llm_default()
    if row is None:
        raise NotFound("no_default_profile")
    return profiles.shown_llm(row)


@bp.get("/<name>")
@bp.doc(responses=answers(ProfileAnswer, refusals=(404,)))
def show(name: str) -> ResponseReturnValue:
    """Show an LLM profile."""
    return profiles.shown_llm(profiles.llm(name))


@bp.put("/<name>")
@administration
@bp.input(ProfileChangeBody)
@bp.doc(responses=answers(ProfileAnswer, refusals=(400, 404, 409, 415)))
def change(name: str, json_data: ProfileChangeBody) -> ResponseReturnValue:
    """Change what is sent, and nothing else."""
    doors.change(name, json_data.model_dump(exclude_unset=True), by=principal().name)
    return profiles.shown_llm(profiles.llm(name))


@bp.delete("/<name>")
@administration
@bp.doc(responses=answers(Message, refusals=(400, 404)))
def delete(name: str) -> ResponseReturnValue:
    """Delete an LLM profile with its key; the default stays."""
    verbs.remove(name, by=principal().name, now=clock.now())
    return {"message": sentence("profile_deleted", {"name": name})}


@bp.post("/<name>/set-default")
@administration
@bp.doc(responses=answers(Message, refusals=(400, 404)))
def set_default(name: str) -> ResponseReturnValue:
    """Make an active LLM profile the default."""
    verbs.set_default(name, by=principal().name, now=clock.now())
    return {"message": sentence("profile_is_default", {"name": name})}


@bp.post("/<name>/test")
@administration
@bp.doc(responses=answers(ProfileTestAnswer, refusals=(404, 409)))
def test(name: str) -> ResponseReturnValue:
    """Ask its model a tiny question, and say what became of it."""
    tested = doors.test(name)
    return {"success": tested.ok, "message": tested.said, "latency_ms": tested.took_ms}
