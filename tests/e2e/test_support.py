"""The control: clients, backends and issuer work with no gateway between them, so a failure elsewhere is its own."""

import json

import grpc
import httpx
import pytest
from joserfc import jwk, jwt
from joserfc.errors import BadSignatureError
from websockets.sync.client import connect

from support.backend import BLOCK, DOWNLOAD_BLOCKS
from support.curl import curl
from support.demo import parse_examples
from support.grpc_service import SERVICE
from support.http1 import Connection, call, request
from support.tokens import Key


def test_an_independent_library_verifies_the_issuers_tokens_and_no_others(issuer):
    discovery = httpx.get(f"{issuer.url}.well-known/openid-configuration").json()
    assert discovery["issuer"] == issuer.url
    keys = jwk.KeySet.import_key_set(httpx.get(discovery["jwks_uri"]).json())
    assert jwt.decode(issuer.jane(), keys, algorithms=["RS256"]).claims["amr"] == ["pwd", "mfa"]
    with pytest.raises(BadSignatureError):
        jwt.decode(issuer.token(sign=Key().sign), keys, algorithms=["RS256"])


def test_the_backend_records_a_request_byte_for_byte(backend):
    data = request("POST", "/v1/a%20b?x=%2F", "token", headers=[("x-Odd", "1")], body=b"hello")
    with Connection(backend.port) as connection:
        connection.send(data)
        assert json.loads(connection.response().body)["body_size"] == 5
    assert backend.only_request.head + b"\r\n\r\n" + backend.only_request.body == data
    assert backend.bytes_received == len(data)


def test_the_backend_decodes_chunked_bodies_and_trailers(backend):
    head = request("POST", "/v1/orders", headers=[("Transfer-Encoding", "chunked")])
    with Connection(backend.port) as connection:
        connection.send(head + b"5;x=y\r\nhello\r\n0\r\nX-Sum: 7\r\n\r\n")
        assert connection.response().status == 200
    assert (backend.only_request.body, backend.only_request.trailers) == (b"hello", [("X-Sum", "7")])


def test_the_backend_answers_in_every_way_it_is_asked_to(backend):
    assert call(backend.port, "/chunked").body == b"one two three"
    assert call(backend.port, "/trailers").trailers.one("X-Checksum") == "7"
    assert [hint.status for hint in call(backend.port, "/early-hints").interim] == [103]
    assert call(backend.port, "/head-only", method="HEAD").fields.one("Content-Length") == "1234"
    assert call(backend.port, "/empty").status == 204
    assert call(backend.port, "/sse").body.count(b"data:") == 6
    assert curl(f"{backend.url}/hop-by-hop").fields.one("X-Internal") == "secret"
    assert len(httpx.get(f"{backend.url}/download").content) == DOWNLOAD_BLOCKS * len(BLOCK)


def test_the_backend_asks_to_continue(backend):
    with Connection(backend.port) as connection:
        connection.send(request("POST", "/", headers=[("Expect", "100-continue"), ("Content-Length", "5")]))
        assert connection.head().status == 100
        connection.send(b"hello")
        assert connection.response().status == 200


def test_the_socket_server_echoes(sockets):
    with connect(f"ws://127.0.0.1:{sockets.port}/ws/echo", proxy=None) as socket:
        socket.send("hello")
        assert socket.recv(timeout=5) == "hello"
    assert len(sockets.handshakes) == 1


def test_the_grpc_service_answers(partners):
    with grpc.insecure_channel(f"127.0.0.1:{partners.port}", options=[("grpc.enable_http_proxy", 0)]) as channel:
        assert channel.unary_unary(f"/{SERVICE}/Echo")(b"hello", timeout=5) == b"hello"
        assert list(channel.unary_stream(f"/{SERVICE}/Count")(b"2", timeout=5)) == [b"0", b"1"]
        assert list(channel.stream_stream(f"/{SERVICE}/Chat")(iter([b"a"]), timeout=5)) == [b"you said a"]
        with pytest.raises(grpc.RpcError):
            channel.unary_unary(f"/{SERVICE}/Fail")(b"", timeout=5)


def test_printed_commands_are_found_with_their_words():
    output = """
    Jane signed in with MFA, so she gets 200:
      curl -i http://127.0.0.1:8080/v1/customers \\
        -H 'Authorization: Bearer x'

    John did not: 401.
      curl -i http://127.0.0.1:8080/v1/customers
    """
    jane, john = parse_examples(output)
    assert (jane.expected_status, john.expected_status) == (200, 401)
    assert jane.command.endswith("'Authorization: Bearer x'") and "Jane" in jane.words
