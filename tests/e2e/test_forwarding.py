"""The backend sees exactly what it should: the request as it was judged, and who is calling, told by the gateway."""

import hashlib
import json

import pytest

from support import http2
from support.curl import curl
from support.http1 import Connection, call, request

TARGETS = [
    "/v1/customers?x=1&y=%2F..%2f&z=a+b&&=&q=%E2%82%AC", "/v1/a%20b/c~d!$&'()*+,=:@", "/v1/customers?", "/v1/customers",
    "/v1/caf%C3%A9?next=http://x.example/../a//b", "/v1/x/?a=b?c=d",
]


@pytest.mark.parametrize("target", TARGETS)
def test_path_and_query_are_forwarded_byte_for_byte(gateway, issuer, backend, target):
    assert call(gateway.port, target, issuer.jane()).status == 200
    assert backend.only_request.line == f"GET {target} HTTP/1.1"


@pytest.mark.parametrize("target", TARGETS)
def test_and_so_they_are_over_http2(gateway, issuer, backend, target):
    assert http2.call(gateway.port, target, issuer.jane()).status == 200
    assert backend.only_request.line == f"GET {target} HTTP/1.1"


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_the_method_is_forwarded(gateway, issuer, backend, method):
    assert call(gateway.port, "/v1/customers", issuer.jane(), method).status == 200
    assert backend.only_request.method == method


def test_ordinary_fields_are_forwarded_as_they_came(gateway, issuer, backend):
    token = issuer.jane()
    headers = [
        ("Accept", "application/json"), ("X-Many", "1"), ("X-Many", "2"), ("X-Locale", "en-US"), ("Cookie", "a=1; b=2"),
        ("MS-Contract-Version", "v1"), ("If-Match", '"etag"'), ("X-Bytes", "caf\xe9"),
    ]
    assert call(gateway.port, "/v1/customers", token, headers=headers).status == 200
    fields = backend.only_request.fields
    for name, value in headers:
        assert value in fields.all(name)
    assert fields.all("X-Many") == ["1", "2"]
    assert fields.one("Authorization") == f"Bearer {token}"


def test_the_token_stays_behind_where_the_route_says_so(gateway, issuer, backend):
    token = issuer.jane()
    assert call(gateway.port, "/tokenless/x", token).status == 200
    assert "Authorization" not in backend.only_request.fields
    assert token.encode() not in backend.only_request.head


IDENTITY_FIELDS = [
    "X-Auth-Request-User", "x-auth-request-user", "X_Auth_Request_User", "x_auth_request_user", "X-Auth_Request-User",
    "X-Auth-Request-Email", "X-Auth-Request-Groups", "X-Auth-Request-Anything", "X-Auth-Request-Preferred-Username",
    "X-Forwarded-User", "X_Forwarded_User", "X-Forwarded-Email", "X-Forwarded-Groups",
    "X-Forwarded-Preferred-Username", "X-Forwarded-Access-Token", "X-Remote-User", "Remote-User", "Remote_User",
    "X-MS-Client-Principal", "X-MS-Client-Principal-Id",
]


@pytest.mark.parametrize("path", ["/v1/customers", "/healthz"])
@pytest.mark.parametrize("protocol", [call, http2.call], ids=["http1", "http2"])
def test_identity_fields_of_the_client_never_reach_the_backend(gateway, issuer, backend, protocol, path):
    lower = {name.lower() for name in IDENTITY_FIELDS}
    headers = [(name, "attacker") for name in (sorted(lower) if protocol is http2.call else IDENTITY_FIELDS)]
    assert protocol(gateway.port, path, issuer.jane(), headers=headers).status == 200
    assert b"attacker" not in backend.only_request.head


def test_the_gateway_says_who_is_calling(gateway, issuer, backend):
    headers = [("X-Auth-Request-User", "attacker")]
    assert call(gateway.port, "/v1/customers", issuer.jane(), headers=headers).status == 200
    fields = backend.only_request.fields
    assert fields.one("X-Auth-Request-User") == "jane-7f1c"
    ours = [name.lower() for name, _ in fields if name.lower().startswith("x-auth-request-")]
    assert len(ours) == len(set(ours)) and len(ours) > 1


def test_a_public_request_has_no_identity(gateway, issuer, backend):
    assert call(gateway.port, "/healthz", headers=[("X-Auth-Request-User", "attacker")]).status == 200
    assert "X-Auth-Request-User" not in backend.only_request.fields


@pytest.mark.parametrize("listed", ["X-Auth-Request-User", "Authorization", "Host", "X-Forwarded-For"])
def test_a_client_cannot_have_the_gateways_own_fields_stripped(gateway, issuer, backend, listed):
    headers = [("Connection", f"keep-alive, {listed}")]
    response = call(gateway.port, "/v1/customers", issuer.jane(), headers=headers)
    assert response.status in (200, 400)
    assert backend.saw_nothing if response.status == 400 else listed in backend.only_request.fields


def test_forwarding_fields_tell_the_truth(gateway, issuer, backend):
    lies = [
        ("X-Forwarded-For", "10.0.0.1, 10.0.0.2"), ("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "evil.example"),
        ("X-Forwarded-Port", "4433"), ("X-Real-IP", "10.0.0.1"), ("Forwarded", "for=10.0.0.1;proto=https"),
        ("X_Forwarded_For", "10.0.0.1"), ("X-Client-IP", "10.0.0.1"), ("True-Client-IP", "10.0.0.1"),
    ]
    assert call(gateway.port, "/v1/customers", issuer.jane(), headers=lies).status == 200
    seen = backend.only_request
    assert seen.fields.one("X-Forwarded-For") == "127.0.0.1"
    assert seen.fields.one("X-Forwarded-Proto") == "http"
    assert seen.fields.one("X-Forwarded-Host") == "api.contoso.example"
    for lie in (b"10.0.0.1", b"evil.example", b"4433", b"https"):
        assert lie not in seen.head.replace(seen.fields.one("Authorization").encode(), b"")


def test_hop_by_hop_fields_of_the_request_stay_on_their_hop(gateway, issuer, backend):
    headers = [
        ("Connection", "keep-alive, X-Hop"), ("X-Hop", "secret"), ("Keep-Alive", "timeout=5"),
        ("Proxy-Connection", "keep-alive"), ("Proxy-Authorization", "Basic eDp5"), ("TE", "gzip"), ("Trailer", "X-Sum"),
    ]
    assert call(gateway.port, "/v1/customers", issuer.jane(), headers=headers).status == 200
    fields = backend.only_request.fields
    for name in ("X-Hop", "Keep-Alive", "Proxy-Connection", "Proxy-Authorization"):
        assert name not in fields, name
    assert fields.all("TE") in ([], ["trailers"])
    assert "X-Hop" not in ",".join(fields.all("Connection"))


@pytest.mark.parametrize("protocol", ["--http1.1", "--http2-prior-knowledge"])
def test_hop_by_hop_fields_of_the_answer_stay_on_their_hop(gateway, issuer, backend, protocol):
    response = curl(protocol, "-H", f"Authorization: Bearer {issuer.jane()}", f"{gateway.url}/v1/hop-by-hop")
    assert response.status == 200
    for name in ("X-Internal", "Keep-Alive", "Proxy-Connection"):
        assert name not in response.fields, name
    assert "X-Internal" not in ",".join(response.fields.all("Connection"))
    assert response.fields.one("X-Kept") == "yes"
    assert response.fields.all("Set-Cookie") == ["a=1", "b=2"]


def test_the_backend_gets_one_host_and_it_is_the_clients(gateway, issuer, backend):
    assert call(gateway.port, "/v1/a", issuer.jane(), headers=[("Host", "api.contoso.example:8443")]).status == 200
    assert http2.call(gateway.port, "/v1/b", issuer.jane()).status == 200
    hosts = [seen.fields.one("Host") for seen in backend.requests]
    assert hosts == ["api.contoso.example:8443", http2.AUTHORITY]


def test_http2_with_another_host_field_beside_the_authority_misleads_no_one(gateway, issuer, backend):
    try:
        response = http2.call(gateway.port, "/v1/a", issuer.jane(), headers=[("host", "evil.example")])
    except ConnectionError:
        assert backend.saw_nothing
        return
    assert response.status in (200, 400)
    assert all(seen.fields.all("Host") == [http2.AUTHORITY] for seen in backend.requests)


def test_cookie_crumbs_of_http2_become_one_field(gateway, issuer, backend):
    crumbs = [("cookie", "a=1"), ("cookie", "b=2")]
    assert http2.call(gateway.port, "/v1/a", issuer.jane(), headers=crumbs).status == 200
    assert backend.only_request.fields.one("Cookie") == "a=1; b=2"


def test_a_head_request_keeps_the_length_and_the_connection(gateway, issuer, backend):
    with Connection(gateway.port) as connection:
        connection.send(request("HEAD", "/v1/head-only", issuer.jane()))
        response = connection.response("HEAD")
        assert (response.status, response.fields.one("Content-Length")) == (200, "1234")
        connection.send(request("GET", "/v1/after", issuer.jane()))
        assert connection.response().status == 200
    assert [seen.line for seen in backend.requests] == ["HEAD /v1/head-only HTTP/1.1", "GET /v1/after HTTP/1.1"]


def test_an_answer_without_a_body_stays_one(gateway, issuer, backend):
    with Connection(gateway.port) as connection:
        connection.send(request("GET", "/v1/empty", issuer.jane()))
        response = connection.response()
        assert response.status == 204 and "Transfer-Encoding" not in response.fields
        connection.send(request("GET", "/v1/after", issuer.jane()))
        assert connection.response().status == 200


def test_a_chunked_request_body_arrives_whole_and_freshly_framed(gateway, issuer, backend):
    body = b"7;note=x\r\nmorning\r\n1\r\n \r\na\r\npartners!!\r\n0\r\n\r\n"
    head = request("POST", "/v1/orders", issuer.jane(), headers=[("Transfer-Encoding", "chunked")])
    with Connection(gateway.port) as connection:
        connection.send(head + body)
        assert connection.response().status == 200
    seen = backend.only_request
    assert seen.body == b"morning partners!!"
    framing = seen.fields.all("Transfer-Encoding") + seen.fields.all("Content-Length")
    assert len(framing) == 1, framing


@pytest.mark.parametrize("size", [0, 1, 70_000, 3_000_000])
@pytest.mark.parametrize("protocol", ["--http1.1", "--http2-prior-knowledge"])
def test_curl_uploads_arrive_whole(gateway, issuer, backend, tmp_path, protocol, size):
    data = (bytes(range(256)) * (size // 256 + 1))[:size]
    file = tmp_path / "upload"
    file.write_bytes(data)
    authorization = f"Authorization: Bearer {issuer.jane()}"
    response = curl(protocol, "-H", authorization, "--data-binary", f"@{file}", f"{gateway.url}/v1/orders")
    assert json.loads(response.body)["body_sha256"] == hashlib.sha256(data).hexdigest()
    fields = backend.only_request.fields
    assert len(fields.all("Transfer-Encoding") + fields.all("Content-Length")) == 1


SMUGGLING = {
    "both framings": [("Transfer-Encoding", "chunked"), ("Content-Length", "5")],
    "two lengths": [("Content-Length", "5"), ("Content-Length", "6")],
    "signed length": [("Content-Length", "+5")],
    "unknown coding": [("Transfer-Encoding", "gzip")],
    "chunked twice": [("Transfer-Encoding", "chunked, chunked")],
    "hidden chunked": [("Transfer-Encoding", "\x0bchunked")],
    "space before the colon": [("Transfer-Encoding ", "chunked")],
}


@pytest.mark.parametrize("kind", SMUGGLING)
def test_ambiguous_framing_is_refused(gateway, issuer, backend, kind):
    with Connection(gateway.port) as connection:
        connection.send(request("POST", "/v1/orders", issuer.jane(), headers=SMUGGLING[kind]) + b"0\r\n\r\n")
        assert connection.response().status in (400, 501)
    assert backend.saw_nothing


def test_the_body_of_a_refused_request_never_becomes_a_request(gateway, issuer, backend):
    hidden = request("GET", "/v1/hidden", issuer.jane())
    with Connection(gateway.port, timeout=3) as connection:
        connection.send(request("POST", "/v1/orders", issuer.john(), body=hidden))
        assert connection.response().status == 401
        connection.send(request("GET", "/v1/next", issuer.jane()))
        assert connection.is_over() or connection.response().status == 200
    assert "/v1/hidden" not in [seen.target for seen in backend.requests]


def test_the_backends_own_refusal_goes_through_as_it_is(gateway, issuer, backend):
    response = call(gateway.port, "/v1/refuses", issuer.jane())
    assert (response.status, response.body) == (401, b"not you")
    assert response.fields.one("WWW-Authenticate") == 'Basic realm="backend"'


def test_requests_on_one_connection_are_judged_one_by_one(gateway, issuer, backend):
    jane, john = issuer.jane(), issuer.john()
    with Connection(gateway.port) as connection:
        connection.send(b"".join(request("GET", f"/v1/{n}", jane if n % 2 else john) for n in range(6)))
        assert [connection.response().status for _ in range(6)] == [401, 200] * 3
    assert [seen.target for seen in backend.requests] == ["/v1/1", "/v1/3", "/v1/5"]
