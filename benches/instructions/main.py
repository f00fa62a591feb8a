"""The command line: counts, compares with the baseline, and says what moved."""

import argparse
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

from processes import Failure
from served import served
from setup import install_programs

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
BASELINE = HERE / "baseline.json"
TARGET = Path(os.environ["PEERS_TARGET"])
# Another compiler may choose other instructions; what more than that moves, our change did.
OTHER_COMPILER = 0.15


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="benches/instructions/run",
        description="Counts the instructions of the hot paths with callgrind, and fails where one needs more than its "
                    "baseline allows. Paths in process come from the benches; what is `served` is asked of the "
                    "release binary over a socket, the kernel's part left out.",
    )
    parser.add_argument("--update", action="store_true", help="writes the counts to baseline.json; commit it")
    parser.add_argument("--only", choices=["in-process", "served"], help="one half")
    return parser.parse_args()


def build_release() -> None:
    """The ordinary build. It takes no time if it was built before."""
    if subprocess.run(["cargo", "build", "--quiet", "--release", "--locked"], cwd=ROOT).returncode:
        raise Failure("the gateway doesn't build")


def build_bench() -> Path:
    """The benches with the symbols that callgrind looks for; only this last step differs from the release profile."""
    command = ["cargo", "rustc", "--release", "--locked", "--bench", "main", "--message-format=json-render-diagnostics",
               "--", "-C", "strip=none"]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise Failure("the benches don't build")
    messages = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return Path(next(m["executable"] for m in messages
                     if m.get("executable") and m["target"]["kind"] == ["bench"]))


def in_process() -> dict[str, float]:
    """Instructions per run of each path of `benches/instructions.rs`."""
    folder = TARGET / "callgrind"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    # Two spellings of one name: of the same one callgrind would only take the first wish.
    command = ["valgrind", "--tool=callgrind", "--quiet", f"--callgrind-out-file={folder}/part",
               "--toggle-collect=*instructions::measured*", "--dump-after=main::instructions::measured",
               str(build_bench())]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600,
                          env={**os.environ, "COUNT_INSTRUCTIONS": "1"})
    if done.returncode:
        raise Failure(f"the benches failed below valgrind:\n{done.stderr[-2000:]}")
    counted = {}
    for at, line in enumerate(done.stdout.splitlines(), start=1):
        name, iterations = line.rsplit(" ", 1)
        total = re.search(r"^(?:totals|summary): (\d+)", (folder / f"part.{at}").read_text(), re.MULTILINE)
        if not total or int(total.group(1)) == 0:
            raise Failure(f"callgrind counted nothing of {name!r}: is the function's name in the binary?")
        counted[name] = int(total.group(1)) / int(iterations)
    return counted


def circumstances() -> dict:
    """What else than the code decides how many instructions there are."""
    flags = re.search(r"^(?:flags|Features)\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    # What aws-lc chooses its code by and valgrind passes on.
    extensions = sorted({"avx2", "bmi2", "sha2"} & set(flags.group(1).split() if flags else []))
    rustc = subprocess.run(["rustc", "--version"], capture_output=True, text=True, cwd=ROOT).stdout.split()
    return {"architecture": platform.machine(), "extensions": extensions, "rustc": rustc[1] if rustc[1:] else "?"}


def tolerances(baseline: dict) -> tuple[float, str] | None:
    """How much more is allowed by default and why; nothing where the baseline says nothing about this machine."""
    now, then = circumstances(), baseline["circumstances"]
    if any(now[name] != then[name] for name in ("architecture", "extensions")):
        return None
    if now["rustc"] != then["rustc"]:
        return OTHER_COMPILER, f"another compiler ({now['rustc']}; the baseline is by {then['rustc']})"
    return baseline["tolerance"], "the same compiler"


def compare(counted: dict[str, float], baseline: dict) -> bool:
    """Prints every count beside its baseline; whether all are within the tolerance."""
    allowed = tolerances(baseline)
    print(f"instructions; allowed: {allowed[0]:.0%} more, {allowed[1]}" if allowed else
          "instructions; the baseline is of another kind of processor, and nothing is compared")
    good = True
    for name, now in counted.items():
        before, verdict = baseline["instructions"].get(name), ""
        if before is None:
            verdict, good = "has no baseline: --update", False
        elif allowed:
            change = now / before - 1
            verdict = f"{change:+7.1%}"
            if change > allowed[0]:
                verdict, good = f"{verdict}  MORE", False
            elif change < -allowed[0]:
                verdict += "  less: --update keeps it so"
        print(f"{name:46}{now:12,.0f}  {verdict}")
    if gone := sorted(baseline["instructions"].keys() - counted.keys()):
        print("not counted:", ", ".join(gone))
    return good


def main() -> None:
    options = arguments()
    install_programs({"valgrind": ("valgrind",), "nginx": ("nginx",), "taskset": ("util-linux",)})
    counted = {}
    try:
        if options.only != "served":
            counted = in_process()
        # After the benches: with them the binary is built too, with what tests want of its dependencies, and that one
        # must neither be counted nor be left behind.
        build_release()
        if options.only != "in-process":
            counted = served(TARGET / "served") | counted
    except Failure as failure:
        sys.exit(f"failed: {failure}")
    baseline = json.loads(BASELINE.read_text()) if BASELINE.exists() else {"instructions": {}}
    if options.update:
        kept = baseline["instructions"] if options.only else {}
        baseline = {
            "tolerance": baseline.get("tolerance", 0.03), "circumstances": circumstances(),
            "instructions": {name: round(count) for name, count in {**kept, **counted}.items()},
        }
        BASELINE.write_text(json.dumps(baseline, indent=2) + "\n")
    if not compare(counted, baseline):
        sys.exit("a path needs more instructions than its baseline allows; if that is worth it: "
                 "benches/instructions/run --update, and say why in the commit")


main()
