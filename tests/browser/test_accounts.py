"""The pages of accounts in a browser: they fit, and work by keyboard and without scripts."""

import pytest
from playwright.sync_api import Browser

from tests.browser.conftest import DESKTOP, PASSWORD, PHONE, Visitor, visit

NARROW = (360, 740)
LONG = "Bartholomew_" * 8


def too_wide(someone: Visitor) -> int:
    """By how many pixels the page could be moved sideways."""
    # a page that has just been asked for has nothing to measure yet
    someone.page.wait_for_load_state()
    root = "document.documentElement"
    return int(someone.page.evaluate(f"{root}.scrollWidth - {root}.clientWidth"))


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE, NARROW], ids=["desktop", "phone", "narrow"])
def test_the_pages_fit(browser: Browser, demo: str, size: tuple[int, int], theme: str) -> None:
    someone = visit(browser, demo, size, theme)
    someone.sign_in("admin")
    named = f"{size[0]}-{theme}"
    someone.open("/accounts/new")
    someone.page.fill("#name", f"{LONG}{named}"[-100:])
    someone.page.click("text=Add >> nth=-1")
    pages = {"account": None, "own-account": "/account", "accounts": "/accounts"}
    for name, path in pages.items():
        if path:
            someone.open(path)
        assert someone.page.locator("body").get_attribute("data-page") == name
        assert too_wide(someone) == 0
        someone.screenshot(f"{name}-{named}")
    someone.page.fill("#q", "barth")
    someone.page.keyboard.press("Enter")
    someone.ready()
    assert someone.page.locator("[data-table=accounts] tbody tr").count() >= 1
    someone.context.close()
    assert someone.problems == []


def test_from_page_to_page(visitor: Visitor) -> None:
    """Over Dash's pages and plain ones, by the menu and the name in the header."""
    visitor.log_in("admin")
    visitor.page.click("text=Accounts")
    visitor.page.wait_for_selector("body[data-page=accounts]")
    assert visitor.page.title() == "Accounts · Sparkboard"
    visitor.page.click("header .who")
    visitor.page.wait_for_selector("body[data-page=own-account]")
    visitor.page.click("text=Overview")
    visitor.page.wait_for_selector("body[data-page=overview][data-ready=true]")
    visitor.page.click("text=Log out")
    visitor.page.wait_for_selector("body[data-page=login]")


def test_the_theme_is_switched_here_too(visitor: Visitor) -> None:
    visitor.sign_in("analyst")
    visitor.open("/account")
    visitor.page.click("#theme-switch")
    assert visitor.page.locator("html").get_attribute("data-theme") == "light"
    visitor.open("/account")
    assert visitor.page.locator("html").get_attribute("data-theme") == "light"


def test_all_works_without_scripts_and_by_keyboard(browser: Browser, demo: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{demo}/login?next=/account")
    # A field is given the focus with the first frame, which may come after the page.
    page.wait_for_selector("[name=username]:focus")
    page.keyboard.type("creator")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-table=sessions]")
    page.focus("#name")
    page.keyboard.type("by keyboard")
    page.keyboard.press("Enter")
    page.wait_for_selector(".secret input:focus")
    assert page.locator(".secret input").input_value().startswith("spark_")
    assert page.locator("[data-table=tokens] tbody tr").count() == 1
    page.get_by_role("button", name="Revoke by keyboard").press("Enter")
    page.wait_for_selector("text=Token revoked: by keyboard")
    assert page.locator("[data-table=tokens]").count() == 0
    page.fill("#current", "not the password")
    page.fill("#new", "another horse")
    page.fill("#again", "another horse")
    page.get_by_role("button", name="Change password").click()
    page.wait_for_selector("#current:focus")
    assert "This is not your current password." in page.locator("#current-error").inner_text()
    context.close()
