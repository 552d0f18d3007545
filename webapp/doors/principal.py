"""Who is asking: set by the guard once per request, read by every door."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar, cast

from flask import Blueprint, current_app, g, request

from webapp.domain.scopes import Scope

Marked = TypeVar("Marked", bound=Callable[..., Any] | Blueprint)

ADMINISTRATION, CHANGES = "lineup_administration", "lineup_changes"


@dataclass(frozen=True)
class Principal:
    """Somebody the guard let in; ``name`` is what the records say of them."""

    name: str
    user_id: int | None
    scope: Scope
    kind: Literal["cookie", "token", "local", "hook"]
    flow_id: str | None = None
    """Of a web hook: the flow it runs, and nothing else."""

    @property
    def csrf_exempt(self) -> bool:
        """Whether no browser sends this identity by itself, so that no form can misuse it."""
        return self.kind != "cookie"

    def may(self, method: str, *, administration: bool) -> Scope | None:
        """The scope that is missing for such a request, or None if it may go on."""
        if self.scope is Scope.ADMIN:
            return None
        if administration:
            return Scope.ADMIN
        looks = method in ("GET", "HEAD")
        return Scope.OPERATE if self.scope is Scope.READ and not looks else None


def principal() -> Principal:
    """Who is asking; only behind the login, where the guard has made sure of somebody."""
    return cast(Principal, g.principal)


def somebody() -> Principal | None:
    """Who is asking, or None on the few pages that are free."""
    return cast("Principal | None", g.get("principal"))


def administration(thing: Marked) -> Marked:
    """Mark a view, or all of a blueprint, as open to the scope ``admin`` alone."""
    setattr(thing, ADMINISTRATION, True)
    return thing


def changes(view: Marked) -> Marked:
    """Mark a view that is asked with GET and changes something all the same."""
    setattr(view, CHANGES, True)
    return view


def is_administration() -> bool:
    """Whether the request at hand goes to something marked as administration."""
    return _is_marked(ADMINISTRATION)


def is_change() -> bool:
    """Whether the request at hand goes to something marked as changing something."""
    return _is_marked(CHANGES)


def _is_marked(mark: str) -> bool:
    view = current_app.view_functions.get(request.endpoint or "")
    blueprint = current_app.blueprints.get(request.blueprint or "")
    return getattr(view, mark, False) or getattr(blueprint, mark, False)
