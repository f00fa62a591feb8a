"""An identity provider in the test's own process: it signs people in at once, and does anything wrong that a test asks for.

It checks every request as a strict provider does, and notes in `complaints` what it would have refused.
"""

import base64
import hashlib
import json
import secrets
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from support.issuer import Issuer
from support.tokens import b64, encode

CLIENT_ID, CLIENT_SECRET = "the-portal", "only-for-tests: 0123456789 &%+"
STEP_UP = "urn:mfa"
AGENTS = "11111111-2222-4333-8444-555555555555"
EVENT = "http://schemas.openid.net/event/backchannel-logout"


def person(name: str, mfa: str, *groups: str, **claims) -> dict:
    """Someone who does MFA `always`, `on request` or `never`."""
    sub = f"{name.lower()}-{hashlib.sha256(name.encode()).hexdigest()[:6]}"
    return {"mfa": mfa, "sub": sub, "name": name, "preferred_username": f"{name.lower()}@contoso.example",
            "groups": list(groups), **claims}


JANE, JOHN, CASEY = person("Jane", "always", AGENTS), person("John", "on request", AGENTS), person("Casey", "never", AGENTS)


class IdentityProvider(Issuer):
    def __init__(self):
        self.forget()
        super().__init__()

    def forget(self):
        """Everything works again, Jane answers, and nothing has been seen."""
        self.person = dict(JANE)
        self.sid = secrets.token_hex(8)
        self.seen = Counter()
        self.asked: list[list[tuple[str, str]]] = []
        self.redeemed: list[dict] = []
        self.ended: list[dict] = []
        self.complaints: list[str] = []
        self.metadata: dict = {}
        # What a test changes: each takes what would have been sent, and returns what is sent.
        self.change_claims = self.change_header = self.change_response = self.change_answer = lambda it: it
        self.sign_with = None
        # What the person does in a tenant other than his own, and the tenant that it puts him in, where that is another.
        self.mfa_in: dict[str, str] = {}
        self.astray: dict[str, str] = {}
        # For a whole answer of a path: a function of the handler, which returns true if it has answered.
        self.instead: dict = {}
        # Whether a refresh token that comes twice is taken for stolen. Entra lets the older one go on.
        self.single_use = True
        self._codes, self._refreshes, self._pushed, self._spent = {}, {}, {}, set()
        self._lock = Lock()

    # ---- the network ----

    def stop(self):
        """Nobody listens at its address any more."""
        self.close()

    def start(self):
        """Listens again, at the same address."""
        self._server = ThreadingHTTPServer(("127.0.0.1", urlsplit(self.url).port), self._handler())
        self._server.daemon_threads = True
        Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def origin(self) -> str:
        return self.url.rstrip("/")

    @property
    def last(self) -> dict[str, str]:
        """The last authorization request."""
        return dict(self.asked[-1])

    # ---- what it answers ----

    def authorize(self, parameters: list[tuple[str, str]], tenant: str | None = None) -> tuple[str, list[tuple[str, str]]]:
        """Where the browser is sent to, and with what."""
        asked = dict(parameters)
        if uri := asked.get("request_uri"):
            parameters = self._pushed.pop(uri)
            asked = dict(parameters)
        self.asked.append(parameters)
        self._check_request(parameters, asked)
        code = secrets.token_urlsafe(24)
        person = self._in(tenant)
        self._codes[code] = {**asked, "person": person, "sid": self.sid, "mfa": self._does_mfa(asked, person), "tenant": tenant}
        answer = [("code", code), ("state", asked.get("state", "")), ("iss", self.url)]
        return asked["redirect_uri"], self.change_response(answer)

    def redeem(self, form: dict, credentials: tuple[str, str], tenant: str | None = None) -> tuple[int, dict]:
        self.redeemed.append(form)
        if credentials != (CLIENT_ID, CLIENT_SECRET):
            self.complaints.append(f"client {credentials}")
            return 401, {"error": "invalid_client"}
        with self._lock:
            grant = self._redeem(form)
        if not grant:
            return 400, {"error": "invalid_grant"}
        if grant["tenant"] and grant["tenant"] != tenant:
            self.complaints.append(f"a grant of {grant['tenant']} at the endpoint of {tenant}")
        refresh = secrets.token_urlsafe(24)
        self._refreshes[refresh] = grant
        access = self.access_token(grant)
        return 200, self.change_answer({
            "access_token": access, "token_type": "Bearer", "expires_in": grant.get("expires_in", 600), "scope": grant["scope"],
            "id_token": self.id_token(grant, access), "refresh_token": refresh,
        })

    def id_token(self, grant: dict, access: str) -> str:
        now = int(time.time())
        known = {name: value for name, value in grant["person"].items() if name != "mfa"}
        claims = {
            "aud": CLIENT_ID, "iat": now, "exp": now + 600, "auth_time": grant.setdefault("auth_time", now), "sid": grant["sid"],
            "nonce": None if grant.get("refreshed") else grant.get("nonce"),
            "amr": ["pwd", "mfa"] if grant["mfa"] else ["pwd"], "acr": STEP_UP if grant["mfa"] else "urn:pwd",
            "at_hash": b64(hashlib.sha256(access.encode()).digest()[:16]), **known,
        }
        return self.mint(self.change_claims(claims), self.change_header({"typ": "JWT"}), self.sign_with)

    def mint(self, claims: dict, header: dict, sign=None) -> str:
        """A token of exactly these claims and `iss`, without those that are None."""
        claims = {"iss": self.url, **claims}
        claims = {name: value for name, value in claims.items() if value is not None}
        return encode({"alg": "RS256", "kid": self.key.id, **header}, claims, sign or self.key.sign)

    def access_token(self, grant: dict) -> str:
        amr = ["pwd", "mfa"] if grant["mfa"] else ["pwd"]
        return Issuer.token(self, {"sub": grant["person"]["sub"], "amr": amr, "scp": "user_impersonation"})

    def logout_token(self, header: dict | None = None, sign=None, **claims) -> str:
        """A right one, but for what is given; None leaves a claim out."""
        now = int(time.time())
        right = {"aud": CLIENT_ID, "iat": now, "exp": now + 120, "jti": secrets.token_hex(8), "events": {EVENT: {}}}
        return self.mint({**right, **claims}, {"typ": "logout+jwt", **(header or {})}, sign)

    # ---- what it checks ----

    def _in(self, tenant: str | None) -> dict:
        """The person in a tenant: a guest has another id there."""
        tenant = self.astray.get(tenant, tenant)
        if not tenant or tenant == self.person.get("tid"):
            return dict(self.person)
        mfa = self.mfa_in.get(tenant, self.person["mfa"])
        return {**self.person, "tid": tenant, "sub": f"{self.person['sub']}-in-{tenant[:8]}", "mfa": mfa}

    def _does_mfa(self, asked: dict, person: dict) -> bool:
        wanted = STEP_UP in asked.get("acr_values", "").split() or "mfa" in asked.get("amr_values", "")
        return person["mfa"] == "always" or (person["mfa"] == "on request" and wanted)

    def _check_request(self, parameters, asked):
        names = [name for name, _ in parameters]
        if len(names) != len(set(names)):
            self.complaints.append(f"a parameter twice in {names}")
        for name, value in (("response_type", "code"), ("client_id", CLIENT_ID), ("code_challenge_method", "S256")):
            if asked.get(name) != value:
                self.complaints.append(f"{name} is {asked.get(name)}")
        for name in ("state", "nonce", "code_challenge", "redirect_uri"):
            if not asked.get(name):
                self.complaints.append(f"no {name}")
        if "openid" not in asked.get("scope", "").split():
            self.complaints.append("the scope has no openid")

    def _redeem(self, form: dict) -> dict | None:
        if form.get("grant_type") == "refresh_token":
            token = form.get("refresh_token", "")
            if self.single_use:
                if token in self._spent:
                    self.complaints.append("a refresh token was used twice")
                self._spent.add(token)
            grant = self._refreshes.pop(token, None) if self.single_use else self._refreshes.get(token)
            return grant and {**grant, "refreshed": True}
        code = form.get("code", "")
        if code in self._spent:
            self.complaints.append("a code was sent twice")
        self._spent.add(code)
        grant = self._codes.pop(code, None)
        if not grant:
            self.complaints.append("an unknown code")
            return None
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest()).rstrip(b"=")
        for name, wrong in (("code_verifier", challenge.decode() != grant.get("code_challenge")),
                            ("redirect_uri", form.get("redirect_uri") != grant["redirect_uri"])):
            if wrong:
                self.complaints.append(f"a wrong {name}")
                return None
        return grant

    def _document(self, path: str) -> dict | None:
        document = super()._document(path)
        if document and "issuer" in document:
            document |= {
                "end_session_endpoint": f"{self.url}end", "pushed_authorization_request_endpoint": f"{self.url}par",
                "userinfo_endpoint": f"{self.url}userinfo",
                "authorization_response_iss_parameter_supported": True, "code_challenge_methods_supported": ["S256"],
                "backchannel_logout_supported": True, "backchannel_logout_session_supported": True,
                "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
                "acr_values_supported": [STEP_UP], "scopes_supported": ["openid", "profile", "offline_access"], **self.metadata,
            }
        return document

    def _handler(provider):  # noqa: N805 — `self` is the handler's below
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                self.answer(None)

            def do_POST(self):
                self.answer(self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode())

            def answer(self, body):
                path, _, query = self.path.partition("?")
                provider.seen[path] += 1
                provider.fetches[path] += 1
                if (instead := provider.instead.get(path)) and instead(self):
                    return
                # Of a tenant, if it is `/t/TENANT/…`.
                tenant = path.split("/")[2] if path.startswith("/t/") else None
                if path.endswith("/authorize"):
                    target, answer = provider.authorize(parse_qsl(query, keep_blank_values=True), tenant)
                    self.send(302, {}, Location=f"{target}?{urlencode(answer)}")
                elif path.endswith("/token"):
                    form = dict(parse_qsl(body, keep_blank_values=True))
                    self.send(*provider.redeem(form, self.credentials(form), tenant))
                elif path == "/par":
                    uri = f"urn:ietf:params:oauth:request_uri:{secrets.token_hex(8)}"
                    provider._pushed[uri] = parse_qsl(body, keep_blank_values=True)
                    self.send(201, {"request_uri": uri, "expires_in": 60})
                elif path == "/end":
                    asked = dict(parse_qsl(query or body or "", keep_blank_values=True))
                    provider.ended.append(asked)
                    back = asked.get("post_logout_redirect_uri")
                    state = {"state": asked["state"]} if "state" in asked else {}
                    self.send(302, {}, Location=f"{back}?{urlencode(state)}".rstrip("?")) if back else self.send(200, {})
                else:
                    document = provider._document(path)
                    self.send(200 if document else 404, document)

            def credentials(self, form) -> tuple[str, str]:
                """As RFC 6749 section 2.3.1 has it: both parts are form-encoded."""
                scheme, _, value = self.headers.get("Authorization", "").partition(" ")
                if scheme.lower() != "basic":
                    return form.get("client_id", ""), form.get("client_secret", "")
                name, _, secret = base64.b64decode(value).decode().partition(":")
                return unquote(name.replace("+", " ")), unquote(secret.replace("+", " "))

            def send(self, status, document, **fields):
                body = document if isinstance(document, bytes) else json.dumps(document).encode()
                self.send_response(status)
                for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **fields}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_args):
                pass

        return Handler
