"""More load than a proxy may take: what those get who are admitted, and how many are turned away."""


from load import percentile, run_pinned
from peers import Running
from processes import Failure
from tokens import Mint


def saturation(running: Running, mint: Mint, steps: list[int], seconds: int) -> list[dict]:
    """With so many connections that ask again as soon as they are answered: latency of the admitted, share of 503."""
    points = []
    for step in steps:
        log = running.folder / "h2load.tsv"
        log.unlink(missing_ok=True)
        output = run_pinned(["h2load", "--h1", f"--clients={step}", "--threads=1", f"--duration={seconds}",
                             f"--header=authorization: Bearer {mint.one('mfa')}", f"--log-file={log}",
                             f"http://127.0.0.1:{running.ports['PORT']}/v1/customers"], seconds)
        answers = [tuple(map(int, line.split("\t")[1:3])) for line in log.read_text().splitlines()]
        log.unlink()
        admitted = sorted(duration for status, duration in answers if status == 200)
        shed = sum(status == 503 for status, _ in answers)
        if len(admitted) + shed != len(answers) or not admitted:
            raise Failure(f"{running.peer.name}: an answer is neither 200 nor 503:\n{output}")
        points.append({
            "at": step, "admitted_rate": len(admitted) / seconds, "shed": shed / len(answers),
            "p50": percentile(admitted, 0.5), "p99": percentile(admitted, 0.99),
        })
    return points
