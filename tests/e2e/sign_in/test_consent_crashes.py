"""The crash points of a consent's use, with two replicas on Postgres: docs/unattended.md lists them.

With an issuer that tolerates an older token (Entra), no consent is lost. With one that takes a token that comes twice for
stolen, none is sent twice: the provider complains about it, and its fixture fails on that.
"""

import signal
import time

import httpx
import pytest
from support.job import Job
from support.journal import until
from support.portal import sealing_key
from support.postgres import Postgres

# Eleven seconds each.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(120), pytest.mark.parametrize("single_use", [True, False])]


@pytest.fixture
def postgres():
    postgres = Postgres()
    yield postgres
    postgres.close()


@pytest.fixture
def replicas(start_portal, tmp_path, provider, postgres, single_use):
    """Two of them, with a consent that was used once."""
    provider.single_use = single_use
    keys, consent = [sealing_key(tmp_path, "consent.key")], {"single_use": single_use, "timeout": "1s"}
    one, two = (
        Job(start_portal, tmp_path / name, provider, keys, consent=consent, store={**postgres.settings, "timeout": "1s"})
        for name in ("one", "two")
    )
    one.give().raise_for_status()
    one.ask("try").raise_for_status()
    return one, two


def killed(job):
    job.portal.process.send_signal(signal.SIGKILL)
    job.portal.process.wait(5)
    job.portal.process.returncode = 0


def settled(job) -> str:
    """What a try says once the lease of the one that died is over."""
    answers = []

    def answer():
        tried = job.ask("try")
        answers.append("ok" if tried.status_code == 200 else tried.json()["reason"])
        return answers[-1] != "issuer_unavailable"

    until(answer, 40)
    return answers[-1]


def test_after_the_lease_and_before_the_request(replicas, postgres, provider, single_use):
    one, two = replicas
    sent = len(provider.redeemed)
    killed(one)
    # What the database has of a replica that took the lease and then died.
    postgres.ask("UPDATE mfa_consent SET lease_holder = 'dead', lease_until = EXTRACT(EPOCH FROM clock_timestamp()) * 1000 + 2000")
    assert settled(two) == ("reconsent" if single_use else "ok")
    # Whether it was sent is not known, so that it is not sent again.
    assert len(provider.redeemed) == sent + (0 if single_use else 1)


def test_after_the_issuer_saw_it_and_before_it_answered(replicas, provider, single_use):
    one, two = replicas
    provider.change_answer = lambda answer: (killed(one), answer)[1]
    with pytest.raises(httpx.HTTPError):
        one.ask("try")
    provider.change_answer = lambda answer: answer
    assert settled(two) == ("reconsent" if single_use else "ok")
    assert two.listed()["why"] == ("abandoned" if single_use else "")


def test_after_the_issuer_answered_and_before_the_store_took_it(replicas, postgres, provider, single_use):
    one, two = replicas
    provider.change_answer = lambda answer: (postgres.kill(), answer)[1]
    assert one.ask("try").status_code == 200, "the caller has its token all the same"
    provider.change_answer = lambda answer: answer
    assert one.portal.logged("the store can't take a refresh token")
    killed(one)
    postgres.start()
    until(lambda: "store_unavailable" not in two.ask("try").text, 20)
    assert settled(two) == ("reconsent" if single_use else "ok")


def test_after_the_store_took_it_and_before_the_reply(replicas, postgres, provider, single_use):
    one, two = replicas
    before = postgres.ask("SELECT generation FROM mfa_consent")
    one.ask("try").raise_for_status()
    assert postgres.ask("SELECT generation FROM mfa_consent") != before
    killed(one)
    assert two.ask("try").status_code == 200 and two.listed()["state"] == "alive"


def test_a_replica_that_sleeps_longer_than_its_lease(replicas, provider, single_use):
    one, two = replicas
    provider.change_answer = lambda answer: (one.portal.process.send_signal(signal.SIGSTOP), answer)[1]
    with pytest.raises(httpx.TimeoutException):
        one.post("try", {"consent": "nightly"}, timeout=1)
    provider.change_answer = lambda answer: answer
    assert settled(two) == ("reconsent" if single_use else "ok")
    one.portal.process.send_signal(signal.SIGCONT)
    # Its request is too late by then, and harms nothing of what the other has stored.
    until(lambda: one.ask("try").status_code == (409 if single_use else 200), 20)
    assert two.listed()["state"] == ("reconsent" if single_use else "alive")
    one.give().raise_for_status()
    assert one.ask("try").status_code == 200 and two.ask("try").status_code == 200


def test_an_issuer_slower_than_the_request_may_take(replicas, provider, single_use):
    one, two = replicas
    provider.change_answer = lambda answer: (time.sleep(1.5), answer)[1]
    assert one.ask("try").status_code == 503
    provider.change_answer = lambda answer: answer
    assert settled(two) == ("reconsent" if single_use else "ok")
    assert one.ask("try").status_code == (409 if single_use else 200)


def test_an_issuer_that_is_down(replicas, provider, single_use):
    one, two = replicas
    provider.stop()
    try:
        assert [job.ask("try").status_code for job in (one, two, one)] == [503] * 3
    finally:
        provider.start()
    assert one.ask("try").status_code == two.ask("try").status_code == 200 and two.listed()["state"] == "alive"


def test_an_issuer_whose_success_cannot_be_read(replicas, provider, single_use):
    one, two = replicas
    provider.change_answer = lambda answer: {"token_type": "Bearer", "error": "none"}
    assert one.ask("try").status_code == 503
    provider.change_answer = lambda answer: answer
    assert settled(two) == ("reconsent" if single_use else "ok")


def test_an_issuer_that_gives_no_mfa_any_more(replicas, provider, single_use):
    one, two = replicas
    provider.change_answer = lambda answer: {**answer, "id_token": None, "access_token": provider.token({"amr": ["pwd"]})}
    assert one.ask("try").json()["mfa"] is False and two.listed()["state"] == "no_mfa"
    provider.change_answer = lambda answer: answer
    assert two.ask("try").json()["mfa"] is True and one.listed()["state"] == "alive"
