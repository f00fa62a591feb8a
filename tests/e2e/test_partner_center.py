"""Partner Center's REST calls about MFA: a client that was written for those reads the gateway's report."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from support.http1 import call
from support.journal import lines, until
from support.operators import TOKEN, shown
from support.partner_center import PartnerCenter
from support.postgres import Postgres

CONTOSO, FABRIKAM = "11111111-aaaa-4aaa-8aaa-111111111111", "22222222-bbbb-4bbb-8bbb-222222222222"
CALLS = ["applicationmfaadoptionstatus", "partnerRequests", "nonMfaCompliantPartnerPrincipals"]


@pytest.fixture
def start(start_gateway, backend, tmp_path):
    """A gateway that serves the report below `/partner/`, about the caller's tenant, and below `/all/`, about all."""
    served = {"serve": "status_report", "require": "mfa", "roles": ["Global administrator"], "app_only": "deny"}
    state = tmp_path / "state"
    state.mkdir(mode=0o700)

    def start(**changes):
        return start_gateway(**{name: value for name, value in {**config, **changes}.items() if value is not None})

    tokens = tmp_path / "admin-tokens"
    tokens.write_text(f"{TOKEN}\n")
    tokens.chmod(0o600)
    config = dict(
        admin={"authentication": {"token_file": str(tokens)}},
        report={}, state={"directory": str(state)}, store={"timeout": "10s"},
        log={"decisions": "all", "decision_output": str(tmp_path / "decisions.jsonl"),
             "access_output": str(tmp_path / "access.jsonl")},
        roles=[{"name": "Global administrator", "any": [{"claim": "groups", "contains": "admins"}]}],
        upstreams=[{"name": "api", "endpoints": [backend.url]}],
        routes=[
            {"prefix": "/v1/", "upstream": "api", "require": "mfa"},
            {"prefix": "/trial/", "upstream": "api", "require": "mfa", "mode": "report"},
            {"prefix": "/partner/", **served},
            {"prefix": "/all/", "reported_tenants": "all", **served},
            {"prefix": "/some/", "reported_tenants": [FABRIKAM], **served},
            {"path": "/one/v1/partnerRequests", **served},
        ],
    )
    return start


@pytest.fixture
def postgres():
    postgres = Postgres()
    yield postgres
    postgres.close()


@pytest.fixture
def admin(issuer):
    return issuer.jane(tid=CONTOSO, groups=["admins"])


@pytest.fixture
def traffic(start, issuer):
    """Requests of two tenants, of users with and without MFA, and of an application without a user."""
    started = start()

    def ask(path, token, times, expected):
        assert {call(started.port, path, token).status for _ in range(times)} == {expected}

    ask("/v1/a", issuer.jane(tid=CONTOSO), 5, 200)
    ask("/v1/a", issuer.john(tid=CONTOSO), 3, 401)
    ask("/trial/a?secret=1", issuer.john(tid=CONTOSO, client_id="old-tool"), 2, 200)
    ask("/v1/a", issuer.daemon(tid=CONTOSO), 4, 200)
    ask("/v1/a", issuer.token({"sub": "max-1", "scp": "x", "amr": ["pwd"], "tid": FABRIKAM}), 1, 401)
    return started


def test_a_client_of_partner_center_reads_the_report(traffic, admin):
    client = PartnerCenter(traffic.port, "/partner", admin)
    today = datetime.now(UTC).date()
    adoption = {status.applicationId: status for status in client.adoption()}
    assert set(adoption) == {"partner-portal", "old-tool"}
    # The client's own call counts, too, as Partner Center's does.
    portal, old = adoption["partner-portal"], adoption["old-tool"]
    assert (portal.mfaCompliantRequestCount, portal.totalRequestCount) == (6, 9)
    assert (old.mfaCompliantRequestCount, old.totalRequestCount, old.loginDate) == (0, 2, today)

    requests = client.requests()
    assert len(requests) == 12 and requests == sorted(requests, key=lambda one: one.requestDateTime, reverse=True)
    names = [one.operationName for one in requests]
    assert names.count("Get /v1/") == 8 and names.count("Get /trial/") == 2 and names.count("Get /partner/") == 2
    of_john = [one for one in requests if one.objectId == "john-2b9e"]
    assert {one.mfaCompliant for one in of_john} == {False} and len(of_john) == 5
    assert {(one.tenantId, one.sourceIpAddress) for one in requests} == {(CONTOSO, "127.0.0.1")}
    assert abs(datetime.now(UTC).replace(tzinfo=None) - requests[0].requestDateTime) < timedelta(seconds=60)

    [john] = client.principals()
    assert (john.objectId, john.tenantId) == ("john-2b9e", CONTOSO)
    assert john.lastNonMfaCompliantRequestDateTime == max(one.requestDateTime for one in of_john)


def test_the_calls_and_the_report_say_the_same(traffic, admin):
    client = PartnerCenter(traffic.port, "/partner", admin)
    adoption, principals = client.adoption(), client.principals()
    report = shown(traffic, f"/report?tenant={CONTOSO}")
    shares = {group["name"]: group["share"] for group in report["applications"]}
    for status in adoption:
        # The calls that came after it count in the report.
        later = 1 if status.applicationId == "partner-portal" else 0
        share = shares[status.applicationId]
        assert share["requests"] == status.totalRequestCount + later, status
        assert share["withMfa"] == status.mfaCompliantRequestCount + later, status
    listed = {(one["user"], one["last"].removesuffix("Z")) for one in report["withoutMfa"]}
    assert listed == {(one.objectId, one.lastNonMfaCompliantRequestDateTime.isoformat(timespec="milliseconds")) for one in principals}


def test_nobody_sees_people_of_another_tenant_unless_the_route_says_so(traffic, issuer, admin):
    def seen(base, token):
        return {one.tenantId for one in PartnerCenter(traffic.port, base, token).principals()}

    stranger = issuer.jane(tid=FABRIKAM, groups=["admins"])
    assert seen("/partner", admin) == {CONTOSO} and seen("/partner", stranger) == {FABRIKAM}
    assert seen("/all", admin) == {CONTOSO, FABRIKAM}
    assert seen("/some", admin) == {FABRIKAM}
    # Who has no tenant sees nobody of one.
    assert seen("/partner", issuer.jane(groups=["admins"])) == set()


@pytest.mark.parametrize("path", CALLS)
def test_the_report_is_for_users_with_mfa_and_the_role_alone(traffic, issuer, path):
    def refused(token):
        response = call(traffic.port, f"/partner/v1/{path}", token)
        return response.status, json.loads(response.body)["reason"]

    assert refused(issuer.jane(tid=CONTOSO)) == (403, "role_missing")
    assert refused(issuer.john(tid=CONTOSO, groups=["admins"])) == (401, "mfa_missing")
    assert refused(issuer.daemon(tid=CONTOSO, groups=["admins"])) == (403, "app_only_forbidden")
    assert refused(None) == (401, "no_credential")


def test_there_is_nothing_else_below_the_route(traffic, admin):
    client = PartnerCenter(traffic.port, "/partner", admin)
    for path in ("", "/", "/v1", "/v1/partnerrequests", "/v1/partnerRequests/", "/v2/partnerRequests", "/x/v1/partnerRequests"):
        response = client.get(path)
        assert (response.status, json.loads(response.body)["reason"]) == (404, "no_route"), path
    response = client.get("/v1/partnerRequests", method="POST")
    assert response.status == 405 and response.fields.one("Allow") == "GET, HEAD"
    one = PartnerCenter(traffic.port, "/one", admin)
    assert one.requests() and one.get("/v1/nonMfaCompliantPartnerPrincipals").status == 404
    head, full = client.get("/v1/nonMfaCompliantPartnerPrincipals", method="HEAD"), client.get("/v1/nonMfaCompliantPartnerPrincipals")
    assert head.status == 200 and head.body == b"" and head.fields.one("Content-Length") == str(len(full.body))


def test_the_calls_stand_in_logs_metrics_and_routes_without_an_upstream(traffic, admin, tmp_path):
    request = PartnerCenter(traffic.port, "/partner", admin).get("/v1/partnerRequests").fields.one("MS-RequestId")
    decision = until(lambda: next((one for one in lines(tmp_path / "decisions.jsonl") if one["request_id"] == request), None))
    assert (decision["route"], decision["decision"], decision["grounds"]) == ("/partner/", "permit", "mfa")
    access = until(lambda: next((one for one in lines(tmp_path / "access.jsonl") if one["request_id"] == request), None))
    assert (access["route"], access["result"], access["status"], access["upstream"]) == ("/partner/", "permitted", 200, None)
    routes = shown(traffic, "/routes")["routes"]
    served = {route["path"]: (route["upstream"], route["serve"], route["reportedTenants"]) for route in routes}
    assert served["/partner/"] == (None, "status_report", ["own"]) and served["/some/"] == (None, "status_report", [FABRIKAM])
    assert served["/v1/"] == ("api", None, None)


def test_without_the_store_the_calls_are_unavailable_and_traffic_goes_on(start, postgres, issuer, admin):
    gateway = start(store={**postgres.settings, "timeout": "1s"}, state=None)
    client = PartnerCenter(gateway.port, "/partner", admin)
    assert client.principals() == []
    postgres.kill()
    for path in CALLS:
        response = client.get(f"/v1/{path}")
        assert (response.status, json.loads(response.body)["reason"]) == (503, "report_unavailable")
    assert call(gateway.port, "/v1/a", issuer.jane(tid=CONTOSO)).status == 200
    assert call(gateway.port, "/v1/a", issuer.john(tid=CONTOSO)).status == 401
    postgres.start()
    until(lambda: client.get("/v1/nonMfaCompliantPartnerPrincipals").status == 200)
    # What was decided meanwhile is there.
    until(lambda: [one.objectId for one in client.principals()] == ["john-2b9e"])
