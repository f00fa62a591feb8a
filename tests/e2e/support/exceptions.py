"""Gateways whose people ask for exceptions, and these people."""

import base64
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

import httpx

from support.gateway import Gateway
from support.journal import until
from support.operators import ADMIN_AUDIENCE, TOKEN, operated

# One who asks, two who answer, and one who has no role.
REQUESTER, APPROVER, SECOND = "requester-1a", "approver-2b", "approver-3c"
ROLES = [
    {"name": "global-admin", "any": [{"claim": "groups", "contains": "admins"}]},
    {"name": "security", "any": [{"claim": "groups", "contains": "security"}]},
]
GROUPS = {REQUESTER: ["admins"], APPROVER: ["security"], SECOND: ["security", "admins"]}
# Whom the exception is for: signed in by a third party's MFA, of which the token says nothing.
CALLER = {"sub": "caller-9z", "name": "Third", "scp": "user_impersonation", "amr": ["pwd"]}
FILE = b"<b>configured as follows</b>"


def start(folder: Path, issuer, backend, **more) -> Gateway:
    folder.mkdir(exist_ok=True)
    requests = {"request": ["global-admin"], "approve": ["security"], **more.pop("exception_requests", {})}
    log = {"decisions": "all", "decision_output": str(folder / "decisions.jsonl")}
    gateway = operated(folder, issuer, backend, users=["operator-1"], roles=ROLES, exception_requests=requests, log=log, **more)
    gateway.decisions = folder / "decisions.jsonl"
    return gateway


def at(**ahead) -> str:
    return (datetime.now(timezone.utc) + timedelta(**ahead)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def form(**changes) -> dict:
    """A request that is granted the next day."""
    whole = {
        "ground": "software_without_mfa", "owner": "Billing", "reason": "The old client", "ends": at(days=7),
        "software": "Client 1.0", "purchaseOrder": "4711", "user": CALLER["sub"], **changes,
    }
    return {name: value for name, value in whole.items() if value is not None}


def file(kind: str = "configuration", content: bytes = FILE, **more) -> dict:
    return {"kind": kind, "name": "mfa.html", "mediaType": "text/html", "base64": base64.b64encode(content).decode(), **more}


class Person:
    """Somebody with an access token for the admin listener."""

    def __init__(self, issuer, gateway: Gateway, name: str, **claims):
        self.gateway, self.name = gateway, name
        signed_in = {"amr": ["pwd", "mfa"], "auth_time": int(time.time()), "groups": GROUPS.get(name, [])}
        self.token = issuer.token({"sub": name, "aud": ADMIN_AUDIENCE, "scp": "user_impersonation", **signed_in, **claims})

    def at(self, gateway: Gateway) -> "Person":
        """The same at another replica."""
        other = object.__new__(Person)
        other.__dict__.update(self.__dict__, gateway=gateway)
        return other

    def get(self, path: str = "", **query) -> httpx.Response:
        return self.send("GET", path, params=query)

    def post(self, path: str = "", **body) -> httpx.Response:
        return self.send("POST", path, json=body)

    def send(self, method: str, path: str, headers: dict | None = None, **more) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token}", **(headers or {})}
        return httpx.request(method, f"{self.gateway.admin_url}/exceptions{path}", headers=headers, timeout=20, trust_env=False, **more)

    def step(self, id: str, step: str, reason: str = "because", **more) -> httpx.Response:
        return self.post(f"/{id}/{step}", reason=reason, **more)

    def ask(self, **changes) -> str:
        """Asks, and returns the id."""
        response = self.post(**form(**changes))
        assert response.status_code == 200, response.text
        return response.json()["exception"]["id"]

    def state(self, id: str) -> str:
        return self.get(f"/{id}").raise_for_status().json()["exception"]["state"]


def operator(issuer, gateway: Gateway) -> Person:
    """An operator with a token of the file."""
    person = Person(issuer, gateway, "file")
    person.token = TOKEN
    return person


def status(gateway: Gateway, token: str, path: str = "/v1/customers") -> int:
    return httpx.get(gateway.url + path, headers={"Authorization": f"Bearer {token}"}, trust_env=False).status_code


def everywhere(gateways, token: str, expected: int, within: float = 2) -> None:
    """What counts on one replica counts on all in time."""
    for gateway in gateways:
        until(lambda: status(gateway, token) == expected, within=within)


def reason(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["reason"]
