"""The keys, the key set and the tokens of a measurement.

Signing takes longer than anything that is measured, so keys and tokens are kept below target/ and used again until
they would expire during a run.
"""

import base64
import json
import time
from pathlib import Path

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils

ISSUER = "https://idp.peers.test/"
AUDIENCE = "https://api.peers.test"
LIFETIME = 14 * 86400
TOKEN_BYTES = 1300

# What the tokens of a kind have in place of the ordinary claims; `None` leaves one out. `jti` tells them apart.
KINDS = {
    "mfa": {},
    "password": {"amr": ["pwd"]},
    "expired": {"iat": -7200, "nbf": -7200, "exp": -3600},
    "forged": {},
    "audience": {"aud": "https://api.elsewhere.test"},
    "issuer": {"iss": "https://idp.elsewhere.test/"},
    "without-exp": {"exp": None},
    "mfa-last-of-six": {"amr": ["pwd", "otp", "sms", "face", "fpt", "mfa"]},
    "amr-as-text": {"amr": "mfa"},
    "amr-look-alike": {"amr": ["pwd", "nomfa"]},
    "app-only": {
        "sub": "nightly-billing", "client_id": "nightly-billing", "appid": None, "oid": None, "scp": None,
        "amr": None, "auth_time": None, "name": None, "upn": None,
    },
}


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def number(value: int, size: int) -> str:
    return b64(value.to_bytes(size, "big"))


class RsaKey:
    algorithm, id = "RS256", "peers-rsa"

    @staticmethod
    def generate():
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def __init__(self, private):
        self.private = private

    def sign(self, data: bytes) -> bytes:
        return self.private.sign(data, padding.PKCS1v15(), hashes.SHA256())

    def jwk(self) -> dict:
        numbers = self.private.public_key().public_numbers()
        return {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.id, "n": number(numbers.n, 256),
                "e": number(numbers.e, 3)}


class ForgersKey(RsaKey):
    """Another key under the same id. Its signatures are numbers that the real key could have made: larger ones would be
    refused before anything is computed, in a share of the tokens that is another in each run."""

    def __init__(self, forged: RsaKey):
        super().__init__(RsaKey.generate())
        self._modulus = forged.private.public_key().public_numbers().n

    def sign(self, data: bytes) -> bytes:
        return (int.from_bytes(super().sign(data), "big") % self._modulus).to_bytes(256, "big")


class EcKey:
    """Signs ten times as fast, for populations of tokens that RSA could not mint in time."""

    algorithm, id = "ES256", "peers-ec"

    @staticmethod
    def generate():
        return ec.generate_private_key(ec.SECP256R1())

    def __init__(self, private):
        self.private = private

    def sign(self, data: bytes) -> bytes:
        r, s = utils.decode_dss_signature(self.private.sign(data, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    def jwk(self) -> dict:
        numbers = self.private.public_key().public_numbers()
        return {"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": self.id,
                "x": number(numbers.x, 32), "y": number(numbers.y, 32)}


class Mint:
    def __init__(self, folder: Path):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.rsa, self.ec = self._key(RsaKey), self._key(EcKey)
        self._forger = ForgersKey(self.rsa)
        self.public_key = folder / "public.pem"
        self.public_key.write_bytes(self.rsa.private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo))

    def key_set(self) -> dict:
        return {"keys": [self.rsa.jwk(), self.ec.jwk()]}

    def one(self, kind: str) -> str:
        return next(self._stream(kind, 1, self._signer(kind, "RS256")))

    def file(self, kind: str, count: int, algorithm: str = "RS256") -> Path:
        """A file of at least so many different tokens, one a line; made if there is none that is still good."""
        path = self.folder / f"{kind}-{algorithm}.txt"
        age = time.time() - path.stat().st_mtime if path.exists() else LIFETIME
        if age > LIFETIME / 2 or kind == "forged" or self._lines(path) < count:
            partial = path.with_suffix(".partial")
            with partial.open("w") as out:
                out.writelines(f"{token}\n" for token in self._stream(kind, count, self._signer(kind, algorithm)))
            partial.rename(path)
        return path

    def _signer(self, kind: str, algorithm: str):
        if kind == "forged":
            return self._forger
        return self.rsa if algorithm == "RS256" else self.ec

    def _key(self, kind):
        path = self.folder / f"{kind.id}.pem"
        if not path.exists():
            path.write_bytes(kind.generate().private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        return kind(serialization.load_pem_private_key(path.read_bytes(), None))

    @staticmethod
    def _lines(path: Path) -> int:
        with path.open("rb") as lines:
            return sum(1 for _ in lines)

    @staticmethod
    def _stream(kind: str, count: int, key):
        now = int(time.time())
        claims = {
            "iss": ISSUER, "aud": AUDIENCE, "iat": now - 5, "nbf": now - 5, "exp": now + LIFETIME,
            "sub": "jane-7f1c", "oid": "4988e250-5aee-482a-9136-6d269cb755c0", "scp": "user_impersonation",
            "appid": "23ec45a3-5127-4185-9eff-c8887839e6ab", "tid": "df845f1a-7b35-40a2-ba78-6481de91f8ae",
            "amr": ["pwd", "mfa"], "auth_time": now - 60, "name": "Jane Doe", "upn": "jane@contoso.example",
        }
        for name, value in KINDS[kind].items():
            relative = name in ("iat", "nbf", "exp") and value is not None
            claims[name] = now + value if relative else value
        claims = {name: value for name, value in claims.items() if value is not None}
        header = b64(json.dumps({"alg": key.algorithm, "typ": "JWT", "kid": key.id}).encode())
        fixed = json.dumps(claims, separators=(",", ":"))[:-1]
        # Claims padded so that the whole token, its signature included, has the size of an ordinary Entra token.
        unpadded = len(header) + 2 + (len(fixed) + 40) * 4 // 3 + len(b64(key.sign(b"")))
        fixed += f',"aio":"{"x" * max(0, (TOKEN_BYTES - unpadded) * 3 // 4)}","jti":"'
        for at in range(count):
            payload = fixed + f'{at:09}"}}'
            signed = f"{header}.{b64(payload.encode())}"
            yield f"{signed}.{b64(key.sign(signed.encode()))}"
