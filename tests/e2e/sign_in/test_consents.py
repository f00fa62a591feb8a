"""Consents of unattended programs: a person gives one with MFA, the gateway keeps it, and nothing of it gets out.

The provider replaces a refresh token at each use, and complains about one that comes twice: its fixture fails on that.
"""

import json
import signal
import subprocess
import threading
from urllib.parse import urlencode, urlsplit

import httpx
import pytest
from support.demo import Provider
from support.gateway import BINARY, free_port
from support.identity_provider import CASEY, JANE
from support.job import BACK, Job
from support.journal import metric, until
from support.portal import Portal, sealing_key, secret_file
from support.postgres import Postgres


@pytest.fixture
def job(start_portal, tmp_path, provider):
    return Job(start_portal, tmp_path, provider)


def test_a_person_consents_once_and_the_gateway_uses_that_from_then_on(job, provider):
    assert job.listed()["state"] == "absent" and job.ask("try").json()["reason"] == "absent"
    assert job.give().json() == {"user": JANE["sub"], "display": JANE["preferred_username"], "tenant": "", "warnings": []}
    asked = dict(provider.asked[-1])
    assert asked["prompt"] == "login" and {"offline_access", "api", "openid"} <= set(asked["scope"].split())
    for _ in range(3):
        tried = job.ask("try").raise_for_status().json()
        assert tried["mfa"] is True and "mfa" in tried["amr"]
    listed = job.listed()
    assert listed["state"] == "alive" and listed["mfa"] and listed["givenBy"] == "token file" and listed["lapses"], listed
    assert metric(job.portal, "mfa_gateway_consent_state", consent="nightly", state="alive") == 1
    # Each try used the token that the one before had brought.
    used = [form["refresh_token"] for form in provider.redeemed if form["grant_type"] == "refresh_token"]
    assert len(set(used)) == 3
    shown = json.dumps([listed, tried]) + job.portal.log.read_text()
    assert not any(token in shown for token in used)


def test_the_database_holds_no_token(job, provider, tmp_path):
    issued = []
    provider.change_answer = lambda answer: (issued.append(answer["access_token"]), answer)[1]
    job.give().raise_for_status()
    job.ask("try").raise_for_status()
    tokens = [*provider._refreshes, *(form["refresh_token"] for form in provider.redeemed if "refresh_token" in form)]
    tokens += [part for token in issued for part in token.split(".")]
    content = b"".join(file.read_bytes() for file in (tmp_path / "state").rglob("*") if file.is_file())
    assert b"nightly" in content and tokens
    assert not any(token.encode() in content for token in tokens)


@pytest.mark.parametrize("person, consent, reason", [
    (CASEY, {}, "mfa_missing"),
    (JANE, {"user": "somebody-else"}, "wrong_user"),
    (JANE, {"tenant": "contoso"}, "wrong_tenant"),
])
def test_who_is_not_meant_or_has_no_mfa_gives_nothing(start_portal, tmp_path, provider, person, consent, reason):
    job = Job(start_portal, tmp_path, provider, consent=consent)
    provider.person = dict(person)
    refused = job.give()
    assert refused.status_code == 409 and refused.json()["reason"] == reason, refused.text
    assert refused.json()["detail"] and refused.json()["remedy"]
    assert job.listed()["state"] == "absent"


def test_an_old_sign_in_gives_nothing(job, provider):
    provider.change_claims = lambda claims: {**claims, "auth_time": claims["auth_time"] - 120}
    refused = job.give()
    assert refused.status_code == 409 and refused.json()["reason"] == "sign_in_not_fresh", refused.text
    assert dict(provider.asked[-1])["max_age"] == "0" and job.listed()["state"] == "absent"
    provider.change_claims = lambda claims: {**claims, "auth_time": "yesterday"}
    assert job.give().json()["reason"] == "sign_in_not_fresh"
    # The issuer's clock may be behind, by `clock_skew`.
    provider.change_claims = lambda claims: {**claims, "auth_time": claims["auth_time"] - 50}
    assert job.give().json()["warnings"] == []
    provider.change_claims = lambda claims: {name: value for name, value in claims.items() if name != "auth_time"}
    (warning,) = job.give().raise_for_status().json()["warnings"]
    assert "auth_time" in warning and "could not be verified" in warning


def test_who_lacks_the_role_gives_nothing(start_portal, tmp_path, provider):
    job = Job(start_portal, tmp_path, provider, consent={"role": "auditor"})
    refused = job.give()
    assert refused.status_code == 409 and refused.json()["reason"] == "role_missing" and "auditor" in refused.text
    # A user in too many groups: the token leaves them out (Entra's groups overage).
    provider.person = {**JANE, "groups": None, "_claim_names": {"groups": "src1"}, "_claim_sources": {"src1": {"endpoint": "x"}}}
    assert job.give().json()["reason"] == "roles_unknown" and job.listed()["state"] == "absent"
    provider.person = {**JANE, "groups": ["auditors"]}
    job.give().raise_for_status()
    assert job.listed()["state"] == "alive"


def test_a_global_administrator_is_warned_of(job, provider):
    provider.person = {**JANE, "wids": ["62e90394-69f5-4237-9190-012177145e10"]}
    (warning,) = job.give().raise_for_status().json()["warnings"]
    assert "global administrator" in warning


def test_an_access_token_does_not_outweigh_what_the_id_token_says(job, provider):
    provider.change_claims = lambda claims: {**claims, "amr": ["pwd"]}
    assert job.give().json()["reason"] == "mfa_missing" and job.listed()["state"] == "absent"
    provider.change_claims = lambda claims: {name: value for name, value in claims.items() if name != "amr"}
    assert job.give().status_code == 200


def test_an_issuer_that_cannot_be_reached_costs_no_consent(job, provider):
    job.give().raise_for_status()
    provider.stop()
    try:
        assert [job.ask("try").status_code for _ in range(2)] == [503, 503]
    finally:
        provider.start()
    assert job.listed()["state"] == "alive" and job.ask("try").status_code == 200


def test_what_comes_back_counts_once_and_only_for_its_own_transaction(job, provider):
    begun, other = job.begin(), job.begin()
    callback = job.sign_in(begun["url"])
    assert job.ask("finish", transaction=other["transaction"], callback=callback).json()["reason"] == "consent_expired"
    assert job.ask("finish", transaction=begun["transaction"] + "A", callback=callback).json()["reason"] == "consent_expired"
    assert job.ask("finish", transaction=begun["transaction"], callback=callback).status_code == 200
    assert job.ask("finish", transaction=begun["transaction"], callback=callback).json()["reason"] == "consent_repeated"
    reported = urlencode({"error": "access_denied", "state": dict(httpx.URL(other["url"]).params)["state"], "iss": provider.url})
    assert job.ask("finish", transaction=other["transaction"], callback=reported).json()["reason"] == "issuer_error"
    for answer in (job.ask("begin", redirect_uri="http://gateway.example/"), job.ask("begin"), job.ask("try", more="x")):
        assert answer.status_code == 400 and answer.json()["reason"] == "malformed_request"
    assert job.ask("try", consent="other").status_code == 404
    for action in ("begin", "finish", "try", "withdraw"):
        assert httpx.post(f"{job.portal.admin_url}/consents/{action}", json={"consent": "nightly"}).status_code == 401


def test_without_a_refresh_token_nothing_is_given(job, provider):
    provider.change_answer = lambda answer: {name: value for name, value in answer.items() if name != "refresh_token"}
    assert job.give().json()["reason"] == "no_refresh_token"


def test_a_revoked_token_asks_for_a_new_consent_and_the_others_pass(job, provider):
    job.give().raise_for_status()

    def answers(status: int, **document):
        provider.instead["/t/x/token"] = provider.instead["/token"] = lambda handler: handler.send(status, document) or True

    answers(503, error="temporarily_unavailable")
    assert job.ask("try").status_code == 503 and job.listed()["state"] == "alive"
    answers(400, error="invalid_grant", error_codes=[50076], trace_id="t-1", correlation_id="c-1")
    refused = job.ask("try").json()
    assert refused["reason"] == "reconsent_mfa" and "MFA" in refused["remedy"], refused
    listed = job.listed()
    assert (listed["state"], listed["why"]) == ("reconsent_mfa", "AADSTS50076")
    assert job.portal.logged("t-1") and job.portal.logged("c-1")
    provider.instead.clear()
    provider.complaints.clear()
    job.give().raise_for_status()
    assert job.ask("try").status_code == 200 and job.listed()["state"] == "alive"
    answers(401, error="invalid_client")
    assert job.ask("try").json()["reason"] == "client_credential"
    provider.instead.clear()
    assert job.ask("try").status_code == 200 and job.listed()["state"] == "alive", "no new consent is needed"
    provider.change_answer = lambda answer: {**answer, "id_token": None, "access_token": provider.token({"amr": ["pwd"]})}
    assert job.ask("try").json()["mfa"] is False and job.listed()["state"] == "no_mfa"


def test_the_next_consent_asks_for_what_the_policy_wants(job, provider):
    job.give().raise_for_status()
    challenge = {"access_token": {"polids": {"essential": True, "values": ["9f0c"]}}}

    def answers(claims):
        document = {"error": "interaction_required", "error_codes": [50076], "claims": claims}
        provider.instead["/token"] = lambda handler: handler.send(400, document) or True

    answers(json.dumps(challenge))
    assert job.ask("try").json()["reason"] == "reconsent_mfa"
    provider.instead.clear()
    begun = job.begin()
    asked = json.loads(dict(httpx.URL(begun["url"]).params)["claims"])
    assert asked["access_token"] == challenge["access_token"] and asked["id_token"], asked
    job.ask("finish", transaction=begun["transaction"], callback=job.sign_in(begun["url"])).raise_for_status()
    job.begin()
    assert "access_token" not in dict(httpx.URL(job.begin()["url"]).params)["claims"], "the policy is satisfied"
    for hostile in ("x" * 5000, "[1]", json.dumps({"access_token": "x"}), {"access_token": {}}, '{"a":{"b":"\\u0000"}}'):
        answers(hostile)
        assert job.ask("try").json()["reason"] == "reconsent_mfa"
        provider.instead.clear()
        job.give().raise_for_status()


def test_a_withdrawn_consent_is_gone(job, provider, tmp_path):
    job.give().raise_for_status()
    assert job.ask("withdraw").json() == {"withdrawn": True}
    assert job.ask("withdraw").json() == {"withdrawn": False}
    assert job.ask("try").json()["reason"] == "withdrawn" and job.listed()["state"] == "withdrawn"
    job.give().raise_for_status()
    assert job.ask("try").status_code == 200


def test_the_command_has_a_person_consent_and_tells_how_it_does(job, provider):
    pasted = job.command("give", "nightly", "--paste", stdin=f"{BACK}?code=x&state=y&iss={provider.url}\n")
    assert pasted.returncode == 1 and "no consent under way" in pasted.stdout, pasted
    back = f"http://localhost:{free_port()}/back"
    giving = subprocess.Popen(
        [BINARY, "consents", "give", "nightly", "--redirect-uri", back, "--admin-url", job.portal.admin_url,
         "--operator-token-file", job.token_file], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )
    url = next(line.strip() for line in giving.stderr if line.startswith("http"))
    page = httpx.get(url, follow_redirects=True)
    assert page.status_code == 200 and "return to the terminal" in page.text
    said, _ = giving.communicate(timeout=10)
    assert giving.returncode == 0 and JANE["preferred_username"] in said, said
    listed = job.command("list")
    assert listed.returncode == 0 and "nightly" in listed.stdout and "alive" in listed.stdout, listed
    tried = job.command("try", "nightly")
    assert tried.returncode == 0 and "with MFA" in tried.stdout, tried
    assert job.command("withdraw", "nightly").stdout == "withdrawn\n"
    tried = job.command("try", "nightly")
    assert tried.returncode == 1 and "Give the consent again" in tried.stdout, tried
    tokens = [form.get("refresh_token", "none") for form in provider.redeemed] + list(provider._refreshes)
    log = job.portal.log.read_text()
    assert not any(token in text for token in tokens for text in (log, said, listed.stdout, tried.stdout))


@pytest.mark.timeout(90)
def test_two_replicas_use_each_token_once_and_survive_the_database(start_portal, tmp_path, provider):
    keys, postgres = [sealing_key(tmp_path, "consent.key")], Postgres()
    try:
        one, two = (
            Job(start_portal, tmp_path / name, provider, keys, store={**postgres.settings, "timeout": "1s"})
            for name in ("one", "two")
        )
        one.give().raise_for_status()
        answers = []

        def use(job):
            answers.extend(job.ask("try").status_code for _ in range(15))

        threads = [threading.Thread(target=use, args=(job,)) for job in (one, two, one, two)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert answers == [200] * 60 and provider.complaints == []
        # The database goes away between the issuer and the store: the next refresh token stays in memory.
        provider.change_answer = lambda answer: (postgres.kill(), answer)[1]
        assert one.ask("try").status_code == 200
        provider.change_answer = lambda answer: answer
        assert one.portal.logged("the store can't take a refresh token")
        postgres.start()
        until(lambda: one.ask("try").status_code == 200, within=20)
        assert two.ask("try").status_code == 200 and provider.complaints == []
    finally:
        postgres.close()


@pytest.mark.slow
@pytest.mark.timeout(90)
@pytest.mark.parametrize("single_use", [True, False])
def test_after_a_crash_between_issuer_and_store_no_token_goes_out_twice(start_portal, tmp_path, provider, single_use):
    keys = [sealing_key(tmp_path, "consent.key")]

    def start():
        consent = {"single_use": single_use, "timeout": "1s"}
        return Job(start_portal, tmp_path, provider, keys, consent=consent)

    job = start()
    job.give().raise_for_status()
    job.ask("try").raise_for_status()

    def die(answer):
        job.portal.process.send_signal(signal.SIGKILL)
        return answer

    provider.change_answer = die
    with pytest.raises(httpx.HTTPError):
        job.ask("try")
    provider.change_answer = lambda answer: answer
    job.portal.process.wait(5)
    job.portal.process.returncode = 0
    again = start()
    sent, answers = len(provider.redeemed), []
    # The lease of the one that died must be over first.
    until(lambda: (refused := again.ask("try")).json()["reason"] != "issuer_unavailable" and answers.append(refused) is None, 40)
    (refused,) = answers
    if single_use:
        assert refused.json()["reason"] == "reconsent" and len(provider.redeemed) == sent
        assert again.listed()["why"] == "abandoned"
        # Nor for an operator who insists, nor after another start.
        assert again.ask("try").json()["reason"] == "reconsent" and len(provider.redeemed) == sent
        again.portal.stop()
        again = start()
        assert again.ask("try").json()["reason"] == "reconsent" and len(provider.redeemed) == sent
        again.give().raise_for_status()
        assert again.ask("try").status_code == 200
    else:
        # This issuer takes it for stolen all the same, and says so.
        assert refused.json()["reason"] == "reconsent" and len(provider.redeemed) == sent + 1
        provider.complaints.clear()


CONTOSO, SERVICE_ACCOUNT = "df845f1a-7b35-40a2-ba78-6481de91f8ae", "6d4f1c1e-3f2a-4c7b-9d52-1f4a3f1a7e10"
ADATUM, ALPINE_SKI_HOUSE = "0c39d6d5-c70d-4c55-bc02-f620844f3fd1", "4d3cf487-70f4-4e1e-9ff1-b2bfce8d9f04"
NIGHTLY, NIGHTLY_SECRET = "5b0d9a4e-2f6c-4c1b-8d37-a94e60b1f2c8", "demo-only-nightly-secret"

# Entra's errors and the state of the table in docs/unattended.md.
STATES = {
    "reconsent_mfa": (50072, 50074, 50076, 50078, 50079, 50158, 53004),
    "reconsent": (50132, 50133, 50173, 70000, 70008, 70043, 700082),
    "client_credential": (70002, 700027, 7000215, 7000222),
    "blocked": (50057, 50105, 53003, 530034),
    "alive": (50087, 50196, 90033, 90055, 65001, 65004, 650052, 650057),
}


class EntraJob(Job):
    """The same with the demo's identity provider, which answers as Entra does."""

    def sign_in(self, url: str) -> str:
        answer = httpx.get(url, params={**httpx.URL(url).params, "login_hint": "nightly"})
        return urlsplit(answer.headers["location"]).query


@pytest.fixture(scope="module")
def entra_job(tmp_path_factory, session_demo, authority, session_pages, session_sockets):
    folder, provider = tmp_path_factory.mktemp("entra"), Provider(session_demo)
    consent = {"client_id": NIGHTLY, "client_secret_file": secret_file(folder, "nightly", NIGHTLY_SECRET),
               "tenant": CONTOSO, "user": SERVICE_ACCOUNT, "scope": "https://api.partnercenter.microsoft.com/.default",
               "tenant_token_endpoint": f"{provider.url}{{tenant}}/token", "single_use": False}

    def start(folder, **changes):
        return Portal(folder, authority, provider, session_pages, session_sockets, **changes)

    job = EntraJob(start, folder, provider, consent=consent)
    yield job
    provider.honest()
    job.portal.stop()


@pytest.mark.parametrize("state, number", [(state, number) for state, numbers in STATES.items() for number in numbers])
def test_each_of_entras_errors_leads_to_its_state(entra_job, state, number):
    entra_job.provider.honest()
    entra_job.give().raise_for_status()
    entra_job.provider.faults(refresh={"aadsts": number})
    refused = entra_job.ask("try")
    assert refused.status_code >= 400, refused.text
    listed = entra_job.listed()
    assert listed["state"] == state, (refused.text, listed)
    if state != "alive":
        assert refused.json()["reason"] == state and listed["why"] == f"AADSTS{number}"
    entra_job.provider.honest()
    # An operator who tries finds out whether it was for good.
    assert entra_job.ask("try").status_code == 200 and entra_job.listed()["state"] == "alive"


def test_a_refresh_token_that_entra_ended_asks_for_what_helps(entra_job):
    provider = entra_job.provider
    for cause, state in ((lambda: provider.faults(refresh_token={"mfa_lifetime_secs": 0}), "reconsent_mfa"),
                         (lambda: provider.end_sessions("nightly"), "reconsent")):
        provider.honest()
        entra_job.give().raise_for_status()
        assert entra_job.ask("try").json()["mfa"] is True
        cause()
        assert entra_job.ask("try").json()["reason"] == state and entra_job.listed()["state"] == state
