"""What programs get of a consent: an access token in the request for their upstream, or one of their own if they may."""

import base64
import hashlib
import json
import re
import threading
from pathlib import Path

import httpx
import pytest
import yaml
from support.authority import Authority
from support.gateway import free_port, run
from support.issuer import AUDIENCE
from support.journal import until
from support.portal import sealing_key, secret_file
from support.postgres import Postgres
from support.programs import OTHER, TENANT, Programs, callers, sent


@pytest.fixture
def programs(start_portal, tmp_path, provider):
    return Programs(start_portal, tmp_path, provider)


def test_a_program_calls_as_itself_and_its_upstream_gets_the_token_of_the_consent(programs, provider, pages):
    refused = programs.call("/v1/orders")
    assert refused.status_code == 409 and refused.json()["reason"] == "consent_unusable", refused.text
    assert "`nightly`" in refused.json()["description"] and "absent" in refused.json()["description"]
    programs.give().raise_for_status()
    for _ in range(3):
        assert programs.call("/v1/orders").status_code == 200
        token, claims = sent(pages)
        assert "mfa" in claims["amr"] and claims["scp"] == "user_impersonation"
    assert len([form for form in provider.redeemed if form["grant_type"] == "refresh_token"]) == 1
    fields = pages.requests[-1].fields
    assert fields.all("x-auth-request-application") == ["job"] and fields.all("x-auth-request-class") == ["app_only"]
    until(lambda: len(programs.lines()) == 2)
    absent, line = programs.lines()
    assert (absent["caller"], absent["result"], absent["token_hash"]) == ("job", "absent", None)
    assert (line["caller"], line["consent"], line["way"], line["result"], line["mfa"]) == ("job", "nightly", "injected", "ok", True)
    digest = base64.urlsafe_b64encode(hashlib.sha256(token.encode()).digest()).rstrip(b"=").decode()
    assert line["token_hash"] == digest and line["issuer_request_id"]
    assert token not in programs.portal.log.read_text() + programs.token_log.read_text()


def test_a_program_has_what_its_entry_lists_and_nothing_else(programs, provider, pages):
    programs.give().raise_for_status()
    before = len(provider.redeemed)
    for path, application, status, reason in [
        ("/v1/", "other", 403, "consent_not_allowed"),
        ("/v1/", "nobody", 403, "consent_not_allowed"),
        (f"/customers/{OTHER}/users", "job", 403, "consent_not_allowed"),
        ("/customers/a%20b/users", "job", 400, "malformed_request"),
        ("/customers/..%2fx/users", "job", 400, "malformed_request"),
        ("/named/", "job", 400, "malformed_request"),
    ]:
        refused = programs.call(path, application)
        assert (refused.status_code, refused.json()["reason"]) == (status, reason), (path, application, refused.text)
        assert refused.json()["remedy"]
    twice = [("Authorization", f"Bearer {programs.token_of('job')}"), ("X-Customer", TENANT), ("X-Customer", OTHER)]
    refused = httpx.get(programs.portal.at("/named/"), headers=twice, verify=str(programs.portal.ca))
    assert refused.status_code == 400 and refused.json()["reason"] == "malformed_request", refused.text
    # Somebody who has MFA is no program: the rights of the consent are another's.
    person = {"Authorization": f"Bearer {provider.token({'sub': 'jane', 'amr': ['pwd', 'mfa'], 'client_id': 'job'})}"}
    refused = httpx.get(programs.portal.at("/v1/"), headers=person, verify=str(programs.portal.ca))
    assert refused.status_code == 403 and refused.json()["reason"] == "consent_not_allowed"
    assert httpx.get(programs.portal.at("/v1/"), verify=str(programs.portal.ca)).status_code == 401
    assert pages.requests == [] and len(provider.redeemed) == before
    expected = {("other", "other"), (None, "nobody"), ("job", "job"), (None, "job")}

    def refusals() -> set:
        return {(line["caller"], line["application"]) for line in programs.lines() if line["result"] == "consent_not_allowed"}

    until(lambda: refusals() == expected)


def test_the_tenant_is_that_of_the_route_the_path_or_the_field(programs, provider, pages):
    programs.give().raise_for_status()
    for path, headers in [(f"/customers/{TENANT}/users", {}), ("/named/users", {"X-Customer": TENANT}), ("/fixed/users", {})]:
        assert programs.call(path, headers=headers).status_code == 200, path
        assert pages.requests[-1].fields.all("x-customer") == []
    assert provider.seen[f"/t/{TENANT}/token"] == 1, "one token for all three"
    assert programs.call(f"/customers/{OTHER}/users", "panel").status_code == 200
    assert provider.seen[f"/t/{OTHER}/token"] == 1


def test_what_the_caller_sends_never_takes_the_place_of_the_token(programs, provider, pages):
    programs.give().raise_for_status()
    forged = {"X-Auth-Request-Application": "admin", "Proxy-Authorization": "Bearer x", "X-Forwarded-Authorization": "Bearer x"}
    assert programs.call("/v1/x", headers=forged).status_code == 200
    own = programs.token_of("job")
    head = pages.requests[-1].head.decode()
    assert head.lower().count("authorization: bearer") == head.lower().count("\nauthorization: bearer") + ("x-forwarded-authorization" in head.lower())
    assert own not in head
    assert programs.call("/plain/x").status_code == 200 and sent(pages)[1]["client_id"] == "job"


def test_a_token_without_mfa_is_not_injected_where_mfa_is_required(programs, provider, pages):
    programs.give().raise_for_status()
    provider.change_answer = lambda answer: {**answer, "id_token": None, "access_token": provider.token({"amr": ["pwd"]})}
    refused = programs.call("/v1/x")
    assert refused.status_code == 409 and refused.json()["reason"] == "consent_unusable" and "MFA" in refused.json()["remedy"]
    assert pages.requests == []
    assert programs.call("/as-is/x").status_code == 200 and sent(pages)[1]["amr"] == ["pwd"]


def test_a_program_that_may_gets_a_token_itself(programs, provider):
    programs.give().raise_for_status()
    answer = programs.wants().raise_for_status()
    assert answer.headers["cache-control"] == "no-store"
    given = answer.json()
    assert given["token_type"] == "Bearer" and given["mfa"] is True and "mfa" in given["amr"] and given["consent"] == "nightly"
    assert 0 < given["expires_in"] <= 600 and given["expires_at"] and "refresh_token" not in given
    assert given["access_token"].count(".") == 2
    assert programs.wants().json()["access_token"] == given["access_token"]
    assert programs.wants(resource="graph", tenant=TENANT).json()["scope"] == "graph/.default"
    form = programs.call("/broker/v1/token", "panel", "POST", data={"consent": "nightly", "grant_type": "client_credentials"})
    assert form.json()["access_token"] == given["access_token"]
    listed = programs.call("/broker/v1/consents", "panel").raise_for_status().json()["consents"]
    assert [(one["name"], one["state"], one["mfa"]) for one in listed] == [("nightly", "alive", True)]
    until(lambda: len(programs.lines()) == 4)
    lines = programs.lines()
    assert [line["way"] for line in lines] == ["handed_out"] * 4 and {line["caller"] for line in lines} == {"panel"}
    for answer, status, reason in [
        (programs.wants("job"), 403, "consent_not_allowed"),
        (programs.wants("other"), 403, "consent_not_allowed"),
        (programs.wants(consent="weekly"), 403, "consent_not_allowed"),
        (programs.wants(consent="none"), 403, "consent_not_allowed"),
        (programs.wants(scope="mail"), 403, "consent_not_allowed"),
        (programs.wants(tenant="a/b"), 400, "malformed_request"),
        (programs.wants(more=1), 400, "malformed_request"),
        (programs.wants(scope="api", resource="api"), 400, "malformed_request"),
        (programs.call("/broker/v1/token", "panel"), 405, "method_not_allowed"),
        (programs.call("/broker/v1/token", "panel", "POST", content=b"x" * 20_000), 413, "body_too_large"),
        (programs.call("/broker/v2/token", "panel", "POST", json={}), 404, "no_route"),
    ]:
        assert (answer.status_code, answer.json()["reason"]) == (status, reason), answer.text
        assert answer.headers["cache-control"] == "no-store"


def test_the_command_prints_the_token_and_nothing_else(programs, provider, tmp_path):
    programs.give().raise_for_status()
    given = programs.wants().json()

    def ask(application: str, *more: str, consent: str = "nightly"):
        # As Kubernetes and editors write it, with a line break.
        own = programs.token_of(application)
        broker = ["--broker-url", programs.portal.at("/broker"), "--ca-file", str(programs.portal.ca)]
        ran = run("token", consent, *broker, "--caller-token-file", secret_file(tmp_path, "own", f"{own}\n"), *more)
        assert own not in ran.stdout + ran.stderr
        return ran

    ran = ask("panel")
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, given["access_token"] + "\n", "")
    as_json = json.loads(ask("panel", "--json").stdout)
    assert (as_json["access_token"], as_json["mfa"], as_json["consent"]) == (given["access_token"], True, "nightly")
    other = json.loads(ask("panel", "--json", "--tenant", OTHER, "--scope", "graph/.default").stdout)
    assert (other["tenant"], other["scope"]) == (OTHER, "graph/.default")
    for ran, reason in [
        (ask("job"), "consent_not_allowed (403)"), (ask("panel", consent="none"), "consent_not_allowed (403)"),
        (ask("panel", "--tenant", "a/b"), "malformed_request (400)"),
    ]:
        assert ran.returncode == 1 and ran.stdout == "" and reason in ran.stderr, ran
    programs.ask("withdraw").raise_for_status()
    ran = ask("panel")
    assert ran.returncode == 1 and ran.stdout == "" and "consent_unusable (409)" in ran.stderr and "again" in ran.stderr, ran


def test_a_service_account_of_kubernetes_is_a_program(start_portal, tmp_path, provider, pages, issuer):
    page = (Path(__file__).parents[3] / "docs/unattended.md").read_text()
    shown = yaml.safe_load(re.search(r"### Kubernetes\n.*?```yaml\n(.*?)```", page, re.S)[1])
    (cluster,), (caller,) = shown["issuers"], shown["consent_callers"]
    cluster["issuer"], name = issuer.url, caller["application"]
    assert name == "system:serviceaccount:billing:nightly"
    programs = Programs(
        start_portal, tmp_path, provider, callers=lambda: [caller],
        issuers=[{"name": "idp", "issuer": provider.url, "audiences": [AUDIENCE]}, cluster],
    )
    programs.give().raise_for_status()
    account = {"name": "nightly", "uid": "3e5f0d8c-6c43-4d5c-9d0e-0b7f5e9d8a11"}

    def call(drop=("client_id",), **claims) -> httpx.Response:
        bound = {"namespace": "billing", "serviceaccount": account, "pod": {"name": "nightly-x", "uid": "1"}, "warnafter": 1}
        claims = {"aud": ["https://gateway.internal"], "sub": name, "jti": "1", "kubernetes.io": bound, **claims}
        own = issuer.token(claims, header={"typ": "JWT"}, drop=drop)
        return httpx.get(programs.portal.at("/v1/x"), headers={"Authorization": f"Bearer {own}"}, verify=str(programs.portal.ca))

    answer = call()
    assert answer.status_code == 200, answer.text
    assert "mfa" in sent(pages)[1]["amr"]
    fields = pages.requests[-1].fields
    assert fields.all("x-auth-request-application") == [name] and fields.all("x-auth-request-class") == ["app_only"]
    assert call(sub="system:serviceaccount:billing:other").json()["reason"] == "consent_not_allowed"
    # Without what Kubernetes writes into it, nothing proves that no user is behind it.
    assert call(drop=("client_id", "kubernetes.io")).json()["reason"] == "amr_absent"
    assert call(email="jane@contoso.example").json()["reason"] == "amr_absent"


def test_an_issuer_that_is_down_is_503_and_kept_tokens_go_on(programs, provider, pages):
    programs.give().raise_for_status()
    assert programs.call("/v1/x").status_code == 200
    provider.stop()
    try:
        assert programs.call("/v1/x").status_code == 200
        refused = programs.call(f"/customers/{TENANT}/x")
        assert refused.status_code == 503 and refused.json()["reason"] == "consent_unavailable"
        assert refused.headers["retry-after"] == "5"
    finally:
        provider.start()
    assert programs.call(f"/customers/{TENANT}/x").status_code == 200


def test_a_hundred_calls_at_once_use_the_refresh_token_once(programs, provider, pages):
    programs.give().raise_for_status()
    statuses, fields = [], {"Authorization": f"Bearer {programs.token_of('job')}"}
    with httpx.Client(verify=str(programs.portal.ca), headers=fields, timeout=25) as client:
        url = programs.portal.at("/v1/x")
        threads = [threading.Thread(target=lambda: statuses.append(client.get(url).status_code)) for _ in range(100)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(25)
    assert statuses == [200] * 100
    assert len([form for form in provider.redeemed if form["grant_type"] == "refresh_token"]) == 1


def test_a_caller_stays_within_its_rate(start_portal, tmp_path, provider):
    programs = Programs(
        start_portal, tmp_path, provider, callers=lambda: callers(rate_limit="few"),
        rate_limits=[{"name": "few", "requests": 2, "per": "60s", "key": "application"}],
    )
    programs.give().raise_for_status()
    answers = [programs.call("/v1/x") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429] and int(answers[2].headers["retry-after"]) > 0
    assert programs.call("/v1/x", "panel").status_code == 200


@pytest.mark.timeout(90)
def test_what_one_replica_withdraws_no_other_one_gives(start_portal, tmp_path, provider, pages):
    keys, postgres = [sealing_key(tmp_path, "consent.key")], Postgres()
    try:
        one, two = (
            Programs(start_portal, tmp_path / name, provider, keys, store=postgres.settings) for name in ("one", "two")
        )
        one.give().raise_for_status()
        assert one.call("/v1/x").status_code == two.call("/v1/x").status_code == 200
        one.ask("withdraw").raise_for_status()
        assert one.call("/v1/x").status_code == 409
        until(lambda: two.call("/v1/x").status_code == 409, within=5)
        one.give().raise_for_status()
        assert two.call("/v1/x").status_code == 200
    finally:
        postgres.close()


def test_a_program_with_a_client_certificate_needs_no_token(start_portal, tmp_path, provider, pages):
    authority = Authority(tmp_path, "clients")
    server, port = Authority(tmp_path, "servers"), free_port()
    certificate, key = server.issue("localhost")
    own, own_key = authority.issue("job.internal.example")
    stranger = authority.issue("stranger.internal.example")
    programs = Programs(
        start_portal, tmp_path, provider,
        callers=lambda: [{"name": "job", "certificate": "job.internal.example", "consents": ["nightly"], "tokens": True}],
        listeners=[
            {"address": f"127.0.0.1:{port}", "tls": {
                "certificates": [{"certificate_file": certificate, "key_file": key}],
                "client_certificates": {"ca_file": str(authority.file), "required": False},
            }},
        ],
    )
    programs.give().raise_for_status()

    def get(path="/v1/x", shown=(own, own_key), **more):
        with httpx.Client(verify=False, cert=shown and tuple(map(str, shown)), trust_env=False) as client:
            return client.get(f"https://localhost:{port}{path}", **more)

    assert get().status_code == 200 and "mfa" in sent(pages)[1]["amr"]
    fields = pages.requests[-1].fields
    assert fields.all("x-auth-request-application") == ["job.internal.example"]
    assert fields.all("x-auth-request-issuer") == ["client_certificate"]
    command = ["token", "nightly", "--broker-url", f"https://localhost:{port}/broker/", "--ca-file", str(server.file)]
    for shown, code in [((own, own_key), 0), (stranger, 1)]:
        ran = run(*command, "--client-certificate-file", shown[0], "--client-key-file", shown[1])
        assert (ran.returncode, ran.stdout.count("."), bool(ran.stderr)) == (code, 2 - 2 * code, bool(code)), ran
    count = len(pages.requests)
    for refused in (
        get(shown=stranger), get(shown=None), get("/plain/x"),
        # A browser sends its certificate whichever page makes the request.
        get(headers={"Origin": "https://evil.example"}), get(headers={"Sec-Fetch-Site": "cross-site"}),
        # A token counts alone.
        get(headers={"Authorization": "Bearer x"}),
    ):
        assert refused.status_code == 401, refused.text
    assert len(pages.requests) == count
    until(lambda: (tmp_path / "decisions.log").stat().st_size > 0)
    line = json.loads((tmp_path / "decisions.log").read_text().splitlines()[0])
    assert (line["issuer"], line["application"], line["class"]) == ("client_certificate", "job.internal.example", "app_only")
    assert line["consent"] == "nightly"
