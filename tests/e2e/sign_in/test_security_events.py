"""Security event tokens at two replicas on one Postgres: what one is told ends tokens and sessions on both within a second."""

import secrets
import time

import httpx
import pytest
from test_replicas import gone_within, is_alive, start_replicas

from support.identity_provider import JANE, JOHN
from support.journal import until
from support.portal import routes
from support.postgres import Postgres

pytestmark = pytest.mark.timeout(90)

CAEP = "https://schemas.openid.net/secevent/caep/event-type/"
AUDIENCE = "https://gateway.example/security-events"


@pytest.fixture(scope="module")
def module_postgres():
    postgres = Postgres()
    yield postgres
    postgres.close()


@pytest.fixture
def postgres(module_postgres):
    if module_postgres.process.poll() is not None:
        module_postgres.start()
    return module_postgres


@pytest.fixture
def replicas(start_portal, postgres, tmp_path):
    return started(start_portal, postgres, tmp_path)


def started(start_portal, postgres, tmp_path, **changes):
    return start_replicas(
        start_portal, postgres, tmp_path,
        security_events={"transmitters": [{"name": "idp", "issuer": "idp", "audience": AUDIENCE}]},
        routes=[*routes(), {"path": "/security-events", "serve": "security_events", "require": "public"}], **changes,
    )


def event(provider, name: str = "session-revoked", who: dict = JANE, **changes) -> str:
    now = int(time.time())
    claims = {
        "aud": AUDIENCE, "jti": secrets.token_hex(8), "iat": now, "events": {CAEP + name: {"event_timestamp": now}},
        "sub_id": {"format": "iss_sub", "iss": provider.url, "sub": who["sub"]}, **changes,
    }
    return provider.mint(claims, {"typ": "secevent+jwt"})


def push(replica, token: str) -> httpx.Response:
    fields = {"Content-Type": "application/secevent+jwt"}
    return httpx.post(replica.at("/security-events"), content=token, headers=fields, verify=str(replica.ca), timeout=20)


def call(replica, token: str) -> tuple[int, str]:
    at = f"https://localhost:{replica.tls_port}/v1/customers"
    response = httpx.get(at, headers={"Authorization": f"Bearer {token}"}, verify=str(replica.ca), timeout=20)
    return response.status_code, "" if response.status_code == 200 else response.headers["www-authenticate"]


def at_port(replica):
    """The address of this replica itself, not of the load balancer."""
    class Itself:
        ca = replica.ca
        at = staticmethod(lambda path: f"https://localhost:{replica.tls_port}{path}")
    return Itself


def test_an_event_at_one_replica_ends_tokens_and_sessions_at_the_other_within_a_second(replicas, provider):
    first, second = replicas
    visitor = first.signed_in("/mfa/start")
    jane, john = provider.jane(sub=JANE["sub"]), provider.jane(sub=JOHN["sub"])
    for replica in replicas:
        assert call(replica, jane)[0] == call(replica, john)[0] == 200
        assert is_alive(visitor, replica, first)
    began = time.monotonic()
    assert push(at_port(first), event(provider)).status_code == 202
    assert call(first, jane)[0] == 401, "at once, where it was told"
    until(lambda: call(second, jane)[0] == 401, within=3)
    gone_within(1, visitor, second, first)
    assert time.monotonic() - began < 1.5
    assert not is_alive(visitor, first, first)
    assert call(second, jane)[1].startswith('Bearer error="invalid_token"')
    for replica in replicas:
        assert call(replica, john)[0] == 200, "nobody else's"
    # What comes later stands, on both.
    time.sleep(1.1)
    fresh = provider.jane(sub=JANE["sub"], iat=int(time.time()))
    again = first.signed_in("/mfa/start")
    for replica in replicas:
        assert call(replica, fresh)[0] == 200
        assert is_alive(again, replica, first)


def test_an_event_counts_once_on_all_replicas_and_survives_their_end(start_portal, replicas, provider, postgres, tmp_path):
    first, second = replicas
    jane, token = provider.jane(sub=JANE["sub"]), event(provider)
    for replica in (first, second, first):
        assert push(at_port(replica), token).status_code == 202
    metrics = [httpx.get(f"http://127.0.0.1:{replica.admin_port}/metrics").text for replica in replicas]
    line = 'mfa_gateway_security_event_tokens_total{{transmitter="idp",result="{}"}} {}'
    assert line.format("accepted", 1) in metrics[0] and line.format("repeated", 1) in metrics[0]
    assert line.format("accepted", 0) in metrics[1] and line.format("repeated", 1) in metrics[1]
    for replica in replicas:
        replica.stop()
    for replica in started(start_portal, postgres, tmp_path / "again" if (tmp_path / "again").mkdir() is None else tmp_path):
        assert call(replica, jane)[0] == 401, "after a restart"


def test_without_the_store_a_delivery_is_refused_and_comes_again(start_portal, postgres, provider, tmp_path):
    first, second = started(start_portal, postgres, tmp_path)
    john, token = provider.jane(sub=JOHN["sub"]), event(provider, who=JOHN)
    assert call(second, john)[0] == 200
    postgres.kill()
    response = push(at_port(first), token)
    assert (response.status_code, response.headers["retry-after"]) == (503, "5")
    assert call(first, john)[0] == call(second, john)[0] == 200, "nothing of it counts, and tokens go on meanwhile"
    postgres.start()
    until(lambda: push(at_port(first), token).status_code == 202, within=20)
    until(lambda: call(second, john)[0] == 401, within=10)
