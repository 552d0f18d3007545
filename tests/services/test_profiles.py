"""LLM profiles and MCP servers as they are stored: one default at most, names of their own."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from apiflask import APIFlask
from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError

from tests.conftest import NOON
from webapp.db import db
from webapp.domain.errors import Invalid, NotFound, Refused
from webapp.models import LlmProfile
from webapp.queries import profiles
from webapp.services.profiles import llm, mcp

LATER = NOON + timedelta(hours=1)
SEALED = {"$sealed": "gAAAA", "ending": "x4Qz"}
SERVER = {"command": "npx", "args": ["server"]}

pytestmark = pytest.mark.usefixtures("inside")


@pytest.fixture
def inside(app: APIFlask) -> Any:
    """Everything happens in the application."""
    with app.app_context():
        yield


@pytest.fixture
def make(app: APIFlask) -> Callable[..., str]:
    """Store a profile of the offline provider."""

    def create(name: str, **values: Any) -> str:
        plain = {"profile_name": name, "provider": "offline", "model": "demo", **values}
        return llm.create(plain, by="tests", now=NOON)

    return create


def server(name: str = "files", **values: Any) -> str:
    """Store an MCP server."""
    plain = {"display_name": name.title(), "mcp_server_name": name, "mcp_server_params": SERVER}
    return mcp.create({**plain, **values}, by="tests", now=NOON)


def default() -> str | None:
    """The name of the default."""
    row = profiles.llm_default()
    return row.profile_name if row is not None else None


def test_a_name_is_taken_once_and_what_is_not_there_is_not_found(make: Any) -> None:
    make("one")

    with pytest.raises(Invalid, match="taken") as refusal:
        make("one")
    assert list(refusal.value.fields) == ["profile_name"]
    for verb in (
        lambda: llm.change("two", {}, by="tests", now=NOON),
        lambda: llm.remove("two", by="tests", now=NOON),
        lambda: llm.set_default("two", by="tests", now=NOON),
        lambda: profiles.llm("two"),
    ):
        with pytest.raises(NotFound):
            verb()


def test_the_default_stays_active_and_is_not_deleted(make: Any) -> None:
    make("one")

    for values in ({"is_active": False}, {"is_default": False}):
        with pytest.raises(Refused, match="make another one the default"):
            llm.change("one", values, by="tests", now=NOON)
    with pytest.raises(Refused, match="before it is deleted"):
        llm.remove("one", by="tests", now=NOON)

    assert default() == "one"


def test_an_inactive_profile_never_becomes_the_default(make: Any) -> None:
    make("one", is_active=False)
    assert default() is None

    for verb in (
        lambda: llm.set_default("one", by="tests", now=NOON),
        lambda: llm.change("one", {"is_default": True}, by="tests", now=NOON),
        lambda: make("two", is_active=False, is_default=True),
    ):
        with pytest.raises(Refused, match="not active"):
            verb()
    assert default() is None
    llm.change("one", {"is_default": True, "is_active": True}, by="tests", now=NOON)
    assert default() == "one"


def test_the_first_is_the_default_until_another_is_made_it(make: Any) -> None:
    make("one")
    make("two")
    make("three")
    assert default() == "one"

    llm.set_default("two", by="tests", now=NOON)
    assert default() == "two"
    llm.change("three", {"is_default": True}, by="tests", now=NOON)
    assert default() == "three"
    make("four", is_default=True)
    assert default() == "four"
    llm.remove("one", by="tests", now=NOON)
    assert [row.profile_name for row in profiles.llm_all()] == ["four", "three", "two"]


def test_the_database_itself_has_one_default_at_most(make: Any) -> None:
    make("one")
    columns = {c.name: None for c in LlmProfile.__table__.c}
    row = {**columns, "profile_id": "x", "profile_name": "x", "provider": "x", "model": "x"}
    row |= {"is_active": True, "is_default": True, "request_timeout_s": 1.0, "version": 1}
    row |= {"created_by": "x", "created_at": NOON, "updated_at": NOON}

    with pytest.raises(IntegrityError), db.engines[None].begin() as connection:
        connection.execute(insert(LlmProfile.__table__).values(row))


def test_being_used_is_no_edit(make: Any) -> None:
    make("one")
    mcp_id = server()
    before = profiles.llm("one"), profiles.mcp(mcp_id)

    llm.used("one", LATER)
    llm.used("gone", LATER)
    mcp.used([mcp_id, "gone"], LATER)
    mcp.used([], LATER)

    for row, was in zip((profiles.llm("one"), profiles.mcp(mcp_id)), before, strict=True):
        assert row.last_used_at == LATER
        assert (row.version, row.updated_at) == (was.version, was.updated_at) == (1, NOON)


def test_an_edit_counts_and_a_new_key_has_its_time(make: Any) -> None:
    make("one")
    assert profiles.llm("one").api_key_set_at is None

    llm.change("one", {"temperature": 0.5}, by="tests", now=LATER)
    llm.change("one", {"api_key": SEALED}, by="tests", now=LATER)

    row = profiles.llm("one")
    assert (row.temperature, row.api_key, row.api_key_set_at) == (0.5, SEALED, LATER)
    assert (row.version, row.updated_at) == (3, LATER)


def test_active_profiles_of_a_provider_come_with_the_default_and_the_last_used_first(
    make: Any,
) -> None:
    for name in ("a", "b", "c"):
        make(name)
    make("d", is_active=False)
    make("e", provider="openai")
    llm.set_default("c", by="tests", now=NOON)
    llm.used("b", LATER)

    names = [row.profile_name for row in profiles.llm_active_of("offline")]

    assert names == ["c", "b", "a"]
    assert profiles.llm_counts() == profiles.Counts(total=5, active=4)
    page = profiles.llm_all(active_only=True, limit=2, offset=1)
    assert [row.profile_name for row in page] == ["b", "c"]


def test_both_names_of_a_server_are_its_own() -> None:
    first, second = server("files"), server("web")

    with pytest.raises(Invalid) as refusal:
        server("files")
    assert set(refusal.value.fields) == {"display_name", "mcp_server_name"}
    with pytest.raises(Invalid) as refusal:
        mcp.change(second, {"mcp_server_name": "files"}, by="tests", now=NOON)
    assert list(refusal.value.fields) == ["mcp_server_name"]
    with pytest.raises(NotFound):
        mcp.change("gone", {}, by="tests", now=NOON)

    mcp.change(first, {"mcp_server_name": "files", "is_active": False}, by="tests", now=LATER)
    assert [row.mcp_id for row in profiles.mcp_active()] == [second]
    assert profiles.mcp_counts() == profiles.Counts(total=2, active=1)
    assert mcp.remove(first, by="tests", now=NOON) == "Files"
    with pytest.raises(NotFound):
        profiles.mcp(first)
