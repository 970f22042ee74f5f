"""The pages on which admins have days computed again: first a preview of what would change, then the run."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from flask import Flask, abort, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from sqlalchemy import Engine, Row
from wtforms import DateField, SelectMultipleField, ValidationError
from wtforms.validators import InputRequired
from wtforms.widgets import CheckboxInput, ListWidget

from aggregation import operations, requests
from aggregation.days import last_complete_day
from aggregation.errors import UserError
from aggregation.jobs import JOBS
from aggregation.periods import MAX_DAYS
from aggregation.requests import Kind, State
from dashboard_app.access import require_role
from dashboard_app.accounts import Account
from dashboard_app.audit import Audit
from dashboard_app.forms import INVALID, NUMBER
from dashboard_app.frame import say, shown

LISTED = 50
# Nobody fills the queue by asking.
MOST_WAITING = 20
NO_SUCH_REQUEST = "There is no such request."
NAMES = tuple(job.name for job in JOBS)


class Checkboxes(SelectMultipleField):
    widget = ListWidget(prefix_label=False)
    option_widget = CheckboxInput()


class SpanForm(FlaskForm):
    first_day = DateField("First day", [InputRequired("say from which day on")])
    last_day = DateField("Last day", [InputRequired("say up to which day")])
    jobs = Checkboxes("Jobs", choices=NAMES, default=NAMES)

    def __init__(self, newest: date, **values: Any) -> None:
        super().__init__(**values)
        self._newest = newest

    def validate_last_day(self, field: DateField) -> None:
        first: date | None = self.first_day.data
        if field.data > self._newest:
            raise ValidationError(f"the last complete day is {self._newest}")
        if first is not None and first > field.data:
            raise ValidationError("the first day lies after the last")
        if first is not None and (field.data - first).days >= MAX_DAYS:
            raise ValidationError(f"at most {MAX_DAYS} days")

    def validate_jobs(self, field: Checkboxes) -> None:
        if not field.data:
            raise ValidationError("choose at least one job")


@dataclass(frozen=True)
class Rerunning:
    """What the pages need, and what they do. The worker does the work."""

    engine: Engine
    audit: Audit
    clock: Callable[[], datetime]

    def show_requests(self, _: Account) -> ResponseReturnValue:
        return self._list(SpanForm(self._newest, formdata=None))

    @property
    def _newest(self) -> date:
        return last_complete_day(self.clock())

    def _list(self, form: SpanForm, status: int = 200) -> ResponseReturnValue:
        with self.engine.connect() as connection:
            rows = requests.newest(connection, LISTED)
            beat = operations.heartbeat(connection)
        every = len(NAMES)
        return shown(
            "requests.html", status, form=form, rows=rows, beat=beat, newest=self._newest, every=every
        )

    def ask_for_preview(self, viewer: Account) -> ResponseReturnValue:
        form = SpanForm(self._newest)
        if not form.validate():
            return self._list(form, INVALID)
        with self.engine.connect() as connection:
            if operations.waiting_requests(connection) >= MOST_WAITING:
                form.jobs.errors = ["too many requests wait already"]
                return self._list(form, INVALID)
        first, last = form.first_day.data, form.last_day.data
        number = requests.ask_for_preview(self.engine, first, last, form.jobs.data, viewer.name, self.clock())
        self.audit.record("preview asked for", viewer.name, f"request {number}: {first} to {last}")
        return redirect(url_for("show_request", number=number))

    def show_request(self, _: Account, number: int) -> ResponseReturnValue:
        with self.engine.connect() as connection:
            row = self._found(number)
            return shown(
                "request.html",
                row=row,
                run=requests.run_of(connection, row.id),
                going_on=row.state in (State.WAITING, State.RUNNING),
                is_preview=row.kind == Kind.PREVIEW,
                beat=operations.heartbeat(connection),
                every=len(NAMES),
            )

    def _found(self, number: int) -> Row[Any]:
        with self.engine.connect() as connection:
            row = requests.get(connection, number)
        if row is None:
            abort(404, NO_SUCH_REQUEST)
        return row

    def confirm_request(self, viewer: Account, number: int) -> ResponseReturnValue:
        row = self._found(number)
        try:
            run = requests.confirm(self.engine, row.id, viewer.name, self.clock())
        except UserError as error:
            say(str(error).capitalize() + ".")
            return redirect(url_for("show_request", number=number))
        self.audit.record("run asked for", viewer.name, f"request {run}: {row.first_day} to {row.last_day}")
        return redirect(url_for("show_request", number=run))


def register(server: Flask, pages: Rerunning) -> None:
    for method, address, view in (
        ("GET", "/operations/requests", pages.show_requests),
        ("POST", "/operations/requests", pages.ask_for_preview),
        ("GET", f"/operations/requests/{NUMBER}", pages.show_request),
        ("POST", f"/operations/requests/{NUMBER}/run", pages.confirm_request),
    ):
        server.add_url_rule(address, view.__name__, require_role("admin")(view), methods=[method])
