"""The frame: which page is open, and the period kept in the address."""

from collections.abc import Callable, Sequence

from dash import Input, Output

from aggregation.periods import Comparison
from layouts import shell
from layouts.components import Component
from layouts.page import DEFAULT_DAYS, Guard, Page, Viewer

# One callback for both directions: a link sets the controls, the controls set the link.
# What a link leaves open is the usual, as on the server.
SYNC_ADDRESS = """
(search, days, compare) => {
    const asked = new URLSearchParams(search || "");
    const fromAddress = !dash_clientside.callback_context.triggered.some(
        (t) => t.prop_id.startsWith("period.") || t.prop_id.startsWith("compare."));
    const choices = (id) => [...document.querySelectorAll(`#${id} option`)].map((o) => o.value);
    if (fromAddress) {
        const days_ = choices("period").includes(asked.get("days")) ? asked.get("days") : "USUAL_DAYS";
        const compare_ = choices("compare").includes(asked.get("compare")) ? asked.get("compare")
            : "USUAL_COMPARISON";
        return [dash_clientside.no_update, days_, compare_];
    }
    asked.set("days", days);
    asked.set("compare", compare);
    return [`?${asked}`, dash_clientside.no_update, dash_clientside.no_update];
}
""".replace("USUAL_DAYS", str(DEFAULT_DAYS)).replace("USUAL_COMPARISON", Comparison.PREVIOUS.value)


def register(page: Guard, pages: Sequence[Page], account: Callable[[Viewer], list[Component]]) -> None:
    page.clientside_callback(
        SYNC_ADDRESS,
        Output(shell.Ids.ADDRESS, "search"),
        Output(shell.Ids.PERIOD, "value"),
        Output(shell.Ids.COMPARE, "value"),
        Input(shell.Ids.ADDRESS, "search"),
        Input(shell.Ids.PERIOD, "value"),
        Input(shell.Ids.COMPARE, "value"),
    )

    @page.callback(
        Output(shell.Ids.PAGE, "children"),
        Output(shell.Ids.MENU, "children"),
        Output(shell.Ids.ACCOUNT, "children"),
        Input(shell.Ids.URL, "pathname"),
    )
    def open_page(viewer: Viewer, path: object) -> tuple[Component, list[Component], list[Component]]:
        allowed = [candidate for candidate in pages if viewer.role in candidate.roles]
        return page_at(str(path), pages, viewer.role), shell.menu(allowed, str(path)), account(viewer)


def page_at(path: str, pages: Sequence[Page], role: str) -> Component:
    """The page's empty layout, or words where it doesn't exist or isn't for this role."""
    found = next((page for page in pages if page.path == path), None)
    if found is None:
        return shell.notice("Page not found", "There is no page at this address.")
    if role not in found.roles:
        return shell.notice("Not allowed", "Your account may not see this page.")
    return found.layout()
