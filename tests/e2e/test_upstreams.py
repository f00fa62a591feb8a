"""Trouble at a backend is told plainly, and one dead endpoint of several troubles nobody."""

import json
import time

import pytest

from support import http2
from support.gateway import free_port
from support.http1 import call


@pytest.fixture
def troubled(start_gateway, backend):
    """One upstream that is down, one that is soon given up, and one with a dead endpoint beside a live one."""
    dead = f"http://127.0.0.1:{free_port()}"
    return start_gateway(
        upstreams=[
            {"name": "down", "endpoints": [dead]},
            {"name": "hasty", "endpoints": [backend.url], "response_timeout": "500ms"},
            {"name": "half", "endpoints": [dead, backend.url]},
        ],
        routes=[
            {"prefix": "/down/", "upstream": "down"}, {"prefix": "/hasty/", "upstream": "hasty"},
            {"prefix": "/half/", "upstream": "half"},
        ],
    )


def is_explained(response, backend):
    assert response.fields.one("Content-Type").startswith("application/json")
    body = json.loads(response.body)
    assert body["description"] and body["source"]
    for internal in (str(backend.port), "127.0.0.1", "secret-build-17", "os error"):
        assert internal not in json.dumps(body)
    assert "WWW-Authenticate" not in response.fields


@pytest.mark.parametrize("protocol", [call, http2.call], ids=["http1", "http2"])
def test_a_backend_that_is_down_is_a_502(troubled, issuer, backend, protocol):
    response = protocol(troubled.port, "/down/x", issuer.jane())
    assert response.status == 502
    is_explained(response, backend)


@pytest.mark.parametrize("protocol", [call, http2.call], ids=["http1", "http2"])
def test_a_silent_backend_is_a_504_after_the_response_timeout(troubled, issuer, backend, protocol):
    start = time.monotonic()
    response = protocol(troubled.port, "/hasty/silent", issuer.jane())
    assert response.status == 504
    assert 0.4 < time.monotonic() - start < 2
    is_explained(response, backend)


def test_a_backend_that_speaks_no_http_is_a_502(troubled, issuer, backend):
    response = call(troubled.port, "/hasty/garbage", issuer.jane())
    assert response.status == 502
    is_explained(response, backend)


def test_whoever_may_not_pass_never_hears_that_the_backend_is_down(troubled, issuer):
    assert call(troubled.port, "/down/x", issuer.john()).status == 401
    assert call(troubled.port, "/down/x").status == 401


def test_all_requests_succeed_while_one_of_two_endpoints_is_dead(troubled, issuer, backend):
    token = issuer.jane()
    statuses = [call(troubled.port, f"/half/{number}", token).status for number in range(20)]
    statuses += [call(troubled.port, f"/half/{number}", token, "POST", body=b"order").status for number in range(10)]
    assert statuses == [200] * 30
    assert len(backend.requests) == 30, "some request was sent twice"


def test_a_long_answer_outlives_the_response_timeout(troubled, issuer, backend):
    response = call(troubled.port, "/hasty/sse", issuer.jane())
    assert response.status == 200
    assert response.body.endswith(b"data: 5\n\n")
