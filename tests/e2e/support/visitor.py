"""A browser without a screen: cookies as RFC 6265bis has them, redirects one at a time, and every hop kept.

Cookies don't tell ports apart (RFC 6265 section 8.5), so a host is enough.
"""

import ssl
import time
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import urljoin, urlsplit

from support.http1 import Connection, Fields, Response, request

NAVIGATION = [
    ("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"), ("Sec-Fetch-Mode", "navigate"),
    ("Sec-Fetch-Dest", "document"), ("Sec-Fetch-User", "?1"), ("Upgrade-Insecure-Requests", "1"),
]
FETCH = [("Accept", "*/*"), ("Sec-Fetch-Mode", "cors"), ("Sec-Fetch-Dest", "empty"), ("Sec-Fetch-Site", "same-origin")]


@dataclass
class Cookie:
    value: str
    attributes: dict[str, str]
    expires: float | None

    @property
    def same_site(self) -> str:
        return self.attributes.get("samesite", "lax").lower()


@dataclass
class Hop:
    method: str
    url: str
    sent: dict[str, str]
    response: Response
    set: dict[str, Cookie] = field(default_factory=dict)

    @property
    def status(self) -> int:
        return self.response.status

    @property
    def fields(self) -> Fields:
        return self.response.fields

    @property
    def text(self) -> str:
        return self.response.body.decode()

    @property
    def location(self) -> str | None:
        return urljoin(self.url, self.fields.one("Location")) if "Location" in self.fields else None

    def __repr__(self):
        return f"<{self.method} {self.url[:160]}: {self.status}>"


class Visitor:
    def __init__(self, ca: Path | str | None = None):
        self.jar: dict[str, dict[str, Cookie]] = {}
        self.hops: list[Hop] = []
        self.rejected: list[str] = []
        # Which of several replicas a load balancer chooses for a host: its port.
        self.replica: dict[str, int] = {}
        self._tls = ssl.create_default_context(cafile=ca) if ca else None

    # ---- requests ----

    def send(self, url: str, method: str = "GET", headers=NAVIGATION, body: bytes | None = None, site: str = "none",
             cookies: str | None = None, origin: str | None = None) -> Hop:
        """One request. `site` is where it comes from, as in `Sec-Fetch-Site`; `cookies` stands instead of the jar's."""
        parts = urlsplit(url)
        target = url.split(parts.netloc, 1)[1].split("#")[0] or "/"
        sent = self.cookies_for(url, method, site, headers)
        line = "; ".join(f"{name}={value}" for name, value in sent.items()) if cookies is None else cookies
        fields = [("Host", parts.netloc), *headers]
        if headers is NAVIGATION:
            fields.append(("Sec-Fetch-Site", site))
        if origin is not None:
            fields.append(("Origin", origin))
        if line:
            fields.append(("Cookie", line))
        with Connection(self.replica.get(parts.netloc, parts.port), 30, tls=self._tls if parts.scheme == "https" else None) as connection:
            connection.send(request(method, target, None, fields, body))
            hop = Hop(method, url, sent, connection.response(method))
        self._keep(hop)
        self.hops.append(hop)
        return hop

    def open(self, url: str, stop_at: str | None = None, most: int = 12, **first) -> Hop:
        """Navigates, and follows redirects up to a page, or to one whose address starts with `stop_at`."""
        hop = self.send(url, **first)
        for _ in range(most):
            if hop.status not in (301, 302, 303, 307, 308) or (stop_at and hop.location.startswith(stop_at)):
                return hop
            hop = self.send(hop.location, site="cross-site")
        raise AssertionError(f"more than {most} redirects: {self.hops[-most:]}")

    def fetch(self, url: str, method: str = "GET", body: bytes | None = None, **more) -> Hop:
        """A request of a script on the page."""
        if method not in ("GET", "HEAD"):
            more.setdefault("origin", origin_of(url))
        return self.send(url, method, FETCH, body, "same-origin", **more)

    def post(self, url: str, body: bytes = b"", origin: str | None = None, site: str = "same-origin", headers=(), **more) -> Hop:
        """A form of the same origin is sent, unless said otherwise."""
        fields = [*NAVIGATION, ("Sec-Fetch-Site", site), ("Content-Type", "application/x-www-form-urlencoded"), *headers]
        return self.send(url, "POST", fields, body, site, origin=origin_of(url) if origin is None else origin, **more)

    # ---- cookies ----

    def cookies_for(self, url: str, method: str = "GET", site: str = "none", headers=NAVIGATION) -> dict[str, str]:
        parts = urlsplit(url)
        secure = parts.scheme == "https" or parts.hostname == "localhost"
        top_level = method in ("GET", "HEAD") and dict(headers).get("Sec-Fetch-Dest") == "document"
        return {
            name: cookie.value for name, cookie in self.cookies(parts.hostname).items()
            if (secure or "secure" not in cookie.attributes)
            and parts.path.startswith(cookie.attributes.get("path", "/"))
            and (site != "cross-site" or cookie.same_site == "none" or (cookie.same_site == "lax" and top_level))
        }

    def cookies(self, host: str = "localhost") -> dict[str, Cookie]:
        """Those that have not expired."""
        kept = self.jar.setdefault(host, {})
        for name in [name for name, cookie in kept.items() if cookie.expires is not None and cookie.expires <= time.time()]:
            del kept[name]
        return kept

    def plant(self, name: str, value: str, host: str = "localhost", **attributes: str):
        self.jar.setdefault(host, {})[name] = Cookie(value, {"path": "/", **attributes}, None)

    def copy(self, ca) -> "Visitor":
        """Another browser with the same cookies: a thief's."""
        other = Visitor(ca)
        other.jar = {host: dict(cookies) for host, cookies in self.jar.items()}
        return other

    def _keep(self, hop: Hop):
        parts = urlsplit(hop.url)
        for line in hop.fields.all("Set-Cookie"):
            name, cookie = parse_set_cookie(line)
            hop.set[name] = cookie
            if problem := refused(name, cookie, parts):
                self.rejected.append(f"{line}: {problem}")
                continue
            self.jar.setdefault(parts.hostname, {})[name] = cookie


def parse_set_cookie(line: str) -> tuple[str, Cookie]:
    first, *rest = line.split(";")
    name, _, value = first.partition("=")
    attributes = {}
    for part in rest:
        key, _, setting = part.strip().partition("=")
        assert key.lower() not in attributes, f"{key} twice in {line}"
        attributes[key.lower()] = setting
    expires = None
    if "max-age" in attributes:
        expires = time.time() + int(attributes["max-age"])
    elif "expires" in attributes:
        expires = parsedate_to_datetime(attributes["expires"]).timestamp()
    return name.strip(), Cookie(value.strip(), attributes, expires)


def refused(name: str, cookie: Cookie, parts) -> str | None:
    """Why a browser would not keep it (RFC 6265bis section 5.7)."""
    attributes = cookie.attributes
    secure = parts.scheme == "https" or parts.hostname == "localhost"
    if "secure" in attributes and not secure:
        return "Secure on a plain connection"
    if name.lower().startswith("__host-") and ("secure" not in attributes or attributes.get("path") != "/" or "domain" in attributes):
        return "__Host- asks for Secure, Path=/ and no Domain"
    if len(name) + len(cookie.value) > 4096:
        return "longer than 4096"
    return None


def origin_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
