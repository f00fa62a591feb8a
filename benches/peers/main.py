"""The command line: what to measure, of whom, and where the results go."""

import argparse
import os
import sys
import time
from pathlib import Path

import report
import scale
from asking import ASKING
from checks import check
from peers import BEARER, DIRECT, PEERS, Bare, Gateway, Peer, Running, Settings, Surroundings
from processes import Failure, cores
from setting import started, surroundings
from setup import install_programs
from tokens import Mint
from workloads import WORKLOADS, Workload

TARGET = Path(os.environ["PEERS_TARGET"])
QUICK_PEERS = ["nginx", "haproxy-jwt", "mfa-gateway"]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="benches/peers/run", formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Measures proxies in turn under the same load, on loopback: CPU time per request, rate, latency "
                    "and memory, as medians over rounds that alternate between them.",
        epilog="workloads:\n" + "\n".join(f"  {w.name:16}{w.about}" for w in WORKLOADS)
               + "\n\n`benches/peers/run scale --help`: growth, overload and the start\n"
               + "\npeers:\n  " + ", ".join(peer.name for peer in [*PEERS, *ASKING, DIRECT]),
    )
    parser.add_argument("--quick", action="store_true",
                        help=f"a few minutes: {', '.join(QUICK_PEERS)} and the first workloads")
    parser.add_argument("--only", metavar="PEERS", help="these peers, by name and with commas")
    parser.add_argument("--workload", metavar="NAMES", help="these workloads, by name and with commas")
    parser.add_argument("--rounds", type=int, default=6, help="rounds of each peer and workload (default 6)")
    parser.add_argument("--seconds", type=int, default=0, help="of one round (default 2; with --quick 1)")
    parser.add_argument("--ordinary", type=Path, metavar="FILE",
                        help=f"another build of the gateway, measured as {report.ORDINARY}; a last table has both")
    parser.add_argument("--markdown", action="store_true", help="prints the tables as Markdown")
    parser.add_argument("--chart", type=Path, metavar="FILE", help="draws the first workload's CPU time into an SVG")
    return parser.parse_args()


def chosen(everything: list, names: str | None, default: list) -> list:
    if not names:
        return default
    by_name = {thing.name: thing for thing in everything}
    unknown = [name for name in names.split(",") if name not in by_name]
    if unknown:
        sys.exit(f"unknown: {', '.join(unknown)}; there are {', '.join(by_name)}")
    return [by_name[name] for name in names.split(",")]


def install(peers: list[Peer], workloads: list[Workload]) -> None:
    needed = {"nginx": ("nginx",), "wrk": ("wrk",), "taskset": ("util-linux",)}
    needed |= {peer.program: peer.packages for peer in peers if peer.packages}
    if any(workload.streams for workload in workloads):
        needed["h2load"] = ("nghttp2-client",)
    install_programs(needed)
    for peer in peers:
        peer.install()


def begin(peer: Peer, around: Surroundings, settings: Settings, mint: Mint) -> Running:
    if peer is DIRECT:
        folder = around.folder / peer.name
        folder.mkdir(exist_ok=True)
        return Running(peer, None, {"PORT": around.backend}, folder)
    return started(peer, around, settings, mint)


def measure(workload: Workload, running: Running, mint: Mint, seconds: int) -> dict:
    """One round."""
    before = running.process.cpu_seconds() if running.process else 0
    outcome = workload.run(running, mint, seconds)
    result = {
        "requests": outcome.requests, "rate": outcome.requests / outcome.seconds, "p50": outcome.p50,
        "p99": outcome.p99, "p999": outcome.p999,
    }
    if running.process:
        used = running.process.cpu_seconds() - before
        result |= {"cpu": used * 1e6 / outcome.requests, "memory": running.process.memory()}
    running.forget_logs()
    return result


def measure_all(workload: Workload, peers: list[Peer], around: Surroundings, mint: Mint, options) -> dict:
    """All rounds of a workload: one of each peer, then again, each time beginning with another one."""
    seconds = max(options.seconds, workload.seconds)
    running: dict[str, Running] = {}
    rounds: dict[str, list[dict]] = {peer.name: [] for peer in peers}
    try:
        for peer in peers:
            if not workload.fresh:
                running[peer.name] = begin(peer, around, workload.settings, mint)
                # Once unmeasured: connections to the backend, caches, and the allocator's first pages.
                workload.run(running[peer.name], mint, 1)
                running[peer.name].forget_logs()
        for round_number in range(options.rounds):
            first = round_number % len(peers)
            for peer in [*peers[first:], *peers[:first]]:
                if workload.fresh:
                    running[peer.name] = begin(peer, around, workload.settings, mint)
                rounds[peer.name].append(measure(workload, running[peer.name], mint, seconds))
                if workload.fresh:
                    running.pop(peer.name).stop()
    finally:
        for one in running.values():
            if one.process:
                one.stop()
    return rounds


def enforcement(peers: list[Peer], around: Surroundings, mint: Mint) -> dict[str, list[str]]:
    """Makes sure that those who are to enforce do, and says how each differs from a complete check."""
    differences = {}
    for peer in peers:
        if peer.enforces:
            running = begin(peer, around, Settings(), mint)
            try:
                differences[peer.name] = check(running, mint)
            finally:
                running.stop()
            print(f"{peer.name} enforces" + "".join(f"; but {text}" for text in differences[peer.name]), flush=True)
    return differences


def suits(workload: Workload, peer: Peer) -> bool:
    if isinstance(peer, Bare) and workload.settings != Settings():
        return False
    if workload.settings.sessions or workload.settings.consents or workload.settings.checks:
        return isinstance(peer, Gateway)
    if peer is DIRECT or isinstance(peer, Bare):
        return workload.port == "PORT" and not workload.refuses
    return peer.enforces or not workload.refuses


def main() -> None:
    options = arguments()
    options.seconds = options.seconds or (1 if options.quick else 2)
    peers = chosen([*PEERS, *ASKING, DIRECT], options.only,
                   [peer for peer in [*PEERS, *ASKING] if not options.quick or peer.name in QUICK_PEERS])
    if options.ordinary:
        peers.append(Gateway(report.ORDINARY, binary=str(options.ordinary.resolve())))
    workloads = chosen(WORKLOADS, options.workload, [w for w in WORKLOADS if not options.quick or w.quick])
    install(peers, workloads)
    if len(cores()) < 2:
        print("one core only: proxy, client and backend share it, and latencies mean little", file=sys.stderr)
    start, results, differences = time.time(), {}, {}
    try:
        with surroundings(TARGET) as (around, mint):
            differences = enforcement(peers, around, mint)
            for workload in workloads:
                asked = [peer for peer in peers if suits(workload, peer)]
                # What a proxy adds to the backend's own latency is the question there.
                if workload.name == "latency" and DIRECT not in asked:
                    asked.insert(0, DIRECT)
                # And here, what a session costs beyond a token in the cache.
                if workload.baseline == BEARER.name and asked:
                    asked.insert(0, BEARER)
                if asked:
                    results[workload.name] = measure_all(workload, asked, around, mint, options)
                    print("\n" + report.table(workload, results[workload.name], options.markdown), flush=True)
    except Failure as failure:
        sys.exit(f"failed: {failure}")
    if options.ordinary:
        print("\n" + report.both_builds(results))
    path = report.write(TARGET, peers, workloads, results, differences, options, start)
    if options.chart:
        options.chart.write_text(report.chart(workloads[0], results[workloads[0].name]))
    print(f"\n{time.time() - start:.0f} s; results in {path}")


if sys.argv[1:2] == ["scale"]:
    scale.main(sys.argv[2:])
else:
    main()
