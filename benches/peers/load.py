"""The load: wrk for HTTP/1.1, h2load for HTTP/2, each on the backend's core."""

import json
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from processes import ENVIRONMENT, Failure, load_core, pinned

SCRIPT = Path(__file__).parent / "scripts" / "load.lua"


@dataclass
class Outcome:
    """What a client saw of one run. Times in microseconds."""

    requests: int
    seconds: float
    refused: int
    broken: int
    p50: float
    p99: float
    p999: float


def run_pinned(command: list[str], seconds: float) -> str:
    done = subprocess.run(
        pinned([load_core()], command), capture_output=True, text=True, timeout=seconds + 60, env=ENVIRONMENT)
    if done.returncode:
        raise Failure(f"{command[0]} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def wrk(url: str, tokens: Path, connections: int, seconds: int, options: dict) -> Outcome:
    """Requests with the tokens of a file; `options` are those of `scripts/load.lua`."""
    command = ["wrk", "--threads=1", f"--connections={connections}", f"--duration={seconds}s", "--timeout=20s",
               f"--script={SCRIPT}", url, str(tokens)]
    output = run_pinned([*command, *(f"{name}={value}" for name, value in options.items())], seconds)
    found = re.search(r"^RESULT (.*)$", output, re.MULTILINE)
    if not found:
        raise Failure(f"wrk said nothing:\n{output}")
    said = json.loads(found.group(1))
    return Outcome(said["requests"], said["microseconds"] / 1e6, said["refused"], said["broken"], said["p50"],
                   said["p99"], said["p999"])


def h2load(url: str, connections: int, streams: int, seconds: int, log: Path, options: list[str],
           length: int = 0) -> Outcome:
    """HTTP/2 with prior knowledge; each request is the same. With a `length`, all bodies that aren't as long are refusals."""
    log.unlink(missing_ok=True)
    output = run_pinned(["h2load", f"--clients={connections}", f"--max-concurrent-streams={streams}", "--threads=1",
                   f"--duration={seconds}", f"--log-file={log}", *options, url], seconds)
    counts = re.search(r"(\d+) done, (\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout", output)
    statuses = re.search(r"status codes: (\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx", output)
    bytes_of_bodies = re.search(r"\((\d+)\) data", output)
    if not counts or not statuses or not bytes_of_bodies:
        raise Failure(f"h2load said nothing:\n{output}")
    # Start, status and duration of each request.
    times = sorted(int(line.split("\t")[2]) for line in log.read_text().splitlines())
    log.unlink()
    done = int(counts.group(1))
    refused, good = int(statuses.group(3)) + int(statuses.group(4)), int(statuses.group(1))
    # A load that was stopped leaves a few bodies behind unfinished.
    if length and (others := good - int(bytes_of_bodies.group(1)) // length) > connections * streams:
        refused, good = refused + others, good - others
    return Outcome(done, float(seconds), refused, done - good - refused, percentile(times, 0.5),
                   percentile(times, 0.99), percentile(times, 0.999))


def percentile(ordered: list[int], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0
