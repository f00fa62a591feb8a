"""What deploy/release records its profile under: every load that is known here, as long as it takes to see what is hot.

Only for a binary that counts what it runs (`MFA_GATEWAY_BIN`). With `--install` nothing but what the loads need is had.
"""

import os
import sys
from pathlib import Path

from peers import Gateway
from processes import Failure
from setting import started, surroundings
from setup import install_programs
from workloads import WORKLOADS

# One thread has to do all of it, or counters that threads share would lose counts.
LEFT_OUT = {"latency", "threads"}
NEEDED = {"nginx": ("nginx",), "wrk": ("wrk",), "h2load": ("nghttp2-client",), "taskset": ("util-linux",)}


def main() -> None:
    install_programs(NEEDED)
    if sys.argv[1:] == ["--install"]:
        return
    with surroundings(Path(os.environ["PEERS_TARGET"])) as (around, mint):
        for workload in WORKLOADS:
            if workload.name in LEFT_OUT:
                continue
            running = started(Gateway("mfa-gateway"), around, workload.settings, mint)
            try:
                outcome = workload.run(running, mint, 1)
            finally:
                running.stop()
            print(f"{workload.name}: {outcome.requests} requests", flush=True)


if __name__ == "__main__":
    try:
        main()
    except Failure as failure:
        sys.exit(f"error: {failure}")
