"""A Postgres of the tests' own: Debian's package, an own data directory, and not as root."""

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from support.gateway import free_port


def programs() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda file: int(file.parts[-3]))
    assert found, "there is no Postgres: install your system's package (Debian: postgresql)"
    return found[-1].parent


class Postgres:
    def __init__(self, certificate: tuple[str, str] | None = None):
        """`certificate` and its key, of `localhost`: connections then may use TLS."""
        self.folder = Path(tempfile.mkdtemp(prefix="mfa-gateway-postgres-"))
        self.port, self.password = free_port(), secrets.token_hex(16)
        self.password_file = self.folder / "password"
        self.password_file.write_text(self.password)
        # Postgres doesn't run as root.
        self._as_user = {}
        if os.geteuid() == 0:
            user = next(pwd.getpwnam(name) for name in ("postgres", "nobody") if name in {entry.pw_name for entry in pwd.getpwall()})
            self._as_user = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
            for path in (self.folder, self.password_file):
                os.chown(path, user.pw_uid, user.pw_gid)
        subprocess.run(
            [programs() / "initdb", "-D", self.data, "-U", "gateway", "-A", "scram-sha-256", f"--pwfile={self.password_file}", "-N"],
            check=True, capture_output=True, cwd="/", **self._as_user,
        )
        self._tls = []
        for name, file in zip(("ssl_cert_file", "ssl_key_file"), certificate or ()):
            own = self.folder / name
            shutil.copy(file, own)
            own.chmod(0o600)
            if self._as_user:
                os.chown(own, self._as_user["user"], self._as_user["group"])
            self._tls += ["-c", "ssl=on", "-c", f"{name}={own}"]
        self.start()

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def settings(self) -> dict:
        """The gateway's `store`, whose user reads the password from a file of its own."""
        file = self.folder / "gateway-password"
        file.write_text(self.password)
        file.chmod(0o600)
        return {"postgres": f"postgres://gateway@127.0.0.1:{self.port}/postgres", "password_file": str(file)}

    def start(self):
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [programs() / "postgres", "-D", self.data, "-p", str(self.port), "-h", "127.0.0.1", "-k", self.folder, "-F",
                 *self._tls],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", **self._as_user,
            )
        end = time.monotonic() + 15
        ready = [programs() / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        while subprocess.run(ready, check=False).returncode:
            assert time.monotonic() < end, (self.folder / "log").read_text(errors="replace")
            time.sleep(0.05)

    def ask(self, query: str) -> str:
        """The result of a query, as text."""
        asked = [programs() / "psql", "-h", "127.0.0.1", "-p", str(self.port), "-U", "gateway", "-d", "postgres", "-Atc", query]
        environment = {**os.environ, "PGPASSWORD": self.password}
        return subprocess.run(asked, check=True, capture_output=True, text=True, env=environment).stdout.strip()

    def dump(self) -> str:
        """All of it, as a backup has it."""
        asked = [programs() / "pg_dump", "-h", "127.0.0.1", "-p", str(self.port), "-U", "gateway", "-d", "postgres"]
        environment = {**os.environ, "PGPASSWORD": self.password}
        return subprocess.run(asked, check=True, capture_output=True, text=True, env=environment).stdout

    def kill(self):
        """All of it at once, as a power cut does."""
        self._signal(signal.SIGSTOP, signal.SIGKILL)
        self.process.wait(5)

    def pause(self, paused: bool):
        """It hangs, with its connections open."""
        self._signal(signal.SIGSTOP, signal.SIGSTOP if paused else signal.SIGCONT)

    def _signal(self, first: int, then: int):
        """Sends `first` to the parent, which makes no child from then on if it stops, and `then` to all of them."""
        self.process.send_signal(first)
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        for pid in (*map(int, children), self.process.pid):
            # A child that ends by itself is a zombie until its parent looks, or gone.
            with suppress(ProcessLookupError):
                os.kill(pid, then)

    def close(self):
        if self.process.poll() is None:
            self.pause(False)
            self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)
