"""Claims that are too long for a cookie: the store has them, and they count all the same (SIGN-IN 4, 9, 15)."""

import time
import uuid

import pytest

from support.identity_provider import CASEY, JANE
from support.issuer import AUDIENCE
from support.portal import SESSION, sealing_key
from support.visitor import FETCH

GROUPS = [str(uuid.UUID(int=(number + 1) * 0x1234567890ABCDEF1234567890ABCDEF % (1 << 128))) for number in range(200)]
ROLES = 40


@pytest.fixture
def roomy(start_portal, tmp_path, provider):
    """A portal with a role for each of forty groups, which tells its pages all groups."""
    page = {"upstream": "pages", "credential": "session", "require": "authenticated"}

    def start(port: int = 0):
        return start_portal(
            tmp_path / "roomy", port=port, keys=keys,
            issuers=[{
                "name": "idp", "issuer": provider.url, "audiences": [AUDIENCE],
                "claims_to_headers": [{"claim": "groups", "header": "X-Groups-Of"}],
            }],
            roles=[{"name": f"r{number}", "any": [{"claim": "groups", "contains": GROUPS[number]}]} for number in range(ROLES)],
            routes=[
                *({"prefix": f"/r{number}/", "roles": [f"r{number}"], **page} for number in range(ROLES)),
                {"prefix": "/pages/", **page}, {"prefix": "/mfa/", **page, "require": "mfa"},
            ],
        )

    (tmp_path / "roomy").mkdir()
    keys = [sealing_key(tmp_path / "roomy")]
    return start


@pytest.mark.parametrize("held", [5, 13, 40, 200])
def test_s04_every_role_counts_however_many_there_are(roomy, provider, pages, held):
    provider.person = {**JANE, "groups": GROUPS[:held]}
    portal = roomy()
    visitor = portal.signed_in()
    statuses = [visitor.fetch(portal.at(f"/r{number}/a")).status for number in range(ROLES)]
    assert statuses == [200 if number < held else 403 for number in range(ROLES)]
    assert pages.requests[-1].fields.one("X-Groups-Of").split(",") == GROUPS[:held]
    assert len(SESSION) + len(visitor.cookies()[SESSION].value) < 2048
    # A response sets a cookie only if something changes.
    assert SESSION not in visitor.send(portal.at("/pages/a")).set
    # Another process knows as much.
    portal.stop()
    portal = roomy(portal.tls_port)
    assert visitor.fetch(portal.at("/r0/a")).status == 200
    assert pages.requests[-1].fields.one("X-Groups-Of").split(",") == GROUPS[:held]


def test_s03_s04_a_step_up_in_vain_is_remembered_all_the_same(roomy, provider):
    provider.person = {**CASEY, "groups": GROUPS}
    portal = roomy()
    visitor = portal.signed_in()
    for _ in range(3):
        assert visitor.open(portal.at("/mfa/a")).status == 403
    assert portal.trips(visitor) == 2, visitor.hops
    assert visitor.fetch(portal.at("/r39/a")).status == 200


def test_s18_a_refresh_that_brings_more_than_fits_is_taken(start_portal, provider, pages):
    page = {"upstream": "pages", "credential": "session", "require": "authenticated"}
    portal = start_portal(
        session={"refresh": {"margin": "1s"}},
        roles=[{"name": f"r{number}", "any": [{"claim": "groups", "contains": GROUPS[number]}]} for number in range(ROLES)],
        routes=[{"prefix": "/pages/", **page}, {"prefix": "/r39/", "roles": ["r39"], **page}],
    )
    provider.person = {**JANE, "groups": GROUPS[:5]}
    provider.change_answer = lambda answer: {**answer, "expires_in": 2}
    visitor = portal.signed_in()
    assert visitor.fetch(portal.at("/r39/a")).status == 403
    provider.change_claims = lambda claims: {**claims, "groups": GROUPS[:ROLES]}
    time.sleep(1.3)
    for _ in range(3):
        assert visitor.fetch(portal.at("/r39/a")).status == 200
    provider.change_claims = lambda claims: {**claims, "groups": []}
    time.sleep(2.3)
    visitor.fetch(portal.at("/pages/a"))
    assert visitor.fetch(portal.at("/r39/a")).status == 403


@pytest.mark.parametrize("display", [[], ["name"], ["name", "email"]])
def test_s15_a_name_and_a_mail_address_are_told_if_asked_for_and_are_nobody_elses(start_portal, provider, pages, display):
    provider.person = {**JANE, "name": "Jäne, Doe", "email": "jane@contoso.example"}
    portal = start_portal(session={"display": display})
    visitor = portal.signed_in()
    forged = [(name, "mallory") for name in ("X-Auth-Request-Name", "x_auth_request_email", "X-Auth-Request-Email")]
    expected = {"name": ["J%C3%A4ne%2C%20Doe"], "email": ["jane@contoso.example"]}
    for path in ("/pages/a", "/status"):
        pages.forget()
        assert visitor.send(portal.at(path), headers=[*FETCH, *forged]).status == 200
        for claim, values in expected.items():
            told = values if claim in display and path == "/pages/a" else []
            assert pages.requests[-1].fields.all(f"X-Auth-Request-{claim}") == told
        assert "mallory" not in pages.requests[-1].head.decode("latin-1")


@pytest.mark.parametrize(("claim", "status"), [("sid", 200), ("email", 200), ("preferred_username", 200), ("sub", 502)])
def test_s08_a_claim_that_no_database_takes_is_left_out_or_the_users_own_fault(portal, provider, claim, status):
    provider.change_claims = lambda claims: {**claims, claim: "x\0y"}
    visitor = portal.visitor()
    hop = visitor.open(portal.at("/pages/a"))
    assert hop.status == status, hop.text
    if status != 200:
        assert "sign_in_invalid_id_token" in hop.text


@pytest.mark.parametrize(("headers", "status"), [
    (FETCH, 401), ([("X-Requested-With", "XMLHttpRequest"), ("Accept", "text/html")], 401),
    ([("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", "iframe"), ("Accept", "text/html")], 401), ([("Accept", "*/*")], 303),
])
def test_s13_the_path_that_signs_in_is_for_people(portal, headers, status):
    hop = portal.visitor().send(portal.own("sign-in?return=/x"), headers=headers)
    assert hop.status == status and (status == 303 or not hop.set), hop
