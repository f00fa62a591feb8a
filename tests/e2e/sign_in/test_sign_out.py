"""Every way out: the user's, the provider's by either channel, the operator's (SIGN-IN 20, 21)."""

import secrets
import time
from urllib.parse import urlencode

import pytest

from support.identity_provider import CLIENT_ID, CLIENT_SECRET, EVENT, JANE, JOHN
from support.links import Links, press
from support.portal import SESSION
from support.tokens import Key, hs256, unsigned


def is_alive(portal, visitor) -> bool:
    status = visitor.fetch(portal.at("/pages/a")).status
    assert status in (200, 401), status
    return status == 200


def test_s20_p31_a_sign_out_ends_the_session_and_then_the_providers(portal, provider):
    given_tokens = []
    provider.change_answer = lambda answer: given_tokens.append(answer["id_token"]) or answer
    visitor, other = portal.signed_in(), portal.signed_in()
    copy = visitor.copy(portal.ca)
    given = {name: cookie.attributes for name, cookie in visitor.cookies().items()}
    hop = press(visitor, visitor.send(portal.own("sign-out")), "Sign out")
    assert hop.status == 200 and hop.url.startswith(portal.own("signed-out")), visitor.hops
    asked = provider.ended[-1]
    assert asked["post_logout_redirect_uri"] == portal.own("signed-out")
    assert asked["client_id"] == CLIENT_ID and len(asked["state"]) >= 22
    assert asked["id_token_hint"] == given_tokens[0]
    # The cookie is cleared with the attributes it was set with.
    cleared = next(sent for sent in visitor.hops if SESSION in sent.set and not sent.set[SESSION].value)
    attributes = cleared.set[SESSION].attributes
    assert {"secure", "httponly", "path"} <= set(attributes) and attributes["samesite"] == given[SESSION]["samesite"]
    assert SESSION not in visitor.cookies()
    assert not is_alive(portal, copy) and is_alive(portal, other)


def test_s20_p33_nobody_is_signed_in_again_by_himself(portal, provider):
    visitor = portal.signed_in()
    press(visitor, visitor.send(portal.own("sign-out")), "Sign out")
    trips = portal.trips(visitor)
    hop = visitor.send(portal.own("signed-out"))
    assert hop.status == 200 and portal.trips(visitor) == trips
    page = Links(hop.text)
    assert page.links or page.forms


def test_s20_what_was_begun_in_other_tabs_ends_with_the_session(portal, provider):
    provider.person = dict(JOHN)
    visitor = portal.signed_in()
    callback = portal.callback_of(visitor, "/mfa/a")
    assert len(visitor.cookies()) == 2
    visitor.post(portal.own("sign-out"))
    assert visitor.cookies() == {}
    assert visitor.send(callback, site="cross-site").status == 400 and visitor.cookies() == {}


def test_s20_twice_is_no_error(portal):
    visitor = portal.signed_in()
    page = visitor.send(portal.own("sign-out"))
    second = visitor.copy(portal.ca)
    press(visitor, page, "Sign out")
    for again in (visitor, second, portal.visitor()):
        sent = again.post(portal.own("sign-out"))
        assert sent.status in (200, 302, 303), sent
        assert again.open(portal.own("sign-out")).status == 200


def test_s20_with_the_provider_down_the_session_ends_all_the_same(portal, provider):
    visitor = portal.signed_in()
    copy = visitor.copy(portal.ca)
    page = visitor.send(portal.own("sign-out"))
    provider.stop()
    try:
        hop = press(visitor, page, "Sign out", stop_at=provider.url)
        assert hop.status in (200, 303) and SESSION not in visitor.cookies()
        assert not is_alive(portal, copy)
    finally:
        provider.start()


@pytest.mark.parametrize("headers", [
    {"origin": "https://evil.example", "site": "cross-site"}, {"origin": "https://evil.example"}, {"site": "same-site"}, {"origin": "null"},
])
def test_s20_another_origin_cant_sign_anybody_out(portal, headers):
    visitor = portal.signed_in()
    hop = visitor.post(portal.own("sign-out"), cookies=f"{SESSION}={visitor.cookies()[SESSION].value}", **headers)
    assert hop.status == 403 and is_alive(portal, visitor)
    # As browsers send it: without the cookie, which the response must not clear.
    hop = visitor.post(portal.own("sign-out"), cookies="", **headers)
    assert hop.status == 403 and hop.set == {} and is_alive(portal, visitor)


def proof_on(portal, visitor, path: str, label: str) -> list[tuple[str, str]]:
    """The fields of a form on one of the gateway's own pages."""
    return next(form.fields for form in Links(visitor.send(portal.own(path)).text).forms if form.label.startswith(label))


def test_s14_s20_a_forms_proof_counts_for_its_own_session_and_on_the_own_pages(portal):
    """The pages have the policy `no-referrer`, so that browsers write `null` as the origin of their forms."""
    visitor, other = portal.signed_in(), portal.signed_in()
    there = portal.signed_in()
    for path, label in (("sessions", "End this session"), ("sign-out", "Sign out")):
        own, foreign = proof_on(portal, visitor, path, label), proof_on(portal, other, path, label)
        alive = [one for one in (visitor, other, there) if is_alive(portal, one)]
        cut = [(name, value[:-1] if name == "proof" else value) for name, value in own]
        without = [(name, value) for name, value in own if name != "proof"]
        for fields, origin, site in (
            (foreign, "null", "same-origin"), (without, "null", "same-origin"), (cut, "null", "same-origin"),
            (own, "https://evil.example", "same-origin"), (own, "null", "cross-site"), (own, "null", "same-site"),
            (own, "https://evil.example", "cross-site"),
        ):
            cookies = f"{SESSION}={visitor.cookies()[SESSION].value}"
            hop = visitor.post(portal.own(path), urlencode(fields).encode(), origin=origin, site=site, cookies=cookies)
            assert hop.status == 403, (path, origin, site)
            assert all(is_alive(portal, one) for one in alive)
        hop = visitor.post(portal.own(path), urlencode(own).encode(), origin="null")
        assert hop.status == 303, hop
    assert not is_alive(portal, visitor)


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_s20_p31_a_look_at_the_page_ends_nothing(portal, method):
    visitor = portal.signed_in()
    for path in ("sign-out", "sign-out?confirm=yes", "signed-out"):
        visitor.send(portal.own(path), method, site="cross-site")
        visitor.send(portal.own(path), method, site="same-origin", origin=portal.public_url)
    assert is_alive(portal, visitor)


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"])
def test_s20_p33_a_hostile_return_leads_nowhere(portal, provider, target):
    for name in ("return", "rd", "post_logout_redirect_uri", "redirect_uri"):
        visitor = portal.signed_in()
        body = urlencode({name: target}).encode()
        hop = visitor.post(portal.own(f"sign-out?{body.decode()}"), body)
        while hop.location:
            assert "evil" not in hop.location and hop.location.startswith((portal.public_url, provider.url))
            hop = visitor.send(hop.location)
        assert hop.url.startswith(portal.public_url) and "evil" not in hop.text and "javascript:" not in hop.text
    for query in ("state=x", "return=https://evil.example/", "state=%3Cscript%3E"):
        hop = portal.visitor().send(portal.own(f"signed-out?{query}"))
        assert hop.status == 200 and "evil" not in hop.text and "<script" not in hop.text


def test_p32_other_sessions_of_the_user_live_unless_everywhere_was_chosen(portal):
    here, there = portal.signed_in(), portal.signed_in()
    press(here, here.send(portal.own("sign-out")), "Sign out")
    assert is_alive(portal, there)
    here, there = portal.signed_in(), portal.signed_in()
    page = here.send(portal.own("sign-out"))
    press(here, page, "Sign out everywhere")
    assert not is_alive(portal, there)


def test_p28_a_user_sees_and_ends_his_own_sessions(portal, provider):
    provider.person = dict(JOHN)
    stranger, other = portal.signed_in(), portal.signed_in()
    of_strangers = [dict(form.fields).get("session") for form in Links(other.send(portal.own("sessions")).text).forms]
    provider.person = dict(JANE)
    here, there = portal.signed_in(), portal.signed_in()
    # Knowing the ids of a stranger's sessions helps nobody.
    assert any(of_strangers)
    for session in filter(None, of_strangers):
        fields = [(name, session if name == "session" else it) for name, it in proof_on(portal, here, "sessions", "End this session")]
        here.post(portal.own("sessions"), urlencode(fields).encode())
    assert is_alive(portal, stranger) and is_alive(portal, there)
    hop = here.send(portal.own("sessions"))
    assert hop.status == 200
    ends = [form for form in Links(hop.text).forms if form.label.startswith("End this session")]
    assert ends
    for form in ends:
        here.post(portal.own("sessions"), urlencode(form.fields).encode())
    assert not is_alive(portal, there) and is_alive(portal, stranger)


# ---- back-channel ----

def back_channel(portal, token: str | None, body: bytes | None = None, **headers):
    fields = [("Content-Type", headers.get("type", "application/x-www-form-urlencoded"))]
    body = urlencode({"logout_token": token}).encode() if body is None else body
    return portal.visitor().send(portal.own("back-channel-logout"), headers.get("method", "POST"), fields, body)


def signed_in_as(portal, provider, who, sid: str | None = None):
    provider.person, provider.sid = dict(who), sid or secrets.token_hex(8)
    return portal.signed_in()


def test_s21_p34_a_logout_token_ends_what_it_names(portal, provider):
    for claims in ({"sid": "A"}, {"sid": "A", "sub": JANE["sub"]}, {"sub": JANE["sub"]}):
        ids = {name: secrets.token_hex(8) for name in "AB"}
        one, two = (signed_in_as(portal, provider, JANE, ids[name]) for name in "AB")
        john = signed_in_as(portal, provider, JOHN)
        claims = {name: ids.get(value, value) for name, value in claims.items()}
        hop = back_channel(portal, provider.logout_token(**claims))
        assert (hop.status, hop.fields.one("Cache-Control")) == (200, "no-store"), hop.text
        time.sleep(0.1)
        assert not is_alive(portal, one)
        assert is_alive(portal, two) == ("sid" in claims) and is_alive(portal, john)


def test_s21_p34_a_token_that_matches_nothing_is_fine_and_both_must_match(portal, provider):
    visitor = signed_in_as(portal, provider, JANE, "sid-of-jane")
    for claims in ({"sid": "unknown"}, {"sub": "unknown"}, {"sid": "sid-of-jane", "sub": JOHN["sub"]}, {"sid": "other", "sub": JANE["sub"]}):
        hop = back_channel(portal, provider.logout_token(**claims))
        assert (hop.status, hop.fields.one("Cache-Control")) == (200, "no-store"), (claims, hop.text)
        assert is_alive(portal, visitor), claims


NOW = int(time.time())
WRONG_LOGOUT_TOKENS = {
    "no events": {"events": None}, "another event": {"events": {"http://schemas.openid.net/event/other": {}}},
    "the event as text": {"events": EVENT}, "the event as a list": {"events": [EVENT]}, "no object": {"events": {EVENT: True}},
    "a nonce": {"nonce": "n"}, "neither sub nor sid": {"sub": None, "sid": None}, "no jti": {"jti": None}, "no iat": {"iat": None},
    "an old iat": {"iat": NOW - 86400, "exp": NOW + 600}, "iat in the future": {"iat": NOW + 7200, "exp": NOW + 8000}, "expired": {"exp": NOW - 600},
    "another audience": {"aud": "another"}, "another issuer": {"iss": "https://evil.example/"}, "no audience": {"aud": None},
    "sub as a number": {"sub": 7}, "an empty sid": {"sid": "", "sub": None}, "jti as a number": {"jti": 7},
}
WRONG_SIGNATURES = {
    "none": (unsigned, {"alg": "none"}), "the client's secret": (hs256(CLIENT_SECRET.encode()), {"alg": "HS256"}),
    "another's key": (Key().sign, {}), "an unknown crit": (None, {"crit": ["x"], "x": 1}), "an access token's type": (None, {"typ": "at+jwt"}),
}


@pytest.mark.parametrize("name", [*WRONG_LOGOUT_TOKENS, *WRONG_SIGNATURES])
def test_s21_p34_a_wrong_logout_token_ends_nothing(portal, provider, name):
    visitor = signed_in_as(portal, provider, JANE)
    claims = {"sub": JANE["sub"], "sid": provider.sid, **WRONG_LOGOUT_TOKENS.get(name, {})}
    sign, header = WRONG_SIGNATURES.get(name, (None, {}))
    hop = back_channel(portal, provider.logout_token(header, sign, **claims))
    assert (hop.status, hop.fields.one("Cache-Control")) == (400, "no-store"), (name, hop.text)
    assert is_alive(portal, visitor)


def test_s21_p34_a_logout_token_counts_once_and_an_id_token_is_none(portal, provider):
    given = []
    provider.change_answer = lambda answer: given.append(answer) or answer
    visitor = signed_in_as(portal, provider, JANE, "twice")
    assert back_channel(portal, given[-1]["id_token"]).status == 400
    token = provider.logout_token(sid="twice")
    assert back_channel(portal, token).status == 200 and not is_alive(portal, visitor)
    visitor = signed_in_as(portal, provider, JANE, "twice")
    assert back_channel(portal, token).status == 400
    assert is_alive(portal, visitor)


def test_s21_p34_only_a_form_with_one_logout_token_is_a_logout(portal, provider):
    visitor = signed_in_as(portal, provider, JANE)
    token = provider.logout_token(sub=JANE["sub"])
    form = f"logout_token={token}".encode()
    for hop in (
        back_channel(portal, None, form, type="text/plain"), back_channel(portal, None, form, type="application/json"),
        back_channel(portal, None, b""), back_channel(portal, None, f"logout_token={token}&logout_token={token}".encode()),
        back_channel(portal, None, f'{{"logout_token": "{token}"}}'.encode(), type="application/json"), back_channel(portal, "x" * 100_000),
        back_channel(portal, "not.a.token"), portal.visitor().send(portal.own(f"back-channel-logout?logout_token={token}")),
        back_channel(portal, None, b"logout_token=" + b"." * 60_000),
    ):
        assert hop.status in (400, 404, 405, 413, 415), hop
    assert is_alive(portal, visitor)


# ---- front-channel ----

def frame(portal, visitor, query: dict):
    headers = [("Accept", "text/html"), ("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", "iframe"), ("Sec-Fetch-Site", "cross-site")]
    return visitor.send(portal.own(f"front-channel-logout?{urlencode(query)}"), "GET", headers, site="cross-site")


@pytest.mark.parametrize("with_issuer", [True, False])
def test_s21_p35_the_front_channel_ends_the_named_session_without_a_cookie(portal, provider, with_issuer):
    sid = secrets.token_hex(8)
    visitor, other = signed_in_as(portal, provider, JANE, sid), signed_in_as(portal, provider, JANE)
    query = {"sid": sid, **({"iss": provider.url} if with_issuer else {})}
    hop = frame(portal, portal.visitor(), query)
    assert hop.status == 200 and hop.fields.one("Cache-Control") == "no-store"
    policy = hop.fields.one("Content-Security-Policy")
    assert f"frame-ancestors {provider.origin}" in policy and "X-Frame-Options" not in hop.fields
    assert not is_alive(portal, visitor) and is_alive(portal, other)


@pytest.mark.parametrize("query", [
    {}, {"sid": "unknown"}, {"sid": ""}, {"iss": "ISSUER"}, {"sid": "SID", "iss": "https://evil.example/"},
    {"sid": "SID", "iss": ["ISSUER", "https://evil.example/"]}, {"sid": "SID", "iss": ""}, {"sid": ["SID", "SID"]},
])
def test_s21_p35_a_front_channel_call_that_names_nothing_ends_nothing(portal, provider, query):
    visitor = signed_in_as(portal, provider, JANE)
    names = {"SID": provider.sid, "ISSUER": provider.url}
    # The caller's own session is not meant either.
    pairs = [(key, names.get(it, it)) for key, them in query.items() for it in ([them] if isinstance(them, str) else them)]
    hop = visitor.send(portal.own(f"front-channel-logout?{urlencode(pairs)}"))
    assert hop.status in (200, 400) and is_alive(portal, visitor)
