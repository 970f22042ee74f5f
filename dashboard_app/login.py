"""Signing in and out: plain forms, no scripts needed."""

import re
from dataclasses import dataclass

from flask import Flask, g, redirect, render_template, request, session
from flask.typing import ResponseReturnValue
from flask_login import login_user
from flask_wtf import FlaskForm
from werkzeug.exceptions import ServiceUnavailable, TooManyRequests
from wtforms import PasswordField, StringField
from wtforms.validators import InputRequired, Length

from aggregation.schema import ROLES
from dashboard_app.access import CSRF_COOKIE, LONGEST_RETURN, landing, require_role, viewer
from dashboard_app.accounts import MAX_PASSWORD, Account, Accounts
from dashboard_app.audit import Audit
from dashboard_app.protection import Protection
from dashboard_app.sessions import Sessions
from dashboard_app.throttling import Attempt, Gate, Throttle
from layouts.page import Page

WRONG = "Name or password is wrong."
# A number for this browser, by which attempts in it count apart from all others. It opens nothing.
DEVICE_COOKIE = "sparkboard_device"
DEVICE_SECONDS = 365 * 24 * 3600
# A path on this host: no second slash or backslash, which browsers take for the start of another host's
# name, and nothing that they drop before they look.
OWN_PATH = re.compile(r"/(?![/\\])[!-\[\]-~]*")


class LoginForm(FlaskForm):
    username = StringField("Name", [InputRequired(), Length(max=100)])
    password = PasswordField("Password", [InputRequired(), Length(max=MAX_PASSWORD)])


@dataclass(frozen=True)
class Door:
    """All that signing in takes."""

    accounts: Accounts
    sessions: Sessions
    throttle: Throttle
    gate: Gate
    audit: Audit
    protection: Protection

    def verified(self, name: str, password: str, device: str | None = None) -> tuple[Account | None, Attempt]:
        """Whose name and password these are, None for nobody's; and the attempt, which is counted.

        Raises TooManyRequests after too many attempts, ServiceUnavailable where too many wait.
        """
        attempt = self.throttle.attempt(name, request.remote_addr or "", device)
        try:
            with self.gate.passed():
                # PostgreSQL takes no NUL; the name is looked up in any case, for the time that takes.
                account = self.accounts.verified(name.replace("\0", "\ufffd"), password)
        except Exception:
            attempt.forgive()
            raise
        if account is not None:
            attempt.forgive()
        return account, attempt

    def enter(self, account: Account) -> None:
        self.renew(account)
        self.audit.record("login", account.name)

    def renew(self, account: Account) -> None:
        """Starts a new session; nothing of what the browser had before goes on."""
        previous = viewer()
        if previous is not None:
            self.sessions.close(previous.session_token)
        session.clear()
        g.pop("csrf_token", None)  # where Flask-WTF keeps the old session's
        login_user(self.sessions.open(account, self.protection.clock()))


def register(server: Flask, door: Door, pages: tuple[Page, ...]) -> None:
    @server.route("/login", methods=["GET", "POST"])
    def login() -> ResponseReturnValue:
        account = viewer()
        if account is not None and request.method == "GET":
            return redirect(landing(account.role, pages))
        form = LoginForm()
        if not form.validate_on_submit():
            return _shown(form, WRONG if request.method == "POST" else "")
        try:
            return _entered(door, form, pages)
        except (TooManyRequests, ServiceUnavailable) as refusal:
            door.audit.refusal("login refused", None, str(refusal.code))
            answer = render_template("login.html", form=form, failed=refusal.description)
            return answer, refusal.code, {"Retry-After": str(refusal.retry_after)}

    @server.post("/logout")
    @require_role(*ROLES)
    def logout(account: Account) -> ResponseReturnValue:
        door.sessions.close(account.session_token)
        door.audit.record("logout", account.name)
        session.clear()
        answer = redirect("/login")
        answer.delete_cookie(CSRF_COOKIE)
        return answer


def _entered(door: Door, form: LoginForm, pages: tuple[Page, ...]) -> ResponseReturnValue:
    name, password = form.username.data, form.password.data
    account, attempt = door.verified(name, password, request.cookies.get(DEVICE_COOKIE))
    if account is None:
        door.audit.failed_login(name.replace("\0", "\ufffd"))
        return _shown(form, WRONG)
    door.enter(account)
    answer = redirect(_own_path(request.args.get("next")) or landing(account.role, pages))
    answer.set_cookie(
        DEVICE_COOKIE,
        attempt.device,
        max_age=DEVICE_SECONDS,
        path="/login",
        secure=request.is_secure,
        httponly=True,
        samesite="Lax",
    )
    return answer


def _shown(form: LoginForm, failed: str) -> ResponseReturnValue:
    return render_template("login.html", form=form, failed=failed), 401 if failed else 200


def _own_path(target: str | None) -> str | None:
    """`target` where it is a path on this host, else None."""
    return target if target and len(target) <= LONGEST_RETURN and OWN_PATH.fullmatch(target) else None
