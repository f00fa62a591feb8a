"""`benches/peers/run scale`: growth with connections, streams, tokens, sessions and the configuration, overload, and the
start."""

import argparse
import json
import os
import statistics
import sys
import time
from pathlib import Path

import chart
import configuration
from growth import connections, streams, tokens
from peers import PEERS, Settings
from population import sessions
from processes import Failure, raise_file_limit
from report import machine
from saturation import saturation
from setting import started, surroundings
from setup import install_programs
from startup import startup

TARGET = Path(os.environ["PEERS_TARGET"])
MIB = 1 << 20
DEFAULT = ["nginx", "haproxy-jwt", "envoy-cache", "mfa-gateway"]
KINDS = ["connections", "streams", "tokens", "sessions", "saturation", "startup", "configuration"]
# Small, so that a few hundred connections are far past it.
ADMITTED = 32


def arguments(given: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benches/peers/run scale", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a hundredth of the connections and tokens")
    parser.add_argument("--only", default=",".join(DEFAULT), metavar="PEERS", help="default: %(default)s")
    parser.add_argument("--what", default=",".join(KINDS), metavar="KINDS", help="default: %(default)s")
    parser.add_argument("--charts", type=Path, metavar="FOLDER", help="draws the curves into SVG files")
    return parser.parse_args(given)


def decades(last: int) -> list[int]:
    steps = [1]
    while steps[-1] * 10 < last:
        steps.append(steps[-1] * 10)
    return [*steps, last]


def measure(kind: str, peer, around, mint, quick: bool):
    if kind == "startup":
        return [{"milliseconds": seconds * 1000} for seconds in startup(peer, around, mint, 5 if quick else 20)]
    if kind == "configuration":
        return configuration.configuration(peer, around, mint, quick)
    if kind == "sessions":
        return sessions(peer, around, mint, [10, 1000] if quick else [1000, 10_000, 100_000])
    limited = Settings(requests=ADMITTED) if kind == "saturation" else Settings()
    running = started(peer, around, limited, mint)
    try:
        idle = {"at": 0, "memory": running.process.memory()}
        # A proxy wants two file descriptors for each, and some systems give 20,000.
        room = raise_file_limit() // 2 - 200
        if kind == "connections":
            return [idle, *connections(running, mint, decades(100 if quick else min(10_000, room)))]
        if kind == "streams":
            return [idle, *streams(running, mint, decades(100 if quick else min(10_000, room)), around.backend)]
        if kind == "tokens":
            return [idle, *tokens(running, mint, decades(10_000 if quick else 1_000_000))]
        return saturation(running, mint, [8, 32, 64, 128] if quick else [1, 8, 32, 64, 128, 256, 512, 1024],
                          1 if quick else 3)
    finally:
        running.stop()


def asked(kind: str, names: list[str]) -> list:
    """The others have nothing that grows with tokens or sessions, or sheds load, but for those named here."""
    able = {"tokens": ["envoy-cache", "mfa-gateway"], "sessions": ["mfa-gateway"],
            "saturation": ["mfa-gateway"], "configuration": ["mfa-gateway"]}
    return [peer for peer in PEERS if peer.name in names and peer.name in able.get(kind, names)]


def table(kind: str, curves: dict[str, list[dict]]) -> str:
    if kind == "startup":
        rows = ["  {:16}{:8.1f} ms".format(name, statistics.median(point["milliseconds"] for point in points))
                for name, points in curves.items()]
        return "\n".join(["startup: to the first permitted answer, the issuer out of reach (median)", *rows])
    if kind == "saturation":
        rows = ["  {:>6} connections: {:8.0f} admitted/s, {:5.1%} shed, p50 {:7.2f} ms, p99 {:7.2f} ms".format(
            point["at"], point["admitted_rate"], point["shed"], point["p50"] / 1000, point["p99"] / 1000)
            for points in curves.values() for point in points]
        return "\n".join([f"saturation: at most {ADMITTED} requests at a time; those that are admitted", *rows])
    if kind == "configuration":
        return "\n".join(configuration.table(points) for points in curves.values())
    if kind == "sessions":
        return "\n".join(table_of_sessions(points) for points in curves.values())
    steps = [point["at"] for point in next(iter(curves.values()))]
    rows = [f"{kind}: MiB with so many" + ("; CPU µs/req of new ones / once more" if kind == "tokens" else ""),
            "  " + " " * 16 + "".join(f"{step:>11}" for step in steps)]
    for name, points in curves.items():
        rows.append(f"  {name:16}" + "".join(f"{point['memory'] / MIB:11.1f}" for point in points))
        if kind == "tokens":
            rows += ["  " + " " * 16 + "".join(f"{point.get(cpu, 0):11.1f}" for point in points)
                     for cpu in ("cpu_new", "cpu_again")]
    return "\n".join(rows)


def table_of_sessions(points: list[dict]) -> str:
    """What a gateway takes at its start on a store of sessions, after each was used, and where each was refreshed."""
    rows = [("sessions in the store", "at", 1, 0), ("MiB at the start", "memory", MIB, 1),
            ("once each was used", "used", MIB, 1), ("all refreshed", "renewed", MIB, 1),
            ("and used", "renewed_used", MIB, 1), ("CPU µs/req, first use", "cpu_new", 1, 1), ("once more", "cpu_again", 1, 1)]
    return "\n".join(f"  {name:24}" + "".join(
        f"{point[field] / unit:11.{digits}f}" if field in point else f"{'':11}" for point in points
    ) for name, field, unit, digits in rows)


def draw(kind: str, curves: dict[str, list[dict]], folder: Path) -> None:
    about = f"{machine()['cpu']}, one proxy thread"
    if kind in ("startup", "sessions", "configuration"):
        return
    if kind == "saturation":
        title, across = "p99 of admitted requests, in ms", f"connections; at most {ADMITTED} requests are admitted"
        series = {name: [(point["at"], point["p99"] / 1000) for point in points] for name, points in curves.items()}
    else:
        title, across = "Memory, in MiB", {
            "connections": "idle connections kept alive", "streams": "HTTP/2 streams in flight",
            "tokens": "different tokens seen",
        }[kind]
        series = {name: [(point["at"], point["memory"] / MIB) for point in points if point["at"]]
                  for name, points in curves.items()}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{kind}.svg").write_text(chart.lines(title, across, series, "mfa-gateway", about))


def main(given: list[str]) -> None:
    options = arguments(given)
    names, kinds = options.only.split(","), options.what.split(",")
    if unknown := (set(kinds) - set(KINDS)) | (set(names) - {peer.name for peer in PEERS}):
        sys.exit(f"unknown: {', '.join(sorted(unknown))}")
    peers = [peer for peer in PEERS if peer.name in names]
    install_programs({"nginx": ("nginx",), "h2load": ("nghttp2-client",), "taskset": ("util-linux",),
                      **{peer.program: peer.packages for peer in peers if peer.packages}})
    for peer in peers:
        peer.install()
    begin, results = time.time(), {}
    try:
        with surroundings(TARGET) as (around, mint):
            for kind in kinds:
                results[kind] = {peer.name: measure(kind, peer, around, mint, options.quick)
                                 for peer in asked(kind, names)}
                if not results[kind]:
                    continue
                print(table(kind, results[kind]) + "\n", flush=True)
                if options.charts:
                    draw(kind, results[kind], options.charts)
    except (Failure, OSError) as failure:
        sys.exit(f"failed: {failure}")
    path = TARGET / "scale.json"
    path.write_text(json.dumps({
        "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(begin)), "machine": machine(),
        "versions": {peer.name: peer.version() for peer in peers}, "quick": options.quick, "results": results,
    }, indent=1))
    print(f"{time.time() - begin:.0f} s; results in {path}")
