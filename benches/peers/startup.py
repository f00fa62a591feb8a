"""From the start of the process to the first permitted answer, with what it needs on disk."""

import time
from dataclasses import replace

from checks import status, wait_until_it_answers
from peers import Peer, Settings, Surroundings
from servers import KeyServer
from setting import started
from tokens import Mint


def startup(peer: Peer, around: Surroundings, mint: Mint, times: int) -> list[float]:
    """Seconds, of each time. The issuer can't be reached: keys come from disk."""
    token, measured = mint.one("mfa"), []
    issuer = KeyServer(mint.key_set())
    around = replace(around, keys=issuer.port)
    # The first one keeps what a later one finds.
    first = started(peer, around, Settings(), mint)
    first.stop()
    issuer.stop()
    for _ in range(times):
        begin = time.monotonic()
        running = peer.start_again(around, Settings(), first.folder)
        try:
            if status(running.ports["PORT"], token) != 200:
                wait_until_it_answers(running, token)
            measured.append(time.monotonic() - begin)
        finally:
            running.stop()
    return measured
