"""A real proxy with the shipped snippets, which asks a gateway's authorizers about each request."""

import importlib.util
import os
import shutil
import socket
import subprocess
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from support.gateway import Gateway, free_port
from support.grpc_service import SERVICE
from support.identity_provider import CLIENT_ID, CLIENT_SECRET, STEP_UP
from support.issuer import AUDIENCE
from support.portal import sealing_key, secret_file

INTEGRATIONS = Path(__file__).resolve().parents[3] / "deploy/integrations"
KINDS = ("nginx", "forward-auth", "envoy-http", "envoy")
# The addresses in the snippets: of the proxy, of the API, of the gateway's listener, and of its authorizers.
FRONT, API, PAGES = "8000", "8081", "8080"
AUTHORIZERS = {"envoy": "9191", "nginx": "9192", "forward-auth": "9193", "envoy-http": "9194"}


class Judge(Gateway):
    """A gateway that only proxies ask. The API's routes are the same for all of them."""

    # Further settings of each authorizer.
    more = {}

    def __init__(self, folder: Path, issuer, **config):
        self.authorizers = {kind: free_port() for kind in KINDS}
        behind = {"serve": "authorizers", "host": ["api.contoso.example", "127.0.0.1"]}
        super().__init__(folder, {
            "issuers": issuer.section,
            "authorizers": [
                {"name": kind, "kind": kind, "address": f"127.0.0.1:{port}", "peers": {"addresses": ["127.0.0.1"]}, **self.more}
                for kind, port in self.authorizers.items()
            ],
            "routes": [
                {"prefix": "/v1/", "require": "public", "serve": "authorizers", "host": "open.example"},
                {"prefix": "/v1/", "require": "mfa", "app_only": "allow", **behind},
                {"prefix": "/public/", "require": "public", **behind},
                {"path": "/read-only", "methods": ["GET"], **behind},
                {"prefix": "/rehearsed/", "require": "mfa", "mode": "report", **behind},
                {"prefix": f"/{SERVICE}/", **behind},
            ],
            "dpop": {"nonce": {"lifetime": "10s"}},
            **config,
        })


class Keyless(Judge):
    """The same without keys, since nobody answers at its issuer."""

    ready_path = "/livez"

    def __init__(self, folder: Path, issuer):
        nobody = f"http://127.0.0.1:{free_port()}/"
        super().__init__(folder, issuer, issuers=[{**issuer.section[0], "issuer": nobody}])
        self.token = issuer.jane(iss=nobody)


class Signing(Judge):
    """The same, with a signed assertion in each permit that has a caller."""

    more = {"assertion": True}

    def __init__(self, folder: Path, issuer):
        file = folder / "assertion.key"
        pem = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        file.write_bytes(ec.generate_private_key(ec.SECP256R1()).private_bytes(*pem))
        super().__init__(folder, issuer, assertion={"key_files": [str(file)], "audience": "partner-api"})


class Neighbour(Judge):
    """The same at Unix sockets, where processes of `user` may ask: by default, this user's."""

    def __init__(self, folder: Path, issuer, user: int | None = None):
        self.sockets = {kind: folder / f"{kind}.sock" for kind in KINDS}
        self.users = [os.getuid() if user is None else user]
        super().__init__(folder, issuer, authorizers=[
            {"name": kind, "kind": kind, "address": f"unix:{path}", "peers": {"users": self.users}}
            for kind, path in self.sockets.items()
        ])

    def edit(self, text: str) -> str:
        """A snippet with the sockets in the place of the addresses."""
        for kind, path in self.sockets.items():
            address = f"127.0.0.1:{self.authorizers[kind]}"
            text = text.replace(f"server {address};", f"server unix:{path};")
            text = text.replace(f"reverse_proxy {address} ", f"reverse_proxy unix/{path} ")
            text = text.replace(f"server mfa_gateway {address}\n", f"server mfa_gateway unix@{path}\n")
            host, port = address.split(":")
            text = text.replace(f"socket_address: {{ address: {host}, port_value: {port} }}", f"pipe: {{ path: {path} }}")
        # nginx's workers would be another user's.
        return f"user root;\n{text}" if "events {}" in text and os.getuid() == 0 else text


def started(judge, *arguments) -> Judge:
    """With ports that nobody takes between their choice and their use."""
    for _ in range(2):
        try:
            return judge(*arguments)
        except AssertionError as failure:
            if "Address already in use" not in str(failure):
                raise
    return judge(*arguments)


class People(Judge):
    """The same with sign-in, at an origin of the proxy's."""

    def __init__(self, folder: Path, issuer, provider, front_port: int):
        self.front_port = front_port
        state = folder / "state"
        state.mkdir(mode=0o700, exist_ok=True)
        page = {"serve": "authorizers", "credential": "session"}
        super().__init__(
            folder, issuer,
            state={"directory": str(state)}, store={"timeout": "10s"}, trusted_proxies=["127.0.0.1"],
            issuers=[{"name": "idp", "issuer": provider.url, "audiences": [AUDIENCE]}],
            sign_in=[{
                "name": "portal", "issuer": "idp", "public_url": self.origin, "client_id": CLIENT_ID,
                "client_secret_file": secret_file(folder, "client-secret", CLIENT_SECRET),
                "scopes": ["openid", "profile"], "step_up": {"acr_values": [STEP_UP]}, "session": {"keys": [sealing_key(folder)]},
            }],
            routes=[
                {"prefix": "/pages/", "require": "authenticated", **page}, {"prefix": "/mfa/", "require": "mfa", **page},
                {"prefix": "/public/", "require": "public", "serve": "authorizers"},
            ],
        )

    @property
    def origin(self) -> str:
        return f"http://localhost:{self.front_port}"


class Front:
    """The proxy. `ports` are those that stand in the place of the snippets' own."""

    def __init__(self, folder: Path, name: str, ports: dict[str, int], command, edit=lambda text: text, port: int = 0):
        """`command` makes the command line from the folder with the snippets; `edit` changes what a test is about."""
        self.port = port or free_port()
        self.folder = folder / f"{name}-{self.port}"
        shutil.copytree(INTEGRATIONS / name, self.folder)
        for file in self.folder.iterdir():
            text = file.read_text()
            for shipped, port in {FRONT: self.port, **ports}.items():
                text = text.replace(f":{shipped}", f":{port}").replace(f"listen {shipped}", f"listen 127.0.0.1:{port}")
                text = text.replace(f"port_value: {shipped} ", f"port_value: {port} ")
            file.write_text(edit(text))
        self.log = self.folder / "log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(command(self.folder), stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder)
        self._wait()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def close(self):
        self.process.terminate()
        try:
            self.process.wait(3)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(3)

    def _wait(self):
        end = time.monotonic() + 15
        while time.monotonic() < end and self.process.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        self.close()
        raise AssertionError(f"it doesn't listen:\n{self.log.read_text(errors='replace')}")


class Refusing:
    """Something in the place of the gateway that refuses everything, and remembers what it was asked."""

    def __init__(self):
        self.asked = []
        asked = self.asked

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                asked.append(self.headers)
                self.send_error(403)

            def log_message(self, *_args):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_port
        Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()


def nginx(folder: Path) -> list[str]:
    """In the foreground and without the distribution's paths, so that nobody needs to be root."""
    own = " ".join(f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    main = folder / "nginx.conf"
    main.write_text(f"daemon off; pid {folder}/pid; error_log stderr;\n" + main.read_text().replace("http {", f"http {{ access_log off; {own}", 1))
    return [server("nginx"), "-p", str(folder), "-c", str(main)]


def caddy(folder: Path) -> list[str]:
    return ["caddy", "run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"]


def envoy(file: str):
    """The binary is that of a package for Python."""
    binary = Path(importlib.util.find_spec("envoy").origin).parent / "_bin/envoy"
    own = ["--concurrency", "1", "--disable-hot-restart", "--log-level", "error"]
    return lambda folder: [str(binary), "-c", str(folder / file), *own]


def haproxy(folder: Path) -> list[str]:
    """Its own abstract socket, which has no folder."""
    for file in folder.iterdir():
        if file.name != "log":
            file.write_text(file.read_text().replace("abns@mfa_gateway", f"abns@mfa_gateway_{os.getpid()}_{folder.name}"))
    return [server("haproxy"), "-f", str(folder / "haproxy.cfg")]


def server(name: str) -> str:
    """Users' paths lack the places of servers."""
    return shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin") or name
