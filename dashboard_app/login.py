"""Signing in and out: plain forms, no scripts needed."""

from urllib.parse import urlsplit

from flask import Flask, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_login import login_user, logout_user
from flask_wtf import FlaskForm
from wtforms import PasswordField, StringField
from wtforms.validators import InputRequired, Length

from aggregation.days import utc_now
from dashboard_app.access import landing, viewer
from dashboard_app.accounts import MAX_PASSWORD, Accounts
from dashboard_app.sessions import Sessions
from layouts.page import Page

WRONG = "Name or password is wrong."


class LoginForm(FlaskForm):
    username = StringField("Name", [InputRequired(), Length(max=100)])
    password = PasswordField("Password", [InputRequired(), Length(max=MAX_PASSWORD)])


def register(server: Flask, accounts: Accounts, sessions: Sessions, pages: tuple[Page, ...]) -> None:
    @server.route("/login", methods=["GET", "POST"])
    def login() -> ResponseReturnValue:
        account = viewer()
        if account is not None and request.method == "GET":
            return redirect(landing(account.role, pages))
        form = LoginForm()
        if not form.validate_on_submit():
            failed = WRONG if request.method == "POST" else ""
            return render_template("login.html", form=form, failed=failed), 401 if failed else 200
        name = form.username.data
        # PostgreSQL takes no NUL, and no account's name has one.
        account = accounts.verified(name.replace("\0", "\ufffd"), form.password.data)
        if account is None:
            return render_template("login.html", form=form, failed=WRONG), 401
        previous = viewer()
        if previous is not None:
            sessions.close(previous.session_token)
        login_user(sessions.open(account, utc_now()))
        return redirect(_own_path(request.args.get("next")) or landing(account.role, pages))

    @server.post("/logout")
    def logout() -> ResponseReturnValue:
        account = viewer()
        if account is not None:
            sessions.close(account.session_token)
        logout_user()
        return redirect("/login")


def _own_path(target: str | None) -> str | None:
    """`target` where it is a path on this host, else None."""
    if not target or not target.startswith("/") or target.startswith(("//", "/\\")):
        return None
    parts = urlsplit(target)
    return None if parts.scheme or parts.netloc or "\\" in target else target
