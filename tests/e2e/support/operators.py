"""A gateway with operators."""

import stat
from pathlib import Path

import httpx

from support.gateway import Gateway
from support.issuer import AUDIENCE

TOKEN = "an-operators-token-of-the-file-0123456789"
ADMIN_AUDIENCE = "api://gateway-admin"


def operated(folder: Path, issuer, backend, users: list[str] | None = None, **more) -> Gateway:
    """Operators have a token of a file, or sign in: all, or these. `more` is configured besides."""
    tokens = folder / "admin-tokens"
    tokens.write_text(f"# replaced yearly\n{TOKEN}\n")
    tokens.chmod(stat.S_IRUSR | stat.S_IWUSR)
    operators = {"issuer": "wingtip", "audiences": [ADMIN_AUDIENCE], **({"users": users} if users else {})}
    return Gateway(folder, {
        "admin": {"authentication": {"token_file": str(tokens), "operators": operators}},
        "issuers": [{"name": "wingtip", "issuer": issuer.url, "audiences": [AUDIENCE]}],
        "upstreams": [{"name": "api", "endpoints": [backend.url]}],
        "routes": [
            {"path": "/healthz", "upstream": "api", "require": "public"},
            {"prefix": "/v1/", "upstream": "api", "require": "mfa"},
            {"path": "/orders", "methods": ["POST"], "upstream": "api", "app_only": "deny"},
        ],
        **more,
    })


def shown(gateway: Gateway, path: str) -> dict:
    """What an operator is shown at a path of the admin listener."""
    answer = httpx.get(f"{gateway.admin_url}{path}", headers={"Authorization": f"Bearer {TOKEN}"}, trust_env=False)
    return answer.raise_for_status().json()
