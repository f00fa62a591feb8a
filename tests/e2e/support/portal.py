"""A gateway with browser sign-in, on TLS at https://localhost, and what browsers know of it."""

import secrets
from pathlib import Path
from urllib.parse import urlsplit

from support.authority import Authority
from support.gateway import Gateway, free_port
from support.identity_provider import AGENTS, CLIENT_ID, CLIENT_SECRET, STEP_UP
from support.issuer import AUDIENCE
from support.visitor import Hop, Visitor

BASE = "/.mfa-gateway/"
SESSION = "__Host-mfa-gateway"


def secret_file(folder: Path, name: str, text: str) -> str:
    file = folder / name
    file.write_text(text)
    file.chmod(0o600)
    return str(file)


def sealing_key(folder: Path, name: str = "seal.key") -> str:
    return secret_file(folder, name, secrets.token_hex(32))


def routes() -> list[dict]:
    """A route of each kind that the tests go to."""
    page = {"upstream": "pages", "credential": "session"}
    return [
        {"path": "/", "require": "authenticated", **page},
        {"prefix": "/pages/", "require": "authenticated", **page},
        {"prefix": "/mfa/", "require": "mfa", **page},
        {"prefix": "/commerce/", "require": "mfa", "roles": ["agent"], **page},
        {"prefix": "/billing/", "require": "mfa", "roles": ["auditor"], **page},
        {"prefix": "/fresh/", "require": "mfa", "max_age": "300s", **page},
        {"prefix": "/either/", "require": "mfa", "upstream": "pages", "credential": "either"},
        {"prefix": "/v1/", "require": "mfa", "upstream": "pages"},
        {"prefix": "/status", "require": "public", "upstream": "pages"},
        {"prefix": "/ws/", "require": "authenticated", "upstream": "sockets", "credential": "session"},
        {"prefix": "/ws-public/", "require": "public", "upstream": "sockets"},
    ]


class Portal(Gateway):
    def __init__(self, folder: Path, authority: Authority, provider, pages, sockets, sign_in: dict | None = None,
                 session: dict | None = None, keys: list[str] | None = None, port: int = 0, public_port: int = 0,
                 client_id: str = CLIENT_ID, client_secret: str = CLIENT_SECRET, step_up: str = STEP_UP,
                 ready_path: str = "/readyz", **config):
        """`sign_in` and `session` replace fields of these sections; `config` does at the top."""
        self.ready_path = ready_path
        self.tls_port = port or free_port()
        # The port that browsers see: a load balancer's, where it is another.
        self.public_url = f"https://localhost:{public_port or self.tls_port}"
        self.ca = authority.file
        self.issuer_origin = provider.url.rstrip("/")
        crt, key = authority.issue("localhost", f"localhost-{self.tls_port}")
        self.keys = [sealing_key(folder)] if keys is None else keys
        state = folder / "state"
        state.mkdir(mode=0o700, exist_ok=True)
        tls = {"certificates": [{"certificate_file": crt, "key_file": key}]}
        super().__init__(folder, {
            "listeners": [{"address": f"127.0.0.1:{self.tls_port}", "tls": tls}],
            "state": {"directory": str(state)},
            # A disk that others write to may take seconds.
            "store": {"timeout": "10s"},
            "issuers": [{"name": "idp", "issuer": provider.url, "audiences": [AUDIENCE]}],
            "roles": [
                {"name": "agent", "any": [{"claim": "groups", "contains": AGENTS}]},
                {"name": "auditor", "any": [{"claim": "groups", "contains": "auditors"}]},
            ],
            "sign_in": [{
                "name": "portal", "issuer": "idp", "public_url": self.public_url, "client_id": client_id,
                "client_secret_file": secret_file(folder, "client-secret", client_secret),
                "scopes": ["openid", "profile", "offline_access"], "step_up": {"acr_values": [step_up]},
                "session": {"idle": "30m", "absolute": "8h", "keys": self.keys, **(session or {})}, **(sign_in or {}),
            }],
            "upstreams": [{"name": "pages", "endpoints": [pages.url]}, {"name": "sockets", "endpoints": [sockets.url]}],
            "routes": routes(), **config,
        })

    def at(self, path: str) -> str:
        return f"{self.public_url}{path}"

    def own(self, path: str) -> str:
        return self.at(BASE + path)

    def visitor(self) -> Visitor:
        return Visitor(self.ca)

    def signed_in(self, path: str = "/pages/start") -> Visitor:
        """Somebody who has just signed in, as the provider's person."""
        visitor = self.visitor()
        assert visitor.open(self.at(path)).status == 200, visitor.hops
        return visitor

    def callback_of(self, visitor: Visitor, path: str = "/pages/start", **more) -> str:
        """Goes as far as the provider's redirect, and returns the address that it leads to."""
        hop = visitor.open(self.at(path), stop_at=self.own("callback"), **more)
        assert hop.location and hop.location.startswith(self.own("callback")), visitor.hops
        return hop.location

    def goes_to_provider(self, hop: Hop) -> bool:
        return hop.status in (302, 303) and hop.location.startswith(f"{self.issuer_origin}/")

    def trips(self, visitor: Visitor) -> int:
        """How often a browser was sent to the provider."""
        return sum(self.goes_to_provider(hop) for hop in visitor.hops if urlsplit(hop.url).hostname == "localhost")
