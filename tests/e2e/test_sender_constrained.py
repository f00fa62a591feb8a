"""Tokens that are bound to their senders, with clients that hold real keys: DPoP (RFC 9449) and mutual TLS (RFC 8705)."""

import base64
import hashlib
import re
import ssl
import subprocess
import time
import uuid

import httpx
import pytest

from support.authority import Authority
from support.dpop import DpopKey
from support.gateway import free_port, run
from support.tokens import b64


@pytest.fixture(scope="module")
def key():
    return DpopKey()


def refusal(response):
    return response.status_code, response.json()["reason"]


def test_a_client_with_its_key_gets_through_and_a_thief_does_not(gateway, backend, issuer, key):
    token = issuer.jane(cnf={"jkt": key.thumbprint})
    url = f"{gateway.url}/v1/customers"
    with httpx.Client(trust_env=False) as client:
        for method in ("GET", "POST"):
            assert client.request(method, f"{url}?size=1", headers=key.headers(method, url, token)).status_code == 200
        assert all("dpop" not in request.fields for request in backend.requests)
        assert len(backend.requests) == 2
        stolen = client.get(url, headers={"Authorization": f"Bearer {token}"})
        assert refusal(stolen) == (401, "bound_token_as_bearer")
        assert stolen.headers["www-authenticate"].startswith('DPoP error="invalid_token", algs="ES256 ')
        thief = DpopKey()
        assert refusal(client.get(url, headers=thief.headers("GET", url, token))) == (401, "dpop_key_mismatch")
        for other in (
            key.headers("POST", url, token), key.headers("GET", url.replace("/v1/", "/v2/"), token),
            key.headers("GET", url.replace("http:", "https:"), token), key.headers("GET", url, token, iat=int(time.time()) - 90),
            key.headers("GET", url, token, ath="x"), {**key.headers("GET", url, token), "DPoP": "a.b.c"},
        ):
            assert refusal(client.get(url, headers=other)) == (401, "dpop_proof_invalid")
        once = key.headers("GET", url, token)
        assert client.get(url, headers=once).status_code == 200
        assert refusal(client.get(url, headers=once)) == (401, "dpop_proof_replayed")
    assert len(backend.requests) == 3


def test_curl_sends_one_proof_per_request(gateway, backend, issuer, key):
    token = issuer.jane(cnf={"jkt": key.thumbprint})
    url = f"{gateway.url}/v1/customers"

    def curl(*fields):
        told = [part for field in fields for part in ("-H", field)]
        command = ["curl", "-s", "--noproxy", "*", "-o", "/dev/null", "-w", "%{http_code} %header{www-authenticate}", *told, url]
        return subprocess.run(command, capture_output=True, text=True, timeout=20, check=True).stdout

    proof = key.proof("GET", url, token)
    assert curl(f"Authorization: DPoP {token}", f"DPoP: {proof}") == "200 "
    assert curl(f"Authorization: DPoP {token}", f"DPoP: {key.proof('GET', url, token)}", f"DPoP: {proof}").startswith("401 DPoP ")
    assert curl(f"Authorization: DPoP {token}").startswith('401 DPoP error="invalid_dpop_proof"')
    assert curl(f"Authorization: Bearer {token}", f"Authorization: DPoP {token}", f"DPoP: {proof}").startswith("400")
    assert len(backend.requests) == 1


def test_a_token_that_is_bound_to_a_certificate_counts_on_its_connections_alone(start_gateway, backend, issuer, tmp_path):
    authority = Authority(tmp_path, "authority")
    certificate, private = authority.issue("gateway.example", days=3)
    secure, plain = free_port(), free_port()
    start_gateway(
        listeners=[
            {"address": f"127.0.0.1:{plain}"},
            {"address": f"127.0.0.1:{secure}", "tls": {
                "certificates": [{"certificate_file": certificate, "key_file": private}],
                "client_certificates": {"ca_file": str(authority.file), "required": False}}},
        ],
        issuers=issuer.section,
        upstreams=[{"name": "api", "endpoints": [backend.url]}],
        routes=[
            {"prefix": "/v1/", "upstream": "api"},
            {"prefix": "/bound/", "upstream": "api", "sender_constrained": "mtls", "dialect": "oauth"},
        ],
    )
    own, other = authority.issue("client.example"), authority.issue("other.example")
    der = base64.b64decode(re.sub("-----.*?-----|\\s", "", open(own[0]).read()))
    bound = issuer.jane(cnf={"x5t#S256": b64(hashlib.sha256(der).digest())})

    def get(path, token, shown=None, http2=False, **headers):
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        if shown:
            context.load_cert_chain(*shown)
        with httpx.Client(verify=context, http2=http2, trust_env=False) as client:
            return client.get(f"https://127.0.0.1:{secure}{path}", headers={"Authorization": f"Bearer {token}", **headers})

    for http2 in (False, True):
        assert get("/v1/x", bound, own, http2).status_code == 200
        assert get("/bound/x", bound, own, http2).status_code == 200
        assert refusal(get("/v1/x", bound, other, http2)) == (401, "certificate_mismatch")
    assert refusal(get("/v1/x", bound)) == (401, "certificate_missing")
    field = f":{base64.b64encode(der).decode()}:"
    assert refusal(get("/v1/x", bound, **{"Client-Cert": field})) == (401, "certificate_missing")
    with httpx.Client(trust_env=False) as client:
        answer = client.get(f"http://127.0.0.1:{plain}/v1/x", headers={"Authorization": f"Bearer {bound}", "Client-Cert": field})
        assert refusal(answer) == (401, "certificate_missing")
    unbound = get("/bound/x", issuer.jane(), own)
    assert refusal(unbound) == (401, "binding_required")
    assert unbound.headers["www-authenticate"].startswith('Bearer error="invalid_token", error_description="')
    key = DpopKey()
    url = f"https://127.0.0.1:{secure}/v1/x"
    both = issuer.jane(cnf={"x5t#S256": b64(hashlib.sha256(der).digest()), "jkt": key.thumbprint})
    assert refusal(get("/v1/x", both, own)) == (401, "bound_token_as_bearer")
    assert refusal(get("/v1/x", both, other, **key.headers("GET", url, both))) == (401, "certificate_mismatch")
    assert get("/v1/x", both, own, **key.headers("GET", url, both)).status_code == 200
    assert len(backend.requests) == 5


@pytest.mark.slow
def test_a_client_gets_a_nonce_and_keeps_to_it_across_replicas(start_gateway, backend, issuer, key, tmp_path):
    shared = tmp_path / "nonce.key"
    shared.write_text(base64.b64encode(uuid.uuid4().bytes + uuid.uuid4().bytes).decode())

    def start(**nonce):
        port = free_port()
        start_gateway(
            listeners=[{"address": f"127.0.0.1:{port}"}], issuers=issuer.section,
            upstreams=[{"name": "api", "endpoints": [backend.url]}],
            routes=[{"prefix": "/v1/", "upstream": "api", "dialect": "oauth", "sender_constrained": "dpop"}],
            dpop={"nonce": {"lifetime": "10s", **nonce}},
        )
        return f"http://127.0.0.1:{port}/v1/customers"

    replicas = [start(keys=[str(shared)]) for _ in range(2)]
    lone = start()
    token = issuer.jane(cnf={"jkt": key.thumbprint})

    with httpx.Client(trust_env=False) as client:
        def get(url, **claims):
            return client.get(url, headers=key.headers("GET", url, token, **claims))

        first = get(replicas[0])
        assert refusal(first) == (401, "dpop_nonce_required")
        assert first.headers["www-authenticate"].startswith('DPoP error="use_dpop_nonce", ')
        nonce = first.headers["dpop-nonce"]
        assert client.get(replicas[1]).headers["dpop-nonce"], "also without a token"
        assert [get(url, nonce=nonce).status_code for url in replicas] == [200, 200]
        assert refusal(get(lone, nonce=nonce)) == (401, "dpop_nonce_required"), "it has a key of its own"
        # As libraries do: a client keeps the latest nonce, and tries once more where it is asked to.
        tries, seen = [], {nonce}
        until = time.monotonic() + 22
        while time.monotonic() < until:
            answer = get(replicas[len(tries) % 2], nonce=nonce)
            tries.append(answer.status_code)
            nonce = answer.headers.get("dpop-nonce", nonce)
            seen.add(nonce)
            time.sleep(0.5)
        assert set(tries) == {200} and len(seen) >= 3, "permits give the next one in time"
        assert refusal(get(replicas[0], nonce=first.headers["dpop-nonce"])) == (401, "dpop_nonce_required")


def test_explain_tells_what_a_token_is_bound_to(gateway, issuer, key):
    def explain(token):
        return run("explain", "--config", str(gateway.config_file), "--path", "/v1/a", "--token-file", "-", stdin=token).stdout

    told = explain(issuer.jane(cnf={"jkt": key.thumbprint}))
    assert key.thumbprint in told and "each request has to show it" in told
    assert "bound to nothing" in explain(issuer.jane())
