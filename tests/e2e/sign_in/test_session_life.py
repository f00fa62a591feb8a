"""How long a session lives, and what its refreshes may change (SIGN-IN 10, 17, 18)."""

import signal
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from support.identity_provider import JANE, JOHN
from support.journal import until
from support.links import press
from support.portal import SESSION


def is_alive(portal, visitor, path="/pages/a") -> bool:
    status = visitor.fetch(portal.at(path)).status
    assert status in (200, 401), status
    return status == 200


def test_s10_s17_p22_the_idle_time_slides_and_the_absolute_one_does_not(start_portal):
    portal = start_portal(session={"idle": "2s", "absolute": "5s"})
    busy, idle = portal.signed_in(), portal.signed_in()
    began = time.monotonic()
    tabs = [busy, busy.copy(portal.ca)]
    while time.monotonic() - began < 4:
        assert is_alive(portal, tabs[int(time.monotonic() * 3) % 2]), time.monotonic() - began
        time.sleep(0.3)
    assert not is_alive(portal, idle)
    time.sleep(max(0, began + 5.4 - time.monotonic()))
    assert not is_alive(portal, busy), "the absolute time has passed"
    # A copy of the cookie dies too, and a person who comes back is sent to sign in.
    assert portal.goes_to_provider(busy.send(portal.at("/pages/a")))


def test_p22_a_page_that_polls_keeps_nobody_signed_in(start_portal):
    page = {"upstream": "pages", "credential": "session", "require": "authenticated"}
    portal = start_portal(
        session={"idle": "2s", "absolute": "1h"},
        routes=[{"prefix": "/poll/", "counts_as_use": False, **page}, {"prefix": "/pages/", **page}],
    )
    polled, used = portal.signed_in(), portal.signed_in()
    began = time.monotonic()
    while time.monotonic() - began < 2.6:
        polled.fetch(portal.at("/poll/a"))
        assert is_alive(portal, used)
        time.sleep(0.3)
    assert not is_alive(portal, polled, "/poll/a") and is_alive(portal, used)


def test_p22_a_websocket_ends_with_its_session(start_portal):
    portal = start_portal()
    visitor = portal.signed_in()
    fields = {"Cookie": f"{SESSION}={visitor.cookies()[SESSION].value}"}
    url = portal.at("/ws/echo").replace("https", "wss")
    with connect(url, ssl=visitor._tls, additional_headers=fields, origin=portal.public_url, proxy=None) as socket:
        socket.send("a")
        assert socket.recv(timeout=5) == "a"
        sign_out(portal, visitor)
        with pytest.raises(ConnectionClosed):
            end = time.monotonic() + 5
            while time.monotonic() < end:
                socket.send("b")
                socket.recv(timeout=1)


def test_p22_a_websocket_ends_when_the_absolute_time_has_passed(start_portal):
    portal = start_portal(session={"idle": "4s", "absolute": "4s"})
    visitor = portal.signed_in()
    fields = {"Cookie": f"{SESSION}={visitor.cookies()[SESSION].value}"}
    url = portal.at("/ws/echo").replace("https", "wss")
    began = time.monotonic()
    with connect(url, ssl=visitor._tls, additional_headers=fields, origin=portal.public_url, proxy=None) as socket:
        with pytest.raises(ConnectionClosed):
            while time.monotonic() - began < 8:
                visitor.fetch(portal.at("/pages/a"))
                socket.send("a")
                assert socket.recv(timeout=1) == "a"
                time.sleep(0.3)
    assert time.monotonic() - began > 2


def sign_out(portal, visitor):
    hop = press(visitor, visitor.send(portal.own("sign-out")), "Sign out", stop_at=portal.issuer_origin)
    assert hop.status in (200, 303), hop


def test_s17_a_provider_that_is_down_is_noticed_by_new_sign_ins_alone(portal, provider):
    signed_in, waiting = portal.signed_in(), portal.visitor()
    callback = portal.callback_of(waiting)
    provider.stop()
    try:
        assert signed_in.send(portal.at("/mfa/a")).status == 200
        assert portal.visitor().send(portal.at("/status")).status == 200
        began = time.monotonic()
        hop = waiting.open(callback, site="cross-site")
        assert hop.status in (502, 503, 504) and time.monotonic() - began < 20
        assert "text/html" in hop.fields.one("Content-Type") and "/.mfa-gateway/sign-in" in hop.text
    finally:
        provider.start()
    assert waiting.open(portal.at("/pages/a")).status == 200


def hang(handler):
    time.sleep(25)
    return True


def endless(handler):
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.end_headers()
    try:
        for _ in range(4000):
            handler.wfile.write(b'{"a":"' + b"x" * 65536)
    except OSError:
        pass
    return True


TROUBLES = {
    "500": lambda handler: handler.send(500, {}) or True,
    "503 with a good body": lambda handler: handler.send(503, {"access_token": "x", "id_token": "y", "token_type": "Bearer"}) or True,
    "a redirect": lambda handler: handler.send(307, {}, Location="http://127.0.0.1:9/token") or True,
    "garbage": lambda handler: handler.send(200, b"\xff<html>") or True, "a list": lambda handler: handler.send(200, []) or True,
    "no ID token": lambda handler: handler.send(200, {"access_token": "x", "token_type": "Bearer"}) or True,
    "endless": endless, "nothing": lambda handler: handler.connection.close() or True,
}


@pytest.mark.parametrize("name", TROUBLES)
def test_s17_p08_a_token_endpoint_in_trouble_is_a_page_and_sign_ins_work_again(portal, visitor, provider, name):
    provider.instead["/token"] = TROUBLES[name]
    began = time.monotonic()
    hop = visitor.open(portal.at("/pages/a"))
    assert hop.status in (502, 503, 504) and time.monotonic() - began < 20, hop
    assert "/.mfa-gateway/sign-in" in hop.text and SESSION not in visitor.cookies()
    assert provider.seen["/token"] == 1
    provider.instead.clear()
    assert visitor.open(portal.at("/pages/a")).status == 200


@pytest.mark.timeout(60)
def test_s17_s23_a_token_endpoint_that_hangs_is_given_up_and_delays_nobody(portal, visitor, provider):
    callback = portal.callback_of(visitor)
    signed_in = portal.signed_in()
    provider.instead["/token"] = hang
    with ThreadPoolExecutor(max_workers=16) as pool:
        began = time.monotonic()
        slow = [pool.submit(visitor.open, callback, site="cross-site")]
        slow += [pool.submit(portal.visitor().open, portal.at("/pages/b")) for _ in range(10)]
        time.sleep(0.5)
        for path in ("/pages/a", "/mfa/a", "/status"):
            asked = time.monotonic()
            assert signed_in.send(portal.at(path)).status == 200
            assert time.monotonic() - asked < 1
        provider.instead.clear()
        assert portal.visitor().open(portal.at("/pages/a")).status == 200
        for hop in slow:
            assert hop.result().status in (502, 503, 504)
        assert time.monotonic() - began < 20


def test_s17_a_cold_start_without_the_provider_serves_public_pages(start_portal, provider):
    provider.stop()
    try:
        portal = start_portal(ready_path="/livez")
        assert portal.visitor().send(portal.at("/status")).status == 200
        began = time.monotonic()
        hop = portal.visitor().open(portal.at("/pages/a"))
        assert hop.status in (502, 503, 504) and time.monotonic() - began < 20 and "text/html" in hop.fields.one("Content-Type")
    finally:
        provider.start()
    until(lambda: portal.visitor().open(portal.at("/pages/a")).status == 200, within=15)


def test_s17_sessions_outlive_a_restart_and_a_kill_and_so_does_a_sign_out(start_portal, tmp_path):
    portal = start_portal()
    stays, leaves = portal.signed_in(), portal.signed_in()
    gone = leaves.copy(portal.ca)
    sign_out(portal, leaves)
    for end in ("kill", "stop"):
        if end == "kill":
            portal.process.send_signal(signal.SIGKILL)
            portal.process.wait(5)
            portal.process.returncode = 0
        else:
            portal.stop()
        portal = start_portal(port=portal.tls_port, keys=portal.keys)
        assert is_alive(portal, stays, "/mfa/a"), end
        assert not is_alive(portal, gone), end


# ---- refreshes ----

REFRESHES = {"refresh": {"margin": "2s"}}


def short_lived(provider, seconds: int = 4):
    provider.change_answer = lambda answer: {**answer, "expires_in": seconds}


def refreshes(provider) -> int:
    return sum(form["grant_type"] == "refresh_token" for form in provider.redeemed)


def after_refresh(portal, provider, visitor, path="/pages/a", count=1):
    """Uses the session until its tokens were refreshed, and settles."""
    before = refreshes(provider)

    def used():
        visitor.fetch(portal.at(path))
        return refreshes(provider) >= before + count
    until(used, within=8)
    time.sleep(0.3)
    return visitor


@pytest.fixture
def refreshing(start_portal, provider):
    short_lived(provider)
    return start_portal(session=REFRESHES)


def test_s18_p11_any_number_of_requests_refresh_once_and_rotation_is_followed(refreshing, provider):
    visitor = refreshing.signed_in()
    copies = [visitor.copy(refreshing.ca) for _ in range(12)]
    for rounds in (1, 2):
        time.sleep(2.3)
        with ThreadPoolExecutor(12) as pool:
            assert {hop.status for hop in pool.map(lambda copy: copy.fetch(refreshing.at("/pages/a")), copies)} == {200}
        until(lambda: refreshes(provider) == rounds, within=3)
        time.sleep(0.3)
        assert refreshes(provider) == rounds
    # The provider would have noted a token's second use.
    assert provider.complaints == []


def test_s18_an_invalid_grant_ends_the_session(refreshing, provider):
    visitor = refreshing.signed_in()
    provider.instead["/token"] = lambda handler: handler.send(400, {"error": "invalid_grant"}) or True
    until(lambda: not is_alive(refreshing, visitor), within=8)
    provider.instead.clear()
    assert not is_alive(refreshing, visitor)


def test_s18_other_failures_are_not_repeated_with_every_request(refreshing, provider):
    visitor = refreshing.signed_in()
    provider.instead["/token"] = lambda handler: handler.send(503, {}) or True
    before = provider.seen["/token"]
    end = time.monotonic() + 5
    asked = 0
    while time.monotonic() < end:
        assert is_alive(refreshing, visitor)
        asked += 1
        time.sleep(0.02)
    assert asked > 50 and 1 <= provider.seen["/token"] - before <= 6
    provider.instead.clear()


def test_s18_p11_another_user_in_a_refreshed_token_ends_the_session(refreshing, provider):
    visitor = refreshing.signed_in()
    provider.change_claims = lambda claims: {**claims, "sub": "somebody-else"}
    until(lambda: not is_alive(refreshing, visitor), within=8)


def test_s18_p11_another_nonce_in_a_refreshed_token_ends_the_session(refreshing, provider):
    stays = refreshing.signed_in()
    after_refresh(refreshing, provider, stays)
    assert is_alive(refreshing, stays), "without a nonce, or with the same, it goes on"
    provider.change_claims = lambda claims: {**claims, "nonce": "another"}
    until(lambda: not is_alive(refreshing, stays), within=8)


def test_p11_a_loser_never_ends_the_winners_session(refreshing, provider):
    """Another replica refreshes meanwhile: the token that is refused is not the one in the store any more."""
    visitor = refreshing.signed_in()
    file = next(refreshing.config_file.parent.glob("state/**/store.sqlite3"))

    def too_late(handler):
        with sqlite3.connect(file, timeout=5) as store:
            assert store.execute("UPDATE mfa_session SET generation = generation + 1").rowcount == 1
        return handler.send(400, {"error": "invalid_grant"}) or True
    provider.instead["/token"] = too_late
    until(lambda: is_alive(refreshing, visitor) and provider.seen["/token"] > 1, within=8)
    time.sleep(0.5)
    assert is_alive(refreshing, visitor)


@pytest.mark.parametrize("wrong", [{"aud": "another"}, {"iss": "https://evil.example/"}, {"exp": 1}])
def test_s18_p11_a_wrong_refreshed_token_changes_nothing_for_the_better(refreshing, provider, wrong):
    provider.person = dict(JOHN)
    visitor = refreshing.signed_in()
    provider.change_claims = lambda claims: {**claims, "amr": ["mfa"], "groups": ["auditors"], **wrong}
    after_refresh(refreshing, provider, visitor)
    assert visitor.fetch(refreshing.at("/mfa/a")).status in (401, 403)
    assert visitor.fetch(refreshing.at("/billing/a")).status in (401, 403)


def test_s18_p12_a_refresh_never_adds_mfa_or_makes_the_sign_in_younger(refreshing, provider):
    provider.person = {**JOHN, "auth_time": int(time.time()) - 1000}
    visitor = refreshing.signed_in()
    provider.person = dict(JOHN)
    provider.change_claims = lambda claims: {**claims, "amr": ["pwd", "mfa"], "auth_time": int(time.time())}
    after_refresh(refreshing, provider, visitor)
    assert is_alive(refreshing, visitor)
    assert visitor.fetch(refreshing.at("/mfa/a")).status == 403
    provider.change_claims = lambda claims: claims
    provider.person = {**JANE, "auth_time": int(time.time()) - 1000}
    visitor = refreshing.signed_in()
    provider.change_claims = lambda claims: {**claims, "auth_time": int(time.time())}
    after_refresh(refreshing, provider, visitor)
    assert visitor.fetch(refreshing.at("/mfa/a")).status == 200
    assert visitor.fetch(refreshing.at("/fresh/a")).status == 403


def test_s18_p12_a_refresh_can_take_mfa_and_roles_away(refreshing, provider):
    visitor = refreshing.signed_in()
    assert visitor.fetch(refreshing.at("/commerce/a")).status == 200
    provider.change_claims = lambda claims: {**claims, "amr": ["pwd"], "groups": []}
    after_refresh(refreshing, provider, visitor)
    assert visitor.fetch(refreshing.at("/pages/a")).status == 200
    assert visitor.fetch(refreshing.at("/mfa/a")).status == 403
    assert visitor.fetch(refreshing.at("/commerce/a")).status == 403


@pytest.mark.parametrize("amr", [None, "no ID token"])
def test_s18_p12_without_amr_the_evidence_of_the_sign_in_stays(refreshing, provider, amr):
    visitor = refreshing.signed_in()
    if amr is None:
        provider.change_claims = lambda claims: {**claims, "amr": None}
    else:
        provider.change_answer = lambda answer: {name: it for name, it in answer.items() if name != "id_token"} | {"expires_in": 4}
    after_refresh(refreshing, provider, visitor)
    assert visitor.fetch(refreshing.at("/mfa/a")).status == 200


def test_s18_a_sign_out_during_a_refresh_wins(refreshing, provider):
    visitor = refreshing.signed_in()
    copy = visitor.copy(refreshing.ca)
    began = []

    def slow(handler):
        began.append(1)
        time.sleep(1.5)
        return False
    provider.instead["/token"] = slow

    def started():
        copy.fetch(refreshing.at("/pages/a"))
        return began
    with ThreadPoolExecutor() as pool:
        pool.submit(lambda: until(started, within=8))
        until(lambda: began, within=8)
        sign_out(refreshing, visitor)
    time.sleep(2)
    assert not is_alive(refreshing, copy) and not is_alive(refreshing, copy)
