"""A client's key, and the proofs that it makes (RFC 9449)."""

import hashlib
import json
import time
import uuid

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from support.tokens import b64, encode


class DpopKey:
    """A P-256 key that makes proofs."""

    def __init__(self):
        self._private = ec.generate_private_key(ec.SECP256R1())
        numbers = self._private.public_key().public_numbers()
        self.jwk = {"kty": "EC", "crv": "P-256", "x": b64(numbers.x.to_bytes(32)), "y": b64(numbers.y.to_bytes(32))}

    @property
    def thumbprint(self) -> str:
        members = json.dumps({name: self.jwk[name] for name in ("crv", "kty", "x", "y")}, separators=(",", ":"))
        return b64(hashlib.sha256(members.encode()).digest())

    def _sign(self, data: bytes) -> bytes:
        r, s = decode_dss_signature(self._private.sign(data, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32) + s.to_bytes(32)

    def proof(self, method: str, url: str, token: str, **claims) -> str:
        made = {
            "jti": uuid.uuid4().hex, "htm": method, "htu": url, "iat": int(time.time()),
            "ath": b64(hashlib.sha256(token.encode()).digest()), **claims,
        }
        return encode({"typ": "dpop+jwt", "alg": "ES256", "jwk": self.jwk}, made, self._sign)

    def headers(self, method: str, url: str, token: str, **claims) -> dict:
        return {"Authorization": f"DPoP {token}", "DPoP": self.proof(method, url, token, **claims)}
