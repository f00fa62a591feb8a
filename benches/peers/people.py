"""People who signed in with a browser: the identity provider that they sign in at, and their cookies.

The identity provider is the one of tests/e2e. A sign-in takes four requests and two signatures of this process, so that
more than some thousands of sessions are made by `population.py` instead.
"""

import http.client
import sys
from pathlib import Path
from urllib.parse import urlsplit

from processes import Failure

sys.path.append(str(Path(__file__).parents[2] / "tests" / "e2e"))
from support.identity_provider import CLIENT_ID, CLIENT_SECRET, IdentityProvider  # noqa: E402

COOKIE = "__Host-mfa-gateway"
SIGN_IN = "portal"
PAGE = "/v1/portal/customers"


def settings_of_sign_in(provider: IdentityProvider, folder: Path) -> dict[str, str]:
    """What a configuration with a sign-in needs besides; its secret and its key are written."""
    for name, text in (("client-secret", CLIENT_SECRET), ("session.key", "5e" * 31 + "a1")):
        file = folder / name
        file.write_text(text)
        file.chmod(0o600)
    return {"PROVIDER": provider.url, "CLIENT_ID": CLIENT_ID, "SIGN_IN_NAME": SIGN_IN, "COOKIE_NAME": COOKIE[7:]}


def sign_in(port: int) -> str:
    """Signs somebody in, and returns the session's cookie."""
    cookies: dict[str, str] = {}
    address = f"http://127.0.0.1:{port}{PAGE}"
    for _ in range(5):
        status, location, fields = _visit(address, cookies)
        for field in fields:
            name, _, value = field.partition(";")[0].partition("=")
            cookies[name] = value
        if status == 200 and COOKIE in cookies:
            return cookies[COOKIE]
        if not location:
            break
        address = location if "://" in location else f"http://127.0.0.1:{port}{location}"
    raise Failure(f"nobody can sign in: {address} gives {status}")


def _visit(address: str, cookies: dict[str, str]) -> tuple[int, str | None, list[str]]:
    to = urlsplit(address)
    connection = http.client.HTTPConnection(to.hostname, to.port, timeout=10)
    try:
        fields = {"Accept": "text/html", "Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}
        connection.request("GET", f"{to.path}?{to.query}" if to.query else to.path, headers=fields)
        response = connection.getresponse()
        response.read()
        return response.status, response.getheader("Location"), response.headers.get_all("Set-Cookie") or []
    finally:
        connection.close()


def status(port: int, cookie: str) -> int:
    """What a page's script gets with a cookie."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", PAGE, headers={"Cookie": f"{COOKIE}={cookie}"})
        response = connection.getresponse()
        response.read()
        return response.status
    finally:
        connection.close()


def cookies(port: int, count: int, file: Path) -> Path:
    """The cookies of so many people who signed in, one a line. Fails if a changed cookie counts for anything."""
    everybody = [sign_in(port) for _ in range(count)]
    one = everybody[0]
    forged = one[:-8] + ("A" * 8 if one[-8:] != "A" * 8 else "B" * 8)
    got = [status(port, cookie) for cookie in (one, forged, "")]
    if got != [200, 401, 401]:
        raise Failure(f"a session, a forged one and none get {got}")
    file.write_text("".join(f"{cookie}\n" for cookie in everybody))
    return file
