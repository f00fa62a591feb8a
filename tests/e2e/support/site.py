"""A gateway whose operators sign in with a browser, and what browsers see of its admin listener."""

from pathlib import Path
from urllib.parse import urlencode, urljoin

from support.gateway import Gateway, free_port
from support.identity_provider import AGENTS, CLIENT_ID, CLIENT_SECRET, STEP_UP
from support.issuer import AUDIENCE
from support.links import Links
from support.operators import TOKEN
from support.portal import sealing_key, secret_file
from support.visitor import Hop, Visitor

SESSION = "__Host-staff"
PAGES = ["/", "/site/exceptions", "/site/exceptions/new", "/site/consents", "/site/vendors", "/site/report", "/site/report/requests", "/site/sessions", "/site/explain", "/site/replay", "/site/configuration"]


class Site(Gateway):
    def __init__(self, folder: Path, provider, pages, operators: dict | None = None, **config):
        """`operators` says who is one; `config` replaces at the top."""
        admin_port = free_port()
        self.origin = f"http://localhost:{admin_port}"
        self.provider_origin = provider.url.rstrip("/")
        state = folder / "state"
        state.mkdir(mode=0o700, exist_ok=True)
        who = {"roles": ["agent"]} if operators is None else operators
        tokens = secret_file(folder, "admin-tokens", TOKEN)
        super().__init__(folder, {
            "admin": {"authentication": {"token_file": tokens, "sign_in": {"name": "staff", **who}}},
            "state": {"directory": str(state)},
            "store": {"timeout": "10s"},
            "issuers": [{"name": "idp", "issuer": provider.url, "audiences": [AUDIENCE]}],
            "roles": [{"name": "agent", "granted_by": "the help desk", "any": [{"claim": "groups", "contains": AGENTS}]}],
            "sign_in": [{
                "name": "staff", "issuer": "idp", "public_url": self.origin, "client_id": CLIENT_ID,
                "client_secret_file": secret_file(folder, "client-secret", CLIENT_SECRET),
                "scopes": ["openid", "profile"], "step_up": {"acr_values": [STEP_UP]},
                "session": {"cookie": "staff", "keys": [sealing_key(folder)]},
            }],
            "upstreams": [{"name": "api", "endpoints": [pages.url]}],
            "routes": [{"prefix": "/v1/", "upstream": "api"}, {"path": "/status", "upstream": "api", "require": "public"}],
            **config,
        }, admin_port=admin_port)

    def at(self, path: str) -> str:
        return f"{self.origin}{path}"

    def visitor(self) -> Visitor:
        return Visitor()

    def signed_in(self, path: str = "/") -> Visitor:
        """An operator who has just signed in."""
        visitor = self.visitor()
        hop = visitor.open(self.at(path))
        assert hop.status == 200, (visitor.hops, hop.text)
        return visitor

    def trips(self, visitor: Visitor) -> int:
        """How often a browser was sent to the provider."""
        return sum((hop.location or "").startswith(f"{self.provider_origin}/") for hop in visitor.hops)


def send_form(visitor: Visitor, hop: Hop, action: str, label: str = "", without=(), more=(), **instead) -> Hop:
    """Sends the form of a page, with fields changed; and follows what it redirects to."""
    form = next(form for form in Links(hop.text).forms if form.action == action and form.label.startswith(label))
    fields = {name: value for name, value in form.fields if name not in without}
    url = urljoin(hop.url, form.action)
    sent = visitor.post(url, urlencode([*{**fields, **dict(more)}.items()]).encode(), **instead)
    while sent.status in (302, 303):
        sent = visitor.send(sent.location, site="same-origin")
    return sent
