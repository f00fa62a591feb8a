"""How long a session lives, and what it outlives (SIGN-IN 10, 17)."""

import signal
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from websockets.exceptions import ConnectionClosed

from support.journal import until
from support.links import press
from support.portal import SESSION
from support.wss import connect


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


def test_p22_the_idle_time_is_kept_to_the_fraction_of_a_second(start_portal):
    portal = start_portal(session={"idle": "2s"})
    used = []
    for _ in range(4):
        visitor = portal.signed_in()
        assert is_alive(portal, visitor)
        used.append((visitor, time.monotonic()))
        time.sleep(0.25)
    for visitor, at in used:
        time.sleep(max(0, at + 2.2 - time.monotonic()))
        assert not is_alive(portal, visitor)


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


SENT: list[int] = []


def endless(handler):
    SENT.clear()
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.end_headers()
    try:
        for _ in range(4000):
            handler.wfile.write(b'{"a":"' + b"x" * 65536)
            SENT.append(65536)
    except OSError:
        pass
    return True


TROUBLES = {
    "500": lambda handler: handler.send(500, {}) or True,
    "503 with a good body": lambda handler: handler.send(503, {"access_token": "x", "id_token": "y", "token_type": "Bearer"}) or True,
    "a redirect": lambda handler: handler.send(307, {}, Location=f"http://127.0.0.1:{handler.server.server_port}/elsewhere") or True,
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
    assert provider.seen["/token"] == 1 and provider.seen["/elsewhere"] == 0
    assert sum(SENT) < 20_000_000, "a response without an end is given up early"
    provider.instead.clear()
    assert visitor.open(portal.at("/pages/a")).status == 200


@pytest.mark.slow
@pytest.mark.timeout(60)
def test_s17_s23_a_token_endpoint_that_hangs_is_given_up_and_delays_nobody(portal, visitor, provider):
    callback = portal.callback_of(visitor)
    signed_in = portal.signed_in()
    provider.instead["/token"] = hang
    with ThreadPoolExecutor(max_workers=16) as pool:
        began = time.monotonic()
        slow = [pool.submit(visitor.open, callback, site="cross-site")]
        slow += [pool.submit(portal.visitor().open, portal.at("/pages/b")) for _ in range(10)]
        # All of them wait, and those who signed in before did not.
        until(lambda: provider.seen["/token"] >= 1 + len(slow), within=8)
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
