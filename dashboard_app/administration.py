"""The pages on which admins keep the accounts."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Flask, abort, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from sqlalchemy import Row
from wtforms import IntegerField, SelectField, StringField, ValidationError
from wtforms.validators import InputRequired, NumberRange, Optional

from aggregation.errors import UserError
from aggregation.queries import Store
from aggregation.schema import ROLES
from dashboard_app import passwords
from dashboard_app.access import require_role
from dashboard_app.accounts import MAX_NAME, Account, Accounts, in_words, require_printable
from dashboard_app.audit import Audit
from dashboard_app.forms import INVALID, NUMBER, done, require
from dashboard_app.frame import say, shown
from dashboard_app.sessions import Sessions

PAGE_SIZE = 50
AUDIT_LINES = 50
NO_SUCH_ACCOUNT = "There is no such account."


class RoleForm(FlaskForm):
    role = SelectField("Role", choices=ROLES)
    creator_id = IntegerField(
        "Creator id",
        [Optional(), NumberRange(1, 2**63 - 1, "a whole number from 1 on")],
        description="For creators only: whose numbers they see.",
        render_kw={"inputmode": "numeric", "autocomplete": "off"},
    )

    def validate_role(self, field: SelectField) -> None:
        """Here and not at the creator's id, whose checks end where it is left empty."""
        if (field.data == "creator") != (self.creator_id.raw_data not in (None, [], [""])):
            raise ValidationError("a creator needs a creator id; the other roles have none")


class AddForm(RoleForm):
    name = StringField(
        "Name",
        [InputRequired("an account needs a name")],
        render_kw={"autocomplete": "off", "maxlength": MAX_NAME, "spellcheck": "false"},
    )

    def validate_name(self, field: StringField) -> None:
        require(lambda: require_printable(field.data, "an account's name"))


@dataclass(frozen=True)
class Administration:
    """What the pages need, and what they do."""

    accounts: Accounts
    sessions: Sessions
    audit: Audit
    store: Store
    clock: Callable[[], datetime]

    def show_accounts(self, _: Account) -> ResponseReturnValue:
        # PostgreSQL takes no NUL.
        part = request.args.get("q", "").replace("\0", "")[:MAX_NAME]
        count = self.accounts.count(part)
        last = max(1, -(-count // PAGE_SIZE))
        page = min(max(1, request.args.get("page", 1, int)), last)
        rows = self.accounts.search(part, (page - 1) * PAGE_SIZE, PAGE_SIZE)
        return shown(
            "accounts.html",
            rows=rows,
            sessions=self.sessions.counts([row.id for row in rows], self.clock()),
            lines=self.audit.newest(AUDIT_LINES),
            part=part,
            count=count,
            page=page,
            last=last,
        )

    def show_new_account(self, _: Account) -> ResponseReturnValue:
        return shown("account_new.html", form=AddForm())

    def show_account(self, _: Account, number: int) -> ResponseReturnValue:
        return self._shown(number)

    def _shown(
        self, number: int, form: RoleForm | None = None, status: int = 200, **values: Any
    ) -> ResponseReturnValue:
        row = self._found(number)
        form = form or RoleForm(formdata=None, obj=row)
        live = self.sessions.counts([row.id], self.clock()).get(row.id, 0)
        return shown("account.html", status, row=row, form=form, live=live, **values)

    def _found(self, number: int) -> Row[Any]:
        row = self.accounts.get(number)
        if row is None:
            abort(404, NO_SUCH_ACCOUNT)
        return row

    def add_account(self, viewer: Account) -> ResponseReturnValue:
        """The password is in this answer and nowhere else; sent again, the name is taken."""
        form, password, made = AddForm(), passwords.generated(), []
        name, role, creator_id = form.name.data, form.role.data, form.creator_id.data
        if not (
            form.validate()
            and done(form.name, lambda: made.append(self.accounts.add(name, role, password, creator_id)))
        ):
            return shown("account_new.html", INVALID, form=form)
        row = self._found(made[0])
        self.audit.record("account added", viewer.name, f"{_role(row)}: {row.name}")
        return self._shown(row.id, secret=password, unknown=self._is_unknown(creator_id))

    def _is_unknown(self, creator_id: int | None) -> bool:
        """Whether nothing is known of the creator: their first numbers may yet come."""
        if creator_id is None:
            return False
        with self.store.read() as queries:
            return queries.creator_name(creator_id) is None

    def change_role(self, viewer: Account, number: int) -> ResponseReturnValue:
        row, form = self._found(number), RoleForm()
        role, creator_id = form.role.data, form.creator_id.data
        if not (
            form.validate() and done(form.role, lambda: self.accounts.set_role(row.name, role, creator_id))
        ):
            return self._shown(number, form, INVALID)
        now = self._found(number)
        self.audit.record("role changed", viewer.name, f"{_role(row)} → {_role(now)}: {row.name}")
        unknown = " (nothing is known of this creator yet)" if self._is_unknown(now.creator_id) else ""
        say(f"Now {_role(now)}{unknown}: {row.name}")
        return redirect(url_for("show_account", number=number))

    def disable_account(self, viewer: Account, number: int) -> ResponseReturnValue:
        return self._turned(viewer, number, "disabled", self.accounts.disable)

    def enable_account(self, viewer: Account, number: int) -> ResponseReturnValue:
        return self._turned(viewer, number, "enabled", self.accounts.enable)

    def _turned(
        self, viewer: Account, number: int, state: str, turn: Callable[[str], None]
    ) -> ResponseReturnValue:
        row = self._found(number)
        try:
            turn(row.name)
        except UserError as error:
            return self._shown(number, status=INVALID, problem=str(error))
        self.audit.record(f"account {state}", viewer.name, row.name)
        say(f"Account {state}: {row.name}")
        return redirect(url_for("show_account", number=number))

    def reset_password(self, viewer: Account, number: int) -> ResponseReturnValue:
        """The password is in this answer and nowhere else; sent again, there is another one."""
        row, password = self._found(number), passwords.generated()
        self.accounts.set_password(row.name, password)
        self.audit.record("password reset", viewer.name, row.name)
        return self._shown(number, secret=password)


def _role(row: Row[Any]) -> str:
    return in_words(row.role, row.creator_id)


def register(server: Flask, pages: Administration) -> None:
    one = f"/accounts/{NUMBER}"
    for method, address, view in (
        ("GET", "/accounts", pages.show_accounts),
        ("POST", "/accounts", pages.add_account),
        ("GET", "/accounts/new", pages.show_new_account),
        ("GET", one, pages.show_account),
        ("POST", f"{one}/role", pages.change_role),
        ("POST", f"{one}/password", pages.reset_password),
        ("POST", f"{one}/disable", pages.disable_account),
        ("POST", f"{one}/enable", pages.enable_account),
    ):
        server.add_url_rule(address, view.__name__, require_role("admin")(view), methods=[method])
