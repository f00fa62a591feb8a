"""`healthcheck`, as a container runs it."""

import socket
import threading
import time

import pytest
import yaml

from support.gateway import Gateway, free_port, run
from test_tls import certificate


class Unready(Gateway):
    """A gateway whose admin listener responds, whatever it says."""

    def _wait_until_ready(self, within: float):
        assert self.logged("listening for operators", within)


@pytest.fixture
def settings(backend):
    return {
        "upstreams": [{"name": "api", "endpoints": [backend.url]}],
        "routes": [{"path": "/healthz", "upstream": "api", "require": "public"}],
    }


def healthcheck(file, *more: str, **env: str):
    ran = run("healthcheck", "--config", str(file), *more, env=env)
    return ran.returncode, (ran.stdout + ran.stderr).strip()


def test_a_ready_gateway_is_healthy(start_gateway, settings):
    gateway = start_gateway(**settings)
    assert healthcheck(gateway.config_file) == (0, f"{gateway.admin_url}/readyz: ready")
    assert healthcheck(gateway.config_file, "--live") == (0, f"{gateway.admin_url}/livez: alive")
    assert healthcheck("absent.yaml", "--address", f"127.0.0.1:{gateway.admin_port}")[0] == 0


def test_a_proxy_for_others_is_not_asked(start_gateway, settings):
    gateway = start_gateway(**settings)
    assert healthcheck(gateway.config_file, HTTP_PROXY="http://127.0.0.1:9", http_proxy="http://127.0.0.1:9")[0] == 0


def test_over_tls_any_certificate_will_do_and_no_key_is_read(start_gateway, settings, tmp_path):
    crt, key = certificate(tmp_path, "admin", "admin.example")
    admin = {"tls": {"certificates": [{"certificate_file": str(crt), "key_file": str(key)}]}}
    gateway = start_gateway(**settings, admin=admin)
    key.unlink()
    assert healthcheck(gateway.config_file) == (0, f"{gateway.admin_url}/readyz: ready")


def test_what_waits_for_keys_lives_and_is_not_ready(tmp_path, settings):
    away = free_port()
    settings["issuers"] = [{"name": "away", "issuer": f"http://127.0.0.1:{away}/", "audiences": ["api"]}]
    gateway = Unready(tmp_path, settings)
    try:
        assert healthcheck(gateway.config_file) == (1, f"{gateway.admin_url}/readyz: 503 waiting for keys")
        assert healthcheck(gateway.config_file, "--live")[0] == 0
    finally:
        gateway.kill()


def test_what_does_not_respond_is_unhealthy_and_named(tmp_path):
    file, port = tmp_path / "gateway.yaml", free_port()
    file.write_text(yaml.safe_dump({"admin": {"address": f"127.0.0.1:{port}"}}))
    code, said = healthcheck(file)
    assert code == 1 and f"127.0.0.1:{port}" in said and "refused" in said.lower()
    with socket.create_server(("127.0.0.1", port)) as silent:
        thread = threading.Thread(target=silent.accept, daemon=True)
        thread.start()
        start = time.monotonic()
        assert healthcheck(file, "--timeout", "300ms")[0] == 1
        assert time.monotonic() - start < 5


def test_where_to_ask_must_be_known(tmp_path):
    file = tmp_path / "gateway.yaml"
    for text, words in [("routes: []\n", "no `admin`"), ("admin: { address: systemd:admin }\n", "--address"),
                        ("admin: { address: 9090 }\n", "admin.address")]:
        file.write_text(text)
        code, said = healthcheck(file)
        assert code == 1 and words in said, said
