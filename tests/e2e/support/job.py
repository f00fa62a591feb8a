"""A gateway that keeps a consent for an unattended job, and what its operator says to it."""

from urllib.parse import urlencode

import httpx
import yaml

from support.gateway import run
from support.identity_provider import CLIENT_ID, CLIENT_SECRET
from support.operators import TOKEN
from support.portal import sealing_key, secret_file

OPERATOR = {"Authorization": f"Bearer {TOKEN}"}
BACK = "http://localhost:8400/"


class Job:
    """A gateway with a consent, as its operator uses it."""

    def __init__(self, start_portal, folder, provider, keys=None, consent=None, others=(), **more):
        folder.mkdir(exist_ok=True)
        self.provider = provider
        self.portal = start_portal(
            folder,
            admin={"authentication": {"token_file": secret_file(folder, "operators", TOKEN)}},
            consent_keys=keys or [sealing_key(folder, "consent.key")],
            consents=[{
                "name": "nightly", "issuer": "idp", "client_id": CLIENT_ID, "scope": "api",
                "client_secret_file": secret_file(folder, "job-secret", CLIENT_SECRET),
                "tenant_token_endpoint": f"{provider.url}t/{{tenant}}/token", **(consent or {}),
            }, *others],
            **more,
        )
        self.token_file = str(folder / "operators")

    def post(self, action: str, body: dict, timeout: float = 20) -> httpx.Response:
        return httpx.post(f"{self.portal.admin_url}/consents/{action}", json=body, headers=OPERATOR, timeout=timeout)

    def ask(self, action: str, **question) -> httpx.Response:
        return self.post(action, {"consent": "nightly", **question})

    def reload(self, issuer: dict | None = None, **consent) -> dict:
        """Changes fields of the issuer and of the consent, and returns what they were in the consent; None removes one."""
        file = self.portal.config_file
        config = yaml.safe_load(file.read_text())
        config["issuers"][0] |= issuer or {}
        earlier = config["consents"][0]
        config["consents"][0] = {name: value for name, value in {**earlier, **consent}.items() if value is not None}
        file.write_text(yaml.safe_dump(config, sort_keys=False))
        httpx.post(f"{self.portal.admin_url}/reload", headers=OPERATOR, timeout=20).raise_for_status()
        return {name: earlier.get(name) for name in consent}

    def begin(self) -> dict:
        return self.ask("begin", redirect_uri=BACK).raise_for_status().json()

    def sign_in(self, url: str) -> str:
        """What the provider sends the person's browser back with."""
        asked = dict(httpx.URL(url).params)
        _, answer = self.provider.authorize(list(asked.items()))
        return urlencode(answer)

    def give(self) -> httpx.Response:
        begun = self.begin()
        return self.ask("finish", transaction=begun["transaction"], callback=self.sign_in(begun["url"]))

    def listed(self) -> dict:
        (consent,) = httpx.get(f"{self.portal.admin_url}/consents", headers=OPERATOR).raise_for_status().json()["consents"]
        return consent

    def command(self, *arguments: str, of: str = "consents", stdin: str = ""):
        admin = ["--admin-url", self.portal.admin_url, "--operator-token-file", self.token_file]
        return run(of, *arguments, *admin, stdin=stdin)
