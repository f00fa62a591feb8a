"""The results: medians in a table, everything in JSON."""

import json
import platform
import shlex
import statistics
import sys
import time
from pathlib import Path

from chart import bars
from processes import cores

BASELINE = "nginx"
# The gateway, and another build of it beside it.
OURS, ORDINARY = "mfa-gateway", "mfa-gateway-ordinary"


def median(rounds: list[dict], name: str) -> float | None:
    values = [one[name] for one in rounds if name in one]
    return statistics.median(values) if values else None


def spread(rounds: list[dict], name: str) -> float | None:
    """How far the rounds lie apart: the distance of the quartiles, as a share of the median."""
    values = [one[name] for one in rounds if name in one]
    if len(values) < 4 or not statistics.median(values):
        return None
    low, _, high = statistics.quantiles(values, n=4)
    return (high - low) / statistics.median(values)


def ratio(rounds: dict[str, list[dict]], peer: str, to: str = BASELINE) -> float | None:
    """To plain nginx or another, round by round: what disturbs the machine for longer than a round disturbs both."""
    pairs = zip(rounds.get(peer, []), rounds.get(to, []))
    values = [mine["cpu"] / theirs["cpu"] for mine, theirs in pairs if mine.get("cpu") and theirs.get("cpu")]
    return statistics.median(values) if values else None


def summary(rounds: dict[str, list[dict]], baseline: str = BASELINE) -> list[dict]:
    rows = []
    for peer, measured in rounds.items():
        row = {name: median(measured, name) for name in ("cpu", "rate", "p50", "p99", "p999", "memory")}
        rows.append({"peer": peer, **row, "ratio": ratio(rounds, peer, baseline), "spread": spread(measured, "cpu")})
    return rows


def _cell(value: float | None, digits: int, scale: float = 1) -> str:
    return "–" if value is None else f"{value * scale:.{digits}f}"


def table(workload, rounds: dict[str, list[dict]], markdown: bool) -> str:
    head = ["proxy", "CPU µs/req", "×", "±%", "req/s", "p50 ms", "p99 ms", "p99.9 ms", "MiB"]
    rows = summary(rounds, workload.baseline)
    lines = [[
        row["peer"], _cell(row["cpu"], 1), _cell(row["ratio"], 2), _cell(row["spread"], 0, 50),
        _cell(row["rate"], 0), _cell(row["p50"], 2, 1e-3), _cell(row["p99"], 2, 1e-3), _cell(row["p999"], 2, 1e-3),
        _cell(row["memory"], 1, 1 / (1 << 20)),
    ] for row in rows]
    direct = next((row for row in rows if row["peer"] == "direct"), None)
    if direct:
        head += ["+p50 ms", "+p99 ms"]
        for row, line in zip(rows, lines):
            line += [_cell(row[name] - direct[name], 2, 1e-3) for name in ("p50", "p99")]
    title = f"{workload.name}: {workload.about}"
    if markdown:
        rows = ["| " + " | ".join(line) + " |" for line in [head, ["---"] + ["---:"] * (len(head) - 1), *lines]]
        return f"**{title}**\n\n" + "\n".join(rows)
    widths = [max(len(line[at]) for line in [head, *lines]) for at in range(len(head))]
    return "\n".join([title] + ["  " + "  ".join(
        cell.ljust(width) if at == 0 else cell.rjust(width) for at, (cell, width) in enumerate(zip(line, widths))
    ) for line in [head, *lines]])


def both_builds(results: dict[str, dict[str, list[dict]]]) -> str:
    """What each workload costs with two builds of the gateway, as Markdown."""
    lines = [f"| CPU µs per request | {BASELINE} | {ORDINARY} | {OURS} | ratio |", "|---|---:|---:|---:|---:|"]
    for name, rounds in results.items():
        cells = [_cell(median(rounds.get(BASELINE, []), "cpu"), 1)]
        for peer in (ORDINARY, OURS):
            to_nginx = ratio(rounds, peer)
            cells.append(_cell(median(rounds.get(peer, []), "cpu"), 1) + (f" ({to_nginx:.2f} ×)" if to_nginx else ""))
        lines.append(f"| `{name}` | {' | '.join(cells)} | {_cell(ratio(rounds, OURS, ORDINARY), 2)} × |")
    return "\n".join(lines)


def chart(workload, rounds: dict[str, list[dict]]) -> str:
    """The CPU time per request as bars, the least first."""
    rows = [(row["peer"], row["cpu"], f"{row['cpu']:.1f} µs" + (f" (× {row['ratio']:.2f})" if row["ratio"] else ""))
            for row in sorted(summary(rounds), key=lambda row: row["cpu"] or 0) if row["cpu"]]
    about = machine()
    return bars("CPU time per request", rows, OURS,
                [f"{workload.about}.", f"One proxy thread; medians of {max(map(len, rounds.values()))} rounds; {about['cpu']}.",
                 "nginx, hyper-bare, and haproxy and envoy without a suffix, check nothing."])


def machine() -> dict:
    """What a reader needs to judge the numbers; nothing that says whose machine it is."""
    model = "?"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith(("model name", "Model")):
            model = line.split(":", 1)[1].strip()
            break
    return {"cpu": model, "cores": len(cores()), "kernel": platform.release(), "architecture": platform.machine()}


def write(target: Path, peers, workloads, results: dict, differences: dict, options, started: float) -> Path:
    by_name = {workload.name: workload for workload in workloads}
    document = {
        "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(started)),
        "command": shlex.join(["benches/peers/run", *sys.argv[1:]]),
        "machine": machine(),
        "versions": {peer.name: peer.version() for peer in peers},
        "rounds": options.rounds, "seconds": options.seconds,
        "differences": differences,
        "workloads": {
            name: {"about": by_name[name].about, "medians": summary(rounds, by_name[name].baseline), "rounds": rounds}
            for name, rounds in results.items()
        },
    }
    path = target / time.strftime("results-%Y%m%d-%H%M%S.json", time.gmtime(started))
    text = json.dumps(document, indent=1)
    path.write_text(text)
    (target / "latest.json").write_text(text)
    return path
