"""Under a service manager: sockets that it passes, and what it is told."""

import fcntl
import os
import signal
import socket
import sys

import pytest

from support.gateway import Gateway
from support.http1 import call

# Sockets are passed from descriptor 3 on, to the process of this id.
PASS = """
import os, sys
count = int(sys.argv[1])
for at, number in enumerate(sys.argv[2 : 2 + count]):
    os.dup2(int(number), 3 + at)
os.environ["LISTEN_FDS"], os.environ["LISTEN_PID"] = str(count), str(os.getpid())
os.execv(sys.argv[2 + count], sys.argv[2 + count :])
"""


class Manager:
    """Listens, passes sockets on and is told how things are, as systemd."""

    def __init__(self, folder):
        self.address = folder / "notify"
        self.told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.told.bind(str(self.address))
        self.told.settimeout(5)
        self.sockets = {}

    def listen(self, name: str) -> int:
        """Opens a socket and returns its port."""
        listener = socket.create_server(("127.0.0.1", 0))
        # Out of the way of the numbers that it gets in the end.
        self.sockets[name] = fcntl.fcntl(listener.fileno(), fcntl.F_DUPFD, 50)
        port = listener.getsockname()[1]
        listener.close()
        return port

    def start(self, folder, config: dict, admin_port: int = 0, **environment) -> Gateway:
        numbers = list(self.sockets.values())
        prefix = [sys.executable, "-c", PASS, str(len(numbers)), *map(str, numbers)] if numbers else []
        environment |= {"NOTIFY_SOCKET": str(self.address), "LISTEN_FDNAMES": ":".join(self.sockets)}
        return Gateway(folder, config, prefix=prefix, admin_port=admin_port, pass_fds=numbers,
                       env={**os.environ, **environment})

    def message(self) -> dict[str, str]:
        """The next thing that it is told."""
        lines = self.told.recv(4096).decode().splitlines()
        return dict(line.split("=", 1) for line in lines)

    def news(self) -> dict[str, str]:
        """The next thing that is not for the watchdog."""
        while (message := self.message()) == {"WATCHDOG": "1"}:
            pass
        return message


@pytest.fixture
def manager(tmp_path):
    manager = Manager(tmp_path)
    yield manager
    manager.told.close()
    for number in manager.sockets.values():
        os.close(number)


@pytest.fixture
def config(issuer, backend):
    return {
        "issuers": issuer.section,
        "upstreams": [{"name": "api", "endpoints": [backend.url]}],
        "routes": [{"path": "/healthz", "upstream": "api", "require": "public"}],
    }


def test_traffic_comes_by_a_passed_socket_which_outlives_the_gateway(manager, config, tmp_path, backend):
    port, admin_port = manager.listen("traffic"), manager.listen("admin")
    config |= {"listeners": [{"address": "systemd:traffic"}], "admin": {"address": "systemd:admin"}}
    gateway = manager.start(tmp_path, config, admin_port)
    assert call(port, "/healthz").status == 200
    gateway.stop()
    # Who comes in between waits for the next one.
    with socket.create_connection(("127.0.0.1", port), 10) as early:
        early.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        gateway = manager.start(tmp_path, config, admin_port)
        assert early.recv(12) == b"HTTP/1.1 200"
    gateway.stop()


def test_a_socket_that_was_not_passed_is_told_by_name(manager, config, tmp_path):
    manager.listen("other")
    with pytest.raises(AssertionError) as failed:
        manager.start(tmp_path, config | {"listeners": [{"address": "systemd:traffic"}]})
    assert "no socket with the name `traffic` was passed (passed: other)" in str(failed.value)


def test_the_manager_is_told_of_start_reload_watchdog_and_end(manager, config, tmp_path):
    gateway = manager.start(tmp_path, config, WATCHDOG_USEC="400000")
    messages = [manager.message() for _ in range(3)]
    assert {"READY": "1"} in messages
    assert messages.count({"WATCHDOG": "1"}) == 2
    gateway.process.send_signal(signal.SIGHUP)
    reloading = manager.news()
    assert reloading["RELOADING"] == "1" and int(reloading["MONOTONIC_USEC"]) > 0
    assert manager.news() == {"READY": "1"}
    gateway.terminate()
    assert manager.news() == {"STOPPING": "1"}
    gateway.stop()
