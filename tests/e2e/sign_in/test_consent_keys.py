"""The keys that seal consents: a new one takes over, and a copy of the database without them is worth nothing."""

import json
import threading

import httpx
import pytest
from support.job import Job
from support.journal import metric
from support.portal import sealing_key
from support.postgres import Postgres


def test_a_new_sealing_key_takes_over_and_the_old_file_may_go(start_portal, tmp_path, provider):
    old, new = sealing_key(tmp_path, "old.key"), sealing_key(tmp_path, "new.key")

    def with_keys(*keys):
        return Job(start_portal, tmp_path, provider, list(keys))

    job = with_keys(old)
    job.give().raise_for_status()
    checked = job.command("--check", of="rewrap")
    assert checked.returncode == 0 and "already current: 1" in checked.stdout, checked
    (was,) = json.loads(job.command("--check", "--json", of="rewrap").stdout)["keys"]
    job.portal.stop()
    # Without a rewrap, the new key alone opens nothing, and the one that is missing is named everywhere.
    job = with_keys(new)
    listed, tried = job.listed(), job.ask("try").json()
    assert (listed["state"], listed["why"]) == ("sealed", f"key {was['id']}") and "consent_keys" in listed["remedy"], listed
    assert tried["reason"] == "sealed" and was["id"] in tried["detail"], tried
    assert metric(job.portal, "mfa_gateway_consent_state", consent="nightly", state="sealed") == 1
    rewrapped = job.command(of="rewrap")
    assert rewrapped.returncode == 1 and f"nightly: the key {was['id']} sealed it" in rewrapped.stdout, rewrapped
    job.portal.stop()
    job = with_keys(new, old)
    checked = job.command("--check", of="rewrap")
    assert checked.returncode == 1 and "due: 1" in checked.stdout and "may go" not in checked.stdout, checked
    rewrapped = job.command(of="rewrap")
    assert rewrapped.returncode == 0 and "rewrapped: 1, already current: 0" in rewrapped.stdout, rewrapped
    again = job.command(of="rewrap")
    assert again.returncode == 0 and "rewrapped: 0, already current: 1" in again.stdout, again
    checked = job.command("--check", of="rewrap")
    assert checked.returncode == 0 and f"({was['id']}): seals 0; its file may go" in checked.stdout, checked
    job.portal.stop()
    job = with_keys(new)
    assert job.listed()["state"] == "alive" and job.ask("try").json()["mfa"] is True
    assert httpx.post(f"{job.portal.admin_url}/consents/rewrap", json={}).status_code == 401
    assert job.post("rewrap", {"chek": True}).status_code == 400


@pytest.mark.timeout(90)
def test_keys_change_beside_replicas_that_renew(start_portal, tmp_path, provider):
    old, new = sealing_key(tmp_path, "old.key"), sealing_key(tmp_path, "new.key")
    postgres, issued = Postgres(), []
    provider.change_answer = lambda answer: (issued.append(answer["access_token"]), answer)[1]
    try:
        one, two = (
            Job(start_portal, tmp_path / name, provider, keys, store=postgres.settings)
            for name, keys in (("one", [old, new]), ("two", [new, old]))
        )
        one.give().raise_for_status()
        answers, done = [], threading.Event()

        def use(job):
            while not done.is_set():
                answers.append(job.ask("try").status_code)

        threads = [threading.Thread(target=use, args=(job,)) for job in (one, two)]
        for thread in threads:
            thread.start()
        rewraps = [two.post("rewrap", {}).raise_for_status().json() for _ in range(20)]
        done.set()
        for thread in threads:
            thread.join(30)
        assert set(answers) == {200} and provider.complaints == [] and len(answers) > 10
        assert any(rewrap["rewrapped"] for rewrap in rewraps) and not any(rewrap["sealed"] for rewrap in rewraps)
        assert two.post("rewrap", {}).json()["due"] == 0
        # A dump of the database, as a backup has it: neither a token nor what could open one.
        tokens = {*provider._refreshes, *(form["refresh_token"] for form in provider.redeemed if "refresh_token" in form)}
        tokens |= {part for token in issued for part in (token, token.split(".")[1])}
        dumped = postgres.dump()
        assert "nightly" in dumped and len(tokens) > 10
        assert not any(form in dumped for token in tokens for form in (token, token.encode().hex()))
    finally:
        postgres.close()
