"""What the refreshes of a session may change, and how often they happen (SIGN-IN 18)."""

import signal
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import yaml

from support.identity_provider import JANE, JOHN
from support.journal import until
from support.links import press


def is_alive(portal, visitor) -> bool:
    status = visitor.fetch(portal.at("/pages/a")).status
    assert status in (200, 401), status
    return status == 200


def sign_out(portal, visitor):
    hop = press(visitor, visitor.send(portal.own("sign-out")), "Sign out", stop_at=portal.issuer_origin)
    assert hop.status in (200, 303), hop


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


def hang(_handler):
    time.sleep(12)
    return True


@pytest.mark.slow
def test_s17_s18_a_provider_that_hangs_at_a_refresh_delays_one_moment_alone(refreshing, provider):
    visitor = refreshing.signed_in()
    provider.instead["/token"] = hang
    try:
        time.sleep(2.2)
        waits = []
        end = time.monotonic() + 9
        while time.monotonic() < end:
            began = time.monotonic()
            assert visitor.fetch(refreshing.at("/pages/a")).status == 200
            waits.append(time.monotonic() - began)
            time.sleep(0.1)
        assert max(waits) < 4 and sum(wait > 1.5 for wait in waits) <= 1, waits
    finally:
        provider.instead.clear()


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
    # She has MFA, so that the role alone is missing.
    provider.person = dict(JANE)
    visitor = refreshing.signed_in()
    assert visitor.fetch(refreshing.at("/billing/a")).status == 403
    provider.change_claims = lambda claims: {**claims, "groups": ["auditors"], **wrong}
    after_refresh(refreshing, provider, visitor)
    assert visitor.fetch(refreshing.at("/billing/a")).status in (401, 403)
    assert not is_alive(refreshing, visitor)


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


def test_s18_p12_a_reload_takes_no_mfa_from_a_refreshed_token(refreshing, provider):
    """New rules are read from the ID token in the store, which by then is that of a refresh."""
    provider.person = {**JOHN, "department": "audit"}
    visitor = refreshing.signed_in()
    provider.change_claims = lambda claims: {**claims, "amr": ["pwd", "mfa"]}
    after_refresh(refreshing, provider, visitor)
    config = yaml.safe_load(refreshing.config_file.read_text())
    config["roles"].append({"name": "reader", "any": [{"claim": "department", "equals": "audit"}]})
    config["routes"].append({
        "prefix": "/read/", "upstream": "pages", "credential": "session", "require": "authenticated", "roles": ["reader"],
    })
    refreshing.config_file.write_text(yaml.safe_dump(config))
    refreshing.process.send_signal(signal.SIGHUP)
    until(lambda: visitor.fetch(refreshing.at("/read/a")).status == 200, within=10)
    assert visitor.fetch(refreshing.at("/mfa/a")).status == 403


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
        time.sleep(2.2)
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
