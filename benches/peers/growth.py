"""What memory does as connections, streams and tokens become more, and CPU time as tokens do."""

import socket
import subprocess
import time
from itertools import islice
from pathlib import Path

from peers import Running
from processes import ENVIRONMENT, Failure, load_core, pinned
from tokens import Mint

BODY = 1024

# What a proxy keeps for a connection shows once that is idle.
IDLE_SECONDS = 2


def request(token: str) -> bytes:
    return f"GET /v1/customers HTTP/1.1\r\nHost: api.peers.test\r\nAuthorization: Bearer {token}\r\n\r\n".encode()


def read_answers(connection: socket.socket, count: int) -> None:
    """So many answers of 200, each with the backend's 1 KB."""
    got = b""
    while got.count(b"HTTP/1.1 ") < count or len(got.rpartition(b"\r\n\r\n")[2]) < BODY:
        part = connection.recv(1 << 18)
        if not part:
            raise Failure(f"the connection was closed after {got[-300:]!r}")
        got += part
    if got.count(b"HTTP/1.1 200") != count:
        raise Failure(f"not every answer is 200: {got[:300]!r}")


def connections(running: Running, mint: Mint, steps: list[int]) -> list[dict]:
    """Memory with so many connections that were used once and stay open."""
    asked, open_ones, points = request(mint.one("mfa")), [], []
    try:
        for step in steps:
            while len(open_ones) < step:
                connection = socket.create_connection(("127.0.0.1", running.ports["PORT"]), 10)
                open_ones.append(connection)
                connection.sendall(asked)
                read_answers(connection, 1)
            time.sleep(IDLE_SECONDS)
            points.append({"at": step, "memory": running.process.memory()})
    finally:
        for connection in open_ones:
            connection.close()
    return points


def backend_connections(port: int) -> int:
    """Established ones, as the backend sees them."""
    rows = (line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
    return sum(row[1] == f"0100007F:{port:04X}" and row[3] == "01" for row in rows)


def streams(running: Running, mint: Mint, steps: list[int], backend: int) -> list[dict]:
    """Memory with so many HTTP/2 streams at once, a hundred a connection, whose answers trickle in.

    Each needs a connection to the backend of its own, so those tell whether all streams are open.
    """
    points = []
    for step in steps:
        clients = max(1, step // 100)
        command = ["h2load", f"--requests={step}", f"--clients={clients}", f"--max-concurrent-streams={min(step, 100)}",
                   f"--header=authorization: Bearer {mint.one('mfa')}",
                   f"http://127.0.0.1:{running.ports['PORT_H2']}/v1/slow"]
        load = subprocess.Popen(pinned([load_core()], command), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                env=ENVIRONMENT)
        try:
            end = time.monotonic() + 30
            while (reached := backend_connections(backend)) < step:
                if time.monotonic() > end or load.poll() is not None:
                    raise Failure(f"{running.peer.name}: {reached} of {step} streams reach the backend")
                time.sleep(0.1)
            memory = running.process.memory()
        finally:
            load.kill()
            load.wait()
        points.append({"at": step, "memory": memory})
    return points


def tokens(running: Running, mint: Mint, steps: list[int]) -> list[dict]:
    """Memory and CPU time after so many different tokens, and CPU time of the same tokens once more.

    Requests are pipelined, so that one Python process keeps a proxy busy: the times compare with each other, and not
    with those of the workloads.
    """
    points, sent = [], 0
    path = mint.file("mfa", max(steps), "ES256")
    with path.open() as lines:
        for step in steps:
            first = used_by(running, lambda: pipeline(running, islice(lines, step - sent)))
            sent = step
            point = {"at": step, "memory": running.process.memory(), "cpu_new": first}
            # The latest of them: those are in any cache that is large enough.
            again = min(step, 20_000)
            with path.open() as same:
                point["cpu_again"] = used_by(running, lambda: pipeline(running, islice(same, step - again, step)))
            points.append(point)
    # A million of them are 1.3 GB.
    path.unlink()
    return points


def used_by(running: Running, work) -> float:
    before = running.process.cpu_seconds()
    count = work()
    return (running.process.cpu_seconds() - before) * 1e6 / max(1, count)


def pipeline(running: Running, lines, ask=request, lanes: int = 8, depth: int = 16) -> int:
    """Asks with each token or cookie once, over several connections with several requests in flight."""
    open_ones = [socket.create_connection(("127.0.0.1", running.ports["PORT"]), 60) for _ in range(lanes)]
    count = 0
    try:
        lines = iter(lines)
        while batch := list(islice(lines, lanes * depth)):
            shares = [batch[lane::lanes] for lane in range(lanes)]
            for connection, share in zip(open_ones, shares):
                connection.sendall(b"".join(ask(line.rstrip()) for line in share))
            for connection, share in zip(open_ones, shares):
                if share:
                    read_answers(connection, len(share))
            count += len(batch)
    finally:
        for connection in open_ones:
            connection.close()
    return count
