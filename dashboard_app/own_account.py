"""Everybody's own account: password, sessions, tokens."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask import Flask, abort, redirect
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from wtforms import IntegerField, PasswordField, SelectField, StringField
from wtforms.validators import EqualTo, InputRequired, NumberRange

from aggregation.days import WEEK_STARTS
from aggregation.expiry import VISITS_KEPT
from aggregation.schema import ROLES
from dashboard_app import passwords
from dashboard_app.access import require_role
from dashboard_app.accounts import MAX_NAME, Account, require_printable
from dashboard_app.forms import INVALID, NUMBER, done, require
from dashboard_app.frame import say, shown
from dashboard_app.login import Door
from dashboard_app.sessions import digest
from dashboard_app.tokens import DEFAULT_DAYS, MAX_DAYS, Tokens

PAGE = "/account"


class PasswordForm(FlaskForm):
    current = PasswordField(
        "Current password",
        [InputRequired("your current password is needed")],
        render_kw={"autocomplete": "current-password"},
    )
    new = PasswordField(
        "New password",
        [InputRequired("a new password is needed")],
        description=f"At least {passwords.MIN_LENGTH} characters; spaces and all scripts may be used.",
        render_kw={"autocomplete": "new-password"},
    )
    again = PasswordField(
        "New password again",
        [EqualTo("new", "the two passwords differ")],
        render_kw={"autocomplete": "new-password"},
    )


class TokenForm(FlaskForm):
    name = StringField(
        "Name",
        [InputRequired("a token needs a name")],
        description="What it is for, such as: weekly report.",
        render_kw={"autocomplete": "off", "maxlength": MAX_NAME},
    )
    days = IntegerField(
        "Expires after days",
        [NumberRange(1, MAX_DAYS, f"a whole number from 1 to {MAX_DAYS}")],
        default=DEFAULT_DAYS,
        render_kw={"inputmode": "numeric", "autocomplete": "off"},
    )

    def validate_name(self, field: StringField) -> None:
        require(lambda: require_printable(field.data, "a token's name"))


class WeekForm(FlaskForm):
    week_start = SelectField(
        "Weeks begin on",
        choices=list(WEEK_STARTS.values()),
        description="On your pages: cohorts by week, calendars and weekdays. What is stored stays the same.",
    )


@dataclass(frozen=True)
class OwnAccount:
    """What the page needs, and what it does."""

    door: Door
    tokens: Tokens

    def show_own_account(self, viewer: Account) -> ResponseReturnValue:
        return self._shown(viewer)

    def _shown(self, viewer: Account, status: int = 200, **values: Any) -> ResponseReturnValue:
        now = self.door.protection.clock()
        week = WeekForm(formdata=None, week_start=WEEK_STARTS[viewer.week_start])
        forms = {"week": week, "password": PasswordForm(formdata=None), "token": TokenForm(formdata=None)}
        return shown(
            "own_account.html",
            status,
            viewer=viewer,
            sessions=self.door.sessions.of(viewer.id, now),
            this_session=digest(viewer.session_token),
            tokens=self.tokens.list(viewer),
            now=now,
            visits_kept=VISITS_KEPT.days,
            **forms | values,
        )

    def change_own_password(self, viewer: Account) -> ResponseReturnValue:
        form = PasswordForm()
        if not (
            form.validate()
            and self._is_current(viewer, form.current)
            and done(form.new, lambda: self.door.accounts.set_password(viewer.name, form.new.data))
        ):
            return self._shown(viewer, INVALID, password=form)
        self.door.audit.record("password changed", viewer.name)
        # All sessions have ended, this one too.
        self.door.renew(viewer)
        say("Your password is changed, other sessions are signed out, and tokens are revoked.")
        return redirect(PAGE)

    def _is_current(self, viewer: Account, field: PasswordField) -> bool:
        """Counted like an attempt to sign in: a stolen session must not find the password out."""
        account, _ = self.door.verified(viewer.name, field.data)
        if account is None:
            self.door.audit.refusal("password not changed", viewer.name)
            field.errors = ["this is not your current password"]
        return account is not None

    def choose_week_start(self, viewer: Account) -> ResponseReturnValue:
        form = WeekForm()
        if not form.validate():
            return self._shown(viewer, INVALID, week=form)
        chosen = form.week_start.data
        self.door.accounts.set_week_start(viewer.name, chosen)
        say(f"Your weeks begin on {chosen}.")
        return redirect(PAGE)

    def close_other_sessions(self, viewer: Account) -> ResponseReturnValue:
        self.door.sessions.close_others(viewer)
        self.door.audit.record("sessions ended", viewer.name)
        say("You are signed out everywhere else.")
        return redirect(PAGE)

    def make_token(self, viewer: Account) -> ResponseReturnValue:
        """The secret is in this answer and nowhere else; sent again, the name is taken."""
        form, now, made = TokenForm(), self.door.protection.clock(), []

        def make() -> None:
            made.append(self.tokens.make(viewer, form.name.data, now + timedelta(days=form.days.data), now))

        if not (form.validate() and done(form.name, make)):
            return self._shown(viewer, INVALID, token=form)
        self.door.audit.record("token made", viewer.name, form.name.data.strip())
        return self._shown(viewer, secret=made[0][1], secret_name=form.name.data.strip())

    def revoke_token(self, viewer: Account, number: int) -> ResponseReturnValue:
        name = self.tokens.revoke(viewer, number)
        if name is None:
            abort(404, "You have no such token.")
        self.door.audit.record("token revoked", viewer.name, name)
        say(f"Token revoked: {name}")
        return redirect(PAGE)


def register(server: Flask, page: OwnAccount) -> None:
    for method, address, view in (
        ("GET", PAGE, page.show_own_account),
        ("POST", f"{PAGE}/password", page.change_own_password),
        ("POST", f"{PAGE}/week-start", page.choose_week_start),
        ("POST", f"{PAGE}/sessions/close-others", page.close_other_sessions),
        ("POST", f"{PAGE}/tokens", page.make_token),
        ("POST", f"{PAGE}/tokens/{NUMBER}/revoke", page.revoke_token),
    ):
        server.add_url_rule(address, view.__name__, require_role(*ROLES)(view), methods=[method])
