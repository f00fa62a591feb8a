"""A newcomer's way through the demo's portal, in Chromium: the documents' three examples and their role table."""

import re

import pytest
from playwright.sync_api import Page, expect

from support.demo import Demo

AREAS = ["/commerce/", "/dashboard/support/csp/customers/", "/billing/"]
# Who may open which of the three areas.
TABLE = {
    "Admin agent": [True, True, True], "Sales agent": [True, False, False], "Helpdesk agent": [True, True, False],
    "Global administrator": [False, False, True], "Billing administrator": [False, False, True],
}


@pytest.fixture
def demo():
    """A new one for each test: nobody is registered for MFA."""
    demo = Demo()
    yield demo
    demo.stop()


@pytest.fixture
def portal(demo) -> str:
    return re.search(r"portal\S* +(https?://\S+?)/?\s", demo.output, re.IGNORECASE)[1]


def title(page: Page) -> str:
    return page.get_by_role("heading", level=1).inner_text()


def choose(page: Page, who: str):
    """The account, and the password if it is asked for."""
    page.get_by_role("button", name=re.compile(who)).first.click()
    for words in ("Sign in", "Sign in and approve"):
        button = page.get_by_role("button", name=words, exact=True)
        if button.count() and "portal" not in title(page):
            button.click()
            return


def open_portal(page: Page, portal: str, who: str):
    page.goto(f"{portal}/")
    choose(page, who)


def test_example_1_jane(open_browser, portal):
    page = open_browser()
    open_portal(page, portal, "Jane")
    page.get_by_role("button", name="Approve").click()
    page.wait_for_url(f"{portal}/")
    expect(page.locator("#visitor")).to_contain_text("Jane")
    for area in AREAS:
        assert page.goto(portal + area).status == 200 and page.url == portal + area


def test_example_2_trent(open_browser, portal):
    page = open_browser(javascript=False)
    open_portal(page, portal, "Trent")
    page.wait_for_url(f"{portal}/")
    for area in AREAS[:2]:
        assert page.goto(portal + area).status == 200 and page.url == portal + area
    assert page.goto(portal + AREAS[2]).status == 403


def test_example_3_john_registers_and_the_other_day_only_verifies(open_browser, portal):
    page = open_browser(javascript=False)
    open_portal(page, portal, "John")
    page.wait_for_url(f"{portal}/")
    page.goto(f"{portal}/commerce/?page=2")
    assert title(page) == "More information required"
    page.get_by_role("button", name="Next").click()
    page.get_by_role("button", name="Register").click()
    page.get_by_role("button", name="Next").click()
    page.get_by_role("button", name="Approve").click()
    page.wait_for_url(f"{portal}/commerce/?page=2")

    page = open_browser()
    open_portal(page, portal, "John")
    page.wait_for_url(f"{portal}/")
    page.goto(f"{portal}/commerce/?page=2")
    page.get_by_role("button", name="Approve").click()
    page.wait_for_url(f"{portal}/commerce/?page=2")


def test_john_says_no_and_is_told(open_browser, portal):
    page = open_browser()
    open_portal(page, portal, "John")
    page.wait_for_url(f"{portal}/")
    page.goto(f"{portal}/commerce/")
    page.get_by_role("button", name="Cancel").click()
    assert page.url.startswith(portal)
    expect(page.get_by_role("link", name="Try again")).to_be_visible()
    assert page.goto(f"{portal}/").status == 200


@pytest.mark.timeout(60)
def test_s04_the_role_table(open_browser, portal):
    for role, allowed in TABLE.items():
        page = open_browser()
        page.goto(f"{portal}/")
        # One of each role signs in with MFA; John and Trent have others' roles, too.
        page.locator("button.choice", has_text=role).filter(has_text="password and MFA").last.click()
        page.get_by_role("button", name="Sign in", exact=True).click()
        page.get_by_role("button", name="Approve").click()
        page.wait_for_url(f"{portal}/")
        assert [page.goto(portal + area).status == 200 for area in AREAS] == allowed, role


def test_s20_signing_out_of_the_portal_signs_out_of_the_provider(open_browser, portal):
    page = open_browser()
    open_portal(page, portal, "John")
    page.wait_for_url(f"{portal}/")
    page.get_by_role("link", name="Sign out").click()
    page.get_by_role("button", name="Sign out", exact=True).click()
    for _ in range(3):
        if page.url.startswith(f"{portal}/.mfa-gateway/signed-out"):
            break
        page.get_by_role("button", name="Sign out").or_(page.get_by_role("link", name="Back to the application")).first.click()
    assert page.url.startswith(f"{portal}/.mfa-gateway/signed-out")
    page.goto(f"{portal}/")
    assert not page.url.startswith(portal)


def test_the_operator_site_lets_an_admin_agent_in_and_nobody_else(open_browser, demo):
    site = re.search(r"operator site +(\S+)/", demo.output)[1]
    page = open_browser(javascript=False)
    page.goto(f"{site}/")
    choose(page, "Jane")
    page.get_by_role("button", name="Approve").click()
    page.wait_for_url(f"{site}/")
    assert title(page) == "Overview"
    for name in ("Report", "Sessions", "Explain", "Replay", "Configuration"):
        page.get_by_role("link", name=name, exact=True).first.click()
        assert title(page) == name
    assert page.faults == []
    other = open_browser(javascript=False)
    other.goto(f"{site}/")
    choose(other, "Bill")
    if "Approve" in other.content():
        other.get_by_role("button", name="Approve").click()
    assert other.url.startswith(site) and "Admin agent" in other.content()


def test_a_customers_page_leads_to_its_tenant_and_mfa_there(open_browser, portal):
    adatum, alpine, trey = (f"/customers/{tenant}/" for tenant in (
        "0c39d6d5-c70d-4c55-bc02-f620844f3fd1", "4d3cf487-70f4-4e1e-9ff1-b2bfce8d9f04", "b44bb1fb-c595-45b0-9e08-d657365580f8"))
    page = open_browser()
    open_portal(page, portal, "Jane")
    page.get_by_role("button", name="Approve").click()
    page.goto(portal + "/commerce/")
    page.get_by_role("link", name="Adatum").click()
    expect(page.locator("main")).to_contain_text("in the tenant of Adatum")
    page.get_by_role("button", name="Approve").click()
    page.wait_for_url(portal + adatum)
    assert title(page) == "A customer’s tenant" and adatum.split("/")[2] in page.locator("main").inner_text()
    # Alpine Ski House has an identity provider of its own.
    page.goto(portal + alpine)
    expect(page.locator("main")).to_contain_text("Alpine Ski House has an identity provider of its own")
    page.get_by_role("button", name="Sign in and approve").click()
    page.wait_for_url(portal + alpine)
    # Trey Research has delegated nothing.
    assert page.goto(portal + trey).status == 403 and page.url == portal + trey
