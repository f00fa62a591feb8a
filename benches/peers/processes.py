"""Processes that are measured: started pinned, ended for certain, and their CPU time and memory read from /proc."""

import os
import resource
import signal
import socket
import subprocess
import time
from pathlib import Path

# glibc gives memory back and takes it again in a rhythm that moved plain nginx between 16 and 27 µs a request. The same
# for everything that is compared.
ENVIRONMENT = {
    "MALLOC_TRIM_THRESHOLD_": str(1 << 30), "MALLOC_TOP_PAD_": str(16 << 20),
    "PATH": os.environ.get("PATH", "/usr/bin") + ":/usr/sbin:/sbin", "LANG": "C.UTF-8",
}


class Failure(Exception):
    """Why there is nothing to report."""


def cores() -> list[int]:
    return sorted(os.sched_getaffinity(0))


def proxy_cores(threads: int = 1) -> list[int]:
    return cores()[:max(1, min(threads, len(cores())))]


def load_core() -> int:
    """Client and backend share a core that the proxy doesn't have."""
    return cores()[-1]


def pinned(on: list[int], command: list[str]) -> list[str]:
    return ["taskset", "--cpu-list", ",".join(map(str, on)), *command]


def raise_file_limit(wanted: int = 65536) -> int:
    """How many file descriptors this process and those that it starts may have: what was asked for, where it may be."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for limit in (max(wanted, hard), hard):
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
            return limit
        except (OSError, ValueError):
            continue
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


_used_ports: set[int] = set()


def free_port() -> int:
    """A free port below those that outgoing connections take."""
    for port in range(21000, 32000):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in _used_ports:
            _used_ports.add(port)
            return port
    raise Failure("no free port")


class Process:
    """A server, with whatever processes it starts."""

    def __init__(self, name: str, command: list[str], on: list[int], log: Path, environment: dict | None = None):
        self.name, self.log = name, log
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                pinned(on, command), stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
                env={**ENVIRONMENT, **(environment or {})},
            )
        self.pid = self._process.pid

    def wait_for_port(self, port: int, within: float = 20) -> None:
        end = time.monotonic() + within
        while time.monotonic() < end:
            if self._process.poll() is not None:
                raise Failure(f"{self.name} ended at once:\n{self.log_tail()}")
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return
            except OSError:
                time.sleep(0.002)
        raise Failure(f"{self.name} doesn't listen on {port}:\n{self.log_tail()}")

    def log_tail(self) -> str:
        return self.log.read_text(errors="replace")[-2000:]

    def stop(self) -> None:
        if self._process.poll() is None:
            tree = self.tree()
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(5)
                for pid in tree:
                    try:
                        os.kill(pid, signal.SIGKILL)
                    except ProcessLookupError:
                        pass

    def tree(self) -> list[int]:
        """Its process and all below it."""
        found, waiting = [], [self.pid]
        while waiting:
            pid = waiting.pop()
            found.append(pid)
            for children in Path(f"/proc/{pid}/task").glob("*/children"):
                waiting += map(int, _read(children).split())
        return found

    def cpu_seconds(self) -> float:
        """User and system time of all its threads that live, to the nanosecond where the kernel says."""
        total = 0
        for pid in self.tree():
            for task in Path(f"/proc/{pid}/task").glob("*"):
                times = _read(task / "schedstat").split()
                if times:
                    total += int(times[0])
                elif stat := _read(task / "stat"):
                    user, system = stat.rsplit(")", 1)[1].split()[11:13]
                    total += (int(user) + int(system)) * 1_000_000_000 // os.sysconf("SC_CLK_TCK")
        return total / 1e9

    def memory(self) -> int:
        """Bytes, with what its processes share counted once."""
        total = 0
        for pid in self.tree():
            for line in _read(Path(f"/proc/{pid}/smaps_rollup")).splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1]) * 1024
        return total


class Together(Process):
    """A proxy and what it asks, measured as one."""

    def __init__(self, proxy: Process, asked: Process):
        self.name, self.log, self._both = proxy.name, proxy.log, (proxy, asked)

    def log_tail(self) -> str:
        return "".join(one.log_tail() for one in self._both)

    def stop(self) -> None:
        for one in self._both:
            one.stop()

    def tree(self) -> list[int]:
        return [pid for one in self._both for pid in one.tree()]


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
