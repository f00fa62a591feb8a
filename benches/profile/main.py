"""Puts the gateway under every load that benches/peers knows, for as long as it takes to see what is hot."""

import os
import sys
from pathlib import Path

from peers import PEERS
from processes import Failure
from setting import started, surroundings
from workloads import WORKLOADS

# One thread has to do all of it, or counters that threads share would lose counts.
LEFT_OUT = {"latency", "threads"}


def main() -> None:
    gateway = next(peer for peer in PEERS if peer.name == "mfa-gateway")
    with surroundings(Path(os.environ["PEERS_TARGET"])) as (around, mint):
        for workload in WORKLOADS:
            if workload.name in LEFT_OUT:
                continue
            running = started(gateway, around, workload.settings, mint)
            try:
                outcome = workload.run(running, mint, 1)
            finally:
                running.stop()
            print(f"{workload.name}: {outcome.requests} requests")


if __name__ == "__main__":
    try:
        main()
    except Failure as failure:
        sys.exit(f"error: {failure}")
