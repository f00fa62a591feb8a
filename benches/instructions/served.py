"""Instructions of the release binary for one request, from socket to socket: what the kernel does isn't counted.

One gateway runs below callgrind with one worker thread; one client asks one request after the other. callgrind writes
its counters and begins anew when `vgdb` tells it to, so that each kind of request is counted alone.
"""

import http.client
import re
import subprocess
from pathlib import Path

from checks import wait_until_it_answers
from peers import Gateway, Running, Settings, Surroundings
from processes import ENVIRONMENT, Failure
from servers import Backend, KeyServer, certificates
from tokens import Mint

REQUESTS = 400


class UnderCallgrind(Gateway):
    """The gateway, below valgrind."""

    def command(self, values, settings, folder):
        command, environment = super().command(values, settings, folder)
        valgrind = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={folder}/served", "--quiet"]
        return [*valgrind, *command], environment


class Requests:
    """One kind of request, again and again over one connection."""

    def __init__(self, port: int):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def send(self, tokens: list[str | None], expected: int, count: int, more: dict) -> None:
        for at in range(count):
            token = tokens[at % len(tokens)]
            headers = {**more, **({} if token is None else {"Authorization": f"Bearer {token}"})}
            self.connection.request("GET", "/v1/customers/4988e250/orders", headers=headers)
            answer = self.connection.getresponse()
            answer.read()
            if answer.status != expected:
                raise Failure(f"{answer.status} instead of {expected}")


def dump(running: Running) -> int:
    """Instructions since the last time. The counters begin at zero again."""
    def parts() -> set[Path]:
        return set(running.folder.glob("served.*"))

    before = parts()
    done = subprocess.run(["vgdb", f"--pid={running.process.pid}", "dump"], capture_output=True, text=True,
                          timeout=60, env=ENVIRONMENT)
    new = parts() - before
    if done.returncode or not new:
        raise Failure(f"callgrind wrote nothing: {done.stdout}{done.stderr}")
    return sum(int(re.search(r"^(?:totals|summary): (\d+)", part.read_text(), re.MULTILINE).group(1)) for part in new)


def count(mint: Mint, around: Surroundings) -> dict[str, float]:
    """Instructions per request, by the name of what is asked."""
    fresh = mint.file("mfa", 2 * REQUESTS).read_text().split()[:2 * REQUESTS]
    token = mint.one("mfa")
    many_headers = {f"X-Header-{at}": f"value {at}" for at in range(40)}
    kinds = [
        ("served: token in the cache", [token], 200, {}, False),
        ("served: token in the cache, 40 headers more", [token], 200, many_headers, False),
        ("served: token in the cache, logged", [token], 200, {}, True),
        ("served: every token new", fresh, 200, {}, False),
        ("served: without MFA", [mint.one("password")], 401, {}, False),
        ("served: expired", [mint.one("expired")], 401, {}, False),
        ("served: forged", [mint.one("forged")], 401, {}, False),
        ("served: no token", [None], 401, {}, False),
    ]
    counted = {}
    for logged in (False, True):
        running = UnderCallgrind("mfa-gateway").start(around, Settings(log=logged))
        try:
            wait_until_it_answers(running, token, within=60)
            requests = Requests(running.ports["PORT"])
            for name, tokens, expected, more, wants_log in kinds:
                if wants_log == logged:
                    # Connections and buffers grow at first; of tokens that must be new, the first half is used up.
                    requests.send(tokens[:REQUESTS], expected, REQUESTS, more)
                    dump(running)
                    requests.send(tokens[-REQUESTS:], expected, REQUESTS, more)
                    counted[name] = dump(running) / REQUESTS
        finally:
            running.stop()
    return counted


def served(folder: Path) -> dict[str, float]:
    """The same with everything it needs around it."""
    folder.mkdir(parents=True, exist_ok=True)
    mint = Mint(folder.parent / "tokens")
    backend, keys = Backend(folder), KeyServer(mint.key_set())
    try:
        around = Surroundings(folder, backend.port, keys.port, mint.public_key, folder / "none",
                              certificates(folder, mint.rsa.private))
        return count(mint, around)
    finally:
        backend.stop()
        keys.stop()
