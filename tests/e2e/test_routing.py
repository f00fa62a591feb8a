"""Routes are found on the path that the backend gets, and no spelling of it leads past the rule."""

import json

import pytest

from support import http2
from support.curl import curl
from support.http1 import call


def test_an_unknown_path_gets_404_and_never_reaches_a_backend(gateway, issuer, backend):
    for token in (None, issuer.jane()):
        response = call(gateway.port, "/elsewhere", token)
        assert response.status == 404
        assert json.loads(response.body)["description"]
    assert backend.saw_nothing


def test_a_public_path_needs_no_token(gateway, backend):
    assert call(gateway.port, "/healthz").status == 200
    assert call(gateway.port, "/healthz?deep=/../v1").status == 200
    assert [request.target for request in backend.requests] == ["/healthz", "/healthz?deep=/../v1"]


def test_a_public_path_passes_whatever_the_token(gateway, issuer, backend):
    assert call(gateway.port, "/healthz", issuer.john()).status == 200
    assert call(gateway.port, "/healthz", "not-a-token").status == 200


def test_a_prefix_matches_whole_segments(gateway, issuer, backend):
    assert call(gateway.port, "/v1/", issuer.jane()).status == 200
    assert call(gateway.port, "/v1", issuer.jane()).status == 200
    for path in ("/v10", "/v1x/customers", "/V1/customers", "/publicity"):
        backend.forget()
        assert call(gateway.port, path).status in (401, 404), path
        assert backend.saw_nothing, path


def test_a_method_outside_the_route_never_reaches_a_backend(gateway, issuer, backend):
    assert call(gateway.port, "/read-only", issuer.jane()).status == 200
    backend.forget()
    for method in ("POST", "DELETE", "get", "GETX", "PROPFIND"):
        assert call(gateway.port, "/read-only", issuer.jane(), method, body=b"").status in (400, 404, 405), method
    assert backend.saw_nothing


@pytest.mark.parametrize("method", ["TRACE", "CONNECT"])
def test_methods_that_open_tunnels_are_refused(gateway, issuer, backend, method):
    response = call(gateway.port, "/v1/customers", issuer.jane(), method)
    assert 400 <= response.status < 500 or response.status == 501
    assert backend.saw_nothing


SPELLINGS = [
    "/v1/../healthz", "/v1/%2e%2e/healthz", "/v1/%2E%2E/healthz", "/v1/.%2e/healthz", "//v1", "//v1/customers",
    "/v1//customers", "/./v1/customers", "/%76%31/customers", "/V1/customers", "/v1%2fcustomers", "/v1%2Fcustomers",
    "/v1;x=1/customers", "/v1/customers;jsessionid=1",
    "/healthz/../v1/customers", "/healthz/%2e%2e/v1/customers", "/healthz%2f..%2fv1/customers",
    "/healthz;/../v1/customers", "/healthz;x", "/healthz/", "/healthz%00", "/healthz%2f", "/HEALTHZ", "/healthz%20",
    "/public/../v1/customers", "/public/%2e%2e/v1/customers", "/public/..%2fv1/customers",
    "/public/..%5cv1/customers", "/public/..\\v1\\customers", "/public/..;/v1/customers",
    "/public/%252e%252e/v1/customers", "/public/%c0%ae%c0%ae/v1/customers", "/public/..", "/public/.",
    "/public//../v1/customers", "/public/x/../../v1/customers", "/public/%2e%2e%2fv1/customers",
    "/public/x%23/../../v1", "/public#/../v1/customers", "/public/\uff0e\uff0e/v1",
]


@pytest.mark.parametrize("target", SPELLINGS)
def test_no_spelling_of_a_path_reaches_the_backend_without_a_token(gateway, backend, target):
    target = target.encode().decode("latin-1")
    assert call(gateway.port, target).status in (400, 401, 404)
    assert backend.saw_nothing


@pytest.mark.parametrize("target", [target for target in SPELLINGS if target.isascii() and "#" not in target])
def test_nor_over_http2(gateway, backend, target):
    try:
        assert http2.call(gateway.port, target).status in (400, 401, 404)
    except ConnectionError:
        pass  # RFC 9113 section 8.1.1: a malformed request is a stream error.
    assert backend.saw_nothing


def test_curl_cannot_walk_out_of_a_public_path(gateway, backend):
    for protocol in ("--http1.1", "--http2-prior-knowledge"):
        response = curl(protocol, "--path-as-is", f"{gateway.url}/public/../v1/customers")
        assert response.status in (400, 401, 404)
    assert backend.saw_nothing


@pytest.mark.parametrize("headers", [
    [("X-Original-URL", "/healthz")], [("X-Rewrite-URL", "/healthz")], [("X-Forwarded-Uri", "/healthz")],
    [("X-Forwarded-Prefix", "/public")], [("X-HTTP-Method-Override", "GET")], [("Host", "healthz.contoso.example")],
], ids=lambda headers: headers[0][0])
def test_no_header_changes_the_route(gateway, backend, headers):
    assert call(gateway.port, "/v1/customers", headers=headers).status == 401
    assert backend.saw_nothing


def test_the_host_never_chooses_the_upstream(gateway, issuer, backend):
    for host in ("169.254.169.254", "backend.internal:81", "127.0.0.1:1"):
        headers = [("Host", host)]
        assert call(gateway.port, "/v1/customers", issuer.jane(), headers=headers).status == 200
        absolute = call(gateway.port, f"http://{host}/v1/customers", issuer.jane(), headers=headers)
        assert absolute.status in (200, 400)
    assert {seen.target for seen in backend.requests} == {"/v1/customers"}


@pytest.mark.parametrize("hosts", [["a.example", "b.example"], ["a b"], ["a@b"]], ids=" and ".join)
def test_an_ambiguous_host_is_refused(gateway, issuer, backend, hosts):
    headers = [("Host", host) for host in hosts]
    assert call(gateway.port, "/v1/customers", issuer.jane(), headers=headers).status == 400
    assert backend.saw_nothing
