"""MFA, roles and recent sign-ins: one trip, then the page or a reason (SIGN-IN 2 to 6)."""

import json
import time

import pytest

from support.identity_provider import AGENTS, CASEY, JANE, JOHN, STEP_UP, person
from support.issuer import AUDIENCE
from support.links import Links, press
from support.portal import SESSION


def test_s02_p15_p18_john_is_sent_once_and_jane_never(portal, provider):
    for who, trips in ((JANE, 1), (JOHN, 2)):
        provider.person = dict(who)
        visitor = portal.signed_in("/pages/overview")
        assert portal.trips(visitor) == 1
        target = "/mfa/customers?page=2&x=%2F"
        hop = visitor.open(portal.at(target))
        assert (hop.status, hop.url, portal.trips(visitor)) == (200, portal.at(target), trips)
        for page in ("/mfa/a", "/mfa/b", "/pages/c", "/commerce/d"):
            assert visitor.send(portal.at(page)).status == 200
        assert portal.trips(visitor) == trips


def test_s02_straight_to_the_protected_page_takes_two_trips_at_most(portal, provider):
    for who in (JANE, JOHN):
        provider.person = dict(who)
        visitor = portal.visitor()
        assert visitor.open(portal.at("/mfa/a?b")).url == portal.at("/mfa/a?b")
        assert portal.trips(visitor) <= 2
        assert visitor.send(portal.at("/mfa/a")).status == 200


def test_s02_p15_a_step_up_hints_at_the_same_user_and_asks_only_for_what_is_configured(portal, provider):
    provider.person = dict(JOHN)
    visitor = portal.signed_in()
    visitor.open(portal.at("/mfa/a"))
    hint = provider.last.get("login_hint")
    assert hint == JOHN["preferred_username"] or provider.last.get("id_token_hint")
    assert provider.last["acr_values"] == STEP_UP and provider.last.get("prompt") not in ("none", "login")


def test_s03_p16_a_step_up_without_mfa_is_a_page_and_never_a_second_trip(portal, provider):
    provider.person = dict(CASEY)
    visitor = portal.signed_in()
    before = visitor.copy(portal.ca)
    hop = visitor.open(portal.at("/mfa/a"))
    assert hop.status in (401, 403) and portal.trips(visitor) == 2, visitor.hops
    # The session that was there goes on, for all of its tabs.
    assert before.send(portal.at("/pages/a")).status == 200
    page = Links(hop.text)
    for shown in ("MFA", "amr", "pwd", "acr"):
        assert shown in page.text, page.text
    words = {*page.links, *(form.label for form in page.forms)}
    assert {"Try again", "Sign out"} <= words, words
    # Not in this tab, and in no other one, and not after the first page again.
    for path in ("/mfa/a", "/mfa/b", "/commerce/c", "/pages/d", "/mfa/a"):
        hop = visitor.send(portal.at(path))
        assert hop.status == (200 if path.startswith("/pages") else 403), (path, hop)
    assert portal.trips(visitor) == 2
    # He gets a second factor, and tries again.
    provider.person["mfa"] = "always"
    hop = press(visitor, visitor.send(portal.at("/mfa/a?x=1")), "Try again")
    assert (hop.status, hop.url) == (200, portal.at("/mfa/a?x=1"))


def test_s03_p16_a_step_up_in_vain_is_in_vain_for_other_pages_too(portal, provider):
    provider.person = dict(CASEY)
    visitor = portal.signed_in()
    for path in ("/mfa/a", "/fresh/a", "/mfa/b", "/fresh/b"):
        assert visitor.open(portal.at(path)).status == 403
    assert portal.trips(visitor) == 2, visitor.hops


def test_s03_straight_to_the_protected_page_without_mfa_ends_on_a_page(portal, provider):
    provider.person = dict(CASEY)
    visitor = portal.visitor()
    # The one trip asked for MFA already.
    for _ in range(4):
        assert visitor.open(portal.at("/mfa/a")).status in (401, 403)
        assert portal.trips(visitor) == 1, visitor.hops
    assert provider.last["acr_values"] == STEP_UP


def test_s03_p16_a_step_up_that_just_succeeded_is_not_repeated_by_itself(start_portal, provider):
    page = {"upstream": "pages", "credential": "session"}
    portal = start_portal(routes=[
        {"prefix": "/now/", "require": "mfa", "max_age": "6s", **page}, {"prefix": "/pages/", "require": "authenticated", **page},
    ])
    provider.person["auth_time"] = int(time.time()) - 100
    visitor = portal.signed_in()
    provider.person["auth_time"] = int(time.time()) - 4
    hop = visitor.open(portal.at("/now/a"))
    assert hop.status == 200 and portal.trips(visitor) == 2, visitor.hops
    time.sleep(2.5)
    # Too old again, sooner than a new sign-in could be: another trip by itself, again and again, would be a loop.
    for _ in range(2):
        hop = visitor.open(portal.at("/now/a"))
        assert hop.status == 403 and portal.trips(visitor) == 2, visitor.hops
    provider.person["auth_time"] = int(time.time())
    assert press(visitor, hop, "Try again").status == 200


SHAPES = {
    "text": "mfa", "text with a space": "pwd mfa", "capitals": ["MFA"], "a space": ["mfa "], "nested": [["mfa"]], "an object": {"mfa": True},
    "an object in a list": [{"mfa": 1}], "a number": [1], "empty": [], "null": [None], "true": True, "missing": None,
    "joined": ["pwd,mfa"], "longer": ["mfa2"], "a number beside it": ["mfa", 1], "null beside it": ["mfa", None],
}


@pytest.mark.parametrize("shape", SHAPES)
def test_s03_only_an_exact_element_of_amr_is_mfa(portal, provider, shape):
    provider.change_claims = lambda claims: {**claims, "amr": SHAPES[shape], "acr": "mfa", "methods": ["mfa"], "acrs": ["mfa"]}
    visitor = portal.visitor()
    hop = visitor.open(portal.at("/mfa/a"))
    assert hop.status in (400, 401, 403, 502), (shape, hop)
    assert portal.trips(visitor) <= 2


@pytest.mark.parametrize("amr", [["mfa"], ["pwd", "mfa"], ["mfa", "mfa"]])
def test_s03_an_exact_element_counts_among_others(portal, provider, amr):
    provider.change_claims = lambda claims: {**claims, "amr": amr}
    assert portal.visitor().open(portal.at("/mfa/a")).status == 200


WRONG_ROLES = {
    "none": None, "text": AGENTS, "capitals": [AGENTS.upper().replace("1", "A")], "nested": [[AGENTS]], "an object": {AGENTS: True},
    "a space": [f"{AGENTS} "], "a part": [AGENTS[:-1]], "a number": [1], "empty": [], "joined": [f"x,{AGENTS}"], "true": True,
    "a number beside it": [AGENTS, 1],
}
OVERAGE = [
    {"_claim_names": {"groups": "src1"}, "_claim_sources": {"src1": {"endpoint": "https://graph.example/"}}}, {"hasgroups": True},
]


@pytest.mark.parametrize("shape", WRONG_ROLES)
def test_s04_a_missing_role_is_refused_at_once(portal, provider, shape):
    for who in (JANE, JOHN):
        provider.person = {**who, "groups": WRONG_ROLES[shape]}
        visitor = portal.signed_in()
        hop = visitor.send(portal.at("/commerce/a"))
        assert hop.status == 403 and portal.trips(visitor) == 1, (shape, hop)
        assert "agent" in Links(hop.text).text
        assert visitor.send(portal.at("/pages/a")).status == 200


@pytest.mark.parametrize("claims", OVERAGE)
def test_s04_p45_too_many_groups_are_roles_unknown_and_give_none(portal, provider, claims):
    provider.person = {**JANE, "groups": None, **claims}
    visitor = portal.signed_in()
    hop = visitor.send(portal.at("/commerce/a"))
    assert hop.status == 403 and portal.trips(visitor) == 1
    refused = visitor.fetch(portal.at("/commerce/a"))
    assert json.loads(refused.text)["code"] == "roles_unknown"


def test_s05_p19_a_recent_sign_in_is_enough_and_an_old_one_is_asked_again(portal, provider):
    now = int(time.time())
    provider.person = {**JANE, "auth_time": now - 200}
    visitor = portal.visitor()
    assert visitor.open(portal.at("/fresh/a")).status == 200 and portal.trips(visitor) == 1
    provider.person = {**JANE, "auth_time": now - 1000}
    visitor = portal.signed_in()
    assert visitor.send(portal.at("/mfa/a")).status == 200
    hop = visitor.open(portal.at("/fresh/a"), stop_at=provider.url)
    provider.person["auth_time"] = now
    assert visitor.open(hop.location).url == portal.at("/fresh/a")
    asked = provider.last
    assert asked.get("prompt") == "login" or 60 <= int(asked["max_age"]) <= 300, asked
    assert visitor.send(portal.at("/fresh/b")).status == 200 and portal.trips(visitor) == 2


AUTH_TIMES = {
    "missing": None, "text": str(int(time.time())), "the future": int(time.time()) + 3600, "old": int(time.time()) - 1000, "zero": 0,
    "negative": -1, "true": True, "a fraction": time.time() + 0.5, "a list": [int(time.time())], "huge": 10**30,
}


@pytest.mark.parametrize("shape", AUTH_TIMES)
def test_s05_p19_a_time_that_is_not_one_is_never_recent(portal, provider, shape):
    provider.change_claims = lambda claims: {**claims, "auth_time": AUTH_TIMES[shape]}
    visitor = portal.visitor()
    hop = visitor.open(portal.at("/fresh/a"))
    assert hop.status in (400, 401, 403, 502) and portal.trips(visitor) <= 2, (shape, hop)
    trips = portal.trips(visitor)
    visitor.open(portal.at("/fresh/a"))
    assert portal.trips(visitor) <= max(trips, 2)


def test_s05_p19_a_sign_in_ahead_of_the_clock_is_recent_within_the_clock_skew_alone(start_portal, provider):
    issuer = {"name": "idp", "issuer": provider.url, "audiences": [AUDIENCE], "clock_skew": "3s"}
    portal = start_portal(issuers=[issuer])
    for ahead, status in ((1, 200), (20, 403)):
        provider.change_claims = lambda claims, ahead=ahead: {**claims, "auth_time": claims["iat"] + ahead}
        assert portal.visitor().open(portal.at("/fresh/a")).status == status, ahead


@pytest.mark.slow
def test_s05_p19_a_sign_in_that_has_aged_is_asked_for_again(start_portal, provider):
    """However short the age: the step-up before it was not in vain."""
    route = {"prefix": "/fresh/", "upstream": "pages", "credential": "session", "require": "mfa", "max_age": "2s"}
    portal = start_portal(routes=[route])
    visitor = portal.visitor()
    for trips in (1, 2, 3):
        assert visitor.open(portal.at("/fresh/a")).status == 200
        assert portal.trips(visitor) >= trips
        time.sleep(3.2)


@pytest.mark.parametrize("error", ["access_denied", "login_required", "server_error", "invalid_scope", "something_else", "<odd>"])
def test_s03_a_step_up_that_ends_in_an_error_says_that_mfa_is_missing(portal, provider, error):
    provider.person = dict(JOHN)
    visitor = portal.signed_in()
    provider.change_response = lambda answer: [("error", error), *answer[1:]]
    hop = visitor.open(portal.at("/mfa/a"))
    assert hop.status in (400, 403, 503) and "MFA is still missing" in hop.text
    assert {"Try again", "Sign out"} <= set(Links(hop.text).links)
    trips = portal.trips(visitor)
    assert visitor.open(portal.at("/mfa/b")).status == 403 and portal.trips(visitor) == trips
    assert visitor.send(portal.at("/pages/a")).status == 200


def test_s06_p21_a_step_up_makes_a_new_session_and_ends_the_old_one(portal, provider):
    provider.person = dict(JOHN)
    visitor = portal.signed_in()
    old = visitor.copy(portal.ca)
    assert visitor.open(portal.at("/mfa/a")).status == 200
    assert visitor.cookies()[SESSION].value != old.cookies()[SESSION].value
    for path in ("/pages/a", "/mfa/a"):
        assert old.fetch(portal.at(path)).status == 401
    assert portal.goes_to_provider(old.send(portal.at("/pages/a")))


def test_s06_p21_signing_in_again_ends_the_session_before(portal, provider):
    visitor = portal.signed_in()
    old = visitor.copy(portal.ca)
    # Another tab had begun before.
    other = portal.visitor()
    callback = portal.callback_of(other)
    visitor.jar["localhost"] |= other.jar["localhost"]
    assert visitor.open(callback, site="cross-site").status == 200
    assert old.fetch(portal.at("/pages/a")).status == 401
    assert visitor.fetch(portal.at("/pages/a")).status == 200


def test_s06_p21_a_planted_cookie_never_becomes_a_session(portal, visitor):
    visitor.plant(SESSION, "A" * 200)
    assert visitor.open(portal.at("/pages/a")).status == 200
    assert visitor.cookies()[SESSION].value != "A" * 200


def test_s06_p17_another_user_is_never_merged(portal, provider, pages):
    provider.person = dict(JOHN)
    visitor = portal.signed_in()
    before = visitor.copy(portal.ca)
    provider.person = {**person("Mallory", "always"), "groups": []}
    hop = visitor.open(portal.at("/commerce/a"))
    # John has the role and Mallory the MFA: neither of them gets the page.
    assert hop.status in (401, 403), visitor.hops
    assert all("/commerce/" not in request.target for request in pages.requests)
    # A page says so, before anybody has a session; John's has ended.
    assert hop.url.startswith(portal.own("callback")) and JOHN["name"] in Links(hop.text).text, hop.text
    assert SESSION not in visitor.cookies() and before.fetch(portal.at("/pages/a")).status == 401
    pages.forget()
    hop = visitor.open(portal.at("/pages/b"))
    if hop.status == 200 and pages.requests:
        assert pages.requests[-1].fields.one("X-Auth-Request-User") == provider.person["sub"]
    assert visitor.open(portal.at("/commerce/a")).status == 403


def test_s06_p17_the_page_about_another_user_leads_on(portal, provider):
    provider.person = dict(JOHN)
    visitor = portal.signed_in()
    provider.person = dict(JANE)
    hop = visitor.open(portal.at("/mfa/a"))
    if hop.status == 200:
        return  # The session is wholly Jane's.
    page = Links(hop.text)
    assert page.links or page.forms
    words = [word for word in (*page.links, *(form.label for form in page.forms)) if word in ("Continue", "Sign in", "Try again")]
    assert words, hop.text
    assert press(visitor, hop, words[0]).status == 200


def test_p20_a_page_has_no_bearer_challenge_and_an_api_no_redirect(portal, provider):
    provider.person = dict(CASEY)
    visitor = portal.signed_in()
    assert "WWW-Authenticate" not in visitor.open(portal.at("/mfa/a")).fields
    for hop in (visitor.send(portal.at("/v1/a")), portal.visitor().send(portal.at("/v1/a"))):
        assert hop.status == 401 and hop.location is None and "Bearer" in hop.fields.one("WWW-Authenticate")


def test_s13_p19_after_a_form_without_mfa_the_sign_in_opens_beside_it(portal, provider, pages):
    provider.person = dict(JOHN)
    visitor = portal.signed_in()
    hop = visitor.post(portal.at("/mfa/form"), b"a=1")
    button = next(attributes for tag, attributes in Links(hop.text).elements if tag == "a" and attributes.get("class") == "primary")
    assert button["target"] == "_blank"
    pages.forget()
    assert visitor.open(portal.at(button["href"])).url == portal.at("/")
    assert all(request.target != "/mfa/form" for request in pages.requests)
    assert visitor.post(portal.at("/mfa/form"), b"a=1").status == 200


def test_p19_a_form_in_flight_is_not_lost_to_a_step_up(portal, provider, pages):
    now = int(time.time())
    provider.person = {**JANE, "auth_time": now - 1000}
    visitor = portal.signed_in()
    pages.forget()
    hop = visitor.post(portal.at("/fresh/a"), b"a=1")
    assert hop.status in (200, 401, 403) and hop.location is None
    assert "text/html" in hop.fields.one("Content-Type")

