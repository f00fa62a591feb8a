#!/usr/bin/env python3
"""Makes the vectors here from a checkout of Wycheproof: `crates/core/tests/vectors/trim.py path/to/wycheproof`.

Of each test only what ours read is kept, and of those that repeat the same attacks on a longer key or another hash
every fourth (with `--all`: all of them). Bytes are unpadded base64url, as a token has them.
"""

import base64
import json
import sys
from pathlib import Path

SIGNATURES = {  # file: (algorithm, whether all of it)
    "rsa_signature_2048_sha256": ("RS256", True),
    "rsa_signature_2048_sha384": ("RS384", False),
    "rsa_signature_2048_sha512": ("RS512", False),
    "rsa_pss_2048_sha256_mgf1_32": ("PS256", True),
    "rsa_pss_2048_sha384_mgf1_48": ("PS384", True),
    "rsa_pss_4096_sha512_mgf1_64": ("PS512", False),
    "ecdsa_secp256r1_sha256_p1363": ("ES256", True),
    "ecdsa_secp384r1_sha384_p1363": ("ES384", True),
    "ecdsa_secp521r1_sha512_p1363": ("ES512", True),
    "ed25519": ("EdDSA", True),
}
TOKENS = ["json_web_signature", "json_web_key"]
ALL = "--all" in sys.argv


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def jwk(group: dict) -> dict:
    if known := group.get("publicKeyJwk") or group.get("keyJwk"):
        return known
    key = group["publicKey"]
    if "uncompressed" in key:
        point = bytes.fromhex(key["uncompressed"])[1:]
        half = len(point) // 2
        curve = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}[key["curve"]]
        return {"kty": "EC", "crv": curve, "kid": "none", "x": b64(point[:half]), "y": b64(point[half:])}
    if "modulus" in key:
        number = {name: bytes.fromhex(key[name]).lstrip(b"\0") for name in ("modulus", "publicExponent")}
        return {"kty": "RSA", "kid": "none", "n": b64(number["modulus"]), "e": b64(number["publicExponent"])}
    return {"kty": "OKP", "crv": "Ed25519", "kid": "none", "x": b64(bytes.fromhex(key["pk"]))}


def signatures(name: str, document: dict) -> dict:
    algorithm, whole = SIGNATURES[name]
    groups = []
    for group in document["testGroups"]:
        tests = []
        for test in group["tests"]:
            if not whole and not ALL and test["result"] != "acceptable" and test["tcId"] % 4:
                continue
            message, signature = (b64(bytes.fromhex(test[part])) for part in ("msg", "sig"))
            tests.append([test["tcId"], test["comment"], message, signature, test["result"]])
        if tests:
            groups.append({"jwk": jwk(group), "tests": tests})
    return {"algorithm": algorithm, "groups": groups}


def tokens(document: dict) -> dict:
    groups = []
    for group in document["testGroups"]:
        keys = group.get("public") or group["private"]
        crowded = len(group["tests"]) > 100 and not ALL
        # The general and the flattened JSON serialization are objects.
        texts = [(t, t["jws"] if isinstance(t["jws"], str) else json.dumps(t["jws"])) for t in group["tests"]
                 if not crowded or t["tcId"] % 4 == 0 or t["result"] == "valid"]
        tests = [[test["tcId"], test["comment"], text, test["result"]] for test, text in texts]
        groups.append({"keys": keys.get("keys", [keys]), "tests": tests})
    return {"groups": groups}


def main():
    source, here = Path(sys.argv[1]) / "testvectors_v1", Path(__file__).parent
    for name in [*SIGNATURES, *TOKENS]:
        document = json.loads((source / f"{name}_test.json").read_text())
        trimmed = tokens(document) if name in TOKENS else signatures(name, document)
        groups = ",\n".join(
            json.dumps(group, separators=(",", ":")).replace('"tests":[', '"tests":[\n ').replace("],[", "],\n [")
            for group in trimmed.pop("groups")
        )
        head = json.dumps(trimmed)[1:-1]
        (here / f"{name}.json").write_text("{" + (head + ",\n" if head else "") + '"groups":[\n' + groups + "\n]}\n")


main()
