"""Envoy's ext_authz over gRPC: what Envoy asks, and what it is answered."""

import json
import signal
import socket
import struct
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import grpc
import httpx
import pytest

from support.ext_authz import APPEND, Envoy, health_request, question
from support.gateway import Gateway, free_port

FORGED = [
    ("x-auth-request-user", "attacker"), ("X-Auth-Request-Class", "app"), ("x_auth_request_user", "attacker"),
    ("x-auth.request-tenant", "attacker"), ("x-original-url", "/healthz"), ("x-http-method-override", "GET"),
]


def authorizers(port: int, **more) -> list[dict]:
    return [{"name": "mesh", "kind": "envoy", "address": f"127.0.0.1:{port}", "peers": {"addresses": ["127.0.0.1"]}, **more}]


ROUTES = [
    {"path": "/healthz", "upstream": "api", "require": "public"},
    {"prefix": "/v1/", "upstream": "api"},
    {"prefix": "/trial/", "upstream": "api", "mode": "report"},
    {"prefix": "/tokenless/", "upstream": "api", "authorization": "remove"},
    {"prefix": "/people/", "upstream": "api", "app_only": "deny", "methods": ["GET"], "dialect": "oauth"},
]


@pytest.fixture(scope="module")
def mesh(tmp_path_factory, issuer, session_backend):
    port = free_port()
    gateway = Gateway(tmp_path_factory.mktemp("mesh"), {
        "issuers": issuer.section,
        "authorizers": authorizers(port),
        "upstreams": [{"name": "api", "endpoints": [session_backend.url]}],
        "routes": ROUTES,
    })
    gateway.mesh_port = port
    yield gateway
    gateway.stop()


@pytest.fixture
def envoy(mesh):
    with Envoy(mesh.mesh_port) as envoy:
        yield envoy


def bearer(token: str) -> tuple[str, str]:
    return ("authorization", f"Bearer {token}")


@pytest.mark.parametrize("raw", [False, True])
def test_a_request_with_mfa_is_permitted_with_the_callers_identity(envoy, issuer, backend, raw):
    fields = [bearer(issuer.jane()), ("accept", "*/*"), ("cookie", "a=1"), ("cookie", "b=2"), *FORGED]
    verdict = envoy.ask(fields=fields, raw=raw)
    assert verdict.allowed and verdict.is_permit and not verdict.is_denial
    told = verdict.upstream(fields)
    assert [value for name, value in told if name == "x-auth-request-user"] == ["jane-7f1c"]
    assert [value for name, value in told if name == "x-auth-request-class"] == ["app_user"]
    assert ("authorization", f"Bearer {issuer.jane()}")[0] in dict(told)
    names = [name for name, _ in told]
    assert not set(names) & {"x_auth_request_user", "x-auth.request-tenant", "x-original-url", "x-http-method-override"}
    assert "attacker" not in dict(told).values()
    set_names = {one.header.key for one in verdict.ok.headers}
    assert not set_names & set(verdict.ok.remove)
    assert not any(name.startswith(":") or name == "host" for name in verdict.ok.remove)
    assert "authorization" not in verdict.ok.remove
    client = verdict.to_client()
    assert client["ms-requestid"] and not any("auth" in name for name in client)
    assert backend.requests == []


def test_the_client_is_told_what_it_asked_for(envoy, issuer):
    verdict = envoy.ask(fields=[bearer(issuer.jane()), ("ValidateMfa", "true")])
    assert verdict.to_client()["ismfacompliant"].lower() == "true"
    verdict = envoy.ask(path="/trial/x", fields=[bearer(issuer.john())])
    assert verdict.allowed and "mfa-report" in verdict.to_client()


def test_a_token_goes_where_the_route_lets_it(envoy, issuer):
    assert "authorization" in envoy.ask(path="/tokenless/x", fields=[bearer(issuer.jane())]).ok.remove


def test_a_public_route_tells_no_identity(envoy, issuer):
    for fields in ([], [bearer(issuer.jane())], FORGED):
        verdict = envoy.ask(path="/healthz", fields=fields)
        assert verdict.allowed
        assert not any(one.header.key.startswith("x-auth-request") for one in verdict.ok.headers)
        assert {"x-auth-request-user", "x-auth-request-class"} <= set(verdict.ok.remove)


@pytest.mark.parametrize("raw", [False, True])
@pytest.mark.parametrize(("who", "path", "method"), [
    ("nobody", "/v1/customers", "GET"), ("john", "/v1/customers", "GET"), ("expired", "/v1/customers", "POST"),
    ("nonsense", "/v1/customers", "GET"), ("jane", "/nowhere", "GET"), ("jane", "/people/1", "DELETE"),
    ("daemon", "/people/1", "GET"), ("jane", "/v1/%2e%2e/healthz", "GET"), ("jane", "/v1/a%2Fb", "GET"),
    ("jane", "/v1/../healthz", "GET"), ("jane", "/v1/x", "TRACE"),
])
def test_a_refusal_is_the_listeners(mesh, envoy, issuer, who, path, method, raw):
    token = {"nobody": None, "john": issuer.john(), "expired": issuer.jane(exp=1), "nonsense": "nonsense",
             "jane": issuer.jane(), "daemon": issuer.daemon()}[who]
    fields = [bearer(token)] if token else []
    verdict = envoy.ask(method=method, path=path, fields=fields, raw=raw, host="127.0.0.1")
    with socket.create_connection(("127.0.0.1", mesh.port)) as client:
        lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", "Connection: close", *[f"{n}: {v}" for n, v in fields]]
        client.sendall("\r\n".join([*lines, "", ""]).encode())
        with client.makefile("rb") as stream:
            head, _, body = stream.read().partition(b"\r\n\r\n")
    status, *direct = head.decode().split("\r\n")
    direct = {line.split(": ", 1)[0].lower(): line.split(": ", 1)[1] for line in direct}
    assert verdict.is_denial and not verdict.is_permit and verdict.code != 0
    assert verdict.status == int(status.split()[1])
    for name in ("www-authenticate", "content-type", "allow"):
        assert verdict.all(name) == ([direct[name]] if name in direct else []), name
    assert not {"content-length", "transfer-encoding", "connection"} & {one.header.key for one in verdict.denied.headers}
    if method != "TRACE":
        assert json.loads(verdict.denied.body)
    assert {401: 16, 403: 7, 404: 5, 400: 3, 405: 12}[verdict.status] == verdict.code


@pytest.mark.parametrize("path", ["/v1/x", "/healthz"])
@pytest.mark.parametrize("wrong", [
    {"method": ""}, {"path": ""}, {"host": ""}, {"scheme": ""}, {"scheme": "ftp"}, {"query": "a=b"}, {"fragment": "f"},
    {"fields": [("a b", "c")]}, {"fields": [("a", "b\nc: d")]}, {"source": "client.example"},
    {"fields": [(":path", "/other")]}, {"fields": [(":protocol", "websocket")], "raw": True},
    {"fields": [("host", "other.example")]},
    {"fields": [("authorization", "Bearer a"), ("authorization", "Bearer b")]},
    {"fields": [("authorization", "Bearer a"), ("authorization", "Bearer b")], "raw": True},
])
def test_a_question_about_no_single_request_is_refused(envoy, wrong, path):
    verdict = envoy.ask(**{"path": path, **wrong})
    assert (verdict.code, verdict.status, verdict.is_denial) == (3, 400, True), wrong
    assert json.loads(verdict.denied.body)


@pytest.mark.parametrize(("who", "path", "status", "grpc_status"), [
    ("nobody", "/v1/contoso.Partners/Echo", 401, "16"), ("john", "/v1/contoso.Partners/Echo", 401, "16"),
    ("daemon", "/people/x", 405, "12"), ("jane", "/contoso.Partners/Echo", 404, "12"),
])
def test_a_grpc_caller_is_told_in_its_own_terms(envoy, issuer, who, path, status, grpc_status):
    fields = [("content-type", "application/grpc"), ("te", "trailers")]
    fields += [bearer(getattr(issuer, who)())] if who != "nobody" else []
    verdict = envoy.ask(method="POST", path=path, fields=fields, protocol="HTTP/2")
    assert (verdict.status, verdict.header("grpc-status")) == (status, grpc_status)
    assert verdict.header("grpc-message") and verdict.header("content-type") == "application/grpc"
    # Envoy would put a body in the place of the message.
    assert not verdict.denied.body
    assert len(verdict.all("www-authenticate")) == (status == 401)


def test_a_target_that_is_no_path_is_refused(envoy):
    for path in ("http://api.example/healthz", "*", "healthz", "/healthz#x", "/healthz x", "//healthz\x7f"):
        assert envoy.ask(path=path).status == 400, path


def test_two_accounts_of_the_fields_are_refused(envoy, issuer):
    asked = question(fields=[bearer(issuer.jane())])
    asked.attributes.request.http.header_map.headers.add(key="accept", raw_value=b"*/*")
    assert envoy.send(asked, timeout=5).status == 400


def test_nothing_but_the_token_is_evidence(envoy, issuer):
    asked = question(fields=[bearer(issuer.john())], body=f"access_token={issuer.jane()}")
    asked.attributes.source.principal = "spiffe://mesh/admin"
    asked.attributes.source.certificate = "-----BEGIN%20CERTIFICATE-----"
    asked.attributes.context_extensions.add(key="authorization", value=f"Bearer {issuer.jane()}")
    assert envoy.send(asked, timeout=5).status == 401


def test_fields_of_the_clients_connection_change_nothing(envoy, issuer):
    for fields in ([("upgrade", "websocket"), ("connection", "upgrade, authorization")], [("expect", "100-continue")],
                   [("range", "bytes=0-1")], [("te", "trailers")], [("expect", "the impossible")],
                   [("transfer-encoding", "gzip, chunked"), ("content-length", "5,6")]):
        assert envoy.ask(fields=[bearer(issuer.jane()), *fields]).allowed, fields
        assert envoy.ask(fields=fields).status == 401, fields


def test_metadata_of_the_call_is_no_evidence(envoy, issuer):
    call = dict(timeout=5, metadata=[bearer(issuer.jane()), ("x-forwarded-for", "192.0.2.1")])
    assert envoy.send(question(), **call).status == 401


def test_messages_that_cannot_be_read_are_grpc_errors(envoy, issuer):
    deep = b""
    for _ in range(5000):
        deep = b"\x0b" + deep + b"\x0c"
    for message in (b"\xff\xff\xff", b"\x0a\xff\xff\xff\xff\x0f", b"\x0a\x05\x22\x10", deep, b"\x0a" + b"\xff" * 11,
                    question(fields=[("x", "y" * 2_000_000)]).SerializeToString()):
        with pytest.raises(grpc.RpcError) as failure:
            envoy.send(message, timeout=5)
        assert failure.value.code() is not grpc.StatusCode.OK, message[:9]
    assert envoy.send(b"", timeout=5).status == 400
    # Unknown fields are skipped.
    unknown = question(fields=[bearer(issuer.jane())]).SerializeToString() + b"\xfa\x3e\x03abc\x50\x01"
    assert envoy.send(unknown, timeout=5).allowed


def test_compressed_messages_are_refused(mesh, issuer):
    with Envoy(mesh.mesh_port, **{"grpc.default_compression_algorithm": grpc.Compression.Gzip.value}) as envoy:
        with pytest.raises(grpc.RpcError) as failure:
            envoy.ask(fields=[bearer(issuer.jane()), ("x", "y" * 5000)])
        assert failure.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_other_methods_are_unimplemented(envoy):
    for method in ("/envoy.service.auth.v3.Authorization/Other", "/envoy.service.auth.v2.Authorization/Check",
                   "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", "/v1/customers",
                   "/envoy.service.auth.v3.Authorization/Check/"):
        with pytest.raises(grpc.RpcError) as failure:
            envoy.channel.unary_unary(method)(b"", timeout=5)
        assert failure.value.code() is grpc.StatusCode.UNIMPLEMENTED, method


def test_what_is_not_grpc_gets_an_ordinary_refusal(mesh, issuer):
    url = f"http://127.0.0.1:{mesh.mesh_port}"
    headers = dict([bearer(issuer.jane())])
    for path, status in (("/envoy.service.auth.v3.Authorization/Check", 415), ("/v1/customers", 404), ("/healthz", 404)):
        for method in ("GET", "POST"):
            answer = httpx.request(method, url + path, headers=headers, content=b"{}" if method == "POST" else None)
            assert answer.status_code == status and answer.json(), (method, path)


def test_health_is_served_until_the_gateway_drains(start_gateway, session_backend):
    port = free_port()
    gateway = start_gateway(
        authorizers=authorizers(port), routes=ROUTES, upstreams=[{"name": "api", "endpoints": [session_backend.url]}],
        timeouts={"drain_delay": "1s"},
    )
    with Envoy(port) as envoy:
        for service in ("", "envoy.service.auth.v3.Authorization"):
            assert envoy.health(health_request(service), timeout=5).status == 1
        with pytest.raises(grpc.RpcError) as failure:
            envoy.health(health_request("other"), timeout=5)
        assert failure.value.code() is grpc.StatusCode.NOT_FOUND
        states = envoy.watch(health_request(), timeout=20)
        assert next(states).status == 1
        gateway.terminate()
        assert next(states).status == 2
        assert envoy.health(health_request(), timeout=5).status == 2
        assert envoy.ask(path="/healthz").allowed
        assert list(states) == []


def test_strangers_are_refused_and_not_read(start_gateway, session_backend, issuer):
    port = free_port()
    start_gateway(
        authorizers=authorizers(port, peers={"addresses": ["192.0.2.0/24"]}), routes=ROUTES,
        upstreams=[{"name": "api", "endpoints": [session_backend.url]}],
    )
    with Envoy(port) as envoy:
        for path in ("/v1/x", "/healthz"):
            for more in ({}, {"source": "192.0.2.7"}, {"fields": [bearer(issuer.jane()), ("x-forwarded-for", "192.0.2.7")]}):
                verdict = envoy.ask(path=path, **more)
                assert (verdict.code, verdict.status) == (7, 403)
        assert envoy.ask(fields=[("x", "y" * 3_000_000)]).status == 403
    assert httpx.get(f"http://127.0.0.1:{port}/v1/x").status_code == 403


def test_checks_of_one_connection_are_judged_one_by_one(envoy, issuer):
    tokens = [issuer.jane(), issuer.john()] * 125
    calls = [envoy.send.future(question(fields=[bearer(token)]), timeout=20) for token in tokens]
    assert [call.result().allowed for call in calls] == [True, False] * 125


def test_many_connections_ask_at_once(mesh, issuer):
    token = issuer.jane()

    def ask(number: int) -> bool:
        with Envoy(mesh.mesh_port, **{"grpc.use_local_subchannel_pool": 1}) as envoy:
            fields = [bearer(token)] if number % 2 else []
            return all(envoy.ask(fields=fields, timeout=20).allowed == bool(fields) for _ in range(10))

    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(ask, range(64)))


class HangingKeys:
    """An issuer that accepts connections and never answers."""

    def __init__(self):
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}/"
        self._held = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        try:
            while True:
                self._held.append(self._socket.accept()[0])
        except OSError:
            pass

    def close(self):
        self._socket.close()


def test_a_check_ends_before_its_deadline_with_a_denial(tmp_path, issuer, session_backend):
    class Started(Gateway):
        ready_path = "/livez"

    keys, port = HangingKeys(), free_port()
    gateway = Started(tmp_path, {
        "issuers": [{"name": "slow", "issuer": keys.url, "audiences": ["api://partner"]}],
        "authorizers": authorizers(port), "routes": ROUTES,
        "upstreams": [{"name": "api", "endpoints": [session_backend.url]}],
    })
    try:
        with Envoy(port) as envoy:
            asked = question(fields=[bearer(issuer.jane(iss=keys.url))])
            slow = [envoy.send.future(asked, timeout=0.6) for _ in range(50)]
            start = time.monotonic()
            assert envoy.ask(path="/healthz", timeout=1).allowed
            assert time.monotonic() - start < 0.5
            for call in slow:
                verdict = call.result()
                assert (verdict.code, verdict.status) == (14, 503)
                assert json.loads(verdict.denied.body)["reason"] == "deadline_passed"
                assert not verdict.all("www-authenticate")
            assert time.monotonic() - start < 1
    finally:
        keys.close()
        gateway.stop()


def test_a_reload_changes_the_next_check(start_gateway, session_backend, issuer):
    port = free_port()
    gateway = start_gateway(
        authorizers=authorizers(port), routes=ROUTES, upstreams=[{"name": "api", "endpoints": [session_backend.url]}],
    )
    with Envoy(port) as envoy:
        assert envoy.ask(fields=[bearer(issuer.jane())]).allowed
        text = gateway.config_file.read_text()
        gateway.config_file.write_text(text.replace("prefix: /v1/", "prefix: /v2/"))
        gateway.process.send_signal(signal.SIGHUP)
        end = time.monotonic() + 5
        while envoy.ask(fields=[bearer(issuer.jane())]).allowed and time.monotonic() < end:
            time.sleep(0.02)
        assert envoy.ask(fields=[bearer(issuer.jane())]).status == 404
        assert envoy.ask(path="/v2/x", fields=[bearer(issuer.jane())]).allowed


def test_resets_and_broken_frames_harm_nobody(mesh, envoy, issuer):
    def frame(kind, flags, stream, payload=b""):
        return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload

    def text(value: bytes):
        return bytes([len(value)]) + value

    fields = [(b":method", b"POST"), (b":scheme", b"http"), (b":path", b"/envoy.service.auth.v3.Authorization/Check"),
              (b":authority", b"a"), (b"content-type", b"application/grpc"), (b"te", b"trailers")]
    block = b"".join(b"\0" + text(name) + text(value) for name, value in fields)
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0)
    for behind in (b"", frame(0, 0, 0)):
        with socket.create_connection(("127.0.0.1", mesh.mesh_port)) as attacker:
            attacker.settimeout(5)
            try:
                attacker.sendall(preface)
                for stream in range(1, 4001, 2):
                    attacker.sendall(frame(1, 4, stream, block) + frame(3, 0, stream, b"\0\0\0\x08"))
                attacker.sendall(behind)
                while attacker.recv(65536):
                    pass
            except OSError:
                pass
    # Half a message, and a length that nothing follows.
    with socket.create_connection(("127.0.0.1", mesh.mesh_port)) as slow:
        slow.sendall(preface + frame(1, 4, 1, block) + frame(0, 0, 1, b"\0\0\0\xff\xff\x0a"))
        assert envoy.ask(fields=[bearer(issuer.jane())]).allowed
    assert envoy.ask(fields=[bearer(issuer.jane())]).allowed
    assert envoy.ask().status == 401


def test_set_cookie_fields_stay_apart(envoy):
    verdict = envoy.ask()
    repeated = [one for one in verdict.denied.headers if not one.HasField("append")]
    assert all(one.action == APPEND for one in repeated)
