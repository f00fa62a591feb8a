"""The gateway's cookies, and everybody else's (SIGN-IN 9 to 11)."""

import base64
import json
import time
import uuid
from urllib.parse import urlsplit

import pytest

from support.http1 import Connection, request
from support.portal import SESSION, sealing_key
from support.visitor import FETCH, NAVIGATION
from support.wss import connect


def cookie_fields(visitor):
    """Every cookie that the gateway set, with its name."""
    return [(name, cookie) for hop in visitor.hops if urlsplit(hop.url).hostname == "localhost" for name, cookie in hop.set.items()]


def get(portal, path: str, cookie_lines: list[str], headers=NAVIGATION):
    """A request with exactly these lines of cookies."""
    with Connection(portal.tls_port, tls=portal.visitor()._tls) as connection:
        host = ("Host", urlsplit(portal.public_url).netloc)
        connection.send(request("GET", path, headers=[host, *headers, *(("Cookie", line) for line in cookie_lines)]))
        return connection.response()


def test_s09_p03_p23_cookies_have_all_their_guards(portal, visitor):
    visitor.open(portal.at("/pages/a"))
    assert visitor.rejected == []
    for name, cookie in cookie_fields(visitor):
        assert name.startswith("__Host-")
        assert {"secure", "httponly"} <= set(cookie.attributes) and cookie.attributes["path"] == "/"
        assert "domain" not in cookie.attributes and cookie.attributes["samesite"] in ("Lax", "Strict")
        if name != SESSION and cookie.value:
            assert 0 < cookie.expires - time.time() <= 601
    assert {name for name, _ in cookie_fields(visitor)} > {SESSION}


def test_s09_p23_the_session_is_opaque_small_and_set_only_when_it_changes(portal, visitor, provider):
    provider.person["email"] = "jane.private@contoso.example"
    visitor.open(portal.at("/pages/a"))
    value = visitor.cookies()[SESSION].value
    assert len(SESSION) + len(value) < 2048
    readable = value + "".join(
        base64.urlsafe_b64decode(value + "=" * pad).decode("latin-1") for pad in range(4) if (len(value) + pad) % 4 == 0
    )
    for secret in (provider.person["sub"], "jane", "contoso", "eyJ", provider.sid, "mfa\""):
        assert secret not in readable
    for _ in range(3):
        assert "Set-Cookie" not in visitor.send(portal.at("/pages/a")).fields


def test_s09_two_hundred_groups_and_two_hundred_abandoned_sign_ins_stay_small(portal, visitor, provider):
    provider.person["groups"] = [str(uuid.uuid4()) for _ in range(200)]
    visitor.open(portal.at("/pages/a"))
    del visitor.jar["localhost"][SESSION]
    for number in range(200):
        hop = visitor.send(portal.at(f"/pages/{'x' * 1500}?{number}"))
        assert portal.goes_to_provider(hop), (number, hop)
        line = "; ".join(f"{name}={value}" for name, value in visitor.cookies_for(hop.url).items())
        assert len(line) <= 8192 and len(visitor.cookies()) <= 5, (number, len(line))
    # And the last of them still ends well.
    assert visitor.open(hop.location).status == 200
    line = "; ".join(f"{name}={value}" for name, value in visitor.cookies_for(hop.url).items())
    assert len(line) <= 8192


def test_p03_the_sixth_attempt_drops_the_oldest(portal, visitor):
    tabs = [portal.callback_of(visitor, f"/pages/{number}") for number in range(6)]
    assert visitor.send(tabs[0], site="cross-site").status >= 400
    for number in (5, 1, 3, 2, 4):
        assert visitor.open(tabs[number], site="cross-site").url == portal.at(f"/pages/{number}")


LOOKALIKES = [
    "__host-mfa-gateway={0}", "__HOST-MFA-GATEWAY={0}", "__Host-mfa-gateway-={0}", "_Host-mfa-gateway={0}", "x__Host-mfa-gateway={0}",
    "__Host-mfa-gateway2={0}", '"__Host-mfa-gateway"={0}', '$__Host-mfa-gateway={0}', "\xa0__Host-mfa-gateway={0}",
    "__Host-mfa-gateway[]={0}", "__Host%2dmfa-gateway={0}", '__Host-mfa-gateway="{0}"', "__Host-mfa-gateway={0}x", "__Host-mfa-gateway= ",
    "__Host-mfa-gateway", "={0}", "__Host-mfa-gateway={0}={0}", "$Version=1; __Host-mfa-gateway2={0}",
    "__Host-mfa-gateway={0}; __Host-mfa-gateway={0}", "__Host-mfa-gateway=other; __Host-mfa-gateway={0}",
]


@pytest.mark.parametrize("line", LOOKALIKES)
def test_s09_p25_what_only_looks_like_the_cookie_is_no_session(portal, line):
    value = portal.signed_in().cookies()[SESSION].value
    response = get(portal, "/pages/a", [line.format(value)], FETCH)
    assert response.status == 401, line
    assert get(portal, "/pages/a", [f"{SESSION}={value}"], FETCH).status == 200


def test_p25_two_cookies_in_two_fields_are_no_session_and_are_cleared(portal):
    value = portal.signed_in().cookies()[SESSION].value
    response = get(portal, "/pages/a", [f"{SESSION}={value}", f"{SESSION}={value}"])
    assert response.status in (302, 303)
    assert any(line.startswith(f"{SESSION}=;") and "Max-Age=0" in line for line in response.fields.all("Set-Cookie"))


def test_s10_p24_a_flipped_bit_is_no_session_and_looks_like_none(portal):
    value = portal.signed_in().cookies()[SESSION].value
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    without = get(portal, "/pages/a", [], FETCH)
    with Connection(portal.tls_port, tls=portal.visitor()._tls) as connection:
        for place, sign in enumerate(value):
            if sign not in alphabet:
                continue
            for bit in (1, 32):
                other = value[:place] + alphabet[alphabet.index(sign) ^ bit] + value[place + 1:]
                host = ("Host", urlsplit(portal.public_url).netloc)
                connection.send(request("GET", "/pages/a", headers=[host, *FETCH, ("Cookie", f"{SESSION}={other}")]))
                response = connection.response()
                assert response.status == 401, (place, bit)
                assert strip_ids(response.body) == strip_ids(without.body)


def strip_ids(body: bytes) -> str:
    document = json.loads(body)
    return str({name: value for name, value in document.items() if name not in ("requestId", "sign_in")})


def test_s10_p24_a_cookie_moved_to_another_name_host_or_gateway_is_none(portal, start_portal, tmp_path):
    visitor = portal.signed_in()
    value = visitor.cookies()[SESSION].value
    callback = portal.callback_of(portal.visitor())
    other = start_portal()
    assert get(other, "/pages/a", [f"{SESSION}={value}"], FETCH).status == 401
    # The same keys and the same sessions, under another name and for another host.
    first = start_portal(tmp_path / "moved")
    value = first.signed_in().cookies()[SESSION].value
    first.stop()
    for changes in ({"session": {"cookie": "portal"}}, {"sign_in": {"public_url": "https://localhost:9"}}, {}):
        moved = start_portal(tmp_path / "moved", keys=first.keys, port=first.tls_port, **changes)
        name = "__Host-portal" if "session" in changes else SESSION
        assert get(moved, "/pages/a", [f"{name}={value}"], FETCH).status == (401 if changes else 200), changes
        moved.stop()
    # The same keys, name and host beside another store.
    elsewhere = start_portal(tmp_path / "elsewhere", keys=first.keys, port=first.tls_port)
    assert get(elsewhere, "/pages/a", [f"{SESSION}={value}"], FETCH).status == 401
    # A sign-in's cookie is no session, nor the reverse.
    attempt = portal.visitor()
    portal.callback_of(attempt)
    (name, cookie), = attempt.cookies().items()
    assert get(portal, "/pages/a", [f"{SESSION}={cookie.value}"], FETCH).status == 401
    assert portal.visitor().send(callback, site="cross-site", cookies=f"{name}={value}").status >= 400


def test_s10_p24_several_keys_open_and_one_that_is_taken_away_ends_its_sessions(start_portal, tmp_path):
    old, new = sealing_key(tmp_path, "old.key"), sealing_key(tmp_path, "new.key")
    first = start_portal(keys=[old])
    visitor = first.signed_in()
    first.stop()
    both = start_portal(keys=[new, old], port=first.tls_port)
    assert visitor.fetch(both.at("/pages/a")).status == 200
    after = both.signed_in()
    both.stop()
    last = start_portal(keys=[new], port=first.tls_port)
    assert visitor.fetch(last.at("/pages/a")).status == 401
    assert after.fetch(last.at("/pages/a")).status == 200


OTHERS = 'theme="dark; x=1"; $x=1;a==b;  cart=1,2 ;é=\xe9; empty=; flag'


@pytest.mark.parametrize("path", ["/pages/a", "/status/a", "/mfa/a"])
def test_s11_p26_the_upstream_sees_all_cookies_but_the_gateways(portal, pages, path):
    visitor = portal.signed_in()
    portal.callback_of(other := portal.visitor())
    (name, attempt), = other.cookies().items()
    pages.forget()
    own = [f"{SESSION}={visitor.cookies()[SESSION].value}", f"{name}={attempt.value}"]
    response = get(portal, path, [f"first=1; {own[0]}; {OTHERS.encode().decode('latin-1')}; {own[1]}; last=2"])
    assert response.status == 200
    line = "; ".join(pages.only_request.fields.all("Cookie"))
    assert "mfa-gateway" not in line and own[0].split("=")[1] not in line
    assert line.split(";")[0] == "first=1" and line.endswith("last=2")
    assert OTHERS.encode().decode("latin-1") in line


def test_s11_only_the_gateways_cookies_leave_no_field(portal, pages):
    visitor = portal.signed_in()
    pages.forget()
    visitor.send(portal.at("/status"))
    assert pages.only_request.fields.all("Cookie") == []


@pytest.mark.parametrize("path", ["/pages/sets-cookies", "/status/sets-cookies", "/either/sets-cookies"])
def test_s11_the_upstream_cant_set_the_gateways_cookies(portal, path):
    visitor = portal.signed_in()
    hop = visitor.send(portal.at(path))
    assert hop.fields.all("Set-Cookie") == ["theme=dark; Path=/", "cart=2; Path=/", "mfa-gateway-other=yes; Path=/"]
    assert visitor.fetch(portal.at("/pages/a")).status == 200


@pytest.mark.parametrize("path", ["/ws/echo", "/ws-public/echo"])
def test_s11_p26_a_websockets_upstream_sees_no_cookie_of_the_gateway(portal, sockets, path):
    visitor = portal.signed_in()
    sockets.forget()
    fields = {"Cookie": f"a=1; {SESSION}={visitor.cookies()[SESSION].value}; b=2", "Origin": portal.public_url}
    url = portal.at(path).replace("https", "wss")
    origin = fields.pop("Origin")
    with connect(url, ssl=visitor._tls, additional_headers=fields, origin=origin, proxy=None) as socket:
        socket.send("x")
        assert socket.recv(timeout=5) == "x"
    assert sockets.handshakes[-1].headers.get_all("Cookie") == ["a=1; b=2"]
