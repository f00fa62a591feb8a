"""TLS on a listener: certificates by name, by file, and of clients."""

import datetime
import http.client
import signal
import socket
import ssl
import subprocess
import time
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from support.gateway import free_port
from support.metrics import scrape, value


def certificate(folder: Path, file: str, name: str) -> tuple[Path, Path]:
    """Writes a self-signed certificate and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject).issuer_name(subject).public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1)).not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    paths = folder / f"{file}.crt", folder / f"{file}.key"
    paths[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    return paths


class Listener:
    """A gateway with a TLS listener beside its plain one."""

    def __init__(self, start_gateway, backend, folder: Path, client_ca: Path | None = None):
        self.folder, self.port = folder, free_port()
        pairs = [certificate(folder, "a", "a.example"), certificate(folder, "b", "b.example")]
        tls = {"certificates": [{"certificate_file": str(crt), "key_file": str(key)} for crt, key in pairs]}
        if client_ca:
            tls["client_certificates"] = {"ca_file": str(client_ca)}
        plain = free_port()
        self.gateway = start_gateway(
            listeners=[{"address": f"127.0.0.1:{plain}"}, {"address": f"127.0.0.1:{self.port}", "tls": tls}],
            upstreams=[{"name": "api", "endpoints": [backend.url]}],
            routes=[{"path": "/healthz", "upstream": "api", "require": "public"}, {"prefix": "/v1/", "upstream": "api"}],
        )

    def context(self, alpn=("http/1.1",)) -> ssl.SSLContext:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.set_alpn_protocols(list(alpn))
        return context

    def name_shown(self, asked: str) -> str:
        """The name in the certificate that a client gets that asks for a name."""
        with socket.create_connection(("127.0.0.1", self.port), 5) as plain:
            with self.context().wrap_socket(plain, server_hostname=asked) as secure:
                shown = x509.load_der_x509_certificate(secure.getpeercert(binary_form=True))
        return shown.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value

    def get(self, path: str, token: str | None = None, context: ssl.SSLContext | None = None) -> int:
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=5, context=context or self.context())
        try:
            connection.request("GET", path, headers={"Authorization": f"Bearer {token}"} if token else {})
            return connection.getresponse().status
        finally:
            connection.close()


@pytest.fixture
def listener(start_gateway, backend, tmp_path):
    return Listener(start_gateway, backend, tmp_path)


def test_the_rule_holds_over_tls_and_the_backend_learns_of_it(listener, issuer, backend):
    assert listener.get("/v1/customers", issuer.jane()) == 200
    assert backend.only_request.fields.all("X-Forwarded-Proto") == ["https"]
    assert listener.get("/v1/customers", issuer.john()) == 401


def test_a_client_gets_the_certificate_for_the_name_it_asks_for(listener):
    shown = {asked: listener.name_shown(asked) for asked in ("a.example", "b.example", "other.example")}
    assert shown == {"a.example": "a.example", "b.example": "b.example", "other.example": "a.example"}


def test_an_exact_name_comes_before_a_wildcard_and_a_request_for_another_certificate_is_misdirected(
        start_gateway, backend, tmp_path):
    port = free_port()
    names = ["first.example", "*.b.example", "x.b.example"]
    pairs = [certificate(tmp_path, str(at), name) for at, name in enumerate(names)]
    tls = {"certificates": [{"certificate_file": str(crt), "key_file": str(key)} for crt, key in pairs]}
    start_gateway(
        listeners=[{"address": f"127.0.0.1:{free_port()}"}, {"address": f"127.0.0.1:{port}", "tls": tls}],
        upstreams=[{"name": "api", "endpoints": [backend.url]}],
        routes=[{"prefix": "/", "upstream": "api", "require": "public"}],
    )
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE

    def outcome(asked: str | None, host: str) -> tuple[str, int]:
        with socket.create_connection(("127.0.0.1", port), 5) as plain:
            with context.wrap_socket(plain, server_hostname=asked) as secure:
                shown = x509.load_der_x509_certificate(secure.getpeercert(binary_form=True))
                secure.sendall(f"GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
                answer = secure.makefile("rb").readline()
        return shown.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value, int(answer.split()[1])

    assert outcome("x.b.example", "X.b.example.:443") == ("x.b.example", 200)
    assert outcome("y.b.example", "y.b.example") == ("*.b.example", 200)
    assert outcome("y.b.example", "z.b.example") == ("*.b.example", 200)
    assert outcome("z.y.b.example", "first.example") == ("first.example", 200)
    assert outcome(None, "x.b.example") == ("first.example", 200)
    assert outcome("y.b.example", "x.b.example") == ("*.b.example", 421)
    assert outcome("first.example", "y.b.example") == ("first.example", 421)


def test_http2_is_agreed_on_by_alpn(listener, issuer):
    done = subprocess.run(
        ["curl", "-sk", "--http2", "-o", "/dev/null", "-w", "%{http_version} %{http_code}",
         "-H", f"Authorization: Bearer {issuer.jane()}", f"https://127.0.0.1:{listener.port}/v1/customers"],
        capture_output=True, text=True, timeout=10,
    )
    assert done.stdout == "2 200"


def test_a_changed_certificate_is_taken_up_and_an_open_connection_goes_on(listener, issuer):
    connection = http.client.HTTPSConnection("127.0.0.1", listener.port, timeout=5, context=listener.context())
    headers = {"Authorization": f"Bearer {issuer.jane()}"}
    connection.request("GET", "/v1/customers", headers=headers)
    connection.getresponse().read()
    certificate(listener.folder, "a", "new.example")
    listener.gateway.process.send_signal(signal.SIGHUP)
    end = time.monotonic() + 5
    while listener.name_shown("new.example") != "new.example" and time.monotonic() < end:
        time.sleep(0.05)
    assert listener.name_shown("new.example") == "new.example"
    connection.request("GET", "/v1/customers", headers=headers)
    assert connection.getresponse().status == 200
    connection.close()


def test_plain_http_on_the_tls_port_gets_no_answer_and_harms_nobody(listener, backend):
    with socket.create_connection(("127.0.0.1", listener.port), 5) as plain:
        plain.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
        assert b"200" not in plain.recv(4096)
    assert listener.get("/healthz") == 200


def test_a_client_without_a_certificate_is_turned_away_where_one_is_required(start_gateway, backend, tmp_path):
    client, key = certificate(tmp_path, "client", "client.example")
    listener = Listener(start_gateway, backend, tmp_path, client_ca=client)
    with pytest.raises((ssl.SSLError, ConnectionError, http.client.RemoteDisconnected)):
        listener.get("/healthz")
    assert backend.saw_nothing


def test_a_failed_handshake_is_counted(listener):
    def failed() -> float:
        return value(scrape(listener.gateway), "mfa_gateway_connections_refused_total", reason="tls_handshake")

    assert listener.get("/healthz") == 200 and failed() == 0
    with socket.create_connection(("127.0.0.1", listener.port), 5) as plain:
        plain.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert b"HTTP" not in plain.recv(100)
    end = time.monotonic() + 5
    while not failed() and time.monotonic() < end:
        time.sleep(0.02)
    assert failed() == 1
