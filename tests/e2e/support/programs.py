"""Programs that use a consent, and a gateway with routes for them."""

import base64
import json

import httpx

from support.identity_provider import CLIENT_ID, CLIENT_SECRET
from support.job import Job
from support.portal import secret_file

TENANT = "11111111-1111-4111-8111-111111111111"
OTHER = "22222222-2222-4222-8222-222222222222"


def callers(**more) -> list[dict]:
    return [
        {"name": "job", "issuer": "idp", "application": "job", "consents": ["nightly"], "tenants": [TENANT], **more},
        {"name": "panel", "issuer": "idp", "application": "panel", "consents": ["nightly"], "tenants": "any",
         "scopes": ["api", "graph/.default"], "tokens": True},
        {"name": "other", "issuer": "idp", "application": "other", "consents": ["weekly"]},
    ]


def routes() -> list[dict]:
    uses = {"upstream": "pages", "require": "mfa"}
    return [
        {"prefix": "/v1/", "credential": {"consent": "nightly"}, **uses},
        {"prefix": "/customers/{customer}/", "credential": {"consent": "nightly", "tenant": {"parameter": "customer"}}, **uses},
        {"prefix": "/named/", "credential": {"consent": "nightly", "tenant": {"header": "X-Customer"}}, **uses},
        {"prefix": "/fixed/", "credential": {"consent": "nightly", "tenant": TENANT}, **uses},
        {"prefix": "/as-is/", "credential": {"consent": "nightly"}, "upstream": "pages", "require": "authenticated"},
        {"prefix": "/plain/", **uses},
        {"prefix": "/broker/", "serve": "token_broker"},
    ]


class Programs(Job):
    def __init__(self, start_portal, folder, provider, keys=None, routes=routes, callers=callers, **more):
        folder.mkdir(exist_ok=True)
        secret = secret_file(folder, "job-secret", CLIENT_SECRET)
        others = [{"name": "weekly", "issuer": "idp", "client_id": CLIENT_ID, "client_secret_file": secret, "scope": "api"}]
        self.token_log = folder / "tokens.log"
        super().__init__(
            start_portal, folder, provider, keys, others=others, consent_callers=callers(), routes=routes(),
            log={"decisions": "all", "decision_output": str(folder / "decisions.log"), "token_output": str(self.token_log)},
            **more,
        )

    def token_of(self, application: str, **claims) -> str:
        return self.provider.token({"sub": application, "client_id": application, "idtyp": "app", **claims})

    def call(self, path: str, application: str = "job", method: str = "GET", **more) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token_of(application)}", **more.pop("headers", {})}
        more = {"timeout": 20, **more}
        return httpx.request(method, self.portal.at(path), headers=headers, verify=str(self.portal.ca), **more)

    def wants(self, application: str = "panel", **question) -> httpx.Response:
        return self.call("/broker/v1/token", application, "POST", json={"consent": "nightly", **question})

    def lines(self) -> list[dict]:
        return [json.loads(line) for line in self.token_log.read_text().splitlines()]


def sent(pages) -> tuple[str, dict]:
    """The token that the upstream got in its last request, and the claims in it."""
    (value,) = pages.requests[-1].fields.all("authorization")
    scheme, _, token = value.partition(" ")
    assert scheme == "Bearer"
    body = token.split(".")[1]
    return token, json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
