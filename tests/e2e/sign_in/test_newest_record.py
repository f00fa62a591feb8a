"""What a refresh stored counts for every copy of the cookie, also where only the store has it (SIGN-IN 18)."""

from support.journal import until
from support.metrics import scrape, value
from support.portal import SESSION


def reads(portal) -> float:
    return value(scrape(portal), "mfa_gateway_store_operations_total", operation="session")


def test_s18_p12_a_cookie_from_before_a_refresh_is_judged_by_what_it_stored_also_after_a_restart(start_portal, provider):
    provider.change_answer = lambda answer: {**answer, "expires_in": 3}
    refresh = {"refresh": {"margin": "2s"}}
    portal = start_portal(session=refresh)
    visitor = portal.signed_in()
    old = visitor.copy(portal.ca)
    assert old.fetch(portal.at("/mfa/a")).status == 200
    # The refreshed tokens last, and MFA is gone.
    provider.change_answer = lambda answer: {**answer, "expires_in": 600}
    provider.change_claims = lambda claims: {**claims, "amr": ["pwd"]}
    until(lambda: visitor.fetch(portal.at("/mfa/a")).status == 403, within=8)
    portal.stop()
    portal = start_portal(port=portal.tls_port, keys=portal.keys, session=refresh)
    before, redeemed = reads(portal), len(provider.redeemed)
    for copy in (old.copy(portal.ca) for _ in range(5)):
        assert copy.fetch(portal.at("/mfa/a")).status == 403
        # The browser has the newer record from now on.
        assert copy.hops[-1].set[SESSION].value and copy.fetch(portal.at("/pages/a")).status == 200
        assert SESSION not in copy.hops[-1].set
    assert reads(portal) == before + 1 and len(provider.redeemed) == redeemed
