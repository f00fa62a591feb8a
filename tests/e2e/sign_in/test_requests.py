"""Who may do what with a cookie or a token, and what scripts are told (SIGN-IN 12 to 16)."""

import json
import re

import pytest

from support.identity_provider import CASEY, JANE, JOHN
from support.links import Links
from support.portal import SESSION
from support.visitor import FETCH, NAVIGATION
from support.wss import connect


def bearer(token: str):
    return [*FETCH, ("Authorization", f"Bearer {token}")]


def code_of(hop) -> str:
    assert hop.fields.one("Content-Type") == "application/json", hop
    return json.loads(hop.text)["code"]


def test_s12_p27_a_cookie_opens_no_api_route_and_a_token_no_page(portal, provider, pages):
    visitor = portal.signed_in()
    assert visitor.fetch(portal.at("/v1/a")).status == 401
    pages.forget()
    assert portal.visitor().send(portal.at("/pages/a"), headers=bearer(provider.jane())).status == 401
    assert visitor.send(portal.at("/v1/a"), headers=bearer(provider.jane())).status == 200
    # On a page, the cookie decides, and the token goes nowhere.
    assert visitor.send(portal.at("/pages/a"), headers=bearer(provider.john())).status == 200
    assert "Authorization" not in pages.requests[-1].fields


def test_s12_p27_evidence_is_never_pooled(portal, provider):
    provider.person = dict(JOHN)
    john = portal.signed_in()
    provider.person = dict(JANE)
    jane = portal.signed_in()
    good, weak, bad = provider.jane(), provider.john(), provider.jane() + "x"
    for visitor, token, status in [(jane, bad, 401), (jane, weak, 401), (john, good, 200), (jane, None, 200), (john, None, 403)]:
        hop = visitor.send(portal.at("/either/a"), headers=bearer(token) if token else FETCH)
        assert hop.status == status, (token, hop)
    # John's MFA token and Jane's session don't add up to anything on the other kinds of route.
    assert john.send(portal.at("/mfa/a"), headers=bearer(good)).status == 403
    assert john.send(portal.at("/v1/a"), headers=bearer(weak)).status == 401
    for scheme in ("Basic amFuZTp4", "bearer", "Bearer", ""):
        assert jane.send(portal.at("/either/a"), headers=[*FETCH, ("Authorization", scheme)]).status in (400, 401)


def test_s12_p10_an_id_token_is_no_access_token_and_the_reverse(portal, provider):
    given = []
    provider.change_answer = lambda answer: given.append(answer) or answer
    portal.signed_in()
    assert portal.visitor().send(portal.at("/v1/a"), headers=bearer(given[-1]["id_token"])).status == 401
    provider.change_answer = lambda answer: {**answer, "id_token": answer["access_token"]}
    visitor = portal.visitor()
    assert visitor.open(portal.at("/pages/a")).status >= 400 and SESSION not in visitor.cookies()


def test_p10_a_user_is_his_subject_and_never_his_mail_address(portal, provider, pages):
    mail = {"email": "shared@contoso.example", "preferred_username": "shared@contoso.example", "upn": "shared@contoso.example"}
    provider.person = {**JOHN, **mail}
    john = portal.signed_in()
    provider.person = {**JANE, **mail}
    jane = portal.signed_in()
    for visitor, who in ((john, JOHN), (jane, JANE)):
        pages.forget()
        assert visitor.fetch(portal.at("/pages/a")).status == 200
        assert pages.only_request.fields.all("X-Auth-Request-User") == [who["sub"]]
    # Neither sees or steps up the other's session.
    assert "End this session" not in [form.label for form in Links(john.send(portal.own("sessions")).text).forms if JANE["sub"] in str(form)]
    assert john.open(portal.at("/mfa/a")).status == 403 and SESSION not in john.cookies()
    # An object id names the user where there is one, and the longest subject has 255 characters.
    for claims, name in (({"oid": "0b1e"}, "0b1e"), ({"sub": "x" * 255}, "x" * 255)):
        provider.person = {**JANE, **claims}
        visitor = portal.signed_in()
        assert visitor.fetch(portal.at("/pages/a")).status == 200
        assert pages.requests[-1].fields.all("X-Auth-Request-User") == [name]
    provider.person = {**JANE, "sub": "x" * 256}
    visitor = portal.visitor()
    assert visitor.open(portal.at("/pages/a")).status >= 400 and SESSION not in visitor.cookies()


def test_s13_p36_scripts_get_an_object_with_a_code_for_each_cause(portal, provider):
    codes = {}
    codes["no session"] = portal.visitor().fetch(portal.at("/mfa/a"))
    provider.person = dict(CASEY)
    codes["no MFA"] = portal.signed_in().fetch(portal.at("/mfa/a"))
    provider.person = dict(JANE)
    codes["no role"] = portal.signed_in().fetch(portal.at("/billing/a"))
    assert [hop.status for hop in codes.values()] == [401, 403, 403]
    assert len({code_of(hop) for hop in codes.values()}) == 3
    for hop in codes.values():
        assert hop.location is None and "WWW-Authenticate" not in hop.fields and hop.fields.one("Cache-Control") == "no-store"
        assert not any(name.lower().startswith("access-control") for name, _ in hop.fields)


def test_s13_p36_the_object_says_where_a_person_signs_in(portal, provider):
    provider.person = dict(JOHN)
    visitor = portal.visitor()
    start = json.loads(visitor.fetch(portal.at("/pages/a")).text)["sign_in"]
    assert visitor.open(portal.at(start)).status == 200
    start = json.loads(visitor.fetch(portal.at("/mfa/a")).text)["sign_in"]
    assert visitor.open(portal.at(start)).status == 200
    assert visitor.fetch(portal.at("/mfa/a")).status == 200


def metadata(mode: str, dest: str, accept: str = "*/*") -> list[tuple[str, str]]:
    return [("Accept", accept), ("Sec-Fetch-Mode", mode), ("Sec-Fetch-Dest", dest), ("Sec-Fetch-Site", "same-origin")]


@pytest.mark.parametrize(("method", "headers"), [
    ("GET", metadata("no-cors", "image", "image/avif,*/*;q=0.8")), ("GET", metadata("no-cors", "script")), ("GET", metadata("cors", "font")),
    ("GET", metadata("no-cors", "style", "text/css,*/*;q=0.1")), ("GET", metadata("cors", "empty", "text/html")),
    ("GET", metadata("navigate", "iframe", "text/html")), ("GET", metadata("navigate", "object", "text/html")),
    ("GET", [("Accept", "*/*")]), ("GET", []), ("GET", [("Accept", "application/json")]), ("GET", [("Accept", "text/html;q=0, */*")]),
    ("GET", [("Accept", "text/html"), ("X-Requested-With", "XMLHttpRequest")]), ("POST", FETCH), ("PUT", FETCH), ("DELETE", FETCH),
    ("PATCH", metadata("navigate", "document", "text/html")), ("OPTIONS", FETCH), ("GET", [*NAVIGATION, ("Sec-Purpose", "prefetch")]),
])
def test_s13_p36_only_a_document_that_is_opened_is_redirected(portal, provider, pages, method, headers):
    hop = portal.visitor().send(portal.at("/pages/a"), method, headers, b"" if method not in ("GET", "OPTIONS") else None)
    assert hop.status in (401, 403) and hop.location is None, hop
    # The same with a session that lacks MFA.
    provider.person = dict(CASEY)
    visitor = portal.signed_in()
    pages.forget()
    origin = portal.public_url if method not in ("GET", "OPTIONS") else None
    hop = visitor.send(portal.at("/mfa/a"), method, headers, b"" if origin else None, "same-origin", origin=origin)
    assert hop.status in (401, 403) and hop.location is None, hop
    assert pages.saw_nothing


def test_s13_p37_a_form_without_a_session_gets_a_page_and_is_not_sent_on(portal, visitor, pages):
    hop = visitor.post(portal.at("/pages/order"), b"item=7&secret=hunter2")
    assert hop.status == 401 and hop.location is None and "text/html" in hop.fields.one("Content-Type")
    page = Links(hop.text)
    assert page.links or page.forms
    assert "hunter2" not in hop.text and pages.saw_nothing
    assert visitor.open(portal.at("/pages/a")).status == 200
    assert [request.method for request in pages.requests] == ["GET"]


OWN = "OWN"
FORGED = {
    "neither": [], "another origin": [("Origin", "https://evil.example")], "null": [("Origin", "null")],
    "cross-site": [("Origin", OWN), ("Sec-Fetch-Site", "cross-site")], "same-site": [("Origin", OWN), ("Sec-Fetch-Site", "same-site")],
    "only same-site": [("Sec-Fetch-Site", "same-site")], "twice": [("Origin", OWN), ("Origin", OWN)],
    "two sites": [("Origin", OWN), ("Sec-Fetch-Site", "same-origin"), ("Sec-Fetch-Site", "cross-site")],
    "a longer origin": [("Origin", OWN + ".evil.example")], "another port": [("Origin", "https://localhost:1")],
    "no port": [("Origin", "https://localhost")], "another scheme": [("Origin", "http://localhost")], "a path": [("Origin", OWN + "/")],
    "only a referer": [("Referer", OWN + "/pages/a")], "empty": [("Origin", "")],
}


@pytest.mark.parametrize("name", FORGED)
def test_s14_p29_what_changes_something_needs_the_own_origin(portal, pages, name):
    visitor = portal.signed_in()
    pages.forget()
    fields = [(key, value.replace(OWN, portal.public_url)) for key, value in FORGED[name]]
    cookies = f"{SESSION}={visitor.cookies()[SESSION].value}"
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        for kind in ([("Accept", "text/html")], [("Accept", "application/json")]):
            hop = visitor.send(portal.at("/pages/echoes"), method, [*kind, *fields], b"x", cookies=cookies)
            assert hop.status == 403 and hop.location is None, (method, hop)
    assert pages.saw_nothing
    assert visitor.fetch(portal.at("/pages/a")).status == 200


@pytest.mark.parametrize("fields", [
    [("Origin", OWN)], [("Origin", OWN), ("Sec-Fetch-Site", "same-origin")],
])
def test_s14_p29_the_own_pages_may(portal, fields):
    visitor = portal.signed_in()
    fields = [(key, value.replace(OWN, portal.public_url)) for key, value in fields]
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        hop = visitor.send(portal.at("/pages/echoes"), method, [("Accept", "*/*"), *fields], b"form=1")
        assert (hop.status, hop.text) == (200, "form=1")


# The library's client can miss a refusal over TLS, so that these are sent by hand.
HANDSHAKE = [
    ("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
]


def shake_hands(portal, visitor, path="/ws/echo", **fields):
    cookies = f"{SESSION}={visitor.cookies()[SESSION].value}" if SESSION in visitor.cookies() else "none=1"
    url = portal.at(path).replace("https", "wss")
    return connect(url, ssl=visitor._tls, additional_headers={"Cookie": cookies, **fields}, proxy=None)


def test_s14_p29_a_websocket_by_cookie_needs_the_own_origin(portal, sockets):
    visitor = portal.signed_in()
    for origin in ("https://evil.example", "null", None, f"{portal.public_url}/", "https://localhost", "http://localhost:1"):
        fields = HANDSHAKE if origin else [*HANDSHAKE, ("Sec-Fetch-Site", "same-origin")]
        assert visitor.send(portal.at("/ws/echo"), headers=fields, origin=origin).status == 403, origin
    assert portal.visitor().send(portal.at("/ws/echo"), headers=HANDSHAKE, origin=portal.public_url).status == 401
    assert sockets.handshakes == []
    with shake_hands(portal, visitor, Origin=portal.public_url) as socket:
        socket.send("hello")
        assert socket.recv(timeout=5) == "hello"
    assert sockets.handshakes[-1].headers.get_all("X-Auth-Request-User") == [JANE["sub"]]


def test_s14_links_from_elsewhere_work(portal):
    visitor = portal.signed_in()
    assert visitor.send(portal.at("/pages/a"), site="cross-site").status == 200
    assert portal.visitor().open(portal.at("/pages/a"), site="cross-site").status == 200


SPELLINGS = ["X-Auth-Request-User", "x-auth-request-user", "X_Auth_Request_User", "X-Auth-Request_User", "X-AUTH-REQUEST-MFA",
             "X-Auth-Request-Preferred-Username", "X-Auth-Request-Tenant"]


def test_s15_p42_identity_fields_are_the_gateways_own(portal, provider, pages):
    provider.person |= {"sub": "jäne-ü\u2028", "name": "Jäne\r\nX-Evil: 1", "preferred_username": "jäne@contoso.example"}
    visitor = portal.signed_in()
    forged = [(name, "mallory") for name in SPELLINGS for _ in range(2)]
    listed = [("Connection", "X-Auth-Request-User, Cookie, keep-alive")]
    for path, headers in (("/pages/a", FETCH), ("/v1/a", bearer(provider.jane())), ("/either/a", FETCH), ("/status", FETCH)):
        pages.forget()
        hop = visitor.send(portal.at(path), headers=[*headers, *forged, *listed])
        assert hop.status == 200, hop
        fields = pages.only_request.fields
        names = [name.lower().replace("_", "-") for name, _ in fields]
        assert "mallory" not in str(fields), (path, fields)
        assert names.count("x-auth-request-user") == (0 if path == "/status" else 1), fields
        assert all(ord(sign) < 127 for _, value in fields for sign in value)
        assert len(names) == len({*names}), fields
    hop = portal.visitor().send(portal.at("/pages/a"), "OPTIONS", [*FETCH, *forged])
    assert hop.status in (401, 403)


def test_s15_no_token_leaves(portal, provider, pages):
    given = []
    provider.change_answer = lambda answer: given.append(answer) or answer
    visitor = portal.signed_in()
    visitor.open(portal.at("/mfa/a"))
    visitor.fetch(portal.at("/billing/a"))
    secrets = [given[-1][name] for name in ("access_token", "id_token", "refresh_token")]
    to_browser = " ".join(f"{hop.url} {hop.fields} {hop.text}" for hop in visitor.hops)
    to_upstream = " ".join(request.head.decode("latin-1") for request in pages.requests)
    for secret in (*secrets, *(part for token in secrets[:2] for part in token.split(".")[1:])):
        assert secret not in to_browser and secret not in to_upstream and secret not in portal.log.read_text()


@pytest.mark.parametrize(("page", "expected"), [
    ("a", {"no-store"}), ("cached-publicly", {"private", "max-age=600"}), ("cached-shared", {"private", "max-age=60"}),
    ("cached-privately", {"private", "max-age=60"}), ("expires", {"no-store"}), ("cached-at-the-edge", {"no-store"}),
])
def test_s16_p40_a_page_of_a_session_is_kept_by_no_shared_cache(portal, page, expected):
    hop = portal.signed_in().send(portal.at(f"/pages/{page}"))
    rule = {part.strip() for part in hop.fields.one("Cache-Control").split(",")}
    assert rule == expected or (page != "a" and {"no-store"} <= rule), hop.fields
    assert not [name for name, _ in hop.fields if re.search("cdn|surrogate|edge|accel", name, re.IGNORECASE)]
    if page == "cached-publicly":
        assert "Accept-Language" in ", ".join(hop.fields.all("Vary"))


def test_s16_p40_public_pages_keep_their_own_rule(portal):
    for visitor in (portal.visitor(), portal.signed_in()):
        hop = visitor.send(portal.at("/status/cached-publicly"))
        assert hop.fields.one("Cache-Control") == "public, max-age=600"


def test_s16_p40_a_public_page_that_knows_its_visitor_is_private_to_him_alone(start_portal):
    portal = start_portal(routes=[
        {"prefix": "/open/", "upstream": "pages", "credential": "session", "require": "public"},
        {"prefix": "/pages/", "upstream": "pages", "credential": "session", "require": "authenticated"},
    ])
    for visitor, rule in ((portal.visitor(), "public, max-age=600"), (portal.signed_in(), "private, max-age=600")):
        hop = visitor.send(portal.at("/open/cached-publicly"))
        assert (hop.status, hop.fields.one("Cache-Control")) == (200, rule), hop.fields


def test_p40_a_route_may_leave_its_pages_to_shared_caches(start_portal, tmp_path):
    route = {"prefix": "/pages/", "upstream": "pages", "credential": "session", "require": "authenticated"}
    for shared in (True, False):
        portal = start_portal(tmp_path / str(shared), routes=[{**route, "shared_cache": shared}])
        hop = portal.signed_in().send(portal.at("/pages/cached-publicly"))
        assert ("public" in hop.fields.one("Cache-Control")) == shared, hop.fields


def test_s22_a_refusal_for_another_reason_keeps_its_status(start_portal):
    """Too many requests, too long a body: neither is a malformed request, to a person or to a script."""
    page = {"upstream": "pages", "credential": "session", "require": "authenticated"}
    portal = start_portal(
        rate_limits=[{"name": "few", "key": "user", "requests": 2, "per": "1h"}],
        routes=[{"prefix": "/few/", "rate_limit": "few", **page}, {"prefix": "/pages/", "body_bytes": 10, **page},
                {"path": "/read", "methods": ["GET"], **page}],
    )
    visitor = portal.signed_in()
    while (hop := visitor.send(portal.at("/few/a"))).status == 200:
        assert len(visitor.hops) < 20
    assert hop.status == 429 and int(hop.fields.one("Retry-After")) > 0 and "rate_limited" in hop.text
    script = visitor.fetch(portal.at("/few/a"))
    assert script.status == 429 and int(script.fields.one("Retry-After")) > 0 and code_of(script) == "rate_limited"
    large = visitor.post(portal.at("/pages/echoes"), b"a=" + b"x" * 100)
    assert large.status == 413 and "body_too_large" in large.text, large.text
    assert visitor.post(portal.at("/read"), b"a=1").fields.one("Allow") == "GET, HEAD"


def test_s16_p39_the_gateways_own_answers_are_kept_nowhere(portal, provider):
    provider.person = dict(CASEY)
    visitor = portal.signed_in()
    for url in ("/pages/a", "/mfa/a", "/billing/a"):
        visitor.open(portal.at(url))
    for path in ("sign-out", "signed-out", "sign-in", "sessions", "callback?code=x", "nothing"):
        visitor.send(portal.own(path))
    own = [hop for hop in visitor.hops if hop.url.startswith(portal.public_url) and (hop.status != 200 or ".mfa-gateway" in hop.url)]
    assert len(own) > 8
    for hop in own:
        assert hop.fields.one("Cache-Control") == "no-store", hop
        assert hop.fields.one("Referrer-Policy") == "no-referrer" and hop.fields.one("X-Content-Type-Options") == "nosniff", hop
