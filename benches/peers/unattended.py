"""A consent that a program's requests use: given once, so that each request finds an access token in memory."""

import http.client
import json
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

from people import CLIENT_ID, CLIENT_SECRET, IdentityProvider
from processes import Failure

PATH = "/v1/unattended/customers"
OPERATOR = "0123456789abcdefghijklmnopqrstuvwxyz"


def settings_of_consents(provider: IdentityProvider, folder: Path) -> dict[str, str]:
    """What a configuration with a consent needs besides; its secrets are written."""
    for name, text in (("client-secret", CLIENT_SECRET), ("consent.key", "5e" * 31 + "a1"), ("operators", OPERATOR)):
        file = folder / name
        file.write_text(text)
        file.chmod(0o600)
    return {"PROVIDER": provider.url, "CLIENT_ID": CLIENT_ID}


def give(provider: IdentityProvider, admin_port: int) -> None:
    """Gives the consent, as a person with MFA."""
    begun = _ask(admin_port, "begin", redirect_uri="http://localhost:8400/")
    _, answer = provider.authorize(parse_qsl(urlsplit(begun["url"]).query))
    _ask(admin_port, "finish", transaction=begun["transaction"], callback=urlencode(answer))


def _ask(port: int, action: str, **question: str) -> dict:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        fields = {"Authorization": f"Bearer {OPERATOR}", "Content-Type": "application/json"}
        connection.request("POST", f"/consents/{action}", json.dumps({"consent": "nightly", **question}), fields)
        response = connection.getresponse()
        body = response.read()
        if response.status != 200:
            raise Failure(f"the consent can't be given: {response.status} {body!r}")
        return json.loads(body)
    finally:
        connection.close()
