"""What every proxy must hold with the shipped snippet. Each proxy's tests inherit this, and say what it loses."""

import base64
import ipaddress
import json
import signal
import time
from collections import Counter
from contextlib import ExitStack, contextmanager

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from support.dpop import DpopKey
from support.identity_provider import JOHN
from support.http1 import Connection, Response, call, request
from support.visitor import NAVIGATION, Visitor

IDENTITY = {
    "x-auth-request-class": "app_user", "x-auth-request-grounds": "mfa", "x-auth-request-issuer": "wingtip",
    "x-auth-request-application": "partner-portal", "x-auth-request-user": "jane-7f1c", "x-auth-request-methods": "pwd,mfa",
}
FORGED = [
    "X-Auth-Request-Class", "X-Auth-Request-Grounds", "X-Auth-Request-Issuer", "X-Auth-Request-Tenant",
    "X-Auth-Request-Application", "X-Auth-Request-User", "X-Auth-Request-Methods", "X-Auth-Request-Name",
    "X-Auth-Request-Email", "X-Auth-Request-Groups", "MFA-Assertion", "X-Forwarded-User", "X-Forwarded-Email",
    "X-Forwarded-Groups", "Remote-User", "X-Remote-User", "X-User", "X-User-Id", "X-Email", "X-Groups", "X-Roles",
    "X-Tenant-Id", "X-MFA", "X-Amr", "X-Access-Token", "Impersonate-User", "Client-Cert", "SSL-Client-Cert",
    "X-Authenticated-User", "X-MS-Client-Principal", "X-Original-URL", "X-Original-Method", "X-Rewrite-URL",
    "X-HTTP-Method-Override", "X-Forwarded-Client-Cert", "X-Real-IP", "Forwarded", "X-Client-IP",
]
# No reading of these may come past a public route to the API, or the other way round.
ODD = [
    "/public/../v1/x", "/public/./../v1/x", "/public/%2e%2e/v1/x", "/public/%2E./v1/x", "/public/%2e%2e%2fv1/x",
    "/public/..%2fv1/x", "/public/..%5cv1/x", "/public/..\\v1/x", "/public/..;/v1/x", "/public//../v1/x", "/public/x/..//../v1/x",
    "//v1/x", "/public//v1/x", "/public/%2f../v1/x", "/public/x%2fy", "/public/%252e%252e/v1/x", "/public/.%00./v1/x",
    "/public/..%20/v1/x", "/public/%c0%ae%c0%ae/v1/x", "/v1/../public/x", "/v1/..%2fpublic/x", "/public/a;b", "/public/a%3bb", "/./v1/x",
]
KEPT = ["/v1/caf%C3%A9", "/v1/a%20b?q=%2F..%2f&r=//../&s", "/v1/a~b!$&'()*+,=:@", "/v1/x?", "/v1/100%25", "/v1/x?next=https://contoso.example/"]
CONFUSING = [
    [("X-Original-URL", "/public/x")], [("X-Original-URI", "/public/x")], [("X-Original-Method", "GET"), ("X-Original-URL", "/public/x")],
    [("X-Forwarded-Uri", "/public/x")], [("X-Forwarded-Method", "GET"), ("X-Forwarded-Uri", "/public/x")], [("X-Forwarded-Host", "elsewhere")],
    [("X-Forwarded-Uri", "/public/x"), ("X-Forwarded-Uri", "/public/x")], [("X_Forwarded_Uri", "/public/x")], [("X-Rewrite-URL", "/public/x")],
    [("Connection", "close, X-Forwarded-Uri, X-Original-URL, X-Original-Method")], [("Connection", "Authorization, Host")],
    [("X-Envoy-Original-Path", "/public/x")], [("Range", "bytes=0-0")], [("Expect", "100-continue")], [("TE", "trailers")],
    [("X-Original-Client", "10.0.0.1")], [("X-Original-Refused", "1")], [("Upgrade", "h2c"), ("Connection", "Upgrade, HTTP2-Settings"), ("HTTP2-Settings", "AAMAAABk")],
]


def spellings(name: str):
    yield from (name, name.lower(), name.upper(), name.replace("-", "_"), name.replace("-", "_", 1), name.replace("-", "."), name[::-1].replace("-", "_", 1)[::-1])


def reason(response: Response) -> str:
    return json.loads(response.body)["reason"]


@contextmanager
def asking(front, issuer, number: int):
    """So many clients, each with a request under way."""
    with ExitStack() as stack:
        connections = [stack.enter_context(Connection(front.port, timeout=30)) for _ in range(number)]
        for connection in connections:
            connection.send(request("GET", "/v1/x", issuer.jane()))
        yield connections


class Contract:
    """`front` is the proxy's fixture; `start` starts another one, for a test of its own."""

    def test_the_api_receives_what_was_asked_with_the_callers_identity(self, front, backend, issuer):
        body = b"x" * 3000
        response = call(front.port, "/v1/x?y=1", issuer.jane(), "PUT", [("X-Custom", "r1"), ("Cookie", "a=1")], body)
        assert (response.status, json.loads(response.body)["body_size"]) == (200, 3000)
        fields = backend.only_request.fields
        assert backend.only_request.line == "PUT /v1/x?y=1 HTTP/1.1"
        assert {name: fields.one(name) for name in IDENTITY} == IDENTITY
        assert [value for value in fields.all("X-Auth-Request-Tenant") if value] == []
        assert fields.one("Authorization").startswith("Bearer ey")
        assert (fields.one("X-Custom"), fields.one("Cookie"), fields.one("Host")) == ("r1", "a=1", "api.contoso.example")

    def test_a_client_learns_its_request_id_and_nothing_about_identity(self, front, backend, issuer):
        response = call(front.port, "/v1/x", issuer.jane(), headers=[("ValidateMfa", "true"), ("MS-RequestId", "mine-1")])
        assert response.fields.one("isMfaCompliant") == "true"
        assert response.fields.one("MS-RequestId") == backend.only_request.fields.one("MS-RequestId") == "mine-1"
        names = {name.lower() for name, _ in response.fields}
        assert not {name for name in names if "auth" in name or name.startswith("x-original") or name in ("cookie", "mfa-assertion")}

    def test_the_api_receives_the_assertion_of_an_authorizer_that_signs(self, start, signing, backend, issuer):
        front = start(judge=signing)
        assert call(front.port, "/v1/x", issuer.jane(), headers=[("MFA-Assertion", "ey.forged.one")]).status == 200
        (assertion,) = backend.only_request.fields.all("MFA-Assertion")
        claims = json.loads(base64.urlsafe_b64decode(assertion.split(".")[1] + "=="))
        assert (claims["aud"], claims["sub"]) == ("partner-api", IDENTITY["x-auth-request-user"])

    def test_report_mode_reaches_the_client(self, front, backend, issuer):
        response = call(front.port, "/rehearsed/x", issuer.john())
        assert response.fields.one("MFA-Report") == "would=deny, reason=mfa_missing"
        assert backend.only_request.fields.one("X-Auth-Request-Grounds") == "report_only"

    def test_a_public_route_has_no_identity(self, front, backend, issuer):
        assert call(front.port, "/public/x", issuer.jane()).status == 200
        assert [pair for pair in backend.only_request.fields if pair[0].lower().startswith("x-auth-request") and pair[1]] == []

    @pytest.mark.parametrize("target, who, method, status, why", [
        ("/v1/x", None, "GET", 401, "no_credential"), ("/v1/x", "john", "GET", 401, "mfa_missing"),
        ("/v1/x", "john", "DELETE", 401, "mfa_missing"), ("/elsewhere", "jane", "GET", 404, "no_route"),
        ("/read-only", "jane", "POST", 405, "method_not_allowed"), ("/.mfa-gatewayx/y", "jane", "GET", 404, "no_route"),
    ])
    def test_a_refusal_reaches_the_client_as_it_is(self, front, backend, issuer, target, who, method, status, why):
        token = getattr(issuer, who)() if who else None
        response = call(front.port, target, token, method)
        assert (response.status, reason(response)) == (status, why), response
        assert response.fields.one("Cache-Control") == "no-store"
        assert response.fields.one("MS-RequestId") == json.loads(response.body)["requestId"]
        assert response.fields.one("Content-Type").startswith("application/json")
        assert len(response.fields.all("WWW-Authenticate")) == (status == 401)
        assert response.fields.all("Allow") == (["GET, HEAD"] if status == 405 else [])
        assert backend.saw_nothing

    def test_each_request_of_a_connection_is_judged(self, front, backend, issuer):
        with Connection(front.port) as connection:
            for token, status in ((issuer.jane(), 200), (None, 401), (issuer.jane(), 200), (issuer.john(), 401)):
                connection.send(request("GET", "/v1/x", token))
                assert connection.response().status == status
        assert len(backend.requests) == 2

    @pytest.mark.parametrize("target, status", [("/public/x", 200), ("/v1/x", 200)])
    def test_forged_fields_reach_no_api_in_any_spelling(self, front, backend, issuer, target, status):
        names = sorted({spelling for name in FORGED for spelling in spellings(name)} | {"Authorization_", "HTTP_X_FORWARDED_USER", "Content_Length"}
                       | {*spellings("HTTP-MFA-Assertion"), *spellings("HTTP-Remote-User"), *spellings("HTTP-X-Auth-Request-User")})
        names = [name for name in names if name.lower().replace("_", "-").replace(".", "-") not in self.KEEPS]
        for start in range(0, len(names), 40):
            headers = [(name, "forged") for name in names[start:start + 40]]
            response = call(front.port, target, issuer.jane(), headers=headers)
            assert response.status == status, (response, headers)
        assert [pair for seen in backend.requests for pair in seen.fields if "forged" in pair[1]] == []

    # Caddy's patterns have no way to name the other two, `*` and the backtick.
    ODD_LETTERS = "~!#$%&'+^|"

    @pytest.mark.parametrize("target", ["/v1/x", "/public/x"])
    def test_no_other_letter_makes_a_name_of_a_caller(self, front, backend, issuer, target):
        headers = [(f"X{odd}Auth{odd}Request{odd}User", "forged") for odd in self.ODD_LETTERS]
        assert call(front.port, target, issuer.jane(), headers=headers).status in (200, 400)
        assert [pair for seen in backend.requests for pair in seen.fields if "forged" in pair[1]] == []

    def test_where_a_call_came_from_is_the_connections_address(self, front, backend, issuer):
        forged = [(f"X-Forwarded-{name}", value) for name, value in (
            ("For", "198.51.100.4, 10.0.0.1"), ("Proto", "https"), ("Host", "forged.example"), ("Port", "1"), ("Prefix", "/forged"))]
        assert call(front.port, "/v1/x", issuer.jane(), headers=forged).status == 200
        fields = backend.only_request.fields
        # For a client on loopback, Envoy gives the machine's own address.
        assert ipaddress.ip_address(fields.one("X-Forwarded-For")) not in map(ipaddress.ip_address, ("198.51.100.4", "10.0.0.1"))
        assert fields.all("X-Forwarded-Proto") == ["http"]
        assert {*fields.all("X-Forwarded-Host")} <= {"api.contoso.example"}
        assert "X-Forwarded-Port" not in fields and "X-Forwarded-Prefix" not in fields

    # Fields of the client that the proxy forwards, and what removes them is elsewhere.
    KEEPS: set[str] = set()

    @pytest.mark.parametrize("headers", CONFUSING, ids=str)
    def test_no_field_of_the_client_changes_which_request_is_judged(self, front, backend, headers):
        assert call(front.port, "/v1/x", None, headers=headers).status in (400, 401, 403)
        assert backend.saw_nothing

    @pytest.mark.parametrize("headers", CONFUSING, ids=str)
    def test_no_field_of_the_client_changes_what_the_api_receives(self, front, backend, issuer, headers):
        status = call(front.port, "/v1/x", issuer.jane(), headers=headers).status
        # The client itself takes its token away, by `Connection`.
        assert status == 200 or (status in (400, 401) and headers == [("Connection", "Authorization, Host")])
        assert {seen.line for seen in backend.requests} <= {"GET /v1/x HTTP/1.1"}
        assert {seen.fields.one("Host") for seen in backend.requests} <= {"api.contoso.example"}

    @pytest.mark.parametrize("token", ["jane", "john"])
    def test_a_second_credential_is_refused(self, front, backend, issuer, token):
        second = [("Authorization", f"Bearer {getattr(issuer, token)()}")]
        assert call(front.port, "/v1/x", issuer.jane(), headers=second).status in (400, 401)
        both = f"Bearer {issuer.jane()}, {second[0][1]}"
        assert call(front.port, "/v1/x", headers=[("Authorization", both)]).status in (400, 401)
        assert backend.saw_nothing

    @pytest.mark.parametrize("target", ODD)
    def test_odd_paths_lead_to_nothing_else(self, front, backend, target):
        response = call(front.port, target)
        for seen in backend.requests:
            assert seen.target.startswith("/public/"), seen.line
            assert not any(odd in seen.target.lower() for odd in ("..", "//", "%2e", "%2f", "%5c", "\\", ";", "%25", "%00")), seen.line
        assert response.status in ((200,) if backend.requests else (307, 400, 401, 404)), response

    @pytest.mark.parametrize("target", KEPT)
    def test_the_api_receives_the_path_that_was_judged(self, front, backend, issuer, target):
        assert call(front.port, target, issuer.jane()).status == 200
        assert backend.only_request.target == target

    @pytest.mark.parametrize("line, host", [
        ("GET http://api.contoso.example/v1/x HTTP/1.1", "open.example"), ("GET http://open.example/v1/x HTTP/1.1", "api.contoso.example"),
        ("GET /v1/x HTTP/1.1", "open.example@api.contoso.example"), ("GET /v1/x HTTP/1.1", "open.example, api.contoso.example"),
        ("GET /v1/x HTTP/1.1", "open.example\r\nHost: api.contoso.example"), ("GET http://api.contoso.example/v1/x HTTP/1.0", "open.example"),
    ])
    def test_the_host_that_is_judged_is_the_only_one(self, front, backend, line, host):
        with Connection(front.port) as connection:
            connection.send(f"{line}\r\nHost: {host}\r\n\r\n".encode())
            status = connection.response().status
        # The gateway's routes are public for the other host. The proxy may have taken it from the request line, for all purposes.
        if backend.requests:
            assert line == "GET http://open.example/v1/x HTTP/1.1" and status == 200
            assert {*backend.only_request.fields.all("Host"), *backend.only_request.fields.all("X-Forwarded-Host")} == {"open.example"}
        else:
            assert status in (400, 401, 421, 426)

    def test_the_api_receives_no_absolute_target(self, front, backend, issuer):
        assert call(front.port, "http://api.contoso.example/v1/x?y=%2F", issuer.jane()).status == 200
        assert backend.only_request.target == "/v1/x?y=%2F"

    @pytest.mark.parametrize("host", ["api.contoso.example", "API.Contoso.Example.:8000", "api.contoso.example:443"])
    def test_every_spelling_of_the_host_is_the_same_host(self, front, backend, issuer, host):
        assert call(front.port, "/v1/x", headers=[("Host", host)]).status == 401
        assert call(front.port, "/v1/x", issuer.jane(), headers=[("Host", host)]).status == 200

    @pytest.mark.parametrize("upgrade", [[], [("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13"), ("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA==")]], ids=["", "upgrade"])
    @pytest.mark.parametrize("named", ["X-Auth-Request-User, X-Auth-Request-Class, X-Auth-Request-Grounds", "close, x-auth-request-user"])
    def test_no_client_takes_the_callers_identity_away(self, front, backend, issuer, named, upgrade):
        named = f"Upgrade, {named}" if upgrade else named
        response = call(front.port, "/v1/x", issuer.jane(), headers=[("Connection", named), *upgrade])
        assert response.status < 500, response
        assert response.status == 400 or backend.requests
        for seen in backend.requests:
            assert {name: seen.fields.one(name) for name in IDENTITY} == IDENTITY
            assert "x-auth" not in ",".join(seen.fields.all("Connection")).lower()

    def test_a_bound_token_counts_with_a_new_proof_for_the_clients_request(self, front, backend, issuer):
        key = DpopKey()
        jane, john = (person(cnf={"jkt": key.thumbprint}) for person in (issuer.jane, issuer.john))
        url = "http://api.contoso.example/v1/x"

        def send(token, proof, method="GET", body=None):
            return call(front.port, "/v1/x?y=1", None, method, [("Authorization", f"DPoP {token}"), ("DPoP", proof)], body)

        def refused(response, why):
            assert (response.status, reason(response)) == (401, why), response
            assert response.fields.one("WWW-Authenticate").startswith('DPoP error="'), response
            return response.fields.one("DPoP-Nonce")

        refused(call(front.port, "/v1/x", jane), "bound_token_as_bearer")
        nonce, begun = refused(send(jane, key.proof("GET", url, jane)), "dpop_nonce_required"), time.time()
        proof = key.proof("GET", url, jane, nonce=nonce)
        assert send(jane, proof).status == 200
        fields = backend.only_request.fields
        assert {name: fields.one(name) for name in IDENTITY} == IDENTITY
        assert [value for value in fields.all("DPoP") if value] == []
        refused(send(jane, proof), "dpop_proof_replayed")
        assert send(jane, key.proof("POST", url, jane, nonce=nonce), "POST", b"x" * 100).status == 200
        for method, other in (("POST", url), ("GET", url.replace("/v1/x", "/authorize")), ("GET", url.replace("/v1/x", "/v1/y"))):
            refused(send(jane, key.proof(method, other, jane, nonce=nonce)), "dpop_proof_invalid")
        response = send(john, key.proof("GET", url, john, nonce=nonce))
        assert (response.status, reason(response)) == (401, "mfa_missing"), "also where it is asked about twice"
        assert len(backend.requests) == 2
        # A permit gives the next nonce before this one ends.
        time.sleep(max(0.0, begun + 10 - begun % 10 + 0.3 - time.time()))
        response = send(jane, key.proof("GET", url, jane, nonce=nonce))
        assert (response.status, len(backend.requests)) == (200, 3)
        assert response.fields.one("DPoP-Nonce") != nonce
        assert "DPoP-Nonce" not in backend.requests[-1].fields

    def test_identity_in_trailer_fields_reaches_no_api(self, front, backend, issuer):
        headers = [("Transfer-Encoding", "chunked"), ("TE", "trailers"), ("Trailer", "X-Auth-Request-User")]
        with Connection(front.port) as connection:
            connection.send(request("POST", "/v1/x", issuer.jane(), headers) + b"3\r\nabc\r\n0\r\nX-Auth-Request-User: forged\r\n\r\n")
            assert connection.response().status in ((200,) if self.DROPS_TRAILERS else (200, 400))
        assert [pair for seen in backend.requests for pair in seen.trailers] == [] or not self.DROPS_TRAILERS

    # Whether trailer fields of a request end at the proxy.
    DROPS_TRAILERS = True

    def test_uploads_stream(self, front, backend, issuer):
        size = 8 << 20
        with Connection(front.port, timeout=25) as connection:
            connection.send(request("POST", "/v1/x", issuer.jane(), [("Content-Length", str(size))]) + bytes(1 << 20))
            end = time.monotonic() + 5
            while backend.bytes_received < 1 << 19 and time.monotonic() < end:
                time.sleep(0.01)
            assert backend.bytes_received >= 1 << 19
            connection.send(bytes(size - (1 << 20)))
            assert json.loads(connection.response().body)["body_size"] == size

    def test_a_refusal_waits_for_no_upload(self, front, backend, issuer):
        with Connection(front.port, timeout=3) as connection:
            connection.send(request("POST", "/v1/x", issuer.john(), [("Content-Length", str(20 << 20))]) + bytes(1000))
            assert reason(connection.response()) == "mfa_missing"
        assert backend.saw_nothing

    def test_events_stream(self, front, backend, issuer):
        with Connection(front.port) as connection:
            connection.send(request("GET", "/v1/sse", issuer.jane()))
            assert connection.head().status == 200
            assert connection.chunk().startswith(b"data: 0")
            assert len(backend.event_times) < 4

    def test_without_keys_nobody_is_told_that_the_token_is_wrong(self, start, keyless, backend):
        front = start(judge=keyless)
        refused = call(front.port, "/v1/x", keyless.token, "POST", body=b"x")
        assert (refused.status, refused.fields.all("WWW-Authenticate")) == (503, [])
        assert not self.FORWARDS_503 or (reason(refused) == "keys_unavailable" and "Retry-After" in refused.fields)
        assert backend.saw_nothing
        assert call(front.port, "/public/x").status == 200

    # Whether a 503 of the gateway's keeps its fields and its body.
    FORWARDS_503 = True

    def test_nothing_passes_while_the_gateway_is_down(self, start, backend, issuer):
        front = start(down=True)
        for target in ("/v1/x", "/public/x"):
            assert call(front.port, target, issuer.jane()).status >= 500
        assert backend.saw_nothing

    def test_nothing_passes_while_the_gateway_is_silent(self, start, backend, issuer):
        front, begun = start(silent=True), time.monotonic()
        assert call(front.port, "/v1/x", issuer.jane()).status >= 500
        assert time.monotonic() - begun < 6
        assert backend.saw_nothing

    def test_many_at_once_are_all_answered(self, front, backend, issuer):
        with asking(front, issuer, 300) as connections:
            assert Counter(connection.response().status for connection in connections) == {200: 300}

    def test_clients_that_leave_take_nothing_from_the_others(self, front, judge, backend, issuer):
        judge.process.send_signal(signal.SIGSTOP)
        try:
            with asking(front, issuer, 100):
                time.sleep(0.2)
            with asking(front, issuer, 30) as connections:
                time.sleep(0.2)
                judge.process.send_signal(signal.SIGCONT)
                assert Counter(connection.response().status for connection in connections) == {200: 30}
        finally:
            judge.process.send_signal(signal.SIGCONT)

    def test_web_sockets_pass_with_a_token_alone(self, start, sockets, issuer):
        front = start(api=sockets.port)
        with connect(f"ws://127.0.0.1:{front.port}/v1/echo", additional_headers={"Authorization": f"Bearer {issuer.jane()}"},
                     proxy=None, close_timeout=2) as socket:
            for message in ("hello", b"\x00" * 100_000):
                socket.send(message)
                assert socket.recv(timeout=5) == message
        assert sockets.handshakes[0].headers.get_all("X-Auth-Request-User") == ["jane-7f1c"]
        with pytest.raises(InvalidStatus) as refused:
            connect(f"ws://127.0.0.1:{front.port}/v1/echo", proxy=None)
        assert refused.value.response.status_code == 401
        assert len(sockets.handshakes) == 1

    def test_no_other_protocol_gets_past(self, front, backend, issuer):
        headers = [("Upgrade", "h2c"), ("Connection", "Upgrade, HTTP2-Settings"), ("HTTP2-Settings", "AAMAAABkAARAAAAAAAIAAAAA")]
        call(front.port, "/v1/x", issuer.jane(), headers=headers)
        assert not [seen for seen in backend.requests if "h2c" in "".join(seen.fields.all("Upgrade"))]


class Browsers:
    """`site` is a proxy in front of pages, whose people sign in at the gateway; it listens at `people.origin`."""

    def test_somebody_signs_in_and_gets_back_to_the_page(self, site, people, backend, provider):
        visitor = Visitor()
        visitor.plant("theme", "dark")
        page = visitor.open(f"{people.origin}/pages/x?q=1&r=%20")
        assert (page.status, page.url) == (200, f"{people.origin}/pages/x?q=1&r=%20"), visitor.hops
        assert visitor.rejected == []
        fields = backend.only_request.fields
        assert fields.one("X-Auth-Request-User") == provider.person["sub"]
        assert fields.one("Cookie") == "theme=dark"
        assert fields.one("Host") == f"localhost:{people.front_port}"
        again = visitor.send(f"{people.origin}/pages/y")
        assert (again.status, again.set) == (200, {})

    def test_two_cookie_fields_are_read_as_one(self, site, people, backend, provider):
        visitor = Visitor()
        assert visitor.open(f"{people.origin}/pages/x").status == 200
        [(name, session)] = visitor.cookies().items()
        backend.forget()
        for first, second in ((f"{name}={session.value}", "theme=dark"), ("theme=dark", f"{name}={session.value}")):
            headers = [("Host", f"localhost:{people.front_port}"), *NAVIGATION, ("Cookie", first), ("Cookie", second)]
            status = call(people.front_port, "/pages/y", headers=headers).status
            assert status in (200, 302, 303), status
        for seen in backend.requests:
            assert session.value not in "".join(seen.fields.all("Cookie"))
            assert "; ".join(seen.fields.all("Cookie")) == "theme=dark"
        assert len(backend.requests) == (2 if self.TELLS_COOKIE_FIELDS_APART else 0)

    # Whether two `Cookie` fields of HTTP/1.1, which no browser sends, reach the gateway as such.
    TELLS_COOKIE_FIELDS_APART = True

    def test_a_session_alone_leaves_no_cookie_for_the_api(self, site, people, backend, provider):
        assert Visitor().open(f"{people.origin}/pages/x").status == 200
        assert [value for value in backend.only_request.fields.all("Cookie") if value] == []

    def test_a_cookie_that_is_no_session_does_not_keep_anybody_out(self, site, people, backend, provider):
        visitor = Visitor()
        assert visitor.open(f"{people.origin}/pages/x").status == 200
        for name in list(visitor.cookies()):
            visitor.plant(name, "not-sealed")
        assert visitor.open(f"{people.origin}/pages/x", most=6).status == 200, visitor.hops

    def test_a_script_gets_401_in_place_of_a_redirect(self, site, people, backend, provider):
        hop = Visitor().fetch(f"{people.origin}/pages/x")
        assert (hop.status, hop.location) == (401, None)
        assert reason(hop.response) and backend.saw_nothing

    def test_a_step_up_leads_back(self, site, people, backend, provider):
        provider.person = dict(JOHN)
        visitor = Visitor()
        assert visitor.open(f"{people.origin}/pages/x").status == 200
        assert visitor.open(f"{people.origin}/mfa/x").status == 200, visitor.hops
        assert [seen.target for seen in backend.requests] == ["/pages/x", "/mfa/x"]

    def test_another_site_can_not_send_a_form_with_the_session(self, site, people, backend, provider):
        visitor = Visitor()
        assert visitor.open(f"{people.origin}/pages/x").status == 200
        backend.forget()
        held = "; ".join(f"{name}={cookie.value}" for name, cookie in visitor.cookies().items())
        hop = visitor.post(f"{people.origin}/pages/x", b"a=1", origin="https://evil.example", site="cross-site", cookies=held)
        assert hop.status == 403
        assert backend.saw_nothing
