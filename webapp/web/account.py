"""Pages of a person's own account: login, login link, logout, password and API tokens."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from webapp import clock
from webapp.domain.errors import Conflict, NotFound
from webapp.doors.principal import administration, principal, somebody
from webapp.ports import ports
from webapp.queries import people as known
from webapp.services import people
from webapp.services.people import LoggedIn
from webapp.web import cookie
from webapp.web.account_forms import LoginForm, PasswordForm, TokenForm
from webapp.web.addresses import is_local_path
from webapp.web.forms import unless_refused
from webapp.web.fragments import is_fragment
from webapp.web.hosts import counted_address

bp = Blueprint("account", __name__)

HOME = "/"


@bp.get("/login")
def login() -> ResponseReturnValue:
    """Ask for name and password, or say how to get in without one."""
    if somebody() is not None and _login_is_on():
        return redirect(_next(), 303)
    return _login_page(LoginForm())


@bp.post("/login")
def log_in() -> ResponseReturnValue:
    """Let in whoever knows the password."""
    _refuse_without_login()
    form = LoginForm()
    if not form.validate():
        return _login_page(form), 422
    name, password = form.name.data or "", form.password.data or ""
    user = unless_refused(
        form, lambda: people.log_in(name, password, address=_address(), now=clock.now())
    )
    return (_login_page(form), 401) if user is None else _enter(user)


@bp.get("/login/link/<secret>")
def login_link(secret: str) -> ResponseReturnValue:  # noqa: ARG001 - the button's to use
    """Show the button that uses the link; to look at it, as mail programs do, uses up nothing."""
    page = render_template("account/link.html", off=not _login_is_on())
    # The secret is part of this page's address: nothing that the page leads to may learn it.
    # Not "no-referrer": browsers would then hide where the button's request comes from, too.
    return page, {"Referrer-Policy": "strict-origin"}


@bp.post("/login/link/<secret>")
def use_login_link(secret: str) -> ResponseReturnValue:
    """Use the link, once."""
    _refuse_without_login()
    user = people.consume_login_link(secret, address=_address(), now=clock.now())
    return _enter(user, by_link=True)


@bp.post("/logout")
def log_out() -> ResponseReturnValue:
    """End the login, in this browser and wherever else its user is logged in."""
    if (user_id := principal().user_id) is not None:
        people.log_out(user_id, address=_address(), now=clock.now())
    cookie.leave()
    return redirect(url_for("account.login"), 303)


@bp.get("/settings/account")
@administration
def settings() -> ResponseReturnValue:
    """Show the account."""
    return _settings_page(_password_form()) if _login_is_on() else _off_page()


@bp.post("/settings/account")
@administration
def set_password() -> ResponseReturnValue:
    """Set or replace the password."""
    user_id, form = _user_id(), _password_form()
    if not form.validate():
        return _settings_page(form), 422
    current, new = form.current.data if form.current else None, form.new.data or ""
    user = unless_refused(
        form,
        lambda: people.set_password(
            user_id, current=current, new=new, address=_address(), now=clock.now()
        ),
    )
    if user is None:
        return _settings_page(form), 422
    cookie.follow(user)
    flash(_("The password is set. All other logins have ended."), "success")
    return redirect(url_for("account.settings"), 303)


@bp.get("/settings/tokens")
@administration
def tokens() -> ResponseReturnValue:
    """List the tokens."""
    return _tokens_page(TokenForm()) if _login_is_on() else _off_page()


@bp.post("/settings/tokens")
@administration
def create_token() -> ResponseReturnValue:
    """Make a token and show its secret, this once."""
    user_id, form = _user_id(), TokenForm()
    if not form.validate():
        return _tokens_page(form), 422
    name, scope, by = form.name.data or "", form.scope.data, principal().name
    secret = unless_refused(
        form, lambda: people.create_token(user_id, name, scope, by=by, now=clock.now())
    )
    if secret is None:
        return _tokens_page(form), 422
    return render_template("account/token.html", secret=secret, name=name, scope=scope)


@bp.get("/settings/tokens/<int:token_id>/ask")
@administration
def ask_to_revoke(token_id: int) -> ResponseReturnValue:
    """Ask once before a token is ended."""
    token = next((one for one in known.tokens(_user_id()) if one.token_id == token_id), None)
    if token is None:
        raise NotFound("no_such_token")
    return render_template(
        "account/_ask.html" if is_fragment() else "account/ask.html", token=token
    )


@bp.post("/settings/tokens/<int:token_id>/revoke")
@administration
def revoke_token(token_id: int) -> ResponseReturnValue:
    """End a token."""
    name = people.revoke_token(_user_id(), token_id, by=principal().name, now=clock.now())
    flash(_("The token “%(name)s” no longer works.", name=name), "success")
    return redirect(url_for("account.tokens"), 303)


def _enter(user: LoggedIn, *, by_link: bool = False) -> ResponseReturnValue:
    cookie.enter(user, clock.now(), by_link=by_link)
    return redirect(_next(), 303)


def _next() -> str:
    wanted = request.args.get("next", "")
    return wanted if is_local_path(wanted) else HOME


def _address() -> str:
    return counted_address(request)


def _login_is_on() -> bool:
    return ports().settings.auth == "on"


def _refuse_without_login() -> None:
    if not _login_is_on():
        raise Conflict("login_is_off")


def _user_id() -> int:
    _refuse_without_login()
    user_id = principal().user_id
    assert user_id is not None  # only LINEUP_AUTH=off knows somebody without an account
    return user_id


def _password_form() -> PasswordForm:
    """The form; it asks for the present password unless there is none, or a link was just used."""
    form = PasswordForm()
    user = known.user(_user_id())
    if user is None or not user.has_password or cookie.came_by_link(clock.now()):
        del form.current
    return form


def _login_page(form: LoginForm) -> str:
    off = not _login_is_on()
    return render_template(
        "account/login.html", form=form, off=off, has_password=not off and known.has_password()
    )


def _settings_page(form: PasswordForm) -> str:
    return render_template("account/settings.html", form=form, user=known.user(_user_id()))


def _tokens_page(form: TokenForm) -> str:
    return render_template("account/tokens.html", form=form, tokens=known.tokens(_user_id()))


def _off_page() -> str:
    return render_template("account/off.html")
