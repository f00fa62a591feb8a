"""The PROXY protocol in front of TLS, as a balancer of layer 4 sends it."""

import socket
import ssl

import pytest

from support import http2
from support.gateway import free_port
from support.http1 import request
from test_tls import certificate

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
CLIENT = "203.0.113.7"
HEADS = {
    "version 1": f"PROXY TCP4 {CLIENT} 198.51.100.1 50000 443\r\n".encode(),
    "version 2": SIGNATURE + b"\x21\x11\x00\x0c" + socket.inet_aton(CLIENT) + socket.inet_aton("198.51.100.1")
    + (50000).to_bytes(2) + (443).to_bytes(2),
}


@pytest.fixture
def balanced(start_gateway, backend, tmp_path):
    """The port of a listener with TLS that expects the PROXY protocol."""
    crt, key = certificate(tmp_path, "a", "a.example")
    port = free_port()
    start_gateway(
        listeners=[{"address": f"127.0.0.1:{port}", "proxy_protocol": "required",
                    "tls": {"certificates": [{"certificate_file": str(crt), "key_file": str(key)}]}}],
        trusted_proxies=["127.0.0.1"],
        upstreams=[{"name": "api", "endpoints": [backend.url]}],
        routes=[{"path": "/healthz", "upstream": "api", "require": "public"}],
    )
    return port


def connect(port: int, head: bytes, protocol: str) -> ssl.SSLSocket:
    plain = socket.create_connection(("127.0.0.1", port), 5)
    plain.sendall(head)
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols([protocol])
    return context.wrap_socket(plain)


@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)
def test_the_head_stands_before_tls_and_tells_the_clients_address(balanced, backend, head):
    with connect(balanced, head, "http/1.1") as stream:
        stream.sendall(request("GET", "/healthz", headers=[("Connection", "close")]))
        assert stream.recv(12) == b"HTTP/1.1 200"
    with connect(balanced, head, "h2") as stream:
        assert stream.selected_alpn_protocol() == "h2"
        assert http2.call_over(stream, "/healthz").status_line == "HTTP/2 200"
    for recorded in backend.requests:
        assert recorded.fields.one("X-Forwarded-For") == CLIENT
        assert recorded.fields.one("X-Forwarded-Proto") == "https"


def test_tls_without_a_head_gets_no_handshake(balanced, backend):
    with pytest.raises((ssl.SSLError, ConnectionError)):
        connect(balanced, b"", "http/1.1")
    assert backend.saw_nothing
