"""An issuer that gives another's tokens for a consent, one behind a proxy, and a configuration that changes under a consent."""

import threading
import time

import httpx
import pytest
from support.identity_provider import CASEY, JANE
from support.job import Job
from support.journal import metric, until
from support.portal import sealing_key

HOME, OTHER = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
JANES, CASEYS = "aaaaaaaa-1111-4111-8111-111111111111", "bbbbbbbb-2222-4222-8222-222222222222"


def refreshes(provider) -> list[str]:
    return [form["refresh_token"] for form in provider.redeemed if form["grant_type"] == "refresh_token"]


@pytest.fixture
def in_tenants(start_portal, tmp_path, provider):
    """A consent of an issuer with tenants, as Entra writes tokens."""
    job = Job(start_portal, tmp_path, provider, consent={"tenant": HOME, "user": JANES})
    provider.person = {**JANE, "tid": HOME, "oid": JANES}
    return job


@pytest.mark.parametrize("lie, whose", [
    ({"tid": OTHER, "oid": JANES}, "tenant"), ({"tid": HOME, "oid": CASEYS}, "user"), ({"oid": CASEYS}, "user"),
])
def test_an_access_token_of_another_is_given_to_nobody(in_tenants, provider, lie, whose):
    in_tenants.give().raise_for_status()
    provider.change_answer = lambda answer: {
        **answer, "id_token": None, "access_token": provider.token({"sub": "x", "amr": ["pwd", "mfa"], **lie}),
    }
    refused = in_tenants.ask("try")
    assert refused.status_code == 409 and refused.json()["reason"] == "foreign" and whose in refused.json()["detail"], refused.text
    listed = in_tenants.listed()
    assert (listed["state"], listed["why"]) == ("foreign", f"another_{whose}") and "support" in listed["remedy"]
    assert in_tenants.portal.logged("the issuer gave another's token") and "ERROR" in in_tenants.portal.log.read_text()
    assert metric(in_tenants.portal, "mfa_gateway_consent_state", consent="nightly", state="foreign") == 1
    # The newest refresh token was kept, and works once the issuer is honest again.
    provider.change_answer = lambda answer: answer
    assert in_tenants.ask("try").json()["mfa"] is True and in_tenants.listed()["state"] == "alive"
    assert len(set(refreshes(provider))) == 2


@pytest.mark.parametrize("claims", [{}, {"tid": HOME.upper(), "oid": JANES.upper()}, {"tid": "contoso.example", "oid": "jane"},
                                    {"tid": HOME, "sub": "pairwise"}, {"tid": 7, "oid": ["x"]}])
def test_what_is_not_known_to_be_anothers_goes_on(in_tenants, provider, claims):
    in_tenants.give().raise_for_status()
    provider.change_answer = lambda answer: {
        **answer, "id_token": None, "access_token": provider.token({"amr": ["pwd", "mfa"], **claims}),
    }
    assert in_tenants.ask("try").status_code == 200 and in_tenants.listed()["state"] == "alive"


@pytest.fixture
def job(start_portal, tmp_path, provider):
    return Job(start_portal, tmp_path, provider)


def test_a_refresh_that_brings_another_users_id_token_gives_nothing(job, provider):
    job.give().raise_for_status()
    provider.change_claims = lambda claims: {**claims, "sub": CASEY["sub"]}
    assert job.ask("try").json()["reason"] == "foreign" and job.listed()["why"] == "another_user"
    provider.change_claims = lambda claims: {**claims, "aud": "another-client"}
    refused = job.ask("try")
    assert refused.status_code == 503 and "ID token" in refused.json()["detail"], refused.text
    provider.change_claims = lambda claims: claims
    assert job.ask("try").status_code == 200 and job.listed()["state"] == "alive"
    assert len(set(refreshes(provider))) == 3


@pytest.mark.parametrize("status, document, is_refusal", [
    (503, {"error": "temporarily_unavailable"}, True), (429, {"error": "slow_down"}, True), (429, b"", True),
    (500, {"error": "server_error"}, True), (503, b"<html>", False), (500, b"", False),
    (502, {"error": "bad_gateway"}, False), (504, b"<html>", False),
])
@pytest.mark.parametrize("single_use", [True, False])
def test_a_token_that_a_proxy_may_have_passed_on_is_not_sent_again(start_portal, tmp_path, provider, status, document, is_refusal,
                                                                   single_use):
    job = Job(start_portal, tmp_path, provider, consent={"single_use": single_use})
    job.give().raise_for_status()
    provider.instead["/token"] = lambda handler: handler.send(status, document) or True
    assert job.ask("try").status_code == 503
    provider.instead.clear()
    after = job.ask("try")
    if is_refusal or not single_use:
        assert after.status_code == 200, after.text
    else:
        assert after.json()["reason"] == "reconsent" and refreshes(provider) == [] and job.listed()["why"] == "abandoned"


def test_a_reload_in_the_middle_of_a_use_sends_no_token_twice(job, provider):
    """The provider complains about a token that comes twice."""
    job.give().raise_for_status()
    slow = []
    provider.change_answer = lambda answer: (slow or (slow.append(1), time.sleep(1.5))) and answer
    answers = []
    using = threading.Thread(target=lambda: answers.append(job.ask("try").status_code))
    using.start()
    until(lambda: slow)
    job.reload(margin="1m")
    answers.append(job.ask("try").status_code)
    using.join(20)
    assert answers == [200, 200] and len(set(refreshes(provider))) == 2 and job.listed()["state"] == "alive"
    # What a first attempt without an answer means isn't forgotten either.
    provider.instead["/token"] = lambda handler: handler.send(504, b"") or True
    assert job.ask("try").status_code == 503
    provider.instead.clear()
    job.reload(margin="2m")
    assert job.ask("try").json()["reason"] == "reconsent" and len(refreshes(provider)) == 2


def test_the_end_of_the_process_waits_for_a_use_under_way(start_portal, tmp_path, provider):
    keys, slow = [sealing_key(tmp_path, "consent.key")], []
    job = Job(start_portal, tmp_path, provider, keys)
    job.give().raise_for_status()
    provider.change_answer = lambda answer: (slow.append(1), time.sleep(3), answer)[2]
    with pytest.raises(httpx.ReadTimeout):
        job.post("try", {"consent": "nightly"}, timeout=0.3)
    assert slow
    job.portal.stop()
    provider.change_answer = lambda answer: answer
    job = Job(start_portal, tmp_path, provider, keys)
    assert job.ask("try").status_code == 200 and job.listed()["state"] == "alive"


@pytest.mark.parametrize("change, why", [
    ({"user": "somebody-else"}, "other_user"), ({"tenant": "contoso"}, "other_tenant"), ({"client_id": "another"}, "other_client"),
])
def test_a_consent_that_was_given_for_another_configuration_is_not_used(job, provider, change, why):
    job.give().raise_for_status()
    earlier = job.reload(**change)
    assert job.ask("try").json()["reason"] == "absent" and refreshes(provider) == []
    assert (job.listed()["state"], job.listed()["why"]) == ("absent", why)
    job.reload(**earlier)
    assert job.ask("try").status_code == 200 and job.listed()["state"] == "alive"


def test_a_changed_rule_of_the_issuer_counts_after_a_reload(job, provider):
    job.give().raise_for_status()
    assert job.ask("try").json()["mfa"] is True
    job.reload(issuer={"mfa_evidence": {"any": [{"claim": "amr", "contains": "fido"}]}})
    assert job.ask("try").json()["mfa"] is False and job.listed()["state"] == "no_mfa"


def test_a_withdrawal_during_a_use_counts_for_that_use(job, provider):
    job.give().raise_for_status()
    for _ in range(2):
        provider.change_answer = lambda answer: (job.ask("withdraw").raise_for_status(), {**answer, "refresh_token": None})[1]
        assert job.ask("try").json()["reason"] == "withdrawn" and job.listed()["state"] == "withdrawn"
        provider.change_answer = lambda answer: answer
        job.give().raise_for_status()


def test_an_issuer_that_keeps_the_refresh_token_has_used_it(job, provider):
    provider.single_use = False
    job.give().raise_for_status()
    provider.change_answer = lambda answer: {name: value for name, value in answer.items() if name != "refresh_token"}
    assert [job.ask("try").status_code for _ in range(3)] == [200] * 3
    assert len(set(refreshes(provider))) == 1 and job.listed()["state"] == "alive" and job.listed()["used"]
