"""Starting, health and stopping."""

import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from support.http1 import Connection, call, request


@pytest.fixture
def own_gateway(start_gateway, backend):
    return start_gateway(
        upstreams=[{"name": "partner-api", "endpoints": [backend.url]}],
        routes=[{"path": "/healthz", "upstream": "partner-api", "require": "public"},
                {"prefix": "/v1/", "upstream": "partner-api"}],
        timeouts={"drain": "5s"},
    )


def test_sigterm_lets_a_request_in_flight_finish_and_exits_with_success(own_gateway, issuer, backend):
    with ThreadPoolExecutor() as pool:
        in_flight = pool.submit(call, own_gateway.port, "/v1/slow", issuer.jane())
        end = time.monotonic() + 3
        while not backend.requests and time.monotonic() < end:
            time.sleep(0.01)
        own_gateway.terminate()
        response = in_flight.result(5)
    assert (response.status, response.body) == (200, b"worth the wait")
    assert own_gateway.process.wait(4) == 0


def test_sigterm_closes_idle_connections_and_takes_no_new_ones(own_gateway, issuer, backend):
    with Connection(own_gateway.port) as idle:
        idle.send(request("GET", "/healthz"))
        assert idle.response().status == 200
        own_gateway.terminate()
        assert own_gateway.process.wait(3) == 0
        assert idle.is_over()
    with pytest.raises(ConnectionRefusedError):
        call(own_gateway.port, "/healthz")


def test_the_admin_listener_says_how_it_is(own_gateway):
    admin = f"http://127.0.0.1:{own_gateway.admin_port}"
    assert httpx.get(f"{admin}/livez").status_code == 200
    assert httpx.get(f"{admin}/readyz").status_code == 200
    assert "# TYPE" in httpx.get(f"{admin}/metrics").text


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics"])
def test_the_traffic_port_says_nothing_of_the_kind(own_gateway, backend, path):
    assert call(own_gateway.port, path).status == 404
    assert backend.saw_nothing


def test_tokens_never_reach_the_log(own_gateway, issuer, backend):
    tokens = [issuer.jane(), issuer.john(), issuer.jane(exp=1)]
    for token in tokens:
        call(own_gateway.port, "/v1/customers", token)
    call(own_gateway.port, f"/v1/customers?access_token={tokens[0]}")
    log = own_gateway.log.read_text()
    for token in tokens:
        assert token.split(".")[2] not in log and token.split(".")[1] not in log
