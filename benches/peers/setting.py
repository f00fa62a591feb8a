"""What surrounds the proxies during a run, started and ended as one."""

import fcntl
import json
from contextlib import contextmanager
from pathlib import Path

import unattended
from checks import wait_until_it_answers
from people import IdentityProvider
from peers import Peer, Running, Settings, Surroundings
from processes import Failure, raise_file_limit
from servers import Backend, KeyServer, certificates
from tokens import Mint


@contextmanager
def surroundings(target: Path):
    """The backend and the issuer's keys; yields what a proxy is configured with, and the mint."""
    raise_file_limit()
    target.mkdir(parents=True, exist_ok=True)
    with (target / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Failure("another run is going on: they would disturb each other") from None
        yield from _started_surroundings(target)


def _started_surroundings(target: Path):
    folder = target / "work"
    folder.mkdir(parents=True, exist_ok=True)
    mint = Mint(target / "tokens")
    key_set = folder / "keys.json"
    key_set.write_text(json.dumps(mint.key_set()))
    backend, keys, provider = Backend(folder), KeyServer(mint.key_set()), IdentityProvider()
    try:
        yield Surroundings(folder, backend.port, keys.port, mint.public_key, key_set,
                           certificates(folder, mint.rsa.private), provider), mint
    finally:
        backend.stop()
        keys.stop()
        provider.close()


def started(peer: Peer, around: Surroundings, settings: Settings, mint: Mint) -> Running:
    """A proxy that answers."""
    running = peer.start(around, settings)
    try:
        wait_until_it_answers(running, mint.one("mfa"))
        if settings.consents:
            unattended.give(around.provider, running.ports["PORT_ADMIN"])
    except BaseException:
        running.stop()
        raise
    return running
