"""The gateway as a process, started the way its users start it."""

import collections
import os
import random
import signal
import socket
import subprocess
import time
from pathlib import Path

import httpx
import yaml

BINARY = os.environ["MFA_GATEWAY_BIN"]
# What the tests configure as `refusals.request_context`.
REQUEST_CONTEXT = "appId=cid-v1:03ce8ca8-8373-4021-8f25-d5dd45c7b12f"


GIVEN: collections.deque = collections.deque(maxlen=500)


def free_port() -> int:
    """A free port below the range that outgoing connections use, so that none can take it in the meantime."""
    while True:
        port = random.randrange(20000, 32000)
        # One that was given a moment ago is free until its process listens.
        if port in GIVEN:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            GIVEN.append(port)
            return port


def run(*arguments: str, stdin: str = "", env: dict | None = None, cwd=None) -> subprocess.CompletedProcess:
    """Runs a command of the gateway to its end."""
    return subprocess.run(
        [BINARY, *arguments], input=stdin, text=True, capture_output=True, timeout=20, cwd=cwd,
        env={**os.environ, **(env or {})},
    )


class Gateway:
    """`serve` with a configuration file."""

    def __init__(self, folder: Path, config: dict, ready_within: float = 10, prefix: list[str] = (), admin_port: int = 0,
                 **popen):
        """`prefix` stands before the command; `popen` goes to the process."""
        self.port, self.admin_port = free_port(), admin_port or free_port()
        self.config_file = folder / f"gateway-{self.port}.yaml"
        self.log = folder / f"gateway-{self.port}.log"
        config = {
            "listeners": [{"address": f"127.0.0.1:{self.port}"}],
            **config,
            "admin": {"address": f"127.0.0.1:{self.admin_port}", **config.get("admin", {})},
        }
        self.admin_url = f"http{'s' if 'tls' in config['admin'] else ''}://127.0.0.1:{self.admin_port}"
        self.config_file.write_text(yaml.safe_dump(config, sort_keys=False))
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [*prefix, BINARY, "serve", "--config", str(self.config_file)],
                stdin=subprocess.DEVNULL, **{"stdout": log, "stderr": log, **popen},
            )
        try:
            self._wait_until_ready(ready_within)
        except BaseException:
            self.kill()
            raise

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def memory_peak(self) -> int:
        """The most memory it ever held, in bytes."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) * 1024

    def logged(self, text: str, within: float = 5) -> bool:
        """Whether a text comes into the log, which is written by a thread of its own."""
        end = time.monotonic() + within
        while text not in self.log.read_text(errors="replace"):
            if time.monotonic() > end:
                return False
            time.sleep(0.02)
        return True

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def kill(self):
        self.process.kill()
        self.process.wait(5)

    def stop(self):
        """Ends it, and insists that it was well until then."""
        crashed = self.process.poll()
        if crashed is None:
            self.terminate()
        try:
            self.process.wait(8)
        except subprocess.TimeoutExpired:
            self.kill()
            raise
        log = self.log.read_text(errors="replace")
        assert crashed in (None, 0), f"the gateway ended by itself with {crashed}:\n{log}"
        assert "panicked" not in log, log

    # What it waits for: /livez is there before any issuer was reached.
    ready_path = "/readyz"

    def _wait_until_ready(self, within: float):
        end = time.monotonic() + within
        while time.monotonic() < end:
            if self.process.poll() is not None:
                break
            try:
                if httpx.get(f"{self.admin_url}{self.ready_path}", verify=False).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.03)
        raise AssertionError(f"the gateway did not become ready:\n{self.log.read_text(errors='replace')}")
