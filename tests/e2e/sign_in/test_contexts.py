"""Contexts in a browser: a session of another tenant gets a page that says so, and never a second trip."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from support.identity_provider import JANE
from support.issuer import AUDIENCE
from support.links import Links

PARTNER, RIVAL = "df845f1a-7b35-40a2-ba78-6481de91f8ae", "b41e72f8-2c93-4d67-a5b8-91c3d7e04f25"
CONTOSO, FABRIKAM = "1a111111-1111-4111-8111-11111111111c", "2a222222-2222-4222-8222-22222222222c"


def at(days: int) -> str:
    return (datetime.now(UTC) + timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.fixture
def portal(start_portal, provider):
    page = {"upstream": "pages", "credential": "session"}
    return start_portal(
        issuers=[{"name": "idp", "issuer": provider.url, "audiences": [AUDIENCE], "home_claim": "home"}],
        delegations=[{"partner": PARTNER, "customer": CONTOSO, "roles": [], "from": at(-10), "until": at(100)}],
        routes=[{"prefix": "/pages/", "require": "authenticated", **page},
                {"prefix": "/customers/{customer}/", "context": "customer", **page}],
    )


def test_a_session_of_the_customers_tenant_opens_that_customers_pages(portal, provider):
    provider.person = {**JANE, "tid": CONTOSO, "home": PARTNER}
    visitor = portal.visitor()
    hop = visitor.open(portal.at(f"/customers/{CONTOSO}/a"))
    assert (hop.status, hop.url) == (200, portal.at(f"/customers/{CONTOSO}/a"))
    trips = portal.trips(visitor)
    for _ in range(3):
        hop = visitor.send(portal.at(f"/customers/{FABRIKAM}/a"))
        assert hop.status == 403 and "another organization" in Links(hop.text).text
    assert portal.trips(visitor) == trips
    for shown in (FABRIKAM, CONTOSO, PARTNER, "register", "wrong_context"):
        assert shown in Links(hop.text).text, hop.text
    refused = visitor.fetch(portal.at(f"/customers/{FABRIKAM}/a"))
    assert (refused.status, json.loads(refused.text)["code"]) == (403, "wrong_context")
    assert visitor.send(portal.at("/pages/a")).status == 200


@pytest.mark.parametrize(("tenant", "home", "customer", "code"), [
    (PARTNER, PARTNER, CONTOSO, "wrong_context"), (CONTOSO, RIVAL, CONTOSO, "no_delegation"),
    (FABRIKAM, PARTNER, FABRIKAM, "no_delegation"), (CONTOSO, None, CONTOSO, "no_delegation"),
])
def test_who_may_not_act_there_gets_a_page_after_one_trip(portal, provider, tenant, home, customer, code):
    provider.person = {**JANE, "tid": tenant, "home": home}
    visitor = portal.visitor()
    hop = visitor.open(portal.at(f"/customers/{customer}/a"))
    assert hop.status == 403 and portal.trips(visitor) == 1
    assert code in Links(hop.text).text
    assert visitor.send(portal.at("/pages/a")).status == 200
