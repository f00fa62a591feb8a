"""The control: the providers and the visitor work with no gateway between them, so a failure elsewhere is its own."""

from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from authlib.common.security import generate_token
from authlib.integrations.requests_client import OAuth2Session
from joserfc import jwk, jwt

from support import certified, identity_provider
from support.certified import Certified
from support.identity_provider import CLIENT_ID, CLIENT_SECRET, JOHN, STEP_UP
from support.people import PEOPLE, go_through
from support.visitor import Visitor, parse_set_cookie, refused

REDIRECT_URI = "https://localhost:9/.mfa-gateway/callback"


def client(credentials) -> OAuth2Session:
    # Authlib doesn't encode a secret for `client_secret_basic`, and the one of the tests' provider needs it.
    method = "client_secret_post" if credentials is identity_provider else "client_secret_basic"
    return OAuth2Session(
        credentials.CLIENT_ID, credentials.CLIENT_SECRET, scope="openid profile offline_access", redirect_uri=REDIRECT_URI,
        code_challenge_method="S256", token_endpoint_auth_method=method,
    )


def claims_of(session: OAuth2Session, metadata: dict, back: str, verifier: str) -> dict:
    token = session.fetch_token(metadata["token_endpoint"], authorization_response=back, code_verifier=verifier)
    keys = jwk.KeySet.import_key_set(httpx.get(metadata["jwks_uri"]).json())
    return jwt.decode(token["id_token"], keys, algorithms=["RS256"]).claims


@pytest.fixture(scope="module")
def certified_provider():
    provider = Certified("https://localhost:9", PEOPLE)
    yield provider
    provider.close()


def test_a_client_of_another_project_signs_in_at_the_tests_provider(provider):
    metadata = httpx.get(f"{provider.url}.well-known/openid-configuration").json()
    session, verifier = client(identity_provider), generate_token(48)
    url, state = session.create_authorization_url(metadata["authorization_endpoint"], code_verifier=verifier, nonce="n-1")
    back = Visitor().open(url, stop_at=REDIRECT_URI).location
    assert parse_qs(urlsplit(back).query)["iss"] == [provider.url]
    claims = claims_of(session, metadata, back, verifier)
    assert (claims["amr"], claims["aud"], claims["nonce"]) == (["pwd", "mfa"], CLIENT_ID, "n-1")
    refreshed = session.refresh_token(metadata["token_endpoint"], session.token["refresh_token"])
    assert refreshed["id_token"]


def test_the_tests_provider_notes_what_a_strict_one_refuses(provider):
    wrong = [("client_id", CLIENT_ID), ("client_id", CLIENT_ID), ("redirect_uri", REDIRECT_URI), ("scope", "profile")]
    Visitor().open(str(httpx.URL(f"{provider.url}authorize", params=wrong)), stop_at=REDIRECT_URI)
    answer = httpx.post(f"{provider.url}token", data={"code": "x", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET})
    assert answer.json() == {"error": "invalid_grant"}
    heard = "\n".join(provider.complaints)
    for fault in ("a parameter twice", "response_type", "code_challenge_method", "no state", "no nonce", "no openid", "unknown code"):
        assert fault in heard, heard
    provider.complaints.clear()


def test_john_does_mfa_only_on_request_and_registers_once(certified_provider):
    metadata = httpx.get(f"{certified_provider.url}/.well-known/openid-configuration").json()
    browser = Visitor()
    seen = []
    for acr in ({}, {"acr_values": STEP_UP}, {"acr_values": STEP_UP, "prompt": "login"}):
        session, verifier = client(certified), generate_token(48)
        url, _ = session.create_authorization_url(metadata["authorization_endpoint"], code_verifier=verifier, nonce="n", **acr)
        back, titles = go_through(browser, url, "john", REDIRECT_URI)
        seen.append((titles, claims_of(session, metadata, back, verifier)["amr"]))
    assert seen == [
        (["Sign in"], ["pwd"]),
        (["More information required", "Approve the sign-in of John"], ["pwd", "mfa"]),
        (["Sign in", "Approve the sign-in of John"], ["pwd", "mfa"]),
    ]
    assert not any(event.endswith("error") for event in certified_provider.counts), certified_provider.output


def test_a_visitor_keeps_cookies_as_browsers_do():
    https, http = urlsplit("https://localhost:1/"), urlsplit("http://a.example:1/")
    for line, url, kept in [
        ("__Host-a=1; Secure; Path=/; HttpOnly", https, True), ("__Host-a=1; Secure; Path=/a", https, False),
        ("__Host-a=1; Secure; Path=/; Domain=localhost", https, False), ("__HOST-a=1; Path=/", https, False),
        ("a=1; Secure", http, False), ("a=1", http, True), (f"a={'x' * 4100}", https, False),
    ]:
        assert (refused(*parse_set_cookie(line), url) is None) == kept, line
    visitor = Visitor()
    visitor.plant("lax", "1", samesite="Lax")
    visitor.plant("strict", "1", samesite="Strict")
    visitor.plant("below", "1", path="/below/")
    url = "https://localhost:1/a"
    assert set(visitor.cookies_for(url)) == {"lax", "strict"}
    assert set(visitor.cookies_for(url, site="cross-site")) == {"lax"}
    assert set(visitor.cookies_for(url, "POST", "cross-site")) == set()


def test_the_people_of_both_providers_are_the_same():
    assert {name: person["claims"]["groups"] for name, person in PEOPLE.items()}["john"] == JOHN["groups"]
