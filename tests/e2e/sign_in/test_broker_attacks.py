"""What hostile programs try on routes that use consents."""

import json
import threading
import time
from contextlib import suppress

import httpx
import pytest
from support.gateway import free_port
from support.http1 import Connection, request
from support.http2 import call as call_http2
from support.journal import metric, until
from support.programs import OTHER, TENANT, Programs, routes, sent
from websockets.sync.client import connect

UUID = "{:08x}-0000-4000-8000-000000000000"


def attacked_routes() -> list[dict]:
    uses = {"require": "mfa", "credential": {"consent": "nightly"}}
    return [
        *routes(),
        {"prefix": "/elsewhere/", "upstream": "pages", "token_from": {"header": "X-Token"}, **uses},
        {"prefix": "/sockets/", "upstream": "sockets", **uses},
    ]


@pytest.fixture
def attacked(start_portal, tmp_path, provider):
    """The same programs on a listener without TLS, so that every byte can be chosen."""
    port = free_port()
    programs = Programs(start_portal, tmp_path, provider, routes=attacked_routes, listeners=[{"address": f"127.0.0.1:{port}"}])
    programs.plain = port
    programs.give().raise_for_status()
    return programs


def ask(programs, target: str, headers=(), application: str = "job", method: str = "GET"):
    with Connection(programs.plain) as connection:
        connection.send(request(method, target, programs.token_of(application), headers))
        return connection.response(method)


def test_no_spelling_of_a_path_leads_to_another_tenant(attacked, provider, pages):
    before = len(provider.redeemed)
    for path in (
        f"/customers/{OTHER}/x", f"/customers/{TENANT}/../{OTHER}/x", f"/customers/{OTHER}/../{TENANT}/../{OTHER}/x",
        f"/customers/{TENANT}%2f..%2f{OTHER}/x", f"/customers/{TENANT}%2F/x", f"/customers/%31{TENANT[1:]}/x", f"/customers/{TENANT}%20/x",
        f"/customers/{TENANT};x={OTHER}/x", f"/customers/{TENANT}%00/x", f"/customers//{TENANT}/x", f"/customers/{TENANT}%5c../x",
        f"/customers/{OTHER}%2e%2e/x", "/customers/./x", "/customers/%2e%2e/x", f"/customers/{TENANT}.%0d%0aHost:x/x", f"/CUSTOMERS/{OTHER}/x",
        f"/customers/{TENANT},{OTHER}/x", f"/customers/{'a' * 200}/x", "/customers/common/x", "/customers/organizations/x",
    ):
        response = ask(attacked, path)
        assert response.status in (400, 403, 404), (path, response)
    assert pages.requests == [] and len(provider.redeemed) == before
    # Letter case is none of a tenant's.
    assert ask(attacked, f"/customers/{TENANT.upper()}/x").status == ask(attacked, f"/customers/{TENANT}/x").status == 200
    assert len(provider.redeemed) == before + 1


def test_a_field_names_one_tenant_and_only_in_its_one_form(attacked, provider, pages):
    for fields in (
        [("X-Customer", f"{TENANT},{OTHER}")], [("X-Customer", "%31" + TENANT[1:])], [("X-Customer", TENANT + "%20")],
        [("X-Customer", TENANT), ("x-customer", TENANT)], [("X_Customer", TENANT)], [("X-Customer", "")], [("X-Customer", f'"{TENANT}"')],
        [("X-Customer", f"{TENANT} {OTHER}")], [("Connection", "x-customer"), ("X-Customer", TENANT)], [("X-Customer", OTHER)],
    ):
        response = ask(attacked, "/named/x", fields)
        assert response.status in (400, 403), (fields, response)
    assert pages.requests == []
    # Space around a value is no part of it (RFC 9110 section 5.5).
    assert ask(attacked, "/named/x", [("X-Customer", f"  {TENANT}\t")]).status == 200
    assert pages.requests[-1].fields.all("x-customer") == []


def test_two_credentials_are_none(attacked, pages):
    own = attacked.token_of("job")
    for fields in ([("Authorization", f"Bearer {own}")], [("Authorization", "Basic eDp5")], [("authorization", "Bearer x")]):
        assert ask(attacked, "/v1/x", fields).status in (400, 401), fields
    assert pages.requests == []


def test_the_callers_token_stays_behind_wherever_it_stands(attacked, pages):
    own = attacked.token_of("job")
    with Connection(attacked.plain) as connection:
        connection.send(request("GET", "/elsewhere/x", None, [("X-Token", own)]))
        assert connection.response("GET").status == 200
    token, claims = sent(pages)
    assert "mfa" in claims["amr"] and token != own and own not in pages.requests[-1].head.decode()
    # Somebody's token in the usual place doesn't count there, and goes nowhere.
    with Connection(attacked.plain) as connection:
        connection.send(request("GET", "/elsewhere/x", own))
        assert connection.response("GET").status == 401
    with Connection(attacked.plain) as connection:
        connection.send(request("GET", "/elsewhere/x", "forged", [("X-Token", own)]))
        status = connection.response("GET").status
    assert status in (200, 400) and "forged" not in pages.requests[-1].head.decode()


def test_http2_makes_no_difference(attacked, pages):
    response = call_http2(attacked.plain, f"/customers/{TENANT}/x", attacked.token_of("job"))
    assert response.status == 200 and "mfa" in sent(pages)[1]["amr"]
    count = len(pages.requests)
    own = attacked.token_of("job")
    for path, fields in ((f"/customers/{OTHER}/x", []), (f"/customers/{TENANT}%2f../x", []), ("/named/x", [("x-customer", TENANT)] * 2),
                         ("/v1/x", [("authorization", f"Bearer {own}")])):
        assert call_http2(attacked.plain, path, own, headers=fields).status in (400, 401, 403), path
    assert len(pages.requests) == count


def test_a_websocket_is_opened_with_the_token_of_the_consent(attacked, sockets):
    own = attacked.token_of("job")
    with connect(f"ws://127.0.0.1:{attacked.plain}/sockets/x", additional_headers={"Authorization": f"Bearer {own}"}) as socket:
        socket.send("hello")
        assert socket.recv() == "hello"
    (value,) = sockets.handshakes[-1].headers.get_all("Authorization")
    assert own not in value and value.count(".") == 2


def test_a_preflight_is_answered_by_no_broker(attacked, provider):
    before = len(provider.redeemed)
    preflight = [("Origin", "https://evil.example"), ("Access-Control-Request-Method", "POST"),
                 ("Access-Control-Request-Headers", "authorization")]
    with Connection(attacked.plain) as connection:
        connection.send(request("OPTIONS", "/broker/v1/token", None, preflight))
        response = connection.response("OPTIONS")
    assert response.status in (401, 403, 405) and "access-control-allow-origin" not in response.fields
    assert len(provider.redeemed) == before


@pytest.mark.timeout(120)
def test_a_program_that_floods_a_consent_keeps_no_other_waiting(start_portal, tmp_path, provider, pages):
    programs = Programs(start_portal, tmp_path, provider)
    programs.give().raise_for_status()
    provider.change_answer = lambda answer: (time.sleep(0.02), answer)[1]
    statuses, done = [], threading.Event()

    def flood(number: int):
        at = number * 1000
        while not done.is_set():
            at += 1
            with suppress(httpx.TransportError):
                answer = programs.wants(tenant=UUID.format(at))
                statuses.append((answer.status_code, answer.json().get("reason")))

    threads = [threading.Thread(target=flood, args=(number,), daemon=True) for number in range(110)]
    for thread in threads:
        thread.start()
    try:
        until(lambda: (503, "consent_unavailable") in statuses, 40)
        began = time.monotonic()
        assert programs.call(f"/customers/{TENANT}/x").status_code == 200
        assert time.monotonic() - began < 4
    finally:
        done.set()
    for thread in threads:
        thread.join(60)
    assert {status for status, _ in statuses} <= {200, 503}
    assert metric(programs.portal, "mfa_gateway_consent_token_requests_total", consent="nightly", result="busy") > 0


def test_a_tenant_that_gives_nothing_is_not_asked_again_at_once(programs_of_any, provider):
    programs = programs_of_any
    refused = {"error": "invalid_grant", "error_codes": [65001]}
    provider.instead[f"/t/{OTHER}/token"] = lambda handler: handler.send(400, refused) or True
    answers = [programs.wants(tenant=OTHER) for _ in range(5)]
    assert {(answer.status_code, answer.json()["reason"]) for answer in answers} == {(409, "consent_missing")}
    assert provider.seen[f"/t/{OTHER}/token"] == 1


def test_a_program_that_goes_away_stops_no_token_on_its_way_into_the_store(programs_of_any, provider, pages):
    programs, slow = programs_of_any, []
    provider.change_answer = lambda answer: (slow.append(1), time.sleep(1), answer)[2]
    question = json.dumps({"consent": "nightly"})
    with pytest.raises(httpx.ReadTimeout):
        programs.call("/broker/v1/token", "panel", "POST", content=question, timeout=0.5)
    assert slow == [1]
    # The provider complains about a token that comes twice.
    assert programs.call("/v1/x").status_code == 200 and slow == [1]
    assert programs.wants(tenant=TENANT).status_code == 200 and slow == [1, 1]


@pytest.fixture
def programs_of_any(start_portal, tmp_path, provider):
    programs = Programs(start_portal, tmp_path, provider)
    programs.give().raise_for_status()
    return programs
