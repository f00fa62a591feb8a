"""`mfa-gateway demo` as a process, and what it printed."""

import os
import re
import signal
import subprocess
import time
from dataclasses import dataclass
from threading import Thread

import httpx

from support.gateway import BINARY


@dataclass
class Example:
    """A printed curl command and the words around it."""

    command: str
    words: str

    @property
    def expected_status(self) -> int:
        statuses = re.findall(r"(?<![\w.:])([1-5]\d\d)(?!\w|[.:]\d)", self.words)
        assert len(set(statuses)) == 1, f"no single status is promised by {self.words!r}"
        return int(statuses[0])


class Demo:
    def __init__(self, *flags: str, **environment: str):
        ports = [f"--{part}address=127.0.0.1:0" for part in ("", "issuer-", "api-", "portal-", "admin-")]
        self.process = subprocess.Popen(
            [BINARY, "demo", *ports, *flags], env={**os.environ, **environment},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )
        self._lines: list[str] = []
        Thread(target=lambda: self._lines.extend(iter(self.process.stdout.readline, "")), daemon=True).start()
        try:
            self._wait_until_printed()
        except BaseException:
            self.stop()
            raise
        self.gateway_url = re.search(r"http://127\.0\.0\.1:\d+", self.examples[0].command)[0]
        self.issuer_url, self.discovery = self._find_issuer()

    @property
    def output(self) -> str:
        return "".join(self._lines)

    @property
    def examples(self) -> list[Example]:
        return parse_examples(self.output)

    def interrupt(self) -> int:
        """Presses Ctrl-C and returns the exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(5)

    def stop(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(5)

    def _wait_until_printed(self):
        end = time.monotonic() + 15
        seen = -1
        while time.monotonic() < end and self.process.poll() is None:
            time.sleep(0.3)
            if len(self._lines) == seen and len(self.examples) >= 7:
                return
            seen = len(self._lines)
        raise AssertionError(f"the demo did not print its seven commands:\n{self.output}")

    def _find_issuer(self) -> tuple[str, dict]:
        for url in sorted(set(re.findall(r"http://(?:127\.0\.0\.1|localhost):\d+", self.output))):
            try:
                answer = httpx.get(f"{url}/.well-known/openid-configuration")
                return url, answer.raise_for_status().json()
            except (httpx.HTTPError, ValueError):
                continue
        raise AssertionError(f"no printed address answers OIDC discovery:\n{self.output}")


class Provider:
    """The demo's identity provider, as tests bend it."""

    def __init__(self, demo: Demo):
        self.url = f"{demo.issuer_url}/"

    def faults(self, **faults):
        httpx.post(f"{self.url}faults", json=faults).raise_for_status()

    def honest(self):
        httpx.delete(f"{self.url}faults").raise_for_status()

    def end_sessions(self, login: str):
        httpx.post(f"{self.url}sessions/end", json={"login": login}).raise_for_status()


def parse_examples(output: str) -> list[Example]:
    """Splits the output into commands, each with the words before it, back to the command before."""
    examples, words, command = [], [], []
    for line in output.splitlines():
        line = line.strip()
        if command or line.startswith("curl "):
            command.append(line)
            if not line.endswith("\\"):
                examples.append(Example("\n".join(command), " ".join(words)))
                words, command = [], []
        else:
            words.append(line)
    return examples
