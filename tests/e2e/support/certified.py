"""An OpenID-certified provider (npm's `oidc-provider`) as a process. `run` installs it."""

import json
import os
import subprocess
from pathlib import Path
from threading import Thread

import httpx

from support.gateway import free_port

CLIENT_ID, CLIENT_SECRET = "the-portal", "only-for-tests-0123456789"
STEP_UP = "urn:mfa"


class Certified:
    """`people` maps an id to its name, when MFA is done (`always`, `federated`, `on request`), and its claims."""

    def __init__(self, public_url: str, people: dict, ca: Path | None = None, **client):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        settings = {"port": self.port, "people": people, "client": {
            "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET,
            "grant_types": ["authorization_code", "refresh_token"],
            "redirect_uris": [f"{public_url}/.mfa-gateway/callback"],
            "post_logout_redirect_uris": [f"{public_url}/.mfa-gateway/signed-out"],
            "backchannel_logout_uri": f"{public_url}/.mfa-gateway/back-channel-logout",
            "backchannel_logout_session_required": True,
            **client,
        }}
        server = Path(os.environ["E2E_OIDC_PROVIDER"]) / "server.mjs"
        self.process = subprocess.Popen(
            ["node", str(server), json.dumps(settings)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, env={**os.environ, "NODE_EXTRA_CA_CERTS": str(ca or "")},
        )
        self.output = []
        for line in iter(self.process.stdout.readline, ""):
            self.output.append(line)
            if line.startswith("listening at"):
                break
        else:
            raise AssertionError(f"the provider did not start:\n{''.join(self.output)}")
        Thread(target=lambda: self.output.extend(iter(self.process.stdout.readline, "")), daemon=True).start()

    @property
    def counts(self) -> dict[str, int]:
        """How often each path was asked for, and each event of the provider happened."""
        return httpx.get(f"{self.url}/counts").json()

    def close(self):
        self.process.kill()
        self.process.wait(5)
