"""A certified-grade OIDC client library signs people in at the demo's identity provider."""

import time
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from authlib.common.security import generate_token
from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwk, jwt

# The applications that the demo's provider knows, as its users are told them.
CLIENT_ID = "23ec45a3-5127-4185-9eff-c8887839e6ab"
DAEMON_ID, DAEMON_SECRET = "9f7a1c52-3b0e-4c55-8d1a-6f0a2d9be7c4", "demo-only-secret"
REDIRECT_URI = "http://127.0.0.1:8400/callback"


@dataclass
class SignIn:
    client: OAuth2Session
    nonce: str
    token: dict


class Provider:
    def __init__(self, demo):
        self.demo = demo
        self.metadata = demo.discovery

    def authorize(self, who: str, client: OAuth2Session, verifier: str, nonce: str) -> str:
        """Sends the person to the provider and returns where it sends them back to."""
        url, _state = client.create_authorization_url(
            self.metadata["authorization_endpoint"], code_verifier=verifier, nonce=nonce, login_hint=who
        )
        answer = httpx.get(url)
        assert answer.is_redirect, answer.text
        return answer.headers["Location"]

    def client(self) -> OAuth2Session:
        return OAuth2Session(
            CLIENT_ID, scope="openid profile offline_access", redirect_uri=REDIRECT_URI,
            code_challenge_method="S256", token_endpoint_auth_method="none",
        )

    def sign_in(self, who: str) -> SignIn:
        client, verifier, nonce = self.client(), generate_token(48), generate_token(20)
        back = self.authorize(who, client, verifier, nonce)
        token = client.fetch_token(
            self.metadata["token_endpoint"], authorization_response=back, code_verifier=verifier
        )
        return SignIn(client, nonce, token)

    def refresh(self, sign_in: SignIn) -> dict:
        return sign_in.client.refresh_token(self.metadata["token_endpoint"], sign_in.token["refresh_token"])

    def app_only(self, auth_method: str = "client_secret_basic") -> dict:
        client = OAuth2Session(DAEMON_ID, DAEMON_SECRET, token_endpoint_auth_method=auth_method)
        return client.fetch_token(self.metadata["token_endpoint"], grant_type="client_credentials")

    def key_set(self) -> jwk.KeySet:
        return jwk.KeySet.import_key_set(httpx.get(self.metadata["jwks_uri"]).json())

    def through_the_gateway(self, token: dict) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token['access_token']}"}
        return httpx.get(f"{self.demo.gateway_url}/v1/customers", headers=headers)


@pytest.fixture
def provider(demo):
    return Provider(demo)


def test_discovery_names_its_own_issuer_and_what_the_client_needs(provider):
    assert provider.metadata["issuer"].rstrip("/") == provider.demo.issuer_url
    assert "S256" in provider.metadata["code_challenge_methods_supported"]
    wanted = {"authorization_code", "refresh_token", "client_credentials"}
    assert wanted <= set(provider.metadata["grant_types_supported"])


def test_the_id_token_verifies_against_the_published_keys(provider):
    sign_in = provider.sign_in("jane")
    token = jwt.decode(sign_in.token["id_token"], provider.key_set(), algorithms=["RS256"])
    options = {
        "iss": {"values": [provider.metadata["issuer"]]}, "aud": {"values": [CLIENT_ID]},
        "nonce": {"value": sign_in.nonce}, "sub": {"essential": True},
    }
    params = {"client_id": CLIENT_ID, "nonce": sign_in.nonce, "access_token": sign_in.token["access_token"]}
    CodeIDToken(token.claims, token.header, options, params).validate(leeway=5)
    assert "mfa" in token.claims["amr"]


@pytest.mark.parametrize(("who", "status"), [("jane", 200), ("trent", 200), ("john", 401)])
def test_only_who_signed_in_with_mfa_gets_through(provider, who, status):
    answer = provider.through_the_gateway(provider.sign_in(who).token)
    assert answer.status_code == status
    assert answer.reason_phrase == ("OK" if status == 200 else "Unauthorized - MFA required")


def test_a_refreshed_token_keeps_the_mfa_of_the_sign_in(provider):
    sign_in = provider.sign_in("jane")
    refreshed = provider.refresh(sign_in)
    assert refreshed["access_token"] != sign_in.token["access_token"]
    assert provider.through_the_gateway(refreshed).status_code == 200


def test_a_refresh_does_not_make_up_mfa_that_never_happened(provider):
    answer = provider.through_the_gateway(provider.refresh(provider.sign_in("john")))
    assert (answer.status_code, answer.json()["code"]) == (401, "900421")


@pytest.mark.parametrize("auth_method", ["client_secret_basic", "client_secret_post"])
def test_an_application_without_a_user_gets_through(provider, auth_method):
    assert provider.through_the_gateway(provider.app_only(auth_method)).status_code == 200


def test_an_id_token_is_not_an_access_token(provider):
    sign_in = provider.sign_in("jane")
    answer = provider.through_the_gateway({"access_token": sign_in.token["id_token"]})
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, 'Bearer error="invalid_token"')


def test_a_code_is_worth_nothing_without_the_verifier(provider):
    client, verifier = provider.client(), generate_token(48)
    back = provider.authorize("jane", client, verifier, "n-1")
    with pytest.raises(OAuthError, match="invalid_grant"):
        client.fetch_token(
            provider.metadata["token_endpoint"], authorization_response=back, code_verifier=generate_token(48)
        )


def test_a_code_works_once(provider):
    client, verifier = provider.client(), generate_token(48)
    back = provider.authorize("jane", client, verifier, "n-2")
    redeem = {"authorization_response": back, "code_verifier": verifier}
    client.fetch_token(provider.metadata["token_endpoint"], **redeem)
    with pytest.raises(OAuthError, match="invalid_grant"):
        provider.client().fetch_token(
            provider.metadata["token_endpoint"], code=parse_qs(urlsplit(back).query)["code"][0], code_verifier=verifier
        )


def test_a_login_hint_signs_in_at_once(provider):
    url, _state = provider.client().create_authorization_url(
        provider.metadata["authorization_endpoint"], code_verifier=generate_token(48), login_hint="jane"
    )
    assert httpx.get(url).status_code == 303


def test_the_state_and_the_challenge_are_taken_as_sent(provider):
    client, verifier = provider.client(), generate_token(48)
    url, state = client.create_authorization_url(
        provider.metadata["authorization_endpoint"], code_verifier=verifier, login_hint="jane", state="a b&c=d"
    )
    assert f"code_challenge={create_s256_code_challenge(verifier)}" in url
    location = urlsplit(httpx.get(url).headers["Location"])
    assert location._replace(query="").geturl() == REDIRECT_URI
    assert parse_qs(location.query)["state"] == [state]


def test_a_wrong_client_secret_is_refused(provider):
    client = OAuth2Session(DAEMON_ID, "wrong")
    with pytest.raises(OAuthError, match="invalid_client"):
        client.fetch_token(provider.metadata["token_endpoint"], grant_type="client_credentials")


def test_after_a_rotation_new_tokens_work_within_ten_seconds_and_old_ones_still_do(provider):
    before = provider.app_only()
    assert httpx.post(f"{provider.demo.issuer_url}/rotate").is_success
    after = provider.app_only()
    keys = provider.key_set()
    kids = [jwt.decode(token["access_token"], keys, algorithms=["RS256"]).header["kid"] for token in (before, after)]
    assert kids[0] != kids[1]
    end = time.monotonic() + 10
    while (status := provider.through_the_gateway(after).status_code) != 200 and time.monotonic() < end:
        time.sleep(0.2)
    assert status == 200
    assert provider.through_the_gateway(before).status_code == 200
