"""What stands around the measured proxy: the API behind it, the issuer's keys, and a certificate."""

import datetime
import ipaddress
import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from processes import Process, free_port, load_core

TEMPLATES = Path(__file__).parent / "templates"


def render(template: str, values: dict) -> str:
    """A template with its `@NAME@`s replaced."""
    text = (TEMPLATES / template).read_text()
    for name, value in values.items():
        text = text.replace(f"@{name}@", str(value))
    return text


def root_user() -> str:
    """nginx gives up root for a user that couldn't read our files."""
    return "user root;" if os.geteuid() == 0 else ""


class Backend:
    """nginx on the load's core: 1 KB for most paths, 64 KB and 10 MB for two."""

    def __init__(self, folder: Path):
        self.port = free_port()
        files = folder / "files" / "v1"
        files.mkdir(parents=True, exist_ok=True)
        (files / "64k").write_bytes(b"x" * (64 << 10))
        (files / "10m").write_bytes(b"x" * (10 << 20))
        (files / "slow").write_bytes(b"x" * 1024)
        config = folder / "backend.conf"
        config.write_text(render("backend.conf", {
            "FOLDER": folder, "PORT": self.port, "BODY": "x" * 1024, "ROOT_USER": root_user(),
        }))
        command = ["nginx", "-p", str(folder), "-c", str(config), "-g", "daemon off;"]
        self.process = Process("backend", command, [load_core()], folder / "backend.log")
        self.process.wait_for_port(self.port)

    def stop(self) -> None:
        self.process.stop()


class KeyServer:
    """The issuer's key set, for those that fetch it."""

    def __init__(self, key_set: dict):
        body = json.dumps(key_set).encode()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_args):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", free_port()), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_port
        Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def self_signed(key) -> bytes:
    """A certificate of 127.0.0.1, as PEM."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.timezone.utc)
    built = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName([
            x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
        ]), critical=False)
        .sign(key, hashes.SHA256())
    )
    return built.public_bytes(serialization.Encoding.PEM)


def certificates(folder: Path, token_key) -> dict[str, Path]:
    """One for TLS: alone, its key, and both in one file; and one that only carries the key of the tokens."""
    key = ec.generate_private_key(ec.SECP256R1())
    certificate_pem = self_signed(key)
    key_pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    contents = {
        "CERTIFICATE": ("tls.crt", certificate_pem), "CERTIFICATE_KEY": ("tls.key", key_pem),
        "CERTIFICATE_PAIR": ("tls.pem", certificate_pem + key_pem),
        "CERTIFICATE_OF_TOKENS": ("tokens.crt", self_signed(token_key)),
    }
    for file, content in contents.values():
        (folder / file).write_bytes(content)
    return {name: folder / file for name, (file, _) in contents.items()}
