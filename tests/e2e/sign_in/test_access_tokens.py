"""The access token that an upstream receives with a session: read from the store once, and gone with the session."""

import time

import pytest

from support.journal import until
from support.links import press
from support.metrics import scrape, value
from support.portal import routes
from support.visitor import FETCH


@pytest.fixture
def forwarding(start_portal, provider):
    """Starts a portal whose pages receive the session's access token; tokens last so many seconds."""
    def start(seconds: int = 600, **session):
        provider.change_answer = lambda answer: {**answer, "expires_in": seconds}
        page = {"prefix": "/api/", "upstream": "pages", "credential": "session", "require": "authenticated"}
        return start_portal(routes=[*routes(), {**page, "authorization": "forward"}], session=session)
    return start


def reads(portal) -> float:
    return value(scrape(portal), "mfa_gateway_store_operations_total", operation="session")


def received(portal, visitor, pages) -> str | None:
    """What the upstream receives; `None` if it gets no request."""
    pages.forget()
    visitor.fetch(portal.at("/api/a"))
    return pages.requests[-1].fields.one("Authorization") if pages.requests else None


def given(provider) -> list[str]:
    """The access tokens that the provider gives from now on."""
    tokens, change = [], provider.change_answer
    provider.change_answer = lambda answer: tokens.append(answer["access_token"]) or change(answer)
    return tokens


def test_s15_many_requests_read_a_sessions_access_token_once(forwarding, provider, pages):
    portal = forwarding()
    tokens = given(provider)
    jane, other = portal.signed_in("/api/a"), portal.signed_in("/api/a")
    before = reads(portal)
    for _ in range(10):
        assert received(portal, jane, pages) == f"Bearer {tokens[0]}"
        assert received(portal, other, pages) == f"Bearer {tokens[1]}"
    assert reads(portal) == before, "both were read when they signed in"
    # A client's own token never takes its place.
    jane.send(portal.at("/api/a"), headers=[*FETCH, ("Authorization", "Bearer x")])
    assert pages.requests[-1].fields.one("Authorization") == f"Bearer {tokens[0]}"


def test_s20_p21_the_access_token_of_an_ended_session_reaches_nobody(forwarding, pages):
    portal = forwarding()
    visitor = portal.signed_in("/api/a")
    thief = visitor.copy(portal.ca)
    assert received(portal, thief, pages)
    press(visitor, visitor.send(portal.own("sign-out")), "Sign out", stop_at=portal.issuer_origin)
    assert received(portal, thief, pages) is None
    assert thief.hops[-1].status == 401


def test_s18_p11_after_a_refresh_the_upstream_receives_the_new_token(forwarding, provider, pages):
    portal = forwarding(seconds=4, refresh={"margin": "2s"})
    tokens = given(provider)
    visitor = portal.signed_in("/api/a")
    assert received(portal, visitor, pages) == f"Bearer {tokens[0]}"
    until(lambda: received(portal, visitor, pages) and len(tokens) > 1, within=8)
    assert received(portal, visitor, pages) == f"Bearer {tokens[-1]}"


def test_s15_an_expired_access_token_is_read_again(forwarding, pages):
    portal = forwarding(seconds=2, refresh="off")
    visitor = portal.signed_in("/api/a")
    time.sleep(2.1)
    for _ in range(2):
        before = reads(portal)
        assert received(portal, visitor, pages)
        assert reads(portal) == before + 1
