"""Instructions of the release binary for one request, from socket to socket: what the kernel does isn't counted.

One gateway runs below callgrind with one worker thread; one client asks one request after the other. callgrind writes
its counters and begins anew when `vgdb` tells it to, so that each kind of request is counted alone.
"""

import http.client
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import people
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


@dataclass
class Kind:
    """One kind of request."""

    name: str
    tokens: list[str | None]
    expected: int = 200
    fields: dict[str, str] = field(default_factory=dict)
    settings: Settings = field(default_factory=Settings)
    path: str = "/v1/customers/4988e250/orders"

    def send(self, connection: http.client.HTTPConnection, tokens: list[str | None]) -> None:
        """One after the other over one connection."""
        for at in range(REQUESTS):
            token = tokens[at % len(tokens)]
            headers = {**self.fields, **({} if token is None else {"Authorization": f"Bearer {token}"})}
            connection.request("GET", self.path, headers=headers)
            answer = connection.getresponse()
            answer.read()
            if answer.status != self.expected:
                raise Failure(f"{answer.status} instead of {self.expected}")


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
    kinds = [
        Kind("served: token in the cache", [token]),
        Kind("served: token in the cache, 40 headers more", [token],
             fields={f"X-Header-{at}": f"value {at}" for at in range(40)}),
        Kind("served: token in the cache, 80 guarded fields", [token],
             fields={f"X-Forwarded-Thing-{at}": f"value {at}" for at in range(80)}),
        Kind("served: token in the cache, logged", [token], settings=Settings(log=True)),
        Kind("served: every token new", fresh),
        Kind("served: without MFA", [mint.one("password")], 401),
        Kind("served: expired", [mint.one("expired")], 401),
        Kind("served: forged", [mint.one("forged")], 401),
        Kind("served: no token", [None], 401),
        Kind("served: a session", [None], settings=Settings(sessions=True), path=f"{people.PAGE}/4988e250"),
    ]
    counted = {}
    for settings in (Settings(), Settings(log=True), Settings(sessions=True)):
        running = UnderCallgrind("mfa-gateway").start(around, settings)
        try:
            wait_until_it_answers(running, token, within=60)
            if settings.sessions:
                kinds[-1].fields["Cookie"] = f"{people.COOKIE}={people.sign_in(running.ports['PORT'])}"
            connection = http.client.HTTPConnection("127.0.0.1", running.ports["PORT"], timeout=60)
            for kind in kinds:
                if kind.settings == settings:
                    # Connections and buffers grow at first; of tokens that must be new, the first half is used up.
                    kind.send(connection, kind.tokens[:REQUESTS])
                    dump(running)
                    kind.send(connection, kind.tokens[-REQUESTS:])
                    counted[kind.name] = dump(running) / REQUESTS
        finally:
            running.stop()
    return counted


def served(folder: Path) -> dict[str, float]:
    """The same with everything it needs around it."""
    folder.mkdir(parents=True, exist_ok=True)
    mint = Mint(folder.parent / "tokens")
    backend, keys, provider = Backend(folder), KeyServer(mint.key_set()), people.IdentityProvider()
    try:
        around = Surroundings(folder, backend.port, keys.port, mint.public_key, folder / "none",
                              certificates(folder, mint.rsa.private), provider)
        return count(mint, around)
    finally:
        backend.stop()
        keys.stop()
        provider.close()
