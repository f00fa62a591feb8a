"""WebSocket connections pass with a token and are refused without."""

from contextlib import ExitStack

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from support.http1 import Connection, call, request


def open_socket(gateway, token=None, path="/ws/echo"):
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return connect(
        f"ws://127.0.0.1:{gateway.port}{path}", additional_headers=headers, open_timeout=5, close_timeout=2, proxy=None,
        max_size=2**22,
    )


def test_messages_go_both_ways(gateway, issuer, sockets):
    with open_socket(gateway, issuer.jane()) as socket:
        for message in ("hello", "Zoë ✓", b"\x00\xff" * 500_000, ""):
            socket.send(message)
            assert socket.recv(timeout=5) == message
        assert socket.ping().wait(5)
    assert socket.close_code == 1000
    assert len(sockets.handshakes) == 1


def test_the_backend_sees_who_shakes_hands(gateway, issuer, sockets):
    with open_socket(gateway, issuer.jane()):
        pass
    headers = sockets.handshakes[0].headers
    assert headers.get_all("X-Auth-Request-User") == ["jane-7f1c"]
    assert headers.get_all("X-Forwarded-For") == ["127.0.0.1"]


def test_many_sockets_at_once_do_not_mix(gateway, issuer, sockets):
    token = issuer.jane()
    with ExitStack() as stack:
        open_sockets = [stack.enter_context(open_socket(gateway, token)) for _ in range(10)]
        for number, socket in enumerate(open_sockets):
            socket.send(f"number {number}")
        assert [socket.recv(timeout=5) for socket in open_sockets] == [f"number {n}" for n in range(10)]


@pytest.mark.parametrize("who", ["nobody", "john", "expired"])
def test_the_handshake_is_refused_without_mfa(gateway, issuer, sockets, who):
    token = {"nobody": None, "john": issuer.john(), "expired": issuer.jane(exp=1)}[who]
    with pytest.raises(InvalidStatus) as refusal:
        with open_socket(gateway, token):
            pass
    response = refusal.value.response
    assert response.status_code == 401
    reason = "Unauthorized - MFA required" if who == "john" else "Unauthorized"
    assert response.reason_phrase == reason
    assert sockets.handshakes == []


UPGRADE = [
    ("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
]


def test_a_backend_that_does_not_upgrade_opens_no_tunnel(gateway, issuer, backend):
    with Connection(gateway.port, timeout=3) as connection:
        connection.send(request("GET", "/v1/customers", issuer.jane(), headers=UPGRADE))
        assert connection.response().status == 200
        connection.send(request("GET", "/v1/hidden"))
        assert connection.is_over() or connection.response().status == 401
    assert "/v1/hidden" not in [seen.target for seen in backend.requests]


@pytest.mark.parametrize("protocol", ["h2c", "TLS/1.0", "foo"])
def test_no_other_protocol_is_switched_to(gateway, issuer, backend, protocol):
    headers = [("Connection", "Upgrade, HTTP2-Settings"), ("Upgrade", protocol), ("HTTP2-Settings", "AAMAAABkAAQAAP__")]
    assert call(gateway.port, "/v1/customers", issuer.jane(), headers=headers).status in (200, 400, 426, 501)
    for seen in backend.requests:
        assert "Upgrade" not in seen.fields and "HTTP2-Settings" not in seen.fields
