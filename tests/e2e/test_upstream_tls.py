"""TLS to a backend: its roots, its name, and who the gateway is to it."""

import signal
import socket
import ssl
import threading
import time
from pathlib import Path

import pytest

from support.authority import Authority
from support.gateway import free_port, run
from support.http1 import call


class SecureBackend:
    """Answers `ok` over TLS, and notes for each request which name was asked for and who asked."""

    def __init__(self, certificate: tuple[str, str], client_ca: Path | None = None):
        self.seen, self.asked = [], []
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(*certificate)
        self.context.sni_callback = lambda _socket, name, _context: self.asked.append(name)
        if client_ca:
            self.context.verify_mode = ssl.CERT_REQUIRED
            self.context.load_verify_locations(client_ca)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def _accept(self):
        while True:
            try:
                plain, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(plain,), daemon=True).start()

    def _serve(self, plain):
        try:
            with self.context.wrap_socket(plain, server_side=True) as secure:
                shown = secure.getpeercert()
                name = shown and dict(pair[0] for pair in shown["subject"])["commonName"]
                while secure.recv(65536):
                    self.seen.append((self.asked[-1], name))
                    secure.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        except OSError:
            return

    def close(self):
        self.listener.close()


@pytest.fixture
def world(start_gateway, tmp_path):
    """Starts a backend with a certificate for `api.internal` and a gateway with this `tls` before it."""
    authority, backends = Authority(tmp_path, "authority"), []

    def start(tls: dict | None, client_ca: Path | None = None):
        backend = SecureBackend(authority.issue("api.internal"), client_ca)
        backends.append(backend)
        upstream = {"name": "api", "endpoints": [backend.url], "keep_alive": "60s", **({"tls": tls} if tls else {})}
        gateway = start_gateway(
            upstreams=[upstream], routes=[{"path": "/healthz", "upstream": "api", "require": "public"}])
        return gateway, backend

    start.authority, start.folder = authority, tmp_path
    yield start
    for backend in backends:
        backend.close()


def test_the_own_authority_and_name_are_what_counts(world):
    gateway, backend = world({"ca_file": str(world.authority.file), "server_name": "api.internal"})
    assert call(gateway.port, "/healthz").status == 200
    assert backend.seen == [("api.internal", None)]


@pytest.mark.parametrize("wrong", ["authority", "name", "host", "defaults"])
def test_a_wrong_certificate_is_a_502_and_gets_no_request(world, wrong):
    other = Authority(world.folder, "other")
    right = {"ca_file": str(world.authority.file), "server_name": "api.internal"}
    gateway, backend = world({
        "authority": {**right, "ca_file": str(other.file)},
        "name": {**right, "server_name": "other.internal"},
        "host": {"ca_file": str(world.authority.file)},
        "defaults": None,
    }[wrong])
    response = call(gateway.port, "/healthz")
    assert response.status == 502
    assert b"certificate" not in response.body.lower() and b"internal" not in response.body
    assert not backend.seen
    assert gateway.logged("certificate")


def test_a_gateway_without_the_certificate_that_is_demanded_gets_502(world):
    tls = {"ca_file": str(world.authority.file), "server_name": "api.internal"}
    gateway, backend = world(tls, client_ca=world.authority.file)
    assert call(gateway.port, "/healthz").status == 502
    assert not backend.seen


def test_a_changed_certificate_is_shown_and_the_old_connection_is_not_used_again(world):
    certificate, key = world.authority.issue("first", "gateway")
    tls = {"ca_file": str(world.authority.file), "server_name": "api.internal",
           "certificate_file": certificate, "key_file": key}
    gateway, backend = world(tls, client_ca=world.authority.file)
    for _ in range(2):
        assert call(gateway.port, "/healthz").status == 200
        time.sleep(0.02)
    assert backend.seen == [("api.internal", "first")] * 2 and len(backend.asked) == 1
    world.authority.issue("second", "gateway")
    gateway.process.send_signal(signal.SIGHUP)
    end = time.monotonic() + 5
    while backend.seen[-1][1] != "second" and time.monotonic() < end:
        assert call(gateway.port, "/healthz").status == 200
        time.sleep(0.02)
    for _ in range(3):
        assert call(gateway.port, "/healthz").status == 200
    assert [name for _, name in backend.seen[-4:]] == ["second"] * 4


def test_what_cannot_work_is_told_with_its_place(tmp_path):
    authority = Authority(tmp_path, "authority")
    certificate, key = authority.issue("a")
    other = authority.issue("b")[1]
    wrong = {
        "http://127.0.0.1:1": ({"ca_file": str(authority.file)}, "write `https://`"),
        "https://127.0.0.1:2": ({"server_name": "not a name"}, "upstreams[0].tls.server_name"),
        "https://127.0.0.1:3": ({"certificate_file": certificate}, "set both"),
        "https://127.0.0.1:4": ({"certificate_file": certificate, "key_file": other}, "the private key of the certificate"),
        "https://127.0.0.1:5": ({"ca_file": key}, "it contains no certificate"),
        "https://127.0.0.1:6": ({"ca_file": "/absent.crt"}, "/absent.crt"),
    }
    for endpoint, (tls, told) in wrong.items():
        file = tmp_path / "gateway.yaml"
        fields = "\n".join(f"      {name}: {value}" for name, value in tls.items())
        file.write_text(
            f"listeners: [{{ address: 127.0.0.1:{free_port()} }}]\n"
            f"upstreams:\n  - name: api\n    endpoints: [\"{endpoint}\"]\n    tls:\n{fields}\n"
            "routes: [{ prefix: /, upstream: api, require: public }]\n")
        done = run("check", "--config", str(file))
        assert done.returncode != 0 and told in done.stdout + done.stderr, (endpoint, done)
        assert "gateway.yaml:" in done.stdout + done.stderr
