"""The page of consents: how each does, given in a browser, tried, and withdrawn; and that no other site acts for an operator."""

from urllib.parse import urlencode

import httpx
import pytest
from support.identity_provider import CASEY, CLIENT_ID, CLIENT_SECRET, JANE, JOHN
from support.journal import until
from support.links import Links
from support.portal import sealing_key, secret_file
from support.site import Site, send_form

PAGE = "/site/consents"
COOKIE = "__Host-consent"


@pytest.fixture
def start_site(tmp_path, provider, pages):
    started = []

    def start(**consent) -> Site:
        consents = [{
            "name": "nightly", "issuer": "idp", "client_id": CLIENT_ID, "scope": "api",
            "client_secret_file": secret_file(tmp_path, "job-secret", CLIENT_SECRET), **consent,
        }]
        keys = [sealing_key(tmp_path, "consent.key")]
        started.append(Site(tmp_path, provider, pages, consents=consents, consent_keys=keys))
        return started[-1]

    yield start
    for site in started:
        site.stop()


@pytest.fixture
def site(start_site):
    return start_site()


def page_of(site, visitor):
    hop = visitor.send(site.at(PAGE), site="same-origin")
    assert hop.status == 200 and "<script" not in hop.text, hop.text
    return hop


def begin(site, visitor):
    """The page that leads to the identity provider, and its address there."""
    hop = send_form(visitor, page_of(site, visitor), f"{PAGE}/give")
    assert hop.status == 200, hop.text
    return hop, Links(hop.text).links["Go to the identity provider"]


def give(site, visitor):
    _, url = begin(site, visitor)
    return visitor.open(url, site="cross-site")


def test_a_consent_is_given_tried_and_withdrawn_in_a_browser(site, provider):
    visitor = site.signed_in()
    overview = visitor.send(site.at("/"), site="same-origin")
    assert "nightly: absent" in overview.text and "of 1 that need attention" in overview.text
    hop, url = begin(site, visitor)
    cookie = visitor.cookies()[COOKIE]
    assert "httponly" in cookie.attributes and "secure" in cookie.attributes and cookie.same_site == "lax"
    asked = dict(httpx.URL(url).params)
    assert asked["redirect_uri"] == site.at(f"{PAGE}/back") and asked["prompt"] == "login" and asked["redirect_uri"] in hop.text
    # The person who consents need not be the operator.
    provider.person = {**JOHN, "mfa": "always"}
    given = visitor.open(url, site="cross-site")
    assert given.status == 200 and "Consent given" in given.text and JOHN["preferred_username"] in given.text, given.text
    assert COOKIE not in visitor.cookies()
    listed = page_of(site, visitor)
    assert "alive" in listed.text and "proven" in listed.text and "days left" in listed.text
    assert JOHN["preferred_username"] in listed.text and "Jane" in listed.text
    tried = send_form(visitor, listed, f"{PAGE}/try")
    assert tried.status == 200 and "an access token with MFA" in tried.text
    assert "0</" in (overview := visitor.send(site.at("/"), site="same-origin")).text and "nightly" not in overview.text
    unsure = send_form(visitor, listed, f"{PAGE}/withdraw", without=["sure"])
    assert unsure.status == 422 and "alive" in page_of(site, visitor).text
    withdrawn = send_form(visitor, listed, f"{PAGE}/withdraw")
    assert withdrawn.status == 200 and "refresh token is erased" in withdrawn.text and "withdrawn" in withdrawn.text
    tokens = [*provider._refreshes, *(form["refresh_token"] for form in provider.redeemed if "refresh_token" in form)]
    told = "".join(hop.text for hop in visitor.hops if hop.url.startswith(site.origin)) + site.log.read_text()
    assert tokens and not any(token in told for token in tokens)


@pytest.mark.parametrize("person, consent, reason, words", [
    (CASEY, {}, "mfa_missing", "Require MFA of the account"),
    (JANE, {"user": "somebody-else"}, "wrong_user", "Sign in with the account"),
    (JANE, {"tenant": "contoso"}, "wrong_tenant", "Sign in with the account"),
    (JANE, {"scopes": ["api"]}, None, "Consent given"),
])
def test_a_consent_that_does_not_count_says_why(start_site, provider, person, consent, reason, words):
    site = start_site(**consent)
    visitor = site.signed_in()
    provider.person = dict(person)
    hop = give(site, visitor)
    assert words in hop.text and (reason is None or hop.status == 409 and reason in hop.text), hop.text
    if reason:
        assert "absent" in page_of(site, visitor).text and COOKIE not in visitor.cookies()


def test_what_comes_back_counts_once_and_in_the_browser_that_began(site, provider):
    visitor, other = site.signed_in(), site.signed_in()
    _, url = begin(site, visitor)
    _, theirs = begin(site, other)
    asked = dict(httpx.URL(url).params)
    _, answer = provider.authorize(list(asked.items()))
    back = site.at(f"{PAGE}/back?{urlencode(answer)}")
    # An attacker's link: another browser, with a consent of its own under way, and one without.
    assert "no consent under way" in other.open(back, site="cross-site").text and COOKIE in other.cookies()
    stranger = site.visitor()
    assert "no consent under way" in stranger.open(back, site="cross-site").text
    assert "absent" in page_of(site, visitor).text
    thief = visitor.copy(None)
    assert visitor.open(back, site="cross-site").status == 200
    again = thief.open(back, site="cross-site")
    assert again.status == 409 and "consent_repeated" in again.text
    assert "no consent under way" in visitor.open(back, site="cross-site").text
    # The other browser's own consent still goes on.
    assert other.open(theirs, site="cross-site").status == 200


def test_an_issuers_error_is_told_and_ends_it(site, provider):
    visitor = site.signed_in()
    _, url = begin(site, visitor)
    error = {"error": "access_denied", "error_description": "<b>x</b>", "state": dict(httpx.URL(url).params)["state"], "iss": provider.url}
    hop = visitor.open(site.at(f"{PAGE}/back?{urlencode(error)}"), site="cross-site")
    assert hop.status == 409 and "access_denied" in hop.text and "<b>x" not in hop.text and COOKIE not in visitor.cookies()


def test_no_other_site_acts_for_an_operator(site):
    visitor = site.signed_in()
    page = page_of(site, visitor)
    for action in ("give", "try", "withdraw"):
        body = urlencode({"consent": "nightly", "sure": "yes"}).encode()
        assert visitor.post(site.at(f"{PAGE}/{action}"), body).status == 403, "without the proof of the form"
        foreign = visitor.post(site.at(f"{PAGE}/{action}"), body, origin="https://evil.example", site="cross-site")
        assert foreign.status in (401, 403), foreign
        assert site.visitor().post(site.at(f"{PAGE}/{action}"), body).status in (401, 403)
        # A step-up that interrupts a form returns to the list.
        assert visitor.open(site.at(f"{PAGE}/{action}")).url == site.at(PAGE)
    assert send_form(visitor, page, f"{PAGE}/give", more={"consent": "<b>other"}).status == 404
    assert COOKIE not in visitor.cookies() and "absent" in page_of(site, visitor).text


def test_an_issuer_that_is_down_is_said_on_the_page(site, provider):
    visitor = site.signed_in()
    give(site, visitor)
    page = page_of(site, visitor)
    provider.stop()
    try:
        hop = send_form(visitor, page, f"{PAGE}/try")
        assert hop.status == 503 and "Try again" in hop.text
    finally:
        provider.start()
    until(lambda: "alive" in page_of(site, visitor).text, 10)


def test_a_real_browser_without_scripts_gives_a_consent(site, open_browser):
    page = open_browser(javascript=False)
    page.goto(site.at("/"))
    page.get_by_role("link", name="Consents", exact=True).click()
    page.get_by_role("button", name="Give nightly").click()
    page.get_by_role("link", name="Go to the identity provider").click()
    page.get_by_role("heading", name="Consent given").wait_for()
    page.get_by_role("link", name="All consents").click()
    page.get_by_role("button", name="Try nightly now").click()
    page.get_by_text("The issuer gave an access token with MFA.").wait_for()
    page.get_by_role("checkbox").check()
    page.get_by_role("button", name="Withdraw nightly").click()
    page.get_by_text("its refresh token is erased").wait_for()
