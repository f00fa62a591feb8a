"""Many sign-ins that are started and never finished, and callbacks that nobody sent (SIGN-IN 23)."""

import secrets
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from support.http1 import Connection, request
from support.identity_provider import JANE
from support.visitor import NAVIGATION

STARTED = 10_000
MEBIBYTE = 1 << 20


def memory(portal) -> int:
    status = Path(f"/proc/{portal.process.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) * 1024


def many(portal, targets, headers=NAVIGATION):
    """Sends requests on one connection, and yields their responses."""
    host = ("Host", urlsplit(portal.public_url).netloc)
    with Connection(portal.tls_port, tls=portal.visitor()._tls) as connection:
        for target in targets:
            connection.send(request("GET", target, headers=[host, *headers]))
            yield connection.response()


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_s23_ten_thousand_started_sign_ins_cost_nothing_that_stays(start_portal, provider):
    portal = start_portal()
    portal.signed_in()
    waiting = portal.visitor()
    callback = portal.callback_of(waiting, "/pages/mine")
    assert all(response.status == 303 for response in many(portal, (f"/pages/{number}" for number in range(500))))
    before, seen = memory(portal), provider.seen.total()
    assert all(response.status == 303 for response in many(portal, (f"/pages/{number}?{'x' * 500}" for number in range(STARTED))))
    assert memory(portal) - before < 8 * MEBIBYTE
    assert provider.seen.total() == seen
    assert waiting.open(callback, site="cross-site").url == portal.at("/pages/mine")


@pytest.mark.timeout(60)
def test_s23_invented_callbacks_and_logout_tokens_cost_the_provider_nothing(start_portal, provider):
    portal = start_portal()
    portal.signed_in()
    before = provider.seen.total()
    targets = (
        f"/.mfa-gateway/callback?code={secrets.token_hex(8)}&state={secrets.token_urlsafe(32)}&iss={provider.url}" for _ in range(1000)
    )
    assert all(response.status == 400 for response in many(portal, targets))
    assert provider.seen.total() == before
    for number in range(20):
        token = provider.logout_token({"kid": f"invented-{number}"}, sub=JANE["sub"])
        hop = portal.visitor().send(
            portal.own("back-channel-logout"), "POST", [("Content-Type", "application/x-www-form-urlencoded")],
            f"logout_token={token}".encode(),
        )
        assert hop.status == 400
    assert provider.seen.total() - before <= 4, provider.seen


@pytest.mark.timeout(60)
def test_s23_others_finish_while_many_start(portal, provider):
    end = time.monotonic() + 3
    starting = many(portal, (f"/pages/{number}" for number in range(100_000)))
    finished = 0
    while time.monotonic() < end:
        for _ in range(20):
            next(starting)
        portal.signed_in()
        finished += 1
    starting.close()
    assert finished > 5
