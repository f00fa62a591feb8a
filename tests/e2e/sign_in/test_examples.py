"""The documents' three examples and their role table, in Chromium, at an OpenID-certified provider.

`mandating-mfa-2020`, "Verification examples": the overview is unprotected, the pages of the areas are not.
"""

import time

import pytest
from playwright.sync_api import Page, expect

from support.certified import CLIENT_ID, CLIENT_SECRET, STEP_UP, Certified
from support.gateway import free_port
from support.people import PEOPLE, go_through
from support.portal import SESSION

AREAS = {"/commerce/": "Customers", "/dashboard/support/csp/customers/": "Customer requests", "/billing/": "Billing"}
ROLES = {
    "Admin agent": {"groups": "a1"}, "Sales agent": {"groups": "a2"}, "Helpdesk agent": {"groups": "a3"},
    "Global administrator": {"wids": "62e90394-69f5-4237-9190-012177145e10"},
    "Billing administrator": {"wids": "b0f54661-2d74-4c50-afa3-1ec803f12efe"},
}
# The documents' table: MFA-protected page, and who may open it.
TABLE = {
    "/commerce/": ["Admin agent", "Sales agent", "Helpdesk agent"],
    "/dashboard/support/csp/customers/": ["Admin agent", "Helpdesk agent"],
    "/billing/": ["Admin agent", "Global administrator", "Billing administrator"],
}


def of_role(role: str) -> dict:
    (claim, value), = ROLES[role].items()
    return {"name": role, "mfa": "always", "claims": {"groups": [], "wids": [], claim: [value]}}


def slug(role: str) -> str:
    return role.lower().replace(" ", "-")


EVERYBODY = {
    **{name: {**person, "claims": {**person["claims"], "groups": ["a1"]}} for name, person in PEOPLE.items()},
    **{slug(role): of_role(role) for role in ROLES},
}


@pytest.fixture(scope="module")
def portal_port():
    return free_port()


@pytest.fixture
def certified(portal_port, authority):
    """A new one for each test: nobody is registered for MFA."""
    provider = Certified(f"https://localhost:{portal_port}", EVERYBODY, authority.file)
    yield provider
    provider.close()


@pytest.fixture
def partner_center(start_portal, certified, portal_port, pages, tmp_path):
    page = {"upstream": "pages", "credential": "session"}
    return start_portal(
        at=certified, port=portal_port, client_id=CLIENT_ID, client_secret=CLIENT_SECRET, step_up=STEP_UP,
        issuers=[{"name": "idp", "issuer": certified.url, "audiences": [CLIENT_ID]}],
        roles=[{"name": slug(role), "any": [{"claim": claim, "contains": value} for claim, value in claims.items()]}
               for role, claims in ROLES.items()],
        routes=[
            {"path": "/", "require": "authenticated", **page}, {"prefix": "/status", "require": "authenticated", **page},
            *({"prefix": area, "require": "mfa", "roles": [slug(role) for role in roles], **page} for area, roles in TABLE.items()),
        ],
    )


def sign_in(page: Page, who: str):
    page.get_by_role("button", name=EVERYBODY[who]["name"], exact=True).click()


def titles(page: Page) -> str:
    return page.get_by_role("heading", level=1).inner_text()


def test_p18_example_1_jane_does_mfa_as_she_signs_in_and_never_again(open_browser, partner_center, certified):
    page = open_browser()
    page.goto(partner_center.at("/"))
    sign_in(page, "jane")
    expect(page.get_by_role("heading", level=1)).to_have_text("Approve the sign-in of Jane")
    page.get_by_role("button", name="Approve").click()
    page.wait_for_url(partner_center.at("/"))
    for path in (*AREAS, "/status", "/commerce/customers?page=2"):
        assert page.goto(partner_center.at(path)).status == 200 and page.url == partner_center.at(path)
    assert certified.counts["/auth"] == 1 and certified.counts["/token"] == 1


def test_p18_example_2_trent_does_mfa_at_his_own_provider_and_never_again(open_browser, partner_center, certified):
    page = open_browser(javascript=False)
    page.goto(partner_center.at("/"))
    sign_in(page, "trent")
    assert titles(page) == "Wingtip's own provider"
    page.get_by_role("button", name="Approve as Trent").click()
    page.wait_for_url(partner_center.at("/"))
    for path in AREAS:
        assert page.goto(partner_center.at(path)).status == 200 and page.url == partner_center.at(path)
    assert certified.counts["/auth"] == 1


def test_p18_example_3_john_is_sent_to_mfa_registers_and_comes_back_to_his_page(open_browser, partner_center, certified):
    page = open_browser()
    page.goto(partner_center.at("/"))
    sign_in(page, "john")
    page.wait_for_url(partner_center.at("/"))  # without MFA
    target = partner_center.at("/commerce/customers?page=2&q=%2F")
    page.goto(target)
    assert titles(page) == "More information required"
    page.get_by_role("button", name="Register").click()
    assert titles(page) == "Approve the sign-in of John"
    page.get_by_role("button", name="Approve").click()
    page.wait_for_url(target)
    for path in AREAS:
        assert page.goto(partner_center.at(path)).status == 200
    assert certified.counts["/auth"] == 2

    # Another day, in a new browser session, he is only asked to verify.
    page = open_browser()
    page.goto(partner_center.at("/"))
    sign_in(page, "john")
    page.wait_for_url(partner_center.at("/"))
    page.goto(target)
    assert titles(page) == "Approve the sign-in of John"
    page.get_by_role("button", name="Approve").click()
    page.wait_for_url(target)
    assert certified.counts["/auth"] == 4


def test_s03_p16_john_refuses_mfa_and_is_told_in_every_tab(open_browser, partner_center, certified):
    page = open_browser()
    page.goto(partner_center.at("/"))
    sign_in(page, "john")
    page.wait_for_url(partner_center.at("/"))
    page.goto(partner_center.at("/commerce/a"))
    page.get_by_role("button", name="Register").click()
    page.get_by_role("button", name="Go on without MFA").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("MFA")
    expect(page.locator("body")).to_contain_text("urn:pwd")
    tab = page.context.new_page()
    assert tab.goto(partner_center.at("/billing/")).status == 403
    assert page.reload().status in (200, 403) and certified.counts["/auth"] == 2
    assert tab.goto(partner_center.at("/")).status == 200
    tab.goto(partner_center.at("/commerce/a?b"))
    tab.get_by_role("link", name="Try again").click()
    tab.get_by_role("button", name="Approve").click()
    tab.wait_for_url(partner_center.at("/commerce/a?b"))


@pytest.mark.parametrize("role", ROLES)
def test_s04_the_role_table_cell_by_cell(partner_center, certified, role):
    visitor = partner_center.visitor()
    back, _ = go_through(visitor, partner_center.at("/"), slug(role), partner_center.own("callback"))
    assert visitor.open(back, site="cross-site").status == 200
    for area, allowed in TABLE.items():
        hop = visitor.send(partner_center.at(area))
        assert hop.status == (200 if role in allowed else 403), (area, hop)
    assert certified.counts["/auth"] == 1


def test_s20_s21_a_sign_out_ends_the_certified_providers_session_and_it_ends_ours(open_browser, partner_center, certified):
    first, second = open_browser(), open_browser()
    for page in (first, second):
        page.goto(partner_center.at("/"))
        sign_in(page, "john")
        page.wait_for_url(partner_center.at("/"))
    first.goto(partner_center.own("sign-out"))
    first.get_by_role("button", name="Sign out", exact=True).click()
    first.get_by_role("button", name="Sign out here too").click()
    first.wait_for_url(partner_center.own("signed-out") + "*")
    assert not [cookie for cookie in first.context.cookies(partner_center.public_url) if cookie["name"] == SESSION]
    first.goto(partner_center.at("/"))
    assert titles(first) == "Sign in"
    # The second browser's session at the provider ends by itself there: the gateway hears of it by the back channel.
    second.goto(f"{certified.url}/session/end")
    second.get_by_role("button", name="Sign out here too").click()
    expect(second.get_by_role("heading", level=1)).to_have_text("Signed out of the provider")
    assert certified.counts["backchannel.success"] >= 1, certified.output
    second.goto(partner_center.at("/"))
    assert titles(second) == "Sign in"


def test_p13_the_certified_provider_takes_a_pushed_request(start_portal, certified, portal_port):
    portal = start_portal(
        at=certified, port=portal_port, client_id=CLIENT_ID, client_secret=CLIENT_SECRET, sign_in={"par": True},
        issuers=[{"name": "idp", "issuer": certified.url, "audiences": [CLIENT_ID]}],
    )
    visitor = portal.visitor()
    back, _ = go_through(visitor, portal.at("/pages/a"), "jane", portal.own("callback"))
    assert visitor.open(back, site="cross-site").status == 200
    assert certified.counts["pushed_authorization_request.success"] == 1


def test_s18_the_certified_provider_rotates_refresh_tokens_and_the_session_goes_on(start_portal, certified, portal_port):
    portal = start_portal(
        at=certified, port=portal_port, client_id=CLIENT_ID, client_secret=CLIENT_SECRET, session={"refresh": {"margin": "599s"}},
        issuers=[{"name": "idp", "issuer": certified.url, "audiences": [CLIENT_ID]}],
    )
    visitor = portal.visitor()
    back, _ = go_through(visitor, portal.at("/pages/a"), "jane", portal.own("callback"))
    assert visitor.open(back, site="cross-site").status == 200
    for _ in range(3):
        time.sleep(1.3)
        assert visitor.send(portal.at("/mfa/a")).status == 200
    time.sleep(0.5)
    assert certified.counts["grant.success"] >= 3 and "grant.error" not in certified.counts, certified.output
    assert visitor.send(portal.at("/mfa/a")).status == 200
