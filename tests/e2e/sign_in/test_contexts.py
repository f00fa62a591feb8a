"""Contexts in a browser: one sign-in to the tenant that the page is about, and otherwise a page that says so."""

import json
import time
from datetime import UTC, datetime, timedelta

import pytest

from support.identity_provider import JANE, STEP_UP
from support.issuer import AUDIENCE
from support.links import Links, press
from support.portal import BASE, SESSION

PARTNER, RIVAL = "df845f1a-7b35-40a2-ba78-6481de91f8ae", "b41e72f8-2c93-4d67-a5b8-91c3d7e04f25"
CONTOSO, FABRIKAM = "1a111111-1111-4111-8111-11111111111c", "2a222222-2222-4222-8222-22222222222c"
TAILSPIN = "3a333333-3333-4333-8333-33333333333c"
# At home in the partner's tenant.
AGENT = {**JANE, "tid": PARTNER, "home": PARTNER}


def at(days: int) -> str:
    return (datetime.now(UTC) + timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")


def delegation(customer: str, until: int = 100) -> dict:
    return {"partner": PARTNER, "customer": customer, "roles": [], "from": at(-10), "until": at(until)}


@pytest.fixture
def start(start_portal, provider):
    def start(tenants: bool, **more):
        page = {"upstream": "pages", "credential": "session"}
        endpoints = {f"tenant_{name}_endpoint": f"{provider.url}t/{{tenant}}/{path}"
                     for name, path in (("authorization", "authorize"), ("token", "token"))}
        return start_portal(
            issuers=[{"name": "idp", "issuer": provider.url, "audiences": [AUDIENCE], "home_claim": "home"}],
            partners=[RIVAL],
            delegations=[delegation(CONTOSO), delegation(FABRIKAM), delegation(TAILSPIN, until=-1)],
            routes=[{"prefix": "/pages/", "require": "authenticated", **page},
                    {"prefix": "/mfa/", "require": "mfa", **page},
                    {"prefix": "/partner/", "require": "mfa", "context": "partner", **page},
                    {"prefix": "/customers/{customer}/", "require": "authenticated", "context": "customer", **page},
                    {"prefix": "/mfa/customers/{customer}/", "require": "mfa", "context": "customer", **page}],
            sign_in=endpoints if tenants else {}, **more,
        )
    return start


@pytest.fixture
def portal(start, provider):
    provider.person = dict(AGENT)
    return start(tenants=True)


def tenants(visitor, provider) -> list[str]:
    """The tenants whose sign-in a browser was sent to, in order; `home` is the sign-in without one."""
    sent = [hop.url.removeprefix(provider.url).split("?")[0] for hop in visitor.hops if hop.url.startswith(provider.url)]
    return [path.split("/")[1] if path.startswith("t/") else "home" for path in sent]


# ---- without endpoints of tenants ----

def test_a_session_of_the_customers_tenant_opens_that_customers_pages(start, provider):
    provider.person = {**JANE, "tid": CONTOSO, "home": PARTNER}
    portal = start(tenants=False)
    visitor = portal.visitor()
    hop = visitor.open(portal.at(f"/customers/{CONTOSO}/a"))
    assert (hop.status, hop.url) == (200, portal.at(f"/customers/{CONTOSO}/a"))
    trips = portal.trips(visitor)
    for _ in range(3):
        hop = visitor.send(portal.at(f"/customers/{FABRIKAM}/a"))
        assert hop.status == 403 and "another organization" in Links(hop.text).text
    assert portal.trips(visitor) == trips
    for shown in (FABRIKAM, CONTOSO, PARTNER, "register", "wrong_context"):
        assert shown in Links(hop.text).text, hop.text
    refused = visitor.fetch(portal.at(f"/customers/{FABRIKAM}/a"))
    assert (refused.status, json.loads(refused.text)["code"]) == (403, "wrong_context")
    assert visitor.send(portal.at("/pages/a")).status == 200


@pytest.mark.parametrize("tenant_endpoints", [False, True])
@pytest.mark.parametrize(("tenant", "home", "customer", "code"), [
    (PARTNER, RIVAL, CONTOSO, "wrong_context"), (CONTOSO, RIVAL, CONTOSO, "no_delegation"),
    (FABRIKAM, PARTNER, TAILSPIN, "wrong_context"), (CONTOSO, None, CONTOSO, "no_delegation"),
    (PARTNER, None, CONTOSO, "wrong_context"), (TAILSPIN, PARTNER, TAILSPIN, "delegation_ended"),
    (PARTNER, PARTNER, "4a444444-4444-4444-8444-44444444444c", "wrong_context"),
])
def test_who_may_not_act_there_gets_a_page_after_one_trip(start, provider, tenant_endpoints, tenant, home, customer, code):
    provider.person = {**JANE, "tid": tenant, "home": home}
    portal = start(tenants=tenant_endpoints)
    visitor = portal.visitor()
    hop = visitor.open(portal.at(f"/customers/{customer}/a"))
    assert hop.status == 403 and tenants(visitor, provider) == ["home"]
    assert code in Links(hop.text).text
    assert visitor.send(portal.at("/pages/a")).status == 200


# ---- one sign-in, into the customer's tenant ----

def test_a_page_about_a_customer_leads_to_one_sign_in_to_the_customers_tenant(portal, provider):
    visitor = portal.visitor()
    for customer, sent in ((CONTOSO, ["home", CONTOSO]), (CONTOSO, []), (FABRIKAM, [FABRIKAM]), (CONTOSO.upper(), [CONTOSO])):
        visitor.hops.clear()
        hop = visitor.open(portal.at(f"/mfa/customers/{customer}/a?page=2"))
        assert (hop.status, hop.url) == (200, portal.at(f"/mfa/customers/{customer}/a?page=2"))
        assert tenants(visitor, provider) == sent, visitor.hops
        # What doesn't ask for a tenant takes any session.
        assert visitor.send(portal.at("/pages/a")).status == 200
    assert provider.last["acr_values"] == STEP_UP and provider.last["login_hint"] == JANE["preferred_username"]


def test_the_first_sign_in_asks_for_no_mfa_since_it_counts_in_the_customers_tenant_alone(portal, provider):
    provider.person["mfa"] = "on request"
    visitor = portal.visitor()
    assert visitor.open(portal.at(f"/mfa/customers/{CONTOSO}/a")).status == 200
    assert "acr_values" not in dict(provider.asked[0]) and provider.last["acr_values"] == STEP_UP
    assert tenants(visitor, provider) == ["home", CONTOSO]


def test_mfa_of_the_home_tenant_is_no_proof_in_the_customers(portal, provider):
    provider.mfa_in[CONTOSO] = "never"
    visitor = portal.signed_in("/mfa/a")
    for _ in range(3):
        hop = visitor.open(portal.at(f"/mfa/customers/{CONTOSO}/a"))
        assert hop.status == 403 and tenants(visitor, provider) == ["home", CONTOSO], visitor.hops
    text = Links(hop.text).text
    for shown in ("MFA is missing in the customer's organization", "register", "your own organization's sign-in service", "pwd"):
        assert shown in text, text
    # It was in vain there. Other customers are another matter, and so is a second factor that somebody gets.
    assert visitor.open(portal.at(f"/mfa/customers/{FABRIKAM}/a")).status == 200
    assert visitor.open(portal.at(f"/mfa/customers/{CONTOSO}/b")).status == 403
    provider.mfa_in.clear()
    hop = press(visitor, visitor.send(portal.at(f"/mfa/customers/{CONTOSO}/b")), "Try again")
    assert (hop.status, hop.url) == (200, portal.at(f"/mfa/customers/{CONTOSO}/b"))


def test_a_step_up_goes_to_the_tenant_of_the_session(portal, provider):
    provider.mfa_in[CONTOSO] = "on request"
    visitor = portal.visitor()
    assert visitor.open(portal.at(f"/customers/{CONTOSO}/a")).status == 200
    for page in ("/mfa/a", f"/mfa/customers/{CONTOSO}/a"):
        assert visitor.open(portal.at(page)).status == 200
    assert tenants(visitor, provider) == ["home", CONTOSO, CONTOSO]


def test_the_partners_own_pages_lead_back_home(portal, provider):
    visitor = portal.visitor()
    assert visitor.open(portal.at(f"/customers/{CONTOSO}/a")).status == 200
    assert visitor.open(portal.at("/partner/a")).status == 200
    assert tenants(visitor, provider) == ["home", CONTOSO, PARTNER]
    # Of no partner, nobody is sent anywhere.
    provider.person = {**JANE, "tid": CONTOSO, "home": FABRIKAM}
    stranger = portal.signed_in()
    assert stranger.send(portal.at("/partner/a")).status == 403 and portal.trips(stranger) == 1


def test_one_session_takes_the_place_of_another(portal, provider):
    visitor = portal.signed_in()
    before = visitor.copy(portal.ca)
    assert visitor.open(portal.at(f"/customers/{CONTOSO}/a")).status == 200
    assert before.fetch(portal.at("/pages/a")).status == 401
    assert [name for name in visitor.cookies() if name.startswith(SESSION)] == [SESSION]


@pytest.mark.parametrize("kind", ["script", "form", "frame"])
def test_only_who_opens_a_page_is_sent(portal, provider, kind):
    visitor, url = portal.signed_in(), portal.at(f"/customers/{CONTOSO}/a")
    frame = [("Accept", "text/html"), ("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", "iframe")]
    hop = {"script": lambda: visitor.fetch(url), "form": lambda: visitor.post(url, b"a=b"),
           "frame": lambda: visitor.send(url, headers=frame)}[kind]()
    assert hop.status == 403 and portal.trips(visitor) == 1
    if kind == "script":
        answer = json.loads(hop.text)
        assert answer["code"] == "wrong_context" and "sign_in" in answer["remedy"]
        link = answer["sign_in"]
    else:
        link = Links(hop.text).links["Sign in in a new tab"]
    visitor.open(portal.at(link))
    assert tenants(visitor, provider)[-1] == CONTOSO and visitor.send(url).status == 200


def test_tokens_are_refreshed_at_the_tenants_endpoint(start, provider):
    provider.person = dict(AGENT)
    portal = start(tenants=True, session={"refresh": {"margin": "9m58s"}})
    visitor = portal.visitor()
    assert visitor.open(portal.at(f"/customers/{CONTOSO}/a")).status == 200
    time.sleep(2.2)
    for _ in range(4):
        assert visitor.send(portal.at(f"/customers/{CONTOSO}/a")).status == 200
        time.sleep(0.3)
    assert provider.seen[f"/t/{CONTOSO}/token"] >= 2


# ---- what goes wrong, and who wants it to ----

def test_the_id_token_of_another_tenant_makes_no_session_and_no_second_trip(portal, provider):
    provider.astray[CONTOSO] = FABRIKAM
    visitor = portal.signed_in()
    hop = visitor.open(portal.at(f"/customers/{CONTOSO}/a"))
    assert hop.status == 403 and "sign_in_wrong_tenant" in hop.text and "register" not in hop.text
    assert "own organization" in Links(hop.text).text
    for _ in range(3):
        hop = visitor.open(portal.at(f"/customers/{CONTOSO}/a"))
        assert hop.status == 403 and "wrong_context" in hop.text and portal.trips(visitor) == 2
    # The session before it goes on, for other customers too.
    assert visitor.send(portal.at("/pages/a")).status == 200
    assert visitor.open(portal.at(f"/customers/{FABRIKAM}/a")).status == 200
    provider.astray.clear()
    assert visitor.open(portal.at(f"/customers/{CONTOSO}/a")).status == 200


def test_the_page_that_was_tried_in_vain_lets_people_try_again(portal, provider):
    visitor = portal.signed_in()
    provider.change_response = lambda answer: [("error", "access_denied"), *answer[1:]]
    assert visitor.open(portal.at(f"/customers/{CONTOSO}/a")).status == 403
    hop = visitor.open(portal.at(f"/customers/{CONTOSO}/a"))
    assert "wrong_context" in hop.text and portal.trips(visitor) == 2
    provider.change_response = lambda it: it
    hop = press(visitor, hop, "Sign in to that organization")
    assert (hop.status, hop.url) == (200, portal.at(f"/customers/{CONTOSO}/a"))


@pytest.mark.parametrize("claims", [{"tid": None}, {"tid": CONTOSO.upper()}, {"tid": [CONTOSO]}, {"tid": PARTNER}, {"tid": f"{CONTOSO} "}])
def test_a_tenant_that_isnt_exactly_the_one_makes_no_session(portal, provider, claims):
    visitor = portal.signed_in()
    provider.change_claims = lambda known: {**known, **claims}
    hop = visitor.open(portal.at(f"/customers/{CONTOSO}/a"))
    assert hop.status == (200 if claims["tid"] == CONTOSO.upper() else 403 if claims["tid"] != [CONTOSO] else hop.status), hop
    assert hop.status == 200 or visitor.open(portal.at(f"/customers/{CONTOSO}/a")).status == 403
    assert portal.trips(visitor) <= 2


def test_a_colleague_of_another_home_tenant_takes_over_no_session(portal, provider):
    visitor = portal.signed_in()
    provider.person = {**AGENT, "home": RIVAL}
    hop = visitor.open(portal.at(f"/customers/{CONTOSO}/a"))
    assert hop.status == 403 and "another_user" in hop.text
    assert visitor.fetch(portal.at("/pages/a")).status == 401


def test_what_a_sign_in_began_with_counts_whatever_the_browser_opened_since(portal, provider):
    visitor = portal.signed_in()
    first = portal.callback_of(visitor, f"/customers/{CONTOSO}/a")
    second = portal.callback_of(visitor, f"/customers/{FABRIKAM}/a")
    hop = visitor.open(first)
    assert (hop.status, hop.url) == (200, portal.at(f"/customers/{CONTOSO}/a"))
    hop = visitor.open(second)
    assert (hop.status, hop.url) == (200, portal.at(f"/customers/{FABRIKAM}/a"))
    # The code of one tenant, with the state of another: it is redeemed where that one's codes aren't known.
    one, other = (portal.callback_of(visitor, path) for path in (f"/customers/{CONTOSO}/a", "/partner/a"))
    code = one.split("code=")[1].split("&")[0]
    assert visitor.open(other.replace(other.split("code=")[1].split("&")[0], code)).status == 403
    provider.complaints.clear()


def test_tabs_of_two_customers_in_turns_are_no_loop_and_pages_that_lead_to_each_other_stop(portal, provider):
    visitor = portal.signed_in()
    for customer in (CONTOSO, FABRIKAM) * 3:
        assert visitor.open(portal.at(f"/customers/{customer}/a")).status == 200
    for customer in (CONTOSO, FABRIKAM) * 10:
        hop = visitor.open(portal.at(f"/customers/{customer}/a"))
        if hop.status != 200:
            break
    assert hop.status == 403 and "Sign in to that organization" in Links(hop.text).links
    trips = portal.trips(visitor)
    assert 6 < trips < 14
    assert visitor.open(portal.at(f"/customers/{customer}/a")).status == 403 and portal.trips(visitor) == trips
    assert press(visitor, hop, "Sign in to that organization").status == 200


@pytest.mark.parametrize("path", ["/customers/{}/a?tenant={}", "/customers/{}/a?customer={}&t={}", "/customers/{}/a#{}"])
def test_nothing_but_the_path_chooses_the_tenant(portal, provider, path):
    visitor = portal.signed_in()
    visitor.open(portal.at(path.format(CONTOSO, FABRIKAM, TAILSPIN)))
    assert tenants(visitor, provider) == ["home", CONTOSO]


def test_the_gateways_own_links_send_nobody_to_a_tenant_that_they_werent_made_for(portal, provider):
    visitor = portal.visitor()
    for query in (f"return=/customers/{CONTOSO}/a&tenant={RIVAL}", f"again={CONTOSO}", f"tenant={CONTOSO}"):
        hop = visitor.send(portal.at(f"{BASE}sign-in?{query}"))
        assert hop.location.startswith(f"{provider.url}authorize"), hop.location


def test_a_stranger_learns_of_nobody_who_the_customers_are(portal, provider):
    """Whether there is a delegation or not: the way to the provider is the same, and so is it for somebody of no partner."""
    def way(customer: str, visitor) -> tuple:
        hop = visitor.send(portal.at(f"/mfa/customers/{customer}/a"))
        query = sorted(part.split("=")[0] for part in (hop.location or "?").split("?")[1].split("&"))
        return hop.status, (hop.location or "").split("?")[0], query

    assert way(CONTOSO, portal.visitor()) == way(TAILSPIN, portal.visitor()) == way(RIVAL, portal.visitor())
    provider.person = {**JANE, "tid": RIVAL, "home": RIVAL}
    stranger = portal.signed_in()
    assert way(CONTOSO, stranger) == way(TAILSPIN, stranger) and way(CONTOSO, stranger)[0] == 403


# ---- a real browser ----

def test_a_browser_goes_from_customer_to_customer_and_back(portal, provider, open_browser):
    page = open_browser()
    for customer in (CONTOSO, FABRIKAM, CONTOSO):
        page.goto(portal.at(f"/mfa/customers/{customer}/a"))
        assert page.url == portal.at(f"/mfa/customers/{customer}/a")
        assert page.get_by_role("heading", name="A page of the site").is_visible()
    provider.mfa_in[FABRIKAM] = "never"
    assert page.goto(portal.at(f"/mfa/customers/{FABRIKAM}/a")).status == 403
    assert page.get_by_role("heading", name="MFA is missing in the customer's organization").is_visible()
    provider.mfa_in.clear()
    page.get_by_role("link", name="Try again").click()
    assert page.get_by_role("heading", name="A page of the site").is_visible()
