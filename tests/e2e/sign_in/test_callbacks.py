"""Callbacks that no provider sent: each ends in a page, contacts nobody, and leaves sessions alone (SIGN-IN 7)."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from support.identity_provider import JOHN
from support.portal import SESSION
from support.visitor import NAVIGATION


@contextmanager
def quiet(provider):
    """Nobody is contacted."""
    before = provider.seen.total()
    yield
    assert provider.seen.total() == before, provider.seen


def changed(url: str, **changes) -> str:
    """The same callback with other parameters: None leaves one out, a list repeats it."""
    parameters = dict(parse_qsl(urlsplit(url).query))
    parameters |= changes
    pairs = [(name, value) for name, value in parameters.items() if value is not None]
    return f"{url.split('?')[0]}?{urlencode(pairs, doseq=True)}"


DAMAGES = {
    "no state": {"state": None}, "an empty state": {"state": ""}, "another state": {"state": "A" * 43},
    "a state that begins alike": {"state": lambda own: own[:-1] + ("A" if own[-1] != "A" else "B")},
    "a state that goes on": {"state": lambda own: own + "A"}, "a part of the state": {"state": lambda own: own[:8]},
    "a state twice": {"state": ["x", "y"]}, "no code": {"code": None}, "an empty code": {"code": ""},
    "a code twice": {"code": ["x", "y"]}, "no iss": {"iss": None}, "an empty iss": {"iss": ""},
    "another's iss": {"iss": "https://login.evil.example/"}, "iss twice": {"iss": ["x", "y"]},
    "a long code": {"code": "x" * 20_000}, "a control character": {"state": "a\0b"}, "code and error": {"error": "access_denied"},
    "error twice": {"error": ["a", "b"], "code": None}, "only an error": {"code": None, "state": None, "error": "access_denied"},
    "a script": {"code": None, "error": "<script>alert(1)</script>", "error_description": "<img src=x onerror=alert(1)>"},
}


@pytest.mark.parametrize("name", DAMAGES)
def test_s07_p04_p06_a_damaged_callback_does_nothing(portal, provider, name):
    visitor = portal.visitor()
    callback = portal.callback_of(visitor)
    own = dict(parse_qsl(urlsplit(callback).query))
    changes = {
        key: [own.get(key, value[0])] * 2 if isinstance(value, list) else value(own[key]) if callable(value) else value
        for key, value in DAMAGES[name].items()
    }
    with quiet(provider):
        hop = visitor.send(changed(callback, **changes), site="cross-site")
    assert 400 <= hop.status < 500 and "text/html" in hop.fields.one("Content-Type"), (name, hop)
    assert SESSION not in visitor.cookies() and hop.fields.one("Cache-Control") == "no-store"
    assert "<script>alert" not in hop.text and "onerror" not in hop.text
    # The right one may follow, unless what came was another issuer's.
    used_up = name in ("no iss", "another's iss")
    assert (visitor.open(callback, site="cross-site").status == 200) != used_up
    # Who is signed in stays so.
    signed_in = portal.signed_in()
    with quiet(provider):
        signed_in.send(changed(callback, **changes), site="cross-site")
    assert signed_in.open(portal.at("/pages/a")).status == 200 and portal.trips(signed_in) == 1


def test_s07_p04_the_callback_of_another_browser_signs_nobody_in(portal, provider):
    attacker, victim = portal.visitor(), portal.visitor()
    callback = portal.callback_of(attacker)
    # The victim has a sign-in of its own under way.
    own = portal.callback_of(victim, "/pages/own")
    with quiet(provider):
        hop = victim.send(callback, site="cross-site")
    assert hop.status >= 400 and SESSION not in victim.cookies()
    assert victim.open(own, site="cross-site").url == portal.at("/pages/own")
    # Nor does another's cookie help with the own callback's parameters mixed.
    mixed = changed(portal.callback_of(portal.visitor()), state=dict(parse_qsl(urlsplit(callback).query))["state"])
    with quiet(provider):
        assert portal.visitor().send(mixed, site="cross-site").status >= 400


def test_s07_p05_a_repeated_callback_sends_its_code_once_and_leads_on(portal, visitor, provider):
    callback = portal.callback_of(visitor, "/pages/a?b")
    kept = {name: cookie for name, cookie in visitor.cookies().items()}
    assert visitor.open(callback, site="cross-site").url == portal.at("/pages/a?b")
    session = visitor.cookies()[SESSION].value
    for again in range(2):
        with quiet(provider):
            hop = visitor.open(callback, site="cross-site")
        assert hop.url == portal.at("/pages/a?b") or hop.status >= 400
        assert visitor.cookies()[SESSION].value == session
    # Even where the cookie of the sign-in was kept.
    visitor.jar["localhost"] |= kept
    with quiet(provider):
        hop = visitor.open(callback, site="cross-site")
    assert (hop.status, hop.url) == (200, portal.at("/pages/a?b"))
    assert provider.seen["/token"] == 1


@pytest.mark.parametrize("first", [{"error": "access_denied", "code": None}, {"iss": "https://evil.example/"}])
def test_s07_a_state_counts_once_whatever_came_with_it(portal, visitor, provider, first):
    callback = portal.callback_of(visitor)
    kept = dict(visitor.cookies())
    with quiet(provider):
        for _ in range(2):
            visitor.jar["localhost"] |= kept
            hop = visitor.send(changed(callback, **first), site="cross-site")
            assert hop.status >= 400 and "Try again" in hop.text, hop
        visitor.jar["localhost"] |= kept
        hop = visitor.send(callback, site="cross-site")
    assert hop.status == 400 and SESSION not in visitor.cookies() and provider.seen["/token"] == 0


def test_s07_a_replayed_callback_signs_nobody_else_in(portal, provider):
    first = portal.visitor()
    callback = portal.callback_of(first)
    thief = first.copy(portal.ca)
    assert first.open(callback, site="cross-site").status == 200
    with quiet(provider):
        hop = thief.send(callback, site="cross-site")
    assert SESSION not in hop.set or hop.set[SESSION].value == ""
    assert SESSION not in thief.cookies()


def test_p05_two_at_once_send_the_code_once(portal, provider):
    for _ in range(5):
        visitor = portal.visitor()
        callback = portal.callback_of(visitor)
        before = provider.seen["/token"]
        doubles = [visitor.copy(portal.ca) for _ in range(4)]
        with ThreadPoolExecutor() as pool:
            hops = list(pool.map(lambda double: double.send(callback, site="cross-site"), doubles))
        assert provider.seen["/token"] - before == 1
        assert sum(bool(double.cookies().get(SESSION)) for double in doubles) == 1, hops


def test_s07_p03_a_late_callback_exchanges_no_code(start_portal, provider):
    portal = start_portal(sign_in={"transaction": "2s"})
    visitor = portal.visitor()
    callback = portal.callback_of(visitor)
    names = [name for name in visitor.cookies() if name != SESSION]
    line = "; ".join(f"{name}={visitor.cookies()[name].value}" for name in names)
    time.sleep(2.3)
    assert visitor.cookies() == {}, "what is left of a sign-in has an expiry"
    for cookies in ("", line):
        with quiet(provider):
            hop = visitor.send(callback, site="cross-site", cookies=cookies)
        assert hop.status >= 400 and SESSION not in hop.set
    # The page leads on.
    assert "/.mfa-gateway/sign-in" in hop.text


@pytest.mark.parametrize("path", ["callback/", "Callback", "callback/x", "%63allback", "callback;x=1", "callback%2F"])
def test_p04_only_the_callbacks_own_path_is_one(portal, visitor, provider, path):
    callback = portal.callback_of(visitor)
    with quiet(provider):
        hop = visitor.send(callback.replace("/callback?", f"/{path}?"), site="cross-site")
    assert hop.status in (400, 403, 404, 421) or portal.goes_to_provider(hop), hop
    assert SESSION not in visitor.cookies()


def test_p04_a_callback_of_another_path_leaves_none_at_the_usual_one(start_portal, provider):
    portal = start_portal(sign_in={"redirect": "/oidc/return"})
    visitor = portal.visitor()
    callback = visitor.open(portal.at("/pages/a"), stop_at=portal.at("/oidc/return")).location
    with quiet(provider):
        assert visitor.send(callback.replace("/oidc/return", "/.mfa-gateway/callback"), site="cross-site").status == 404
    assert (hop := visitor.open(callback, site="cross-site")).status == 200 and hop.url == portal.at("/pages/a")


@pytest.mark.parametrize("method", ["POST", "HEAD", "PUT", "OPTIONS"])
def test_p04_a_callback_in_query_mode_is_a_get(portal, visitor, provider, method):
    callback = portal.callback_of(visitor)
    body = urlsplit(callback).query.encode() if method in ("POST", "PUT") else None
    headers = [*NAVIGATION, ("Content-Type", "application/x-www-form-urlencoded")]
    with quiet(provider):
        hop = visitor.send(callback if method != "POST" else portal.own("callback"), method, headers, body, "same-origin")
    assert hop.status in (400, 403, 404, 405) and SESSION not in visitor.cookies()
    # The code is still good.
    assert visitor.open(callback, site="cross-site").status == 200


@pytest.mark.parametrize(("error", "statuses"), [
    ("access_denied", {401, 403}), ("login_required", {401, 403}), ("interaction_required", {401, 403}),
    ("consent_required", {401, 403}), ("temporarily_unavailable", {503}), ("server_error", {503}), ("invalid_scope", {400, 401, 403, 500, 502}),
    ("made_up", {400, 401, 403}),
])
def test_s03_p07_an_error_becomes_a_page_by_its_kind(portal, provider, error, statuses):
    provider.person = dict(JOHN)
    signed_in = portal.signed_in()
    for visitor, path in ((portal.visitor(), "/pages/a"), (signed_in, "/mfa/a")):
        text = "<b>AADSTS50105: not for you</b> 7f3c"
        provider.change_response = lambda answer: [("error", error), ("error_description", text), *answer[1:]]
        before = portal.trips(visitor)
        hop = visitor.open(portal.at(path))
        assert hop.status in statuses and portal.trips(visitor) - before == 1, (error, hop)
        assert "<b>AADSTS" not in hop.text and "not for you" not in hop.text and "7f3c" not in hop.text
        assert "/.mfa-gateway/sign-in" in hop.text and "not for you" not in portal.log.read_text()
    assert signed_in.open(portal.at("/pages/a")).status == 200
    # Nobody is sent again by himself.
    trips = portal.trips(signed_in)
    assert signed_in.open(portal.at("/mfa/b")).status == 403 and portal.trips(signed_in) == trips
