"""An OIDC issuer on loopback: discovery, a key set that can rotate, and a mint for any token."""

import json
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from support.tokens import Key, encode

AUDIENCE = "api://partner"


class Issuer:
    def __init__(self):
        self.keys = [Key()]
        self.fetches = Counter()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/"
        Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()

    @property
    def key(self) -> Key:
        return self.keys[-1]

    @property
    def section(self) -> list[dict]:
        """`issuers` of a configuration, with this one alone."""
        return [{"name": "wingtip", "issuer": self.url, "audiences": [AUDIENCE]}]

    def rotate(self) -> Key:
        """Publishes a new key beside the old ones, and signs with it from now on."""
        self.keys.append(Key())
        return self.key

    def token(self, claims: dict | None = None, header: dict | None = None, sign=None, drop=()) -> str:
        """A user's token without `amr`, but for what is given; `drop` names claims to leave out."""
        now = int(time.time())
        all_claims = {
            "iss": self.url, "aud": AUDIENCE, "iat": now - 5, "nbf": now - 5, "exp": now + 600,
            "client_id": "partner-portal", **(claims or {}),
        }
        for name in drop:
            del all_claims[name]
        all_header = {"alg": "RS256", "typ": "at+jwt", "kid": self.key.id, **(header or {})}
        return encode(all_header, all_claims, sign or self.key.sign)

    def jane(self, **claims) -> str:
        """Jane of Contoso signed in with MFA."""
        person = {"sub": "jane-7f1c", "name": "Jane", "preferred_username": "jane@contoso.example"}
        return self.token({**person, "scp": "user_impersonation", "amr": ["pwd", "mfa"], **claims})

    def john(self, **claims) -> str:
        """John of Fabrikam signed in with a password alone."""
        person = {"sub": "john-2b9e", "name": "John", "preferred_username": "john@fabrikam.example"}
        return self.token({**person, "scp": "user_impersonation", "amr": ["pwd"], **claims})

    def daemon(self, **claims) -> str:
        """An application without a user, as RFC 9068 section 2.2 has it."""
        return self.token({"sub": "nightly-billing", "client_id": "nightly-billing", **claims})

    def _document(self, path: str) -> dict | None:
        if path == "/.well-known/openid-configuration":
            return {
                "issuer": self.url, "jwks_uri": f"{self.url}keys",
                "authorization_endpoint": f"{self.url}authorize", "token_endpoint": f"{self.url}token",
                "response_types_supported": ["code"], "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
            }
        if path == "/keys":
            return {"keys": [key.jwk() for key in self.keys]}
        return None

    def _handler(issuer):  # noqa: N805 — `self` is the handler's below
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                issuer.fetches[self.path] += 1
                document = issuer._document(self.path)
                body = json.dumps(document).encode()
                self.send_response(200 if document else 404)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_args):
                pass

        return Handler
