"""Amounts that are spent and limited: how they are said, and whose limit counts."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from webapp.domain.spending import allowed, is_near, of_run, said, spent_out


@pytest.mark.parametrize(
    ("kind", "amount", "words"),
    [
        ("tokens", 10_000_000, "10,000,000"),
        ("requests", 3.0, "3"),
        ("cost", 0, "0.00"),
        ("cost", 1234.5, "1,234.50"),
        ("cost", 0.5, "0.50"),
        ("cost", 0.123456, "0.1235"),
        ("cost", 0.00123, "0.00123"),
        ("cost", 0.00003, "0.00003"),
        ("cost", 1e-9, "0.000001"),
    ],
)
def test_an_amount_is_said_as_people_write_it(kind: str, amount: float, words: str) -> None:
    assert said(kind, amount) == words


def test_a_day_is_that_of_the_servers_zone() -> None:
    late = datetime(2026, 11, 29, 23, 30, tzinfo=UTC)
    assert allowed(late, "UTC", {}).day == "2026-11-29"
    assert allowed(late, "Europe/Berlin", {}).day == "2026-11-30"
    assert allowed(late, "America/New_York", {}).day == "2026-11-29"


def test_a_fraction_is_near_its_limit_where_it_is_80_percent() -> None:
    assert is_near({"cost": 0.1}, {"cost": 0.08}) is not None
    assert is_near({"cost": 0.1}, {"cost": 0.0799}) is None
    assert spent_out({"cost": 0.1}, {"cost": 0.1}) == "cost"


def test_the_smaller_limit_of_a_run_counts() -> None:
    found = of_run({"budget_requests": 5, "budget_cost": 2.0}, {"run_requests": 3, "run_tokens": 7})
    assert found == {"requests": 3, "tokens": 7, "cost": 2.0}
