"""Opaque tokens, with an issuer that says what they are: plain (RFC 7662), signed (RFC 9701), slow, and lying."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from test_sender_constrained import DpopKey

from support.gateway import run
from support.issuer import AUDIENCE
from support.tokens import Key, encode

SECRET = "the secret of the gateway"
SIGNED = "application/token-introspection+jwt"


class Endpoint:
    """An introspection endpoint. `known` has what it says of each token: claims, or a function that writes a response."""

    def __init__(self):
        self.known, self.questions, self.is_closed = {}, [], False
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/introspect"
        Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self):
        self.is_closed = True
        self._server.shutdown()
        self._server.server_close()

    def _handler(endpoint):  # noqa: N805 — `self` is the handler's below
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def say(self, body, kind="application/json", status=200, **fields):
                body = body if isinstance(body, bytes) else body.encode()
                self.send_response(status)
                for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **fields}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def do_GET(self):
                endpoint.questions.append(("GET", self.headers, {}))
                self.say('{"active": true}')

            def do_POST(self):
                if endpoint.is_closed:
                    self.close_connection = True
                    return
                form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
                form = {name: value for name, [value] in form.items()}
                endpoint.questions.append((form["token"], self.headers, form))
                said = endpoint.known.get(form["token"], {"active": False})
                said(self) if callable(said) else self.say(json.dumps(said))

            def log_message(self, *_args):
                pass

        return Handler


@pytest.fixture
def endpoint():
    endpoint = Endpoint()
    yield endpoint
    endpoint.close()


def claims(issuer, **changes) -> dict:
    """What an issuer says of Jane's token."""
    now = int(time.time())
    return {
        "active": True, "iss": issuer.url, "aud": AUDIENCE, "sub": "jane-7f1c", "client_id": "partner-portal",
        "scope": "user_impersonation", "token_type": "Bearer", "iat": now - 5, "exp": now + 600, "amr": ["pwd", "mfa"], **changes,
    }


@pytest.fixture
def start(start_gateway, issuer, backend, endpoint, tmp_path):
    def start(admin=None, **introspection):
        secret = tmp_path / "introspection-secret"
        secret.write_text(SECRET)
        way = {} if "private_key_file" in introspection else {"client_secret_file": str(secret)}
        asked = {"endpoint": endpoint.url, "client_id": "gateway", "cache": "4s", "timeout": "1s", **way, **introspection}
        return start_gateway(
            issuers=[{**issuer.section[0], "introspection": asked}],
            upstreams=[{"name": "api", "endpoints": [backend.url]}],
            routes=[{"prefix": "/v1/", "upstream": "api"}],
            admin=admin or {},
        )
    return start


CLIENT = httpx.Client(trust_env=False, timeout=20)


def call(gateway, token) -> httpx.Response:
    return CLIENT.get(f"{gateway.url}/v1/x", headers={"Authorization": f"Bearer {token}"})


def outcome(response):
    return response.status_code, "" if response.status_code == 200 else response.json()["reason"]


def test_an_opaque_token_is_asked_about_once_and_ends_within_the_cache(start, endpoint, issuer, backend):
    gateway = start()
    endpoint.known["opaque-jane"] = claims(issuer)
    endpoint.known["opaque-john"] = claims(issuer, amr=["pwd"])
    with ThreadPoolExecutor(20) as pool:
        assert {response.status_code for response in pool.map(lambda _: call(gateway, "opaque-jane"), range(60))} == {200}
    assert len(backend.requests) == 60
    [(token, fields, form)] = endpoint.questions
    assert (token, form["token_type_hint"]) == ("opaque-jane", "access_token")
    assert fields["Authorization"].startswith("Basic ") and fields["Accept"] == "application/json"
    assert outcome(call(gateway, "opaque-john")) == (401, "mfa_missing")
    assert outcome(call(gateway, "of-nobody")) == (401, "token_inactive")
    assert call(gateway, "of-nobody").headers["www-authenticate"].startswith('Bearer error="invalid_token"')
    endpoint.known["opaque-jane"] = {"active": False}
    time.sleep(4.1)
    assert outcome(call(gateway, "opaque-jane")) == (401, "token_inactive")
    # A JWT of the issuer is verified as ever, and shown to nobody.
    assert outcome(call(gateway, issuer.jane())) == (200, "")
    assert {question[0] for question in endpoint.questions} == {"opaque-jane", "opaque-john", "of-nobody"}
    assert "opaque-" not in gateway.log.read_text() and SECRET not in gateway.log.read_text()


def test_an_issuer_that_fails_lies_or_is_slow_means_503_and_nothing_else(start, endpoint, issuer, backend):
    gateway = start()
    good = json.dumps(claims(issuer))
    elsewhere = endpoint.url.replace("introspect", "elsewhere")
    odd = {
        "error": lambda at: at.say(good, status=500),
        "not-authorized": lambda at: at.say('{"error": "invalid_client"}', status=401),
        "redirect": lambda at: at.say(good, status=307, Location=elsewhere),
        "see-other": lambda at: at.say(good, status=303, Location=elsewhere),
        "page": lambda at: at.say(good, "text/html"),
        "empty": lambda at: at.say(""),
        "text": lambda at: at.say(json.dumps(claims(issuer, active="true"))),
        "number": lambda at: at.say(json.dumps(claims(issuer, active=1))),
        "list": lambda at: at.say(f"[{good}]"),
        "twice": lambda at: at.say(good.replace('"active": true', '"active": false, "active": true')),
        "huge": lambda at: at.say(b" " * (1 << 20) + good.encode()),
        "slow": lambda at: (time.sleep(1.5), at.say(good)),
        "cut-off": lambda at: (at.say(good, **{"Content-Length": str(len(good) + 9)}), setattr(at, "close_connection", True)),
    }
    for token, says in odd.items():
        endpoint.known[token] = says
        response = call(gateway, token)
        assert outcome(response) == (503, "introspection_unavailable"), token
        assert response.headers["retry-after"] == "5" and "www-authenticate" not in response.headers, token
    assert all(question[0] != "GET" for question in endpoint.questions), "no redirect is followed"
    endpoint.known["error"] = claims(issuer)
    assert outcome(call(gateway, "error")) == (200, ""), "no failure is remembered"
    endpoint.close()
    assert outcome(call(gateway, "another")) == (503, "introspection_unavailable")
    assert outcome(call(gateway, "error")) == (200, ""), "what was said counts meanwhile"
    assert len(backend.requests) == 2


def test_a_signed_response_counts_only_as_what_was_asked_for(start, endpoint, issuer):
    gateway = start(response="jwt")

    def signed(content=None, typ="token-introspection+jwt", key=None, **changes):
        key = key or issuer.key
        whole = {"iss": issuer.url, "aud": "gateway", "iat": int(time.time()), "token_introspection": content or claims(issuer), **changes}
        return encode({"alg": "RS256", "typ": typ, "kid": issuer.key.id}, whole, key.sign)

    endpoint.known["good"] = lambda at: at.say(signed(), SIGNED)
    assert outcome(call(gateway, "good")) == (200, "")
    assert endpoint.questions[0][1]["Accept"] == SIGNED
    for what, body, kind in [
        ("plain", json.dumps(claims(issuer)), "application/json"),
        ("plain-as-signed", json.dumps(claims(issuer)), SIGNED),
        ("access-token", issuer.jane(), SIGNED),
        ("typ", signed(typ="JWT"), SIGNED),
        ("key", signed(key=Key()), SIGNED),
        ("iss", signed(iss="https://elsewhere.example/"), SIGNED),
        ("aud", signed(aud="another"), SIGNED),
        ("content", signed(token_introspection="x", active=True), SIGNED),
        ("active", signed(claims(issuer, active="yes")), SIGNED),
    ]:
        endpoint.known[what] = lambda at, body=body, kind=kind: at.say(body, kind)
        assert outcome(call(gateway, what)) == (503, "introspection_unavailable"), what
    endpoint.known["ended"] = lambda at: at.say(signed({"active": False}), SIGNED)
    assert outcome(call(gateway, "ended")) == (401, "token_inactive")
    assert outcome(call(gateway, signed())) == (401, "token_type_not_accepted"), "it is no access token"


def test_an_opaque_token_that_is_bound_needs_its_key(start, endpoint, issuer, backend):
    gateway, key = start(), DpopKey()
    bound = {"token_type": "DPoP", "cnf": {"jkt": key.thumbprint}}
    endpoint.known |= {
        "bound": claims(issuer, **bound), "keyless": claims(issuer, token_type="DPoP"),
        "odd": claims(issuer, cnf={"jwk": {"kty": "EC"}}),
    }
    url = f"{gateway.url}/v1/x"
    for _ in range(2):
        assert httpx.get(url, headers=key.headers("GET", url, "bound"), trust_env=False).status_code == 200
        assert outcome(call(gateway, "bound")) == (401, "bound_token_as_bearer")
        assert outcome(httpx.get(url, headers=DpopKey().headers("GET", url, "bound"), trust_env=False)) == (401, "dpop_key_mismatch")
    for token in ("keyless", "odd"):
        assert outcome(call(gateway, token)) == (401, "binding_unknown"), token
    assert len(backend.requests) == 2


def test_a_client_with_a_private_key_asks_with_an_assertion(start, endpoint, issuer, tmp_path):
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    file = tmp_path / "client.pem"
    file.write_bytes(private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ))
    gateway = start(private_key_file=str(file), key_id="k", assertion_audience="issuer")
    endpoint.known["opaque"] = claims(issuer)
    assert outcome(call(gateway, "opaque")) == (200, "")
    [(_, fields, form)] = endpoint.questions
    assert "Authorization" not in fields and form["client_id"] == "gateway"
    assert form["client_assertion_type"].endswith(":jwt-bearer") and form["client_assertion"].count(".") == 2


def test_invented_tokens_cost_the_issuer_no_more_than_so_many_questions(start, endpoint, issuer):
    gateway = start(requests_per_second=5, cache="1m")
    endpoint.known["known"] = claims(issuer)
    assert outcome(call(gateway, "known")) == (200, "")
    with ThreadPoolExecutor(10) as pool:
        began = time.monotonic()
        codes = [response.status_code for response in pool.map(lambda at: call(gateway, f"invented-{at}"), range(60))]
        seconds = int(time.monotonic() - began) + 2
    assert set(codes) <= {401, 503} and codes.count(503) > 0
    assert len(endpoint.questions) <= 1 + 5 * seconds
    assert outcome(call(gateway, "known")) == (200, ""), "one that is remembered doesn't notice"


def test_explain_asks_the_issuer_and_check_names_what_is_wrong(start, endpoint, issuer, tmp_path):
    operators = tmp_path / "operators"
    operators.write_text("an-operator-token-of-some-length-0123456789")
    gateway = start(admin={"authentication": {"token_file": str(operators)}})
    endpoint.known["opaque"] = claims(issuer, amr=["pwd"])
    login = {"Authorization": f"Bearer {operators.read_text()}"}
    answer = CLIENT.post(f"{gateway.admin_url}/explain", json={"path": "/v1/x", "token": "opaque"}, headers=login)
    assert answer.status_code == 200 and "mfa_missing" in answer.text, answer.text
    wrong = gateway.config_file.with_name("wrong.yaml")
    wrong.write_text(gateway.config_file.read_text().replace("client_id: gateway", "client_id: gateway\n    authentication: none"))
    checked = run("check", "--config", str(wrong))
    assert checked.returncode != 0 and "issuers[0].introspection.authentication" in checked.stdout + checked.stderr
