"""The way to the provider and back: the authorization request, the return, and the ID token (SIGN-IN 1, 7, 8)."""

import base64
import hashlib
import itertools
import json
import time
from urllib.parse import parse_qsl, urlsplit

import pytest

from support.http1 import Connection, request
from support.identity_provider import CLIENT_ID, CLIENT_SECRET, EVENT, JOHN, STEP_UP
from support.portal import SESSION
from support.tokens import Key, hs256, unsigned
from support.visitor import NAVIGATION

ODD = [
    "/pages/%C3%A4%20b/~x!", "/pages/a?b=%2F%2f&c=d+e&f=%C3%A4;g", "/pages/a?u=//other.example/&v=http://x/%23y",
    "/pages/a?q='%22%3Cscript%3E&state=s&code=c", "/pages/a?" + "x" * 1500,
]
PARAMETERS = {
    "response_type", "client_id", "redirect_uri", "scope", "state", "nonce", "code_challenge", "code_challenge_method",
}


def parameters(location: str) -> list[tuple[str, str]]:
    return parse_qsl(urlsplit(location).query, keep_blank_values=True, strict_parsing=True)


@pytest.mark.parametrize("target", ODD)
def test_s01_a_navigation_comes_back_to_the_same_target_byte_for_byte(portal, visitor, pages, target):
    assert visitor.open(portal.at(target)).status == 200
    assert visitor.hops[-1].url == portal.at(target)
    assert pages.requests[-1].target == target and len(pages.requests) == 1
    assert portal.trips(visitor) == 1


def test_s01_several_tabs_end_at_their_own_pages_in_any_order(portal):
    for order in itertools.permutations(range(3)):
        visitor = portal.visitor()
        targets = [f"/pages/tab-{number}?n={number}" for number in range(3)]
        tabs = [visitor.open(portal.at(target), stop_at=portal.own("callback")).location for target in targets]
        for number in order:
            assert visitor.open(tabs[number], site="cross-site").url == portal.at(targets[number]), order
        assert [name for name in visitor.cookies() if name != SESSION] == []


def test_s01_a_sign_in_for_a_page_without_mfa_asks_for_none(portal, visitor, provider):
    provider.person = dict(JOHN)
    assert visitor.open(portal.at("/pages/a")).status == 200
    assert set(provider.last) <= PARAMETERS | {"response_mode"}, provider.last


@pytest.mark.parametrize(("method", "headers"), [
    ("GET", NAVIGATION), ("HEAD", NAVIGATION), ("GET", [("Accept", "text/html,*/*;q=0.8")]), ("HEAD", [("Accept", "text/html")]),
])
def test_s01_p36_who_opens_a_page_is_sent_to_the_provider(portal, visitor, method, headers):
    hop = visitor.send(portal.at("/pages/a"), method, headers)
    assert hop.status in (302, 303) and portal.goes_to_provider(hop)
    assert hop.response.body == b"" or method == "GET"


def test_p01_the_request_is_complete_and_nothing_in_it_is_used_twice(portal):
    fresh = {"state": set(), "nonce": set(), "code_challenge": set()}
    many = 1000
    with Connection(portal.tls_port, tls=portal.visitor()._tls) as connection:
        for number in range(many):
            target = f"/pages/secret-{number}?q=private"
            connection.send(request("GET", target, headers=[("Host", urlsplit(portal.public_url).netloc), *NAVIGATION]))
            location = connection.response().fields.one("Location")
            pairs = parameters(location)
            asked = dict(pairs)
            assert len(pairs) == len(asked) and PARAMETERS <= set(asked)
            for name, values in fresh.items():
                assert len(asked[name]) >= 22, asked
                values.add(asked[name])
            assert "secret" not in location and "private" not in location
    assert {name: len(values) for name, values in fresh.items()} == dict.fromkeys(fresh, many)
    assert asked["response_type"] == "code" and "openid" in asked["scope"].split()
    assert (asked["client_id"], asked["redirect_uri"]) == (CLIENT_ID, portal.own("callback"))


def test_p01_an_endpoints_own_query_doubles_no_parameter(start_portal, provider):
    provider.metadata = {"authorization_endpoint": f"{provider.url}authorize?tenant=contoso&state=theirs&prompt=login"}
    portal = start_portal()
    visitor = portal.visitor()
    assert visitor.open(portal.at("/pages/a")).status == 200
    # The provider notes a parameter that stands twice.
    assert (provider.last["tenant"], provider.last["prompt"]) == ("contoso", "login") and provider.last["state"] != "theirs"


def test_p02_the_verifier_is_long_and_seen_by_nobody(portal, visitor, provider):
    assert visitor.open(portal.at("/pages/a")).status == 200
    verifier = provider.redeemed[-1]["code_verifier"]
    assert 43 <= len(verifier) <= 128 and provider.last["code_challenge_method"] == "S256"
    seen = " ".join(f"{hop.url} {hop.fields} {hop.text}" for hop in visitor.hops) + portal.log.read_text()
    assert verifier not in seen
    assert hashlib.sha256(verifier.encode()).hexdigest() not in seen


def test_s07_p38_parameters_of_a_client_never_steer_the_request(portal, visitor):
    steer = "acr_values=none&redirect_uri=https://evil.example/&state=mine&nonce=mine&client_id=x&prompt=none&scope=all&" \
            "code_challenge=mine&response_mode=fragment&login_hint=evil&again=x&max_age=1"
    link = json.dumps({"p": "/pages/evil", "w": {"f": True, "m": 1}, "o": True, "t": int(time.time() * 1000)}).encode()
    unsealed = base64.urlsafe_b64encode(link).decode().rstrip("=")
    for target in (f"/pages/a?{steer}", f"/.mfa-gateway/sign-in?return=/pages/a&{steer}", f"/.mfa-gateway/sign-in?again={unsealed}"):
        asked = parameters(visitor.send(portal.at(target)).location)
        assert {name for name, _ in asked} <= PARAMETERS and len(asked) == len(PARAMETERS), asked
        assert not any("mine" in value or "evil" in value for _, value in asked)


@pytest.mark.parametrize("target", [
    "//evil.example/", "/\\evil.example", "https://evil.example/", "/%09/evil.example", "/pages/a%0d%0aX: y", "javascript:alert(1)",
    "/.mfa-gateway/sign-out", "/.mfa-gateway/callback?code=1", "http:/pages/", "\\\\evil.example", "/.MFA-gateway/sign-out",
    "/pages/../.mfa-gateway/sign-out", "/%2e%2E/evil", "/./.mfa-gateway/sign-out", "/pages/.%2e/x", "/%2Emfa-gateway/sign-out",
    "/" + "x" * 3000,
])
def test_p38_a_hostile_return_path_leads_to_the_start_page(portal, target):
    from urllib.parse import quote
    visitor = portal.visitor()
    hop = visitor.open(portal.own(f"sign-in?return={quote(target, safe='')}"))
    assert (hop.status, hop.url) == (200, portal.at("/")), visitor.hops


def test_p38_a_link_to_sign_in_comes_back_to_its_page(portal, visitor):
    for _ in range(2):
        assert visitor.open(portal.own("sign-in?return=%2Fpages%2Fa%3Fb%3Dc")).url == portal.at("/pages/a?b=c")
    assert portal.trips(visitor) == 1, "somebody who is signed in has nothing to do at the provider"


def test_p08_the_secret_is_encoded_as_the_standard_says_and_a_code_is_sent_once(portal, visitor, provider):
    # The provider notes wrong credentials and a code's second use. The secret has signs that need encoding (RFC 6749, 2.3.1).
    assert any(sign in CLIENT_SECRET for sign in ":&%+ ")
    assert visitor.open(portal.at("/pages/a")).status == 200
    assert provider.seen["/token"] == 1 and provider.redeemed[-1]["grant_type"] == "authorization_code"


def altered(**changes):
    return lambda provider: setattr(provider, "change_claims", lambda claims: {**claims, **changes})


def signed(sign, **header):
    def bend(provider):
        provider.sign_with = sign if callable(sign) else None
        provider.change_header = lambda right: {**right, **header}
    return bend


NOW = int(time.time())
WRONG_ID_TOKENS = {
    "another audience": altered(aud="another-client"),
    "several audiences without azp": altered(aud=[CLIENT_ID, "another"]),
    "an azp of another client": altered(aud=[CLIENT_ID, "another"], azp="another"),
    "an azp of another client with one audience": altered(azp="another"),
    "an empty audience": altered(aud=[]),
    "another issuer": altered(iss="https://login.evil.example/"),
    "no issuer": altered(iss=None),
    "expired": altered(exp=NOW - 3600),
    "no exp": altered(exp=None),
    "exp as text": altered(exp=str(NOW + 600)),
    "no iat": altered(iat=None),
    "iat in the future": altered(iat=NOW + 7200),
    "an old iat": altered(iat=NOW - 7200),
    "the claim of an access token": altered(token_use="access"),
    "the claim of a refresh token": altered(typ="Refresh"),
    "not valid yet": altered(nbf=NOW + 7200),
    "another nonce": altered(nonce="another"),
    "no nonce": altered(nonce=None),
    "nonce as a list": lambda provider: setattr(provider, "change_claims", lambda c: {**c, "nonce": [c["nonce"]]}),
    "no sub": altered(sub=None),
    "an empty sub": altered(sub=""),
    "sub as a number": altered(sub=7),
    "a long sub": altered(sub="x" * 256),
    "a wrong at_hash": altered(at_hash="x" * 22),
    "a logout token's event": altered(events={EVENT: {}}),
    "the type of a logout token": signed(None, typ="logout+jwt"),
    "an unknown crit": signed(None, crit=["exp2"], exp2=True),
    "no algorithm": signed(unsigned, alg="none"),
    "the client's secret as a key": signed(hs256(CLIENT_SECRET.encode()), alg="HS256"),
    "another's key": signed(Key().sign),
}


@pytest.mark.parametrize("name", WRONG_ID_TOKENS)
def test_s08_p09_a_wrong_id_token_signs_nobody_in(portal, provider, name):
    already = portal.signed_in()
    visitor, retried = portal.visitor(), already.copy(portal.ca)
    WRONG_ID_TOKENS[name](provider)
    hop = visitor.open(portal.at("/pages/a"))
    assert hop.status in (400, 401, 403, 502), (name, hop)
    assert "text/html" in hop.fields.one("Content-Type") and SESSION not in visitor.cookies()
    assert portal.trips(visitor) == 1
    # A session that was there goes on.
    retried.open(portal.own("sign-in"))
    assert retried.open(portal.at("/pages/a")).status == 200


def test_s08_the_nonce_of_another_sign_in_is_a_wrong_one(portal, visitor, provider):
    other = []
    portal.callback_of(portal.visitor())
    other.append(provider.last["nonce"])
    provider.change_claims = lambda claims: {**claims, "nonce": other[0]}
    assert visitor.open(portal.at("/pages/a")).status >= 400 and SESSION not in visitor.cookies()


def test_s08_a_new_key_is_fetched_once_and_an_invented_one_costs_little(start_portal, provider):
    portal = start_portal()
    provider.rotate()
    before = provider.seen["/keys"]
    portal.signed_in()
    assert provider.seen["/keys"] - before == 1
    stranger = Key()
    provider.sign_with = stranger.sign
    for number in range(10):
        provider.change_header = lambda right, number=number: {**right, "kid": f"invented-{number}"}
        assert portal.visitor().open(portal.at("/pages/a")).status >= 400
    assert provider.seen["/keys"] - before <= 4


def test_s08_userinfo_never_decides(portal, visitor, provider):
    provider.person = {**JOHN, "groups": []}
    provider.instead["/userinfo"] = lambda handler: handler.send(200, {"sub": JOHN["sub"], "amr": ["mfa"], "groups": ["agent"]}) or True
    visitor.open(portal.at("/pages/a"))
    assert visitor.open(portal.at("/commerce/a")).status == 403


def test_p13_a_pushed_request_leaves_only_its_handle_for_the_browser(start_portal, provider):
    portal = start_portal(sign_in={"par": True})
    visitor = portal.visitor()
    hop = visitor.open(portal.at("/pages/a"), stop_at=provider.url)
    assert {name for name, _ in parameters(hop.location)} == {"client_id", "request_uri"}
    assert visitor.open(hop.location).status == 200 and provider.seen["/par"] == 1
    provider.instead["/par"] = lambda handler: handler.send(400, {"error": "invalid_request"}) or True
    other = portal.visitor()
    hop = other.open(portal.at("/pages/b"))
    assert hop.status >= 400 and portal.trips(other) == 0
    assert provider.person["sub"] not in hop.text


def test_p14_s08_metadata_of_another_issuer_is_refused(start_portal, provider):
    provider.metadata = {"issuer": "https://login.evil.example/"}
    portal = start_portal(ready_path="/livez")
    hop = portal.visitor().open(portal.at("/pages/a"))
    assert hop.status in (502, 503, 504)
    assert portal.visitor().open(portal.at("/status")).status == 200


def test_s05_p01_step_up_parameters_are_those_of_the_configuration(portal, visitor, provider):
    provider.person = dict(JOHN)
    visitor.open(portal.at("/pages/a"))
    assert visitor.open(portal.at("/mfa/a")).status == 200
    assert provider.last["acr_values"].split() == [STEP_UP]
    assert provider.last.get("login_hint") or provider.last.get("id_token_hint")
    assert provider.last.get("prompt") != "none"
