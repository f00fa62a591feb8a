"""What a large configuration costs: CPU time per request beside the small one, and the latency under a scrape and a
reload."""

import os
import signal
import socket
import statistics
import threading
import time
import urllib.request

from large import LARGE, count
from load import wrk
from peers import Running, Settings
from processes import Failure
from setting import started
from tokens import Mint

def configuration(peer, around, mint: Mint, quick: bool) -> list[dict]:
    """A point for each kind: CPU µs per request of the small and the large configuration, medians of rounds in turn."""
    points = []
    for large, (_, kind) in LARGE.items():
        settings = [Settings(), Settings(large=large, quick=quick)]
        used: list[list[float]] = [[], []]
        for _ in range(1 if quick else 6):
            for setting, costs in zip(settings, used):
                running = started(peer, around, setting, mint)
                try:
                    costs.append(cost(running, mint, kind))
                finally:
                    running.stop()
        small, many = map(statistics.median, used)
        points.append({"at": large, "count": count(large, quick), "small": small, "large": many})
    running = started(peer, around, Settings(large="routes", quick=quick), mint)
    try:
        points += [{"at": what, "slowest": slowest(running, mint, what)} for what in ("nothing", "scrape", "reload")]
    finally:
        running.stop()
    return points


def cost(running: Running, mint: Mint, kind: str) -> float:
    """CPU µs per request with tokens of a kind, once they were seen."""
    def load():
        return wrk(f"http://127.0.0.1:{running.ports['PORT']}/v1/customers", mint.file(kind, 100), 32, 1, {"first": 100})

    load()
    before = running.process.cpu_seconds()
    outcome = load()
    if (outcome.refused == 0) != (kind == "mfa") or outcome.broken > 32:
        raise Failure(f"{kind}: {outcome.refused} of {outcome.requests} are refused, {outcome.broken} are missing")
    return (running.process.cpu_seconds() - before) * 1e6 / outcome.requests


def slowest(running: Running, mint: Mint, what: str) -> float:
    """The slowest of some thousand requests one after the other, in ms, while something else goes on three times."""
    asked = f"GET /v1/customers HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {mint.one('mfa')}\r\n\r\n".encode()
    over, times = threading.Event(), []

    def go_on():
        for _ in range(3):
            time.sleep(0.5)
            if what == "scrape":
                urllib.request.urlopen(f"http://127.0.0.1:{running.ports['PORT_ADMIN']}/metrics", timeout=20).read()
            elif what == "reload":
                os.kill(running.process.pid, signal.SIGHUP)
                time.sleep(1)
        over.set()

    with socket.create_connection(("127.0.0.1", running.ports["PORT"]), 20) as connection:
        threading.Thread(target=go_on, daemon=True).start()
        while not over.is_set():
            begin = time.perf_counter()
            connection.sendall(asked)
            answer = connection.recv(1 << 16)
            times.append((time.perf_counter() - begin) * 1000)
            if not answer.startswith(b"HTTP/1.1 200"):
                raise Failure(f"not 200: {answer[:200]!r}")
            # The rest of the body, if it came apart.
            while not answer.endswith(b"\n") and len(answer.partition(b"\r\n\r\n")[2]) < 1024:
                answer += connection.recv(1 << 16)
            time.sleep(0.001)
    return max(times)


def table(points: list[dict]) -> str:
    rows = ["configuration: CPU µs per request of the small one and of the large one"]
    for point in points:
        if "small" in point:
            rows.append(f"  {point['count']:>6} {point['at']:12}{point['small']:8.1f}{point['large']:8.1f}"
                        f"  ({point['large'] / point['small']:.2f} ×)")
        else:
            rows.append(f"  the slowest request with many routes, beside {point['at']:8}{point['slowest']:8.1f} ms")
    return "\n".join(rows)
