"""Two replicas on one Postgres: what counts on one counts on both (SIGN-IN 19), also when it is gone."""

import secrets
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlencode, urlsplit

import pytest

from support.identity_provider import JANE, JOHN
from support.journal import until
from support.links import press
from support.portal import sealing_key
from support.postgres import Postgres

pytestmark = pytest.mark.timeout(60)


@pytest.fixture(scope="module")
def module_postgres():
    postgres = Postgres()
    yield postgres
    postgres.close()


@pytest.fixture
def postgres(module_postgres):
    if module_postgres.process.poll() is not None:
        module_postgres.start()
    yield module_postgres
    if module_postgres.process.poll() is None:
        module_postgres.pause(False)


@pytest.fixture
def replicas(start_portal, postgres, tmp_path):
    return start_replicas(start_portal, postgres, tmp_path)


def start_replicas(start_portal, postgres, tmp_path, outage="10m", **changes):
    keys = [sealing_key(tmp_path)]
    store = {**postgres.settings, "outage": outage}
    first = start_portal(tmp_path / "first", keys=keys, store=store, **changes)
    second = start_portal(tmp_path / "second", keys=keys, store=store, public_port=first.tls_port, **changes)
    return first, second


def to(visitor, replica, public):
    """The load balancer sends the visitor to this replica."""
    visitor.replica[urlsplit(public.public_url).netloc] = replica.tls_port
    return visitor


def is_alive(visitor, replica, public, path="/pages/a") -> bool:
    status = to(visitor, replica, public).fetch(public.at(path)).status
    assert status in (200, 401), status
    return status == 200


def gone_within(seconds, visitor, replica, public):
    began = time.monotonic()
    until(lambda: not is_alive(visitor, replica, public), within=seconds + 2)
    assert time.monotonic() - began < seconds, "too late"


def test_s19_a_sign_in_begun_on_one_replica_ends_on_the_other(replicas, provider):
    first, second = replicas
    for start, end in ((first, second), (second, first)):
        visitor = to(first.visitor(), start, first)
        callback = first.callback_of(visitor)
        assert to(visitor, end, first).open(callback, site="cross-site").status == 200
        for replica in replicas:
            assert is_alive(visitor, replica, first, "/mfa/a")
    assert provider.seen["/token"] == 2


def test_s19_s07_a_state_counts_once_on_all_replicas(replicas, provider):
    first, second = replicas
    for _ in range(5):
        visitor = first.visitor()
        callback = first.callback_of(visitor)
        before = provider.seen["/token"]
        doubles = [to(visitor.copy(first.ca), replica, first) for replica in replicas for _ in range(2)]
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda double: double.send(callback, site="cross-site"), doubles))
        assert provider.seen["/token"] - before == 1


def test_s19_p32_a_sign_out_on_one_replica_counts_on_the_other_within_a_second(replicas):
    first, second = replicas
    visitor, other = first.signed_in(), first.signed_in()
    copy = visitor.copy(first.ca)
    assert is_alive(copy, second, first)
    press(visitor, visitor.send(first.own("sign-out")), "Sign out")
    gone_within(1, copy, second, first)
    assert is_alive(other, second, first)


def test_s19_p21_a_step_up_on_one_replica_ends_the_old_session_on_the_other(replicas, provider):
    first, second = replicas
    provider.person = dict(JOHN)
    visitor = first.signed_in()
    old = visitor.copy(first.ca)
    assert is_alive(old, second, first)
    assert visitor.open(first.at("/mfa/a")).status == 200
    gone_within(1, old, second, first)
    assert is_alive(visitor, second, first, "/mfa/a")


def test_s19_s21_a_logout_token_counts_on_all_and_once(replicas, provider):
    first, second = replicas
    provider.sid = secrets.token_hex(8)
    visitor = first.signed_in()
    body = urlencode({"logout_token": provider.logout_token(sid=provider.sid)}).encode()
    fields = [("Content-Type", "application/x-www-form-urlencoded")]
    caller = to(first.visitor(), second, first)
    assert caller.send(first.own("back-channel-logout"), "POST", fields, body).status == 200
    gone_within(1, visitor, first, first)
    assert to(caller, first, first).send(first.own("back-channel-logout"), "POST", fields, body).status == 400


def test_s19_use_on_one_replica_keeps_a_session_from_going_idle_on_the_other(start_portal, postgres, tmp_path):
    first, second = start_replicas(start_portal, postgres, tmp_path, session={"idle": "4s"})
    visitor, idle = first.signed_in(), first.signed_in()
    for one in (visitor, idle):
        assert is_alive(one, second, first)
    began = time.monotonic()
    while time.monotonic() - began < 5.5:
        assert is_alive(visitor, first, first)
        time.sleep(0.2)
    assert is_alive(visitor, second, first)
    for replica in (second, first):
        assert not is_alive(idle, replica, first)


def test_s19_p11_a_refresh_happens_once_over_replicas(start_portal, postgres, tmp_path, provider):
    provider.change_answer = lambda answer: {**answer, "expires_in": 4}
    replicas = first, second = start_replicas(start_portal, postgres, tmp_path, session={"refresh": {"margin": "2s"}})
    visitor = first.signed_in()
    assert is_alive(visitor, second, first)
    time.sleep(2.2)
    doubles = [to(visitor.copy(first.ca), replica, first) for replica in replicas for _ in range(6)]
    with ThreadPoolExecutor(12) as pool:
        assert {hop.status for hop in pool.map(lambda double: double.fetch(first.at("/pages/a")), doubles)} == {200}
    time.sleep(0.7)
    assert sum(form["grant_type"] == "refresh_token" for form in provider.redeemed) == 1
    assert provider.complaints == []


def test_p30_s19_with_the_database_gone_sessions_go_on_and_sign_outs_hold(replicas, postgres, provider):
    first, second = replicas
    stays, leaves = first.signed_in(), first.signed_in()
    token = [("Accept", "*/*"), ("Authorization", f"Bearer {provider.jane()}")]
    for replica in replicas:
        assert is_alive(stays, replica, first)
    copy = leaves.copy(first.ca)
    page = leaves.send(first.own("sign-out"))
    for trouble in (postgres.kill, lambda: postgres.pause(True)):
        trouble()
        for replica in replicas:
            began = time.monotonic()
            assert is_alive(stays, replica, first, "/mfa/a")
            assert to(stays, replica, first).send(first.at("/v1/a"), headers=token).status == 200
            assert time.monotonic() - began < 1
        began = time.monotonic()
        hop = first.visitor().open(first.at("/pages/a"))
        assert hop.status == 503 and time.monotonic() - began < 20 and "text/html" in hop.fields.one("Content-Type")
        if trouble == postgres.kill:
            hop = press(leaves, page, "Sign out", stop_at=provider.url)
            assert hop.status in (200, 303) and "__Host-mfa-gateway" not in leaves.cookies()
            assert not is_alive(copy, first, first), "a sign-out that was answered holds"
            # By way of the provider, the person learns that the other replicas hear of it later.
            hop = leaves.open(hop.location) if hop.location else hop
            assert hop.url.startswith(first.own("signed-out")) and "other servers" in hop.text, hop.url
            postgres.start()
            until(lambda: first.visitor().open(first.at("/pages/a")).status == 200, within=15)
            until(lambda: not is_alive(copy, second, first), within=10)
        else:
            postgres.pause(False)
            until(lambda: first.visitor().open(first.at("/pages/a")).status == 200, within=15)


def test_p30_after_the_stated_time_pages_are_unavailable(start_portal, postgres, tmp_path, provider):
    first, _ = start_replicas(start_portal, postgres, tmp_path, outage="3s")
    visitor = first.signed_in()
    postgres.kill()
    assert is_alive(visitor, first, first)
    until(lambda: visitor.send(first.at("/pages/a")).status == 503, within=10)
    hop = visitor.send(first.at("/mfa/a"))
    assert hop.status == 503 and "text/html" in hop.fields.one("Content-Type")
    leaves = visitor.copy(first.ca)
    hop = press(leaves, leaves.send(first.own("sign-out")), "Sign out", stop_at=provider.url)
    assert hop.status in (200, 303) and "__Host-mfa-gateway" not in leaves.cookies()
    assert visitor.send(first.at("/status")).status == 200
    postgres.start()
    # Nobody could tell whether that session had ended; its sign-out counts all the same.
    until(lambda: visitor.send(first.at("/mfa/a")).status == 303, within=15)


# Writing fails as it does on a full disk; reading goes on.
FULL = """
CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$;
CREATE TRIGGER full_disk BEFORE INSERT OR UPDATE ON mfa_session FOR EACH STATEMENT EXECUTE FUNCTION full_disk();
"""
ROOM = "DROP TRIGGER full_disk ON mfa_session; DROP FUNCTION full_disk;"


def test_p30_s19_with_a_full_disk_sessions_go_on_and_a_sign_out_holds(start_portal, postgres, tmp_path, provider):
    first, second = start_replicas(start_portal, postgres, tmp_path, outage="3s")
    stays, leaves, other = first.signed_in(), first.signed_in(), to(first.visitor(), second, first)
    assert other.open(first.at("/pages/a")).status == 200
    copy, gone = leaves.copy(first.ca), other.copy(first.ca)
    pages = [visitor.send(first.own("sign-out")) for visitor in (leaves, other)]
    # What another replica ended before counts, however long nothing can be written here.
    press(other, pages[1], "Sign out", stop_at=provider.url)
    postgres.ask(FULL)
    try:
        hop = press(leaves, pages[0], "Sign out", stop_at=provider.url)
        assert hop.status in (200, 303) and not is_alive(copy, first, first)
        assert first.visitor().open(first.at("/pages/a")).status == 503
        time.sleep(4.5)
        for replica in (first, second):
            assert is_alive(stays, replica, first, "/mfa/a"), "longer than the outage that sessions outlive"
            assert not is_alive(gone, replica, first)
    finally:
        postgres.ask(ROOM)
    until(lambda: not is_alive(copy, second, first), within=10)
    assert first.visitor().open(first.at("/pages/a")).status == 200


def test_s19_a_replica_that_is_killed_takes_no_session_with_it(replicas, start_portal, provider):
    first, second = replicas
    provider.person = dict(JANE)
    visitor = first.signed_in()
    leaves = first.signed_in()
    copy = leaves.copy(first.ca)
    press(leaves, leaves.send(first.own("sign-out")), "Sign out")
    first.process.send_signal(signal.SIGKILL)
    first.process.wait(5)
    first.process.returncode = 0
    assert is_alive(visitor, second, first, "/mfa/a")
    gone_within(1, copy, second, first)
    assert to(first.visitor(), second, first).open(first.at("/pages/a")).status == 200
