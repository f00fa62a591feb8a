"""What is not a valid token is refused before anyone asks about MFA, and the backend never hears of it."""

import time

import pytest

from support.curl import curl
from support.http1 import call
from support.issuer import AUDIENCE
from support.tokens import Key, hs256, unsigned


def is_refused_as_invalid(response, backend):
    assert response.status == 401
    assert response.fields.one("WWW-Authenticate") == 'Bearer error="invalid_token"'
    assert response.status_line.split(" ", 2)[2] == "Unauthorized"
    assert b"mfa" not in response.body.lower().replace(b"mfa-gateway", b"")
    assert backend.saw_nothing


WRONG = {
    "expired": lambda issuer: issuer.jane(exp=int(time.time()) - 3600),
    "expired, and without mfa": lambda issuer: issuer.john(exp=int(time.time()) - 3600),
    "not yet valid": lambda issuer: issuer.jane(nbf=int(time.time()) + 3600),
    "without expiry": lambda issuer: issuer.token({"sub": "jane", "amr": ["mfa"]}, drop=["exp"]),
    "expiry as text": lambda issuer: issuer.jane(exp=str(int(time.time()) + 600)),
    "of another audience": lambda issuer: issuer.jane(aud="api://other"),
    "of our audience in another case": lambda issuer: issuer.jane(aud=AUDIENCE.upper()),
    "without audience": lambda issuer: issuer.token({"sub": "jane", "amr": ["mfa"]}, drop=["aud"]),
    "of another issuer": lambda issuer: issuer.jane(iss="https://login.litware.example/"),
    "of our issuer without its slash": lambda issuer: issuer.jane(iss=issuer.url.rstrip("/")),
    "issuer as an array": lambda issuer: issuer.jane(iss=[issuer.url]),
    "forged with another key under our key's id": lambda issuer: issuer.token(
        {"sub": "jane", "amr": ["mfa"]}, sign=Key().sign),
    "with a changed signature": lambda issuer: issuer.jane()[:-8] + "AAAAAAAA",
    "without signature": lambda issuer: issuer.jane().rsplit(".", 1)[0] + ".",
    "alg none": lambda issuer: issuer.token({"sub": "jane", "amr": ["mfa"]}, {"alg": "none"}, unsigned),
    "alg None": lambda issuer: issuer.token({"sub": "jane", "amr": ["mfa"]}, {"alg": "None"}, unsigned),
    "HS256 with the public key": lambda issuer: issuer.token(
        {"sub": "jane", "amr": ["mfa"]}, {"alg": "HS256"}, hs256(issuer.key.public_pem())),
    "with its own key inside": lambda issuer: own_key_inside(issuer),
    "with a critical extension": lambda issuer: issuer.token(
        {"sub": "jane", "amr": ["mfa"]}, {"crit": ["exp"], "exp": 1}),
    "of another type": lambda issuer: issuer.token({"sub": "jane", "amr": ["mfa"]}, {"typ": "dpop+jwt"}),
    "with padding": lambda issuer: issuer.jane() + "==",
    "in four parts": lambda issuer: issuer.jane() + ".e30",
    "not a token": lambda issuer: "not-a-token",
    "just dots": lambda issuer: "..",
}


def own_key_inside(issuer) -> str:
    key = Key()
    return issuer.token({"sub": "jane", "amr": ["mfa"]}, {"jwk": key.jwk(), "kid": key.id}, key.sign)


@pytest.mark.parametrize("kind", WRONG)
def test_an_invalid_token_is_refused_without_a_word_of_mfa(gateway, issuer, backend, kind):
    is_refused_as_invalid(call(gateway.port, "/v1/customers", WRONG[kind](issuer)), backend)


@pytest.mark.parametrize("kind", ["expired", "forged with another key under our key's id", "alg none"])
def test_an_invalid_token_is_refused_over_http2_just_so(gateway, issuer, backend, kind):
    response = curl(
        "--http2-prior-knowledge", "-H", f"Authorization: Bearer {WRONG[kind](issuer)}", f"{gateway.url}/v1/customers"
    )
    assert response.status == 401
    assert response.fields.one("WWW-Authenticate") == 'Bearer error="invalid_token"'
    assert b"mfa" not in response.body.lower().replace(b"mfa-gateway", b"")
    assert backend.saw_nothing


def test_no_token_gets_a_bare_challenge(gateway, backend):
    response = call(gateway.port, "/v1/customers")
    assert response.status_line == "HTTP/1.1 401 Unauthorized"
    assert response.fields.one("WWW-Authenticate") == "Bearer"
    assert backend.saw_nothing


ELSEWHERE = {
    "query": ("/v1/customers?access_token={}", []),
    "cookie": ("/v1/customers", [("Cookie", "access_token={}")]),
    "another field": ("/v1/customers", [("X-Authorization", "Bearer {}")]),
    "underscored field": ("/v1/customers", [("X_Authorization", "Bearer {}")]),
    "proxy field": ("/v1/customers", [("Proxy-Authorization", "Bearer {}")]),
    "another scheme": ("/v1/customers", [("Authorization", "Token {}")]),
    "no scheme": ("/v1/customers", [("Authorization", "{}")]),
    "two fields": ("/v1/customers", [("Authorization", "Bearer {}"), ("Authorization", "Bearer {}")]),
    "two tokens": ("/v1/customers", [("Authorization", "Bearer {}, Bearer {}")]),
    "quotes": ("/v1/customers", [("Authorization", 'Bearer "{}"')]),
}


@pytest.mark.parametrize("place", ELSEWHERE)
def test_a_token_counts_only_in_one_authorization_field(gateway, issuer, backend, place):
    target, headers = ELSEWHERE[place]
    token = issuer.jane()
    headers = [(name, value.replace("{}", token)) for name, value in headers]
    response = call(gateway.port, target.format(token), headers=headers)
    assert response.status in (400, 401)
    assert backend.saw_nothing


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_may_be_in_any_letter_case(gateway, issuer, backend, scheme):
    headers = [("Authorization", f"{scheme} {issuer.jane()}")]
    assert call(gateway.port, "/v1/customers", headers=headers).status == 200


@pytest.mark.parametrize("claims", [
    {}, {"aud": ["api://other", AUDIENCE]}, {"exp": time.time() + 600.5}, {"tags": ["x"] * 1150},
], ids=["plain", "several audiences", "fractional expiry", "8 KB"])
def test_valid_tokens_pass_in_all_their_forms(gateway, issuer, backend, claims):
    assert call(gateway.port, "/v1/customers", issuer.jane(**claims)).status == 200
    assert backend.only_request.target == "/v1/customers"


def test_an_application_without_a_user_needs_no_mfa(gateway, issuer, backend):
    assert call(gateway.port, "/v1/customers", issuer.daemon()).status == 200


@pytest.mark.parametrize("claims", [
    {"sub": "somebody"}, {"preferred_username": "john@fabrikam.example"}, {"idtyp": "user"}, {"sub": None},
], ids=str)
def test_what_is_not_surely_an_application_counts_as_a_user(gateway, issuer, backend, claims):
    assert call(gateway.port, "/v1/customers", issuer.daemon(**claims)).status == 401
    assert backend.saw_nothing


def test_a_new_key_works_within_ten_seconds_and_the_old_one_goes_on(start_gateway, issuer, backend):
    gateway = start_gateway(
        upstreams=[{"name": "partner-api", "endpoints": [backend.url]}],
        routes=[{"prefix": "/v1/", "upstream": "partner-api"}],
    )
    before = issuer.jane()
    assert call(gateway.port, "/v1/customers", before).status == 200
    issuer.rotate()
    end = time.monotonic() + 10
    while (status := call(gateway.port, "/v1/customers", issuer.jane()).status) != 200 and time.monotonic() < end:
        time.sleep(0.1)
    assert status == 200
    assert call(gateway.port, "/v1/customers", before).status == 200


def test_forged_key_ids_do_not_make_the_gateway_fetch_keys_each_time(start_gateway, issuer, backend):
    gateway = start_gateway(
        upstreams=[{"name": "partner-api", "endpoints": [backend.url]}],
        routes=[{"prefix": "/v1/", "upstream": "partner-api"}],
    )
    fetched = issuer.fetches["/keys"]
    for _ in range(3):
        stranger = Key()
        for number in range(20):
            forged = issuer.token({"sub": "jane"}, {"kid": f"{stranger.id}-{number}"}, stranger.sign)
            is_refused_as_invalid(call(gateway.port, "/v1/customers", forged), backend)
    assert issuer.fetches["/keys"] - fetched <= 3
    assert call(gateway.port, "/v1/customers", issuer.jane()).status == 200
