"""The forms of the account pages: what is typed, and what is said beside a field."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext
from flask_wtf import FlaskForm
from wtforms import Field, Form, PasswordField, RadioField, StringField, ValidationError

from webapp.domain.errors import Conflict, Invalid, Refused, Unauthorized
from webapp.domain.scopes import Scope
from webapp.services.people import PASSWORD_LENGTH, TOKEN_NAME_LENGTH
from webapp.web.refusals import translated

LONGEST_NAME = 100


class Typed:
    """A validator: something was typed, and no more than fits."""

    def __init__(self, most: int, least: int = 1) -> None:
        self.least, self.most = least, most

    def __call__(self, form: Form, field: Field) -> None:
        """Say in words what is missing or too much."""
        length = len(field.data or "")
        if length == 0:
            raise ValidationError(gettext("This is needed."))
        if length < self.least:
            raise ValidationError(gettext("At least %(n)s characters, please.", n=self.least))
        if length > self.most:
            raise ValidationError(gettext("At most %(n)s characters, please.", n=self.most))


class Same:
    """A validator: typed the same way twice."""

    def __init__(self, other: str) -> None:
        self.other = other

    def __call__(self, form: Form, field: Field) -> None:
        """Say that the two differ."""
        if field.data != form[self.other].data:
            raise ValidationError(gettext("This is not the same as above."))


def _stripped(value: Any) -> Any:
    return value.strip() if isinstance(value, str) else value


class OurForm(FlaskForm):
    """A form whose labels and words stand in its template."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]

    @property
    def blamed(self) -> Field:
        """The field beside which it is said why what was typed will not do."""
        raise NotImplementedError

    def take(self, refusal: Refused) -> None:
        """Say beside that field what is refused; raise what has nothing to do with the form."""
        if not isinstance(refusal, (Invalid, Unauthorized, Conflict)):
            raise refusal
        self.blamed.errors = [*self.blamed.errors, translated(refusal.code, refusal.params)]


class LoginForm(OurForm):
    """Name and password."""

    name = StringField(validators=[Typed(LONGEST_NAME)], filters=[_stripped])
    password = PasswordField(validators=[Typed(PASSWORD_LENGTH[1])])

    @property
    def blamed(self) -> Field:
        return self.password


class PasswordForm(OurForm):
    """A new password; the current one where somebody must prove to be its owner."""

    current: PasswordField | None = PasswordField(validators=[Typed(PASSWORD_LENGTH[1])])
    new = PasswordField(validators=[Typed(PASSWORD_LENGTH[1], PASSWORD_LENGTH[0])])
    again = PasswordField(validators=[Same("new")])

    @property
    def blamed(self) -> Field:
        return self.current or self.new


class TokenForm(OurForm):
    """A token's name and what it may do."""

    name = StringField(validators=[Typed(TOKEN_NAME_LENGTH)], filters=[_stripped])
    scope = RadioField(choices=list(Scope), default=Scope.OPERATE)

    @property
    def blamed(self) -> Field:
        return self.name
