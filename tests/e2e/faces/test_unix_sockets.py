"""Authorizers that are Unix sockets, behind nginx and Envoy and by hand."""

import os
import signal
import socket
import stat
import subprocess
from contextlib import contextmanager

import httpx
import pytest
import yaml

from support.contract import reason
from support.front import Neighbour, caddy, envoy, haproxy, nginx, started
from support.gateway import BINARY
from support.http1 import call

FRONTS = {
    "nginx": ("nginx", nginx), "caddy": ("caddy", caddy), "haproxy": ("haproxy", haproxy),
    "envoy": ("envoy", envoy("envoy.yaml")), "envoy-http": ("envoy", envoy("envoy-http.yaml")),
}


@contextmanager
def neighbour(folder, issuer, user=None):
    judge = started(Neighbour, folder, issuer, user)
    try:
        yield judge
    finally:
        judge.stop()


@pytest.fixture(scope="module")
def nearby(tmp_path_factory, issuer):
    with neighbour(tmp_path_factory.mktemp("nearby"), issuer) as judge:
        yield judge


def ask(judge, target="/public/x", token=None, kind="nginx", **fields):
    """Asks as nginx does."""
    headers = {"Host": "api.contoso.example", "X-Original-Method": "GET", "X-Original-URL": target, **fields}
    headers |= {"Authorization": f"Bearer {token}"} if token else {}
    with httpx.Client(transport=httpx.HTTPTransport(uds=str(judge.sockets[kind]))) as client:
        return client.get("http://gateway/authorize", headers=headers)


@pytest.mark.parametrize("name, command", FRONTS.values(), ids=FRONTS)
def test_a_proxy_asks_by_a_socket(start_front, nearby, backend, issuer, name, command):
    front = start_front(name, command, nearby.edit, judge=nearby)
    permitted = call(front.port, "/v1/x", issuer.jane(), headers=[("X-Auth-Request-User", "forged")])
    assert permitted.status == 200, permitted
    assert backend.only_request.fields.one("X-Auth-Request-User") == "jane-7f1c"
    for token, why in ((None, "no_credential"), (issuer.john(), "mfa_missing")):
        refused = call(front.port, "/v1/x", token)
        assert (refused.status, reason(refused), len(refused.fields.all("WWW-Authenticate"))) == (401, why, 1)
    assert call(front.port, "/public/x").status == 200
    assert len(backend.requests) == 2


@pytest.mark.parametrize("name, command", FRONTS.values(), ids=FRONTS)
def test_a_proxy_of_another_user_is_refused(start_front, tmp_path, backend, issuer, name, command):
    with neighbour(tmp_path, issuer, os.getuid() + 1) as judge:
        front = start_front(name, command, judge.edit, judge=judge)
        for target in ("/v1/x", "/public/x"):
            refused = call(front.port, target, issuer.jane())
            assert (refused.status, reason(refused)) == (403, "unknown_peer")
        assert backend.saw_nothing


def test_the_client_is_the_one_that_the_proxy_names(nearby):
    assert ask(nearby, "/v1/x", **{"X-Original-Client": "192.0.2.77"}).status_code == 401
    assert nearby.logged("client=192.0.2.77")


def test_a_socket_is_for_its_user_and_group(nearby):
    for path in nearby.sockets.values():
        mode = path.stat().st_mode
        assert stat.S_ISSOCK(mode) and stat.S_IMODE(mode) == 0o660


def test_a_killed_gateway_leaves_files_that_the_next_one_replaces(start_front, tmp_path, backend, issuer):
    first = started(Neighbour, tmp_path, issuer)
    front = start_front("nginx", nginx, first.edit, judge=first)
    assert call(front.port, "/v1/x", issuer.jane()).status == 200
    first.kill()
    left = {kind: path.stat() for kind, path in first.sockets.items()}
    assert len(left) == 4 and call(front.port, "/v1/x", issuer.jane()).status >= 500
    with neighbour(tmp_path, issuer) as second:
        assert call(front.port, "/v1/x", issuer.jane()).status == 200
        assert ask(second).status_code == 200
    assert not any(path.exists() for path in second.sockets.values())


def test_a_second_gateway_leaves_the_first_alone(nearby):
    """With the same sockets and other ports."""
    config = yaml.safe_load(nearby.config_file.read_text())
    for section in (config["listeners"][0], config["admin"]):
        section["address"] = "127.0.0.1:0"
    file = nearby.config_file.with_suffix(".second.yaml")
    file.write_text(yaml.safe_dump(config))
    second = subprocess.run([BINARY, "serve", "--config", str(file)], capture_output=True, text=True, timeout=20)
    assert second.returncode != 0
    assert "another process listens there" in second.stderr + second.stdout
    assert "authorizers[0].address" in second.stderr + second.stdout
    assert ask(nearby).status_code == 200


def test_a_file_of_another_kind_is_neither_taken_nor_removed(tmp_path, nearby):
    config = yaml.safe_load(nearby.config_file.read_text())
    precious = tmp_path / "precious"
    precious.write_text("kept")
    config["listeners"][0]["address"] = config["admin"]["address"] = "127.0.0.1:0"
    config["authorizers"] = [{**config["authorizers"][0], "address": f"unix:{precious}"}]
    file = tmp_path / "gateway.yaml"
    file.write_text(yaml.safe_dump(config))
    checked = subprocess.run([BINARY, "check", "--config", str(file)], capture_output=True, text=True, timeout=20)
    assert "the file there is not a socket" in checked.stderr + checked.stdout
    served = subprocess.run([BINARY, "serve", "--config", str(file)], capture_output=True, text=True, timeout=20)
    assert served.returncode != 0 and "the file there is not a socket" in served.stderr + served.stdout
    assert precious.read_text() == "kept"


def test_a_reload_changes_whose_processes_may_ask(tmp_path, issuer):
    with neighbour(tmp_path, issuer) as judge:
        assert ask(judge).status_code == 200
        text = judge.config_file.read_text()
        judge.config_file.write_text(text.replace(f"- {os.getuid()}\n", "- 4711\n"))
        judge.process.send_signal(signal.SIGHUP)
        assert judge.logged("configuration reloaded")
        assert ask(judge).status_code == 403
        assert ask(judge, kind="forward-auth").status_code == 403


def test_what_was_asked_before_the_end_is_answered_and_the_files_go(tmp_path, issuer):
    with neighbour(tmp_path, issuer) as judge:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(5)
            client.connect(str(judge.sockets["nginx"]))
            head = b"GET /authorize HTTP/1.1\r\nHost: api.contoso.example\r\nX-Original-Method: GET\r\n"
            client.sendall(head)
            judge.terminate()
            assert judge.logged("draining")
            client.sendall(b"X-Original-URL: /public/x\r\n\r\n")
            assert client.recv(100).startswith(b"HTTP/1.1 200 ")
        judge.process.wait(8)
        assert not any(path.exists() for path in judge.sockets.values())
