"""How people get in, past the doors: what is kept, counted and recorded."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from apiflask import APIFlask
from argon2 import PasswordHasher
from sqlalchemy import text, update

from tests.conftest import NOON
from webapp.db import db, transaction
from webapp.domain.errors import Conflict, Invalid, NotFound, TooMany, Unauthorized
from webapp.models import User
from webapp.queries import people as known
from webapp.services import failures, people

PASSWORD = "correct horse battery"
HERE = "127.0.0.1"


@pytest.fixture(autouse=True)
def _in_the_application(app: APIFlask) -> Iterator[None]:
    with app.app_context():
        yield


@pytest.fixture
def owner() -> int:
    """The first user, who has a password."""
    user_id = people.ensure_owner(NOON)
    people.set_password(user_id, current=None, new=PASSWORD, address=HERE, now=NOON)
    return user_id


def rows(table: str) -> list[Any]:
    """What a table holds."""
    return list(db.session.execute(text(f"SELECT * FROM {table}")))


def audit() -> list[tuple[str, str, str | None]]:
    """Who did what to what, in order."""
    found = db.session.execute(text("SELECT principal, action, target FROM audit_log ORDER BY id"))
    return [(row.principal, row.action, row.target) for row in found]


@transaction
def store_hash(user_id: int, password_hash: str) -> None:
    """Put a hash in place, as an older version would have."""
    table = User.__table__
    db.session.execute(
        update(table).where(table.c.user_id == user_id).values(password_hash=password_hash)
    )


def stored_hash(user_id: int) -> str:
    """The hash that is kept of a user's password."""
    found = db.session.execute(
        text("SELECT password_hash FROM users WHERE user_id = :id"), {"id": user_id}
    )
    return str(found.scalar_one())


def test_a_link_for_somebody_unknown_is_refused() -> None:
    people.ensure_owner(NOON)
    with pytest.raises(NotFound):
        people.new_login_link("nobody", NOON)


def test_the_secret_of_a_link_is_not_kept() -> None:
    people.ensure_owner(NOON)
    secret = people.new_login_link(None, NOON)
    assert len(secret) == 43
    assert secret not in repr(rows("login_links") + rows("audit_log"))


def test_of_many_who_use_a_link_at_once_one_gets_in(app: APIFlask) -> None:
    people.ensure_owner(NOON)
    secret = people.new_login_link(None, NOON)
    entered, refused = [], []

    def use() -> None:
        with app.app_context():
            try:
                entered.append(people.consume_login_link(secret, address=HERE, now=NOON))
            except Unauthorized:
                refused.append(secret)

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(entered), len(refused)) == (1, 7)


def test_links_that_are_too_old_are_forgotten() -> None:
    people.ensure_owner(NOON)
    people.new_login_link(None, NOON)
    people.new_login_link(None, NOON + timedelta(minutes=16))
    assert len(rows("login_links")) == 1


def test_the_first_user_is_made_once() -> None:
    assert people.ensure_owner(NOON) == people.ensure_owner(NOON)
    assert len(rows("users")) == 1
    assert not known.has_password()


@pytest.mark.any_database
@pytest.mark.parametrize(
    ("name", "password"),
    [("owner", "wrong one"), ("owner", ""), ("Owner", PASSWORD), ("", PASSWORD), ("x", PASSWORD)],
)
def test_what_does_not_belong_together_is_refused(owner: int, name: str, password: str) -> None:
    with pytest.raises(Unauthorized) as refused:
        people.log_in(name, password, address=HERE, now=NOON)
    assert refused.value.code == "login_failed"


def test_nothing_that_was_typed_is_recorded_unless_it_is_a_name(owner: int) -> None:
    for name in ("owner", PASSWORD):
        with pytest.raises(Unauthorized):
            people.log_in(name, "wrong one", address=HERE, now=NOON)
    assert audit()[-2:] == [
        ("anonymous", "login_failed", "owner"),
        ("anonymous", "login_failed", None),
    ]


def test_of_many_who_guess_at_once_no_more_than_the_limit_are_heard(
    app: APIFlask, owner: int
) -> None:
    heard, slowed = [], []

    def guess() -> None:
        with app.app_context():
            try:
                people.log_in("owner", "wrong one", address=HERE, now=NOON)
            except Unauthorized:
                heard.append(1)
            except TooMany:
                slowed.append(1)

    threads = [threading.Thread(target=guess) for _ in range(failures.LIMIT + 4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(heard), len(slowed)) == (failures.LIMIT, 4)


def test_a_password_is_kept_as_argon2_and_hashed_anew_when_that_grows_stronger(
    owner: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(people, "hasher", PasswordHasher())
    assert stored_hash(owner).startswith("$argon2id$")
    weak = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash(PASSWORD)
    store_hash(owner, weak)
    people.log_in("owner", PASSWORD, address=HERE, now=NOON)
    assert stored_hash(owner) not in (weak, "")
    assert not PasswordHasher().check_needs_rehash(stored_hash(owner))
    people.log_in("owner", PASSWORD, address=HERE, now=NOON)


def test_a_damaged_hash_lets_nobody_in(owner: int) -> None:
    store_hash(owner, "rubbish")
    with pytest.raises(Unauthorized):
        people.log_in("owner", "rubbish", address=HERE, now=NOON)


@pytest.mark.any_database
@pytest.mark.parametrize("new", ["", "seven77", "x" * 1001])
def test_a_password_of_the_wrong_length_is_refused(owner: int, new: str) -> None:
    with pytest.raises(Invalid):
        people.set_password(owner, current=PASSWORD, new=new, address=HERE, now=NOON)


def test_a_new_password_moves_the_epoch(owner: int) -> None:
    before = people.log_in("owner", PASSWORD, address=HERE, now=NOON)
    after = people.set_password(
        owner, current=PASSWORD, new="another long one", address=HERE, now=NOON
    )
    assert after.session_epoch == before.session_epoch + 1
    user = known.user(owner)
    assert user is not None
    assert user.session_epoch == after.session_epoch


def test_the_wrong_present_password_changes_nothing_and_counts(owner: int) -> None:
    before = stored_hash(owner)
    for _ in range(failures.LIMIT):
        with pytest.raises(Invalid):
            people.set_password(
                owner, current="wrong one", new="another long one", address=HERE, now=NOON
            )
    with pytest.raises(TooMany):
        people.set_password(owner, current=PASSWORD, new="another long one", address=HERE, now=NOON)
    assert stored_hash(owner) == before


@pytest.mark.any_database
@pytest.mark.parametrize(("name", "scope"), [("", "read"), ("x" * 51, "read"), ("x", "root")])
def test_a_token_without_sense_is_refused(owner: int, name: str, scope: str) -> None:
    with pytest.raises(Invalid):
        people.create_token(owner, name, scope, by="owner", now=NOON)


def test_a_token_is_found_by_its_hash_until_it_is_revoked(owner: int) -> None:
    secret = people.create_token(owner, "nightly", "read", by="owner", now=NOON)
    with pytest.raises(Conflict):
        people.create_token(owner, "nightly", "read", by="owner", now=NOON)
    found = known.token(people.digest(secret))
    assert found == known.KnownToken(owner, "read", "nightly", "owner")
    assert known.token(secret) is None
    [listed] = known.tokens(owner)
    assert (listed.name, listed.ending, listed.scope) == ("nightly", secret[-4:], "read")
    people.revoke_token(owner, listed.token_id, by="owner", now=NOON)
    assert known.token(people.digest(secret)) is None
    assert known.tokens(owner) == []


def test_nobody_revokes_the_token_of_somebody_else(owner: int) -> None:
    people.create_token(owner, "nightly", "read", by="owner", now=NOON)
    [listed] = known.tokens(owner)
    with pytest.raises(NotFound):
        people.revoke_token(owner + 1, listed.token_id, by="other", now=NOON)


def test_failures_that_no_longer_count_are_forgotten() -> None:
    for minute in range(4):
        failures.fail("token", HERE, NOON + timedelta(minutes=minute))
    assert len(rows("auth_failures")) == 4
    failures.fail("login", HERE, NOON + timedelta(minutes=6, seconds=30))
    assert len(rows("auth_failures")) == 3


def test_the_wait_ends_when_the_window_has_passed_for_the_oldest_that_counts() -> None:
    for second in range(failures.LIMIT):
        failures.fail("token", HERE, NOON + timedelta(seconds=second))
    with pytest.raises(TooMany) as refused:
        failures.refuse_after_failures("token", HERE, NOON + timedelta(seconds=60))
    assert refused.value.retry_after_s == 240
    with pytest.raises(TooMany):
        failures.refuse_after_failures("token", HERE, NOON + timedelta(seconds=299.5))
    failures.refuse_after_failures("token", HERE, NOON + timedelta(seconds=300))


def test_who_came_and_went_is_in_the_audit_log(owner: int) -> None:
    secret = people.new_login_link(None, NOON)
    people.consume_login_link(secret, address=HERE, now=NOON)
    people.log_in("owner", PASSWORD, address=HERE, now=NOON)
    people.create_token(owner, "nightly", "read", by="owner", now=NOON)
    people.revoke_token(owner, known.tokens(owner)[0].token_id, by="owner", now=NOON)
    people.log_out(owner, address=HERE, now=NOON)
    assert audit() == [
        ("owner", "user_created", "owner"),
        ("owner", "password_set", "owner"),
        ("owner", "login_link_made", "owner"),
        ("owner", "login", "owner"),
        ("owner", "login", "owner"),
        ("owner", "token_created", "nightly"),
        ("owner", "token_revoked", "nightly"),
        ("owner", "logout", "owner"),
    ]


def test_a_password_that_was_replaced_while_it_was_compared_lets_nobody_in(
    owner: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    compare = people._matches

    def compare_and_be_overtaken(stored: str | None, password: str) -> bool:
        known_good = compare(stored, password)
        store_hash(owner, PasswordHasher().hash("another password"))
        return known_good

    monkeypatch.setattr(people, "_matches", compare_and_be_overtaken)

    with pytest.raises(Unauthorized):
        people.log_in("owner", PASSWORD, address=HERE, now=NOON)
