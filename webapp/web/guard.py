"""The guard before every door: name, origin, body, who is asking, form token, scope; in order."""

from __future__ import annotations

from datetime import datetime
from typing import NoReturn

from flask import Flask, Request, Response, g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import validate_csrf
from wtforms import ValidationError

from webapp import clock
from webapp.config import Settings
from webapp.domain.errors import Forbidden, NotFound, Refused, Unauthorized
from webapp.domain.scopes import Scope
from webapp.doors.principal import Principal, is_administration, is_change, somebody
from webapp.doors.receiving import AHEAD, expected_body, leave, refuse_half_a_body
from webapp.queries import flows, people
from webapp.services import failures
from webapp.services.people import digest
from webapp.web import cookie, headers, refusals
from webapp.web.addresses import is_local_path
from webapp.web.hosts import HostNames, counted_address, refuse_others
from webapp.web.origin import SAFE_METHODS, Origins, refuse_other_bodies
from webapp.web.proxies import TrustedProxies

FREE = frozenset({"/health", "/login", "/login/link/<secret>", "/static/<path:filename>"})
"""What is answered without login; everything else, even what does not exist, is not."""
LOCAL = Principal("local", None, Scope.ADMIN, "local")
HOOK_BODY = 1024 * 1024
"""Bytes that a stranger's call of a web hook may have."""


def init_app(app: Flask, settings: Settings) -> None:
    """Put the guard before every door of ``app``."""
    cookie.init_app(app, settings)
    headers.init_app(app)
    if settings.trusted_proxies:
        app.wsgi_app = TrustedProxies(app.wsgi_app, settings.trusted_proxies)  # type: ignore[method-assign]
    app.context_processor(lambda: {"principal": somebody()})
    names, origins, auth = HostNames(settings), Origins(settings), settings.auth == "on"

    @app.before_request
    def _guard() -> ResponseReturnValue | None:
        changes = request.method not in SAFE_METHODS
        is_hook = request.path.startswith(refusals.HOOKS)
        if not auth:
            refuse_others(request)
        names.refuse_unknown(request)
        if changes or is_change():
            origins.refuse_foreign(request)
        if changes and refusals.answers_json(request.path):
            refuse_other_bodies(request, expected_body(), any_json=is_hook)
        now = clock.now()
        if is_hook:
            _enter_by_hook(now)
            return None
        g.principal = _identify(now) if auth else LOCAL
        if g.principal is None and not _is_free(request):
            return _ask_to_log_in()
        _refuse_without_scope()
        return _look_at_body(now) if changes else None

    @app.after_request
    def _name_the_scheme(response: Response) -> Response:
        if response.status_code == 401 and refusals.answers_json(request.path):
            response.headers["WWW-Authenticate"] = "Bearer"
        return response


def _identify(now: datetime) -> Principal | None:
    """Who is asking: a bearer token counts before a cookie, and a wrong one is not overlooked."""
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        return cookie.recall(now)
    token = people.token(digest(secret.strip()))
    if token is None:
        _count("token", now, Unauthorized("token_unknown"))
    name = f"{token.user}/{token.token}"
    return Principal(name, token.user_id, Scope(token.scope), "token")


def _enter_by_hook(now: datetime) -> None:
    """Who calls a web hook is known by its secret alone, whoever they are logged in as.

    No form token is asked for: no browser sends the secret by itself.
    """
    if request.method != "POST" or request.url_rule is None:
        return  # what is no call is refused where it is routed
    flow_id = flows.hooked(digest((request.view_args or {})["secret"]))
    if flow_id is None:
        _count("hook", now, NotFound("no_such_hook"))
    request.max_content_length = min(HOOK_BODY, request.max_content_length or HOOK_BODY)
    g.principal = Principal("hook", None, Scope.OPERATE, "hook", flow_id)


def _ask_to_log_in() -> ResponseReturnValue:
    """Send a person to the login page and back; tell a program.

    A part of a page is only refused: what was typed beside it must not be led away from.
    """
    if refusals.answers_json(request.path):
        raise Unauthorized
    if "HX-Request" in request.headers:
        return Response(refusals.translated(Unauthorized.code, {}), 401, mimetype="text/plain")
    if request.method == "GET" and _is_navigation(request):
        return redirect(_login_for(request.full_path.rstrip("?")), 303)
    raise Unauthorized


def _login_for(target: str) -> str:
    wanted = target if target != "/" and is_local_path(target) else None
    return url_for("account.login", next=wanted)


def _look_at_body(now: datetime) -> ResponseReturnValue | None:
    """Let the body be read, which may hold the form token; or be sent, if that is the question."""
    if AHEAD in request.environ:
        return leave()
    refuse_half_a_body()
    _refuse_without_form_token(now)
    return None


def _refuse_without_form_token(now: datetime) -> None:
    asking = somebody()
    if asking is None or not asking.csrf_exempt:
        sent = request.headers.get("X-CSRFToken") or request.form.get("csrf_token")
        try:
            validate_csrf(sent)
        except ValidationError as error:
            _count("csrf", now, Forbidden("csrf_failed", reason=str(error)))
    g.csrf_valid = True  # forms need not ask again


def _refuse_without_scope() -> None:
    asking = somebody()
    if asking is None:
        return
    missing = asking.may(request.method, administration=is_administration())
    if missing is not None:
        raise Forbidden("scope_missing", scope=missing, has=asking.scope)


def _count(kind: str, now: datetime, refusal: Refused) -> NoReturn:
    """Raise the refusal and count it; or say that there were too many."""
    address = counted_address(request)
    failures.refuse_after_failures(kind, address, now)
    failures.fail(kind, address, now)
    raise refusal


def _is_free(request: Request) -> bool:
    return request.url_rule is not None and request.url_rule.rule in FREE


def _is_navigation(request: Request) -> bool:
    """Whether a person opens a page, as opposed to a script that fetches something."""
    mode = request.headers.get("Sec-Fetch-Mode")
    if mode is not None:
        return mode == "navigate"
    return not request.accept_mimetypes or request.accept_mimetypes.accept_html
